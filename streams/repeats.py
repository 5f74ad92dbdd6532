"""What a feed says twice, or too late: it says nothing new and goes no further (MD-4).

A venue repeats itself after a reconnection, and a line may bring messages out of order. Of quotes
and bars only what is newer than the newest counts: an older price would be taken for the market. Of
trades each counts once by its id, whatever the order, since volume adds up; its interval decides
whether it is still in time (MD-5).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from trading.market import Bar, MarketMessage, OpenPrint, Quote, TradePrint

TRADES_KEPT: Final = 4096
"""Trade ids of one instrument that are remembered; a venue repeats what was newest."""


class Stale(StrEnum):
    """Why a message of a feed was not passed on."""

    REPEATED = "REPEATED"
    OLDER = "OLDER"


@dataclass(slots=True, kw_only=True)
class StaleCounts:
    """What came again, what came behind something newer, and trades that came out of order.

    Attributes:
        repeated: The same message once more; dropped.
        older: A quote or a bar behind a newer one, or another bar of the same interval; refused.
        disordered: A trade behind a newer one; it counts.
    """

    repeated: int = 0
    older: int = 0
    disordered: int = 0


class Repeats:
    """Remembers the newest of each instrument; give it every message in the order of arrival."""

    def __init__(self) -> None:
        """Nothing came yet."""
        self.counts = StaleCounts()
        self._newest: dict[tuple[type, str], tuple[int, MarketMessage]] = {}
        self._trades: dict[str, dict[tuple[int, int], None]] = {}

    def take(self, message: MarketMessage) -> Stale | None:
        """Why a message is not to be passed on; None for what is new."""
        kind = type(message)
        if isinstance(message, Quote | Bar | OpenPrint):
            stale = self._behind((kind, message.instrument), message)
        elif isinstance(message, TradePrint):
            stale = self._trade(message)
        else:
            return None
        if stale is Stale.REPEATED:
            self.counts.repeated += 1
        elif stale is Stale.OLDER:
            self.counts.older += 1
        return stale

    def without_stale(self, messages: Iterable[MarketMessage]) -> list[MarketMessage]:
        """What of them was new when it came, for one who reads a session again."""
        return [message for message in messages if self.take(message) is None]

    def _behind(self, key: tuple[type, str], message: Quote | Bar | OpenPrint) -> Stale | None:
        newest = self._newest.get(key)
        if newest is not None:
            newest_ns, before = newest
            if message.source_ns <= newest_ns:
                if _is_same(message, before):
                    return Stale.REPEATED
                # two quotes may carry one stamp; an interval has one bar, and a bar one open
                if message.source_ns < newest_ns or type(message) is not Quote:
                    return Stale.OLDER
        # a stamp of the future would shut out all that follows: what is here came by now
        self._newest[key] = (min(message.source_ns, message.at_ns), message)
        return None

    def _trade(self, trade: TradePrint) -> Stale | None:
        key = (TradePrint, trade.instrument)
        newest = self._newest.get(key)
        if trade.trade_id:
            known = self._trades.setdefault(trade.instrument, {})
            named = (trade.trade_id, trade.source_ns)
            if named in known:
                return Stale.REPEATED
            known[named] = None
            if len(known) > TRADES_KEPT:
                del known[next(iter(known))]
        stamp_ns = min(trade.source_ns, trade.at_ns)
        if newest is not None and stamp_ns < newest[0]:
            self.counts.disordered += 1
        else:
            self._newest[key] = (stamp_ns, trade)
        return None


def _is_same(one: Quote | Bar | OpenPrint, other: MarketMessage) -> bool:
    """Whether they say the same, by whatever stamp and number they arrived."""
    if isinstance(one, Quote) and isinstance(other, Quote):
        return (
            one.source_ns == other.source_ns
            and one.bid_1e8 == other.bid_1e8
            and one.ask_1e8 == other.ask_1e8
            and one.bid_size_1e8 == other.bid_size_1e8
            and one.ask_size_1e8 == other.ask_size_1e8
        )
    if isinstance(one, Bar) and isinstance(other, Bar):
        return (
            one.source_ns,
            one.at_ns,
            one.open_1e8,
            one.high_1e8,
            one.low_1e8,
            one.close_1e8,
            one.volume_1e8,
        ) == (
            other.source_ns,
            other.at_ns,
            other.open_1e8,
            other.high_1e8,
            other.low_1e8,
            other.close_1e8,
            other.volume_1e8,
        )
    if isinstance(one, OpenPrint) and isinstance(other, OpenPrint):
        return one.source_ns == other.source_ns and one.price_1e8 == other.price_1e8
    return False
