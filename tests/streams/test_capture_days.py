"""A captured market stays bounded: the newest days, whole ones, and never the one being written."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streams.capture import Capture
from streams.capture_days import drop_old_days
from streams.capture_files import convert
from trading.market import Quote

ROOT = Path(__file__).resolve().parents[2]
DAY_NS = 86_400 * 1_000_000_000
ONE = 100_000_000
# Killed when the first day is renamed and half of its files are gone.
KILLED = """
import os, pathlib, signal, shutil, sys
from streams.capture_days import drop_old_days
def half(path):
    next(iter(sorted(path.glob("*/*")))).unlink()
    os.kill(os.getpid(), signal.SIGKILL)
shutil.rmtree = half
drop_old_days(pathlib.Path(sys.argv[1]), 1)
"""


def quote(day: int) -> Quote:
    return Quote(
        instrument="SPY",
        bid_1e8=100 * ONE,
        ask_1e8=100 * ONE + 1,
        bid_size_1e8=ONE,
        ask_size_1e8=ONE,
        at_ns=(18_330 + day) * DAY_NS,  # 2020-03-09 and after
        source_ns=(18_330 + day) * DAY_NS,
        tape_seq=day,
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def captured(folder: Path, days: int) -> None:
    """Some days, each with a converted file."""
    kept = Capture(folder, "alpaca", lost=pytest.fail)
    for day in range(days):
        kept.take(quote(day))
    kept.close()
    convert(folder)


def test_with_the_first_tick_of_another_day_the_oldest_goes(tmp_path: Path) -> None:
    """WD-8, MD-6: so many days and no more, in one life of a trader too."""
    kept = Capture(tmp_path, "alpaca", lost=pytest.fail, keep_days=2)
    seen = []
    for day in range(4):
        kept.take(quote(day))
        kept.write()
        seen.append(names(tmp_path))
    kept.close()
    assert seen == [
        ["20200309"],
        ["20200309", "20200310"],
        ["20200310", "20200311"],
        ["20200311", "20200312"],
    ]
    assert len(convert(tmp_path)) == 2


def test_without_a_number_every_day_stays(tmp_path: Path) -> None:
    """WD-8: "none" keeps all."""
    captured(tmp_path, 5)
    assert len(names(tmp_path)) == 5


def test_a_day_that_is_written_stays_though_it_is_old(tmp_path: Path) -> None:
    """WD-8: a clock that is behind what was captured before removes nothing that it writes."""
    captured(tmp_path, 4)
    kept = Capture(tmp_path, "alpaca", lost=pytest.fail, keep_days=1)
    kept.take(quote(1))
    kept.write()
    assert names(tmp_path) == ["20200310", "20200312"]
    kept.close()
    assert convert(tmp_path) == [tmp_path / "20200310/alpaca/SPY-quotes.parquet"]


def test_what_is_no_day_is_left_alone(tmp_path: Path) -> None:
    """WD-8: only what a capture made is removed."""
    captured(tmp_path, 3)
    for name in ("notes", "2020030", "202003090", "mine.leaving"):
        (tmp_path / name).mkdir()
    (tmp_path / "20190101").write_text("a file, no day")
    assert drop_old_days(tmp_path, 1) == ["20200309", "20200310"]
    assert names(tmp_path) == sorted(
        ["20190101", "20200311", "202003090", "2020030", "mine.leaving", "notes"]
    )


def test_killed_between_two_removals_no_day_is_there_in_part(tmp_path: Path) -> None:
    """WD-8: what kill -9 left is taken up by the next removal, and whole days read as before."""
    captured(tmp_path, 3)
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert names(tmp_path) == ["20200309.leaving", "20200310", "20200311"]
    assert (tmp_path / "20200310/alpaca/SPY-quotes.parquet").exists()
    assert drop_old_days(tmp_path, 2) == []
    assert names(tmp_path) == ["20200310", "20200311"]


def test_a_day_that_cannot_be_removed_is_told_and_capture_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WD-8, MD-6: the ticks come first."""
    captured(tmp_path, 2)
    told: list[str] = []
    kept = Capture(tmp_path, "alpaca", lost=told.append, keep_days=1)

    def refused(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("streams.capture_days.shutil.rmtree", refused)
    kept.take(quote(2))
    kept.close()
    assert (kept.counts().written, len(told)) == (1, 1)
    assert "older days are not removed until the next day begins" in told[0]
