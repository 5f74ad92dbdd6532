"""Mutants: what one small fault in the project changes, a simulation must see.

A mutant is a unified diff; above it stand the promise that it breaks and what it is. It lives in a
folder of its own, with the compiled core of this one or one of its own, and runs in a process of
its own; nothing of this process can leak into it.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from research.simulation.promises import INVARIANTS
from research.simulation.workshop import LIBRARY, ROOT, core, patched
from trading.errors import SetupError

ROOMS = ("rust_core", "trading", "streams", "storage", "brokers", "actors", "research", "configs")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.rs", "src", "target", "Cargo.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What stands above a patch's diff.

    Attributes:
        promise: What it breaks.
        seed: A world in which that shows; 0 where none is known.
        is_alone: No other promise is broken there; `Alone: no` says that some always are.
        reason: Why no world shows it, of a patch that is not hunted.
    """

    promise: str
    seed: int
    is_alone: bool
    reason: str


def about(patch: Path) -> About:
    """Read the words above a diff.

    Raises:
        SetupError: A seed is no number.
    """
    words: dict[str, str] = {}
    for line in patch.read_text(encoding="utf-8").partition("\n--- ")[0].splitlines():
        name, colon, value = line.partition(": ")
        if colon:
            words[name] = value.strip()
    try:
        return About(
            promise=words.get("Promise", ""),
            seed=int(words.get("Seed", "0")),
            is_alone=words.get("Alone", "yes") != "no",
            reason=words.get("Reason", ""),
        )
    except ValueError:
        raise SetupError(f"{patch.name}: expected a number, found Seed: {words['Seed']}") from None


def simulate_patched(patch: Path, seeds: range, *, until: str = "all") -> dict[str, Any]:
    """The report of a campaign against a patched copy.

    Args:
        patch: The diff.
        seeds: Which worlds.
        until: `all` of them; the `first` that fails; or the first in which this promise is the
            only one that is broken.

    Raises:
        SetupError: The patch does not fit, or the copy does not even run.
    """
    texts = patched(patch.read_text(encoding="utf-8"))
    of_core = {path: text for path, text in texts.items() if path.endswith(".rs")}
    library = core(of_core) if of_core else None
    with tempfile.TemporaryDirectory(prefix="holdfast-mutant-") as name:
        copy = Path(name)
        for room in ROOMS:
            shutil.copytree(ROOT / room, copy / room, ignore=_LEFT_OUT)
        for path, text in texts.items():
            if path not in of_core:
                (copy / path).write_text(text, encoding="utf-8")
        if library is not None:
            shutil.copy(library, copy / LIBRARY)
        return _run(copy, patch, seeds, until)


def _run(copy: Path, patch: Path, seeds: range, until: str) -> dict[str, Any]:
    command = [sys.executable, "-P", "-m", "research.simulation"]
    command += [f"{seeds.start}..{seeds.stop - 1}", until]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(  # noqa: S603 - our own interpreter, our own module
        command, cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SetupError(f"{patch.name}: the patched copy cannot be run: {done.stderr[-600:]}")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def hunt(patch: Path, seeds: range) -> dict[str, Any]:
    """Whether a mutant is found, by which invariant, and how many seeds that took.

    The hunt goes on until a world breaks the patch's own promise and no other: `alone_at` is that
    seed, None when there was none; `broken` are the promises that were broken on the way.
    """
    words = about(patch)
    promise = words.promise
    until = promise if promise and words.is_alone else "first"
    report = simulate_patched(patch, seeds, until=until)
    failing = report["failing"]
    alone = [each["seed"] for each in failing if each["broken"] == [promise]]
    first = failing[0] if failing else None
    return {
        "name": patch.stem,
        "found": first is not None,
        "seeds_to_find": None if first is None else first["seed"] - seeds.start + 1,
        "invariant": None if first is None else first["broken"][0],
        "promise": promise,
        "alone_at": alone[0] if alone else None,
        "broken": sorted({name for each in failing for name in each["broken"]}),
    }


def hunt_all(
    patches: Sequence[Path], seeds: range | None = None, *, jobs: int
) -> list[dict[str, Any]]:
    """Each mutant's fate, in the order given; without `seeds` in its own world alone."""

    def fate(patch: Path) -> dict[str, Any]:
        own = about(patch).seed
        return hunt(patch, range(own, own + 1) if seeds is None else seeds)

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(fate, patches))


def caught_by_one(fates: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """For each promise the mutants of which some world broke that promise and no other."""
    caught: dict[str, list[str]] = {promise: [] for promise in INVARIANTS}
    for fate in fates:
        if fate["alone_at"] is not None:
            caught[fate["promise"]].append(fate["name"])
    return caught


def not_hunted(folder: Path) -> list[dict[str, str]]:
    """The patches that no world is known to show, each with its reason."""
    patches = sorted((folder / "unreached").glob("*.patch"))
    return [{"name": patch.stem, "reason": about(patch).reason} for patch in patches]
