"""A live market: what of it is kept, a stream that has gone silent, and 10,000 quotes a second."""

import asyncio
import math
import os
from collections.abc import Callable
from typing import Any

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from actors.live_feed import KEPT_MAX, PATIENCE_NS, LiveFeed, LiveFeedPlan
from actors.messages import FEED
from benchmarks.bench_feed import SHARE_MIN_RATIO, play
from brokers.base import StreamDown, StreamUp
from streams.source_latency import SourceLatency
from trading.calendar import Calendar
from trading.market import Aggressor, MarketMessage, Quote, SessionOpened, TradePrint

NOW_NS = 1_795_230_000_000_000_000
S = 1_000_000_000
LOAD_S = 60 if os.environ.get("HOLDFAST_SOAK") else 3


class Stage:
    """A live feed whose stream says what a test says, and whose naps are its hours."""

    def __init__(self) -> None:
        """Nothing is started."""
        self.now_ns = NOW_NS
        self.mail: list[MarketMessage] = []
        self.notes: list[dict[str, Any]] = []
        self.told: list[str] = []
        self.follows = 0
        self.hear: Callable[[Any], None] = lambda _: None
        self.feed = LiveFeed(
            LiveFeedPlan(
                stream=self,
                calendar=Calendar.load("ALWAYS"),
                now_ns=lambda: self.now_ns,
                tell=self._tell,
                feed=FEED,
                note=lambda _stream, _kind, payload: self.notes.append(payload),
                notify=lambda _severity, text, _ids: self.told.append(text),
                sleep=self._sleep,
            )
        )

    async def follow(self, hear: Callable[[Any], None]) -> None:
        """Up at once, then what the test says."""
        self.follows += 1
        self.hear = hear
        hear(StreamUp(stream="venue"))
        await asyncio.Event().wait()

    def _tell(self, _: str, message: Any) -> None:
        self.mail.append(message)

    async def _sleep(self, _: float) -> None:
        await asyncio.sleep(0)

    async def pass_(self, seconds: int) -> None:
        """So much time, a second after the other."""
        for _ in range(seconds):
            self.now_ns += S
            for _ in range(4):
                await asyncio.sleep(0)

    def quote(self, instrument: str = "SPY", *, late_ns: int = 0) -> None:
        """One comes, so long after its source's stamp."""
        self.hear(
            Quote(
                instrument=instrument,
                bid_1e8=1,
                ask_1e8=2,
                bid_size_1e8=0,
                ask_size_1e8=0,
                at_ns=self.now_ns,
                source_ns=self.now_ns - late_ns,
            )
        )

    def trade(self) -> None:
        """One comes."""
        self.hear(
            TradePrint(
                instrument="SPY",
                price_1e8=1,
                size_1e8=1,
                aggressor=Aggressor.NONE,
                at_ns=self.now_ns,
                source_ns=self.now_ns,
            )
        )

    def run(self, play: Callable[[], Any]) -> None:
        """Play with the feed started."""

        async def bounded() -> None:
            async with asyncio.timeout(20):
                self.feed.start()
                await asyncio.sleep(0)
                await play()
                await self.feed.stop()

        asyncio.run(bounded())


def test_a_new_incarnation_is_shown_the_newest_quote_of_each_and_every_trade() -> None:
    """MD-1, MD-6: in the order of their numbers, none beyond what it has seen."""
    stage = Stage()

    async def play() -> None:
        for instrument in ("SPY", "QQQ", "SPY"):
            stage.quote(instrument)
            stage.trade()
        shown = [
            (type(each).__name__, getattr(each, "instrument", ""), each.tape_seq)
            for each in stage.feed.history(5)
        ]
        assert shown == [
            (SessionOpened.__name__, "", 0),
            (TradePrint.__name__, "SPY", 2),
            (Quote.__name__, "QQQ", 3),
            (TradePrint.__name__, "SPY", 4),
            (Quote.__name__, "SPY", 5),
        ]

    stage.run(play)


