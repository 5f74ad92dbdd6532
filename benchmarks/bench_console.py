"""The operator's console: size of its page, how soon and how smoothly it shows, what it costs.

The figures beside a budget are the aims of the page; they belong to the machine and fail nothing.
The scripts' size does, since it knows no noise; and the lane with 20 pages open is compared with
the same lane without any, in turns of one run.
"""

import asyncio
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from playwright.async_api import Browser, Page

from benchmarks.bench_trader import started
from benchmarks.console_stage import Trader, address_of, chromium, clients, scripted, signed_in
from benchmarks.measure import Figure, Missing, quantile
from benchmarks.setting import Group, Setting
from console.operator_client import running_trader
from tests.browser.stage import STATIC, why_not

SCRIPTS_KB_MAX: Final = 130.0
FIRST_ROW_S_MAX: Final = 1.0
PAINTED_MS_MAX: Final = 250.0
BUSY_PERCENT_MAX: Final = 15.0
ACKNOWLEDGED_MS_MAX: Final = 300.0
EVENTS_PER_S: Final = 50
BUSY_EVENTS_PER_S: Final = 10
CLIENTS: Final = 20
_OPENINGS: Final = 5
_CLICKS: Final = 10
_WATCHED_S: Final = 8.0
_LANE_S: Final = 3.0
_LANE_TURNS: Final = 4

# When a row stands on the screen: after the frame in which it was laid out was painted.
_WATCH: Final = """
window.bench = { late: [], shown: [] };
let stood;
bench.row = new Promise(resolve => { stood = resolve; });
const painted = then => requestAnimationFrame(() => {
  const channel = new MessageChannel();
  channel.port1.onmessage = then;
  channel.port2.postMessage(0);
});
const wall = () => performance.timeOrigin + performance.now();
const rows = nodes => nodes.flatMap(each => each.nodeType !== 1 ? [] :
  each.tagName === 'LI' ? [each] : [...each.querySelectorAll('li')]);
new MutationObserver(changes => {
  if (stood && document.querySelector('[aria-label="Open positions"] tbody tr')) {
    const tell = stood;
    stood = null;
    painted(() => tell(performance.now()));
  }
  const stamps = rows(changes.flatMap(each => [...each.addedNodes]))
    .map(each => /"wall_ns":(\\d+)/.exec(each.textContent)).filter(Boolean);
  if (stamps.length) painted(() => {
    const now = wall();
    for (const [, ns] of stamps) bench.late.push(now - Number(ns) / 1e6);
  });
}).observe(document, { subtree: true, childList: true });
document.addEventListener('submit', event => {
  if (!event.target.closest('dialog')) return;
  const clicked = performance.now();
  const look = () => document.querySelector('[data-testid=act].accepted, [data-testid=act].done')
    ? painted(() => bench.shown.push(performance.now() - clicked)) : requestAnimationFrame(look);
  requestAnimationFrame(look);
}, true);
"""


def measure_size(_: Setting) -> Sequence[Figure | Missing]:
    """All scripts of the built page, each compressed by itself as a server does."""
    scripts = sorted((STATIC / "assets").glob("*.js"))
    if not scripts:
        return [Missing("console_scripts", "the page is not built: make web")]
    kilobytes = sum(len(gzip.compress(each.read_bytes(), 9)) for each in scripts) / 1000
    return [Figure(row="console_scripts", value=kilobytes, reference=SCRIPTS_KB_MAX)]


def measure_lane(setting: Setting) -> Sequence[Figure | Missing]:
    """The lane's timers with 20 pages beside the same without, in turns."""
    with TemporaryDirectory(dir=setting.work_dir) as folder, scripted(Path(folder)) as trader:
        alone_us, watched_us = asyncio.run(_lane(trader, Path(folder)))
    return [Figure(row="console_lane", value=watched_us, reference=alone_us)]


