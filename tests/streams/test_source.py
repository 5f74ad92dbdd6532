"""Source, guard, scheduler and port: order, contained faults, time from the lane."""

import ast
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as ops

import streams
from streams.port import ConflatingPort, Take
from streams.source import Fault, Source, guard
from tests.streams.stream_lane import StreamLane

MS = 1_000_000


def quietly(faults: list[Fault]) -> Callable[[Fault], None]:
    return faults.append


def is_even(item: int) -> bool:
    return item % 2 == 0


def fails_on(bad: object) -> Callable[[Any], None]:
    def subscriber(item: Any) -> None:
        if item == bad:
            raise KeyError(item)

    return subscriber


def test_every_subscriber_gets_every_item_in_order() -> None:
    """MD-9: a hot source; who comes later gets what comes later, who leaves gets no more."""
    source: Source[int] = Source(quietly([]))
    first: list[int] = []
    second: list[int] = []
    leaving = source.subscribe(first.append)
    source.emit(1)
    source.subscribe(second.append)
    source.emit(2)
    leaving.dispose()
    source.emit(3)
    assert (first, second, source.subscribers) == ([1, 2], [2, 3], 1)


def test_a_failing_subscriber_hurts_only_itself() -> None:
    """MD-9: the others get the item, the stream lives, the fault is reported."""
    faults: list[Fault] = []
    source: Source[int] = Source(quietly(faults), name="spy")
    before: list[int] = []
    after: list[int] = []
    source.subscribe(before.append)
    source.subscribe(fails_on(2))
    source.subscribe(after.append)
    for item in (1, 2, 3):
        source.emit(item)
    assert before == after == [1, 2, 3]
    assert [(each.where, each.item, type(each.error)) for each in faults] == [("spy", 2, KeyError)]
    assert source.subscribers == 3


def test_an_operator_that_fails_ends_only_its_own_branch() -> None:
    """MD-9: reactivex ends that branch; the source and its other subscribers go on."""
    faults: list[Fault] = []
    source: Source[int] = Source(quietly(faults))
    seen: list[int] = []

    def inverse(item: int) -> int:
        return 1 // item

    source.pipe(ops.map(inverse)).subscribe(seen.append)
    others: list[int] = []
    source.subscribe(others.append)
    for item in (1, 0, 1):
        source.emit(item)
    assert (seen, others) == ([1], [1, 0, 1])
    assert [type(each.error) for each in faults] == [ZeroDivisionError]


def test_items_emitted_meanwhile_keep_their_order_for_all() -> None:
    """MD-9: re-entrant items are queued, so no subscriber sees the inner one first."""
    source: Source[int] = Source(quietly([]))
    first: list[int] = []
    second: list[int] = []

    def doubling(item: int) -> None:
        first.append(item)
        if item < 4:
            source.emit(item * 2)
            source.emit(item * 2 + 1)

    source.subscribe(doubling)
    source.subscribe(second.append)
    source.emit(1)
    assert first == second == [1, 2, 3, 4, 5, 6, 7]


def test_a_subscription_made_meanwhile_starts_with_the_next_item() -> None:
    """MD-9: no half-seen item."""
    source: Source[int] = Source(quietly([]))
    late: list[int] = []
    joined: list[object] = []

    def join(_: int) -> None:
        if not joined:
            joined.append(source.subscribe(late.append))

    source.subscribe(join)
    source.emit(1)
    source.emit(2)
    assert late == [2]


def test_a_guarded_function_drops_and_reports_what_it_fails_on() -> None:
    """MD-9: state after the guard survives; None filters."""
    faults: list[Fault] = []
    source: Source[int] = Source(quietly(faults))
    sums: list[int] = []

    def odd(item: int) -> int | None:
        if item == 3:
            raise ValueError("three")
        return item if item % 2 else None

    def add(total: int, item: int) -> int:
        return total + item

    added = source.pipe(guard(odd, quietly(faults)), ops.scan(add, 0))
    added.subscribe(sums.append)
    for item in range(8):
        source.emit(item)
    assert sums == [1, 6, 13]
    assert [(each.item, str(each.error)) for each in faults] == [(3, "three")]
    assert "odd" in faults[0].where


