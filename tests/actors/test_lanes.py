"""Order of mail, the three classes, the two lanes (WD-4; runtime.md, section 5)."""

import asyncio
import itertools
import random
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from actors.cell import Cell
from actors.lane import BUDGET, Lane
from actors.lane_actor import LaneActor
from actors.lane_live import LiveLane
from actors.lane_virtual import RunEnd, VirtualLane
from actors.spec import Backoff, CellState, Spec
from tests.actors.support import SECOND_NS, Order, Pause, Tick, World, three, virtual

LOOPS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until `condition` holds; a test's own time-out ends it otherwise."""
    while not condition():  # noqa: ASYNC110 - nobody sets an event here
        await asyncio.sleep(0)


def test_control_overtakes_and_the_rest_keeps_its_order() -> None:
    """KC-1: CONTROL first, then MUST and MARKET in the order of their telling."""
    lane, world = virtual()
    tree = three(world)
    for message in (Order(1), Tick("ES", 1), Pause(1), Order(2), Tick("ES", 2), Pause(2)):
        tree.tell("a", message)
    lane.run()
    assert world.of("a")[2:] == [
        Pause(1), Pause(2), Order(1), Tick("ES", 1), Order(2), Tick("ES", 2),
    ]  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), st.booleans()), max_size=60)
)
def test_every_senders_order_holds_for_every_receiver(acts: list[tuple[str, str, bool]]) -> None:
    """Ordering: first in, first out from each sender to each receiver within a class."""
    lane = VirtualLane()
    got: dict[tuple[str, str, bool], list[int]] = {}

    class Relay(LaneActor):
        def on_receive(self, message: Any) -> None:
            if isinstance(message, list):
                for number, (_, receiver, is_control) in message:
                    mail = Pause(number) if is_control else Order(number)
                    self.tell(receiver, (self.name, mail) if not is_control else mail)
            elif isinstance(message, Pause):
                got.setdefault(("", self.name, True), []).append(message.number)
            else:
                sender, order = message
                got.setdefault((sender, self.name, False), []).append(order.number)

    children = tuple(Spec(name=name, make=Relay) for name in "abc")
    tree = World(lane).tree(Spec(name="root", children=children))
    for name in "abc":
        tree.tell(name, [(i, act) for i, act in enumerate(acts) if act[0] == name])
    lane.run()
    senders_in_turn = sorted(range(len(acts)), key=lambda i: (acts[i][0], i))
    for name in "abc":
        for sender in "abc":
            mine = [i for i, act in enumerate(acts) if act == (sender, name, False)]
            assert got.get((sender, name, False), []) == mine
        control = [i for i in senders_in_turn if acts[i][1:] == (name, True)]
        assert sorted(got.get(("", name, True), [])) == sorted(control)


def test_a_tell_to_nobody_is_a_dead_letter_and_never_raises() -> None:
    """Delivery: never lost without a word."""
    lane, _ = virtual()
    for number in range(3000):
        lane.tell("nobody", Order(number))
    assert lane.dead_letters.total == 3000
    assert lane.dead_letters.by_reason == {"no such name": 3000}
    letters = lane.dead_letters.letters()
    assert [letters[0].message, letters[-1].message] == [Order(2000), Order(2999)]


def test_the_virtual_lane_conflates_nothing() -> None:
    """MD-1: a replay sees every tick."""
    lane, world = virtual()
    tree = three(world)
    for number in range(10):
        tree.tell("a", Tick("ES", number))
    lane.run()
    assert world.of("a")[2:] == [Tick("ES", number) for number in range(10)]


@LOOPS
def test_the_live_lane_keeps_the_newest_tick_of_a_key(run: Any) -> None:
    """WD-4: market data conflates, orders never drop."""

    async def main() -> None:
        lane = LiveLane()
        world = World(lane)
        tree = three(world)
        for number in range(1000):
            tree.tell("a", Tick(f"S{number % 4}", number))
            tree.tell("b", Tick("S0", number))
        tree.tell("a", Order(1))
        await until(lambda: Order(1) in world.of("a"))
        assert [m.number for m in world.of("a") if isinstance(m, Tick)] == [996, 997, 998, 999]
        assert [m.number for m in world.of("b") if isinstance(m, Tick)] == [999]
        assert lane.conflated == 1995
        assert not lane.market
        lane.close()

    run(main())


