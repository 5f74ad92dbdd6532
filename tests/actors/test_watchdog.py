"""The watchdog, the dynamic children, the snapshot and the way out (WD-1, WD-2, WD-7, WD-8)."""

import asyncio
import gc
import tracemalloc
from typing import Any

import pytest

from actors.lane_actor import LaneActor
from actors.lane_live import LiveLane
from actors.lane_virtual import VirtualLane
from actors.shutdown import Phase, PhaseEnd, Shutdown
from actors.snapshot import snapshot
from actors.spec import Backoff, CellState, Spec
from actors.tree import Tree
from actors.watchdog import LANE, QueueAge, RoundDue, WatchdogActor, WatchLimits
from tests.actors.support import SECOND_NS, Order, Pause, Worker, World, virtual

ORDER = Spec(name="order", make=LaneActor, restart="transient")


def guarded(limits: WatchLimits | None = None, **root: Any) -> tuple[VirtualLane, World, Tree]:
    """A watchdog and two workers `a` and `b`."""
    lane, world = virtual()
    watchdog = WatchdogActor.make(limits if limits else WatchLimits())
    children = (
        Spec(name="watchdog", make=watchdog),
        Spec(name="a", make=world.make),
        Spec(name="b", make=world.make),
    )
    return lane, world, world.tree(Spec(name="root", children=children, **root))


def worker(tree: Tree, name: str) -> Worker:
    """The running incarnation."""
    actor = tree.cell(name).actor
    assert isinstance(actor, Worker)
    return actor


def test_those_who_answer_are_left_alone() -> None:
    """WD-2: a quiet hour."""
    lane, world, tree = guarded()
    lane.run(until_ns=3600 * SECOND_NS)
    assert world.events == []
    assert snapshot(tree).nodes[-1].beat_age_ns == 0


def test_one_who_says_that_it_is_stuck_is_restarted_within_two_periods() -> None:
    """WD-2: a ping alone shows only that the loop turns; the actor speaks for its deadlines."""
    lane, world, tree = guarded()
    lane.run(until_ns=10 * SECOND_NS)
    worker(tree, "a").complaint = "waiting for a commit since 3 s"
    lane.run(until_ns=14 * SECOND_NS)
    assert world.kinds("a") == ["WATCHDOG_FIRED", "RESTARTED"]
    assert world.events[0].reason == "silent: waiting for a commit since 3 s"
    assert world.events[0].at_ns <= 12 * SECOND_NS
    assert tree.cell("a").state is CellState.RUNNING
    assert world.kinds("b") == []


def test_one_who_is_silent_again_is_given_up_and_escalated() -> None:
    """WD-2: restarted, then escalated."""
    lane, world, tree = guarded(on_failed_child="contain")
    tree.cell("a").make = lambda lane_, name: _complaining(world.make(lane_, name))
    lane.run(until_ns=10 * SECOND_NS)
    worker(tree, "a").complaint = "stuck"
    lane.run(until_ns=20 * SECOND_NS)
    assert world.kinds("a") == ["WATCHDOG_FIRED", "RESTARTED", "WATCHDOG_FIRED", "GAVE_UP"]
    assert tree.cell("a").state is CellState.FAILED
    assert tree.cell("b").state is CellState.RUNNING


def _complaining(actor: Worker) -> Worker:
    actor.complaint = "still stuck"
    return actor


def test_silences_far_apart_are_not_added_up() -> None:
    """WD-2: one who recovered starts with a clean slate."""
    lane, world, tree = guarded()
    for _ in range(5):
        worker(tree, "a").complaint = "stuck"
        lane.run(until_ns=lane.now_ns() + 60 * SECOND_NS)
    assert world.kinds("a") == ["WATCHDOG_FIRED", "RESTARTED"] * 5
    assert tree.cell("a").state is CellState.RUNNING


def test_a_beat_that_crashes_is_a_crash() -> None:
    """WD-2: an actor that cannot even answer."""
    lane, world, tree = guarded()

    def broken(_: int) -> str | None:
        raise ZeroDivisionError("beat")

    worker(tree, "a").beat = broken  # type: ignore[assignment, method-assign]
    lane.run(until_ns=3 * SECOND_NS)
    assert world.kinds("a") == ["CRASHED", "RESTARTED"]


def test_an_overdue_timer_is_seen() -> None:
    """WD-2: its owner is restarted and arms its deadlines again."""
    lane, world, tree = guarded()
    lane.run(until_ns=10 * SECOND_NS)
    timer = worker(tree, "a").at(100 * SECOND_NS, "money")
    timer.due_ns = 8 * SECOND_NS  # as a live lane would have it whose alarm was lost
    lane.run(until_ns=12 * SECOND_NS)
    assert world.kinds("a") == ["WATCHDOG_FIRED", "RESTARTED"]
    assert "a timer is overdue by 3.000 s: 'money'" in world.events[0].reason


