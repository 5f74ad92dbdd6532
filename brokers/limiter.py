"""How often a venue is called: the urgent first, and always room for a cancel (BR-6).

A venue that allows 200 calls in a minute may count them from any instant, so at most that many
leave in any window of that length. Each priority may use the window up to a limit of its own: what
polling may fill, cancels and exits never find full.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Mapping
from enum import IntEnum
from itertools import count


class Priority(IntEnum):
    """Who goes first; a smaller number is more urgent."""

    CANCEL = 0
    EXIT = 1
    ENTRY = 2
    LOOK_UP = 3
    POLL = 4


WINDOW_NS = 60_000_000_000
SHARES: Mapping[Priority, float] = {
    Priority.CANCEL: 1.0,
    Priority.EXIT: 0.95,
    Priority.ENTRY: 0.80,
    Priority.LOOK_UP: 0.75,
    Priority.POLL: 0.60,
}
"""Up to which part of the window each may fill it."""


class Limiter:
    """Hands out the calls of one key.

    Args:
        calls_max: Calls in any window.
        mono_ns: A clock that only goes forward.
        window_ns: Length of the window.
    """

    def __init__(
        self, calls_max: int, mono_ns: Callable[[], int], *, window_ns: int = WINDOW_NS
    ) -> None:
        """A window that nobody has used."""
        self._max = {each: max(1, int(calls_max * share)) for each, share in SHARES.items()}
        self._mono_ns = mono_ns
        self._window_ns = window_ns
        self._used: deque[int] = deque()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._alarm: asyncio.TimerHandle | None = None
        self._blocked_until_ns = 0
        self.waits = 0
        """Calls that had to wait, for the metrics."""

    async def token(self, priority: Priority) -> None:
        """Return once a call of this priority may leave; its place in the window is taken then."""
        if not self._waiting and self._is_free(priority):
            self._used.append(self._mono_ns())
            return
        self.waits += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._numbers), future))
        self._serve()
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        """A token that was taken led to no call."""
        if self._used:
            self._used.pop()
        self._serve()

    def refused(self, wait_ns: int) -> None:
        """The venue said 429: for this long nothing but cancels and exits is tried."""
        self._blocked_until_ns = max(self._blocked_until_ns, self._mono_ns() + wait_ns)
        self._serve()

    # -- who may go -------------------------------------------------------------------------------

    def _is_free(self, priority: Priority) -> bool:
        now_ns = self._mono_ns()
        while self._used and self._used[0] <= now_ns - self._window_ns:
            self._used.popleft()
        if now_ns < self._blocked_until_ns and priority > Priority.EXIT:
            return False
        return len(self._used) < self._max[priority]

    def _serve(self) -> None:
        while self._waiting:
            priority, _, future = self._waiting[0]
            if future.done():
                heapq.heappop(self._waiting)
            elif self._is_free(Priority(priority)):
                heapq.heappop(self._waiting)
                self._used.append(self._mono_ns())
                future.set_result(None)
            else:
                self._set_alarm(Priority(priority))
                return

    def _set_alarm(self, priority: Priority) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        place = len(self._used) - self._max[priority]
        due_ns = self._used[place] + self._window_ns if place >= 0 else 0
        if priority > Priority.EXIT:
            due_ns = max(due_ns, self._blocked_until_ns)
        wait_ns = max(due_ns - self._mono_ns(), 0) + 1_000_000
        self._alarm = asyncio.get_running_loop().call_later(wait_ns / 1e9, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._serve()

    def close(self) -> None:
        """Let nobody wait any longer."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        for _, _, future in self._waiting:
            future.cancel()
        self._waiting.clear()
