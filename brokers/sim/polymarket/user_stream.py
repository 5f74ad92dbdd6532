"""The user's stream: orders and trades, without a word of welcome and without repetition."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from brokers.sim.hub import Client, Hub
from brokers.sim.sockets import Outlet
from brokers.sim.spoil import spoilt_frame
from brokers.sim.telling import Telling
from brokers.sim.units import dump_json, load_json

if TYPE_CHECKING:
    from brokers.sim.polymarket.site import PolymarketSite


@dataclass(slots=True, eq=False)
class UserClient(Client):
    """Who has shown a key; without `markets` it hears of all."""

    is_known: bool = False
    markets: set[str] = field(default_factory=set)
    hears_all: bool = True


class UserHub(Hub[UserClient]):
    """Every client of `/ws/user`."""

    tells = "what becomes of a wallet's orders and trades."

    def __init__(self, site: "PolymarketSite") -> None:
        """Nobody listens yet."""
        super().__init__()
        self._site = site
        self.telling = Telling(lambda: site.core.faults, self._send)

    def publish(self, name: str, event: dict[str, Any]) -> None:
        """Tell an event, unless a fault has it otherwise."""
        self.telling.publish(name, event)

    def _send(self, data: dict[str, Any], how: str | None = None) -> None:
        if self._site.is_muted:
            return
        # One object or an array of them: both have been seen.
        frame = dump_json([data] if self._site.chance.getrandbits(1) else data)
        if how is not None:
            frame = spoilt_frame(frame, how)
        for client in self._clients:
            if client.is_known and (client.hears_all or data["market"] in client.markets):
                client.outlet.send(frame.decode(errors="replace"))

    @property
    def listeners(self) -> int:
        """How many hear the events."""
        return sum(client.is_known for client in self._clients)

    def client(self, request: web.Request, outlet: Outlet) -> UserClient:
        """Unknown as yet."""
        del request
        return UserClient(outlet)

    def hear(self, client: UserClient, raw: bytes) -> bool:
        """A ping, the credentials, or other markets; whatever else ends the connection."""
        if raw == b"PING":
            client.outlet.send("PONG")
            return True
        try:
            asked = load_json(raw)
            markets = {str(market) for market in asked.get("markets") or ()}
            if asked.get("type") == "user":
                return self._enter(client, asked["auth"], markets, is_some="markets" in asked)
            word = asked["operation"]
        except (ValueError, KeyError, TypeError, AttributeError):
            return False
        if not client.is_known or word not in ("subscribe", "unsubscribe"):
            return False
        self._change(client, markets, is_more=word == "subscribe")
        return True

    def _enter(
        self, client: UserClient, auth: dict[str, Any], markets: set[str], *, is_some: bool
    ) -> bool:
        known = self._site.doors.known(auth["apiKey"], auth["passphrase"], auth["secret"])
        client.is_known = known is not None
        client.markets, client.hears_all = markets, not is_some
        return client.is_known

    @staticmethod
    def _change(client: UserClient, markets: set[str], *, is_more: bool) -> None:
        if is_more:
            client.markets |= markets
            client.hears_all = False
        else:
            client.markets -= markets
