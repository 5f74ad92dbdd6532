"""What is remembered: the record, its writer, the archive and the warehouse."""

from storage.errors import (
    LeaseHeldError,
    LeaseLostError,
    NoRecordError,
    QueryError,
    RecordClosedError,
    RecordDamagedError,
    RecordError,
    RecordFullError,
    RecordVersionError,
)
from storage.memory import MemoryRecord
from storage.sqlite import SqliteRecord, open_record

__all__ = [
    "LeaseHeldError",
    "LeaseLostError",
    "MemoryRecord",
    "NoRecordError",
    "QueryError",
    "RecordClosedError",
    "RecordDamagedError",
    "RecordError",
    "RecordFullError",
    "RecordVersionError",
    "SqliteRecord",
    "open_record",
]
