"""From a kill to its last cancel: 25 orders at a venue of its own process, idle loop and busy one.

The whole live system in this process, a real record on disk, a real HTTP connection: gate, two
commits and 25 requests. The venue allows more calls than there are, so its limit is not measured.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from actors.adapter import AdapterActor
from actors.operator_words import KillLevel, ResumeRequest
from actors.trader_port import RunningTrader
from benchmarks.measure import Figure, quantile
from benchmarks.setting import Group, Setting
from brokers.http import ANSWER_WAIT_S
from tests.support.live import SYMBOL, Live, at_venue, live, live_config, simulator
from trading.config import Config
from trading.market import Quote

ORDERS: Final = 25
KILLS: Final = 100
IDLE_KILLS: Final = 40
_WARM_UP: Final = 3
_POLLERS: Final = 2
_BURST: Final = 50
_BURST_S: Final = 0.02
"""Quotes come in bursts: 2,500 a second, each of them seen by feed, account and telemetry."""
_ATTEMPTS: Final = 20
_LOOKS: Final = 100
_LOOK_S: Final = 0.005
_MS: Final = 1e6


class Timed:
    """A venue that notes when each cancel's bytes are handed over, and when it is answered."""

    def __init__(self, venue: Any) -> None:
        """Stand before a venue."""
        self._venue = venue
        self.handed_ns: list[int] = []
        self.answered_ns: list[int] = []

    def __getattr__(self, name: str) -> Any:
        """Everything else is the venue's own."""
        return getattr(self._venue, name)

    async def cancel(self, order: str, broker_order_id: str, allow: Callable[[], None]) -> Any:
        """The venue's cancel, timed."""

        def handed() -> None:
            allow()
            self.handed_ns.append(time.perf_counter_ns())

        outcome = await self._venue.cancel(order, broker_order_id, handed)
        self.answered_ns.append(time.perf_counter_ns())
        return outcome

    async def cancel_all(self, orders: frozenset[str], allow: Callable[[], None]) -> frozenset[str]:
        """The venue's cancel of many by one call, timed."""

        def handed() -> None:
            allow()
            self.handed_ns.append(time.perf_counter_ns())

        taken: frozenset[str] = await self._venue.cancel_all(orders, handed)
        self.answered_ns.append(time.perf_counter_ns())
        return taken


def roomy_config() -> Config:
    """As many orders on one instrument as there are, for strategies of any name."""
    config = live_config()
    limits = msgspec.structs.replace(
        config.limits, positions_per_instrument_max=2 * ORDERS, positions_max=2 * ORDERS
    )
    return msgspec.structs.replace(config, limits=limits, strategies=())


class Bench:
    """One trader, killed and resumed again and again.

    Attributes:
        handed_ms: From each kill to the hand-over of its last cancel.
        answered_ms: From each kill to the venue's answer to its last cancel.
    """

    def __init__(self, desk: Live) -> None:
        """Time the cancels of this trader."""
        self.desk = desk
        lane = desk.trader.lane
        adapter = getattr(lane.names[f"adapter:{desk.trader.config.run.account}"], "actor", None)
        if not isinstance(adapter, AdapterActor):
            raise TypeError(f"expected the adapter's actor, found {adapter!r}")
        self.venue = Timed(adapter.venue)
        adapter.venue = self.venue
        self.port = RunningTrader(desk.trader.system, rescan=dict)
        self.handed_ms: list[float] = []
        self.answered_ms: list[float] = []
        self._round = 0

    async def kill_once(self) -> None:
        """Rest 25 orders, kill, wait until the venue has nothing, and resume."""
        desk, venue = self.desk, self.venue
        self._round += 1
        orders = await self._rest_orders()
        venue.handed_ns.clear()
        venue.answered_ns.clear()
        done = len(desk.payloads("KillFinished"))
        began_ns = time.perf_counter_ns()
        desk.kill(KillLevel.FLATTEN)
        await desk.until(lambda: len(desk.payloads("KillFinished")) > done, "the end of the kill")
        if not venue.handed_ns or not venue.answered_ns:
            raise RuntimeError(f"expected the cancels of {orders} orders, found none")
        self.handed_ms.append((venue.handed_ns[-1] - began_ns) / _MS)
        self.answered_ms.append((venue.answered_ns[-1] - began_ns) / _MS)
        await self._resume()

    async def _rest_orders(self) -> int:
        """Have 25 orders at work; what a limit of the second turned away is asked for again."""
        for attempt in range(_ATTEMPTS):
            for number in range(ORDERS - self._working()):
                self._ask(f"n{self._round}-{attempt}-{number}", number)
            for _ in range(_LOOKS):
                await asyncio.sleep(_LOOK_S)
                if self._working() >= ORDERS:
                    return self._working()
        raise RuntimeError(f"expected {ORDERS} orders at work, found {self._working()}")

    def _ask(self, setup: str, number: int) -> None:
        cents = self.desk.trader.system.telemetry.prices_1e8[SYMBOL] * 985 // 1000 // 1_000_000
        self.desk.ask(
            order_type="LIMIT",
            limit_1e8=cents * 1_000_000,
            strategy=f"s{number}",
            setup_instance=setup,
        )

    def _working(self) -> int:
        core = self.desk.trader.system.core
        orders = [] if core is None else core.orders()
        return sum(order.state == "WORKING" for order in orders)

    async def _resume(self) -> None:
        system = self.desk.trader.system
        for number in range(200):
            answers: list[object] = []
            request = ResumeRequest(
                id=f"r{self._round}-{number}", reason="on", by="bench", rearm=True
            )
            self.port.resume(request, answers.append)
            await asyncio.sleep(0.005)
            if system.kill_memory.level == "NONE":
                return
        raise RuntimeError(f"expected the kill to be lifted, found {answers}")


