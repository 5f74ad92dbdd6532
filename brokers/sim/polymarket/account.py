"""The one account's orders, trades, money and shares."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from brokers.sim.book import Side
from brokers.sim.ledger import Ledger
from brokers.sim.polymarket.listing import Listing, Token
from brokers.sim.polymarket.orders import Order, Trade
from brokers.sim.units import times


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """Shares of a market that is decided, paid out."""

    symbol: str
    token_id: str
    qty_1e8: int
    paid_1e8: int
    at_ns: int


@dataclass(slots=True)
class Account:
    """State without rules.

    Attributes:
        orders: By id, the oldest first.
        open: Those that are not terminal.
        trades: By id, the oldest first.
    """

    address: str
    ledger: Ledger
    orders: dict[str, Order] = field(default_factory=dict)
    open: dict[str, Order] = field(default_factory=dict)
    trades: dict[str, Trade] = field(default_factory=dict)
    redemptions: list[Redemption] = field(default_factory=list)

    def _unsettled(self, side: Side) -> Iterator[tuple[str, int, int]]:
        """Token, shares and dollars of fills that the chain does not have yet."""
        for trade in self.trades.values():
            if trade.is_settled or trade.status == "FAILED":
                continue
            for execution_id in trade.executions:
                one = self.ledger.executions[execution_id]
                if one.side is side:
                    yield one.symbol, one.qty_1e8, one.value_1e8

    def chain_cash_1e8(self) -> int:
        """Dollars on the chain: what has been matched moves when it is mined."""
        bought = sum(value for _, _, value in self._unsettled(Side.BUY))
        return self.ledger.cash_1e8 + bought - self._proceeds_1e8()

    def _proceeds_1e8(self) -> int:
        return sum(value for _, _, value in self._unsettled(Side.SELL))

    def chain_shares_1e8(self, token: Token) -> int:
        """Shares on the chain."""
        name = token.token_id
        bought = sum(qty for symbol, qty, _ in self._unsettled(Side.BUY) if symbol == name)
        sold = sum(qty for symbol, qty, _ in self._unsettled(Side.SELL) if symbol == name)
        return self.ledger.qty_1e8(name) - bought + sold

    def can_pay_1e8(self) -> int:
        """Dollars that no open order keeps and that have arrived."""
        kept = sum(order.reserved_1e8 for order in self.open.values() if order.side is Side.BUY)
        return self.ledger.cash_1e8 - self._proceeds_1e8() - kept

    def can_sell_1e8(self, token: Token) -> int:
        """Shares that no open order keeps and that have arrived."""
        name = token.token_id
        bought = sum(qty for symbol, qty, _ in self._unsettled(Side.BUY) if symbol == name)
        kept = sum(
            order.reserved_1e8
            for order in self.open.values()
            if order.side is Side.SELL and order.token is token
        )
        return self.ledger.qty_1e8(name) - bought - kept

    def is_unsettled(self, listing: Listing) -> bool:
        """Whether a fill of this market is not on the chain yet."""
        return any(
            trade.listing is listing and not trade.is_settled and trade.status != "FAILED"
            for trade in self.trades.values()
        )

    def redeem(self, listing: Listing, now_ns: int) -> None:
        """Every share of a decided market becomes what it is worth."""
        for token in listing.tokens:
            qty_1e8 = self.ledger.qty_1e8(token.token_id)
            worth_1e8 = listing.worth_1e8(token)
            if qty_1e8 <= 0 or worth_1e8 is None:
                continue
            paid_1e8 = times(worth_1e8, qty_1e8)
            del self.ledger.positions[token.token_id]
            self.ledger.cash_1e8 += paid_1e8
            self.redemptions.append(
                Redemption(
                    symbol=listing.symbol,
                    token_id=token.token_id,
                    qty_1e8=qty_1e8,
                    paid_1e8=paid_1e8,
                    at_ns=now_ns,
                )
            )
