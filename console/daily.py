"""`holdfast daily`: one session in figures, from the record alone (AL-2).

Computed, never written by a language model; the alerts' channels are sent the same text at the
session's end.
"""

from collections import Counter
from typing import Annotated, Any, Final

import typer

from actors.assertions import Assertion
from console.context import AsJson, DataDir, existing_data_dir, out, say_json
from console.reader import RecordReader, Row, payload
from console.render import duration, quantity, session_date, signed
from console.timeline import told
from console.urgency import severity_of
from trading.errors import SetupError
from trading.run_options import parse_session

Summary = dict[str, Any]
_COUNTED_ELSEWHERE: Final = frozenset({"VerdictGiven", "ProtectionTripped", "FeedGap"})
_ANOMALIES_SHOWN: Final = 8


def daily(
    day: Annotated[
        str, typer.Argument(metavar="DATE", help="A session, such as 2020-03-09; else the newest.")
    ] = "",
    *,
    run: Annotated[str | None, typer.Option(help="Which run; default the newest.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Sum up a session: trades, P&L, what was not traded and why, faults, data, uptime.

    Example: holdfast daily 2020-03-09
    """
    with RecordReader(existing_data_dir(data_dir)) as reader:
        info = (reader.run(run) if run else None) or reader.newest_run()
        found = summary_of(reader, parse_session(day) if day else None, info.run)
    if as_json:
        say_json(found)
    else:
        out().print(summary_text(found), markup=False)


def summary_of(reader: RecordReader, day: int | None, run: str) -> Summary:
    """One session of a run; amounts at 1e-8 as integers, times ns UTC.

    Args:
        reader: Of the record.
        day: yyyymmdd; None is the newest session.
        run: Its name.

    Raises:
        SetupError: The run has no such session.
    """
    session = reader.row(
        """SELECT * FROM sessions WHERE run = :run AND (:day IS NULL OR session_date = :day)
        ORDER BY session_date DESC LIMIT 1""",
        run=run,
        day=day,
    )
    if session is None:
        raise SetupError(_no_session(reader, day, run))
    day = int(session["session_date"])
    events = _events(reader, run, day)
    return {
        "run": run,
        "session_date": day,
        **_said(events, "RunStarted", ("mode", "account", "source", "is_synthetic")),
        "is_closed": session["positions_open"] is not None,
        "positions_open": session["positions_open"],
        "equity_1e8": session["equity_1e8"],
        "trades": _trades(reader, run, day),
        "not_traded": _not_traded(events, day),
        "protections": dict(_names(events, "ProtectionTripped", "name")),
        "assertions": _assertions(events, day),
        "data": _data(events, day),
        "uptime": _uptime(events, session),
        "anomalies": _anomalies(events),
    }


def _no_session(reader: RecordReader, day: int | None, run: str) -> str:
    days = reader.rows("SELECT session_date FROM sessions WHERE run = :run", run=run)
    known = ", ".join(session_date(row["session_date"]) for row in days) or "none yet"
    asked = f"session {session_date(day)}" if day else "a session"
    return f"run {run} holds no {asked.removeprefix('a ')}; its sessions: {known}"


def _events(reader: RecordReader, run: str, day: int) -> list[Row]:
    """What was journaled from the session's opening to the next one's, and how the run began."""
    opened = reader.rows(
        "SELECT pos, payload FROM journal WHERE run = :run AND kind = 'SessionOpened' ORDER BY pos",
        run=run,
    )
    dates = [(row["pos"], payload(row)["session_date"]) for row in opened]
    first = min((pos for pos, date in dates if date == day), default=0)
    last = min((pos for pos, date in dates if pos > first and date != day), default=1 << 62)
    rows = reader.rows(
        """SELECT journal_id, kind, stream, at_ns, payload FROM journal
        WHERE run = :run AND (kind = 'RunStarted' OR (pos >= :first AND pos < :last))
        ORDER BY pos""",
        run=run,
        first=first,
        last=last,
    )
    return [{**row, "payload": payload(row)} for row in rows]


def _of(events: list[Row], kind: str) -> list[dict[str, Any]]:
    return [event["payload"] for event in events if event["kind"] == kind]


def _said(events: list[Row], kind: str, names: tuple[str, ...]) -> dict[str, Any]:
    found = _of(events, kind)
    return {name: found[0].get(name) if found else None for name in names}


def _names(events: list[Row], kind: str, field: str) -> Counter[str]:
    return Counter(str(event.get(field, "")).lower() for event in _of(events, kind))


def _trades(reader: RecordReader, run: str, day: int) -> dict[str, Any]:
    rows = reader.rows(
        """SELECT reason, gross_1e8, fees_1e8, net_1e8 FROM trades
        WHERE run = :run AND session_date = :day ORDER BY exit_ns, trade_id""",
        run=run,
        day=day,
    )
    return {
        "count": len(rows),
        "won": sum(row["net_1e8"] > 0 for row in rows),
        "lost": sum(row["net_1e8"] < 0 for row in rows),
        "gross_1e8": sum(row["gross_1e8"] for row in rows),
        "fees_1e8": sum(row["fees_1e8"] for row in rows),
        "net_1e8": sum(row["net_1e8"] for row in rows),
        "by_exit": dict(Counter(row["reason"] for row in rows)),
    }


def _not_traded(events: list[Row], day: int) -> dict[str, Any]:
    """Bars on which a strategy saw no trade, and signals that the gate refused, by first check."""
    skipped: Counter[str] = Counter()
    for event in _of(events, "NoTradesCounted"):
        if event["session_date"] == day:
            skipped.update(event["counts"])
    verdicts = [event for event in _of(events, "VerdictGiven") if not event["is_approved"]]
    refused = Counter(str(event["failed"][0]["name"]) for event in verdicts if event["failed"])
    return {"skipped": dict(skipped.most_common()), "refused": dict(refused.most_common())}


def _assertions(events: list[Row], day: int) -> dict[str, Any]:
    """What failed, and in how many looks, which the trader counts at the session's close.

    A trader that was started again in the session counts from there; None is not counted yet.
    """
    counted = [event for event in _of(events, "AssertionsCounted") if event["session_date"] == day]
    return {
        "asserted": len(Assertion),
        "decisions": sum(event["decisions"] for event in counted) if counted else None,
        "sweeps": sum(event["sweeps"] for event in counted) if counted else None,
        "failed": dict(_names(events, "AssertionFailed", "assertion")),
    }


def _data(events: list[Row], day: int) -> dict[str, Any]:
    counted = [event for event in _of(events, "FeedCounted") if event["session_date"] == day]
    watched_ns = sum(event["watched_ns"] for event in counted)
    missing_ns = sum(event["missing_ns"] for event in counted)
    return {
        "bars": sum(event["bars"] for event in counted),
        "ticks": sum(event["ticks"] for event in counted),
        "gaps": len(_of(events, "FeedGap")),
        "late": sum(event["late"] for event in counted),
        "completeness_ratio": 1 - missing_ns / watched_ns if watched_ns else None,
    }


def _uptime(events: list[Row], session: Row) -> dict[str, Any]:
    """How often the trader came back, and how many of its actors did; the session's own length."""
    return {
        "session_ns": session["close_ns"] - session["open_ns"],
        "recoveries": len(_of(events, "Recovered")),
        "actor_restarts": len(_of(events, "ActorRestarted")),
    }


def _anomalies(events: list[Row]) -> list[dict[str, Any]]:
    """Warnings and worse by kind: how many, and the last one in words."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        kind, body = event["kind"], event["payload"]
        severity = severity_of(kind, body)
        if severity == "INFO" or kind in _COUNTED_ELSEWHERE:
            continue
        count = found[kind]["count"] + 1 if kind in found else 1
        found[kind] = {
            "kind": kind,
            "severity": severity,
            "count": count,
            "last_ns": event["at_ns"],
            "last": told(kind, body),
        }
    return sorted(found.values(), key=lambda each: (each["severity"] != "CRITICAL", each["kind"]))


# --- in words -------------------------------------------------------------------------------------


def summary_text(found: Summary) -> str:
    """The summary for a person, one fact a line."""
    trades, data, uptime = found["trades"], found["data"], found["uptime"]
    made_up = " SYNTHETIC" if found["is_synthetic"] else ""
    ended = "" if found["is_closed"] else ", not closed yet"
    completeness = data["completeness_ratio"]
    lines = [
        f"{found['mode']}{made_up} · account {found['account']} · session "
        f"{session_date(found['session_date'])}{ended}",
        f"trades      {trades['count']} ({trades['won']} won, {trades['lost']} lost): "
        f"net {signed(trades['net_1e8'])}, gross {signed(trades['gross_1e8'])}, "
        f"fees {quantity(trades['fees_1e8'])}",
        f"exits       {_counts(trades['by_exit'])}",
        f"open        {found['positions_open']} positions"
        if found["is_closed"]
        else "open        not known before the close",
        f"not traded  {_counts(found['not_traded']['skipped'])}",
        f"refused     {_counts(found['not_traded']['refused'])}",
        f"protections {_counts(found['protections'])}",
        f"assertions  {_asserted(found['assertions'])}",
        f"data        {data['bars']} bars, {data['ticks']} ticks, {data['gaps']} gaps"
        + ("" if completeness is None else f", {completeness:.1%} complete"),
        f"uptime      {duration(uptime['session_ns'])} session, {uptime['recoveries']} recoveries, "
        f"{uptime['actor_restarts']} actors restarted",
    ]
    anomalies = found["anomalies"]
    lines += ["anomalies   none"] if not anomalies else []
    lines += [
        f"anomaly     {each['kind']} {each['count']}: {each['last']}"
        for each in anomalies[:_ANOMALIES_SHOWN]
    ]
    if len(anomalies) > _ANOMALIES_SHOWN:
        lines.append(f"            and {len(anomalies) - _ANOMALIES_SHOWN} other kinds")
    return "\n".join(lines)


def _asserted(found: dict[str, Any]) -> str:
    failed = found["failed"]
    how = _counts(failed) if failed else "none"
    said = f"{how} of {found['asserted']} failed"
    if found["sweeps"] is None:
        return f"{said}; how often they were looked at is counted at the close"
    return f"{said} in {found['sweeps']} sweeps and after {found['decisions']} decisions"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
