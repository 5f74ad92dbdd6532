"""`LaneActor`: a pykka actor without a thread. The only file that touches pykka's private names.

pykka gives the contract (inbox, ref, `ask`, `on_start`, `on_stop`, `on_failure`, `on_receive`);
the lane replaces its thread, queue and future. What is touched is listed in `PYKKA_SURFACE`
and a test fails when one of those names changes; pykka is pinned to 4.5.

A handler is a plain synchronous function that takes microseconds and never waits. Proxies are
refused: a proxy's attribute assignment blocks, which on a lane means for ever.
"""

from typing import TYPE_CHECKING, Any

import pykka
from pykka import ActorDeadError
from pykka._envelope import Envelope
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr, _ActorStop

from actors.future import LaneFuture, WouldDeadlockError
from trading.mail import MailClass

if TYPE_CHECKING:
    from actors.cell import Cell
    from actors.lane import Lane
    from actors.timers import Timer

PYKKA_SURFACE = {
    "pykka.Actor": (
        "_create_actor_inbox",
        "_create_future",
        "_start_actor_loop",
        "_stop",
        "_handle_failure",
        "_handle_receive",
    ),
    "pykka.ActorRef": ("_actor_weakref",),
    "pykka._envelope.Envelope": ("message", "reply_to"),
    "pykka.messages": ("_ActorStop", "ProxyCall", "ProxyGetAttr", "ProxySetAttr"),
}
"""Names that are not pykka's public interface or that this file answers for."""

_PROXY_MESSAGES = (ProxyCall, ProxyGetAttr, ProxySetAttr)


class Ask:
    """A message that wants a reply: the target of its own mail."""

    __slots__ = ("address", "future", "name")

    def __init__(self, address: "Cell | LaneActor", future: LaneFuture) -> None:
        """Answer `future` with what the handler at `address` returns."""
        self.address = address
        self.name = address.name
        self.future = future

    def deliver(self, message: Any) -> None:
        """Have the message handled and answered."""
        self.address.answer(message, self)

    def refuse(self, reason: str) -> None:
        """Nobody will answer."""
        self.future.set_exception((ActorDeadError, ActorDeadError(f"{self.name}: {reason}"), None))


class _Stop:
    """A pykka stop request on its way through the queue."""

    __slots__ = ("actor", "name", "reply_to")
    MAIL = MailClass.CONTROL

    def __init__(self, actor: "LaneActor", reply_to: "pykka.Future[Any] | None") -> None:
        self.actor = actor
        self.name = actor.name
        self.reply_to = reply_to

    def deliver(self, _: Any) -> None:
        self.actor.end()
        if self.reply_to is not None:
            self.reply_to.set(None)


class LaneInbox:
    """pykka's inbox protocol; the queue behind it is the lane's."""

    __slots__ = ("_actor",)

    def __init__(self) -> None:
        """Without an owner until the actor takes it."""
        self._actor: LaneActor | None = None

    def belongs_to(self, actor: "LaneActor") -> None:
        """Queue for this actor from now on."""
        self._actor = actor

    def put(self, envelope: Envelope[Any], /) -> None:
        """Queue on the lane: called by pykka's own `tell` and `ask`."""
        actor = self._actor
        if actor is None:
            raise RuntimeError("this inbox has no owner yet")
        message, reply_to = envelope.message, envelope.reply_to
        if isinstance(message, _PROXY_MESSAGES):
            raise TypeError(f"{actor.name}: proxies are refused on a lane, send a message instead")
        if isinstance(message, _ActorStop):
            stop = _Stop(actor, reply_to)
            actor.lane.post(stop, stop)
        elif isinstance(reply_to, LaneFuture):
            actor.lane.post(Ask(actor.address, reply_to), message)
        else:
            actor.lane.post(actor.address, message)

    def get(self) -> Envelope[Any]:
        """Refuse: the lane hands mail over, nobody waits for it."""
        raise WouldDeadlockError("a lane inbox is never polled")

    def empty(self) -> bool:
        """Nothing waits here; the lane holds the queue."""
        return True


class _Flag:
    """`threading.Event` as far as pykka asks for it, without a lock."""

    __slots__ = ("_is_set",)

    def __init__(self) -> None:
        self._is_set = False

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True


