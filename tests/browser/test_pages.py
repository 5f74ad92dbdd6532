"""The console in Debian's Chromium: every page whole, reachable, and true when things break."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import pytest
from playwright.async_api import Page

from tests.browser.stage import ROOT, SHOTS, Stage, act_is, link_is, why_not
from tests.console.console_client import eventually
from tests.console.fake_trader import row
from tests.console.recorded import POSITION

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

MINUS: Final = "\N{MINUS SIGN}"
TIMES: Final = "\N{MULTIPLICATION SIGN}"
AXE: Final = ROOT / "console/web/node_modules/axe-core/axe.min.js"
PAGES: Final = {  # and what stands on each once all of it has come
    "command": ("Open positions", "text=monitoring"),
    "instrument": ("What strategies say", "[aria-label*='50 bars, VWAP and 2 fills'] canvas"),
    "risk": ("Protections", "text=max_notional"),
    "trades": ("Trades", "td >> text=+496.00"),
    f"post-mortem?about={POSITION}": ("Post-mortem", "iframe"),
    "system": ("Supervision tree", "text=first to last"),
    "logs": ("Journal", "tr:has-text('TradeClosed')"),
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One browser for all of them."""
    made = Stage(tmp_path_factory.mktemp("browser"))
    yield made
    made.close()


Scenario = Callable[[Page], Awaitable[None]]


def _play(stage: Stage, scenario: Scenario, **options: Any) -> None:
    """A page of its own, signed in and live, closed at the end."""

    async def played() -> None:
        stage.trader.kills.clear()
        page = await stage.page(**options)
        try:
            await scenario(page)
        finally:
            await page.context.close()

    stage.do(played())


async def _open(page: Page, place: str) -> None:
    await page.evaluate("place => { location.hash = '#/' + place }", place)
    heading, content = PAGES[place]
    await page.get_by_role("heading", name=heading, level=2).first.wait_for()
    await page.locator(content).first.wait_for()
    if content == "iframe":
        await page.frame_locator(content).get_by_role("img", name="Price of ES").wait_for()


# --- every page -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_is_whole_at_every_width_and_in_both_colours(
    stage: Stage, width: int, scheme: str
) -> None:
    """UI-10: nothing is cut off sideways, the kill buttons are in sight, no script complains.

    Names, roles, contrast and order are judged by axe-core, a dialog included.
    """
    SHOTS.mkdir(parents=True, exist_ok=True)

    async def scenario(page: Page) -> None:
        found: dict[str, list[str]] = {}
        for place in PAGES:
            await _open(page, place)
            name = place.partition("?")[0]
            await page.screenshot(path=SHOTS / f"{name}-{width}-{scheme}.png")
            over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert over <= 0, f"{place} is {over} px too wide"
            for level in ("PAUSE", "FLATTEN", "EMERGENCY"):
                box = await page.get_by_role("button", name=level, exact=True).bounding_box()
                assert box is not None, level
                assert box["x"] >= 0, level
                assert box["x"] + box["width"] <= width, level
            found[place] = await _axe(page)
        await page.get_by_role("button", name="EMERGENCY").click()
        found["dialog"] = await _axe(page)
        assert {place: faults for place, faults in found.items() if faults} == {}

    stage.faults.clear()
    _play(stage, scenario, width=width, height=844 if width < 500 else 900, scheme=scheme)
    assert stage.faults == []


def test_the_open_positions_are_whole_on_a_laptop(stage: Stage) -> None:
    """UI-1, UI-10: at 1240 px no column of the positions is behind the panel's edge."""

    async def scenario(page: Page) -> None:
        await _open(page, "command")
        table = page.get_by_role("group", name="Open positions")
        assert await table.get_by_role("link", name="monitoring").is_visible()
        over = await table.evaluate("each => each.scrollWidth - each.clientWidth")
        assert over <= 0, f"{over} px are cut off"

    _play(stage, scenario, width=1240, height=700)


async def _axe(page: Page) -> list[str]:
    # By evaluation, since the page's own policy forbids foreign script elements.
    await page.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
    return list(
        await page.evaluate(
            """async () => (await axe.run(document, { resultTypes: ['violations'] })).violations
            .map(each => each.id + ': ' + each.nodes.slice(0, 3).map(n => n.html).join(' | '))"""
        )
    )


