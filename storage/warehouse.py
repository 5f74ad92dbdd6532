"""The warehouse: documented DuckDB views over everything that was remembered (PM-2).

An in-memory DuckDB reads the archive's Parquet segments where they lie and takes the rest from the
record in one short read-only visit, so that a trader at work is not disturbed. Never import this
module in the trading process: DuckDB stays outside it.
"""

import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any

import apsw
import duckdb

from storage import migrations
from storage.archive import ARCHIVED, JOURNAL, Archived, rows_after
from storage.connection import open_reader, record_path
from storage.errors import NoRecordError, QueryError
from storage.manifest import Manifest, Segment
from storage.tape_bars import tape_bars

MEMORY_LIMIT = "512MB"
TIMEOUT_S = 30.0

# Helpers of the views below; they are there, but not part of what is documented.
_INNER = frozenset({"boots", "tape_bars", "latency_marks"})
_RUNS = """SELECT run, number, mode, config_hash, source, tape_path, started_ns, ended_ns, is_clean
    FROM runs ORDER BY number"""
_RUN_COLUMNS = """run VARCHAR, number BIGINT, mode VARCHAR, config_hash VARCHAR, source VARCHAR,
    tape_path VARCHAR, started_ns BIGINT, ended_ns BIGINT, is_clean BOOLEAN"""
_BAR_COLUMNS = """tape_path VARCHAR, tape_seq BIGINT, instrument VARCHAR, start_ns BIGINT,
    end_ns BIGINT, open_1e8 BIGINT, high_1e8 BIGINT, low_1e8 BIGINT, close_1e8 BIGINT,
    volume_1e8 BIGINT, is_synthetic BOOLEAN"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """An answer: names of its columns, and its rows as DuckDB gives them to Python."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


def open_views(
    data_dir: Path,
    *,
    memory_limit: str = MEMORY_LIMIT,
    threads: int = 1,
    with_bars: bool = True,
) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB with every view; it can read nothing else and its settings are locked.

    Args:
        data_dir: Where the record is; a trader may be at work there.
        memory_limit: As DuckDB takes it, e.g. `512MB`.
        threads: One disturbs a trader on the same machine least.
        with_bars: Whether to read the runs' tapes for the view `bars`.

    Raises:
        NoRecordError: Nothing has run on that directory.
        RecordVersionError: The record has another schema.
        RecordDamagedError: The file is no record, or the archive's manifest is broken.
    """
    database, segments = _open(
        data_dir, memory_limit=memory_limit, threads=threads, with_bars=with_bars
    )
    _lock(database, segments)
    return database


def _open(
    data_dir: Path, *, memory_limit: str, threads: int, with_bars: bool
) -> tuple[duckdb.DuckDBPyConnection, list[Path]]:
    """The views, not yet locked, and the files they read."""
    reader = open_reader(record_path(data_dir))
    try:
        if migrations.is_empty(reader):
            raise NoRecordError(f"the record in {data_dir} is empty: nothing has run there yet")
        migrations.check(reader)
        database = duckdb.connect(":memory:", config={"temp_directory": ""})
        database.execute(f"SET memory_limit = '{_quoted(memory_limit)}'")
        database.execute(f"SET threads = {int(threads)}")
        runs: list[tuple[Any, ...]] = reader.execute(_RUNS).fetchall()
        _fill(database, "run_list", _RUN_COLUMNS, runs)
        boots = reader.execute("SELECT boot, boot_id FROM boots").fetchall()
        _fill(database, "boots", "boot BIGINT, boot_id VARCHAR", boots)
        manifest = Manifest(data_dir)
        segments = manifest.segments()
        for archived in ARCHIVED:
            mine = [segment for segment in segments if segment.table == archived.table]
            _fill(
                database,
                f"{archived.table}_tail",
                archived.definition,
                _not_in_files(reader, archived, mine),
            )
            in_files = [segment for segment in mine if not segment.is_given_back]
            _join_segments(database, archived, manifest.folder, in_files)
    finally:
        reader.close()
    tapes = {run[5] for run in runs if run[5]} if with_bars else set()
    bars = (bar for tape in sorted(tapes) for bar in tape_bars(Path(tape)))
    _fill(database, "tape_bars", _BAR_COLUMNS, bars)
    _make_views(database)
    files = [manifest.folder / each.file for each in segments if not each.is_given_back]
    return database, files


def _not_in_files(
    reader: apsw.Connection, archived: Archived, segments: list[Segment]
) -> Iterator[tuple[Any, ...]]:
    """Rows that only the record has: what was given back to it, and what is not archived yet."""
    for segment in segments:
        if segment.is_given_back:
            yield from rows_after(reader, archived, segment.first - 1, segment.rows)
    last = max((segment.last for segment in segments), default=0)
    yield from rows_after(reader, archived, last)


def _fill(
    database: duckdb.DuckDBPyConnection, table: str, columns: str, rows: Iterable[Any]
) -> None:
    database.execute(f"CREATE TABLE {table} ({columns})")
    with database.appender(table) as appender:
        appender.append_rows(rows)


def _join_segments(
    database: duckdb.DuckDBPyConnection, archived: Archived, folder: Path, segments: list[Segment]
) -> None:
    """One view over a table's segments and its tail."""
    names = ", ".join(name for name, _ in archived.columns)
    if archived is JOURNAL:
        names += """, CASE WHEN starts_with(journal_id, 'account:') THEN substr(journal_id, 9) END
            AS account"""
    parts = [f"SELECT {names} FROM {archived.table}_tail"]  # noqa: S608 - our own names
    if segments:
        files = ", ".join(f"'{_quoted(str(folder / segment.file))}'" for segment in segments)
        parts.insert(0, f"SELECT {names} FROM read_parquet([{files}])")  # noqa: S608
    database.execute(f"CREATE VIEW {archived.table} AS {' UNION ALL '.join(parts)}")


