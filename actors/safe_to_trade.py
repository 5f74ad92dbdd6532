"""The safe-to-trade check: what must be green before LIVE goes to a venue that is real (BR-7).

`holdfast doctor --mode LIVE` shows these lines, `holdfast arm` stores them, and the trader looks
at them once more before it starts. Whatever cannot be read is red. Nothing here writes.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import apsw
import orjson

from actors import arming
from actors.drill import DRILL_FILE
from actors.process import cut_off_run
from actors.rehearsal import rehearsal_file
from brokers.base import Check, Place
from brokers.venues import Addresses
from storage import SqliteRecord
from storage.connection import open_reader, record_path
from storage.errors import NoRecordError, RecordError
from storage.lease import holder
from storage.verify import verify
from trading.config import Config
from trading.errors import SafetyRefusedError
from trading.run_options import Mode, RunOptions

DRILL_AGE_MAX_NS: Final = 24 * 3_600_000_000_000
_CUT_OFF: Final = """SELECT run FROM runs WHERE number = (SELECT max(number) FROM runs)
    AND ended_ns IS NULL"""
_KILLED: Final = "SELECT journal_id, level FROM kill_levels WHERE level <> 'NONE'"
_NEWEST_OF_EACH: Final = """SELECT payload FROM journal WHERE kind = :kind
    AND run = (SELECT run FROM runs ORDER BY number DESC LIMIT 1) ORDER BY pos"""


def local_checks(data_dir: Path, broker: str, now_ns: int, *, ours: str = "") -> list[Check]:
    """Lease, journal, runs, kills, breakers, drift, drill and rehearsal of a data directory.

    Args:
        data_dir: Where record, drill and rehearsal stand.
        broker: Whose rehearsal counts.
        now_ns: The wall's time.
        ours: Who may hold the lease: this process, where it does.
    """
    held_by = holder(data_dir)
    lease = Check(
        name="lease",
        is_ok=held_by in ("", ours),
        found=f"held by {held_by}" if held_by else "free",
        cure="stop the trader that holds it, or take another --data-dir",
    )
    drill = _kept(data_dir / DRILL_FILE, "kill drill", _drill_fault, now_ns, "holdfast drill")
    return [lease, *_of_record(data_dir), drill, rehearsal_check(data_dir, broker, now_ns)]


def rehearsal_check(data_dir: Path, broker: str, now_ns: int) -> Check:
    """Whether the code that is installed has passed the rehearsal at that venue (BR-9)."""
    path = rehearsal_file(data_dir, broker)
    cure = f"holdfast rehearse --broker {broker}"
    return _kept(path, "rehearsal", _rehearsal_fault, now_ns, cure)


def terms_of(addresses: Addresses, options: RunOptions, config: Config) -> arming.Terms | None:
    """What must be armed for a run; None where no order of it moves anybody's money."""
    if options.mode is not Mode.LIVE or addresses.place is Place.SIMULATOR:
        return None
    return arming.Terms(
        url=addresses.url,
        config_sha256=config.digest(),
        code_sha256=arming.code_digest(),
    )


def armed_until_ns(
    addresses: Addresses, options: RunOptions, config: Config, record: SqliteRecord
) -> int | None:
    """Until when entries of a run may leave, the wall's time; None where nothing is to be armed."""
    terms = terms_of(addresses, options, config)
    if terms is None:
        return None
    found = arming.newest(record.query)
    if found is None or found.refusal(terms, time.time_ns()):
        return 0
    return found.until_ns


def admitted(
    addresses: Addresses, options: RunOptions, config: Config, record: SqliteRecord
) -> arming.Arming | None:
    """Let a run go to its venue, before anything is sent there; the arming of a new LIVE run.

    A run that was cut off may come back without one: its exits must not wait for a person. Its
    entries do (see `actors.live`).

    Raises:
        SafetyRefusedError: A run was cut off and nobody said what to do; live keys without a
            rehearsal of this code; LIVE that is not armed; or a line of the check is red.
    """
    if cut_off_run(record, options) is not None:
        return None
    now_ns = time.time_ns()
    if addresses.place is Place.LIVE:
        why = red([rehearsal_check(options.data_dir, options.broker, now_ns)])
        if why:
            raise SafetyRefusedError(f"live keys are refused, nothing was started: {why} (BR-9)")
    terms = terms_of(addresses, options, config)
    if terms is None:
        return None
    found = arming.require(record.query, terms, now_ns)
    why = red(local_checks(options.data_dir, options.broker, now_ns, ours=record.lease.holder))
    if why:
        raise SafetyRefusedError(f"not safe to trade, nothing was started: {why} (BR-7)")
    return found