def test_only_so_many_trades_are_kept_and_the_opening_always() -> None:
    """MD-6, WD-8: a busy day takes no more memory than a busy minute."""
    stage = Stage()

    async def play() -> None:
        for _ in range(KEPT_MAX + 5):
            stage.trade()
        shown = stage.feed.history(2 * KEPT_MAX)
        assert [type(each) for each in shown[:2]] == [SessionOpened, TradePrint]
        assert (shown[1].tape_seq, len(shown)) == (6, KEPT_MAX + 1)

    stage.run(play)


def test_how_late_a_source_is_stands_in_the_journal() -> None:
    """MD-1: by its own stamps, once a session or what was heard of it; an instant ahead is none."""
    stage = Stage()

    async def play() -> None:
        for late_ns in (*[4_000_000] * 98, 50_000_000, -1_000_000):
            stage.quote(late_ns=late_ns)
        stage.feed.count()
        stage.feed.count()
        (told,) = [each for each in stage.notes if "p50_ns" in each]
        assert told["feed"] == "venue"
        assert (told["ticks"], told["max_ns"]) == (100, 50_000_000)
        assert 4_000_000 <= told["p50_ns"] <= told["p99_ns"] <= 4_500_000
        stage.trade()
        await stage.pass_(86_400)
        assert [each["ticks"] for each in stage.notes if "p50_ns" in each] == [100, 1]

    stage.run(play)


@given(st.lists(st.integers(0, 10**13), min_size=1), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_latency_is_exact_to_an_eighth(latencies_ns: list[int], share: float) -> None:
    """MD-1: never below the true one, however many there are."""
    latency = SourceLatency()
    for each in latencies_ns:
        latency.take(each)
    true_ns = sorted(latencies_ns)[math.ceil(share * len(latencies_ns)) - 1]
    assert true_ns <= latency.quantile_ns(share) <= true_ns * 9 / 8
    assert SourceLatency().quantile_ns(share) == 0


def test_a_stream_that_is_up_and_silent_is_connected_anew() -> None:
    """MD-2, MD-9: pongs are no data; in vain twice as long is waited, and one quote forgives."""
    stage, patience_s = Stage(), PATIENCE_NS // S

    async def play() -> None:
        await stage.pass_(patience_s - 2)
        stage.quote()
        heard_ns = stage.now_ns
        await stage.pass_(patience_s - 1)
        assert stage.follows == 1
        await stage.pass_(2)
        assert stage.follows == 2
        assert "up and silent for 60 s" in stage.told[0]
        assert stage.notes[-1]["start_ns"] == heard_ns
        await stage.pass_(patience_s + 5)
        assert stage.follows == 2, "a quiet instrument looks the same"
        await stage.pass_(patience_s)
        assert stage.follows == 3
        stage.quote()
        await stage.pass_(patience_s + 2)
        assert stage.follows == 4

    stage.run(play)


def test_a_stream_that_is_down_is_left_to_its_own_reconnection() -> None:
    """MD-9: it backs off by itself; two that follow would be two connections."""
    stage = Stage()

    async def play() -> None:
        stage.hear(StreamDown(stream="venue", cause="a test"))
        await stage.pass_(3 * PATIENCE_NS // S)
        assert stage.follows == 1

    stage.run(play)


@pytest.mark.timeout(LOAD_S + 60)
def test_ten_thousand_quotes_a_second_leave_the_memory_where_it_is() -> None:
    """MD-6: 3 s here, 60 s in `make soak`; from a frame's bytes to the subscribers."""
    found = uvloop.run(play(idle_s=0.2, loaded_s=LOAD_S))
    assert found.sent >= SHARE_MIN_RATIO * 10_000 * LOAD_S
    assert found.memory_after_mb <= 1.03 * found.memory_before_mb + 1
