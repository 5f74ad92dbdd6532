"""The net price of options that trade together."""

from brokers.sim.alpaca.orders import Order
from brokers.sim.book import BookOrder
from brokers.sim.market import Market


def price_of(order: Order, market: Market) -> int | None:
    """What one unit costs at the books' best prices; below zero is a credit.

    Returns:
        None while a book cannot serve a leg at its best price.
    """
    net_1e8 = 0
    for leg in order.legs:
        book = market.book(leg.symbol)
        best_1e8 = book.best_1e8(leg.side.other)
        if best_1e8 is None or leg.ratio_qty_1e8 is None:
            return None
        wanted = BookOrder(
            order_id=leg.order_id,
            owner="",
            side=leg.side,
            qty_1e8=leg.open_1e8,
            limit_1e8=best_1e8,
        )
        if book.available_1e8(wanted) < leg.open_1e8:
            return None
        net_1e8 += leg.side.sign * best_1e8 * leg.ratio_qty_1e8 // 100_000_000
    return net_1e8
