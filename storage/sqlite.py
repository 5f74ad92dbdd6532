"""The system of record: SQLite through apsw, written by the scribe, every commit synced."""

import errno
import functools
import itertools
import operator
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import apsw

from storage import migrations, reads
from storage.book import Book, Clock
from storage.connection import grow_wal, open_reader, open_writer, record_path
from storage.emergency import EMERGENCY_NAME, EmergencyFile, Refuge
from storage.errors import (
    DiskFullError,
    LeaseHeldError,
    LeaseLostError,
    RecordDamagedError,
    RecordError,
    RecordVersionError,
)
from storage.high_water import MARK_NAME, check_mark, write_mark
from storage.integrity import tail_fault
from storage.lease import Lease
from storage.scribe import QUEUE_REQUESTS_MAX, Mark, Scribe
from trading.ports import (
    SCHEMA_VER,
    Claim,
    ControlValue,
    Duplicate,
    Durable,
    Fenced,
    HighWater,
    JournalRow,
    Outcome,
    OutcomeSink,
    Request,
    RunInfo,
)

LEASE_NAME = "trader"
TAIL_ROWS_CHECKED = 1_000
_MARK_EVERY_NS = 1_000_000_000
# WAL pages of 4 KiB: checkpointed when idle above 4 MB, at any rate above 64 MB (storage.md, 3.4).
_WAL_PAGES_IDLE = 1_024
_WAL_PAGES_FORCED = 16_384
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
Choices = ParamSpec("Choices")


