"""A lane: one thread, one run queue, many actors. `LiveLane` and `VirtualLane` share this base.

Order: CONTROL mail first, then the rest, each first in, first out over the whole lane; hence
every sender's order is kept for every receiver within a class. Handlers never call each other:
`tell` queues and returns. `tell` never raises; mail for nobody becomes a dead letter.

    lane.tell(name, message)                   by name
    cell.tell(message)                         by address, the fast path
    lane.at(due_ns, name, message) -> Timer    a deadline by name, survives restarts
    actor.at(due_ns, message) -> Timer         a deadline of this incarnation only
"""

from abc import ABC, abstractmethod
from collections import Counter, deque
from typing import Any, Protocol

from actors.dead_letters import DeadLetters
from actors.timers import Timer, TimerHeap, TimerOwner
from trading.mail import MailClass

CONTROL = MailClass.CONTROL  # an attribute of an enumeration costs as much as the rest of a post
BUDGET = 512
"""Messages handled before the loop may look at its sockets again."""


class Target(Protocol):
    """Whatever a lane can hand a message to."""

    @property
    def name(self) -> str:
        """Whose mail this is."""

    def deliver(self, message: Any) -> None:
        """Handle one message; nothing but KeyboardInterrupt and SystemExit comes out."""


class Lane(ABC):
    """Names, the two queues, the timers, and the handler now running.

    Attributes:
        handled: Messages begun so far. With `starts` it numbers what runs, for the side thread.
        starts: Incarnations begun so far.
        overtaken: How many of the handled were CONTROL.
        current: Whose handler runs now, None between handlers.
        cpu_limit_ns: CPU time after which the running handler is interrupted, 0 for never.
        thread_ident: `threading.get_ident()` of the thread that drives the lane, 0 before.
        thread_native_id: The kernel's number of that thread, 0 before.
    """

    sheds_market = True
    """MARKET mail for a name that is restarting is dropped: it is stale when the name is back."""

    def __init__(self, budget: int = BUDGET) -> None:
        """An empty lane that nobody drives yet."""
        self.names: dict[str, Target] = {}
        self.dead_letters = DeadLetters()
        self.control: deque[tuple[Target, Any]] = deque()
        self.normal: deque[tuple[Target, Any]] = deque()
        self.timers = TimerHeap()
        self.budget = budget
        self.handled = 0
        self.starts = 0
        self.overtaken = 0
        self.current: Target | None = None
        self.cpu_limit_ns = 0
        self.thread_ident = 0
        self.thread_native_id = 0
        self.shed = 0
        """MARKET mail dropped because its receiver was restarting."""

    @abstractmethod
    def now_ns(self) -> int:
        """Nanoseconds UTC: the wall's in a live lane, the event's in a virtual one."""

    @abstractmethod
    def post(self, target: Target, message: Any) -> None:
        """Queue `message` for `target` by its mail class; returns at once, never raises."""

    def tell(self, name: str, message: Any) -> None:
        """Queue `message` for whoever bears `name` now; a dead letter when nobody does."""
        target = self.names.get(name)
        if target is None:
            self.undeliverable(name, message, "no such name")
        else:
            self.post(target, message)

    def at(
        self,
        due_ns: int,
        name: str,
        message: Any,
        *,
        daemon: bool = False,
        owner: TimerOwner | None = None,
    ) -> Timer:
        """Mail `message` to `name` at `due_ns`; at once when that has passed.

        Args:
            due_ns: Nanoseconds UTC.
            name: Receiver.
            message: Any mail.
            daemon: A virtual run without an end does not go on for this timer's sake.
            owner: The cell whose incarnation it belongs to; see `LaneActor.at`.
        """
        timer = Timer(self, due_ns, name, message, daemon=daemon, owner=owner)
        self.timers.push(timer)
        self._armed(due_ns)
        return timer

    def undeliverable(self, name: str, message: Any, reason: str) -> None:
        """Keep mail that reached nobody."""
        self.dead_letters.add(name, message, reason, self.now_ns())

    def put_back(self, mail: "deque[tuple[Target, Any]]") -> None:
        """Queue parked mail before all newer mail, in its own order; CONTROL stays ahead."""
        for target, message in reversed(mail):
            if getattr(message, "MAIL", None) is CONTROL:
                self.control.appendleft((target, message))
            else:
                self.normal.appendleft((target, message))
        self._refilled()

    def depth(self) -> int:
        """Messages queued and not begun."""
        return len(self.control) + len(self.normal)

    def depth_by_name(self) -> Counter[str]:
        """Queued messages by receiver; a scan, for `status` and the watchdog."""
        return Counter(target.name for target, _ in (*self.control.copy(), *self.normal.copy()))

    @abstractmethod
    def _armed(self, due_ns: int) -> None:
        """Note that a timer was armed: the lane may have to wake earlier."""

    @abstractmethod
    def _refilled(self) -> None:
        """Note that mail was queued other than by `post`: the lane may have to wake."""

    def overdue_ns(self) -> int:
        """How long the next timer has been due without being looked at; from any thread."""
        return 0

    def _handle_some(self, count: int) -> int:
        """Handle up to `count` messages; returns what is left of `count` with the queues empty."""
        control, normal = self.control, self.normal
        try:
            while count:
                if control:
                    target, message = control.popleft()
                    self.overtaken += 1
                elif normal:
                    target, message = normal.popleft()
                else:
                    break
                count -= 1
                self.handled += 1
                self.current = target
                target.deliver(message)
        finally:
            self.current = None
        return count
