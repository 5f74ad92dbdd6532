"""A post-mortem for people: what was seen, what was decided, what came of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from console.render import amount, duration, moment, quantity, session_date, signed, table

Found = Mapping[str, Any]


def show_post_mortem(found: Found, console: Console) -> None:
    """Print it as tables."""
    console.print(
        f"{found['kind']} {found['about']} · {found['mode']} · run {found['run']}",
        markup=False,
        style="bold",
    )
    parts = _session_parts(found) if found["kind"] == "session" else _trade_parts(found)
    for part in parts:
        console.print(part, markup=False) if isinstance(part, str) else console.print(part)


def _trade_parts(found: Found) -> list[Table | str]:
    parts: list[Table | str] = [_timeline("Timeline", found["timeline"])]
    if found["signal"]:
        parts.append(_what_it_saw(found))
    if found["saw"]["bars"]:
        parts.append(_bars(found["saw"]["bars"]))
    elif found["saw"]["note"]:
        parts.append(found["saw"]["note"])
    if found["verdict"]:
        parts.append(_verdict(found["verdict"]))
    if found["trade"]:
        parts.append(_outcome(found["trade"]))
    elif found["position"]:
        parts.append(f"The position is {found['position']['phase']}: there is no trade yet.")
    if found["latency"]:
        parts.append(_latency(found["latency"]))
    parts.append(_quality(found["quality"]))
    return parts


def _session_parts(found: Found) -> list[Table | str]:
    parts: list[Table | str] = [_sessions(found["sessions"])]
    parts.append(_trades(found["trades"]) if found["trades"] else "No trade.")
    if found["refusals"]:
        parts.append(_refusals(found["refusals"]))
    if found["no_trades"]:
        parts.append(_no_trades(found["no_trades"]))
    if found["account"]:
        parts.append(_timeline("Account", found["account"]))
    parts.append(_quality(found["quality"]))
    return parts


def _timeline(title: str, events: Sequence[Found]) -> Table:
    rows = (
        (
            moment(event["at_ns"]),
            f"+{duration(event['since_ns'])}" if "since_ns" in event else "",
            event["kind"],
            event["text"],
        )
        for event in events
    )
    return table(title, ("exchange time", "since", "event", "what"), rows, right=("since",))


def _what_it_saw(found: Found) -> Table:
    signal = found["signal"]
    plan = signal.get("plan", {})
    leg = signal["legs"][0]
    rows = [
        ("strategy, setup", f"{signal['strategy']}, {signal['setup_instance']}"),
        ("asked for", f"{leg['side']} {leg['instrument']} {signal['order_type']} {signal['tif']}"),
        ("why", signal["reason"]),
        (
            "price it saw",
            f"{quantity(signal['reference_1e8'])} at {moment(signal['reference_ns'])}",
        ),
        ("confidence", quantity(signal.get("confidence_ratio_1e8"))),
        ("stop", _level(plan.get("stop", {}).get("level")) or plan.get("stop", {}).get("waiver")),
        ("target", _level(plan.get("target"))),
    ]
    return table("What the strategy saw", ("", "signal"), rows)


def _level(level: Found | None) -> str:
    return f"{quantity(level['value_1e8'])} {level['kind'].lower()}" if level else ""


def _bars(bars: Sequence[Found]) -> Table:
    rows = (
        (
            moment(bar["end_ns"], with_date=False),
            *(quantity(bar[f"{name}_1e8"]) for name in ("open", "high", "low", "close", "volume")),
            "" if bar["vwap"] is None else f"{bar['vwap']:.4f}",
            "seen" if bar["is_seen"] else "later",
        )
        for bar in bars
    )
    columns = ("bar until", "open", "high", "low", "close", "volume", "VWAP", "")
    return table("Bars around it", columns, rows, right=columns[1:7])


def _verdict(verdict: Found) -> Table:
    answer = "approved" if verdict["is_approved"] else "refused"
    rows = [("verdict", f"{answer}, quantity {quantity(verdict['qty_1e8'])}")]
    rows += [(f"sizing: {step['name']}", _sizing(step)) for step in verdict["sizing"]]
    rows += [(f"failed: {check['name']}", check["detail"]) for check in verdict["failed"]]
    if not verdict["failed"]:
        rows.append(("checks", "all passed"))
    return table("Verdict of the gate", ("check", "result"), rows)


def _sizing(step: Found) -> str:
    return f"{quantity(step['before_1e8'])} → {quantity(step['after_1e8'])}"


def _outcome(trade: Found) -> Table:
    rows = [
        ("exit cause", trade["reason"]),
        (
            "entry: intended, actual, slippage",
            f"{quantity(trade['entry_intended_1e8'])}, {quantity(trade['entry_1e8'])}, "
            f"{quantity(trade['entry_slippage_1e8'])}",
        ),
        (
            "exit: intended, actual, slippage",
            f"{quantity(trade['exit_intended_1e8'])}, {quantity(trade['exit_1e8'])}, "
            f"{quantity(trade['exit_slippage_1e8'])}",
        ),
        ("exit threshold", quantity(trade["exit_threshold_1e8"])),
        ("gap through the stop", quantity(trade["gap_1e8"])),
        ("held", duration(trade["exit_ns"] - trade["entry_ns"])),
        ("quantity", f"{trade['side']} {quantity(trade['qty_1e8'])} {trade['instrument']}"),
        ("gross, fees, net", _money(trade)),
        ("R", amount(trade["r_1e8"])),
    ]
    return table("What came of it", ("", "trade"), rows)


def _money(row: Found) -> str:
    return (
        f"{signed(row['gross_1e8'])}, {quantity(row['fees_1e8'])}, {signed(row['net_1e8'])}"
        if row["gross_1e8"] is not None
        else "open"
    )


def _latency(marks: Sequence[Found]) -> Table:
    rows = ((mark["order_id"], mark["stage"], f"+{duration(mark['since_ns'])}") for mark in marks)
    columns = ("order", "stage", "wall clock")
    return table("Latencies", columns, rows, right=("wall clock",))


def _quality(events: Sequence[Found]) -> Table | str:
    if not events:
        return "Data quality: no gap, no crash and no violation around it."
    return _timeline("Data quality and faults around it", events)


def _sessions(sessions: Sequence[Found]) -> Table:
    rows = (
        (
            row["account"],
            session_date(row["session_date"]),
            row["entries"],
            row["trades"],
            _money(row),
            amount(row["start_equity_1e8"]),
            amount(row["equity_1e8"]),
            row["positions_open"],
        )
        for row in sessions
    )
    columns = ("account", "session", "entries", "trades", "gross, fees, net", "from", "to", "open")
    return table("Session", columns, rows, right=columns[2:])


def _trades(trades: Sequence[Found]) -> Table:
    rows = (
        (
            moment(trade["entry_ns"], with_date=False),
            moment(trade["exit_ns"], with_date=False),
            trade["side"],
            quantity(trade["qty_1e8"]),
            quantity(trade["entry_1e8"]),
            quantity(trade["exit_1e8"]),
            trade["reason"],
            signed(trade["net_1e8"]),
            trade["trade_id"],
        )
        for trade in trades
    )
    columns = ("entry", "exit", "side", "qty", "from", "to", "cause", "net", "trade")
    return table("Trades", columns, rows, right=("qty", "from", "to", "net"))


def _refusals(refusals: Sequence[Found]) -> Table:
    rows = (
        (moment(row["at_ns"], with_date=False), row["signal_id"], ", ".join(row["failed"]))
        for row in refusals
    )
    return table("Signals refused by the gate", ("at", "signal", "failed checks"), rows)


def _no_trades(counted: Sequence[Found]) -> Table:
    rows = (
        (row.get("strategy", ""), reason, count)
        for row in counted
        for reason, count in sorted(row.get("counts", {}).items())
    )
    columns = ("strategy", "reason", "times")
    return table("Why nothing was done", columns, rows, right=("times",))
