"""The archivist: a process of its own that turns closed ranges of the record into Parquet segments.

    python -m storage.archive --data-dir DIR [--keep-days N] [--once]

It only reads the record, in short pages, and can die at any instant without any effect on trading:
it resumes from its manifest. SIGTERM lets it finish the segment at hand, write the rest and leave.
With `--keep-days` it gives segments of before that many days back to the record (WD-8).
"""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import duckdb

from storage import migrations
from storage.archive_age import old_segments
from storage.connection import open_reader, record_path
from storage.errors import NoRecordError
from storage.manifest import Manifest, Segment, sync_folder, synced_digest
from trading.errors import HoldfastError

SEGMENT_ROWS_MAX = 50_000
SEGMENT_ROWS_MIN = 10_000
_PAGE_ROWS = 2_000
_POLL_S = 2.0
_GIVE_BACK_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """A table that is archived: its key and its columns as DuckDB types."""

    table: str
    key: str
    columns: tuple[tuple[str, str], ...]

    @property
    def definition(self) -> str:
        """Columns for CREATE TABLE, the key first."""
        return ", ".join(f"{name} {kind}" for name, kind in self.columns)

    @property
    def select(self) -> str:
        """Rows after a key, in its order; parameters: key, limit."""
        names = ", ".join(
            f"{self.key} AS {name}" if at == 0 else name
            for at, (name, _) in enumerate(self.columns)
        )
        return f"SELECT {names} FROM {self.table} WHERE {self.key} > ? ORDER BY {self.key} LIMIT ?"  # noqa: S608


JOURNAL = Archived(
    table="journal",
    key="pos",
    columns=(
        ("pos", "BIGINT"),
        ("journal_id", "VARCHAR"),
        ("run", "VARCHAR"),
        ("seq", "BIGINT"),
        ("stream", "VARCHAR"),
        ("stream_version", "BIGINT"),
        ("kind", "VARCHAR"),
        ("at_ns", "BIGINT"),
        ("schema_ver", "BIGINT"),
        ("payload", "VARCHAR"),
        ("prev_hash", "BLOB"),
        ("hash", "BLOB"),
        ("tape_seq", "BIGINT"),
        ("boot", "BIGINT"),
        ("fence", "BIGINT"),
        ("committed_ns", "BIGINT"),
        ("mono_ns", "BIGINT"),
    ),
)
LATENCY = Archived(
    table="latency_marks",
    key="rowid",
    columns=(
        ("mark", "BIGINT"),
        ("run", "VARCHAR"),
        ("order_id", "VARCHAR"),
        ("stage", "VARCHAR"),
        ("mono_ns", "BIGINT"),
        ("boot", "BIGINT"),
    ),
)
ARCHIVED = (JOURNAL, LATENCY)


def rows_after(
    connection: apsw.Connection, archived: Archived, key: int, limit: int | None = None
) -> Iterator[tuple[Any, ...]]:
    """Rows of a table after a key, read in short pages so that no read transaction lasts."""
    left = limit
    while left is None or left > 0:
        size = _PAGE_ROWS if left is None else min(_PAGE_ROWS, left)
        page: list[tuple[Any, ...]] = connection.execute(archived.select, (key, size)).fetchall()
        yield from page
        if len(page) < size:
            return
        key = page[-1][0]
        left = None if left is None else left - len(page)


