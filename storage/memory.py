"""The record without a disk: for replays, sweeps and tests; the same protocol and the same answers.

Staging only notes the request (about a microsecond). Hashes, rows and projections are worked out
when somebody asks, by the very code that writes the file, so that both give the same journal hash.

What waits to be asked for is packed from time to time: a request holds its token, and through it
whatever its sender has on his mind, which is more than the facts themselves.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from storage import migrations, reads
from storage.book import Book, Clock
from storage.connection import open_memory
from storage.errors import RecordClosedError, RecordError
from storage.scribe import GROUP_REQUESTS_MAX, Mark
from trading.ports import (
    Claim,
    ControlValue,
    Duplicate,
    Durable,
    HighWater,
    JournalRow,
    Outcome,
    OutcomeSink,
    Request,
    RunInfo,
    StagedEvent,
)

# So many requests are packed at once: some 10 ms, which then no order's 99th percentile sees.
PACKED_REQUESTS = 4_096


class MemoryRecord:
    """A record that ends with its process.

    Args:
        is_eager: True delivers an outcome before `stage` returns (live lane); False keeps it for
            the next `settle` or `wait` (virtual lane).
        wall_ns: Wall clock, ns UTC.
        mono_ns: Monotonic clock, ns.
    """

    def __init__(
        self,
        *,
        is_eager: bool = False,
        wall_ns: Clock = time.time_ns,
        mono_ns: Clock = time.monotonic_ns,
    ) -> None:
        """Start empty."""
        connection = open_memory()
        migrations.apply(connection, migrations.migrations())
        connection.execute(
            "INSERT INTO boots (boot_id, pid, host, opened_ns) VALUES ('memory', 0, 'memory', ?)",
            (wall_ns(),),
        )
        self._book = Book(connection, wall_ns=wall_ns, mono_ns=mono_ns, boot=1)
        self._fetch_now = reads.fetcher(connection)
        self._is_eager = is_eager
        self._is_closed = False
        self._sink: OutcomeSink | None = None
        self._unfolded: list[Request] = []
        self._packed: list[bytes] = []  # what came before those, oldest first
        self._marks: list[Mark] = []
        self._outcomes: list[Outcome] = []
        self._claims: dict[str, set[Claim]] = {}  # by run
        self._seqs: dict[str, int] = {}

    # ---------------------------------------------------------------------------------- staging

    def deliver_to(self, sink: OutcomeSink) -> None:
        """See the port."""
        self._sink = sink

    def stage(self, request: Request) -> None:
        """See the port."""
        if self._is_closed:
            raise RecordClosedError("the record is closed: nothing can be staged")
        outcome: Outcome
        taken = self._claim(request.claims) if request.claims else None
        if taken is None:
            journal_id, seqs = request.journal_id, self._seqs
            seqs[journal_id] = seq = seqs.get(journal_id, 0) + len(request.events)
            unfolded = self._unfolded
            unfolded.append(request)
            if len(unfolded) >= PACKED_REQUESTS:
                self._unfolded = []
                self._packed.append(_packed(unfolded))
            outcome = Durable(request.token, seq)
        else:
            outcome = Duplicate(request.token, taken)
        if not self._is_eager:
            self._outcomes.append(outcome)
        elif self._sink is not None:
            self._sink(outcome)

    def _claim(self, claims: Sequence[Claim]) -> Claim | None:
        """Make every claim, or none and name the first that was made before."""
        made = self._claims.setdefault(self._book.run, set())
        for claim in claims:
            if claim in made:
                return claim
        made.update(claims)
        return None

    def pending(self) -> int:
        """See the port."""
        return len(self._outcomes)

    def settle(self) -> None:
        """See the port."""
        outcomes, self._outcomes = self._outcomes, []
        if self._sink is not None:
            for outcome in outcomes:
                self._sink(outcome)

    async def wait(self) -> None:
        """See the port."""
        self.settle()

    def mark(self, order_id: str, stage: str, mono_ns: int) -> None:
        """See the port."""
        self._marks.append((order_id, stage, mono_ns))

    # ------------------------------------------------------------------------------------- runs

    def begin_run(
        self, *, mode: str, config_hash: str, source: str, started_ns: int, tape_path: str = ""
    ) -> str:
        """See the port."""
        self._fold()
        self._seqs = {}
        return self._book.begin_run(
            mode=mode,
            config_hash=config_hash,
            source=source,
            started_ns=started_ns,
            tape_path=tape_path,
        )

    def resume_run(self, run: str) -> RunInfo:
        """See the port."""
        self._fold()
        info = self._book.resume_run(run)
        self._seqs = {name: seq for name, seq, _ in reads.heads(self._fetch_now, run)}
        return info

    def end_run(self, *, ended_ns: int, is_clean: bool) -> None:
        """See the port."""
        self._fold()
        self._book.end_run(ended_ns=ended_ns, is_clean=is_clean)

    def last_run(self) -> RunInfo | None:
        """See the port."""
        return reads.run_info(self._fetch, None)

    # ---------------------------------------------------------------------------------- reading

    def _fold(self) -> None:
        """Write what was only noted so far; raises where the file would have refused."""
        self.settle()
        packed, self._packed = self._packed, []
        unfolded, self._unfolded = self._unfolded, []
        marks, self._marks = self._marks, []
        for together in packed:
            self._write(_unpacked(together))
        self._write(unfolded)
        if marks:
            self._book.write([], marks)

    def _write(self, requests: Sequence[Request]) -> None:
        for start in range(0, len(requests), GROUP_REQUESTS_MAX):
            for outcome in self._book.write(requests[start : start + GROUP_REQUESTS_MAX]):
                if not isinstance(outcome, Durable):
                    raise RecordError(f"a request that was taken cannot be written: {outcome}")

    def _fetch(self, sql: str, parameters: Any) -> list[tuple[Any, ...]]:
        self._fold()
        return self._fetch_now(sql, parameters)

    def events(self, journal_id: str, run: str, after_seq: int = 0) -> Iterator[JournalRow]:
        """See the port."""
        return reads.events(self._fetch, journal_id, run, after_seq)

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
        return reads.journal_hash(self._fetch, run)

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """See the port."""
        return self._fetch(sql, parameters)

    def close(self) -> None:
        """See the port; what was recorded can still be read."""
        if not self._is_closed:
            self._fold()
            self._is_closed = True


def _packed(requests: Sequence[Request]) -> bytes:
    """All that the journal needs of some requests; their tokens are let go."""
    return msgspec.msgpack.encode(
        [
            (
                request.journal_id,
                request.tape_seq,
                [(claim.name, claim.key) for claim in request.claims],
                [
                    (event.stream, event.kind, event.at_ns, event.schema_ver, event.payload)
                    for event in request.events
                ],
            )
            for request in requests
        ]
    )


def _unpacked(packed: bytes) -> list[Request]:
    """The requests again, without tokens: their outcomes were delivered long ago."""
    return [
        Request(
            journal_id=journal_id,
            events=tuple(
                StagedEvent(
                    stream=stream, kind=kind, at_ns=at_ns, payload=payload, schema_ver=schema_ver
                )
                for stream, kind, at_ns, schema_ver, payload in events
            ),
            token=None,
            claims=tuple(Claim(name=name, key=key) for name, key in claims),
            tape_seq=tape_seq,
        )
        for journal_id, tape_seq, claims, events in msgspec.msgpack.decode(packed)
    ]
