"""What a key opens: orders, cancels, trades, balances, heartbeats."""

import base64
import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from brokers.sim.polymarket.desk import Desk
from brokers.sim.polymarket.errors import Refusal, Unmatched, json_answer, payload
from brokers.sim.polymarket.orders import Trade
from brokers.sim.polymarket.public import FIRST_CURSOR, LAST_CURSOR, read_json
from brokers.sim.polymarket.rules import BATCH_MAX, Reader
from brokers.sim.polymarket.signing import EXCHANGE, NEG_RISK_ADAPTER, NEG_RISK_EXCHANGE
from brokers.sim.units import NS

if TYPE_CHECKING:
    from brokers.sim.polymarket.limits import Bucket
    from brokers.sim.polymarket.site import PolymarketSite

CANCELS_MAX: Final = 3000
PAGE: Final = 100
_BASE_1E6: Final = 100  # base units of 1e-6 in 1e-8
_ALLOWED: Final = str(2**256 - 1)
_ORDER_ID_LENGTH: Final = 66


class PrivateRoutes:
    """Keys by the wallet's signature, everything else by the key's."""

    def __init__(self, site: "PolymarketSite") -> None:
        """Serve this venue."""
        self._site = site

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every route."""
        router.add_post("/auth/api-key", self.create_key)
        router.add_get("/auth/derive-api-key", self.derive_key)
        router.add_get("/auth/api-keys", self.keys)
        router.add_delete("/auth/api-key", self.delete_key)
        router.add_get("/auth/ban-status/closed-only", self.closed_only)
        router.add_post("/order", self.place)
        router.add_post("/orders", self.place_many)
        router.add_delete("/order", self.cancel)
        router.add_delete("/orders", self.cancel_many)
        router.add_delete("/cancel-all", self.cancel_all)
        router.add_delete("/cancel-market-orders", self.cancel_market)
        router.add_get("/data/orders", self.orders)
        router.add_get("/data/order/{order_id}", self.order)
        router.add_get("/data/trades", self.trades)
        router.add_post("/v1/heartbeats", self.heartbeat)
        router.add_post("/heartbeats", self.heartbeat)
        router.add_get("/balance-allowance", self.balance)
        router.add_get("/balance-allowance/update", self.refresh)

    @property
    def _desk(self) -> Desk:
        return self._site.desk

    async def _signed(self, request: web.Request) -> tuple[str, bytes]:
        """The key that a request is signed with, and its body.

        Raises:
            Refusal: It is not.
        """
        body = await request.read()
        key = self._site.doors.check(request.headers, request.method, request.path, body)
        return key, body

    # --- keys -------------------------------------------------------------------------------------

    async def create_key(self, request: web.Request) -> web.Response:
        """A new one."""
        return json_answer(self._site.doors.create(request.headers).shown())

    async def derive_key(self, request: web.Request) -> web.Response:
        """The one that was made before."""
        return json_answer(self._site.doors.derive(request.headers).shown())

    async def keys(self, request: web.Request) -> web.Response:
        """Of this wallet."""
        await self._signed(request)
        return json_answer({"apiKeys": self._site.doors.listed()})

    async def delete_key(self, request: web.Request) -> web.Response:
        """The one that asks."""
        key, _ = await self._signed(request)
        self._site.doors.delete(key)
        return json_answer("OK")

    async def closed_only(self, request: web.Request) -> web.Response:
        """Nobody is, here."""
        await self._signed(request)
        return json_answer({"closed_only": False})

    # --- new orders -------------------------------------------------------------------------------

    def _reader(self) -> Reader:
        return Reader(self._site.tokens, self._site.core.now_ns())

    async def place(self, request: web.Request) -> web.Response:
        """One order: 400 for what breaks a rule, 200 without success for what finds no match."""
        key, raw = await self._signed(request)
        limits = self._site.limit
        self._site.engine.check()
        limits.spend(limits.orders, 1)
        ticket = self._reader().ticket(read_json(raw), key, self._site.wallet.address)
        self._site.engine.check_new(is_post_only=ticket.is_post_only)
        headers = limits.orders.headers()
        try:
            return json_answer(self._desk.place(ticket, key), headers=headers)
        except Unmatched as no:
            body = Desk.refused(no.text, no.order_id)
            return json_answer(body, headers=headers, is_idle=True)

    async def place_many(self, request: web.Request) -> web.Response:
        """Up to fifteen, answered in their order; each stands for itself."""
        key, raw = await self._signed(request)
        limits = self._site.limit
        self._site.engine.check()
        bodies = read_json(raw)
        if not isinstance(bodies, list) or not bodies:
            raise payload()
        if len(bodies) > BATCH_MAX:
            text = f"Too many orders in payload: {len(bodies)}, max allowed: {BATCH_MAX}"
            raise Refusal(400, text)
        limits.spend(limits.orders, len(bodies))
        found = self._desk.place_many(bodies, self._reader(), key, self._site.engine)
        is_idle = not any(each["orderID"] for each in found)
        return json_answer(found, headers=limits.orders.headers(), is_idle=is_idle)

    # --- cancels ----------------------------------------------------------------------------------

    async def _asked(self, request: web.Request) -> Any:
        """The body of a cancel, None where there is none."""
        _, raw = await self._signed(request)
        self._site.engine.check()
        return read_json(raw) if raw else None

    def _canceled(self, order_ids: Sequence[str], cost: int) -> web.Response:
        """200 even where nothing was canceled."""
        limits = self._site.limit
        limits.spend(limits.cancels, cost)
        found = self._desk.cancel(order_ids)
        bucket: Bucket = limits.cancels
        return json_answer(found, headers=bucket.headers(), is_idle=not found["canceled"])

    async def cancel(self, request: web.Request) -> web.Response:
        """One order."""
        body = await self._asked(request)
        order_id = body.get("orderID") if isinstance(body, dict) else None
        return self._canceled([_order_id(order_id)], 1)

    async def cancel_many(self, request: web.Request) -> web.Response:
        """Up to 3,000; each costs a token."""
        body = await self._asked(request)
        if not isinstance(body, list) or not body:
            raise payload()
        if len(body) > CANCELS_MAX:
            text = f"Too many orders in payload: {len(body)}, max allowed: {CANCELS_MAX}"
            raise Refusal(400, text)
        return self._canceled([_order_id(each) for each in body], len(body))

    async def cancel_all(self, request: web.Request) -> web.Response:
        """All: one token and one for each; refused whole where the bucket has fewer."""
        await self._asked(request)
        found = [order.order_id for order in self._desk.open_of()]
        return self._canceled(found, 1 + len(found))

    async def cancel_market(self, request: web.Request) -> web.Response:
        """Those of a market or of a token."""
        body = await self._asked(request)
        if not isinstance(body, dict) or not (body.get("market") or body.get("asset_id")):
            raise payload()
        market, asset_id = str(body.get("market") or ""), str(body.get("asset_id") or "")
        found = [order.order_id for order in self._desk.open_of(market, asset_id)]
        return self._canceled(found, 1 + len(found))

    # --- what there is ----------------------------------------------------------------------------

    async def orders(self, request: web.Request) -> web.Response:
        """The open ones, a hundred on a page."""
        await self._signed(request)
        query = request.query
        found = self._desk.open_of(
            query.get("market", ""), query.get("asset_id", ""), query.get("id", "")
        )
        has_prefix = self._site.has_prefix()
        return _page(request, [order.shown(has_prefix=has_prefix) for order in found])

    async def order(self, request: web.Request) -> web.Response:
        """One that is open, or that ended a moment ago; null for any other."""
        await self._signed(request)
        found = self._desk.order(request.match_info["order_id"])
        shown = None if found is None else found.shown(has_prefix=self._site.has_prefix())
        return json_answer(shown)

    async def trades(self, request: web.Request) -> web.Response:
        """The newest first, a hundred on a page."""
        await self._signed(request)
        has_prefix = self._site.has_prefix()
        found = [
            trade.shown(has_prefix=has_prefix)
            for trade in reversed(self._desk.account.trades.values())
            if _is_wanted(trade, request)
        ]
        return _page(request, found)

    async def balance(self, request: web.Request) -> web.Response:
        """What the chain has: it lags behind the matches."""
        await self._signed(request)
        account = self._desk.account
        if request.query.get("asset_type") == "COLLATERAL":
            amount_1e8 = account.chain_cash_1e8()
        else:
            pair = self._site.tokens.get(request.query.get("token_id", ""))
            if pair is None:
                raise Refusal(400, "Invalid asset type")
            amount_1e8 = account.chain_shares_1e8(pair[1])
        allowed = dict.fromkeys((EXCHANGE, NEG_RISK_EXCHANGE, NEG_RISK_ADAPTER), _ALLOWED)
        return json_answer({"balance": str(amount_1e8 // _BASE_1E6), "allowances": allowed})

    async def refresh(self, request: web.Request) -> web.Response:
        """Read the chain again; nobody looks at the answer."""
        await self._signed(request)
        return json_answer("")

    async def heartbeat(self, request: web.Request) -> web.Response:
        """The first begins; then without one for ten seconds all orders are canceled."""
        _, raw = await self._signed(request)
        body = read_json(raw)
        heartbeat_id = body.get("heartbeat_id") if isinstance(body, dict) else None
        if not isinstance(heartbeat_id, str):
            raise payload()
        found = self._desk.beat(heartbeat_id)
        if found is None:
            wrong = {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": self._desk.expected}
            return json_answer(wrong, status=400)
        return json_answer({"heartbeat_id": found})


def _order_id(value: Any) -> str:
    if not isinstance(value, str) or len(value) != _ORDER_ID_LENGTH:
        raise Refusal(400, "Invalid orderID")
    return value


def _page(request: web.Request, found: list[dict[str, Any]]) -> web.Response:
    """A hundred from where the cursor says, which is a number in base64."""
    cursor = request.query.get("next_cursor") or FIRST_CURSOR
    try:
        first = int(base64.b64decode(cursor, validate=True))
    except (binascii.Error, ValueError) as error:
        raise Refusal(400, "Invalid cursor") from error
    if first < 0:
        return json_answer({"limit": PAGE, "count": 0, "next_cursor": LAST_CURSOR, "data": []})
    part = found[first : first + PAGE]
    is_last = first + PAGE >= len(found)
    after = LAST_CURSOR if is_last else base64.b64encode(str(first + PAGE).encode()).decode()
    return json_answer({"limit": PAGE, "count": len(part), "next_cursor": after, "data": part})


def _is_wanted(trade: Trade, request: web.Request) -> bool:
    query = request.query
    at_s = trade.matched_ns // NS
    tokens = {trade.token.token_id, *(part.token.token_id for part in trade.makers)}
    makers = {trade.maker, *(part.maker for part in trade.makers)}
    return (
        query.get("id", trade.trade_id) == trade.trade_id
        and query.get("market", trade.listing.condition_id) == trade.listing.condition_id
        and query.get("asset_id", trade.token.token_id) in tokens
        and query.get("maker_address", trade.maker) in makers
        and _seconds(query.get("after", "0")) <= at_s <= _seconds(query.get("before", str(at_s)))
    )


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Refusal(400, "Invalid time")
    return int(text)
