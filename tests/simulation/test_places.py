"""What the venue and the disk of a world do when something goes wrong there: that, and no more."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest

from research.simulation.disk import Disk, DiskHandle
from research.simulation.market import OPEN_NS, SYMBOL, TICK_1E8, UNIT_1E8
from research.simulation.profile import profile
from research.simulation.venue import SimVenue
from research.simulation.world import SECOND_NS, World
from rust_core import VenueReport
from trading.market import Quote
from trading.ports import Durable, Part, Request, StagedEvent

if TYPE_CHECKING:
    from research.simulation.network import Host

HELD = 3
ASKED = 10


@dataclass
class Desk:
    """A venue at which 3 of 10 are offered, and what it said."""

    world: World
    said: list[VenueReport] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open it."""
        self.world.heal_ns = OPEN_NS + 1_000 * SECOND_NS
        self.venue = SimVenue(self.world, profile(), self.said.append)
        price_1e8 = 20_000 * TICK_1E8
        self.venue.quoted(
            Quote(
                instrument=SYMBOL,
                bid_1e8=price_1e8,
                ask_1e8=price_1e8 + TICK_1E8,
                bid_size_1e8=HELD * UNIT_1E8,
                ask_size_1e8=HELD * UNIT_1E8,
                at_ns=OPEN_NS,
                source_ns=OPEN_NS,
            )
        )

    def buy(self, purpose: str) -> list[str]:
        """An order at market; what was said of it until nothing more is planned."""
        intent = {
            "client_order_id": "o-1",
            "instrument": SYMBOL,
            "purpose": purpose,
            "position_id": "p-1",
            "side": "BUY",
            "order_type": "MARKET",
            "tif": "DAY",
            "qty_1e8": ASKED * UNIT_1E8,
        }
        self.venue.place(orjson.dumps(intent))
        settle(self.world)
        return [report.kind for report in self.said]


def settle(world: World) -> None:
    """Until nothing is planned."""
    while (due_ns := world.next_ns(0)) > 0:
        world.now_ns = due_ns
        world.step()


def test_an_order_that_fills_in_part_goes_on() -> None:
    """WD-5: nothing ends it unasked while nothing is to go wrong."""
    assert Desk(World(1, OPEN_NS)).buy("EXIT") == ["ACCEPTED", "FILLED"]


def test_the_rest_of_an_exit_is_ended_unasked() -> None:
    """WD-5, PX-1: the end names how much was filled."""
    desk, heard = Desk(World(1, OPEN_NS)), []
    desk.venue.ends_next_exit = lambda: heard.append("ended")
    assert desk.buy("EXIT") == ["ACCEPTED", "FILLED", "CANCELLED"]
    assert desk.said[-1].qty_1e8 == HELD * UNIT_1E8
    assert heard == ["ended"]


def test_of_a_hidden_fill_only_the_end_of_its_order_tells() -> None:
    """WD-5, EX-7: the venue's own book has it."""
    desk = Desk(World(1, OPEN_NS))
    desk.venue.hides_next_fill = True
    assert desk.buy("ENTRY") == ["ACCEPTED", "CANCELLED"]
    assert desk.said[-1].qty_1e8 == HELD * UNIT_1E8
    assert desk.venue.positions == {SYMBOL: HELD * UNIT_1E8}


class Process:
    """Stands for the one that writes."""

    is_frozen = False

    def point(self, _: str) -> None:
        """Nothing goes wrong there."""

    def mail(self, _: object) -> None:
        """It has none."""


def staged(number: int) -> Request:
    """One decision."""
    event = StagedEvent(stream=f"note/{number}", kind="Noted", at_ns=OPEN_NS, payload=b"{}")
    return Request(journal_id="account:main", token=number, events=(event,), claims=())


