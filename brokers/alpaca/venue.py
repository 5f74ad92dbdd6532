"""One Alpaca account as the adapter drives it: what each exchange means, and nothing repeated."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from brokers.alpaca import reports, stream
from brokers.alpaca.orders import CAPABILITIES, prepare, replacement
from brokers.alpaca.rest import (
    NO_CONTENT,
    NOT_FOUND,
    UNPROCESSABLE,
    Rest,
    by_order,
    is_repeated_id,
)
from brokers.alpaca.words import (
    ErrorBody,
    Order,
    Position,
    amount_1e8,
    malformed,
    read,
    time_ns,
)
from brokers.backoff import Backoff
from brokers.base import (
    AlreadyFinal,
    CancelOutcome,
    CancelRequested,
    CannotPrepareError,
    Capabilities,
    CashStated,
    LookedUp,
    NotReplaced,
    OrderStated,
    PositionStated,
    Prepared,
    Refused,
    Replaced,
    ReplaceOutcome,
    SendOutcome,
    Sent,
    Stated,
    StreamNews,
    Unanswered,
    Unknown,
)
from brokers.calls import CALL_ERRORS, OK, RefusedCallError
from brokers.credentials import Credentials
from brokers.http_wire import Response
from brokers.limiter import Priority
from brokers.reading import MalformedError, unknown_status
from trading.ports import Part

CANCEL_ALL_WAIT_S: Final = 1.0
"""What has not said by then that it takes all of them is asked for each."""
_FILLS_MARGIN_NS: Final = 60_000_000_000
"""Executions are asked for from this long before the order's own stamp on."""


