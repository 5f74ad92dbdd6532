"""Cells and supervisors in virtual time (WD-1)."""

import itertools

import pytest

from actors.spec import Backoff, CellState, Down, Spec
from actors.supervisor import CRASHES_IN_A_ROW_MAX
from tests.actors.support import SECOND_NS, Fill, Order, Pause, Tick, Worker, three, virtual


def test_a_crash_keeps_the_mail_behind_it_in_order_and_rehydrates_first() -> None:
    """WD-1: the next incarnation rehydrates, then sees the mail that waited, oldest first."""
    lane, world = virtual()
    tree = three(world)
    for message in (Fill(5), "boom", Fill(6), Tick("ES", 1), Fill(7)):
        tree.tell("b", message)
    lane.run()
    assert world.of("b") == [
        ("rehydrated", 0), "start", Fill(5), ("rehydrated", 5), "start", Fill(6),
        Tick("ES", 1), Fill(7),
    ]  # fmt: skip
    assert lane.shed == 0  # in event time nothing is stale when the name is back
    assert lane.dead_letters.newest().message == "boom"
    assert lane.dead_letters.by_reason == {"in hand at crash": 1}
    assert tree.cell("b").incarnation == 2


@pytest.mark.parametrize(
    ("strategy", "after"),
    [("one_for_one", ["b"]), ("rest_for_one", ["b", "c"]), ("one_for_all", ["a", "b", "c"])],
)
def test_a_strategy_says_who_comes_back_with_a_crashed_child(
    strategy: str, after: list[str]
) -> None:
    """WD-1: one-for-one, rest-for-one, one-for-all; in start order."""
    lane, world = virtual()
    tree = three(world, strategy=strategy)
    tree.tell("b", "boom")
    lane.run()
    assert world.starts() == ["a", "b", "c", *after]
    stopped = [who for who, what in world.seen if what == "stop"]
    assert stopped == [name for name in reversed(after) if name != "b"]


def test_siblings_that_went_down_with_a_crashed_one_lose_no_mail() -> None:
    """WD-1: mail of the whole group waits."""
    lane, world = virtual()
    tree = three(world, strategy="one_for_all")
    tree.tell("a", "boom")
    tree.tell("c", Order(1))
    tree.tell("c", Order(2))
    lane.run()
    assert world.of("c")[-2:] == [Order(1), Order(2)]
    assert lane.dead_letters.total == 1


def test_control_that_waited_still_overtakes() -> None:
    """KC-1: parked CONTROL mail is handled before parked MUST mail."""
    lane, world = virtual()
    tree = three(world)
    tree.tell("a", "boom")
    lane.run(until_ns=0)
    for message in (Order(1), Pause(), Order(2)):
        tree.tell("a", message)
    lane.run()
    assert world.of("a")[-3:] == [Pause(), Order(1), Order(2)]


def test_a_message_that_crashes_twice_is_quarantined_with_its_traceback() -> None:
    """WD-1: poison is set aside, the actor goes on without it."""
    lane, world = virtual()
    tree = three(world)
    tree.tell("a", Fill(13))
    tree.tell("a", Fill(1))
    lane.run()
    (poison,) = tree.quarantined
    assert poison.message == Fill(13)
    assert "ValueError: poison" in poison.detail
    assert "on_receive" in poison.detail
    assert world.of("a")[-1] == Fill(1)
    assert world.kinds("a") == [
        "CRASHED", "RESTARTED", "CRASHED", "QUARANTINED", "RESTARTED",
    ]  # fmt: skip
    assert world.halts == []


def test_a_rust_panic_is_one_actors_crash() -> None:
    """WD-1: what derives from BaseException is contained like any other fault."""
    lane, world = virtual()
    tree = three(world)
    tree.tell("a", "panic")
    tree.tell("b", Order(1))
    tree.tell("a", Order(2))
    lane.run()
    assert world.of("b")[-1] == Order(1)
    assert world.of("a")[-1] == Order(2)
    assert "RustPanic" in world.events[0].reason


def test_an_exit_passes_through() -> None:
    """WD-7: SystemExit and KeyboardInterrupt end the process, they are no crash."""
    lane, world = virtual()
    tree = three(world)
    tree.tell("a", "exit")
    with pytest.raises(SystemExit):
        lane.run()
    assert world.events == []


