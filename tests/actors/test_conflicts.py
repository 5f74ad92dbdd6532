"""Strategies that contradict each other in one cycle are both refused (PF-2)."""

from collections.abc import Callable

import msgspec
import pytest

from actors.conflicts import contradicted
from actors.system import StrategyBuild
from research.crash.market import busy_config, busy_tape
from rust_core import ExitPlan as CorePlan
from rust_core import Leg as CoreLeg
from rust_core import Message
from rust_core import Signal as CoreSignal
from streams.tape import Tape
from tests.rust_core.account_desk import Desk
from tests.support.play import Played, prepare
from trading.config import Config
from trading.config_reader import load
from trading.strategies import Answer, ExitPlan, Leg, NoTrade, NoTradeReason, Side, Signal, Strategy
from trading.strategies.api import Level, LevelKind, StopAt
from trading.strategies.view import View

E = 100_000_000
Market = tuple[Config, Tape]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    """A session, and a configuration in which two strategies may trade one instrument."""
    directory = tmp_path_factory.mktemp("busy")
    config = load(busy_config(directory))
    first = config.strategies[0]
    config = msgspec.structs.replace(
        config,
        strategies=(first, msgspec.structs.replace(first, name="second")),
        limits=msgspec.structs.replace(
            config.limits, positions_per_instrument_max=2, positions_max=2
        ),
    )
    return config, Tape(busy_tape(directory, sessions=1))


def asks(side: Side, *at: int) -> Callable[[], Strategy]:
    """Makes a strategy that asks for one side when the session has so many bars."""

    class Stubborn(Strategy):
        """Thinks of nothing else."""

        name = "stubborn"

        def evaluate(self, view: View) -> Answer:
            """By the count of bars alone."""
            if len(view.bars) not in at:
                return NoTrade(NoTradeReason.NO_SETUP)
            return Signal(
                setup_instance=f"at{len(view.bars)}",
                legs=(Leg(instrument="ES", side=side),),
                plan=ExitPlan(stop=StopAt(Level(LevelKind.RATIO, E // 1_000))),
                reason="it is time",
                qty_1e8=E,
            )

    return lambda: Stubborn({})


def run(market: Market, *makes: Callable[[], Strategy]) -> Played:
    """A session of these strategies, in this order."""
    names = [each.name for each in market[0].strategies]
    builds = [
        StrategyBuild(name=name, instrument="ES", indicators=(), make=make)
        for name, make in zip(names, makes, strict=False)
    ]
    return prepare(*market, strategies=builds).finish()


def verdicts(played: Played) -> list[tuple[str, bool, list[str]]]:
    """Strategy, whether it was approved, and its failed checks, in order."""
    return [
        (said["strategy"], said["is_approved"], [check["name"] for check in said["failed"]])
        for said in played.payloads("VerdictGiven")
    ]


def test_opposite_sides_in_one_cycle_are_both_refused_and_named(market: Market) -> None:
    """PF-2: all are heard first; neither enters, and each verdict names the other."""
    played = run(market, asks(Side.BUY, 30), asks(Side.SELL, 30))
    assert [said[1] for said in verdicts(played)] == [False, False]
    assert played.payloads("OrderIntended") == []
    first, second = played.payloads("VerdictGiven")
    for said, other in ((first, second), (second, first)):
        (check,) = said["failed"]
        assert f"contradicts {other['signal_id']}" in check["detail"]


def test_the_same_side_or_another_cycle_is_no_conflict(market: Market) -> None:
    """PF-2, PF-5: decided one behind the other, in the order of the strategies."""
    played = run(market, asks(Side.BUY, 30), asks(Side.BUY, 30))
    assert [said[:2] for said in verdicts(played)] == [
        (each.name, True) for each in market[0].strategies
    ]
    played = run(market, asks(Side.BUY, 30), asks(Side.SELL, 31))
    assert [said[1] for said in verdicts(played)] == [True, True]


def test_one_strategy_alone_waits_for_nobody(market: Market) -> None:
    """PF-2: its signal is decided in the mail that brings it."""
    played = run(market, asks(Side.BUY, 30))
    assert [said[1] for said in verdicts(played)] == [True]


def signal(name: str, *legs: tuple[str, str]) -> CoreSignal:
    """What a strategy asks for, as the core is told."""
    return CoreSignal(
        strategy=name,
        setup_instance="x",
        session_date=20240102,
        legs=[CoreLeg(instrument, side) for instrument, side in legs],
        plan=CorePlan(no_stop="a test"),
        reference_1e8=E,
        reference_ns=1,
    )


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        ([signal("a", ("ES", "BUY")), signal("b", ("NQ", "SELL"))], []),
        ([signal("a", ("ES", "BUY")), signal("b", ("ES", "BUY"))], []),
        ([signal("a", ("ES", "BUY")), signal("b", ("ES", "SELL"))], ["a", "b"]),
        (
            [signal("a", ("ES", "BUY")), signal("b", ("NQ", "BUY")), signal("c", ("ES", "SELL"))],
            ["a", "c"],
        ),
        ([signal("a", ("NQ", "BUY"), ("ES", "BUY")), signal("b", ("ES", "SELL"))], ["a", "b"]),
        ([signal("a", ("ES", "BUY"), ("ES", "SELL"))], []),
    ],
    ids=["other symbol", "same side", "opposite", "third", "second leg", "a spread of its own"],
)
def test_a_conflict_is_two_sides_of_one_symbol(asked: list[CoreSignal], refused: list[str]) -> None:
    """PF-2: between strategies, in any leg; who has no part in it goes on."""
    result = contradicted(asked)
    assert [each.strategy for each in result] == [each.strategy for each in asked]
    vetoed = [now.strategy for now, before in zip(result, asked, strict=True) if now != before]
    assert vetoed == refused
    assert [Message.signal(each).asked for each in asked] == asked
    assert Message.session_closed(Desk().core.account().session_date).asked is None