async def kills(folder: Path, count: int, *, is_busy: bool) -> Bench:
    """Kill so many times; what was measured."""
    with simulator() as told:
        async with (
            at_venue(told) as where,
            live(where, folder, config=roomy_config(), answer_wait_s=ANSWER_WAIT_S) as desk,
        ):
            await desk.ready()
            bench = Bench(desk)
            load = [asyncio.create_task(each) for each in _load(bench)] if is_busy else []
            try:
                with redirect_stderr(StringIO()):  # which is told of each kill
                    for _ in range(_WARM_UP + count):
                        await bench.kill_once()
            finally:
                for task in load:
                    task.cancel()
                await asyncio.gather(*load, return_exceptions=True)
            return bench


def _load(bench: Bench) -> list[Any]:
    return [_quotes(bench.desk), *(_polls(bench.venue) for _ in range(_POLLERS))]


async def _quotes(desk: Live) -> None:
    """A market that never rests, by the way that the venue's own takes."""
    trader = desk.trader
    at = 0
    while True:
        price_1e8 = trader.system.telemetry.prices_1e8[SYMBOL]
        for _ in range(_BURST):
            at += 1
            now_ns = trader.lane.now_ns()
            trader.feed._hear(  # noqa: SLF001 - as its stream does
                Quote(
                    instrument=SYMBOL,
                    bid_1e8=price_1e8 - 1_000_000,
                    ask_1e8=price_1e8 + 1_000_000,
                    bid_size_1e8=at,
                    ask_size_1e8=at,
                    at_ns=now_ns,
                    source_ns=now_ns,
                )
            )
        await asyncio.sleep(_BURST_S)


async def _polls(venue: Any) -> None:
    """Reads that never end."""
    while True:
        await venue.rest.open_orders()


def measure(setting: Setting) -> Sequence[Figure]:
    """Both on one venue's process each, one after the other."""
    idle = uvloop.run(kills(setting.work_dir / "kill-idle", IDLE_KILLS, is_busy=False))
    busy = uvloop.run(kills(setting.work_dir / "kill-busy", KILLS, is_busy=True))
    told = [each.handed_ms[_WARM_UP:] for each in (busy, idle)]
    answered = [each.answered_ms[_WARM_UP:] for each in (busy, idle)]
    note = f"answered by the venue: p50 {quantile(answered[0], 0.5):.1f}"
    note += f", p99 {quantile(answered[0], 0.99):.1f} ms; {len(told[0])} kills"
    return [
        Figure(row="kill_p50", value=quantile(told[0], 0.5), reference=quantile(told[1], 0.5)),
        Figure(
            row="kill_p99",
            value=quantile(told[0], 0.99),
            reference=quantile(told[1], 0.99),
            note=note,
        ),
    ]


GROUP = Group(name="kill", rows=("kill_p50", "kill_p99"), measure=measure)
