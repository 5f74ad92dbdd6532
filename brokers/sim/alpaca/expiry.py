"""What becomes of options: they expire worthless, or shares change hands at the strike."""

from typing import Final

from brokers.sim.alpaca.assets import OPTION_MULTIPLIER, Contract, read_contract
from brokers.sim.alpaca.blotter import Blotter
from brokers.sim.book import Side
from brokers.sim.core import Core
from brokers.sim.ledger import Execution
from brokers.sim.units import eastern, show

ORDER_ID: Final = "expiry"


class Expiry:
    """Settles contracts at the close of their last day, and those that their holder exercises."""

    def __init__(self, core: Core, blotter: Blotter) -> None:
        """Listen to the close."""
        self._core = core
        self._blotter = blotter
        core.on_close.append(self._session_closed)

    def _session_closed(self) -> None:
        today = eastern(self._core.now_ns()).date()
        for symbol in [*self._blotter.ledger.positions]:
            contract = read_contract(symbol)
            if contract is not None and contract.expiry <= today:
                self.settle(contract)

    def settle(self, contract: Contract) -> None:
        """End the position in a contract; in the money its shares are delivered at the strike.

        A holder's contract is exercised (OPEXC), a writer's is assigned (OPASN); out of the money
        both expire (OPEXP).
        """
        qty_1e8 = self._blotter.ledger.qty_1e8(contract.symbol)
        is_long = qty_1e8 > 0
        spot_1e8 = self._core.market.last_1e8(contract.underlying)
        self._book(contract.symbol, Side.SELL if is_long else Side.BUY, abs(qty_1e8), 0)
        kind = "OPEXP"
        if contract.intrinsic_1e8(spot_1e8):
            kind = "OPEXC" if is_long else "OPASN"
            side = Side.BUY if (contract.right == "call") is is_long else Side.SELL
            shares_1e8 = abs(qty_1e8) * OPTION_MULTIPLIER
            self._book(contract.underlying, side, shares_1e8, contract.strike_1e8)
        self._blotter.add_other(
            kind,
            self._core.now_ns(),
            self._core.new_id(),
            symbol=contract.symbol,
            qty=show(-qty_1e8),
            net_amount="0",
            description=f"{kind} of {contract.symbol}",
        )

    def _book(self, symbol: str, side: Side, qty_1e8: int, price_1e8: int) -> None:
        self._blotter.ledger.book(
            Execution(
                execution_id=self._core.new_id(),
                order_id=ORDER_ID,
                symbol=symbol,
                side=side,
                qty_1e8=qty_1e8,
                price_1e8=price_1e8,
                at_ns=self._core.now_ns(),
                multiplier=self._core.market.instrument(symbol).multiplier,
            )
        )
