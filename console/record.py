"""Changes to a record while no trader runs: what the next start will find (KC-4, KC-6).

The record is opened as its writer, lease included, so that this cannot happen beside a trader. The
events go to the system journal of the newest run, just after the time at which that run stands. A
kill stands there as accepted and not done: the next trader starts at its level and carries it out.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from actors.arming import STREAM
from console.reader import RecordReader
from storage.sqlite import SqliteRecord, open_record
from trading.controls import CONTROLS, ControlKind
from trading.errors import HoldfastError, SafetyRefusedError, SetupError
from trading.ports import Claim, Durable, Outcome, Request, RunInfo, StagedEvent
from trading.run_options import Mode

_SYSTEM: Final = "system"
_TERMINAL: Final = '["FILLED", "CANCELLED", "REJECTED", "EXPIRED", "NOT_SENT"]'


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for a change, why, and under which id."""

    id: str
    reason: str
    by: str


def latch_kill(data_dir: Path, level: str, asked: Asked) -> str:
    """Latch a kill, so that the next trader starts killed.

    Returns:
        The level that is latched now: a higher one that was there before stays.

    Raises:
        HoldfastError: There is no run, a trader holds the record, or it cannot be written.
    """
    with _written(data_dir) as writer:
        body = {"kill_id": asked.id, "level": level, "reason": asked.reason, "author": asked.by}
        claim = Claim(name="kill", key=asked.id)
        writer.write(_SYSTEM, "KillAccepted", f"kill/{asked.id}", body, claim)
        return writer.record.kill_level()


def lift_kill(data_dir: Path, asked: Asked, *, rearm: bool) -> str:
    """Lift the latched kill.

    Returns:
        The level that it was.

    Raises:
        SafetyRefusedError: It has not been carried out, or an EMERGENCY without `rearm`.
        HoldfastError: As `latch_kill`.
    """
    with _written(data_dir) as writer:
        old = writer.record.kill_level()
        _refuse_to_lift(old, writer.open_count(), rearm=rearm)
        for kill_id in writer.unfinished_kills():
            done = {"kill_id": kill_id, "cancelled": 0, "closed": 0, "failed": 0, "remaining": 0}
            writer.write(_SYSTEM, "KillDone", f"kill/{kill_id}", done)
        lifted = {
            "kill_id": asked.id,
            "old": old,
            "new": "NONE",
            "reason": asked.reason,
            "author": asked.by,
            "at_ns": writer.at_ns,
        }
        for journal_id in writer.accounts():
            writer.write(journal_id, "KillLevelChanged", f"kill/{asked.id}", lifted)
        return old


def _refuse_to_lift(level: str, open_count: int, *, rearm: bool) -> None:
    if level == "EMERGENCY" and not rearm:
        raise SafetyRefusedError("an EMERGENCY is lifted only with --rearm (KC-1)")
    if level in {"FLATTEN", "EMERGENCY"} and open_count:
        raise SafetyRefusedError(
            f"the {level} is not finished: {open_count} orders and positions of the newest run are "
            "open; `holdfast run --recover` finishes it (KC-2)"
        )


def set_control(data_dir: Path, name: str, value: Any, asked: Asked) -> Any:
    """Set a control for the next start; `value` has passed `parse_control`.

    An action, such as clear_halts, is done once by a trader and not kept for the next.

    Returns:
        The value that it had, None when it was as configured.

    Raises:
        HoldfastError: As `latch_kill`.
    """
    if CONTROLS[name].kind is ControlKind.ACTION:
        raise SetupError(f"{name} is done by a running trader, and none runs on {data_dir}")
    with _written(data_dir) as writer:
        before = writer.record.controls().get(name)
        old = "null" if before is None else before.value
        changed = {
            "name": name,
            "old": old,
            "new": orjson.dumps(value).decode(),
            "author": asked.by,
            "reason": asked.reason,
        }
        writer.write(_SYSTEM, "ControlChanged", f"control/{name}", changed)
        return orjson.loads(old)


