"""Timers, tape and commits in virtual time (WD-1, ST-1)."""

import asyncio
import threading
from typing import Any

import pytest

from actors.barrier import OutcomeBarrier
from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.lane_live import LiveLane
from actors.lane_virtual import RunEnd, VirtualLane
from actors.spec import Spec
from actors.timers import NEVER_NS
from tests.actors.support import SECOND_NS, Order, World, three, virtual
from trading.ports import Durable, Outcome, Request


class ListTape:
    """Rows of (instant, name, message), mailed one at a time."""

    def __init__(self, lane: Lane, rows: list[tuple[int, str, Any]]) -> None:
        """Start at the first row."""
        self.lane = lane
        self.rows = rows
        self.row = 0

    def next_ns(self) -> int:
        """The next row's instant."""
        return self.rows[self.row][0] if self.row < len(self.rows) else NEVER_NS

    def step(self) -> None:
        """Mail the next row."""
        _, name, message = self.rows[self.row]
        self.row += 1
        self.lane.tell(name, message)


class SlowDisk:
    """A record that knows its outcomes only when it is settled, on another thread."""

    def __init__(self) -> None:
        """Nothing is staged."""
        self.sink: Any = None
        self.queue: list[Request] = []
        self.settled = 0

    def stage(self, request: Request) -> None:
        """Queue."""
        self.queue.append(request)

    def settle(self) -> None:
        """Answer all, in order, from a thread of its own."""
        self.settled += 1
        thread = threading.Thread(target=self._answer)
        thread.start()
        thread.join()

    async def wait(self) -> None:
        """The same without blocking the loop."""
        await asyncio.to_thread(self.settle)

    def _answer(self) -> None:
        queue, self.queue = self.queue, []
        for request in queue:
            self.sink(Durable(request.token, 1))


class Stager(LaneActor):
    """Stages one request per Order and notes when it became durable."""

    barrier: OutcomeBarrier
    log: list[tuple[int, Any]]

    def on_receive(self, message: Any) -> None:
        """Stage or note."""
        self.log.append((self.lane.now_ns(), message))
        if isinstance(message, Order):
            self.barrier.stage(Request(journal_id="account:main", events=(), token=message.number))


def staging() -> tuple[VirtualLane, list[tuple[int, Any]], SlowDisk, OutcomeBarrier]:
    """A lane with one stager `a` before a slow disk."""
    lane, world = virtual()
    disk = SlowDisk()

    def deliver(outcome: Outcome) -> None:
        lane.tell("a", outcome)

    barrier = OutcomeBarrier(disk, deliver)
    disk.sink = barrier.heard
    lane.barriers.append(barrier)
    log: list[tuple[int, Any]] = []

    def make(lane_: Lane, name: str) -> LaneActor:
        actor = Stager(lane_, name)
        actor.barrier, actor.log = barrier, log
        return actor

    world.tree(Spec(name="root", children=(Spec(name="a", make=make),)))
    return lane, log, disk, barrier


def test_a_timer_fires_before_a_tape_row_of_the_same_instant() -> None:
    """Timing: (instant, rank, seq); the Rust walker keeps the same order."""
    lane, world = virtual()
    three(world)
    lane.tape = ListTape(lane, [(1, "a", "row 1"), (2, "a", "row 2"), (2, "a", "row 3")])
    lane.at(2, "a", "timer 1")
    lane.at(2, "a", "timer 2")
    lane.at(1, "a", "timer 0")
    assert lane.run() is RunEnd.EXHAUSTED
    assert world.of("a")[2:] == ["timer 0", "row 1", "timer 1", "timer 2", "row 2", "row 3"]


def test_a_timer_armed_while_a_row_is_handled_fires_before_the_next_row_of_that_instant() -> None:
    """Timing: the heap is looked at again after every row."""
    lane, world = virtual()

    class Arms(LaneActor):
        def on_receive(self, message: Any) -> None:
            world.seen.append((self.name, message))
            if message == "row 1":
                self.at(self.lane.now_ns(), "at once")

    world.tree(Spec(name="root", children=(Spec(name="a", make=Arms),)))
    lane.tape = ListTape(lane, [(5, "a", "row 1"), (5, "a", "row 2")])
    lane.run()
    assert world.of("a") == ["row 1", "at once", "row 2"]


def test_a_deadline_in_the_past_fires_now_and_time_never_goes_back() -> None:
    """Timing: money timers are re-armed after a recovery, some of them late."""
    lane, world = virtual()
    three(world)
    lane.run(until_ns=10 * SECOND_NS)
    lane.at(3, "a", "late")
    lane.run()
    assert world.of("a")[-1] == "late"
    assert lane.now_ns() == 10 * SECOND_NS


