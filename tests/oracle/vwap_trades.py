"""What SG-3 should have traded on minute bars, worked out in plain Python with exact fractions.

It shares no code with the product: bars come straight from the Parquet file through DuckDB, New
York times from the standard library's time zones, sums are exact fractions. One strategy, one
instrument, long only, whole fills at the next bar's open plus slippage, one fee for each contract
and side.
"""

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

NEW_YORK = ZoneInfo("America/New_York")
MINUTE_NS = 60_000_000_000


@dataclass(frozen=True)
class Rules:
    """The parameters of SG-3 and of the paper venue, as exact fractions."""

    deviation: Fraction
    stop: Fraction
    bars_min: int
    entries_from: dt.time
    entries_until: dt.time
    flat_at: dt.time
    trades_max: int
    risk_usd: Fraction
    notional_usd_max: Fraction
    multiplier: Fraction
    tick: Fraction
    slippage_ticks: int
    fee_usd: Fraction


@dataclass(frozen=True)
class Bar:
    """One minute: `start_ns` UTC, prices in dollars."""

    start_ns: int
    open: Fraction
    high: Fraction
    low: Fraction
    close: Fraction
    volume: Fraction


@dataclass(frozen=True)
class Trade:
    """One round trip, flat to flat."""

    entry_ns: int
    exit_ns: int
    qty: int
    entry_price: Fraction
    exit_price: Fraction
    fees: Fraction
    reason: str
    net: Fraction


def sessions(path: Path) -> dict[dt.date, list[Bar]]:
    """The bars of `path` by New York date, oldest first."""
    rows = duckdb.execute(
        "select epoch_ns(ts::timestamptz), open, high, low, close, volume"
        " from read_parquet(?) order by ts",
        [str(path)],
    ).fetchall()
    days: dict[dt.date, list[Bar]] = {}
    for start_ns, *numbers in rows:
        bar = Bar(start_ns, *(Fraction(str(number)) for number in numbers))
        days.setdefault(_clock(start_ns).date(), []).append(bar)
    return days


def trades(day: list[Bar], rules: Rules) -> list[Trade]:
    """The trades of one session."""
    done: list[Trade] = []
    weighted, volume = Fraction(0), Fraction(0)
    entry: tuple[int, Fraction, int] | None = None  # filled at, price, quantity
    flat_at = min(rules.flat_at, _minus(_clock(day[-1].start_ns + MINUTE_NS), 5))
    for count, bar in enumerate(day, start=1):
        weighted += (bar.high + bar.low + bar.close) / 3 * bar.volume
        volume += bar.volume
        if volume == 0 or count == len(day):
            continue
        vwap = weighted / volume
        now, later = _clock(bar.start_ns + MINUTE_NS).time(), day[count]
        if entry is not None:
            reason = _exit_reason(bar, vwap, entry[1], now, flat_at, rules)
            if reason is not None and later.start_ns >= entry[0]:
                done.append(_close(entry, later, reason, rules))
                entry = None
            continue
        if not rules.entries_from <= now <= rules.entries_until or count < rules.bars_min:
            continue
        qty = _quantity(bar.close, rules)
        if bar.close < vwap * (1 - rules.deviation) and qty > 0 and len(done) < rules.trades_max:
            entry = (later.start_ns, later.open + rules.slippage_ticks * rules.tick, qty)
    return done


def _exit_reason(
    bar: Bar, vwap: Fraction, entry: Fraction, now: dt.time, flat_at: dt.time, rules: Rules
) -> str | None:
    if now >= flat_at:
        return "FORCE_FLAT"
    if bar.close <= entry * (1 - rules.stop):
        return "STOP_LOSS"
    if bar.close >= vwap:
        return "TAKE_PROFIT"
    return None


def _close(entry: tuple[int, Fraction, int], later: Bar, reason: str, rules: Rules) -> Trade:
    entry_ns, bought, qty = entry
    sold = later.open - rules.slippage_ticks * rules.tick
    fees = 2 * qty * rules.fee_usd
    gross = (sold - bought) * qty * rules.multiplier
    return Trade(entry_ns, later.start_ns, qty, bought, sold, fees, reason, gross - fees)


def _quantity(price: Fraction, rules: Rules) -> int:
    by_risk = rules.risk_usd / (price * rules.stop * rules.multiplier)
    by_notional = rules.notional_usd_max / (price * rules.multiplier)
    return int(min(by_risk, by_notional))


def _clock(ns: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ns // 1_000_000_000, tz=NEW_YORK)


def _minus(at: dt.datetime, minutes: int) -> dt.time:
    return (at - dt.timedelta(minutes=minutes)).time()
