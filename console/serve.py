"""The console's own process, beside a trader or after it."""

import asyncio
import os
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog
import uvloop
from aiohttp import web

from actors.operator_address import bind
from actors.operator_door import load_token, require_loopback
from console.alert_channels import Channel, open_channels
from console.alerter import Alerter, AlerterParts
from console.app import STATIC_DIR, Console, ConsoleApp
from console.board import Board
from console.console_address import NO_PAGE, PORT_DEFAULT, ConsoleAddress, last_port
from console.follow import Follower
from console.sign_in import SignIn
from console.tls import tls_context
from trading.config import Config
from trading.config_desk import AlertsSection, LogsSection
from trading.config_reader import load
from trading.run_report import Reporter

Announce = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings:
    """Where to listen, and whom to tell.

    Attributes:
        data_dir: Whose run is shown.
        host: A loopback address.
        port: 0 takes any free one; a taken one gives way to the next free.
        static_dir: The built page, where it is not the package's own.
        tls: Certificate and key; without, the page is plain http on loopback.
        certificate: Path of that certificate, for those who ask the console.
        alerts: Who is told of what.
        logs: How long they grow.
        channels: An open channel for each that `alerts` names.
        has_page: Whether anything is served; without, alerts are told all the same.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = PORT_DEFAULT
    static_dir: Path | None = None
    tls: ssl.SSLContext | None = None
    certificate: str = ""
    alerts: AlertsSection = field(default_factory=AlertsSection)
    logs: LogsSection = field(default_factory=LogsSection)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    has_page: bool = True


def configured(data_dir: Path, config: Config, environment: Mapping[str, str]) -> ConsoleSettings:
    """What a configuration says about the console.

    Raises:
        SetupError: A channel has no address, or the certificate cannot be used.
    """
    return ConsoleSettings(
        data_dir=data_dir,
        port=config.console.port,
        tls=tls_context(config.console),
        certificate=str(Path(config.console.tls_certificate or "").expanduser().absolute())
        if config.console.tls_certificate
        else "",
        alerts=config.alerts,
        logs=config.logs,
        channels=open_channels(config.alerts, environment),
    )


@dataclass(frozen=True, slots=True)
class RunningConsole:
    """A console that listens.

    Attributes:
        url: Its origin; empty without a page.
        link: The address that signs in once; empty without a page.
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
    alerter = Alerter(
        AlerterParts(
            data_dir=settings.data_dir,
            board=board,
            alerts=settings.alerts,
            logs=settings.logs,
            channels=settings.channels,
            wall_ns=wall_ns,
        )
    )
    async with AsyncExitStack() as stack:
        url = link = ""
        if settings.has_page:
            url = await stack.enter_async_context(_page(settings, parts))
            link = f"{url}/#code={parts.sign_in.new_code()}"
        following = asyncio.create_task(parts.follower.run())
        alerting = asyncio.create_task(alerter.run())
        try:
            yield RunningConsole(url, link, following)
        finally:
            for task in (following, alerting):
                task.cancel()
            await asyncio.gather(following, alerting, return_exceptions=True)
            await alerter.drain()


@asynccontextmanager
async def _page(settings: ConsoleSettings, parts: Console) -> AsyncIterator[str]:
    """Listen, and say where in `console.json`; gives the origin."""
    listening = bind(settings.host, settings.port)
    runner = web.AppRunner(
        ConsoleApp(parts).application(), access_log=None, handle_signals=False, shutdown_timeout=1.0
    )
    await runner.setup()
    await web.SockSite(runner, listening, ssl_context=settings.tls).start()
    address = ConsoleAddress(
        settings.host, listening.getsockname()[1], os.getpid(), settings.certificate
    )
    address.write(settings.data_dir)
    try:
        yield address.url
    finally:
        await runner.cleanup()
        address.remove(settings.data_dir)


async def serve(settings: ConsoleSettings, announce: Announce) -> None:
    """Serve until a signal ends it; `announce` is told the link that signs in once, or its lack."""
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
            served.following.result()  # it follows for ever: a fault, and the guard's to mend


def _shown(link: str) -> str:
    return f"console {link}" if link else "alerts are told, no page is served"


def main() -> int:
    """For the guard: `python -m console.serve DATA_DIR [CONFIG] [--no-page]`.

    Its standard output is the run's report pipe, if there is one: there it tells its link. Where a
    console before this one was cut off, its address file still names the port to ask for again.
    """
    has_page = NO_PAGE not in sys.argv
    folder, *config = (Path(each) for each in sys.argv[1:] if each != NO_PAGE)
    settings = ConsoleSettings(data_dir=folder)
    if config:
        settings = configured(folder, load(config[0]), os.environ)
    before = last_port(folder)
    if before is not None:
        settings = replace(settings, port=before)
    settings = replace(settings, has_page=has_page)
    reporter = Reporter(sys.stdout.fileno())
    uvloop.run(serve(settings, lambda link: reporter.line(_shown(link))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
