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


@pytest.mark.timeout(180)
def test_an_order_that_was_released_and_never_written_is_proven_absent(tmp_path: Path) -> None:
    """EX-6, ST-2: SUBMITTED in our books is no proof that the venue has it; two look-ups are.

    It is neither believed nor sent again: its state is NOT_SENT, and trading goes on.
    """

    async def one(*, is_exit: bool) -> tuple[list[str], str]:
        folder = tmp_path / f"venue-{is_exit}"
        folder.mkdir()
        async with venue(7) as where:
            cut, state = await LiveRounds(folder, where).unwritten(0, is_exit=is_exit)
        wrong = cut.findings
        return [*wrong.orphans, *wrong.duplicates, *wrong.lost], state

    async def play() -> list[tuple[list[str], str]]:
        return list(await asyncio.gather(one(is_exit=False), one(is_exit=True)))

    assert asyncio.run(play()) == [([], "NOT_SENT"), ([], "NOT_SENT")]
