"""Many crash rounds: drawn from a seed, run side by side, counted, and told in one line."""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol

from research.crash.live import LiveRounds, venue
from research.crash.paper import PaperRounds
from research.crash.plan import POINTS
from research.crash.process import Round, RoundFailedError
from trading.run_options import Mode

MODES: Final = (Mode.PAPER, Mode.LIVE)
Told = Callable[[int, int], None]
"""Hears how many rounds are done, and of how many."""


class _Desk(Protocol):
    async def round(self, number: int, point: str, random: Random) -> Round:
        """Run one round."""


@dataclass(slots=True)
class Campaign:
    """What the rounds came to.

    Attributes:
        failed: Rounds that did not come to their end, and why.
    """

    rounds: list[Round] = field(default_factory=list)
    failed: list[tuple[int, str, str, str]] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether every round came to its end, and nothing was found in any."""
        return not self.failed and not any(each.findings for each in self.rounds)

    def report(self) -> dict[str, Any]:
        """As `holdfast crash-test --json` prints it."""
        by_point = [
            {"mode": str(mode), "point": point, **_sum(chosen)}
            for mode in MODES
            for point in POINTS
            if (chosen := [e for e in self.rounds if (e.mode, e.point) == (mode, point)])
        ]
        findings = [
            {"round": each.number, "mode": each.mode, "point": each.point, "finding": text}
            for each in self.rounds
            for texts in (each.findings.orphans, each.findings.duplicates, each.findings.lost)
            for text in texts
        ]
        failed = [
            {"round": number, "mode": mode, "point": point, "finding": text}
            for number, mode, point, text in self.failed
        ]
        total = _sum(self.rounds)
        return {
            **total,
            "rounds": len(self.rounds) + len(self.failed),
            "failed": len(self.failed),
            "by_point": by_point,
            "findings": failed + findings,
        }


def _sum(rounds: Sequence[Round]) -> dict[str, Any]:
    recover_ms = sorted(each.recover_ms for each in rounds)
    return {
        "rounds": len(rounds),
        "states": dict(sorted(Counter(each.state for each in rounds).items())),
        "orphans": sum(len(each.findings.orphans) for each in rounds),
        "duplicates": sum(len(each.findings.duplicates) for each in rounds),
        "lost": sum(len(each.findings.lost) for each in rounds),
        "recover_ms_p50": _quantile(recover_ms, 0.50),
        "recover_ms_p99": _quantile(recover_ms, 0.99),
    }


def _quantile(ascending: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of them does not exceed."""
    if not ascending:
        return None
    place = -(-len(ascending) * share // 1)
    return round(ascending[max(0, int(place) - 1)], 1)


def cells(modes: Sequence[Mode], rounds: int) -> list[tuple[Mode, str]]:
    """Mode and point of each round: every cell as often as any other, or once more."""
    matrix = [(mode, point) for point in POINTS for mode in modes]
    return [matrix[number % len(matrix)] for number in range(rounds)]


async def run(
    rounds: int, *, modes: Sequence[Mode] = MODES, seed: int = 7, jobs: int = 4, told: Told
) -> Campaign:
    """Run that many rounds, `jobs` of them at a time, in a folder of their own."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-crash-"))
    try:
        return await _run(cells(modes, rounds), folder, seed, jobs, told)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run(
    wanted: Sequence[tuple[Mode, str]], folder: Path, seed: int, jobs: int, told: Told
) -> Campaign:
    campaign, waiting = Campaign(), list(enumerate(wanted))[::-1]
    paper = await _paper(folder, wanted)

    async def work(worker: int) -> None:
        async with AsyncExitStack() as stack:
            live: _Desk | None = None
            while waiting:
                number, (mode, point) = waiting.pop()
                if mode is Mode.LIVE and live is None:
                    where = await stack.enter_async_context(venue(seed + worker))
                    own = folder / f"venue-{worker}"
                    own.mkdir()
                    live = LiveRounds(own, where)
                desk = paper if mode is Mode.PAPER else live
                await _one(campaign, desk, (number, mode, point), seed)
                told(len(campaign.rounds) + len(campaign.failed), len(wanted))

    async with asyncio.TaskGroup() as group:
        for worker in range(min(jobs, len(wanted))):
            group.create_task(work(worker))
    campaign.rounds.sort(key=lambda each: each.number)
    return campaign


async def _paper(folder: Path, wanted: Sequence[tuple[Mode, str]]) -> _Desk | None:
    if not any(mode is Mode.PAPER for mode, _ in wanted):
        return None
    own = folder / "paper"
    own.mkdir()
    paper = PaperRounds(own)
    await paper.prepare()
    return paper


async def _one(
    campaign: Campaign, desk: _Desk | None, cell: tuple[int, Mode, str], seed: int
) -> None:
    number, mode, point = cell
    if desk is None:
        raise RuntimeError(f"nobody runs rounds in {mode}")
    chance = Random(f"{seed}/{number}/{mode}/{point}")  # noqa: S311 - which visit, no secret
    try:
        campaign.rounds.append(await desk.round(number, point, chance))
    except RoundFailedError as error:
        campaign.failed.append((number, mode, point, str(error)))
