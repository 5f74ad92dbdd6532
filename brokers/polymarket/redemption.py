"""Exits from decided markets: they take no orders, and pay what an outcome is worth (MD-8).

Such an exit is not sent anywhere: the venue's operator redeems for everybody. It is filled at what
the outcome pays once the wallet does not hold it any more, or at once where it pays nothing, as
nobody redeems that. What was sent before the market was decided is looked up like any order.
"""

from brokers.base import LookedUp, Sent
from brokers.polymarket import reports
from brokers.polymarket.orders import SignedPrepared
from brokers.polymarket.reports import Mine
from brokers.polymarket.rest import Rest
from rust_core import VenueReport

SELL = "SELL"
KEPT_MAX = 1_000
"""Redemptions that are told again when fills are asked for."""


class Redemptions:
    """Which exits wait for their market's payment, and what was paid."""

    def __init__(self, rest: Rest) -> None:
        """None waits."""
        self._rest = rest
        self._claimed: set[str] = set()
        self._paid: dict[str, VenueReport] = {}

    def takes(self, order: SignedPrepared) -> bool:
        """Whether it would be sold where nothing is sold any more."""
        return order.side == SELL and self._worth_1e8(order.token_id) is not None

    def may_take(self, mine: Mine) -> bool:
        """The same, of an order that the venue has no trace of."""
        return mine.side == SELL and self._worth_1e8(mine.token_id) is not None

    def _worth_1e8(self, token_id: str) -> int | None:
        return self._rest.session.book.worth_1e8(token_id)

    def claimed(self, mine: Mine) -> Sent:
        """It waits for the payment; nothing was written to the venue."""
        self._claimed.add(mine.order_id)
        told = (reports.accepted(mine, self._rest.now_ns()),)
        return Sent(client_order_id=mine.ours, broker_order_id=mine.order_id, reports=told)

    def is_claimed(self, mine: Mine) -> bool:
        """It waits, or was paid."""
        return mine.order_id in self._claimed

    async def looked_up(self, mine: Mine) -> LookedUp:
        """Paid, or still waiting; raises one of `CALL_ERRORS`."""
        self._claimed.add(mine.order_id)
        accepted = reports.accepted(mine, self._rest.now_ns())
        worth_1e8 = self._worth_1e8(mine.token_id)
        paid = self._paid.get(mine.order_id)
        if paid is None and worth_1e8 is not None and await self._is_paid(mine, worth_1e8):
            paid = self._pay(mine, worth_1e8)
        told = (accepted,) if paid is None else (accepted, paid)
        return LookedUp(client_order_id=mine.ours, reports=told)

    async def _is_paid(self, mine: Mine, worth_1e8: int) -> bool:
        return not worth_1e8 or not (await self._rest.outcome_held(mine.token_id)).balance_1e8

    def _pay(self, mine: Mine, worth_1e8: int) -> VenueReport:
        paid = VenueReport(
            mine.ours,
            "FILLED",
            self._rest.now_ns(),
            broker_order_id=mine.order_id,
            execution_id=f"redeemed@{mine.order_id[2:14]}",
            qty_1e8=mine.qty_1e8,
            price_1e8=worth_1e8,
            settlement="CONFIRMED",
        )
        self._paid[mine.order_id] = paid
        while len(self._paid) > KEPT_MAX:
            self._paid.pop(next(iter(self._paid)))
        return paid

    def forget(self, order_id: str) -> None:
        """Nobody asks for it any more."""
        self._claimed.discard(order_id)

    def since(self, after_ns: int) -> list[VenueReport]:
        """What was paid after a time."""
        return [paid for paid in self._paid.values() if paid.venue_ns >= after_ns]
