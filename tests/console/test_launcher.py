"""The launcher with real processes: what is restarted, what is final, how a stop goes through."""

import asyncio
import io
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from console import launcher
from console.display import PlainDisplay
from console.launcher import Ended, Launcher
from trading.run_options import ExitCode, RunOptions

PART = "tests.console.fake_run"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "BACKOFF_FIRST_S", 0.001)
    monkeypatch.setattr(launcher, "BACKOFF_MAX_S", 0.002)


def _play(part: str, data_dir: Path) -> tuple[Ended, str]:
    shown = io.StringIO()
    started = Launcher(
        RunOptions(data_dir=data_dir, url=part),
        PlainDisplay(shown),
        python=sys.executable,
        trader_module=PART,
        archivist_module=None,
    )
    ended = asyncio.run(started.run())
    return ended, shown.getvalue()


def _summary(data_dir: Path) -> dict[str, object]:
    found: dict[str, object] = orjson.loads((data_dir / "run-summary.json").read_bytes())
    return found


def test_a_run_that_ends_well_is_over(tmp_path: Path) -> None:
    """UI-11: the trader's reports are shown, and its end is the run's end."""
    ended, shown = _play("ok", tmp_path)
    assert ended == Ended(ExitCode.DONE, "")
    assert "operator port http://127.0.0.1:4711/kill" in shown
    assert "PAPER · 2020-03-09 09:30:00.000 · ES 2,750.25" in shown
    assert "WARNING feed gap of 12 min" in shown
    assert "bought 1 ES" not in shown


def test_a_trader_that_was_cut_off_is_started_again_with_recover(tmp_path: Path) -> None:
    """WD-7, ST-2: after a kill -9 and after exit 75 the run goes on, and counts its restarts."""
    ended, shown = _play("die twice", tmp_path)
    assert ended.exit_code == ExitCode.DONE
    assert _summary(tmp_path)["restarts"] == 2
    assert "was killed by SIGKILL; restarting" in shown
    assert "asked to be restarted; restarting" in shown


def test_a_trader_that_keeps_dying_is_given_up(tmp_path: Path) -> None:
    """WD-1: restarts have an intensity; beyond it the launcher ends and says what stands."""
    ended, shown = _play("always dies", tmp_path)
    assert ended.exit_code == ExitCode.FAILED
    assert f"{launcher.RESTARTS_MAX + 1} times" in ended.error
    assert "--recover" in ended.error
    assert shown.count("restarting in") == launcher.RESTARTS_MAX


@pytest.mark.parametrize(
    ("part", "code", "text"),
    [
        ("refuses", ExitCode.USAGE, "did you mean clos?"),
        ("raises", ExitCode.FAILED, "RuntimeError: a fault that nobody expected"),
    ],
)
def test_a_trader_that_says_no_is_not_started_again(
    tmp_path: Path, part: str, code: int, text: str
) -> None:
    """UI-11: exit codes 1 to 3 are final, and the reason reaches the person."""
    ended, shown = _play(part, tmp_path)
    assert ended.exit_code == code
    assert text in ended.error
    assert "restarting" not in shown


_DRIVER = """
import asyncio, pathlib, sys
from console.display import PlainDisplay
from console.launcher import Launcher
from trading.run_options import RunOptions
options = RunOptions(data_dir=pathlib.Path(sys.argv[1]), url=sys.argv[2])
launcher = Launcher(options, PlainDisplay(sys.stdout), python=sys.executable,
                    trader_module="tests.console.fake_run", archivist_module=None)
sys.exit(asyncio.run(launcher.run()).exit_code)
"""


def _driven(data_dir: Path, part: str = "stops when told") -> subprocess.Popen[str]:
    driver = subprocess.Popen(
        [sys.executable, "-c", _DRIVER, str(data_dir), part],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    )
    assert driver.stdout is not None
    for line in driver.stdout:
        if "ready" in line:
            return driver
    raise AssertionError("the launcher ended before its trader was ready")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("send", [os.killpg, os.kill], ids=["the group", "the launcher"])
def test_a_stop_goes_through_to_the_trader_and_ends_well(
    tmp_path: Path, number: signal.Signals, send: Callable[[int, int], None]
) -> None:
    """WD-7: SIGTERM and Ctrl-C stop cleanly, whoever of the two gets the signal; exit 0."""
    driver = _driven(tmp_path)
    send(driver.pid, number)
    output, _ = driver.communicate(timeout=20)
    assert driver.returncode == ExitCode.DONE
    assert output.count("stopping: entries stop") == 1
    assert _summary(tmp_path)["trades"] == 2


def test_a_stop_that_comes_while_the_trader_is_loaded_waits_for_it(tmp_path: Path) -> None:
    """WD-7: a signal before anybody can hear it neither ends the trader nor is lost; exit 0."""
    driver = _driven(tmp_path, "told while loading")
    driver.send_signal(signal.SIGTERM)
    driver.communicate(timeout=20)
    assert driver.returncode == ExitCode.DONE
    assert _summary(tmp_path)["trades"] == 2


def test_a_trader_does_not_outlive_its_launcher(tmp_path: Path) -> None:
    """WD-6, ST-5: when the launcher is killed, the trader is cut off too, for --recover to find."""
    driver = _driven(tmp_path)
    trader = int((tmp_path / "pid").read_text())
    handle = os.pidfd_open(trader)
    driver.kill()
    driver.communicate(timeout=20)
    assert select.select([handle], [], [], 20)[0]  # readable once the process is gone
    os.close(handle)
    assert not (tmp_path / "run-summary.json").exists()
