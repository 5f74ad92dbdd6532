"""The console beside a run: started again when it dies, given up when it keeps dying."""

import asyncio
import io
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from console import beside
from console.console_address import ConsoleAddress
from console.display import PlainDisplay
from console.launcher import Ended, Launcher
from tests.support.process import RunningRun, ask, running, within
from trading.run_options import ExitCode, RunOptions

_DIES = "import os; print('http://127.0.0.1:9/#code=x', flush=True); os._exit(3)"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "BACKOFF_FIRST_S", 0.001)


def test_a_console_that_keeps_dying_is_given_up_and_the_run_goes_on(tmp_path: Path) -> None:
    """UI-1: trading does not depend on the page, however often it falls."""
    module = tmp_path / "dies.py"
    module.write_text(_DIES)
    said: list[str] = []
    keeper = beside.ConsoleBeside(
        tmp_path, None, said.append, python=sys.executable, module="dies", prepare=_in(tmp_path)
    )
    asyncio.run(keeper.keep())
    assert said.count("console http://127.0.0.1:9/#code=x") == beside.RESTARTS_MAX + 1
    assert "given up" in said[-1]


def test_a_run_whose_console_does_not_start_ends_as_any_other(tmp_path: Path) -> None:
    """UI-1: the trader is not told of it."""
    shown = io.StringIO()
    started = Launcher(
        RunOptions(data_dir=tmp_path, url="ok"),
        PlainDisplay(shown),
        python=sys.executable,
        trader_module="tests.console.fake_run",
        archivist_module=None,
        console_module="console.no_such_module",
    )
    assert asyncio.run(started.run()) == Ended(ExitCode.DONE, "")


def test_the_console_stops_a_real_run_and_its_death_leaves_it_trading(tmp_path: Path) -> None:
    """KC-1, UI-9: PAUSE through the console has its author; killed with -9 it comes back."""
    data_dir = tmp_path / "data"

    async def scenario() -> None:
        async with running(data_dir, "--console", speed="60") as run:
            first = await _console(run, None)
            answer = await _post(run, first, "/api/kill", level="PAUSE", reason="lunch")
            assert (answer["type"], answer["remaining"]) == ("done", 0)
            changed = await run.until_event("KillLevelChanged", new="PAUSE")
            assert changed["payload"]["author"] == "websocket:console token"
            os.kill(first.pid, signal.SIGKILL)
            second = await _console(run, first)
            assert second.port == first.port
            assert (await run.get("/health"))[1]["is_live"]
            answer = await _post(run, second, "/api/resume", reason="back")
            assert (answer["old"], answer["new"]) == ("PAUSE", "NONE")
            assert await run.end(signal.SIGINT) == ExitCode.DONE
        assert ConsoleAddress.read(data_dir) is None

    within(scenario)


def test_headless_starts_no_console(tmp_path: Path) -> None:
    """UI-1: --headless serves nobody."""
    said = ask("run", "--headless", "--speed", "23400", "--data-dir", str(tmp_path), "--json")
    assert said.code == 0
    assert not (tmp_path / beside.OUTPUT_FILE).exists()


async def _console(run: RunningRun, before: ConsoleAddress | None) -> ConsoleAddress:
    """Ask the run again and again until a console other than `before` answers."""
    while True:
        await run.get("/health")
        found = ConsoleAddress.read(run.data_dir)
        if found is not None and found != before:
            async with run.http.get(f"{found.url}/health") as response:
                if (await response.json())["trader"] == "live":
                    return found


async def _post(run: RunningRun, console: ConsoleAddress, path: str, **body: str) -> dict[str, Any]:
    async with run.http.post(console.url + path, json=body) as response:
        found: dict[str, Any] = await response.json()
        return found


def _in(folder: Path) -> beside.Prepare:
    """A child that is started in a folder, as the launcher's own preparation would."""
    return lambda _signal, _nice: lambda: os.chdir(folder)
