"""`holdfast status`: what the trader says while it runs, and what the record says in any case."""

import json
from pathlib import Path
from typing import Any, Final

import orjson
from rich.console import Console

from console.latency import histograms
from console.operator_client import running_trader
from console.reader import RecordReader
from console.render import amount, duration, moment, quantity, session_date, signed, table
from console.timeline import told
from storage.errors import NoRecordError
from trading.errors import HoldfastError
from trading.metrics import (
    INSUFFICIENT_DATA,
    TRADES_MIN,
    TradeResult,
    by_strategy,
    measure,
    measure_by,
)
from trading.ports import RunInfo

_TERMINAL: Final = '["FILLED", "CANCELLED", "REJECTED", "EXPIRED", "NOT_SENT"]'
_FAULTS: Final = {
    "crashed": "ActorCrashed",
    "restarted": "ActorRestarted",
    "gave_up": "ActorGaveUp",
    "quarantined": "MessageQuarantined",
    "watchdog": "WatchdogFired",
}
_FAULTS_SHOWN: Final = 10


def status_of(data_dir: Path) -> dict[str, Any]:
    """The state of the newest run; what a running trader says goes before what is durable.

    Raises:
        HoldfastError: Neither a trader nor a record can be read.
    """
    trader = running_trader(data_dir)
    try:
        with RecordReader(data_dir) as reader:
            recorded = record_status(reader)
    except NoRecordError:
        if trader is None:
            raise
        recorded = {}
    found = {"is_running": trader is not None, "pid": trader.pid if trader else None, **recorded}
    if trader is not None:
        try:
            said = trader.get("/api/status")
            # The record counts the whole run, the trader since its own start.
            found.update({**said, "counts": {**said.get("counts", {}), **found.get("counts", {})}})
        except HoldfastError as error:
            found["trader_error"] = str(error)
    return found


def record_status(reader: RecordReader) -> dict[str, Any]:
    """The newest run as it is durable."""
    info = reader.newest_run()
    run = info.run
    session = reader.row(
        "SELECT * FROM sessions WHERE run = :run ORDER BY session_date DESC LIMIT 1", run=run
    )
    return {
        "mode": info.mode,
        "run": run,
        "source": info.source,
        "started_ns": info.started_ns,
        "ended_ns": info.ended_ns,
        "is_clean": info.is_clean,
        "kill": _kill(reader),
        "session_date": session["session_date"] if session else None,
        "equity_1e8": _equity(session),
        "pnl": _pnl(reader, run),
        "metrics": run_metrics(reader, info),
        "positions": reader.rows(
            """SELECT position_id, strategy, instrument, phase, side, qty_1e8, average_entry_1e8,
            realised_1e8, fees_1e8, opened_at_ns FROM positions
            WHERE run = :run AND phase <> 'CLOSED' ORDER BY opened_at_ns, position_id""",
            run=run,
        ),
        "orders": reader.rows(
            """SELECT client_order_id, state, purpose, instrument, side, order_type, qty_1e8,
            filled_1e8, limit_1e8, trigger_1e8, intended_ns FROM orders
            WHERE run = :run AND state NOT IN (SELECT value FROM json_each(:terminal))
            ORDER BY intended_ns, client_order_id""",
            run=run,
            terminal=_TERMINAL,
        ),
        "counts": _counts(reader, run),
        "feed": _feed(reader, run),
        "no_trades": _no_trades(reader, run),
        "faults": _faults(reader, run),
        "clocks": _clocks(reader, run),
        "latency": histograms(
            reader.rows(
                "SELECT order_id, boot, stage, mono_ns FROM latency_marks WHERE run = :run", run=run
            )
        ),
        "journal": reader.journal_heads(run),
        "journal_hash": reader.journal_hash(run),
    }


