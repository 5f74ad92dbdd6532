"""Alpaca behind the server: which routes there are, and how an error is worded."""

from typing import TYPE_CHECKING, Final
from wsgiref.handlers import format_date_time

from aiohttp import web

from brokers.sim.alpaca.data import DataRoutes
from brokers.sim.alpaca.errors import ApiError
from brokers.sim.alpaca.rest import TradingRoutes, admit, answer
from brokers.sim.core import Core
from brokers.sim.server import Handler
from brokers.sim.units import NS

if TYPE_CHECKING:
    from brokers.sim.alpaca.site import AlpacaSite

_HTML: Final = "<html><body><h1>{status}</h1></body></html>"


class AlpacaWire:
    """The routes of one Alpaca venue: trading, data and both streams on one port."""

    def __init__(self, site: "AlpacaSite") -> None:
        """Serve this venue."""
        self._site = site
        self._trading = TradingRoutes(site)
        self._data = DataRoutes(site)

    @property
    def core(self) -> Core:
        """Of the venue as it is now."""
        return self._site.core

    @property
    def down_s(self) -> float:
        """As the newest rule says."""
        return self._site.down_s

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
            response = await handler(request)
        except ApiError as error:
            response = answer(error.body, error.status)
        except web.HTTPException as error:
            code = error.status * 100_000 + 10_000
            response = answer({"code": code, "message": error.reason}, error.status)
        if not isinstance(response, web.Response):
            raise TypeError(f"{request.path} answered with {type(response).__name__}")
        response.headers.update(self._site.limit.headers())
        response.headers["Date"] = format_date_time(self._site.core.now_ns() // NS)
        return response

    def error(self, status: int) -> web.Response:
        """JSON for 500, a proxy's page for the others."""
        if status in (429, 500):
            code = status * 100_000 + 10_000
            return answer({"code": code, "message": "internal server error occurred"}, status)
        text = _HTML.format(status=status)
        return web.Response(status=status, text=text, content_type="text/html")

    async def told(self) -> None:
        """Wait for the order stream."""
        await self._site.trades.drained()

    def look(self) -> bool:
        """Do what is due."""
        return self._site.look()

    def cut(self) -> None:
        """Close every stream."""
        self._site.cut()
