"""The venue's own book: price, then time; nothing is made and nothing is lost."""

from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.sim.book import Book, BookOrder, Match, Side
from brokers.sim.ledger import Execution, Ledger
from brokers.sim.units import ONE_1E8, times

Action = tuple[Side, int | None, int, bool] | int
SEEDS = st.integers(min_value=0, max_value=2**32)


def drawn(seed: int, count: int = 80) -> list[Action]:
    """Orders around one price, and, as bare numbers, cancels of earlier ones."""
    random = Random(seed)
    actions: list[Action] = []
    for number in range(count):
        if number and random.random() < 0.2:
            actions.append(random.randrange(number))
            continue
        limit = random.randint(95, 105) if random.random() < 0.9 else None
        side = random.choice([*Side])
        actions.append((side, limit, random.randint(1, 20), random.random() < 0.8))
    return actions


@dataclass
class Placed:
    """An order as it was sent, and what it traded."""

    number: int
    side: Side
    limit: int | None
    qty: int
    rests: bool
    traded: int = 0
    cancelled: int = 0


@dataclass
class Played:
    """A book after a list of actions, with every match in order."""

    book: Book = field(default_factory=Book)
    placed: dict[str, Placed] = field(default_factory=dict)
    matches: list[Match] = field(default_factory=list)


def play(actions: list[Action]) -> Played:
    """Place the orders; a bare number cancels the order of that number."""
    played = Played()
    for number, action in enumerate(actions):
        if isinstance(action, int):
            one = played.placed.get(str(action))
            if one is not None:
                one.cancelled += played.book.cancel(str(action))
            continue
        side, limit, qty, rests = action
        rests = rests and limit is not None
        played.placed[str(number)] = Placed(number, side, limit, qty, rests)
        order = BookOrder(
            order_id=str(number), owner="x", side=side, qty_1e8=qty, limit_1e8=limit, rests=rests
        )
        for match in played.book.place(order):
            played.matches.append(match)
            played.placed[match.maker_id].traded += match.qty_1e8
            played.placed[match.taker_id].traded += match.qty_1e8
    return played


def resting(played: Played) -> list[BookOrder]:
    return [*played.book.side(Side.BUY), *played.book.side(Side.SELL)]


@given(SEEDS)
def test_what_was_sent_is_traded_cancelled_open_or_dropped(seed: int) -> None:
    """BR-2: no quantity is made or lost, and none beyond the order's own is filled."""
    played = play(drawn(seed))
    still_open = {order.order_id: order.qty_1e8 for order in resting(played)}
    for order_id, one in played.placed.items():
        left = one.qty - one.traded - one.cancelled
        assert left >= 0
        if one.rests:
            assert left == still_open.get(order_id, 0)
        else:
            assert order_id not in still_open


@given(SEEDS)
def test_a_match_is_at_the_makers_price_and_within_both_limits(seed: int) -> None:
    """BR-2: nobody trades beyond his limit, and the one who waited names the price."""
    played = play(drawn(seed))
    for match in played.matches:
        maker, taker = played.placed[match.maker_id], played.placed[match.taker_id]
        assert match.price_1e8 == maker.limit
        assert taker.side is match.taker_side is maker.side.other
        assert taker.limit is None or (match.price_1e8 - taker.limit) * taker.side.sign <= 0


@given(SEEDS)
def test_nobody_is_passed_by_a_worse_price_or_a_later_order(seed: int) -> None:
    """BR-2: price first, then time: judged by replaying each match against who was waiting."""
    waiting: dict[str, tuple[int, int, Side]] = {}
    played = Played()
    for number, action in enumerate(drawn(seed)):
        if isinstance(action, int):
            played.book.cancel(str(action))
            waiting.pop(str(action), None)
            continue
        side, limit, qty, rests = action
        rests = rests and limit is not None
        order = BookOrder(
            order_id=str(number), owner="x", side=side, qty_1e8=qty, limit_1e8=limit, rests=rests
        )
        for match in played.book.place(order):
            rank = waiting[match.maker_id][:2]
            others = [each[:2] for each in waiting.values() if each[2] is side.other]
            assert rank == min(others)
            if match.maker_id not in played.book:
                del waiting[match.maker_id]
        if order.qty_1e8 and rests and limit is not None:
            waiting[str(number)] = (-side.sign * limit, number, side)


@given(SEEDS)
def test_a_book_is_never_crossed(seed: int) -> None:
    """BR-2: what could trade has traded."""
    played = play(drawn(seed))
    prices = {side: [one.limit_1e8 or 0 for one in played.book.side(side)] for side in Side}
    bids, asks = prices[Side.BUY], prices[Side.SELL]
    assert not bids or not asks or max(bids) < min(asks)
    assert played.book.best_1e8(Side.BUY) == max(bids, default=None)
    assert played.book.best_1e8(Side.SELL) == min(asks, default=None)
    assert (bids, asks) == (sorted(bids, reverse=True), sorted(asks))


def test_a_reduced_order_keeps_its_place() -> None:
    """BR-2: less is no new order."""
    book = Book()
    for name in ("first", "second"):
        book.place(BookOrder(order_id=name, owner="x", side=Side.BUY, qty_1e8=10, limit_1e8=100))
    book.reduce("first", 4)
    taker = BookOrder(
        order_id="t", owner="y", side=Side.SELL, qty_1e8=6, limit_1e8=None, rests=False
    )
    matches = book.place(taker)
    assert [(match.maker_id, match.qty_1e8) for match in matches] == [("first", 4), ("second", 2)]


@pytest.mark.parametrize(
    ("qty", "limit", "complaint"),
    [(0, 100, "above zero"), (-1, 100, "above zero"), (1, None, "cannot rest")],
)
def test_an_order_that_cannot_be_is_refused(qty: int, limit: int | None, complaint: str) -> None:
    """BR-2: the book takes no order without quantity, and none that would rest nowhere."""
    with pytest.raises(ValueError, match=complaint):
        Book().place(
            BookOrder(order_id="a", owner="x", side=Side.BUY, qty_1e8=qty, limit_1e8=limit)
        )


FILLS = st.lists(
    st.tuples(
        st.sampled_from(Side),
        st.integers(min_value=1, max_value=50 * ONE_1E8),
        st.integers(min_value=1, max_value=500 * ONE_1E8),
    ),
    max_size=40,
)


@given(FILLS)
def test_the_ledger_adds_up_and_comes_back(fills: list[tuple[Side, int, int]]) -> None:
    """BR-2: cash and quantity are the plain sums, and taking every fill back restores them."""
    ledger = Ledger(1_000 * ONE_1E8)
    for number, (side, qty, price) in enumerate(fills):
        ledger.book(
            Execution(
                execution_id=str(number),
                order_id="o",
                symbol="S",
                side=side,
                qty_1e8=qty,
                price_1e8=price,
                at_ns=number,
            )
        )
    assert ledger.qty_1e8("S") == sum(side.sign * qty for side, qty, _ in fills)
    paid = sum(side.sign * times(price, qty) for side, qty, price in fills)
    assert ledger.cash_1e8 == 1_000 * ONE_1E8 - paid
    for number in range(len(fills)):
        ledger.reverse(str(number))
    assert ledger.cash_1e8 == 1_000 * ONE_1E8
    assert ledger.positions == {}