def test_everything_can_be_done_by_keys_alone(stage: Stage) -> None:
    """UI-10: pages by digits, PAUSE by p, FLATTEN asks and stands on Back; off while typing."""

    async def scenario(page: Page) -> None:
        for number, heading in ((3, "Protections"), (6, "Supervision tree"), (7, "Journal")):
            await page.keyboard.press(str(number))
            await page.get_by_role("heading", name=heading).wait_for()
        await page.keyboard.press("/")
        await page.keyboard.type("pf1")  # in the search field these are letters
        assert stage.trader.kills == []
        await page.evaluate("document.activeElement.blur()")

        await page.keyboard.press("f")
        back = page.get_by_role("button", name="Back")
        await back.wait_for()
        assert await back.evaluate("each => each === document.activeElement")
        text = await page.get_by_role("dialog").inner_text()
        assert "Cancel 2 orders, close 1 position (about 275,000) in PAPER" in text
        await page.keyboard.press("Escape")
        await back.wait_for(state="hidden")
        assert stage.trader.kills == []

        await page.keyboard.press("f")
        await back.wait_for()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        assert "2 cancelled, 1 closed" in await act_is(page, "done")

        await page.keyboard.press("Shift+E")
        stop = page.get_by_role("button", name="Stop everything")
        await stop.wait_for()
        assert await stop.is_disabled()
        await page.get_by_role("dialog").get_by_role("textbox").fill("EMERGENCY")
        await page.keyboard.press("Enter")
        await eventually(lambda: len(stage.trader.kills) == 2)
        assert [kill.level for kill in stage.trader.kills] == ["FLATTEN", "EMERGENCY"]

    _play(stage, scenario)


def test_the_page_of_risk_shows_where_each_protection_stands(stage: Stage) -> None:
    """RK-15: its state, its value beside its limit, and until when it cools down."""

    async def scenario(page: Page) -> None:
        await _open(page, "risk")
        panel = page.get_by_role("group", name="Protections")
        loss, cooling = (
            panel.get_by_role("row").filter(has_text=name) for name in ("Daily", "Cool")
        )
        text = await loss.inner_text()
        assert "armed" in text.lower()
        assert "123.00" in text
        assert "1,000.00" in text
        text = await cooling.inner_text()
        assert "cooling" in text.lower()
        assert ":" in text.splitlines()[-1], "until when"

    _play(stage, scenario)


def test_the_page_of_risk_lists_what_is_asserted(stage: Stage) -> None:
    """UI-3, WD-5: each of the ten with whether it holds, as the trader tells it."""

    async def scenario(page: Page) -> None:
        await _open(page, "risk")
        board = page.get_by_label("What is asserted").get_by_role("listitem")
        await board.first.wait_for()
        assert await board.count() == 10
        assert "holds" in await board.first.inner_text()

    _play(stage, scenario)


def test_the_page_of_risk_tells_the_history_of_stops_and_targets(stage: Stage) -> None:
    """UI-3: planned with the entry, and what was reached."""

    async def scenario(page: Page) -> None:
        await _open(page, "risk")
        rows = page.get_by_role("group", name="Stops and targets").locator("tbody tr")
        await rows.first.wait_for()
        told = [" ".join((await row.inner_text()).split()) for row in await rows.all()]
        assert "reached TAKE_PROFIT: 2,740 against 2,739" in told[0]
        assert "planned stop 0.3 % from the entry, target at 2 R" in told[1]

    _play(stage, scenario)


def test_the_command_center_shows_parameters_and_targets(stage: Stage) -> None:
    """UI-1: each strategy with its parameters, each position with its target and the way to it."""

    async def scenario(page: Page) -> None:
        await _open(page, "command")
        said = page.locator("section", has=page.get_by_role("heading", name="Strategies"))
        await said.get_by_text("Parameters").click()
        assert "stop ratio\n0.003" in await said.inner_text()
        position = page.get_by_role("group", name="Open positions").locator("tbody tr")
        assert "2,780.00" in await position.inner_text()
        assert "1.09 %" in await position.inner_text()

    _play(stage, scenario)


def test_the_page_of_risk_shows_the_figure_of_each_control_that_counts(stage: Stage) -> None:
    """UI-3, KC-6: not "as configured" but what it is, and when more was asked for than counts."""

    async def scenario(page: Page) -> None:
        await _open(page, "risk")
        panel = page.get_by_role("group", name="Controls")
        line = panel.get_by_role("row").filter(has_text="max_position")
        assert (await line.locator("td").nth(1).inner_text()).split() == ["5"]
        wide = await panel.get_by_role("row").filter(has_text="max_notional").inner_text()
        assert "40,000" in wide
        assert "asked for 90,000, the configuration allows less" in wide

    _play(stage, scenario)


