"""Buys a dip below the session's high: a strategy in plain Python, short enough to start from.

It remembers nothing. A dip is told by the minute in which it began, and the strategy asks for it
again each time it has become a step deeper: that a dip is bought once is the account's promise,
which refuses the second order of a setup (EX-4), and not the strategy's bookkeeping.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Final

from trading.strategies.api import (
    Answer,
    ExitPlan,
    Leg,
    NoTrade,
    NoTradeReason,
    Parameter,
    Side,
    Signal,
    StopAt,
    Strategy,
    r,
    ratio,
)
from trading.strategies.view import View

_MINUTE_NS: Final = 60_000_000_000


class DipBuyerStrategy(Strategy):
    """Buys new lows of a dip, with a stop below and a target of so many times the risk."""

    name = "dip_buyer"
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "depth_ratio": Parameter(
            default=Decimal("0.002"),
            low=Decimal("0.0005"),
            high=Decimal("0.2"),
            text="a dip begins so far below the session's high",
        ),
        "step_ratio": Parameter(
            default=Decimal("0.002"),
            low=Decimal(0),
            high=Decimal("0.2"),
            text="a low counts as new so far below the last one",
        ),
        "stop_ratio": Parameter(
            default=Decimal("0.0015"),
            low=Decimal("0.0001"),
            high=Decimal("0.2"),
            text="distance of the stop from the entry",
        ),
        "target_r": Parameter(
            default=Decimal(2),
            low=Decimal("0.1"),
            high=Decimal(20),
            text="distance of the target, in risks",
        ),
        "window_end_minutes": Parameter(
            default=330, low=1, high=1440, text="no entries later than this after the open"
        ),
    }

    def evaluate(self, view: View) -> Answer:
        """Ask at each new low of a dip; the rest of what is wanted stands in the plan."""
        minutes = (view.now_ns - view.session.open_ns) // _MINUTE_NS
        if minutes > int(self.settings["window_end_minutes"]):
            return NoTrade(NoTradeReason.OUTSIDE_WINDOW)
        began_ns, is_new_low = self._dip(view)
        if began_ns == 0:
            return NoTrade(NoTradeReason.NO_SETUP)
        if view.position is not None:
            return NoTrade(NoTradeReason.IN_POSITION)
        if not is_new_low:
            return NoTrade(NoTradeReason.PRICE_ABOVE_THRESHOLD)
        began = (began_ns - view.session.open_ns) // _MINUTE_NS
        return Signal(
            setup_instance=f"dip{began:04}",
            legs=(Leg(instrument=view.instrument.symbol, side=Side.BUY),),
            plan=ExitPlan(
                stop=StopAt(ratio(Decimal(self.settings["stop_ratio"]))),
                target=r(Decimal(self.settings["target_r"])),
            ),
            reason=f"a new low of the dip that began {minutes - began} minutes ago",
        )

    def _dip(self, view: View) -> tuple[int, bool]:
        """When the dip of the newest bar began, 0 for none; and whether that bar is its low."""
        depth = 1.0 - float(self.settings["depth_ratio"])
        step = 1.0 - float(self.settings["step_ratio"])
        high, low, began_ns, is_new_low = 0.0, 0.0, 0, False
        for bar in view.bars:
            high = max(high, bar.close)
            if bar.close > high * depth:
                began_ns = 0
                continue
            is_new_low = began_ns == 0 or bar.close < low * step
            low = bar.close if is_new_low else low
            began_ns = began_ns or bar.end_ns
        return began_ns, is_new_low
