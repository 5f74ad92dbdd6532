"""Small faults in the project are found, each by the promise that it breaks.

Above each diff stand its promise and a seed. A usual run looks at that seed only, where the
promise must be broken, and no other unless the patch says so; it goes on from seed 1 when a change
has moved the worlds. Of the mutants of the compiled core two are built in a usual run, all of them
in `make soak`. Every patch is applied in every run: one that fits no more proves nothing.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from research.simulation.campaign import usual_jobs
from research.simulation.mutants import about, caught_by_one, hunt, hunt_all, not_hunted
from research.simulation.promises import INVARIANTS
from research.simulation.workshop import ROOT, patched

FOLDER = Path(__file__).parent / "patches"
PATCHES = sorted(FOLDER.glob("*.patch"))
UNREACHED = sorted((FOLDER / "unreached").glob("*.patch"))
OF_CORE = [path for path in PATCHES if "+++ b/rust_core/" in path.read_text(encoding="utf-8")]
QUICK = ("fence-ignored", "snapshot-without-money")
IS_SOAK = os.environ.get("HOLDFAST_SOAK") == "1"
HUNTED = [path for path in PATCHES if IS_SOAK or path.stem in QUICK or path not in OF_CORE]
SEEDS_MAX = 2_000
ROOMS = ("rust_core/core/src/", "actors/", "brokers/", "storage/", "trading/", "streams/")


def test_there_are_mutants_enough() -> None:
    """WD-5: of the actors and of the compiled core, among them those that every run hunts."""
    assert len(PATCHES) >= 25
    assert {path.stem for path in OF_CORE} >= set(QUICK)


def test_each_promise_has_a_mutant_that_only_it_catches() -> None:
    """WD-5: without that promise the world in which it shows would pass."""
    fates = [
        {"name": path.stem, "promise": about(path).promise, "alone_at": about(path).seed}
        for path in PATCHES
        if about(path).is_alone
    ]
    caught = caught_by_one(fates)
    assert [promise for promise in INVARIANTS if not caught[promise]] == []
    assert [path.stem for path in PATCHES if not about(path).seed] == []


def test_the_page_names_each_mutant_and_its_world() -> None:
    """WD-5: the table in docs/explanation/simulation.md is what the patches say."""
    page = (ROOT / "docs" / "explanation" / "simulation.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")] for line in page.splitlines()]
    told = {row[2].split()[0].rstrip(","): row[3] for row in rows if len(row) == 5 and row[2]}
    assert [path.stem for path in PATCHES if told.get(path.stem) != str(about(path).seed)] == []


def test_what_is_not_found_says_why() -> None:
    """WD-5: a fault that nothing sees is no secret."""
    assert [each["name"] for each in not_hunted(FOLDER) if not each["reason"]] == []


@pytest.mark.parametrize("patch", [*PATCHES, *UNREACHED], ids=lambda path: path.stem)
def test_every_mutant_still_fits_the_project(patch: Path) -> None:
    """WD-5: each patch changes what it says, as it stands today."""
    assert all(path.startswith(ROOMS) for path in patched(patch.read_text(encoding="utf-8")))


@pytest.mark.timeout(1800)
def test_every_mutant_is_found_by_its_promise() -> None:
    """WD-5: in the world that its patch names, or within so many; alone, where it says so."""
    at_once = zip(HUNTED, hunt_all(HUNTED, jobs=usual_jobs()), strict=True)
    moved = [path for path, fate in at_once if not _is_as_said(path, fate)]
    fates = [(path, hunt(path, range(1, SEEDS_MAX + 1))) for path in moved]
    assert [path.stem for path, fate in fates if not _is_as_said(path, fate)] == []


def _is_as_said(patch: Path, fate: dict[str, Any]) -> bool:
    if about(patch).is_alone:
        return fate["alone_at"] is not None
    return about(patch).promise in fate["broken"]
