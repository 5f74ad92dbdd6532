"""Ports: what the rules ask of the world, as protocols (architecture.md, idea 10).

LIVE, PAPER, DRY_RUN, BACKTEST and simulation differ only in what stands behind these ports.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from rust_core import ReleaseGate, Submission

# --------------------------------------------------------------------------------------------------
# The record: what is remembered. Structs, as many are made for each order; the collector does not
# look at those that can be part of no cycle.
# --------------------------------------------------------------------------------------------------


SCHEMA_VER = 1
"""The newest version of an event's shape that is written, and read."""


class StagedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One fact on its way into the journal.

    Attributes:
        stream: What it is about, e.g. `order/<client order id>`; versions count per stream.
        kind: Name of the event, e.g. `OrderFilled`.
        at_ns: When it happened, in the lane's time (virtual in a replay), ns UTC.
        payload: A JSON object in UTF-8; its bytes are what the chain hashes.
        schema_ver: Version of the payload's shape; old ones are raised on reading.
    """

    stream: str
    kind: str
    at_ns: int
    payload: bytes
    schema_ver: int = SCHEMA_VER


class Claim(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that may exist once in a run (EX-4, ST-6), e.g. `("intent", client_order_id)`."""

    name: str
    key: str


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What must become durable together: one decision, one transaction.

    Attributes:
        journal_id: `account:<name>` or `system`.
        events: Facts in order; all of them or none.
        claims: Each must be new in this run, otherwise the whole request is refused as Duplicate.
        token: Handed back with the outcome; the record never looks inside.
        tape_seq: Row of the tape that was being handled, -1 when there is none.
    """

    journal_id: str
    events: tuple[StagedEvent, ...]
    token: object
    claims: tuple[Claim, ...] = ()
    tape_seq: int = -1


class Durable(msgspec.Struct, frozen=True, gc=False):
    """The request is on disk; `last_seq` is the sequence of its last event in its journal."""

    token: object
    last_seq: int


class Duplicate(msgspec.Struct, frozen=True, gc=False):
    """A claim was taken already; nothing of the request was written."""

    token: object
    claim: Claim


class Fenced(msgspec.Struct, frozen=True, gc=False):
    """Another instance has taken over; nothing of the request was written (ST-5)."""

    token: object


class Failed(msgspec.Struct, frozen=True, gc=False):
    """The write failed, or an earlier one did: a record that failed once accepts nothing more."""

    token: object
    error: str


Outcome = Durable | Duplicate | Fenced | Failed
OutcomeSink = Callable[[Outcome], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRow:
    """One durable event as it is read back."""

    seq: int
    journal_id: str
    run: str
    stream: str
    stream_version: int
    kind: str
    at_ns: int
    payload: bytes
    schema_ver: int
    tape_seq: int
    prev_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HighWater:
    """How far the record has come: rows in all journals and runs, and the newest row's hash."""

    position: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """One run of the trader. `ended_ns` is None while it runs, or when it was cut off.

    `last_tape_seq` is the highest tape row that any durable event of the run names, -1 for none.
    """

    run: str
    mode: str
    config_hash: str
    source: str
    tape_path: str
    started_ns: int
    ended_ns: int | None
    is_clean: bool
    last_tape_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlValue:
    """A runtime control as it stands (KC-6); `value` is JSON text."""

    name: str
    value: str
    version: int
    set_by: str
    set_at_ns: int
    reason: str


