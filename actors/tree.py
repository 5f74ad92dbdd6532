"""The tree of supervision: names, death watch, quarantine, deletion on purpose, the way out (WD-1).

tree = Tree(lane, Spec(name="root", children=(...)), on_event=..., halt=...)
tree.start()
cell = tree.supervisor("orders:main").add(ORDER, name=client_order_id)
tree.tell(name, message)
tree.watch("account:main", cell.name)
tree.kill(name)
tree.stop()
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from actors.cell import Cell
from actors.spec import CellState, Down, EventKind, Quarantined, RestartDue, Spec, SupervisionEvent
from actors.supervisor import TREE_NAME, Supervisor
from actors.trouble import printed

if TYPE_CHECKING:
    from actors.lane import Lane

_log = logging.getLogger(__name__)
_FINAL = (CellState.STOPPED, CellState.FAILED)
_QUARANTINE_KEPT = 1000


class Tree:
    """The root of supervision: names, quarantine, death watch, and the way out.

    Args:
        lane: Where everybody lives.
        root: A supervisor's spec.
        on_event: Told of every crash, restart, quarantine and end; the system journals it.
        halt: Told once that the root gave up: shut entries, tell the guard.
    """

    name = TREE_NAME

    def __init__(
        self,
        lane: "Lane",
        root: Spec,
        *,
        on_event: Callable[[SupervisionEvent], None],
        halt: Callable[[str], None],
    ) -> None:
        """Make every static node; nothing is started."""
        self.lane = lane
        self.nodes: dict[str, Cell | Supervisor] = {}
        self.quarantined: deque[Quarantined] = deque(maxlen=_QUARANTINE_KEPT)
        self.halted_for: str | None = None
        self._on_event = on_event
        self._halt = halt
        lane.names[TREE_NAME] = self
        self.root = Supervisor(self, None, root)

    # -- for everyone -------------------------------------------------------------------------
    def start(self) -> None:
        """Start the tree in order. A child that cannot start is a crash like any other."""
        self.root.start()

    def stop(self, reason: str = "shutdown") -> None:
        """Stop everything, last started first."""
        self.root.stop(reason)

    def tell(self, name: str, message: Any) -> None:
        """Queue `message` for `name`; never raises."""
        self.lane.tell(name, message)

    def cell(self, name: str) -> Cell:
        """The actor's cell of that name; KeyError when there is none."""
        node = self.nodes.get(name)
        if not isinstance(node, Cell):
            raise KeyError(f"no actor is named {name!r}")
        return node

    def supervisor(self, name: str) -> Supervisor:
        """The supervisor of that name; KeyError when there is none."""
        node = self.nodes.get(name)
        if not isinstance(node, Supervisor):
            raise KeyError(f"no supervisor is named {name!r}")
        return node

    def cells(self) -> Iterator[Cell]:
        """Every actor's cell, in the order in which they were made."""
        return (node for node in list(self.nodes.values()) if isinstance(node, Cell))

    def kill(self, name: str) -> None:
        """Delete the incarnation, or all those below a supervisor, and start the next at once.

        No mail is lost, nothing counts as a crash: for operators and tests.

        Raises:
            KeyError: nobody bears the name.
            ValueError: it has ended (STOPPED or FAILED).
        """
        node = self.nodes.get(name)
        if node is None:
            raise KeyError(f"nobody is named {name!r}")
        if node.state in _FINAL:
            raise ValueError(f"{name} is {node.state.value}: there is no incarnation to delete")
        node.replace()

    def revive(self, name: str) -> None:
        """Start a name that ended FAILED or STOPPED again, at an operator's word.

        Raises:
            KeyError: nobody bears the name.
            ValueError: it has not ended.
        """
        node = self.nodes.get(name)
        if node is None:
            raise KeyError(f"nobody is named {name!r}")
        if node.state not in _FINAL:
            raise ValueError(f"{name} is {node.state.value}: it needs no reviving")
        node.trouble = None
        node.start()

    def watch(self, watcher: str, target: str) -> None:
        """Mail `Down` to `watcher` when `target` loses an incarnation; at once if it is gone."""
        node, watching = self.nodes.get(target), self.nodes.get(watcher)
        if isinstance(node, Cell) and isinstance(watching, Cell):
            node.watchers = node.watchers if node.watchers is not None else {}
            node.watchers[watcher] = None
            watching.watching = watching.watching if watching.watching is not None else {}
            watching.watching[target] = None
            if node.state not in _FINAL:
                return
        reason = "no such name" if node is None else node.state.value
        self.lane.tell(watcher, Down(name=target, reason=reason, final=True))

    # -- for the nodes ------------------------------------------------------------------------
    def deliver(self, message: Any) -> None:
        """Bring back children whose pause is over."""
        if isinstance(message, RestartDue):
            node = self.nodes.get(message.supervisor)
            if isinstance(node, Supervisor):
                node.restart(message.names)
        else:
            self.lane.undeliverable(TREE_NAME, message, "not mail for the tree")

    def enrol(self, node: "Cell | Supervisor") -> None:
        """Take a name; ValueError when it is taken."""
        if node.name in self.nodes or node.name in self.lane.names:
            raise ValueError(f"the name {node.name!r} is taken")
        self.nodes[node.name] = node
        if isinstance(node, Cell):
            self.lane.names[node.name] = node

    def strike_off(self, node: "Cell | Supervisor") -> None:
        """Free a name and the death watches that touch it."""
        self.nodes.pop(node.name, None)
        if not isinstance(node, Cell):
            return
        self.lane.names.pop(node.name, None)
        for target in node.watching or ():
            watched = self.nodes.get(target)
            if isinstance(watched, Cell) and watched.watchers:
                watched.watchers.pop(node.name, None)
        for watcher in node.watchers or ():
            watching = self.nodes.get(watcher)
            if isinstance(watching, Cell) and watching.watching:
                watching.watching.pop(node.name, None)

    def quarantine(self, cell: Cell, message: object, reason: str, detail: str) -> None:
        """Set a message aside with its traceback."""
        self.quarantined.append(
            Quarantined(
                name=cell.name,
                message=message,
                reason=reason,
                detail=detail,
                at_ns=self.lane.now_ns(),
            )
        )
        cell.report(EventKind.QUARANTINED, reason, detail=detail, message=printed(message))

    def halted(self, name: str, reason: str) -> None:
        """The root gave up: say so once and call `halt`."""
        if self.halted_for is not None:
            return
        self.halted_for = f"{name}: {reason}"
        self.report(
            SupervisionEvent(
                kind=EventKind.HALTED,
                name=self.root.name,
                at_ns=self.lane.now_ns(),
                incarnation=self.root.incarnation,
                reason=self.halted_for,
            )
        )
        self._halt(self.halted_for)

    def report(self, event: SupervisionEvent) -> None:
        """Hand an event to the system; what that raises must not unravel supervision."""
        try:
            self._on_event(event)
        except Exception:  # noqa: BLE001 - whatever it is
            _log.exception("the supervision event was not taken: %s", event)
