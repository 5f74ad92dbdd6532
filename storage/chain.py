"""The hash chain that makes the journal tamper-evident (AL-3), and what a run's journals add up to.

Each (journal, run) is a chain of its own that starts from 32 zero bytes. Hashed are sequence,
stream, version, kind, virtual time and payload, so that two replays of the same input give the same
hash (RS-1); wall times, process and run names stand beside the chain.
"""

import hashlib
import struct
from collections.abc import Iterable

from trading.ports import JournalRow, StagedEvent

GENESIS = bytes(32)

_sha256 = hashlib.sha256
# Lengths come first, so that no two different rows have the same bytes.
_pack = struct.Struct(">32sqqqqII").pack


def row_hash(prev_hash: bytes, seq: int, stream_version: int, event: StagedEvent) -> bytes:
    """Hash of one journal row: 32 bytes over the previous hash and what the row says."""
    stream = event.stream.encode()
    kind = event.kind.encode()
    head = _pack(
        prev_hash, seq, stream_version, event.at_ns, event.schema_ver, len(stream), len(kind)
    )
    return _sha256(b"".join((head, stream, kind, event.payload))).digest()


def is_row_true(row: JournalRow) -> bool:
    """Whether a row read back still has the hash of its content."""
    event = StagedEvent(
        stream=row.stream,
        kind=row.kind,
        at_ns=row.at_ns,
        payload=row.payload,
        schema_ver=row.schema_ver,
    )
    return row.hash == row_hash(row.prev_hash, row.seq, row.stream_version, event)


def fold_heads(heads: Iterable[tuple[str, bytes]]) -> str:
    """One SHA-256 in hex over the journals of a run, given as (journal_id, last hash)."""
    total = _sha256()
    for journal_id, head in sorted(heads):
        name = journal_id.encode()
        total.update(len(name).to_bytes(4, "big") + name + head)
    return total.hexdigest()
