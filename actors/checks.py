"""The checks of one account: the assertions after every decision and in a sweep, breakers' time.

A failure is logged with its values, fires the trigger of its name, and shows on /health (WD-5). It
is told once for each assertion and subject. Books that contradict themselves or the venue open the
breaker `assertions` until an operator resets it; what is only not fresh (a silent actor, an old
comparison) opens `freshness`, which closes when it is fresh again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from actors.assertions import Around, Assertion, Broken, broken, broken_in
from actors.breakers import Breakers
from actors.lane import Lane
from actors.lane_actor import LaneActor
from rust_core import AccountCore

BREAKER = "assertions"
FRESHNESS = "freshness"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepDue:
    """Time to look at everything."""


@dataclass(slots=True)
class ChecksMemory:
    """What does not hold, kept across incarnations.

    Attributes:
        failing: What failed at the last look, by assertion and subject.
        looks: How often all of them were looked at.
        decisions: How often the books were, once after each decision of the account.
        counted: `looks` and `decisions` when a session was last counted.
    """

    failing: dict[tuple[str, str], Broken] = field(default_factory=dict)
    looks: int = 0
    decisions: int = 0
    counted: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksPlan:
    """What the checks of an account are made of.

    Attributes:
        core: The account's core, None while it is being rebuilt.
        around: What the core cannot know.
        breakers: Opened by a failure, told of the time.
        memory: Kept across incarnations.
        sweep_ns: Between two sweeps.
        note: Journals a failure.
        notify: Told severity and text.
    """

    core: Callable[[], AccountCore | None]
    around: Callable[[], Around]
    breakers: Breakers
    memory: ChecksMemory
    sweep_ns: int
    note: Callable[[str, dict[str, Any]], None]
    notify: Callable[[str, str], None]


def check_books(plan: ChecksPlan) -> None:
    """After a decision: what our own books say of themselves."""
    core = plan.core()
    if core is not None:
        found = broken_in(core)
        if found:
            _failed(plan, found)


def check_all(plan: ChecksPlan) -> None:
    """The sweep: all ten."""
    core, memory = plan.core(), plan.memory
    if core is None:
        return
    memory.looks += 1
    found = broken(core, plan.around())
    now = {(each.assertion, each.subject) for each in found}
    for key in [key for key in memory.failing if key not in now]:
        del memory.failing[key]
    if found:
        _failed(plan, found)
    elif plan.breakers.has(FRESHNESS):
        plan.breakers.endpoint(FRESHNESS).reset("all of it is fresh again")


def _failed(plan: ChecksPlan, found: list[Broken]) -> None:
    failing = plan.memory.failing
    for each in found:
        key = (each.assertion, each.subject)
        if key in failing:
            continue
        failing[key] = each
        payload = {
            "assertion": each.assertion,
            "subject": each.subject,
            "text": each.text,
            "is_only_stale": each.is_only_stale,
        }
        plan.note("AssertionFailed", payload)
        plan.notify("CRITICAL", f"assertion {each.assertion} {each.subject}: {each.text}")
        name = FRESHNESS if each.is_only_stale else BREAKER
        plan.breakers.endpoint(name).latch(f"{each.assertion}: {each.text}")


def count_looks(plan: ChecksPlan, session_date: int) -> None:
    """A session has closed: how often it was looked at since the last one, or our start (AL-2)."""
    memory = plan.memory
    sweeps, decisions = memory.counted
    memory.counted = (memory.looks, memory.decisions)
    payload = {
        "session_date": session_date,
        "asserted": len(Assertion),
        "sweeps": memory.looks - sweeps,
        "decisions": memory.decisions - decisions,
    }
    plan.note("AssertionsCounted", payload)


class ChecksActor(LaneActor):
    """Sweeps regularly; a replay ends with its tape all the same."""

    def __init__(self, lane: Lane, name: str, plan: ChecksPlan) -> None:
        """An incarnation; the memory tells what fails."""
        super().__init__(lane, name)
        self.plan = plan

    def on_start(self) -> None:
        """Arm the first sweep."""
        self._arm()

    def on_receive(self, message: Any) -> None:
        """Look at everything."""
        if type(message) is not SweepDue:
            raise TypeError(f"{self.name}: expected SweepDue, found {type(message).__name__}")
        self.plan.breakers.tick(self.lane.now_ns())
        check_all(self.plan)
        self._arm()

    def _arm(self) -> None:
        self.at(self.lane.now_ns() + self.plan.sweep_ns, SweepDue(), daemon=True)
