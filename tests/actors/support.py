"""Actors and trees for the runtime's tests."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.lane_virtual import VirtualLane
from actors.spec import Finished, Spec, SupervisionEvent
from actors.tree import Tree
from trading.mail import MailClass

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Order:
    """MUST mail that is not tried again."""

    number: int


@dataclass(frozen=True, slots=True)
class Fill:
    """MUST mail, idempotent by its number."""

    REDELIVER: ClassVar[bool] = True

    number: int


@dataclass(frozen=True, slots=True)
class Tick:
    """MARKET mail."""

    MAIL: ClassVar[MailClass] = MailClass.MARKET

    key: str
    number: int


@dataclass(frozen=True, slots=True)
class Pause:
    """CONTROL mail."""

    MAIL: ClassVar[MailClass] = MailClass.CONTROL

    number: int = 0


class RustPanic(BaseException):
    """Stands for pyo3's PanicException, which derives from BaseException."""


@dataclass
class World:
    """A tree on a virtual lane, and everything that was seen in it."""

    lane: Lane
    seen: list[tuple[str, Any]] = field(default_factory=list)
    events: list[SupervisionEvent] = field(default_factory=list)
    halts: list[str] = field(default_factory=list)
    journal: dict[str, list[int]] = field(default_factory=dict)

    def tree(self, root: Spec) -> Tree:
        """Build and start a tree."""
        tree = Tree(self.lane, root, on_event=self.events.append, halt=self.halts.append)
        tree.start()
        return tree

    def make(self, lane: Lane, name: str) -> "Worker":
        """A factory for specs."""
        return Worker(self, lane, name)

    def of(self, name: str) -> list[Any]:
        """What `name` saw."""
        return [what for who, what in self.seen if who == name]

    def starts(self) -> list[str]:
        """Who started, in order."""
        return [who for who, what in self.seen if what == "start"]

    def kinds(self, name: str) -> list[str]:
        """Kinds of event reported about `name`."""
        return [event.kind.value for event in self.events if event.name == name]


class Worker(LaneActor):
    """Notes what it sees; `boom`, `panic`, `finish` and Fill(13) are what they say."""

    def __init__(self, world: World, lane: Lane, name: str) -> None:
        """Belong to a world."""
        super().__init__(lane, name)
        self.world = world
        self.total = 0
        self.complaint: str | None = None

    def rehydrate(self) -> None:
        """Add up the journal."""
        self.total = sum(self.world.journal.get(self.name, []))
        self.world.seen.append((self.name, ("rehydrated", self.total)))

    def on_start(self) -> None:
        """Note it."""
        self.world.seen.append((self.name, "start"))

    def on_stop(self) -> None:
        """Note it."""
        self.world.seen.append((self.name, "stop"))

    def beat(self, now_ns: int) -> str | None:  # noqa: ARG002
        """Complain when told to."""
        return self.complaint

    def on_receive(self, message: Any) -> Any:
        """Do as the message says."""
        act: dict[Any, Callable[[], None]] = {
            "boom": lambda: _raise(ValueError("boom")),
            "panic": lambda: _raise(RustPanic("index out of bounds")),
            "finish": lambda: _raise(Finished()),
            "exit": lambda: _raise(SystemExit(3)),
            Fill(13): lambda: _raise(ValueError("poison")),
        }
        if isinstance(message, (str, Fill)) and message in act:
            act[message]()
        if isinstance(message, Fill):
            self.world.journal.setdefault(self.name, []).append(message.number)
            self.total += message.number
        self.world.seen.append((self.name, message))
        return message


def _raise(error: BaseException) -> None:
    raise error


def three(world: World, **root: Any) -> Tree:
    """A root over the actors a, b and c; keywords go to the root's spec."""
    children = tuple(Spec(name=name, make=world.make) for name in "abc")
    return world.tree(Spec(name="root", children=children, **root))


def virtual() -> tuple[VirtualLane, World]:
    """An empty virtual lane at instant 0 and its world."""
    lane = VirtualLane()
    return lane, World(lane)
