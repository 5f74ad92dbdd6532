"""The canary over windows of the simulator: bought, decided, settled, paid; the venue judges."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.live import ROOT, Live, Venue, live, simulator
from tests.support.polymarket import FAST, at_polymarket, config, outcome
from trading.config import Config, Strategy

PAGE = ROOT / "docs" / "how-to" / "canary.md"
WINDOWS = 20
LENGTH_S = 5.0
EVERY_S = 0.7
IN_S = 15.0
"""Until the first one: every outcome is asked for at the start."""
LEAD_MS = 2_500
ONE = 100_000_000


def canaries(folder: Path, windows: list[dict[str, Any]], base: Config) -> Config:
    """One canary of the page for each outcome of each window."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    replace = msgspec.structs.replace
    chosen = [(token, each["ends_ns"]) for each in windows for token in each["tokens"]]
    strategies = []
    for number, (token, ends_ns) in enumerate(chosen, start=1):
        (folder / f"canary_{number}.py").write_text(code)
        settings = {"ends_ms": ends_ns // 1_000_000, "lead_ms": LEAD_MS}
        strategies.append(Strategy(name=f"canary_{number}", instrument=token, parameters=settings))
    return replace(
        base,
        run=replace(base.run, strategies_dir=str(folder)),
        input=replace(base.input, cadence_s=1),
        instruments=tuple(replace(base.instruments[0], symbol=token) for token, _ in chosen),
        strategies=tuple(strategies),
        limits=replace(base.limits, positions_max=2 * len(windows)),
    )


async def print_prices(where: Venue, windows: list[dict[str, Any]]) -> None:
    """Somebody trades a share of each window again and again, so that there are bars."""
    while True:
        for window in windows:
            book = await where.get(f"/admin/books/{window['symbol']}")
            if book["sell"]:
                taken = {"symbol": window["symbol"], "side": "buy", "price": "0.99", "qty": "1"}
                await where.post("/admin/trade", taken)
        await asyncio.sleep(0.2)  # the market's own pace


@asynccontextmanager
async def beside(*plays: Any) -> AsyncIterator[None]:
    """Each goes on until the end."""
    tasks = [asyncio.create_task(play) for play in plays]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def closed(desk: Live) -> list[dict[str, Any]]:
    """The trades that ended."""
    return desk.payloads("TradeClosed")


@pytest.mark.timeout(180)
def test_the_canary_is_paid_what_each_of_twenty_windows_was_decided_to_be_worth(
    tmp_path: Path,
) -> None:
    """SG-5, MD-8, MD-10: unattended; every trade ends by settlement, the money is the venue's."""

    async def play(told: dict[str, str]) -> None:
        async with at_polymarket(told) as where:
            await where.post("/admin/settlement", FAST)
            asked = {"count": WINDOWS, "in_s": IN_S, "seconds": LENGTH_S, "every_s": EVERY_S}
            windows = await where.post("/admin/windows", asked)
            base = config(await outcome(where))
            chosen = canaries(tmp_path, windows, base)
            first = windows[0]["tokens"][0]
            cash = Decimal((await where.truth())["cash"])
            market = print_prices(where, windows)
            async with (
                live(where, tmp_path / "data", config=chosen, symbol=first) as desk,
                beside(
                    market,
                    desk.trader.follow_resolutions(every_s=1.0),
                    desk.trader.follow_prices(),
                ),
            ):
                await desk.ready()
                tokens = {token for each in windows for token in each["tokens"]}
                async with asyncio.timeout(IN_S + LENGTH_S * 3 + WINDOWS * EVERY_S + 30):
                    while len(desk.payloads("MarketResolved")) < len(tokens) or not desk.is_flat:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                await judge(desk, where, cash)

    with simulator(venue="polymarket") as told:
        asyncio.run(play(told))


def refusals(desk: Live) -> dict[str, int]:
    """Why entries did not come to be."""
    checks = [check for each in desk.payloads("VerdictGiven") for check in each["failed"]]
    ends = [each["cause"] for each in desk.payloads("OrderChanged") if each["new"] != "FILLED"]
    return Counter([f"{check['name']}: {check['detail']}" for check in checks] + ends)


async def judge(desk: Live, where: Venue, cash: Decimal) -> None:
    """Each window was decided as venue and reference have it, each trade paid so; none failed."""
    for kind in ("WindowStarted", "WindowEnded"):
        marks = desk.payloads(kind)
        assert len(marks) == WINDOWS
        assert all(mark["reference"]["age_ns"] < ONE * 10 for mark in marks)
    truth = await where.truth()
    winners = {
        token
        for market in truth["markets"].values()
        for token in market["tokens"]
        if market["winner"] == ("Up" if token == market["tokens"][0] else "Down")
    }
    resolved = desk.payloads("MarketResolved")
    assert all(each["doubts"] == [] for each in resolved)
    worth = {each["instrument"]: each["worth_1e8"] for each in resolved}
    assert {token for token, worth_1e8 in worth.items() if worth_1e8} == set(worth) & winners
    trades = closed(desk)
    assert len(trades) >= WINDOWS // 2, refusals(desk)
    assert {each["reason"] for each in trades} == {"SETTLEMENT"}
    for trade in trades:
        assert trade["exit_1e8"] == worth[trade["instrument"]]
    assert not desk.payloads("AssertionFailed")
    assert {bool(worth[each["instrument"]]) for each in trades} == {True, False}
    ups = [mark["reference"]["price_1e8"] for mark in desk.payloads("WindowEnded")]
    assert len({*ups}) > 1, "the reference stood still"
    moved = sum(
        (-1 if fill["side"] == "BUY" else 1)
        * Decimal(fill["qty_1e8"]).scaleb(-8)
        * Decimal(fill["price_1e8"]).scaleb(-8)
        - Decimal(fill["fee_1e8"]).scaleb(-8)
        for fill in desk.payloads("OrderFilled")
    )
    assert round(Decimal(truth["cash"]) - cash, 4) == round(moved, 4)
