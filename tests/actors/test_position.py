"""An open position that nothing protects is found and closed (PX-8)."""

from types import SimpleNamespace
from typing import Any

from actors.lane_virtual import VirtualLane
from actors.position import PositionActor, PositionPlan
from actors.spec import Spec
from rust_core import Message
from tests.actors.support import SECOND_NS, Worker, World

CHECK_NS = 30 * SECOND_NS


class Account(Worker):
    """Notes the account's mail."""

    def on_receive(self, message: Any) -> None:
        """Keep its words."""
        self.world.seen.append((self.name, message))


def looked_after(view: Any) -> tuple[World, list[str]]:
    """A position's actor beside an account; what it reported as unprotected grows."""
    world, found = World(VirtualLane(0)), list[str]()
    plan = PositionPlan(
        account="account",
        position=lambda position_id: view if position_id == "p-1" else None,
        check_ns=CHECK_NS,
        unprotected=found.append,
    )
    children = (
        Spec(name="account", make=lambda lane, name: Account(world, lane, name)),
        Spec(name="position", make=lambda lane, name: PositionActor(lane, name, "p-1", plan)),
    )
    world.tree(Spec(name="root", children=children))
    return world, found


def position(*, is_protected: bool) -> Any:
    """What the core shows of it."""
    return SimpleNamespace(strategy="s", instrument="ES", is_protected=is_protected)


def run(world: World, until_ns: int) -> None:
    """Let time pass; a look is no reason for a replay to go on."""
    lane = world.lane
    assert isinstance(lane, VirtualLane)
    lane.at(until_ns, "account", "later")
    lane.run(until_ns=until_ns)


def test_what_nothing_protects_is_told_and_closed_at_once() -> None:
    """PX-8: at its first look, which every restart begins with, and again until it is over."""
    world, found = looked_after(position(is_protected=False))
    run(world, 1)
    assert found == ["p-1"]
    (advice,) = [each for each in world.of("account") if isinstance(each, Message)]
    assert "ExecutionError" in repr(advice)
    assert "neither stop nor waiver stands" in repr(advice)
    run(world, CHECK_NS + 1)
    assert found == ["p-1", "p-1"]


def test_what_loses_its_protection_later_is_found_at_the_next_look() -> None:
    """PX-8: checked every cycle."""
    view = position(is_protected=True)
    world, found = looked_after(view)
    run(world, CHECK_NS + 1)
    assert (found, [each for each in world.of("account") if isinstance(each, Message)]) == ([], [])
    view.is_protected = False
    run(world, 2 * CHECK_NS + 1)
    assert found == ["p-1"]