class LaneActor(pykka.Actor):
    """One incarnation of something that handles mail on a lane.

    Override `on_receive`, and where needed `rehydrate`, `on_start`, `on_stop`, `on_failure` and
    `beat`. Made by a cell's `make(lane, name)`. Life: made, `rehydrate`, `on_start`, parked mail,
    live mail; then `on_stop` when asked to end or `on_failure` after a crash.

    Attributes:
        lane: Time and mail.
        name: The name in the tree; also pykka's urn, so that nothing random shows.
        cell: The supervised address, None for a bare actor.
    """

    lane: "Lane"
    cell: "Cell | None"

    def __init__(self, lane: "Lane", name: str) -> None:  # pykka's own is not called: see below
        """Lean on purpose: no UUID, no Event, and ref and inbox only when someone asks."""
        self.lane = lane
        self.actor_urn = name
        self.name = name
        self.cell = None

    # -- what an actor does -------------------------------------------------------------------
    def rehydrate(self) -> None:
        """Rebuild state from what is durable and staged; no effects, no mail."""

    def beat(self, now_ns: int) -> str | None:  # noqa: ARG002 - for those who keep deadlines
        """Answer the watchdog (WD-2): None when well, else in words what is late or stuck."""
        return None

    def tell(self, name: str, message: Any) -> None:
        """Mail `message` to `name`."""
        self.lane.tell(name, message)

    def at(self, due_ns: int, message: Any, *, daemon: bool = False) -> "Timer":
        """Mail `message` to this incarnation at `due_ns`; a later one never sees it."""
        return self.lane.at(due_ns, self.name, message, daemon=daemon, owner=self.cell)

    # -- pykka's side -------------------------------------------------------------------------
    @property
    def address(self) -> "Cell | LaneActor":
        """Where mail for this name goes: the cell, or itself when bare."""
        return self if self.cell is None else self.cell

    @property  # pykka has a plain attribute here; ours is made only when someone asks
    def actor_inbox(self) -> Any:  # type: ignore[override]
        """The inbox for pykka's own `tell` and `ask`, made when first asked for."""
        inbox = self.__dict__.get("_lane_inbox")
        if inbox is None:
            inbox = self.__dict__["_lane_inbox"] = self._create_actor_inbox()
            inbox.belongs_to(self)
        return inbox

    @property
    def actor_stopped(self) -> Any:  # type: ignore[override]
        """The stop flag, made when first asked for."""
        return self.__dict__.setdefault("_lane_stopped", _Flag())

    @property
    def actor_ref(self) -> "pykka.ActorRef[Any]":
        """The pykka reference, made when first asked for."""
        ref = self.__dict__.get("_lane_ref")
        if ref is None:
            ref = self.__dict__["_lane_ref"] = pykka.ActorRef(self)
        return ref

    @staticmethod
    def _create_actor_inbox() -> LaneInbox:
        return LaneInbox()

    @staticmethod
    def _create_future() -> "pykka.Future[Any]":
        return LaneFuture()

    def _start_actor_loop(self) -> None:
        """Begin bare, without supervision: a failure to start comes out of `start`."""
        self.lane.names.setdefault(self.name, self)
        self.on_start()

    def deliver(self, message: Any) -> None:
        """Handle one message as a bare actor: a crash ends it."""
        self._handle_bare(message, None)

    def answer(self, message: Any, ask: Ask) -> None:
        """Handle one message and answer it, as a bare actor."""
        self._handle_bare(message, ask)

    def end(self) -> None:
        """End as pykka's `stop` asks: through the cell where there is one."""
        if self.cell is not None:
            self.cell.stop("stopped by its reference")
        elif not self.actor_stopped.is_set():
            self._forget()
            self.on_stop()

    def failed(self, error: BaseException) -> None:
        """Run `on_failure` after a crash; what it raises is lost with the incarnation."""
        try:
            self.on_failure(type(error), error, error.__traceback__)
        except Exception as second:  # noqa: BLE001 - the first error is the one to report
            error.add_note(f"on_failure raised {second!r} as well")

    def _handle_bare(self, message: Any, ask: Ask | None) -> None:
        if self.actor_stopped.is_set():
            self.lane.undeliverable(self.name, message, "stopped")
            if ask is not None:
                ask.refuse("stopped")
            return
        try:
            reply = self.on_receive(message)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a Rust panic derives from BaseException
            self._forget()
            self.failed(error)
            self.lane.undeliverable(self.name, message, "in hand at crash")
            if ask is not None:
                ask.future.set_exception((type(error), error, error.__traceback__))
        else:
            if ask is not None:
                ask.future.set(reply)

    def _forget(self) -> None:
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
        if self.lane.names.get(self.name) is self:
            del self.lane.names[self.name]
