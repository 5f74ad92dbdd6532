"""The console's own process, beside a trader or after it."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvloop
from aiohttp import web

from actors.operator_address import bind
from actors.operator_door import load_token, require_loopback
from console.app import STATIC_DIR, Console, ConsoleApp
from console.board import Board
from console.console_address import PORT_DEFAULT, ConsoleAddress
from console.follow import Follower
from console.sign_in import SignIn

Announce = Callable[[str], None]


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
    address.write(settings.data_dir)
    following = asyncio.create_task(parts.follower.run())
    try:
        link = f"{address.url}/#code={parts.sign_in.new_code()}"
        yield RunningConsole(address.url, link, following)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await runner.cleanup()
        address.remove(settings.data_dir)


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