def _kill(reader: RecordReader) -> dict[str, Any]:
    """The latched level, with who asked for it; a kill that waits for the next trader counts."""
    level = reader.kill_level()
    if level == "NONE":
        return {"level": level}
    asked = reader.row(
        """SELECT kill_id, reason, author, since_ns FROM kill_levels WHERE level = :level
        UNION ALL SELECT kill_id, reason, author, accepted_ns FROM kill_commands
            WHERE level = :level ORDER BY since_ns DESC LIMIT 1""",
        level=level,
    )
    return {**(asked or {}), "level": level}


def _equity(session: dict[str, Any] | None) -> int | None:
    if session is None:
        return None
    at_close: int | None = session["equity_1e8"]
    return session["start_equity_1e8"] if at_close is None else at_close


def _pnl(reader: RecordReader, run: str) -> dict[str, Any]:
    found = reader.row(
        """SELECT count(*) AS trades, coalesce(sum(gross_1e8), 0) AS gross_1e8,
        coalesce(sum(fees_1e8), 0) AS fees_1e8, coalesce(sum(net_1e8), 0) AS net_1e8
        FROM trades WHERE run = :run""",
        run=run,
    )
    return found or {}


def run_metrics(reader: RecordReader, info: RunInfo) -> dict[str, Any]:
    """Figures of the run and of each strategy; INSUFFICIENT_DATA under 30 trades (ME-1)."""
    rows = reader.rows(
        """SELECT trades.*, sessions.open_ns FROM trades
        JOIN sessions USING (run, account, session_date)
        WHERE run = :run ORDER BY exit_ns, trade_id""",
        run=info.run,
    )
    dates = reader.rows("SELECT DISTINCT session_date FROM sessions WHERE run = :run", run=info.run)
    trades = [_trade_result(row) for row in rows]
    whole = measure(trades, mode=info.mode, sessions=[row["session_date"] for row in dates])
    by_name = measure_by(trades, by_strategy)
    return {
        "all": whole.to_builtins(),
        "by_strategy": {name: found.to_builtins() for name, found in by_name.items()},
    }


def _trade_result(row: dict[str, Any]) -> TradeResult:
    return TradeResult(
        trade_id=row["trade_id"],
        mode=row["mode"],
        strategy=row["strategy"],
        setup=row["setup_instance"],
        instrument=row["instrument"],
        session_date=row["session_date"],
        session_open_ns=row["open_ns"],
        entry_ns=row["entry_ns"],
        exit_ns=row["exit_ns"],
        exit_reason=row["reason"],
        gross_1e8=row["gross_1e8"],
        fees_1e8=row["fees_1e8"],
        risk_1e8=row["risk_1e8"],
    )


def _counts(reader: RecordReader, run: str) -> dict[str, int]:
    kinds = {
        row["kind"]: row["n"]
        for row in reader.rows(
            "SELECT kind, count(*) AS n FROM journal WHERE run = :run GROUP BY kind", run=run
        )
    }
    return {
        "signals": kinds.get("SignalReceived", 0),
        "orders": kinds.get("OrderIntended", 0),
        "fills": kinds.get("OrderFilled", 0),
        "trades": kinds.get("TradeClosed", 0),
        "feed_gaps": kinds.get("FeedGap", 0),
        "journal_events": sum(kinds.values()),
    }


def _feed(reader: RecordReader, run: str) -> dict[str, int]:
    """What the feed said again or too late in the newest session that is over (MD-4)."""
    row = reader.row(
        """SELECT payload FROM journal WHERE run = :run AND kind = 'FeedCounted'
        ORDER BY pos DESC LIMIT 1""",
        run=run,
    )
    counted = orjson.loads(row["payload"]) if row else {}
    return {name: counted.get(name, 0) for name in ("repeated", "older", "disordered")}


def _no_trades(reader: RecordReader, run: str) -> dict[str, int]:
    """Totals by reason over all strategies and sessions."""
    totals: dict[str, int] = {}
    for row in reader.rows(
        "SELECT payload FROM journal WHERE run = :run AND kind = 'NoTradesCounted'", run=run
    ):
        for reason, count in orjson.loads(row["payload"]).get("counts", {}).items():
            totals[reason] = totals.get(reason, 0) + count
    return dict(sorted(totals.items()))


