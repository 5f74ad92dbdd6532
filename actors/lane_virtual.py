"""`VirtualLane`: the lane in event time, for replays, benches, simulation and tests.

The next of {timers, tape} is taken by (instant, rank, seq): a timer due at t fires before a tape
row stamped t. After each the queue runs until it is empty, then the commit barrier mails what
became durable, and again, until nothing is staged; only then may time move. MARKET mail is
never conflated here.

    end = lane.run()                          blocking: tests, benches, simulation
    end = await lane.run_hosted(speed=60.0)   inside a loop that serves others meanwhile

Mail posted by the hosting loop between slices arrives at the virtual instant the lane stands at.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any, Protocol

from actors.barrier import Barrier
from actors.future import enter_lane_thread, leave_lane_thread
from actors.lane import CONTROL, Lane, Target
from actors.timers import NEVER_NS

SLICE_NS = 3_000_000
"""Wall time after which a hosted lane lets the loop run."""
_LOOK_EVERY = 16  # messages between two looks at the wall
_LONGEST_PAUSE_NS = 3_600_000_000_000  # a longer hole (a night) is not waited for
_LONGEST_NAP_S = 0.5
BEHIND_TAPE_NS = 2 * 86_400_000_000_000
"""How far time goes on behind the last row for what is in flight: longer than a kill may take, and
than a protection's cool-down, whose end is journaled (the walker has no such bound)."""


class Tape(Protocol):
    """The market input of a replay, in order."""

    def next_ns(self) -> int:
        """The instant of the next row, `NEVER_NS` at the end."""

    def step(self) -> None:
        """Mail the next row; called when the lane stands at its instant."""


class RunEnd(Enum):
    """Why a run returned."""

    EXHAUSTED = "the tape and the timers are at their end"
    UNTIL = "the instant asked for is reached"
    STOPPED = "stop was asked for"


class _Pause(Enum):
    """Why a hosted slice returned before the end of the run."""

    SLICE = "the loop should run"
    COMMIT = "a commit is pending"
    EARLY = "the wall is not there yet"


class _NoTape:
    def next_ns(self) -> int:
        return NEVER_NS

    def step(self) -> None:
        raise RuntimeError("there is no tape")


class _Pace:
    """How far virtual time may have got by now."""

    def __init__(self, speed: float | None, wall_ns: Callable[[], int]) -> None:
        self._speed = speed
        self._wall_ns = wall_ns
        self._from: tuple[int, int] | None = None

    def early_s(self, now_ns: int, next_ns: int) -> float:
        """Wall seconds to wait before virtual `next_ns`; zero when it may happen."""
        if self._speed is None or next_ns == NEVER_NS:
            return 0.0
        wall_ns = self._wall_ns()
        if self._from is None or next_ns - now_ns > _LONGEST_PAUSE_NS:
            self._from = (next_ns, wall_ns)
        start_ns, start_wall_ns = self._from
        due_wall_ns = start_wall_ns + int((next_ns - start_ns) / self._speed)
        return max(due_wall_ns - wall_ns, 0) / 1e9