def test_the_age_of_the_oldest_mail_is_known_without_stamps() -> None:
    """WD-2: what was queued at one look and is not handled at a later one is as old as that."""
    age = QueueAge()
    assert age.look(now_ns=100, handled=0, depth=0) == 0
    assert age.look(now_ns=200, handled=10, depth=5) == 0
    assert age.look(now_ns=300, handled=14, depth=50) == 100
    assert age.look(now_ns=400, handled=15, depth=100) == 100
    assert age.look(now_ns=500, handled=115, depth=0) == 0
    assert age.look(now_ns=600, handled=115, depth=0) == 0


def test_mail_that_control_starves_is_reported_and_then_entries_are_shut() -> None:
    """WD-2: beats are answered, and yet orders wait: the lane itself is at fault."""
    clock = [0]

    async def main() -> World:
        lane = LiveLane(clock_ns=lambda: clock[0])
        world = World(lane)

        class Storm(LaneActor):
            def on_receive(self, message: Any) -> None:
                clock[0] += SECOND_NS
                self.tell("watchdog", RoundDue())
                if not world.halts and clock[0] < 20 * SECOND_NS:
                    self.tell(self.name, message)

        watchdog = WatchdogActor.make(WatchLimits())
        children = (
            Spec(name="watchdog", make=watchdog),
            Spec(name="storm", make=Storm),
            Spec(name="a", make=world.make),
        )
        tree = world.tree(Spec(name="root", children=children))
        tree.tell("storm", Pause())
        assert await tree.cell("a").ask(Order(1)) == Order(1)
        lane.close()
        return world

    world = asyncio.run(main())
    assert [event.name for event in world.events][:3] == [LANE, LANE, "root"]
    assert len(world.halts) == 1
    assert "mail has waited for 4.000 s" in world.halts[0]


def test_a_mailbox_deeper_than_tolerated_is_reported() -> None:
    """WD-4: nothing is dropped, somebody is told."""
    lane, world, tree = guarded(WatchLimits(depth=10))
    for number in range(11):
        tree.tell("a", Order(number))
    watchdog = tree.cell("watchdog").actor
    assert isinstance(watchdog, WatchdogActor)
    watchdog._look_at_queue(0)  # noqa: SLF001
    assert world.events[-1].reason == "11 messages wait, 10 are tolerated"
    lane.run(until_ns=0)
    assert len(world.of("a")) == 13


def test_limits_that_make_no_sense_are_refused() -> None:
    """WD-2: a clear error."""
    with pytest.raises(ValueError, match="period_ns must be above zero, was 0"):
        WatchLimits(period_ns=0)


def test_an_actor_added_at_run_time_lives_and_leaves_nothing() -> None:
    """WD-1: orders and positions come and go."""
    lane, _, tree = guarded()
    tree.root.add(ORDER, name="order-1")
    tree.watch("order-1", "a")
    assert tree.cell("order-1").state is CellState.RUNNING
    tree.root.remove("order-1")
    tree.root.remove("order-1")
    assert "order-1" not in tree.nodes
    assert "order-1" not in lane.names
    assert not tree.cell("a").watchers
    tree.tell("order-1", Order(1))
    assert lane.dead_letters.newest().reason == "no such name"


def test_an_actor_added_while_its_supervisor_is_down_starts_with_it() -> None:
    """WD-1: its mail waits."""
    lane, world = virtual()
    account = Spec(name="account", intensity=0, children=(Spec(name="core", make=world.make),))
    tree = world.tree(Spec(name="root", children=(account,)))
    tree.tell("core", "boom")
    lane.run(until_ns=0)
    assert tree.supervisor("account").state is CellState.BACKOFF
    tree.supervisor("account").add(Spec(name="order", make=world.make))
    tree.tell("order", Order(1))
    lane.run()
    assert world.of("order")[-1] == Order(1)


