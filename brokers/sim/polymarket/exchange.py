"""Another exchange's prices of what the windows ask about, in a dialect of its own.

It is no part of the venue: exchanges that a configuration names speak some such JSON.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from brokers.sim.hub import Client, Hub
from brokers.sim.market import QuoteTick, Tick
from brokers.sim.polymarket.windows import SPOT
from brokers.sim.sockets import Outlet
from brokers.sim.units import dump_json, load_json, show, utc_text

if TYPE_CHECKING:
    from brokers.sim.polymarket.site import PolymarketSite

MARKET: Final = "BTC-USD"
NAME: Final = "other"


@dataclass(slots=True, eq=False)
class ExchangeClient(Client):
    """Whether it asked for the market."""

    is_listening: bool = False


class ExchangeHub(Hub[ExchangeClient]):
    """Every client of `/ws/exchange`."""

    tells = "another exchange's prices, which are no part of the venue."

    def __init__(self, site: "PolymarketSite") -> None:
        """Nobody listens yet."""
        super().__init__()
        self._site = site

    def hear_tick(self, tick: Tick) -> None:
        """A price whenever it has moved."""
        if tick.symbol != SPOT or not isinstance(tick, QuoteTick):
            return
        price_1e8 = self._site.feeds.price_1e8(NAME)
        if price_1e8 is None:
            return
        row = {
            "market": MARKET,
            "price": show(price_1e8),
            "time": utc_text(self._site.core.now_ns()),
        }
        frame = dump_json({"channel": "trades", "data": [row]}).decode()
        for client in self._clients:
            if client.is_listening:
                client.outlet.send(frame)

    def client(self, request: web.Request, outlet: Outlet) -> ExchangeClient:
        """It wants nothing yet."""
        del request
        return ExchangeClient(outlet)

    def hear(self, client: ExchangeClient, raw: bytes) -> bool:
        """The market that is wanted, which is acknowledged; whatever else ends the connection."""
        try:
            asked: dict[str, Any] = load_json(raw)
            word = asked["op"], asked["market"]
        except (ValueError, KeyError, TypeError):
            return False
        if word != ("subscribe", MARKET):
            return False
        client.is_listening = True
        client.outlet.send(dump_json({"channel": "subscribed", "market": MARKET}).decode())
        return True
