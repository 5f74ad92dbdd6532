"""The closing process: after the sweep a fresh trader gets out of what is open, and ends."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest

from storage.connection import open_reader, record_path
from storage.guard_log import guard_lines
from tests.support.guard import TAG, Hook, Setting, setting
from tests.support.live import Venue
from tests.support.process import RunningRun
from tests.system.test_guard_kill import place
from tests.system.test_guard_watch import ours_working, played

_LEVEL = "SELECT payload ->> '$.new' FROM journal WHERE kind = 'KillLevelChanged' ORDER BY pos"
CLOSING = {"[venue]": "[closing]\nlimit_s = 20.0\nattempts_max = 2\n\n[venue]"}


async def held(venue: Venue) -> float:
    """Units that the account holds, in the venue's own book."""
    positions = (await venue.truth())["positions"].values()
    return sum(abs(float(each["qty"])) for each in positions)


async def killed_with_a_position(venue: Venue, run: RunningRun) -> None:
    """SIGKILL in the second in which something is held."""
    while not await held(venue):  # noqa: ASYNC110 - the venue's book
        await asyncio.sleep(0)
    os.kill(run.address.pid, signal.SIGKILL)
    place(venue.told, f"{TAG}orphan")  # an order that works for certain


def kinds(where: Setting) -> list[str]:
    """What the guard noted, in order."""
    return [line.kind for line in guard_lines(where.data_dir)]


def test_what_a_dead_trader_held_is_closed_by_a_fresh_one_that_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WD-6, KC-2: swept, closed by the same actors, swept again; then a person decides."""

    async def scene(venue: Venue, run: RunningRun, where: Setting, hook: Hook) -> None:
        await killed_with_a_position(venue, run)
        await hook.until("closes what is open")
        await hook.until("nothing of ours is open")
        said = await hook.until("trading is held until")
        assert "0 positions stand" in said
        assert await held(venue) == 0
        assert await ours_working(venue) == 0
        assert [each for each in kinds(where) if each.startswith("Clos")] == ["Closing", "Closed"]
        assert await run.end(signal.SIGINT) == 3  # held for a person
        with contextlib.closing(open_reader(record_path(where.data_dir))) as record:
            levels = [level for (level,) in record.execute(_LEVEL)]
        assert levels[-1] == "FLATTEN", levels

    played(tmp_path, monkeypatch, scene, CLOSING)


def test_a_closing_process_that_fails_is_told_of_and_nothing_is_called_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WD-6, KC-5: it cannot read its configuration; trading is held, a person is told why."""

    async def scene(venue: Venue, run: RunningRun, where: Setting, hook: Hook) -> None:
        (tmp_path / "ticker.toml").write_text("no configuration", encoding="utf-8")
        await killed_with_a_position(venue, run)
        said = await hook.until("a person has to close what is open")
        assert "exit code 2" in said
        await hook.until("1 positions stand")
        assert await held(venue) > 0
        assert await ours_working(venue) == 0
        assert kinds(where).count("Closing") == 1, "what ends alike is not tried again"
        _, status, _ = await asyncio.to_thread(where.ask, "status")
        assert "positions are not closed" in status["response"]["outcome"]["why"]
        assert await run.end(signal.SIGINT) == 3

    played(tmp_path, monkeypatch, scene, CLOSING)


def test_a_guard_that_only_watches_cannot_close(tmp_path: Path) -> None:
    """UI-14: it starts no process; exit 2 says who can."""
    told = {"url": "http://127.0.0.1:9", "key": "K", "secret": "S"}
    where = setting(tmp_path, told, changes=CLOSING)
    code, _, said = where.ask("watch")
    assert code == 2
    assert "holdfast run --guard" in said
