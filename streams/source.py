"""Our own hot source, and the guard that keeps a stream alive when a function fails.

A `Source` is an Observable, so every operator works on it, but it has no lock and no terminal
state: a feed that fails is mended, never ended (MD-9). It belongs to one lane; nothing here may be
called from another thread.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import Disposable

from streams.trampoline import take_off_the_clock

T = TypeVar("T")
U = TypeVar("U")

take_off_the_clock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A subscriber or a guarded function raised on an item; the stream went on without it."""

    where: str
    item: object
    error: Exception


FaultSink = Callable[[Fault], None]


class Source(Observable[T]):
    """Sends each item to every subscriber, in the order of subscription.

    A subscriber that raises hurts only itself: the fault is reported and the next one is served.
    An item emitted while another is on its way waits for its turn, so that all subscribers see the
    same order. A subscription made meanwhile starts with the next item.
    """

    def __init__(self, on_fault: FaultSink, name: str = "source") -> None:
        """Begin without subscribers; `name` says where a fault happened."""
        super().__init__()
        self._on_fault = on_fault
        self._name = name
        self._observers: tuple[abc.ObserverBase[T], ...] = ()
        self._sinks: tuple[Callable[[T], None], ...] = ()
        self._waiting: deque[T] = deque()
        self._is_emitting = False

    @property
    def subscribers(self) -> int:
        """How many there are now."""
        return len(self._observers)

    def emit(self, item: T) -> None:
        """Send an item to all subscribers; raises nothing but what is no Exception."""
        if self._is_emitting:
            self._waiting.append(item)
            return
        self._is_emitting = True
        waiting = self._waiting
        try:
            while True:
                for sink in self._sinks:
                    try:
                        sink(item)
                    except Exception as error:  # noqa: BLE001  whatever a subscriber raises
                        self._on_fault(Fault(where=self._name, item=item, error=error))
                if not waiting:
                    return
                item = waiting.popleft()
        finally:
            self._is_emitting = False
            waiting.clear()

    def _subscribe_core(
        self, observer: abc.ObserverBase[T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        del scheduler  # nothing here waits
        self._serve((*self._observers, observer))

        def leave() -> None:
            self._serve(tuple(each for each in self._observers if each is not observer))

        return Disposable(leave)

    def _serve(self, observers: tuple[abc.ObserverBase[T], ...]) -> None:
        self._observers = observers
        self._sinks = tuple(each.on_next for each in observers)


def guard(
    function: Callable[[T], U | None], on_fault: FaultSink
) -> Callable[[Observable[T]], Observable[U]]:
    """Map and filter in one operator: None drops the item; a fault is reported and drops it too.

    Unlike reactivex's `map`, a raising function does not end the stream for its subscribers.
    """
    where = getattr(function, "__qualname__", repr(function))

    def guarded(source: Observable[T]) -> Observable[U]:
        def subscribe(
            observer: abc.ObserverBase[U], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            send = observer.on_next

            def on_next(item: T) -> None:
                try:
                    result = function(item)
                except Exception as error:  # noqa: BLE001  whatever the function raises
                    on_fault(Fault(where=where, item=item, error=error))
                    return
                if result is not None:
                    send(result)

            return source.subscribe(
                on_next, observer.on_error, observer.on_completed, scheduler=scheduler
            )

        subscription: Any = subscribe
        return Observable(subscription)

    return guarded
