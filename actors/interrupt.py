"""Interrupting a strategy that blocks, and naming whatever else blocks the lane (WD-2).

A thread beside the lane looks every 10 ms at the number of the running handler and at the CPU
clock of the lane's thread.

* A handler with a CPU limit (a strategy's) that has burnt it, or has slept in the kernel as long,
  gets a signal. The signal's handler runs on the lane's thread, looks again whether this very
  handler is still running, and raises `StrategyTooSlowError` inside it: a crash of that actor only.
* Any handler that holds the lane for a second is named by its stack, and `on_stuck` is called,
  by default leaving with status 75.

A stopped or starved process raises no alarm: the first rule counts CPU time and sleep that the
kernel confirms, and a look that came late itself counts for nothing. Full garbage collections
are not charged to the handler in which they happen.
"""

import gc
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from actors.lane import Lane
from actors.stuck import LockGuard, Stuck, exit_stuck, is_waiting, stack_of

PERIOD_NS = 10_000_000
STUCK_NS = 1_000_000_000
SIGNAL = signal.SIGVTALRM
"""Nobody else uses it: SIGUSR1 and SIGUSR2 are left to people."""

_LATE_FACTOR = 5  # a look this many periods after the last one counts for nothing
_BUSY_PART = 4  # at least a quarter of the time on a processor: it works
_IDLE_PART = 20  # at most a twentieth: it waits
_REARM_EVERY = 25  # looks
_LOCK_LIMIT_S = 3.0
_OLDEST_GENERATION = 2
# Interrupted inside one of these, the lane's own books could be left half written.
_PROTECTED = frozenset(
    {
        "actors.lane",
        "actors.lane_live",
        "actors.lane_virtual",
        "actors.supervisor",
        "actors.timers",
        "actors.tree",
    }
)
_HANDLER_MODULE = "actors.cell"  # below it on the stack is the lane, above it the handler


class StrategyTooSlowError(BaseException):
    """Raised inside a handler that outstayed its limit.

    Not an `Exception`: a strategy that catches everything would swallow it.
    """


class Interrupter:
    """The thread beside the lane. Start and close it on the main thread, which drives the lane.

    Args:
        lane: Whom to watch.
        on_stuck: Called on the side thread once per stuck handler.
        period_ns: Between two looks.
        stuck_ns: Wall time in one handler before `on_stuck`.
        lock_limit_s: CPU seconds without any Python before the process ends by SIGPROF; 0: never.

    Attributes:
        interrupted: Handlers that were interrupted so far.
    """

    def __init__(
        self,
        lane: Lane,
        *,
        on_stuck: Callable[[Stuck], None] = exit_stuck,
        period_ns: int = PERIOD_NS,
        stuck_ns: int = STUCK_NS,
        lock_limit_s: float = _LOCK_LIMIT_S,
    ) -> None:
        """Watch nothing yet."""
        self.interrupted = 0
        self._lane = lane
        self._on_stuck = on_stuck
        self._period_ns = period_ns
        self._stuck_ns = stuck_ns
        self._lock_limit_s = lock_limit_s
        self._lock_guard: LockGuard | None = None
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._previous: Any = None
        self._main_ident = 0
        self._clock_id = 0
        self._collection = _Collections()
        self._wanted = -1
        self._raised = 0
        self._look = _Look(-1, 0, 0)

    def start(self) -> None:
        """Begin to watch.

        Raises:
            RuntimeError: not called on the main thread: only there can a handler be interrupted.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the interrupter is started on the main thread, which has the lane")
        self._main_ident = threading.get_ident()
        self._clock_id = time.pthread_getcpuclockid(self._main_ident)
        self._previous = signal.signal(SIGNAL, self._on_signal)
        gc.callbacks.append(self._collection.note)
        if self._lock_limit_s:
            self._lock_guard = LockGuard(self._lock_limit_s)
        self._thread = threading.Thread(target=self._run, name="interrupter", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching and put the signal back."""
        if self._thread is None:
            return
        self._closing.set()
        self._thread.join()
        self._thread = None
        if self._lock_guard is not None:
            self._lock_guard.close()
        gc.callbacks.remove(self._collection.note)
        signal.signal(SIGNAL, self._previous)

    # -- on the lane's thread -----------------------------------------------------------------
    def _on_signal(self, _: int, frame: FrameType | None) -> None:
        """Raise, if the handler that was meant still runs and nothing of the lane is half done."""
        lane = self._lane
        limit_ns = lane.cpu_limit_ns
        if (
            lane.handled + lane.starts != self._wanted
            or not limit_ns
            or self._collection.is_running
        ):
            return
        if _is_protected(frame):
            return
        self._raised += 1
        self.interrupted += 1
        name = lane.current.name if lane.current is not None else "a start"
        raise StrategyTooSlowError(f"{name} held the lane for over {limit_ns / 1e6:.0f} ms")

    # -- on the side thread -------------------------------------------------------------------
    def _run(self) -> None:
        last_ns = time.monotonic_ns()
        looks = 0
        while not self._closing.wait(self._period_ns / 1e9):
            now_ns = time.monotonic_ns()
            elapsed_ns, last_ns = now_ns - last_ns, now_ns
            looks += 1
            if self._lock_guard is not None and looks % _REARM_EVERY == 0:
                self._lock_guard.rearm()
            self._look_at_lane(elapsed_ns if elapsed_ns <= _LATE_FACTOR * self._period_ns else 0)

    def _look_at_lane(self, elapsed_ns: int) -> None:
        """Compare with the last look; `elapsed_ns` is 0 when this one came late."""
        lane, look = self._lane, self._look
        number, limit_ns = lane.handled + lane.starts, lane.cpu_limit_ns
        is_handling = lane.current is not None or limit_ns > 0
        cpu_ns = time.clock_gettime_ns(self._clock_id) - self._collection.spent_ns
        is_overdue = not is_handling and lane.overdue_ns() > 0
        if self._collection.is_running:
            return
        if not (is_handling or is_overdue) or number != look.number:
            self._look = _Look(number, cpu_ns, self._raised)
            return
        if look.raised != self._raised:  # interrupted, and yet it goes on: count anew
            look.again(cpu_ns, self._raised)
            return
        look.add(elapsed_ns, cpu_ns, lane.thread_native_id)
        if limit_ns and (look.burnt_ns >= limit_ns or look.slept_ns >= limit_ns):
            self._wanted = number
            signal.pthread_kill(self._main_ident, SIGNAL)
        if look.held_ns >= self._stuck_ns and not look.is_reported:
            look.is_reported = True
            self._report(look)

    def _report(self, look: "_Look") -> None:
        current = self._lane.current
        self._on_stuck(
            Stuck(
                name="the loop" if current is None else current.name,
                held_ns=look.held_ns,
                cpu_ns=look.total_ns,
                stack=stack_of(self._lane.thread_ident),
            )
        )