def test_what_is_vital_is_never_given_up() -> None:
    """WD-1, EX-9: entries shut, once, and it comes back for exits and kills, with all its mail."""
    lane, world = virtual()
    actor = Spec(name="a", make=world.make)
    account = Spec(name="account", children=(actor,), is_vital=True)
    tree = world.tree(Spec(name="root", children=(account, Spec(name="b", make=world.make))))
    for _ in range(40):
        tree.tell("a", "boom")
    tree.tell("a", Order(1))
    lane.run()
    assert len(world.halts) == 1
    assert tree.cell("a").state is CellState.RUNNING
    assert world.of("a")[-1] == Order(1)
    assert world.of("b") == [("rehydrated", 0), "start"]


def test_the_root_giving_up_shuts_entries_and_leaves_the_others_running() -> None:
    """WD-1: more crashes than the intensity allows, and `halt` is called, once."""
    lane, world = virtual()
    tree = three(world)
    for _ in range(6):
        tree.tell("a", "boom")
    lane.run()
    assert tree.cell("a").state is CellState.FAILED
    assert tree.cell("b").state is CellState.RUNNING
    assert len(world.halts) == 1
    assert "more than 3 crashes" in world.halts[0]
    assert world.kinds("root") == ["HALTED"]
    tree.tell("b", Order(1))
    lane.run()
    assert world.of("b")[-1] == Order(1)


def test_crashes_outside_each_others_window_are_forgiven() -> None:
    """WD-1: the intensity counts within its period only."""
    lane, world = virtual()
    tree = three(world)
    for _ in range(20):
        tree.tell("a", "boom")
        lane.run(until_ns=lane.now_ns() + 6 * SECOND_NS)
    assert world.halts == []
    assert tree.cell("a").incarnation == 21


def test_a_contained_child_fails_alone() -> None:
    """WD-1: a failing strategy ends FAILED and escalates no further."""
    lane, world = virtual()
    strategies = Spec(
        name="strategies",
        on_failed_child="contain",
        children=tuple(Spec(name=name, make=world.make) for name in ("s1", "s2")),
    )
    tree = world.tree(Spec(name="root", children=(strategies,)))
    for _ in range(10):
        tree.tell("s1", "boom")
        tree.tell("s2", Order(1))
    lane.run()
    assert tree.cell("s1").state is CellState.FAILED
    assert tree.cell("s2").state is CellState.RUNNING
    assert tree.supervisor("strategies").state is CellState.RUNNING
    assert world.of("s2").count(Order(1)) == 10
    assert world.halts == []
    tree.tell("s1", Order(2))
    lane.run()
    assert lane.dead_letters.newest().reason == "FAILED"


def test_crashes_of_siblings_do_not_add_up_where_failures_are_contained() -> None:
    """WD-1: each strategy has its own intensity."""
    lane, world = virtual()
    names = [f"s{number}" for number in range(8)]
    strategies = Spec(
        name="strategies",
        on_failed_child="contain",
        children=tuple(Spec(name=name, make=world.make) for name in names),
    )
    tree = world.tree(Spec(name="root", children=(strategies,)))
    for name in names:
        tree.tell(name, "boom")
    lane.run()
    assert [tree.cell(name).state for name in names] == [CellState.RUNNING] * 8


def test_escalation_restarts_the_subtree_and_loses_no_mail() -> None:
    """WD-1: a supervisor that gives up is itself a crash to the one above."""
    lane, world = virtual()
    account = Spec(
        name="account",
        intensity=1,
        children=(Spec(name="core", make=world.make), Spec(name="adapter", make=world.make)),
    )
    tree = world.tree(Spec(name="root", children=(account, Spec(name="feed", make=world.make))))
    for message in ("boom", "boom", Order(1)):
        tree.tell("adapter", message)
    tree.tell("core", Order(2))
    lane.run()
    assert world.kinds("account") == ["GAVE_UP"]
    assert world.starts() == ["core", "adapter", "feed", "adapter", "core", "adapter"]
    assert world.of("adapter")[-1] == Order(1)
    assert Order(2) in world.of("core")
    assert world.halts == []


def test_the_pause_before_a_restart_doubles_up_to_its_cap() -> None:
    """WD-1: minutes of backoff cost nothing in virtual time."""
    lane, world = virtual()
    backoff = Backoff(first_ns=SECOND_NS, cap_ns=300 * SECOND_NS, forgive_after_ns=3600 * SECOND_NS)
    spec = Spec(name="a", make=world.make, backoff=backoff)
    tree = world.tree(Spec(name="root", children=(spec,), intensity=1000))
    for _ in range(11):
        tree.tell("a", "boom")
    lane.run()
    crashed = [event.at_ns for event in world.events if event.kind == "CRASHED"]
    pauses_s = [(b - a) // SECOND_NS for a, b in itertools.pairwise(crashed)]
    assert pauses_s == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]


