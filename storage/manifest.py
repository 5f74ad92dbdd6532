"""The archive's list of segments: one JSON line each, appended after its file is safe on disk.

A file without a line does not exist for readers; the archivist removes it and writes that range
again.
"""

import hashlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from storage.errors import RecordDamagedError

ARCHIVE_NAME = "archive"
MANIFEST_NAME = "manifest.jsonl"
JOURNAL_TABLE = "journal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A closed range of a table as one Parquet file.

    Attributes:
        table: `journal` or `latency_marks`.
        first: Its first key (position in the journal, row id of the marks).
        last: Its last key.
        rows: How many; the journal has no gaps, so `last - first + 1` there.
        file: Name below the archive folder; empty for ranges that were given back to the record.
        sha256: Digest of the file, hex.
        last_hash: Of the journal: hash of the last row, hex; empty for other tables.
    """

    table: str
    first: int
    last: int
    rows: int
    file: str
    sha256: str
    last_hash: str = ""

    @property
    def is_given_back(self) -> bool:
        """Whether its rows are read from the record again, as its file grew old."""
        return not self.file


class Manifest:
    """The manifest of one data directory."""

    def __init__(self, data_dir: Path) -> None:
        """Name the folder; nothing is read or made yet."""
        self.folder = data_dir / ARCHIVE_NAME
        self.path = self.folder / MANIFEST_NAME

    def segments(self) -> list[Segment]:
        """Every segment in order of writing; a line that a crash cut off at the end is passed over.

        Raises:
            RecordDamagedError: A line in the middle cannot be read.
        """
        if not self.path.exists():
            return []
        lines = self.path.read_bytes().split(b"\n")
        found = []
        for number, line in enumerate(lines[:-1], start=1):  # what follows the last end is torn
            try:
                found.append(msgspec.json.decode(line, type=Segment))
            except msgspec.DecodeError as error:
                raise RecordDamagedError(
                    f"line {number} of {self.path} cannot be read ({error}): the archive can be "
                    "made again, remove the folder and let the archivist run"
                ) from error
        return found

    def append(self, segment: Segment) -> None:
        """Add a segment, synced."""
        self._cut_torn_line()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, msgspec.json.encode(asdict(segment)) + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(self.folder)

    def give_back(self, leaving: list[Segment]) -> None:
        """Put one line a table in the place of its oldest segments; their files are left alone.

        Readers see the manifest before or after this, never between: it is renamed over.

        Args:
            leaving: The oldest segments of one or more tables, without a hole.
        """
        gone: dict[str, Segment] = {}
        kept = []
        for segment in self.segments():
            if not segment.is_given_back and segment not in leaving:
                kept.append(segment)
                continue
            before = gone.get(segment.table)
            gone[segment.table] = Segment(
                table=segment.table,
                first=segment.first if before is None else before.first,
                last=segment.last,
                rows=segment.rows + (0 if before is None else before.rows),
                file="",
                sha256="",
                last_hash=segment.last_hash,
            )
        aside = self.path.with_suffix(".jsonl.tmp")
        lines = [msgspec.json.encode(asdict(each)) + b"\n" for each in [*gone.values(), *kept]]
        aside.write_bytes(b"".join(lines))
        aside.chmod(0o600)
        synced_digest(aside)
        aside.replace(self.path)
        sync_folder(self.folder)

    def _cut_torn_line(self) -> None:
        if not self.path.exists():
            return
        text = self.path.read_bytes()
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            os.truncate(self.path, whole)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def synced_digest(path: Path) -> str:
    """SHA-256 of a file in hex, after making it durable."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def archive_faults(data_dir: Path) -> list[str]:
    """Segments that are missing, changed or do not follow each other, a line each."""
    manifest = Manifest(data_dir)
    faults = []
    expected: dict[str, int] = {}
    for segment in manifest.segments():
        path = manifest.folder / segment.file
        if segment.is_given_back:
            pass  # the record has it, whose chain is looked at by itself
        elif not path.exists():
            faults.append(f"segment {segment.file} is missing")
        elif synced_digest(path) != segment.sha256:
            faults.append(f"segment {segment.file} was changed: its digest is another")
        if segment.first != expected.get(segment.table, 0) + 1 and segment.table == JOURNAL_TABLE:
            faults.append(f"segment {segment.file} does not follow the one before it")
        expected[segment.table] = segment.last
    return faults
