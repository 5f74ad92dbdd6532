"""A patched copy of the project: what one small fault in it changes, a simulation must see.

A mutant lives in a folder of its own, with the compiled core of this one, and runs in a process of
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

from trading.errors import SetupError

ROOT = Path(__file__).parents[2]
ROOMS = ("rust_core", "trading", "streams", "storage", "brokers", "actors", "research", "configs")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.rs", "src", "target", "Cargo.toml")


@dataclass(frozen=True, slots=True)
class Hunk:
    """One change: `old` stands in the file exactly once, and becomes `new`."""

    path: str
    old: str
    new: str


def hunks(patch: str) -> list[Hunk]:
    """The changes of a unified diff; line numbers are not looked at."""
    found: list[Hunk] = []
    path, old, new = "", "", ""
    for line in [*patch.splitlines(keepends=True), "@@ end\n"]:
        if line.startswith(("--- ", "+++ ", "@@ ")):
            if old or new:
                found.append(Hunk(path, old, new))
            old, new = "", ""
            if line.startswith("+++ "):
                path = line[4:].split()[0].removeprefix("b/")
        elif path:
            old += line[1:] if line[0] != "+" else ""
            new += line[1:] if line[0] != "-" else ""
    return found


def patched(patch: str, root: Path = ROOT) -> dict[str, str]:
    """The files that a patch changes, with their new text.

    Raises:
        SetupError: It changes nothing, or a change does not fit.
    """
    texts: dict[str, str] = {}
    for hunk in hunks(patch):
        if not (root / hunk.path).is_file():
            raise SetupError(f"the patch changes {hunk.path}, which is not in {root}")
        text = texts.get(hunk.path) or (root / hunk.path).read_text(encoding="utf-8")
        count = text.count(hunk.old)
        if count != 1 or hunk.old == hunk.new:
            raise SetupError(
                f"{hunk.path}: expected the patch's old text once, found it {count} times"
            )
        texts[hunk.path] = text.replace(hunk.old, hunk.new)
    if not texts:
        raise SetupError("expected a unified diff that changes something, found no change")
    return texts


def simulate_patched(patch: Path, seeds: range, *, is_first_enough: bool) -> dict[str, Any]:
    """The report of a campaign against a patched copy.

    Raises:
        SetupError: The patch does not fit, or the copy does not even run.
    """
    texts = patched(patch.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="holdfast-mutant-") as name:
        copy = Path(name)
        for room in ROOMS:
            shutil.copytree(ROOT / room, copy / room, ignore=_LEFT_OUT)
        for path, text in texts.items():
            (copy / path).write_text(text, encoding="utf-8")
        return _run(copy, patch, seeds, is_first_enough=is_first_enough)


def _run(copy: Path, patch: Path, seeds: range, *, is_first_enough: bool) -> dict[str, Any]:
    command = [sys.executable, "-P", "-m", "research.simulation"]
    command += [f"{seeds.start}..{seeds.stop - 1}", "first" if is_first_enough else "all"]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(  # noqa: S603 - our own interpreter, our own module
        command, cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SetupError(f"{patch.name}: the patched copy cannot be run: {done.stderr[-600:]}")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def hunt(patch: Path, seeds: range) -> dict[str, Any]:
    """Whether a mutant is found, by which invariant, and how many seeds that took."""
    report = simulate_patched(patch, seeds, is_first_enough=True)
    failing = report["failing"]
    return {
        "name": patch.stem,
        "found": bool(failing),
        "seeds_to_find": report["seeds"] if failing else None,
        "invariant": failing[0]["finding"].partition(":")[0] if failing else None,
    }


def hunt_all(patches: Sequence[Path], seeds: range, *, jobs: int) -> list[dict[str, Any]]:
    """Each mutant's fate, in order of names."""
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda patch: hunt(patch, seeds), patches))
