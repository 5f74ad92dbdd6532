"""What supervision is told, and what it tells: specs, states, events (WD-1)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Literal

from trading.mail import MailClass

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.lane import Lane
    from actors.lane_actor import LaneActor

Restart = Literal["permanent", "transient", "temporary"]
Strategy = Literal["one_for_one", "rest_for_one", "one_for_all"]

CPU_LIMIT_NS = 50_000_000
"""CPU time of one handler of a strategy before it is interrupted (WD-2)."""
START_CPU_LIMIT_NS = 500_000_000
"""The same for making, rehydrating and starting one: it reads back a session."""


class Finished(Exception):  # noqa: N818 - a normal end, not an error
    """Raise from a handler to end normally: transient and temporary actors stay down."""


class CellState(StrEnum):
    """Where a cell or a supervisor stands."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    BACKOFF = "BACKOFF"
    STOPPED = "STOPPED"
    FAILED = "FAILED"


class EventKind(StrEnum):
    """What supervision reports."""

    CRASHED = "CRASHED"
    RESTARTED = "RESTARTED"
    KILLED = "KILLED"  # deleted on purpose
    QUARANTINED = "QUARANTINED"
    GAVE_UP = "GAVE_UP"  # ended FAILED, or a supervisor passed the failure upward
    WATCHDOG_FIRED = "WATCHDOG_FIRED"
    HALTED = "HALTED"  # the root gave up: entries are shut


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """The pause before a restart: `first_ns`, times `factor` per crash in a row, up to `cap_ns`.

    An incarnation that lived for `forgive_after_ns` ends the row.

    Attributes:
        at_once: So many restarts of a row come without any pause, before newer mail: an actor of
            money that crashed once must not lose the instant in which it was asked.
    """

    at_once: int = 0
    first_ns: int = 50_000_000
    cap_ns: int = 5_000_000_000
    factor: int = 2
    forgive_after_ns: int = 60_000_000_000


MONEY_BACKOFF = Backoff(at_once=1)
"""One crash costs an actor of money no time: what it is asked at a bar is decided at that bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One child of a supervisor: an actor (`make`) or a supervisor (no `make`).

    Attributes:
        name: Unique in the tree.
        make: Builds an incarnation, not started: `make(lane, name)`.
        restart: permanent: always; transient: after a crash; temporary: never.
        backoff: The pause before a restart.
        poison_after: Crashes by one message before it is quarantined.
        cpu_limit_ns: CPU time of one handler before the interrupter ends it; 0 for never.
        start_cpu_limit_ns: The same while it is made, rehydrated and started.
        is_vital: Of a child of the root: never given up. Entries are shut when others would end
            FAILED, and it is tried again after its longest pause: exits and kills need it.
        children: Of a supervisor, in start order; more may be added at run time.
        strategy: Of a supervisor: who goes down and comes back with a crashed child.
        intensity: Of a supervisor: more crashes than this within `period_ns` and it gives up.
        period_ns: See `intensity`.
        on_failed_child: escalate: the supervisor gives up, its own supervisor decides.
            contain: only that child ends FAILED, crashes are counted per child.
    """

    name: str
    make: "Callable[[Lane, str], LaneActor] | None" = None
    restart: Restart = "permanent"
    backoff: Backoff = Backoff()
    poison_after: int = 2
    cpu_limit_ns: int = 0
    start_cpu_limit_ns: int = 0
    is_vital: bool = False
    children: "tuple[Spec, ...]" = ()
    strategy: Strategy = "one_for_one"
    intensity: int = 3
    period_ns: int = 5_000_000_000
    on_failed_child: Literal["escalate", "contain"] = "escalate"

    def __post_init__(self) -> None:
        """Refuse an actor with children."""
        if self.make is not None and self.children:
            raise ValueError(f"{self.name}: a spec has either make or children, was given both")


@dataclass(frozen=True, slots=True, kw_only=True)
class Down:
    """Mail to a watcher: `name` lost its incarnation; `final` when none will follow."""

    name: str
    reason: str
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionEvent:
    """One thing supervision did, for the journal and for people.

    Attributes:
        kind: What happened.
        name: To whom.
        at_ns: The lane's time.
        incarnation: Which one it happened to.
        reason: One line.
        detail: A traceback, empty without one.
        message: The quarantined message, printed; empty otherwise.
    """

    kind: EventKind
    name: str
    at_ns: int
    incarnation: int
    reason: str
    detail: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A message set aside because it crashed one name too often."""

    name: str
    message: object
    reason: str
    detail: str
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartDue:
    """Mail of the tree to itself: these children's pause is over."""

    MAIL: ClassVar[MailClass] = MailClass.CONTROL

    supervisor: str
    names: tuple[str, ...]