async def _lane(trader: Trader, data_dir: Path) -> tuple[float, float]:
    """Median over the turns of each turn's p99, without and with pages."""
    found: tuple[list[float], list[float]] = ([], [])
    await asyncio.to_thread(trader.ask, f"rate {EVENTS_PER_S}")
    for turn in range(2 * _LANE_TURNS):
        with_pages = turn % 2 == 1
        async with clients(data_dir, CLIENTS if with_pages else 0):
            await asyncio.to_thread(trader.ask, "lane")
            await asyncio.sleep(_LANE_S)
            said = await asyncio.to_thread(trader.ask, "lane")
        found[with_pages].append(said["p99_us"])
    return median(found[0]), median(found[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a browser saw; times in ms, busy as a ratio of the time watched.

    Attributes:
        first_row_ms: From opening to the first position, of each opening.
        late_ms: From each event to its row.
        busy_ratio: The main thread, with ten events a second.
        hectic_ratio: The same with fifty, which are told ten times a second.
    """

    first_row_ms: list[float]
    late_ms: list[float]
    busy_ratio: float
    hectic_ratio: float


def measure_page(setting: Setting) -> Sequence[Figure | Missing]:
    """A real browser before the scripted trader, then before a real one for the kill."""
    rows = ("console_first_row", "console_painted", "console_busy", "console_flatten")
    lacks = why_not()
    if lacks:
        return [Missing(row, lacks) for row in rows]
    with TemporaryDirectory(dir=setting.work_dir) as folder, scripted(Path(folder)) as trader:
        seen = asyncio.run(_watched(trader, Path(folder)))
    with TemporaryDirectory(dir=setting.work_dir) as folder, started(Path(folder)):
        shown_ms = asyncio.run(_flattened(Path(folder)))
    return [
        Figure(
            row="console_first_row",
            value=median(seen.first_row_ms) / 1000,
            reference=FIRST_ROW_S_MAX,
            note=f"worst of {_OPENINGS}: {max(seen.first_row_ms) / 1000:.2f} s",
        ),
        Figure(
            row="console_painted",
            value=quantile(seen.late_ms, 0.99),
            reference=PAINTED_MS_MAX,
            note=f"median {median(seen.late_ms):.0f} ms of {len(seen.late_ms)} rows",
        ),
        Figure(
            row="console_busy",
            value=100 * seen.busy_ratio,
            reference=BUSY_PERCENT_MAX,
            note=f"{100 * seen.hectic_ratio:.1f} % with {EVENTS_PER_S} events a second",
        ),
        Figure(
            row="console_flatten",
            value=max(shown_ms),
            reference=ACKNOWLEDGED_MS_MAX,
            note=f"worst of {_CLICKS}, median {median(shown_ms):.0f} ms",
        ),
    ]


async def _watched(trader: Trader, data_dir: Path) -> Seen:
    first_row_ms = []
    async with chromium() as browser:
        for _ in range(_OPENINGS):
            async with signed_in(browser, data_dir, _WATCH) as page:
                first_row_ms.append(await _first_row_ms(page))
        async with signed_in(browser, data_dir, _WATCH) as page:
            await _at_rate(trader, EVENTS_PER_S)
            await asyncio.sleep(1)  # the list is full, everything is compiled
            await page.evaluate("bench.late.length = 0")
            await asyncio.sleep(_WATCHED_S)
            late_ms: list[float] = await page.evaluate("bench.late")
        async with signed_in(browser, data_dir, "") as page:  # nothing of ours runs in it
            hectic_ratio = await _busy_ratio(page)
            await _at_rate(trader, BUSY_EVENTS_PER_S)
            busy_ratio = await _busy_ratio(page)
            await _at_rate(trader, 0)
    return Seen(
        first_row_ms=first_row_ms,
        late_ms=late_ms,
        busy_ratio=busy_ratio,
        hectic_ratio=hectic_ratio,
    )


async def _at_rate(trader: Trader, rate: int) -> None:
    await asyncio.to_thread(trader.ask, f"rate {rate}")


async def _first_row_ms(page: Page) -> float:
    """Opened anew in the same profile, scripts not from its cache."""
    session = await page.context.new_cdp_session(page)
    await session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    await page.reload()
    return float(await page.evaluate("bench.row"))


async def _busy_ratio(page: Page) -> float:
    """How much of the time the page's main thread ran tasks."""
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable")
    await asyncio.sleep(1)
    before = _metrics(await session.send("Performance.getMetrics"))
    await asyncio.sleep(_WATCHED_S)
    after = _metrics(await session.send("Performance.getMetrics"))
    wall_s = after["Timestamp"] - before["Timestamp"]
    return (after["TaskDuration"] - before["TaskDuration"]) / wall_s


def _metrics(said: dict[str, Any]) -> dict[str, float]:
    return {each["name"]: each["value"] for each in said["metrics"]}


async def _flattened(data_dir: Path) -> list[float]:
    """FLATTEN at a real run, again and again; between two the kill is lifted by its port."""
    address_of(data_dir)
    async with chromium() as browser:
        return await _clicks(browser, data_dir)


async def _clicks(browser: Browser, data_dir: Path) -> list[float]:
    trader = running_trader(data_dir)
    if trader is None:
        raise RuntimeError("the run has no operator port")
    async with signed_in(browser, data_dir, _WATCH) as page:
        for number in range(_CLICKS):
            await page.get_by_role("button", name="FLATTEN", exact=True).click()
            await page.locator("dialog .confirm").click()
            await page.locator("[data-testid=act].done").first.wait_for()
            lifted = {"type": "resume", "id": f"bench-{number}", "reason": "measured"}
            await asyncio.to_thread(trader.post, "/api/resume", lifted, 5.0)
            await page.get_by_role("button", name="Dismiss FLATTEN").click()
        return list(await page.evaluate("bench.shown"))


SIZE_GROUP = Group(name="page", rows=("console_scripts",), measure=measure_size)
GROUP = Group(
    name="console",
    rows=("console_first_row", "console_painted", "console_busy", "console_flatten"),
    measure=measure_page,
)
LANE_GROUP = Group(name="console-lane", rows=("console_lane",), measure=measure_lane)