class _Look:
    """What the side thread has seen of one handler."""

    __slots__ = (
        "_from_ns",
        "_last_ns",
        "held_ns",
        "is_reported",
        "number",
        "raised",
        "slept_ns",
        "total_ns",
    )

    def __init__(self, number: int, cpu_ns: int, raised: int) -> None:
        self.number = number
        self.raised = raised
        self.held_ns = 0
        self.slept_ns = 0
        self.total_ns = 0
        self.is_reported = False
        self._from_ns = cpu_ns
        self._last_ns = cpu_ns

    @property
    def burnt_ns(self) -> int:
        """CPU time in this handler since it was first seen or last interrupted."""
        return self._last_ns - self._from_ns

    def again(self, cpu_ns: int, raised: int) -> None:
        """Begin the limits anew; the time it holds the lane goes on."""
        self.raised = raised
        self.slept_ns = 0
        self._from_ns = self._last_ns = cpu_ns

    def add(self, elapsed_ns: int, cpu_ns: int, thread_native_id: int) -> None:
        """One look more; only time that is accounted for counts as held."""
        progress_ns = cpu_ns - self._last_ns
        self._last_ns = cpu_ns
        self.total_ns += progress_ns
        if progress_ns * _BUSY_PART >= elapsed_ns:
            self.held_ns += elapsed_ns
        elif progress_ns * _IDLE_PART <= elapsed_ns and is_waiting(thread_native_id):
            self.held_ns += elapsed_ns
            self.slept_ns += elapsed_ns


class _Collections:
    """CPU time of the lane's thread that went into full garbage collections."""

    def __init__(self) -> None:
        self.spent_ns = 0
        self.is_running = False
        self._since_ns = 0

    def note(self, phase: str, info: dict[str, int]) -> None:
        """Called by the collector; collections on other threads are not the lane's time."""
        if (
            info["generation"] < _OLDEST_GENERATION
            or threading.current_thread() is not threading.main_thread()
        ):
            return
        if phase == "start":
            self.is_running = True
            self._since_ns = time.thread_time_ns()
        elif self.is_running:
            self.spent_ns += time.thread_time_ns() - self._since_ns
            self.is_running = False


def _is_protected(frame: FrameType | None) -> bool:
    """Whether the interrupted code, down to the handler, is the lane's own."""
    while frame is not None:
        module = frame.f_globals.get("__name__")
        if module in _PROTECTED:
            return True
        if module == _HANDLER_MODULE:
            return False
        frame = frame.f_back
    return False
