"""The guard's own log, read for the journal: hash-chained lines that nobody else writes (WD-6).

A line is `HASH JSON`, the SHA-256 of the JSON text; rust_core/guard/src/log.rs writes it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from storage.errors import RecordDamagedError

LOG_NAMES = ("guard.log", "guard-kill.log")
"""The guard's, and that of kills for which no guard could be reached."""
_FIRST = "0" * 64


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
        path = data_dir / name
        if path.exists():
            yield from _lines(path)


def _lines(path: Path) -> Iterator[GuardLine]:
    before = _FIRST
    # Behind the last line end nothing was synced.
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        digest, _, text = line.decode("utf-8", "replace").partition(" ")
        if digest != hashlib.sha256(text.encode()).hexdigest():
            raise _damaged(path, number)
        fields = orjson.loads(text)
        if fields["prev"] != before or fields["seq"] != number:
            raise _damaged(path, number)
        before = digest
        yield GuardLine(digest, fields["at_ns"], fields["kind"], fields["payload"])


def _damaged(path: Path, number: int) -> RecordDamagedError:
    return RecordDamagedError(
        f"{path}: line {number} does not follow from the one before it. It tells what the guard "
        "did: look at the venue, then move the file away"
    )
