"""One Tradier venue: its inside, its account, its token and its streams; a reset renews it."""

from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import parse_qs

from brokers.sim.book import Match
from brokers.sim.core import Core, VenueOptions, dice
from brokers.sim.dialect import Dialect
from brokers.sim.limits import Keys
from brokers.sim.site import Site, counted
from brokers.sim.tradier.assets import ASSETS
from brokers.sim.tradier.desk import Desk
from brokers.sim.tradier.limits import Limits
from brokers.sim.tradier.market_stream import MarketHub
from brokers.sim.tradier.sessions import Sessions
from brokers.sim.tradier.stream import AccountHub
from brokers.sim.units import show

NAME: Final = "tradier"


def _own_id(body: bytes) -> str | None:
    found = parse_qs(body.decode("ascii", errors="replace")).get("tag")
    return found[0] if found else None


DIALECT: Final = Dialect(placing="POST /v1/accounts/*/orders", own_id=_own_id)


class TradierSite(Site):
    """What the routes serve; `core` and `desk` are new after a reset.

    Attributes:
        account: The number of the one account.
        sessions: The ids of streams that were given out.
        chance: Of what Tradier's events leave out at times.
    """

    limit: Limits

    def __init__(self, options: VenueOptions, wall_ns: Callable[[], int]) -> None:
        """Open it."""
        self.name = NAME
        seed = options.seed
        self.account = f"VA{seed:08d}"
        super().__init__(wall_ns, Keys(wall_ns, key=f"SIM{seed:015d}", secret="tradier"))  # noqa: S106 - a simulator's
        self.sessions = Sessions()
        self.events = AccountHub(self)
        self.ticks = MarketHub(self)
        self.open(options)

    def open(self, options: VenueOptions) -> None:
        """Begin anew: an empty book, a full account."""
        self.options = options
        self.begin()
        self.sessions.forget()
        self.limit = Limits(self.wall_ns, options.requests_per_min)
        instruments = [asset.instrument for asset in ASSETS.values()]
        self.core = Core(options, instruments, self.wall_ns, self._on_matches, DIALECT)
        self.partner_id = self.core.new_id()
        self.chance = dice("stream", options.seed)
        self.desk = Desk(self.core, self.account, self.events.publish)
        self.ticks.begin()
        self.core.market.listeners.append(self.ticks.publish)

    def _on_matches(self, symbol: str, matches: Sequence[Match]) -> None:
        self.desk.on_matches(symbol, matches)

    def look(self) -> bool:
        """As every venue, and the heartbeats."""
        must_restart = super().look()
        self.events.beat()
        return must_restart

    def cut(self) -> None:
        """Close every stream, without a word."""
        self.events.cut()
        self.ticks.cut()

    def is_listed(self, symbol: str) -> bool:
        """Whether the symbol trades here; a contract that has not expired gets its book."""
        if symbol in self.core.market:
            return True
        contract = self.desk.contract(symbol)
        if contract is None:
            return False
        self.desk.list_contract(contract)
        return True

    def streams(self) -> dict[str, int]:
        """Who is connected and what they listen to, each with its count."""
        return {
            "order_streams": self.events.clients,
            "order_listeners": self.events.listeners,
            "data_streams": self.ticks.clients,
            "data_subscriptions": self.ticks.subscriptions,
        }

    def truth(self) -> dict[str, Any]:
        """Orders, executions, positions and cash as the venue has them."""
        blotter = self.desk.blotter
        ledger = blotter.ledger
        return {
            "orders": [order.shown(with_tags=True) for order in blotter.roots()],
            "open_orders": sum(order.parent is None for order in blotter.open.values()),
            "orders_by_client_id": counted(order.tag for order in blotter.roots()),
            "orders_without_client_id": sum(order.tag is None for order in blotter.roots()),
            **ledger.shown(),
            "equity": show(self.desk.funds.equity_1e8()),
        }