@given(
    items=st.lists(st.integers(0, 5), max_size=30),
    bad=st.lists(st.integers(0, 5), min_size=1, max_size=5),
)
def test_no_fault_changes_what_others_see(items: list[int], bad: list[int]) -> None:
    """MD-9: any mix of failing subscribers leaves the others every item."""
    faults: list[Fault] = []
    source: Source[int] = Source(quietly(faults))
    seen: list[list[int]] = []
    for each in bad:
        source.subscribe(fails_on(each))
        seen.append([])
        source.subscribe(seen[-1].append)
    for item in items:
        source.emit(item)
    assert all(each == items for each in seen)
    assert len(faults) == sum(item == each for item in items for each in bad)


def test_ten_thousand_items_at_one_instant_are_buffered_exactly() -> None:
    """MD-5: an opening auction does not move the clock of a time operator."""
    world = StreamLane()
    source: Source[int] = Source(world.faults.append)
    buffers: list[tuple[int, int]] = []
    source.pipe(ops.buffer_with_time(1.0, scheduler=world.scheduler)).subscribe(
        lambda items: buffers.append((world.lane.now_ns() // MS, len(items)))
    )
    world.actor.handle = source.emit
    for number in range(10_000):
        world.at(500 * MS, number)
    for number in range(5):
        world.at(1_500 * MS + number, number)
    world.lane.run(until_ns=2_999 * MS)
    assert buffers == [(1000, 10_000), (2000, 5)]
    assert world.faults == []


def test_debounce_waits_its_time_on_the_lane() -> None:
    """MD-5: the last of a burst, 100 ms after it, whatever shares its instant."""
    world = StreamLane(start_ns=1_583_760_600_000_000_000)
    start_ns = world.lane.now_ns()
    source: Source[int] = Source(world.faults.append)
    passed: list[tuple[int, int]] = []
    source.pipe(ops.debounce(0.1, scheduler=world.scheduler)).subscribe(
        lambda item: passed.append((item, world.lane.now_ns() - start_ns))
    )
    world.actor.handle = source.emit
    for number in range(10_000):
        world.at(start_ns + 10 * MS, number)
    for number in range(10):
        world.at(start_ns + (200 + 10 * number) * MS, number)
    world.lane.run(until_ns=start_ns + 1_000 * MS)
    assert passed == [(9_999, 110 * MS), (9, 390 * MS)]


def test_actions_of_one_instant_run_in_the_order_of_scheduling() -> None:
    """MD-5: equal times are first come, first served; a disposed action does not run."""
    world = StreamLane(start_ns=1_000 * MS)
    done: list[str] = []

    def noting(name: str) -> Callable[..., None]:
        return lambda *_: done.append(name)

    scheduler = world.scheduler
    scheduler.schedule_relative(0.5, noting("a"))
    scheduler.schedule_absolute(datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC), noting("b"))
    scheduler.schedule_relative(timedelta(milliseconds=500), noting("no")).dispose()
    scheduler.at_ns(1_500 * MS, lambda: done.append("c"))
    scheduler.schedule(noting("now"))
    scheduler.schedule_relative(-3, noting("past"))
    world.lane.run(until_ns=1_499 * MS)
    assert done == ["now", "past"]
    world.lane.run(until_ns=1_500 * MS)
    assert done == ["now", "past", "a", "b", "c"]
    assert scheduler.now == datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)


def test_a_periodic_action_does_not_drift() -> None:
    """MD-5: a period is exact in virtual time, and does not keep a replay going."""
    world = StreamLane()
    ticks: list[int] = []
    rx.interval(0.25, scheduler=world.scheduler).subscribe(
        lambda _: ticks.append(world.lane.now_ns())
    )
    world.lane.run(until_ns=10_000 * MS)
    assert ticks == [250 * MS * n for n in range(1, 41)]
    world.lane.run()
    assert len(ticks) == 40


def test_a_fault_in_a_scheduled_action_does_not_reach_the_actor() -> None:
    """MD-9: it is reported; the lane and the other streams go on."""
    world = StreamLane()
    done: list[int] = []

    def fail() -> None:
        raise ValueError("stream")

    world.scheduler.at_ns(1, fail)
    world.scheduler.at_ns(1, lambda: done.append(1))
    world.lane.run(until_ns=2)
    assert (done, [str(each.error) for each in world.faults]) == ([1], ["stream"])


