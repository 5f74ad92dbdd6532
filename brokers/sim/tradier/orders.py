"""An order as Tradier keeps and shows it."""

from dataclasses import dataclass, field
from typing import Any, Final

from brokers.sim.book import Side
from brokers.sim.tradier.shapes import moment, one_or_many
from brokers.sim.units import number, ratio

TERMINAL: Final = frozenset({"filled", "canceled", "expired", "rejected", "error"})
WORKING: Final = frozenset({"open", "partially_filled"})
TOGETHER: Final = frozenset({"multileg", "combo"})
CONTINGENT: Final = frozenset({"oco", "oto", "otoco"})


@dataclass(slots=True, kw_only=True)
class Order:
    """One order, or one leg.

    Attributes:
        klass: equity, option, multileg, combo, oco, oto or otoco.
        symbol: The share, or the underlying of options.
        option_symbol: The contract; None for shares and for parents.
        side: In Tradier's words, such as sell_to_open; "" for parents.
        kind: market, limit, stop, stop_limit; debit, credit or even for what trades together.
        qty_1e8: Asked for; of a parent in units of its legs' `ratio`.
        price_1e8: Limit price; of a credit too it is above zero.
        value_1e8: Sum of price times quantity over its fills; below zero for credits.
        last_price_1e8: Of its last fill.
        ratio: Contracts or shares of a leg for each unit of its parent.
        exits: The legs that end when this one fills.
        reason: Why it was rejected.
        is_triggered: Whether a stop has become a market or limit order.
        is_canceling: Whether a cancel has been taken and not decided.
    """

    order_id: int
    klass: str
    symbol: str
    option_symbol: str | None
    side: str
    kind: str
    duration: str
    qty_1e8: int
    created_ns: int
    tag: str | None = None
    status: str = "pending"
    price_1e8: int | None = None
    stop_1e8: int | None = None
    updated_ns: int = 0
    filled_1e8: int = 0
    busted_1e8: int = 0
    value_1e8: int = 0
    last_price_1e8: int = 0
    last_qty_1e8: int = 0
    ratio: int = 1
    legs: "list[Order]" = field(default_factory=list)
    parent: "Order | None" = None
    exits: "list[Order]" = field(default_factory=list)
    reason: str = ""
    strategy: str = ""
    is_triggered: bool = False
    is_canceling: bool = False

    @property
    def traded(self) -> str:
        """The symbol of its book."""
        return self.option_symbol or self.symbol

    @property
    def book_side(self) -> Side:
        """The side of the book that it is on."""
        return Side.BUY if self.side.startswith("buy") else Side.SELL

    @property
    def is_together(self) -> bool:
        """Whether it is the parent of legs that trade together or not at all."""
        return self.klass in TOGETHER and self.parent is None

    @property
    def is_contingent(self) -> bool:
        """Whether it is the parent of orders that depend on each other."""
        return self.klass in CONTINGENT

    @property
    def trades_itself(self) -> bool:
        """Whether the book sees it: no parent, and no leg of what trades together."""
        in_group = self.parent is not None and self.parent.is_together
        return not (self.is_together or self.is_contingent or in_group)

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.status in TERMINAL

    @property
    def open_1e8(self) -> int:
        """What is not filled yet."""
        return max(0, self.qty_1e8 - self.filled_1e8 - self.busted_1e8)

    @property
    def multiplier(self) -> int:
        """Shares per unit."""
        return 100 if self.option_symbol else 1

    @property
    def subject(self) -> str:
        """What a fault's pattern is compared with: its tag or its parent's, or its id."""
        root = self.parent or self
        return root.tag or str(root.order_id)

    @property
    def net_limit_1e8(self) -> int | None:
        """What a unit of legs may cost at most, below zero for a credit; None for any price."""
        if self.kind == "market":
            return None
        price_1e8 = 0 if self.kind == "even" else self.price_1e8 or 0
        return -price_1e8 if self.kind == "credit" else price_1e8

    def _fills(self) -> dict[str, Any]:
        average_1e8 = abs(ratio(self.value_1e8, self.filled_1e8)) if self.filled_1e8 else 0
        # Of an order that is over nothing remains, filled or not: clients must subtract themselves.
        remaining_1e8 = 0 if self.is_terminal else self.open_1e8
        return {
            "avg_fill_price": number(average_1e8),
            "exec_quantity": number(self.filled_1e8),
            "last_fill_price": number(abs(self.last_price_1e8)),
            "last_fill_quantity": number(self.last_qty_1e8),
            "remaining_quantity": number(remaining_1e8),
            "create_date": moment(self.created_ns),
            "transaction_date": moment(max(self.updated_ns, self.created_ns)),
        }

    def shown(self, *, with_tags: bool) -> dict[str, Any]:
        """As GET answers."""
        if self.is_contingent:
            return self._shown_group(with_tags=with_tags)
        found: dict[str, Any] = {
            "id": self.order_id,
            "type": self.kind,
            "symbol": self.symbol,
            "side": self.side or "buy",
            "quantity": number(self.qty_1e8),
            "status": self.status,
            "duration": self.duration,
        }
        if self.price_1e8 is not None:
            found["price"] = number(self.price_1e8)
        if self.stop_1e8 is not None:
            found["stop_price"] = number(self.stop_1e8)
        found |= {**self._fills(), "class": self.klass}
        if self.option_symbol:
            found["option_symbol"] = self.option_symbol
        if self.legs:
            found |= self._legs_shown()
        return found | self._last(with_tags=with_tags)

    def _shown_group(self, *, with_tags: bool) -> dict[str, Any]:
        """A parent of contingent orders leaves most fields out: the legs have them."""
        return {
            "id": self.order_id,
            "status": self.status,
            "duration": self.duration,
            "create_date": moment(self.created_ns),
            "transaction_date": moment(max(self.updated_ns, self.created_ns)),
            "class": self.klass,
            **self._legs_shown(),
            **self._last(with_tags=with_tags),
        }

    def _legs_shown(self) -> dict[str, Any]:
        legs = [leg.shown(with_tags=False) for leg in self.legs]
        found: dict[str, Any] = {"num_legs": len(legs), "leg": one_or_many(legs)}
        return found | ({"strategy": self.strategy} if self.strategy else {})

    def _last(self, *, with_tags: bool) -> dict[str, Any]:
        found = {"reason_description": self.reason} if self.reason else {}
        return found | ({"tag": self.tag} if with_tags and self.tag else {})

    def event(self, account: str) -> dict[str, Any]:
        """As the account's stream tells it: cumulative, without symbol, side and quantity."""
        found = {
            "id": self.order_id,
            "event": "order",
            "status": self.status,
            "type": self.kind,
            "price": number(self.price_1e8 or 0),
            "stop_price": number(self.stop_1e8 or 0),
            **self._fills(),
            "account": account,
        }
        del found["last_fill_price"]
        if self.parent is not None:
            found["parent_id"] = self.parent.order_id
        return found | ({"tag": self.tag} if self.tag else {})
