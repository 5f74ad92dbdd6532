"""What happened to one order, one trade or one session, put together from the record (PM-1)."""

import json
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from console.bars_seen import bars_around
from console.reader import RecordReader, Row, payload
from console.timeline import told
from trading.errors import SetupError
from trading.ports import RunInfo

AROUND_NS: Final = 30 * 60 * 1_000_000_000
_NEAREST_SHOWN: Final = 5
_DATE: Final = re.compile(r"^(\d{4})-?(\d{2})-?(\d{2})$")
_QUALITY_KINDS: Final = (
    "FeedGap",
    "FeedCounted",
    "ActorCrashed",
    "ActorRestarted",
    "ActorGaveUp",
    "MessageQuarantined",
    "WatchdogFired",
    "InvariantViolated",
    "Halted",
    "Recovered",
)
_ACCOUNT_KINDS: Final = (
    "ProtectionTripped",
    "ProtectionCleared",
    "ThrottleChanged",
    "KillLevelChanged",
    "KillFinished",
    "ControlChanged",
)


class UnknownIdError(SetupError):
    """Neither an order, nor a trade, nor a signal, nor a session of that name."""


def post_mortem_of(reader: RecordReader, about: str, run: str | None = None) -> dict[str, Any]:
    """Everything that is known about an id or a date.

    Args:
        reader: The record.
        about: A client order id, a trade or position id, a signal id, or a date.
        run: Which run; None is the newest.

    Raises:
        UnknownIdError: Nothing of that name; the nearest ones are named.
        SetupError: There is no such run.
    """
    info = reader.newest_run() if run is None else reader.run(run)
    if info is None:
        raise SetupError(f"there is no run {run!r}; the newest is {reader.newest_run().run}")
    date = _DATE.match(about)
    if date is not None:
        return _of_session(reader, info, int("".join(date.groups())))
    order = reader.row(
        "SELECT * FROM orders WHERE run = :run AND client_order_id = :id", run=info.run, id=about
    )
    if order is not None:
        return _of_trade(reader, info, order["position_id"], order["signal_id"], about, "order")
    position_id, signal_id = _position_or_signal(reader, info, about)
    return _of_trade(reader, info, position_id, signal_id, about, "trade")


def asked_about(reader: RecordReader, about: str, run: str | None, *, is_last: bool) -> str:
    """What a person asked about: an id, or with `--last` the trade that closed last.

    Raises:
        SetupError: Neither or both were named, or no trade has closed yet.
    """
    if is_last == bool(about):
        raise SetupError("name what it is about, or say --last for the newest trade; one of them")
    if about:
        return about
    name = run or reader.newest_run().run
    newest = reader.row(
        "SELECT trade_id FROM trades WHERE run = :run ORDER BY exit_ns DESC, trade_id LIMIT 1",
        run=name,
    )
    if newest is None:
        raise SetupError(f"no trade of run {name} has closed yet; `holdfast status` says what runs")
    return str(newest["trade_id"])


def _position_or_signal(reader: RecordReader, info: RunInfo, about: str) -> tuple[str, str]:
    of_position = reader.row(
        """SELECT position_id, signal_id FROM orders
        WHERE run = :run AND position_id = :id ORDER BY intended_ns LIMIT 1""",
        run=info.run,
        id=about,
    )
    if of_position is not None:
        return of_position["position_id"], of_position["signal_id"]
    of_signal = reader.row(
        """SELECT stream FROM journal
        WHERE run = :run AND stream = :stream AND kind = 'SignalReceived'""",
        run=info.run,
        stream=f"signal/{about}",
    )
    if of_signal is not None:
        return "", about
    raise _unknown(reader, info, about)


def _unknown(reader: RecordReader, info: RunInfo, about: str) -> UnknownIdError:
    elsewhere = reader.row(
        "SELECT run FROM orders WHERE client_order_id = :id OR position_id = :id", id=about
    )
    if elsewhere is not None:
        return UnknownIdError(
            f"{about} is not in run {info.run}, but in {elsewhere['run']}: "
            f"add --run {elsewhere['run']}"
        )
    ids = [
        row["id"]
        for row in reader.rows(
            """SELECT client_order_id AS id FROM orders WHERE run = :run
            UNION SELECT position_id FROM positions WHERE run = :run
            UNION SELECT substr(stream, 8) FROM journal
                WHERE run = :run AND kind = 'SignalReceived'""",
            run=info.run,
        )
    ]
    near = get_close_matches(about, ids, n=_NEAREST_SHOWN, cutoff=0.3) or ids[:_NEAREST_SHOWN]
    hint = f"the nearest: {', '.join(near)}" if near else "the run has no order and no signal"
    return UnknownIdError(
        f"{about!r} is no order, trade, signal or date (yyyy-mm-dd) of run {info.run}; {hint}"
    )


