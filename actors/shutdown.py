"""Ordered shutdown (WD-7): phase after phase, each waited for up to its limit, then the tree.

    Shutdown(tree, [
        Phase(name="close the gate", begin=gate.close),
        Phase(name="resolve what is in flight", is_done=are_resolved, limit_ns=10_000_000_000),
        Phase(name="flush", begin=record.flush, is_done=lambda: record.pending() == 0),
    ], on_end=ended).begin()

The children are stopped last, right to left. A phase that raises, or is not done in time, is
reported as such and does not keep the later ones from running.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from actors.tree import Tree
from trading.mail import MailClass

LOOK_EVERY_NS = 5_000_000
_NAME = "shutdown"


def _nothing() -> None:
    """Begin nothing."""


def _at_once() -> bool:
    """Wait for nothing."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One step of the way out.

    Attributes:
        name: What it is for.
        begin: Called once, on the lane's thread.
        is_done: Asked until true.
        limit_ns: How long it may take in the lane's time.
    """

    name: str
    begin: Callable[[], None] = _nothing
    is_done: Callable[[], bool] = _at_once
    limit_ns: int = 5_000_000_000


@dataclass(frozen=True, slots=True)
class PhaseEnd:
    """How a phase went; `problem` is empty when all is well."""

    name: str
    took_ns: int
    problem: str


@dataclass(frozen=True, slots=True)
class _Look:
    MAIL: ClassVar[MailClass] = MailClass.CONTROL


class Shutdown:
    """The way out of a running tree.

    Args:
        tree: Stopped at the end.
        phases: In order.
        on_end: Told how each phase went, after the tree has stopped.
    """

    name = _NAME

    def __init__(
        self, tree: Tree, phases: Sequence[Phase], *, on_end: Callable[[list[PhaseEnd]], None]
    ) -> None:
        """Nothing happens before `begin`."""
        self._tree = tree
        self._lane = tree.lane
        self._phases = list(phases)
        self._on_end = on_end
        self._ends: list[PhaseEnd] = []
        self._position = -1
        self._since_ns = 0
        self._problem = ""

    @property
    def is_begun(self) -> bool:
        """Whether the way out was taken."""
        return self._position >= 0

    def begin(self) -> None:
        """Start with the first phase; a second call is ignored (a second SIGTERM is no news)."""
        if not self.is_begun:
            self._lane.names[_NAME] = self
            self._next()
            self._lane.post(self, _Look())

    def deliver(self, message: Any) -> None:
        """Look whether the phase is done: called by the lane."""
        if not isinstance(message, _Look):
            self._lane.undeliverable(_NAME, message, "not mail for the shutdown")
            return
        while self._position < len(self._phases):
            if not self._is_over():
                self._lane.at(self._lane.now_ns() + LOOK_EVERY_NS, _NAME, _Look())
                return
            self._next()
        self._lane.names.pop(_NAME, None)
        self._tree.stop()
        self._on_end(self._ends)

    def _next(self) -> None:
        """Note how the phase went and begin the one after it."""
        now_ns = self._lane.now_ns()
        if self.is_begun:
            name = self._phases[self._position].name
            self._ends.append(PhaseEnd(name, now_ns - self._since_ns, self._problem))
        self._position += 1
        self._since_ns, self._problem = now_ns, ""
        if self._position < len(self._phases):
            self._guarded(self._phases[self._position].begin)

    def _is_over(self) -> bool:
        phase = self._phases[self._position]
        if self._guarded(phase.is_done) or self._problem:
            return True
        if self._lane.now_ns() - self._since_ns < phase.limit_ns:
            return False
        self._problem = f"not done within {phase.limit_ns / 1e9:g} s"
        return True

    def _guarded(self, step: Callable[[], Any]) -> Any:
        try:
            return step()
        except Exception as error:  # noqa: BLE001 - the later phases matter more than this one
            self._problem = f"{type(error).__name__}: {error}"
            return None
