"""One feed of one asset, as it came: its newest prices, its age and its holes (MD-2, MD-10)."""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from actors.operator_words import FeedHealth
from brokers.prices import FeedName, PriceTick
from streams.gaps import Freshness, Gap, GapDetector, Heartbeat
from trading.calendar import from_date
from trading.market import Quote, SessionOpened

CADENCE_NS: Final = 1_000_000_000
"""The oracle speaks each second, an exchange more often."""
SILENCE_NS: Final = 5 * CADENCE_NS
KEPT_NS: Final = 120 * CADENCE_NS
FOR_EVER_NS: Final = 2**62


@dataclass(slots=True)
class Seen:
    """One feed of one asset, as it came.

    Attributes:
        name: Which.
        heartbeat: How old its newest price is (MD-2).
        detector: What finds its holes.
        ticks: The newest, oldest first.
        is_silent: Somebody was told that nothing comes any more.
    """

    name: FeedName
    heartbeat: Heartbeat = field(default_factory=lambda: Heartbeat(CADENCE_NS))
    detector: GapDetector = field(init=False)
    ticks: deque[PriceTick] = field(default_factory=deque)
    is_silent: bool = False
    is_down: bool = True
    disordered: int = 0

    def __post_init__(self) -> None:
        """Watch it."""
        self.detector = GapDetector(self.name.asset, silence_ns=SILENCE_NS, cadence_ns=CADENCE_NS)

    def begin(self, now_ns: int) -> None:
        """From here on it is expected to speak."""
        opened = SessionOpened(
            session_date=day_of(now_ns), open_ns=now_ns, close_ns=FOR_EVER_NS, at_ns=now_ns
        )
        self.heartbeat.take(opened)
        self.detector.take(opened)

    def take(self, tick: PriceTick) -> Gap | None:
        """A price; the hole that ends with it, if one does."""
        if self.ticks and tick.source_ns < self.ticks[-1].source_ns:
            self.disordered += 1
            return None
        self.ticks.append(tick)
        while self.ticks[0].at_ns < tick.at_ns - KEPT_NS:
            self.ticks.popleft()
        as_quote = Quote(
            instrument=tick.asset,
            bid_1e8=tick.price_1e8,
            ask_1e8=tick.price_1e8,
            bid_size_1e8=0,
            ask_size_1e8=0,
            at_ns=tick.at_ns,
            source_ns=tick.source_ns,
        )
        self.heartbeat.take(as_quote)
        return self.detector.take(as_quote)

    def at(self, at_ns: int) -> PriceTick | None:
        """The newest that is stamped not after an instant."""
        return next((tick for tick in reversed(self.ticks) if tick.source_ns <= at_ns), None)

    def is_past(self, at_ns: int) -> bool:
        """Whether it has spoken of that instant or of a later one."""
        return bool(self.ticks) and self.ticks[-1].source_ns >= at_ns


def day_of(at_ns: int) -> int:
    """The day in UTC, which the holes of feeds without sessions belong to."""
    return from_date(datetime.fromtimestamp(at_ns // CADENCE_NS, UTC).date())


def row_at(seen: Seen, at_ns: int) -> dict[str, Any]:
    """What it said of an instant, and how old that was then; nulls where it had said nothing."""
    tick = seen.at(at_ns)
    if tick is None:
        return {"feed": seen.name.feed, "price_1e8": None, "source_ns": None, "age_ns": None}
    return {
        "feed": seen.name.feed,
        "price_1e8": tick.price_1e8,
        "source_ns": tick.source_ns,
        "age_ns": at_ns - tick.source_ns,
    }


def newest_of(seen: Seen) -> dict[str, Any]:
    """What it said last."""
    tick = seen.ticks[-1] if seen.ticks else None
    if tick is None:
        return {"price_1e8": None, "at_ns": None, "source_ns": None}
    return {"price_1e8": tick.price_1e8, "at_ns": tick.at_ns, "source_ns": tick.source_ns}


def health_of(seen: Seen, now_ns: int) -> FeedHealth:
    """For `/health`: its age, and the share of the time so far that is in no hole."""
    freshness = seen.heartbeat.freshness(now_ns)
    return {
        "name": seen.name.shown,
        "age_ns": max(0, now_ns - seen.ticks[-1].at_ns) if seen.ticks else 0,
        "freshness": freshness.value,
        "is_stale": freshness is Freshness.RED,
        "completeness_ratio": seen.detector.completeness_ratio,
        "repeated": 0,
        "older": 0,
        "disordered": seen.disordered,
    }
