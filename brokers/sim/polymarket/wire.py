"""Polymarket behind the server: which routes there are, and how an error is worded."""

from aiohttp import web

from brokers.sim.polymarket.errors import Refusal, json_answer
from brokers.sim.polymarket.metadata import MetadataRoutes
from brokers.sim.polymarket.private import PrivateRoutes
from brokers.sim.polymarket.public import PublicRoutes
from brokers.sim.polymarket.site import PolymarketSite
from brokers.sim.server import Handler
from brokers.sim.wiring import SiteWire, page


class PolymarketWire(SiteWire[PolymarketSite]):
    """Order book, both streams and the other services on one port."""

    def __init__(self, site: PolymarketSite) -> None:
        """Serve this venue."""
        super().__init__(site)
        self._public = PublicRoutes(site)
        self._private = PrivateRoutes(site)
        self._metadata = MetadataRoutes(site)

    def router(self, app: web.Application) -> None:
        """Register its routes."""
        app.router.add_get("/ws/user", self._site.users.serve)
        app.router.add_get("/ws/market", self._site.ticks.serve)
        app.router.add_get("/ws/feeds", self._site.feeds.serve)
        app.router.add_get("/ws/exchange", self._site.exchange.serve)
        self._public.add_to(app.router)
        self._private.add_to(app.router)
        self._metadata.add_to(app.router)

    async def answer(self, request: web.Request, handler: Handler) -> web.Response:
        """The handler's answer, or the refusal in Polymarket's words."""
        try:
            if self._site.limit.are_closed:
                raise self._site.limit.refusal(self._site.limit.orders)
            return await self.plain(request, handler)
        except Refusal as refusal:
            return refusal.answer()
        except web.HTTPException as error:
            return json_answer({"error": error.reason}, status=error.status)

    def error(self, status: int) -> web.Response:
        """JSON for what the venue answers itself, a proxy's page for the others."""
        if status == 425:  # noqa: PLR2004 - the engine's restart
            return json_answer({"error": "the matching engine is restarting"}, status=status)
        if status == 429:  # noqa: PLR2004 - the limit's
            return self._site.limit.refusal(self._site.limit.orders).answer()
        if status in (500, 503):
            text = "could not insert order" if status == 500 else "Trading is currently disabled"  # noqa: PLR2004 - see above
            return json_answer({"error": text}, status=status)
        return page(status)

    async def told(self) -> None:
        """Wait for the user's stream."""
        await self._site.users.drained()
