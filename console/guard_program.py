"""The guard's program: where it stands, and whether it is the one that goes with this code."""

import re
import subprocess
import sys
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import Final

from trading.errors import SetupError

PROGRAM: Final = "holdfast-guard"
SOURCES: Final = Path(__file__).resolve().parent.parent / "rust_core" / "guard"
ANSWER_WAIT_S: Final = 10.0
_SAID: Final = re.compile(rf"{PROGRAM} (\S+)(?: \(sources ([0-9a-f]{{8}})\))?")
_CURE: Final = "`make setup` builds it; --no-guard runs the trader alone"


def guard_program() -> str:
    """The guard, which stands beside the interpreter and is of this version.

    In a checkout it must be built from the sources that stand there: an older one reads another
    plan, and would refuse a run for reasons that nobody sees.

    Raises:
        SetupError: It was not built, cannot be executed, or is of another version.
    """
    program = Path(sys.executable).with_name(PROGRAM)
    if not program.exists():
        raise SetupError(f"{program} is missing: {_CURE}")
    found = _asked(program)
    wanted = (version("holdfast"), sources_digest(SOURCES))
    why = mismatch(found, wanted)
    if why:
        raise SetupError(f"{program} {why}: {_CURE}")
    return str(program)


def mismatch(said: str, wanted: tuple[str, str | None]) -> str:
    """What is wrong with a guard that said this of itself; empty when it fits.

    Args:
        said: What `--version` printed.
        wanted: The version of this package, and the digest of the sources, None without any.
    """
    match = _SAID.fullmatch(said)
    if match is None:
        return f"must say which version it is, said {said!r}"
    package, sources = wanted
    if match[1] != package:
        return f"must be version {package}, is {match[1]}"
    if sources is not None and match[2] != sources:
        built = "unknown ones" if match[2] is None else match[2]
        return f"must be built from the sources beside it ({sources}), was built from {built}"
    return ""


def sources_digest(folder: Path) -> str | None:
    """The number that rust_core/guard/build.rs makes of its sources; None where there are none."""
    crc, files = 0, sorted((folder / "src").rglob("*.rs"))
    for file in files:
        crc = zlib.crc32(file.relative_to(folder).as_posix().encode(), crc)
        crc = zlib.crc32(file.read_bytes(), crc)
    return f"{crc:08x}" if files else None


def _asked(program: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=ANSWER_WAIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{program} cannot be executed: {error}; {_CURE}") from error
    return done.stdout.strip()
