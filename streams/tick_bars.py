"""The complete bars of a feed: those that a tape of bars holds, or built from quotes and trades.

Whoever wants bars is sent `BarMessage`s and cannot tell one kind of tape from the other. Bars that
are over at one instant leave in the order of the instruments.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

from streams.bars import BarBuilder, BarCounts
from streams.replay import NEVER_NS
from trading.market import Bar, MarketMessage, Quote, SessionClosed, SessionOpened, TradePrint

BarMessage = Bar | SessionOpened | SessionClosed
Tick = Quote | TradePrint

TICKS: Final = (Quote, TradePrint)
_ENDS: Final = (SessionOpened, SessionClosed)
_by_end = attrgetter("at_ns")


class TickBars:
    """Builds the bars of a feed's instruments, one session after the other."""

    def __init__(
        self, instruments: Sequence[str], cadence_ns: int, ticks: tuple[type[Tick], ...] = TICKS
    ) -> None:
        """Bars of `cadence_ns`; where quotes and trades come together, `ticks` says what counts.

        Raises:
            ValueError: When the cadence is not above zero.
        """
        self._instruments = tuple(instruments)
        self._cadence_ns = cadence_ns
        self._ticks = ticks
        self._due_ns = NEVER_NS
        self._builders = self._new_builders()

    @property
    def due_ns(self) -> int:
        """When `advance` has something to give again; NEVER_NS while nothing is being filled."""
        return self._due_ns

    def take(self, message: MarketMessage) -> list[Bar]:
        """Take a message in, in the order of arrival; the bars that were over before it."""
        finished = self.advance(message.at_ns) if message.at_ns >= self._due_ns else []
        if isinstance(message, self._ticks):
            builder = self._builders.get(message.instrument)
            if builder is not None:
                builder.take(message)
                due_ns = builder.due_ns
                if due_ns is not None and due_ns < self._due_ns:
                    self._due_ns = due_ns
        elif isinstance(message, _ENDS):
            if isinstance(message, SessionOpened):
                self._builders = self._new_builders()  # its counts are the session's
            for builder in self._builders.values():
                builder.take(message)
            self._find_due()
        return finished

    def advance(self, now_ns: int) -> list[Bar]:
        """The bars that are over at `now_ns`, in order."""
        if now_ns < self._due_ns:
            return []
        finished = [bar for each in self._builders.values() for bar in each.advance(now_ns)]
        self._find_due()
        return sorted(finished, key=_by_end)

    def lost(self, now_ns: int) -> None:
        """Note that the feed was away until `now_ns`: that instant's interval is incomplete."""
        for builder in self._builders.values():
            builder.lost(now_ns)
        self._find_due()

    def counts(self) -> BarCounts:
        """Ticks of the newest session that are in no bar, over all instruments."""
        each = [builder.counts for builder in self._builders.values()]
        return BarCounts(
            late=sum(counts.late for counts in each),
            outside=sum(counts.outside for counts in each),
            incomplete=sum(counts.incomplete for counts in each),
        )

    def unsound(self) -> int:
        """Quotes of the newest session that said nothing about the price."""
        return sum(builder.ticks.passed_over.total() for builder in self._builders.values())

    def _new_builders(self) -> dict[str, BarBuilder]:
        return {symbol: BarBuilder(symbol, self._cadence_ns) for symbol in self._instruments}

    def _find_due(self) -> None:
        due = [builder.due_ns for builder in self._builders.values()]
        self._due_ns = min((ns for ns in due if ns is not None), default=NEVER_NS)


def bar_messages(
    messages: Iterable[MarketMessage], building: TickBars | None, until_ns: int
) -> list[BarMessage]:
    """What those who want bars were sent, read again: the same messages give the same bars.

    Args:
        messages: The market up to the newest message that was passed on, oldest first.
        building: Builders that have seen nothing yet, to be left as they were then; None for a
            tape that holds bars itself.
        until_ns: Up to when bars were passed on that were over before the next message.
    """
    sent: list[BarMessage] = []
    for message in messages:
        if building is not None:
            sent += building.take(message)
        elif isinstance(message, Bar):
            sent.append(message)
        if isinstance(message, _ENDS):
            sent.append(message)
    if building is not None:
        sent += building.advance(until_ns)
    return sent
