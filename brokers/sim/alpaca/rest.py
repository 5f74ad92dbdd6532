"""Alpaca's trading routes; each is a few lines, the rules are at the desk."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from brokers.sim.alpaca.assets import SHARES, Contract, asset_id, chain
from brokers.sim.alpaca.errors import (
    ApiError,
    malformed,
    not_found,
    too_many,
    unauthorized,
    unprocessable,
)
from brokers.sim.alpaca.listing import listed_orders
from brokers.sim.hours import Hours
from brokers.sim.units import (
    dump_json,
    eastern,
    eastern_text,
    load_json,
    read_1e8,
    read_time,
    show,
)
from trading.calendar import Session, from_date, to_date

if TYPE_CHECKING:
    from brokers.sim.alpaca.site import AlpacaSite

CALENDAR_DAYS_MAX: Final = 5000
ACTIVITIES_MAX: Final = 100
CONTRACTS_DEFAULT: Final = 100


def answer(value: object, status: int = 200) -> web.Response:
    """JSON."""
    return web.Response(body=dump_json(value), status=status, content_type="application/json")


def admit(site: "AlpacaSite", request: web.Request) -> None:
    """Check keys and rate.

    Raises:
        ApiError: 401 or 429.
    """
    headers = request.headers
    token = headers.get("Authorization", "").removeprefix("Bearer ")
    keys = (headers.get("APCA-API-KEY-ID"), headers.get("APCA-API-SECRET-KEY"))
    if not (site.keys.are_good(*keys) or (token and site.keys.is_good_token(token))):
        raise unauthorized()
    if not site.limit.take():
        raise too_many()


async def read_body(request: web.Request) -> Any:
    """The JSON of a request.

    Raises:
        ApiError: It is none.
    """
    try:
        return load_json(await request.read())
    except ValueError as error:
        raise ApiError(400, {"code": 40010000, "message": "request body format is invalid"}) from (
            error
        )


class TradingRoutes:
    """`/v2` of the trading host."""

    def __init__(self, site: "AlpacaSite") -> None:
        """Serve this venue."""
        self._site = site

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every route."""
        # The look-up by client id has a colon where a slash would be expected.
        router.add_get("/v2/orders:by_client_order_id", self.order_of_client)
        router.add_get("/v2/orders", self.orders)
        router.add_post("/v2/orders", self.place)
        router.add_delete("/v2/orders", self.cancel_all)
        router.add_get("/v2/orders/{order_id}", self.order)
        router.add_patch("/v2/orders/{order_id}", self.replace)
        router.add_delete("/v2/orders/{order_id}", self.cancel)
        router.add_get("/v2/positions", self.positions)
        router.add_delete("/v2/positions", self.close_all)
        router.add_get("/v2/positions/{symbol}", self.position)
        router.add_delete("/v2/positions/{symbol}", self.close)
        router.add_post("/v2/positions/{symbol}/exercise", self.exercise)
        router.add_get("/v2/account", self.account)
        router.add_get("/v2/account/portfolio/history", self.history)
        router.add_get("/v2/account/configurations", self.configuration)
        router.add_patch("/v2/account/configurations", self.configure)
        router.add_get("/v2/account/activities", self.activities)
        router.add_get("/v2/account/activities/{kind}", self.activities)
        router.add_get("/v2/clock", self.clock)
        router.add_get("/v2/calendar", self.calendar)
        router.add_get("/v2/assets", self.assets)
        router.add_get("/v2/assets/{symbol}", self.asset)
        router.add_get("/v2/options/contracts", self.contracts)
        router.add_get("/v2/options/contracts/{symbol}", self.contract)

    # --- orders -----------------------------------------------------------------------------------

    async def place(self, request: web.Request) -> web.Response:
        """An order as it was booked; what becomes of it follows."""
        return answer(self._site.desk.place(await read_body(request)).shown())

    async def orders(self, request: web.Request) -> web.Response:
        """A list by the query's filters."""
        found = listed_orders(self._site.desk.blotter, request.query)
        nested = request.query.get("nested") in ("true", "True")
        return answer([order.shown(nested=nested) for order in found])

    async def order(self, request: web.Request) -> web.Response:
        """One order."""
        found = self._site.desk.order(request.match_info["order_id"])
        return answer(found.shown(nested=request.query.get("nested") in ("true", "True")))

    async def order_of_client(self, request: web.Request) -> web.Response:
        """One order, by the client's own id."""
        wanted = request.query.get("client_order_id", "")
        return answer(self._site.desk.order_of_client(wanted).shown())

    async def replace(self, request: web.Request) -> web.Response:
        """The new order; whether it came to be is told by the stream."""
        old = self._site.desk.order(request.match_info["order_id"])
        return answer(self._site.desk.replace(old, await read_body(request)).shown())

    async def cancel(self, request: web.Request) -> web.Response:
        """204 and nothing else: the cancel was taken, no more."""
        self._site.desk.cancel(self._site.desk.order(request.match_info["order_id"]))
        return web.Response(status=204)

    async def cancel_all(self, _: web.Request) -> web.Response:
        """207 with one status per order."""
        return answer(self._site.desk.cancel_all(), 207)

    # --- positions --------------------------------------------------------------------------------

    async def positions(self, _: web.Request) -> web.Response:
        """All of them."""
        desk = self._site.desk
        held = desk.blotter.ledger.positions.values()
        return answer([desk.funds.position(position) for position in held])

    async def position(self, request: web.Request) -> web.Response:
        """One, by symbol or asset id."""
        desk = self._site.desk
        symbol = self._symbol(request)
        return answer(desk.funds.position(desk.held_position(symbol)))

    async def close(self, request: web.Request) -> web.Response:
        """The market order that closes it, or a part."""
        qty_1e8 = _number(request.query, "qty")
        percent_1e8 = _number(request.query, "percentage")
        if qty_1e8 is not None and percent_1e8 is not None:
            raise malformed("qty and percentage exclude each other")
        desk = self._site.desk
        return answer(desk.close(self._symbol(request), qty_1e8, percent_1e8).shown())

    async def close_all(self, request: web.Request) -> web.Response:
        """207 with one order or error per symbol; orders are canceled first if that is asked."""
        desk = self._site.desk
        if request.query.get("cancel_orders") in ("true", "True"):
            desk.cancel_all()
            self._site.core.pump()
        found: list[dict[str, Any]] = []
        for symbol in [*desk.blotter.ledger.positions]:
            try:
                order = desk.close(symbol, None, None)
                body = order.shown()
                found.append(
                    {"symbol": symbol, "order_id": order.order_id, "status": 200, "body": body}
                )
            except ApiError as error:
                found.append({"symbol": symbol, "status": error.status, "body": error.body})
        return answer(found, 207)

    async def exercise(self, request: web.Request) -> web.Response:
        """200 without a body."""
        self._site.desk.exercise(self._symbol(request))
        return web.Response(status=200)

    def _symbol(self, request: web.Request) -> str:
        wanted = request.match_info["symbol"]
        held = self._site.desk.blotter.ledger.positions
        return next((symbol for symbol in held if asset_id(symbol) == wanted), wanted)

    # --- account ----------------------------------------------------------------------------------

    async def account(self, _: web.Request) -> web.Response:
        """Money and permissions."""
        return answer(self._site.desk.funds.account())

    async def history(self, _: web.Request) -> web.Response:
        """The equity at each close so far, and now."""
        return answer(self._site.desk.funds.history())

    async def configuration(self, _: web.Request) -> web.Response:
        """The account's settings."""
        return answer(self._site.desk.settings)

    async def configure(self, request: web.Request) -> web.Response:
        """Change some of them."""
        body = await read_body(request)
        if not isinstance(body, dict):
            raise malformed("request body format is invalid")
        settings = self._site.desk.settings
        given = {name: value for name, value in body.items() if value is not None}
        if not {*given} <= {*settings}:
            raise malformed("unknown configuration")
        settings |= given
        return answer(settings)

    async def activities(self, request: web.Request) -> web.Response:
        """Fills and fees, newest first unless asked otherwise, by pages."""
        query = request.query
        kinds = (request.match_info.get("kind") or query.get("activity_types") or "").upper()
        wanted = {*kinds.split(",")} - {""}
        found = [
            one
            for one in self._site.desk.blotter.activities
            if not wanted or one["activity_type"] in wanted
        ]
        found = _between(found, query)
        if query.get("direction", "desc") == "desc":
            found.reverse()
        token = query.get("page_token")
        if token:
            ids = [one["id"] for one in found]
            found = found[ids.index(token) + 1 :] if token in ids else []
        size = min(ACTIVITIES_MAX, max(1, _whole(query, "page_size", ACTIVITIES_MAX)))
        return answer(found[:size])

    # --- reference --------------------------------------------------------------------------------

    async def clock(self, _: web.Request) -> web.Response:
        """The venue's time in New York."""
        core = self._site.core
        now_ns = core.now_ns()
        return answer(
            {
                "timestamp": eastern_text(now_ns),
                "is_open": core.hours.is_open(now_ns),
                "next_open": eastern_text(core.hours.next_open_ns(now_ns)),
                "next_close": eastern_text(core.hours.next_close_ns(now_ns)),
            }
        )

    async def calendar(self, request: web.Request) -> web.Response:
        """Sessions from `start` to `end`, in New York's time."""
        first = _day(request.query, "start", "2016-01-01")
        last = _day(request.query, "end", "2029-12-31")
        hours = self._site.core.hours
        found = hours.sessions(first, last)[:CALENDAR_DAYS_MAX]
        # A trade is settled on the next session.
        settled = [*found[1:], *_next_session(hours, found), *found[-1:]]
        return answer(
            [
                {
                    "date": to_date(one.session_date).isoformat(),
                    "open": f"{eastern(one.open_ns):%H:%M}",
                    "close": f"{eastern(one.close_ns):%H:%M}",
                    "session_open": "0400",
                    "session_close": "2000",
                    "settlement_date": to_date(following.session_date).isoformat(),
                }
                for one, following in zip(found, settled, strict=False)
            ]
        )

    async def assets(self, request: web.Request) -> web.Response:
        """Shares, by `status` and `asset_class`."""
        status = request.query.get("status")
        asset_class = request.query.get("asset_class", "us_equity")
        shown = [share.shown() for share in self._site.shares()]
        return answer(
            [
                one
                for one in shown
                if one["class"] == asset_class and status in (None, one["status"])
            ]
        )

    async def asset(self, request: web.Request) -> web.Response:
        """One share, by symbol or id."""
        wanted = request.match_info["symbol"]
        for share in self._site.shares():
            if wanted in (share.symbol, asset_id(share.symbol)):
                return answer(share.shown())
        raise not_found(f"asset {wanted}")

    async def contracts(self, request: web.Request) -> web.Response:
        """Options by underlying, expiry, right and strike, by pages."""
        query = request.query
        underlyings = (query.get("underlying_symbols") or "SPY").split(",")
        core = self._site.core
        found = [
            contract
            for underlying in underlyings
            if underlying in core.market
            for contract in chain(
                underlying, core.market.instrument(underlying).start_1e8, core.now_ns()
            )
            if contract.expires_ns > core.now_ns()
        ]
        for name, holds in _CONTRACT_FILTERS.items():
            if wanted := query.get(name):
                found = [one for one in found if holds(one, wanted)]
        begin = _whole(query, "page_token", 0)
        size = _whole(query, "limit", CONTRACTS_DEFAULT)
        today = eastern(core.now_ns()).date()
        desk = self._site.desk
        page = [one.shown(desk.option_1e8(one), today) for one in found[begin : begin + size]]
        following = str(begin + size) if begin + size < len(found) else None
        return answer({"option_contracts": page, "next_page_token": following})

    async def contract(self, request: web.Request) -> web.Response:
        """One option, by symbol or id."""
        core, desk = self._site.core, self._site.desk
        wanted = request.match_info["symbol"]
        found = desk.contract(wanted)
        if found is None:
            for share in SHARES:
                if share.symbol in core.market:
                    spot_1e8 = core.market.instrument(share.symbol).start_1e8
                    every = chain(share.symbol, spot_1e8, core.now_ns())
                    found = next((one for one in every if asset_id(one.symbol) == wanted), found)
        if found is None:
            raise not_found(f"option contract {wanted}")
        return answer(found.shown(desk.option_1e8(found), eastern(core.now_ns()).date()))


