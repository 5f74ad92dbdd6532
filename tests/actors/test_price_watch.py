"""The watch over reference and spot prices, with a clock of its own and prices by hand."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from actors.price_watch import ENDED, STARTED, PricePlan, PriceWatch
from brokers.base import StreamDown, StreamUp
from brokers.prices import FeedName, PriceNews, PriceRole, PriceTick, Window
from brokers.venues import Resolution

NS = 1_000_000_000
T0 = 1_795_203_000 * NS
ONE = 100_000_000
ASSET = "btc/usd"
UP, DOWN = "up", "down"
FEEDS = [
    FeedName(feed="oracle", asset=ASSET, role=PriceRole.REFERENCE, stream="venue"),
    FeedName(feed="first", asset=ASSET, role=PriceRole.SPOT, stream="venue"),
    FeedName(feed="second", asset=ASSET, role=PriceRole.SPOT, stream="other"),
]


class AwayError(Exception):
    """The venue does not answer."""


@dataclass(slots=True)
class Stream:
    """Hands its listener over and then only waits."""

    feeds: Sequence[FeedName]

    async def follow(self, hear: Callable[[PriceNews], None]) -> None:
        """Nothing comes but by hand."""
        del hear
        await asyncio.Event().wait()


@dataclass(slots=True)
class Desk:
    """A watch whose loop is turned by hand."""

    start_s: int = 10
    end_s: int = 20
    now_ns: int = T0
    known: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    noted: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    refusals: int = 0
    is_closed: bool = False
    watch: PriceWatch = field(init=False)

    def __post_init__(self) -> None:
        """Not begun."""
        self.watch = PriceWatch(
            PricePlan(
                source=self,
                others=lambda _: [Stream(FEEDS[2:])],
                faults=(AwayError,),
                now_ns=lambda: self.now_ns,
                note=lambda stream, kind, payload: self.noted.append((stream, kind, payload)),
                notify=lambda severity, text, _: self.told.append((severity, text)),
                known=lambda: self.known,
                sleep=self.sleep,
            )
        )

    async def windows(self) -> list[Window]:
        """Both outcomes of one."""
        if self.refusals:
            self.refusals -= 1
            raise AwayError("it is away")
        return [
            Window(
                instrument=name,
                market="0xbd31",
                asset=ASSET,
                is_up=name == UP,
                starts_ns=T0 + self.start_s * NS,
                ends_ns=T0 + self.end_s * NS,
            )
            for name in (UP, DOWN)
        ]

    def streams(self, assets: Sequence[str]) -> list[Stream]:
        """The venue's."""
        assert list(assets) == [ASSET]
        return [Stream(FEEDS[:2])]

    def close(self) -> None:
        """It was let go."""
        self.is_closed = True

    async def sleep(self, _: float) -> None:
        """Give the turn back to the test."""
        await asyncio.sleep(0)

    def at(self, second: float) -> "Desk":
        """The clock stands so many seconds after the beginning; it is looked."""
        self.now_ns = T0 + int(second * NS)
        self.watch.look()
        return self

    def price(self, feed: str, dollars: int, *, source_s: float | None = None) -> "Desk":
        """One price of now, or stamped so."""
        source_ns = self.now_ns if source_s is None else T0 + int(source_s * NS)
        tick = PriceTick(
            feed=feed,
            asset=ASSET,
            price_1e8=dollars * ONE,
            at_ns=self.now_ns,
            source_ns=source_ns,
        )
        self.watch.hear(tick)
        return self

    def speak(self, first_s: int, last_s: int, dollars: int = 100, *feeds: str) -> "Desk":
        """Each of those feeds each second, both ends included."""
        for second in range(first_s, last_s + 1):
            self.at(second)
            for feed in feeds or ("oracle", "first", "second"):
                self.price(feed, dollars)
            self.watch.look()
        return self

    def payloads(self, kind: str) -> list[dict[str, Any]]:
        """What was journaled of a kind."""
        return [payload for _, each, payload in self.noted if each == kind]

    def play(self, steps: Callable[["Desk"], None]) -> None:
        """Begin, play the steps, end."""

        async def whole() -> None:
            running = asyncio.create_task(self.watch.run())
            while not self.watch.feeds and not running.done():  # noqa: ASYNC110 - one turn each
                await asyncio.sleep(0)
            steps(self)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            assert self.is_closed

        asyncio.run(whole())

    def doubts(self, instrument: str, worth_1e8: int) -> tuple[str, ...]:
        """What there is against such a resolution."""
        found = Resolution(instrument=instrument, market="0xbd31", worth_1e8=worth_1e8)
        return self.watch.doubts(found)


