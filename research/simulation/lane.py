"""The lane of a simulated process: its time is the world's, and goes on while the disk writes.

What a real lane leaves open is drawn: who handles next among those with mail, how much is handled
before the round is given to the disk and its outcomes are heard, and how late timers are looked at.
CONTROL mail comes first and each receiver's own order is kept, as in every lane.
"""

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from actors.lane import Lane, Target
from actors.timers import Timer, TimerOwner
from trading.mail import MailClass

if TYPE_CHECKING:
    from actors.rounds import Rounds

MESSAGES_PER_TURN_MAX = 20_000
SLICE_MAX = 12
"""Messages handled before the disk is looked at, at most."""
READY_MAX = 8
"""So far down the queue is looked for whoever may go next."""
OVERTAKES_RATIO = 0.3
LATE_RATIO = 0.1
LATE_MAX_NS = 20_000_000


class EndlessTurnError(RuntimeError):
    """Mail begets mail without end at one instant."""


class SimLane(Lane):
    """Driven by the world, one instant at a time.

    Args:
        now_ns: The world's clock.
        stale_timer: Called with a name when a timer of a dead incarnation acts.
        drawn: Decides what a lane leaves open; None for a lane that is always the same.

    Attributes:
        rounds: Given the round to stage whenever the queue is empty.
    """

    sheds_market = True

    def __init__(
        self,
        now_ns: Callable[[], int],
        stale_timer: Callable[[str], None],
        drawn: Random | None = None,
    ) -> None:
        """Nobody lives here yet."""
        super().__init__()
        self._drawn = drawn
        self._late_ns = 0
        self.rounds: Rounds | None = None
        self._now_ns = now_ns
        self._stale_timer = stale_timer
        self._armed_by: dict[Timer, int] = {}

    def now_ns(self) -> int:
        """The world's time."""
        return self._now_ns()

    def post(self, target: Target, message: Any) -> None:
        """Queue `message`."""
        if getattr(message, "MAIL", None) is MailClass.CONTROL:
            self.control.append((target, message))
        else:
            self.normal.append((target, message))

    def at(
        self,
        due_ns: int,
        name: str,
        message: Any,
        *,
        daemon: bool = False,
        owner: TimerOwner | None = None,
    ) -> Timer:
        """See `Lane.at`; whose incarnation armed it is noted."""
        timer = super().at(due_ns, name, message, daemon=daemon, owner=owner)
        if owner is not None:
            self._armed_by[timer] = getattr(owner, "incarnation", 0)
        return timer

    def _armed(self, due_ns: int) -> None:
        """Nothing sleeps here."""

    def _refilled(self) -> None:
        """Nothing sleeps here."""

    def turn(self) -> None:
        """Fire what is due, handle all mail, and hand what was decided to the record.

        Raises:
            EndlessTurnError: The mail does not end.
        """
        until = self.handled + MESSAGES_PER_TURN_MAX
        while self._handle_what_is_there():
            if self.handled > until:
                raise EndlessTurnError(f"{MESSAGES_PER_TURN_MAX} messages at one instant")
        drawn = self._drawn
        if drawn is not None:
            is_late = drawn.random() < LATE_RATIO
            self._late_ns = int(drawn.random() * LATE_MAX_NS) if is_late else 0

    def _handle_what_is_there(self) -> bool:
        """Whether there may be more of it at this instant."""
        now_ns = self._now_ns()
        while self.timers.next_ns() + self._late_ns <= now_ns:
            self._fire(self.timers.pop())
        if not self.control and not self.normal:
            if self.rounds is not None:
                self.rounds.flush()
                self.rounds.mail_heard()
        elif self._drawn is None:
            self._handle_some(self.budget)
            return True
        else:
            self._handle_a_slice(self._drawn)
            return True
        return bool(self.control or self.normal)

    def next_ns(self) -> int:
        """When it looks at its next timer."""
        return self.timers.next_ns() + self._late_ns

    def _handle_a_slice(self, drawn: Random) -> None:
        """Handle some of the mail, and look at the disk before the rest."""
        normal = self.normal
        for _ in range(1 + int(drawn.random() * SLICE_MAX)):
            if not self.control and len(normal) > 1 and drawn.random() < OVERTAKES_RATIO:
                self._put_first(normal[int(drawn.random() * min(len(normal), READY_MAX))][0])
            self._handle_some(1)
        if self.rounds is not None:
            if drawn.random() < OVERTAKES_RATIO:
                self.rounds.flush()
            if drawn.random() < OVERTAKES_RATIO:
                self.rounds.mail_heard()

    def _put_first(self, ready: Target) -> None:
        """Its oldest mail is the next to be handled."""
        normal = self.normal
        for place, (target, message) in enumerate(normal):
            if target is ready:
                del normal[place]
                normal.appendleft((target, message))
                return

    def _fire(self, timer: Timer) -> None:
        armed_by = self._armed_by.pop(timer, None)
        if armed_by is not None and getattr(timer.owner, "incarnation", 0) != armed_by:
            self._stale_timer(timer.name)
        timer.fire()
