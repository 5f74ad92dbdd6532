"""A stream inside an actor on the product's own virtual lane."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors.lane_actor import LaneActor
from actors.lane_virtual import VirtualLane
from streams.scheduler import LaneScheduler, StreamDue

if TYPE_CHECKING:
    from streams.source import Fault


class StreamActor(LaneActor):
    """Runs what its streams scheduled and hands everything else to `handle`."""

    handle: Callable[[Any], None]

    def on_receive(self, message: Any) -> None:
        """Run a stream's action, or handle a message."""
        if isinstance(message, StreamDue):
            message.run()
        else:
            self.handle(message)


class StreamLane:
    """A lane with one such actor, its scheduler, and the faults that streams reported."""

    def __init__(self, start_ns: int = 0) -> None:
        """A lane that stands at `start_ns`."""
        self.lane = VirtualLane(start_ns)
        self.actor = StreamActor(self.lane, "feed")
        self.lane.names["feed"] = _Bare(self.actor)
        self.faults: list[Fault] = []
        self.scheduler = LaneScheduler(self.lane, self.actor, self.faults.append)

    def at(self, due_ns: int, message: Any) -> None:
        """Mail `message` to the actor at `due_ns`."""
        self.lane.at(due_ns, "feed", message)


class _Bare:
    """An address without supervision."""

    def __init__(self, actor: StreamActor) -> None:
        self._actor = actor
        self.name = actor.name

    def deliver(self, message: Any) -> None:
        self._actor.on_receive(message)
