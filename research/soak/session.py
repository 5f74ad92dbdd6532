"""One session as people start it, guard and all, looked at from outside until its end."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson

from actors.operator_address import read_address
from actors.operator_door import TOKEN_FILE
from research.crash.live import venue
from research.crash.market import UNIT_1E8, busy_config, busy_tape, ticker_config
from research.soak.sample import Sample, take
from storage.guard_log import guard_lines
from streams.tape import Kind, Tape

HOLDFAST: Final = str(Path(sys.executable).with_name("holdfast"))
START_LIMIT_S: Final = 120.0
LOOK_FIRST_S: Final = 0.2
_ALARMS: Final = {"Fenced", "Killed", "Problem"}
_GUARD: Final = """data_dir = "{data_dir}"
[limits]
heartbeat_s = 5.0
mail_age_s = 10.0
phase_s = 120.0
memory_mb = 4000
journal_stall_s = 10.0
disk_free_mb = 100
clock_step_s = 1.0
[escalation]
stop_wait_s = 5.0
may_kill = true
lifts_per_hour_max = 0
read_gap_s = 0.5
recheck_s = 5.0
[venue]
name = "alpaca"
url = "{url}"
credentials = "{keys}"
tag = "l-main-"
timeout_s = 5.0
"""


class SoakFailedError(Exception):
    """The session itself did not stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What became of a session.

    Attributes:
        samples: The looks, oldest first.
        exit_code: Of the run.
        false_alarms: What the guard did although nothing was wrong.
    """

    samples: Sequence[Sample]
    exit_code: int
    false_alarms: Sequence[str]


Told = Callable[[Sample], None]


async def accelerated(folder: Path, sessions: int, every_s: float, told: Told) -> Watched:
    """So many days of a busy market in PAPER, as fast as they go."""
    recording = await asyncio.to_thread(_recording, folder, sessions)
    config = busy_config(folder)
    arguments = ("--replay", str(recording), "--config", str(config), "--speed", "max")
    return await _watched(folder / "data", arguments, {}, every_s, None, told)


def _recording(folder: Path, sessions: int) -> Path:
    """The bars of that market as a file, as a person would bring them."""
    path = folder / "bars.csv"
    with Tape(busy_tape(folder, sessions=sessions)) as tape, path.open("w") as file:
        file.write("ts,open,high,low,close,volume\n")
        for row in tape.rows():
            if row[1] == Kind.BAR:
                prices = (f"{value / UNIT_1E8:.2f}" for value in row[4:9])
                stamp = datetime.fromtimestamp(row[3] / 1e9, tz=UTC).isoformat()
                file.write(f"{stamp},{','.join(prices)}\n")
    return path


async def real_time(folder: Path, minutes: float, every_s: float, told: Told) -> Watched:
    """LIVE at a simulated venue, a trade a second, guarded by limits of seconds."""
    async with venue(seed=7) as where:
        await where.empty()
        data_dir, keys, guard = folder / "data", folder / "keys", folder / "guard.toml"
        data_dir.mkdir(mode=0o700)
        keys.touch(mode=0o600)
        keys.write_text("\n".join(where.environment.values()), encoding="ascii")
        text = _GUARD.format(data_dir=data_dir, url=where.told["url"], keys=keys)
        guard.write_text(text, encoding="utf-8")
        at_venue = ("--mode", "LIVE", "--broker", "alpaca", "--url", where.told["url"])
        arguments = (*at_venue, "--config", str(ticker_config(folder)), "--guard", str(guard))
        limit_s = minutes * 60
        return await _watched(data_dir, arguments, where.environment, every_s, limit_s, told)


async def _watched(
    data_dir: Path,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    every_s: float,
    limit_s: float | None,
    told: Told,
) -> Watched:
    async with _running(data_dir, arguments, environment) as process:
        samples = await _looks(data_dir, process, every_s, limit_s, told)
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        code = await process.wait()
    alarms = [str(line.payload["text"]) for line in guard_lines(data_dir) if line.kind in _ALARMS]
    return Watched(samples=samples, exit_code=code, false_alarms=alarms)


@contextlib.asynccontextmanager
async def _running(
    data_dir: Path, arguments: Sequence[str], environment: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    with (data_dir.parent / "run.txt").open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(HOLDFAST, "run", "--headless", "--json", "--data-dir", str(data_dir), *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **environment},
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _looks(
    data_dir: Path,
    process: asyncio.subprocess.Process,
    every_s: float,
    limit_s: float | None,
    told: Told,
) -> list[Sample]:
    """Look every so often, until the run ends or its time is over."""
    samples: list[Sample] = []
    began_s = time.monotonic()
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        while process.returncode is None:
            at_s = time.monotonic() - began_s
            sample = await _look(data_dir, http, at_s)
            if sample is not None:
                samples.append(sample)
                told(sample)
            elif not samples and at_s > START_LIMIT_S:
                raise SoakFailedError(f"no trader answered within {START_LIMIT_S:g} s")
            if limit_s is not None and at_s >= limit_s:
                break
            with contextlib.suppress(TimeoutError):
                wait_s = every_s if samples else LOOK_FIRST_S
                await asyncio.wait_for(process.wait(), wait_s)
    return samples


async def _look(data_dir: Path, http: aiohttp.ClientSession, at_s: float) -> Sample | None:
    """None while no trader answers: before it serves, and at its end."""
    address = read_address(data_dir)
    if address is None:
        return None
    headers = {"Authorization": f"Bearer {(data_dir / TOKEN_FILE).read_text().strip()}"}
    url = f"http://{address.host}:{address.port}/api/status"
    try:
        async with http.get(url, headers=headers) as response:
            status: dict[str, Any] = await response.json(loads=orjson.loads)
        guard = int((data_dir / "guard.lock").read_text().split()[0])
        return take(at_s, data_dir, address.pid, guard, status)
    except (OSError, aiohttp.ClientError, TimeoutError):
        return None