class VirtualLane(Lane):
    """Event time; the same sequence of mail for the same tape, timers and outcomes.

    Args:
        start_ns: The instant it stands at first.
        tape: Market input; may also be given later (`lane.tape = tape`).
        barriers: What must be durable before time moves.
        wall_ns: A monotonic wall clock, for pacing and slices only; never seen by an actor.
    """

    sheds_market = False  # event time stands still meanwhile: nothing is stale

    def __init__(
        self,
        start_ns: int = 0,
        *,
        tape: Tape | None = None,
        barriers: Sequence[Barrier] = (),
        wall_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        """A lane that stands at `start_ns` and nobody drives yet."""
        super().__init__()
        self.tape: Tape = tape if tape is not None else _NoTape()
        self.barriers = list(barriers)
        self._now_ns = start_ns
        self._last_row_ns = start_ns
        self._wall_ns = wall_ns
        self._is_stopped = False
        self._napping: asyncio.Event | None = None

    def now_ns(self) -> int:
        """The instant of the event being handled."""
        return self._now_ns

    def tell(self, name: str, message: Any) -> None:
        """See `Lane.tell`: `post` is spelled out, as a replay does little else."""
        target = self.names.get(name)
        if target is None:
            self.undeliverable(name, message, "no such name")
        elif self._napping is None and getattr(message, "MAIL", None) is not CONTROL:
            self.normal.append((target, message))
        else:
            self.post(target, message)

    def post(self, target: Target, message: Any) -> None:
        """Queue `message`; only from the thread that drives or hosts the lane."""
        if getattr(message, "MAIL", None) is CONTROL:
            self.control.append((target, message))
        else:
            self.normal.append((target, message))
        if self._napping is not None:
            self._napping.set()

    def stop(self) -> None:
        """Let the run return before time moves again; from the lane's thread."""
        self._is_stopped = True
        if self._napping is not None:
            self._napping.set()

    def run(self, until_ns: int = NEVER_NS) -> RunEnd:
        """Run to the end of tape and timers, or to `until_ns` inclusive, blocking for commits.

        Daemon timers do not keep a run without an end going.
        """
        with self._driving():
            while True:
                self._handle_all()
                if self._settle():
                    continue
                end = self._ended(until_ns)
                if end is not None:
                    return end
                self._advance()

    async def run_hosted(self, *, speed: float | None = None, until_ns: int = NEVER_NS) -> RunEnd:
        """Like `run`, inside a loop that is let in every few milliseconds and during commits.

        Args:
            speed: Virtual seconds per wall second; None for as fast as it goes.
            until_ns: Last instant to run, inclusive.
        """
        if speed is not None and speed <= 0:
            raise ValueError(f"speed must be above zero or None, was {speed}")
        pace = _Pace(speed, self._wall_ns)
        with self._driving():
            while True:
                reason = self._slice(until_ns, pace)
                if isinstance(reason, RunEnd):
                    return reason
                if reason is _Pause.COMMIT:
                    await self._wait_for_commits()
                elif reason is _Pause.EARLY:
                    await self._nap(pace.early_s(self._now_ns, self._next_ns()))
                else:
                    await asyncio.sleep(0)

    def _slice(self, until_ns: int, pace: _Pace) -> RunEnd | _Pause:
        """Work until there is a reason to let the loop run."""
        wall_ns = self._wall_ns
        leave_ns = wall_ns() + SLICE_NS
        while True:
            left = self._handle_some(_LOOK_EVERY)
            if wall_ns() >= leave_ns:
                return _Pause.SLICE
            if not left:
                continue
            if self._is_pending():
                return _Pause.COMMIT
            end = self._ended(until_ns)
            if end is not None:
                return end
            if pace.early_s(self._now_ns, self._next_ns()):
                return _Pause.EARLY
            self._advance()

    async def _wait_for_commits(self) -> None:
        for barrier in self.barriers:
            if barrier.pending():
                await barrier.wait()
                barrier.settle()

    async def _nap(self, seconds: float) -> None:
        """Sleep until it is time or mail arrives; never long, so that a stop is seen."""
        if self.depth() or not seconds:
            return
        self._napping = asyncio.Event()
        timer = asyncio.get_running_loop().call_later(
            min(seconds, _LONGEST_NAP_S), self._napping.set
        )
        try:
            await self._napping.wait()
        finally:
            self._napping = None
            timer.cancel()

    def _armed(self, due_ns: int) -> None:  # noqa: ARG002 - a nap ends for any change
        self._refilled()

    def _refilled(self) -> None:
        if self._napping is not None:
            self._napping.set()

    @contextmanager
    def _driving(self) -> Iterator[None]:
        self.thread_ident = threading.get_ident()
        self.thread_native_id = threading.get_native_id()
        self._is_stopped = False
        enter_lane_thread()
        try:
            yield
        finally:
            leave_lane_thread(self.thread_ident)

    def _handle_all(self) -> None:
        while self.control or self.normal:
            self._handle_some(self.budget)

    def _is_pending(self) -> bool:
        return any(barrier.pending() for barrier in self.barriers)

    def _settle(self) -> bool:
        """Mail what became durable; whether there was anything to wait for."""
        settled = False
        for barrier in self.barriers:
            if barrier.pending():
                barrier.settle()
                settled = True
        return settled

    def _next_ns(self) -> int:
        return min(self.timers.next_ns(), self.tape.next_ns())

    def _ended(self, until_ns: int) -> RunEnd | None:
        """Why time may not move on, None when it may."""
        if self._is_stopped:
            return RunEnd.STOPPED
        tape_ns = self.tape.next_ns()
        if tape_ns == NEVER_NS and until_ns == NEVER_NS and self._is_over():
            return RunEnd.EXHAUSTED
        if min(tape_ns, self.timers.next_ns()) > until_ns:
            self._now_ns = max(self._now_ns, until_ns)
            return RunEnd.UNTIL
        return None

    def _is_over(self) -> bool:
        """Behind the tape nothing trades: what is not through soon never will be."""
        if not self.timers.lasting or isinstance(self.tape, _NoTape):
            return not self.timers.lasting
        return self.timers.next_ns() - self._last_row_ns > BEHIND_TAPE_NS

    def _advance(self) -> None:
        """Move to the next instant and take one timer or one row there."""
        timer_ns = self.timers.next_ns()
        tape_ns = self.tape.next_ns()
        if timer_ns <= tape_ns:
            self._now_ns = max(self._now_ns, timer_ns)
            self.timers.pop().fire()
        else:
            self._now_ns = self._last_row_ns = max(self._now_ns, tape_ns)
            self.tape.step()
