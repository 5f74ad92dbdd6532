"""A post-mortem as one HTML file: opens from disk without server, script or network (PM-1)."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from console.bars_seen import session_bars
from console.render import amount, duration, moment, quantity, session_date, signed
from console.report_chart import Fill, Level, chart
from console.report_style import STYLE

Found = Mapping[str, Any]
BEFORE_NS: Final = 45 * 60 * 1_000_000_000
AFTER_NS: Final = 30 * 60 * 1_000_000_000
_1E8: Final = 1e-8


def report_html(found: Found) -> str:
    """The whole page, of what `post_mortem_of` put together."""
    tape_path = found["tape_path"] or ""
    parts = _session_parts(found, tape_path) if found["kind"] == "session" else _trade_parts(
        found, tape_path
    )  # fmt: skip
    title = f"{found['kind']} {found['about']}"
    head = (
        f"<header><h1>Post-mortem: {escape(title)}</h1><p>{escape(found['mode'])} · run "
        f"{escape(found['run'])} · {escape(found['source'])} · times of the exchange</p></header>"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body>{head}<main>{''.join(part for part in parts if part)}</main></body></html>"
    )


# --- one trade ------------------------------------------------------------------------------------


def _trade_parts(found: Found, tape_path: str) -> list[str]:
    return [
        _outcome(found),
        _picture_of_trade(found, tape_path),
        _saw(found),
        _verdict(found),
        _orders(found),
        _section("Timeline", _timeline(found["timeline"])),
        _latency(found),
        _quality(found),
    ]


def _outcome(found: Found) -> str:
    trade = found["trade"]
    if trade is None:
        phase = found["position"]["phase"] if found["position"] else "no position"
        return _section("Outcome", f"<p>There is no closed trade yet: {escape(str(phase))}.</p>")
    return _section(
        "Outcome",
        _facts(
            [
                ("net", signed(trade["net_1e8"]), _tone(trade["net_1e8"])),
                ("gross", signed(trade["gross_1e8"]), _tone(trade["gross_1e8"])),
                ("fees", amount(trade["fees_1e8"], 4), ""),
                ("R", signed(trade["r_1e8"]), _tone(trade["r_1e8"])),
                ("why it ended", trade["reason"], ""),
                ("side, quantity", f"{trade['side']} {quantity(trade['qty_1e8'])}", ""),
                ("entry", quantity(trade["entry_1e8"]), ""),
                ("exit", quantity(trade["exit_1e8"]), ""),
                ("held", duration(trade["exit_ns"] - trade["entry_ns"]), ""),
                ("slippage in", quantity(trade["entry_slippage_1e8"]), ""),
                ("slippage out", quantity(trade["exit_slippage_1e8"]), ""),
                ("beyond the stop", quantity(trade["gap_1e8"]), ""),
            ]
        ),
    )


def _picture_of_trade(found: Found, tape_path: str) -> str:
    if not found["timeline"]:
        return ""
    first_ns, last_ns = found["timeline"][0]["at_ns"], found["timeline"][-1]["at_ns"]
    instrument = _instrument(found)
    seen = session_bars(Path(tape_path), instrument, last_ns)
    bars = [
        bar
        for bar in seen["bars"]
        if first_ns - BEFORE_NS <= bar["end_ns"] <= min(last_ns + AFTER_NS, found["until_ns"])
    ]
    fills = [_fill_of(fill, found["orders"]) for fill in found["fills"]]
    levels = _levels(found, first_ns, last_ns)
    drawn = chart(f"Price of {instrument} around the trade", bars, levels=levels, fills=fills)
    return _section(f"Price of {instrument}", (drawn + _LEGEND) if drawn else _note(seen["note"]))


def _instrument(found: Found) -> str:
    for source in (found["trade"], found["position"], *found["orders"]):
        if source:
            return str(source["instrument"])
    legs = (found["signal"] or {}).get("legs") or [{"instrument": ""}]
    return str(legs[0]["instrument"])


def _fill_of(fill: Found, orders: Sequence[Found]) -> Fill:
    purposes = {order["client_order_id"]: order["purpose"] for order in orders}
    purpose = purposes.get(fill["client_order_id"], "")
    text = (
        f"{purpose} {fill['side']} {quantity(fill['qty_1e8'])} at {quantity(fill['price_1e8'])}, "
        f"{moment(fill['at_ns'])}"
    )
    price = fill["price_1e8"] * _1E8
    return Fill(fill["at_ns"], price, purpose == "ENTRY", fill["side"] == "BUY", text)


def _levels(found: Found, first_ns: int, last_ns: int) -> list[Level]:
    """Entry, the stop and the target that were in force, where the record has them."""
    trade = found["trade"] or {}
    levels = {
        "entry": trade.get("entry_1e8"),
        "stop": _stop_1e8(found),
        "target": _target_1e8(found),
    }
    return [Level(name, level * _1E8, first_ns, last_ns) for name, level in levels.items() if level]


def _stop_1e8(found: Found) -> int | None:
    for exit_ in found["exits"]:
        if "STOP" in str(exit_.get("reason")) and exit_.get("threshold_1e8"):
            return int(exit_["threshold_1e8"])
    trade, signal = found["trade"], found["signal"] or {}
    level = (signal.get("plan", {}).get("stop") or {}).get("level") or {}
    return _level_1e8(level, trade, below=True)


def _target_1e8(found: Found) -> int | None:
    signal = found["signal"] or {}
    return _level_1e8(signal.get("plan", {}).get("target") or {}, found["trade"], below=False)


def _level_1e8(level: Found, trade: Found | None, *, below: bool) -> int | None:
    """A planned level as a price: given as one, or as a share of the entry."""
    value = level.get("value_1e8")
    if value is None or trade is None:
        return None
    match level.get("kind"):
        case "PRICE":
            return int(value)
        case "RATIO":
            side = 1 if trade["side"] == "BUY" else -1
            sign = -side if below else side
            return int(trade["entry_1e8"] * (1 + sign * value * _1E8))
        case _:
            return None


def _saw(found: Found) -> str:
    signal = found["signal"]
    if not signal:
        return ""
    return _section(
        "What the strategy saw, and why",
        f"<p>{escape(str(signal['reason']))}</p>"
        + _facts(
            [
                ("strategy", signal["strategy"], ""),
                ("setup", signal["setup_instance"], ""),
                ("price it saw", quantity(signal["reference_1e8"]), ""),
                ("at", moment(signal["reference_ns"]), ""),
                ("confidence", quantity(signal.get("confidence_ratio_1e8")), ""),
            ]
        ),
    )


def _verdict(found: Found) -> str:
    verdict = found["verdict"]
    if not verdict:
        return ""
    said = "approved" if verdict["is_approved"] else "refused"
    sizing = _table(
        ("step", "before", "after"),
        (
            (step["name"], quantity(step["before_1e8"]), quantity(step["after_1e8"]))
            for step in verdict["sizing"]
        ),
    )
    failed = _table(
        ("check that failed", "what it found"),
        ((check["name"], check["detail"]) for check in verdict["failed"]),
    )
    size = quantity(verdict["qty_1e8"])
    return _section("Risk", f"<p><b>{said}</b>, quantity {size}</p>{sizing}{failed}")


def _orders(found: Found) -> str:
    orders = _table(
        ("order", "purpose", "side", "type", "quantity", "filled", "state", "cause"),
        (
            (
                order["client_order_id"],
                order["purpose"],
                order["side"],
                order["order_type"],
                quantity(order["qty_1e8"]),
                quantity(order["filled_1e8"]),
                order["state"],
                order["cause"],
            )
            for order in found["orders"]
        ),
    )
    fills = _table(
        ("fill", "time", "side", "quantity", "price", "fee"),
        (
            (
                fill["execution_id"],
                moment(fill["at_ns"]),
                fill["side"],
                quantity(fill["qty_1e8"]),
                quantity(fill["price_1e8"]),
                quantity(fill["fee_1e8"]),
            )
            for fill in found["fills"]
        ),
    )
    exits = _table(
        ("exit", "triggered at", "against", "what it says"),
        (
            (
                each["reason"],
                quantity(each["trigger_1e8"]),
                quantity(each["threshold_1e8"]),
                each["text"],
            )
            for each in found["exits"]
        ),
    )
    return _section("Execution", orders + fills + exits) if found["orders"] else ""


def _latency(found: Found) -> str:
    marks = found["latency"]
    if not marks:
        return ""
    rows = ((mark["order_id"], mark["stage"], duration(mark["since_ns"])) for mark in marks)
    return _section("Latency, wall clock", _table(("order", "stage", "since its first mark"), rows))


# --- one session ----------------------------------------------------------------------------------


def _session_parts(found: Found, tape_path: str) -> list[str]:
    session = found["sessions"][0]
    trades = found["trades"]
    return [
        _section(
            "Session",
            _facts(
                [
                    ("date", session_date(session["session_date"]), ""),
                    ("net", signed(session["net_1e8"]), _tone(session["net_1e8"])),
                    ("gross", signed(session["gross_1e8"]), _tone(session["gross_1e8"])),
                    ("fees", amount(session["fees_1e8"], 4), ""),
                    ("trades", len(trades), ""),
                    ("equity before", amount(session["start_equity_1e8"]), ""),
                    ("equity after", amount(session["equity_1e8"]), ""),
                    ("positions left", session["positions_open"], ""),
                ]
            ),
        ),
        *_pictures_of_session(found, tape_path),
        _section("Trades", _table(_TRADE_COLUMNS, map(_trade_row, trades)) or _note("No trade.")),
        _refusals(found),
        _no_trades(found),
        _section("Account", _timeline(found["account"])) if found["account"] else "",
        _quality(found),
    ]


def _pictures_of_session(found: Found, tape_path: str) -> Iterable[str]:
    close_ns = found["sessions"][0]["close_ns"]
    for instrument in sorted({trade["instrument"] for trade in found["trades"]}):
        seen = session_bars(Path(tape_path), instrument, close_ns)
        bars = [bar for bar in seen["bars"] if bar["end_ns"] <= found["until_ns"]]
        fills = [
            Fill(trade[f"{when}_ns"], trade[f"{when}_1e8"] * _1E8, when == "entry", is_buy, text)
            for trade in found["trades"]
            if trade["instrument"] == instrument
            for when, is_buy in (
                ("entry", trade["side"] == "BUY"),
                ("exit", trade["side"] != "BUY"),
            )
            for text in [f"{when} of {trade['trade_id']} at {quantity(trade[f'{when}_1e8'])}"]
        ]
        drawn = chart(f"Price of {instrument} in the session", bars, fills=fills)
        yield _section(
            f"Price of {instrument}", (drawn + _LEGEND) if drawn else _note(seen["note"])
        )


_TRADE_COLUMNS: Final = ("closed", "trade", "side", "quantity", "entry", "exit", "net", "R", "why")


def _trade_row(trade: Found) -> tuple[Any, ...]:
    return (
        moment(trade["exit_ns"], with_date=False),
        trade["trade_id"],
        trade["side"],
        quantity(trade["qty_1e8"]),
        quantity(trade["entry_1e8"]),
        quantity(trade["exit_1e8"]),
        signed(trade["net_1e8"]),
        signed(trade["r_1e8"]),
        trade["reason"],
    )


def _refusals(found: Found) -> str:
    rows = (
        (moment(each["at_ns"], with_date=False), each["signal_id"], ", ".join(each["failed"]))
        for each in found["refusals"]
    )
    table = _table(("time", "signal", "failed"), rows)
    return _section("Refused by risk", table) if table else ""


def _no_trades(found: Found) -> str:
    rows = [
        (counted["strategy"], reason, count)
        for counted in found["no_trades"]
        for reason, count in sorted(counted["counts"].items())
    ]
    table = _table(("strategy", "why no trade", "times"), rows)
    return _section("Evaluations without a trade", table) if table else ""


# --- small parts ----------------------------------------------------------------------------------

_LEGEND: Final = (
    '<p class="legend"><i class="vwap"></i>VWAP and one deviation <i class="entry"></i>entry '
    '<i class="exit"></i>exit; ▲ bought, ▼ sold</p>'
)


def _quality(found: Found) -> str:
    told = _timeline(found["quality"]) if found["quality"] else _note(
        "No gap, no crash, no violated invariant around it."
    )  # fmt: skip
    return _section("Data and runtime around it", told)


def _timeline(events: Sequence[Found]) -> str:
    return _table(
        ("time", "since", "event", "what"),
        (
            (
                moment(event["at_ns"]),
                f"+{duration(event['since_ns'])}" if "since_ns" in event else "",
                event["kind"],
                event["text"],
            )
            for event in events
        ),
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _note(text: str) -> str:
    return f'<p class="quiet">{escape(text)}</p>'


def _facts(facts: Iterable[tuple[str, object, str]]) -> str:
    cells = (
        f'<div><dt>{escape(name)}</dt><dd class="{tone}">{escape(_shown(value))}</dd></div>'
        for name, value, tone in facts
    )
    return f"<dl>{''.join(cells)}</dl>"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [
        f"<tr>{''.join(f'<td>{escape(_shown(cell))}</td>' for cell in row)}</tr>" for row in rows
    ]
    if not lines:
        return ""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(columns[0])}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _shown(cell: object) -> str:
    return "-" if cell is None else str(cell)


def _tone(value_1e8: int | None) -> str:
    if not value_1e8:
        return ""
    return "up" if value_1e8 > 0 else "down"
