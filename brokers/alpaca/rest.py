"""Alpaca's REST calls: each one request, one answer, typed; nothing is ever repeated here."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

from brokers.alpaca import words
from brokers.alpaca.orders import PATH, is_option
from brokers.alpaca.words import (
    Account,
    Asset,
    BarsPage,
    BarWire,
    CalendarDay,
    CancelledOne,
    Clock,
    Contract,
    ErrorBody,
    Fill,
    Order,
    Position,
    malformed,
    read,
)
from brokers.base import VenueAnswer
from brokers.calls import OK, Caller, RefusedCallError, digits
from brokers.http import Channel
from brokers.http_wire import Response
from brokers.limiter import Priority
from brokers.reading import MalformedError, iso, shown

Wire = TypeVar("Wire")
MULTI_STATUS: Final = 207
NO_CONTENT: Final = 204
NOT_FOUND: Final = 404
UNPROCESSABLE: Final = 422
NOT_FOUND_CODE: Final = 40410000
ORDERS_PAGE: Final = 500
FILLS_PAGE: Final = 100
BARS_PAGE: Final = 10_000
PAGES_MAX: Final = 200
_REPEATED_ID: Final = re.compile(r"client[ _-]?order[ _-]?id must be unique", re.IGNORECASE)


def is_repeated_id(answer: VenueAnswer) -> bool:
    """The venue has an order of that id already: no refusal of the order, on the contrary."""
    return answer.status == UNPROCESSABLE and _REPEATED_ID.search(answer.text) is not None


@dataclass(slots=True, kw_only=True)
class Rest(Caller):
    """The calls of one account; orders and reads share one limiter.

    Attributes:
        data: Connections to the host of market data.
    """

    venue = words.VENUE
    data: Channel

    def close(self) -> None:
        """Drop the connections."""
        self.orders.close()
        self.reads.close()
        self.data.close()

    def said(self, response: Response) -> VenueAnswer:
        """An answer in words, for texts and decisions; a body that cannot be read says nothing."""
        try:
            body = read(response, ErrorBody, "error")
        except MalformedError:
            body = ErrorBody("")
        text = shown(body.message, self.secrets())
        return VenueAnswer(status=response.status, code=body.code, text=text, at_ns=self.now_ns())

    # -- orders -----------------------------------------------------------------------------------

    async def cancel(self, broker_order_id: str, allow: Callable[[], None]) -> Response:
        """Ask for a cancel; 204 is: requested, not done."""
        return await self.delete(f"{PATH}/{quote(broker_order_id, safe='')}", allow)

    async def cancel_all(self, allow: Callable[[], None]) -> list[CancelledOne]:
        """Ask for a cancel of every order; the answer says which requests were taken."""
        response = await self.delete(PATH, allow, "cancel-all")
        if response.status not in (OK, MULTI_STATUS):
            raise RefusedCallError(words.VENUE, "cancel-all", self.said(response))
        return read(response, list[CancelledOne], "cancel-all")

    async def replace(self, broker_order_id: str, body: bytes) -> Order:
        """Change a working order; the answer is a new order, and no proof that it stands."""
        request = self.orders.request("PATCH", f"{PATH}/{quote(broker_order_id, safe='')}", body)
        return await self._ask(self.orders, request, Order, (Priority.EXIT, "replace"))

    async def close_position(self, symbol: str) -> Order:
        """Have the venue close one position at the market."""
        request = self.orders.request("DELETE", f"/v2/positions/{quote(symbol, safe='')}")
        return await self._ask(self.orders, request, Order, (Priority.EXIT, "close-position"))

    # -- questions --------------------------------------------------------------------------------

    async def order_by_our_id(self, client_order_id: str) -> Order | None:
        """The order of that id; None when the venue plainly says that there is none."""
        query = urlencode({"client_order_id": client_order_id})
        target = f"{PATH}:by_client_order_id?{query}"
        where = "orders:by_client_order_id"
        request = self.reads.request("GET", target)

        def understood(response: Response) -> Order | None:
            if response.status == NOT_FOUND:
                answer = self.said(response)
                if answer.code == NOT_FOUND_CODE:
                    return None
            return self._read(response, Order, where)

        how = (self.reads, where, Priority.LOOK_UP)
        return await self.exchange(how, lambda: request, understood)

    async def open_orders(self, priority: Priority = Priority.POLL) -> list[Order]:
        """Every order that works at the venue, whoever placed it, page by page."""
        found: list[Order] = []
        query = {"status": "open", "limit": str(ORDERS_PAGE), "direction": "desc"}
        for _ in range(PAGES_MAX):
            request = self.reads.request("GET", f"{PATH}?{urlencode(query)}")
            page = await self._ask(self.reads, request, list[Order], (priority, "order list"))
            found += page
            if len(page) < ORDERS_PAGE:
                return found
            query["before_order_id"] = page[-1].id
        raise malformed("orders", f"an end within {PAGES_MAX} pages")

    async def recent_orders(
        self, wanted: set[str], priority: Priority = Priority.LOOK_UP
    ) -> list[Order]:
        """Those orders, ended or not, from the newest back until all are found."""
        found: list[Order] = []
        query = {"status": "all", "limit": str(ORDERS_PAGE), "direction": "desc"}
        for _ in range(PAGES_MAX):
            request = self.reads.request("GET", f"{PATH}?{urlencode(query)}")
            page = await self._ask(self.reads, request, list[Order], (priority, "order list"))
            found += [order for order in page if order.id in wanted]
            if len(page) < ORDERS_PAGE or len(found) == len(wanted):
                break
            query["before_order_id"] = page[-1].id
        return found

    async def positions(self, priority: Priority = Priority.POLL) -> list[Position]:
        """Every position."""
        request = self.reads.request("GET", "/v2/positions")
        return await self._ask(self.reads, request, list[Position], (priority, "positions"))

    async def account(self) -> Account:
        """The account's figures."""
        request = self.reads.request("GET", "/v2/account")
        return await self._ask(self.reads, request, Account, (Priority.LOOK_UP, "account"))

    async def fills(self, after_ns: int, priority: Priority = Priority.LOOK_UP) -> list[Fill]:
        """Executions after a time, oldest first, page by page."""
        found: list[Fill] = []
        query = {"direction": "asc", "page_size": str(FILLS_PAGE)}
        if after_ns > 0:
            query["after"] = iso(after_ns)
        for _ in range(PAGES_MAX):
            target = f"/v2/account/activities/FILL?{urlencode(query)}"
            request = self.reads.request("GET", target)
            page = await self._ask(self.reads, request, list[Fill], (priority, "fills"))
            found += page
            if len(page) < FILLS_PAGE:
                return found
            query["page_token"] = page[-1].id
        raise malformed("fills", f"an end within {PAGES_MAX} pages")

    async def clock(self) -> tuple[Clock, str]:
        """The venue's time and session, and the Date header of the answer."""
        request = self.reads.request("GET", "/v2/clock")
        return await self.exchange(
            (self.reads, "clock", Priority.LOOK_UP),
            lambda: request,
            lambda found: (self._read(found, Clock, "clock"), found.headers.get("date", "")),
        )

    async def calendar(self, first: str, last: str) -> list[CalendarDay]:
        """Sessions between two dates (YYYY-MM-DD)."""
        query = urlencode({"start": first, "end": last})
        request = self.reads.request("GET", f"/v2/calendar?{query}")
        return await self._ask(self.reads, request, list[CalendarDay], (Priority.POLL, "calendar"))

    async def bars(self, symbol: str, first_ns: int, last_ns: int) -> list[BarWire]:
        """Minute bars that begin in that time, oldest first, page by page."""
        found: list[BarWire] = []
        query = {
            "symbols": symbol,
            "timeframe": "1Min",
            "start": iso(first_ns),
            "end": iso(last_ns),
            "limit": str(BARS_PAGE),
            "sort": "asc",
        }
        path = "/v1beta1/options/bars"
        if not is_option(symbol):
            path = "/v2/stocks/bars"
            query["adjustment"] = "raw"
        for _ in range(PAGES_MAX):
            request = self.data.request("GET", f"{path}?{urlencode(query)}")
            page = await self._ask(self.data, request, BarsPage, (Priority.POLL, "bars"))
            found += page.bars.get(symbol, [])
            if page.next_page_token is None:
                return found
            query["page_token"] = page.next_page_token
        raise malformed("bars", f"an end within {PAGES_MAX} pages")

    async def asset(self, symbol: str) -> Asset | None:
        """What the venue knows of a share; None when it does not know it (BR-5)."""
        return await self._known(f"/v2/assets/{quote(symbol, safe='')}", Asset, "assets")

    async def contract(self, symbol: str) -> Contract | None:
        """What the venue knows of an option; None when it does not know it (BR-5)."""
        path = f"/v2/options/contracts/{quote(symbol, safe='')}"
        return await self._known(path, Contract, "contracts")

    async def _known(self, path: str, kind: type[Wire], where: str) -> Wire | None:
        request = self.reads.request("GET", path)
        return await self.exchange(
            (self.reads, where, Priority.POLL),
            lambda: request,
            lambda found: None if found.status == NOT_FOUND else self._read(found, kind, where),
        )

    # -- one call ---------------------------------------------------------------------------------

    def limited_until_ns(self, response: Response) -> int:
        """Its own header, in unix seconds."""
        return digits(response.headers.get("x-ratelimit-reset", "")) * 1_000_000_000

    async def _ask(
        self, channel: Channel, request: bytes, kind: type[Wire], how: tuple[Priority, str]
    ) -> Wire:
        priority, where = how
        return await self.exchange(
            (channel, where, priority),
            lambda: request,
            lambda response: self._read(response, kind, where),
        )

    def _read(self, response: Response, kind: type[Wire], where: str) -> Wire:
        if response.status != OK:
            raise RefusedCallError(words.VENUE, where, self.said(response))
        return read(response, kind, where)


def by_order(fills: Sequence[Fill], order_id: str) -> list[Fill]:
    """Those of one order."""
    return [fill for fill in fills if fill.order_id == order_id]
