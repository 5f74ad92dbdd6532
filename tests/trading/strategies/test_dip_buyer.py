"""The second built-in strategy: it asks at new lows, and leaves it to the account to buy once."""

from decimal import Decimal

from trading.strategies import NoTrade, NoTradeReason, Signal
from trading.strategies.dip_buyer import DipBuyerStrategy
from trading.strategies.harness import OPEN_NS, answers
from trading.strategies.view import PositionSeen

ONE = 100_000_000
DIP = [100.0, 101.0, 100.5, 100.4, 100.45, 100.3, 101.0, 100.6]
LONG = PositionSeen(qty_1e8=ONE, entry_price_1e8=100 * ONE, opened_ns=OPEN_NS)


def test_each_new_low_of_a_dip_asks_for_the_same_setup() -> None:
    """SG-1, EX-4: the setup is named by the dip's first minute; the next dip is another."""
    settings = {"depth_ratio": Decimal("0.004"), "step_ratio": Decimal(0)}
    given = answers(DipBuyerStrategy, DIP, settings=settings)
    named = [each.setup_instance if isinstance(each, Signal) else each for each in given]
    above, none = NoTrade(NoTradeReason.PRICE_ABOVE_THRESHOLD), NoTrade(NoTradeReason.NO_SETUP)
    assert named == [none, none, "dip0003", "dip0003", above, "dip0003", none, none]
    deeper = answers(DipBuyerStrategy, [*DIP, 100.5], settings=settings)
    assert isinstance(deeper[-1], Signal)
    assert deeper[-1].setup_instance == "dip0009"


def test_a_low_that_is_no_step_deeper_is_not_asked_for() -> None:
    """SG-1: a dip that creeps down is not asked for with each bar."""
    settings = {"depth_ratio": Decimal("0.004"), "step_ratio": Decimal("0.0015")}
    given = answers(DipBuyerStrategy, DIP, settings=settings)
    asked = [number for number, each in enumerate(given) if isinstance(each, Signal)]
    assert asked == [2, 5]  # 100.5 began it, 100.4 is too near, 100.3 is deep enough


def test_a_position_and_a_late_hour_are_reasons_not_to_ask() -> None:
    """SG-2: each evaluation without a signal has its reason."""
    held = answers(DipBuyerStrategy, DIP, position=LONG)
    assert held[2] == NoTrade(NoTradeReason.IN_POSITION)
    late = answers(DipBuyerStrategy, DIP, settings={"window_end_minutes": 2})
    assert late[2] == NoTrade(NoTradeReason.OUTSIDE_WINDOW)
