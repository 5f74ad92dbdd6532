"""The order stream, `/stream`: JSON in binary frames, nothing is repeated after a reconnect."""

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiohttp import WSMsgType, web

from brokers.sim.sockets import Outlet
from brokers.sim.spoil import spoilt_frame
from brokers.sim.telling import Telling
from brokers.sim.units import dump_json, load_json

if TYPE_CHECKING:
    from brokers.sim.alpaca.site import AlpacaSite

STREAM: Final = "trade_updates"


class TradeHub:
    """Every client of the order stream, and the faults that events suffer."""

    def __init__(self, site: "AlpacaSite") -> None:
        """Nobody listens yet."""
        self._site = site
        self.telling = Telling(lambda: site.core.faults, self._send)
        self._listening: dict[Outlet, bool] = {}

    def publish(self, data: dict[str, Any]) -> None:
        """Tell an event, unless a fault has it otherwise."""
        self.telling.publish(data["event"], data)

    def _send(self, data: dict[str, Any], how: str | None = None) -> None:
        if self._site.is_muted:
            return
        frame = dump_json({"stream": STREAM, "data": data})
        if how is not None:
            frame = spoilt_frame(frame, how)
        for outlet, listens in self._listening.items():
            if listens:
                outlet.send(frame.decode() if self._site.options.has_text_frames else frame)

    async def drained(self) -> None:
        """Wait until every client has been written all that was told."""
        await asyncio.gather(*(outlet.drained() for outlet in [*self._listening]))

    def cut(self) -> None:
        """Break every connection."""
        for outlet in self._listening:
            outlet.cut()
        self._listening.clear()

    @property
    def clients(self) -> int:
        """How many are connected."""
        return len(self._listening)

    @property
    def listeners(self) -> int:
        """How many hear the events."""
        return sum(self._listening.values())

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One client, from its first word to its last."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        outlet = Outlet(socket, request.transport)
        self._listening[outlet] = False
        session = _Session(self._site, self, outlet)
        try:
            async for message in socket:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    continue
                raw = message.data
                if not session.hear(raw.encode() if isinstance(raw, str) else raw):
                    await outlet.drained()
                    await socket.close()
        finally:
            self._listening.pop(outlet, None)
            await outlet.end()
        return socket

    def listen(self, outlet: Outlet, listens: bool) -> None:  # noqa: FBT001 - a state, not an option
        """Whether a client hears the events from now on."""
        if outlet in self._listening:
            self._listening[outlet] = listens


class _Session:
    """What one client has shown and asked for."""

    def __init__(self, site: "AlpacaSite", hub: TradeHub, outlet: Outlet) -> None:
        self._site = site
        self._hub = hub
        self._outlet = outlet
        self._is_known = False

    def hear(self, raw: bytes) -> bool:
        """Answer one message; False ends the connection."""
        try:
            message = load_json(raw)
            action = message["action"]
        except (ValueError, KeyError, TypeError):
            return False
        if action in ("authenticate", "auth"):
            return self._authenticate(message)
        if action != "listen":
            return True
        if not self._is_known:
            self._say("authorization", status="unauthorized", action="listen")
            return True
        wanted = (message.get("data") or {}).get("streams") or []
        streams = [name for name in wanted if name == STREAM]
        self._hub.listen(self._outlet, bool(streams))
        self._say("listening", streams=streams)
        return True

    def _authenticate(self, message: dict[str, Any]) -> bool:
        data = message.get("data") or {}
        key = data.get("key_id") or message.get("key")
        secret = data.get("secret_key") or message.get("secret")
        self._is_known = self._site.keys.are_good(key, secret)
        status = "authorized" if self._is_known else "unauthorized"
        self._say("authorization", status=status, action="authenticate")
        return self._is_known

    def _say(self, stream: str, **data: Any) -> None:
        self._outlet.send(dump_json({"stream": stream, "data": data}))