@LOOPS
def test_a_drain_lets_the_loop_in_after_its_budget(run: Any) -> None:
    """WD-4: sockets are looked at every 512 messages, however many wait."""

    async def main() -> None:
        lane = LiveLane()
        world = World(lane)
        tree = three(world)
        seen_at_turns: list[int] = []
        for number in range(BUDGET * 3):
            tree.tell("a", Order(number))
        while len(world.of("a")) < BUDGET * 3 + 2:
            await asyncio.sleep(0)
            seen_at_turns.append(len(world.of("a")) - 2)
        assert BUDGET in seen_at_turns
        assert 2 * BUDGET in seen_at_turns
        lane.close()

    run(main())


class Counter(LaneActor):
    """Counts (sender, number) mail and what came out of turn."""

    def on_start(self) -> None:
        """Nothing yet."""
        self.last: dict[Any, int] = {}
        self.wrong = 0
        self.total = 0

    def on_receive(self, message: Any) -> tuple[int, int]:
        """Count; the answer is (total, wrong)."""
        sender, number = message
        self.wrong += number != self.last.get(sender, -1) + 1
        self.last[sender] = number
        self.total += 1
        return self.total, self.wrong


@pytest.fixture
def _threads_switch_often() -> Iterator[None]:
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval_s)


def send_many(cell: Cell, sender: int, count: int) -> None:
    """Tell `count` numbers with a short pause now and then, so that the lane falls asleep."""
    chance = random.Random(sender)
    pause = threading.Event()
    for number in range(count):
        cell.tell((sender, number))
        if chance.random() < 0.002:
            pause.wait(0.0002)


@LOOPS
@pytest.mark.usefixtures("_threads_switch_often")
def test_nothing_is_lost_between_threads_and_each_ones_order_holds(run: Any) -> None:
    """Delivery: the wake flag is looked at again after it was cleared."""
    threads, count = 4, 5000

    async def main() -> None:
        lane = LiveLane(budget=64)
        tree = World(lane).tree(Spec(name="root", children=(Spec(name="a", make=Counter),)))
        cell = tree.cell("a")
        senders = [asyncio.to_thread(send_many, cell, n, count) for n in range(threads)]
        waiting = asyncio.gather(*senders)
        for number in range(count):
            cell.tell(("loop", number))
            if not number % 50:
                await asyncio.sleep(0)
        await waiting
        assert await cell.ask(("last", 0)) == ((threads + 1) * count + 1, 0)
        assert lane.dead_letters.total == 0
        lane.close()

    run(main())


def test_a_foreign_thread_that_comes_while_the_lane_falls_asleep_is_heard() -> None:
    """Delivery: the very race, forced: the message arrives after the last look at the queue."""

    async def main() -> None:
        lane = LiveLane()
        world = World(lane)
        tree = three(world)
        cell = tree.cell("a")
        looked = lane._handle_some  # noqa: SLF001 - the race is inside

        def late(count: int) -> int:
            left = looked(count)
            if world.of("a")[-1] == Order(1):
                thread = threading.Thread(target=cell.tell, args=(Order(2),))
                thread.start()
                thread.join()
            return left

        lane._handle_some = late  # type: ignore[method-assign]  # noqa: SLF001
        cell.tell(Order(1))
        await until(lambda: world.of("a")[-1] == Order(2))
        lane.close()

    asyncio.run(main())


def test_mail_to_a_closed_lane_is_a_dead_letter() -> None:
    """Delivery: a thread that outlives the lane is not crashed by it."""
    lanes: list[Lane] = []
    worlds: list[World] = []

    async def main() -> None:
        lane = LiveLane()
        worlds.append(World(lane))
        three(worlds[0]).tell("a", Order(1))
        lane.close()
        lanes.append(lane)

    asyncio.run(main())
    lanes[0].tell("a", Order(2))
    assert lanes[0].dead_letters.by_reason == {"lane closed": 2}


def test_a_loop_that_was_closed_under_the_lane_makes_dead_letters() -> None:
    """Delivery: `tell` never raises into its sender."""
    loop = asyncio.new_event_loop()
    lane = LiveLane(loop)
    world = World(lane)
    tree = three(world)
    loop.close()
    tree.tell("a", Order(1))
    assert lane.dead_letters.by_reason == {"lane closed": 1}
    lane.close()


def test_mail_that_waited_is_handled_when_a_person_deletes_an_actor() -> None:
    """WD-10: the lane wakes for parked mail, without other mail to wake it."""

    async def main() -> None:
        lane = LiveLane()
        world = World(lane)
        hour_ns = 3600 * SECOND_NS
        spec = Spec(name="a", make=world.make, backoff=Backoff(first_ns=hour_ns, cap_ns=hour_ns))
        tree = world.tree(Spec(name="root", children=(spec,)))
        tree.tell("a", "boom")
        tree.tell("a", Order(1))
        await until(lambda: not lane.depth())
        assert tree.cell("a").state is CellState.BACKOFF
        tree.kill("a")
        await until(lambda: world.of("a")[-1] == Order(1))
        lane.close()

    asyncio.run(main())


