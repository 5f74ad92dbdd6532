"""Tradier's REST calls: each one request, one answer, typed; nothing is ever repeated here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

from brokers.base import VenueAnswer
from brokers.http import Channel, NoAnswerError, NotConnectedError
from brokers.http_wire import Response
from brokers.limiter import Limiter, Priority
from brokers.reading import MalformedError
from brokers.tradier.orders import path
from brokers.tradier.words import (
    VENUE,
    AccountProfile,
    Balances,
    Clock,
    Order,
    Position,
    QuoteWire,
    Session,
    Taken,
    errors_in,
    part,
    rows,
)

Row = TypeVar("Row")
OK: Final = 200
BAD_REQUEST: Final = 400
UNAUTHORISED: Final = 401
NOT_FOUND: Final = 404
RATE_LIMITED: Final = 429
_TEXT_MAX: Final = 300
_LIMITED_WAIT_NS: Final = 1_000_000_000


class RefusedCallError(Exception):
    """The venue answered, and the answer is no; `answer` has its words."""

    def __init__(self, where: str, answer: VenueAnswer) -> None:
        """Name the endpoint beside what was said."""
        super().__init__(f"{VENUE} {where}: HTTP {answer.status} {answer.text}")
        self.answer = answer


CALL_ERRORS = (NoAnswerError, NotConnectedError, RefusedCallError, MalformedError)
"""Whatever keeps a call from having an answer."""


def said(response: Response, now_ns: int) -> VenueAnswer:
    """An answer in words: what it lists as errors, else its text, which often is not JSON."""
    listed = errors_in(response)
    text = listed or response.body[: 4 * _TEXT_MAX].decode("utf-8", "replace")
    plain = "".join(each if each.isprintable() else " " for each in text[:_TEXT_MAX]).strip()
    return VenueAnswer(
        status=response.status, code=0, text=plain, at_ns=now_ns, lists_errors=bool(listed)
    )


def good(response: Response, where: str, now_ns: int) -> Response:
    """The response, if it is an answer: 200, and no list of errors in it.

    Raises:
        RefusedCallError: It is none.
    """
    if response.status != OK or errors_in(response):
        raise RefusedCallError(where, said(response, now_ns))
    return response


@dataclass(slots=True, kw_only=True)
class Rest:
    """The calls of one account; trading and reading have limits of their own at this venue.

    Attributes:
        account: Its number.
        orders: Connections that carry orders, changes and cancels, with their limiter.
        reads: Connections for everything else, with theirs.
        now_ns: The lane's clock.
        calls: Calls made so far by what they were for (EX-16).
    """

    account: str
    orders: Channel
    reads: Channel
    now_ns: Callable[[], int]
    calls: dict[str, int]

    # -- orders -----------------------------------------------------------------------------------

    async def post_order(self, release: Callable[[], bytes], priority: Priority) -> Response:
        """Hand an order over; `release` gives the request's bytes at the instant of hand-over."""
        self._count("order")
        response = await self.orders.hand_over(release, priority)
        self._note_limit(self.orders.limiter, response)
        return response

    async def cancel(self, number: str, allow: Callable[[], None]) -> Response:
        """Ask for a cancel; `allow` raises when it must not leave. "ok" is: requested, not done."""
        self._count("cancel")
        request = self.orders.request("DELETE", path(self.account, number))

        def release() -> bytes:
            allow()
            return request

        response = await self.orders.hand_over(release, Priority.CANCEL)
        self._note_limit(self.orders.limiter, response)
        return response

    async def change(self, number: str, body: bytes) -> Taken:
        """Change type, duration or prices of a working order; it keeps its id."""
        request = self.orders.request("PUT", path(self.account, number), body)
        response = await self._call(self.orders, request, Priority.EXIT, "change")
        return part(self._good(response, "change"), "order", Taken, "change")

    # -- questions --------------------------------------------------------------------------------

    async def todays_orders(self, priority: Priority) -> list[Order]:
        """Every order of the current day in New York, ended or not; legs are within parents."""
        target = f"{path(self.account)}?includeTags=true"
        return await self._list(target, ("orders", "order"), Order, (priority, "orders"))

    async def order(self, number: str) -> Order | None:
        """One order by the venue's id; None where it says 401, its word for an unknown one too."""
        target = f"{path(self.account, number)}?includeTags=true"
        response = await self._call(
            self.reads, self.reads.request("GET", target), Priority.LOOK_UP, "order"
        )
        if response.status == UNAUTHORISED:
            return None
        return part(self._good(response, "order"), "order", Order, "order")

    async def positions(self) -> list[Position]:
        """Every position."""
        target = f"/v1/accounts/{quote(self.account, safe='')}/positions"
        how = (Priority.POLL, "positions")
        return await self._list(target, ("positions", "position"), Position, how)

    async def balances(self) -> Balances:
        """The account's figures."""
        target = f"/v1/accounts/{quote(self.account, safe='')}/balances"
        return await self._one(target, "balances", Balances, (Priority.LOOK_UP, "balances"))

    async def clock(self) -> Clock:
        """The venue's time and session."""
        return await self._one("/v1/markets/clock", "clock", Clock, (Priority.LOOK_UP, "clock"))

    async def accounts(self) -> list[AccountProfile]:
        """The accounts that the token opens."""
        how = (Priority.POLL, "profile")
        return await self._list("/v1/user/profile", ("profile", "account"), AccountProfile, how)

    async def quotes(self, symbols: Sequence[str]) -> list[QuoteWire]:
        """What the venue knows of these symbols; those it does not know are missing (BR-5)."""
        target = f"/v1/markets/quotes?{urlencode({'symbols': ','.join(symbols)})}"
        response = await self._call(
            self.reads, self.reads.request("GET", target), Priority.POLL, "quotes"
        )
        if b'"quote"' not in self._good(response, "quotes").body:
            return []
        return rows(response, "quotes", "quote", QuoteWire, "quotes")

    async def session(self, stream: str) -> Session:
        """A key to the stream of `accounts` or of `markets`."""
        request = self.reads.request("POST", f"/v1/{stream}/events/session")
        response = await self._call(self.reads, request, Priority.LOOK_UP, "session")
        return part(self._good(response, "session"), "stream", Session, "session")

    def close(self) -> None:
        """Drop the connections."""
        self.orders.close()
        self.reads.close()

    # -- one call ---------------------------------------------------------------------------------

    async def _one(self, target: str, name: str, kind: type[Row], how: tuple[Priority, str]) -> Row:
        priority, where = how
        request = self.reads.request("GET", target)
        response = await self._call(self.reads, request, priority, where)
        return part(self._good(response, where), name, kind, where)

    async def _list(
        self, target: str, names: tuple[str, str], kind: type[Row], how: tuple[Priority, str]
    ) -> list[Row]:
        priority, where = how
        request = self.reads.request("GET", target)
        response = await self._call(self.reads, request, priority, where)
        return rows(self._good(response, where), *names, kind, where)

    async def _call(
        self, channel: Channel, request: bytes, priority: Priority, where: str
    ) -> Response:
        self._count(where)
        response = await channel.call(request, priority)
        self._note_limit(channel.limiter, response)
        return response

    def _good(self, response: Response, where: str) -> Response:
        return good(response, where, self.now_ns())

    def _count(self, what: str) -> None:
        self.calls[what] = self.calls.get(what, 0) + 1

    def _note_limit(self, limiter: Limiter, response: Response) -> None:
        if response.status != RATE_LIMITED:
            return
        expiry = response.headers.get("x-ratelimit-expiry", "")
        wait_ns = _LIMITED_WAIT_NS
        if expiry.isascii() and expiry.isdigit():
            until_ns = int(expiry) * 1_000_000 - self.now_ns()
            wait_ns = min(max(until_ns, wait_ns), 60 * _LIMITED_WAIT_NS)
        limiter.refused(wait_ns)