def test_an_actor_of_money_comes_back_at_once_the_first_time() -> None:
    """WD-1, WD-10: before other mail of the instant; a second crash in a row waits."""
    lane, world = virtual()
    spec = Spec(name="a", make=world.make, backoff=Backoff(at_once=1, first_ns=SECOND_NS))
    tree = world.tree(Spec(name="root", children=(spec, Spec(name="b", make=world.make))))
    for name, message in (("a", "boom"), ("b", Order(1)), ("a", Order(2))):
        tree.tell(name, message)
    lane.run()
    assert [event.at_ns for event in world.events] == [0, 0]
    assert [heard for heard in world.seen if isinstance(heard[1], Order)] == [
        ("b", Order(1)),
        ("a", Order(2)),
    ]
    tree.tell("a", "boom")
    lane.run()
    assert world.events[-1].at_ns == SECOND_NS


def test_an_incarnation_that_lived_long_enough_starts_with_the_first_pause_again() -> None:
    """WD-1: the row of crashes ends."""
    lane, world = virtual()
    tree = three(world)
    for _ in range(2):
        tree.tell("a", "boom")
    lane.run(until_ns=120 * SECOND_NS)
    tree.tell("a", "boom")
    lane.run()
    assert world.events[-1].kind == "RESTARTED"
    assert world.events[-1].at_ns == 120 * SECOND_NS + 50_000_000


def test_a_transient_actor_that_finished_stays_down_and_its_watcher_is_told() -> None:
    """WD-1: death watch says that no incarnation will follow."""
    lane, world = virtual()
    children = (
        Spec(name="job", make=world.make, restart="transient"),
        Spec(name="owner", make=world.make),
    )
    tree = world.tree(Spec(name="root", children=children))
    tree.watch("owner", "job")
    tree.tell("job", "finish")
    lane.run()
    assert tree.cell("job").state is CellState.STOPPED
    assert world.of("job")[-1] == "stop"
    assert world.of("owner")[-1] == Down(name="job", reason="finished", final=True)
    tree.tell("job", Order(1))
    tree.tell("nobody", Order(2))
    tree.watch("owner", "nobody")
    lane.run()
    assert lane.dead_letters.by_reason == {"STOPPED": 1, "no such name": 1}
    assert world.of("owner")[-1] == Down(name="nobody", reason="no such name", final=True)


def test_a_watcher_hears_of_each_lost_incarnation() -> None:
    """WD-1: a crash that is followed by a restart is not final."""
    lane, world = virtual()
    tree = three(world)
    tree.watch("b", "a")
    tree.tell("a", "boom")
    lane.run()
    assert world.of("b")[-1] == Down(name="a", reason="ValueError: boom", final=False)


def test_a_permanent_actor_that_finishes_is_started_again_and_a_temporary_never() -> None:
    """WD-1: the three restart policies."""
    lane, world = virtual()
    children = (
        Spec(name="permanent", make=world.make),
        Spec(name="temporary", make=world.make, restart="temporary"),
    )
    tree = world.tree(Spec(name="root", children=children))
    tree.tell("permanent", "finish")
    tree.tell("temporary", "boom")
    lane.run()
    assert tree.cell("permanent").state is CellState.RUNNING
    assert tree.cell("permanent").incarnation == 2
    assert tree.cell("temporary").state is CellState.STOPPED


def test_a_failure_to_start_is_a_crash_and_the_mail_waits() -> None:
    """WD-1: an actor that cannot rehydrate yet takes no mail."""
    lane, world = virtual()
    attempts: list[int] = []

    def make(_: object, name: str) -> object:
        attempts.append(1)
        if len(attempts) < 3:
            raise ConnectionError("no feed")
        return world.make(lane, name)

    tree = world.tree(Spec(name="root", children=(Spec(name="a", make=make),)))  # type: ignore[arg-type]
    tree.tell("a", Order(1))
    lane.run()
    assert world.of("a")[-1] == Order(1)
    assert world.kinds("a") == ["CRASHED", "CRASHED", "RESTARTED"]


def test_with_rest_for_one_later_siblings_wait_for_one_that_cannot_start() -> None:
    """WD-1: the next starts only when the last is up, also at the first start."""
    lane, world = virtual()
    attempts: list[int] = []

    def make(_: object, name: str) -> object:
        attempts.append(1)
        if len(attempts) == 1:
            raise ConnectionError("the journal is locked")
        return world.make(lane, name)

    children = (Spec(name="journal", make=make), Spec(name="account", make=world.make))  # type: ignore[arg-type]
    tree = world.tree(Spec(name="root", strategy="rest_for_one", children=children))
    assert world.starts() == []
    lane.run()
    assert world.starts() == ["journal", "account"]
    assert tree.cell("account").incarnation == 1