class _Writer:
    """What the scribe does with the file: commits, checkpoints, the high-water mark."""

    def __init__(self, book: Book, lease: Lease, mark_path: Path, mono_ns: Clock) -> None:
        self.book = book
        self._lease = lease
        self._mark_path = mark_path
        self._mono_ns = mono_ns
        self._marked_ns = mono_ns()
        self._marked_position = -1
        self._wal_pages = 0
        book.connection.set_wal_hook(self._on_wal)

    def _on_wal(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def commit(self, batch: list[Request], marks: list[Mark]) -> list[Outcome]:
        """One transaction, unless somebody has raised the fence."""
        if self._lease.is_lost():
            return [Fenced(request.token) for request in batch]
        outcomes = self.book.write(batch, marks)
        if self._wal_pages > _WAL_PAGES_FORCED:
            self._checkpoint()
        return outcomes

    def keep_house(self) -> None:
        """With an empty queue: a passive checkpoint when it is due, the mark once a second."""
        if self._wal_pages > _WAL_PAGES_IDLE:
            self._checkpoint()
        if self._mono_ns() - self._marked_ns >= _MARK_EVERY_NS:
            self.write_mark()

    def _checkpoint(self) -> None:
        self.book.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        self._wal_pages = 0

    def write_mark(self) -> None:
        """Note position and hash beside the record, if they have moved and it is still ours."""
        self._marked_ns = self._mono_ns()
        if self._lease.is_lost():
            return
        if self.book.position != self._marked_position:
            self._marked_position = self.book.position
            write_mark(self._mark_path, HighWater(position=self.book.position, hash=self.book.head))


class _Reader:
    """Reads what is durable, on a connection of its own, from any thread."""

    def __init__(self, path: Path) -> None:
        self._connection = open_reader(path)
        self._lock = threading.Lock()
        self.close = self._connection.close

    def fetch(self, sql: str, parameters: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()


class SqliteRecord:
    """A record on disk; `open_record` makes it and says what each part is."""

    def __init__(
        self,
        path: Path,
        writer: _Writer,
        lease: Lease,
        emergency: EmergencyFile,
        capacity: int,
        *,
        is_eager: bool,
    ) -> None:
        """Join the parts."""
        self.path = path
        self.lease = lease
        self._book = writer.book
        self._writer = writer
        self._reader = _Reader(path)
        self._fetch = self._reader.fetch
        self._refuge = Refuge(emergency, self._fetch, lease.is_lost)
        self._scribe = Scribe(
            writer, is_eager=is_eager, capacity=capacity, refuge=self._take_refuge
        )
        self._is_closed = False

    def _take_refuge(self, batch: list[Request], why: str) -> list[Outcome]:
        return self._refuge.commit(self._book.run, batch, why)

    @property
    def fence(self) -> int:
        """The fencing token that every row of this process carries."""
        return self.lease.fence

    @property
    def poison(self) -> str | None:
        """Why nothing more is written, None while all is well."""
        return self._scribe.poison

    # ---------------------------------------------------------------------------------- staging

    def deliver_to(self, sink: OutcomeSink) -> None:
        """See the port."""
        self._scribe.deliver_to(sink)

    def stage(self, request: Request) -> None:
        """See the port."""
        self._scribe.stage(request)

    def pending(self) -> int:
        """See the port."""
        return self._scribe.pending()

    def settle(self) -> None:
        """See the port."""
        self._scribe.settle()

    async def wait(self) -> None:
        """See the port."""
        await self._scribe.wait()

    def mark(self, order_id: str, stage: str, mono_ns: int) -> None:
        """See the port."""
        self._scribe.mark((order_id, stage, mono_ns))

    # ------------------------------------------------------------------------------------- runs

    def begin_run(
        self, *, mode: str, config_hash: str, source: str, started_ns: int, tape_path: str = ""
    ) -> str:
        """See the port."""
        begun: list[str] = []

        def begin() -> None:
            begun.append(
                self._book.begin_run(
                    mode=mode,
                    config_hash=config_hash,
                    source=source,
                    started_ns=started_ns,
                    tape_path=tape_path,
                )
            )

        self._as_holder(begin)
        return begun[0]

    def resume_run(self, run: str) -> RunInfo:
        """See the port."""
        found: list[RunInfo] = []
        self._as_holder(lambda: found.append(self._book.resume_run(run)))
        return found[0]

    def end_run(self, *, ended_ns: int, is_clean: bool) -> None:
        """See the port; a record that has failed cannot, and says what is to be done."""
        if self.poison is not None:
            raise RecordError(
                f"{self.poison}. What lowered risk since then stands in {EMERGENCY_NAME} beside "
                "the record: mend the disk, then `holdfast run --recover` takes it over and goes on"
            )

        def end() -> None:
            self._scribe.flush_marks()
            self._book.end_run(ended_ns=ended_ns, is_clean=is_clean)

        self._as_holder(end)

    def _as_holder(self, act: Callable[[], None]) -> None:
        """Act on a run while nobody else writes, and only while the fence is ours.

        Raises:
            LeaseLostError: It is not: the run is another instance's, or the guard's.
        """
        if self.lease.is_lost():
            raise LeaseLostError(
                f"{self.path.parent} is not ours any more: expected fence {self.fence}, found "
                f"{self.lease.word.read()}; another instance has taken over, nothing was written"
            )
        self._scribe.exclusively(act)

    def last_run(self) -> RunInfo | None:
        """See the port."""
        return reads.run_info(self._fetch, None)

    # ---------------------------------------------------------------------------------- reading

    def events(self, journal_id: str, run: str, after_seq: int = 0) -> Iterator[JournalRow]:
        """See the port; behind the record's rows, those of the emergency file."""
        rows = reads.events(self._fetch, journal_id, run, after_seq)
        if self.poison is None:
            return rows
        return itertools.chain(rows, self._refuge.rows(journal_id, run, after_seq))

    def last_snapshot(self, journal_id: str, run: str) -> JournalRow | None:
        """See the port."""
        return reads.last_snapshot(self._fetch, journal_id, run)

    def has_claim(self, claim: Claim, run: str) -> bool:
        """See the port."""
        return reads.has_claim(self._fetch, claim, run)

    def controls(self) -> Mapping[str, ControlValue]:
        """See the port."""
        return reads.controls(self._fetch)

    def kill_level(self) -> str:
        """See the port."""
        return reads.kill_level(self._fetch)

    def high_water(self) -> HighWater:
        """See the port."""
        return reads.high_water(self._fetch)

    def journal_hash(self, run: str) -> str:
        """See the port."""
        self.settle()
        return reads.journal_hash(self._fetch, run)

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """See the port."""
        return self._fetch(sql, parameters)

    def close(self) -> None:
        """See the port; the fence stays, the lock is free afterwards."""
        if self._is_closed:
            return
        self._is_closed = True
        self._scribe.close()
        try:
            if self._scribe.poison is None:
                self._scribe.flush_marks()
                self._writer.write_mark()
                self._book.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        finally:
            self._reader.close()
            self._book.connection.close()
            self.lease.close()


def _needs_room(
    opens: Callable[Concatenate[Path, Choices], SqliteRecord],
) -> Callable[Concatenate[Path, Choices], SqliteRecord]:
    """A full disk is no fault of the record: say what stands, and what to do."""

    def opened(data_dir: Path, /, *args: Choices.args, **choices: Choices.kwargs) -> SqliteRecord:
        try:
            return opens(data_dir, *args, **choices)
        except (OSError, apsw.FullError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_ROOM:
                raise
            raise DiskFullError(
                f"expected room for the record in {data_dir}, found none ({error}): nothing was "
                "sent, and what was acknowledged before is as it was. Make room there (`df` says "
                "how much is left), then start again; a run that was cut off goes on with "
                "`holdfast run --recover`"
            ) from error

    return functools.update_wrapper(opened, opens)


@_needs_room
def open_record(
    data_dir: Path,
    *,
    is_eager: bool = True,
    is_rival: bool = False,
    capacity: int = QUEUE_REQUESTS_MAX,
    wall_ns: Clock = time.time_ns,
    mono_ns: Clock = time.monotonic_ns,
) -> SqliteRecord:
    """Open the record of a data directory for trading, creating it when there is none.

    In this order: lease, library and schema, high-water mark, chain of the newest rows, fence, and
    what the emergency file holds since the record failed.

    Args:
        data_dir: Local directory; created when missing.
        is_eager: True commits as soon as something is staged (live lane); False leaves the commit
            to the next `settle` or `wait` (virtual lane).
        is_rival: Take it over from an instance that does not let go; that one is fenced first.
        capacity: Requests that may wait for the disk.
        wall_ns: Wall clock, ns UTC.
        mono_ns: Monotonic clock, ns, the one latency marks are taken with.

    Raises:
        LeaseHeldError: Another instance has it open, or stopped in the middle of a write.
        RecordVersionError: Library too old, or schema behind or ahead.
        RecordDamagedError: Rows are missing or changed.
        DiskFullError: There is no room for it.
        RecordError: The directory is on a network file system.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    host = socket.gethostname()
    lease = Lease(data_dir, f"process {os.getpid()} on {host}", is_rival=is_rival)
    try:
        connection = open_writer(record_path(data_dir))
    except BaseException:
        lease.close()
        raise
    try:
        _check(connection, data_dir)
        grow_wal(connection, record_path(data_dir))
        fence = _take_lease(connection, lease, wall_ns)
        boot = _add_boot(connection, host, wall_ns)
        book = Book(connection, boot=boot, fence=fence, wall_ns=wall_ns, mono_ns=mono_ns)
        writer = _Writer(book, lease, data_dir / MARK_NAME, mono_ns)
        emergency = EmergencyFile(data_dir)
        record = SqliteRecord(
            record_path(data_dir), writer, lease, emergency, capacity, is_eager=is_eager
        )
    except apsw.BusyError as error:
        connection.close()
        lease.close()
        raise LeaseHeldError(
            f"{data_dir} is being written by an instance that stands still: it is fenced and can "
            "send nothing, but its write must end first; let it go on (SIGCONT) or end it, then "
            "try again"
        ) from error
    except BaseException:
        connection.close()
        lease.close()
        raise
    try:
        _take_over(record, emergency)
    except BaseException:
        record.close()
        raise
    return record


def _take_over(record: SqliteRecord, emergency: EmergencyFile) -> None:
    """Journal what an earlier process could only write beside the record (ST-8)."""
    outcomes: list[Outcome] = []
    record.deliver_to(outcomes.append)
    waiting = emergency.waiting()
    for run, requests in itertools.groupby(waiting, key=operator.itemgetter(0)):
        record.resume_run(run)
        for _, request in requests:
            record.stage(request)
        record.settle()
    refused = [each for each in outcomes if not isinstance(each, Durable | Duplicate)]
    if refused:
        raise RecordError(
            f"{emergency.path}: {len(refused)} of {len(waiting)} requests could not be taken over "
            f"into the record ({refused[0]}): nothing was started"
        )
    if waiting:
        emergency.clear()


def _check(connection: apsw.Connection, data_dir: Path) -> None:
    """Refuse a record that is not what was left behind."""
    if migrations.is_empty(connection):
        migrations.apply(connection, migrations.migrations())
    migrations.check(connection)
    fetch = reads.fetcher(connection)
    newest = reads.newest_schema_ver(fetch, TAIL_ROWS_CHECKED)
    if newest > SCHEMA_VER:
        raise RecordVersionError(
            f"the newest events of the record have schema {newest}, this version reads up to "
            f"{SCHEMA_VER}: nothing was changed; run the version that wrote them, or a newer one "
            "(`holdfast --version`)"
        )
    faults = migrations.schema_faults(connection) or [
        check_mark(fetch, data_dir / MARK_NAME) or tail_fault(fetch, TAIL_ROWS_CHECKED) or ""
    ]
    if faults[0]:
        raise RecordDamagedError(
            f"{faults[0]}. Expected a whole record in {data_dir}. Do not trade on it: run "
            "`holdfast verify`, restore a backup or start on another --data-dir, and reconcile "
            "with the broker"
        )


def _take_lease(connection: apsw.Connection, lease: Lease, wall_ns: Clock) -> int:
    """Raise the fence: first the word, then the row."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        row_fence = connection.execute("SELECT coalesce(max(fence), 0) FROM lease").get
        fence = lease.take_fence(row_fence)
        connection.execute(
            """INSERT INTO lease (name, holder, fence, taken_ns) VALUES (?, ?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET
                holder = excluded.holder, fence = excluded.fence, taken_ns = excluded.taken_ns""",
            (LEASE_NAME, lease.holder, fence, wall_ns()),
        )
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return fence


def _add_boot(connection: apsw.Connection, host: str, wall_ns: Clock) -> int:
    boot_id = Path("/proc/sys/kernel/random/boot_id")
    kernel = boot_id.read_text().strip() if boot_id.exists() else "unknown"
    connection.execute(
        "INSERT INTO boots (boot_id, pid, host, opened_ns) VALUES (?, ?, ?, ?)",
        (kernel, os.getpid(), host, wall_ns()),
    )
    return connection.last_insert_rowid()
