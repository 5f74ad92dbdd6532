"""What is written at night, from the executions of the days before: history and closed lots."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from brokers.sim.core import Core
from brokers.sim.ledger import Execution
from brokers.sim.tradier.blotter import Blotter
from brokers.sim.units import eastern, number, ratio


@dataclass(slots=True, kw_only=True)
class Lot:
    """What is left of one execution in a position; below zero when it was sold short."""

    number: int
    at_ns: int
    qty_1e8: int
    cost_1e8: int


class Night:
    """Reads the ledger; changes nothing."""

    def __init__(self, core: Core, blotter: Blotter) -> None:
        """Look into this account."""
        self._core = core
        self._blotter = blotter

    def _standing(self) -> Iterator[tuple[int, Execution]]:
        ledger = self._blotter.ledger
        for index, execution in enumerate(ledger.executions.values()):
            if execution.execution_id not in ledger.reversed_ids:
                yield 130_000 + index, execution

    def _is_past(self, at_ns: int) -> bool:
        return eastern(at_ns).date() < eastern(self._core.now_ns()).date()

    def lot_of(self, symbol: str) -> Lot:
        """The oldest lot of a position that is held."""
        return self._lots(symbol, [])[0]

    def _lots(self, symbol: str, ended: list[dict[str, Any]]) -> deque[Lot]:
        """What is open of a symbol, the oldest first; what was closed is added to `ended`."""
        lots: deque[Lot] = deque()
        for count, one in self._standing():
            if one.symbol != symbol:
                continue
            left_1e8 = one.side.sign * one.qty_1e8
            while left_1e8 and lots and lots[0].qty_1e8 * left_1e8 < 0:
                left_1e8 = self._close(lots, one, left_1e8, ended)
            if left_1e8:
                cost_1e8 = one.side.sign * ratio(one.value_1e8 * abs(left_1e8), one.qty_1e8)
                lots.append(
                    Lot(
                        number=count,
                        at_ns=one.at_ns,
                        qty_1e8=left_1e8,
                        cost_1e8=cost_1e8 // 100_000_000,
                    )
                )
        return lots

    def _close(
        self, lots: deque[Lot], one: Execution, left_1e8: int, ended: list[dict[str, Any]]
    ) -> int:
        """Set an execution against the oldest lot; what is left of the execution."""
        lot = lots[0]
        closed_1e8 = min(abs(lot.qty_1e8), abs(left_1e8))
        sign = 1 if lot.qty_1e8 > 0 else -1
        cost_1e8 = lot.cost_1e8 * closed_1e8 // abs(lot.qty_1e8)
        proceeds_1e8 = sign * one.value_1e8 * closed_1e8 // one.qty_1e8
        gain_1e8 = proceeds_1e8 - cost_1e8
        if self._is_past(one.at_ns):
            ended.append(
                {
                    "close_date": f"{eastern(one.at_ns):%Y-%m-%d}T00:00:00.000Z",
                    "cost": number(cost_1e8),
                    "gain_loss": number(gain_1e8),
                    "gain_loss_percent": number(ratio(100 * gain_1e8, abs(cost_1e8))),
                    "open_date": f"{eastern(lot.at_ns):%Y-%m-%d}T00:00:00.000Z",
                    "proceeds": number(proceeds_1e8),
                    "quantity": number(sign * closed_1e8),
                    "symbol": one.symbol,
                    "term": (eastern(one.at_ns).date() - eastern(lot.at_ns).date()).days,
                }
            )
        lot.cost_1e8 -= cost_1e8
        lot.qty_1e8 -= sign * closed_1e8
        if not lot.qty_1e8:
            lots.popleft()
        return left_1e8 + sign * closed_1e8

    def closed(self) -> list[dict[str, Any]]:
        """GET gainloss: lots that were closed on days before today, by symbol."""
        ended: list[dict[str, Any]] = []
        for symbol in dict.fromkeys(one.symbol for _, one in self._standing()):
            self._lots(symbol, ended)
        return ended

    def history(self) -> list[dict[str, Any]]:
        """GET history: the trades of days before today, the oldest first, with their commission."""
        return [
            {
                "amount": number(-one.side.sign * one.value_1e8 - one.fee_1e8),
                "date": f"{eastern(one.at_ns):%Y-%m-%d}T00:00:00Z",
                "type": "trade",
                "trade": {
                    "commission": number(one.fee_1e8),
                    "description": one.symbol,
                    "price": number(one.price_1e8),
                    "quantity": number(one.side.sign * one.qty_1e8),
                    "symbol": one.symbol,
                    "trade_type": "Option" if one.multiplier > 1 else "Equity",
                },
            }
            for _, one in self._standing()
            if self._is_past(one.at_ns)
        ]
