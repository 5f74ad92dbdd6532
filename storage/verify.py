"""`holdfast verify`: is the record whole, and do its tables say what its journal says (AL-3)?

Read-only, from any process, also while a trader runs; it holds one read transaction meanwhile, so
the write-ahead file cannot shrink until it is done (some seconds for a long journal).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import orjson

from storage import migrations, reads
from storage.connection import open_memory, open_reader, record_path
from storage.high_water import MARK_NAME, check_mark
from storage.integrity import ChainWalk
from storage.manifest import archive_faults
from storage.projections import PROJECTION_TABLES, bindings, statements_by_kind
from storage.reads import Fetch
from trading.ports import JournalRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """One run of a verified record: its rows in all journals, and its hash."""

    run: str
    rows: int
    journal_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was looked at and what is wrong; `faults` is empty for a whole record."""

    rows: int
    runs: list[RunReport] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def verify(data_dir: Path) -> VerifyReport:
    """Check file, mark, chain and tables of a record.

    Raises:
        NoRecordError: There is no record in that directory.
        RecordVersionError: Its schema is not this version's.
        RecordDamagedError: It is no record, or its schema was altered.
    """
    connection = open_reader(record_path(data_dir))
    try:
        migrations.check(connection)
        connection.execute("BEGIN")
        return _verify(connection, data_dir / MARK_NAME)
    finally:
        connection.close()


def _verify(connection: apsw.Connection, mark_path: Path) -> VerifyReport:
    fetch = reads.fetcher(connection)
    faults = [text for (text,) in fetch("PRAGMA quick_check(10)", ()) if text != "ok"]
    faults.extend(migrations.schema_faults(connection))
    mark_fault = check_mark(fetch, mark_path)
    if mark_fault is not None:
        faults.append(mark_fault)
    faults.extend(archive_faults(mark_path.parent))
    scratch = _Scratch(fetch)
    walk = ChainWalk()
    for position, row in reads.rows_after(fetch, 0):
        fault = _gap(position, walk.rows + 1) or walk.step(row) or scratch.take(position, row)
        if fault is not None:
            faults.append(fault)
            break
    else:
        faults.extend(scratch.differences())
    runs = [
        RunReport(run=run, rows=rows, journal_hash=reads.journal_hash(fetch, run))
        for run, rows in fetch(
            """SELECT run, (SELECT count(*) FROM journal WHERE journal.run = runs.run)
            FROM runs ORDER BY number""",
            (),
        )
    ]
    return VerifyReport(rows=walk.rows, runs=runs, faults=faults)


def _gap(found: int, expected: int) -> str | None:
    if found == expected:
        return None
    return f"{found - expected} rows are missing from position {expected} on"


class _Scratch:
    """The tables worked out again from the journal, for comparison."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._connection = open_memory()
        migrations.apply(self._connection, migrations.migrations())
        self._modes: dict[str, str] = dict(fetch("SELECT run, mode FROM runs", ()))
        self._statements = statements_by_kind()

    def take(self, position: int, row: JournalRow) -> str | None:
        """Project one row; the fault when its tables refuse it."""
        statements = self._statements.get(row.kind)
        if not statements:
            return None
        values = bindings(row, self._modes.get(row.run, ""), position)
        try:
            for statement in statements:
                self._connection.execute(statement, values)
        except apsw.Error as error:
            return f"row {position} ({row.kind}) cannot be projected again: {error}"
        return None

    def differences(self) -> Iterator[str]:
        """What the tables say that the journal does not, a line per table."""
        again = reads.fetcher(self._connection)
        for table in PROJECTION_TABLES:
            ours = _rows_by_text(self._fetch(f"SELECT * FROM {table}", ()))  # noqa: S608
            theirs = _rows_by_text(again(f"SELECT * FROM {table}", ()))  # noqa: S608
            if ours != theirs:
                extra, missing = ours - theirs, theirs - ours
                example = sorted(extra or missing)[0]
                yield (
                    f"table {table} differs from its journal: {len(extra)} rows are not what it "
                    f"says, {len(missing)} rows that it says are not there; e.g. {example}"
                )


def _rows_by_text(rows: Iterable[tuple[Any, ...]]) -> set[str]:
    return {repr(row) for row in rows}


def export_journal(data_dir: Path, run: str) -> Iterator[bytes]:
    """Every event of a run as a canonical line, in order of commitment.

    The journal before a crash must be a byte-identical prefix of the journal after it: compare the
    lines of one journal (`journal_id` comes first), or of all where one thread staged everything.
    """
    connection = open_reader(record_path(data_dir))
    try:
        for _, row in reads.rows_after(reads.fetcher(connection), 0):
            if row.run == run:
                yield journal_line(row)
    finally:
        connection.close()


def journal_line(row: JournalRow) -> bytes:
    """One event as JSON in a fixed order of fields, its payload byte for byte."""
    head = orjson.dumps(
        [row.journal_id, row.seq, row.stream, row.stream_version, row.kind, row.at_ns]
    )
    return head[:-1] + b"," + row.payload + b"," + orjson.dumps(row.hash.hex()) + b"]"
