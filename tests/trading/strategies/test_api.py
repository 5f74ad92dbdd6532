"""What a strategy may say, and what dies before anybody hears it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

import orjson
import pytest

from trading.errors import ConfigError
from trading.strategies import (
    Answer,
    ExitPlan,
    Leg,
    NoStop,
    NoTrade,
    NoTradeReason,
    OrderType,
    Parameter,
    Partial,
    Side,
    Signal,
    StopAt,
    Strategy,
    View,
    price,
    r,
    ratio,
)
from trading.strategies.api import MalformedSignalError, configure
from trading.strategies.wire import core_signal

LEG = Leg(instrument="ES", side=Side.BUY)
PLAN = ExitPlan(stop=StopAt(ratio("0.003")))


def signal(**changes: Any) -> Signal:
    fields: dict[str, Any] = {"setup_instance": "dip1", "legs": (LEG,), "plan": PLAN, "reason": "x"}
    return Signal(**{**fields, **changes})


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: signal(legs=()), "legs: expected at least one"),
        (lambda: signal(qty_1e8=0), "qty_1e8: expected a number above 0, was 0"),
        (lambda: signal(qty_1e8=-1), "qty_1e8: expected a number above 0, was -1"),
        (lambda: signal(risk_1e8=0), "risk_1e8: expected a number above 0"),
        (lambda: signal(setup_instance=""), "setup_instance: expected 1 to 32 letters"),
        (lambda: signal(setup_instance="a-b"), "setup_instance: expected 1 to 32 letters"),
        (lambda: signal(setup_instance="a" * 33), "setup_instance: expected 1 to 32 letters"),
        (lambda: signal(order_type=OrderType.LIMIT), "limit_1e8: expected a price for LIMIT"),
        (lambda: signal(limit_1e8=1), "limit_1e8: expected none for MARKET"),
        (lambda: signal(order_type=OrderType.STOP), "trigger_1e8: expected a price for STOP"),
        (lambda: signal(confidence_ratio_1e8=100_000_001), "confidence_ratio_1e8: expected 0 to"),
        (lambda: ExitPlan(stop=NoStop("")), "stop: expected the waiver's name"),
        (lambda: ExitPlan(stop=StopAt(r(1))), "stop: expected a price or a ratio"),
        (lambda: ExitPlan(stop=StopAt(price(0))), "level: expected a number above 0"),
        (lambda: ExitPlan(stop=NoStop("x"), holding_max_ns=0), "holding_max_ns: expected a number"),
        (lambda: Partial(level=r(1), portion_ratio_1e8=100_000_000), "portion_ratio_1e8: expected"),
        (lambda: Leg(instrument="ES", side=Side.BUY, ratio_1e8=0), "leg: expected a ratio above 0"),
    ],
)
def test_a_malformed_signal_dies_where_it_is_made(
    make: Callable[[], object], complaint: str
) -> None:
    """EX-10: with the field, what was expected and what was found."""
    with pytest.raises(MalformedSignalError, match=complaint):
        make()


def test_a_stop_cannot_be_forgotten() -> None:
    """EX-10: a stop, or its waiver by name; there is no third way."""
    with pytest.raises(TypeError, match="stop"):
        ExitPlan()  # type: ignore[call-arg]


def test_the_core_gets_ids_and_levels() -> None:
    """EX-4, SG-1: the signal's id holds nothing that a restart changes."""
    plan = ExitPlan(
        stop=StopAt(ratio("0.003")),
        target=r("1.5"),
        target_1=Partial(level=price("101.25"), portion_ratio_1e8=65_000_000),
        force_flat_ns=9,
    )
    made = core_signal(
        signal(plan=plan, risk_1e8=3),
        strategy="dips",
        session_date=20200102,
        reference_1e8=5,
        reference_ns=7,
    )
    assert made.signal_id == "dips/20200102/dip1"
    asked = orjson.loads(made.with_vetoes([("late", "too late")]).json)
    assert asked["legs"] == [{"instrument": "ES", "side": "BUY", "ratio_1e8": 100_000_000}]
    assert asked["plan"] == {
        "stop": {"kind": "AT", "level": {"kind": "RATIO", "value_1e8": 300_000}},
        "target": {"kind": "R", "value_1e8": 150_000_000},
        "target_1": {
            "level": {"kind": "PRICE", "value_1e8": 10_125_000_000},
            "portion_ratio_1e8": 65_000_000,
        },
        "force_flat_ns": 9,
    }
    assert asked["risk_1e8"] == 3
    assert asked["vetoes"] == [{"policy": "late", "reason": "too late"}]


def test_a_waived_stop_reaches_the_core_under_its_name() -> None:
    """EX-10, PX-8: no stop is a name in the journal."""
    made = core_signal(
        signal(plan=ExitPlan(stop=NoStop("to settlement"))),
        strategy="canary",
        session_date=20200102,
        reference_1e8=5,
        reference_ns=7,
    )
    assert orjson.loads(made.json)["plan"]["stop"] == {"kind": "NONE", "waiver": "to settlement"}


class Idea(Strategy):
    """Does nothing, with declared settings."""

    parameters: ClassVar = {
        "stop_ratio": Parameter(default=Decimal("0.003"), low=Decimal("0.001"), high=Decimal(1)),
        "entries_max": Parameter(default=1, low=1, high=3),
        "is_eager": Parameter(default=False),
    }

    def evaluate(self, view: View) -> Answer:
        """Never trade."""
        del view
        return NoTrade(NoTradeReason.NO_SETUP)


def test_settings_have_their_declared_defaults() -> None:
    """SG-8: parameters are declared with their ranges."""
    assert configure(Idea, {"stop_ratio": 1}, "x") == {
        "stop_ratio": Decimal(1),
        "entries_max": 1,
        "is_eager": False,
    }


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"stop_rato": Decimal(1)}, r"my\.stop_rato: unknown parameter; did you mean stop_ratio\?"),
        ({"stop_ratio": "x"}, r"my\.stop_ratio: expected a number, found 'x'"),
        ({"entries_max": Decimal("1.5")}, r"my\.entries_max: expected a whole number, found"),
        ({"entries_max": True}, r"my\.entries_max: expected a whole number, found True"),
        ({"entries_max": 4}, r"my\.entries_max: expected at most 3, found 4"),
        ({"stop_ratio": Decimal("0.0001")}, r"my\.stop_ratio: expected at least 0\.001, found 0"),
        ({"is_eager": 1}, r"my\.is_eager: expected true or false, found 1"),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, Any], complaint: str) -> None:
    """SG-8, UI-12: outside its range, of another kind, or unknown."""
    with pytest.raises(ConfigError, match=complaint):
        configure(Idea, given, "my")
