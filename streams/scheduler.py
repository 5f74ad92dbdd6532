"""Rx time from the lane: the same operators in live and in virtual time.

reactivex's own virtual schedulers cannot replay a day (one hangs, one moves the clock, when many
items share an instant); here an action is a mail that the stream's actor sends to itself.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final, Protocol

from reactivex import abc, typing
from reactivex.disposable import Disposable, SingleAssignmentDisposable
from reactivex.scheduler.periodicscheduler import PeriodicScheduler

from streams.source import Fault, FaultSink
from trading.mail import MailClass

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Clock(Protocol):
    """What tells the time: the lane."""

    def now_ns(self) -> int:
        """Nanoseconds UTC, virtual in a replay."""


class Cancellable(Protocol):
    """A deadline that can be called off."""

    def cancel(self) -> None:
        """Never deliver it; harmless twice."""


class Owner(Protocol):
    """The actor that a stream runs in; its deadlines die with its incarnation."""

    def at(self, due_ns: int, message: Any, *, daemon: bool = False) -> Cancellable:
        """Mail `message` to itself at `due_ns`."""


class StreamDue:
    """Mail of an actor to itself: a stream's action is due. Its handler calls `run`."""

    MAIL: ClassVar[MailClass] = MailClass.MUST
    __slots__ = ("_action", "_on_fault")

    def __init__(self, action: "_Action", on_fault: FaultSink) -> None:
        """Made by `LaneScheduler`."""
        self._action = action
        self._on_fault = on_fault

    def run(self) -> None:
        """Do it; a fault is reported and does not reach the actor."""
        try:
            self._action.run()
        except Exception as error:  # noqa: BLE001  whatever a stream raises
            self._on_fault(Fault(where="scheduler", item=self, error=error))


class _Action:
    """One scheduled piece of work, until it ran or was disposed of."""

    __slots__ = ("_action", "_result", "_scheduler", "_state", "timer")

    def __init__(self, scheduler: "LaneScheduler", action: Any, state: Any) -> None:
        self._scheduler = scheduler
        self._action = action
        self._state = state
        self._result = SingleAssignmentDisposable()
        self.timer: Cancellable | None = None

    def run(self) -> None:
        self._result.disposable = self._scheduler.invoke_action(self._action, self._state)

    def dispose(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self._result.dispose()


class LaneScheduler(PeriodicScheduler):
    """Give it to every operator that waits, or to `subscribe(scheduler=...)` for all of them.

    Actions due at one instant run in the order in which they were scheduled. Delays are exact to
    the microsecond, which is what reactivex's times can say. A stream's timers do not keep a
    replay going after its tape has ended.
    """

    def __init__(self, clock: Clock, owner: Owner, on_fault: FaultSink) -> None:
        """Take the time from `clock` and have actions mailed to `owner` as `StreamDue`."""
        super().__init__()
        self._clock = clock
        self._owner = owner
        self._on_fault = on_fault

    @property
    def now(self) -> datetime:
        """The lane's time, cut to microseconds."""
        return _EPOCH + timedelta(microseconds=self._clock.now_ns() // 1000)

    def now_ns(self) -> int:
        """The lane's time."""
        return self._clock.now_ns()

    def at_ns(self, due_ns: int, action: Callable[[], None]) -> abc.DisposableBase:
        """Run `action` at `due_ns`, to the nanosecond; dispose to call it off."""
        return self._at(due_ns, lambda *_: action(), None)

    def schedule(self, action: abc.ScheduledAction[Any], state: Any = None) -> abc.DisposableBase:
        """Run `action` in a mail of its own, at the present instant."""
        return self._at(self._clock.now_ns(), action, state)

    def schedule_relative(
        self, duetime: typing.RelativeTime, action: abc.ScheduledAction[Any], state: Any = None
    ) -> abc.DisposableBase:
        """Run `action` after `duetime`: seconds, or a timedelta."""
        delay_ns = self.to_timedelta(duetime) // _MICROSECOND * 1000
        return self._at(self._clock.now_ns() + max(delay_ns, 0), action, state)

    def schedule_absolute(
        self, duetime: typing.AbsoluteTime, action: abc.ScheduledAction[Any], state: Any = None
    ) -> abc.DisposableBase:
        """Run `action` at `duetime`: a datetime with a zone, or seconds since 1970."""
        due_ns = (self.to_datetime(duetime) - _EPOCH) // _MICROSECOND * 1000
        return self._at(max(due_ns, self._clock.now_ns()), action, state)

    def _at(self, due_ns: int, action: Any, state: Any) -> abc.DisposableBase:
        work = _Action(self, action, state)
        work.timer = self._owner.at(due_ns, StreamDue(work, self._on_fault), daemon=True)
        return Disposable(work.dispose)
