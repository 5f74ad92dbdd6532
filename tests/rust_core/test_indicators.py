"""Indicators against their definitions, written out the slow way."""

import math
from array import array
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, pstdev, stdev
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rust_core import _native
from rust_core._native import Atr, Ema, IndicatorSet, Rolling, SessionVwap

Row = tuple[float, float, float, float]
Column: TypeAlias = "array[float]"

prices = st.integers(1, 2_000_000).map(lambda ticks: ticks / 100)
volumes = st.integers(0, 10_000).map(float)
series = st.lists(prices, min_size=1, max_size=80)
periods = st.integers(1, 12)


def _row(price: float, up: float, down: float, volume: float) -> Row:
    return (price + up, price - down, price, volume)


rows = st.lists(st.builds(_row, prices, prices, st.floats(0, 0.01), volumes), max_size=60)


def columns(bars: Sequence[Row]) -> tuple[Column, Column, Column, Column]:
    high, low, close, volume = (array("d", [bar[i] for bar in bars]) for i in range(4))
    return high, low, close, volume


def or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def same(got: Sequence[float], expected: Sequence[float], rel: float = 1e-12) -> None:
    assert list(got) == pytest.approx(list(expected), rel=rel, abs=1e-12, nan_ok=True)


@given(values=series, period=periods)
def test_ema_equals_its_definition_one_at_a_time_and_whole(
    values: list[float], period: int
) -> None:
    """SG-1 (indicators): EMA incremental = whole-array = definition."""
    expected = [math.nan] * min(period - 1, len(values))
    for i in range(period - 1, len(values)):
        if i == period - 1:
            expected.append(fmean(values[:period]))
        else:
            expected.append(expected[-1] + 2 / (period + 1) * (values[i] - expected[-1]))
    ema = Ema(period)
    same([or_nan(ema.update(x)) for x in values], expected)
    same(_native.ema_array(array("d", values), period), expected)


@given(bars=rows, period=periods)
def test_atr_equals_its_definition_one_at_a_time_and_whole(bars: list[Row], period: int) -> None:
    """SG-1 (indicators): Wilder's ATR incremental = whole-array = definition."""
    ranges = [bars[0][0] - bars[0][1]] if bars else []
    for before, (high, low, _, _) in pairwise(bars):
        ranges.append(max(high - low, abs(high - before[2]), abs(low - before[2])))
    expected = [math.nan] * min(period - 1, len(bars))
    for i in range(period - 1, len(bars)):
        if i == period - 1:
            expected.append(fmean(ranges[:period]))
        else:
            expected.append((expected[-1] * (period - 1) + ranges[i]) / period)
    atr = Atr(period)
    same([or_nan(atr.update(h, low, c)) for h, low, c, _ in bars], expected, rel=1e-9)
    whole = _native.atr_array(*columns(bars)[:3], period)
    same(whole, expected, rel=1e-9)
    again = Atr(period)
    same(whole, [or_nan(again.update(h, low, c)) for h, low, c, _ in bars])


@given(values=series, window=st.integers(2, 9), ddof=st.integers(0, 1))
def test_rolling_moments_equal_their_definition(
    values: list[float], window: int, ddof: int
) -> None:
    """SG-1 (indicators): rolling mean and deviation incremental = whole-array = definition."""
    spread = stdev if ddof else pstdev
    rolling = Rolling(window, ddof=ddof)
    means, deviations = _native.rolling_array(array("d", values), window, ddof=ddof)
    for i, value in enumerate(values):
        mean = rolling.update(value)
        same([means[i], deviations[i]], [or_nan(mean), or_nan(rolling.deviation)])
        tail = values[i + 1 - window : i + 1] if i + 1 >= window else None
        assert rolling.is_warm == (tail is not None)
        if tail is not None:
            assert mean == pytest.approx(fmean(tail), rel=1e-12)
            # a deviation of nothing is known only to the rounding of the prices around it
            assert rolling.deviation == pytest.approx(spread(tail), rel=1e-9, abs=1e-9 * max(tail))


@given(sessions=st.lists(rows, max_size=4), skipped=st.integers(0, 3))
def test_vwap_is_anchored_at_each_session(sessions: list[list[Row]], skipped: int) -> None:
    """SG-3: VWAP and deviation from the open given by session rows."""
    sessions = [bars for bars in sessions if bars]
    before = [(2.0, 1.0, 1.5, 7.0)] * skipped
    expected: list[tuple[float, float]] = [(math.nan, math.nan)] * skipped
    one_by_one = list(expected)
    starts: list[int] = []
    for bars in sessions:
        starts.append(len(expected))
        vwap = SessionVwap(band_deviations=1.0)
        for i, bar in enumerate(bars):
            one_by_one.append((or_nan(vwap.update(*bar)), or_nan(vwap.deviation)))
            expected.append(_vwap_of(bars[: i + 1]))
    flat = before + [bar for bars in sessions for bar in bars]
    values, deviations = _native.session_vwap_array(*columns(flat), starts)
    same(values, [v for v, _ in one_by_one])
    same(deviations, [d for _, d in one_by_one])
    same(values, [v for v, _ in expected], rel=1e-11)
    assert list(deviations) == pytest.approx(
        [d for _, d in expected], rel=1e-7, abs=1e-4, nan_ok=True
    )


