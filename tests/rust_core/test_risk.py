"""The release gate and submissions as Python sees them."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rust_core._native import ReleaseGate, ReleaseRefusedError, Submission, VerdictSpentError

NOW_NS = 1_577_975_400_000_000_000
LEVELS = ["NONE", "PAUSE", "FLATTEN", "EMERGENCY"]


def open_gate() -> ReleaseGate:
    """A gate whose fence is held."""
    gate = ReleaseGate()
    gate.set_fence(7, 7)
    return gate


def answers(gate: ReleaseGate) -> tuple[str | None, str | None, str | None]:
    """What an entry, an exit and a cancel are told."""
    return (
        gate.refuses(adds_risk=True, now_ns=NOW_NS, deadline_ns=NOW_NS),
        gate.refuses(adds_risk=False, now_ns=NOW_NS, deadline_ns=NOW_NS),
        gate.refuses_cancel(),
    )


def test_a_submission_cannot_be_made_in_python() -> None:
    """RK-1: only the gate's approval makes one."""
    with pytest.raises(TypeError):
        Submission()
    with pytest.raises(TypeError):
        Submission.__new__(Submission)
    with pytest.raises(TypeError):
        type("Forged", (Submission,), {})


def test_the_exceptions_are_their_own_and_are_exceptions() -> None:
    """RK-1: a refusal and a second use are told apart."""
    assert issubclass(ReleaseRefusedError, Exception)
    assert issubclass(VerdictSpentError, Exception)
    assert not issubclass(VerdictSpentError, ReleaseRefusedError)
    assert not issubclass(ReleaseRefusedError, VerdictSpentError)


def test_a_fresh_gate_lets_nothing_out() -> None:
    """ST-5: without a fence nobody knows who may trade."""
    assert answers(ReleaseGate()) == ("FENCE_UNKNOWN",) * 3
    assert answers(open_gate()) == (None, None, None)


@pytest.mark.parametrize(
    ("shut", "reason"),
    [
        (lambda gate: gate.set_kill_level("PAUSE"), "KILL_PAUSE"),
        (lambda gate: gate.set_kill_level("FLATTEN"), "KILL_FLATTEN"),
        (lambda gate: gate.set_kill_level("EMERGENCY"), "KILL_EMERGENCY"),
        (lambda gate: gate.set_paused(is_paused=True), "PAUSED"),
        (lambda gate: gate.set_halted("account", is_halted=True), "HALTED"),
        (lambda gate: gate.set_breaker("paper", is_open=True), "BREAKER_OPEN"),
    ],
)
def test_entries_stop_at_every_switch_and_exits_and_cancels_go_on(
    shut: Callable[[ReleaseGate], None], reason: str
) -> None:
    """KC-1, KC-3, EX-9, WD-3: what adds risk stops; what reduces it does not."""
    gate = open_gate()
    shut(gate)
    assert answers(gate) == (reason, None, None)


def test_a_switch_of_the_root_shuts_every_account() -> None:
    """KC-3: one kill, raised once, holds for all."""
    root = open_gate()
    accounts = [root.child(), root.child()]
    accounts[0].set_breaker("paper", is_open=True)
    assert [account.refuses(adds_risk=True) for account in accounts] == ["BREAKER_OPEN", None]
    root.set_kill_level("FLATTEN")
    assert {account.refuses(adds_risk=True) for account in accounts} == {"KILL_FLATTEN"}
    assert [account.kill_level for account in accounts] == ["FLATTEN", "FLATTEN"]


def test_an_emergency_may_bar_exits_and_never_cancels() -> None:
    """KC-1: positions are closed, or left with their stops."""
    gate = open_gate()
    gate.set_emergency_exits(are_allowed=False)
    gate.set_kill_level("EMERGENCY")
    assert answers(gate) == ("KILL_EMERGENCY", "KILL_EMERGENCY", None)


@pytest.mark.parametrize("word", [0, 6, 8, 2**64 - 1])
def test_nothing_passes_a_fence_that_another_raised(word: int) -> None:
    """ST-5: the word in shared memory counts at the instant of hand-over."""
    gate = open_gate()
    assert gate.refuses(adds_risk=False, fence_word=7) is None
    assert gate.refuses(adds_risk=True, fence_word=word) == "FENCED"
    assert gate.refuses(adds_risk=False, fence_word=word) == "FENCED"
    assert gate.refuses_cancel(fence_word=word) == "FENCED"
    gate.set_fence(7, word)
    assert answers(gate) == ("FENCED",) * 3


@pytest.mark.parametrize(
    ("late_ns", "entry"),
    [(-1, None), (0, None), (1, "PAST_DEADLINE")],
    ids=["inside", "at", "past"],
)
def test_entries_leave_up_to_their_deadline_and_exits_after_it(
    late_ns: int, entry: str | None
) -> None:
    """KC-3: an old decision does not become an order."""
    gate = open_gate()
    assert gate.refuses(adds_risk=True, now_ns=NOW_NS + late_ns, deadline_ns=NOW_NS) == entry
    assert gate.refuses(adds_risk=False, now_ns=NOW_NS + late_ns, deadline_ns=NOW_NS) is None


@pytest.mark.parametrize("word", ["", "pause", "STOP", "NONE "])
def test_a_word_that_is_no_level_is_refused(word: str) -> None:
    """KC-1: a kill that is misspelt must not look taken."""
    gate = open_gate()
    expected = f'kill level must be one of NONE, PAUSE, FLATTEN, EMERGENCY, was "{word}"'
    for tell in (gate.set_kill_level, gate.raise_kill_level):
        with pytest.raises(ValueError, match=expected):
            tell(word)


@given(raises=st.lists(st.sampled_from(LEVELS)))
def test_a_kill_is_raised_and_never_lowered_by_a_lesser_one(raises: list[str]) -> None:
    """KC-4: the highest level stands until a person lowers it."""
    gate = open_gate()
    for level in raises:
        gate.raise_kill_level(level)
    highest = max(raises, key=LEVELS.index, default="NONE")
    assert gate.kill_level == highest
    gate.set_kill_level("NONE")
    assert gate.kill_level == "NONE"


@given(switches=st.lists(st.tuples(st.sampled_from("abc"), st.booleans())))
def test_entries_leave_only_when_no_breaker_is_open(switches: list[tuple[str, bool]]) -> None:
    """WD-3: breakers are told apart by name, and one is enough."""
    gate = open_gate()
    state: dict[str, bool] = {}
    for name, is_open in switches:
        gate.set_breaker(name, is_open=is_open)
        state[name] = is_open
    assert (gate.refuses(adds_risk=True) is not None) == any(state.values())
