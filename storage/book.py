"""The writing half of a record: groups of requests become transactions on one connection.

A book has no thread and no queue: the scribe drives it for the file, the memory record for its
tables.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import apsw

from storage import reads
from storage.chain import GENESIS, row_hash
from storage.errors import LeaseLostError, RecordError
from storage.projections import statements_by_kind
from trading.ports import (
    Claim,
    Duplicate,
    Durable,
    Failed,
    Fenced,
    Outcome,
    Request,
    RunInfo,
    StagedEvent,
)

_INSERT_ROW = "INSERT INTO journal VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_INSERT_CLAIM = "INSERT INTO claims VALUES (?,?,?,?)"
_INSERT_MARK = "INSERT INTO latency_marks VALUES (?,?,?,?,?)"
_LAST_VERSION = """SELECT max(stream_version) FROM journal
    WHERE journal_id = ? AND run = ? AND stream = ?"""
_FENCE = "SELECT max(fence) FROM lease"
_VERSIONS_KEPT = 20_000
# How a refused request is taken back; one that is alone in its transaction needs no savepoint.
_UNDO_ALL = "ROLLBACK"
_UNDO_REQUEST = "ROLLBACK TO request; RELEASE request"

# What a request can be wrong in by itself; anything else is a fault of the disk or of the library.
_REQUEST_ERRORS = (apsw.ConstraintError, apsw.SQLError, apsw.MismatchError, UnicodeError, TypeError)

Clock = Callable[[], int]
Row = tuple[Any, ...]


class Book:
    """Appends requests to the journal, its chain and its projections.

    Args:
        connection: The only connection that writes.
        boot: Row of `boots` this process writes under.
        fence: Fencing token this process holds, 0 where nobody leases.
        wall_ns: Wall clock, ns UTC; for columns beside the chain only.
        mono_ns: Monotonic clock, ns.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        *,
        wall_ns: Clock,
        mono_ns: Clock,
        boot: int = 0,
        fence: int = 0,
    ) -> None:
        """Take over a connection whose schema is complete."""
        self.connection = connection
        self.run = ""
        self._mode = ""
        self._boot = boot
        self._fence = fence
        self._wall_ns = wall_ns
        self._mono_ns = mono_ns
        cursor = (
            connection.cursor()
        )  # one for all: a new one for each statement costs as much again
        self._execute = cursor.execute
        self._insert_many = cursor.executemany
        self._projections = statements_by_kind()
        self._fetch = reads.fetcher(connection)
        self.position, self.head = self._newest()
        self._heads: dict[str, tuple[int, bytes]] = {}
        # In a run begun here, a stream that is not in the cache is new and needs no look-up.
        self._versions: dict[tuple[str, str], int] = {}
        self._knows_all_streams = False

    def _newest(self) -> tuple[int, bytes]:
        mark = reads.high_water(self._fetch)
        return mark.position, mark.hash

    # ------------------------------------------------------------------------------------- runs

    def begin_run(
        self, *, mode: str, config_hash: str, source: str, started_ns: int, tape_path: str
    ) -> str:
        """Add a run and make it current; commits."""
        with self._unfenced():
            number = self._execute("SELECT coalesce(max(number), 0) + 1 FROM runs").get
            run = f"r{number:04d}"
            self._execute(
                """INSERT INTO runs (run, number, mode, config_hash, source, tape_path, started_ns)
                VALUES (?, ?, ?, ?, ?, ?, ?)""",
                (run, number, mode, config_hash, source, tape_path, started_ns),
            )
        self._enter(run, mode)
        return run

    def resume_run(self, run: str) -> RunInfo:
        """Make an earlier run current, as one that has not ended; commits."""
        info = reads.run_info(self._fetch, run)
        if info is None:
            raise RecordError(f"run {run!r} is not in this record")
        with self._unfenced():
            self._execute("UPDATE runs SET ended_ns = NULL, is_clean = 0 WHERE run = ?", (run,))
        self._enter(run, info.mode)
        return info

    def end_run(self, *, ended_ns: int, is_clean: bool) -> None:
        """Close the current run; commits."""
        with self._unfenced():
            self._execute(
                "UPDATE runs SET ended_ns = ?, is_clean = ? WHERE run = ?",
                (ended_ns, int(is_clean), self.run),
            )

    @contextmanager
    def _unfenced(self) -> Iterator[None]:
        """A transaction of ours; refused when another instance has taken over.

        Raises:
            LeaseLostError: It has; nothing was written.
        """
        self._execute("BEGIN IMMEDIATE")
        try:
            self._require_lease()
            yield
            self._execute("COMMIT")
        except BaseException:
            self._execute("ROLLBACK")
            raise

    def _require_lease(self) -> None:
        if self._is_fenced():
            raise LeaseLostError(
                "another instance has taken over: expected the lease to be ours, found a newer "
                "fence; nothing was written, this instance ends"
            )

    def _enter(self, run: str, mode: str) -> None:
        self.run, self._mode = run, mode
        self._heads = {
            journal_id: (seq, head) for journal_id, seq, head in reads.heads(self._fetch, run)
        }
        self._versions.clear()
        self._knows_all_streams = not self._heads

    # ---------------------------------------------------------------------------------- writing

    def write(
        self, batch: Sequence[Request], marks: Sequence[tuple[str, str, int]] = ()
    ) -> list[Outcome]:
        """Commit a group in one transaction, one sync; outcomes in the order of the requests.

        Raises:
            apsw.Error: The transaction failed as a whole; nothing of the group is durable and this
                book must not be written to again.
        """
        execute = self._execute
        execute("BEGIN IMMEDIATE")
        try:
            if self._is_fenced():
                execute("ROLLBACK")
                return [Fenced(request.token) for request in batch]
            stamp = (self._wall_ns(), self._mono_ns())
            undo = _UNDO_ALL if len(batch) == 1 and not marks else _UNDO_REQUEST
            outcomes = [self._write_request(request, stamp, undo) for request in batch]
            if marks:
                self._insert_many(_INSERT_MARK, [(self.run, *mark, self._boot) for mark in marks])
            if self.connection.in_transaction:
                execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                execute("ROLLBACK")
            raise
        return outcomes

    def _is_fenced(self) -> bool:
        if not self._fence:
            return False
        return bool(self._execute(_FENCE).get != self._fence)

    def _write_request(self, request: Request, stamp: tuple[int, int], undo: str) -> Outcome:
        if len(self._versions) >= _VERSIONS_KEPT:
            self._forget_versions()  # not in the midst of a request, whose rows are not there yet
        execute = self._execute
        is_part = undo is _UNDO_REQUEST
        if is_part:
            execute("SAVEPOINT request")
        taken = self._claim(request.claims)
        if taken is not None:
            execute(undo)
            return Duplicate(request.token, taken)
        before = (self.position, self.head, self._heads.get(request.journal_id))
        try:
            self._append(request, stamp)
        except _REQUEST_ERRORS as error:
            execute(undo)
            self._restore(request.journal_id, before)
            kinds = ", ".join(event.kind for event in request.events)
            return Failed(request.token, f"the record refused {kinds}: {error}")
        if is_part:
            execute("RELEASE request")
        return Durable(request.token, self._heads.get(request.journal_id, (0, GENESIS))[0])

    def _restore(
        self, journal_id: str, before: tuple[int, bytes, tuple[int, bytes] | None]
    ) -> None:
        self.position, self.head, own = before
        if own is None:
            self._heads.pop(journal_id, None)
        else:
            self._heads[journal_id] = own
        self._forget_versions()

    def _claim(self, claims: Sequence[Claim]) -> Claim | None:
        """Make every claim, or name the first that was made before."""
        for claim in claims:
            try:
                self._execute(_INSERT_CLAIM, (self.run, claim.name, claim.key, self.position + 1))
            except apsw.ConstraintError:
                return claim
        return None

    def _append(self, request: Request, stamp: tuple[int, int]) -> None:
        """Insert the rows of a request, then move on the tables that follow from them."""
        first = self.position + 1
        rows = [self._row(request, event, stamp) for event in request.events]
        self._insert_many(_INSERT_ROW, rows)
        for position, event in enumerate(request.events, start=first):
            statements = self._projections.get(event.kind)
            if statements is not None:
                self._project(statements, request.journal_id, event, rows[position - first])

    def _row(self, request: Request, event: StagedEvent, stamp: tuple[int, int]) -> Row:
        """The next row of the journal, in order of its columns."""
        journal_id = request.journal_id
        seq, prev_hash = self._heads.get(journal_id, (0, GENESIS))
        seq += 1
        version = self._next_version(journal_id, event.stream)
        own_hash = row_hash(prev_hash, seq, version, event)
        self.position += 1
        self._heads[journal_id] = (seq, own_hash)
        self.head = own_hash
        return (
            self.position,
            journal_id,
            self.run,
            seq,
            event.stream,
            version,
            event.kind,
            event.at_ns,
            event.schema_ver,
            event.payload.decode(),
            prev_hash,
            own_hash,
            request.tape_seq,
            self._boot,
            self._fence,
            *stamp,
        )

    def _project(
        self, statements: Sequence[str], journal_id: str, event: StagedEvent, row: Row
    ) -> None:
        values = {
            "journal_id": journal_id,
            "account": journal_id.removeprefix("account:"),
            "run": self.run,
            "mode": self._mode,
            "seq": row[3],
            "pos": row[0],
            "kind": event.kind,
            "at_ns": event.at_ns,
            "payload": row[9],
        }
        for statement in statements:
            self._execute(statement, values)

    def _next_version(self, journal_id: str, stream: str) -> int:
        key = (journal_id, stream)
        last = self._versions.get(key)
        if last is None:
            last = 0 if self._knows_all_streams else self._look_up(journal_id, stream)
        self._versions[key] = last + 1
        return last + 1

    def _look_up(self, journal_id: str, stream: str) -> int:
        return self._execute(_LAST_VERSION, (journal_id, self.run, stream)).get or 0

    def _forget_versions(self) -> None:
        """From now on they are read from the journal."""
        self._versions.clear()
        self._knows_all_streams = False
