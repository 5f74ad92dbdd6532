"""Prices of what the windows ask about: an exchange's at once, the oracle's each second."""

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from brokers.sim.hub import Client, Hub
from brokers.sim.market import QuoteTick, Tick
from brokers.sim.polymarket.exchange import NAME as OTHER
from brokers.sim.polymarket.windows import SPOT
from brokers.sim.sockets import Outlet
from brokers.sim.units import NS, dump_json, load_json, number

if TYPE_CHECKING:
    from brokers.sim.polymarket.site import PolymarketSite

EXCHANGE: Final = "crypto_prices"
ORACLE: Final = "crypto_prices_chainlink"
FEEDS: Final = (EXCHANGE, ORACLE, OTHER)
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
        """The oracle speaks each full second; none is silent or wrong."""
        self._silent_until_ns: dict[str, int] = {}
        self._shift_ratio: dict[str, float] = {}
        self._schedule()

    def spoil(self, name: str, silent_ns: int, shift_ratio: float) -> None:
        """One of `FEEDS` is silent for so long, and its prices are off by so much from now on."""
        self._silent_until_ns[name] = self._site.core.now_ns() + silent_ns
        self._shift_ratio[name] = shift_ratio

    def price_1e8(self, name: str) -> int | None:
        """What one of them says now; None while it is silent."""
        now_ns = self._site.core.now_ns()
        if self._site.is_muted or now_ns < self._silent_until_ns.get(name, 0):
            return None
        price_1e8 = self._site.core.market.last_1e8(SPOT)
        return price_1e8 + round(price_1e8 * self._shift_ratio.get(name, 0.0))

    def _schedule(self) -> None:
        core = self._site.core
        next_ns = core.now_ns() // NS * NS + NS
        # A clock that was set far ahead skips the seconds in between.
        core.agenda.add(max(next_ns, core.clock.now_ns() // NS * NS), partial(self._oracle))

    def _oracle(self) -> None:
        self.tell_oracle()
        self._schedule()

    def tell_oracle(self) -> None:
        """Its price of this instant, which a window begins or ends with."""
        self._tell(ORACLE)

    def hear_tick(self, tick: Tick) -> None:
        """The exchange tells its price whenever it has moved."""
        if tick.symbol == SPOT and isinstance(tick, QuoteTick):
            self._tell(EXCHANGE)

    def _tell(self, topic: str) -> None:
        price_1e8 = self.price_1e8(topic)
        if price_1e8 is None:
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
