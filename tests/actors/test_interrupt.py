"""Interrupting what blocks the lane, for real: these burn a few hundredths of a second (WD-2)."""

import asyncio
import contextlib
import gc
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvloop

from actors.interrupt import SIGNAL, STUCK_NS, Interrupter, StrategyTooSlowError
from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.lane_live import LiveLane
from actors.lane_virtual import VirtualLane
from actors.spec import CPU_LIMIT_NS, CellState, Spec
from actors.stuck import EXIT_STUCK, Stuck
from actors.tree import Tree
from tests.actors.support import Order, World

LOOPS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


@contextmanager
def watched(
    lane: Lane, *, reports: list[Stuck] | None = None, stuck_ns: int = STUCK_NS
) -> Iterator[Interrupter]:
    """An interrupter that notes what is stuck instead of leaving."""
    on_stuck = reports.append if reports is not None else _unexpected
    interrupter = Interrupter(lane, on_stuck=on_stuck, stuck_ns=stuck_ns, lock_limit_s=0)
    interrupter.start()
    try:
        yield interrupter
    finally:
        interrupter.close()


def _unexpected(stuck: Stuck) -> None:
    raise AssertionError(f"nothing should be stuck here: {stuck}")


def acting(act: Callable[[], None]) -> Callable[[Lane, str], LaneActor]:
    """A factory of strategies that do `act` on any mail but an Order."""

    class Strategy(LaneActor):
        def on_receive(self, message: Any) -> None:
            if not isinstance(message, Order):
                act()

    return Strategy


def spin() -> None:
    """Block in byte-code."""
    while True:
        pass


def strategy_tree(world: World, act: Callable[[], None], limit_ns: int = CPU_LIMIT_NS) -> Tree:
    """One strategy that misbehaves beside a worker that does not."""
    strategy = Spec(name="strategy", make=acting(act), cpu_limit_ns=limit_ns)
    return world.tree(Spec(name="root", children=(strategy, Spec(name="account", make=world.make))))


@LOOPS
def test_an_endless_loop_in_a_strategy_is_its_crash_only(run: Any) -> None:
    """WD-2: `while True: pass` is interrupted, the others go on, on both loops."""

    async def main() -> None:
        lane = LiveLane()
        world = World(lane)
        tree = strategy_tree(world, spin)
        with watched(lane) as interrupter:
            began_ns = time.thread_time_ns()
            tree.tell("strategy", "go")
            tree.tell("account", Order(1))
            await tree.cell("account").ask(Order(2))
            burnt_ns = time.thread_time_ns() - began_ns
        assert interrupter.interrupted == 1
        assert burnt_ns >= CPU_LIMIT_NS
        (crash,) = (event for event in world.events if event.kind == "CRASHED")
        assert crash.name == "strategy"
        assert "StrategyTooSlowError: strategy held the lane for over 50 ms" in crash.reason
        assert "in spin" in crash.detail
        lane.close()

    run(main())


def test_an_endless_loop_is_interrupted_in_the_virtual_lane_too() -> None:
    """WD-2: and the strategy comes back after its pause."""
    lane = VirtualLane()
    world = World(lane)
    tree = strategy_tree(world, spin)
    with watched(lane):
        tree.tell("strategy", "go")
        tree.tell("account", Order(1))
        lane.run()
    assert world.of("account")[-1] == Order(1)
    assert world.kinds("strategy") == ["CRASHED", "RESTARTED"]
    assert tree.cell("strategy").state is CellState.RUNNING


def test_a_strategy_that_catches_everything_it_can_is_interrupted() -> None:
    """WD-2: `except Exception` does not swallow the interruption."""

    def stubborn() -> None:
        while True:
            with contextlib.suppress(Exception):
                spin()

    lane = VirtualLane()
    world = World(lane)
    tree = strategy_tree(world, stubborn)
    with watched(lane):
        tree.tell("strategy", "go")
        lane.run()
    assert world.kinds("strategy") == ["CRASHED", "RESTARTED"]