def test_ten_thousand_actors_come_and_go_without_growth() -> None:
    """WD-8: counts of actors and timers return to where they were; so does memory."""

    class Brief(LaneActor):
        def on_start(self) -> None:
            self.at(self.lane.now_ns() + 3600 * SECOND_NS, "confirmation")

        def on_receive(self, message: Any) -> None:
            if message == "boom":
                raise ValueError(message)

    lane, _, tree = guarded()
    spec = Spec(name="order", make=Brief, restart="transient", backoff=Backoff(first_ns=1))
    lane.run(until_ns=1)

    def batch(first: int, count: int) -> None:
        for number in range(first, first + count):
            name = f"order-{number}"
            tree.root.add(spec, name=name)
            tree.tell(name, Order(number))
            lane.run(until_ns=lane.now_ns())
            tree.root.remove(name)

    batch(0, 1000)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    batch(1000, 10_000)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 64 * 1024
    assert len(tree.nodes) == 4
    assert len(lane.timers) == 1
    assert set(lane.names) == {"supervision", "watchdog", "a", "b"}


def test_many_at_once_are_no_burden_and_crash_alone() -> None:
    """WD-1: 10,000 order actors; each is its own crash."""
    lane, world, tree = guarded(on_failed_child="contain")
    for number in range(10_000):
        tree.root.add(Spec(name="worker", make=world.make), name=f"order-{number}")
    tree.tell("order-5000", "boom")
    for number in range(10_000):
        tree.tell(f"order-{number}", number)
    lane.run(until_ns=SECOND_NS)
    assert sum(1 for cell in tree.cells() if cell.state is CellState.RUNNING) == 10_003
    assert world.of("order-5000")[-1] == 5000
    assert tree.cell("order-5000").incarnation == 2
    assert lane.dead_letters.total == 1


def test_status_sees_everything() -> None:
    """WD-9: state, restarts, mailbox, timers, beat age of each."""
    lane, _, tree = guarded()
    lane.run(until_ns=5 * SECOND_NS)
    tree.tell("a", "boom")
    lane.run(until_ns=5 * SECOND_NS)
    tree.tell("a", Order(1))
    worker(tree, "b").at(100 * SECOND_NS, "money")
    now = snapshot(tree)
    by_name = {node.name: node for node in now.nodes}
    assert list(by_name) == ["root", "watchdog", "a", "b"]
    assert by_name["a"].state == "BACKOFF"
    assert by_name["a"].mailbox == 1
    assert by_name["a"].last_reason == "ValueError: boom"
    assert by_name["a"].crashes == 1
    assert by_name["b"].timers == 1
    assert by_name["b"].supervisor == "root"
    assert by_name["b"].beat_age_ns == 0
    assert not by_name["root"].is_actor
    assert now.dead_letters == {"in hand at crash": 1}
    assert now.queued == 1
    lane.run(until_ns=6 * SECOND_NS)
    later = {node.name: node for node in snapshot(tree).nodes}
    assert later["a"].restarts == 1
    assert later["a"].mailbox == 0


def test_the_way_out_goes_phase_by_phase_and_stops_right_to_left() -> None:
    """WD-7: entries stop, in-flight is resolved, the journal flushed, then the actors stopped."""
    lane, world, tree = guarded()
    steps: list[tuple[str, int]] = []
    ended: list[list[PhaseEnd]] = []
    phases = [
        Phase(name="gate", begin=lambda: steps.append(("gate", lane.now_ns()))),
        Phase(name="in flight", is_done=lambda: lane.now_ns() >= 2 * SECOND_NS),
        Phase(name="flush", begin=lambda: steps.append(("flush", lane.now_ns()))),
    ]
    way_out = Shutdown(tree, phases, on_end=ended.append)
    way_out.begin()
    way_out.begin()
    lane.run(until_ns=10 * SECOND_NS)
    assert steps == [("gate", 0), ("flush", 2 * SECOND_NS)]
    assert [(end.name, end.took_ns, end.problem) for end in ended[0]] == [
        ("gate", 0, ""), ("in flight", 2 * SECOND_NS, ""), ("flush", 0, ""),
    ]  # fmt: skip
    assert [who for who, what in world.seen if what == "stop"] == ["b", "a"]
    assert len(ended) == 1


def test_a_phase_that_fails_or_takes_too_long_does_not_keep_the_others_from_running() -> None:
    """WD-7: the flush happens whatever the venue does."""
    lane, _, tree = guarded()
    ended: list[list[PhaseEnd]] = []

    def broken() -> None:
        raise OSError("no line")

    phases = [
        Phase(name="broken", begin=broken),
        Phase(name="slow", is_done=lambda: False, limit_ns=3 * SECOND_NS),
        Phase(name="flush"),
    ]
    Shutdown(tree, phases, on_end=ended.append).begin()
    lane.run(until_ns=10 * SECOND_NS)
    assert ended[0] == [
        PhaseEnd("broken", 0, "OSError: no line"),
        PhaseEnd("slow", 3 * SECOND_NS, "not done within 3 s"),
        PhaseEnd("flush", 0, ""),
    ]
