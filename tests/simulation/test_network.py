"""Each fault of the simulated network does what its name says, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from research.simulation.network import Host, Network, NetworkFaults
from research.simulation.world import SECOND_NS, World
from rust_core import VenueReport

START_NS = 1_000 * SECOND_NS
WELL_NS = START_NS + 100 * SECOND_NS


@dataclass
class Listener:
    """Stands for the process at our end: it keeps what it hears."""

    mails: list[Any] = field(default_factory=list)
    points: list[str] = field(default_factory=list)
    is_frozen: bool = False

    def mail(self, message: object) -> None:
        """Keep it."""
        self.mails.append(message)

    def when_running(self, act: Callable[[], None]) -> None:
        """It always runs."""
        act()

    def point(self, name: str) -> None:
        """Keep it."""
        self.points.append(name)


@dataclass
class Venue:
    """Stands for the far end."""

    is_down: bool = False


@dataclass
class Line:
    """A network with one fault, and what both ends saw of a request."""

    faults: NetworkFaults
    seed: int = 1
    acted: int = 0
    answered: int = 0

    def __post_init__(self) -> None:
        """Connect."""
        self.world = World(self.seed, START_NS)
        self.world.heal_ns = WELL_NS
        self.host = Listener()
        self.network = Network(self.world, self.faults)
        self.network.venue = cast("Any", Venue())
        self.network.host = cast("Host", self.host)

    def ask(self, kind: str = "post") -> None:
        """Carry one request, and let everything happen that follows."""

        def acts() -> None:
            self.acted += 1

        def home() -> None:
            self.answered += 1

        self.network.request(kind, acts, lambda: home)
        self.settle()

    def tell(self, count: int = 1) -> list[int]:
        """Send reports down the stream; the numbers of those that came, in their order."""
        for number in range(count):
            self.network.report(VenueReport(f"o-{number:02}", "ACCEPTED", START_NS + number))
        self.settle()
        texts = [repr(each) for each in self.host.mails]
        return [number for text in texts for number in range(count) if f"o-{number:02}" in text]

    def settle(self) -> None:
        """Until nothing is planned."""
        while (due_ns := self.world.next_ns(0)) > 0:
            self.world.now_ns = due_ns
            self.world.step()


@pytest.mark.parametrize(
    ("faults", "acted", "answered", "hit"),
    [
        (NetworkFaults(), 1, 1, ""),
        (NetworkFaults(request_lost=1.0), 0, 0, "net.post_lost"),
        (NetworkFaults(answer_lost=1.0), 1, 0, "net.post_answer_lost"),
        (NetworkFaults(request_late=1.0), 1, 1, "net.post_late"),
        (NetworkFaults(answer_late=1.0), 1, 1, "net.post_answer_late"),
    ],
    ids=["well", "request lost", "answer lost", "request late", "answer late"],
)
def test_a_request_suffers_its_fault_alone(
    faults: NetworkFaults, acted: int, answered: int, hit: str
) -> None:
    """WD-5: a lost request never acts, a lost answer has acted, what is late comes once."""
    line = Line(faults)
    line.ask()
    assert (line.acted, line.answered) == (acted, answered)
    assert dict(line.world.hits) == ({hit: 1} if hit else {})
    assert line.world.faults == len(line.world.hits)


def test_what_is_late_comes_later() -> None:
    """WD-5: by half a second at least, and four seconds at most."""
    line = Line(NetworkFaults(request_late=1.0))
    line.ask()
    late_ns = line.world.now_ns - START_NS
    assert SECOND_NS // 2 < late_ns < 5 * SECOND_NS


def test_lists_that_are_slow_come_late_and_come() -> None:
    """WD-5: seconds old when they are heard, and waited for still; nothing else is late."""
    line = Line(NetworkFaults())
    line.network.lists_slow_until_ns = WELL_NS
    line.ask("post")
    assert line.world.now_ns - START_NS < SECOND_NS
    asked_ns = line.world.now_ns
    line.ask("state")
    assert line.answered == 2
    assert SECOND_NS < line.world.now_ns - asked_ns < 5 * SECOND_NS


def test_a_report_may_be_repeated_and_a_request_never() -> None:
    """WD-5: the venue's word comes twice; TCP repeats no order of ours."""
    line = Line(NetworkFaults(report_repeated=1.0))
    assert line.tell() == [0, 0]
    assert line.world.hits["net.report_repeated"] == 1
    line.ask()
    assert line.acted == 1


def test_reports_keep_their_order_unless_the_fault_says_otherwise() -> None:
    """WD-5: a stream is a stream."""
    assert Line(NetworkFaults()).tell(12) == list(range(12))
    assert Line(NetworkFaults(report_late=0.5)).tell(12) == list(range(12))
    mixed = Line(NetworkFaults(report_reordered=0.5)).tell(12)
    assert sorted(mixed) == list(range(12))
    assert mixed != list(range(12))


def test_a_deaf_stream_loses_what_it_should_say_and_carries_requests() -> None:
    """WD-5: news is lost while requests come and go, and only until the world is well."""
    line = Line(NetworkFaults())
    line.network.deaf_until_ns = WELL_NS
    assert line.tell() == []
    assert line.world.hits["net.report_missed"] == 1
    line.ask()
    assert line.answered == 1
    line.world.now_ns = WELL_NS
    assert line.tell() == [0]


def test_a_broken_line_carries_nothing() -> None:
    """WD-5: neither requests nor what was under way."""
    line = Line(NetworkFaults())
    line.network.report(VenueReport("o-00", "ACCEPTED", START_NS))
    line.network.break_line(1)
    line.ask()
    assert (line.acted, line.answered, line.host.mails) == (0, 0, [])


def test_nothing_goes_wrong_in_a_world_that_is_well() -> None:
    """WD-5: the last third of a world is without faults."""
    line = Line(NetworkFaults(request_lost=1.0, answer_lost=1.0, report_repeated=1.0))
    line.world.now_ns = WELL_NS
    line.ask()
    assert (line.acted, line.answered) == (1, 1)
    assert line.tell() == [0]
    assert line.world.faults == 0
