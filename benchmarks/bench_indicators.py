"""Indicators: six in one call beside six calls, a whole array beside a loop over its values."""

from collections.abc import Callable, Sequence

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.bars import Bars, make_bars
from benchmarks.measure import Figure, Work, best_ns, side_by_side
from benchmarks.peers import Peers
from benchmarks.setting import Group, Setting
from rust_core import _native

BARS = 50_000
# What both sides give for each bar: six indicators, ten values with deviations and bands.
_PERIODS = (12, 26)
_ATR = 14
_WINDOWS = (20, 50)
_BANDS = 2.0


def one_call_work(bars: Bars) -> Work:
    """One call for each bar, all indicators in it."""

    def work() -> None:
        indicators = _native.IndicatorSet(
            [
                *(("ema", period) for period in _PERIODS),
                ("atr", _ATR),
                *(("rolling", window) for window in _WINDOWS),
                ("vwap", _BANDS),
            ]
        )
        update = indicators.update
        rows = zip(bars.open, bars.high, bars.low, bars.close, bars.volume, strict=True)
        for open_, high, low, close, volume in rows:
            update(open_, high, low, close, volume)

    return work


def separate_calls_work(bars: Bars) -> Work:
    """One call for each bar and indicator, then a look at what a call does not give back."""

    def work() -> None:
        fast, slow = (_native.Ema(period).update for period in _PERIODS)
        range_ = _native.Atr(_ATR).update
        near, far = (_native.Rolling(window) for window in _WINDOWS)
        vwap = _native.SessionVwap(band_deviations=_BANDS)
        rows = zip(bars.high, bars.low, bars.close, bars.volume, strict=True)
        for high, low, close, volume in rows:
            _ = (
                fast(close),
                slow(close),
                range_(high, low, close),
                near.update(close),
                near.deviation,
                far.update(close),
                far.deviation,
                vwap.update(high, low, close, volume),
                vwap.lower,
                vwap.upper,
            )

    return work


def array_work(bars: Bars) -> Work:
    """Each of four indicators over the whole array in one call."""
    starts = bars.session_starts

    def work() -> None:
        _native.ema_array(bars.close, _PERIODS[0])
        _native.atr_array(bars.high, bars.low, bars.close, _ATR)
        _native.rolling_array(bars.close, _WINDOWS[0])
        _native.session_vwap_array(bars.high, bars.low, bars.close, bars.volume, starts)

    return work


def value_by_value_work(bars: Bars) -> Work:
    """The same four, one call for each value."""

    def work() -> None:
        ema = _native.Ema(_PERIODS[0]).update
        for close in bars.close:
            ema(close)
        atr = _native.Atr(_ATR).update
        for high, low, close in zip(bars.high, bars.low, bars.close, strict=True):
            atr(high, low, close)
        rolling = _native.Rolling(_WINDOWS[0]).update
        for close in bars.close:
            rolling(close)
        vwap = _native.SessionVwap().update
        for row in zip(bars.high, bars.low, bars.close, bars.volume, strict=True):
            vwap(*row)

    return work


def measure(setting: Setting) -> Sequence[Figure]:
    """Nanoseconds for one bar, and for one value of one indicator."""
    bars = make_bars(BARS)
    one, separate = side_by_side(one_call_work(bars), separate_calls_work(bars), operations=BARS)
    whole, looped = side_by_side(array_work(bars), value_by_value_work(bars), operations=4 * BARS)
    figures = [
        Figure(row="indicators_one_call", value=one, reference=separate),
        Figure(row="indicators_array", value=whole, reference=looped),
    ]
    if setting.peers is not None:
        figures += _beside_peers(setting.peers, bars, one)
    return figures


def _beside_peers(peers: Peers, bars: Bars, one_call_ns: float) -> list[Figure]:
    """The same against other libraries; of the arrays, the one that compares worst."""
    found = peers.run("indicators", str(BARS))
    ours = {name: best_ns(work, operations=BARS) for name, work in _series_works(bars).items()}
    theirs: dict[str, float] = found["talib_ns"]
    worst = max(ours, key=lambda name: ours[name] / theirs[name])
    return [
        Figure(row="indicators_one_call_peer", value=one_call_ns, reference=found["nautilus_ns"]),
        Figure(
            row="indicators_array_peer",
            value=ours[worst],
            reference=theirs[worst],
            note=f"the worst of {len(ours)}: {worst}",
        ),
    ]


def _series_works(bars: Bars) -> dict[str, Work]:
    return {
        "ema": lambda: _native.ema_array(bars.close, 20),
        "atr": lambda: _native.atr_array(bars.high, bars.low, bars.close, _ATR),
        "deviation": lambda: _native.rolling_array(bars.close, 20),
    }


GROUP = Group(
    name="indicators",
    rows=(
        "indicators_one_call",
        "indicators_array",
        "indicators_one_call_peer",
        "indicators_array_peer",
    ),
    measure=measure,
)


@pytest.mark.benchmark(group=f"six indicators over {BARS} bars")
@pytest.mark.parametrize(
    "make", [one_call_work, separate_calls_work], ids=["one call", "separate calls"]
)
def test_bar(benchmark: BenchmarkFixture, make: Callable[[Bars], Work]) -> None:
    """Row 10."""
    benchmark(make(make_bars(BARS)))


@pytest.mark.benchmark(group=f"four indicators over {BARS} bars")
@pytest.mark.parametrize("make", [array_work, value_by_value_work], ids=["arrays", "loops"])
def test_array(benchmark: BenchmarkFixture, make: Callable[[Bars], Work]) -> None:
    """Row 11."""
    benchmark(make(make_bars(BARS)))
