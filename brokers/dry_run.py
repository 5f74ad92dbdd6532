"""DRY_RUN: everything up to the final request, which is logged and not sent (BR-3).

The order is prepared as for the venue and its payload journaled with the book as it stands; then it
goes to the paper venue, which fills it at the market, so that its whole life is the same.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec

from brokers.base import CannotPrepareError, NotReleased, Prepared
from rust_core import ReleaseGate, Submission
from trading.market import Bar, MarketMessage, OpenPrint, Quote, TradePrint
from trading.ports import Broker, Part

_STAMPS: Final = ("tape_seq", "is_synthetic")
_HIDDEN: Final = (*_STAMPS, "volume_1e8")  # of an open print: nobody can know it yet


class BookSeen:
    """The newest quote, print and bar of each instrument, as the market sends them (MD-7)."""

    def __init__(self) -> None:
        """Nothing was seen."""
        self._newest: dict[str, dict[str, MarketMessage]] = {}

    def see(self, message: MarketMessage) -> None:
        """Look at a market message."""
        if isinstance(message, Quote | TradePrint | Bar | OpenPrint):
            self._newest.setdefault(message.instrument, {})[type(message).__name__] = message

    def snapshot(self, instrument: str) -> dict[str, Any]:
        """What is known of an instrument now."""
        return {name: _fields(each) for name, each in self._newest.get(instrument, {}).items()}


class DryRunBroker:
    """Implements `trading.ports.Broker` before another one.

    Args:
        inner: Fills the order: the paper venue's.
        prepare: Makes the venue's request; pure.
        preview: Asks the venue what the request would come to, where it can be asked.
        book: The market as it stands.
        account: Name of the account's actor, which hears the answers.
        tell: Mails a message to a name.
        note: Journals a fact of the system: stream, kind, payload.
    """

    def __init__(  # noqa: PLR0913 - each is a part of it
        self,
        inner: Broker,
        *,
        prepare: Callable[[bytes], Prepared],
        preview: Callable[[Prepared], None] | None = None,
        book: BookSeen,
        account: str,
        tell: Callable[[str, object], None],
        note: Callable[[str, str, dict[str, Any]], None],
    ) -> None:
        """Stand before `inner`."""
        self.name = inner.name
        self._inner = inner
        self._prepare = prepare
        self._preview = preview
        self._book = book
        self._account = account
        self._tell = tell
        self._note = note

    def submit(self, submission: Submission, gate: ReleaseGate) -> None:
        """Prepare, log, and have it filled at the market; nothing leaves this machine."""
        order = submission.client_order_id
        try:
            prepared = self._prepare(submission.intent)
        except CannotPrepareError as error:
            self._tell(self._account, NotReleased(client_order_id=order, reason=str(error)))
            return
        payload = {
            "client_order_id": order,
            "method": prepared.method,
            "path": prepared.path,
            "body": prepared.body.decode(),
            "body_sha256": hashlib.sha256(prepared.body).hexdigest(),
            "book": self._book.snapshot(submission.instrument),
        }
        self._note(f"prepared/{order}", "OrderPrepared", payload)
        if self._preview is not None:
            self._preview(prepared)
        self._inner.submit(submission, gate)

    def cancel(self, client_order_id: str, broker_order_id: str = "") -> None:
        """As the paper venue does."""
        self._inner.cancel(client_order_id, broker_order_id)

    def look_up(self, client_order_id: str) -> None:
        """As the paper venue does."""
        self._inner.look_up(client_order_id)

    def state(
        self,
        question: int,
        parts: frozenset[Part],
        fills_after_ns: int = 0,
        *,
        is_urgent: bool = False,
    ) -> None:
        """As the paper venue does."""
        self._inner.state(question, parts, fills_after_ns, is_urgent=is_urgent)


def _fields(message: MarketMessage) -> dict[str, Any]:
    hidden = _HIDDEN if isinstance(message, OpenPrint) else _STAMPS
    values = msgspec.structs.asdict(message)
    return {name: value for name, value in values.items() if name not in hidden}
