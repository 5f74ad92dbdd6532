"""What the books and the record of a run know of its orders; the way to a venue asks (EX-6)."""

from collections.abc import Callable

from rust_core import AccountCore
from storage import SqliteRecord
from trading.ports import Claim

OURS_MAX = 2_000
"""Ids known to be ours without asking the record, so that a long run keeps no more (WD-8)."""
_INTENDED = """SELECT at_ns FROM journal JOIN claims USING (pos)
    WHERE claims.run = :run AND name = 'intent' AND key = :order"""
_INTENTS = "SELECT payload FROM journal WHERE run = :run AND kind = 'OrderIntended'"


class OwnOrders:
    """The orders of one run."""

    def __init__(
        self, record: SqliteRecord, run: str, core: Callable[[], AccountCore | None]
    ) -> None:
        """`core` gives the books, None as long as there are none."""
        self._record, self._run, self._core = record, run, core
        self._ours: dict[str, None] = {}

    def is_ours(self, client_order_id: str) -> bool:
        """Its intent is durable in this run, which it was before the venue heard of it."""
        if client_order_id not in self._ours:
            claim = Claim(name="intent", key=client_order_id)
            if not self._record.has_claim(claim, self._run):
                return False
            self._ours[client_order_id] = None
            if len(self._ours) > OURS_MAX:
                del self._ours[next(iter(self._ours))]  # the oldest; the record knows it still
        return True

    def live(self) -> list[str]:
        """Ids of the orders that are not over."""
        core = self._core()
        return [] if core is None else [order.client_order_id for order in core.orders()]

    def working(self) -> dict[str, int]:
        """What is filled, at 1e-8, of each order that works at the venue."""
        core = self._core()
        orders = [] if core is None else core.orders()
        known = ("WORKING", "PARTIALLY_FILLED")
        return {each.client_order_id: each.filled_1e8 for each in orders if each.state in known}

    def broker_id(self, client_order_id: str) -> str:
        """The venue's own id of an order, "" as long as it is not known."""
        core = self._core()
        order = None if core is None else core.order(client_order_id)
        return "" if order is None else order.broker_order_id

    def intents(self) -> list[bytes]:
        """Every intent of the run, as it was journaled."""
        return [text.encode() for (text,) in self._record.query(_INTENTS, {"run": self._run})]

    def intended_ns(self, client_order_id: str) -> int:
        """When an order was intended, 0 where no record knows it."""
        values = {"run": self._run, "order": client_order_id}
        return next((at_ns for (at_ns,) in self._record.query(_INTENDED, values)), 0)