def test_a_handler_that_ends_the_process_leaves_the_lane_able_to_drain() -> None:
    """WD-7: what is queued behind SystemExit is still handled while the process winds up."""
    worlds: list[World] = []

    async def main() -> None:
        world = World(LiveLane())
        worlds.append(world)
        tree = three(world)
        tree.tell("a", "exit")
        tree.tell("a", Order(1))
        await asyncio.Event().wait()

    with pytest.raises(SystemExit):
        asyncio.run(main())
    assert worlds[0].of("a")[-1] == Order(1)
    assert isinstance(worlds[0].lane, LiveLane)
    worlds[0].lane.close()


def test_the_hosted_lane_lets_the_loop_run_while_there_is_work() -> None:
    """KC-1: the operator's port answers during a replay at full speed."""
    turns: list[int] = []

    async def main() -> None:
        lane, world = virtual()
        tree = three(world)

        async def other() -> None:
            while True:
                turns.append(lane.handled)
                await asyncio.sleep(0)

        for number in range(50_000):
            tree.tell("a", number)
        task = asyncio.create_task(other())
        assert await lane.run_hosted() is RunEnd.EXHAUSTED
        task.cancel()

    uvloop.run(main())
    assert len(turns) >= 3
    assert max(b - a for a, b in itertools.pairwise(turns)) < 50_000


def test_mail_of_the_operator_lands_at_the_current_virtual_instant() -> None:
    """KC-1: CONTROL posted by the hosting loop is handled before the next instant."""
    posted: list[int] = []
    landed: list[int] = []

    async def main() -> None:
        lane, world = virtual()

        class Account(LaneActor):
            def on_receive(self, message: Any) -> None:
                if isinstance(message, Pause):
                    landed.append(self.lane.now_ns())

        world.tree(Spec(name="root", children=(Spec(name="account", make=Account),)))
        for second in range(1, 20_001):
            lane.at(second * SECOND_NS, "account", "tick")

        async def operator() -> None:
            while True:
                posted.append(lane.now_ns())
                lane.tell("account", Pause())
                await asyncio.sleep(0)

        task = asyncio.create_task(operator())
        await lane.run_hosted()
        task.cancel()

    asyncio.run(main())
    assert len(posted) >= 3
    assert landed == posted[: len(landed)]
    assert len(landed) >= len(posted) - 1


def test_pacing_follows_the_wall_and_mail_wakes_a_nap() -> None:
    """CLI `--speed`: virtual seconds per wall second; a kill is not kept waiting by the pace."""
    wall_ns = [0]
    handled: list[tuple[Any, int]] = []

    async def main() -> None:
        lane = VirtualLane(wall_ns=lambda: wall_ns[0])
        world = World(lane)

        class Account(LaneActor):
            def on_receive(self, message: Any) -> None:
                handled.append((message, wall_ns[0]))

        world.tree(Spec(name="root", children=(Spec(name="account", make=Account),)))
        for second in (1, 61, 121):
            lane.at(second * SECOND_NS, "account", second)
        run = asyncio.create_task(lane.run_hosted(speed=60.0))
        await until(lambda: len(handled) == 1)
        lane.tell("account", Pause())
        await until(lambda: len(handled) == 2)
        wall_ns[0] = SECOND_NS
        lane.tell("account", Pause())
        await until(lambda: len(handled) == 4)
        wall_ns[0] = 2 * SECOND_NS
        lane.tell("account", Pause())
        assert await run is RunEnd.EXHAUSTED

    asyncio.run(main())
    assert handled == [
        (1, 0), (Pause(), 0), (Pause(), SECOND_NS), (61, SECOND_NS),
        (Pause(), 2 * SECOND_NS), (121, 2 * SECOND_NS),
    ]  # fmt: skip


def test_a_night_is_not_waited_for() -> None:
    """CLI `--speed`: a hole of over an hour between two instants is skipped."""
    wall_ns = [0]

    async def main() -> None:
        lane = VirtualLane(wall_ns=lambda: wall_ns[0])
        world = World(lane)
        three(world)
        for hour in (1, 18, 35):
            lane.at(hour * 3600 * SECOND_NS, "a", hour)
        assert await lane.run_hosted(speed=1.0) is RunEnd.EXHAUSTED

    asyncio.run(main())
    assert wall_ns == [0]


def test_a_speed_that_makes_no_sense_is_refused() -> None:
    """CLI `--speed`: a clear error."""
    with pytest.raises(ValueError, match="speed must be above zero or None, was 0"):
        asyncio.run(VirtualLane().run_hosted(speed=0))
