"""The pykka side: what we touch of it, asks, futures, bare actors (runtime.md, section 2)."""

import asyncio
import importlib.metadata
import importlib.resources
import inspect
import threading
from typing import Any

import pykka
import pytest
import uvloop

from actors.future import LaneFuture, WouldDeadlock, WouldDeadlockError
from actors.lane_actor import PYKKA_SURFACE, LaneActor, LaneInbox
from actors.lane_live import LiveLane
from actors.lane_virtual import VirtualLane
from actors.spec import CellState, Spec
from tests.actors.support import Order, RustPanic, World, three, virtual

LOOPS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


class Echo(LaneActor):
    """Answers with what it got; `boom` and `panic` crash it."""

    failures: list[str]

    def on_start(self) -> None:
        """No failures yet."""
        self.failures = []

    def on_receive(self, message: Any) -> Any:
        """Echo."""
        if message == "boom":
            raise ValueError("boom")
        if message == "panic":
            raise RustPanic("panic")
        return message

    def on_failure(self, *error: Any) -> None:
        """Note it."""
        self.failures.append(error[0].__name__)


def test_the_names_we_use_inside_pykka_are_still_there() -> None:
    """dependencies.md: pykka is pinned; a change of its private names fails here first."""
    assert importlib.metadata.version("pykka").startswith("4.5.")
    for owner, names in PYKKA_SURFACE.items():
        module, _, attribute = owner.rpartition(".")
        try:
            found: Any = importlib.import_module(owner)
        except ImportError:
            found = getattr(importlib.import_module(module), attribute)
        known = set(dir(found)) | set(getattr(found, "__annotations__", ()))
        source = inspect.getsource(found)
        for name in names:
            assert name in known or f"self.{name}" in source, f"{owner}.{name} is gone"


def test_pykka_still_builds_its_actors_the_way_we_replace() -> None:
    """dependencies.md: the hooks are called with what we expect, by the code that calls them."""
    start = inspect.getsource(pykka.Actor.start)
    assert "obj._start_actor_loop()" in start
    ref = inspect.getsource(pykka.ActorRef)
    assert "self.actor_class._create_future()" in ref
    assert "self.actor_inbox.put(Envelope(message, reply_to=future))" in ref
    assert "self.ask(_ActorStop(), block=False)" in ref
    assert inspect.signature(pykka.Actor._create_actor_inbox).parameters == {}  # noqa: SLF001
    assert inspect.signature(pykka.Actor._create_future).parameters == {}  # noqa: SLF001


def test_nothing_else_of_ours_touches_pykka() -> None:
    """style.md: the contact surface stays in one file, the future beside it."""
    folder = importlib.resources.files("actors")
    users = sorted(
        path.name
        for path in folder.iterdir()
        if path.name.endswith(".py") and "pykka" in _imports(path.read_text())
    )
    assert users == ["future.py", "lane_actor.py"]


def _imports(source: str) -> str:
    return "\n".join(line for line in source.splitlines() if line.startswith(("import ", "from ")))


def test_a_lane_actor_is_a_pykka_actor_and_works_through_its_reference() -> None:
    """WD-1: tell, ask and stop by pykka's own reference, without a thread."""
    lane = VirtualLane()
    threads = threading.active_count()
    ref = Echo.start(lane, "echo")
    assert isinstance(ref, pykka.ActorRef)
    assert ref.actor_urn == "echo"
    future = ref.ask("hello", block=False)
    ref.tell("there")
    lane.run()
    assert future.get() == "hello"
    stopped = ref.stop(block=False)
    lane.run()
    assert stopped.get() is True
    assert not ref.is_alive()
    assert threading.active_count() == threads
    assert pykka.ActorRegistry.get_by_urn("echo") is None


def test_a_bare_actor_that_crashes_is_dead_and_says_so() -> None:
    """WD-1: without supervision there is no restart; mail behind it becomes dead letters."""
    lane = VirtualLane()
    ref = Echo.start(lane, "echo")
    actor = lane.names["echo"]
    assert isinstance(actor, Echo)
    answer = ref.ask("panic", block=False)
    ref.tell("later")
    second = ref.ask("too late", block=False)
    lane.run()
    with pytest.raises(RustPanic):
        answer.get()
    with pytest.raises(pykka.ActorDeadError):
        second.get()
    assert actor.failures == ["RustPanic"]
    assert lane.dead_letters.by_reason == {"in hand at crash": 1, "stopped": 2}
    lane.tell("echo", "x")
    assert lane.dead_letters.newest().reason == "no such name"


