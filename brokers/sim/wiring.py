"""What the routes of every venue ask of their site."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from aiohttp import web

from brokers.sim.core import Core
from brokers.sim.server import Handler
from brokers.sim.site import Site

S = TypeVar("S", bound=Site)
PAGE = "<html><body><h1>{status}</h1></body></html>"


class SiteWire(ABC, Generic[S]):
    """The routes of one venue; one subclass for each venue."""

    def __init__(self, site: S) -> None:
        """Serve this venue."""
        self._site = site

    @property
    def core(self) -> Core:
        """Of the venue as it is now."""
        return self._site.core

    @property
    def down_s(self) -> float:
        """As the newest rule says."""
        return self._site.down_s

    def look(self) -> bool:
        """Do what is due; whether the server must restart."""
        return self._site.look()

    def cut(self) -> None:
        """Close every stream."""
        self._site.cut()

    @abstractmethod
    def router(self, app: web.Application) -> None:
        """Register its routes."""

    @abstractmethod
    async def answer(self, request: web.Request, handler: Handler) -> web.Response:
        """Check keys and rate, call the handler, and put errors into the venue's words."""

    @abstractmethod
    def error(self, status: int) -> web.Response:
        """What the venue answers when it breaks."""

    @abstractmethod
    async def told(self) -> None:
        """Wait until the streams have been written what was told."""

    @staticmethod
    async def plain(request: web.Request, handler: Handler) -> web.Response:
        """The handler's answer, which is no stream.

        Raises:
            TypeError: It is one.
        """
        response = await handler(request)
        if not isinstance(response, web.Response):
            raise TypeError(f"{request.path} answered with {type(response).__name__}")
        return response


def page(status: int) -> web.Response:
    """What a proxy in front of the venue answers."""
    return web.Response(status=status, text=PAGE.format(status=status), content_type="text/html")