def test_a_run_stops_at_the_instant_asked_for_inclusive() -> None:
    """Timing: `until_ns`."""
    lane, world = virtual()
    three(world)
    lane.tape = ListTape(lane, [(1, "a", 1), (2, "a", 2), (3, "a", 3)])
    assert lane.run(until_ns=2) is RunEnd.UNTIL
    assert world.of("a")[2:] == [1, 2]
    assert lane.run() is RunEnd.EXHAUSTED


def test_a_daemon_timer_does_not_keep_a_run_going() -> None:
    """WD-2: the watchdog's rounds end with the tape."""
    lane, world = virtual()
    three(world)
    lane.tape = ListTape(lane, [(10, "a", "row")])
    daemon = lane.at(5, "a", "round", daemon=True)
    lane.at(20, "a", "round", daemon=True)
    lane.at(15, "a", "money")
    assert lane.run() is RunEnd.EXHAUSTED
    assert world.of("a")[2:] == ["round", "row", "money"]
    assert not daemon.is_armed


def test_a_stop_is_obeyed_before_time_moves() -> None:
    """WD-7: SIGTERM in a replay."""
    lane, world = virtual()

    class Stops(LaneActor):
        def on_receive(self, message: Any) -> None:
            world.seen.append((self.name, message))
            if message == 2:
                lane.stop()

    world.tree(Spec(name="root", children=(Spec(name="a", make=Stops),)))
    lane.tape = ListTape(lane, [(n, "a", n) for n in range(1, 6)])
    assert lane.run() is RunEnd.STOPPED
    assert world.of("a") == [1, 2]


def test_a_cancelled_timer_never_fires_even_when_its_mail_is_queued() -> None:
    """Timing: a cancel always wins."""
    lane, world = virtual()
    three(world)
    armed = lane.at(5, "a", "armed")
    armed.cancel()
    armed.cancel()
    queued = lane.at(7, "a", "queued")
    assert lane.timers.next_ns() == 7
    lane.timers.pop().fire()
    assert lane.depth() == 1
    queued.cancel()
    lane.run()
    assert world.of("a")[2:] == []
    assert lane.timers.lasting == 0


def test_timers_of_a_dead_incarnation_never_reach_the_next() -> None:
    """Restart: neither armed ones nor those whose mail is already queued."""
    lane, world = virtual()

    class Arms(LaneActor):
        def on_start(self) -> None:
            generation = self.cell.incarnation if self.cell is not None else 0
            self.at(5 * SECOND_NS, ("bound", generation))
            self.at(self.lane.now_ns(), ("at once", generation))
            if generation == 1:
                self.lane.at(6 * SECOND_NS, self.name, "by name")

        def on_receive(self, message: Any) -> None:
            if message == "boom":
                raise ValueError("boom")
            world.seen.append((self.name, message))

    tree = world.tree(Spec(name="root", children=(Spec(name="a", make=Arms),)))
    tree.tell("a", "boom")
    lane.run()
    assert world.of("a") == [("at once", 2), ("bound", 2), "by name"]
    assert len(lane.timers) == 0


def test_cancelled_timers_leave_nothing_behind() -> None:
    """WD-8: 100,000 deadlines that were met do not grow the heap."""
    lane, _ = virtual()
    for number in range(100_000):
        lane.at(3600 * SECOND_NS + number, "a", number).cancel()
    assert len(lane.timers) == 0
    assert len(lane.timers._heap) < 200  # noqa: SLF001


def test_time_waits_for_the_commit() -> None:
    """ST-1: what is staged is durable, and told so in staging order, before time moves."""
    lane, log, disk, barrier = staging()
    lane.tape = ListTape(
        lane, [(1, "a", Order(1)), (1, "a", Order(2)), (2, "a", "row"), (3, "a", Order(3))]
    )
    lane.run()
    assert log == [
        (1, Order(1)), (1, Durable(1, 1)), (1, Order(2)), (1, Durable(2, 1)),
        (2, "row"), (3, Order(3)), (3, Durable(3, 1)),
    ]  # fmt: skip
    assert disk.settled == 3
    assert barrier.pending() == 0


def test_requests_of_one_instant_are_settled_together_and_told_in_order() -> None:
    """ST-1: group commit; one mail per request."""
    lane, log, disk, _ = staging()
    for number in range(5):
        lane.tell("a", Order(number))
    lane.run()
    assert [m for _, m in log] == [Order(n) for n in range(5)] + [Durable(n, 1) for n in range(5)]
    assert disk.settled == 1