class Archivist:
    """Writes segments for one data directory.

    Args:
        data_dir: Where the record is.
        rows_max: Most rows of one segment.

    Raises:
        NoRecordError: There is no record yet.
    """

    def __init__(self, data_dir: Path, *, rows_max: int = SEGMENT_ROWS_MAX) -> None:
        """Open the record read-only and clear away what a crash left half done."""
        self._path = record_path(data_dir)
        connection = open_reader(self._path)
        migrations.check(connection)
        connection.close()
        self.manifest = Manifest(data_dir)
        self._rows_max = rows_max
        self.manifest.folder.mkdir(mode=0o700, exist_ok=True)
        self._clear_orphans()

    def _clear_orphans(self) -> None:
        known = {segment.file for segment in self.manifest.segments()}
        for file in self.manifest.folder.glob("*.parquet*"):
            if file.name not in known:
                file.unlink()

    def archive(self, *, rows_min: int = 1) -> list[Segment]:
        """Write every segment that is due: at least `rows_min` rows wait for it."""
        written = []
        for archived in ARCHIVED:
            while (segment := self._next(archived, rows_min)) is not None:
                written.append(segment)
        return written

    def give_back(self, keep_days: int) -> list[Segment]:
        """Take segments of before `keep_days` out of the manifest; the record holds their rows.

        Their files go with the next call or start, when whoever was reading them is through.
        """
        self._clear_orphans()
        reader = open_reader(self._path)
        try:
            leaving = old_segments(reader, self.manifest.segments(), keep_days)
        finally:
            reader.close()
        if leaving:
            self.manifest.give_back(leaving)
        return leaving

    def _next(self, archived: Archived, rows_min: int) -> Segment | None:
        last = max(
            (s.last for s in self.manifest.segments() if s.table == archived.table), default=0
        )
        reader = open_reader(self._path)
        try:
            rows = list(rows_after(reader, archived, last, self._rows_max))
        finally:
            reader.close()
        if len(rows) < max(1, rows_min):
            return None
        segment = self._write(archived, rows)
        self.manifest.append(segment)
        return segment

    def _write(self, archived: Archived, rows: list[tuple[Any, ...]]) -> Segment:
        first, last = rows[0][0], rows[-1][0]
        name = f"{archived.table}-{first:012d}-{last:012d}.parquet"
        path = self.manifest.folder / name
        aside = path.with_suffix(".parquet.tmp")
        database = duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "512MB"})
        try:
            database.execute(f"CREATE TABLE segment ({archived.definition})")
            with database.appender("segment") as appender:
                appender.append_rows(rows)
            target = str(aside).replace("'", "''")
            database.execute(f"COPY segment TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
        finally:
            database.close()
        digest = synced_digest(aside)
        aside.replace(path)
        sync_folder(path.parent)
        return Segment(
            table=archived.table,
            first=first,
            last=last,
            rows=len(rows),
            file=name,
            sha256=digest,
            last_hash=rows[-1][11].hex() if archived is JOURNAL else "",
        )


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT, or once; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m storage.archive", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="where the record is")
    parser.add_argument("--once", action="store_true", help="write what is there, then leave")
    parser.add_argument(
        "--keep-days", type=_days, help="give back what is older, counted from the newest event"
    )
    options = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        _serve(options.data_dir, stop, keep_days=options.keep_days, is_once=options.once)
    except HoldfastError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _days(text: str) -> int:
    days = int(text)
    if days < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1 day, found {days}")
    return days


def _has_record(data_dir: Path) -> bool:
    """Whether the trader has made its record; it may be just about to."""
    try:
        connection = open_reader(record_path(data_dir))
    except NoRecordError:
        return False
    try:
        return not migrations.is_empty(connection)
    finally:
        connection.close()


def _serve(data_dir: Path, stop: threading.Event, *, keep_days: int | None, is_once: bool) -> None:
    while not is_once and not _has_record(data_dir):
        if stop.wait(_POLL_S):
            return
    archivist = Archivist(data_dir)
    due_s = time.monotonic()
    while not (is_once or stop.is_set()):
        archivist.archive(rows_min=SEGMENT_ROWS_MIN)
        if keep_days is not None and time.monotonic() >= due_s:
            archivist.give_back(keep_days)
            due_s = time.monotonic() + _GIVE_BACK_EVERY_S
        stop.wait(_POLL_S)
    archivist.archive()
    if is_once and keep_days is not None:
        archivist.give_back(keep_days)


if __name__ == "__main__":
    sys.exit(main())
