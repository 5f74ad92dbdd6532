"""Take the picture of the README from a real session: `.venv/bin/python tools/screenshot.py`.

Starts a paper run on the generated market with its console, waits for an open position, and writes
docs/images/. Needs the built page and Chromium, as the tests of the page do.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.async_api import async_playwright

if TYPE_CHECKING:
    from playwright.async_api import Page

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
CHROMIUM = Path(os.environ.get("HOLDFAST_CHROMIUM", "/usr/bin/chromium"))
PAGES = {"command": "text=monitoring"}
TRADES_BEFORE = 2
LIMIT_MS = 180_000


def main() -> int:
    """Take them.

    Returns:
        0, or 2 without a browser.
    """
    if not CHROMIUM.exists():
        print(
            f"screenshot: no {CHROMIUM}; `apt install chromium`, or name one in HOLDFAST_CHROMIUM"
        )
        return 2
    asyncio.run(_run_and_take())
    return 0


async def _run_and_take() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "holdfast"),
            "run",
            "--data-dir",
            folder,
            "--json",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            await _take(await _link(run))
        finally:
            run.terminate()
            await run.wait()


async def _link(run: asyncio.subprocess.Process) -> str:
    """The line in which the run says where its console is."""
    if run.stderr is None:
        raise SystemExit("screenshot: the run's output is not heard")
    async for line in run.stderr:
        if line.startswith(b"console "):
            return line.split()[1].decode()
    raise SystemExit("screenshot: the run ended before its console was there")


async def _take(link: str) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page(
            viewport={"width": 1240, "height": 700}, color_scheme="dark", reduced_motion="reduce"
        )
        page.set_default_timeout(LIMIT_MS)
        await page.goto(link)
        await _something_to_see(page)
        for name, content in PAGES.items():
            await page.evaluate("name => { location.hash = '#/' + name }", name)
            await page.locator(content).first.wait_for()
            await page.get_by_text("from VWAP").first.wait_for()
            await page.screenshot(path=IMAGES / f"{name}.png")
            print(f"docs/images/{name}.png")
        await browser.close()


async def _something_to_see(page: "Page") -> None:
    """An open position, after some trades."""
    closed = page.get_by_label("Activity").get_by_text("TradeClosed")
    for number in range(TRADES_BEFORE):
        await closed.nth(number).wait_for()
    await page.get_by_role("link", name="monitoring").wait_for()


if __name__ == "__main__":
    sys.exit(main())