_CONTRACT_FILTERS: Final[dict[str, Callable[[Contract, str], bool]]] = {
    "expiration_date": lambda one, wanted: one.expiry.isoformat() == wanted,
    "expiration_date_gte": lambda one, wanted: one.expiry.isoformat() >= wanted,
    "expiration_date_lte": lambda one, wanted: one.expiry.isoformat() <= wanted,
    "type": lambda one, wanted: one.right == wanted,
    "strike_price_gte": lambda one, wanted: one.strike_1e8 >= _strike(wanted),
    "strike_price_lte": lambda one, wanted: one.strike_1e8 <= _strike(wanted),
}


def _strike(text: str) -> int:
    return _number({"strike_price": text}, "strike_price") or 0


def _between(activities: list[dict[str, Any]], query: Mapping[str, str]) -> list[dict[str, Any]]:
    def at_ns(one: dict[str, Any]) -> int:
        return read_time(one.get("transaction_time") or one["date"])

    if after := query.get("after"):
        after_ns = _time(after)
        activities = [one for one in activities if at_ns(one) > after_ns]
    if until := query.get("until"):
        until_ns = _time(until)
        activities = [one for one in activities if at_ns(one) < until_ns]
    if day := query.get("date"):
        activities = [one for one in activities if one["id"].startswith(day.replace("-", ""))]
    return activities


def _time(text: str) -> int:
    try:
        return read_time(text)
    except ValueError as error:
        raise malformed(f"invalid time: {text}") from error


def _next_session(hours: Hours, sessions: list[Session]) -> list[Session]:
    """The session after the last of these, where the calendar reaches as far."""
    if not sessions:
        return []
    day = to_date(sessions[-1].session_date)
    ahead = (from_date(day + timedelta(days=days)) for days in (1, 14))
    return hours.sessions(*ahead)[:1]


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name) or str(default)
    if not text.isdecimal():
        raise malformed(f"invalid {name}: {text}")
    return int(text)


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        found = read_1e8(text)
    except ValueError as error:
        raise malformed(f"invalid {name}: {error}") from error
    if found <= 0:
        raise unprocessable(f"{name} must be > 0, was {show(found)}")
    return found


def _day(query: Mapping[str, str], name: str, default: str) -> int:
    text = query.get(name) or default
    try:
        return from_date(date.fromisoformat(text[:10]))
    except ValueError as error:
        raise malformed(f"invalid {name}: {text}") from error
