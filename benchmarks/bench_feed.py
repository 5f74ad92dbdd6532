"""A venue's quotes at 10,000 a second, from the wire's bytes to the streams: memory and wakes."""

import asyncio
import gc
import os
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import uvloop

from actors.feed import FeedActor, FeedMemory, FeedPlan
from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.lane_live import LiveLane
from actors.live_feed import LiveFeed, LiveFeedPlan
from actors.messages import FEED
from actors.spec import Spec
from actors.tree import Tree
from benchmarks.bench_trader import resident_mb
from benchmarks.measure import Figure, quantile
from benchmarks.setting import Group, Setting
from brokers.alpaca.data import ticks_of
from streams.gaps import GapDetector, Heartbeat
from streams.source import Fault, Source
from streams.tick_bars import BarMessage, TickBars
from trading.calendar import Calendar
from trading.market import MarketMessage, TradePrint

QUOTES_PER_S: Final = 10_000
SYMBOLS: Final = tuple(f"SYM{at}" for at in range(10))
FRAME_QUOTES: Final = 50
IDLE_S: Final = 2.0
LOADED_S: Final = 6.0
LOADED_LONG_S: Final = 60.0
SHARE_MIN_RATIO: Final = 0.8
_PROBE_NS: Final = 2_000_000
_S_NS: Final = 1_000_000_000


class RateMissedError(Exception):
    """The machine did not keep the pace, so nothing was measured."""


class Probe(LaneActor):
    """Wakes by a timer again and again, and notes by how much it was late."""

    def __init__(self, lane: Lane, name: str, late_ns: "array[int]") -> None:
        """Note into this array, in which a minute's wakes take a tenth of a megabyte."""
        super().__init__(lane, name)
        self._late_ns = late_ns

    def on_start(self) -> None:
        """Begin."""
        self._arm()

    def on_receive(self, message: Any) -> None:
        """It is later than `message` says."""
        self._late_ns.append(self.lane.now_ns() - message)
        self._arm()

    def _arm(self) -> None:
        due_ns = self.lane.now_ns() + _PROBE_NS
        self.at(due_ns, due_ns)


class Wire:
    """A venue's market stream that sends frames of quotes at a steady pace, while it is told to."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        """Silent."""
        self._now_ns = now_ns
        self.is_sending = False
        self.sent = 0
        stamp = datetime(2026, 11, 20, 15, tzinfo=UTC)
        self._frame = msgspec.msgpack.encode(
            [
                {
                    "T": "q",
                    "S": SYMBOLS[at % len(SYMBOLS)],
                    "bp": 100.0 + at / 100,
                    "ap": 100.02 + at / 100,
                    "bs": 1,
                    "as": 2,
                    "t": stamp,
                }
                for at in range(FRAME_QUOTES)
            ]
        )

    async def follow(self, hear: Callable[[Any], None]) -> None:
        """Send what is due; a frame that is late is made up for."""
        begun_ns = 0
        while True:
            await asyncio.sleep(FRAME_QUOTES / QUOTES_PER_S)
            if not self.is_sending:
                begun_ns = self._now_ns()
                continue
            due = (self._now_ns() - begun_ns) * QUOTES_PER_S // _S_NS
            while self.sent + FRAME_QUOTES <= due:
                frame = msgspec.msgpack.decode(self._frame)
                for tick in ticks_of(frame, self._now_ns(), _unreadable):
                    hear(tick)
                self.sent += FRAME_QUOTES


def _unreadable(kind: str) -> None:
    raise AssertionError(f"every quote of the benchmark can be read, found {kind}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a run came to; wakes in us, memory in 2**20 bytes."""

    sent: int
    idle_p99_us: float
    loaded_p99_us: float
    memory_before_mb: float
    memory_after_mb: float


async def play(*, idle_s: float, loaded_s: float) -> Loaded:
    """An idle lane, then the load; memory is looked at once a third of it is over, and at its end.

    Raises:
        RateMissedError: Less than SHARE_MIN_RATIO of the quotes were sent in time.
    """
    lane = LiveLane()
    late_ns = array("q")
    wire = Wire(lane.now_ns)
    feed = _live_feed(lane, wire)
    tree = Tree(
        lane,
        Spec(
            name="root",
            children=(
                Spec(name=FEED, make=lambda lane, name: FeedActor(lane, name, _plan(feed))),
                Spec(name="probe", make=lambda lane, name: Probe(lane, name, late_ns)),
            ),
        ),
        on_event=lambda _: None,
        halt=_halted,
    )
    tree.start()
    feed.start()
    try:
        await asyncio.sleep(idle_s)
        idle_us = quantile(late_ns, 0.99) / 1_000
        del late_ns[:]
        wire.is_sending = True
        await asyncio.sleep(loaded_s / 3)
        before_mb = _resident_mb()
        await asyncio.sleep(loaded_s * 2 / 3)
        after_mb = _resident_mb()
    finally:
        await feed.stop()
        tree.stop("over")
        lane.close()
    if wire.sent < SHARE_MIN_RATIO * QUOTES_PER_S * loaded_s:
        raise RateMissedError(f"{wire.sent} quotes in {loaded_s:g} s")
    return Loaded(
        sent=wire.sent,
        idle_p99_us=idle_us,
        loaded_p99_us=quantile(late_ns, 0.99) / 1_000,
        memory_before_mb=before_mb,
        memory_after_mb=after_mb,
    )


def _live_feed(lane: LiveLane, wire: Wire) -> LiveFeed:
    return LiveFeed(
        LiveFeedPlan(
            stream=wire,
            calendar=Calendar.load("ALWAYS"),
            now_ns=lane.now_ns,
            tell=lane.tell,
            feed=FEED,
            note=lambda *_: None,
            notify=lambda *_: None,
        )
    )


def _plan(feed: LiveFeed) -> FeedPlan:
    market: Source[MarketMessage] = Source(_no_fault)
    bars: Source[BarMessage] = Source(_no_fault)
    market.subscribe(lambda _: None)
    return FeedPlan(
        market=market,
        bars=bars,
        memory=FeedMemory(heartbeat=Heartbeat()),
        history=feed.history,
        detectors=lambda: [GapDetector(symbol, silence_ns=60 * _S_NS) for symbol in SYMBOLS],
        building=lambda: TickBars(SYMBOLS, 60 * _S_NS, ticks=(TradePrint,)),
        note=lambda *_: None,
        silent=lambda _: None,
    )


def _no_fault(fault: Fault) -> None:
    raise AssertionError(f"nothing raises here, found {fault}")


def _halted(why: str) -> None:
    raise AssertionError(f"nothing halts here: {why}")


def _resident_mb() -> float:
    gc.collect()
    return resident_mb(os.getpid())


def measure(setting: Setting) -> Sequence[Figure]:
    """Wakes of the lane under load beside the idle lane's; memory at the end beside before."""
    loaded_s = LOADED_LONG_S if setting.is_long else LOADED_S
    found = uvloop.run(play(idle_s=IDLE_S, loaded_s=loaded_s))
    return [
        Figure(row="feed_wake", value=found.loaded_p99_us, reference=found.idle_p99_us),
        Figure(row="feed_memory", value=found.memory_after_mb, reference=found.memory_before_mb),
    ]


GROUP = Group(name="feed", rows=("feed_wake", "feed_memory"), measure=measure)
