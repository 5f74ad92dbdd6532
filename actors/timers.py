"""Timers are data: at `due_ns`, mail `message` to `name`. A lane keeps them in one heap.

Order: by due instant, then by the order in which they were armed. A timer armed through an
actor belongs to that incarnation and dies with it; one armed by name survives restarts.
"""

import heapq
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from actors.lane import Lane

NEVER_NS = 2**63 - 1
"""Later than any instant of a session."""

_COMPACT_ABOVE = 64


class TimerOwner(Protocol):
    """The cell whose incarnation armed a timer."""

    timers: "dict[Timer, None] | None"

    def deliver(self, message: Any) -> None:
        """Handle one message."""


class Timer:
    """A handle on one deadline; also the target of its own mail, so a cancel always wins."""

    __slots__ = ("_lane", "_state", "daemon", "due_ns", "message", "name", "owner")

    def __init__(
        self,
        lane: "Lane",
        due_ns: int,
        name: str,
        message: Any,
        *,
        daemon: bool,
        owner: TimerOwner | None,
    ) -> None:
        """Made by `Lane.at`, not by hand."""
        self._lane = lane
        self._state = "armed"
        self.due_ns = due_ns
        self.name = name
        self.message = message
        self.daemon = daemon
        self.owner = owner
        if owner is not None:
            if owner.timers is None:
                owner.timers = {}
            owner.timers[self] = None

    @property
    def is_armed(self) -> bool:
        """Whether the deadline still lies ahead and stands."""
        return self._state == "armed"

    def cancel(self) -> None:
        """Never deliver it, also when it is due and its mail is queued; harmless twice."""
        state, self._state = self._state, "done"
        if state == "armed":
            self._lane.timers.forget(self)
        if state != "done":
            self._disown()

    def fire(self) -> None:
        """Queue the mail: called by the lane at the due instant."""
        self._state = "fired"
        self._lane.post(self, self.message)

    def deliver(self, message: Any) -> None:
        """Hand the mail over unless it was cancelled while queued."""
        if self._state == "done":
            return
        self._state = "done"
        owner = self.owner
        if owner is not None:
            self._disown()
            owner.deliver(message)
            return
        address = self._lane.names.get(self.name)
        if address is None:
            self._lane.undeliverable(self.name, message, "no such name")
        else:
            address.deliver(message)

    def _disown(self) -> None:
        if self.owner is not None and self.owner.timers is not None:
            self.owner.timers.pop(self, None)


class TimerHeap:
    """Armed timers of one lane, the earliest first.

    Cancelled entries are swept out once they are the majority, so a day of orders whose
    deadlines were met leaves nothing behind.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._heap: list[tuple[int, int, Timer]] = []
        self._seq = 0
        self._cancelled = 0
        self.lasting = 0  # armed timers that are not daemons: while there are any, time goes on

    def __len__(self) -> int:
        """Armed timers."""
        return len(self._heap) - self._cancelled

    def push(self, timer: Timer) -> None:
        """Arm `timer`."""
        self._seq += 1
        heapq.heappush(self._heap, (timer.due_ns, self._seq, timer))
        if not timer.daemon:
            self.lasting += 1

    def next_ns(self) -> int:
        """When the earliest is due, `NEVER_NS` without any."""
        heap = self._heap
        while heap and not heap[0][2].is_armed:
            heapq.heappop(heap)
            self._cancelled -= 1
        return heap[0][0] if heap else NEVER_NS

    def pop(self) -> Timer:
        """Take the earliest; only after `next_ns` named an instant."""
        timer = heapq.heappop(self._heap)[2]
        if not timer.daemon:
            self.lasting -= 1
        return timer

    def forget(self, timer: Timer) -> None:
        """Count an armed timer as cancelled; called by `Timer.cancel`."""
        if not timer.daemon:
            self.lasting -= 1
        self._cancelled += 1
        if self._cancelled > _COMPACT_ABOVE and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].is_armed]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def armed(self) -> list[Timer]:
        """Armed timers, the earliest first."""
        return [timer for _, _, timer in sorted(self._heap) if timer.is_armed]