def test_no_stream_starts_a_thread_or_reads_a_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """MD-5: subscribing, windows, delays and merges run on the lane's time alone."""

    class NoClock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            raise AssertionError(f"a wall clock was read ({tz})")

    def no_thread(thread: threading.Thread) -> None:
        raise AssertionError(f"a thread was started: {thread}")

    monkeypatch.setattr("reactivex.internal.basic.datetime", NoClock)
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    world = StreamLane()
    source: Source[int] = Source(world.faults.append)
    seen: list[Any] = []
    buffers: rx.Observable[list[int]] = source.pipe(
        ops.start_with(0),
        ops.buffer_with_time(0.2, scheduler=world.scheduler),
        ops.delay(0.1, scheduler=world.scheduler),
    )
    items: rx.Observable[int] = buffers.pipe(ops.flat_map(rx.from_iterable))
    items.pipe(
        ops.throttle_first(0.01, scheduler=world.scheduler),
        ops.group_by(is_even),
        ops.merge_all(),
    ).subscribe(seen.append)
    world.actor.handle = source.emit
    for number in range(1, 8):
        world.at((number * 100 - 50) * MS, number)
    world.lane.run(until_ns=2_000 * MS)
    assert seen == [0, 3, 5, 7]  # the first of each buffer: the others share its instant
    assert world.faults == []


def test_an_operator_without_the_lanes_scheduler_fails_instead_of_blocking() -> None:
    """MD-5: a wait on the wall's time would stop the lane."""
    world = StreamLane()
    source: Source[int] = Source(world.faults.append)
    with pytest.raises(RuntimeError, match="pass scheduler=LaneScheduler"):
        rx.timer(0.5, scheduler=rx.scheduler.CurrentThreadScheduler.singleton()).subscribe()
    source.subscribe(lambda _: None)
    source.emit(1)
    assert world.faults == []


def test_stream_modules_import_no_clock_thread_or_loop() -> None:
    """MD-5: time and chance come in from outside."""
    forbidden = {"time", "threading", "asyncio", "uuid", "concurrent", "numpy", "pandas"}
    for path in Path(streams.__file__).parent.glob("*.py"):
        modules = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules.add((node.module or "").split(".")[0])
        assert not modules & forbidden, path.name
        assert "duckdb" not in modules or path.name in ("load.py", "capture_files.py")


def taken(mail: list[Take]) -> list[Any]:
    found = [each.take() for each in mail]
    mail.clear()
    return found


def test_a_slow_consumer_gets_the_newest_of_each_key() -> None:
    """MD-6: the bound is the number of keys; what was replaced is counted."""
    mail: list[Take] = []
    port: ConflatingPort[tuple[str, int]] = ConflatingPort(mail.append, key=lambda item: item[0])
    for number in range(1000):
        port.offer((f"S{number % 4}", number))
    assert (len(mail), len(port), port.conflated) == (4, 4, 996)
    assert taken(mail) == [("S0", 996), ("S1", 997), ("S2", 998), ("S3", 999)]
    port.offer(("S0", 1))
    assert taken(mail) == [("S0", 1)]


@given(
    steps=st.lists(
        st.one_of(st.tuples(st.integers(0, 3), st.integers(1, 99)), st.none()), max_size=60
    )
)
def test_merged_items_lose_nothing(steps: list[tuple[int, int] | None]) -> None:
    """MD-6: volumes are added, in any interleaving of offering and taking."""
    mail: list[Take] = []
    port: ConflatingPort[tuple[int, int]] = ConflatingPort(
        mail.append, key=lambda item: item[0], merge=lambda old, new: (old[0], old[1] + new[1])
    )
    arrived: list[tuple[int, int]] = []
    for step in steps:
        if step is None:
            arrived.extend(taken(mail))
        else:
            port.offer(step)
        assert len(mail) == len(port) <= 4
    arrived.extend(taken(mail))
    offered = [step for step in steps if step is not None]
    assert sum(volume for _, volume in arrived) == sum(volume for _, volume in offered)
    assert port.conflated == len(offered) - len(arrived)


def test_a_consumer_that_restarted_starts_with_an_empty_port() -> None:
    """MD-6: mail that died with an incarnation does not block its key."""
    mail: list[Take] = []
    port: ConflatingPort[str] = ConflatingPort(mail.append, key=lambda item: item)
    port.offer("a")
    lost = mail.pop()
    port.reset()
    port.offer("a")
    assert taken(mail) == ["a"]
    assert lost.take() is None


def test_the_scheduler_takes_relative_and_absolute_times() -> None:
    """MD-5: seconds as numbers, as reactivex's operators pass them."""
    world = StreamLane()
    done: list[int] = []
    scheduler = world.scheduler
    scheduler.schedule_absolute(2.5, lambda *_: done.append(world.lane.now_ns()))
    scheduler.schedule_relative(0.000_001, lambda *_: done.append(world.lane.now_ns()))
    world.lane.run(until_ns=3_000 * MS)
    assert done == [1_000, 2_500 * MS]
