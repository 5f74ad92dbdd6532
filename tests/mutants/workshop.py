"""What the core trades when one patch at a time is applied to it: both drivers, one market."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from research.simulation.workshop import LIBRARY, ROOT, SHOP, core
from streams.generate import MarketPlan, Story, ensure_generated

PATCHES = Path(__file__).parent / "patches"
UNIT = 100_000_000


def build(changes: dict[str, str]) -> Path:
    """Build the core with some files changed.

    Returns:
        The folder that must come first on the path: one of its own, as test processes run side by
        side; it goes with the process.
    """
    SHOP.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="copy-", dir=SHOP))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__", "*.rs", "*.so", "src", "target")
    shutil.copytree(ROOT / "rust_core", place / "rust_core", ignore=ignored)
    shutil.copy(core(changes), place / LIBRARY)
    return place


def tape() -> Path:
    """The small market on which every fault must show: a few wild sessions of the index future."""
    plan = MarketPlan(
        seed=11,
        sessions=5,
        first_date=20240311,
        instrument="ES",
        calendar="ES",
        price_1e8=3000 * UNIT,
        tick_1e8=UNIT // 4,
        volume=1_200_000,
        volatility_ratio=0.03,
        story=Story.REVERTING,
    )
    return ensure_generated(plan, SHOP)


def trades(folder: Path) -> dict[str, Any]:
    """The trades of both drivers with the core in `folder`."""
    paths = os.pathsep.join((str(folder), str(ROOT)))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tests.mutants.trades", str(folder), str(tape())],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the drivers could not be run:\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
