"""The way to the paper venue: the same port as a real broker's, with mail for a wire.

The venue keeps a book of its own (`actors.venue`), as a broker would, and answers by mail.
"""

from collections.abc import Callable

import msgspec

from brokers.base import NotReleased, Released
from rust_core import ReleaseGate, ReleaseRefusedError, Submission
from trading.ports import Part


class PlaceOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order as its bytes say it, on its way into the venue's book."""

    account: str
    intent: bytes


class CancelOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A cancel on its way."""

    account: str
    client_order_id: str


class LookUpOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The question what the venue knows of one order (EX-6)."""

    account: str
    client_order_id: str


class StateAccount(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The question what the venue itself says the account is; the answer repeats its number."""

    account: str
    question: int
    parts: frozenset[Part]
    fills_after_ns: int


class PaperBroker:
    """One account's way to the paper venue.

    Args:
        tell: Mails a message to a name.
        venue: The venue's name.
        account: Whose orders these are, and who hears the answers.
        now_ns: The lane's clock.
        fence_word: The fence as it stands in shared memory, compared at every hand-over.
    """

    name = "paper"

    def __init__(
        self,
        tell: Callable[[str, object], None],
        *,
        venue: str,
        account: str,
        now_ns: Callable[[], int],
        fence_word: Callable[[], int],
    ) -> None:
        """Nothing is connected: the wire is the lane's mail."""
        self._now_ns = now_ns
        self._fence_word = fence_word
        self._tell = tell
        self._venue = venue
        self._account = account

    def submit(self, submission: Submission, gate: ReleaseGate) -> None:
        """Redeem the verdict and mail its bytes, in that instant and at most once."""
        order, now_ns = submission.client_order_id, self._now_ns()
        try:
            intent = submission.redeem(gate, now_ns, fence_word=self._fence_word())
        except ReleaseRefusedError as refused:
            self._tell(self._account, NotReleased(client_order_id=order, reason=str(refused)))
            return
        self._tell(self._venue, PlaceOrder(account=self._account, intent=intent))
        self._tell(self._account, Released(client_order_id=order, at_ns=now_ns))

    def cancel(self, client_order_id: str, broker_order_id: str = "") -> None:
        """Ask for a cancel; this venue knows orders by our ids."""
        del broker_order_id
        self._tell(self._venue, CancelOrder(account=self._account, client_order_id=client_order_id))

    def look_up(self, client_order_id: str) -> None:
        """Ask what the venue knows of one order."""
        self._tell(self._venue, LookUpOrder(account=self._account, client_order_id=client_order_id))

    def state(
        self,
        question: int,
        parts: frozenset[Part],
        fills_after_ns: int = 0,
        *,
        is_urgent: bool = False,
    ) -> None:
        """Ask for the venue's own account; here nothing waits."""
        del is_urgent
        asked = StateAccount(
            account=self._account, question=question, parts=parts, fills_after_ns=fills_after_ns
        )
        self._tell(self._venue, asked)