def _vwap_of(bars: Sequence[Row]) -> tuple[float, float]:
    volume = math.fsum(v for *_, v in bars)
    if volume == 0:
        return math.nan, math.nan
    mean = math.fsum((h + low + c) / 3 * v for h, low, c, v in bars) / volume
    square = math.fsum(((h + low + c) / 3 - mean) ** 2 * v for h, low, c, v in bars)
    return mean, math.sqrt(square / volume)


def test_bands_lie_the_asked_deviations_away() -> None:
    """SG-1 (indicators): VWAP with bands."""
    vwap = SessionVwap(band_deviations=2.0)
    assert (vwap.value, vwap.upper, vwap.lower) == (None, None, None)
    vwap.update(10, 10, 10, 1)
    vwap.update(14, 14, 14, 1)
    assert (vwap.value, vwap.lower, vwap.upper) == (12.0, 8.0, 16.0)
    vwap.reset_session()
    assert not vwap.is_warm


def test_a_rolling_deviation_does_not_drift_over_a_long_run() -> None:
    """SG-1 (indicators): stable, windowed; a level of 1e9 keeps a deviation of 0.5."""
    values = array("d", [1e9 + (i % 2) for i in range(200_000)])
    means, deviations = _native.rolling_array(values, 100)
    assert means[-1] == pytest.approx(1e9 + 0.5, rel=1e-15)
    assert deviations[-1] == pytest.approx(0.5, rel=1e-9)


@given(bars=rows)
def test_a_set_gives_in_one_call_what_its_members_give(bars: list[Row]) -> None:
    """SG-1 (indicators): several in one call."""
    together = IndicatorSet([("ema", 3), ("atr", 2), ("rolling", 4), ("vwap", 1.5)])
    ema, atr, rolling, vwap = Ema(3), Atr(2), Rolling(4), SessionVwap(band_deviations=1.5)
    assert together.names == (
        "ema_3", "atr_2", "mean_4", "deviation_4", "vwap", "vwap_lower_1.5", "vwap_upper_1.5",
    )  # fmt: skip
    for high, low, close, volume in bars:
        got = together.update(close, high, low, close, volume)
        ema.update(close), atr.update(high, low, close), rolling.update(close)
        vwap.update(high, low, close, volume)
        assert got == together.values
        assert got == (
            ema.value, atr.value, rolling.value, rolling.deviation,
            vwap.value, vwap.lower, vwap.upper,
        )  # fmt: skip
    together.reset_session()
    assert together.values[-3:] == (None, None, None)
    assert together.values[0] == ema.value


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_refused_and_leaves_no_trace(bad: float) -> None:
    """SG-1 (indicators): bad input is an error, not a poisoned average."""
    ema = Ema(1)
    ema.update(5.0)
    with pytest.raises(ValueError, match="value must be finite, was"):
        ema.update(bad)
    assert ema.value == 5.0
    with pytest.raises(ValueError, match=r"values\[1\] must be finite, was"):
        _native.ema_array(array("d", [1.0, bad]), 1)


def test_wrong_buffers_are_refused_by_name() -> None:
    """SG-1 (indicators): expected, found."""
    ints = array("q", [1, 2])
    with pytest.raises(
        ValueError,
        match="values must be a C-contiguous buffer of float64, was a buffer of format q",
    ):
        _native.ema_array(ints, 2)
    with pytest.raises(ValueError, match="not contiguous"):
        _native.ema_array(memoryview(array("d", [1, 2, 3, 4]))[::2], 2)
    with pytest.raises(ValueError, match="was list"):
        _native.ema_array([1.0], 2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"low must be as long as high \(2\), was 1"):
        _native.atr_array(array("d", [1, 2]), array("d", [1]), array("d", [1, 2]), 1)
    with pytest.raises(ValueError, match="volume must be finite and at least 0, was -1"):
        SessionVwap().update(1, 1, 1, -1)
    with pytest.raises(ValueError, match="session_starts must rise strictly"):
        _native.session_vwap_array(*columns([(1, 1, 1, 1)] * 3), [1, 1])


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ([], "at least 1 indicator is needed, was 0"),
        ([("sma", 3)], "must be one of ema, atr, rolling, vwap, was sma"),
        ([("ema", 2.5)], "must be a whole number, was 2.5"),
        ([("ema", 0)], "period must be between 1 and"),
        ([("vwap", -1)], "band_deviations must be above 0, was -1"),
        ([("ema", 3), ("ema", 3)], "ema_3 is asked for twice"),
    ],
)
def test_a_set_that_cannot_be_meant_is_refused(
    specs: list[tuple[str, float]], message: str
) -> None:
    """SG-1 (indicators): parameters are checked where they are given."""
    with pytest.raises(ValueError, match=message):
        IndicatorSet(specs)
