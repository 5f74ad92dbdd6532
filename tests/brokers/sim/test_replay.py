"""A recording moves the venue's market: its prices, its times, and what rests in the books."""

from datetime import date
from pathlib import Path

import pytest

from brokers.sim.alpaca.site import AlpacaSite
from brokers.sim.core import VenueOptions
from brokers.sim.replay import Replay, ReplayError
from brokers.sim.units import MINUTE_NS, ONE_1E8, read_time, show
from tests.brokers.sim.venue import Wall

BARS = """ts,open,high,low,close,volume
2026-11-20 15:00:00Z,100.00,100.50,99.00,100.25,4000
2026-11-20 15:01:00Z,100.25,103.00,100.00,102.75,8000
"""
START = read_time("2026-11-20T15:00:00Z")


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    path = tmp_path / "bars.csv"
    path.write_text(BARS)
    return path


def prints(replay: Replay) -> list[str]:
    found = []
    while (tick := replay.next()) is not None:
        found.append(show(tick.print_1e8))
    return found


def test_a_bar_is_walked_by_its_nearer_extreme_first(bars: Path) -> None:
    """BR-2: open, the extreme nearer to it, the other, close; all within its minute."""
    replay = Replay(bars, "SPY", None)
    assert replay.symbols == ["SPY"]
    assert replay.first_ns == START
    times = []
    while (tick := replay.next()) is not None:
        times.append(tick.at_ns)
    assert times == sorted(times)
    assert times[3] < START + MINUTE_NS == times[4]
    expected = ["100", "100.5", "99", "100.25", "100.25", "100", "103", "102.75"]
    assert prints(Replay(bars, "SPY", None)) == expected


def test_bars_of_a_second_are_walked_within_their_second(tmp_path: Path) -> None:
    """MD-6: a bar lasts as long as the way to the nearest other one, a minute at most."""
    path = tmp_path / "seconds.csv"
    rows = "".join(f"2026-11-20 15:00:0{second}Z,1,2,0.5,1.5,4\n" for second in (0, 1, 5))
    path.write_text(f"ts,open,high,low,close,volume\n{rows}")
    replay, times = Replay(path, "SPY", None), []
    while (tick := replay.next()) is not None:
        times.append(tick.at_ns)
    assert times == sorted(times)
    assert times[3] == START + 900_000_000


def test_a_recording_can_be_moved_in_time(bars: Path) -> None:
    """MD-6: a captured day plays at any other time, with the same distances."""
    moved = Replay(bars, "SPY", START + 7)
    first = moved.next()
    assert first is not None
    assert first.at_ns == START + 7


def test_orders_trade_against_a_recording(bars: Path) -> None:
    """BR-2: a resting order fills when the recording comes by, and the bars are the recording's."""
    wall = Wall(START)
    site = AlpacaSite(VenueOptions(replay=bars, replay_symbol="ACME"), wall)
    site.look()
    body = {"symbol": "ACME", "side": "buy", "type": "limit", "time_in_force": "day", "qty": "5"}
    order = site.desk.place({**body, "limit_price": "99.50"})
    site.look()
    assert order.status == "new"
    wall.advance(59)
    site.look()
    assert (order.status, show(order.value_1e8)) == ("filled", "497.5")
    wall.advance(61)
    site.look()
    bar = site.core.market.bars_of("ACME")[0]
    assert (show(bar.open_1e8), show(bar.high_1e8), show(bar.low_1e8)) == ("100", "100.5", "99")
    assert site.core.market.last_1e8("ACME") == 102_75 * ONE_1E8 // 100
    assert "ACME" in {share.symbol for share in site.shares()}


def test_a_day_of_quotes_with_symbols_is_played(tmp_path: Path) -> None:
    """BR-2: the file's own symbols, and one day of it."""
    path = tmp_path / "quotes.csv"
    path.write_text(
        "ts,symbol,bid,ask\n2026-11-19 15:00:00Z,AA,1.00,1.02\n"
        "2026-11-20 15:00:00Z,BB,2.00,2.02\n2026-11-20 15:00:01Z,AA,1.10,1.12\n"
    )
    replay = Replay(path, "SPY", None, date(2026, 11, 20))
    assert replay.symbols == ["AA", "BB"]
    ticks = [replay.next(), replay.next(), replay.next()]
    assert [(one.symbol, show(one.bid_1e8)) for one in ticks if one] == [("BB", "2"), ("AA", "1.1")]
    with pytest.raises(ReplayError, match="holds no rows of 2026-11-18"):
        Replay(path, "SPY", None, date(2026, 11, 18))


@pytest.mark.parametrize("text", ["ts,what\n2026-11-20 15:00:00Z,1\n", "", "a,b\n1,2\n"])
def test_a_file_that_is_no_recording_is_refused(tmp_path: Path, text: str) -> None:
    """BR-2: the columns that are needed, and those that are there."""
    path = tmp_path / "other.csv"
    path.write_text(text)
    with pytest.raises(ReplayError, match=r"must have a column ts|cannot be read"):
        Replay(path, "SPY", None)
