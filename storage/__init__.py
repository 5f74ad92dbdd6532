"""What is remembered: the record, its writer, the archive and the warehouse."""

from storage.errors import (
    LeaseHeldError,
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
