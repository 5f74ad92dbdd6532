"""A copy of the core in build/, in which one patch at a time is applied, built and run.

The copy keeps its place and cargo its target folder, so that after the first build only the core
and its bindings are compiled again. Files are compared by content and written when they differ:
what was changed back is younger than the build, and cargo sees it.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.generate import MarketPlan, Story, ensure_generated

ROOT = Path(__file__).parents[2]
PATCHES = Path(__file__).parent / "patches"
SHOP = ROOT / "build" / "mutants"
COPY = SHOP / "source"
COPIED = ("Cargo.toml", "Cargo.lock", "rust_core")
UNIT = 100_000_000
# Quick to compile; release mode all the same, and sums that overflow are no panic in either.
PROFILE = {
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_DEBUG": "0",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_INCREMENTAL": "true",
}


class PatchError(ValueError):
    """A patch does not fit the source any more."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """One change: `old` stands in the file exactly once, and becomes `new`."""

    path: str
    old: str
    new: str


def hunks(patch: str) -> list[Hunk]:
    """The changes of a unified diff."""
    found: list[Hunk] = []
    path = ""
    old: list[str] = []
    new: list[str] = []

    def take() -> None:
        if old or new:
            found.append(Hunk(path, "".join(old), "".join(new)))
            old.clear()
            new.clear()

    for line in patch.splitlines(keepends=True):
        if line.startswith(("--- ", "+++ ", "@@ ")):
            take()
            if line.startswith("+++ "):
                path = line[4:].strip().removeprefix("b/")
        elif line.startswith("-"):
            old.append(line[1:])
        elif line.startswith("+"):
            new.append(line[1:])
        else:
            old.append(line[1:])
            new.append(line[1:])
    take()
    return found


def patched(patch: str, root: Path = ROOT) -> dict[str, str]:
    """The files that a patch changes, with their new text.

    Raises:
        PatchError: It has no change, or one does not fit.
    """
    texts: dict[str, str] = {}
    for hunk in hunks(patch):
        text = texts.get(hunk.path) or (root / hunk.path).read_text()
        count = text.count(hunk.old)
        if count != 1 or hunk.old == hunk.new:
            raise PatchError(f"{hunk.path}: expected the old text once, found it {count} times")
        texts[hunk.path] = text.replace(hunk.old, hunk.new)
    if not texts:
        raise PatchError("a patch must change something")
    return texts


def _sources() -> dict[str, bytes]:
    files = [path for name in COPIED for path in [ROOT / name, *(ROOT / name).rglob("*")]]
    kept = [path for path in files if path.is_file() and path.suffix not in (".so", ".pyc")]
    return {str(path.relative_to(ROOT)): path.read_bytes() for path in kept}


def _copy(changes: dict[str, str]) -> None:
    wanted = _sources() | {path: text.encode() for path, text in changes.items()}
    for path, content in wanted.items():
        target = COPY / path
        if not target.exists() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    for target in (COPY / "rust_core").rglob("*.rs"):
        if str(target.relative_to(COPY)) not in wanted:
            target.unlink()


def build(changes: dict[str, str]) -> Path:
    """Build the core with some files changed.

    Returns:
        The folder that must come first on the path.

    Raises:
        PatchError: What the patch makes of the source cannot be compiled.
    """
    _copy(changes)
    target = SHOP / "target"
    environment = {**os.environ, **PROFILE, "CARGO_TARGET_DIR": str(target)}
    environment["PYO3_PYTHON"] = sys.executable
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--package", "holdfast_python"]
    done = subprocess.run(
        command, cwd=COPY, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise PatchError(f"the changed core cannot be compiled:\n{done.stderr}")
    shutil.copy(target / "release" / "lib_native.so", COPY / "rust_core" / "_native.abi3.so")
    return COPY


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
