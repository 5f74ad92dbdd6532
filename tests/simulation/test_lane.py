"""A simulated lane keeps what a real lane promises, and draws what that leaves open."""

from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar

from research.simulation.lane import SimLane
from trading.mail import MailClass


@dataclass(frozen=True, slots=True)
class Word:
    """Mail like any other."""

    number: int


@dataclass(frozen=True, slots=True)
class Order:
    """Mail that goes first."""

    MAIL: ClassVar[MailClass] = MailClass.CONTROL

    number: int


@dataclass
class Receiver:
    """Keeps what it hears in a book that it shares."""

    name: str
    book: list[tuple[str, Any]] = field(default_factory=list)

    def deliver(self, message: Any) -> None:
        """Note it."""
        self.book.append((self.name, message))


def heard(drawn: Random | None) -> list[tuple[str, Any]]:
    """The mail of three receivers, in the order in which it was handled."""
    lane = SimLane(lambda: 0, lambda _: None, drawn)
    book: list[tuple[str, Any]] = []
    receivers = [Receiver(name, book) for name in "abc"]
    for number in range(30):
        for receiver in receivers:
            lane.post(receiver, Word(number))
    for number in range(3):
        lane.post(receivers[0], Order(number))
    lane.turn()
    return book


def test_mail_is_handled_in_the_order_it_came_unless_drawn() -> None:
    """WD-5: a world may have the lane as it is."""
    book = heard(None)
    assert [word for _, word in book[:3]] == [Order(0), Order(1), Order(2)]
    assert [name for name, _ in book[3:]] == ["a", "b", "c"] * 30


def test_a_drawn_lane_keeps_what_every_lane_promises() -> None:
    """WD-5: CONTROL first, and each receiver's own mail in the order in which it came."""
    for seed in range(20):
        book = heard(Random(seed))
        assert [word for _, word in book[:3]] == [Order(0), Order(1), Order(2)]
        for name in "abc":
            own = [word for to, word in book[3:] if to == name]
            assert own == [Word(number) for number in range(30)]


def test_a_drawn_lane_lets_receivers_overtake_each_other() -> None:
    """WD-5: the same draw gives the same order, another one another."""
    first, again, other = (heard(Random(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert [name for name, _ in first[3:]] != ["a", "b", "c"] * 30
