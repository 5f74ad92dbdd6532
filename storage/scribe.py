"""The scribe: one queue, one writer, one sync for everything that waits (natural group commit).

Nobody but the scribe commits. It is driven from two sides under one lock: by its own thread, and by
a caller of `settle`, who would only wait for that thread otherwise (the virtual lane's barrier then
costs no switch between threads). Order is the same either way, and outcomes are delivered while the
lock is held, so they come in the order of staging.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from storage.errors import RecordClosedError, RecordFullError
from trading.ports import Failed, Outcome, OutcomeSink, Request

GROUP_REQUESTS_MAX = 512
GROUP_BYTES_MAX = 1 << 20
QUEUE_REQUESTS_MAX = 8_192
_MARKS_KEPT_MAX = 65_536
# Latency marks cost pages of their own: they wait for a quiet second or until there are so many.
_MARKS_PER_COMMIT = 512
_MARKS_WAIT_S = 1.0
# A lane that settles by itself does not wake the thread for each request, but it does for a pile.
_LAZY_WAKE_AT = 256

Mark = tuple[str, str, int]
Refuge = Callable[[list[Request], str], list[Outcome]]
Waiter = tuple[int, asyncio.AbstractEventLoop, "asyncio.Future[None]"]


class Writer(Protocol):
    """What the scribe drives: commits a group, and keeps house when the queue is empty."""

    def commit(self, batch: list[Request], marks: list[Mark]) -> list[Outcome]:
        """Make a group durable; any exception is a fault that ends all writing."""

    def keep_house(self) -> None:
        """Checkpoints and marks; called after a drain, outside any transaction."""


class Scribe:
    """A queue of requests and the thread that commits them.

    Args:
        writer: Commits one group; called by one thread at a time.
        is_eager: Whether `stage` wakes the thread at once (live lane), or leaves the commit to the
            next `settle` or `wait` (virtual lane).
        capacity: Requests that may wait.
        refuge: Judges what is staged after the writer has failed, with the reason; by default all
            of it fails.
    """

    def __init__(
        self,
        writer: Writer,
        *,
        is_eager: bool = True,
        capacity: int = QUEUE_REQUESTS_MAX,
        refuge: Refuge | None = None,
    ) -> None:
        """Start the thread."""
        self._writer = writer
        self._refuge = refuge
        self._is_eager = is_eager
        self._capacity = capacity
        self._queue: deque[Request] = deque()
        self._marks: list[Mark] = []
        self._flushed_s = time.monotonic()
        self._sink: OutcomeSink = _nobody
        self._staging = threading.Lock()
        self._writing = threading.Lock()
        self._writing_thread = 0
        self._staged = 0
        self._delivered = 0
        self._waiters: list[Waiter] = []
        self._wake = threading.Event()
        self._is_closed = False
        self.poison: str | None = None
        self._thread = threading.Thread(target=self._run, name="scribe", daemon=True)
        self._thread.start()

    def deliver_to(self, sink: OutcomeSink) -> None:
        """Name who gets the outcomes."""
        self._sink = sink

    # ---------------------------------------------------------------------------------- staging

    def stage(self, request: Request) -> None:
        """Queue a request; see the port."""
        queue = self._queue
        with self._staging:
            if self._is_closed:
                raise RecordClosedError("the record is closed: nothing can be staged")
            if len(queue) >= self._capacity:
                raise RecordFullError(
                    f"{len(queue)} requests wait for the disk, at most {self._capacity} may: "
                    "entries must stop until it has caught up"
                )
            queue.append(request)
            self._staged += 1
        if (self._is_eager or len(queue) >= _LAZY_WAKE_AT) and not self._wake.is_set():
            self._wake.set()

    def mark(self, mark: Mark) -> None:
        """Keep a latency mark, which no order waits for; the newest go when too many wait."""
        if len(self._marks) < _MARKS_KEPT_MAX:
            self._marks.append(mark)

    def pending(self) -> int:
        """Requests without a delivered outcome."""
        return self._staged - self._delivered

    def settle(self) -> None:
        """Commit what waits on this thread, or wait until the scribe's thread has."""
        if self._writing_thread == threading.get_ident():
            raise RuntimeError("settle was called while an outcome was delivered: it cannot wait")
        is_due = bool(self._marks) and time.monotonic() - self._flushed_s >= _MARKS_WAIT_S
        if self.pending() or is_due:
            self.exclusively(self.flush_marks if is_due else _nothing)

    async def wait(self) -> None:
        """Wait for the scribe's thread without blocking the loop."""
        goal = self._staged
        if self._delivered >= goal:
            return
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        with self._staging:
            self._waiters.append((goal, loop, done))
        self._wake.set()
        await done

    def exclusively(self, action: Callable[[], None]) -> None:
        """Drain the queue, then act while nobody else writes."""
        with self._writing:
            self._writing_thread = threading.get_ident()
            try:
                self._drain()
                action()
            finally:
                self._writing_thread = 0

    def flush_marks(self) -> None:
        """Commit latency marks that no request has carried; only inside `exclusively`."""
        self._flushed_s = time.monotonic()
        if self._marks and self.poison is None:
            marks, self._marks = self._marks, []
            try:
                self._writer.commit([], marks)
            except Exception as error:  # noqa: BLE001 - whatever it is, the disk is in doubt
                self._poison(error)

    def close(self) -> None:
        """Refuse further staging, commit what waits and end the thread."""
        with self._staging:
            if self._is_closed:
                return
            self._is_closed = True
        self._wake.set()
        self._thread.join()

    # ---------------------------------------------------------------------------------- writing

    def _run(self) -> None:
        pause_s = _MARKS_WAIT_S if self._is_eager else None
        while True:
            is_quiet = not self._wake.wait(pause_s)
            self._wake.clear()
            is_last = self._is_closed
            self.exclusively(self.flush_marks if is_quiet else _nothing)
            self._resolve_waiters()
            if is_last:
                return

    def _resolve_waiters(self) -> None:
        with self._staging:
            ready = [w for w in self._waiters if w[0] <= self._delivered]
            self._waiters = [w for w in self._waiters if w[0] > self._delivered]
        for _, loop, done in ready:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_resolve, done)

    def _drain(self) -> None:
        if not self._queue:
            return
        while batch := self._next_group():
            for outcome in self._commit(batch):
                self._deliver(outcome)
        if self.poison is None:
            try:
                self._writer.keep_house()
            except Exception as error:  # noqa: BLE001 - whatever it is, the disk is in doubt
                self._poison(error)

    def _next_group(self) -> list[Request]:
        queue, size = self._queue, 0
        batch: list[Request] = []
        while queue and len(batch) < GROUP_REQUESTS_MAX and size < GROUP_BYTES_MAX:
            request = queue.popleft()
            batch.append(request)
            size += sum(len(event.payload) for event in request.events)
        return batch

    def _commit(self, batch: list[Request]) -> list[Outcome]:
        if self.poison is None:
            marks: list[Mark] = []
            if len(self._marks) >= _MARKS_PER_COMMIT:
                marks, self._marks = self._marks, marks
            try:
                return self._writer.commit(batch, marks)
            except Exception as error:  # noqa: BLE001 - see _poison
                self._poison(error)
        elif self._refuge is not None:
            try:
                return self._refuge(batch, self.poison)
            except OSError as error:
                self._refuge = None
                self.poison += f"; the emergency file failed, too ({error})"
        return [Failed(request.token, self.poison or "") for request in batch]

    def _poison(self, error: Exception) -> None:
        """End all writing: after a failed sync the kernel may have dropped the page (no retry)."""
        self.poison = (
            f"the record failed ({type(error).__name__}: {error}); nothing more is written, "
            "restart to recover from what is durable"
        )

    def _deliver(self, outcome: Outcome) -> None:
        try:
            self._sink(outcome)
        except Exception as error:  # noqa: BLE001 - an outcome that is lost must stop everything
            self._poison(error)
        self._delivered += 1


def _nobody(_: Outcome) -> None:
    """Outcomes before anybody asked for them, e.g. from tools."""


def _nothing() -> None:
    """The action of a plain drain."""


def _resolve(done: "asyncio.Future[None]") -> None:
    if not done.done():
        done.set_result(None)
