"""What a page asks about the past: trades, sessions, equity, bars, the journal, latencies.

Everything here reads beside the trader and writes nothing. Trades come from the warehouse, so that
a page, its CSV and `holdfast sql` say the same; the rest comes from the record by its keys.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from console.bars_seen import session_bars
from console.latency import histograms
from console.reader import RecordReader, payload
from console.timeline import told
from console.urgency import severity_of
from storage.warehouse import open_views

ROWS_MAX: Final = 5000
_SORTS: Final = ("entry_ns", "exit_ns", "net", "gross", "fees", "r", "entry_slippage", "instrument")
_BAR_VALUES: Final = ("open", "high", "low", "close", "volume")


# What a market that was decided paid, beside what the trade got (UI-4, MD-8); none for the others.
_SETTLED: Final = """(
    SELECT trades.*, CASE
        WHEN decided.instrument IS NULL THEN NULL
        WHEN decided.doubts > 0 THEN 'in doubt'
        WHEN trades.reason <> 'SETTLEMENT' THEN 'closed before'
        WHEN trades.exit_price = decided.worth THEN 'as decided'
        ELSE 'differs' END AS settlement
    FROM trades LEFT JOIN (
        SELECT run, field(payload, '$.instrument') AS instrument,
            amount(arg_max(whole(payload, '$.worth_1e8'), pos)) AS worth,
            max(json_array_length(payload, '$.doubts')) AS doubts
        FROM journal WHERE kind = 'MarketResolved' GROUP BY ALL
    ) AS decided ON decided.run = trades.run AND decided.instrument = trades.instrument
)"""


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which trades; every field may be left out."""

    run: str = ""
    strategy: str = ""
    instrument: str = ""
    first: date | None = None
    last: date | None = None
    mode: str = ""
    outcome: str = ""
    reason: str = ""
    sort: str = "exit_ns"
    descending: bool = True
    limit: int = 500


@dataclass(frozen=True, slots=True)
class Trades:
    """The trades that were asked for, and totals over all that match."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    totals: dict[str, Any]


def parse_filters(query: Mapping[str, str]) -> Filters:
    """Filters of a URL.

    Raises:
        msgspec.ValidationError: A field that is not known, or a value that it does not take.
    """
    unknown = set(query) - set(Filters.__struct_fields__)
    if unknown:
        known = ", ".join(Filters.__struct_fields__)
        raise msgspec.ValidationError(f"expected {known}; found {', '.join(sorted(unknown))}")
    found = msgspec.convert({k: v for k, v in query.items() if v}, Filters, strict=False)
    if found.sort not in _SORTS:
        raise msgspec.ValidationError(f"sort must be one of {', '.join(_SORTS)}; was {found.sort}")
    if found.outcome not in {"", "won", "lost"}:
        raise msgspec.ValidationError(f"outcome must be won or lost; was {found.outcome}")
    if not 1 <= found.limit <= ROWS_MAX:
        raise msgspec.ValidationError(f"limit must be 1 to {ROWS_MAX}; was {found.limit}")
    return found


def trades(data_dir: Path, filters: Filters) -> Trades:
    """Trades by the warehouse's view, newest first unless asked otherwise."""
    where, values = _where(filters)
    order = f"{filters.sort} {'DESC' if filters.descending else 'ASC'} NULLS LAST, trade_id"
    database = open_views(data_dir, with_bars=False)
    try:
        # Only names of our own stand in the text; what was asked is bound.
        found = database.execute(
            f"SELECT * FROM {_SETTLED} WHERE {where} ORDER BY {order} LIMIT {filters.limit}",  # noqa: S608
            values,
        )
        columns = [name for name, *_ in found.description or []]
        rows = found.fetchall()
        totals = database.execute(
            f"""SELECT count(*) AS trades, count(*) FILTER (net > 0) AS won,
            coalesce(sum(gross), 0) AS gross, coalesce(sum(fees), 0) AS fees,
            coalesce(sum(net), 0) AS net, avg(r) AS r_mean FROM trades WHERE {where}""",  # noqa: S608
            values,
        )
        names = [name for name, *_ in totals.description or []]
        return Trades(columns, rows, dict(zip(names, totals.fetchone() or (), strict=False)))
    finally:
        database.close()


def _where(filters: Filters) -> tuple[str, list[Any]]:
    tests = [
        ("run = ?", filters.run),
        ("strategy = ?", filters.strategy),
        ("instrument = ?", filters.instrument),
        ("session_date >= ?", filters.first),
        ("session_date <= ?", filters.last),
        ("mode = ?", filters.mode),
        ("reason = ?", filters.reason),
    ]
    parts = [text for text, value in tests if value]
    values = [value for _, value in tests if value]
    if filters.outcome:
        parts.append("net > 0" if filters.outcome == "won" else "net <= 0")
    return " AND ".join(parts) or "true", values


