"""The block walker against an oracle, against itself, and against broken input."""

import json
import os
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from rust_core._native import WalkOutcome, WalkTape, walk, walk_many
from tests.rust_core.vwap_oracle import MINUTE_NS, Candle, Day, Terms, Trade, trades

ONE = 10**8
TICK = 25_000_000
MONDAY_NS = 1_577_975_400_000_000_000
ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("HOLDFAST_SHARED_DATA", ROOT.parent / "shared" / "data"))


def tape_of(days: Sequence[Day]) -> WalkTape:
    """Rows as the loader makes them: a bar prints its open, and is known at its end."""
    cells = array("q")
    for day in days:
        cells.extend((day.open_ns, 1, -1, day.open_ns, day.date, day.open_ns, day.close_ns))
        cells.extend([0] * 5)
        for bar in day.bars:
            end_ns, volume = bar.start_ns + MINUTE_NS, bar.volume * ONE
            four = [price * TICK for price in bar[1:5]]
            cells.extend((bar.start_ns, 3, 0, bar.start_ns, four[0], volume, 0, 0, 0, 0, 0, 0))
            cells.extend((end_ns, 4, 0, bar.start_ns, *four, volume, 0, 0, 0))
        cells.extend((day.close_ns, 2, -1, day.close_ns, day.date, 0, 0, 0, 0, 0, 0, 0))
    return WalkTape(cells, ["ES"])


def off(*names: str) -> dict[str, Any]:
    return {name: {"enabled": False} for name in names}


def config(terms: Terms, **changes: Any) -> bytes:
    """Account, venue and rule for these terms, with nothing else that could refuse a trade."""
    instrument = {"symbol": "ES", "tick_1e8": TICK, "lot_1e8": ONE}
    instrument["multiplier_1e8"] = terms.multiplier * ONE
    more = {"kind": "FUTURE", "min_qty_1e8": ONE, "margin_ratio_1e8": 1_000_000}
    account = {
        "mode": "BACKTEST",
        "account": "main",
        "capital_1e8": 10**6 * ONE,
        "instruments": [instrument | more],
        "limits": {
            "position_notional_max_1e8": 10**8 * ONE,
            "position_qty_max_1e8": terms.units_max * ONE,
            "positions_per_instrument_max": 1,
            "positions_max": 1,
            "entries_per_window_max": 60,
            "exposure_max_ratio_1e8": 1000 * ONE,
            "collar_ratio_1e8": 5_000_000,
        },
        "risk": {"per_trade_1e8": int(terms.risk * ONE)},
        "protections": off(
            "stoploss_guard", "max_drawdown", "cooldown_period", "time_window", "volatility_halt",
            "throttle", "daily_loss", "weekly_loss",
        ),
    }  # fmt: skip
    parameters = {
        "entry_deviation_ratio_1e8": int(terms.deviation * ONE),
        "stop_ratio_1e8": int(terms.stop * ONE),
        "window_start_minutes": terms.window[0],
        "window_end_minutes": terms.window[1],
        "bars_min": terms.bars_min,
        "entries_max": terms.entries_max,
        "session_loss_max_1e8": 10**15,
        "is_short_allowed": terms.is_short_allowed,
    }
    venue = {
        "venue": "paper",
        "cash_1e8": 10**6 * ONE,
        "instruments": [instrument],
        "slippage_ticks": terms.slippage,
        "fees": {"per_unit_1e8": int(terms.fee * ONE)},
    }
    strategy = {"name": "vwap", "instrument": "ES", "parameters": parameters}
    base = {"account": account, "venue": venue, "strategies": [strategy]}
    return json.dumps(base | changes).encode()


def traded(outcome: WalkOutcome) -> list[Trade]:
    """The walker's trades in the oracle's words."""
    return [
        Trade(
            row["session_date"], 1 if row["side"] == "BUY" else -1, row["qty_1e8"] // ONE,
            row["entry_ns"], row["exit_ns"], row["entry_1e8"] // TICK, row["exit_1e8"] // TICK,
            row["reason"], Fraction(row["gross_1e8"], ONE), Fraction(row["fees_1e8"], ONE),
        )
        for row in json.loads(outcome.trades_json())
    ]  # fmt: skip


def generated_day(random: Random, number: int) -> Day:
    """A session of random walk with bursts, minutes without volume, and now and then a hole."""
    open_ns = MONDAY_NS + number * 1440 * MINUTE_NS
    minutes = 210 if number % 9 == 8 else 390
    holes = range(*sorted(random.sample(range(40, 200), 2))) if number % 5 == 4 else range(0)
    price, bars = random.randrange(12_000, 13_000), []
    for minute in range(minutes):
        open_ = price + random.choice((-1, 0, 0, 1))
        price = max(open_ + round(random.gauss(0, 5 if random.random() < 0.95 else 25)), 1)
        high = max(open_, price) + random.randrange(4)
        low = min(open_, price) - random.randrange(4)
        volume = 0 if random.random() < 0.02 else random.randrange(1, 5000)
        if minute not in holes:
            start_ns = open_ns + minute * MINUTE_NS
            bars.append(Candle(start_ns, open_, high, low, price, volume))
    return Day(20_200_000 + number, open_ns, open_ns + minutes * MINUTE_NS, bars)


WILD = Terms(
    deviation=Fraction(5, 10_000),
    stop=Fraction(2, 1000),
    window=(5, 360),
    bars_min=5,
    entries_max=40,
    is_short_allowed=True,
)


