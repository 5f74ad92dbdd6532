"""Cash, positions and executions as the venue keeps them: the truth that tests compare with."""

from dataclasses import dataclass, field
from typing import Any

from brokers.sim.book import Side
from brokers.sim.units import ratio, show, times


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One fill of one of the account's orders.

    Attributes:
        multiplier: Shares per unit: 100 for an option.
        cum_1e8: The order's filled quantity after it.
        leaves_1e8: The order's open quantity after it.
    """

    execution_id: str
    order_id: str
    symbol: str
    side: Side
    qty_1e8: int
    price_1e8: int
    at_ns: int
    multiplier: int = 1
    fee_1e8: int = 0
    cum_1e8: int = 0
    leaves_1e8: int = 0

    @property
    def value_1e8(self) -> int:
        """What changes hands, without the fee."""
        return times(self.price_1e8, self.qty_1e8) * self.multiplier


@dataclass(slots=True, kw_only=True)
class Position:
    """A holding; `qty_1e8` is below zero when it is short, and `cost_1e8` with it."""

    symbol: str
    multiplier: int = 1
    qty_1e8: int = 0
    cost_1e8: int = 0

    @property
    def average_1e8(self) -> int:
        """Average entry price of one share or contract's share."""
        return ratio(self.cost_1e8, self.qty_1e8) // self.multiplier


@dataclass(slots=True)
class Ledger:
    """One account's money and holdings.

    Attributes:
        executions: By id, in the order in which they were booked; reversed ones stay.
        reversed_ids: Those that were taken back.
        fees_accrued_1e8: Charged, and not yet taken from cash.
    """

    cash_1e8: int
    executions: dict[str, Execution] = field(default_factory=dict)
    reversed_ids: set[str] = field(default_factory=set)
    positions: dict[str, Position] = field(default_factory=dict)
    fees_accrued_1e8: int = 0
    fees_paid_1e8: int = 0

    def book(self, execution: Execution) -> None:
        """Enter an execution.

        Raises:
            ValueError: Its id was entered before.
        """
        if execution.execution_id in self.executions:
            raise ValueError(f"execution {execution.execution_id} was booked before")
        self.executions[execution.execution_id] = execution
        self._apply(execution, execution.side)
        self.fees_accrued_1e8 += execution.fee_1e8

    def reverse(self, execution_id: str) -> Execution:
        """Take an execution back, as after a busted trade.

        Raises:
            ValueError: It is unknown, or was taken back before.
        """
        execution = self.executions.get(execution_id)
        if execution is None or execution_id in self.reversed_ids:
            raise ValueError(f"there is no execution {execution_id} to take back")
        self.reversed_ids.add(execution_id)
        self._apply(execution, execution.side.other)
        self.fees_accrued_1e8 -= execution.fee_1e8
        return execution

    def _apply(self, execution: Execution, side: Side) -> None:
        self.cash_1e8 -= side.sign * execution.value_1e8
        position = self.positions.setdefault(
            execution.symbol, Position(symbol=execution.symbol, multiplier=execution.multiplier)
        )
        change_1e8 = side.sign * execution.qty_1e8
        before_1e8, after_1e8 = position.qty_1e8, position.qty_1e8 + change_1e8
        if before_1e8 * change_1e8 >= 0:
            position.cost_1e8 += side.sign * execution.value_1e8
        elif before_1e8 * after_1e8 > 0:
            position.cost_1e8 = position.cost_1e8 * after_1e8 // before_1e8
        else:  # closed, or turned round: what is left was entered at this price
            position.cost_1e8 = times(execution.price_1e8, after_1e8) * execution.multiplier
        position.qty_1e8 = after_1e8
        if not after_1e8:
            del self.positions[execution.symbol]

    def pay_fees(self) -> int:
        """Take the accrued fees from cash; how much that was."""
        due_1e8, self.fees_accrued_1e8 = self.fees_accrued_1e8, 0
        self.cash_1e8 -= due_1e8
        self.fees_paid_1e8 += due_1e8
        return due_1e8

    def qty_1e8(self, symbol: str) -> int:
        """What is held of a symbol, below zero when short."""
        position = self.positions.get(symbol)
        return position.qty_1e8 if position else 0

    def shown(self) -> dict[str, Any]:
        """Executions, positions and cash, as every venue's truth has them."""
        return {
            "executions": [
                {
                    "id": one.execution_id,
                    "order_id": one.order_id,
                    "symbol": one.symbol,
                    "side": one.side.value,
                    "qty": show(one.qty_1e8),
                    "price": show(one.price_1e8),
                    "at_ns": one.at_ns,
                    "is_reversed": one.execution_id in self.reversed_ids,
                }
                for one in self.executions.values()
            ],
            "positions": {
                symbol: {
                    "qty": show(position.qty_1e8),
                    "avg_entry_price": show(position.average_1e8),
                }
                for symbol, position in self.positions.items()
            },
            "cash": show(self.cash_1e8),
            "fees_accrued": show(self.fees_accrued_1e8),
        }
