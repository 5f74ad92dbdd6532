"""The session of `make run` on the page: everything that its watcher was promised passes by."""

import asyncio
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import async_playwright

from actors.operator_door import load_token
from console.console_address import ConsoleAddress
from tests.browser.stage import CHROMIUM, FLAGS, link_is, why_not
from tests.support.process import ASK, ROOT, within
from tests.system.test_demo_session import HAPPENS

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

SPEED: Final = "1800"  # a session in 13 seconds: on a busy machine too the page is there in time
# Every row that stood on the page at any time, as its kind and its text.
KEEP: Final = """
window.passed = new Set();
const take = () => document.querySelectorAll('[aria-label=Activity] li').forEach(row =>
  passed.add(row.querySelector('.kind').textContent.replace(/^[ !]+/, '').trim() + ' ' +
             row.querySelector('.text').textContent.trim()));
new MutationObserver(take).observe(document, { subtree: true, childList: true });
"""


def test_each_thing_worth_watching_passes_by_on_the_page(tmp_path: Path) -> None:
    """UI-1: a stop-out, a partial fill, a gap, a refused duplicate, a protection that trips."""

    async def scenario() -> None:
        async with async_playwright() as playwright:
            # The browser first: it may take as long to start as the session lasts.
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            page = await browser.new_page(viewport={"width": 1440, "height": 900})
            await page.add_init_script(KEEP)
            run = await asyncio.create_subprocess_exec(
                *(*ASK, "run", "--speed", SPEED, "--json", "--data-dir", str(tmp_path)),
                cwd=ROOT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                while (address := ConsoleAddress.read(tmp_path)) is None:  # noqa: ASYNC110  a file
                    await asyncio.sleep(0.05)
                await page.goto(str(address.new_link(load_token(tmp_path))))
                await link_is(page, "live")
                await run.wait()
                passed = "\n".join(await page.evaluate("[...passed]"))
                await browser.close()
            finally:
                if run.returncode is None:
                    run.terminate()
                    await run.wait()
        assert [what for what, text in HAPPENS.items() if text not in passed] == [], passed

    within(scenario)
