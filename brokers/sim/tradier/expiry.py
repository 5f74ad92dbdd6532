"""What becomes of options: cash for an index, shares at the strike for the others."""

from typing import Final

from brokers.sim.book import Side
from brokers.sim.core import Core
from brokers.sim.ledger import Execution
from brokers.sim.tradier.assets import MULTIPLIER, Contract, read_contract
from brokers.sim.tradier.blotter import Blotter
from brokers.sim.units import eastern

ORDER_ID: Final = "expiry"


class Expiry:
    """Settles contracts on their last day: an index' monthly root at its open."""

    def __init__(self, core: Core, blotter: Blotter) -> None:
        """Listen to the sessions."""
        self._core = core
        self._blotter = blotter
        self._settled_through: dict[bool, int] = {True: 0, False: 0}
        core.on_open.append(lambda: self._settle_all(at_open=True))
        core.on_close.append(lambda: self._settle_all(at_open=False))

    def is_over(self, contract: Contract) -> bool:
        """Whether it trades no more."""
        day = contract.expiry.toordinal()
        if day <= self._settled_through[contract.settles_at_open]:
            return True
        return contract.expires_ns <= self._core.now_ns() and self._core.hours.kind == "exchange"

    def _settle_all(self, *, at_open: bool) -> None:
        today = eastern(self._core.now_ns()).date()
        self._settled_through[at_open] = today.toordinal()
        for symbol in [*self._blotter.ledger.positions]:
            contract = read_contract(symbol)
            is_due = contract is not None and contract.expiry <= today
            if contract is not None and is_due and contract.settles_at_open is at_open:
                self._settle(contract)

    def _settle(self, contract: Contract) -> None:
        qty_1e8 = self._blotter.ledger.qty_1e8(contract.symbol)
        is_long = qty_1e8 > 0
        spot_1e8 = self._core.market.last_1e8(contract.asset.symbol)
        worth_1e8 = contract.intrinsic_1e8(spot_1e8)
        side = Side.SELL if is_long else Side.BUY
        pays_1e8 = worth_1e8 if contract.asset.is_index else 0
        self._book(contract.symbol, side, abs(qty_1e8), pays_1e8, MULTIPLIER)
        if worth_1e8 and not contract.asset.is_index:
            takes = Side.BUY if (contract.right == "call") is is_long else Side.SELL
            shares_1e8 = abs(qty_1e8) * MULTIPLIER
            self._book(contract.asset.symbol, takes, shares_1e8, contract.strike_1e8, 1)

    def _book(self, symbol: str, side: Side, qty_1e8: int, price_1e8: int, multiplier: int) -> None:
        self._blotter.ledger.book(
            Execution(
                execution_id=self._core.new_id(),
                order_id=ORDER_ID,
                symbol=symbol,
                side=side,
                qty_1e8=qty_1e8,
                price_1e8=price_1e8,
                at_ns=self._core.now_ns(),
                multiplier=multiplier,
            )
        )
