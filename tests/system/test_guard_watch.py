"""The guard beside a live run: frozen, killed or gone, the trader leaves no order working."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from actors.operator_address import read_address
from research.crash.market import ticker_config
from storage.guard_log import guard_lines
from tests.support.guard import TAG, Hook, Setting, guarding, setting, webhook
from tests.support.live import Venue, at_venue, live, simulator
from tests.support.process import RunningRun, ask, running, within
from tests.support.stalling import until_traded
from tests.system.test_guard_kill import place

TRADES = 2
FROZEN_ONLY = {"may_kill = true": "may_kill = false"}


def played(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scene: Callable[[Venue, RunningRun, Setting, Hook], Awaitable[None]],
    changes: dict[str, str],
) -> None:
    """A guarded live run that trades every second at a venue of its own, and a webhook."""
    config = ticker_config(tmp_path)
    with simulator() as told:
        monkeypatch.setenv("HOLDFAST_ALPACA_KEY", told["key"])
        monkeypatch.setenv("HOLDFAST_ALPACA_SECRET", told["secret"])

        async def play() -> None:
            async with webhook() as hook, at_venue(told) as venue:
                where = setting(tmp_path, told, webhook=hook.url, changes=changes)
                arguments = guarded_run(where, config, told["url"])
                async with running(where.data_dir, *arguments) as run:
                    await until_traded(venue, 2 * TRADES, where.data_dir)
                    await scene(venue, run, where, hook)

        within(play)


def guarded_run(where: Setting, config: Path, url: str) -> tuple[str, ...]:
    """Options of a live run that this guard starts and watches."""
    of_venue = ("--mode", "LIVE", "--broker", "alpaca", "--url", url)
    return (*of_venue, "--config", str(config), "--guard", str(where.config))


async def ours_working(venue: Venue) -> int:
    """Orders with our tag that work, in the venue's own book."""
    over = {"filled", "canceled", "expired", "rejected", "replaced"}
    orders = (await venue.truth())["orders"]
    return sum(
        (each["client_order_id"] or "").startswith(TAG) and each["status"] not in over
        for each in orders
    )


async def written(venue: Venue) -> list[Any]:
    """Every request that may change something, as the venue got it."""
    requests = (await venue.get("/admin/audit"))["requests"]
    return [each for each in requests if each["method"] != "GET"]