def red(checks: list[Check]) -> str:
    """The lines that are not green, in one text; empty when all are."""
    return "; ".join(
        f"{check.name}: {check.found} ({check.cure})" for check in checks if not check.is_ok
    )


# -- the record -----------------------------------------------------------------------------------


def _of_record(data_dir: Path) -> list[Check]:
    cure = "see `holdfast verify`; restore a backup, or take another --data-dir and reconcile"
    try:
        report = verify(data_dir)
        connection = open_reader(record_path(data_dir))
    except NoRecordError:
        return [Check(name="journal", is_ok=True, found="there is none yet")]
    except (RecordError, apsw.Error) as error:
        return [Check(name="journal", is_ok=False, found=str(error), cure=cure)]
    try:
        whole = Check(
            name="journal",
            is_ok=report.is_whole,
            found="; ".join(report.faults) or f"{report.rows} rows, whole",
            cure=cure,
        )
        return [whole, *(look(connection) for look in _LOOKS)]
    finally:
        connection.close()


def _runs(connection: apsw.Connection) -> Check:
    cut_off = [run for (run,) in connection.execute(_CUT_OFF)]
    return Check(
        name="runs",
        is_ok=not cut_off,
        found=f"{cut_off[0]} was cut off" if cut_off else "none is cut off",
        cure="go on with it: `holdfast run --recover`",
    )


def _kills(connection: apsw.Connection) -> Check:
    killed = [f"{level} on {journal}" for journal, level in connection.execute(_KILLED)]
    return Check(
        name="kill level",
        is_ok=not killed,
        found=", ".join(killed) or "NONE",
        cure="`holdfast resume`, once its reason is gone",
    )


def _breakers(connection: apsw.Connection) -> Check:
    latched: dict[str, str] = {}
    for payload in _payloads(connection, "BreakerChanged"):
        latched[payload["name"]] = payload["cause"] if payload["is_latched"] else ""
    found = "; ".join(f"{name}: {cause}" for name, cause in latched.items() if cause)
    return Check(
        name="breakers",
        is_ok=not found,
        found=found or "none is latched",
        cure="find the cause; `holdfast controls reset_breakers true` in a run",
    )


def _drift(connection: apsw.Connection) -> Check:
    compared = list(_payloads(connection, "ReconcileFinished"))
    is_stopped = bool(compared) and bool(compared[-1]["is_stopped"])
    return Check(
        name="drift",
        is_ok=not is_stopped,
        found="the newest comparison with the venue stopped" if is_stopped else "none unresolved",
        cure="`holdfast reconcile` in a run, until the books agree",
    )


def _payloads(connection: apsw.Connection, kind: str) -> list[dict[str, Any]]:
    rows = connection.execute(_NEWEST_OF_EACH, {"kind": kind})
    return [orjson.loads(payload) for (payload,) in rows]


_LOOKS: Final = (_runs, _kills, _breakers, _drift)


# -- what was tried out ---------------------------------------------------------------------------


def _kept(
    path: Path, name: str, fault: Callable[[dict[str, Any], int], str], now_ns: int, cure: str
) -> Check:
    command = f"`{cure}` with this --data-dir"
    try:
        kept: dict[str, Any] = orjson.loads(path.read_bytes())
        found = fault(kept, now_ns)
    except FileNotFoundError:
        return Check(name=name, is_ok=False, found="none was kept", cure=command)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Check(name=name, is_ok=False, found=f"{path} cannot be read: {error}", cure=command)
    return Check(name=name, is_ok=not found, found=found or "passed", cure=command)


def _drill_fault(kept: dict[str, Any], now_ns: int) -> str:
    left = kept["remaining"] + kept["failed"]
    if left:
        return f"the newest left {left} orders and positions"
    if not 0 <= now_ns - kept["at_ns"] <= DRILL_AGE_MAX_NS:
        return f"the newest is {(now_ns - kept['at_ns']) / 3.6e12:.0f} h old, at most 24 h counts"
    return ""


def _rehearsal_fault(kept: dict[str, Any], _now_ns: int) -> str:
    if kept["code_sha256"] != arming.code_digest():
        return "another version of the code passed it"
    failed = [case["name"] for case in kept["cases"] if case["fault"]]
    if failed or not kept["cases"]:
        return f"failed: {', '.join(failed) or 'nothing was tried'}"
    return ""
