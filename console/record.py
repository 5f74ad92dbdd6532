"""Changes to a record while no trader runs: what the next start will find (KC-4, KC-6).

The record is opened as its writer, lease included, so that this cannot happen beside a trader. The
events go to the newest run, at the time at which that run stands: a run that was cut off goes on
with them, and a new one starts from the level and the controls that are latched.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from console.reader import RecordReader
from storage.sqlite import SqliteRecord, open_record
from trading.errors import HoldfastError, SafetyRefusedError
from trading.ports import Claim, Durable, Outcome, Request, RunInfo, StagedEvent

_SYSTEM: Final = "system"
_RANKS: Final = {"NONE": 0, "PAUSE": 1, "FLATTEN": 2, "EMERGENCY": 3}


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
        old = writer.record.kill_level()
        new = max(old, level, key=_RANKS.__getitem__)
        accepted = {"kill_id": asked.id, "level": level, "reason": asked.reason, "author": asked.by}
        writer.write(
            _SYSTEM,
            "KillAccepted",
            f"kill/{asked.id}",
            accepted,
            claim=Claim(name="kill", key=asked.id),
        )
        for journal_id in writer.accounts():
            writer.write(*_level_changed(journal_id, old, new, asked, writer.at_ns))
        return new


def lift_kill(data_dir: Path, asked: Asked, *, rearm: bool) -> str:
    """Lift the latched kill.

    Returns:
        The level that it was.

    Raises:
        SafetyRefusedError: An EMERGENCY, and `rearm` does not say that it is over.
        HoldfastError: As `latch_kill`.
    """
    with _written(data_dir) as writer:
        old = writer.record.kill_level()
        if old == "EMERGENCY" and not rearm:
            raise SafetyRefusedError("an EMERGENCY is lifted only with --rearm (KC-1)")
        for journal_id in writer.accounts():
            writer.write(*_level_changed(journal_id, old, "NONE", asked, writer.at_ns))
        return old


def set_control(data_dir: Path, name: str, value: Any, asked: Asked) -> Any:
    """Set a control for the next start; `value` has passed `parse_control`.

    Returns:
        The value that it had, None when it was as configured.

    Raises:
        HoldfastError: As `latch_kill`.
    """
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


def controls(data_dir: Path) -> list[dict[str, Any]]:
    """The controls as they are durable."""
    with RecordReader(data_dir) as reader:
        rows = reader.rows("SELECT * FROM runtime_controls ORDER BY name")
    return [{**row, "value": orjson.loads(row["value"])} for row in rows]


def _level_changed(
    journal_id: str, old: str, new: str, asked: Asked, at_ns: int
) -> tuple[str, str, str, dict[str, Any]]:
    body = {
        "kill_id": asked.id,
        "old": old,
        "new": new,
        "reason": asked.reason,
        "author": asked.by,
        "at_ns": at_ns,
    }
    return journal_id, "KillLevelChanged", f"kill/{asked.id}", body


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
        self.at_ns: int = newest_ns

    def accounts(self) -> Sequence[str]:
        """Journals of the accounts, of all runs: each may hold a latched level."""
        rows = self.record.query(
            """SELECT DISTINCT journal_id FROM journal WHERE journal_id LIKE 'account:%'
            UNION SELECT journal_id FROM kill_levels ORDER BY journal_id""",
            {},
        )
        return [journal_id for (journal_id,) in rows]

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
