"""Holes in a feed, and how fresh it is (MD-2). A hole is marked, never filled."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from trading.market import (
    Bar,
    MarketMessage,
    OpenPrint,
    Quote,
    SessionClosed,
    SessionOpened,
    TradePrint,
)

GREEN_CADENCES: Final = 2
YELLOW_CADENCES: Final = 5
TICK_CADENCE_NS: Final = 1_000_000_000
TICK_SILENCE_NS: Final = 60_000_000_000
BAR_NS: Final = 60_000_000_000


class GapReason(StrEnum):
    """How a hole was noticed."""

    MISSING_BARS = "MISSING_BARS"
    SILENCE = "SILENCE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Nothing came from an instrument from `start_ns` until `end_ns`, inside a session.

    Attributes:
        missing: How many whole bars of the session lie within it.
    """

    instrument: str
    session_date: int
    start_ns: int
    end_ns: int
    missing: int
    reason: GapReason


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardBefore:
    """What another process heard of an instrument, and told of, before it ended.

    Attributes:
        until_ns: Until when.
        holes: Start and end of each hole that it told of.
    """

    until_ns: int
    holes: tuple[tuple[int, int], ...] = ()


class GapDetector:
    """Finds the holes of one instrument's feed: missing bars, or ticks that fall silent.

    Give it every message in order. A hole before the first bar begins at the session's open, or
    where it was heard before; one after the last ends at its close.
    """

    def __init__(
        self,
        instrument: str,
        *,
        silence_ns: int = 0,
        cadence_ns: int = BAR_NS,
        before: HeardBefore | None = None,
    ) -> None:
        """Watch `instrument`; `silence_ns` is how long nothing may come without being a hole.

        Bars need 0: each must begin where the one before ended. For ticks see TICK_SILENCE_NS.
        `cadence_ns` is the length of the bars that a hole lacks.
        """
        self._instrument = instrument
        self._before = before
        self._silence_ns = silence_ns
        self._cadence_ns = cadence_ns
        self._session: SessionOpened | None = None
        self._covered_ns = 0
        self._missing_ns = 0

    @property
    def missing_ns(self) -> int:
        """How long the holes of the newest session are together, as far as it is known."""
        return self._missing_ns

    @property
    def completeness_ratio(self) -> float:
        """Share of the newest session, as far as it is known, that is in no hole."""
        session = self._session
        if session is None or self._covered_ns <= session.open_ns:
            return 1.0
        return 1.0 - self._missing_ns / (self._covered_ns - session.open_ns)

    def take(self, message: MarketMessage) -> Gap | None:
        """Take a message in; the hole that ends with it, if one does."""
        match message:
            case SessionOpened():
                self._open(message)
                return None
            case SessionClosed():
                return self._cover(message.at_ns, message.at_ns)
            case Bar() if message.instrument == self._instrument:
                return self._cover(message.source_ns, message.at_ns)
            case OpenPrint() | Quote() | TradePrint() if message.instrument == self._instrument:
                return self._cover(message.source_ns, message.source_ns)
            case _:
                return None

    def _open(self, session: SessionOpened) -> None:
        self._session = session
        self._covered_ns, self._missing_ns = session.open_ns, 0
        before = self._before
        if before is not None and session.open_ns < before.until_ns <= session.close_ns:
            self._covered_ns = before.until_ns
            of_session = [(start, end) for start, end in before.holes if start >= session.open_ns]
            self._missing_ns = sum(end - start for start, end in of_session)

    def _cover(self, from_ns: int, until_ns: int) -> Gap | None:
        """Note that there was something from one instant to another."""
        session = self._session
        if session is None or not session.open_ns <= from_ns <= session.close_ns:
            return None
        start_ns = self._covered_ns
        self._covered_ns = max(start_ns, until_ns)
        if from_ns - start_ns <= self._silence_ns:
            return None
        self._missing_ns += from_ns - start_ns
        return Gap(
            instrument=self._instrument,
            session_date=session.session_date,
            start_ns=start_ns,
            end_ns=from_ns,
            missing=self._bars_between(start_ns - session.open_ns, from_ns - session.open_ns),
            reason=GapReason.SILENCE if self._silence_ns else GapReason.MISSING_BARS,
        )

    def _bars_between(self, from_ns: int, until_ns: int) -> int:
        """Whole bars between two times since the open."""
        first = -(-from_ns // self._cadence_ns)
        return max(until_ns // self._cadence_ns - first, 0)


class Freshness(StrEnum):
    """How old the newest message of a feed is; CLOSED outside a session."""

    GREEN = "GREEN"
    YELLOW = "YELLOW"
    RED = "RED"
    CLOSED = "CLOSED"


class Heartbeat:
    """Watches the age of a feed, in units of its declared cadence.

    Green below two cadences, yellow below five, red from there on: 2 s and 5 s for ticks (cadence
    one second), two and five minutes for bars of a minute.
    """

    def __init__(self, cadence_ns: int = TICK_CADENCE_NS) -> None:
        """A feed that sends something about every `cadence_ns`.

        Raises:
            ValueError: When the cadence is not above zero.
        """
        if cadence_ns <= 0:
            raise ValueError(f"a feed's cadence must be above 0 ns, was {cadence_ns}")
        self._cadence_ns = cadence_ns
        self._heard_ns: int | None = None

    def take(self, message: MarketMessage) -> None:
        """Note a message: a session begins or ends, or the feed is alive."""
        if isinstance(message, SessionOpened):
            self._heard_ns = message.at_ns
        elif isinstance(message, SessionClosed):
            self._heard_ns = None
        elif self._heard_ns is not None:
            self._heard_ns = message.at_ns

    def age_ns(self, now_ns: int) -> int | None:
        """Time since the newest message of the session; None outside a session."""
        return None if self._heard_ns is None else max(now_ns - self._heard_ns, 0)

    def freshness(self, now_ns: int) -> Freshness:
        """The colour at `now_ns`."""
        age_ns = self.age_ns(now_ns)
        if age_ns is None:
            return Freshness.CLOSED
        if age_ns < GREEN_CADENCES * self._cadence_ns:
            return Freshness.GREEN
        return Freshness.YELLOW if age_ns < YELLOW_CADENCES * self._cadence_ns else Freshness.RED

    def red_ns(self) -> int | None:
        """When the feed turns red unless something comes; None outside a session."""
        if self._heard_ns is None:
            return None
        return self._heard_ns + YELLOW_CADENCES * self._cadence_ns
