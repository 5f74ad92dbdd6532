"""Follows the journal in the record by position, beside the trader and after it (AL-1, AL-4).

It costs the trader nothing: the record is read as any visitor reads it, and goes on where the
last process stopped, so that what happened while nobody read is read later.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from console.reader import RecordReader
from storage.errors import NoRecordError

ROWS_AT_ONCE: Final = 500
FRESH_NS: Final = 60 * 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One journaled event, in commit order by `pos`."""

    pos: int
    run: str
    journal_id: str
    seq: int
    stream: str
    kind: str
    at_ns: int
    committed_ns: int
    payload: dict[str, Any]


def read_after(data_dir: Path, pos: int) -> list[Entry]:
    """The next events, at most 500; none where there is no record yet."""
    try:
        with RecordReader(data_dir) as reader:
            rows = reader.rows(
                """SELECT pos, run, journal_id, seq, stream, kind, at_ns, committed_ns, payload
                FROM journal WHERE pos > :pos ORDER BY pos LIMIT :most""",
                pos=pos,
                most=ROWS_AT_ONCE,
            )
    except NoRecordError:
        return []
    return [Entry(**{**row, "payload": orjson.loads(row["payload"])}) for row in rows]


def position_now(data_dir: Path, now_ns: int) -> int:
    """Where a first reader begins: the record's end, less what was committed in the last minute."""
    try:
        with RecordReader(data_dir) as reader:
            row = reader.row(
                "SELECT coalesce(max(pos), 0) AS pos FROM journal WHERE committed_ns < :until",
                until=now_ns - FRESH_NS,
            )
    except NoRecordError:
        return 0
    return int(row["pos"]) if row else 0
