"""What happened before and since the venue opened, for the routes that ask about the past.

The past before the opening is made up from the seed: one session of minutes that ends at the first
price, the same whenever it is asked for.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

from brokers.sim.alpaca.data_stream import bar_fields, quote_fields, trade_fields
from brokers.sim.core import Core
from brokers.sim.market import BarTick, new_bar
from brokers.sim.units import DAY_NS, MINUTE_NS, ONE_1E8, eastern


@dataclass(frozen=True, slots=True)
class Row:
    """One bar, quote or print as the wire has it, without its time."""

    at_ns: int
    fields: dict[str, Any]


def past_bars(core: Core, symbol: str) -> list[BarTick]:
    """The minutes of the session before the venue opened."""
    instrument = core.market.instrument(symbol)
    session = core.hours.before(core.started_ns)
    random = Random(  # noqa: S311 - prices, not secrets
        f"{core.options.seed}/{symbol}/past"
    )
    price_1e8 = instrument.start_1e8
    bars: list[BarTick] = []
    start_ns = session.close_ns - MINUTE_NS
    while start_ns >= session.open_ns and len(bars) < 24 * 60:
        before_1e8 = max(
            20 * instrument.tick_1e8, price_1e8 + random.randint(-3, 3) * instrument.tick_1e8
        )
        bar = new_bar(symbol, start_ns, before_1e8)
        for each_1e8 in (before_1e8, price_1e8):
            bar.add(each_1e8, random.randint(1, 9) * 100 * ONE_1E8)
        bars.append(bar)
        price_1e8 = before_1e8
        start_ns -= MINUTE_NS
    return bars[::-1]


def bars_between(core: Core, symbol: str, between: tuple[int, int], length_ns: int) -> list[Row]:
    """Bars that start within `between`, both ends included."""
    minutes = [*past_bars(core, symbol), *core.market.bars_of(symbol)]
    merged: list[BarTick] = []
    for bar in minutes:
        start_ns = _start_of(bar.start_ns, length_ns)
        if not merged or merged[-1].start_ns != start_ns:
            merged.append(new_bar(symbol, start_ns, bar.open_1e8))
        whole = merged[-1]
        whole.high_1e8 = max(whole.high_1e8, bar.high_1e8)
        whole.low_1e8 = min(whole.low_1e8, bar.low_1e8)
        whole.close_1e8 = bar.close_1e8
        whole.volume_1e8 += bar.volume_1e8
        whole.turnover_1e8 += bar.turnover_1e8
        whole.count += bar.count
    first_ns, last_ns = between
    return [
        Row(bar.start_ns, bar_fields(bar)) for bar in merged if first_ns <= bar.start_ns <= last_ns
    ]


def _start_of(ns: int, length_ns: int) -> int:
    """Where the bar that holds an instant begins; days begin at midnight in New York."""
    if length_ns < DAY_NS:
        return ns // length_ns * length_ns
    local = eastern(ns)
    return ns - ((local.hour * 60 + local.minute) * MINUTE_NS + ns % MINUTE_NS)


def trades_between(core: Core, symbol: str, first_ns: int, last_ns: int) -> list[Row]:
    """The newest print, when it lies between."""
    trade = core.market.trade_of(symbol)
    if trade is None or not first_ns <= trade.at_ns <= last_ns:
        return []
    return [Row(trade.at_ns, trade_fields(trade))]


def quotes_between(core: Core, symbol: str, first_ns: int, last_ns: int) -> list[Row]:
    """The newest quote, when it lies between."""
    quote = core.market.quote_of(symbol)
    if quote is None or not first_ns <= quote.at_ns <= last_ns:
        return []
    return [Row(quote.at_ns, quote_fields(quote))]