def as_csv(found: Trades) -> str:
    """Exactly the rows that are shown, one line each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(found.columns)
    writer.writerows(found.rows)
    return text.getvalue()


def equity(data_dir: Path, run: str = "") -> dict[str, Any]:
    """The account's value after each trade of a run, and profit and loss by strategy."""
    with RecordReader(data_dir) as reader:
        info = (reader.run(run) if run else None) or reader.newest_run()
        sessions = reader.rows(
            """SELECT session_date, open_ns, close_ns, start_equity_1e8, equity_1e8
            FROM sessions WHERE run = :run ORDER BY session_date""",
            run=info.run,
        )
        closed = reader.rows(
            """SELECT strategy, exit_ns, net_1e8, fees_1e8 FROM trades
            WHERE run = :run ORDER BY exit_ns, trade_id""",
            run=info.run,
        )
    value = sessions[0]["start_equity_1e8"] if sessions else 0
    points = [[sessions[0]["open_ns"], value]] if sessions else []
    by_strategy: dict[str, dict[str, int]] = {}
    for trade in closed:
        value += trade["net_1e8"]
        points.append([trade["exit_ns"], value])
        mine = by_strategy.setdefault(
            trade["strategy"], {"trades": 0, "won": 0, "net_1e8": 0, "fees_1e8": 0}
        )
        mine["trades"] += 1
        mine["won"] += trade["net_1e8"] > 0
        mine["net_1e8"] += trade["net_1e8"]
        mine["fees_1e8"] += trade["fees_1e8"]
    return {"run": info.run, "points": points, "by_strategy": by_strategy, "sessions": sessions}


def events(data_dir: Path, *, words: str, kind: str, stream: str, limit: int) -> dict[str, Any]:
    """The newest journaled events of the newest run that match, newest first."""
    with RecordReader(data_dir) as reader:
        info = reader.newest_run()
        rows = reader.rows(
            """SELECT journal_id, seq, stream, kind, at_ns, committed_ns, payload FROM journal
            WHERE run = :run AND (:kind = '' OR kind = :kind)
                AND (:stream = '' OR stream LIKE '%' || :stream || '%')
                AND (:words = '' OR payload LIKE '%' || :words || '%'
                    OR stream LIKE '%' || :words || '%' OR kind LIKE '%' || :words || '%')
            ORDER BY pos DESC LIMIT :most""",
            run=info.run,
            kind=kind,
            stream=stream,
            words=words,
            most=limit,
        )
        kinds = reader.rows(
            "SELECT kind, count(*) AS n FROM journal WHERE run = :run GROUP BY kind ORDER BY kind",
            run=info.run,
        )
    found = []
    for row in rows:
        body = payload(row)
        text, severity = told(row["kind"], body), severity_of(row["kind"], body)
        found.append({**row, "payload": body, "text": text, "severity": severity})
    return {"run": info.run, "events": found, "kinds": kinds}


def assertions(data_dir: Path) -> list[dict[str, Any]]:
    """What was violated in the newest run (WD-5): how often, when last, and with which values."""
    with RecordReader(data_dir) as reader:
        info = reader.newest_run()
        rows = reader.rows(
            """SELECT at_ns, payload FROM journal
            WHERE run = :run AND kind = 'InvariantViolated' ORDER BY pos""",
            run=info.run,
        )
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        body = payload(row)
        name = str(body.get("name", ""))
        failures = found[name]["failures"] + 1 if name in found else 1
        last = {"last_ns": row["at_ns"], "subject": body.get("subject"), "text": body.get("text")}
        found[name] = {"name": name, "failures": failures, **last}
    return list(found.values())


def latency(data_dir: Path) -> list[dict[str, Any]]:
    """Histograms of the order path of the newest run (EX-15)."""
    with RecordReader(data_dir) as reader:
        info = reader.newest_run()
        return histograms(
            reader.rows(
                "SELECT order_id, boot, stage, mono_ns FROM latency_marks WHERE run = :run",
                run=info.run,
            )
        )


def about(data_dir: Path) -> dict[str, Any]:
    """What there is to choose from: runs, sessions and trades of the newest run."""
    with RecordReader(data_dir) as reader:
        info = reader.newest_run()
        return {
            "runs": reader.rows("SELECT run, mode, source FROM runs ORDER BY number DESC LIMIT 50"),
            "sessions": reader.rows(
                "SELECT session_date FROM sessions WHERE run = :run ORDER BY session_date DESC",
                run=info.run,
            ),
            "trades": reader.rows(
                """SELECT trade_id, exit_ns, net_1e8 FROM trades
                WHERE run = :run ORDER BY exit_ns DESC LIMIT 200""",
                run=info.run,
            ),
        }


def bars(data_dir: Path, instrument: str, *, until_ns: int, after_ns: int = 0) -> dict[str, Any]:
    """Bars of the session in which `until_ns` lies, none later than that, with the running VWAP.

    Args:
        data_dir: Where the record is.
        instrument: Its symbol; empty for the tape's first.
        until_ns: The trader's present; what the tape holds beyond it is not shown to anybody.
        after_ns: Only bars that ended later.
    """
    with RecordReader(data_dir) as reader:
        tape_path = reader.newest_run().tape_path
    if not tape_path:
        return {"bars": [], "note": "the run keeps no tape"}
    seen = session_bars(Path(tape_path), instrument, until_ns)
    found = [
        [bar["end_ns"], *(bar[f"{name}_1e8"] for name in _BAR_VALUES), bar["vwap"]]
        for bar in seen["bars"]
        if after_ns < bar["end_ns"] <= until_ns
    ]
    note = seen["note"] or ("" if found or after_ns else "no bars yet")
    return {**seen, "bars": found, "note": note}


def marks(data_dir: Path, instrument: str) -> list[dict[str, Any]]:
    """Entries and exits of the newest run's last session in one instrument, for a chart."""
    with RecordReader(data_dir) as reader:
        info = reader.newest_run()
        return reader.rows(
            """SELECT fills.at_ns, fills.side, fills.qty_1e8, fills.price_1e8, orders.purpose,
                fills.client_order_id
            FROM fills JOIN orders USING (run, client_order_id)
            WHERE fills.run = :run AND fills.instrument = :instrument
            ORDER BY fills.at_ns DESC LIMIT 500""",
            run=info.run,
            instrument=instrument,
        )
