"""What can be wrong with a record, one class per different thing a caller can do."""

from trading.errors import HoldfastError, SafetyRefusedError, SetupError


class RecordError(HoldfastError):
    """The base of all of them: the record cannot be used as asked."""


class RecordVersionError(RecordError, SetupError):
    """The library or the schema is not one this version may write with: upgrade or migrate."""


class RecordDamagedError(RecordError, SafetyRefusedError):
    """The record is not what it was: stop, restore or reconcile, and only then go on."""


class DiskFullError(RecordError):
    """The disk has no room for the record: make some, and go on."""


class RecordFullError(RecordError):
    """The writer has fallen too far behind: entries must stop."""


class RecordClosedError(RecordError):
    """The record was closed."""


class LeaseHeldError(RecordError, SafetyRefusedError):
    """Another instance trades on this data directory (ST-5)."""


class LeaseLostError(RecordError, SafetyRefusedError):
    """Another instance has taken over: this one may neither send nor write (ST-5)."""


class NoRecordError(RecordError, SetupError):
    """There is no record where one was expected."""


class QueryError(RecordError, SetupError):
    """A question to the warehouse that cannot be answered as asked."""