def test_a_strategy_that_swallows_even_that_is_interrupted_again() -> None:
    """WD-2: the limit counts anew, the second one gets through."""
    swallowed: list[str] = []

    def very_stubborn() -> None:
        try:
            spin()
        except BaseException as error:  # noqa: BLE001
            swallowed.append(type(error).__name__)
        spin()

    lane = VirtualLane()
    world = World(lane)
    tree = strategy_tree(world, very_stubborn)
    with watched(lane) as interrupter:
        tree.tell("strategy", "go")
        lane.run()
    assert swallowed == ["StrategyTooSlowError"]
    assert interrupter.interrupted == 2
    assert world.kinds("strategy") == ["CRASHED", "RESTARTED"]


def test_a_strategy_that_sleeps_is_interrupted() -> None:
    """WD-2: sleeping in the kernel blocks as much as burning CPU."""
    lane = VirtualLane()
    world = World(lane)
    tree = strategy_tree(world, lambda: time.sleep(30))
    with watched(lane):
        tree.tell("strategy", "go")
        lane.run()
    assert "StrategyTooSlowError" in world.events[0].reason


def test_a_strategy_that_blocks_while_it_is_made_is_interrupted() -> None:
    """WD-2: a user's constructor is a user's code as well."""

    class Blocking(LaneActor):
        def on_start(self) -> None:
            spin()

    lane = VirtualLane()
    world = World(lane)
    spec = Spec(
        name="strategy", make=Blocking, start_cpu_limit_ns=CPU_LIMIT_NS, restart="temporary"
    )
    with watched(lane):
        world.tree(Spec(name="root", children=(spec,)))
    assert world.kinds("strategy") == ["CRASHED"]


def test_a_handler_inside_its_limit_is_left_alone() -> None:
    """WD-2: no false alarm for work of half the limit, nor for many such in a row."""

    def work() -> None:
        until_ns = time.thread_time_ns() + CPU_LIMIT_NS // 4
        while time.thread_time_ns() < until_ns:
            pass

    lane = VirtualLane()
    world = World(lane)
    tree = strategy_tree(world, work)
    with watched(lane) as interrupter:
        for _ in range(8):
            tree.tell("strategy", "go")
        lane.run()
    assert interrupter.interrupted == 0
    assert world.events == []


def test_an_actor_without_a_limit_is_never_interrupted_but_named() -> None:
    """WD-2: what is ours is not interrupted half-way; its stack is named."""
    reports: list[Stuck] = []
    done: list[int] = []

    def slow() -> None:
        until_ns = time.monotonic_ns() + 30_000_000_000
        while not reports and time.monotonic_ns() < until_ns:
            pass
        done.append(1)

    lane = VirtualLane()
    world = World(lane)
    tree = strategy_tree(world, slow, limit_ns=0)
    with watched(lane, stuck_ns=100_000_000, reports=reports) as interrupter:
        tree.tell("strategy", "go")
        lane.run()
    assert done == [1]
    assert interrupter.interrupted == 0
    (report,) = reports
    assert report.name == "strategy"
    assert report.held_ns >= 100_000_000
    assert "in slow" in report.stack


def test_a_full_collection_inside_a_handler_is_not_its_fault() -> None:
    """WD-2: the collector may run for longer than the limit."""
    lane = VirtualLane()
    world = World(lane)
    heap = [[number] for number in range(200_000)]
    watching: list[Interrupter] = []

    def collect() -> None:
        while watching[0]._look.number != lane.handled + lane.starts:  # noqa: SLF001
            pass
        began_ns = time.thread_time_ns()
        while time.thread_time_ns() - began_ns < 2 * CPU_LIMIT_NS:
            gc.collect()
        began_ns = time.thread_time_ns()
        while time.thread_time_ns() - began_ns < CPU_LIMIT_NS // 2:
            pass

    tree = strategy_tree(world, collect)
    with watched(lane) as interrupter:
        watching.append(interrupter)
        tree.tell("strategy", "go")
        lane.run()
    assert len(heap) == 200_000
    assert world.events == []


def test_a_stray_signal_does_nothing() -> None:
    """WD-2: only the handler that was meant is interrupted."""
    lane = VirtualLane()
    world = World(lane)
    tree = strategy_tree(world, lambda: signal.raise_signal(SIGNAL))
    with watched(lane) as interrupter:
        tree.tell("strategy", "go")
        lane.run()
        signal.raise_signal(SIGNAL)
    assert interrupter.interrupted == 0
    assert world.events == []


