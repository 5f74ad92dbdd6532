"""An order as Alpaca keeps and shows it."""

from dataclasses import dataclass, field
from typing import Any, Final

from brokers.sim.alpaca.assets import asset_id
from brokers.sim.book import Side
from brokers.sim.units import maybe, ratio, show, utc_text

TERMINAL: Final = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})
WORKING: Final = frozenset({"new", "partially_filled", "pending_cancel", "pending_replace"})
QUEUED: Final = frozenset({"accepted", "pending_new", "held"})
EXIT_CLASSES: Final = frozenset({"bracket", "oco", "oto"})
_MOMENTS: Final = (
    "filled_at",
    "expired_at",
    "expires_at",
    "canceled_at",
    "failed_at",
    "replaced_at",
)


@dataclass(slots=True, kw_only=True)
class Order:
    """One order, or one leg.

    Attributes:
        kind: market, limit, stop, stop_limit or trailing_stop.
        qty_1e8: Asked for; None for a notional order until a price is known.
        busted_1e8: Filled and taken back; it does not go to work again.
        value_1e8: Sum of price times quantity over its fills.
        moments: When it was filled, canceled and so on, ns UTC.
        exits: The exits that stand or fall with it: each other exit of its group.
        is_triggered: Whether a stop has become a market or limit order.
        has_own_id: Whether the client gave its id.
    """

    order_id: str
    client_order_id: str
    symbol: str
    asset_class: str
    side: Side
    kind: str
    tif: str
    qty_1e8: int | None
    created_ns: int
    status: str
    notional_1e8: int | None = None
    limit_1e8: int | None = None
    stop_1e8: int | None = None
    trail_price_1e8: int | None = None
    trail_percent_1e8: int | None = None
    hwm_1e8: int | None = None
    extended_hours: bool = False
    order_class: str = ""
    position_intent: str | None = None
    ratio_qty_1e8: int | None = None
    updated_ns: int = 0
    filled_1e8: int = 0
    busted_1e8: int = 0
    value_1e8: int = 0
    moments: dict[str, int] = field(default_factory=dict)
    legs: "list[Order]" = field(default_factory=list)
    parent: "Order | None" = None
    exits: "list[Order]" = field(default_factory=list)
    replaced_by: str | None = None
    replaces: str | None = None
    is_triggered: bool = False
    has_own_id: bool = True

    @property
    def is_multileg(self) -> bool:
        """Whether it is the parent of several options that trade together."""
        return self.order_class == "mleg" and self.parent is None

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.status in TERMINAL

    @property
    def open_1e8(self) -> int:
        """What is not filled yet; 0 while a notional order has no quantity."""
        return max(0, (self.qty_1e8 or 0) - self.filled_1e8 - self.busted_1e8)

    @property
    def multiplier(self) -> int:
        """Shares per unit."""
        return 100 if self.asset_class == "us_option" else 1

    @property
    def book_limit_1e8(self) -> int | None:
        """Its worst price in the book, once it is there."""
        return self.limit_1e8 if self.kind in ("limit", "stop_limit") or self.is_triggered else None

    def shown(self, *, nested: bool = True) -> dict[str, Any]:
        """The only shape in which it is told, by REST and by the stream."""
        has_symbol = not self.is_multileg
        legs = [leg.shown() for leg in self.legs] if nested and self.legs else None
        average_1e8 = ratio(self.value_1e8, self.filled_1e8) if self.filled_1e8 else None
        # A stop keeps its limit to itself: the venue added it.
        limit_1e8 = None if self.kind in ("stop", "trailing_stop", "market") else self.limit_1e8
        return {
            "id": self.order_id,
            "client_order_id": self.client_order_id,
            "created_at": utc_text(self.created_ns),
            "updated_at": utc_text(max(self.updated_ns, self.created_ns)),
            "submitted_at": utc_text(self.created_ns),
            **{name: self._moment(name) for name in _MOMENTS},
            "replaced_by": self.replaced_by,
            "replaces": self.replaces,
            "asset_id": asset_id(self.symbol) if has_symbol else "",
            "symbol": self.symbol,
            "asset_class": self.asset_class if has_symbol else "",
            "notional": maybe(self.notional_1e8),
            "qty": None if self.notional_1e8 is not None else maybe(self.qty_1e8),
            "filled_qty": show(self.filled_1e8),
            "filled_avg_price": maybe(average_1e8),
            "order_class": self.order_class,
            "order_type": self.kind,
            "type": self.kind,
            "side": self.side.value if has_symbol else "",
            "position_intent": self.position_intent,
            "time_in_force": self.tif,
            "limit_price": maybe(limit_1e8),
            "stop_price": maybe(self.stop_1e8),
            "status": self.status,
            "extended_hours": self.extended_hours,
            "legs": legs,
            "trail_percent": maybe(self.trail_percent_1e8),
            "trail_price": maybe(self.trail_price_1e8),
            "hwm": maybe(self.hwm_1e8),
            "ratio_qty": maybe(self.ratio_qty_1e8),
            "subtag": None,
            "source": None,
        }

    def _moment(self, name: str) -> str | None:
        ns = self.moments.get(name)
        return None if ns is None else utc_text(ns)
