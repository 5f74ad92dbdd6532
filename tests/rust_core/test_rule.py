"""The VWAP rule against an oracle in fractions that shares no code with it."""

import json
from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rust_core._native import NO_TRADE_REASONS, RuleContext, RuleEnter, RuleExit, VwapReversion
from trading.strategies.api import NoTradeReason

MINUTE = 60_000_000_000
OPEN = 1_577_975_400_000_000_000
CLOSE = OPEN + 390 * MINUTE


class Candle(NamedTuple):
    """Open, high, low, close and volume at 1e-8."""

    open_: int
    high: int
    low: int
    close: int
    volume: int


def level(price: int, volume: int) -> Candle:
    return Candle(price, price, price, price, volume)


def rule(**parameters: int | bool) -> VwapReversion:
    return VwapReversion(json.dumps(parameters).encode())


def context(minute: int, **standing: object) -> RuleContext:
    now_ns = OPEN + minute * MINUTE
    return RuleContext(now_ns, OPEN, CLOSE, **standing)  # type: ignore[arg-type]


def take(
    vwap_rule: VwapReversion, minute: int, candle: Candle, **standing: object
) -> RuleEnter | RuleExit | str:
    start_ns = OPEN + (minute - 1) * MINUTE
    return vwap_rule.on_bar(start_ns, start_ns + MINUTE, *candle, context(minute, **standing))


def _candle(close: int, up: int, down: int, volume: int) -> Candle:
    return Candle(close, close + up, close - down, close, volume)


candles = st.lists(
    st.builds(
        _candle,
        st.integers(310_000_000_000 - 3_000_000_000, 310_000_000_000 + 3_000_000_000),
        st.integers(0, 200_000_000),
        st.integers(0, 200_000_000),
        st.integers(0, 9) | st.integers(1, 10**13),
    ),
    min_size=1,
    max_size=60,
)


@given(
    bars=candles,
    deviation=st.integers(1, 2_000_000),
    bars_min=st.integers(1, 30),
    sides=st.sampled_from(["BUY", "BUY SELL"]),
    position=st.sampled_from(["", "BUY", "SELL"]),
)
def test_every_answer_equals_that_of_exact_fractions(
    bars: list[Candle], deviation: int, bars_min: int, sides: str, position: str
) -> None:  # fmt: skip
    """SG-3: VWAP, thresholds and reversion are exact, so an oracle agrees on every bar."""
    vwap_rule = rule(
        entry_deviation_ratio_1e8=deviation,
        bars_min=bars_min,
        window_start_minutes=10,
        window_end_minutes=50,
        is_short_allowed="SELL" in sides,
    )
    for minute in range(1, len(bars) + 1):
        seen = bars[:minute]
        answer = take(vwap_rule, minute, bars[minute - 1], position=position)
        word = answer if isinstance(answer, str) else getattr(answer, "side", "EXIT")
        expected = _oracle(seen, Fraction(deviation, 10**8), bars_min, position, sides)
        assert word == expected, f"minute {minute}"


def _oracle(
    seen: list[Candle], deviation: Fraction, bars_min: int, position: str, sides: str
) -> str:  # fmt: skip
    close, volume = seen[-1].close, sum(bar.volume for bar in seen)
    weighted = sum(Fraction(b.high + b.low + b.close, 3) * b.volume for b in seen)
    vwap = weighted / volume if volume else None
    if position:
        reverted = vwap is not None and (close >= vwap if position == "BUY" else close <= vwap)
        return "EXIT" if reverted else "IN_POSITION"
    refusals = {
        "WARMUP": len(seen) < bars_min,
        "NO_VWAP": vwap is None,
        "OUTSIDE_WINDOW": not 10 <= len(seen) <= 50,
    }
    if vwap is None or any(refusals.values()):
        return next(reason for reason, is_true in refusals.items() if is_true)
    if close < vwap * (1 - deviation):
        return "BUY"
    is_high = "SELL" in sides and close > vwap * (1 + deviation)
    return "SELL" if is_high else "PRICE_ABOVE_THRESHOLD"


