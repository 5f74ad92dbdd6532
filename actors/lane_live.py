"""`LiveLane`: the lane on a running asyncio or uvloop loop, with the wall's time.

`post` may be called from any thread. A foreign thread that appends while the lane is going to
sleep is not lost: the wake flag is cleared first and the queues are looked at once more.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from actors.future import enter_lane_thread, leave_lane_thread
from actors.lane import BUDGET, Lane, Target
from actors.timers import NEVER_NS
from trading.mail import MailClass

_LONGEST_SLEEP_NS = 250_000_000  # a wall clock that is stepped is noticed this soon


class _Newest:
    """The one pending MARKET message of a key: queued once, handed over at its newest."""

    __slots__ = ("lane", "message", "name", "target")

    def __init__(self, lane: "LiveLane", target: Target, message: Any) -> None:
        self.lane = lane
        self.target = target
        self.name = target.name
        self.message = message

    def deliver(self, key: Any) -> None:
        with self.lane.market_lock:
            message = self.message
            del self.lane.market[key]
        self.target.deliver(message)


class LiveLane(Lane):
    """Driven by the loop of the thread that makes it; `close` when done.

    Args:
        loop: The loop; the running one by default.
        budget: Messages handled before the loop may poll its sockets.
        clock_ns: Nanoseconds UTC.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        budget: int = BUDGET,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Attach to the loop; the calling thread becomes the lane's."""
        super().__init__(budget)
        self.loop = loop if loop is not None else asyncio.get_running_loop()
        self.market: dict[Any, _Newest] = {}
        self.market_lock = threading.Lock()
        self.conflated = 0
        self.thread_ident = threading.get_ident()
        self.thread_native_id = threading.get_native_id()
        self.drained: Callable[[], None] = _nothing
        """Called whenever the queue has been worked off, or the budget is used up."""
        self._clock_ns = clock_ns
        self._is_awake = False
        self._is_closed = False
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_ns = NEVER_NS
        enter_lane_thread()

    def now_ns(self) -> int:
        """Nanoseconds UTC by the wall."""
        return self._clock_ns()

    def post(self, target: Target, message: Any) -> None:
        """Queue `message`; from any thread."""
        mail = getattr(message, "MAIL", MailClass.MUST)
        if mail is MailClass.MUST:
            self.normal.append((target, message))
        elif mail is MailClass.CONTROL:
            self.control.append((target, message))
        else:
            self._post_market(target, message)
        if not self._is_awake:
            self._wake()

    def overdue_ns(self) -> int:
        """How long the next timer has been due without being looked at; from any thread."""
        return max(self.now_ns() - self._alarm_ns, 0)

    def close(self) -> None:
        """Drive no more; what is queued or comes later is a dead letter."""
        if self._is_closed:
            return
        self._is_closed = True
        self._is_awake = False  # so that later mail is looked at, and buried
        if self._alarm is not None:
            self._alarm.cancel()
        leave_lane_thread(self.thread_ident)
        self._bury()

    def _post_market(self, target: Target, message: Any) -> None:
        key = getattr(message, "key", None)
        if key is None:  # nothing says what it replaces
            self.normal.append((target, message))
            return
        key = (id(target), type(message), key)
        with self.market_lock:
            newest = self.market.get(key)
            if newest is not None:
                newest.message = message
                self.conflated += 1
                return
            newest = self.market[key] = _Newest(self, target, message)
            self.normal.append((newest, key))

    def _wake(self) -> None:
        if self._is_closed:
            self._bury()
            return
        self._is_awake = True
        try:
            if threading.get_ident() == self.thread_ident:
                self.loop.call_soon(self._drain)
            else:
                self.loop.call_soon_threadsafe(self._drain)
        except RuntimeError:  # the loop is closed: a tell never raises into its sender
            self._is_awake = False
            self.close()

    def _drain(self) -> None:
        if self._is_closed:
            return
        left = 0
        try:
            left = self._handle_some(self.budget)
        finally:
            self.drained()
            if left == 0 and self.depth():
                self.loop.call_soon(self._drain)
            else:
                self._is_awake = False
                if self.depth():  # another thread came between the last look and the flag
                    self._wake()

    def _armed(self, due_ns: int) -> None:
        if threading.get_ident() != self.thread_ident:
            raise RuntimeError("timers are armed on the lane's thread: send mail instead")
        if due_ns < self._alarm_ns and not self._is_closed:
            self._set_alarm(due_ns)

    def _refilled(self) -> None:
        if not self._is_awake and self.depth():
            self._wake()

    def _set_alarm(self, due_ns: int) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._alarm_ns = due_ns
        if due_ns != NEVER_NS:
            wait_ns = min(max(due_ns - self.now_ns(), 0), _LONGEST_SLEEP_NS)
            self._alarm = self.loop.call_later(wait_ns / 1e9, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        now_ns = self.now_ns()
        while self.timers.next_ns() <= now_ns:
            self.timers.pop().fire()
        self._set_alarm(self.timers.next_ns())

    def _bury(self) -> None:
        for queue in (self.control, self.normal):
            self._bury_queue(queue)

    def _bury_queue(self, queue: deque[tuple[Target, Any]]) -> None:
        while queue:
            target, message = queue.popleft()
            if isinstance(target, _Newest):
                message = target.message
            self.undeliverable(target.name, message, "lane closed")


def _nothing() -> None:
    """Nobody waits for the end of a slice."""