@pytest.mark.parametrize("terms", [Terms(), WILD], ids=["as shipped", "both ways, all day"])
def test_generated_sessions_trade_as_the_oracle_says(terms: Terms) -> None:
    """SG-3: time, side, quantity, price, fee, reason and P&L of every trade, to the last digit."""
    random = Random(7)
    days = [generated_day(random, number) for number in range(40)]
    outcome = walk(tape_of(days), config(terms))
    expected = trades(days, terms)
    assert len(expected) >= 15
    assert traded(outcome) == expected
    assert outcome.violations == {}
    assert sum(outcome.no_trades.values()) + outcome.signals + outcome.advice == outcome.bars
    assert {trade.reason for trade in expected} >= {"STOP_LOSS", "TAKE_PROFIT"}


@pytest.mark.parametrize("terms", [Terms(), WILD], ids=["as shipped", "both ways, all day"])
def test_recorded_sessions_trade_as_the_oracle_says(terms: Terms) -> None:
    """SG-3: the same on 55 recorded sessions with four halts and two half days."""
    days = recorded_days()
    outcome = walk(tape_of(days), config(terms))
    assert traded(outcome) == trades(days, terms)
    assert (outcome.sessions, outcome.bars, outcome.violations) == (55, 21_037, {})


def recorded_days() -> list[Day]:
    path = SHARED / "bars" / "es_1m.parquet"
    if not path.exists():
        pytest.skip(f"the recording {path} is not here (HOLDFAST_SHARED_DATA may name the folder)")
    rows = duckdb.execute(
        "SELECT epoch_us(ts::timestamptz) * 1000, (open * 4)::BIGINT, (high * 4)::BIGINT,"
        " (low * 4)::BIGINT, (close * 4)::BIGINT, volume::BIGINT FROM read_parquet(?) ORDER BY ts",
        [str(path)],
    ).fetchall()
    table = (ROOT / "trading" / "calendars" / "ES.txt").read_text().splitlines()
    sessions = [line.split() for line in table if not line.startswith("#")]
    days = []
    for date, opens, closes, *_ in sessions:
        open_ns, close_ns = int(opens), int(closes)
        first, last = (bisect_left(rows, (at_ns,)) for at_ns in (open_ns, close_ns))
        bars = [Candle(*row) for row in rows[first:last]]
        if bars:
            days.append(Day(int(date), open_ns, close_ns, bars))
    return days


def test_many_walks_at_once_are_the_walks_one_by_one() -> None:
    """RS: a sweep gives each configuration the trades it would have alone, on any thread."""
    random = Random(3)
    tape = tape_of([generated_day(random, number) for number in range(12)])
    configs = [
        config(Terms(deviation=Fraction(n, 2000), entries_max=5, window=(20, 300)))
        for n in range(1, 6)
    ]
    alone = [walk(tape, one).trades_json() for one in configs]
    assert len(set(alone)) > 1
    for threads in (1, 2, 9):
        swept = walk_many(tape, configs, threads=threads)
        assert [outcome.trades_json() for outcome in swept] == alone
    assert walk_many(tape, []) == []


def test_events_come_with_their_bytes_only_when_asked_for() -> None:
    """PX-9: a walk can be compared with a journal, payload by payload."""
    random = Random(5)
    tape = tape_of([generated_day(random, number) for number in range(6)])
    silent, telling = (walk(tape, config(WILD, with_events=told)) for told in (False, True))
    events = telling.events()
    assert silent.events() == []
    assert len(events) == telling.events_decided == silent.events_decided
    closed = [json.loads(payload) for _, kind, _, payload, _ in events if kind == "TradeClosed"]
    assert closed == json.loads(telling.trades_json()) == json.loads(silent.trades_json())
    stamps = [at_ns for _, _, at_ns, _, _ in events]
    assert stamps == sorted(stamps)


def test_a_participation_limit_fills_in_parts_and_the_sums_hold() -> None:
    """EX-7: partial fills; average prices and fees come from what was really filled."""
    random = Random(11)
    tape = tape_of([generated_day(random, number) for number in range(20)])
    given = json.loads(config(WILD))
    given["venue"]["participation_ratio_1e8"] = 100_000
    outcome = walk(tape, json.dumps(given).encode())
    assert outcome.partial_fills > 50
    assert outcome.violations == {}
    rows = json.loads(outcome.trades_json())
    assert sum(row["net_1e8"] for row in rows) == outcome.net_1e8
    for row in rows:
        assert row["fees_1e8"] == row["qty_1e8"] * 2 * 225 // 100
        assert row["net_1e8"] == row["gross_1e8"] - row["fees_1e8"]


def test_what_cannot_be_walked_is_refused_by_name() -> None:
    """EX-10: expected, found, what to do."""
    tape = tape_of([generated_day(Random(1), 0)])
    strategy = {"name": "vwap", "instrument": "NQ"}
    with pytest.raises(ValueError, match=r"an instrument of the tape \(ES\), was NQ"):
        walk(tape, config(WILD, strategies=[strategy]))
    with pytest.raises(ValueError, match="unknown field `stratgies`"):
        walk(tape, config(WILD, stratgies=[]))
    with pytest.raises(ValueError, match="held 3 integers"):
        WalkTape(array("q", [1, 2, 3]), ["ES"])
    with pytest.raises(ValueError, match="row 0 of the tape: kind must be 1 to 6, was 9"):
        WalkTape(array("q", [1, 9, *[0] * 10]), ["ES"])
    with pytest.raises(ValueError, match="must be a contiguous buffer of bytes or int64"):
        WalkTape(array("d", [0.0] * 12), ["ES"])
    with pytest.raises(ValueError, match="whole 8-byte integers, held 13 bytes"):
        WalkTape(b"x" * 13, ["ES"])
