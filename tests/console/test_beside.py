"""The console beside a run: started again when it dies."""

import os
import signal
from pathlib import Path
from typing import Any

from console.console_address import ConsoleAddress
from tests.support.process import RunningRun, ask, running, within
from trading.run_options import ExitCode


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
    assert not (tmp_path / "console-output.txt").exists()


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
