"""Which segments of the archive may go: old ones whose rows the record still holds (WD-8).

A segment that goes is given back: the manifest says so in its place, and readers take its range
from the record. So no answer changes, and what is the only copy of its rows never goes.
"""

from typing import Any, Final

import apsw

from storage.manifest import JOURNAL_TABLE, Segment

_DAY_NS: Final = 86_400 * 1_000_000_000
_HELD: Final = {
    JOURNAL_TABLE: "SELECT count(*), max(pos) FROM journal WHERE pos BETWEEN ? AND ?",
    "latency_marks": "SELECT count(*), max(rowid) FROM latency_marks WHERE rowid BETWEEN ? AND ?",
}
_ROW: Final = "SELECT hash, committed_ns FROM journal WHERE pos = ?"
_NEWEST: Final = "SELECT committed_ns FROM journal ORDER BY pos DESC LIMIT 1"
_RUN_OF_MARK: Final = """SELECT max(committed_ns) FROM journal
    WHERE run = (SELECT run FROM latency_marks WHERE rowid = ?)"""


def old_segments(
    connection: apsw.Connection, segments: list[Segment], keep_days: int
) -> list[Segment]:
    """The oldest segments of each table that end more than `keep_days` before the newest event.

    Age is counted from the newest event, not from the clock: nothing goes while nothing comes.
    """
    newest = _one(connection, _NEWEST, ())
    if newest is None:
        return []
    before_ns = newest[0] - keep_days * _DAY_NS
    found = []
    for table in _HELD:
        for segment in segments:
            if segment.table != table or segment.is_given_back:
                continue
            if not _is_old(connection, segment, before_ns) or not _is_held(connection, segment):
                break  # what follows is newer, and the archive has no holes
            found.append(segment)
    return found


def _is_old(connection: apsw.Connection, segment: Segment, before_ns: int) -> bool:
    if segment.table == JOURNAL_TABLE:
        row = _one(connection, _ROW, (segment.last,))
        ended_ns = None if row is None else row[1]
    else:
        row = _one(connection, _RUN_OF_MARK, (segment.last,))
        ended_ns = None if row is None else row[0]
    return ended_ns is not None and ended_ns < before_ns


def _is_held(connection: apsw.Connection, segment: Segment) -> bool:
    """Whether the record has every row of it; of the journal, the very same ones by their chain."""
    held = _one(connection, _HELD[segment.table], (segment.first, segment.last))
    if held != (segment.rows, segment.last):
        return False
    if segment.table != JOURNAL_TABLE:
        return True
    row = _one(connection, _ROW, (segment.last,))
    return row is not None and bytes(row[0]).hex() == segment.last_hash


def _one(
    connection: apsw.Connection, query: str, values: tuple[Any, ...]
) -> tuple[Any, ...] | None:
    found: tuple[Any, ...] | None = connection.execute(query, values).fetchone()
    return found