def _make_views(database: duckdb.DuckDBPyConnection) -> None:
    folder = resources.files("storage") / "sql" / "views"
    files = (file for file in folder.iterdir() if file.name.endswith(".sql"))
    for file in sorted(files, key=lambda each: each.name):
        database.execute(file.read_text(encoding="utf-8"))


def _lock(database: duckdb.DuckDBPyConnection, files: list[Path]) -> None:
    """From here on nothing but the segments can be read, and no setting can be changed."""
    paths = ", ".join(f"'{_quoted(str(path))}'" for path in files)
    database.execute(f"SET allowed_paths = [{paths}]")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def run_sql(
    data_dir: Path,
    query: str,
    *,
    timeout_s: float = TIMEOUT_S,
    memory_limit: str = MEMORY_LIMIT,
) -> Table:
    """Answer one SELECT about a data directory, during a session or after it.

    Args:
        data_dir: Where the record is.
        query: One statement that only reads.
        timeout_s: The query is interrupted after this many seconds.
        memory_limit: Most memory DuckDB may take.

    Raises:
        QueryError: No single reading statement, an unknown view or column, or out of time.
        NoRecordError: Nothing has run on that directory.
    """
    with_bars = re.search(r"\b(tape_)?bars\b", query, re.IGNORECASE) is not None
    database = open_views(data_dir, memory_limit=memory_limit, with_bars=with_bars)
    try:
        _check_reads_only(database, query)
        timer = threading.Timer(timeout_s, database.interrupt)
        timer.start()
        try:
            database.execute(query)
            columns = [name for name, *_ in database.description or []]
            return Table(columns=columns, rows=database.fetchall())
        except duckdb.InterruptException as error:
            raise QueryError(
                f"the query took longer than {timeout_s:g} s and was stopped: narrow it down, "
                "e.g. to one run or session"
            ) from error
        except duckdb.Error as error:
            raise QueryError(_explained(database, error)) from error
        finally:
            timer.cancel()
    finally:
        database.close()


def _check_reads_only(database: duckdb.DuckDBPyConnection, query: str) -> None:
    try:
        statements = database.extract_statements(query)
    except duckdb.Error as error:
        raise QueryError(f"this is not SQL that DuckDB understands: {error}") from error
    kinds = [statement.type for statement in statements]
    if kinds not in ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN]):
        found = ", ".join(kind.name for kind in kinds) or "nothing"
        raise QueryError(
            f"one statement that only reads is expected (SELECT, FROM, WITH, DESCRIBE, SUMMARIZE), "
            f"found {found}: what was recorded cannot be changed from here"
        )


def _explained(database: duckdb.DuckDBPyConnection, error: duckdb.Error) -> str:
    text = str(error)
    missing = re.search(r'Table with name "?(\w+)"? does not exist', text)
    if missing is None:
        return text
    views = view_names(database)
    near = get_close_matches(missing[1], views, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"there is no view {missing[1]!r}{hint} (views: {', '.join(views)})"


def view_names(database: duckdb.DuckDBPyConnection) -> list[str]:
    """The documented views, in order of their names."""
    rows = database.execute(
        "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY view_name"
    ).fetchall()
    return [name for (name,) in rows if name not in _INNER]


def build_warehouse(data_dir: Path, target: Path) -> None:
    """Write every view as a table of a DuckDB file for any client; built aside, then renamed.

    Raises:
        NoRecordError: Nothing has run on that directory.
    """
    aside = target.with_name(f"{target.name}.building")
    aside.unlink(missing_ok=True)
    database, _ = _open(data_dir, memory_limit="2GB", threads=1, with_bars=True)
    try:
        names = view_names(database)
        database.execute(f"ATTACH '{_quoted(str(aside))}' AS built")
        for name in names:
            database.execute(f'CREATE TABLE built."{name}" AS SELECT * FROM "{name}"')  # noqa: S608
        database.execute("CHECKPOINT built")
        database.execute("DETACH built")
    finally:
        database.close()
    aside.replace(target)
