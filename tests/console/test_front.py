"""A run with real processes: what the guard restarts, what is final, how a stop goes through."""

import asyncio
import contextlib
import io
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from console.display import PlainDisplay
from console.front import OUTPUT_BYTES_MAX, Command, Ended, Front
from tests.console.front_command import PART, command
from trading.run_options import ExitCode, RunOptions

RESTARTS_MAX = 5
"""Within a minute; it stands in the guard."""


def _play(part: str, data_dir: Path, console: str | None = None) -> tuple[Ended, str]:
    shown = io.StringIO()
    front = Front(command(part, data_dir, console), data_dir, PlainDisplay(shown))
    return asyncio.run(front.run()), shown.getvalue()


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
    """WD-1: restarts have an intensity; beyond it the run ends and says what stands."""
    ended, shown = _play("always dies", tmp_path)
    assert ended.exit_code == ExitCode.FAILED
    assert f"{RESTARTS_MAX + 1} times" in ended.error
    assert "--recover" in ended.error
    assert shown.count("restarting in") == RESTARTS_MAX


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
from console.front import Front
from tests.console.front_command import command
folder = pathlib.Path(sys.argv[1])
front = Front(command(sys.argv[2], folder, sys.argv[3] or None), folder, PlainDisplay(sys.stdout))
ended = asyncio.run(front.run())
print(ended.error)
sys.exit(ended.exit_code)
"""


def _driven(
    data_dir: Path,
    part: str = "stops when told",
    *,
    until: str = "ready",
    console: str = "",
) -> subprocess.Popen[str]:
    driver = subprocess.Popen(
        [sys.executable, "-c", _DRIVER, str(data_dir), part, console],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    )
    _said(driver, until)
    return driver


def _said(driver: subprocess.Popen[str], words: str) -> None:
    assert driver.stdout is not None
    for line in driver.stdout:
        if words in line:
            return
    raise AssertionError("the run ended before its trader was ready")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("send", [os.killpg, os.kill], ids=["the group", "the front"])
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


def _ended(pid: int) -> None:
    """Wait until that process is gone."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        assert select.select([handle], [], [], 20)[0]
        os.close(handle)


def _guard_of(data_dir: Path) -> int:
    return int((data_dir / "guard.lock").read_text().split()[0])


def test_a_run_whose_front_was_killed_is_stopped_and_ends_well(tmp_path: Path) -> None:
    """WD-6, WD-7: nothing trades on behind a closed terminal; the guard stops it cleanly."""
    driver = _driven(tmp_path)
    guard = _guard_of(tmp_path)
    driver.kill()
    driver.communicate(timeout=20)
    _ended(guard)
    assert _summary(tmp_path)["trades"] == 2
    assert not (tmp_path / "guard-crew.json").exists()


def test_a_trader_outlives_its_guard_and_the_next_guard_takes_it_up(tmp_path: Path) -> None:
    """WD-6, WD-7: kill -9 of the guard stops nothing; the same run once more watches on."""
    driver = _driven(tmp_path)
    trader = int((tmp_path / "pid").read_text())
    os.kill(_guard_of(tmp_path), signal.SIGKILL)
    output, _ = driver.communicate(timeout=20)
    assert driver.returncode == ExitCode.FAILED
    assert "the guard was killed by SIGKILL; the trader goes on" in output
    os.kill(trader, 0)  # it lives
    again = _driven(tmp_path, until=f"process {trader}, goes on and is watched again")
    again.send_signal(signal.SIGTERM)
    again.communicate(timeout=20)
    assert again.returncode == ExitCode.DONE
    assert int((tmp_path / "pid").read_text()) == trader
    assert _summary(tmp_path)["restarts"] == 0


