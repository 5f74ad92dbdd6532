"""A cell: the name, the mail and the restart policy of one actor across its incarnations (WD-1).

    STARTING -> RUNNING -> (crash) -> BACKOFF -> STARTING -> ...
    STOPPED when asked or finished; FAILED when its supervisor gave it up.

Senders hold the cell or its name, never the actor, so they never meet a dead one. A crash drops
the incarnation with its timers; mail waits, parked in order; the next incarnation rehydrates
before it sees any of it. The message in hand at a crash is tried again only when its type says
`REDELIVER = True`, and is quarantined when it crashed this name `poison_after` times.
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors.future import LaneFuture
from actors.lane_actor import Ask, LaneActor
from actors.spec import Backoff, CellState, Down, EventKind, Finished, Spec, SupervisionEvent
from actors.trouble import Trouble, traceback_of
from trading.mail import MailClass

if TYPE_CHECKING:
    from actors.lane import Lane, Target
    from actors.supervisor import Supervisor
    from actors.timers import Timer
    from actors.tree import Tree

DELETED = "deleted on purpose"
"""Why an incarnation ended, and the next began, that nothing was wrong with."""
_FINAL = (CellState.STOPPED, CellState.FAILED)
_CONTROL_FLOW = (KeyboardInterrupt, SystemExit)  # the process is asked to end: not a crash


class Cell:
    """The address of one supervised actor. Made by its supervisor, never by hand.

    Attributes:
        name: Its name on the lane and in the tree.
        state: Where it stands.
        actor: The running incarnation, None while there is none.
        incarnation: How many were made so far.
        timers: Deadlines of this incarnation, oldest first.
        parked: Mail waiting for the next incarnation.
        asked_ns: When the watchdog's open beat was sent, 0 without one.
        answered_ns: When the last beat was answered, 0 before the first.
    """

    __slots__ = (
        "_receive",
        "actor",
        "answered_ns",
        "asked_ns",
        "complaint",
        "incarnation",
        "is_dynamic",
        "is_suspended",
        "lane",
        "make",
        "name",
        "parent",
        "parked",
        "restart_due_ns",
        "spec",
        "state",
        "timers",
        "tree",
        "trouble",
        "watchers",
        "watching",
    )

    def __init__(
        self,
        tree: "Tree",
        parent: "Supervisor",
        spec: Spec,
        name: str,
        make: Callable[["Lane", str], LaneActor],
    ) -> None:
        """A stopped cell that knows its place."""
        self.tree = tree
        self.lane = tree.lane
        self.parent = parent
        self.spec = spec
        self.name = name
        self.make = make
        self.state = CellState.STOPPED
        self.actor: LaneActor | None = None
        self._receive: Callable[[Any], Any] | None = None
        self.incarnation = 0
        self.is_dynamic = False
        self.is_suspended = False
        self.restart_due_ns = 0
        self.parked: deque[tuple[Target, Any]] | None = None
        self.timers: dict[Timer, None] | None = None
        self.trouble: Trouble | None = None
        self.watchers: dict[str, None] | None = None
        self.watching: dict[str, None] | None = None
        self.asked_ns = 0
        self.answered_ns = 0
        self.complaint: str | None = None

    # -- the address --------------------------------------------------------------------------
    def tell(self, message: Any) -> None:
        """Queue `message` for whichever incarnation is there when its turn comes."""
        self.lane.post(self, message)

    def ask(self, message: Any) -> LaneFuture:
        """Queue `message`; the future gets what the handler returns or raises; for the edge."""
        future = LaneFuture()
        self.lane.post(Ask(self, future), message)
        return future

    def deliver(self, message: Any) -> None:
        """Hand over one message: called by the lane."""
        receive = self._receive
        if receive is None:
            self._keep(self, message)
            return
        try:
            receive(message)
        except _CONTROL_FLOW:
            raise
        except BaseException as error:  # noqa: BLE001 - a Rust panic derives from BaseException
            self.lane.cpu_limit_ns = 0
            self.crashed(error, message, self)

    def answer(self, message: Any, ask: Ask) -> None:
        """Hand over one message and answer it; the error goes to both asker and supervisor."""
        receive = self._receive
        if receive is None:
            self._keep(ask, message)
            return
        try:
            ask.future.set(receive(message))
        except _CONTROL_FLOW:
            raise
        except BaseException as error:  # noqa: BLE001
            self.lane.cpu_limit_ns = 0
            if not ask.future.done():
                ask.future.set_exception((type(error), error, error.__traceback__))
            self.crashed(error, message, None)

    def beat(self, asked_ns: int) -> None:
        """Answer the watchdog, unless the actor says that something is stuck (WD-2)."""
        actor = self.actor
        if actor is None:
            return
        try:
            complaint = actor.beat(self.lane.now_ns())
        except _CONTROL_FLOW:
            raise
        except BaseException as error:  # noqa: BLE001
            self.crashed(error, None, None)
            return
        self.complaint = complaint
        if complaint is None:
            self.answered_ns = self.lane.now_ns()
            if self.asked_ns == asked_ns:
                self.asked_ns = 0

    # -- its life -----------------------------------------------------------------------------
    def start(self, reason: str = "rehydrated") -> bool:
        """Make the next incarnation; False when that crashed (the supervisor has been told)."""
        lane = self.lane
        self.state = CellState.STARTING
        self.is_suspended = False
        self.incarnation += 1
        self.asked_ns = 0
        self.answered_ns = 0
        lane.starts += 1
        lane.cpu_limit_ns = self.spec.start_cpu_limit_ns
        try:
            self.actor = actor = self.make(lane, self.name)
            actor.cell = self
            actor.rehydrate()
            actor.on_start()
        except _CONTROL_FLOW:
            raise
        except BaseException as error:  # noqa: BLE001
            lane.cpu_limit_ns = 0
            self.crashed(error, None, None)
            return False
        lane.cpu_limit_ns = 0
        if self.state is not CellState.STARTING:  # on_start had it stopped
            return False
        self._receive = self._limited(actor) if self.spec.cpu_limit_ns else actor.on_receive
        self.state = CellState.RUNNING
        if self.incarnation > 1:
            self.report(EventKind.RESTARTED, reason)
        if self.parked:
            parked, self.parked = self.parked, None
            lane.put_back(parked)
        return True

    def stop(self, reason: str) -> None:
        """End for good: `on_stop`, then mail goes to the dead letters."""
        if self.state not in _FINAL:
            self._end(CellState.STOPPED, reason)

    def fail(self, reason: str) -> None:
        """Give up for good: no `on_stop` is owed to a name that only crashes."""
        if self.state not in _FINAL:
            self.report(EventKind.GAVE_UP, reason)
            self._end(CellState.FAILED, reason)

    def suspend(self, reason: str) -> None:
        """Go down with a sibling; mail waits until the group is started again."""
        if self.state in (CellState.RUNNING, CellState.STARTING):
            self._run_on_stop()
            self._drop()
            self.state = CellState.BACKOFF
            self.is_suspended = True
            self._notify(reason, final=False)

    def replace(self) -> None:
        """Drop the incarnation as if it had crashed, lose no mail, start the next at once."""
        self.report(EventKind.KILLED, DELETED)
        self._drop()
        self.state = CellState.BACKOFF
        self._notify(DELETED, final=False)
        self.start(DELETED)

    def strike(self) -> int:
        """Count one silence; how many there were in a row."""
        trouble = self._troubled()
        trouble.strikes += 1
        return trouble.strikes

    def silent(self, reason: str) -> None:
        """Crash it on the watchdog's word (WD-2)."""
        self.report(EventKind.WATCHDOG_FIRED, reason)
        self._go_down(reason)

    def crashed(self, error: BaseException, message: Any, target: "Target | None") -> None:
        """Take the incarnation out of service and tell the supervisor.

        Args:
            error: What the handler, or the start, raised; `Finished` is a normal end.
            message: What it was handling, None at the start.
            target: Where the message would be delivered again, None when it must not be.
        """
        if isinstance(error, Finished):
            self._finished()
            return
        reason = f"{type(error).__name__}: {error}"
        actor = self.actor
        if actor is not None:
            actor.failed(error)
        text = traceback_of(error)
        self.report(EventKind.CRASHED, reason, detail=text)
        self._settle_fate(message, target, reason, text)
        self._go_down(reason)

    def next_backoff_ns(self, now_ns: int) -> int:
        """How long to wait before the next incarnation; grows with crashes in a row."""
        backoff: Backoff = self.spec.backoff
        return self._troubled().next_backoff_ns(backoff, now_ns)

    # -- inside -------------------------------------------------------------------------------
    def _limited(self, actor: LaneActor) -> Callable[[Any], Any]:
        """`on_receive` that the interrupter may end once it has burnt its CPU time (WD-2)."""
        lane, receive, limit_ns = self.lane, actor.on_receive, self.spec.cpu_limit_ns

        def limited(message: Any) -> Any:
            lane.cpu_limit_ns = limit_ns
            try:
                return receive(message)
            finally:
                lane.cpu_limit_ns = 0

        return limited

    def _keep(self, target: "Target", message: Any) -> None:
        """Mail for a name without an incarnation: park it, shed it, or bury it."""
        if self.state in _FINAL:
            self.lane.undeliverable(self.name, message, self.state.value)
            if isinstance(target, Ask):
                target.refuse(self.state.value)
        elif self.lane.sheds_market and getattr(message, "MAIL", None) is MailClass.MARKET:
            self.lane.shed += 1  # stale by the time we are back
        else:
            if self.parked is None:
                self.parked = deque()
            self.parked.append((target, message))

    def _settle_fate(self, message: Any, target: "Target | None", reason: str, detail: str) -> None:
        """Decide what becomes of the message in hand at a crash."""
        if message is None:
            return
        if self._troubled().is_poison(message, self.spec.poison_after):
            self.tree.quarantine(self, message, reason, detail)
        elif target is not None and getattr(message, "REDELIVER", False):
            if self.parked is None:
                self.parked = deque()
            self.parked.appendleft((target, message))
        else:
            self.lane.undeliverable(self.name, message, "in hand at crash")

    def _go_down(self, reason: str) -> None:
        self._troubled().note(reason)
        self._drop()
        if self.spec.restart == "temporary":
            self._end(CellState.STOPPED, reason)
            self.parent.forget_if_dynamic(self)
            return
        self.state = CellState.BACKOFF
        self._notify(reason, final=False)
        self.parent.child_down(self, reason)

    def _finished(self) -> None:
        if self.spec.restart == "permanent":
            self._run_on_stop()
            self._go_down("finished, and restarted as it is permanent")
            return
        self._end(CellState.STOPPED, "finished")
        self.parent.forget_if_dynamic(self)

    def _end(self, state: CellState, reason: str) -> None:
        if state is CellState.STOPPED:
            self._run_on_stop()
        self._drop()
        self.state = state
        parked, self.parked = self.parked, None
        for target, message in parked or ():
            self._keep(target, message)
        self._notify(reason, final=True)

    def _drop(self) -> None:
        """Part with the incarnation and its timers; whatever it still does reaches nobody."""
        self._receive = None
        self.actor = None
        self.asked_ns = 0
        self.complaint = None
        for timer in list(self.timers or ()):
            timer.cancel()

    def _run_on_stop(self) -> None:
        actor = self.actor
        if actor is None:
            return
        try:
            actor.on_stop()
        except _CONTROL_FLOW:
            raise
        except BaseException as error:  # noqa: BLE001 - it ends either way
            text = traceback_of(error)
            self.report(EventKind.CRASHED, f"on_stop: {type(error).__name__}: {error}", detail=text)

    def _notify(self, reason: str, *, final: bool) -> None:
        for watcher in self.watchers or ():
            self.lane.tell(watcher, Down(name=self.name, reason=reason, final=final))

    def _troubled(self) -> Trouble:
        if self.trouble is None:
            self.trouble = Trouble()
        return self.trouble

    def report(self, kind: EventKind, reason: str, *, detail: str = "", message: str = "") -> None:
        """Tell the system what happened, for its journal."""
        self.tree.report(
            SupervisionEvent(
                kind=kind,
                name=self.name,
                at_ns=self.lane.now_ns(),
                incarnation=self.incarnation,
                reason=reason,
                detail=detail,
                message=message,
            )
        )
