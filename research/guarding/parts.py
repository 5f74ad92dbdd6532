"""A paper run whose processes are killed one by one: how soon the guard has each back (WD-10)."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson

from actors.operator_address import read_address
from research.guarding.stage import HOLDFAST, LIMIT_S, LOOK_S, DrillFailedError
from storage.heartbeat import PAGE_NAME

PARTS: Final = {
    "console killed": "console",
    "archivist killed": "archivist",
    "trader killed": "trader",
}
"""The name of a row, and of the process in `guard-crew.json`."""
_CREW: Final = "guard-crew.json"
_CONSOLE: Final = "console.json"
_SEQUENCE: Final = slice(4 * 8, 5 * 8)


async def killed(folder: Path, part: str) -> tuple[int, int, int]:
    """Kill one process of a run of its own.

    Returns:
        When it was killed, when the guard had started another, and when that one did its work
        while the trader traded; in ns UTC.

    Raises:
        DrillFailedError: It did not come back, or took the trader with it.
    """
    data_dir = folder / "data"
    with (folder / "run.txt").open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(HOLDFAST, "run", "--speed", "60", "--data-dir", str(data_dir)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        await _until(lambda: _is_whole(data_dir), "a run with all its processes")
        before = _crew(data_dir)
        at_ns = time.time_ns()
        os.kill(before[part][0], signal.SIGKILL)
        await _until(lambda: _is_another(data_dir, part, before), f"another {part}")
        started_ns = time.time_ns()
        await _until(lambda: _is_whole(data_dir), f"a {part} that works")
        turn = _sequence(data_dir)
        await _until(lambda: _has_turned(data_dir, turn), "a trader that goes on")
        after = _crew(data_dir)
        others = [name for name in PARTS.values() if name != part]
        if any(after[name] != before[name] for name in others):
            raise DrillFailedError(f"only {part} was killed, and the others had to be started too")
        said = (folder / "run.txt").read_text(encoding="utf-8", errors="replace")
        if f"the {part} was killed by SIGKILL" not in said:
            raise DrillFailedError(f"nobody was told that {part} was killed")
        return at_ns, started_ns, time.time_ns()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _crew(data_dir: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = orjson.loads((data_dir / _CREW).read_bytes())
    except (OSError, ValueError):
        return {}
    return found


async def _is_whole(data_dir: Path) -> bool:
    """All three run, the trader says that it lives, and the console that it follows it."""
    crew, trader = _crew(data_dir), read_address(data_dir)
    if trader is None or not all(crew.get(name) for name in PARTS.values()):
        return False
    try:
        console = orjson.loads((data_dir / _CONSOLE).read_bytes())
    except (OSError, ValueError):
        return False
    if (trader.pid, console["pid"]) != (crew["trader"][0], crew["console"][0]):
        return False
    health = await _health(trader.host, trader.port)
    return bool(health.get("is_live")) and bool(await _health(console["host"], console["port"]))


async def _health(host: str, port: int) -> dict[str, Any]:
    with contextlib.suppress(aiohttp.ClientError, OSError, ValueError):
        async with aiohttp.ClientSession() as http, http.get(f"http://{host}:{port}/health") as got:
            found: dict[str, Any] = await got.json(loads=orjson.loads)
            return found
    return {}


async def _is_another(data_dir: Path, part: str, before: dict[str, Any]) -> bool:
    found = _crew(data_dir).get(part)
    return found is not None and found != before[part]


def _sequence(data_dir: Path) -> bytes:
    return (data_dir / PAGE_NAME).read_bytes()[_SEQUENCE]


async def _has_turned(data_dir: Path, before: bytes) -> bool:
    return _sequence(data_dir) != before


async def _until(is_so: Callable[[], Awaitable[bool]], what: str) -> None:
    try:
        async with asyncio.timeout(LIMIT_S):
            while not await is_so():  # noqa: ASYNC110 - files of other processes
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise DrillFailedError(f"{what} did not come within {LIMIT_S:g} s") from None