def test_the_reasons_are_the_vocabulary_of_the_strategy_api() -> None:
    """SG-2: one fixed vocabulary, in both languages."""
    assert list(NO_TRADE_REASONS) == [reason.value for reason in NoTradeReason]


def test_a_bar_from_the_future_is_refused_and_leaves_no_trace() -> None:
    """SG-3: no future bars; a test that tries to look ahead fails to."""
    vwap_rule = rule()
    flat = level(100, 5)
    future = (OPEN, OPEN + MINUTE, *flat)
    with pytest.raises(ValueError, match="a bar must have ended by now"):
        vwap_rule.on_bar(*future, RuleContext(OPEN + MINUTE - 1, OPEN, CLOSE))
    assert (vwap_rule.bars, vwap_rule.vwap_1e8) == (0, None)
    take(vwap_rule, 1, flat)
    with pytest.raises(ValueError, match="must start at or after the end of the one before"):
        take(vwap_rule, 1, flat)
    with pytest.raises(ValueError, match="0 < low <= open"):
        take(vwap_rule, 2, Candle(100, 99, 98, 100, 5))
    assert vwap_rule.bars == 1


def test_what_comes_later_changes_no_earlier_answer() -> None:
    """SG-3: answers over a prefix of a session are those over the whole of it."""
    closes = [100_000_000 - 40_000 * (i % 30) for i in range(120)]
    bars = [_candle(close, 5, 5, 7) for close in closes]
    whole, part = rule(), rule()
    words = [str(type(take(whole, i + 1, bar))) for i, bar in enumerate(bars)]
    assert words[:60] == [str(type(take(part, i + 1, bar))) for i, bar in enumerate(bars[:60])]


def test_an_entry_carries_what_the_account_needs() -> None:
    """SG-3, EX-4: stop, force flat and a setup instance that no restart changes."""
    vwap_rule = rule(bars_min=1)
    for minute in range(1, 30):
        take(vwap_rule, minute, level(100_000_000_000, 5))
    entry = take(vwap_rule, 30, level(99_000_000_000, 0))
    assert isinstance(entry, RuleEnter)
    assert (entry.side, entry.setup_instance, entry.stop_ratio_1e8) == ("BUY", "m0030", 300_000)
    assert entry.force_flat_ns == OPEN + 385 * MINUTE
    assert (entry.reference_1e8, entry.reference_ns) == (99_000_000_000, OPEN + 30 * MINUTE)
    assert entry.reason == "close 990 is more than 0.003 below vwap 1000"
    leave = take(vwap_rule, 31, level(100_000_000_000, 0), position="BUY")
    assert isinstance(leave, RuleExit)
    assert (leave.reason, leave.text) == ("TAKE_PROFIT", "mean reversion")


def test_parameters_state_their_ranges_and_hold_them() -> None:
    """SG-8: each parameter has a range; SG-3: the defaults are ours."""
    ranges = {name: (least, default, most) for name, default, least, most, _ in rule().parameters()}
    assert ranges["entry_deviation_ratio_1e8"][1] == ranges["stop_ratio_1e8"][1] == 300_000
    assert (ranges["window_start_minutes"][1], ranges["window_end_minutes"][1]) == (30, 120)
    for name, (least, default, most) in ranges.items():
        assert least <= default <= most
        for wrong in (least - 1, most + 1):
            with pytest.raises(ValueError, match=f"{name} must be between {least} and {most}"):
                rule(**{name: wrong})
    with pytest.raises(ValueError, match="unknown field `entry_deviation`"):
        rule(entry_deviation=1)
    with pytest.raises(ValueError, match="position must be BUY, SELL or empty when flat, was LONG"):
        context(1, position="LONG")
