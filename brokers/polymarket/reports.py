"""What Polymarket says of our orders and trades, as reports in the core's words.

A fill has two lives: it is matched at once, and settled on the chain later, or never. Until it is
CONFIRMED it is provisional, so that nothing of it is sold; FAILED takes it back (EX-7).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from brokers.polymarket.rules import Rules
from brokers.polymarket.words import Order, Trade, amount_1e8, size_1e8
from rust_core import VenueReport

LIVE: Final = frozenset({"LIVE", "DELAYED", "UNMATCHED"})
"""The venue has it, and it may still fill."""
MATCHED: Final = "MATCHED"
CONFIRMED: Final = "CONFIRMED"
FAILED: Final = "FAILED"
PENDING: Final = frozenset({"MATCHED", "MATCHED_NOT_BROADCASTED", "MINED", "RETRYING"})
OFF_CHAIN: Final = PENDING - {"MINED"}
"""Not in the wallet yet."""
SETTLEMENTS: Final = PENDING | {CONFIRMED, FAILED}
_EXPIRED: Final = ("CANCELED_MARKET_RESOLVED", "CANCELED_EXPIRED_ORDER", "EXPIRED")
_CANCELLED: Final = ("CANCELED", "CANCELLED")
INVALID: Final = "INVALID"
DUST_1E8: Final = 1_000_000
"""The venue calls an order matched when less than this is left of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """An order of ours, by its hash.

    Attributes:
        ours: Our id.
        order_id: Its hash.
        token_id: The outcome.
        side: BUY or SELL.
        qty_1e8: Of the whole order.
    """

    ours: str
    order_id: str
    token_id: str
    side: str
    qty_1e8: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a trade filled of one of our orders."""

    mine: Mine
    qty_1e8: int
    price_1e8: int
    is_taker: bool


def end_of(word: str, *, was_live: bool) -> str:
    """How an order of that status ended; empty while it may fill, and when it filled whole."""
    if word.startswith(_EXPIRED):
        return "EXPIRED"
    if word.startswith(_CANCELLED):
        return "CANCELLED"
    if word == INVALID:
        return "CANCELLED" if was_live else "REJECTED"
    return ""


def is_known(word: str) -> bool:
    """A status that we know what to do with."""
    return word in LIVE or word == MATCHED or bool(end_of(word, was_live=True))


def matched_1e8(order: Order, mine: Mine) -> int:
    """How much of an order has matched."""
    return size_1e8(order.size_matched, mine.qty_1e8, "order.size_matched")


NOTHING: Final[tuple[VenueReport, ...]] = ()


def accepted(mine: Mine, at_ns: int) -> VenueReport:
    """The venue has the order."""
    return VenueReport(mine.ours, "ACCEPTED", at_ns, broker_order_id=mine.order_id)


def ended(mine: Mine, kind: str, at_ns: int, reason: str) -> VenueReport:
    """The order will not fill any more."""
    return VenueReport(mine.ours, kind, at_ns, broker_order_id=mine.order_id, reason=reason[:200])


def orders_in(trade: Trade) -> Iterable[str]:
    """The hash of every order that a trade is of."""
    yield trade.taker_order_id
    for maker in trade.maker_orders or ():
        yield maker.order_id


def part_of(trade: Trade, mine: Mine) -> Part | None:
    """What a trade filled of an order; None when it is not of it.

    The size at the top is the taker's: a maker's own stands in the list, with the price it asked.
    """
    if trade.taker_order_id == mine.order_id:
        return Part(
            mine=mine,
            qty_1e8=size_1e8(trade.size, mine.qty_1e8, "trade.size"),
            price_1e8=amount_1e8(trade.price, "trade.price"),
            is_taker=True,
        )
    makers = [each for each in trade.maker_orders or () if each.order_id == mine.order_id]
    if not makers:
        return None
    sizes = [size_1e8(each.matched_amount, mine.qty_1e8, "matched_amount") for each in makers]
    return Part(
        mine=mine,
        qty_1e8=sum(sizes),
        price_1e8=amount_1e8(makers[0].price, "maker_orders.price"),
        is_taker=False,
    )


def execution_id(trade: Trade, mine: Mine) -> str:
    """The one id of what a trade filled of an order."""
    return f"{trade.id}@{mine.order_id[2:14]}"


def said_of(trade: Trade, part: Part, rules: Rules | None) -> VenueReport:
    """A trade's part in an order: filled, settled, or taken back."""
    mine = part.mine
    at_ns, word = trade.at_ns, trade.word
    name = execution_id(trade, mine)
    if word == FAILED:
        return VenueReport(
            mine.ours,
            "REVERSED",
            at_ns,
            broker_order_id=mine.order_id,
            execution_id=name,
            qty_1e8=part.qty_1e8,
            reason="the settlement failed",
        )
    fee_1e8 = 0
    if part.is_taker and rules is not None:
        fee_1e8 = rules.taker_fee_1e8(part.qty_1e8, part.price_1e8)
    return VenueReport(
        mine.ours,
        "FILLED",
        at_ns,
        broker_order_id=mine.order_id,
        execution_id=name,
        qty_1e8=part.qty_1e8,
        price_1e8=part.price_1e8,
        fee_1e8=fee_1e8,
        settlement="CONFIRMED" if word == CONFIRMED else "PROVISIONAL",
    )