def test_a_frozen_trader_leaves_no_order_working_and_cannot_send_when_it_thaws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WD-6, ST-5, KC-2: SIGSTOP in mid-session, no SIGKILL: fenced, swept, told; thawed, mute."""

    async def scene(venue: Venue, run: RunningRun, where: Setting, hook: Hook) -> None:
        os.kill(run.address.pid, signal.SIGSTOP)
        place(venue.told, f"{TAG}frozen")  # had left a moment before
        assert await ours_working(venue)
        said = await hook.until("no order of ours works at the venue")
        assert await ours_working(venue) == 0
        assert "trading is held" in said
        await hook.until("the lane stands still")
        before = await written(venue)
        os.kill(run.address.pid, signal.SIGCONT)  # SIGTERM waits for it: it stops by itself
        code = await run.end(signal.SIGINT)
        assert (code, [each for each in await written(venue) if each not in before]) == (3, [])
        kinds = [line.kind for line in guard_lines(where.data_dir)]
        assert kinds[:2] == ["Started", "Warned"]
        assert [kind for kind in kinds if kind in ("Fenced", "Killed", "Swept")] == [
            "Fenced",
            "Swept",
        ]
        again = await asyncio.to_thread(
            ask, "run", "--data-dir", str(where.data_dir), "--recover", "--headless"
        )
        assert again.code == 3
        assert "the guard holds trading" in again.err

    played(tmp_path, monkeypatch, scene, FROZEN_ONLY)


def test_a_killed_trader_is_seen_at_once_and_what_the_guard_did_is_journaled_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WD-6, KC-1, KC-4: PAUSE reaches the trader, SIGKILL is swept, a kill comes back as one."""

    async def scene(venue: Venue, run: RunningRun, where: Setting, hook: Hook) -> None:
        pause = ("kill", "PAUSE", "--reason", "a look first")
        code, answer, _ = await asyncio.to_thread(where.ask, *pause)
        assert (code, answer["is_trader_told"]) == (0, True)
        await run.until_event("KillLevelChanged", new="PAUSE")
        place(venue.told, f"{TAG}orphan")  # one that works for certain
        os.kill(run.address.pid, signal.SIGKILL)
        await hook.until("no order of ours works at the venue")
        assert await ours_working(venue) == 0
        assert await run.end(signal.SIGINT) == 3  # it was held for a person
        swept = [line.payload for line in guard_lines(where.data_dir) if line.kind == "Swept"]
        assert swept[0]["remaining"] == 0
        with guarding(where):  # one that only watches takes the hold up
            emergency = ("kill", "EMERGENCY", "--reason", "enough")
            code, _, _ = await asyncio.to_thread(where.ask, *emergency)
            assert code == 0
            code, _, said = await asyncio.to_thread(where.ask, "release", "--reason", "looked")
            assert code == 0, said
        arguments = guarded_run(where, tmp_path / "ticker.toml", venue.url)
        async with running(where.data_dir, *arguments, "--recover") as again:
            await again.until_event("KillLevelChanged", new="EMERGENCY", reason="enough")
            logged = [each for each in again.events if each["kind"] == "GuardLogged"]
            assert {"Fenced", "Swept", "Kill"} <= {each["payload"]["kind"] for each in logged}
            assert (await again.get("/health"))[1]["kill_level"] == "EMERGENCY"
            assert await again.end(signal.SIGINT) == 0

    played(tmp_path, monkeypatch, scene, {})


def test_a_trader_that_died_is_started_again_once_its_orders_are_off_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WD-6, ST-2: a restart waits for the sweep, the next one for a person, who lets it go on."""

    async def scene(venue: Venue, run: RunningRun, where: Setting, hook: Hook) -> None:
        place(venue.told, f"{TAG}orphan")
        os.kill(run.address.pid, signal.SIGKILL)
        await hook.until("the hold is lifted, 0 more this hour")
        done = len((await venue.truth())["executions"])
        await until_traded(venue, done + TRADES, where.data_dir)
        again = read_address(where.data_dir)
        assert again is not None
        assert again.pid != run.address.pid
        os.kill(again.pid, signal.SIGKILL)
        await hook.until("trading is held until")
        done = len((await venue.truth())["executions"])
        code = 3
        while code == 3:  # until the venue has shown two clean lists
            code, _, said = await asyncio.to_thread(where.ask, "release", "--reason", "looked")
        assert code == 0, said
        await until_traded(venue, done + TRADES, where.data_dir)
        assert await run.end(signal.SIGINT) == 0

    played(tmp_path, monkeypatch, scene, {"lifts_per_hour_max = 0": "lifts_per_hour_max = 1"})


def test_a_trader_that_goes_on_as_if_nothing_had_happened_sends_nothing(tmp_path: Path) -> None:
    """ST-5, WD-6: fenced with a position open, it wants to leave, and no byte leaves it."""
    with simulator() as told:

        async def play() -> None:
            async with at_venue(told) as venue:
                where = setting(tmp_path, told)
                async with live(venue, where.data_dir) as desk:
                    await desk.ready()
                    order = await desk.enter()
                    await desk.until(lambda: desk.state(order) == "FILLED", "a fill")
                    before = await written(venue)
                    # No page names this process: the guard fences it and cannot end it.
                    kill = ("kill", "FLATTEN", "--reason", "a test")
                    code, answer, _ = await asyncio.to_thread(where.ask, *kill)
                    assert (code, answer["positions"]) == (0, 1)
                    desk.leave()
                    counters = desk.trader.system.counters
                    await desk.until(lambda: counters.crashes > 0 or desk.is_flat, "its exit")
                    assert await written(venue) == before

        within(play)