def _newest_ns(reader: RecordReader, run: str) -> int:
    """How far the run has come: what its tape holds beyond that has not happened."""
    row = reader.row("SELECT max(at_ns) AS newest_ns FROM journal WHERE run = :run", run=run)
    return (row["newest_ns"] if row else None) or 0


# --- one trade ------------------------------------------------------------------------------------


def _of_trade(
    reader: RecordReader, info: RunInfo, position_id: str, signal_id: str, about: str, kind: str
) -> dict[str, Any]:
    orders = reader.rows(
        """SELECT * FROM orders WHERE run = :run AND position_id = :id
        ORDER BY intended_ns, client_order_id""",
        run=info.run,
        id=position_id,
    )
    streams = [f"signal/{signal_id}", f"position/{position_id}"]
    streams += [f"order/{order['client_order_id']}" for order in orders]
    events = _events_of(reader, info.run, streams)
    trade = reader.row(
        "SELECT * FROM trades WHERE run = :run AND trade_id = :id", run=info.run, id=position_id
    )
    return {
        "about": about,
        "kind": kind,
        "run": info.run,
        "mode": info.mode,
        "source": info.source,
        "tape_path": info.tape_path,
        "until_ns": _newest_ns(reader, info.run),
        "trade": trade,
        "position": reader.row(
            "SELECT * FROM positions WHERE run = :run AND position_id = :id",
            run=info.run,
            id=position_id,
        ),
        "orders": orders,
        "fills": reader.rows(
            """SELECT * FROM fills WHERE run = :run AND position_id = :id
            ORDER BY at_ns, execution_id""",
            run=info.run,
            id=position_id,
        ),
        "signal": _first_payload(events, "SignalReceived"),
        "verdict": _first_payload(events, "VerdictGiven"),
        "exits": [payload(event) for event in events if event["kind"] == "ExitTriggered"],
        "saw": _saw(info, events),
        "timeline": _timeline(events),
        "latency": _latency(reader, info.run, orders),
        "quality": _quality(reader, info.run, events),
    }


def _events_of(reader: RecordReader, run: str, streams: Sequence[str]) -> list[Row]:
    events: list[Row] = []
    for stream in streams:
        events += reader.rows(
            """SELECT pos, at_ns, kind, stream, payload, tape_seq, committed_ns FROM journal
            WHERE run = :run AND stream = :stream""",
            run=run,
            stream=stream,
        )
    return sorted(events, key=lambda event: event["pos"])


def _first_payload(events: Iterable[Row], kind: str) -> dict[str, Any] | None:
    return next((payload(event) for event in events if event["kind"] == kind), None)


def _saw(info: RunInfo, events: Sequence[Row]) -> dict[str, Any]:
    signal = next((event for event in events if event["kind"] == "SignalReceived"), None)
    if signal is None or signal["tape_seq"] < 0 or not info.tape_path:
        return {"bars": [], "note": "the run keeps no tape row for this signal"}
    legs = payload(signal).get("legs", [])
    instrument = legs[0]["instrument"] if legs else ""
    return bars_around(Path(info.tape_path), instrument, signal["tape_seq"], signal["at_ns"])


def _timeline(events: Sequence[Row]) -> list[dict[str, Any]]:
    """Each event with the time since the first; `at_ns` is virtual in a replay."""
    return [
        {
            "at_ns": event["at_ns"],
            "since_ns": event["at_ns"] - events[0]["at_ns"],
            "kind": event["kind"],
            "stream": event["stream"],
            "text": told(event["kind"], payload(event)),
        }
        for event in events
    ]


def _latency(reader: RecordReader, run: str, orders: Sequence[Row]) -> list[dict[str, Any]]:
    """Marks of each order on the wall clock, since its first one (EX-15)."""
    found: list[dict[str, Any]] = []
    for order in orders:
        marks = reader.rows(
            """SELECT order_id, boot, stage, mono_ns FROM latency_marks
            WHERE run = :run AND order_id = :id ORDER BY boot, mono_ns""",
            run=run,
            id=order["client_order_id"],
        )
        found += [
            {
                "order_id": mark["order_id"],
                "stage": mark["stage"],
                "since_ns": mark["mono_ns"] - marks[0]["mono_ns"],
            }
            for mark in marks
            if mark["boot"] == marks[0]["boot"]
        ]
    return found


