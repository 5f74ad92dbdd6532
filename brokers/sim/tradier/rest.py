"""Tradier's account routes; each is a few lines, the rules are at the desk."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from brokers.sim.server import NOTHING_BOOKED
from brokers.sim.tradier.errors import invalid, unknown_order
from brokers.sim.tradier.rules import read_form, read_ticket
from brokers.sim.tradier.sessions import Stream
from brokers.sim.tradier.shapes import answer, moment, rows
from brokers.sim.units import number

if TYPE_CHECKING:
    from brokers.sim.tradier.site import TradierSite

HISTORY_DEFAULT: Final = 25
_OPENED: Final = "2025-01-06T15:00:00.000Z"


class AccountRoutes:
    """`/v1/user` and `/v1/accounts`."""

    def __init__(self, site: "TradierSite") -> None:
        """Serve this venue."""
        self._site = site

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every route."""
        account = "/v1/accounts/{account}"
        router.add_get("/v1/user/profile", self.profile)
        router.add_get(f"{account}/balances", self.balances)
        router.add_get(f"{account}/positions", self.positions)
        router.add_get(f"{account}/history", self.history)
        router.add_get(f"{account}/gainloss", self.gainloss)
        router.add_get(f"{account}/orders", self.orders)
        router.add_post(f"{account}/orders", self.place)
        router.add_get(f"{account}/orders/{{order_id}}", self.order)
        router.add_put(f"{account}/orders/{{order_id}}", self.change)
        router.add_delete(f"{account}/orders/{{order_id}}", self.cancel)
        router.add_post("/v1/accounts/events/session", self.account_session)
        router.add_post("/v1/markets/events/session", self.market_session)

    def _check(self, request: web.Request) -> None:
        """Refuse what asks for another account.

        Raises:
            Refusal: It is not the one that the token opens.
        """
        account = request.match_info["account"]
        if account != self._site.account:
            raise unknown_order(account)

    # --- orders -----------------------------------------------------------------------------------

    async def place(self, request: web.Request) -> web.Response:
        """`ok`: it was received. A preview is answered with what it would cost."""
        self._check(request)
        ticket = read_ticket(read_form(await request.read(), request.query_string))
        desk = self._site.desk
        if ticket.is_preview:
            shown = desk.funds.preview(desk.checked(ticket))
            shown["request_date"] = moment(self._site.core.now_ns())[:-1]
            response = answer({"order": shown}, request)
            response[NOTHING_BOOKED] = True
            return response
        return self._received(desk.place(ticket).order_id, request)

    def _received(self, order_id: int, request: web.Request) -> web.Response:
        partner_id = self._site.partner_id
        return answer(
            {"order": {"id": order_id, "status": "ok", "partner_id": partner_id}}, request
        )

    async def orders(self, request: web.Request) -> web.Response:
        """The orders of this day in New York, and open gtc orders of others."""
        self._check(request)
        today = self._site.desk.blotter.today(self._site.core.now_ns())
        found = [order.shown(with_tags=_has_tags(request)) for order in today]
        return answer(rows("orders", "order", found), request)

    async def order(self, request: web.Request) -> web.Response:
        """One order of any day."""
        self._check(request)
        found = self._site.desk.order(request.match_info["order_id"])
        return answer({"order": found.shown(with_tags=_has_tags(request))}, request)

    async def change(self, request: web.Request) -> web.Response:
        """`ok`: the change was received."""
        self._check(request)
        found = self._site.desk.order(request.match_info["order_id"])
        form = read_form(await request.read(), request.query_string)
        self._site.desk.change(found, form)
        return self._received(found.order_id, request)

    async def cancel(self, request: web.Request) -> web.Response:
        """`ok`: the cancel was received."""
        self._check(request)
        found = self._site.desk.order(request.match_info["order_id"])
        self._site.desk.cancel(found)
        return answer({"order": {"id": found.order_id, "status": "ok"}}, request)

    # --- account ----------------------------------------------------------------------------------

    async def profile(self, request: web.Request) -> web.Response:
        """Who the token belongs to."""
        account = {
            "account_number": self._site.account,
            "classification": "individual",
            "date_created": _OPENED,
            "day_trader": False,
            "option_level": 6,
            "status": "active",
            "type": "margin",
            "last_update_date": _OPENED,
        }
        profile = {"id": "id-sim", "name": "Sim User", "account": account}
        return answer({"profile": profile}, request)

    async def balances(self, request: web.Request) -> web.Response:
        """Money and power."""
        self._check(request)
        return answer({"balances": self._site.desk.funds.balances()}, request)

    async def positions(self, request: web.Request) -> web.Response:
        """Holdings; short ones are below zero, in quantity and cost."""
        self._check(request)
        desk = self._site.desk
        found = [
            {
                "cost_basis": number(position.cost_1e8),
                "date_acquired": moment(desk.night.lot_of(symbol).at_ns),
                "id": desk.night.lot_of(symbol).number,
                "quantity": number(position.qty_1e8),
                "symbol": symbol,
            }
            for symbol, position in desk.blotter.ledger.positions.items()
        ]
        return answer(rows("positions", "position", found), request)

    async def history(self, request: web.Request) -> web.Response:
        """Trades of the days before today: it is written at night."""
        self._check(request)
        query = request.query
        found = self._site.desk.night.history()
        if kind := query.get("type"):
            found = [event for event in found if event["type"] == kind]
        first, last = _day(query, "start", date.min), _day(query, "end", date.max)
        found = [event for event in found if first <= event["date"][:10] <= last]
        if symbol := query.get("symbol"):
            found = [event for event in found if event[event["type"]].get("symbol") == symbol]
        limit, page = _count(query, "limit", HISTORY_DEFAULT), _count(query, "page", 1)
        found = found[::-1][(page - 1) * limit : page * limit]
        return answer(rows("history", "event", found), request)

    async def gainloss(self, request: web.Request) -> web.Response:
        """Positions that were closed on days before today."""
        self._check(request)
        return answer(rows("gainloss", "closed_position", self._site.desk.night.closed()), request)

    # --- sessions of streams ----------------------------------------------------------------------

    async def account_session(self, request: web.Request) -> web.Response:
        """An id for the account's stream."""
        return self._session(request, "accounts")

    async def market_session(self, request: web.Request) -> web.Response:
        """An id for the market's stream."""
        return self._session(request, "markets")

    def _session(self, request: web.Request, stream: Stream) -> web.Response:
        sessionid = self._site.core.new_id()
        self._site.sessions.give(sessionid, stream, self._site.wall_ns())
        url = f"ws://{request.host}/v1/{stream}/events"
        found: dict[str, Any] = {"stream": {"url": url, "sessionid": sessionid}}
        return answer(found, request)


def _has_tags(request: web.Request) -> bool:
    return request.query.get("includeTags", "").lower() == "true"


def _day(query: Mapping[str, str], name: str, default: date) -> str:
    text = query.get(name)
    try:
        return (date.fromisoformat(text) if text else default).isoformat()
    except ValueError as error:
        raise invalid(name, f"{text} is not a date") from error


def _count(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and int(text)):
        raise invalid(name, f"{text} is not valid")
    return int(text)
