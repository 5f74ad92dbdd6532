"""One execution has one place in the books, whoever tells of it and however often (EX-5)."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from brokers.alpaca import reports
from brokers.alpaca.stream import reported
from brokers.alpaca.words import Fill, Order, TradeUpdate
from rust_core import Judgement, Message
from tests.rust_core.account_desk import Desk, E

ORDERED = 10
FLIGHT_NS = 60_000_000_000
STAMP = "2026-11-20T15:00:01.250Z"


@dataclass
class Execution:
    """One that happened: its names on the stream and in the list."""

    pushed: str
    listed: str
    qty: int
    cumulative: int
    is_busted: bool = False


@dataclass
class Book:
    """One order at the venue; `has_one_name`: stream and list call an execution the same."""

    client_order_id: str
    has_one_name: bool
    executions: list[Execution] = field(default_factory=list)

    @property
    def filled(self) -> int:
        """What stands."""
        return sum(each.qty for each in self.executions if not each.is_busted)

    @property
    def used(self) -> int:
        """What a bust does not give back."""
        return sum(each.qty for each in self.executions)

    def fill(self, qty: int) -> Execution:
        """So much more."""
        number = len(self.executions)
        name = f"e{number}"
        made = Execution(name, name if self.has_one_name else f"a{number}", qty, self.filled + qty)
        self.executions.append(made)
        return made

    def order(self, at: Execution | None = None) -> Order:
        """As the venue states it, now or at an execution: a late frame says what was so then."""
        filled = self.filled if at is None else at.cumulative
        return Order(
            id="b",
            client_order_id=self.client_order_id,
            status="filled" if filled == ORDERED else "partially_filled" if filled else "new",
            qty=Decimal(ORDERED),
            filled_qty=Decimal(filled),
            updated_at=STAMP,
        )

    def update(self, event: str, one: Execution, order: Order) -> TradeUpdate:
        """As the stream tells it."""
        return TradeUpdate(
            event=event,
            order=order,
            execution_id=one.pushed,
            price=Decimal(100),
            qty=Decimal(one.qty),
            timestamp=STAMP,
        )

    def listing(self) -> list[Fill]:
        """As the account's activities have it: what was taken back is not listed."""
        return [
            Fill(
                id=f"20261120150001250::{each.listed}",
                transaction_time=STAMP,
                price=Decimal(100),
                qty=Decimal(each.qty),
                side="buy",
                symbol="SPY",
                order_id="b",
                cum_qty=Decimal(each.cumulative),
            )
            for each in self.executions
            if not each.is_busted
        ]


@dataclass
class Play:
    """The venue's book, ours, and what the adapter heard."""

    desk: Desk
    book: Book
    heard: reports.Heard = field(default_factory=reports.Heard)
    asks_look_up: bool = False

    def push(self, update: TradeUpdate) -> None:
        """An event of the stream."""
        news = reported(update, self.heard)
        self.asks_look_up |= news.asks_look_up
        for report in news.reports:
            self.desk.tell(Message.venue_report(report))

    def look_up(self) -> None:
        """The whole of the order, by REST."""
        order, fills = self.book.order(), self.book.listing()
        told = [reports.accepted(order), *reports.filled(order, fills, self.heard)]
        self.desk.tell(Message.lookup_found(self.book.client_order_id, told))
        self.asks_look_up = False

    def compare(self) -> Judgement:
        """Everything, as after every correction: its position, its orders and what it lists."""
        self.desk.now_ns += FLIGHT_NS
        order = self.book.order()
        fills = reports.filled(order, self.book.listing(), self.heard)
        said: dict[str, Any] = {"orders": None, "fills": fills, "fills_after_ns": 1}
        held = [("SPY", self.book.filled * E, 100 * E)] if self.book.filled else []
        decision = self.desk.tell(Message.stated(self.desk.core.version, positions=held, **said))
        assert decision.judgement is not None
        return decision.judgement

    @property
    def held(self) -> int:
        """In our books."""
        return sum(each.qty_1e8 for each in self.desk.core.positions()) // E

    def step(self, kind: str, number: int) -> None:
        """One thing that happens at the venue, or is told of."""
        live = [each for each in self.book.executions if not each.is_busted]
        if kind in ("fill", "lost fill"):
            if self.book.used + number <= ORDERED:
                one = self.book.fill(number)
                self.tell(one, is_lost=kind == "lost fill")
        elif kind == "look up":
            self.look_up()
        elif kind == "restart":
            self.heard = reports.Heard()
            self.look_up()  # as with each connection of the stream
        elif live:
            self.step_with(live[number % len(live)], kind)

    def step_with(self, one: Execution, kind: str) -> None:
        """Something happens to an execution that stands."""
        if kind == "again":
            self.tell(one)
            return
        if self.asks_look_up:  # a hole is looked after before anything is taken back
            self.look_up()
        one.is_busted = True
        taken_back = self.book.update("trade_bust", one, self.book.order())
        if kind == "early fill" and self.book.used + one.qty <= ORDERED:
            self.tell(self.book.fill(one.qty))  # before what it replaces is taken back
        self.push(taken_back)

    def tell(self, one: Execution, *, is_lost: bool = False) -> None:
        """Of an execution, by the stream."""
        if not is_lost:
            self.push(self.book.update("partial_fill", one, self.book.order(one)))