def test_the_lanes_own_books_are_never_left_half_written() -> None:
    """WD-2: a handler is not interrupted inside `tell` or `at`, but right after."""
    went_on: list[str] = []
    on_look: list[Callable[[], object]] = []

    async def main() -> None:
        def clock_ns() -> int:
            for act in on_look:
                act()
            return 0

        lane = LiveLane(clock_ns=clock_ns)
        world = World(lane)
        with watched(lane) as interrupter:

            def act() -> None:
                interrupter._wanted = lane.handled + lane.starts  # noqa: SLF001
                on_look.append(lambda: signal.raise_signal(SIGNAL))
                lane.now_ns()
                on_look.clear()
                went_on.append("inside the lane")
                signal.raise_signal(SIGNAL)
                went_on.append("outside of it")

            tree = strategy_tree(world, act)
            tree.tell("strategy", "go")
            await tree.cell("account").ask(Order(1))
        lane.close()
        assert world.kinds("strategy")[0] == "CRASHED"

    asyncio.run(main())
    assert went_on == ["inside the lane"]


def test_the_interruption_is_no_ordinary_exception() -> None:
    """WD-2: code that catches `Exception` must not hide it."""
    assert not issubclass(StrategyTooSlowError, Exception)


def run_python(code: str) -> "subprocess.CompletedProcess[str]":
    """Run a program that is expected to be stopped by its own watch."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


STUCK_PROGRAM = """
    import time
    from actors.interrupt import Interrupter
    from actors.lane_actor import LaneActor
    from actors.lane_virtual import VirtualLane
    from actors.spec import Spec
    from actors.tree import Tree

    class Feed(LaneActor):
        def on_receive(self, message):
            {body}

    lane = VirtualLane()
    tree = Tree(lane, Spec(name="root", children=(Spec(name="feed", make=Feed),)),
                on_event=print, halt=print)
    tree.start()
    Interrupter(lane, stuck_ns=200_000_000, lock_limit_s=0.5).start()
    tree.tell("feed", "go")
    lane.run()
"""


def test_a_blocking_call_of_ours_ends_the_process_with_its_stack_named() -> None:
    """WD-2: exit status 75, for the process supervisor."""
    ended = run_python(STUCK_PROGRAM.format(body="time.sleep(20)"))
    assert ended.returncode == EXIT_STUCK
    assert "stuck in feed" in ended.stderr
    assert "in on_receive" in ended.stderr


def test_a_native_call_that_keeps_the_interpreter_lock_ends_the_process() -> None:
    """WD-2: no Python thread can run; the kernel's timer names the stack and ends it."""
    ended = run_python(STUCK_PROGRAM.format(body="sum(range(10**12))"))
    assert ended.returncode == -signal.SIGPROF
    assert "in on_receive" in ended.stderr


def test_a_stopped_process_raises_no_alarm_when_it_goes_on() -> None:
    """WD-2: SIGSTOP in the middle of a handler, for longer than every limit."""
    code = """
        import os, signal, subprocess, sys, time
        from actors.interrupt import Interrupter
        from actors.lane_actor import LaneActor
        from actors.lane_virtual import VirtualLane
        from actors.spec import Spec
        from actors.tree import Tree

        class Strategy(LaneActor):
            def on_receive(self, message):
                wake = f"import os,time;time.sleep(0.6);os.kill({os.getpid()}, 18)"
                subprocess.Popen([sys.executable, "-S", "-c", wake]).returncode
                time.sleep(0.03)
                os.kill(os.getpid(), signal.SIGSTOP)
                time.sleep(0.06)

        lane = VirtualLane()
        events = []
        spec = Spec(name="strategy", make=Strategy, cpu_limit_ns=200_000_000)
        tree = Tree(lane, Spec(name="root", children=(spec,)), on_event=events.append, halt=print)
        tree.start()
        Interrupter(lane, stuck_ns=400_000_000, lock_limit_s=0.5).start()
        tree.tell("strategy", "go")
        lane.run()
        print("events", events)
    """
    ended = run_python(code)
    assert ended.returncode == 0, ended.stderr
    assert "events []" in ended.stdout


def test_the_interrupter_belongs_on_the_main_thread() -> None:
    """WD-2: a clear error anywhere else."""
    errors: list[BaseException] = []

    def start() -> None:
        try:
            Interrupter(VirtualLane()).start()
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(errors[0])
