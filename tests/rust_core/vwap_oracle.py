"""What the VWAP rule should have traded, written a second time in plain Python with fractions.

It shares no code with the product. One position at a time, market orders that fill on the next open
print worsened by the slippage, the whole of them. Prices are in ticks, so that they are whole.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

MINUTE_NS = 60_000_000_000


class Candle(NamedTuple):
    """A bar: its start, prices in ticks, volume in units."""

    start_ns: int
    open_: int
    high: int
    low: int
    close: int
    volume: int


@dataclass(frozen=True)
class Day:
    """A session and its bars."""

    date: int
    open_ns: int
    close_ns: int
    bars: Sequence[Candle]


@dataclass(frozen=True)
class Terms:
    """Parameters of the rule, the account and the venue; prices in ticks, money in dollars."""

    deviation: Fraction = Fraction(3, 1000)
    stop: Fraction = Fraction(3, 1000)
    window: tuple[int, int] = (30, 120)
    bars_min: int = 20
    entries_max: int = 1
    is_short_allowed: bool = False
    slippage: int = 1
    tick: Fraction = Fraction(1, 4)
    multiplier: int = 50
    fee: Fraction = Fraction(9, 4)
    risk: Fraction = Fraction(1200)
    units_max: int = 10


class Trade(NamedTuple):
    """A round trip; prices in ticks."""

    date: int
    side: int
    qty: int
    entry_ns: int
    exit_ns: int
    entry: int
    exit_: int
    reason: str
    gross: Fraction
    fees: Fraction


@dataclass
class _Open:
    side: int
    qty: int
    entry_ns: int
    entry: int


class _Session:
    """One session, one bar after the other."""

    def __init__(self, day: Day, terms: Terms) -> None:
        self.day, self.terms = day, terms
        self.flat_ns = min(day.open_ns + 385 * MINUTE_NS, day.close_ns - 5 * MINUTE_NS)
        self.weighted = self.volume = self.bars = self.entries = 0
        self.position: _Open | None = None
        self.wanted: tuple[int, int] | None = None
        self.leaving: str | None = None

    def trades(self) -> Iterator[Trade]:
        """Every round trip of the session."""
        for bar in self.day.bars:
            if self.position and not self.leaving and bar.start_ns >= self.flat_ns:
                self.leaving = "FORCE_FLAT"
            yield from self._print(bar.start_ns, bar.open_)
            self._close(bar)

    def _print(self, at_ns: int, price: int) -> Iterator[Trade]:
        terms = self.terms
        if self.position and self.leaving:
            held, got = self.position, price - self.position.side * terms.slippage
            gross = (got - held.entry) * held.side * terms.tick * held.qty * terms.multiplier
            yield Trade(
                self.day.date, held.side, held.qty, held.entry_ns, at_ns, held.entry, got,
                self.leaving, gross, 2 * held.qty * terms.fee,
            )  # fmt: skip
            self.position = self.leaving = None
        elif self.wanted:
            side, qty = self.wanted
            self.position = _Open(side, qty, at_ns, price + side * terms.slippage)
            self.wanted = None

    def _close(self, bar: Candle) -> None:
        self.bars += 1
        self.weighted += (bar.high + bar.low + bar.close) * bar.volume
        self.volume += bar.volume
        vwap = Fraction(self.weighted, 3 * self.volume) if self.volume else None
        if self.position:
            self._watch(self.position, bar.start_ns + MINUTE_NS, bar.close, vwap)
        elif not self.wanted and vwap is not None:
            self._enter(bar, vwap)

    def _watch(self, held: _Open, end_ns: int, close: int, vwap: Fraction | None) -> None:
        if self.leaving:
            return
        if end_ns >= self.flat_ns:  # the clock strikes before the bar of that minute is known
            self.leaving = "FORCE_FLAT"
            return
        stop = held.entry * (1 - held.side * self.terms.stop)
        if (close - stop) * held.side <= 0:
            self.leaving = "STOP_LOSS"
        elif vwap is not None and (close - vwap) * held.side >= 0:
            self.leaving = "TAKE_PROFIT"

    def _enter(self, bar: Candle, vwap: Fraction) -> None:
        terms = self.terms
        first, last = (self.day.open_ns + minutes * MINUTE_NS for minutes in terms.window)
        is_time = first <= bar.start_ns + MINUTE_NS <= last
        if not is_time or self.bars < terms.bars_min or self.entries >= terms.entries_max:
            return
        side = 1 if bar.close < vwap * (1 - terms.deviation) else 0
        if terms.is_short_allowed and bar.close > vwap * (1 + terms.deviation):
            side = -1
        risk_per_unit = bar.close * terms.tick * terms.stop * terms.multiplier
        qty = min(math.floor(terms.risk / risk_per_unit), terms.units_max)
        if side and qty:
            self.wanted = (side, qty)
            self.entries += 1


def trades(days: Sequence[Day], terms: Terms) -> list[Trade]:
    """Every round trip, oldest first."""
    return [trade for day in days for trade in _Session(day, terms).trades()]