def test_the_page_of_the_system_shows_what_runs_and_how_well(stage: Stage) -> None:
    """UI-7: the tree with what happened to each, and the health; its essentials on every page."""

    async def scenario(page: Page) -> None:
        for place in PAGES:
            await _open(page, place)
            bar = page.get_by_role("banner")
            assert await bar.get_by_test_id("complete").inner_text() == "97.8 %"
            assert await bar.get_by_test_id("lease").inner_text() == f"held {MINUS}12.0 ms"
            assert await bar.get_by_test_id("feed-age").inner_text()
        await _open(page, "system")
        tree = page.get_by_role("group", name="Supervision tree")
        row = tree.get_by_role("row").filter(has_text="strategy:vwap")
        cells = await row.get_by_role("cell").all_inner_texts()
        assert cells[1:] == ["running", "1", "1", "0", "1", "1.00 ms", "ZeroDivisionError"]
        health = await page.locator("dl", has_text="ready to trade").inner_text()
        for fact in (
            "host/1",
            f"venue {MINUS}12.0 ms, ntp did not answer",
            "es fresh, 97.8 % complete",
        ):
            assert fact in health
        closed = page.get_by_role("group", name="Breakers").get_by_role("row")
        assert "closed" in await closed.filter(has_text="orders").inner_text()
        stages = page.get_by_role("group", name="Latency").get_by_role("row")
        assert await stages.count() > 1

    _play(stage, scenario)


# --- signing in -----------------------------------------------------------------------------------


def test_the_link_signs_in_and_leaves_no_code_behind(stage: Stage) -> None:
    """UI-9: the code is gone from the address; a wrong token is told."""

    async def scenario(_: Page) -> None:
        context = await stage.context()
        other = await context.new_page()
        await other.goto(stage.link)
        await link_is(other, "live")
        assert "code" not in other.url
        await context.clear_cookies()
        await other.goto(stage.link)
        await other.reload()
        await other.get_by_label("Operator's token").fill("a guess")
        await other.keyboard.press("Enter")
        await other.get_by_role("alert").get_by_text("the token is wrong").wait_for()
        await context.close()

    _play(stage, scenario)


# --- true when things break -----------------------------------------------------------------------


def test_a_silent_trader_makes_everything_on_the_page_old(stage: Stage) -> None:
    """UI-8: the stream stops: stale, ages go on growing, no figure looks alive, buttons stay."""

    async def scenario(page: Page) -> None:
        balance = page.get_by_test_id("balance")
        alive = await balance.evaluate("each => getComputedStyle(each).color")
        stage.trader.is_silent = True
        try:
            await link_is(page, "stale")
            assert await balance.evaluate("each => getComputedStyle(each).color") != alive
            age = page.get_by_test_id("feed-age").first
            assert "unknown" in (await age.get_attribute("class") or "")
            assert await page.get_by_role("button", name="FLATTEN").is_enabled()
        finally:
            stage.trader.is_silent = False
        await link_is(page, "live")

    _play(stage, scenario)


def test_a_console_that_dies_is_down_and_comes_back_without_a_gap(stage: Stage) -> None:
    """UI-8: the server is killed: down; started again: live, and told what happened meanwhile."""

    async def scenario(page: Page) -> None:
        first = 1000  # after all that the record holds
        stage.trader.make_durable(row(first))
        await page.get_by_label("Activity").get_by_text(f'{{"n":{first}}}').wait_for()
        port = await stage.stop_console()
        await link_is(page, "down")
        stage.trader.make_durable(row(first + 1))
        await stage.start_console(port)
        await link_is(page, "live")
        for number in (first, first + 1):
            shown = page.get_by_label("Activity").get_by_text(f'{{"n":{number}}}')
            await shown.wait_for()
            assert await shown.count() == 1

    _play(stage, scenario)


def test_a_trader_that_is_gone_is_down_too(stage: Stage) -> None:
    """UI-8: nobody trades, and the page says so by itself; here the record says that it ended."""

    async def scenario(page: Page) -> None:
        await stage.stop_trader()
        await link_is(page, "ended")
        assert "run ended" in await page.get_by_test_id("link").inner_text()
        await page.get_by_role("button", name="PAUSE", exact=True).click()
        assert "holdfast kill PAUSE" in await act_is(page, "unknown")
        await stage.start_trader()
        await link_is(page, "live")
        assert stage.trader.kills == []

    _play(stage, scenario)


def test_a_double_click_acts_once(stage: Stage) -> None:
    """UI-8, KC-1: two quick clicks are one PAUSE."""

    async def scenario(page: Page) -> None:
        stage.trader.answers_at_once = False
        try:
            await page.get_by_role("button", name="PAUSE", exact=True).dblclick()
            await eventually(lambda: bool(stage.trader.kills))
            assert "holdfast kill PAUSE" in await act_is(page, "unknown")  # no answer for 2 s
            assert len(stage.trader.kills) == 1
            stage.trader.finish(stage.trader.kills[0].id)
            assert "2 cancelled, 1 closed" in await act_is(page, "done")
        finally:
            stage.trader.answers_at_once = True

    _play(stage, scenario)


