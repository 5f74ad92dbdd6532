"""The emergency file: what lowers risk is still written when the record no longer takes anything.

A record that failed once accepts nothing more (ST-8): entries stop. Exits, cancels and kills must
not be trapped by that, so they are appended to a file of their own, synced, and taken over into
the journal by whoever opens the record next, before anything else is written.

The file is filled with zeros beforehand, so that a full disk still has room for it; it may stand on
another disk. One line for each request: checksum, JSON. What is torn at its end was never
acknowledged.
"""

import os
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

from storage import reads
from storage.errors import RecordDamagedError
from storage.reads import Fetch
from trading.ports import (
    Claim,
    Duplicate,
    Durable,
    Failed,
    Fenced,
    JournalRow,
    Outcome,
    Request,
    StagedEvent,
)

EMERGENCY_NAME = "emergency.log"
CLAIM = "emergency"
"""Each line is taken over once, however often that is tried."""
_BYTES = 1 << 20


class EmergencyFile:
    """Lines of one file; nothing is read or written before it is asked for."""

    def __init__(self, folder: Path) -> None:
        """Reserve the room, unless lines wait in it."""
        self.path = folder / EMERGENCY_NAME
        self._end = 0
        self._kept: list[tuple[str, Request]] = []
        if not self.path.exists():
            self._reserve()

    def _reserve(self) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, _BYTES)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _sync_folder(self.path.parent)

    # ------------------------------------------------------------------------------------ writing

    def append(self, run: str, requests: Sequence[Request]) -> None:
        """Write requests of a run behind what is there, with one sync.

        Raises:
            OSError: The second path is gone as well; nothing of them counts.
        """
        text = b"".join(_line(run, request) for request in requests)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            written = os.pwrite(descriptor, text, self._end)
            if written != len(text):
                raise OSError(f"{written} of {len(text)} bytes were written to {self.path}")
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        self._end += len(text)
        self._kept += [(run, request) for request in requests]

    def clear(self) -> None:
        """Every line was taken over: an empty file takes its place."""
        aside = self.path.with_suffix(".taken-over")
        self.path.replace(aside)
        self._end = 0
        self._kept.clear()
        self._reserve()

    # ------------------------------------------------------------------------------------ reading

    def waiting(self) -> list[tuple[str, Request]]:
        """What an earlier process left here, with its run, oldest first.

        Raises:
            RecordDamagedError: A line is followed by another and cannot be read.
        """
        lines = self.path.read_bytes().split(b"\0", 1)[0].split(b"\n")
        found = []
        for number, line in enumerate(lines[:-1]):  # behind the last line end, nothing was synced
            fields = _read(line)
            if fields is None and number == len(lines) - 2:
                break
            if fields is None:
                raise RecordDamagedError(
                    f"{self.path}: line {number + 1} cannot be read. It holds exits that the "
                    "record could not take: reconcile with the broker, then move the file away"
                )
            found.append((fields["run"], _request(fields, number)))
        return found

    def rows(self, journal_id: str, run: str, after_seq: int) -> list[JournalRow]:
        """What this process wrote here of one journal, numbered on from `after_seq`."""
        events = [
            (event, request.tape_seq)
            for own_run, request in self._kept
            if (request.journal_id, own_run) == (journal_id, run)
            for event in request.events
        ]
        return [
            JournalRow(
                seq=seq,
                journal_id=journal_id,
                run=run,
                stream=event.stream,
                stream_version=0,
                kind=event.kind,
                at_ns=event.at_ns,
                payload=event.payload,
                schema_ver=event.schema_ver,
                tape_seq=tape_seq,
                prev_hash=b"",
                hash=b"",
            )
            for seq, (event, tape_seq) in enumerate(events, start=after_seq + 1)
        ]


class Refuge:
    """Takes requests in the record's place once it has failed.

    Args:
        file: Where they go.
        fetch: Reads the record, which can be read when it cannot be written.
        is_lost: Whether another instance has taken over.
    """

    def __init__(self, file: EmergencyFile, fetch: Fetch, is_lost: Callable[[], bool]) -> None:
        """Nothing is written yet."""
        self.file = file
        self._fetch = fetch
        self._is_lost = is_lost
        self._claims: set[Claim] = set()
        self._seqs: dict[str, int] = {}

    def commit(self, run: str, batch: Sequence[Request], why: str) -> list[Outcome]:
        """Make durable here what adds no risk; refuse the rest, as the record would."""
        outcomes: list[Outcome] = []
        kept: list[Request] = []
        for request in batch:
            outcome = self._judge(run, request, why)
            outcomes.append(outcome)
            if isinstance(outcome, Durable):
                kept.append(request)
        if kept:
            self.file.append(run, kept)
        return outcomes

    def durable_seq(self, journal_id: str, run: str) -> int:
        """The last sequence of a journal in the record itself."""
        sql = "SELECT coalesce(max(seq), 0) FROM journal WHERE journal_id = ? AND run = ?"
        return int(self._fetch(sql, (journal_id, run))[0][0])

    def rows(self, journal_id: str, run: str, after_seq: int) -> list[JournalRow]:
        """What the file holds of one journal, behind the record's own rows."""
        first = self.durable_seq(journal_id, run)
        rows = self.file.rows(journal_id, run, first)
        return [row for row in rows if row.seq > after_seq]

    def _judge(self, run: str, request: Request, why: str) -> Outcome:
        if self._is_lost():
            return Fenced(request.token)
        if any(_adds_risk(event) for event in request.events):
            return Failed(request.token, why)
        for claim in request.claims:
            if claim in self._claims or reads.has_claim(self._fetch, claim, run):
                return Duplicate(request.token, claim)
        self._claims.update(request.claims)
        known = self._seqs.get(request.journal_id)
        seq = self.durable_seq(request.journal_id, run) if known is None else known
        self._seqs[request.journal_id] = seq + len(request.events)
        return Durable(request.token, seq + len(request.events))


def _adds_risk(event: StagedEvent) -> bool:
    return event.kind == "OrderIntended" and bool(orjson.loads(event.payload)["adds_risk"])


def _line(run: str, request: Request) -> bytes:
    text = orjson.dumps(
        {
            "run": run,
            "journal_id": request.journal_id,
            "tape_seq": request.tape_seq,
            "claims": [[claim.name, claim.key] for claim in request.claims],
            "events": [
                [event.stream, event.kind, event.at_ns, event.schema_ver, event.payload.decode()]
                for event in request.events
            ],
        }
    )
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _read(line: bytes) -> dict[str, Any] | None:
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    fields: dict[str, Any] = orjson.loads(text)
    return fields


def _request(fields: dict[str, Any], number: int) -> Request:
    events = tuple(
        StagedEvent(
            stream=stream, kind=kind, at_ns=at_ns, schema_ver=schema_ver, payload=payload.encode()
        )
        for stream, kind, at_ns, schema_ver, payload in fields["events"]
    )
    claims = tuple(Claim(name=name, key=key) for name, key in fields["claims"])
    own = Claim(name=CLAIM, key=f"{number}-{events[0].at_ns}-{events[0].stream}")
    return Request(
        journal_id=fields["journal_id"],
        events=events,
        token=number,
        claims=(*claims, own),
        tape_seq=fields["tape_seq"],
    )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
