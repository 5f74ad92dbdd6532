"""Figures that add up, and no figure where there is too little."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.metrics import (
    GROUPS,
    TRADES_MIN,
    TradeResult,
    by_exit_class,
    by_half_hour,
    by_weekday,
    measure,
    measure_by,
    rolling,
)

HALF_HOUR_NS = 1_800_000_000_000
ONE = 100_000_000


def trade(index: int = 0, net_1e8: int = ONE, **changes: Any) -> TradeResult:
    fields: dict[str, Any] = {
        "trade_id": f"t{index}",
        "mode": "PAPER",
        "strategy": "vwap_reversion",
        "setup": "dip",
        "instrument": "ES",
        "session_date": 20200102 + index % 5,
        "session_open_ns": 0,
        "entry_ns": index * HALF_HOUR_NS,
        "exit_ns": index * HALF_HOUR_NS + 1,
        "exit_reason": "TAKE_PROFIT",
        "gross_1e8": net_1e8 + 7,
        "fees_1e8": 7,
    }
    return TradeResult(**{**fields, **changes})


def series(nets: Sequence[int]) -> list[TradeResult]:
    return [trade(index, net) for index, net in enumerate(nets)]


nets_enough = st.lists(
    st.integers(min_value=-(10**12), max_value=10**12), min_size=TRADES_MIN, max_size=60
)


@pytest.mark.parametrize(("count", "is_enough"), [(0, False), (29, False), (30, True), (31, True)])
def test_fewer_than_thirty_trades_give_no_figures(count: int, *, is_enough: bool) -> None:
    """ME-1: INSUFFICIENT_DATA below 30, at the limit a figure; the sums always hold."""
    metrics = measure(series([ONE] * count), mode="PAPER")
    assert (metrics.figures is not None) is is_enough
    assert (metrics.trades, metrics.net_1e8) == (count, count * ONE)
    shown = metrics.to_builtins()["figures"]
    assert (shown == "INSUFFICIENT_DATA") is not is_enough


def test_modes_are_never_mixed() -> None:
    """ME-3: P&L of one mode at a time."""
    with pytest.raises(ValueError, match=r"one mode at a time, was LIVE, PAPER"):
        measure([trade(0), trade(1, mode="LIVE")])
    with pytest.raises(ValueError, match="one mode at a time"):
        measure([trade(0)], mode="BACKTEST")


def test_the_figures_of_a_known_series() -> None:
    """ME-1: by hand: 20 wins of 2, 10 losses of 1, in two runs."""
    metrics = measure(series([2 * ONE] * 12 + [-ONE] * 10 + [2 * ONE] * 8))
    assert metrics.figures is not None
    figures = metrics.figures
    assert figures.win_rate_ratio == pytest.approx(20 / 30)
    assert figures.average_win_1e8 == pytest.approx(2 * ONE)
    assert figures.average_loss_1e8 == pytest.approx(-ONE)
    assert figures.expectancy_1e8 == pytest.approx(ONE)
    assert figures.profit_factor == pytest.approx(4.0)
    assert figures.drawdown_max_1e8 == 10 * ONE
    assert (figures.streak_win_max, figures.streak_loss_max, figures.streak_now) == (12, 10, 8)
    assert figures.expectancy_r is None


def test_r_counts_only_trades_that_had_a_stop() -> None:
    """ME-1: results in R; a waived stop has no R."""
    trades = [trade(i, ONE, risk_1e8=2 * ONE if i % 2 else 0) for i in range(30)]
    figures = measure(trades).figures
    assert figures is not None
    assert figures.expectancy_r == pytest.approx(0.5)


def test_sharpe_counts_the_sessions_without_a_trade() -> None:
    """ME-1: a session without a trade is a result of zero, not a session that never was."""
    trades = series([ONE] * 25 + [-ONE] * 5)
    some, all_days = measure(trades), measure(trades, sessions=range(20200102, 20200122))
    assert some.figures is not None
    assert all_days.figures is not None
    # Five sessions of five wins and one loss each do not vary; with 15 empty ones they do.
    assert some.figures.sharpe is None
    mean, count = 20 * ONE / 20, 20
    variance = (5 * (4 * ONE - mean) ** 2 + 15 * mean**2) / (count - 1)
    assert all_days.figures.sharpe == pytest.approx(mean / variance**0.5 * 252**0.5)


@given(nets=nets_enough)
def test_the_parts_add_up(nets: list[int]) -> None:
    """ME-1, ME-3: gross less fees is net, expectancy times trades too, wins and losses too."""
    metrics = measure(series(nets))
    assert metrics.gross_1e8 - metrics.fees_1e8 == metrics.net_1e8 == sum(nets)
    assert metrics.wins + metrics.losses + nets.count(0) == metrics.trades
    figures = metrics.figures
    assert figures is not None
    wins = metrics.wins * (figures.average_win_1e8 or 0)
    losses = metrics.losses * (figures.average_loss_1e8 or 0)
    assert wins + losses == pytest.approx(metrics.net_1e8, abs=100)
    assert figures.expectancy_1e8 * metrics.trades == pytest.approx(metrics.net_1e8, abs=100)


@given(nets=nets_enough)
def test_the_drawdown_is_the_worst_fall_between_any_two_points(nets: list[int]) -> None:
    """ME-1: compared with every pair, the start included."""
    totals = [0]
    for net in nets:
        totals.append(totals[-1] + net)
    worst = max(totals[i] - totals[j] for i in range(len(totals)) for j in range(i, len(totals)))
    figures = measure(series(nets)).figures
    assert figures is not None
    assert figures.drawdown_max_1e8 == worst


@given(nets=nets_enough)
def test_streaks_are_the_longest_runs(nets: list[int]) -> None:
    """ME-1: counted again from a text of signs."""
    signs = "".join("w" if net > 0 else "l" if net < 0 else "e" for net in nets)
    figures = measure(series(nets)).figures
    assert figures is not None
    assert figures.streak_win_max == max(map(len, signs.replace("e", "l").split("l")))
    assert figures.streak_loss_max == max(map(len, signs.replace("e", "w").split("w")))


@given(nets=st.lists(st.integers(min_value=-100, max_value=100), max_size=80))
@pytest.mark.parametrize("group", GROUPS)
def test_groups_add_up_to_the_whole(group: str, nets: list[int]) -> None:
    """ME-1: every trade is in exactly one group of each kind."""
    trades = series(nets)
    groups = measure_by(trades, GROUPS[group]).values()
    whole = measure(trades)
    assert sum(one.trades for one in groups) == whole.trades
    assert sum(one.net_1e8 for one in groups) == whole.net_1e8
    assert sum(one.fees_1e8 for one in groups) == whole.fees_1e8


def test_group_names_read_well() -> None:
    """ME-1, PX-6: weekday, half hour since the open, and whose fault an exit was."""
    one = trade(3, session_date=20200309)
    assert (by_weekday(one), by_half_hour(one)) == ("Monday", "01:30")
    assert by_exit_class(one) == "strategy"
    assert by_exit_class(trade(exit_reason="EXECUTION_ERROR")) == "execution"


def test_rolling_windows_slide_by_one_trade() -> None:
    """ME-1: each window is measured by itself."""
    trades = series(list(range(40)))
    windows = rolling(trades)
    assert len(windows) == 11
    assert all(later.net_1e8 - first.net_1e8 == 30 for first, later in pairwise(windows))
    assert rolling(trades[:29]) == []
    with pytest.raises(ValueError, match="window must be at least 1, was 0"):
        rolling(trades, 0)


def test_trades_out_of_order_are_refused() -> None:
    """ME-1: drawdown and streaks would be wrong without a word."""
    with pytest.raises(ValueError, match="in order of exit"):
        measure([trade(1), trade(0)])