class AlpacaVenue:
    """Implements `brokers.base.Venue`.

    Args:
        rest: The calls.
        stream_url: Where the order stream is.
        credentials: For the stream; the calls have them in their headers.
        backoff: Between two connections of the stream.
        capabilities: What the venue offers.
    """

    def __init__(
        self,
        rest: Rest,
        *,
        stream_url: str,
        credentials: Credentials,
        backoff: Backoff,
        capabilities: Capabilities = CAPABILITIES,
    ) -> None:
        """Nothing is connected yet."""
        self.capabilities = capabilities
        self.rest = rest
        self.heard = reports.Heard()
        self._stream_url = stream_url
        self._credentials = credentials
        self._backoff = backoff

    def prepare(self, intent: bytes) -> Prepared:
        """The exact request of an intent."""
        return prepare(intent)

    # -- orders -----------------------------------------------------------------------------------

    async def send(
        self, prepared: Prepared, release: Callable[[], None], *, is_entry: bool
    ) -> SendOutcome:
        """Hand the bytes over once; see `Venue.send`."""
        return await self.rest.send(prepared, release, self._sent, is_entry=is_entry)

    def _sent(self, order_id: str, response: Response) -> SendOutcome:
        if response.status != OK:
            return self._not_taken(order_id, response)
        try:
            order = read(response, Order, "POST orders")
            told = (reports.accepted(order),) if order.status in reports.LIVE else ()
        except MalformedError as error:
            return Unknown(client_order_id=order_id, cause=str(error))
        if order.client_order_id != order_id:
            return Unknown(client_order_id=order_id, cause="the answer is about another order")
        return Sent(client_order_id=order_id, broker_order_id=order.id, reports=told)

    def _not_taken(self, order_id: str, response: Response) -> Refused | Unknown:
        """Its plain word that it did not take the order; anything else leaves that open."""
        answer = self.rest.said(response)
        if is_repeated_id(answer):
            return Unknown(client_order_id=order_id, cause="the venue has an order of this id")
        try:
            refused = Refused(client_order_id=order_id, answer=answer)
            read(response, ErrorBody, "POST orders")  # what cannot be read may say just that
        except MalformedError as error:
            return Unknown(client_order_id=order_id, cause=f"HTTP {answer.status}: {error}")
        except ValueError as error:
            return Unknown(client_order_id=order_id, cause=str(error))
        return refused

    async def cancel(
        self, client_order_id: str, broker_order_id: str, allow: Callable[[], None]
    ) -> CancelOutcome:
        """Ask for a cancel; an order whose venue id is not known yet is looked up first."""
        try:
            if not broker_order_id:
                order = await self.rest.order_by_our_id(client_order_id)
                if order is None:
                    return AlreadyFinal(hint="the venue has no such order")
                broker_order_id = order.id
            response = await self.rest.cancel(broker_order_id, allow)
        except CALL_ERRORS as error:
            return Unanswered(cause=str(error))
        if response.status == NO_CONTENT:
            return CancelRequested()
        answer = self.rest.said(response)
        if response.status in (NOT_FOUND, UNPROCESSABLE):
            return AlreadyFinal(hint=answer.text)
        return Unanswered(cause=f"HTTP {answer.status} {answer.text}")

    async def cancel_all(
        self, client_order_ids: frozenset[str], allow: Callable[[], None]
    ) -> frozenset[str]:
        """Cancel these by one call, if nothing else works; see `SweepingVenue`."""
        try:
            async with asyncio.timeout(CANCEL_ALL_WAIT_S):
                working = await self.rest.open_orders(Priority.CANCEL)
                ids = {order.id: order.client_order_id for order in working}
                if not ids or not client_order_ids.issuperset(ids.values()):
                    return frozenset()
                taken = await self.rest.cancel_all(allow)
        except (TimeoutError, *CALL_ERRORS):
            return frozenset()
        return frozenset(
            ids[each.id] for each in taken if each.id in ids and each.status in (OK, NO_CONTENT)
        )

    async def replace(
        self,
        broker_order_id: str,
        *,
        qty_1e8: int | None = None,
        limit_1e8: int | None = None,
        stop_1e8: int | None = None,
    ) -> ReplaceOutcome:
        """Change a working order; the new one bears a new id, and only a report says it stands."""
        try:
            body = replacement(qty_1e8=qty_1e8, limit_1e8=limit_1e8, stop_1e8=stop_1e8)
            return Replaced(broker_order_id=(await self.rest.replace(broker_order_id, body)).id)
        except CannotPrepareError as error:
            return NotReplaced(reason=str(error))
        except RefusedCallError as error:
            if error.answer.status in (NOT_FOUND, UNPROCESSABLE):
                return NotReplaced(reason=error.answer.text)
            return Unanswered(cause=str(error))
        except CALL_ERRORS as error:
            return Unanswered(cause=str(error))

    # -- questions --------------------------------------------------------------------------------

    async def look_up(self, client_order_id: str, broker_order_id: str = "") -> LookedUp:
        """All that the venue says of one order; "not found" only when it plainly says so."""
        del broker_order_id  # this venue finds every order by ours
        try:
            order = await self.rest.order_by_our_id(client_order_id)
            if order is None:
                return LookedUp(client_order_id=client_order_id, reports=None)
            return await self._found(client_order_id, order)
        except CALL_ERRORS as error:
            return LookedUp(client_order_id=client_order_id, reports=None, problem=str(error))

    async def _found(self, client_order_id: str, order: Order) -> LookedUp:
        if not reports.is_known(order):
            problem = unknown_status(order.status)
            return LookedUp(
                client_order_id=client_order_id, reports=None, problem=problem, is_in_doubt=True
            )
        told = [reports.accepted(order)]
        if order.filled_1e8:
            stamp = order.submitted_at or order.created_at
            after_ns = 0 if stamp is None else time_ns(stamp) - _FILLS_MARGIN_NS
            fills = by_order(await self.rest.fills(after_ns), order.id)
            told += reports.filled(order, fills, self.heard)
            if sum(report.qty_1e8 for report in told) != order.filled_1e8:
                problem = "its executions are not listed as they stand yet"
                return LookedUp(client_order_id=client_order_id, reports=None, problem=problem)
        end = reports.ended(order)
        if end is not None:
            told.append(end)
        return LookedUp(client_order_id=client_order_id, reports=tuple(told))

    async def state(
        self,
        question: int,
        parts: frozenset[Part],
        fills_after_ns: int,
        *,
        is_urgent: bool = False,
    ) -> Stated:
        """The venue's own account; all that was asked for, or a problem."""
        goes = {"priority": Priority.EXIT} if is_urgent else {}
        try:
            return Stated(
                question=question,
                orders=await self._orders(goes) if Part.ORDERS in parts else None,
                positions=await self._positions(goes) if Part.POSITIONS in parts else None,
                cash=await self._cash() if Part.CASH in parts else None,
                fills=await self._fills(fills_after_ns, goes) if Part.FILLS in parts else None,
            )
        except CALL_ERRORS as error:
            return Stated(question=question, problem=str(error))

    async def _orders(self, goes: Mapping[str, Priority]) -> tuple[OrderStated, ...]:
        return tuple(
            OrderStated(
                client_order_id=order.client_order_id,
                broker_order_id=order.id,
                instrument=order.symbol or "",
                side=reports.SIDES.get(order.side or "", ""),
                qty_1e8=order.qty_1e8,
                filled_1e8=order.filled_1e8,
                price_1e8=_price_1e8(order),
            )
            for order in await self.rest.open_orders(**goes)
        )

    async def _positions(self, goes: Mapping[str, Priority]) -> tuple[PositionStated, ...]:
        return tuple(_position(each) for each in await self.rest.positions(**goes))

    async def _cash(self) -> CashStated:
        account = await self.rest.account()
        blocked = account.blocked_by()
        if blocked:
            raise malformed("account", f"one that may trade; it says {', '.join(blocked)}")
        return CashStated(
            equity_1e8=amount_1e8(account.equity, "account.equity"),
            cash_1e8=amount_1e8(account.cash, "account.cash"),
            buying_power_1e8=amount_1e8(account.buying_power, "account.buying_power"),
            at_ns=self.rest.now_ns(),
        )

    async def _fills(self, after_ns: int, goes: Mapping[str, Priority]) -> tuple[Any, ...]:
        """Executions after a time; the order of each is asked for by one call for all of them."""
        fills = await self.rest.fills(after_ns, **goes)
        ids = {fill.order_id for fill in fills}
        found = await self.rest.recent_orders(ids, **goes) if ids else []
        orders = {order.id: order for order in found}
        known = [(orders[fill.order_id], fill) for fill in fills if fill.order_id in orders]
        return tuple(
            report for order, fill in known for report in reports.filled(order, [fill], self.heard)
        )

    # -- the stream -------------------------------------------------------------------------------

    async def listen(self, hear: Callable[[StreamNews], None]) -> None:
        """Follow the order stream until cancelled."""
        await stream.follow(self._stream_url, self._credentials, hear, self.heard, self._backoff)

    async def close(self) -> None:
        """Let every connection go."""
        self.rest.close()


def _price_1e8(order: Order) -> int:
    """Its limit, else its trigger; zero where it has neither."""
    price = order.limit_price if order.limit_price is not None else order.stop_price
    return 0 if price is None else amount_1e8(price, "order.limit_price")


def _position(position: Position) -> PositionStated:
    cost = position.avg_entry_price
    return PositionStated(
        instrument=position.symbol,
        qty_1e8=position.qty_1e8,
        price_1e8=0 if cost is None else amount_1e8(cost, "position.avg_entry_price"),
    )
