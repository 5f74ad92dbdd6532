"""What `status` shows of the runtime: plain values, taken on the lane's thread or its loop's."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from actors.cell import Cell
from actors.timers import Timer
from actors.tree import Tree
from rust_core import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSnapshot:
    """One actor or supervisor.

    Attributes:
        name: Its name.
        supervisor: Whose child it is, empty for the root.
        is_actor: False for a supervisor.
        state: STARTING, RUNNING, BACKOFF, STOPPED or FAILED.
        restarts: Incarnations after the first.
        crashes: Crashes remembered.
        last_reason: Of the newest crash.
        mailbox: Messages queued or parked for it.
        timers: Deadlines of its own.
        beat_age_ns: Since it last answered the watchdog, None before the first answer.
    """

    name: str
    supervisor: str
    is_actor: bool
    state: str
    restarts: int
    crashes: int
    last_reason: str
    mailbox: int = 0
    timers: int = 0
    beat_age_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSnapshot:
    """The whole tree at one instant.

    Attributes:
        at_ns: The lane's time.
        handled: Messages handled so far.
        queued: Messages waiting on the lane.
        timers: Armed timers of the lane.
        timers_by: The same by who armed what: the name without its ids, and the mail.
        dead_letters: By reason.
        shed: MARKET mail dropped during restarts.
        quarantined: Messages in quarantine.
        halted_for: Why the root gave up, None while it has not.
        nodes: In the order in which they were made.
    """

    at_ns: int
    handled: int
    queued: int
    timers: int
    timers_by: Mapping[str, int]
    dead_letters: Mapping[str, int]
    shed: int
    quarantined: int
    halted_for: str | None
    nodes: tuple[NodeSnapshot, ...]


def snapshot(tree: Tree) -> RuntimeSnapshot:
    """Look at everything once; costs a scan of the queue."""
    lane = tree.lane
    now_ns = lane.now_ns()
    depth = lane.depth_by_name()
    nodes = []
    for node in list(tree.nodes.values()):
        trouble = node.trouble
        cell = node if isinstance(node, Cell) else None
        nodes.append(
            NodeSnapshot(
                name=node.name,
                supervisor=node.parent.name if node.parent is not None else "",
                is_actor=cell is not None,
                state=node.state.value,
                restarts=max(node.incarnation - 1, 0),
                crashes=trouble.crashes if trouble is not None else 0,
                last_reason=trouble.last_reason if trouble is not None else "",
                mailbox=depth[node.name] + len(cell.parked or ()) if cell is not None else 0,
                timers=len(cell.timers or ()) if cell is not None else 0,
                beat_age_ns=now_ns - cell.answered_ns if cell and cell.answered_ns else None,
            )
        )
    return RuntimeSnapshot(
        at_ns=now_ns,
        handled=lane.handled,
        queued=lane.depth(),
        timers=len(lane.timers),
        timers_by=_timers_by(lane.timers.armed()),
        dead_letters=dict(lane.dead_letters.by_reason),
        shed=lane.shed,
        quarantined=len(tree.quarantined),
        halted_for=tree.halted_for,
        nodes=tuple(nodes),
    )


def _timers_by(armed: list[Timer]) -> dict[str, int]:
    """So that a count that grows says whose timers they are (WD-8)."""
    return dict(Counter(f"{timer.name.partition(':')[0]} {_mail(timer)}" for timer in armed))


def _mail(timer: Timer) -> str:
    message = timer.message
    if isinstance(message, Message):
        return repr(message)
    return type(message).__name__
