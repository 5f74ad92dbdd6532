"""`holdfast console`: the console's own process, beside a trader or after it."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import aiohttp
import orjson
import structlog
import typer
import uvloop
from aiohttp import web

from actors.operator_address import bind
from actors.operator_door import load_token, require_loopback
from console.app import STATIC_DIR, Console, ConsoleApp
from console.board import Board
from console.context import DataDir, existing_data_dir, say
from console.follow import Follower
from console.sign_in import SignIn

PORT_DEFAULT: Final = 8700
ADDRESS_FILE: Final = "console.json"
_ASK_LIMIT_S: Final = 3.0

Announce = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ConsoleAddress:
    """Content of `console.json`: where the console of a data directory listens."""

    host: str
    port: int
    pid: int

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://{self.host}:{self.port}"


def console(
    *,
    host: Annotated[str, typer.Option(help="A loopback address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port, or the next free one.")] = PORT_DEFAULT,
    data_dir: DataDir = None,
) -> None:
    """Serve the operator's page; where one runs already, print a new link to it.

    Example: holdfast console
    """
    folder = existing_data_dir(data_dir)
    running = read_console(folder)
    if running is not None:
        link = asyncio.run(_new_link(running, load_token(folder)))
        if link is not None:
            say(f"console {link} (runs already, process {running.pid})")
            return
    settings = ConsoleSettings(data_dir=folder, host=host, port=port)
    uvloop.run(serve(settings, lambda link: say(f"console {link}")))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings:
    """Where to listen: `port` 0 takes any free one; a taken port gives way to the next free."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = PORT_DEFAULT
    static_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class RunningConsole:
    """A console that listens.

    Attributes:
        url: Its origin.
        link: The address that signs in once.
        following: Ends only by a fault of its own.
    """

    url: str
    link: str
    following: asyncio.Task[None]


@asynccontextmanager
async def running_console(
    settings: ConsoleSettings,
    *,
    wall_ns: Callable[[], int],
    monotonic_ns: Callable[[], int],
) -> AsyncIterator[RunningConsole]:
    """Follow the trader of a data directory and serve, until the context is left.

    Raises:
        SafetyRefusedError: The host is not loopback.
        SetupError: No port is free, or the token's file is not fit.
    """
    require_loopback(settings.host)
    token = load_token(settings.data_dir)
    board = Board()
    parts = Console(
        data_dir=settings.data_dir,
        sign_in=SignIn(token, wall_ns=wall_ns, monotonic_ns=monotonic_ns),
        board=board,
        follower=Follower(settings.data_dir, token, board),
        static_dir=settings.static_dir or STATIC_DIR,
    )
    listening = bind(settings.host, settings.port)
    runner = web.AppRunner(
        ConsoleApp(parts).application(), access_log=None, handle_signals=False, shutdown_timeout=1.0
    )
    await runner.setup()
    await web.SockSite(runner, listening).start()
    address = ConsoleAddress(settings.host, listening.getsockname()[1], os.getpid())
    _write(settings.data_dir, address)
    following = asyncio.create_task(parts.follower.run())
    try:
        link = f"{address.url}/#code={parts.sign_in.new_code()}"
        yield RunningConsole(address.url, link, following)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await runner.cleanup()
        _remove(settings.data_dir, address)


async def serve(settings: ConsoleSettings, announce: Announce) -> None:
    """Serve until a signal ends it; `announce` is told the link that signs in once."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with running_console(
        settings, wall_ns=time.time_ns, monotonic_ns=time.monotonic_ns
    ) as served:
        announce(served.link)
        stopping = asyncio.create_task(ended.wait())
        await asyncio.wait({stopping, served.following}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if served.following.done():
            served.following.result()  # it follows for ever: a fault, and the launcher's to mend


def read_console(folder: Path) -> ConsoleAddress | None:
    """The console of a data directory; None when it is not there or has ended."""
    try:
        address = ConsoleAddress(**orjson.loads((folder / ADDRESS_FILE).read_bytes()))
        os.kill(address.pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return address


def _write(folder: Path, address: ConsoleAddress) -> None:
    aside = folder / f".{ADDRESS_FILE}.{address.pid}"
    aside.write_bytes(orjson.dumps(asdict(address)) + b"\n")
    aside.chmod(0o600)
    aside.replace(folder / ADDRESS_FILE)


def _remove(folder: Path, address: ConsoleAddress) -> None:
    if read_console(folder) == address:
        (folder / ADDRESS_FILE).unlink(missing_ok=True)


async def _new_link(running: ConsoleAddress, token: str) -> str | None:
    """A link that opens once; None when that process is no console of ours any more."""
    headers = {"Authorization": f"Bearer {token}"}
    limit = aiohttp.ClientTimeout(total=_ASK_LIMIT_S)
    with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError, KeyError, ValueError):
        async with (
            aiohttp.ClientSession(headers=headers, timeout=limit) as http,
            http.post(f"{running.url}/api/session/code") as response,
        ):
            return f"{running.url}/#code={(await response.json())['code']}"
    return None


def main() -> int:
    """For the launcher: `python -m console.serve DATA_DIR PORT`, told on standard output."""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])

    def announce(url: str) -> None:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()

    uvloop.run(serve(ConsoleSettings(data_dir=folder, port=port), announce))
    return 0


if __name__ == "__main__":
    sys.exit(main())
