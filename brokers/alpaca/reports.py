"""What an Alpaca order, or an event about one, means for us: reports in the core's words.

An execution's id is made of the order's id and the cumulative quantity after it. Stream and account
activities both state that quantity, and it only grows, so the same execution has the same id
wherever it is heard of (EX-5), which cannot be said of the ids that Alpaca gives it.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from brokers.alpaca.words import Fill, Order, TradeUpdate, amount_1e8, time_ns
from rust_core import VenueReport

SIDES: Final = {"buy": "BUY", "sell": "SELL"}
LIVE: Final = frozenset(
    {
        "pending_new",
        "accepted",
        "accepted_for_bidding",
        "pending_review",
        "new",
        "held",
        "partially_filled",
        "done_for_day",
        "stopped",
        "pending_cancel",
        "pending_replace",
    }
)
"""The venue has it, and it may still fill."""
ENDS: Final = {
    "canceled": "CANCELLED",
    "replaced": "CANCELLED",
    "expired": "EXPIRED",
    "rejected": "REJECTED",
}
FILLED: Final = "filled"
FILL_EVENTS: Final = frozenset({"fill", "partial_fill"})
CANCEL_REFUSED: Final = "order_cancel_rejected"
BUST: Final = "trade_bust"
CORRECTIONS: Final = frozenset({BUST, "trade_correct"})
_ORDERS_KEPT: Final = 4_096


class Heard:
    """Which part of each order's fills was reported, so that a hole is seen."""

    def __init__(self) -> None:
        """Nothing was heard."""
        self._by_order: OrderedDict[str, dict[int, int]] = OrderedDict()
        self._names: OrderedDict[str, tuple[str, int]] = OrderedDict()

    def name(self, venue_id: str, order_id: str, cumulative_1e8: int) -> None:
        """The venue's own name of an execution, by which it takes one back."""
        if venue_id:
            self._names[venue_id] = (order_id, cumulative_1e8)
        while len(self._names) > _ORDERS_KEPT:
            self._names.popitem(last=False)

    def take_back(self, venue_id: str) -> str | None:
        """Our id of an execution that the venue takes back; None when it was never heard of."""
        found = self._names.pop(venue_id, None)
        if found is None:
            return None
        order_id, cumulative_1e8 = found
        self._by_order.get(order_id, {}).pop(cumulative_1e8, None)
        return execution_id(order_id, cumulative_1e8)

    def note(self, order_id: str, cumulative_1e8: int, qty_1e8: int) -> None:
        """An execution that brought the order to that quantity was reported."""
        known = self._by_order.setdefault(order_id, {})
        known[cumulative_1e8] = qty_1e8
        self._by_order.move_to_end(order_id)
        while len(self._by_order) > _ORDERS_KEPT:
            self._by_order.popitem(last=False)

    def is_whole(self, order_id: str, filled_1e8: int) -> bool:
        """Everything up to that quantity was reported."""
        return sum(self._by_order.get(order_id, {}).values()) == filled_1e8


def execution_id(order_id: str, cumulative_1e8: int) -> str:
    """The one id of an execution."""
    return f"{order_id}@{cumulative_1e8}"


def accepted(order: Order) -> VenueReport:
    """The venue has the order."""
    return VenueReport(order.client_order_id, "ACCEPTED", order.at_ns, broker_order_id=order.id)


def ended(order: Order) -> VenueReport | None:
    """How the order ended; None while it may fill, and when it filled whole."""
    kind = ENDS.get(order.status)
    if kind is None:
        return None
    reason = order.status
    if order.status == "replaced":
        reason = f"replaced by {order.replaced_by}"
    return VenueReport(
        order.client_order_id, kind, order.at_ns, broker_order_id=order.id, reason=reason
    )


def filled(order: Order, fills: Sequence[Fill], heard: Heard) -> list[VenueReport]:
    """The executions of one order, oldest first."""
    said = []
    for fill in sorted(fills, key=lambda each: amount_1e8(each.cum_qty)):
        cumulative_1e8 = amount_1e8(fill.cum_qty, "fill.cum_qty")
        qty_1e8 = amount_1e8(fill.qty, "fill.qty")
        heard.note(order.id, cumulative_1e8, qty_1e8)
        heard.name(fill.id.rpartition("::")[2], order.id, cumulative_1e8)
        said.append(
            VenueReport(
                order.client_order_id,
                "FILLED",
                time_ns(fill.transaction_time, "fill.transaction_time"),
                broker_order_id=order.id,
                execution_id=execution_id(order.id, cumulative_1e8),
                qty_1e8=qty_1e8,
                price_1e8=amount_1e8(fill.price, "fill.price"),
            )
        )
    return said


def is_known(order: Order) -> bool:
    """Its status is one that we know what to do with; any other is UNKNOWN (alpaca.md, 7)."""
    return order.status in LIVE or order.status in ENDS or order.status == FILLED


def pushed_fill(update: TradeUpdate, heard: Heard) -> VenueReport | None:
    """The execution that an event of the stream tells of; None when it tells of none."""
    if update.event not in FILL_EVENTS or update.qty is None or update.price is None:
        return None
    order = update.order
    cumulative_1e8, qty_1e8 = order.filled_1e8, amount_1e8(update.qty, "trade_updates.qty")
    heard.note(order.id, cumulative_1e8, qty_1e8)
    heard.name(update.execution_id or "", order.id, cumulative_1e8)
    at_ns = order.at_ns
    if update.timestamp is not None:
        at_ns = time_ns(update.timestamp, "trade_updates.timestamp")
    return VenueReport(
        order.client_order_id,
        "FILLED",
        at_ns,
        broker_order_id=order.id,
        execution_id=execution_id(order.id, cumulative_1e8),
        qty_1e8=qty_1e8,
        price_1e8=amount_1e8(update.price, "trade_updates.price"),
    )


def busted(update: TradeUpdate, heard: Heard) -> VenueReport | None:
    """The execution that the venue takes back; None when it is none that we heard of."""
    known = heard.take_back(update.execution_id or "")
    if update.event != BUST or known is None:
        return None
    order = update.order
    return VenueReport(
        order.client_order_id,
        "REVERSED",
        order.at_ns,
        broker_order_id=order.id,
        execution_id=known,
        qty_1e8=0 if update.qty is None else amount_1e8(update.qty, "trade_updates.qty"),
        reason=update.event,
    )
