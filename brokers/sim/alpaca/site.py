"""One Alpaca venue: its inside, its account, its keys and its streams; a reset renews it."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from brokers.sim.alpaca.assets import SHARES, Share
from brokers.sim.alpaca.data_stream import DataHub
from brokers.sim.alpaca.desk import Desk
from brokers.sim.alpaca.orders import Order
from brokers.sim.alpaca.stream import TradeHub
from brokers.sim.book import Match
from brokers.sim.clock import seconds
from brokers.sim.core import Core, VenueOptions
from brokers.sim.faults import Kind, Rule
from brokers.sim.limits import Keys, RateLimit
from brokers.sim.units import NS, show

NAME: Final = "alpaca"


class AlpacaSite:
    """What the routes serve; implements `brokers.sim.site.Site` for the admin port.

    Attributes:
        core: Time, market, faults, audit; new after a reset, as `desk` is.
        keys: What clients must show; they stay after a reset.
    """

    def __init__(self, options: VenueOptions, wall_ns: Callable[[], int]) -> None:
        """Open it."""
        self.name = NAME
        self.wall_ns = wall_ns
        self.keys = Keys(
            wall_ns, key=f"PKSIM{options.seed:015d}", secret=f"sim-secret-{options.seed}"
        )
        self.trades = TradeHub(self)
        self.ticks = DataHub(self)
        self.open(options)

    def open(self, options: VenueOptions) -> None:
        """Begin anew: an empty book, a full account."""
        self.options = options
        self.keys.restore()
        self.limit = RateLimit(self.wall_ns, options.requests_per_min)
        instruments = [share.instrument for share in SHARES if share.tradable]
        self.core = Core(options, instruments, self.wall_ns, self._on_matches)
        self.desk = Desk(self.core, self.trades.publish)
        self.core.market.listeners.append(self.ticks.publish)
        self.muted_until_ns = 0
        self.down_s = 0.0
        self._must_restart = False

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

    @property
    def is_muted(self) -> bool:
        """Whether the streams are silent now."""
        return self.wall_ns() < self.muted_until_ns

    def look(self) -> bool:
        """Do what is due, and the faults that happen now; whether the server must restart."""
        self.core.pump()
        self.act()
        must_restart, self._must_restart = self._must_restart, False
        return must_restart

    def act(self) -> None:
        """The faults that happen now."""
        for rule in self.core.faults.take(Kind.NOW, ""):
            self._act(rule)

    def _act(self, rule: Rule) -> None:
        lasts_ns = seconds(float(rule.settings.get("seconds", 0)))
        until_ns = self.wall_ns() + lasts_ns
        match rule.verb:
            case "rate_limit_window":
                self.limit.close_until(until_ns)
            case "auth_revoked":
                self.keys.revoke(until_ns)
                self.cut()
            case "mute_stream":
                self.muted_until_ns = until_ns
            case "cut_stream":
                self.cut()
            case "early_close":
                if self.core.hours.is_open(self.core.now_ns()):
                    self.core.close_early(lasts_ns)
                    self.core.pump()
            case "restart":
                self.down_s = lasts_ns / NS
                self._must_restart = True

    def cut(self) -> None:
        """Close every stream, without a word."""
        self.trades.cut()
        self.ticks.cut()

    # --- for the admin port -----------------------------------------------------------------------

    def pardon(self) -> None:
        """What faults still do ends now: revoked keys, a closed limit, mute streams."""
        self.keys.restore()
        self.muted_until_ns = 0
        self.limit.close_until(0)

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
            "orders_by_client_id": _by_client_id([*blotter.roots()]),
            "orders_without_client_id": sum(not each.has_own_id for each in blotter.roots()),
            "executions": [
                {
                    "id": one.execution_id,
                    "order_id": one.order_id,
                    "symbol": one.symbol,
                    "side": one.side.value,
                    "qty": show(one.qty_1e8),
                    "price": show(one.price_1e8),
                    "at_ns": one.at_ns,
                    "is_reversed": one.execution_id in ledger.reversed_ids,
                }
                for one in ledger.executions.values()
            ],
            "positions": {
                symbol: {
                    "qty": show(position.qty_1e8),
                    "avg_entry_price": show(position.average_1e8),
                }
                for symbol, position in ledger.positions.items()
            },
            "cash": show(ledger.cash_1e8),
            "fees_accrued": show(ledger.fees_accrued_1e8),
            "equity": show(self.desk.funds.equity_1e8()),
        }


def _told(order: Order) -> dict[str, Any]:
    return {**order.shown(), "has_own_client_id": order.has_own_id}


def _by_client_id(orders: Sequence[Order]) -> dict[str, int]:
    """How many orders stand for each id that a client gave."""
    found: dict[str, int] = {}
    for order in orders:
        if order.has_own_id:
            found[order.client_order_id] = found.get(order.client_order_id, 0) + 1
    return found
