"""The simulator itself: the same everywhere, busy, and not blind."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from research.simulation.campaign import Campaign, parse_seeds
from research.simulation.chance import Chance
from research.simulation.run import Outcome, simulate
from research.simulation.workshop import patched
from trading.errors import SetupError

ROOT = Path(__file__).parents[2]
SEEDS = range(1, 7)
_ELSEWHERE = (
    "from research.simulation.run import simulate\n"
    "for seed in {seeds}:\n"
    "    one = simulate(seed)\n"
    "    print(one.journal_hash, one.messages, one.faults)"
)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """A few seeds, run here."""
    return [simulate(seed) for seed in SEEDS]


@pytest.fixture
def outcome(outcomes: list[Outcome]) -> Outcome:
    """One of them."""
    return outcomes[-1]


@pytest.mark.parametrize("hash_seed", ["0", "99"])
def test_a_seed_gives_the_same_journal_in_another_process(
    outcomes: list[Outcome], hash_seed: str
) -> None:
    """WD-5: nothing but the seed decides, whatever the order of sets is elsewhere."""
    done = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE.format(seeds=SEEDS)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    here = [f"{one.journal_hash} {one.messages} {one.faults}" for one in outcomes]
    assert done.stdout.splitlines() == here


def test_another_seed_gives_another_journal(outcome: Outcome) -> None:
    """WD-5: a seed decides something."""
    assert simulate(outcome.seed + 1).journal_hash != outcome.journal_hash


def test_a_draw_depends_on_its_purpose_and_moves_no_other() -> None:
    """WD-5: a draw that is added somewhere changes nothing elsewhere."""
    plain, crowded = Chance(3), Chance(3)
    first = [plain.ratio("a") for _ in range(3)]
    for number in range(5):
        crowded.ratio(f"other {number}")
    assert [crowded.ratio("a") for _ in range(3)] == first
    assert len(set(first)) == 3


def test_seeds_are_a_range_or_a_number() -> None:
    """WD-5: what cannot be meant is refused with what was expected."""
    assert parse_seeds("3..5") == range(3, 6)
    assert parse_seeds("4") == range(4, 5)
    for text in ("5..3", "a..b", "", "-1..2"):
        with pytest.raises(SetupError, match=r"expected A\.\.B"):
            parse_seeds(text)


def test_a_report_names_each_failing_seed(outcome: Outcome) -> None:
    """WD-5: seeds, findings, hits and speed stand in one line."""
    campaign = Campaign()
    campaign.take(replace(outcome, findings=[]))
    campaign.take(replace(outcome, findings=[("an invariant", "was broken")]))
    report = campaign.report()
    assert report["failing"] == [
        {"seed": outcome.seed, "finding": "an invariant: was broken", "broken": ["an invariant"]}
    ]
    assert report["seeds"] == 2
    assert report["messages"] == 2 * outcome.messages
    assert report["hits"]["point.stage"] == 2 * outcome.hits["point.stage"]


def test_a_patch_that_does_not_fit_is_refused() -> None:
    """WD-5: a fault that is not there any more is an error, not a fault that nobody saw."""
    path = "actors/rounds.py"
    patch = f"--- a/{path}\n+++ b/{path}\n@@ -1,1 +1,1 @@\n-no such line\n+another\n"
    with pytest.raises(SetupError, match="found it 0 times"):
        patched(patch)
    with pytest.raises(SetupError, match="found no change"):
        patched("")
    with pytest.raises(SetupError, match="is not in"):
        patched(patch.replace(path, "actors/nowhere.py"))
