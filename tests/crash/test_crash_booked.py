"""kill -9 in the very moment in which the venue has an order and we know nothing of it."""

import asyncio
import os
from pathlib import Path

import pytest

from research.crash.live import LiveRounds, venue

ROUNDS = 50 if os.environ.get("HOLDFAST_SOAK") else 4
JOBS = 3  # most of their time is spent waiting


@pytest.mark.timeout(60 + ROUNDS * 10)
def test_an_order_that_is_booked_and_not_journaled_is_one_order(tmp_path: Path) -> None:
    """ST-1, EX-6: each time exactly there, entries and exits in turn; the venue's audit judges.

    The venue holds answer and events back and says when it has booked, so no round misses.
    """
    waiting = list(range(ROUNDS))
    points: list[str] = []
    found: list[str] = []

    async def work(worker: int) -> None:
        folder = tmp_path / f"venue-{worker}"
        folder.mkdir()
        async with venue(7 + worker) as where:
            desk = LiveRounds(folder, where)
            while waiting:
                number = waiting.pop()
                cut = await desk.booked(number, is_exit=number % 2 == 1)
                points.append(cut.point)
                wrong = cut.findings
                found.extend((*wrong.orphans, *wrong.duplicates, *wrong.lost))

    async def play() -> None:
        async with asyncio.TaskGroup() as group:
            for worker in range(JOBS):
                group.create_task(work(worker))

    asyncio.run(play())
    assert found == []
    assert sorted(points) == ["entry booked"] * (ROUNDS // 2) + ["exit booked"] * (ROUNDS // 2)
