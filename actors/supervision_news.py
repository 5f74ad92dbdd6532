"""What supervision did: journaled, counted, and told to a person when it matters."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors.cell import DELETED
from actors.spec import EventKind, SupervisionEvent
from rust_core import Message

if TYPE_CHECKING:
    from actors.system import System

_EVENT_KINDS = {
    EventKind.CRASHED: "ActorCrashed",
    EventKind.RESTARTED: "ActorRestarted",
    EventKind.QUARANTINED: "MessageQuarantined",
    EventKind.GAVE_UP: "ActorGaveUp",
    EventKind.WATCHDOG_FIRED: "WatchdogFired",
    EventKind.HALTED: "SystemHalted",
}
_VENUES_WORDS = ("Message(VenueReport", "LookedUp(", "Stated(")


class SupervisionNews:
    """Hears of every crash and restart.

    Args:
        system: Whose counters and operators they concern.
        note: Journals a fact.
    """

    def __init__(self, system: "System", note: Callable[[str, str, dict[str, Any]], None]) -> None:
        """Nothing heard yet."""
        self._system = system
        self._note = note

    def tell(self, event: SupervisionEvent) -> None:
        """Journal what supervision did, count it, and tell a person when it matters."""
        counters = self._system.counters
        counters.events.append(event)
        del counters.events[:-100]
        counters.crashes += event.kind is EventKind.CRASHED
        counters.restarts += event.kind is EventKind.RESTARTED
        counters.quarantined += event.kind is EventKind.QUARANTINED
        if event.kind is EventKind.KILLED or event.reason == DELETED:
            return  # deleting an actor leaves no trace in a journal: it holds no truth
        self._note(
            f"actor/{event.name}",
            _EVENT_KINDS[event.kind],
            {
                "name": event.name,
                "incarnation": event.incarnation,
                "reason": event.reason,
                "detail": event.detail,
                "message": event.message,
            },
        )
        if event.kind is not EventKind.RESTARTED:
            self._system.ports.notify("ERROR", f"{event.name}: {event.reason}", (event.name,))
        if event.kind is EventKind.QUARANTINED and event.name == self._system.account_name:
            self._freeze_if_venues(event)

    def _freeze_if_venues(self, event: SupervisionEvent) -> None:
        """Without a word of the venue the position is unknown: entries stop, exits go on (EX-9)."""
        if event.message.startswith(_VENUES_WORDS):
            text = f"a word of the venue was set aside: {event.reason}"
            self._system.ports.lane.tell(event.name, Message.halt("ACCOUNT", "", text))
            self._system.ports.notify("CRITICAL", text, (event.name,))
