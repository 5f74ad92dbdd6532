"""Tradier behind the server: which routes there are, and how an error is worded."""

from aiohttp import web

from brokers.sim.server import Handler
from brokers.sim.tradier.data import MarketRoutes
from brokers.sim.tradier.errors import Refusal, bad_token, errors, too_many
from brokers.sim.tradier.limits import kind_of
from brokers.sim.tradier.rest import AccountRoutes
from brokers.sim.tradier.site import TradierSite
from brokers.sim.wiring import SiteWire, page


class TradierWire(SiteWire[TradierSite]):
    """The routes of one Tradier venue: account, markets and both streams on one port."""

    def __init__(self, site: TradierSite) -> None:
        """Serve this venue."""
        super().__init__(site)
        self._account = AccountRoutes(site)
        self._markets = MarketRoutes(site)

    def router(self, app: web.Application) -> None:
        """Register its routes."""
        app.router.add_get("/v1/accounts/events", self._site.events.serve)
        app.router.add_get("/v1/markets/events", self._site.ticks.serve)
        self._account.add_to(app.router)
        self._markets.add_to(app.router)

    async def answer(self, request: web.Request, handler: Handler) -> web.Response:
        """The handler's answer, or the refusal in Tradier's words."""
        kind = kind_of(request.method, request.path)
        response: web.Response
        try:
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if not self._site.keys.is_good_token(token):
                raise bad_token()
            is_within = self._site.limit.take(kind)
            response = await self.plain(request, handler) if is_within else too_many()
        except Refusal as refusal:
            response = refusal.answer()
        except web.HTTPException as error:
            response = web.Response(status=error.status, text=error.reason)
        response.headers.update(self._site.limit.headers(kind))
        return response

    def error(self, status: int) -> web.Response:
        """`errors` with HTTP 200, the gateway's fault for 429, text for 500, a page for others."""
        if status == 200:  # noqa: PLR2004 - Tradier says no with it
            return errors("OmsInternalError")
        if status == 429:  # noqa: PLR2004 - the limit's
            return too_many()
        if status < 502:  # noqa: PLR2004 - what Tradier answers itself
            return web.Response(status=status, text="Internal Server Error")
        return page(status)

    async def told(self) -> None:
        """Wait for the account's stream."""
        await self._site.events.drained()
