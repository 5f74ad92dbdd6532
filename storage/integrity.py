"""Whether a journal is whole: gapless sequences, a true chain, and nothing behind the mark."""

from collections.abc import Iterable

from storage import reads
from storage.chain import GENESIS, is_row_true
from storage.reads import Fetch
from trading.ports import JournalRow


class ChainWalk:
    """Follows every chain of a record row by row and says what is wrong at the first fault."""

    def __init__(self, *, is_partial: bool = False) -> None:
        """Start with no chain seen; a partial walk trusts what the first row of each names."""
        self.rows = 0
        self._is_partial = is_partial
        self.heads: dict[tuple[str, str], tuple[int, bytes]] = {}
        self._versions: dict[tuple[str, str, str], int] = {}

    def _trust(self, row: JournalRow) -> None:
        self.heads.setdefault((row.journal_id, row.run), (row.seq - 1, row.prev_hash))
        stream = (row.journal_id, row.run, row.stream)
        self._versions.setdefault(stream, row.stream_version - 1)

    def step(self, row: JournalRow) -> str | None:
        """The fault of this row, None when it follows."""
        self.rows += 1
        if self._is_partial:
            self._trust(row)
        key = (row.journal_id, row.run)
        where = f"journal {row.journal_id}, run {row.run}, row {row.seq} ({row.kind})"
        seq, head = self.heads.get(key, (0, GENESIS))
        if row.seq != seq + 1:
            return f"{where}: expected sequence {seq + 1}, rows in between are missing"
        if row.prev_hash != head:
            return f"{where}: does not follow the row before it, which was changed or replaced"
        if not is_row_true(row):
            return f"{where}: its content does not have its hash, it was changed"
        stream = (*key, row.stream)
        version = self._versions.get(stream, 0)
        if row.stream_version != version + 1:
            return f"{where}: expected version {version + 1} of stream {row.stream}"
        self.heads[key] = (row.seq, row.hash)
        self._versions[stream] = row.stream_version
        return None


def chain_fault(
    rows: Iterable[tuple[int, JournalRow]], walk: ChainWalk, position: int = 0
) -> str | None:
    """The first fault of rows in order of commitment after a position, None when all follow."""
    for found, row in rows:
        position += 1
        if found != position:
            return f"{found - position} rows are missing from position {position} on"
        fault = walk.step(row)
        if fault is not None:
            return fault
    return None


def tail_fault(fetch: Fetch, count: int) -> str | None:
    """The first fault among the newest rows; quick enough for every start."""
    start = max(0, reads.high_water(fetch).position - count)
    return chain_fault(reads.rows_after(fetch, start), ChainWalk(is_partial=start > 0), start)