def play(*, has_one_name: bool) -> Play:
    """An order that works."""
    desk = Desk()
    order = desk.ordered(
        desk.ask(qty_1e8=ORDERED * E, order_type="LIMIT", limit_1e8=100 * E, tif="GTC")
    )
    desk.release(order)
    return Play(desk, Book(order, has_one_name))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["fill", "lost fill", "bust", "early fill", "again", "look up", "restart"]),
        st.integers(1, 4),
    ),
    max_size=14,
)


@given(steps=STEPS, has_one_name=st.booleans())
def test_stream_and_list_are_one_book(steps: list[tuple[str, int]], *, has_one_name: bool) -> None:
    """EX-5: fills heard, lost, repeated and taken back, by stream and by REST, over a restart.

    Stream and list may have names of their own for one execution, and what was not heard may be
    booked as a total. Then a bust may name what our books have otherwise: the comparison that
    follows it finds what was taken back, or names what it cannot explain and stops entries, or
    keeps them waiting while an order moves.
    """
    stage = play(has_one_name=has_one_name)
    for kind, number in steps:
        stage.step(kind, number)
    stage.look_up()
    stage.look_up()
    is_plain = has_one_name and "lost fill" not in {kind for kind, _ in steps}
    assert not is_plain or stage.held == stage.book.filled
    assert stage.held >= stage.book.filled
    judged = [stage.compare() for _ in range(3)][-1]
    if stage.held != stage.book.filled:
        assert judged.is_stopped or not judged.is_conclusive, "entries may leave"
        assert {one.instrument for one in judged.drift} <= {"SPY"}
    assert stage.desk.core.faults() == []


def test_a_fill_at_the_place_of_one_that_was_taken_back_is_a_fill() -> None:
    """EX-5: two and two, the first is taken back, two more: at the place of the second, and new."""
    stage = play(has_one_name=True)
    book = stage.book
    first = book.fill(2)
    stage.push(book.update("partial_fill", first, book.order()))
    second = book.fill(2)
    stage.push(book.update("partial_fill", second, book.order()))
    first.is_busted = True
    stage.push(book.update("trade_bust", first, book.order()))
    third = book.fill(2)
    assert third.cumulative == second.cumulative
    stage.push(book.update("partial_fill", third, book.order()))
    assert stage.held == book.filled == 4
    stage.look_up()
    assert stage.held == 4


def test_another_name_for_what_is_held_never_counts_twice_after_a_bust() -> None:
    """EX-5: five are held under the stream's name; the list's own name of them adds nothing."""
    stage = play(has_one_name=False)
    book = stage.book
    gone = book.fill(3)
    stage.push(book.update("partial_fill", gone, book.order()))
    gone.is_busted = True
    stage.push(book.update("trade_bust", gone, book.order()))
    kept = book.fill(5)
    stage.push(book.update("partial_fill", kept, book.order()))
    assert stage.held == 5
    stage.look_up()
    assert stage.held == book.filled == 5
    lost = book.fill(2)
    assert lost.listed != lost.pushed
    stage.look_up()
    stage.push(book.update("partial_fill", lost, book.order(lost)))  # late, under the stream's name
    assert stage.held == book.filled == 7
    assert stage.desk.core.faults() == []
