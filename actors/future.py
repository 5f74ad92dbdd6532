"""`LaneFuture`: the reply to an ask. It can be awaited, and it never blocks a lane's thread.

Asks are for the edge (console, tests); actors tell each other and are told back.
"""

import asyncio
import sys
import threading
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any

import pykka

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


class WouldDeadlockError(RuntimeError):
    """A blocking `get` on a lane's own thread: the answer could never arrive."""


WouldDeadlock = WouldDeadlockError

_UNSET = object()
_lane_threads: dict[int, int] = {}
_callbacks_lock = threading.Lock()  # asks are rare: one lock for all futures is enough


def enter_lane_thread() -> None:
    """Note that the calling thread drives a lane; calls nest."""
    ident = threading.get_ident()
    _lane_threads[ident] = _lane_threads.get(ident, 0) + 1


def leave_lane_thread(ident: int | None = None) -> None:
    """Undo one `enter_lane_thread` of thread `ident` (the calling one by default)."""
    ident = threading.get_ident() if ident is None else ident
    depth = _lane_threads.get(ident, 0) - 1
    if depth > 0:
        _lane_threads[ident] = depth
    else:
        _lane_threads.pop(ident, None)


def _resolve(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


class LaneFuture(pykka.Future[Any]):
    """A reply slot: set once, read by `await` or, from a foreign thread, by `get`."""

    def __init__(self) -> None:
        """Empty; costs a quarter of a microsecond (no condition, no lock of its own)."""
        self._value: Any = _UNSET
        self._error: BaseException | None = None
        self._hook: Callable[[float | None], Any] | None = None
        self._callbacks: list[Callable[[LaneFuture], None]] = []

    def done(self) -> bool:
        """Whether a value or an error is there."""
        return self._value is not _UNSET or self._error is not None

    def set(self, value: Any = None) -> None:
        """Answer with `value`; RuntimeError when there is an answer already."""
        self._refuse_second()
        self._value = value
        self._finish()

    def set_exception(self, exc_info: ExcInfo | None = None) -> None:
        """Answer with an error: the one given, or the one being handled."""
        self._refuse_second()
        info = exc_info if exc_info is not None else sys.exc_info()
        self._error = info[1] if info[1] is not None else RuntimeError("no error was given")
        self._finish()

    def set_get_hook(self, func: Callable[[float | None], Any]) -> None:
        """Compute the value on the first `get` (pykka's `ref.stop` needs it)."""
        self._hook = func

    def add_done_callback(self, callback: "Callable[[LaneFuture], None]") -> None:
        """Call `callback(self)` once answered, on the answering thread, or now when it is."""
        with _callbacks_lock:
            if not self.done():
                self._callbacks.append(callback)
                return
        callback(self)

    def get(self, *, timeout: float | None = None) -> Any:
        """The answer, waiting up to `timeout` seconds.

        Raises:
            WouldDeadlockError: called on a lane's thread before the answer is there.
            pykka.Timeout: no answer in time.
        """
        if not self.done():
            if threading.get_ident() in _lane_threads:
                raise WouldDeadlockError("get() on a lane thread would wait for itself: await it")
            if self._hook is not None:
                self._value = self._hook(timeout)
            else:
                self._block(timeout)
        if self._error is not None:
            raise self._error
        return self._value

    def __await__(self) -> Generator[Any, Any, Any]:
        """Wait without blocking the loop, whichever thread answers."""
        if not self.done() and self._hook is None:
            loop = asyncio.get_running_loop()
            waiter: asyncio.Future[None] = loop.create_future()

            def answered(_: LaneFuture) -> None:
                loop.call_soon_threadsafe(_resolve, waiter)

            self.add_done_callback(answered)
            yield from waiter.__await__()
        return self.get()

    def _block(self, timeout: float | None) -> None:
        answered = threading.Event()
        self.add_done_callback(lambda _: answered.set())
        if not answered.wait(timeout):
            raise pykka.Timeout(f"no answer within {timeout} seconds")

    def _refuse_second(self) -> None:
        if self.done() or self._hook is not None:
            raise RuntimeError("this future is answered already")

    def _finish(self) -> None:
        with _callbacks_lock:
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)
