"""Alpaca behind the server: which routes there are, and how an error is worded."""

from wsgiref.handlers import format_date_time

from aiohttp import web

from brokers.sim.alpaca.data import DataRoutes
from brokers.sim.alpaca.errors import ApiError
from brokers.sim.alpaca.rest import TradingRoutes, admit, answer
from brokers.sim.alpaca.site import AlpacaSite
from brokers.sim.server import Handler
from brokers.sim.units import NS
from brokers.sim.wiring import SiteWire, page


class AlpacaWire(SiteWire[AlpacaSite]):
    """The routes of one Alpaca venue: trading, data and both streams on one port."""

    def __init__(self, site: AlpacaSite) -> None:
        """Serve this venue."""
        super().__init__(site)
        self._trading = TradingRoutes(site)
        self._data = DataRoutes(site)

    def router(self, app: web.Application) -> None:
        """Register its routes."""
        self._trading.add_to(app.router)
        self._data.add_to(app.router)
        app.router.add_get("/stream", self._site.trades.serve)
        app.router.add_get("/v2/{feed:iex|sip|delayed_sip|test}", self._site.ticks.serve)
        app.router.add_get("/v1beta1/{feed:indicative|opra}", self._site.ticks.serve)

    async def answer(self, request: web.Request, handler: Handler) -> web.Response:
        """The handler's answer, or the refusal in Alpaca's words."""
        try:
            admit(self._site, request)
            response = await self.plain(request, handler)
        except ApiError as error:
            response = answer(error.body, error.status)
        except web.HTTPException as error:
            code = error.status * 100_000 + 10_000
            response = answer({"code": code, "message": error.reason}, error.status)
        response.headers.update(self._site.limit.headers())
        response.headers["Date"] = format_date_time(self._site.core.now_ns() // NS)
        return response

    def error(self, status: int) -> web.Response:
        """JSON for 500, a proxy's page for the others."""
        if status in (429, 500):
            code = status * 100_000 + 10_000
            return answer({"code": code, "message": "internal server error occurred"}, status)
        return page(status)

    async def told(self) -> None:
        """Wait for the order stream."""
        await self._site.trades.drained()