def test_a_siblings_restart_does_not_shorten_ones_own_pause() -> None:
    """WD-1: each pause is its own, also within a group."""
    lane, world = virtual()
    pause = Backoff(first_ns=10 * SECOND_NS, cap_ns=10 * SECOND_NS)
    children = (
        Spec(name="a", make=world.make),
        Spec(name="b", make=world.make, backoff=pause),
    )
    tree = world.tree(Spec(name="root", strategy="rest_for_one", children=children))
    tree.tell("b", "boom")
    tree.tell("a", "boom")
    lane.run(until_ns=SECOND_NS)
    assert tree.cell("a").state is CellState.RUNNING
    assert tree.cell("b").state is CellState.BACKOFF
    lane.run()
    assert tree.cell("b").state is CellState.RUNNING
    assert lane.now_ns() == 10 * SECOND_NS


def test_siblings_go_on_without_one_that_was_given_up() -> None:
    """WD-1: who waited for it to start is started when it ends FAILED."""
    lane, world = virtual()
    attempts: list[int] = []

    def make(_: object, name: str) -> object:
        attempts.append(1)
        if len(attempts) > 1:
            raise ConnectionError("gone")
        return world.make(lane, name)

    children = (Spec(name="a", make=make), Spec(name="b", make=world.make))  # type: ignore[arg-type]
    tree = world.tree(
        Spec(name="root", strategy="rest_for_one", on_failed_child="contain", children=children)
    )
    tree.tell("a", "boom")
    tree.tell("b", Order(1))
    lane.run()
    assert tree.cell("a").state is CellState.FAILED
    assert tree.cell("b").state is CellState.RUNNING
    assert world.of("b")[-1] == Order(1)


def test_stopping_goes_right_to_left_and_buries_the_mail() -> None:
    """WD-7: last started, first stopped."""
    lane, world = virtual()
    tree = three(world)
    tree.stop()
    tree.tell("a", Order(1))
    lane.run()
    assert [who for who, what in world.seen if what == "stop"] == ["c", "b", "a"]
    assert lane.dead_letters.by_reason == {"STOPPED": 1}


def test_deleting_an_incarnation_loses_no_mail_and_is_no_crash() -> None:
    """WD-10: deleting an actor in flight changes nothing but its incarnation."""
    lane, world = virtual()
    tree = three(world)
    for number in range(20, 120):
        tree.tell("b", Fill(number))
        tree.tell("b", Pause(number))
        if number % 7 == 0:
            tree.kill("b")
        if number % 10 == 0:
            lane.run()
    lane.run()
    assert [m for m in world.of("b") if isinstance(m, Fill)] == [Fill(n) for n in range(20, 120)]
    assert tree.cell("b").incarnation == 16
    assert lane.dead_letters.total == 0
    assert set(world.kinds("b")) == {"KILLED", "RESTARTED"}


def test_deleting_what_is_not_there_is_said() -> None:
    """WD-10: a clear error for a wrong name."""
    lane, world = virtual()
    tree = three(world)
    with pytest.raises(KeyError, match="nobody is named 'x'"):
        tree.kill("x")
    tree.stop()
    with pytest.raises(ValueError, match="STOPPED"):
        tree.kill("a")
    assert lane.depth() == 0


def test_a_name_is_unique() -> None:
    """WD-1: names are addresses."""
    _, world = virtual()
    tree = three(world)
    with pytest.raises(ValueError, match="'a' is taken"):
        tree.root.add(Spec(name="a", make=world.make))


def test_one_who_failed_is_revived_only_by_a_person() -> None:
    """WD-1: FAILED is final until someone says otherwise."""
    lane, world = virtual()
    tree = three(world, on_failed_child="contain")
    for _ in range(4):
        tree.tell("a", "boom")
    lane.run()
    assert tree.cell("a").state is CellState.FAILED
    tree.revive("a")
    tree.tell("a", Order(1))
    lane.run()
    assert world.of("a")[-1] == Order(1)


def test_a_child_that_can_never_start_is_given_up_however_long_the_pauses() -> None:
    """WD-1: pauses that grow beyond the period must not make a crash loop without an end."""
    lane, world = virtual()

    def broken(*_: object) -> Worker:
        raise ValueError("the configuration cannot be taken")

    children = (Spec(name="broken", make=broken), Spec(name="well", make=world.make))
    tree = world.tree(Spec(name="root", children=children))
    lane.run()
    assert tree.cell("broken").state is CellState.FAILED
    assert tree.cell("well").state is CellState.RUNNING
    assert world.kinds("broken").count("CRASHED") <= CRASHES_IN_A_ROW_MAX + 1
    assert len(world.halts) == 1