def write_arming(data_dir: Path, kind: str, body: dict[str, Any]) -> None:
    """Journal that somebody armed LIVE, or took it back; a record without a run gets one (BR-7).

    Raises:
        HoldfastError: A trader holds the record, or it cannot be written.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_a_run(data_dir, body)
    with _written(data_dir) as writer:
        writer.write(_SYSTEM, kind, STREAM, body)


def _require_a_run(data_dir: Path, body: dict[str, Any]) -> None:
    record = open_record(data_dir)
    try:
        if record.last_run() is None:
            at_ns = body["at_ns"]
            record.begin_run(
                mode=Mode.LIVE, config_hash="", source="armed, not started", started_ns=at_ns
            )
            record.end_run(ended_ns=at_ns, is_clean=True)
    finally:
        record.close()


def controls(data_dir: Path) -> list[dict[str, Any]]:
    """The controls as they are durable."""
    with RecordReader(data_dir) as reader:
        rows = reader.rows("SELECT * FROM runtime_controls ORDER BY name")
    return [{**row, "value": orjson.loads(row["value"])} for row in rows]


class _Writer:
    """The newest run of an open record, taken up for a moment."""

    def __init__(self, record: SqliteRecord, info: RunInfo) -> None:
        self.record = record
        self._outcomes: list[Outcome] = []
        record.deliver_to(self._outcomes.append)
        self._run = record.resume_run(info.run).run
        ((newest_ns,),) = record.query(
            "SELECT coalesce(max(at_ns), 0) FROM journal WHERE run = :run", {"run": self._run}
        )
        self.at_ns: int = newest_ns + 1

    def accounts(self) -> Sequence[str]:
        """Journals that hold a latched level, and those of the newest run's accounts."""
        rows = self.record.query(
            """SELECT DISTINCT journal_id FROM journal
                WHERE run = :run AND journal_id LIKE 'account:%'
            UNION SELECT journal_id FROM kill_levels WHERE level <> 'NONE' ORDER BY journal_id""",
            {"run": self._run},
        )
        return [journal_id for (journal_id,) in rows]

    def unfinished_kills(self) -> list[str]:
        """Kills that were accepted and never reported as done."""
        rows = self.record.query(
            "SELECT kill_id FROM kill_commands WHERE finished_ns IS NULL ORDER BY accepted_ns", {}
        )
        return [kill_id for (kill_id,) in rows]

    def open_count(self) -> int:
        """Orders and positions of the newest run that have not ended."""
        ((found,),) = self.record.query(
            """SELECT (SELECT count(*) FROM positions WHERE run = :run AND phase <> 'CLOSED')
            + (SELECT count(*) FROM orders WHERE run = :run
                AND state NOT IN (SELECT value FROM json_each(:terminal)))""",
            {"run": self._run, "terminal": _TERMINAL},
        )
        return int(found)

    def write(
        self,
        journal_id: str,
        kind: str,
        stream: str,
        body: dict[str, Any],
        claim: Claim | None = None,
    ) -> None:
        """Make one event durable."""
        event = StagedEvent(stream=stream, kind=kind, at_ns=self.at_ns, payload=orjson.dumps(body))
        claims = () if claim is None else (claim,)
        self.record.stage(
            Request(journal_id=journal_id, events=(event,), claims=claims, token=kind)
        )
        self.record.settle()
        if not isinstance(self._outcomes[-1], Durable):
            raise HoldfastError(f"the record refused {kind}: {self._outcomes[-1]}")


@contextmanager
def _written(data_dir: Path) -> Iterator[_Writer]:
    """Open, take up the newest run, and leave it ended or cut off as it was."""
    with RecordReader(data_dir) as reader:
        info = reader.newest_run()  # before anything is created in a directory without a record
    record = open_record(data_dir)
    try:
        writer = _Writer(record, info)
        try:
            yield writer
        finally:
            if info.ended_ns is not None:
                record.end_run(ended_ns=info.ended_ns, is_clean=info.is_clean)
    finally:
        record.close()
