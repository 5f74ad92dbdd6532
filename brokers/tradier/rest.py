"""Tradier's REST calls: each one request, one answer, typed; nothing is ever repeated here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from brokers.base import VenueAnswer
from brokers.calls import OK, UNAUTHORISED, Caller, RefusedCallError, digits
from brokers.http_wire import Response
from brokers.limiter import Priority
from brokers.reading import shown
from brokers.tradier.orders import path
from brokers.tradier.words import (
    VENUE,
    AccountProfile,
    Balances,
    Clock,
    ContractWire,
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
BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404
_TEXT_BYTES_MAX: Final = 4_000


@dataclass(slots=True, kw_only=True)
class Rest(Caller):
    """The calls of one account; trading and reading have limits of their own at this venue.

    Attributes:
        account: Its number.
    """

    venue = VENUE
    account: str

    def said(self, response: Response) -> VenueAnswer:
        """An answer in words: what it lists as errors, else its text, which often is not JSON."""
        listed = errors_in(response)
        text = listed or response.body[:_TEXT_BYTES_MAX].decode("utf-8", "replace")
        return VenueAnswer(
            status=response.status,
            code=0,
            text=shown(text, self.secrets()),
            at_ns=self.now_ns(),
            lists_errors=bool(listed),
        )

    # -- orders -----------------------------------------------------------------------------------

    async def cancel(self, number: str, allow: Callable[[], None]) -> Response:
        """Ask for a cancel; "ok" is: requested, not done."""
        return await self.delete(path(self.account, number), allow)

    async def preview(self, body: bytes) -> dict[str, msgspec.Raw]:
        """What an order would come to; the form says that it is a preview."""
        request = self.orders.request("POST", path(self.account), body)
        return await self.exchange(
            (self.orders, "preview", Priority.LOOK_UP),
            lambda: request,
            lambda found: part(
                self._good(found, "preview"), "order", dict[str, msgspec.Raw], "preview"
            ),
        )

    async def change(self, number: str, body: bytes) -> Taken:
        """Change type, duration or prices of a working order; it keeps its id."""
        request = self.orders.request("PUT", path(self.account, number), body)
        return await self.exchange(
            (self.orders, "change", Priority.EXIT),
            lambda: request,
            lambda found: part(self._good(found, "change"), "order", Taken, "change"),
        )

    # -- questions --------------------------------------------------------------------------------

    async def todays_orders(self, priority: Priority) -> list[Order]:
        """Every order of the current day in New York, ended or not; legs are within parents."""
        target = f"{path(self.account)}?includeTags=true"
        return await self._list(target, ("orders", "order"), Order, (priority, "order list"))

    async def order(self, number: str) -> Order | None:
        """One order by the venue's id; None where it says 401, its word for an unknown one too."""
        target = f"{path(self.account, number)}?includeTags=true"
        request = self.reads.request("GET", target)

        def understood(response: Response) -> Order | None:
            if response.status == UNAUTHORISED:
                return None
            return part(self._good(response, "order"), "order", Order, "order")

        how = (self.reads, "order", Priority.LOOK_UP)
        return await self.exchange(how, lambda: request, understood)

    async def positions(self, priority: Priority = Priority.POLL) -> list[Position]:
        """Every position."""
        target = f"/v1/accounts/{quote(self.account, safe='')}/positions"
        how = (priority, "positions")
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
        how = (Priority.POLL, "quotes")
        names = ("quotes", "quote")
        return await self._list(target, names, QuoteWire, how, beside="unmatched_symbols")

    async def expirations(self, underlying: str) -> list[str]:
        """Last days of an underlying's contracts, of every root, as YYYY-MM-DD."""
        asked = urlencode({"symbol": underlying, "includeAllRoots": "true"})
        target, how = f"/v1/markets/options/expirations?{asked}", (Priority.POLL, "expirations")
        return await self._list(target, ("expirations", "date"), str, how)

    async def chain(self, underlying: str, expiration: str) -> list[ContractWire]:
        """Every contract that ends on that day, of every root, with the venue's greeks."""
        asked = urlencode({"symbol": underlying, "expiration": expiration, "greeks": "true"})
        target, how = f"/v1/markets/options/chains?{asked}", (Priority.POLL, "chain")
        return await self._list(target, ("options", "option"), ContractWire, how)

    async def session(self, stream: str) -> Session:
        """A key to the stream of `accounts` or of `markets`."""
        request = self.reads.request("POST", f"/v1/{stream}/events/session")
        return await self.exchange(
            (self.reads, "session", Priority.LOOK_UP),
            lambda: request,
            lambda found: part(self._good(found, "session"), "stream", Session, "session"),
        )

    # -- one call ---------------------------------------------------------------------------------

    def limited_until_ns(self, response: Response) -> int:
        """Its own header, in milliseconds."""
        return digits(response.headers.get("x-ratelimit-expiry", "")) * 1_000_000

    async def _one(self, target: str, name: str, kind: type[Row], how: tuple[Priority, str]) -> Row:
        priority, where = how
        request = self.reads.request("GET", target)
        return await self.exchange(
            (self.reads, where, priority),
            lambda: request,
            lambda found: part(self._good(found, where), name, kind, where),
        )

    async def _list(
        self,
        target: str,
        names: tuple[str, str],
        kind: type[Row],
        how: tuple[Priority, str],
        *,
        beside: str = "",
    ) -> list[Row]:
        priority, where = how
        request = self.reads.request("GET", target)
        return await self.exchange(
            (self.reads, where, priority),
            lambda: request,
            lambda found: rows(self._good(found, where), names, kind, where, beside=beside),
        )

    def _good(self, response: Response, where: str) -> Response:
        """The response, if it is an answer: 200, and no list of errors in it.

        Raises:
            RefusedCallError: It is none.
        """
        if response.status != OK or errors_in(response):
            raise RefusedCallError(VENUE, where, self.said(response))
        return response