class Record(Protocol):
    """The system of record. Staging never blocks; outcomes arrive through the sink.

    Outcomes are delivered in the order of staging, once each, on whatever thread committed them.
    """

    def deliver_to(self, sink: OutcomeSink) -> None:
        """Name who gets the outcomes, before the first `stage`; it must not raise or block."""

    def stage(self, request: Request) -> None:
        """Queue a request and return at once.

        Raises:
            RecordFullError: When the queue is full: the writer has fallen too far behind.
            RecordClosedError: After close.
        """

    def pending(self) -> int:
        """Requests staged whose outcome was not delivered yet."""

    def settle(self) -> None:
        """Block until everything staged so far has its outcome delivered."""

    async def wait(self) -> None:
        """Like `settle`, without blocking the running loop."""

    def mark(self, order_id: str, stage: str, mono_ns: int) -> None:
        """Note a latency mark (EX-15): wall-clock measurement, never hashed, never waited for."""

    def begin_run(
        self, *, mode: str, config_hash: str, source: str, started_ns: int, tape_path: str = ""
    ) -> str:
        """Open a new run and make it the one that requests belong to; durable on return."""

    def resume_run(self, run: str) -> RunInfo:
        """Go on with a run that was cut off; requests belong to it from now on."""

    def end_run(self, *, ended_ns: int, is_clean: bool) -> None:
        """Settle, then close the current run; durable on return."""

    def last_run(self) -> RunInfo | None:
        """The newest run, None in a new record."""

    def events(self, journal_id: str, run: str, after_seq: int = 0) -> Iterator[JournalRow]:
        """Durable events of one journal in order, those with `seq > after_seq`."""

    def last_snapshot(self, journal_id: str, run: str) -> JournalRow | None:
        """The newest AccountSnapshot event, from which rehydration starts."""

    def has_claim(self, claim: Claim, run: str) -> bool:
        """Whether a durable request of the run made this claim."""

    def controls(self) -> Mapping[str, ControlValue]:
        """Every runtime control as durable now, by name."""

    def kill_level(self) -> str:
        """The latched kill level (KC-4), `NONE` when nothing is killed."""

    def high_water(self) -> HighWater:
        """Durable position and hash."""

    def journal_hash(self, run: str) -> str:
        """SHA-256 in hex over the sorted (journal_id, last hash) of the run; settles first."""

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Read the projections as they are durable now; plain SQL, for start-up and status."""

    def close(self) -> None:
        """Settle, note the high-water mark and let go; further staging is refused."""


# --------------------------------------------------------------------------------------------------
# Effects: what leaves for a venue
# --------------------------------------------------------------------------------------------------


class Part(StrEnum):
    """One part of what a venue can say about an account."""

    ORDERS = "ORDERS"
    POSITIONS = "POSITIONS"
    CASH = "CASH"
    FILLS = "FILLS"


class Broker(Protocol):
    """The way to one account's venue. Answers come back as mail to the account, never as results.

    No method waits, and none repeats an order by itself (EX-6).
    """

    name: str

    def submit(self, submission: Submission, gate: ReleaseGate) -> None:
        """Redeem the verdict and hand its bytes over at most once, now or when the way is free.

        `brokers.base.Released` or `NotReleased` says which, in the end, for each submission. Where
        the transport needs a token of the limiter and a connection, both are in hand before the
        gate is compared, and nothing is waited for between the comparison and the hand-over.
        """

    def cancel(self, client_order_id: str, broker_order_id: str = "") -> None:
        """Ask for a cancel; whether it worked comes as the venue's report.

        Args:
            client_order_id: Ours; empty for an order that was placed by hand.
            broker_order_id: The venue's, where it is known.
        """

    def look_up(self, client_order_id: str) -> None:
        """Ask what the venue knows of one order (EX-6); the answer is `brokers.base.LookedUp`."""

    def state(
        self,
        question: int,
        parts: frozenset[Part],
        fills_after_ns: int = 0,
        *,
        is_urgent: bool = False,
    ) -> None:
        """Ask for the venue's own account, in as few calls as it has (ST-3, EX-16).

        Args:
            question: Repeated by the answer, `brokers.base.Stated`.
            parts: What is wanted.
            fills_after_ns: Executions after this time, by the venue's stamps.
            is_urgent: A kill waits for it: it goes before everything but cancels (KC-2, BR-6).
        """