def test_proxies_are_refused() -> None:
    """WD-2: a proxy's attribute assignment would block the lane for ever."""
    lane = VirtualLane()
    ref = Echo.start(lane, "echo")
    proxy: Any = ref.proxy()
    with pytest.raises(TypeError, match="proxies are refused on a lane"):
        proxy.failures = []
    assert lane.depth() == 0
    ref.stop(block=False)
    lane.run()


def test_a_lane_inbox_is_never_polled() -> None:
    """WD-2: nobody waits for mail."""
    with pytest.raises(WouldDeadlock):
        LaneInbox().get()


def test_a_blocking_get_in_a_handler_raises_at_once() -> None:
    """WD-2: it would wait for itself."""
    lane, world = virtual()
    caught: list[str] = []

    class Blocks(LaneActor):
        def on_receive(self, message: Any) -> None:
            future = tree.cell("b").ask(message)
            try:
                future.get(timeout=5)
            except WouldDeadlockError as error:
                caught.append(str(error))

    tree = three(world)
    tree.root.add(Spec(name="blocks", make=Blocks))
    tree.tell("blocks", Order(1))
    lane.run()
    assert len(caught) == 1
    assert world.of("b")[-1] == Order(1)


def test_an_ask_that_crashes_the_actor_tells_both_sides() -> None:
    """WD-1: the asker gets the error, and the half-changed state is thrown away all the same."""
    lane, world = virtual()
    tree = three(world)
    future = tree.cell("a").ask("boom")
    lane.run()
    with pytest.raises(ValueError, match="boom"):
        future.get()
    assert tree.cell("a").incarnation == 2


def test_an_ask_waits_over_a_restart_and_is_refused_by_the_dead() -> None:
    """WD-1: parked like other mail; a final end answers it."""
    lane, world = virtual()
    tree = three(world)
    tree.tell("a", "boom")
    parked = tree.cell("a").ask(Order(1))
    lane.run()
    assert parked.get() == Order(1)
    tree.stop()
    refused = tree.cell("a").ask(Order(2))
    lane.run()
    with pytest.raises(pykka.ActorDeadError, match="STOPPED"):
        refused.get()


def test_a_supervised_actors_own_reference_goes_through_its_cell() -> None:
    """WD-1: pykka's reference of one incarnation does not end another's supervision."""
    lane, world = virtual()
    tree = three(world)
    actor = tree.cell("a").actor
    assert actor is not None
    ref = actor.actor_ref
    answer = ref.ask(Order(1), block=False)
    ref.stop(block=False)
    lane.run()
    assert tree.cell("a").state is CellState.STOPPED
    assert world.of("a")[-1] == "stop"
    with pytest.raises(pykka.ActorDeadError):  # the stop is CONTROL: it overtook the ask
        answer.get()


@LOOPS
def test_an_ask_is_awaited_without_blocking_the_loop(run: Any) -> None:
    """WD-2: `await` on a pykka future blocks the loop; ours does not."""

    async def main() -> None:
        lane = LiveLane()
        tree = three(World(lane))
        assert await tree.cell("a").ask(Order(1)) == Order(1)
        with pytest.raises(ValueError, match="boom"):
            await tree.cell("b").ask("boom")
        lane.close()

    run(main())


@LOOPS
def test_a_foreign_thread_may_block_on_an_answer(run: Any) -> None:
    """WD-2: the console's thread may wait; with a time-out."""

    async def main() -> None:
        lane = LiveLane()
        cell = three(World(lane)).cell("a")
        answer = await asyncio.to_thread(lambda: cell.ask(Order(1)).get(timeout=5))
        assert answer == Order(1)
        lane.close()

    run(main())


def test_a_future_is_answered_once() -> None:
    """A second answer is a fault of the answering code."""
    future = LaneFuture()
    assert not future.done()
    with pytest.raises(pykka.Timeout):
        future.get(timeout=0)
    future.set(1)
    with pytest.raises(RuntimeError, match="answered already"):
        future.set(2)
    with pytest.raises(RuntimeError, match="answered already"):
        future.set_exception((ValueError, ValueError(), None))
    called: list[Any] = []
    future.add_done_callback(lambda f: called.append(f.get()))
    assert called == [1]


def test_making_a_lane_actor_draws_nothing_random() -> None:
    """ST-2: the urn is the name, so a replay is the same everywhere."""
    assert LaneActor(VirtualLane(), "order-1").actor_urn == "order-1"
