"""Alpaca's REST calls: each one request, one answer, typed; nothing is ever repeated here."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

from brokers.alpaca import words
from brokers.alpaca.orders import PATH
from brokers.alpaca.words import (
    Account,
    Asset,
    BarsPage,
    BarWire,
    CalendarDay,
    CancelledOne,
    Clock,
    ErrorBody,
    Fill,
    Order,
    Position,
    decode,
    malformed,
    read,
)
from brokers.base import VenueAnswer
from brokers.http import Channel, NoAnswerError, NotConnectedError
from brokers.http_wire import Response
from brokers.limiter import Limiter, Priority
from brokers.reading import MalformedError, iso

Wire = TypeVar("Wire")
OK: Final = 200
MULTI_STATUS: Final = 207
NO_CONTENT: Final = 204
NOT_FOUND: Final = 404
UNPROCESSABLE: Final = 422
RATE_LIMITED: Final = 429
NOT_FOUND_CODE: Final = 40410000
ORDERS_PAGE: Final = 500
FILLS_PAGE: Final = 100
BARS_PAGE: Final = 10_000
PAGES_MAX: Final = 200
_REPEATED_ID: Final = re.compile(r"client[ _-]?order[ _-]?id must be unique", re.IGNORECASE)
_TEXT_MAX: Final = 300
_LIMITED_WAIT_NS: Final = 1_000_000_000


class RefusedCallError(Exception):
    """The venue answered, and the answer is no; `answer` has its words."""

    def __init__(self, where: str, answer: VenueAnswer) -> None:
        """Name the endpoint beside what was said."""
        super().__init__(f"{words.VENUE} {where}: HTTP {answer.status} {answer.code} {answer.text}")
        self.answer = answer


CALL_ERRORS = (NoAnswerError, NotConnectedError, RefusedCallError, MalformedError)
"""Whatever keeps a call from having an answer."""


def said(response: Response, now_ns: int) -> VenueAnswer:
    """An answer in words, for texts and decisions; a body that cannot be read says nothing."""
    try:
        body = read(response, ErrorBody, "error")
    except MalformedError:
        body = ErrorBody("", 0)
    text = "".join(each if each.isprintable() else " " for each in body.message[:_TEXT_MAX])
    return VenueAnswer(status=response.status, code=body.code, text=text, at_ns=now_ns)


def is_repeated_id(answer: VenueAnswer) -> bool:
    """The venue has an order of that id already: no refusal of the order, on the contrary."""
    return answer.status == UNPROCESSABLE and _REPEATED_ID.search(answer.text) is not None


@dataclass(slots=True, kw_only=True)
class Rest:
    """The calls of one account.

    Attributes:
        orders: Connections that carry orders and cancels, and nothing that could keep them waiting.
        reads: Connections for everything else.
        limiter: Told of a 429.
        now_ns: The lane's clock.
        calls: Calls made so far by what they were for (EX-16).
    """

    orders: Channel
    reads: Channel
    limiter: Limiter
    now_ns: Callable[[], int]
    calls: dict[str, int]

    # -- orders -----------------------------------------------------------------------------------

    async def post_order(self, release: Callable[[], bytes], priority: Priority) -> Response:
        """Hand an order over; `release` gives the request's bytes at the instant of hand-over."""
        self._count("order")
        response = await self.orders.hand_over(release, priority)
        self._note_limit(response)
        return response

    async def cancel(self, broker_order_id: str, allow: Callable[[], None]) -> Response:
        """Ask for a cancel; `allow` raises when it must not leave. 204 is: requested, not done."""
        self._count("cancel")
        target = f"{PATH}/{quote(broker_order_id, safe='')}"
        request = self.orders.request("DELETE", target)

        def release() -> bytes:
            allow()
            return request

        response = await self.orders.hand_over(release, Priority.CANCEL)
        self._note_limit(response)
        return response

    async def cancel_all(self) -> list[CancelledOne]:
        """Ask for a cancel of every order; the answer says which requests were taken."""
        request = self.orders.request("DELETE", PATH)
        response = await self._call(self.orders, request, Priority.CANCEL, "cancel-all")
        if response.status not in (OK, MULTI_STATUS):
            raise RefusedCallError("cancel-all", said(response, self.now_ns()))
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
        response = await self._call(self.reads, request, Priority.LOOK_UP, where)
        if response.status == NOT_FOUND:
            answer = said(response, self.now_ns())
            if answer.code == NOT_FOUND_CODE:
                return None
            raise RefusedCallError(where, answer)
        return self._read(response, Order, where)

    async def open_orders(self, priority: Priority = Priority.POLL) -> list[Order]:
        """Every order that works at the venue, whoever placed it, page by page."""
        found: list[Order] = []
        query = {"status": "open", "limit": str(ORDERS_PAGE), "direction": "desc"}
        for _ in range(PAGES_MAX):
            request = self.reads.request("GET", f"{PATH}?{urlencode(query)}")
            page = await self._ask(self.reads, request, list[Order], (priority, "orders"))
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
            page = await self._ask(self.reads, request, list[Order], (priority, "orders"))
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
        response = await self._call(self.reads, request, Priority.LOOK_UP, "clock")
        return self._read(response, Clock, "clock"), response.headers.get("date", "")

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
            "adjustment": "raw",
            "sort": "asc",
        }
        for _ in range(PAGES_MAX):
            request = self.reads.request("GET", f"/v2/stocks/bars?{urlencode(query)}")
            page = await self._ask(self.reads, request, BarsPage, (Priority.POLL, "bars"))
            found += page.bars.get(symbol, [])
            if page.next_page_token is None:
                return found
            query["page_token"] = page.next_page_token
        raise malformed("bars", f"an end within {PAGES_MAX} pages")

    async def asset(self, symbol: str) -> Asset | None:
        """What the venue knows of a symbol; None when it does not know it (BR-5)."""
        request = self.reads.request("GET", f"/v2/assets/{quote(symbol, safe='')}")
        response = await self._call(self.reads, request, Priority.POLL, "assets")
        if response.status == NOT_FOUND:
            return None
        return self._read(response, Asset, "assets")

    def close(self) -> None:
        """Drop the connections."""
        self.orders.close()
        self.reads.close()

    # -- one call ---------------------------------------------------------------------------------

    async def _ask(
        self, channel: Channel, request: bytes, kind: type[Wire], how: tuple[Priority, str]
    ) -> Wire:
        priority, where = how
        return self._read(await self._call(channel, request, priority, where), kind, where)

    async def _call(
        self, channel: Channel, request: bytes, priority: Priority, where: str
    ) -> Response:
        self._count(where)
        response = await channel.call(request, priority)
        self._note_limit(response)
        return response

    def _read(self, response: Response, kind: type[Wire], where: str) -> Wire:
        if response.status != OK:
            raise RefusedCallError(where, said(response, self.now_ns()))
        return read(response, kind, where)

    def _count(self, what: str) -> None:
        self.calls[what] = self.calls.get(what, 0) + 1

    def _note_limit(self, response: Response) -> None:
        if response.status != RATE_LIMITED:
            return
        reset = response.headers.get("x-ratelimit-reset", "")
        wait_ns = _LIMITED_WAIT_NS
        if reset.isascii() and reset.isdigit():
            until_ns = int(reset) * 1_000_000_000 - self.now_ns()
            wait_ns = min(max(until_ns, wait_ns), 60 * _LIMITED_WAIT_NS)
        self.limiter.refused(wait_ns)


def by_order(fills: Sequence[Fill], order_id: str) -> list[Fill]:
    """Those of one order."""
    return [fill for fill in fills if fill.order_id == order_id]


__all__ = [
    "CALL_ERRORS",
    "RefusedCallError",
    "Rest",
    "by_order",
    "decode",
    "is_repeated_id",
    "said",
]
