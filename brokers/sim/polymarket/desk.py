"""Where requests about orders arrive: checked, admitted, canceled; and the dead man's switch."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from brokers.sim.book import Side
from brokers.sim.core import Core
from brokers.sim.ledger import Ledger
from brokers.sim.polymarket.account import Account
from brokers.sim.polymarket.engine import Engine
from brokers.sim.polymarket.errors import Refusal, Unmatched, invalid
from brokers.sim.polymarket.life import HELD, Life, Tell
from brokers.sim.polymarket.listing import Listing, Token
from brokers.sim.polymarket.orders import RESTING, Order
from brokers.sim.polymarket.rules import Reader, Ticket
from brokers.sim.units import NS, ONE_1E8, show, times

HEARTBEAT_NS: Final = 10 * NS
GONE: Final = "order can't be found - already canceled or matched"
BALANCE: Final = "not enough balance / allowance"
_SHOWN_NS: Final = 60 * NS


class Desk:
    """One account's orders."""

    def __init__(self, core: Core, address: str, tell: Tell, pace_ns: Callable[[], int]) -> None:
        """No order, and all the cash.

        Args:
            core: Time, market and faults.
            address: The wallet's.
            tell: Hears each event.
            pace_ns: The clock by which a client must show that it lives.
        """
        self._core = core
        self.account = Account(address, Ledger(core.options.cash_1e8))
        self.life = Life(core, self.account, tell)
        self._pace_ns = pace_ns
        self._heartbeat = ""
        self._heard_ns = 0

    # --- new orders -------------------------------------------------------------------------------

    def place(self, ticket: Ticket, owner: str) -> dict[str, Any]:
        """Admit one order, and say what became of it at once.

        Raises:
            Refusal: It is not new, too small, or not covered.
            Unmatched: The engine would not have it.
        """
        if ticket.order_id in self.account.orders:
            raise invalid(ticket.order_id, "Duplicated.")
        order = self._order(ticket, owner)
        self._check_size(order)
        self._check_cover(order)
        self.life.admit(order)
        return self._placed(order)

    def _order(self, ticket: Ticket, owner: str) -> Order:
        return Order(
            order_id=ticket.order_id,
            listing=ticket.listing,
            token=ticket.token,
            side=ticket.side,
            kind=ticket.kind,
            price_1e8=ticket.price_1e8,
            size_1e8=ticket.size_1e8,
            created_ns=self._core.now_ns(),
            owner=owner,
            maker=self.account.address,
            expiration=ticket.expiration,
            metadata=ticket.metadata,
            is_post_only=ticket.is_post_only,
        )

    def _check_size(self, order: Order) -> None:
        """A purchase that would trade at once is worth a dollar at least."""
        worth_1e8 = times(order.price_1e8, order.size_1e8)
        if order.side is Side.BUY and worth_1e8 < ONE_1E8 and self.would_trade(order):
            raise Refusal(
                400, f"invalid amount for a marketable BUY order (${show(worth_1e8)}), min size: $1"
            )

    def would_trade(self, order: Order) -> bool:
        """Whether it finds a counterpart now."""
        best_1e8 = self._core.market.book(order.listing.symbol).best_1e8(order.book_side.other)
        if best_1e8 is None:
            return order.kind not in RESTING
        return (best_1e8 - order.book_price_1e8) * order.book_side.sign <= 0

    def _check_cover(self, order: Order) -> None:
        if order.side is Side.BUY:
            covered = times(order.price_1e8, order.size_1e8) <= self.account.can_pay_1e8()
        else:
            covered = order.size_1e8 <= self.account.can_sell_1e8(order.token)
        if not covered:
            raise Refusal(400, BALANCE)

    def _placed(self, order: Order) -> dict[str, Any]:
        making, taking = self._amounts(order)
        status = "matched" if order.filled_1e8 else "live"
        if order.status in HELD:
            status = order.status.lower()
        return {
            "success": True,
            "errorMsg": "",
            "orderID": order.order_id,
            "status": status,
            "makingAmount": making,
            "takingAmount": taking,
            "transactionsHashes": [],
            "tradeIDs": [*order.trades],
        }

    def _amounts(self, order: Order) -> tuple[str, str]:
        """What was given and what was got at once, "" where that is nothing."""
        if not order.filled_1e8:
            return "", ""
        ledger = self.account.ledger
        fills = (ledger.executions[f"{name}/{order.order_id}"] for name in order.trades)
        dollars = show(sum(one.value_1e8 for one in fills))
        shares = show(order.filled_1e8)
        return (dollars, shares) if order.side is Side.BUY else (shares, dollars)

    @staticmethod
    def refused(text: str, order_id: str = "", *, is_success: bool = False) -> dict[str, Any]:
        """HTTP 200 that is none: without success, or, stranger still, with it."""
        return {
            "success": is_success,
            "errorMsg": text,
            "orderID": "" if is_success else order_id,
            "status": "unmatched" if order_id and not is_success else "",
            "makingAmount": "",
            "takingAmount": "",
            "transactionsHashes": [],
            "tradeIDs": [],
        }

    def place_many(
        self, bodies: list[Any], reader: Reader, owner: str, engine: Engine
    ) -> list[dict[str, Any]]:
        """Each on its own: what is refused is answered with success, no id, and why."""
        found = []
        for body in bodies:
            try:
                ticket = reader.ticket(body, owner, self.account.address)
                engine.check_new(is_post_only=ticket.is_post_only)
                found.append(self.place(ticket, owner))
            except (Refusal, Unmatched) as no:
                found.append(self.refused(no.text, is_success=True))
        return found

    # --- cancels ----------------------------------------------------------------------------------

    def cancel(self, order_ids: Iterable[str]) -> dict[str, Any]:
        """What is canceled now, and what was over before."""
        canceled: list[str] = []
        missing: dict[str, str] = {}
        for order_id in dict.fromkeys(order_ids):
            order = self.account.open.get(order_id)
            if order is None:
                missing[order_id] = GONE
                continue
            self.life.cancel(order)
            canceled.append(order_id)
        return {"canceled": canceled, "not_canceled": missing}

    def open_of(self, market: str = "", asset_id: str = "", order_id: str = "") -> list[Order]:
        """The open orders of a market, a token or an id; of all where none is given."""
        return [
            order
            for order in self.account.open.values()
            if market in ("", order.listing.condition_id)
            and asset_id in ("", order.token.token_id)
            and order_id in ("", order.order_id)
        ]

    def order(self, order_id: str) -> Order | None:
        """An open order, or one that ended less than a minute ago."""
        order = self.account.orders.get(order_id)
        if order is None or not order.is_terminal:
            return order
        return order if self._core.now_ns() - order.ended_ns < _SHOWN_NS else None

    # --- the dead man's switch --------------------------------------------------------------------

    def beat(self, heartbeat_id: str) -> str | None:
        """The id to send next; None where another was expected, which `expected` says."""
        if heartbeat_id != self._heartbeat:
            return None
        self._heard_ns = self._pace_ns()
        self._heartbeat = self._core.new_id()
        return self._heartbeat

    @property
    def expected(self) -> str:
        """The id that the next heartbeat must have; "" before the first one."""
        return self._heartbeat

    def listen(self) -> None:
        """Cancel everything of a client that has not been heard for ten seconds."""
        if self._heartbeat and self._pace_ns() - self._heard_ns >= HEARTBEAT_NS:
            self._heartbeat = ""
            for order in [*self.account.open.values()]:
                self.life.end(order)

    # --- resolution -------------------------------------------------------------------------------

    def close(self, listing: Listing) -> None:
        """A market is decided: what was open in it ends."""
        for order in [*self.account.open.values()]:
            if order.listing is listing:
                self.life.end(order, reason="MARKET_RESOLVED")

    def shares(self, tokens: Iterable[Token]) -> dict[str, int]:
        """What the account holds of each."""
        found = ((token.token_id, self.account.ledger.qty_1e8(token.token_id)) for token in tokens)
        return {name: qty_1e8 for name, qty_1e8 in found if qty_1e8}
