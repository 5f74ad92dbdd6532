"""A real browser before a real console, which follows a fake trader that does as it is told.

Everything runs on one loop in a thread of its own: one browser serves all tests of a module.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, TypeVar

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from actors.operator_door import load_token
from console.serve import ConsoleSettings, running_console
from tests.browser.rich_trader import RichTrader
from tests.console import recorded
from tests.console.operator_client import served

ROOT: Final = Path(__file__).parents[2]
STATIC: Final = ROOT / "console" / "static"
SHOTS: Final = ROOT / "build" / "screenshots"
CHROMIUM: Final = Path(os.environ.get("HOLDFAST_CHROMIUM", "/usr/bin/chromium"))
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NOW_NS: Final = 1_800_000_000_000_000_000
STEP_LIMIT_S: Final = 50.0
_T = TypeVar("_T")


def why_not() -> str:
    """What this machine lacks for a browser; empty when it lacks nothing."""
    if not CHROMIUM.exists():
        return f"no {CHROMIUM}: `apt-get install chromium`, or name one in HOLDFAST_CHROMIUM"
    if not (STATIC / "index.html").exists():
        return "the page is not built: `make web` needs Node 20.19"
    return ""


class Stage:
    """The thread, the browser, and what is on stage now.

    Attributes:
        trader: The fake trader.
        data_dir: Its data directory, with a recorded session.
        url: The console's origin.
        faults: What pages wrote to their consoles as errors.
    """

    def __init__(self, data_dir: Path) -> None:
        """Record a session and start everything."""
        recorded.write_record(data_dir)
        self.data_dir = data_dir
        self.trader = RichTrader()
        self.url = ""
        self.faults: list[str] = []
        self._parts = AsyncExitStack()
        self._console = AsyncExitStack()
        self._trader_port = AsyncExitStack()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.browser: Browser = self.do(self._start())

    def do(self, work: Coroutine[Any, Any, _T]) -> _T:
        """One step on the stage's loop, to its end."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(STEP_LIMIT_S)

    def close(self) -> None:
        """Everything ends."""
        self.do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> Browser:
        playwright = await self._parts.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        self._parts.push_async_callback(browser.close)
        await self.start_trader()
        await self.start_console(0)
        return browser

    async def _close(self) -> None:
        await self._console.aclose()
        await self._trader_port.aclose()
        await self._parts.aclose()

    # --- the processes that a test may take away --------------------------------------------------

    async def start_trader(self) -> None:
        """Its operator port is open."""
        await self._trader_port.enter_async_context(served(self.data_dir, self.trader))

    async def stop_trader(self) -> None:
        """Its operator port is closed, as when the process is gone."""
        await self._trader_port.aclose()

    async def start_console(self, port: int) -> None:
        """The console serves; a port of 0 is any."""
        settings = ConsoleSettings(data_dir=self.data_dir, port=port)
        running = await self._console.enter_async_context(
            running_console(settings, wall_ns=lambda: NOW_NS, monotonic_ns=lambda: 0)
        )
        self.url, self.link = running.url, running.link

    async def stop_console(self) -> int:
        """The console is gone; says at which port it was."""
        await self._console.aclose()
        return int(self.url.rpartition(":")[2])

    # --- pages ------------------------------------------------------------------------------------

    async def context(self, **options: Any) -> BrowserContext:
        """A browser's profile of its own."""
        return await self.browser.new_context(**options)

    async def page(
        self, width: int = 1440, height: int = 900, scheme: str = "dark", **options: Any
    ) -> Page:
        """A page that is signed in and live."""
        context = await self.context(
            viewport={"width": width, "height": height}, color_scheme=scheme, **options
        )
        page = await context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda said: self._note(said.type, said.text))
        page.on("pageerror", lambda error: self._note("error", str(error)))
        await page.goto(self.url)
        await page.get_by_label("Operator's token").fill(load_token(self.data_dir))
        await page.keyboard.press("Enter")
        await link_is(page, "live")
        return page

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.faults.append(text)


async def link_is(page: Page, state: str) -> None:
    """Wait until the bar says so."""
    await page.locator(f"[data-testid=link].{state}").wait_for()


async def act_is(page: Page, state: str) -> str:
    """Wait until an act has come to that state; its text."""
    act = page.locator(f"[data-testid=act].{state}").first
    await act.wait_for()
    return await act.inner_text()
