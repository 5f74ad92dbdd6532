"""The way to a venue on a network: the port's questions as mail to the adapter with the wire."""

from collections.abc import Callable
from dataclasses import dataclass

from rust_core import ReleaseGate, Submission
from trading.ports import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitAsked:
    """An order whose intent is durable, to be handed over when the way is free."""

    submission: Submission
    gate: ReleaseGate


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked:
    """A cancel; one of the ids may be empty."""

    client_order_id: str
    broker_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpAsked:
    """What does the venue know of one order?"""

    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StateAsked:
    """What does the venue say the account is? What is urgent goes before all polling."""

    question: int
    parts: frozenset[Part]
    fills_after_ns: int
    is_urgent: bool = False


class NetworkBroker:
    """Implements `trading.ports.Broker`.

    Args:
        name: The venue's name.
        tell: Mails a message to a name.
        adapter: Name of the actor that has the connections.
    """

    def __init__(self, name: str, tell: Callable[[str, object], None], adapter: str) -> None:
        """Nothing is connected here."""
        self.name = name
        self._tell = tell
        self._adapter = adapter

    def submit(self, submission: Submission, gate: ReleaseGate) -> None:
        """Have it handed over; the gate is compared in the instant in which its bytes leave."""
        self._tell(self._adapter, SubmitAsked(submission=submission, gate=gate))

    def cancel(self, client_order_id: str, broker_order_id: str = "") -> None:
        """Ask for a cancel."""
        asked = CancelAsked(client_order_id=client_order_id, broker_order_id=broker_order_id)
        self._tell(self._adapter, asked)

    def look_up(self, client_order_id: str) -> None:
        """Ask what the venue knows of one order."""
        self._tell(self._adapter, LookUpAsked(client_order_id=client_order_id))

    def state(
        self,
        question: int,
        parts: frozenset[Part],
        fills_after_ns: int = 0,
        *,
        is_urgent: bool = False,
    ) -> None:
        """Ask for the venue's own account."""
        asked = StateAsked(
            question=question, parts=parts, fills_after_ns=fills_after_ns, is_urgent=is_urgent
        )
        self._tell(self._adapter, asked)
