"""What the console's rows are measured on: processes for trader and console, and Chromium."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
from playwright.async_api import Browser, Page, async_playwright

from actors.operator_door import load_token
from console.console_address import ConsoleAddress
from tests.browser.stage import CHROMIUM, FLAGS
from tests.console import recorded

NICE: Final = 5
"""As the guard starts a console."""
_START_S_MAX: Final = 60.0
_LOOK_EVERY_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Trader:
    """`benchmarks.console_trader`, asked line by line."""

    process: "subprocess.Popen[bytes]"

    def ask(self, request: str) -> dict[str, Any]:
        """One request and its answer."""
        stdin, stdout = self.process.stdin, self.process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the trader has no pipes")
        stdin.write(request.encode() + b"\n")
        stdin.flush()
        answer: dict[str, Any] = orjson.loads(stdout.readline())
        if "error" in answer:
            raise RuntimeError(str(answer["error"]))
        return answer


@contextmanager
def scripted(data_dir: Path) -> Iterator[Trader]:
    """The scripted trader on a recorded session, and the console beside it."""
    recorded.write_record(data_dir)
    python = [sys.executable, "-m"]
    with (
        (data_dir / "bench-trader.txt").open("wb") as trader_says,
        (data_dir / "bench-console.txt").open("wb") as console_says,
        _child(
            [*python, "benchmarks.console_trader", str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=trader_says,
        ) as process,
    ):
        trader = Trader(process)
        trader.ask("rate 0")  # it answers once its port is open
        with _child(
            ["nice", "-n", str(NICE), *python, "console.serve", str(data_dir)],
            stdin=subprocess.DEVNULL,
            stdout=console_says,
            stderr=subprocess.STDOUT,
        ):
            address_of(data_dir)
            yield trader


@contextmanager
def _child(command: list[str], **streams: Any) -> "Iterator[subprocess.Popen[bytes]]":
    process = subprocess.Popen(command, **streams)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(_START_S_MAX)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def address_of(data_dir: Path) -> ConsoleAddress:
    """Where the console of a data directory listens, once it does.

    Raises:
        RuntimeError: It did not within a minute.
    """
    give_up_s = time.monotonic() + _START_S_MAX
    while time.monotonic() < give_up_s:
        address = ConsoleAddress.read(data_dir)
        if address is not None:
            return address
        time.sleep(_LOOK_EVERY_S)
    raise RuntimeError(f"expected a console on {data_dir}, found none")


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser that the tests of the page use."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def signed_in(browser: Browser, data_dir: Path, init_script: str) -> AsyncIterator[Page]:
    """A page that is signed in and live, in a profile of its own, on the first page."""
    link = address_of(data_dir).new_link(load_token(data_dir))
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        page = await context.new_page()
        await page.add_init_script(init_script)
        await page.goto(str(link))
        await page.locator("[data-testid=link].live").wait_for()
        yield page
    finally:
        await context.close()


@asynccontextmanager
async def clients(data_dir: Path, count: int) -> AsyncIterator[None]:
    """So many pages' websockets, each told everything; they read and do nothing else."""
    headers = {"Authorization": f"Bearer {load_token(data_dir)}"}
    url = address_of(data_dir).url
    async with AsyncExitStack() as open_:
        http = await open_.enter_async_context(aiohttp.ClientSession(headers=headers))
        reading: list[asyncio.Task[None]] = []
        for _ in range(count):
            socket = await open_.enter_async_context(http.ws_connect(f"{url}/ws", max_msg_size=0))
            await socket.send_json({"type": "hello", "epoch": "", "seq": 0})
            await socket.receive()  # the snapshot: it is told from now on
            reading.append(asyncio.create_task(_drain(socket)))
        try:
            yield
        finally:
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)


async def _drain(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in socket:
        pass
