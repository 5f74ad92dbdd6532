"""One Tradier account as the adapter drives it.

Nothing at this venue is idempotent: tags repeat, the list of orders forgets yesterday, and "ok" is
only "received". An order is therefore handed over once and never again; whether it arrived is read
from today's list by its tag, and where that list does not reach back to it, nothing is proven.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

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
    Reported,
    SendOutcome,
    Sent,
    Stated,
    StreamNews,
    Unanswered,
    Unknown,
)
from brokers.http import NoAnswerError
from brokers.http_wire import Response
from brokers.limiter import Priority
from brokers.reading import MalformedError
from brokers.tradier import reports, stream
from brokers.tradier.orders import CAPABILITIES, prepare, replacement
from brokers.tradier.rest import (
    BAD_REQUEST,
    CALL_ERRORS,
    NOT_FOUND,
    OK,
    UNAUTHORISED,
    RefusedCallError,
    Rest,
    said,
)
from brokers.tradier.tags import id_of
from brokers.tradier.words import (
    Order,
    OrderEvent,
    Position,
    Taken,
    amount_1e8,
    errors_in,
    part,
)
from rust_core import VenueReport
from trading.ports import Part

NEW_YORK: Final = ZoneInfo("America/New_York")
_IDS_KEPT: Final = 4_096


class TradierVenue:
    """Implements `brokers.base.Venue`.

    Args:
        rest: The calls.
        backoff: Between two connections of the stream.
        capabilities: What the venue offers.
    """

    def __init__(
        self, rest: Rest, *, backoff: Backoff, capabilities: Capabilities = CAPABILITIES
    ) -> None:
        """Nothing is connected yet."""
        self.capabilities = capabilities
        self.rest = rest
        self._backoff = backoff
        self._ours: OrderedDict[int, str] = OrderedDict()
        self._errors_seen: set[int] = set()

    def prepare(self, intent: bytes) -> Prepared:
        """The exact request of an intent."""
        return prepare(intent, self.rest.account)

    # -- orders -----------------------------------------------------------------------------------

    async def send(
        self, prepared: Prepared, release: Callable[[], None], *, is_entry: bool
    ) -> SendOutcome:
        """Hand the bytes over once; see `Venue.send`."""
        request = self.rest.orders.request(prepared.method, prepared.path, prepared.body)

        def released() -> bytes:
            release()
            return request

        order_id = prepared.client_order_id
        priority = Priority.ENTRY if is_entry else Priority.EXIT
        try:
            response = await self.rest.post_order(released, priority)
        except NoAnswerError as error:
            return Unknown(client_order_id=order_id, cause=str(error))
        return self.understand_answer(order_id, response)

    def understand_answer(self, order_id: str, response: Response) -> SendOutcome:
        """What the answer to an order means: "ok" is only that it was received."""
        answer = said(response, self.rest.now_ns())
        if response.status == OK and not answer.lists_errors:
            try:
                taken = part(response, "order", Taken, "POST orders")
            except MalformedError as error:
                return Unknown(client_order_id=order_id, cause=str(error))
            self._is_ours(taken.id, order_id)
            number = str(taken.id)
            received = VenueReport(order_id, "ACCEPTED", answer.at_ns, broker_order_id=number)
            return Sent(client_order_id=order_id, broker_order_id=number, reports=(received,))
        if response.status == NOT_FOUND:  # of an endpoint that may be there a moment later
            return Unknown(client_order_id=order_id, cause="HTTP 404, which passes")
        try:
            return Refused(client_order_id=order_id, answer=answer)
        except ValueError as error:
            return Unknown(client_order_id=order_id, cause=str(error))

    async def cancel(
        self, client_order_id: str, broker_order_id: str, allow: Callable[[], None]
    ) -> CancelOutcome:
        """Ask for a cancel; an order whose venue id is not known yet is searched for by its tag."""
        try:
            if not broker_order_id:
                found = await self._by_tag(client_order_id)
                if not found:
                    return AlreadyFinal(hint="today's list has no order of this tag")
                broker_order_id = str(found[-1].id)
            response = await self.rest.cancel(broker_order_id, allow)
        except CALL_ERRORS as error:
            return Unanswered(cause=str(error))
        answer = said(response, self.rest.now_ns())
        if response.status == OK and not errors_in(response):
            return CancelRequested()
        if response.status in (BAD_REQUEST, UNAUTHORISED):  # final, or unknown: its own two words
            return AlreadyFinal(hint=answer.text)
        return Unanswered(cause=f"HTTP {answer.status} {answer.text}")

    async def replace(
        self,
        broker_order_id: str,
        *,
        qty_1e8: int | None = None,
        limit_1e8: int | None = None,
        stop_1e8: int | None = None,
    ) -> ReplaceOutcome:
        """Change the prices of a working order, which keeps its id; quantities cannot change."""
        if qty_1e8 is not None:
            return NotReplaced(reason="the venue cannot change a quantity: cancel, then send anew")
        kind = "limit" if stop_1e8 is None else "stop" if limit_1e8 is None else "stop_limit"
        try:
            body = replacement(kind, "day", limit_1e8=limit_1e8, stop_1e8=stop_1e8)
            taken = await self.rest.change(broker_order_id, body)
            return Replaced(broker_order_id=str(taken.id))
        except CannotPrepareError as error:
            return NotReplaced(reason=str(error))
        except RefusedCallError as error:
            if error.answer.status in (OK, BAD_REQUEST, UNAUTHORISED):
                return NotReplaced(reason=error.answer.text)
            return Unanswered(cause=str(error))
        except CALL_ERRORS as error:
            return Unanswered(cause=str(error))

    # -- questions --------------------------------------------------------------------------------

    async def look_up(self, client_order_id: str) -> LookedUp:
        """All that today's list says of one order (EX-6).

        Two orders of one tag are two orders: none is chosen, and a person must look.
        """
        try:
            found = await self._by_tag(client_order_id)
        except CALL_ERRORS as error:
            return LookedUp(client_order_id=client_order_id, reports=None, problem=str(error))
        if len(found) > 1:
            numbers = ", ".join(str(order.id) for order in found)
            problem = f"the venue has {len(found)} orders of this tag ({numbers}): look at each"
            return LookedUp(client_order_id=client_order_id, reports=None, problem=problem)
        if not found:
            return self._not_found(client_order_id)
        return self._found(client_order_id, found[0])

    def _not_found(self, client_order_id: str) -> LookedUp:
        """Absence is an answer only while the list reaches back to the order's own day."""
        today = f"{datetime.fromtimestamp(self.rest.now_ns() // 10**9, NEW_YORK):%Y%m%d}"
        if f"-{today}-" in client_order_id:
            return LookedUp(client_order_id=client_order_id, reports=None)
        problem = (
            "it is of an earlier day, and the venue lists today's orders only: "
            "positions and history decide, and a person confirms"
        )
        return LookedUp(client_order_id=client_order_id, reports=None, problem=problem)

    def _found(self, ours: str, order: Order) -> LookedUp:
        told = reports.said_of(ours, order)
        if order.status == reports.ERROR and not order.filled_1e8:
            if order.id not in self._errors_seen:
                self._errors_seen.add(order.id)
                problem = "its status is error; a second look decides"
                return LookedUp(client_order_id=ours, reports=None, problem=problem)
            told.append(reports.rejected(ours, order))
        elif not reports.is_known(order):
            problem = f"its status {order.status[:40]!r} is unknown"
            return LookedUp(client_order_id=ours, reports=None, problem=problem)
        return LookedUp(client_order_id=ours, reports=tuple(told))

    async def _by_tag(self, client_order_id: str) -> list[Order]:
        orders = await self.rest.todays_orders(Priority.LOOK_UP)
        found = [order for order in orders if id_of(order.tag or "") == client_order_id]
        for order in found:
            self._is_ours(order.id, client_order_id)
        return found

    async def state(self, question: int, parts: frozenset[Part], fills_after_ns: int) -> Stated:
        """The venue's own account; orders and fills come of one list, asked for once."""
        try:
            orders: list[Order] = []
            if parts & {Part.ORDERS, Part.FILLS}:
                orders = await self.rest.todays_orders(Priority.POLL)
            return Stated(
                question=question,
                orders=self._working(orders) if Part.ORDERS in parts else None,
                positions=await self._positions() if Part.POSITIONS in parts else None,
                cash=await self._cash() if Part.CASH in parts else None,
                fills=self._fills(orders, fills_after_ns) if Part.FILLS in parts else None,
            )
        except CALL_ERRORS as error:
            return Stated(question=question, problem=str(error))

    def _working(self, orders: list[Order]) -> tuple[OrderStated, ...]:
        return tuple(
            OrderStated(
                client_order_id=id_of(order.tag or ""),
                broker_order_id=str(order.id),
                instrument=order.instrument,
                side=reports.SIDES.get(order.side or "", ""),
                qty_1e8=order.qty_1e8,
                filled_1e8=order.filled_1e8,
                price_1e8=_price_1e8(order),
            )
            for order in orders
            if order.status in reports.LIVE
        )

    async def _positions(self) -> tuple[PositionStated, ...]:
        return tuple(_position(each) for each in await self.rest.positions())

    async def _cash(self) -> CashStated:
        balances = await self.rest.balances()
        return CashStated(
            equity_1e8=amount_1e8(balances.total_equity, "balances.total_equity"),
            cash_1e8=amount_1e8(balances.total_cash, "balances.total_cash"),
            buying_power_1e8=amount_1e8(balances.buying_power, "balances.buying_power"),
            at_ns=self.rest.now_ns(),
        )

    def _fills(self, orders: list[Order], after_ns: int) -> tuple[Any, ...]:
        """How far each order of the list has filled, if it changed since."""
        return tuple(
            report
            for order in orders
            if order.at_ns >= after_ns and order.tag
            for report in reports.said_of(id_of(order.tag), order)
            if report.kind == "FILLED_TO"
        )

    # -- the stream -------------------------------------------------------------------------------

    async def listen(self, hear: Callable[[StreamNews], None]) -> None:
        """Follow the account's events until cancelled."""
        await stream.follow(self.rest, hear, self.understand, self._backoff)

    def understand(self, event: OrderEvent) -> Reported:
        """What one event means; it is joined by its tag, else by the venue's id."""
        order = event.as_order
        ours = id_of(order.tag) if order.tag else self._ours.get(order.id, f"{order.id}")
        if order.tag:
            self._is_ours(order.id, ours)
        if not reports.is_known(order):
            text = f"{ours}: the venue says the status {order.status[:40]!r}; it is asked"
            is_error = order.status == reports.ERROR
            return Reported(
                client_order_id=ours, asks_look_up=True, is_in_doubt=True,
                warning="" if is_error else text,
            )  # fmt: skip
        is_hollow = order.status == reports.FILLED and not order.filled_1e8
        return Reported(
            client_order_id=ours,
            reports=tuple(reports.said_of(ours, order)),
            asks_look_up=is_hollow,
        )

    async def close(self) -> None:
        """Let every connection go."""
        self.rest.close()

    def _is_ours(self, number: int, client_order_id: str) -> None:
        self._ours[number] = client_order_id
        while len(self._ours) > _IDS_KEPT:
            self._ours.popitem(last=False)


def _price_1e8(order: Order) -> int:
    """Its limit, else its trigger; zero where it has neither."""
    price = order.price if order.price is not None else order.stop_price
    return 0 if price is None else amount_1e8(price, "order.price")


def _position(position: Position) -> PositionStated:
    """The cost is of the whole, multiplier included: of one unit only a share's can be told."""
    return PositionStated(
        instrument=position.symbol, qty_1e8=amount_1e8(position.quantity, "position.quantity")
    )
