"""One Alpaca venue: its inside, its account, its keys and its streams; a reset renews it."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from brokers.sim.alpaca.assets import SHARES, Share
from brokers.sim.alpaca.data_stream import DataHub
from brokers.sim.alpaca.desk import Desk
from brokers.sim.alpaca.orders import Order
from brokers.sim.alpaca.stream import TradeHub
from brokers.sim.book import Match
from brokers.sim.core import Core, VenueOptions
from brokers.sim.dialect import Dialect
from brokers.sim.limits import Keys, RateLimit
from brokers.sim.site import Site, counted
from brokers.sim.units import load_json, show

NAME: Final = "alpaca"


def _own_id(body: bytes) -> str | None:
    try:
        found = load_json(body).get("client_order_id") if body else None
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None


DIALECT: Final = Dialect(placing="POST /v2/orders", own_id=_own_id)


class AlpacaSite(Site):
    """What the routes serve; `core` and `desk` are new after a reset."""

    limit: RateLimit

    def __init__(self, options: VenueOptions, wall_ns: Callable[[], int]) -> None:
        """Open it."""
        self.name = NAME
        seed = options.seed
        super().__init__(
            wall_ns, Keys(wall_ns, key=f"PKSIM{seed:015d}", secret=f"sim-secret-{seed}")
        )
        self.trades = TradeHub(self)
        self.ticks = DataHub(self)
        self.open(options)

    def open(self, options: VenueOptions) -> None:
        """Begin anew: an empty book, a full account."""
        self.options = options
        self.begin()
        self.limit = RateLimit(self.wall_ns, options.requests_per_min)
        instruments = [share.instrument for share in SHARES if share.tradable]
        self.core = Core(options, instruments, self.wall_ns, self._on_matches, DIALECT)
        self.desk = Desk(self.core, self.trades.publish)
        self.core.market.listeners.append(self.ticks.publish)

    def shares(self) -> list[Share]:
        """Those that are always here, and those of the recording."""
        known = {share.symbol for share in SHARES}
        market = self.core.market
        played = [
            Share(symbol=symbol, name=symbol, start_usd=show(market.instrument(symbol).start_1e8))
            for symbol in market.symbols()
            if symbol not in known and market.instrument(symbol).multiplier == 1
        ]
        return [*SHARES, *played]

    def _on_matches(self, symbol: str, matches: Sequence[Match]) -> None:
        self.desk.on_matches(symbol, matches)

    def cut(self) -> None:
        """Close every stream, without a word."""
        self.trades.cut()
        self.ticks.cut()

    def is_listed(self, symbol: str) -> bool:
        """Whether the symbol trades here; a contract that has not expired gets its book."""
        if symbol in self.core.market:
            return True
        if self.desk.contract(symbol) is None:
            return False
        self.desk.list_symbol(symbol)
        return True

    def streams(self) -> dict[str, int]:
        """Who is connected and what they listen to, each with its count."""
        return {
            "order_streams": self.trades.clients,
            "order_listeners": self.trades.listeners,
            "data_streams": self.ticks.clients,
            "data_subscriptions": self.ticks.subscriptions,
        }

    def truth(self) -> dict[str, Any]:
        """Orders, executions, positions and cash as the venue has them."""
        blotter = self.desk.blotter
        ledger = blotter.ledger
        return {
            "orders": [_told(order) for order in blotter.roots()],
            "open_orders": sum(order.parent is None for order in blotter.open.values()),
            "orders_by_client_id": counted(
                order.client_order_id for order in blotter.roots() if order.has_own_id
            ),
            "orders_without_client_id": sum(not each.has_own_id for each in blotter.roots()),
            **ledger.shown(),
            "equity": show(self.desk.funds.equity_1e8()),
        }


def _told(order: Order) -> dict[str, Any]:
    return {**order.shown(), "has_own_client_id": order.has_own_id}
