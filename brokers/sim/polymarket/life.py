"""What becomes of an order, matched, resting or canceled, and of a trade until it holds."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import Any, Final

from brokers.sim.book import BookOrder, Match, Side
from brokers.sim.clock import seconds
from brokers.sim.core import Core, dice
from brokers.sim.faults import Rule
from brokers.sim.ledger import Execution
from brokers.sim.polymarket.account import Account
from brokers.sim.polymarket.errors import Unmatched
from brokers.sim.polymarket.listing import Listing, Token
from brokers.sim.polymarket.orders import NOBODY, SOMEBODY, MakerPart, Order, Trade
from brokers.sim.units import NS, ONE_1E8

ACCOUNT: Final = "account"
MINED_NS: Final = 1 * NS
CONFIRMED_NS: Final = 2 * NS
_CENT_OF_CENT: Final = 1000  # five decimals at 1e-8
FOK_TEXT: Final = "order couldn't be fully filled. FOK orders are fully filled or killed."
FAK_TEXT: Final = (
    "no orders found to match with FAK order. "
    "FAK orders are partially filled or killed if no match is found."
)
POST_ONLY_TEXT: Final = "invalid post-only order: order crosses book"
UNHEARD_OF: Final = "UNHEARD_OF"
HELD: Final = ("DELAYED", UNHEARD_OF)
"""Not in the book yet."""
Tell = Callable[[str, dict[str, Any]], None]


class Life:
    """Moves orders and trades; each move is told as one event."""

    def __init__(self, core: Core, account: Account, tell: Tell) -> None:
        """Nothing is under way.

        Args:
            core: Time, market and faults.
            account: What is kept.
            tell: Hears each event, with the word that a fault's pattern is compared with.
        """
        self._core = core
        self._account = account
        self._tell = tell
        self._dice = dice("events", core.options.seed)
        self.mined_ns, self.confirmed_ns = MINED_NS, CONFIRMED_NS

    # --- a new order ------------------------------------------------------------------------------

    def admit(self, order: Order) -> None:
        """Keep it, and match it, or hold it for a while first.

        Raises:
            Unmatched: It would not rest and found nothing, or must not trade at once and would.
        """
        self._account.orders[order.order_id] = order
        self._account.open[order.order_id] = order
        held_ms = order.listing.delay_ms if self._would_trade(order) else 0
        word = "DELAYED"
        if rule := self._fault("odd_status", order):
            held_ms = int(rule.settings["seconds"] * 1000)
            if rule.settings["status"] == "unheard_of":
                word = UNHEARD_OF
        if held_ms:
            order.status = word
            self._emit("PLACEMENT", order)
            self._core.soon(partial(self._release, order), held_ms * 1_000_000)
            return
        self._match(order)

    def _release(self, order: Order) -> None:
        if order.status in HELD:
            order.status = "LIVE"
            try:
                self._match(order)
            except Unmatched:
                return  # told as a cancellation

    def _would_trade(self, order: Order) -> bool:
        book = self._core.market.book(order.listing.symbol)
        return book.available_1e8(_book_order(order)) > 0

    def _match(self, order: Order) -> None:
        book = self._core.market.book(order.listing.symbol)
        found_1e8 = book.available_1e8(_book_order(order))
        if order.is_post_only and found_1e8:
            self._forget(order)
            raise Unmatched(POST_ONLY_TEXT)
        if order.kind == "FOK" and found_1e8 < order.size_1e8:
            self.end(order, reason=FOK_TEXT)
            raise Unmatched(FOK_TEXT, order.order_id)
        if order.kind == "FAK" and not found_1e8:
            self.end(order, reason=FAK_TEXT)
            raise Unmatched(FAK_TEXT, order.order_id)
        self._emit("PLACEMENT", order)
        self._core.market.place(order.listing.symbol, _book_order(order))
        if order.is_terminal:
            return
        if order.kind == "FAK":
            self.end(order)
            return
        if order.expiration:
            self._core.agenda.add(order.expiration * NS, partial(self._expire, order))
        if self._fault("reject_after_accept", order):
            self._core.soon(partial(self._invalidate, order))

    def _forget(self, order: Order) -> None:
        """It never was: a later order may be the same."""
        del self._account.orders[order.order_id]
        del self._account.open[order.order_id]

    def _expire(self, order: Order) -> None:
        if not order.is_terminal:
            self.end(order, reason="EXPIRED_ORDER")

    def _invalidate(self, order: Order) -> None:
        if not order.is_terminal:
            self.end(order, status="INVALID")

    # --- the end of an order ----------------------------------------------------------------------

    def cancel(self, order: Order) -> None:
        """The cancel is answered as done; a fault may have it otherwise."""
        if rule := self._fault("cancel_stuck", order):
            self._core.soon(partial(self._late, order), seconds(rule.settings["seconds"]))
            return
        if self._fault("cancel_loses_to_fill", order):
            qty_1e8 = order.open_1e8
            self._core.market.book(order.listing.symbol).cancel(order.order_id)
            self._core.soon(partial(self._fill_alone, order, qty_1e8))
            return
        rule = self._fault("fill_after_cancel", order)
        open_1e8 = order.open_1e8
        self.end(order)
        if rule is not None:
            late = partial(self._fill_alone, order, open_1e8)
            self._core.soon(late, seconds(rule.settings["seconds"]))

    def _late(self, order: Order) -> None:
        if not order.is_terminal:
            self.end(order)

    def end(self, order: Order, *, reason: str = "", status: str = "CANCELED") -> None:
        """It is over without a further match."""
        self._core.market.book(order.listing.symbol).cancel(order.order_id)
        order.status, order.reason = status, reason
        order.ended_ns = self._core.now_ns()
        self._account.open.pop(order.order_id, None)
        self._emit("CANCELLATION", order)

    # --- matches ----------------------------------------------------------------------------------

    def on_matches(self, listing: Listing, matches: Sequence[Match]) -> None:
        """Executions of the market; each price is a trade of its own."""
        for price_1e8, group in groupby(matches, key=_price_of):
            together = [*group]
            if together[0].taker_owner == ACCOUNT:
                self._took(listing, price_1e8, together)
            elif any(match.maker_owner == ACCOUNT for match in together):
                self._made(listing, price_1e8, together)

    def _took(self, listing: Listing, price_1e8: int, matches: Sequence[Match]) -> None:
        order = self._account.orders[matches[0].taker_id]
        trade = self._trade(listing, order.token, order.side, price_1e8, matches)
        trade.taker_order_id, trade.is_ours = order.order_id, True
        trade.owner, trade.maker = order.owner, order.maker
        self._book(trade, order, trade.price_1e8, trade.qty_1e8, is_taker=True)
        self._finish(trade, matches, [order])

    def _made(self, listing: Listing, price_1e8: int, matches: Sequence[Match]) -> None:
        """Somebody took; half of the time by way of the other token."""
        token = listing.tokens[self._dice.getrandbits(1)]
        side = token.side(matches[0].taker_side)
        trade = self._trade(listing, token, side, price_1e8, matches)
        self._finish(trade, matches, [])

    def _trade(
        self,
        listing: Listing,
        token: Token,
        side: Side,
        price_1e8: int,
        matches: Sequence[Match],
    ) -> Trade:
        now_ns = self._core.now_ns()
        trade = Trade(
            trade_id=self._core.new_id(),
            listing=listing,
            taker_order_id=self._somebody(),
            token=token,
            side=side,
            price_1e8=token.price(price_1e8),
            qty_1e8=sum(match.qty_1e8 for match in matches),
            is_ours=False,
            owner=NOBODY,
            maker=SOMEBODY,
            matched_ns=now_ns,
            updated_ns=now_ns,
        )
        self._account.trades[trade.trade_id] = trade
        return trade

    def _somebody(self) -> str:
        return f"0x{self._dice.getrandbits(256):064x}"

    def _finish(self, trade: Trade, matches: Sequence[Match], orders: list[Order]) -> None:
        """The other sides of a trade, what is told of it, and its settlement."""
        for match in matches:
            if match.maker_owner != ACCOUNT:
                trade.makers.append(self._foreign(trade.listing, match))
                continue
            order = self._account.orders[match.maker_id]
            trade.makers.append(_part(order, match.qty_1e8))
            self._book(trade, order, order.price_1e8, match.qty_1e8, is_taker=False)
            orders.append(order)
        self._announce(trade)
        for order in orders:
            self._emit("UPDATE", order)
        self._settle(trade, orders[0])

    def _foreign(self, listing: Listing, match: Match) -> MakerPart:
        token = listing.tokens[self._dice.getrandbits(1)]
        return MakerPart(
            order_id=self._somebody(),
            owner=NOBODY,
            maker=SOMEBODY,
            token=token,
            side=token.side(match.taker_side.other),
            price_1e8=token.price(match.price_1e8),
            qty_1e8=match.qty_1e8,
        )

    def _fill_alone(self, order: Order, qty_1e8: int) -> None:
        """A match outside the book, which a fault asks for."""
        if not qty_1e8 or order.status == "MATCHED":
            return
        match = Match(
            price_1e8=order.book_price_1e8,
            qty_1e8=qty_1e8,
            taker_side=order.book_side.other,
            maker_id=order.order_id,
            maker_owner=ACCOUNT,
            taker_id="",
            taker_owner="",
        )
        self._made(order.listing, match.price_1e8, [match])

    def _book(
        self, trade: Trade, order: Order, price_1e8: int, qty_1e8: int, *, is_taker: bool
    ) -> None:
        order.filled_1e8 += qty_1e8
        order.trades.append(trade.trade_id)
        if not order.open_1e8 and order.status != "CANCELED":
            order.status, order.ended_ns = "MATCHED", self._core.now_ns()
            self._account.open.pop(order.order_id, None)
        fee_1e8 = _fee(order.listing, price_1e8, qty_1e8) if is_taker else 0
        execution = Execution(
            execution_id=f"{trade.trade_id}/{order.order_id}",
            order_id=order.order_id,
            symbol=order.token.token_id,
            side=order.side,
            qty_1e8=qty_1e8,
            price_1e8=price_1e8,
            at_ns=self._core.now_ns(),
            fee_1e8=fee_1e8,
            cum_1e8=order.filled_1e8,
            leaves_1e8=order.open_1e8,
        )
        previous = self._account.ledger.executions.get(execution.execution_id)
        if previous is not None:
            raise ValueError(f"{execution.execution_id} was booked before")
        self._account.ledger.book(execution)
        self._account.ledger.pay_fees()
        trade.executions.append(execution.execution_id)

    # --- settlement -------------------------------------------------------------------------------

    def _settle(self, trade: Trade, order: Order) -> None:
        if rule := self._fault("reversal", order):
            delay_ns = seconds(rule.settings["seconds"])
            self._core.soon(partial(self._move, trade, "RETRYING"), delay_ns)
            self._core.soon(partial(self._fail, trade), delay_ns)
            return
        mined_ns = self.mined_ns
        if rule := self._fault("settlement_retries", order):
            self._core.soon(partial(self._move, trade, "RETRYING"), mined_ns)
            mined_ns += seconds(rule.settings["seconds"])
        self._core.soon(partial(self._move, trade, "MINED"), mined_ns)
        self._core.soon(partial(self._move, trade, "CONFIRMED"), mined_ns + self.confirmed_ns)

    def _move(self, trade: Trade, status: str) -> None:
        if status == "MINED" or (status == "RETRYING" and not trade.transaction):
            trade.transaction = self._somebody()
        trade.status, trade.updated_ns = status, self._core.now_ns()
        self._announce(trade)

    def _fail(self, trade: Trade) -> None:
        """The trade never was; the orders do not know it."""
        for execution_id in trade.executions:
            self._account.ledger.reverse(execution_id)
        self._account.ledger.pay_fees()
        self._move(trade, "FAILED")

    # --- what is told -----------------------------------------------------------------------------

    def _emit(self, kind: str, order: Order) -> None:
        """Tell an order as it is now, after the answer to the request under way."""
        event = order.event(kind, self._core.now_ns())
        self._core.soon(partial(self._tell, kind, event))

    def _announce(self, trade: Trade) -> None:
        event = trade.event(self._core.now_ns())
        self._core.soon(partial(self._tell, trade.status, event))

    def _fault(self, verb: str, order: Order) -> Rule | None:
        return self._core.faults.take_verb(verb, order.order_id)


def _price_of(match: Match) -> int:
    return match.price_1e8


def _part(order: Order, qty_1e8: int) -> MakerPart:
    return MakerPart(
        order_id=order.order_id,
        owner=order.owner,
        maker=order.maker,
        token=order.token,
        side=order.side,
        price_1e8=order.price_1e8,
        qty_1e8=qty_1e8,
    )


def _book_order(order: Order) -> BookOrder:
    return BookOrder(
        order_id=order.order_id,
        owner=ACCOUNT,
        side=order.book_side,
        qty_1e8=order.open_1e8,
        limit_1e8=order.book_price_1e8,
        rests=order.kind in ("GTC", "GTD"),
    )


def _fee(listing: Listing, price_1e8: int, qty_1e8: int) -> int:
    """The taker's fee, shares * r * (p * (1 - p)) ** e, to five decimals."""
    if not listing.fee_rate:
        return 0
    price = price_1e8 / ONE_1E8
    part: float = listing.fee_rate * (price * (1 - price)) ** listing.fee_exponent
    return round(qty_1e8 * part / _CENT_OF_CENT) * _CENT_OF_CENT
