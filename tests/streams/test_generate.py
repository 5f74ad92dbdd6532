"""The made-up market: the same for equal plans, marked, and shaped as it says."""

import hashlib
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.generate import (
    MINUTE_NS,
    UNIT_1E8,
    MarketPlan,
    PlanError,
    Story,
    ensure_generated,
    generate,
)
from streams.tape import Flag, Kind, Tape, TapeRow
from trading.calendar import Calendar

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from pathlib import Path
from streams.generate import MarketPlan, Story, generate
plan = MarketPlan(seed=11, sessions=2, quotes_per_bar=2, story=Story(sys.argv[2]))
generate(plan, Path(sys.argv[1]))
"""


def rows_of(plan: MarketPlan, folder: Path) -> list[TapeRow]:
    target = folder / "generated.tape"
    generate(plan, target)
    with Tape(target) as tape:
        return list(tape.rows())


def of_kind(rows: list[TapeRow], kind: Kind) -> list[TapeRow]:
    return [row for row in rows if row[1] == kind]


@pytest.mark.parametrize("story", Story)
def test_equal_plans_give_equal_bytes_in_any_process(tmp_path: Path, story: Story) -> None:
    """Two processes with different hash seeds write the same tape."""
    digests = set()
    for hash_seed in ("1", "2"):
        target = tmp_path / f"{hash_seed}.tape"
        subprocess.run(
            [sys.executable, "-c", PROGRAM, str(target), story.value],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            check=True,
        )
        digests.add(hashlib.sha256(target.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_another_seed_is_another_market(tmp_path: Path) -> None:
    """The seed is what differs between made-up days."""
    tapes = {tuple(rows_of(MarketPlan(seed=seed), tmp_path)) for seed in range(3)}
    assert len(tapes) == 3


def test_a_session_does_not_depend_on_how_many_follow(tmp_path: Path) -> None:
    """A longer run begins with the shorter one."""
    short = rows_of(MarketPlan(seed=5, sessions=1), tmp_path)
    assert rows_of(MarketPlan(seed=5, sessions=3), tmp_path)[: len(short)] == short


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32),
    story=st.sampled_from(Story),
    calendar=st.sampled_from(["XNYS", "ES", "ALWAYS"]),
    quotes_per_bar=st.integers(0, 3),
    holes=st.integers(0, 3),
    tick_1e8=st.sampled_from([UNIT_1E8 // 100, UNIT_1E8 // 4, 1]),
)
def test_every_row_is_one_a_market_could_have_sent(  # noqa: PLR0913, PLR0917  the plan's fields
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    story: Story,
    calendar: str,
    quotes_per_bar: int,
    holes: int,
    tick_1e8: int,
) -> None:
    """Marked synthetic, on tick, in order, within its session; a bar's open printed before it."""
    plan = MarketPlan(
        seed=seed,
        sessions=2,
        first_date=20201126,
        calendar=calendar,
        quotes_per_bar=quotes_per_bar,
        holes=holes,
        tick_1e8=tick_1e8,
        story=story,
    )
    rows = rows_of(plan, tmp_path_factory.mktemp("generated"))
    assert all(row[11] == Flag.SYNTHETIC for row in rows)
    rank = {Kind.BAR: 0, Kind.SESSION_CLOSE: 1, Kind.SESSION_OPEN: 2}
    for before, after in pairwise(rows):
        assert (before[0], rank.get(Kind(before[1]), 3)) <= (after[0], rank.get(Kind(after[1]), 3))
    sessions = Calendar.load(calendar).sessions(20201126, 20201231)[:2]
    assert [row[4:7] for row in of_kind(rows, Kind.SESSION_OPEN)] == [
        (each.session_date, each.open_ns, each.close_ns) for each in sessions
    ]
    prints = {row[3]: row for row in of_kind(rows, Kind.OPEN_PRINT)}
    bars = of_kind(rows, Kind.BAR)
    assert [row[3] for row in bars] == list(prints)
    for bar in bars:
        opened, high, low, close, volume = bar[4:9]
        assert bar[0] == bar[3] + MINUTE_NS
        assert low <= min(opened, close) <= max(opened, close) <= high
        assert low >= tick_1e8
        assert all(price % tick_1e8 == 0 for price in bar[4:8])
        assert volume > 0
        assert prints[bar[3]][4:6] == (opened, volume)
        assert any(each.open_ns <= bar[3] < bar[0] <= each.close_ns for each in sessions)
    quotes = of_kind(rows, Kind.QUOTE)
    assert len(quotes) == quotes_per_bar * len(bars)
    assert all(0 < row[4] < row[5] for row in quotes)


def test_a_session_has_its_holes_and_no_others(tmp_path: Path) -> None:
    """MD-2: a made-up hole is minutes without a bar, in the second half."""
    for seed in range(20):
        starts = [row[3] for row in of_kind(rows_of(MarketPlan(seed=seed), tmp_path), Kind.BAR)]
        steps = [
            (after - before) // MINUTE_NS for before, after in pairwise(starts) if after > before
        ]
        (hole,) = [step for step in steps if step > 1]
        assert 4 <= hole - 1 <= 12
        assert starts[0] + 389 * MINUTE_NS == starts[-1]
    whole = rows_of(MarketPlan(seed=1, holes=0), tmp_path)
    assert len(of_kind(whole, Kind.BAR)) == 390


