"""What a Tradier order, or an event about one, means for us: reports in the core's words.

The venue names no executions: it says how much of an order is filled in all and at what average
price, so that is what is reported, and the core books what it has not booked yet (EX-5). Events may
arrive in any order: a smaller total, or an earlier status, then changes nothing.
"""

from typing import Final

from brokers.tradier.words import Order
from rust_core import VenueReport

SIDES: Final = {
    "buy": "BUY",
    "buy_to_open": "BUY",
    "buy_to_close": "BUY",
    "buy_to_cover": "BUY",
    "sell": "SELL",
    "sell_short": "SELL",
    "sell_to_open": "SELL",
    "sell_to_close": "SELL",
}
LIVE: Final = frozenset(
    {"pending", "open", "held", "partially_filled", "calculated", "accepted_for_bidding"}
)
"""The venue has it, and it may still fill."""
ENDS: Final = {"canceled": "CANCELLED", "expired": "EXPIRED", "rejected": "REJECTED"}
FILLED: Final = "filled"
ERROR: Final = "error"
"""Rejected, if nothing was filled and a second look says the same."""


def is_known(order: Order) -> bool:
    """Its status is one that we know what to do with."""
    return order.status in LIVE or order.status in ENDS or order.status == FILLED


def said_of(ours: str, order: Order) -> list[VenueReport]:
    """All that an order's state tells, oldest first; of an unknown status only its fills."""
    number, at_ns = str(order.id), order.at_ns
    told = []
    if order.status not in ("rejected", ERROR):
        told.append(VenueReport(ours, "ACCEPTED", at_ns, broker_order_id=number))
    if order.filled_1e8 > 0:
        told.append(total(ours, order))
    end = ENDS.get(order.status)
    if end is not None:
        reason = order.reason_description or order.status
        told.append(VenueReport(ours, end, at_ns, broker_order_id=number, reason=reason))
    return told


def total(ours: str, order: Order) -> VenueReport:
    """How far an order is filled in all."""
    return VenueReport(
        ours,
        "FILLED_TO",
        order.at_ns,
        broker_order_id=str(order.id),
        qty_1e8=order.filled_1e8,
        price_1e8=order.average_1e8,
    )


def rejected(ours: str, order: Order) -> VenueReport:
    """An order that ended in `error` twice, with nothing filled."""
    reason = order.reason_description or ERROR
    return VenueReport(ours, "REJECTED", order.at_ns, broker_order_id=str(order.id), reason=reason)
