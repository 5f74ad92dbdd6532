"""The guard's own log, read for the journal: hash-chained lines that nobody else writes (WD-6).

A line is `HASH JSON`, the SHA-256 of the JSON text; rust_core/guard/src/log.rs writes it. The guard
puts a full file aside, `guard.log.SEQ`, keeps so many, and says in a line of its own up to where
lines were removed (WD-8).
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from storage.errors import RecordDamagedError

LOG_NAMES = ("guard.log", "guard-kill.log")
"""The guard's, and that of kills for which no guard could be reached."""
PRUNED: Final = "LogPruned"
_FIRST: Final = (0, "0" * 64)
_FULL: Final = re.compile(r"\.[0-9]{12}\Z")
_LISTED_MAX: Final = 5
"""So often a log is listed anew, when its guard puts a file aside while it is read."""


@dataclass(frozen=True, slots=True)
class GuardLine:
    """One thing that the guard saw or did; `digest` is the line's hash in hex."""

    digest: str
    at_ns: int
    kind: str
    payload: dict[str, Any]


def guard_lines(data_dir: Path) -> Iterator[GuardLine]:
    """Every line of the guard's logs, oldest first within each.

    Raises:
        RecordDamagedError: A line was changed or is missing.
    """
    for name in LOG_NAMES:
        yield from _lines(_texts(data_dir, name))


def _texts(data_dir: Path, name: str) -> list[tuple[Path, bytes]]:
    """The files of a log with what they hold, oldest first, of one instant."""
    for _ in range(_LISTED_MAX):
        files = _files(data_dir, name)
        try:
            texts = [(path, path.read_bytes()) for path in files]
        except FileNotFoundError:
            continue
        if _files(data_dir, name) == files:
            return texts
    raise RecordDamagedError(
        f"{data_dir / name}: its files changed {_LISTED_MAX} times while they were read, which no "
        "guard does: look who writes there, then try again"
    )


def _files(data_dir: Path, name: str) -> list[Path]:
    path = data_dir / name
    full = sorted(
        each for each in data_dir.glob(f"{name}.*") if _FULL.match(each.name[len(name) :])
    )
    return [*full, path] if path.exists() else full


def _lines(texts: list[tuple[Path, bytes]]) -> list[GuardLine]:
    found: list[GuardLine] = []
    before: tuple[int, str] | None = None
    missing: tuple[int, str] | None = None
    for path, text in texts:
        # Behind the last line end nothing was synced.
        for number, line in enumerate(text.split(b"\n")[:-1], start=1):
            digest, fields = _checked(path, number, line)
            follows = (fields["seq"] - 1, fields["prev"])
            if before is None:
                missing = None if follows == _FIRST else follows
            elif follows != before:
                raise _damaged(path, number)
            payload = fields["payload"]
            if fields["kind"] == PRUNED and (payload["through"], payload["digest"]) == missing:
                missing = None
            before = (fields["seq"], digest)
            found.append(GuardLine(digest, fields["at_ns"], fields["kind"], payload))
    if missing is not None:
        raise _damaged(texts[0][0], 1)
    return found


def _checked(path: Path, number: int, line: bytes) -> tuple[str, dict[str, Any]]:
    digest, _, text = line.decode("utf-8", "replace").partition(" ")
    if digest != hashlib.sha256(text.encode()).hexdigest():
        raise _damaged(path, number)
    fields: dict[str, Any] = orjson.loads(text)
    return digest, fields


def _damaged(path: Path, number: int) -> RecordDamagedError:
    return RecordDamagedError(
        f"{path}: line {number} does not follow from the one before it. It tells what the guard "
        "did: look at the venue, then move the file away"
    )
