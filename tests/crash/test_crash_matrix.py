"""kill -9 at every named point, in PAPER and in LIVE: the venue's book and ours tell one story."""

import asyncio
import os
from pathlib import Path

import pytest

from research.crash import campaign
from research.crash.books import read_paper_venue, read_record
from research.crash.judge import compare, compare_trades
from research.crash.paper import PaperRounds
from research.crash.plan import POINTS, Plan
from research.crash.process import KILLED, expect
from trading.run_options import ExitCode

ROUNDS = 200 if os.environ.get("HOLDFAST_SOAK") else 28
"""Each point twice in each mode."""
OPEN_LEAST_RATIO = 0.5
JOBS = 3  # most of their time is spent waiting, and other tests run beside them


@pytest.mark.timeout(ROUNDS * 20)
def test_a_trader_that_is_killed_anywhere_leaves_no_orphan_and_no_duplicate() -> None:
    """ST-1, ST-2, EX-4, EX-6, KC-4: nothing lost, nothing doubled, nothing left over."""
    found = asyncio.run(campaign.run(ROUNDS, jobs=JOBS, told=lambda *_: None))
    report = found.report()
    assert report["findings"] == []
    assert found.is_clean
    assert {(each["mode"], each["point"]) for each in report["by_point"]} == {
        (mode, point) for mode in campaign.MODES for point in POINTS
    }
    assert all(each.recover_ms > 0 for each in found.rounds)
    nothing = report["states"].get("nothing", 0)
    assert ROUNDS - nothing >= ROUNDS * OPEN_LEAST_RATIO, report["states"]


@pytest.mark.timeout(120)
def test_a_recovery_that_is_killed_is_recovered(tmp_path: Path) -> None:
    """ST-2, EX-4: kill -9 four times in a row, three of them in what goes on after a recovery."""
    cuts = [("mid-fill", 40), ("released", 1), ("exit pending", 1), ("mid-fill", 7)]

    async def play() -> None:
        paper = PaperRounds(tmp_path)
        calm = await paper.undisturbed(Plan(options=""), "calm")
        data_dir = tmp_path / "again"
        for number, (point, occurrence) in enumerate(cuts):
            plan = Plan(options="", point=point, occurrence=occurrence)
            await expect(paper.plan(data_dir, plan, recover=number > 0), data_dir, KILLED)
        before = read_record(data_dir)
        last = paper.plan(data_dir, Plan(options=""), recover=True)
        await expect(last, data_dir, ExitCode.DONE)
        after = read_record(data_dir)
        venue = read_paper_venue(data_dir, after.run, paper.venue)
        assert not compare(after.book, venue, before=before.book)
        assert not compare_trades(after.trades, calm.trades)
        assert after.state == "nothing"

    asyncio.run(play())
