"""Supervisors: who is restarted with whom, how often, and when to give up (WD-1).

Children start in order and stop in reverse. More than `intensity` crashes within `period_ns` and
a supervisor gives up: `contain` ends the one child FAILED and leaves its siblings alone;
`escalate` takes all its children down (their mail waits) and is itself a crash to the supervisor
above. The root never takes the tree down: it ends that child FAILED and calls `halt`, so that
entries shut while kill, cancels and armed exits stay. What those need is vital: it never ends, but
is tried again after its longest pause.
"""

from collections import deque
from typing import TYPE_CHECKING

from actors.cell import Cell
from actors.spec import (
    CellState,
    EventKind,
    RestartDue,
    Spec,
    SupervisionEvent,
)
from actors.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.lane import Lane
    from actors.lane_actor import LaneActor
    from actors.tree import Tree

_FINAL = (CellState.STOPPED, CellState.FAILED)
CRASHES_IN_A_ROW_MAX = 20
"""Restarts without success before a child is given up, however long the pauses."""
TREE_NAME = "supervision"
"""The tree's own name on the lane."""


class Supervisor:
    """A node with children and no mail of its own. Made by the tree.

    Attributes:
        children: By name, in start order.
    """

    def __init__(self, tree: "Tree", parent: "Supervisor | None", spec: Spec) -> None:
        """Make the static children too; nothing is started."""
        self.tree = tree
        self.parent = parent
        self.spec = spec
        self.name = spec.name
        self.state = CellState.STOPPED
        self.incarnation = 0
        self.is_dynamic = False
        self.is_suspended = False
        self.restart_due_ns = 0
        self.trouble: Trouble | None = None
        self.children: dict[str, Cell | Supervisor] = {}
        self._times: deque[int] = deque()
        tree.enrol(self)
        for child in spec.children:
            if child.make is None:
                self.children[child.name] = Supervisor(tree, self, child)
            else:
                self._adopt_actor(child, child.name, child.make)

    # -- children at run time -----------------------------------------------------------------
    def add(
        self,
        spec: Spec,
        *,
        name: str | None = None,
        make: "Callable[[Lane, str], LaneActor] | None" = None,
    ) -> "Cell":
        """Start one more actor under this supervisor.

        Args:
            spec: Its policy; one spec may serve many children.
            name: Its name when it is not the spec's.
            make: Its factory when it is not the spec's.

        Raises:
            ValueError: the name is taken, or there is nothing to make it with.
        """
        make = spec.make if make is None else make
        if make is None:
            raise ValueError(f"{spec.name}: actors are added at run time, but make is missing")
        child = self._adopt_actor(spec, spec.name if name is None else name, make)
        child.is_dynamic = True
        if self.state is CellState.RUNNING:
            child.start()
        elif self.state not in _FINAL:
            child.state = CellState.BACKOFF
            child.is_suspended = True
        return child

    def remove(self, name: str) -> None:
        """Stop a child and forget its name; nothing of it stays. Harmless when it is not there."""
        child = self.children.get(name)
        if child is not None:
            child.stop("removed")
            self._disown(child)

    def forget_if_dynamic(self, child: "Cell") -> None:
        """A child came to its end: one added at run time leaves nothing behind."""
        if child.is_dynamic:
            self._disown(child)

    # -- its life -----------------------------------------------------------------------------
    def start(self) -> bool:
        """Start the children in order; False when that made this supervisor give up."""
        self.state = CellState.STARTING
        self.is_suspended = False
        self.incarnation += 1
        waiting = [
            child for child in self.children.values() if child.state is not CellState.RUNNING
        ]
        self.state = CellState.RUNNING
        self._start_in_order(waiting)
        return self.state is CellState.RUNNING

    def stop(self, reason: str) -> None:
        """Stop the children in reverse order, for good."""
        if self.state not in _FINAL:
            for child in reversed(list(self.children.values())):
                child.stop(reason)
            self.state = CellState.STOPPED

    def fail(self, reason: str) -> None:
        """End FAILED with everything below."""
        if self.state not in _FINAL:
            self._report(EventKind.GAVE_UP, reason)
            for child in reversed(list(self.children.values())):
                child.fail(reason)
            self.state = CellState.FAILED

    def suspend(self, reason: str) -> None:
        """Go down with everything below; mail waits."""
        if self.state in (CellState.RUNNING, CellState.STARTING):
            for child in reversed(list(self.children.values())):
                child.suspend(reason)
            self.state = CellState.BACKOFF
            self.is_suspended = True

    def replace(self) -> None:
        """Replace every incarnation below."""
        for child in list(self.children.values()):
            child.replace()

    def next_backoff_ns(self, now_ns: int) -> int:
        """How long to wait before everything below starts again."""
        if self.trouble is None:
            self.trouble = Trouble()
        return self.trouble.next_backoff_ns(self.spec.backoff, now_ns)

    def child_down(self, child: "Cell | Supervisor", reason: str) -> None:
        """A child lost its incarnation: bring back its group after a pause, or give up."""
        if self.state in _FINAL:
            return
        now_ns = self.tree.lane.now_ns()
        if self._is_too_often(child, now_ns):
            self.give_up(child, f"more than {self.spec.intensity} crashes in its period: {reason}")
            return
        if child.trouble is not None and child.trouble.in_a_row >= CRASHES_IN_A_ROW_MAX:
            # pauses grow beyond the period, so that the intensity alone would try for ever
            self.give_up(child, f"{child.trouble.in_a_row} crashes in a row: {reason}")
            return
        self._bring_back(child, self._group(child), now_ns, reason)

    def give_up(self, child: "Cell | Supervisor", reason: str) -> None:
        """Try this child no more: contain its failure, or pass it upward."""
        if self.parent is None and child.spec.is_vital:
            self.tree.halted(child.name, reason)
            child.suspend(reason)
            self._times.clear()
            child.restart_due_ns = self.tree.lane.now_ns() + child.spec.backoff.cap_ns
            again = RestartDue(supervisor=self.name, names=(child.name,))
            self.tree.lane.at(child.restart_due_ns, TREE_NAME, again)
            return
        if self.spec.on_failed_child == "contain" or self.parent is None:
            child.fail(reason)
            if self.parent is None:
                self.tree.halted(child.name, reason)
            return
        self._report(EventKind.GAVE_UP, f"{child.name}: {reason}")
        self._times.clear()
        for other in reversed(list(self.children.values())):
            other.suspend(reason)
        self.state = CellState.BACKOFF
        self.parent.child_down(self, reason)

    def restart(self, names: tuple[str, ...]) -> None:
        """Start those of `names` whose pause is over: called by the tree."""
        if self.state is not CellState.RUNNING:
            return
        now_ns = self.tree.lane.now_ns()
        found = (self.children.get(name) for name in names)
        self._start_in_order(
            [
                child
                for child in found
                if child is not None
                and child.state is CellState.BACKOFF
                and child.restart_due_ns <= now_ns
            ]
        )

    # -- inside -------------------------------------------------------------------------------
    def _start_in_order(self, waiting: "list[Cell | Supervisor]") -> None:
        """The next starts only when the last is up, unless they do not depend on each other."""
        for position, child in enumerate(waiting):
            is_up = child.state is CellState.RUNNING or child.start()
            if self.state is not CellState.RUNNING:
                return
            if is_up or self.spec.strategy == "one_for_one" or child.state in _FINAL:
                continue
            for later in waiting[position + 1 :]:
                if later.state is not CellState.RUNNING:
                    later.state = CellState.BACKOFF
                    later.is_suspended = True
            return

    def _group(self, child: "Cell | Supervisor") -> "list[Cell | Supervisor]":
        if self.spec.strategy == "one_for_one":
            return [child]
        everyone = list(self.children.values())
        if self.spec.strategy == "one_for_all":
            return everyone
        return everyone[everyone.index(child) :]

    def _bring_back(
        self, child: "Cell | Supervisor", group: "list[Cell | Supervisor]", now_ns: int, reason: str
    ) -> None:
        due_ns = now_ns + child.next_backoff_ns(now_ns)
        child.restart_due_ns = due_ns
        for other in reversed(group):
            if other is not child:
                other.suspend(f"{child.name} went down: {reason}")
                if other.is_suspended:
                    other.restart_due_ns = due_ns
        again = RestartDue(supervisor=self.name, names=tuple(member.name for member in group))
        if due_ns == now_ns:
            self.tree.lane.tell(TREE_NAME, again)  # CONTROL: before any other mail of this instant
        else:
            self.tree.lane.at(due_ns, TREE_NAME, again)

    def _is_too_often(self, child: "Cell | Supervisor", now_ns: int) -> bool:
        times = self._times
        if self.spec.on_failed_child == "contain":
            if child.trouble is None:
                child.trouble = Trouble()
            times = child.trouble.times
        times.append(now_ns)
        while now_ns - times[0] > self.spec.period_ns:
            times.popleft()
        return len(times) > self.spec.intensity

    def _adopt_actor(
        self, spec: Spec, name: str, make: "Callable[[Lane, str], LaneActor]"
    ) -> "Cell":
        child = Cell(self.tree, self, spec, name, make)
        self.tree.enrol(child)
        self.children[name] = child
        return child

    def _disown(self, child: "Cell | Supervisor") -> None:
        self.children.pop(child.name, None)
        self.tree.strike_off(child)

    def _report(self, kind: EventKind, reason: str) -> None:
        self.tree.report(
            SupervisionEvent(
                kind=kind,
                name=self.name,
                at_ns=self.tree.lane.now_ns(),
                incarnation=self.incarnation,
                reason=reason,
            )
        )
