"""Patched copies of the project, and of its compiled core.

The core's copy keeps its place in build/ and cargo its target folder, so that after the first build
only the core and its bindings are compiled again. Files are compared by content and written when
they differ: what was changed back is younger than the build, and cargo sees it. A core that was
built once is kept, by the digest of its sources.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from trading.errors import SetupError

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "build" / "mutants"
LIBRARY = Path("rust_core") / "_native.abi3.so"
_SOURCE = SHOP / "source"
_CORES = SHOP / "cores"
_CORES_KEPT = 60
_COPIED = ("Cargo.toml", "Cargo.lock", "rust_core")
# Quick to compile; release mode all the same, and sums that overflow are no panic in either.
_PROFILE = {
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_DEBUG": "0",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_INCREMENTAL": "true",
}


@dataclass(frozen=True, slots=True)
class Hunk:
    """One change: `old` stands in the file exactly once, and becomes `new`."""

    path: str
    old: str
    new: str


def hunks(patch: str) -> list[Hunk]:
    """The changes of a unified diff; line numbers, and words before it, are not looked at."""
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


def core(changes: dict[str, str]) -> Path:
    """The compiled core with some of its files changed; one is built at a time.

    Raises:
        SetupError: What the changes make of the source cannot be compiled.
    """
    wanted = _sources() | {path: text.encode() for path, text in changes.items()}
    digest = blake2b(digest_size=16)
    for path, content in sorted(wanted.items()):
        digest.update(f"{path} {len(content)} ".encode() + content)
    library = _CORES / f"{digest.hexdigest()}.so"
    with _alone():
        if not library.exists():
            _copy(wanted)
            built = _build()
            _CORES.mkdir(exist_ok=True)
            shutil.copy(built, library)
            _forget_the_oldest()
    return library


@contextmanager
def _alone() -> Iterator[None]:
    SHOP.mkdir(parents=True, exist_ok=True)
    with (SHOP / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget_the_oldest() -> None:
    kept = sorted(_CORES.glob("*.so"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[_CORES_KEPT:]:
        path.unlink()


def _sources() -> dict[str, bytes]:
    files = [path for name in _COPIED for path in [ROOT / name, *(ROOT / name).rglob("*")]]
    kept = [path for path in files if path.is_file() and path.suffix not in (".so", ".pyc")]
    return {str(path.relative_to(ROOT)): path.read_bytes() for path in kept}


def _copy(wanted: dict[str, bytes]) -> None:
    for path, content in wanted.items():
        target = _SOURCE / path
        if not target.exists() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    for target in (_SOURCE / "rust_core").rglob("*.rs"):
        if str(target.relative_to(_SOURCE)) not in wanted:
            target.unlink()


def _build() -> Path:
    target = SHOP / "target"
    environment = {**os.environ, **_PROFILE, "CARGO_TARGET_DIR": str(target)}
    environment["PYO3_PYTHON"] = sys.executable
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--package", "holdfast_python"]
    done = subprocess.run(  # noqa: S603 - our own sources, by the project's own compiler
        command, cwd=_SOURCE, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SetupError(f"the changed core cannot be compiled:\n{done.stderr[-2000:]}")
    return target / "release" / "lib_native.so"
