"""Runs a venue until it is told to stop."""

import asyncio
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from aiohttp import web

from brokers.sim.admin import AdminRoutes
from brokers.sim.server import HOST, VenueServer, Wire, routes_of
from brokers.sim.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses(ABC):
    """Where a venue is, and with which keys; one subclass for each venue."""

    port: int
    admin_port: int
    key: str
    secret: str

    @property
    def url(self) -> str:
        """Of requests."""
        return f"http://{HOST}:{self.port}"

    @property
    def ws_url(self) -> str:
        """Of streams, without a path."""
        return f"ws://{HOST}:{self.port}"

    @property
    def admin_url(self) -> str:
        """Of the admin port."""
        return f"http://{HOST}:{self.admin_port}"

    @abstractmethod
    def shown(self) -> dict[str, str]:
        """All of it by name, as `holdfast venue --json` says it."""


A = TypeVar("A", bound=Addresses)


class Venue(ABC, Generic[A]):
    """A venue's two servers; one subclass for each venue."""

    def __init__(self, site: Site, wire: Wire) -> None:
        """Nothing listens yet."""
        self._site = site
        self._wire = wire
        self._server: VenueServer | None = None
        self._admin: web.AppRunner | None = None

    async def start(self, port: int = 0, admin_port: int = 0) -> A:
        """Listen on loopback; a port of 0 is any that is free."""
        self._server = VenueServer(self._wire, port)
        await self._server.start()
        admin = AdminRoutes(self._site, list(self.routes()))
        self._admin = web.AppRunner(admin.app(), access_log=None)
        await self._admin.setup()
        await web.TCPSite(self._admin, HOST, admin_port).start()
        return self.addresses(self._server.port, self._admin.addresses[0][1])

    def routes(self) -> dict[str, str]:
        """What is served, and what each route answers."""
        return routes_of(self._wire)

    @abstractmethod
    def addresses(self, port: int, admin_port: int) -> A:
        """What its clients need to know."""

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            await self._server.stop()
        if self._admin is not None:
            await self._admin.cleanup()


async def serve(venue: Venue[A], ports: tuple[int, int], say: Callable[[A], None]) -> None:
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