def _quality(reader: RecordReader, run: str, events: Sequence[Row]) -> list[dict[str, Any]]:
    """What was wrong with data and actors from half an hour before to half an hour after."""
    if not events:
        return []
    first_ns, last_ns = events[0]["at_ns"], events[-1]["at_ns"]
    return _told_between(reader, run, _QUALITY_KINDS, first_ns - AROUND_NS, last_ns + AROUND_NS)


def _told_between(
    reader: RecordReader, run: str, kinds: Sequence[str], first_ns: int, last_ns: int
) -> list[dict[str, Any]]:
    return [
        {
            "at_ns": event["at_ns"],
            "kind": event["kind"],
            "stream": event["stream"],
            "text": told(event["kind"], payload(event)),
        }
        for event in reader.rows(
            """SELECT at_ns, kind, stream, payload FROM journal
            WHERE run = :run AND at_ns BETWEEN :first_ns AND :last_ns
                AND kind IN (SELECT value FROM json_each(:kinds))
            ORDER BY pos""",
            run=run,
            kinds=json.dumps(kinds),
            first_ns=first_ns,
            last_ns=last_ns,
        )
    ]


# --- one session ----------------------------------------------------------------------------------


def _of_session(reader: RecordReader, info: RunInfo, session_date: int) -> dict[str, Any]:
    sessions = reader.rows(
        "SELECT * FROM sessions WHERE run = :run AND session_date = :date",
        run=info.run,
        date=session_date,
    )
    if not sessions:
        raise _unknown_session(reader, info, session_date)
    first_ns, last_ns = sessions[0]["open_ns"], sessions[0]["close_ns"]
    return {
        "about": str(session_date),
        "kind": "session",
        "run": info.run,
        "mode": info.mode,
        "source": info.source,
        "tape_path": info.tape_path,
        "until_ns": _newest_ns(reader, info.run),
        "sessions": sessions,
        "trades": reader.rows(
            "SELECT * FROM trades WHERE run = :run AND session_date = :date ORDER BY entry_ns",
            run=info.run,
            date=session_date,
        ),
        "refusals": _refusals(reader, info.run, session_date),
        "no_trades": _no_trades(reader, info.run, session_date),
        "account": _told_between(reader, info.run, _ACCOUNT_KINDS, first_ns, last_ns),
        "quality": _told_between(reader, info.run, _QUALITY_KINDS, first_ns, last_ns),
    }


def _unknown_session(reader: RecordReader, info: RunInfo, session_date: int) -> UnknownIdError:
    dates = [
        row["session_date"]
        for row in reader.rows(
            "SELECT DISTINCT session_date FROM sessions WHERE run = :run", run=info.run
        )
    ]
    near = sorted(dates, key=lambda date: (abs(date - session_date), date))[:_NEAREST_SHOWN]
    hint = f"the nearest: {', '.join(map(str, sorted(near)))}" if near else "it has none"
    return UnknownIdError(f"run {info.run} has no session {session_date}; {hint}")


def _refusals(reader: RecordReader, run: str, session_date: int) -> list[dict[str, Any]]:
    verdicts = reader.rows(
        """SELECT at_ns, payload FROM journal
        WHERE run = :run AND kind = 'VerdictGiven' ORDER BY pos""",
        run=run,
    )
    found = [(verdict["at_ns"], payload(verdict)) for verdict in verdicts]
    return [
        {
            "at_ns": at_ns,
            "signal_id": verdict["signal_id"],
            "failed": [check["name"] for check in verdict["failed"]],
        }
        for at_ns, verdict in found
        if not verdict["is_approved"] and f"/{session_date}/" in verdict["signal_id"]
    ]


def _no_trades(reader: RecordReader, run: str, session_date: int) -> list[dict[str, Any]]:
    events = reader.rows(
        "SELECT payload FROM journal WHERE run = :run AND kind = 'NoTradesCounted' ORDER BY pos",
        run=run,
    )
    found = [payload(event) for event in events]
    return [counted for counted in found if counted.get("session_date") == session_date]
