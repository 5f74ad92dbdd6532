"""The product's own processes, started from its command line: `holdfast run` and what asks it."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from actors.operator_address import OperatorAddress, read_address
from actors.operator_door import TOKEN_FILE

ROOT = Path(__file__).parents[2]
ASK = [str(Path(sys.executable).parent / "holdfast")]
LIMIT_S = 60.0
OPERATOR_LINE = "operator port "


@dataclass(frozen=True, slots=True)
class Said:
    """What one command came to."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The one JSON line it ended with."""
        return orjson.loads(self.out.strip().splitlines()[-1])


def ask(
    *arguments: str,
    cwd: Path = ROOT,
    modules: Path | None = None,
    limit_s: float = LIMIT_S,
) -> Said:
    """One command of the CLI, to its end.

    Args:
        arguments: As typed.
        cwd: Where it is typed; a process imports what stands there first.
        modules: A folder whose modules come before the product's own.
        limit_s: It may take so long.
    """
    done = subprocess.run(
        [*ASK, *arguments],
        cwd=cwd,
        env=_environment(modules),
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def _environment(modules: Path | None = None) -> dict[str, str]:
    path = {} if modules is None else {"PYTHONPATH": str(modules)}
    return {**os.environ, **path, "TERM": "dumb", "COLUMNS": "200"}


@dataclass(slots=True)
class RunningRun:
    """A `holdfast run` under way, and a client of its operator port.

    Attributes:
        events: Every journaled event the websocket has told so far.
        answers: Every other message of it.
    """

    data_dir: Path
    process: asyncio.subprocess.Process
    address: OperatorAddress
    http: aiohttp.ClientSession
    socket: aiohttp.ClientWebSocketResponse
    events: list[dict[str, Any]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Of the operator port."""
        return f"http://{self.address.host}:{self.address.port}"

    async def send(self, **message: Any) -> None:
        """Ask something through the websocket."""
        await self.socket.send_str(orjson.dumps(message).decode())

    async def next(self) -> dict[str, Any]:
        """The next message of the websocket, kept too."""
        message: dict[str, Any] = orjson.loads(await self.socket.receive_str())
        (self.events if message["type"] == "event" else self.answers).append(message)
        return message

    async def until(self, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read on to the first message that is wanted."""
        while True:
            message = await self.next()
            if is_wanted(message):
                return message

    async def until_event(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Read on to an event of this kind with these values in its payload."""
        return await self.until(
            lambda said: (
                said["type"] == "event"
                and said["kind"] == kind
                and fields.items() <= said["payload"].items()
            )
        )

    async def until_answer(self, type_: str, id_: str) -> dict[str, Any]:
        """Read on to an answer to the request of that id."""
        return await self.until(lambda said: said["type"] == type_ and said.get("id") == id_)

    async def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON."""
        async with self.http.get(self.url + path) as response:
            return response.status, await response.json()

    async def post(self, path: str, **body: Any) -> tuple[int, Any]:
        """Status and JSON."""
        async with self.http.post(self.url + path, json=body) as response:
            return response.status, await response.json()

    async def ask(self, *arguments: str) -> Said:
        """A command about this run while it goes on."""
        return await asyncio.to_thread(ask, *arguments, "--data-dir", str(self.data_dir))

    async def end(self, number: int | None = None) -> int:
        """Send a signal to the run, if any, and wait for its exit code."""
        if number is not None:
            self.process.send_signal(number)
        return await self.process.wait()


@asynccontextmanager
async def running(
    data_dir: Path,
    *arguments: str,
    cwd: Path = ROOT,
    speed: str = "1200",
    modules: Path | None = None,
) -> AsyncIterator[RunningRun]:
    """Start a paced run and connect to its operator port, from the first journaled event on.

    `modules` is a folder whose modules come before the product's own.
    """
    process = await asyncio.create_subprocess_exec(
        *ASK,
        "run",
        "--speed",
        speed,
        "--data-dir",
        str(data_dir),
        "--json",
        "--no-console",
        *arguments,
        cwd=cwd,
        env=_environment(modules),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    said: list[str] = []
    try:
        await _until_operator(process, said)
        drain = asyncio.create_task(_drain(process, said))
        address = read_address(data_dir)
        assert address is not None
        token = (data_dir / TOKEN_FILE).read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(headers=headers) as http:
            url = f"http://{address.host}:{address.port}/operator"
            async with http.ws_connect(url, max_msg_size=0) as socket:
                run = RunningRun(data_dir, process, address, http, socket)
                await run.send(type="subscribe", after_seq=0)
                yield run
        await drain
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _until_operator(process: asyncio.subprocess.Process, said: list[str]) -> None:
    assert process.stderr is not None
    while line := (await process.stderr.readline()).decode():
        said.append(line)
        if line.startswith(OPERATOR_LINE):
            return
    raise AssertionError(f"the run ended before it served: {''.join(said)}")


async def _drain(process: asyncio.subprocess.Process, said: list[str]) -> None:
    assert process.stderr is not None
    while line := (await process.stderr.readline()).decode():
        said.append(line)


def within(scenario: Callable[[], Awaitable[None]], limit_s: float = LIMIT_S) -> None:
    """Run one scenario; it fails when it takes longer than the limit."""

    async def limited() -> None:
        async with asyncio.timeout(limit_s):
            await scenario()

    asyncio.run(limited())


def write_config(
    path: Path, base: Path, *, strategies: str = "", changes: Mapping[str, str] | None = None
) -> Path:
    """A shipped configuration with lines replaced, and strategies added at its end."""
    text = base.read_text(encoding="utf-8")
    for old, new in (changes or {}).items():
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text + strategies, encoding="utf-8")
    return path
