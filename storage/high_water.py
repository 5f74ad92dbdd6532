"""The high-water mark: a note beside the record of how far it had come.

SQLite forgives a damaged write-ahead file by silently dropping its tail; a record that is behind
its own mark has lost rows that were acknowledged, and nobody may trade on it.
"""

import json
import os
from pathlib import Path

from storage.errors import RecordDamagedError
from storage.reads import Fetch
from trading.ports import HighWater

MARK_NAME = "highwater.json"


def write_mark(path: Path, mark: HighWater) -> None:
    """Replace the mark, synced, so that a power cut leaves the old one or the new one."""
    aside = path.with_suffix(".tmp")
    text = json.dumps({"position": mark.position, "hash": mark.hash.hex()}) + "\n"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    aside.replace(path)


def read_mark(path: Path) -> HighWater | None:
    """The mark, None when none was written yet.

    Raises:
        RecordDamagedError: The file is there and cannot be read as a mark.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        fields = json.loads(text)
        return HighWater(position=int(fields["position"]), hash=bytes.fromhex(fields["hash"]))
    except (ValueError, KeyError, TypeError) as error:
        raise RecordDamagedError(
            f"the high-water mark {path} cannot be read ({error}): run `holdfast verify`; "
            "if the journal is whole, remove the mark and start again"
        ) from error


def check_mark(fetch: Fetch, path: Path) -> str | None:
    """What contradicts the mark, None when the record is at or past it with the same row there."""
    mark = read_mark(path)
    if mark is None or mark.position == 0:
        return None
    rows = fetch("SELECT hash FROM journal WHERE pos = ?", (mark.position,))
    if not rows:
        newest = fetch("SELECT coalesce(max(pos), 0) FROM journal", ())[0][0]
        return (
            f"the record ends at row {newest}, its high-water mark says {mark.position} rows were "
            f"durable: {mark.position - newest} acknowledged rows are lost"
        )
    if rows[0][0] != mark.hash:
        return (
            f"row {mark.position} has hash {rows[0][0].hex()[:16]}, the high-water mark says "
            f"{mark.hash.hex()[:16]}: the journal was changed or replaced"
        )
    return None
