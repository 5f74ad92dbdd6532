"""The order stream, `/stream`: JSON in binary frames, nothing is repeated after a reconnect."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from brokers.sim.hub import Client, Hub
from brokers.sim.sockets import Outlet
from brokers.sim.spoil import spoilt_frame
from brokers.sim.telling import Telling
from brokers.sim.units import dump_json, load_json

if TYPE_CHECKING:
    from brokers.sim.alpaca.site import AlpacaSite

STREAM: Final = "trade_updates"


@dataclass(slots=True, eq=False)
class TradeClient(Client):
    """What one client has shown and asked for."""

    is_known: bool = False
    listens: bool = False

    def say(self, stream: str, **data: Any) -> None:
        """Answer it."""
        self.outlet.send(dump_json({"stream": stream, "data": data}))


class TradeHub(Hub[TradeClient]):
    """Every client of the order stream, and the faults that events suffer."""

    tells = "`trade_updates`: what becomes of orders, in binary frames."

    def __init__(self, site: "AlpacaSite") -> None:
        """Nobody listens yet."""
        super().__init__()
        self._site = site
        self.telling = Telling(lambda: site.core.faults, self._send)

    def publish(self, data: dict[str, Any]) -> None:
        """Tell an event, unless a fault has it otherwise."""
        self.telling.publish(data["event"], data)

    def _send(self, data: dict[str, Any], how: str | None = None) -> None:
        if self._site.is_muted:
            return
        frame = dump_json({"stream": STREAM, "data": data})
        if how is not None:
            frame = spoilt_frame(frame, how)
        for client in self._clients:
            if client.listens:
                client.outlet.send(frame.decode() if self._site.options.has_text_frames else frame)

    @property
    def listeners(self) -> int:
        """How many hear the events."""
        return sum(client.listens for client in self._clients)

    def client(self, request: web.Request, outlet: Outlet) -> TradeClient:
        """Unknown as yet."""
        del request
        return TradeClient(outlet)

    def hear(self, client: TradeClient, raw: bytes) -> bool:
        """Answer one message; False ends the connection."""
        try:
            message = load_json(raw)
            action = message["action"]
        except (ValueError, KeyError, TypeError):
            return False
        if action in ("authenticate", "auth"):
            return self._authenticate(client, message)
        if action != "listen":
            return True
        if not client.is_known:
            client.say("authorization", status="unauthorized", action="listen")
            return True
        wanted = (message.get("data") or {}).get("streams") or []
        streams = [name for name in wanted if name == STREAM]
        client.listens = bool(streams)
        client.say("listening", streams=streams)
        return True

    def _authenticate(self, client: TradeClient, message: dict[str, Any]) -> bool:
        data = message.get("data") or {}
        key = data.get("key_id") or message.get("key")
        secret = data.get("secret_key") or message.get("secret")
        client.is_known = self._site.keys.are_good(key, secret)
        status = "authorized" if client.is_known else "unauthorized"
        client.say("authorization", status=status, action="authenticate")
        return client.is_known