def test_an_act_over_a_reconnect_acts_once(stage: Stage) -> None:
    """UI-8: the click was sent, the console died: it is asked again with the same id."""

    async def scenario(page: Page) -> None:
        stage.trader.answers_at_once = False
        try:
            await page.get_by_role("button", name="PAUSE", exact=True).click()
            await eventually(lambda: bool(stage.trader.kills))
            port = await stage.stop_console()
            await link_is(page, "down")
            await stage.start_console(port)
            await link_is(page, "live")
            stage.trader.finish(stage.trader.kills[0].id)
            await act_is(page, "done")
            assert len(stage.trader.kills) == 1
        finally:
            stage.trader.answers_at_once = True

    _play(stage, scenario)


def test_lowering_a_limit_is_one_click_and_raising_asks_for_the_account(stage: Stage) -> None:
    """KC-6, UI-9: nothing that adds risk goes by one click."""

    async def scenario(page: Page) -> None:
        stage.trader.changes.clear()
        await _open(page, "risk")
        line = page.locator("tr", has_text="max_position")  # the trader has it at 5
        await line.get_by_role("textbox").fill("4")
        await line.get_by_role("button", name="Set").click()
        await eventually(lambda: len(stage.trader.changes) == 1)
        await line.get_by_role("textbox").fill("6")
        await line.get_by_role("button", name="Set").click()
        confirm = page.get_by_role("button", name="Raise")
        await confirm.wait_for()
        assert await confirm.is_disabled()
        await page.get_by_role("dialog").get_by_role("textbox").fill("main")
        await confirm.click()
        await eventually(lambda: len(stage.trader.changes) == 2)
        assert [change.value for change in stage.trader.changes] == ["4", "6"]

    _play(stage, scenario)


def test_the_page_of_an_instrument_shows_its_book_and_what_its_strategies_see(stage: Stage) -> None:
    """UI-2: prices, bid and ask with their sizes, the last no-trade reason, the feed's age."""

    async def scenario(page: Page) -> None:
        await _open(page, "instrument")
        book = page.locator("section", has=page.get_by_role("heading", name="Book"))
        assert (await book.locator("dd").all_inner_texts())[:3] == [
            f"7 {TIMES} 2,750.25",
            f"4 {TIMES} 2,749.75",
            "0.50",
        ]
        said = page.locator("section", has=page.get_by_role("heading", name="What strategies say"))
        assert "IN_POSITION".replace("_", " ").lower() in (await said.inner_text()).lower()
        now = page.locator("section", has=page.get_by_role("heading", name="Now", exact=True))
        shown = await now.inner_text()
        assert "2,750.00" in shown
        assert "2,725.00" in shown
        assert "feed " in shown

    _play(stage, scenario)


def test_the_page_of_an_instrument_shows_its_window(stage: Stage) -> None:
    """UI-2, MD-10: when a binary window ends, what it began at, and where its prices stand."""

    async def scenario(page: Page) -> None:
        await _open(page, "instrument")
        window = page.locator("section", has=page.get_by_role("heading", name="Window"))
        said = " ".join((await window.inner_text()).split())
        assert "btc/usd ends 10:22:00 2 min at its start 100,000.00" in said
        assert "reference oracle 100,250.00 0.250 %" in said
        assert "spot exchange" in said

    _play(stage, scenario)


def test_live_cannot_be_mistaken_for_paper(stage: Stage) -> None:
    """UI-1: the bar of a LIVE run differs in word, colour and width, and can be read."""

    async def scenario(page: Page) -> None:
        header = page.get_by_role("banner")
        paper = await header.evaluate("each => getComputedStyle(each).backgroundColor")
        stage.trader.mode = "LIVE"
        try:
            await page.get_by_role("banner").get_by_text("LIVE", exact=True).wait_for()
            assert await _axe(page) == []
            live = await header.evaluate("each => getComputedStyle(each).backgroundColor")
            box = await header.bounding_box()
        finally:
            stage.trader.mode = "PAPER"
        assert live != paper
        assert box is not None
        assert box["width"] == 1440

    _play(stage, scenario)


def test_the_kill_page_works_without_scripts(stage: Stage) -> None:
    """KC-1: the console leads to the trader's own form, which needs neither script nor console."""

    async def scenario(_: Page) -> None:
        context = await stage.context(java_script_enabled=False)
        page = await context.new_page()
        await page.goto(f"{stage.url}/kill")
        assert not page.url.startswith(stage.url)
        await page.locator("input[name=token]").fill(
            await asyncio.to_thread((stage.data_dir / "operator.token").read_text)
        )
        await page.locator("button[value=PAUSE]").click()
        await eventually(lambda: bool(stage.trader.kills))
        assert stage.trader.kills[0].by.startswith("page")
        await context.close()

    _play(stage, scenario)
