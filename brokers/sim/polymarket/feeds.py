"""Prices of what the windows ask about: an exchange's at once, the oracle's each second."""

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from brokers.sim.hub import Client, Hub
from brokers.sim.market import QuoteTick, Tick
from brokers.sim.polymarket.windows import SPOT
from brokers.sim.sockets import Outlet
from brokers.sim.units import NS, dump_json, load_json, number

if TYPE_CHECKING:
    from brokers.sim.polymarket.site import PolymarketSite

EXCHANGE: Final = "crypto_prices"
ORACLE: Final = "crypto_prices_chainlink"
_NAMES: Final = {EXCHANGE: "btcusdt", ORACLE: "btc/usd"}


@dataclass(slots=True, eq=False)
class FeedClient(Client):
    """Which topics it wants."""

    topics: set[str] = field(default_factory=set)


class FeedHub(Hub[FeedClient]):
    """Every client of `/ws/feeds`."""

    tells = "`crypto_prices` and `crypto_prices_chainlink`: an exchange's price and the oracle's."

    def __init__(self, site: "PolymarketSite") -> None:
        """Nobody listens yet."""
        super().__init__()
        self._site = site

    def begin(self) -> None:
        """The oracle speaks each full second."""
        self._schedule()

    def _schedule(self) -> None:
        core = self._site.core
        next_ns = core.now_ns() // NS * NS + NS
        # A clock that was set far ahead skips the seconds in between.
        core.agenda.add(max(next_ns, core.clock.now_ns() // NS * NS), partial(self._oracle))

    def _oracle(self) -> None:
        self._tell(ORACLE, self._site.core.market.last_1e8(SPOT))
        self._schedule()

    def hear_tick(self, tick: Tick) -> None:
        """The exchange tells its price whenever it has moved."""
        if tick.symbol == SPOT and isinstance(tick, QuoteTick):
            self._tell(EXCHANGE, self._site.core.market.last_1e8(SPOT))

    def _tell(self, topic: str, price_1e8: int) -> None:
        if self._site.is_muted:
            return
        at_ms = self._site.core.now_ns() // 1_000_000
        event = {
            "topic": topic,
            "type": "update",
            "timestamp": at_ms,
            "payload": {"symbol": _NAMES[topic], "timestamp": at_ms, "value": number(price_1e8)},
        }
        for client in self._clients:
            if topic in client.topics:
                client.outlet.send(dump_json(event).decode())

    @property
    def subscriptions(self) -> int:
        """How many topics are asked for, by all clients together."""
        return sum(len(client.topics) for client in self._clients)

    def client(self, request: web.Request, outlet: Outlet) -> FeedClient:
        """It wants nothing yet."""
        del request
        return FeedClient(outlet)

    def hear(self, client: FeedClient, raw: bytes) -> bool:
        """A ping, or the topics that are wanted; whatever else ends the connection."""
        if raw == b"PING":
            client.outlet.send("PONG")
            return True
        try:
            asked: dict[str, Any] = load_json(raw)
            topics = {str(each["topic"]) for each in asked["subscriptions"]}
            word = asked["action"]
        except (ValueError, KeyError, TypeError, AttributeError):
            return False
        if word == "subscribe":
            client.topics |= topics
        elif word == "unsubscribe":
            client.topics -= topics
        else:
            return False
        return True