def _faults(reader: RecordReader, run: str) -> dict[str, Any]:
    events = reader.rows(
        """SELECT at_ns, kind, stream, payload FROM journal
        WHERE run = :run AND kind IN (SELECT value FROM json_each(:kinds)) ORDER BY pos""",
        run=run,
        kinds=json.dumps(list(_FAULTS.values())),
    )
    found: dict[str, Any] = {
        name: sum(event["kind"] == kind for event in events) for name, kind in _FAULTS.items()
    }
    found["latest"] = [
        {
            "at_ns": event["at_ns"],
            "kind": event["kind"],
            "stream": event["stream"],
            **orjson.loads(event["payload"]),
        }
        for event in events[-_FAULTS_SHOWN:]
    ]
    return found


def _clocks(reader: RecordReader, run: str) -> list[dict[str, Any]]:
    """Each clock beside ours as it was seen last (MD-3); none in a replay."""
    rows = reader.rows(
        """SELECT payload FROM journal WHERE pos IN (SELECT max(pos) FROM journal
            WHERE run = :run AND kind = 'ClockOffset' GROUP BY stream) ORDER BY stream""",
        run=run,
    )
    return [orjson.loads(row["payload"]) for row in rows]


# --- for people -----------------------------------------------------------------------------------


def show_status(found: dict[str, Any], console: Console) -> None:
    """Tables, and what needs attention first."""
    console.print(_head(found))
    if found.get("trader_error"):
        console.print(found["trader_error"], markup=False)
    if found.get("strategies"):
        console.print(_strategies(found["strategies"]))
    if found.get("positions"):
        console.print(_positions(found["positions"]))
    if found.get("orders"):
        console.print(_orders(found["orders"]))
    if found.get("metrics", {}).get("by_strategy"):
        console.print(_metrics(found["metrics"]))
    if found.get("latency"):
        console.print(_latency(found["latency"]))
    faults = found.get("faults", {})
    if faults.get("latest"):
        console.print(_latest_faults(faults["latest"]))


def _head(found: dict[str, Any]) -> Any:
    pnl = found.get("pnl", {})
    counts = found.get("counts", {})
    feed = found.get("feed", {})
    faults = found.get("faults", {})
    kill = found.get("kill", {})
    state = f"running, process {found['pid']}" if found["is_running"] else _ended(found)
    rows = [
        ("mode, run", f"{found.get('mode')}, {found.get('run')}"),
        ("state", state),
        ("kill", _kill_line(kill)),
        ("session", session_date(found.get("session_date"))),
        ("equity", amount(found.get("equity_1e8"))),
        (
            "P&L net (gross, fees)",
            f"{signed(pnl.get('net_1e8'))} ({signed(pnl.get('gross_1e8'))}, "
            f"{amount(pnl.get('fees_1e8'))})",
        ),
        (
            "orders, fills, trades",
            f"{counts.get('orders', 0)}, {counts.get('fills', 0)}, {counts.get('trades', 0)}",
        ),
        (
            "open positions, orders",
            f"{len(found.get('positions', []))}, {len(found.get('orders', []))}",
        ),
        (
            "faults",
            " · ".join(f"{name} {faults.get(name, 0)}" for name in _FAULTS),
        ),
        ("feed gaps", counts.get("feed_gaps", 0)),
        (
            "feed again, too late, out of order",
            f"{feed.get('repeated', 0)}, {feed.get('older', 0)}, {feed.get('disordered', 0)}",
        ),
        *(("clock", _clock_line(clock)) for clock in found.get("clocks", [])),
        (
            "journal",
            f"{counts.get('journal_events', 0)} events, {found.get('journal_hash', '')[:16]}",
        ),
    ]
    return table("Status", ("", "now"), rows)


