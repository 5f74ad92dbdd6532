"""Corrupting any one rule in the core changes the trades of both drivers.

Neither actors nor walker have a rule of their own that would hide it.

Each file in patches/ is one small fault. Two are built and run in every test run, all of them in
`make soak`; all are applied every time, because a patch that fits no more proves nothing.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from research.simulation.workshop import ROOT, patched
from tests.mutants import workshop
from tests.mutants.workshop import PATCHES
from trading.errors import SetupError

ALL = sorted(PATCHES.glob("*.patch"))
QUICK = ("part-taken-for-the-whole", "stop-compared-the-wrong-way")
BUILT = [path for path in ALL if path.stem in QUICK or os.environ.get("HOLDFAST_SOAK") == "1"]


@pytest.fixture(scope="module")
def sound() -> dict[str, Any]:
    """The trades of the core as it is."""
    return workshop.trades(ROOT)


def test_the_sound_core_trades_alike_in_both_drivers(sound: dict[str, Any]) -> None:
    """RS-1: without a fault both have the same trades, and enough of them to show one."""
    assert sound["actors"] == sound["walker"]
    assert len(sound["actors"]) >= 20
    assert sound["noticed"] == 0


@pytest.mark.parametrize("patch", ALL, ids=lambda path: path.stem)
def test_every_fault_still_fits_the_core(patch: Path) -> None:
    """RS-1: each patch changes a file of the core, in one place, as it stands today."""
    changed = patched(patch.read_text())
    assert [path for path in changed if path.startswith("rust_core/core/src/")] == list(changed)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("patch", BUILT, ids=lambda path: path.stem)
def test_a_fault_in_the_core_changes_the_trades_of_both_drivers(
    patch: Path, sound: dict[str, Any]
) -> None:
    """RS-1: actors and walker follow the same rules, so a wrong one is felt by both, alike."""
    wrong = workshop.trades(workshop.build(patched(patch.read_text())))
    assert wrong["actors"] != sound["actors"]
    assert wrong["walker"] != sound["walker"]
    same = wrong["walker"]
    if wrong["noticed"]:  # WD-5 stops the actors at the first contradiction; the walker has no WD-5
        same = same[: len(wrong["actors"])]
    assert wrong["actors"] == same


def test_there_are_faults_enough() -> None:
    """RS-1: fees, sizes, stops, advice, averages, protections and fills are each corrupted once."""
    assert len(ALL) >= 8
    assert {path.stem for path in ALL} >= set(QUICK)


def test_a_patch_that_does_not_fit_is_refused() -> None:
    """RS-1: a fault that is not there any more is an error, not a fault that nobody felt."""
    path = "rust_core/core/src/exits.rs"
    patch = f"--- a/{path}\n+++ b/{path}\n@@ -1,1 +1,1 @@\n-no such line\n+another\n"
    with pytest.raises(SetupError, match="found it 0 times"):
        patched(patch)
    with pytest.raises(SetupError, match="found no change"):
        patched("")
