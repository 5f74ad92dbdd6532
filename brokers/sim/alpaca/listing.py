"""GET /v2/orders: which orders, in which order, how many."""

from collections.abc import Mapping
from typing import Final

from brokers.sim.alpaca.blotter import Blotter
from brokers.sim.alpaca.errors import ApiError, malformed
from brokers.sim.alpaca.orders import Order
from brokers.sim.units import read_time

DEFAULT: Final = 50
MAX: Final = 500


def listed_orders(blotter: Blotter, query: Mapping[str, str]) -> list[Order]:
    """The orders that a query asks for, newest first unless it says otherwise.

    Without `nested` the legs stand for themselves, as every order does.

    Raises:
        ApiError: A filter cannot be read, or two exclude each other.
    """
    is_nested = query.get("nested") in ("true", "True")
    found = [*(blotter.roots() if is_nested else blotter.orders.values())]
    status = query.get("status", "open")
    if status not in ("open", "closed", "all"):
        raise malformed(f"invalid status: {status}")
    if status != "all":
        found = [order for order in found if order.is_terminal == (status == "closed")]
    found = _of(found, query)
    found = _cut(found, blotter, query)
    if query.get("direction", "desc") != "asc":
        found.reverse()
    return found[: _limit(query)]


def _of(orders: list[Order], query: Mapping[str, str]) -> list[Order]:
    if symbols := query.get("symbols"):
        wanted = {*symbols.split(",")}
        orders = [order for order in orders if order.symbol in wanted]
    if side := query.get("side"):
        orders = [order for order in orders if order.side.value == side]
    if asset_class := query.get("asset_class"):
        orders = [order for order in orders if order.asset_class == asset_class]
    return orders


def _cut(orders: list[Order], blotter: Blotter, query: Mapping[str, str]) -> list[Order]:
    """Between two instants, or two orders; both ends are exclusive."""
    names = [name for name in ("after", "until") if query.get(name)]
    ids = [name for name in ("before_order_id", "after_order_id") if query.get(name)]
    if len(ids) > 1 or (ids and names):
        raise malformed("before_order_id and after_order_id exclude each other, after and until")
    if after := query.get("after"):
        after_ns = _time(after)
        orders = [order for order in orders if order.created_ns > after_ns]
    if until := query.get("until"):
        until_ns = _time(until)
        orders = [order for order in orders if order.created_ns < until_ns]
    if not ids:
        return orders
    place = {order_id: at for at, order_id in enumerate(blotter.orders)}
    if query[ids[0]] not in place:
        raise ApiError(404, {"code": 40410000, "message": "order not found"})
    cut = place[query[ids[0]]]
    if ids[0] == "after_order_id":
        return [order for order in orders if place[order.order_id] > cut]
    return [order for order in orders if place[order.order_id] < cut]


def _time(text: str) -> int:
    try:
        return read_time(text)
    except ValueError as error:
        raise malformed(f"invalid time: {text}") from error


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", str(DEFAULT))
    if not text.isdigit() or not 0 < int(text) <= MAX:
        raise malformed(f"limit must be 1 to {MAX}, was {text}")
    return int(text)