def test_start_and_end_are_the_newest_reference_of_their_instant() -> None:
    """MD-10: not the one that came a moment later, and each feed with its age then."""

    def steps(desk: Desk) -> None:
        desk.speak(0, 9).at(9.5).price("first", 101).price("second", 99)
        desk.at(10).price("oracle", 200).at(10.2).price("oracle", 300).price("first", 102)
        desk.price("second", 98).at(10.3)
        (mark,) = desk.payloads(STARTED)
        assert mark["reference"]["price_1e8"] == 200 * ONE
        assert mark["reference"]["age_ns"] == 0
        assert [(row["feed"], row["price_1e8"], row["age_ns"]) for row in mark["spots"]] == [
            ("first", 101 * ONE, NS // 2),
            ("second", 99 * ONE, NS // 2),
        ]
        assert mark["instruments"] == [UP, DOWN]

    Desk().play(steps)


@pytest.mark.parametrize(("last_s", "is_known"), [(8, True), (7, False)])
def test_a_reference_older_than_two_seconds_is_not_that_of_the_instant(
    last_s: int, *, is_known: bool
) -> None:
    """MD-10: inside and beyond the limit; what is not known is said; no other stands in."""

    def steps(desk: Desk) -> None:
        desk.speak(0, last_s)
        desk.speak(last_s + 1, 13, 100, "first", "second")
        (mark,) = desk.payloads(STARTED)
        assert (mark["reference"] is not None) is is_known
        is_told = any("is not known" in text for _, text in desk.told)
        assert is_told is not is_known
        assert all(row["price_1e8"] == 100 * ONE for row in mark["spots"])

    Desk().play(steps)


@pytest.mark.parametrize(
    ("close", "up_1e8", "is_doubted"),
    [(101, ONE, False), (100, ONE, False), (99, 0, False), (99, ONE, True), (100, 0, True)],
    ids=["above", "as it began", "below", "paid though below", "unpaid though as it began"],
)
def test_the_direction_of_the_reference_is_laid_beside_the_resolution(
    close: int, up_1e8: int, *, is_doubted: bool
) -> None:
    """MD-8, MD-10: at or above pays Up; both outcomes are judged alike."""

    def steps(desk: Desk) -> None:
        desk.speak(0, 19).speak(20, 22, close)
        assert bool(desk.doubts(UP, up_1e8)) is is_doubted
        assert bool(desk.doubts(DOWN, ONE - up_1e8)) is is_doubted
        assert desk.doubts(UP, ONE // 2), "half a dollar is what no window asks about"
        assert not desk.doubts("another", 0)

    Desk().play(steps)


def test_without_a_reference_there_is_no_direction_and_no_doubt() -> None:
    """MD-10: what is not known contradicts nothing."""

    def steps(desk: Desk) -> None:
        desk.speak(0, 30, 100, "first", "second")
        assert desk.payloads(ENDED)[0]["reference"] is None
        assert desk.doubts(UP, 0) == desk.doubts(UP, ONE) == ()

    Desk().play(steps)


def test_a_feed_that_falls_silent_is_told_once_and_its_hole_is_its_own() -> None:
    """MD-2, MD-10: five seconds; the others are whole."""

    def steps(desk: Desk) -> None:
        desk.speak(0, 3).speak(4, 7, 100, "first", "second").at(7.9)
        assert desk.told == []
        desk.speak(8, 12, 100, "first", "second")
        assert desk.told.count(("WARNING", f"oracle {ASSET}: no price for 5 s")) == 1
        by_name = {feed["name"]: feed for feed in desk.watch.health()}
        assert (
            by_name[f"oracle {ASSET}"]["freshness"],
            by_name[f"first {ASSET}"]["freshness"],
        ) == (
            "RED",
            "GREEN",
        )
        assert by_name[f"oracle {ASSET}"]["age_ns"] == 9 * NS
        desk.speak(13, 13)
        assert desk.told[-1] == ("INFO", f"oracle {ASSET}: prices come again")
        (hole,) = desk.payloads("FeedGap")
        assert (hole["feed"], hole["start_ns"], hole["end_ns"]) == (
            "oracle",
            T0 + 3 * NS,
            T0 + 13 * NS,
        )
        assert hole["session_date"] == 20261120
        by_name = {feed["name"]: feed for feed in desk.watch.health()}
        assert by_name[f"oracle {ASSET}"]["completeness_ratio"] == pytest.approx(3 / 13)
        assert by_name[f"first {ASSET}"]["completeness_ratio"] == 1.0

    Desk().play(steps)


def test_a_reconnection_is_a_hole_of_each_of_its_feeds_however_short() -> None:
    """MD-9, MD-10: and of no other stream's."""

    def steps(desk: Desk) -> None:
        desk.speak(0, 3)
        desk.watch.hear(StreamDown(stream="venue", cause="cut"))
        desk.watch.hear(StreamUp(stream="venue"))
        desk.speak(4, 5)
        assert [hole["feed"] for hole in desk.payloads("FeedGap")] == ["oracle", "first"]
        assert ("WARNING", "venue is down: cut") in desk.told

    Desk().play(steps)


def test_an_older_price_changes_nothing_and_is_counted() -> None:
    """MD-4, MD-10: the newest stays the newest."""

    def steps(desk: Desk) -> None:
        desk.speak(0, 5).price("oracle", 900, source_s=2)
        desk.speak(6, 12)
        assert desk.payloads(STARTED)[0]["reference"]["price_1e8"] == 100 * ONE
        by_name = {feed["name"]: feed for feed in desk.watch.health()}
        assert by_name[f"oracle {ASSET}"]["disordered"] == 1

    Desk().play(steps)


def test_a_window_that_began_before_a_restart_keeps_its_journaled_start() -> None:
    """ST-2, MD-10: marked once, and its direction is known at its end."""

    def steps(desk: Desk) -> None:
        desk.speak(15, 22, 150)
        assert desk.payloads(STARTED) == []
        assert desk.payloads(ENDED)[0]["reference"]["price_1e8"] == 150 * ONE
        assert desk.doubts(UP, 0)
        assert not desk.doubts(UP, ONE)

    start = {"market": "0xbd31", "reference": {"price_1e8": 120 * ONE}}
    other = {"market": "0x00", "reference": None}
    Desk(now_ns=T0 + 15 * NS, known=[(STARTED, start), (ENDED, other)]).play(steps)


def test_a_window_that_is_joined_late_has_no_start() -> None:
    """MD-10: said at once, not guessed from the first price."""

    def steps(desk: Desk) -> None:
        desk.speak(15, 22, 150)
        assert desk.payloads(STARTED)[0]["reference"] is None
        assert desk.doubts(UP, 0) == ()

    Desk(now_ns=T0 + 15 * NS).play(steps)


def test_a_venue_that_does_not_say_its_windows_is_asked_again_and_told_of_once() -> None:
    """MD-10: nothing is followed before."""
    desk = Desk(refusals=3)
    desk.play(lambda _: None)
    assert desk.told == [("WARNING", "the windows are not known yet: it is away")]
    assert desk.refusals == 0


def test_the_watch_is_over_with_its_last_window() -> None:
    """MD-10: nobody is told of silence afterwards, and no connection stays."""

    async def whole() -> None:
        desk = Desk()
        running = asyncio.create_task(desk.watch.run())
        while not desk.watch.feeds:  # noqa: ASYNC110 - one turn each
            await asyncio.sleep(0)
        desk.speak(0, 23)
        await running
        assert desk.is_closed
        assert desk.watch.health() == []
        assert desk.watch.shown()[0]["end_1e8"] == 100 * ONE

    asyncio.run(whole())
