"""Every file family of the development recordings loads with the defaults, defects counted."""

from collections import Counter
from pathlib import Path

import pytest

from streams.load import load
from streams.loading import LoadRequest
from streams.tape import Dropped, Kind, Tape
from tests.streams.shared_data import shared_file

MINUTE = 60_000_000_000


@pytest.mark.parametrize(
    ("name", "calendar", "kind", "rows", "sessions", "cadence_ns", "dropped"),
    [
        ("bars/es_1m", "ES", Kind.BAR, 21_037, 55, MINUTE, Dropped()),
        ("bars/es_1m", "XNYS", Kind.BAR, 20_617, 53, MINUTE, Dropped(outside_session=420)),
        ("bars/spy_1m_ext", "XNYS", Kind.BAR, 1_170, 3, MINUTE, Dropped(outside_session=200)),
        ("bars/us_1m_2019w07", "XNYS", Kind.BAR, 25_831, 3, MINUTE, Dropped()),
        ("bars/us_15m_2019", "XNYS", Kind.BAR, 12_312, 20, 15 * MINUTE, Dropped()),
        ("bars/us_1d_2018", "XNYS", Kind.BAR, 4_501, 188, 1440 * MINUTE, Dropped()),
        ("bars/btc_perp_1m", "ALWAYS", Kind.BAR, 30_299, 22, MINUTE, Dropped()),
        ("bars/btcusd_1s", "ALWAYS", Kind.BAR, 7_516, 2, MINUTE // 60, Dropped()),
        (
            "bars/gbpusd_1m_bidask_201202",
            "ALWAYS",
            Kind.BAR,
            30_117,
            30,
            MINUTE,
            Dropped(crossed=1_203),
        ),
        ("quotes/es_bbo_20231225", "ALWAYS", Kind.QUOTE, 17_661, 1, MINUTE, Dropped(crossed=15)),
        (
            "quotes/eurusd_tick_fxcm_dirty_20140507",
            "ALWAYS",
            Kind.QUOTE,
            89_504,
            2,
            MINUTE,
            Dropped(crossed=9_847),
        ),
        ("quotes/btcusdt_burst_quotes", "ALWAYS", Kind.QUOTE, 451, 1, MINUTE, Dropped()),
        ("trades/btcusdt_burst_trades", "ALWAYS", Kind.TRADE, 2_001, 1, MINUTE, Dropped()),
        ("trades/es_trades_20231225", "ALWAYS", Kind.TRADE, 2_271, 1, MINUTE, Dropped()),
        ("trades/xrpeth_trades", "ALWAYS", Kind.TRADE, 8_390, 2, MINUTE, Dropped()),
        (
            "vix/vix_daily",
            "XNYS",
            Kind.BAR,
            2_267,
            2_267,
            1440 * MINUTE,
            Dropped(outside_session=5_747, malformed=47),
        ),
    ],
)
def test_a_recording_loads_with_the_defaults(  # noqa: PLR0913, PLR0917  one line of the table each
    tmp_path: Path,
    name: str,
    calendar: str,
    kind: Kind,
    rows: int,
    sessions: int,
    cadence_ns: int,
    dropped: Dropped,
) -> None:
    """MD-4: known defects of the recordings come out as counts."""
    source = shared_file(f"{name}.parquet")
    load(LoadRequest(path=source, calendar=calendar), "ab" * 32, tmp_path / "a.tape")
    with Tape(tmp_path / "a.tape") as tape:
        kinds = Counter(row[1] for row in tape.rows())
        assert kinds[kind] == rows
        assert kinds[Kind.OPEN_PRINT] == (rows if kind is Kind.BAR else 0)
        assert kinds[Kind.SESSION_OPEN] == kinds[Kind.SESSION_CLOSE] == sessions
        assert tape.header.cadence_ns == cadence_ns
        assert tape.header.dropped == dropped
