"""The lane of a simulated process: its time is the world's, and goes on while the disk writes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors.lane import Lane, Target
from actors.timers import Timer, TimerOwner
from trading.mail import MailClass

if TYPE_CHECKING:
    from actors.rounds import Rounds

MESSAGES_PER_TURN_MAX = 20_000


class EndlessTurnError(RuntimeError):
    """Mail begets mail without end at one instant."""


class SimLane(Lane):
    """Driven by the world, one instant at a time.

    Args:
        now_ns: The world's clock.
        stale_timer: Called with a name when a timer of a dead incarnation acts.

    Attributes:
        rounds: Given the round to stage whenever the queue is empty.
    """

    sheds_market = True

    def __init__(self, now_ns: Callable[[], int], stale_timer: Callable[[str], None]) -> None:
        """Nobody lives here yet."""
        super().__init__()
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
        now_ns, rounds = self._now_ns(), self.rounds
        until = self.handled + MESSAGES_PER_TURN_MAX
        while True:
            while self.timers.next_ns() <= now_ns:
                self._fire(self.timers.pop())
            if self.control or self.normal:
                self._handle_some(self.budget)
            elif rounds is not None:
                rounds.flush()
                rounds.mail_heard()
                if not self.control and not self.normal:
                    return
            if self.handled > until:
                raise EndlessTurnError(f"{MESSAGES_PER_TURN_MAX} messages at one instant")

    def _fire(self, timer: Timer) -> None:
        armed_by = self._armed_by.pop(timer, None)
        if armed_by is not None and getattr(timer.owner, "incarnation", 0) != armed_by:
            self._stale_timer(timer.name)
        timer.fire()
