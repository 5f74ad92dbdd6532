"""The closing process at the other two venues: whatever bears our mark is off, then sold."""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from research.crash.market import ticker_config
from storage.connection import open_reader, record_path
from storage.guard_log import guard_lines
from tests.support.guard import TAG, Hook, Setting, setting, webhook
from tests.support.live import Venue, at_venue, simulator
from tests.support.process import RunningRun, running, within
from tests.support.stalling import until_traded
from tests.system.test_guard_kill import place_at_tradier
from tests.system.test_live_run_polymarket import make_market, set_up

LIMIT_S = 120.0
TRADES = 2
CLOSING = {
    "[venue]": "[closing]\nlimit_s = 60.0\nattempts_max = 2\n\n[venue]",
    "read_gap_s = 0.1": "read_gap_s = 0.5",
}
LEVELS = "SELECT payload ->> '$.new' FROM journal WHERE kind = 'KillLevelChanged' ORDER BY pos"


def held(truth: dict[str, Any]) -> float:
    """Units that the account holds, in the venue's own book."""
    return sum(abs(float(each["qty"])) for each in truth["positions"].values())


async def until_closed(venue: Venue, run: RunningRun, where: Setting, hook: Hook) -> None:
    """The trader is killed while something is held; the venue's book is empty in the end."""
    while not held(await venue.truth()):  # noqa: ASYNC110 - the venue's book
        await asyncio.sleep(0)
    os.kill(run.address.pid, signal.SIGKILL)
    await hook.until("closes what is open")
    await hook.until("nothing of ours is open", LIMIT_S)
    assert "0 positions stand" in await hook.until("trading is held until", LIMIT_S)
    truth = await venue.truth()
    assert (held(truth), truth["open_orders"]) == (0, 0)
    kinds = [line.kind for line in guard_lines(where.data_dir)]
    assert [each for each in kinds if each.startswith("Clos")] == ["Closing", "Closed"]
    assert await run.end(signal.SIGINT) == 3  # held for a person
    with contextlib.closing(open_reader(record_path(where.data_dir))) as record:
        levels = [level for (level,) in record.execute(LEVELS)]
    assert levels[-1] == "FLATTEN", levels


@contextlib.asynccontextmanager
async def guarded(
    folder: Path, told: dict[str, str], config: Path, names: tuple[str, str], broker: str
) -> AsyncIterator[tuple[RunningRun, Setting, Hook]]:
    """A live run at that venue, whose guard closes what is open."""
    async with webhook() as hook:
        changes = {**CLOSING, 'name = "alpaca"': f'name = "{broker}"'}
        where = setting(folder, told, names=names, webhook=hook.url, changes=changes)
        of_venue = ("--mode", "LIVE", "--broker", broker, "--url", told["url"])
        options = (*of_venue, "--config", str(config), "--guard", str(where.config))
        async with running(where.data_dir, *options) as run:
            yield run, where, hook


@pytest.mark.timeout(200)
def test_what_is_held_at_tradier_is_closed_by_a_fresh_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WD-6, KC-2: parents of ours are taken off, the shares sold, and both confirmed twice."""
    config = ticker_config(tmp_path)
    config.write_text(re.sub(r"(?m)^lot = \S+", "lot = 1", config.read_text(encoding="utf-8")))
    with simulator(venue="tradier") as told:
        monkeypatch.setenv("HOLDFAST_TRADIER_ACCOUNT", told["account"])
        monkeypatch.setenv("HOLDFAST_TRADIER_TOKEN", told["token"])

        async def play() -> None:
            names = ("account", "token")
            async with (
                at_venue(told) as venue,
                guarded(tmp_path, told, config, names, "tradier") as (run, where, hook),
            ):
                await until_traded(venue, TRADES, where.data_dir)
                share = {"class": "equity", "symbol": "SPY", "side": "buy", "quantity": "1"}
                limit = {"type": "limit", "price": "1.00"}
                place_at_tradier(told, f"{TAG}orphan", **share, **limit)
                await until_closed(venue, run, where, hook)

        within(play, LIMIT_S)


@pytest.mark.timeout(200)
def test_shares_of_an_outcome_at_polymarket_are_sold_by_a_fresh_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WD-6, KC-2, KC-10: also what was matched and not settled when the trader died."""
    config = set_up(tmp_path)
    with simulator("--still", venue="polymarket") as told:
        monkeypatch.setenv("HOLDFAST_POLYMARKET_ADDRESS", told["address"])
        monkeypatch.setenv("HOLDFAST_POLYMARKET_PRIVATE_KEY", told["private_key"])

        async def play() -> None:
            names = ("address", "private_key")
            async with (
                at_venue(told) as venue,
                making(venue),
                guarded(tmp_path, told, config, names, "polymarket") as (run, where, hook),
            ):
                await until_traded(venue, TRADES, where.data_dir)
                await until_closed(venue, run, where, hook)

        within(play, LIMIT_S)


@contextlib.asynccontextmanager
async def making(venue: Venue) -> AsyncIterator[None]:
    """Somebody makes a market meanwhile."""
    market = asyncio.create_task(make_market(venue))
    try:
        yield
    finally:
        market.cancel()
        await asyncio.gather(market, return_exceptions=True)
