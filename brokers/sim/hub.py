"""The clients of one stream, whatever its wire: who is there, from the first word to the last."""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from aiohttp import WSMsgType, web

from brokers.sim.sockets import Outlet

_FRAME_MAX = 16 << 20


@dataclass(slots=True, eq=False)
class Client:
    """One connection; a venue adds what its client has shown and asked for."""

    outlet: Outlet


C = TypeVar("C", bound=Client)


class Hub(ABC, Generic[C]):
    """Every client of one stream; one subclass for each stream of a venue.

    Attributes:
        tells: What of, for the page of routes.
    """

    tells: ClassVar[str]

    def __init__(self) -> None:
        """Nobody is there yet."""
        self._clients: list[C] = []

    @abstractmethod
    def client(self, request: web.Request, outlet: Outlet) -> C:
        """A client that has just connected; it may be greeted."""

    @abstractmethod
    def hear(self, client: C, raw: bytes) -> bool:
        """Answer one message; False ends the connection once all has been written."""

    @property
    def clients(self) -> int:
        """How many are connected."""
        return len(self._clients)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One client, from its first word to its last."""
        socket = web.WebSocketResponse(max_msg_size=_FRAME_MAX)
        await socket.prepare(request)
        client = self.client(request, Outlet(socket, request.transport))
        self._clients.append(client)
        try:
            async for message in socket:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    continue
                raw = message.data
                if not self.hear(client, raw.encode() if isinstance(raw, str) else raw):
                    await client.outlet.drained()
                    await socket.close()
        finally:
            self.forget(client)
            await client.outlet.end()
        return socket

    def forget(self, client: C) -> None:
        """It has gone; a second time changes nothing."""
        if client in self._clients:
            self._clients.remove(client)

    def drop(self, client: C) -> None:
        """Break one connection, without a word."""
        client.outlet.cut()
        self.forget(client)

    def cut(self) -> None:
        """Break every connection."""
        for client in [*self._clients]:
            self.drop(client)

    async def drained(self) -> None:
        """Wait until every client has been written all that was told."""
        await asyncio.gather(*(client.outlet.drained() for client in [*self._clients]))
