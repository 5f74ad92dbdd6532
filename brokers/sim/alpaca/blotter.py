"""The account's orders, executions and activities as the venue keeps them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from brokers.sim.alpaca.orders import Order
from brokers.sim.ledger import Execution, Ledger
from brokers.sim.units import NS, eastern, show, utc_text


@dataclass(slots=True)
class Blotter:
    """State without rules.

    Attributes:
        open: The orders that are not terminal, oldest first.
        activities: Newest last, as GET /v2/account/activities tells them.
        told_as: The id of the activity that tells of an execution.
    """

    ledger: Ledger
    orders: dict[str, Order] = field(default_factory=dict)
    by_client: dict[str, Order] = field(default_factory=dict)
    open: dict[str, Order] = field(default_factory=dict)
    activities: list[dict[str, Any]] = field(default_factory=list)
    told_as: dict[str, str] = field(default_factory=dict)

    def register(self, order: Order) -> None:
        """Keep an order and its legs from now on."""
        for each in (order, *order.legs):
            self.orders[each.order_id] = each
            self.by_client[each.client_order_id] = each
            self.open[each.order_id] = each

    def close(self, order: Order) -> None:
        """It is terminal."""
        self.open.pop(order.order_id, None)

    def open_of(self, symbol: str) -> list[Order]:
        """The orders that a price of this symbol may move."""
        return [
            order
            for order in self.open.values()
            if order.symbol == symbol or any(leg.symbol == symbol for leg in order.legs)
        ]

    def roots(self) -> Iterator[Order]:
        """Orders that are no legs."""
        return (order for order in self.orders.values() if order.parent is None)

    def add_fill(self, order: Order, execution: Execution, name: str) -> None:
        """Tell a fill among the activities, by that name."""
        found = self.told_as[execution.execution_id] = activity_id(execution.at_ns, name)
        self.activities.append(
            {
                "id": found,
                "activity_type": "FILL",
                "transaction_time": utc_text(execution.at_ns),
                "type": "partial_fill" if execution.leaves_1e8 else "fill",
                "price": show(execution.price_1e8),
                "qty": show(execution.qty_1e8),
                "side": execution.side.value,
                "symbol": execution.symbol,
                "leaves_qty": show(execution.leaves_1e8),
                "order_id": order.order_id,
                "cum_qty": show(execution.cum_1e8),
                "order_status": order.status,
            }
        )

    def drop_fill(self, execution_id: str) -> None:
        """A fill that was taken back is no longer told."""
        gone = self.told_as[execution_id]
        self.activities[:] = [one for one in self.activities if one["id"] != gone]

    def add_other(self, kind: str, at_ns: int, new_id: str, **more: Any) -> None:
        """An activity that is no fill, such as a day's fees."""
        self.activities.append(
            {
                "id": activity_id(at_ns, new_id),
                "activity_type": kind,
                "date": f"{eastern(at_ns):%Y-%m-%d}",
                "status": "executed",
                **more,
            }
        )


def activity_id(at_ns: int, unique: str) -> str:
    """`20261120150001250::` and a UUID: the instant to the millisecond, which the ids sort by."""
    seconds, rest = divmod(at_ns, NS)
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    return f"{moment:%Y%m%d%H%M%S}{rest // 1_000_000:03d}::{unique}"
