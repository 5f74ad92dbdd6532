"""An order and a trade as Polymarket keeps, shows and tells them."""

from dataclasses import dataclass, field
from typing import Any, Final

from brokers.sim.book import Side
from brokers.sim.polymarket.listing import Listing, Token
from brokers.sim.units import NS, show, times

TERMINAL: Final = frozenset({"MATCHED", "CANCELED", "INVALID"})
SETTLED: Final = frozenset({"MINED", "CONFIRMED"})
RESTING: Final = frozenset({"GTC", "GTD"})
NOBODY: Final = "00000000-0000-0000-0000-000000000000"
SOMEBODY: Final = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@dataclass(slots=True, kw_only=True)
class Order:
    """One order; price and side are those of its own token.

    Attributes:
        kind: GTC, GTD, FOK or FAK.
        owner: The API key that placed it.
        expiration: Epoch seconds; 0 without one.
        metadata: What the client may write into an order, in hex.
        reason: Why it ended, as the stream tells it after `CANCELED_`.
    """

    order_id: str
    listing: Listing
    token: Token
    side: Side
    kind: str
    price_1e8: int
    size_1e8: int
    created_ns: int
    owner: str
    maker: str
    expiration: int
    metadata: str
    is_post_only: bool = False
    filled_1e8: int = 0
    status: str = "LIVE"
    reason: str = ""
    ended_ns: int = 0
    trades: list[str] = field(default_factory=list)

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.status in TERMINAL

    @property
    def open_1e8(self) -> int:
        """What is not matched yet."""
        return max(0, self.size_1e8 - self.filled_1e8)

    @property
    def reserved_1e8(self) -> int:
        """The dollars that an open purchase keeps, or the shares that an open sale does."""
        if self.is_terminal:
            return 0
        return times(self.price_1e8, self.open_1e8) if self.side is Side.BUY else self.open_1e8

    @property
    def book_side(self) -> Side:
        """The side of the book that it is on."""
        return self.token.side(self.side)

    @property
    def book_price_1e8(self) -> int:
        """Its price in the book."""
        return self.token.price(self.price_1e8)

    def shown(self, *, has_prefix: bool) -> dict[str, Any]:
        """As GET answers; the status has been seen with and without its prefix."""
        return {
            "id": self.order_id,
            "status": f"ORDER_STATUS_{self.status}" if has_prefix else self.status,
            "owner": self.owner,
            "maker_address": self.maker,
            "market": self.listing.condition_id,
            "asset_id": self.token.token_id,
            "side": self.side.name,
            "original_size": show(self.size_1e8),
            "size_matched": show(self.filled_1e8),
            "price": show(self.price_1e8),
            "outcome": self.token.outcome,
            "expiration": str(self.expiration),
            "order_type": self.kind,
            "associate_trades": [*self.trades],
            "created_at": self.created_ns // NS,
        }

    def event(self, kind: str, now_ns: int) -> dict[str, Any]:
        """As the user's stream tells it: PLACEMENT, UPDATE or CANCELLATION."""
        status = f"{self.status}_{self.reason}" if self.reason else self.status
        is_killed = self.kind == "FOK" and self.status == "CANCELED"
        return {
            "event_type": "order",
            "type": kind,
            "id": self.order_id,
            "owner": self.owner,
            "order_owner": self.owner,
            "market": self.listing.condition_id,
            "asset_id": self.token.token_id,
            "side": self.side.name,
            "original_size": show(self.size_1e8),
            # Recorded like this: a killed order says nothing of what it has matched.
            "size_matched": "" if is_killed else show(self.filled_1e8),
            "price": show(self.price_1e8),
            "associate_trades": [*self.trades] or None,
            "outcome": self.token.outcome,
            "created_at": str(self.created_ns // NS),
            "expiration": str(self.expiration),
            "order_type": self.kind,
            "status": status,
            "maker_address": self.maker,
            "timestamp": str(now_ns // 1_000_000),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MakerPart:
    """What one resting order gave to a trade, in the terms of its own token."""

    order_id: str
    owner: str
    maker: str
    token: Token
    side: Side
    price_1e8: int
    qty_1e8: int

    def shown(self) -> dict[str, Any]:
        """As in `maker_orders`."""
        return {
            "order_id": self.order_id,
            "owner": self.owner,
            "maker_address": self.maker,
            "matched_amount": show(self.qty_1e8),
            "price": show(self.price_1e8),
            "fee_rate_bps": "",
            "asset_id": self.token.token_id,
            "outcome": self.token.outcome,
            "outcome_index": 0 if self.token.is_first else 1,
            "side": self.side.name,
        }


@dataclass(slots=True, kw_only=True)
class Trade:
    """One match at one price, and how its settlement stands.

    Attributes:
        token: The taker's.
        is_ours: Whether the account took; otherwise one of the `makers` is its.
        status: MATCHED, MINED, CONFIRMED, RETRYING or FAILED.
        executions: What the account's ledger has of it.
    """

    trade_id: str
    listing: Listing
    taker_order_id: str
    token: Token
    side: Side
    price_1e8: int
    qty_1e8: int
    is_ours: bool
    owner: str
    maker: str
    matched_ns: int
    updated_ns: int
    status: str = "MATCHED"
    transaction: str = ""
    makers: list[MakerPart] = field(default_factory=list)
    executions: list[str] = field(default_factory=list)

    @property
    def is_settled(self) -> bool:
        """Whether its shares can be sold."""
        return self.status in SETTLED

    def _body(self) -> dict[str, Any]:
        return {
            "id": self.trade_id,
            "taker_order_id": self.taker_order_id,
            "market": self.listing.condition_id,
            "asset_id": self.token.token_id,
            "side": self.side.name,
            "size": show(self.qty_1e8),
            "price": show(self.price_1e8),
            "match_time": str(self.matched_ns // NS),
            "last_update": str(self.updated_ns // NS),
            "outcome": self.token.outcome,
            "bucket_index": 0,
            "owner": self.owner,
            "maker_address": self.maker,
            "transaction_hash": self.transaction,
            "trader_side": "TAKER" if self.is_ours else "MAKER",
            "maker_orders": [part.shown() for part in self.makers],
        }

    def shown(self, *, has_prefix: bool) -> dict[str, Any]:
        """As GET answers."""
        status = f"TRADE_STATUS_{self.status}" if has_prefix else self.status
        return {**self._body(), "status": status, "fee_rate_bps": "0"}

    def event(self, now_ns: int) -> dict[str, Any]:
        """As the user's stream tells it, once for each status."""
        return {
            "event_type": "trade",
            "type": "TRADE",
            **self._body(),
            "status": self.status,
            "fee_rate_bps": "",
            "trade_owner": self.owner,
            "timestamp": str(now_ns // 1_000_000),
        }