def test_an_outcome_that_is_there_early_is_told_at_the_barrier_only() -> None:
    """ST-1: the instant at which a disk answers never shows in the order of mail."""
    lane, log, disk, _ = staging()
    lane.tell("a", Order(1))
    lane.tell("a", "middle")
    original = disk.stage

    def at_once(request: Request) -> None:
        original(request)
        disk.settle()

    disk.stage = at_once  # type: ignore[method-assign]
    lane.run()
    assert [m for _, m in log] == [Order(1), "middle", Durable(1, 1)]


def test_the_hosted_lane_waits_for_commits_without_blocking_the_loop() -> None:
    """ST-1, KC-1: the operator is served while the disk syncs; the order of mail is the same."""
    lane, log, disk, _ = staging()
    lane.tape = ListTape(lane, [(1, "a", Order(1)), (2, "a", "row"), (3, "a", Order(3))])
    served: list[str] = []

    async def wait() -> None:
        await asyncio.sleep(0)
        served.append("the loop ran")
        disk.settle()

    disk.wait = wait  # type: ignore[method-assign]

    async def main() -> None:
        assert await lane.run_hosted() is RunEnd.EXHAUSTED

    asyncio.run(main())
    assert log == [
        (1, Order(1)), (1, Durable(1, 1)), (2, "row"), (3, Order(3)), (3, Durable(3, 1)),
    ]  # fmt: skip
    assert served == ["the loop ran"] * 2


def test_a_record_that_forgets_an_outcome_is_a_fault() -> None:
    """ST-1: time must not move on as if it had been durable."""
    lane, _, disk, _ = staging()
    disk.sink = lambda _: None
    lane.tell("a", Order(1))
    with pytest.raises(RuntimeError, match="settled with 0 outcomes, expected 1"):
        lane.run()


def test_the_same_input_gives_the_same_mail_hosted_or_not() -> None:
    """ST-2: the driver does not show."""
    logs = []
    for drive in ("run", "hosted"):
        lane, log, _, _ = staging()
        rows: list[tuple[int, str, Any]] = [
            (n // 3, "a", Order(n) if n % 2 else f"row {n}") for n in range(60)
        ]
        lane.tape = ListTape(lane, rows)
        for n in range(20):
            lane.at(n, "a", f"timer {n}")
        if drive == "run":
            lane.run()
        else:
            asyncio.run(lane.run_hosted())
        logs.append(log)
    assert logs[0] == logs[1]
    assert len(logs[0]) == 110


def test_live_timers_fire_in_order_of_their_deadlines() -> None:
    """Timing: one alarm on the loop serves the whole heap."""

    async def main() -> None:
        lane = LiveLane()
        world = World(lane)
        tree = three(world)
        now_ns = lane.now_ns()
        lane.at(now_ns + 3_000_000, "a", "third")
        lane.at(now_ns + 1_000_000, "a", "first")
        lane.at(now_ns + 2_000_000, "a", "second")
        cancelled = lane.at(now_ns + 1_500_000, "a", "cancelled")
        cancelled.cancel()
        last = asyncio.get_running_loop().create_future()

        class Last(LaneActor):
            def on_receive(self, message: Any) -> None:
                last.set_result(message)

        tree.root.add(Spec(name="last", make=Last))
        lane.at(now_ns + 4_000_000, "last", "end")
        await last
        assert world.of("a")[2:] == ["first", "second", "third"]
        assert lane.now_ns() >= now_ns + 4_000_000
        lane.close()

    asyncio.run(main())


def test_a_live_timer_follows_a_wall_clock_that_is_stepped() -> None:
    """Timing: deadlines are instants UTC, not intervals."""
    clock = [1000 * SECOND_NS]

    async def main() -> None:
        lane = LiveLane(clock_ns=lambda: clock[0])
        world = World(lane)
        tree = three(world)
        lane.at(clock[0] + 3600 * SECOND_NS, "a", "due")
        clock[0] += 3600 * SECOND_NS
        assert lane.overdue_ns() == 0
        lane._ring()  # noqa: SLF001 - what the loop's alarm does within a quarter of a second
        assert await tree.cell("a").ask("here") == "here"
        assert world.of("a")[2:] == ["due", "here"]
        lane.close()

    asyncio.run(main())


def test_timers_are_armed_on_the_lanes_thread_only() -> None:
    """Timing: a foreign thread sends mail instead, and is told so."""

    async def main() -> None:
        lane = LiveLane()
        with pytest.raises(RuntimeError, match="send mail instead"):
            await asyncio.to_thread(lane.at, 1, "a", "x")
        lane.close()

    asyncio.run(main())
