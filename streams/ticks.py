"""What a tick says about the price: the trade itself, or the middle of a sound quote."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from trading.market import Quote, TradePrint


class Unsound(StrEnum):
    """Why a quote says nothing about the price (MD-4)."""

    CROSSED = "CROSSED"
    NO_BID = "NO_BID"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTick:
    """A price at an instant; `size_1e8` is 0 when nothing was traded."""

    instrument: str
    price_1e8: int
    size_1e8: int
    at_ns: int
    source_ns: int
    tape_seq: int
    is_synthetic: bool


def unsound(quote: Quote) -> Unsound | None:
    """Why a quote must not make a price; None for a sound one. Bid equal to ask is sound."""
    if quote.bid_1e8 <= 0:
        return Unsound.NO_BID
    if quote.bid_1e8 > quote.ask_1e8:
        return Unsound.CROSSED
    return None


class Ticks:
    """Makes price ticks and counts the quotes that were passed over."""

    def __init__(self) -> None:
        """Begin counting at zero."""
        self.passed_over: Counter[Unsound] = Counter()

    def tick(self, message: Quote | TradePrint) -> PriceTick | None:
        """The tick of a message; None for an unsound quote. A middle is rounded down to 1e-8."""
        if isinstance(message, TradePrint):
            return _tick(message, message.price_1e8, message.size_1e8)
        reason = unsound(message)
        if reason is not None:
            self.passed_over[reason] += 1
            return None
        return _tick(message, (message.bid_1e8 + message.ask_1e8) // 2, 0)


def _tick(message: Quote | TradePrint, price_1e8: int, size_1e8: int) -> PriceTick:
    return PriceTick(
        instrument=message.instrument,
        price_1e8=price_1e8,
        size_1e8=size_1e8,
        at_ns=message.at_ns,
        source_ns=message.source_ns,
        tape_seq=message.tape_seq,
        is_synthetic=message.is_synthetic,
    )
