"""The account's orders as the venue keeps them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from brokers.sim.ledger import Ledger
from brokers.sim.tradier.orders import Order
from brokers.sim.units import eastern


@dataclass(slots=True)
class Blotter:
    """State without rules.

    Attributes:
        orders: Parents and legs, by id.
        open: Those that are not terminal, oldest first.
    """

    ledger: Ledger
    orders: dict[int, Order] = field(default_factory=dict)
    open: dict[int, Order] = field(default_factory=dict)

    def register(self, order: Order) -> None:
        """Keep an order and its legs from now on."""
        for each in (order, *order.legs):
            self.orders[each.order_id] = each
            self.open[each.order_id] = each

    def close(self, order: Order) -> None:
        """It is terminal."""
        self.open.pop(order.order_id, None)

    def open_of(self, symbol: str) -> list[Order]:
        """The orders that a price of this symbol may move."""
        return [
            order
            for order in self.open.values()
            if (order.trades_itself and order.traded == symbol)
            or (order.is_together and any(leg.traded == symbol for leg in order.legs))
        ]

    def roots(self) -> Iterator[Order]:
        """Orders that are no legs."""
        return (order for order in self.orders.values() if order.parent is None)

    def today(self, now_ns: int) -> list[Order]:
        """What the list shows: the orders of this day in New York, and open gtc orders."""
        day = eastern(now_ns).date()
        return [
            order
            for order in self.roots()
            if eastern(order.created_ns).date() == day
            or (order.duration == "gtc" and not order.is_terminal)
        ]