@pytest.mark.parametrize("seed", range(8))
def test_of_a_torn_group_the_first_part_is_durable_and_nobody_hears(seed: int) -> None:
    """WD-5, ST-1: its process dies in the middle of the write."""
    world = World(seed, OPEN_NS)
    world.heal_ns = OPEN_NS + SECOND_NS
    disk, heard = Disk(world), list[Any]()
    handle = DiskHandle(disk, disk.take_fence(), cast("Host", Process()))
    handle.begin_run(mode="LIVE", config_hash="", source="", started_ns=OPEN_NS)
    handle.deliver_to(heard.append)

    def dies() -> None:
        handle.is_dead = True

    disk.tears = dies
    for number in range(4):
        handle.stage(staged(number))
    settle(world)
    assert handle.is_dead
    assert heard == []
    kept = [row.stream for row in disk.record.events("account:main", disk.run)]
    assert kept == [f"note/{number}" for number in range(len(kept))]
    assert len(kept) < 4
    assert disk.tears is None


def test_a_group_of_one_is_not_torn() -> None:
    """WD-5: it is durable, or it is not."""
    world = World(1, OPEN_NS)
    world.heal_ns = OPEN_NS + SECOND_NS
    disk, heard = Disk(world), list[Any]()
    handle = DiskHandle(disk, disk.take_fence(), cast("Host", Process()))
    handle.begin_run(mode="LIVE", config_hash="", source="", started_ns=OPEN_NS)
    handle.deliver_to(heard.append)
    disk.tears = lambda: None
    handle.stage(staged(1))
    settle(world)
    assert [type(outcome) for outcome in heard] == [Durable]


def test_a_group_that_somebody_blocked_for_is_written_once() -> None:
    """WD-5, ST-1: whoever is rebuilt as a group is due finds it done (seed 2012 once)."""
    world = World(1, OPEN_NS)
    disk, heard = Disk(world), list[Any]()

    class Rebuilt(Process):
        """Blocks for the disk at the point at which its group is due."""

        def point(self, name: str) -> None:
            """Reached."""
            if name == "commit":
                handle.settle()

    handle = DiskHandle(disk, disk.take_fence(), cast("Host", Rebuilt()))
    handle.begin_run(mode="LIVE", config_hash="", source="", started_ns=OPEN_NS)
    handle.deliver_to(heard.append)
    for number in range(3):
        handle.stage(staged(number))
    settle(world)
    assert [(type(outcome), outcome.token) for outcome in heard] == [
        (Durable, number) for number in range(3)
    ]
    assert len(list(disk.record.events("account:main", disk.run))) == 3


def test_what_was_taken_back_of_an_order_that_works_counts_towards_its_end() -> None:
    """WD-5, EX-2: a bust gives nothing back to the order; the venue's book holds what is left."""
    desk = Desk(World(1, OPEN_NS))
    desk.venue.busts_next_part = True
    assert desk.buy("ENTRY") == ["ACCEPTED", "FILLED", "REVERSED"]
    assert desk.venue.positions == {SYMBOL: 0}
    (order,) = desk.venue.open_orders()
    assert (order.filled_1e8, order.taken_back_1e8) == (0, HELD * UNIT_1E8)


@pytest.mark.parametrize("behind", [frozenset(Part), frozenset({Part.POSITIONS}), frozenset()])
def test_lists_that_are_behind_show_what_was_true(behind: frozenset[Part]) -> None:
    """WD-5, ST-4: each of them by itself, for a while; the stream is not behind."""
    desk = Desk(World(1, OPEN_NS))
    desk.venue.lists.fall_behind(behind, 2 * SECOND_NS, OPEN_NS + 10 * SECOND_NS)
    assert "FILLED" in desk.buy("ENTRY")

    def listed(at_s: int) -> tuple[int, int, int]:
        desk.world.now_ns = OPEN_NS + at_s * SECOND_NS
        said = desk.venue.stated(1, frozenset(Part), 0)
        assert said.orders is not None
        assert said.positions is not None
        assert said.fills is not None
        return (len(said.orders), len(said.positions), len(said.fills))

    of_now = (1, 1, 1)
    of_then = tuple(
        0 if part in behind else 1 for part in (Part.ORDERS, Part.POSITIONS, Part.FILLS)
    )
    assert listed(1) == of_then
    assert listed(3) == of_now
