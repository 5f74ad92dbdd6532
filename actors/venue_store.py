"""Where the paper venue keeps its book, as a broker would: a file of its own, never the record.

A change is written before the venue answers, so that what it said it still knows after `kill -9`.
It is not synced: a power cut may take its newest changes, which a real venue's could not.
"""

from pathlib import Path
from typing import Protocol

import apsw

STORE_NAME = "paper-venue.sqlite"


class Store(Protocol):
    """The changes of one venue's book, oldest first.

    Attributes:
        last_seq: The row of the tape the newest change came from, -1 for none.
    """

    last_seq: int

    def changes(self) -> list[bytes]:
        """Every change so far."""

    def changes_at(self, seq: int) -> list[bytes]:
        """The changes that row `seq` of the tape made."""

    def append(self, seq: int, change: bytes) -> None:
        """Keep one more change, made at row `seq` of the tape."""

    def close(self) -> None:
        """Let go."""


class VenueStore:
    """The book of one run in a file that outlives the process."""

    def __init__(self, data_dir: Path, run: str) -> None:
        """Open or create the file."""
        self._run = run
        self._connection = apsw.Connection(str(data_dir / STORE_NAME))
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS changes (number INTEGER PRIMARY KEY,"
            " run TEXT NOT NULL, seq INTEGER NOT NULL, change BLOB NOT NULL) STRICT"
        )
        self._connection.execute("CREATE INDEX IF NOT EXISTS by_run ON changes (run, number)")
        newest = "SELECT coalesce(max(seq), -1) FROM changes WHERE run = ?"
        self.last_seq: int = self._connection.execute(newest, (run,)).get

    def changes(self) -> list[bytes]:
        """Every change of this run so far."""
        kept = "SELECT change FROM changes WHERE run = ? ORDER BY number"
        return [change for (change,) in self._connection.execute(kept, (self._run,))]

    def changes_at(self, seq: int) -> list[bytes]:
        """See the port."""
        kept = "SELECT change FROM changes WHERE run = ? AND seq = ? ORDER BY number"
        return [change for (change,) in self._connection.execute(kept, (self._run, seq))]

    def append(self, seq: int, change: bytes) -> None:
        """Keep one more change."""
        self._connection.execute(
            "INSERT INTO changes (run, seq, change) VALUES (?, ?, ?)", (self._run, seq, change)
        )
        self.last_seq = seq

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()


class MemoryVenueStore:
    """A book that ends with its process: for back-tests and tests."""

    def __init__(self) -> None:
        """Nothing kept yet."""
        self.last_seq = -1
        self._changes: list[tuple[int, bytes]] = []

    def changes(self) -> list[bytes]:
        """Every change so far."""
        return [change for _, change in self._changes]

    def changes_at(self, seq: int) -> list[bytes]:
        """See the port."""
        return [change for at, change in self._changes if at == seq]

    def append(self, seq: int, change: bytes) -> None:
        """Keep one more change."""
        self._changes.append((seq, change))
        self.last_seq = seq

    def close(self) -> None:
        """Nothing to let go."""
