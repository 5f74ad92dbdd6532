"""Runs an Alpaca venue until it is told to stop."""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from brokers.sim.admin import AdminRoutes
from brokers.sim.alpaca.site import AlpacaSite
from brokers.sim.alpaca.wire import AlpacaWire
from brokers.sim.core import VenueOptions
from brokers.sim.server import HOST, VenueServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a venue is, and with which keys."""

    port: int
    admin_port: int
    key: str
    secret: str

    @property
    def url(self) -> str:
        """Of trading and data."""
        return f"http://{HOST}:{self.port}"

    @property
    def stream_url(self) -> str:
        """Of the order stream."""
        return f"ws://{HOST}:{self.port}/stream"

    @property
    def data_stream_url(self) -> str:
        """Of the market data stream."""
        return f"ws://{HOST}:{self.port}/v2/iex"

    @property
    def admin_url(self) -> str:
        """Of the admin port."""
        return f"http://{HOST}:{self.admin_port}"


class AlpacaVenue:
    """The venue's two servers."""

    def __init__(self, options: VenueOptions, wall_ns: Callable[[], int]) -> None:
        """Set it up; nothing listens yet."""
        self.site = AlpacaSite(options, wall_ns)
        self._server: VenueServer | None = None
        self._admin: web.AppRunner | None = None

    async def start(self, port: int = 0, admin_port: int = 0) -> Addresses:
        """Listen on loopback; a port of 0 is any that is free."""
        self._server = VenueServer(AlpacaWire(self.site), port)
        await self._server.start()
        self._admin = web.AppRunner(AdminRoutes(self.site).app(), access_log=None)
        await self._admin.setup()
        await web.TCPSite(self._admin, HOST, admin_port).start()
        return Addresses(
            port=self._server.port,
            admin_port=self._admin.addresses[0][1],
            key=self.site.keys.key,
            secret=self.site.keys.secret,
        )

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            await self._server.stop()
        if self._admin is not None:
            await self._admin.cleanup()


async def serve(
    venue: AlpacaVenue, ports: tuple[int, int], say: Callable[[Addresses], None]
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        venue: What to serve.
        ports: The venue's own and the admin's.
        say: Hears where it is, once it listens.
    """
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    addresses = await venue.start(*ports)
    say(addresses)
    await stopped.wait()
    await venue.stop()
