"""Polymarket's REST calls: each one request, one answer, typed; nothing is ever repeated here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec
import orjson

from brokers.base import SendOutcome, Unknown, VenueAnswer
from brokers.calls import CANCEL, OK, ORDERS, Caller, RefusedCallError, digits
from brokers.http import Channel, NoAnswerError
from brokers.http_wire import Response
from brokers.limiter import Priority
from brokers.polymarket.orders import SignedPrepared
from brokers.polymarket.rules import Rules, rules_of
from brokers.polymarket.session import Session
from brokers.polymarket.words import (
    FIRST_CURSOR,
    LAST_CURSOR,
    VENUE,
    Allowance,
    Beat,
    Cancelled,
    GammaMarket,
    Holding,
    Keys,
    MarketOf,
    MarketState,
    MarketWire,
    Midpoint,
    Order,
    Orders,
    Problem,
    Trade,
    Trades,
    amount_1e8,
    decode,
    malformed,
    read,
)
from brokers.reading import shown

Found = TypeVar("Found")
BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404
NS: Final = 1_000_000_000
_PAGES_MAX: Final = 200
HOLDINGS_PAGE: Final = 500
_TEXT_BYTES_MAX: Final = 4_000


def problem_in(body: bytes) -> str:
    """What a body says went wrong; empty when it is none of the venue's own."""
    try:
        found = msgspec.json.decode(body, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return found.error or found.error_msg or found.answer_msg


@dataclass(slots=True, kw_only=True)
class Rest(Caller):
    """The calls of one account; orders and cancels have buckets of their own at this venue.

    Attributes:
        session: Who we are.
        cancels: Connections that carry cancels.
        data: Connections to the service that has positions.
        markets: Connections to the service that describes markets.
        holdings_page: Positions of one page; the service has no more of them in one answer.
    """

    session: Session
    cancels: Channel
    data: Channel
    markets: Channel
    holdings_page: int = HOLDINGS_PAGE
    _beat: str = field(default="", repr=False)
    _expected_beat: str = field(default="", repr=False)

    venue = VENUE

    def said(self, response: Response) -> VenueAnswer:
        """An answer in words, without what does not print."""
        body = response.body
        text = problem_in(body) or body[:_TEXT_BYTES_MAX].decode("utf-8", "replace")
        text = shown(text, self.secrets())
        return VenueAnswer(status=response.status, code=0, text=text, at_ns=self.now_ns())

    def secrets(self) -> tuple[str, ...]:
        """The keys of the second level, once there are any; the wallet's own is never shown."""
        keys = self.session.keys
        return () if keys is None else (keys.secret, keys.passphrase, keys.api_key)

    # -- keys -------------------------------------------------------------------------------------

    async def sign_in(self) -> None:
        """Have the keys of this wallet; they are derived, and made where there are none yet."""
        if self.session.keys is not None:
            return
        async with self.session.entering:
            if self.session.keys is None:
                self.session.keys = await self._derived()

    async def _derived(self) -> Keys:
        try:
            return await self._keys("GET", "/auth/derive-api-key")
        except RefusedCallError as error:
            if error.answer.status not in (BAD_REQUEST, NOT_FOUND):
                raise
        return await self._keys("POST", "/auth/api-key")

    async def _keys(self, method: str, target: str) -> Keys:
        def request() -> bytes:
            return self.reads.request(method, target, b"", self.session.first_level(self.now_ns()))

        how = (self.reads, "keys", Priority.LOOK_UP)
        return await self.exchange(how, request, lambda found: self._good(found, Keys, "keys"))

    # -- orders -----------------------------------------------------------------------------------

    async def post(
        self,
        prepared: SignedPrepared,
        release: Callable[[], None],
        understand: Callable[[Response], SendOutcome],
        *,
        is_entry: bool,
    ) -> SendOutcome:
        """Hand an order over once; see `brokers.base.Venue.send`."""

        def released() -> bytes:
            request = self._signed(self.orders, prepared.method, prepared.path, prepared.body)
            release()
            return request

        how = (self.orders, ORDERS, Priority.ENTRY if is_entry else Priority.EXIT)
        try:
            return await self.exchange(how, released, understand)
        except NoAnswerError as error:
            return Unknown(client_order_id=prepared.client_order_id, cause=str(error))

    async def cancel(self, order_id: str, allow: Callable[[], None]) -> Cancelled:
        """Ask for one cancel."""
        return await self._cancelled("/order", orjson.dumps({"orderID": order_id}), allow)

    async def cancel_batch(self, order_ids: Sequence[str], allow: Callable[[], None]) -> Cancelled:
        """Ask for several; the venue counts each."""
        return await self._cancelled("/orders", orjson.dumps(list(order_ids)), allow)

    async def _cancelled(self, target: str, body: bytes, allow: Callable[[], None]) -> Cancelled:
        def released() -> bytes:
            request = self._signed(self.cancels, "DELETE", target, body)
            allow()
            return request

        how = (self.cancels, CANCEL, Priority.CANCEL)
        return await self.exchange(
            how, released, lambda found: self._good(found, Cancelled, "cancel")
        )

    async def beat(self) -> None:
        """Send one heartbeat; a wrong id is answered with the right one, which is sent then.

        Raises:
            Exception: One of `CALL_ERRORS`: it was not acknowledged.
        """
        try:
            self._beat = (await self._beaten(self._beat)).heartbeat_id
        except RefusedCallError as error:
            expected = self._expected_beat
            if error.answer.status != BAD_REQUEST or not expected or expected == self._beat:
                raise
            self._beat = (await self._beaten(expected)).heartbeat_id

    async def _beaten(self, number: str) -> Beat:
        body = orjson.dumps({"heartbeat_id": number})
        self._expected_beat = ""

        def understood(response: Response) -> Beat:
            if response.status == BAD_REQUEST:
                self._expected_beat = decode(response.body, Beat, "heartbeats").heartbeat_id
            return self._good(response, Beat, "heartbeats")

        how = (self.cancels, "heartbeat", Priority.CANCEL)
        return await self.exchange(
            how, lambda: self._signed(self.cancels, "POST", "/v1/heartbeats", body), understood
        )

    # -- questions --------------------------------------------------------------------------------

    async def order(self, order_id: str) -> Order | None:
        """One order that works; None once it does not, whatever became of it."""

        def understood(response: Response) -> Order | None:
            if response.status == NOT_FOUND and problem_in(response.body):
                return None
            if response.status == OK and response.body.strip() in (b"null", b"", b"{}", b'""'):
                return None
            return self._good(response, Order, "order")

        target = f"/data/order/{quote(order_id, safe='')}"
        return await self._get(target, "order", Priority.LOOK_UP, understood)

    async def open_orders(self, priority: Priority = Priority.POLL) -> list[Order]:
        """Every order that works, whoever placed it."""
        found: list[Order] = []
        cursor = FIRST_CURSOR
        for _ in range(_PAGES_MAX):
            target = f"/data/orders?{urlencode({'next_cursor': cursor})}"
            page = await self._page(target, Orders, "order list", priority)
            found += page.data
            if page.next_cursor in ("", LAST_CURSOR) or page.next_cursor == cursor:
                return found
            cursor = page.next_cursor
        raise malformed("order list", f"an end within {_PAGES_MAX} pages")

    async def trades(
        self, after_ns: int, *, token_id: str = "", priority: Priority = Priority.POLL
    ) -> list[Trade]:
        """Every trade of ours that matched after a time; of one outcome when it is named."""
        found: list[Trade] = []
        asked = {"asset_id": token_id} if token_id else {}
        if after_ns > 0:
            asked["after"] = str(after_ns // NS)
        cursor = FIRST_CURSOR
        for _ in range(_PAGES_MAX):
            target = f"/data/trades?{urlencode({**asked, 'next_cursor': cursor})}"
            page = await self._page(target, Trades, "trades", priority)
            found += page.data
            if page.next_cursor in ("", LAST_CURSOR) or page.next_cursor == cursor:
                return found
            cursor = page.next_cursor
        raise malformed("trades", f"an end within {_PAGES_MAX} pages")

    async def collateral(self) -> Allowance:
        """What the wallet has of the collateral."""
        asked = urlencode({"asset_type": "COLLATERAL", "signature_type": 0})
        target = f"/balance-allowance?{asked}"
        return await self._one(target, Allowance, "balance", Priority.LOOK_UP)

    async def outcome_held(self, token_id: str, priority: Priority = Priority.POLL) -> Allowance:
        """What the wallet has of one outcome, on the chain."""
        asked = {"asset_type": "CONDITIONAL", "token_id": token_id, "signature_type": 0}
        target = f"/balance-allowance?{urlencode(asked)}"
        return await self._one(target, Allowance, "balance", priority)

    async def holdings(self, priority: Priority = Priority.POLL) -> list[Holding]:
        """Positions as the data service has them, all of its pages."""
        found: dict[str, Holding] = {}
        offset = 0
        for _ in range(_PAGES_MAX):
            page = await self._held_from(offset, priority)
            new = {row.asset: row for row in page if row.asset not in found}
            if page and not new:
                raise malformed("positions", f"other rows from the {offset}th on")
            found |= new
            offset += len(page)
            if len(page) < self.holdings_page:
                return list(found.values())
        raise malformed("positions", f"an end within {_PAGES_MAX} pages")

    async def _held_from(self, offset: int, priority: Priority) -> list[Holding]:
        asked = {
            "user": self.session.signer.address,
            "sizeThreshold": "0",
            "limit": str(self.holdings_page),
            "offset": str(offset),
        }
        request = self.data.request("GET", f"/positions?{urlencode(asked)}")
        return await self.exchange(
            (self.data, "positions", priority),
            lambda: request,
            lambda found: self._good(found, list[Holding], "positions"),
        )

    async def midpoint_1e8(self, token_id: str) -> int:
        """Between the best prices of an outcome; 0 where a side is empty."""
        try:
            found = await self._public(
                f"/midpoint?{urlencode({'token_id': token_id})}", Midpoint, "midpoint"
            )
        except RefusedCallError as error:
            if error.answer.status == NOT_FOUND:
                return 0
            raise
        return amount_1e8(found.mid, "midpoint")

    async def time(self) -> int:
        """The venue's clock, whole seconds."""
        return await self._public("/time", int, "clock")

    async def rules(self, token_id: str) -> Rules:
        """How one outcome is traded."""
        of = await self._public(f"/markets-by-token/{quote(token_id, safe='')}", MarketOf, "market")
        place = quote(of.condition_id, safe="")
        market = await self._public(f"/clob-markets/{place}", MarketWire, "market")
        return rules_of(token_id, of.condition_id, market)

    async def market(self, condition_id: str) -> MarketState:
        """Where a market stands: open, closed, resolved."""
        place = quote(condition_id, safe="")
        return await self._public(f"/markets/{place}", MarketState, "market")

    async def gamma(self, condition_id: str, *, is_closed: bool = True) -> GammaMarket | None:
        """The same market as the service of markets has it; None where it has none such."""
        asked = urlencode({"condition_ids": condition_id, "closed": str(is_closed).lower()})
        request = self.markets.request("GET", f"/markets?{asked}")
        found = await self.exchange(
            (self.markets, "markets", Priority.POLL),
            lambda: request,
            lambda answer: self._good(answer, list[GammaMarket], "markets"),
        )
        return next((each for each in found if each.condition_id == condition_id), None)

    async def learn(self) -> None:
        """Have the rules of every outcome that is wanted and not known."""
        for token_id in self.session.book.missing:
            self.session.book.learn(await self.rules(token_id))

    def close(self) -> None:
        """Drop the connections."""
        for channel in (self.orders, self.cancels, self.reads, self.data, self.markets):
            channel.close()

    # -- one call ---------------------------------------------------------------------------------

    def _signed(self, channel: Channel, method: str, target: str, body: bytes = b"") -> bytes:
        headers = self.session.second_level(method, target, body, self.now_ns())
        return channel.request(method, target, body, headers)

    async def _get(
        self,
        target: str,
        where: str,
        priority: Priority,
        understand: Callable[[Response], Found],
    ) -> Found:
        await self.sign_in()
        how = (self.reads, where, priority)
        return await self.exchange(how, lambda: self._signed(self.reads, "GET", target), understand)

    async def _one(self, target: str, kind: type[Found], where: str, priority: Priority) -> Found:
        return await self._get(
            target, where, priority, lambda found: self._good(found, kind, where)
        )

    _page = _one

    async def _public(self, target: str, kind: type[Found], where: str) -> Found:
        request = self.reads.request("GET", target)
        return await self.exchange(
            (self.reads, where, Priority.LOOK_UP),
            lambda: request,
            lambda found: self._good(found, kind, where),
        )

    def _good(self, response: Response, kind: type[Found], where: str) -> Found:
        if response.status != OK:
            raise RefusedCallError(VENUE, where, self.said(response))
        return read(response, kind, where)

    def limited_until_ns(self, response: Response) -> int:
        """From Retry-After, seconds."""
        wait_s = digits(response.headers.get("retry-after", ""))
        return self.now_ns() + wait_s * NS
