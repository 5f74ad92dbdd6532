"""The watchdog actor: every actor answers within its period, or is restarted, then given up (WD-2).

A beat alone shows only that the loop turns, so three more things are watched: what an actor says
of itself (`LaneActor.beat` returns a complaint when a deadline of its own has passed), timers of
a cell that are overdue, and the age of the oldest mail. Mail that waits too long in the queue is
nobody's fault in particular: it is reported for the lane, and a second time in a row halts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from actors.cell import Cell
from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.spec import CellState, EventKind, SupervisionEvent
from actors.tree import Tree
from trading.mail import MailClass

LANE = "lane"
"""The name under which the lane itself is reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchLimits:
    """What the watchdog tolerates.

    Attributes:
        period_ns: Between two rounds; an answer is due within it.
        overdue_ns: How late a timer may be.
        mail_age_ns: How long mail may wait in the queue.
        depth: How many messages may wait for one receiver before it is reported (WD-4).
        strikes: Silences in a row after which an actor is not restarted but given up.
    """

    period_ns: int = 1_000_000_000
    overdue_ns: int = 1_000_000_000
    mail_age_ns: int = 2_000_000_000
    depth: int = 1000
    strikes: int = 2

    def __post_init__(self) -> None:
        """Refuse what would never or always fire."""
        for name in ("period_ns", "overdue_ns", "mail_age_ns", "depth", "strikes"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above zero, was {getattr(self, name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundDue:
    """Mail of the watchdog to itself."""

    MAIL: ClassVar[MailClass] = MailClass.CONTROL


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """CONTROL mail: answer that you are well. Handled by the cell, asked of the actor."""

    MAIL: ClassVar[MailClass] = MailClass.CONTROL

    asked_ns: int


class _BeatTo:
    """Where a beat is delivered: the cell, but not as the actor's mail."""

    __slots__ = ("cell", "name")

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.name = cell.name

    def deliver(self, beat: Beat) -> None:
        self.cell.beat(beat.asked_ns)


class WatchdogActor(LaneActor):
    """Makes its rounds through the tree it stands in, itself excepted; put it early there.

    Args:
        lane: Its lane.
        name: Its name.
        limits: What is tolerated.
    """

    _tree: Tree

    def __init__(self, lane: Lane, name: str, limits: WatchLimits) -> None:
        """Watch nothing before `on_start`."""
        super().__init__(lane, name)
        self._limits = limits
        self._queue = QueueAge()
        self._is_lane_late = False

    @staticmethod
    def make(limits: WatchLimits) -> Callable[[Lane, str], LaneActor]:
        """A factory for a spec."""
        return lambda lane, name: WatchdogActor(lane, name, limits)

    def on_start(self) -> None:
        """Arm the first round; a daemon timer, so a replay ends with its tape."""
        if self.cell is None:
            raise RuntimeError("a watchdog watches the tree it stands in: start it in one")
        self._tree = self.cell.tree
        self._arm()

    def on_receive(self, message: Any) -> None:
        """Make a round."""
        if not isinstance(message, RoundDue):
            return
        now_ns = self.lane.now_ns()
        self._look_at_queue(now_ns)
        for cell in self._tree.cells():
            if cell is not self.cell and cell.state is CellState.RUNNING:
                self._look_at(cell, now_ns)
        self._arm()

    def _arm(self) -> None:
        self.at(self.lane.now_ns() + self._limits.period_ns, RoundDue(), daemon=True)

    def _look_at(self, cell: Cell, now_ns: int) -> None:
        reason = self._silence_of(cell, now_ns)
        if reason is not None:
            self._act_on(cell, reason)
        elif cell.trouble is not None and cell.answered_ns:
            cell.trouble.strikes = 0
        if cell.state is CellState.RUNNING:
            cell.asked_ns = cell.asked_ns or now_ns
            self.lane.post(_BeatTo(cell), Beat(asked_ns=cell.asked_ns))

    def _silence_of(self, cell: Cell, now_ns: int) -> str | None:
        limits = self._limits
        if cell.asked_ns and now_ns - cell.asked_ns >= limits.period_ns:
            return cell.complaint or f"no answer for {(now_ns - cell.asked_ns) / 1e9:.3f} s"
        for timer in cell.timers or ():
            if timer.is_armed and now_ns - timer.due_ns > limits.overdue_ns:
                late_s = (now_ns - timer.due_ns) / 1e9
                return f"a timer is overdue by {late_s:.3f} s: {timer.message!r}"
        return None

    def _act_on(self, cell: Cell, reason: str) -> None:
        strikes = cell.strike()
        if strikes < self._limits.strikes:
            cell.silent(f"silent: {reason}")
        else:
            cell.report(EventKind.WATCHDOG_FIRED, f"silent again, given up: {reason}")
            cell.parent.give_up(cell, f"silent {strikes} times in a row: {reason}")

    def _look_at_queue(self, now_ns: int) -> None:
        lane, limits = self.lane, self._limits
        depth = lane.depth()
        age_ns = self._queue.look(now_ns, lane.handled - lane.overtaken, len(lane.normal))
        if depth > limits.depth:
            name, count = lane.depth_by_name().most_common(1)[0]
            if count > limits.depth:
                self._fired(name, f"{count} messages wait, {limits.depth} are tolerated")
        is_late = age_ns > limits.mail_age_ns
        if is_late:
            reason = f"mail has waited for {age_ns / 1e9:.3f} s, {depth} messages are queued"
            self._fired(LANE, reason)
            if self._is_lane_late:
                self._tree.halted(LANE, reason)
        self._is_lane_late = is_late

    def _fired(self, name: str, reason: str) -> None:
        self._tree.report(
            SupervisionEvent(
                kind=EventKind.WATCHDOG_FIRED,
                name=name,
                at_ns=self.lane.now_ns(),
                incarnation=0,
                reason=reason,
            )
        )


class QueueAge:
    """How long the oldest queued mail has waited, without stamping each message.

    Every look notes how many messages had ever been queued by then. Whatever of those is not
    handled later is at least as old as that look.
    """

    def __init__(self) -> None:
        """No look yet."""
        self._looks: list[tuple[int, int]] = []

    def look(self, now_ns: int, handled: int, depth: int) -> int:
        """The age of the oldest mail in nanoseconds, a lower bound; 0 when all is handled."""
        self._looks = [(at_ns, queued) for at_ns, queued in self._looks if queued > handled]
        age_ns = now_ns - self._looks[0][0] if self._looks else 0
        if depth:
            self._looks.append((now_ns, handled + depth))
        return age_ns
