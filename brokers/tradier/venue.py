"""One Tradier account as the adapter drives it.

Nothing at this venue is idempotent: tags repeat, the list of orders forgets yesterday, and "ok" is
only "received". An order is therefore handed over once and never again; whether it arrived is read
from today's list by its tag and by what its intent asked for; where that list does not reach back
to it, nothing is proven.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
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
    Previewed,
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
from brokers.calls import CALL_ERRORS, OK, UNAUTHORISED, RefusedCallError
from brokers.http_wire import Response
from brokers.limiter import Priority
from brokers.reading import MalformedError, unknown_status
from brokers.shared_read import SharedRead
from brokers.tradier import reports, stream
from brokers.tradier.matching import AskedOrders, read_asked
from brokers.tradier.orders import CAPABILITIES, Standing, prepare, preview, replacement
from brokers.tradier.rest import (
    BAD_REQUEST,
    NOT_FOUND,
    Rest,
)
from brokers.tradier.tags import id_of
from brokers.tradier.words import (
    Order,
    OrderEvent,
    Position,
    Taken,
    amount_1e8,
    part,
)
from rust_core import VenueReport
from trading.ports import Part

NS: Final = 1_000_000_000
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
        self._totals: OrderedDict[int, int] = OrderedDict()
        self._errors_seen: set[int] = set()
        self._asked = AskedOrders()
        self._list = SharedRead(lambda: rest.todays_orders(Priority.LOOK_UP))

    def remember(self, intents: Callable[[], Iterable[bytes]]) -> None:
        """Where the intents are that orders of our tags are compared with."""
        self._asked.intents = intents

    def prepare(self, intent: bytes) -> Prepared:
        """The exact request of an intent."""
        prepared = prepare(intent, self.rest.account)
        self._asked.note(read_asked(intent))
        return prepared

    # -- orders -----------------------------------------------------------------------------------

    async def send(
        self, prepared: Prepared, release: Callable[[], None], *, is_entry: bool
    ) -> SendOutcome:
        """Hand the bytes over once; see `Venue.send`."""
        outcome = await self.rest.send(prepared, release, self.understand_answer, is_entry=is_entry)
        if isinstance(outcome, Refused) and outcome.answer.lists_errors:
            return await self._confirmed(outcome)
        return outcome

    async def _confirmed(self, refused: Refused) -> SendOutcome:
        """Errors under HTTP 200 are believed once today's list has no such order."""
        order = refused.client_order_id
        found = await self.look_up(order)
        if found.problem:
            return Unknown(client_order_id=order, cause=f"{refused.answer.text}; {found.problem}")
        if found.reports is None:
            return refused
        number = found.reports[0].broker_order_id if found.reports else ""
        return Sent(client_order_id=order, broker_order_id=number, reports=found.reports)

    def understand_answer(self, order_id: str, response: Response) -> SendOutcome:
        """What the answer to an order means: "ok" is only that it was received."""
        answer = self.rest.said(response)
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
                found = self._asked.ours(client_order_id, await self._by_tag(client_order_id))
                if not found:
                    return AlreadyFinal(hint="today's list has no such order of this tag")
                broker_order_id = str(found[-1].id)
            response = await self.rest.cancel(broker_order_id, allow)
        except CALL_ERRORS as error:
            return Unanswered(cause=str(error))
        answer = self.rest.said(response)
        if response.status == OK and not answer.lists_errors:
            return _asked_for(response)
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
        """Change the prices of a working order, which keeps its id; quantities cannot change.

        The order is read first: a form without its own type and duration would change them.
        """
        if qty_1e8 is not None:
            return NotReplaced(reason="the venue cannot change a quantity: cancel, then send anew")
        try:
            standing = _standing(await self.rest.order(broker_order_id))
            body = replacement(standing, limit_1e8=limit_1e8, stop_1e8=stop_1e8)
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

    async def preview(self, prepared: Prepared) -> Previewed:
        """What the order would come to (BR-3)."""
        try:
            found = await self.rest.preview(preview(prepared))
        except CALL_ERRORS as error:
            return Previewed(is_ok=False, text=str(error))
        figures = {name: bytes(value).decode() for name, value in found.items()}
        status = figures.get("status", "").strip('"')
        return Previewed(
            is_ok=status == "ok", text="" if status == "ok" else status, figures=figures
        )

    # -- questions --------------------------------------------------------------------------------

    async def look_up(self, client_order_id: str, broker_order_id: str = "") -> LookedUp:
        """All that today's list says of one order, else the order itself by its number (EX-6).

        Two orders of one tag are two orders: none is chosen, and a person must look.
        """
        try:
            tagged = await self._by_tag(client_order_id)
            if not tagged and broker_order_id:
                order = await self.rest.order(broker_order_id)
                tagged = [] if order is None else [order]
            found = self._asked.ours(client_order_id, tagged)
        except CALL_ERRORS as error:
            return LookedUp(client_order_id=client_order_id, reports=None, problem=str(error))
        if len(found) > 1 or (tagged and not found):
            numbers = ", ".join(str(order.id) for order in tagged)
            which = f"{len(found)} are" if found else "none is"
            problem = f"of the venue's orders of this tag ({numbers}) {which} as asked: look there"
            return LookedUp(client_order_id=client_order_id, reports=None, problem=problem)
        if not found:
            since_ns = self._today_ns()
            return LookedUp(client_order_id=client_order_id, reports=None, since_ns=since_ns)
        return self._found(client_order_id, found[0])

    def _today_ns(self) -> int:
        """When New York's day began, which is how far back the list of orders reaches."""
        now = datetime.fromtimestamp(self.rest.now_ns() // NS, NEW_YORK)
        began = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return int(began.timestamp()) * NS

    def _found(self, ours: str, order: Order) -> LookedUp:
        told = reports.said_of(ours, order)
        if order.status == reports.ERROR and not order.filled_1e8:
            if order.id not in self._errors_seen:
                self._errors_seen.add(order.id)
                problem = "its status is error; a second look decides"
                return LookedUp(client_order_id=ours, reports=None, problem=problem)
            told.append(reports.rejected(ours, order))
        elif not reports.is_known(order):
            problem = unknown_status(order.status)
            return LookedUp(client_order_id=ours, reports=None, problem=problem, is_in_doubt=True)
        return LookedUp(client_order_id=ours, reports=tuple(told))

    async def _by_tag(self, client_order_id: str) -> list[Order]:
        orders = await self._list.read()
        found = [order for order in orders if id_of(order.tag or "") == client_order_id]
        for order in self._asked.ours(client_order_id, found):
            self._is_ours(order.id, client_order_id)
        return found

    async def state(
        self,
        question: int,
        parts: frozenset[Part],
        fills_after_ns: int,
        *,
        is_urgent: bool = False,
    ) -> Stated:
        """The venue's own account; orders and fills come of one list, asked for once."""
        priority = Priority.EXIT if is_urgent else Priority.POLL
        try:
            orders: list[Order] = []
            if parts & {Part.ORDERS, Part.FILLS}:
                orders = await self.rest.todays_orders(priority)
            return Stated(
                question=question,
                orders=self._working(orders) if Part.ORDERS in parts else None,
                positions=await self._positions(priority) if Part.POSITIONS in parts else None,
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

    async def _positions(self, priority: Priority) -> tuple[PositionStated, ...]:
        return tuple(_position(each) for each in await self.rest.positions(priority))

    async def _cash(self) -> CashStated:
        balances = await self.rest.balances()
        return CashStated(
            equity_1e8=amount_1e8(balances.total_equity, "balances.total_equity"),
            cash_1e8=amount_1e8(balances.total_cash, "balances.total_cash"),
            buying_power_1e8=amount_1e8(balances.buying_power, "balances.buying_power"),
            at_ns=self.rest.now_ns(),
        )

    def _fills(self, orders: list[Order], after_ns: int) -> tuple[Any, ...]:
        """How far each order of the list has filled, if it changed since.

        One that has not filled is told too: its total may have been taken back (EX-7).
        """
        return tuple(
            reports.total(id_of(order.tag), order)
            for order in orders
            if order.at_ns >= after_ns and order.tag
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
            text = f"{ours}: {unknown_status(order.status)}"
            is_error = order.status == reports.ERROR
            return Reported(
                client_order_id=ours, asks_look_up=True, is_in_doubt=True,
                warning="" if is_error else text,
            )  # fmt: skip
        is_filled = order.status == reports.FILLED
        seen_1e8 = self._totals.get(order.id, 0)
        self._keep(self._totals, order.id, max(seen_1e8, order.filled_1e8))
        return Reported(
            client_order_id=ours,
            reports=tuple(reports.said_of(ours, order)),
            asks_look_up=is_filled and not order.filled_1e8,
            # News may overtake each other while it fills; once it has, less is a fill taken back.
            is_correction=is_filled and order.filled_1e8 < seen_1e8,
        )

    async def close(self) -> None:
        """Let every connection go."""
        self._list.close()
        self.rest.close()

    def _is_ours(self, number: int, client_order_id: str) -> None:
        self._keep(self._ours, number, client_order_id)

    @staticmethod
    def _keep(kept: OrderedDict[int, Any], number: int, value: Any) -> None:
        kept[number] = value
        while len(kept) > _IDS_KEPT:
            kept.popitem(last=False)


def _asked_for(response: Response) -> CancelOutcome:
    """A cancel was taken only where the venue says so in its own words."""
    try:
        part(response, "order", Taken, "cancel")
    except MalformedError as error:
        return Unanswered(cause=str(error))
    return CancelRequested()


def _standing(order: Order | None) -> Standing:
    """What a change must say again.

    Raises:
        CannotPrepareError: There is none, it is over, or the venue does not say what it is.
    """
    if order is None:
        raise CannotPrepareError("the venue knows no order of that number")
    if order.status not in reports.LIVE:
        raise CannotPrepareError(f"order {order.id} is {order.status}")
    if not order.type or not order.duration:
        raise CannotPrepareError(f"the venue does not say type and duration of order {order.id}")
    price, stop = order.price, order.stop_price
    return Standing(
        type=order.type,
        duration=order.duration,
        limit_1e8=amount_1e8(price, "order.price") if price else None,
        stop_1e8=amount_1e8(stop, "order.stop_price") if stop else None,
        is_option=order.option_symbol is not None,
    )


def _price_1e8(order: Order) -> int:
    """Its limit, else its trigger; zero where it has neither."""
    price = order.price if order.price is not None else order.stop_price
    return 0 if price is None else amount_1e8(price, "order.price")


def _position(position: Position) -> PositionStated:
    """The cost is of the whole, multiplier included: of one unit only a share's can be told."""
    return PositionStated(
        instrument=position.symbol, qty_1e8=amount_1e8(position.quantity, "position.quantity")
    )
