"""One instrument's order book: price first, then time; our orders and everybody else's.

Prices and quantities are integers at 1e-8. A match happens at the price of the order that rested.
"""

from bisect import insort
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """Direction of an order."""

    BUY = "buy"
    SELL = "sell"

    @property
    def other(self) -> "Side":
        """The side it trades with."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """+1 for a purchase, -1 for a sale."""
        return 1 if self is Side.BUY else -1


@dataclass(slots=True, kw_only=True)
class BookOrder:
    """An order on its way into the book, or in it.

    Attributes:
        qty_1e8: What is still open.
        limit_1e8: Worst price; None takes any.
        rests: Whether what finds no counterpart waits in the book.
    """

    order_id: str
    owner: str
    side: Side
    qty_1e8: int
    limit_1e8: int | None
    rests: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One execution: the maker rested, the taker came."""

    price_1e8: int
    qty_1e8: int
    taker_side: Side
    maker_id: str
    maker_owner: str
    taker_id: str
    taker_owner: str


class _Half:
    """One side of the book; the best price is last in `_keys`."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._levels: dict[int, deque[BookOrder]] = {}
        self._keys: list[int] = []

    def add(self, order: BookOrder) -> None:
        key = order.side.sign * (order.limit_1e8 or 0)
        if key not in self._levels:
            self._levels[key] = deque()
            insort(self._keys, key)
        self._levels[key].append(order)

    def remove(self, order: BookOrder) -> None:
        key = order.side.sign * (order.limit_1e8 or 0)
        self._levels[key].remove(order)
        if not self._levels[key]:
            del self._levels[key]
            self._keys.remove(key)

    def first(self) -> BookOrder | None:
        return self._levels[self._keys[-1]][0] if self._keys else None

    def __iter__(self) -> Iterator[BookOrder]:
        for key in reversed(self._keys):
            yield from self._levels[key]


class Book:
    """The orders of one instrument."""

    def __init__(self) -> None:
        """It is empty."""
        self._halves = {side: _Half(side) for side in Side}
        self._orders: dict[str, BookOrder] = {}

    def place(self, order: BookOrder) -> list[Match]:
        """Match an order against the other side; what is left rests if it may.

        Raises:
            ValueError: No quantity, an id that rests already, or no price to rest at.
        """
        if order.qty_1e8 <= 0:
            raise ValueError(f"qty must be above zero, was {order.qty_1e8}")
        if order.order_id in self._orders:
            raise ValueError(f"{order.order_id} is in the book already")
        if order.rests and order.limit_1e8 is None:
            raise ValueError("an order without a limit cannot rest")
        matches = []
        while order.qty_1e8 and (maker := self._counterpart(order)) is not None:
            matches.append(self._match(maker, order))
        if order.qty_1e8 and order.rests:
            self._orders[order.order_id] = order
            self._halves[order.side].add(order)
        return matches

    def _counterpart(self, order: BookOrder) -> BookOrder | None:
        maker = self._halves[order.side.other].first()
        return maker if maker is not None and reaches(order, maker.limit_1e8 or 0) else None

    def _match(self, maker: BookOrder, taker: BookOrder) -> Match:
        qty_1e8 = min(maker.qty_1e8, taker.qty_1e8)
        if qty_1e8 == maker.qty_1e8:
            self._remove(maker)
        maker.qty_1e8 -= qty_1e8
        taker.qty_1e8 -= qty_1e8
        return Match(
            price_1e8=maker.limit_1e8 or 0,
            qty_1e8=qty_1e8,
            taker_side=taker.side,
            maker_id=maker.order_id,
            maker_owner=maker.owner,
            taker_id=taker.order_id,
            taker_owner=taker.owner,
        )

    def cancel(self, order_id: str) -> int:
        """Take an order out; the quantity that was open, 0 when it does not rest here."""
        order = self._orders.get(order_id)
        if order is None:
            return 0
        self._remove(order)
        return order.qty_1e8

    def reduce(self, order_id: str, qty_1e8: int) -> None:
        """Lower what is open of a resting order; it keeps its place.

        Raises:
            ValueError: It does not rest here, or the quantity is not lower and above zero.
        """
        order = self._orders.get(order_id)
        if order is None or not 0 < qty_1e8 <= order.qty_1e8:
            raise ValueError(f"{order_id} cannot be reduced to {qty_1e8}")
        order.qty_1e8 = qty_1e8

    def _remove(self, order: BookOrder) -> None:
        del self._orders[order.order_id]
        self._halves[order.side].remove(order)

    def best_1e8(self, side: Side) -> int | None:
        """The best price of a side."""
        first = self._halves[side].first()
        return None if first is None else first.limit_1e8

    def side(self, side: Side) -> list[BookOrder]:
        """The resting orders of a side, in the order in which they would trade."""
        return list(self._halves[side])

    def available_1e8(self, order: BookOrder) -> int:
        """How much an order would find at its limit or better."""
        within = (each for each in self._halves[order.side.other])
        return sum(each.qty_1e8 for each in within if reaches(order, each.limit_1e8 or 0))

    def __contains__(self, order_id: str) -> bool:
        """Whether an order rests here."""
        return order_id in self._orders


def reaches(order: BookOrder, price_1e8: int) -> bool:
    """Whether an order would trade at a price."""
    if order.limit_1e8 is None:
        return True
    return (price_1e8 - order.limit_1e8) * order.side.sign <= 0