def _clock_line(clock: dict[str, Any]) -> str:
    if clock["offset_ns"] is None:
        return f"{clock['name']} {clock['verdict']}: {clock['problem']}"
    within = f"within {duration(clock['within_ns'])}"
    return f"{clock['name']} {clock['verdict']}, {clock['offset_ns'] / 1e6:+.1f} ms ({within})"


def _ended(found: dict[str, Any]) -> str:
    if found.get("ended_ns") is None:
        return "cut off; `holdfast run --recover` goes on with it"
    return "ended cleanly" if found.get("is_clean") else "ended"


def _kill_line(kill: dict[str, Any]) -> str:
    level = kill.get("level", "NONE")
    if level == "NONE":
        return "off"
    return f"{level} since {moment(kill.get('since_ns'))}: {kill.get('reason', '')}"


def _strategies(rows: list[dict[str, Any]]) -> Any:
    cells = ((row["name"], row["instrument"], row["state"], row["last_answer"]) for row in rows)
    return table("Strategies", ("strategy", "instrument", "state", "last answer"), cells)


def _positions(rows: list[dict[str, Any]]) -> Any:
    cells = (
        (
            row.get("instrument"),
            row.get("side"),
            quantity(row.get("qty_1e8")),
            quantity(row.get("average_entry_1e8")),
            row.get("phase"),
            row.get("strategy"),
            row.get("position_id"),
        )
        for row in rows
    )
    columns = ("instrument", "side", "qty", "entry", "phase", "strategy", "position")
    return table("Open positions", columns, cells, right=("qty", "entry"))


def _orders(rows: list[dict[str, Any]]) -> Any:
    # UNKNOWN first: it is what a person may have to look after.
    ordered = sorted(rows, key=lambda row: row.get("state") != "UNKNOWN")
    cells = (
        (
            row.get("state"),
            row.get("purpose"),
            row.get("instrument"),
            row.get("side"),
            row.get("order_type"),
            f"{quantity(row.get('filled_1e8'))}/{quantity(row.get('qty_1e8'))}",
            row.get("client_order_id"),
        )
        for row in ordered
    )
    columns = ("state", "purpose", "instrument", "side", "type", "filled", "order")
    return table("Working orders", columns, cells, right=("filled",))


def _metrics(metrics: dict[str, Any]) -> Any:
    named = {**metrics["by_strategy"], "all": metrics["all"]}
    cells = (
        (name, found["trades"], signed(found["net_1e8"]), *_figures(found))
        for name, found in named.items()
    )
    columns = (
        "strategy",
        "trades",
        "net",
        "win rate",
        "expectancy",
        "R",
        "profit factor",
        "drawdown",
        "Sharpe",
    )
    return table("Performance", columns, cells, right=columns[1:])


def _figures(found: dict[str, Any]) -> tuple[str | None, ...]:
    figures = found["figures"]
    if figures == INSUFFICIENT_DATA:
        return (f"{INSUFFICIENT_DATA}: under {TRADES_MIN} trades", *[None] * 5)
    return (
        f"{figures['win_rate_ratio']:.1%}",
        signed(round(figures["expectancy_1e8"])),
        _number(figures["expectancy_r"]),
        _number(figures["profit_factor"]),
        amount(figures["drawdown_max_1e8"]),
        _number(figures["sharpe"]),
    )


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def _latency(rows: list[dict[str, Any]]) -> Any:
    quantiles = ("p50", "p90", "p95", "p99", "p99_9")
    cells = (
        (row["stage"], row["count"], *(duration(row.get(f"{name}_ns")) for name in quantiles))
        for row in rows
    )
    columns = ("latency", "n", *(name.replace("_", ".") for name in quantiles))
    return table("Latency (wall clock)", columns, cells, right=columns[1:])


def _latest_faults(rows: list[dict[str, Any]]) -> Any:
    cells = ((moment(row["at_ns"]), row["kind"], told(row["kind"], row)) for row in rows)
    return table("Latest faults", ("at", "what", "why"), cells)
