"""Keeps reactivex's subscriptions off the wall clock.

Every `subscribe` of reactivex passes through a scheduler that stamps the work with the wall's time
and then waits until the wall has reached the stamp: a clock that is stepped back in between would
hold the lane for as long as the step. Work that is due at once needs no clock, and work that is
due later belongs on the lane's scheduler, so both are settled here, once for the process.
"""

from datetime import UTC, datetime
from typing import Any, Final

from reactivex import abc, typing
from reactivex.scheduler.currentthreadscheduler import CurrentThreadSchedulerSingleton
from reactivex.scheduler.trampolinescheduler import TrampolineScheduler

_AT_ONCE: Final = datetime(1970, 1, 1, tzinfo=UTC)


class NoLaneSchedulerError(RuntimeError):
    """A stream wants to wait and was not given the lane's scheduler."""


def _now(_: TrampolineScheduler) -> datetime:
    return _AT_ONCE


def _schedule_absolute(
    self: TrampolineScheduler,
    duetime: typing.AbsoluteTime,
    action: abc.ScheduledAction[Any],
    state: Any = None,
) -> abc.DisposableBase:
    if self.to_datetime(duetime) > _AT_ONCE:
        raise NoLaneSchedulerError("pass scheduler=LaneScheduler(...) to operators that wait")
    return TrampolineScheduler.schedule_absolute(self, duetime, action, state)


def take_off_the_clock() -> None:
    """Make reactivex's current-thread scheduler run at once, in order, without a clock."""
    scheduler: Any = CurrentThreadSchedulerSingleton
    scheduler.now = property(_now)
    scheduler.schedule_absolute = _schedule_absolute
