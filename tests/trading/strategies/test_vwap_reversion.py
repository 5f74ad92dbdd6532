"""The built-in rule through the strategy API: the same answers as the compiled rule gives."""

from decimal import Decimal
from typing import Any

import pytest

from rust_core._native import NO_TRADE_REASONS, RuleContext, RuleEnter, VwapReversion
from trading.errors import ConfigError
from trading.strategies import Exit, ExitReason, NoTrade, NoTradeReason, Side, Signal, StopAt
from trading.strategies.api import LevelKind, configure
from trading.strategies.harness import CLOSE_NS, OPEN_NS, answers, views
from trading.strategies.view import PositionSeen, View
from trading.strategies.vwap_reversion import VwapReversionStrategy, parameters_json

ONE = 100_000_000
QUIET = [100.0] * 40
DIP = [*QUIET, 99.5, 99.4]
LONG = PositionSeen(qty_1e8=ONE, entry_price_1e8=99 * ONE, opened_ns=OPEN_NS)


def settings(**given: Any) -> dict[str, Any]:
    return configure(VwapReversionStrategy, given, "parameters")


def test_the_vocabulary_is_that_of_the_core() -> None:
    """SG-2: one fixed list of reasons, kept in rust_core."""
    assert [reason.value for reason in NoTradeReason] == list(NO_TRADE_REASONS)


def test_the_defaults_are_those_of_the_rule() -> None:
    """SG-3, SG-8: entry deviation and stop 0.003, 20 bars, one trade, in the units of people."""
    defaults = settings()
    assert defaults["entry_deviation_ratio"] == Decimal("0.003")
    assert defaults["stop_ratio"] == Decimal("0.003")
    assert defaults["session_loss_max_usd"] == Decimal(10)
    assert (defaults["bars_min"], defaults["entries_max"]) == (20, 1)
    assert VwapReversion(parameters_json(defaults)).bars == 0


def test_a_dip_in_the_window_is_bought_with_a_stop_and_a_time_to_be_flat() -> None:
    """SG-3: close < vwap x (1 - 0.003) between 10:00 and 11:30 gives one long signal."""
    given = answers(VwapReversionStrategy, DIP)
    signal = given[40]
    assert isinstance(signal, Signal)
    assert signal.setup_instance == "m0041"
    assert signal.legs[0].side is Side.BUY
    assert isinstance(signal.plan.stop, StopAt)
    assert (signal.plan.stop.level.kind, signal.plan.stop.level.value_1e8) == (
        LevelKind.RATIO,
        300_000,
    )
    assert signal.plan.force_flat_ns == CLOSE_NS - 300 * 1_000_000_000
    assert given[:2] == [NoTrade(NoTradeReason.WARMUP)] * 2
    assert given[25] == NoTrade(NoTradeReason.OUTSIDE_WINDOW)
    assert given[39] == NoTrade(NoTradeReason.PRICE_ABOVE_THRESHOLD)


def test_a_position_is_left_when_the_price_is_back() -> None:
    """SG-3: mean reversion at close >= vwap is advice to take the profit."""
    given = answers(VwapReversionStrategy, [100.0] * 30 + [99.0, 99.5, 100.0], position=LONG)
    assert given[31] == NoTrade(NoTradeReason.IN_POSITION)
    assert given[32] == Exit(ExitReason.TAKE_PROFIT, "mean reversion")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"entries": 1}, NoTradeReason.MAX_TRADES),
        ({"is_entry_pending": True}, NoTradeReason.ORDER_WORKING),
        ({"net_1e8": -10 * ONE}, NoTradeReason.DAILY_LIMIT),
    ],
)
def test_what_stands_against_an_entry_is_named(
    change: dict[str, Any], reason: NoTradeReason
) -> None:
    """SG-2, SG-3: at the limit itself there is no entry; one step inside there is."""
    seen = views(DIP)
    blocked = seen[40]._replace(session=seen[40].session._replace(**change))
    assert ask([*seen[:40], blocked]) == NoTrade(reason)
    inside = seen[40]._replace(session=seen[40].session._replace(net_1e8=-10 * ONE + 1))
    assert isinstance(ask([*seen[:40], inside]), Signal)


def test_a_killed_account_disables_it() -> None:
    """SG-2, KC-1: while entries are not allowed the reason is DISABLED."""
    seen = views(DIP)
    blocked = seen[40]._replace(account=seen[40].account._replace(is_trading_allowed=False))
    assert ask([*seen[:40], blocked]) == NoTrade(NoTradeReason.DISABLED)


def ask(seen: list[View]) -> object:
    strategy = VwapReversionStrategy(settings())
    return [strategy.evaluate(view) for view in seen][-1]


def test_a_new_one_in_mid_session_answers_like_one_that_saw_it_all() -> None:
    """WD-1: after a crash the strategy reads the session's bars again from its view."""
    seen = views(DIP)
    whole = VwapReversionStrategy(settings())
    given = [whole.evaluate(view) for view in seen]
    for start in (10, 30, 40, 41):
        fresh = VwapReversionStrategy(settings())
        assert [fresh.evaluate(view) for view in seen[start:]] == given[start:]
        assert fresh.vwap_1e8 == whole.vwap_1e8


def test_it_answers_as_the_compiled_rule_does() -> None:
    """SG-3: the wrapper adds nothing; the walker drives the same object."""
    rule = VwapReversion(b"{}")
    strategy = VwapReversionStrategy(settings())
    for view in views(DIP):
        direct = rule.on_bar(*view.bar, RuleContext(view.now_ns, OPEN_NS, CLOSE_NS))
        answer = strategy.evaluate(view)
        if isinstance(direct, RuleEnter):
            assert isinstance(answer, Signal)
            assert answer.setup_instance == direct.setup_instance
        else:
            assert answer == NoTrade(NoTradeReason(str(direct)))


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"stop_ratio": Decimal(1)}, "parameters.stop_ratio: expected at most 0.5, found 1"),
        ({"stop_rato": Decimal(1)}, "unknown parameter; did you mean stop_ratio"),
        ({"bars_min": 0}, "parameters.bars_min: expected at least 1, found 0"),
    ],
)
def test_a_wrong_parameter_is_named(given: dict[str, Any], complaint: str) -> None:
    """SG-8: ranges are the rule's own."""
    with pytest.raises(ConfigError, match=complaint):
        settings(**given)
