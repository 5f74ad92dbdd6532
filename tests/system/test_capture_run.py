"""What a live run saw is kept, and played again it gives the same bars."""

import signal
from pathlib import Path
from typing import Any

import orjson
import pytest

from research.crash.market import ticker_config
from tests.support.live import at_venue, simulator
from tests.support.process import ask, running, within

BARS = 3
SQL = "SELECT instrument, start_ns, open, high, low, close, volume FROM bars ORDER BY start_ns"


def bars(data_dir: Path) -> list[dict[str, Any]]:
    """Every bar that strategies were shown."""
    said = ask("sql", SQL, "--data-dir", str(data_dir), "--json")
    assert said.code == 0, said.out + said.err
    rows: list[dict[str, Any]] = said.json()["rows"]
    return rows


def test_a_captured_market_replays_through_the_same_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MD-6, MD-7: capture/DAY/FEED/SYMBOL-trades.parquet, nothing lost, the rate journaled.

    WD-8: a day of before is gone where one is kept.
    """
    config, data_dir = ticker_config(tmp_path), tmp_path / "data"
    text = config.read_text()
    assert "capture = false" in text
    kept_days = text.replace("capture_days = 90", "capture_days = 1")
    assert kept_days != text
    config.write_text(kept_days.replace("capture = false", "capture = true"))
    (data_dir / "capture" / "20200309" / "alpaca").mkdir(parents=True)
    with simulator() as told:
        monkeypatch.setenv("HOLDFAST_ALPACA_KEY", told["key"])
        monkeypatch.setenv("HOLDFAST_ALPACA_SECRET", told["secret"])

        async def play() -> None:
            arguments = ("--mode", "PAPER", "--broker", "alpaca", "--url", told["url"])
            async with (
                at_venue(told),
                running(data_dir, *arguments, "--config", str(config)) as run,
            ):
                for _ in range(BARS):
                    await run.until_event("BarBuilt")
                assert await run.end(signal.SIGINT) == 0

        within(play)
    seen = bars(data_dir)
    assert len(seen) >= BARS
    kept = {path.name: path for path in data_dir.glob("capture/*/alpaca/*")}
    assert not (data_dir / "capture" / "20200309").exists()
    assert set(kept) == {"SPY-quotes.parquet", "SPY-trades.parquet"}
    sql = "SELECT payload FROM journal WHERE kind = 'CaptureCounted'"
    said = ask("sql", sql, "--data-dir", str(data_dir), "--json")
    counted = orjson.loads(said.json()["rows"][0]["payload"])
    assert (counted["overflowed"], counted["failed"]) == (0, 0)
    assert counted["written"] == counted["taken"] > 0
    assert counted["ticks_per_s"] > 0
    again = tmp_path / "again"
    played = ask(
        *("run", "--replay", str(kept["SPY-trades.parquet"]), "--speed", "max", "--headless"),
        *("--config", str(config), "--data-dir", str(again), "--json"),
    )
    assert played.code == 0, played.out + played.err
    shown = bars(again)
    assert [bar for bar in shown if bar in seen] == seen
