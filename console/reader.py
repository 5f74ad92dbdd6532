"""Reads a record beside a running trader: read-only, one short transaction at a time (PM-2)."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import apsw
import orjson

from storage import reads
from storage.connection import open_reader, record_path
from storage.errors import NoRecordError
from trading.ports import RunInfo

Row = dict[str, Any]


class RecordReader:
    """Rows of a record by name. Use it in a `with`, and not for long."""

    def __init__(self, data_dir: Path) -> None:
        """Open the record of a data directory.

        Raises:
            NoRecordError: There is none.
        """
        self._connection = open_reader(record_path(data_dir))

    def __enter__(self) -> Self:
        """The reader itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the file."""
        self._connection.close()

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        """All rows of a query, each by column names."""
        cursor = self._connection.execute(sql, parameters)
        try:
            names = [column[0] for column in cursor.get_description()]
        except apsw.ExecutionCompleteError:
            return []
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def row(self, sql: str, **parameters: Any) -> Row | None:
        """The first row, None when there is none."""
        found = self.rows(sql, **parameters)
        return found[0] if found else None

    def newest_run(self) -> RunInfo:
        """The newest run.

        Raises:
            NoRecordError: Nothing has run yet.
        """
        found = reads.run_info(reads.fetcher(self._connection), None)
        if found is None:
            raise NoRecordError("the record holds no run yet; start one with `holdfast run`")
        return found

    def run(self, name: str) -> RunInfo | None:
        """The run of that name."""
        return reads.run_info(reads.fetcher(self._connection), name)

    def kill_level(self) -> str:
        """The latched kill level."""
        return reads.kill_level(reads.fetcher(self._connection))

    def journal_heads(self, run: str) -> dict[str, dict[str, Any]]:
        """Sequence and hash of each journal of a run."""
        found = reads.heads(reads.fetcher(self._connection), run)
        return {name: {"seq": seq, "hash": own.hex()} for name, seq, own in sorted(found)}

    def journal_hash(self, run: str) -> str:
        """The hash of a whole run."""
        return reads.journal_hash(reads.fetcher(self._connection), run)


def payload(row: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of a journal row as an object."""
    found: dict[str, Any] = orjson.loads(row["payload"])
    return found
