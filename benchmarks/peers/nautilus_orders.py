# mypy: ignore-errors
"""Order path of NautilusTrader's back-test engines: strategy callback to fill callback.

For each quote the strategy makes a market order, submits it, and notes the time at the fill. Two
patterns: `flip` opens and closes in turns, as our own benchmark does; `grow` adds to one position,
which spares the engine its closed positions. Whichever is fastest is the reference.

Usage: nautilus_orders.py ORDERS    prints one line of JSON, times in ns
"""

import gc
import json
import sys
import time
from decimal import Decimal
from random import Random

from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

SEED = 20260220
FIRST_NS = 1_735_828_200 * 10**9
EVERY_NS = 20_000_000  # below the default limit on the rate of orders
FLIPS_MAX = 2_000  # each closed position makes the next one dearer: more would only flatter us
WARM_UP = 100


class OnEachQuote(Strategy):
    """One market order for each quote."""

    def __init__(self, instrument_id, pattern):
        super().__init__(StrategyConfig(log_events=False, log_commands=False))
        self.instrument = instrument_id
        self.is_flip = pattern == "flip"
        self.side = OrderSide.BUY
        self.qty = Quantity.from_int(1)
        self.started_ns = self.started_cpu_ns = 0
        self.taken_ns, self.cpu_ns = [], []

    def on_start(self):
        self.subscribe_quote_ticks(self.instrument)

    def on_quote_tick(self, tick):
        self.started_cpu_ns = time.thread_time_ns()
        self.started_ns = time.perf_counter_ns()
        order = self.order_factory.market(self.instrument, self.side, self.qty)
        if self.is_flip:
            self.side = OrderSide.SELL if self.side == OrderSide.BUY else OrderSide.BUY
        self.submit_order(order)

    def on_order_filled(self, event):
        now_ns, cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
        self.taken_ns.append(now_ns - self.started_ns)
        self.cpu_ns.append(cpu_ns - self.started_cpu_ns)


def quotes(instrument, count):
    random = Random(SEED)
    mid = 40_000
    size = Quantity.from_int(1000)
    made = []
    for number in range(count):
        mid += random.randint(-3, 3)
        at = FIRST_NS + number * EVERY_NS
        bid, ask = Price(mid / 100 - 0.01, 2), Price(mid / 100, 2)
        made.append(QuoteTick(instrument.id, bid, ask, size, size, at, at))
    return made


def run(count, pattern, *, is_queued):
    instrument = TestInstrumentProvider.equity("SPY", "SIM")
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        Venue("SIM"),
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money(1e9, USD)],
        base_currency=USD,
        default_leverage=Decimal(1),
        use_message_queue=is_queued,
    )
    engine.add_instrument(instrument)
    engine.add_data(quotes(instrument, count))
    strategy = OnEachQuote(instrument.id, pattern)
    engine.add_strategy(strategy)
    gc.collect()
    started = time.perf_counter_ns()
    engine.run()
    wall_ns = time.perf_counter_ns() - started
    taken, cpu = list(strategy.taken_ns), list(strategy.cpu_ns)
    engine.dispose()
    return summary(taken, cpu, wall_ns)


def summary(taken_ns, cpu_ns, wall_ns):
    tenth = max(1, len(taken_ns) // 10)
    ordered, ordered_cpu = sorted(taken_ns[WARM_UP:]), sorted(cpu_ns[WARM_UP:])
    return {
        "orders": len(taken_ns),
        "median_ns": ordered[len(ordered) // 2],
        "p99_ns": ordered[int(len(ordered) * 0.99)],
        "p99_cpu_ns": ordered_cpu[int(len(ordered) * 0.99)],
        "orders_per_s": len(taken_ns) * 1e9 / wall_ns,
        "growth_ratio": median(taken_ns[-tenth:]) / median(taken_ns[:tenth]),
    }


def median(values):
    return sorted(values)[len(values) // 2]


def main():
    count = int(sys.argv[1])
    cases = {
        "flip": lambda: run(min(count, FLIPS_MAX), "flip", is_queued=True),
        "grow": lambda: run(count, "grow", is_queued=True),
        "grow, inline": lambda: run(count, "grow", is_queued=False),
    }
    run(200, "grow", is_queued=True)  # warm up
    print(json.dumps({"peer": "nautilus_orders", "cases": {k: f() for k, f in cases.items()}}))


main()