def test_a_trader_that_died_while_a_guard_watched_that_had_not_started_it_is_started_again(
    tmp_path: Path,
) -> None:
    """WD-6: what was taken up is looked after like a child: killed, it is started with recover."""
    driver = _driven(tmp_path)
    trader = int((tmp_path / "pid").read_text())
    os.kill(_guard_of(tmp_path), signal.SIGKILL)
    driver.communicate(timeout=20)
    again = _driven(tmp_path, until="goes on and is watched again")
    os.kill(trader, signal.SIGKILL)
    _said(again, "ready")
    again.send_signal(signal.SIGTERM)
    again.communicate(timeout=20)
    assert again.returncode == ExitCode.DONE
    assert _summary(tmp_path)["restarts"] == 1


def test_a_second_guard_of_a_data_directory_is_refused(tmp_path: Path) -> None:
    """ST-5: nothing is started, and the line says who watches."""
    driver = _driven(tmp_path)
    try:
        ended, _ = _play("ok", tmp_path)
        assert ended.exit_code == ExitCode.REFUSED
        assert "another guard is alive" in ended.error
    finally:
        driver.send_signal(signal.SIGTERM)
        driver.communicate(timeout=20)


@pytest.mark.parametrize("is_frozen", [False, True], ids=["answers", "frozen"])
def test_who_takes_over_gets_the_place_of_the_guard_that_watches(
    tmp_path: Path, *, is_frozen: bool
) -> None:
    """ST-5: a guard makes room when asked; a frozen one is killed; the fence stops its trader."""
    driver = _driven(tmp_path)
    first, trader = _guard_of(tmp_path), int((tmp_path / "pid").read_text())
    try:
        if is_frozen:
            os.kill(first, signal.SIGSTOP)
        rival = Front(
            command("ok", tmp_path, take_over=True), tmp_path, PlainDisplay(io.StringIO())
        )
        assert asyncio.run(rival.run()) == Ended(ExitCode.DONE, "")
        output, _ = driver.communicate(timeout=20)
        assert driver.returncode == (ExitCode.FAILED if is_frozen else ExitCode.REFUSED)
        assert ("the guard was killed" if is_frozen else "has taken over") in output
        os.kill(trader, 0)  # nobody ended it
    finally:
        os.kill(trader, signal.SIGKILL)


def test_what_a_process_prints_is_cut_while_it_runs(tmp_path: Path) -> None:
    """WD-8: one life of a trader may be long; the newest part of what it printed is kept."""
    driver = _driven(tmp_path)
    try:
        output = tmp_path / "trader-output.txt"
        with output.open("ab") as file:  # as the trader has it
            file.write(b"x" * OUTPUT_BYTES_MAX + b"the newest line\n")
        _said(driver, "trader-output.txt was full")
        assert output.stat().st_size < OUTPUT_BYTES_MAX
        kept = output.with_suffix(".old.txt").read_bytes()
        assert len(kept) == OUTPUT_BYTES_MAX
        assert kept.endswith(b"the newest line\n")
    finally:
        driver.send_signal(signal.SIGTERM)
        driver.communicate(timeout=20)
    assert driver.returncode == ExitCode.DONE


def test_without_a_guard_the_trader_runs_alone_and_is_not_started_again(tmp_path: Path) -> None:
    """UI-11: for development; a death ends the run."""
    shown = io.StringIO()
    alone = RunOptions(data_dir=tmp_path, url="die twice")
    trader = Command(
        argv=lambda fd: [sys.executable, "-m", PART, replace(alone, progress_fd=fd).to_json()],
        is_guard=False,
    )
    ended = asyncio.run(Front(trader, tmp_path, PlainDisplay(shown)).run())
    assert ended.exit_code == ExitCode.FAILED
    assert "killed by SIGKILL" in ended.error
    assert not (tmp_path / "guard.lock").exists()


def test_a_console_that_keeps_dying_is_given_up_and_the_run_goes_on(tmp_path: Path) -> None:
    """UI-1, WD-10: trading does not depend on the page, however often it falls."""
    driver = _driven(tmp_path, console="tests.console.no_such_module", until="is given up")
    driver.send_signal(signal.SIGTERM)
    driver.communicate(timeout=20)
    assert driver.returncode == ExitCode.DONE
