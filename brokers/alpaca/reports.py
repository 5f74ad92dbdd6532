"""What an Alpaca order, or an event about one, means for us: reports in the core's words.

An execution's id is its place, the order's id and the cumulative quantity after it, and the
venue's own name for it: `order@cumulative#name`. Stream and account activities both state the
place; whether they share the name is not documented. So the core takes two names at one place for
one execution (EX-5), until one of the order's is taken back: the quantity falls, places repeat, and
names decide.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
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
_ORDERS_KEPT: Final = 1_024


@dataclass(slots=True)
class _Known:
    """An execution that stands, and who told of it."""

    our_id: str
    qty_1e8: int
    is_pushed: bool = False
    is_listed: bool = False


class Heard:
    """Which executions of each order were heard of, by name: so that a hole is seen."""

    def __init__(self) -> None:
        """Nothing was heard."""
        self._by_order: OrderedDict[str, dict[str, _Known]] = OrderedDict()

    def pushed(self, order_id: str, cumulative_1e8: int, qty_1e8: int, name: str) -> str:
        """Our id of what the stream tells."""
        known = self._known(order_id, cumulative_1e8, qty_1e8, name)
        known.is_pushed = True
        return known.our_id

    def listed(self, order_id: str, cumulative_1e8: int, qty_1e8: int, name: str) -> str:
        """Our id of what the account's activities tell."""
        known = self._known(order_id, cumulative_1e8, qty_1e8, name)
        known.is_listed = True
        return known.our_id

    def take_back(self, order_id: str, name: str) -> str | None:
        """Our id of an execution that the venue takes back; None when it was never heard of."""
        found = self._by_order.get(order_id, {}).pop(name, None) if name else None
        return None if found is None else found.our_id

    def is_whole(self, order_id: str, filled_1e8: int) -> bool:
        """Everything up to that quantity was reported, by either or by both together."""
        known = self._by_order.get(order_id, {}).values()
        return filled_1e8 in (
            sum(each.qty_1e8 for each in known),
            sum(each.qty_1e8 for each in known if each.is_pushed),
            sum(each.qty_1e8 for each in known if each.is_listed),
        )

    def _known(self, order_id: str, cumulative_1e8: int, qty_1e8: int, name: str) -> _Known:
        known = self._by_order.setdefault(order_id, {})
        self._by_order.move_to_end(order_id)
        while len(self._by_order) > _ORDERS_KEPT:
            self._by_order.popitem(last=False)
        our_id = execution_id(order_id, cumulative_1e8, name)
        return known.setdefault(name or our_id, _Known(our_id, qty_1e8))


def execution_id(order_id: str, cumulative_1e8: int, name: str) -> str:
    """The id of an execution: its place, and the venue's name for it where it says one."""
    place = f"{order_id}@{cumulative_1e8}"
    return f"{place}#{name}" if name else place


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
    for fill in sorted(fills, key=lambda each: amount_1e8(each.cum_qty, "fill.cum_qty")):
        cumulative_1e8 = amount_1e8(fill.cum_qty, "fill.cum_qty")
        qty_1e8 = amount_1e8(fill.qty, "fill.qty")
        name = fill.id.rpartition("::")[2]
        said.append(
            VenueReport(
                order.client_order_id,
                "FILLED",
                time_ns(fill.transaction_time, "fill.transaction_time"),
                broker_order_id=order.id,
                execution_id=heard.listed(order.id, cumulative_1e8, qty_1e8, name),
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
    at_ns = order.at_ns
    if update.timestamp is not None:
        at_ns = time_ns(update.timestamp, "trade_updates.timestamp")
    return VenueReport(
        order.client_order_id,
        "FILLED",
        at_ns,
        broker_order_id=order.id,
        execution_id=heard.pushed(order.id, cumulative_1e8, qty_1e8, update.execution_id or ""),
        qty_1e8=qty_1e8,
        price_1e8=amount_1e8(update.price, "trade_updates.price"),
    )


def busted(update: TradeUpdate, heard: Heard) -> VenueReport | None:
    """The execution that the venue takes back; None when it is none that we heard of."""
    order = update.order
    named = (update.previous_execution_id, update.execution_id)
    known = next((id_ for each in named if (id_ := heard.take_back(order.id, each or ""))), None)
    if known is None:
        return None
    return VenueReport(
        order.client_order_id,
        "REVERSED",
        order.at_ns,
        broker_order_id=order.id,
        execution_id=known,
        qty_1e8=0 if update.qty is None else amount_1e8(update.qty, "trade_updates.qty"),
        reason=update.event,
    )