def test_volume_and_movement_are_high_at_both_ends_and_in_the_burst(tmp_path: Path) -> None:
    """The shape of a day, over 40 sessions: ends above the middle; bursts stand out."""
    rows = rows_of(MarketPlan(seed=3, sessions=40, holes=0, bursts=0), tmp_path)
    bars = [of_kind(rows, Kind.BAR)[n : n + 390] for n in range(0, 40 * 390, 390)]

    def typical(first: int, stop: int) -> tuple[float, float]:
        chosen = [bar for day in bars for bar in day[first:stop]]
        return mean(bar[8] for bar in chosen), mean(bar[5] - bar[6] for bar in chosen)

    for ends, middle in zip(typical(0, 20), typical(150, 240), strict=True):
        assert ends > 1.5 * middle
    for ends, middle in zip(typical(370, 390), typical(150, 240), strict=True):
        assert ends > 1.2 * middle
    with_burst = rows_of(MarketPlan(seed=3, sessions=40, holes=0, bursts=1), tmp_path)
    volumes = [bar[8] for bar in of_kind(with_burst, Kind.BAR)]
    for day in range(40):
        hours = volumes[day * 390 + 195 : day * 390 + 360]
        assert max(hours) > 4 * mean(hours)


def test_wild_minutes_come_together(tmp_path: Path) -> None:
    """Volatility clusters: the size of a move tells something about the size of the next."""
    rows = rows_of(MarketPlan(seed=9, sessions=60, holes=0, bursts=0), tmp_path)
    bars = of_kind(rows, Kind.BAR)
    moves = [
        [abs(bar[7] - bar[4]) for bar in bars[n + 100 : n + 300]] for n in range(0, 60 * 390, 390)
    ]
    pairs = [pair for day in moves for pair in pairwise(day)]
    usual = mean(move for move, _ in pairs)
    large = [after for before, after in pairs if before > 2 * usual]
    assert mean(large) > 1.15 * usual


def reversion_trades(rows: list[TapeRow]) -> list[str]:
    """A plain reading of SG-3 without a limit of trades: how each trade ended."""
    ends: list[str] = []
    value = volume = 0
    entry = 0
    open_ns = rows[0][5]
    for number, bar in enumerate(of_kind(rows, Kind.BAR), start=1):
        value += (bar[5] + bar[6] + bar[7]) * bar[8]
        volume += 3 * bar[8]
        vwap, close = value / volume, bar[7]
        minute = (bar[0] - open_ns) // MINUTE_NS
        if not entry and number >= 20 and 30 <= minute < 120 and close < vwap * 0.997:
            entry = close
        elif entry and close <= entry * 0.997:
            ends.append("stop")
            entry = 0
        elif entry and close >= vwap:
            ends.append("reversion")
            entry = 0
    return ends


def test_a_reverting_session_wins_twice_and_is_stopped_out(tmp_path: Path) -> None:
    """SG-3: the demo has trades worth watching, whatever its seed."""
    endings = [
        reversion_trades(rows_of(MarketPlan(seed=seed, story=Story.REVERTING), tmp_path))
        for seed in range(40)
    ]
    assert all(ends and ends[0] == "reversion" for ends in endings)
    assert all("stop" in ends for ends in endings)
    assert sum(ends[:2] == ["reversion", "reversion"] for ends in endings) >= 25


def test_a_plan_is_generated_once(tmp_path: Path) -> None:
    """The data directory keeps a generated tape; a damaged one is made again."""
    made = ensure_generated(MarketPlan(seed=1), tmp_path)
    before = made.read_bytes()
    stamp = made.stat().st_mtime_ns
    assert ensure_generated(MarketPlan(seed=1), tmp_path) == made
    assert made.stat().st_mtime_ns == stamp
    made.write_bytes(before[:-1])
    assert ensure_generated(MarketPlan(seed=1), tmp_path) == made
    assert made.read_bytes() == before
    assert ensure_generated(MarketPlan(seed=2), tmp_path) != made
    with Tape(made) as tape:
        assert tape.header.synthetic
        assert tape.header.instruments == ("SPY",)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"sessions": 0}, "sessions must be at least 1, was 0"),
        ({"holes": -1}, "holes must not be below 0, was -1"),
        ({"tick_1e8": 0}, "tick_1e8 must be at least 1"),
    ],
)
def test_an_impossible_plan_is_refused(changes: dict[str, int], text: str) -> None:
    """A wrong plan is a clear error."""
    with pytest.raises(PlanError, match=text):
        MarketPlan(seed=1, **changes)  # type: ignore[arg-type]


def test_more_sessions_than_the_calendar_has_are_refused(tmp_path: Path) -> None:
    """The table's end is an error, not a shorter market."""
    plan = MarketPlan(seed=1, sessions=30, first_date=20271215)
    with pytest.raises(PlanError, match="XNYS has 12 sessions from 20271215 on, 30 were asked for"):
        generate(plan, tmp_path / "a.tape")
    assert list(tmp_path.iterdir()) == []
