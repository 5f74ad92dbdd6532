"""The tape: all market input of a replay as one sorted sequence in one memory-mapped file.

Layout: magic `HFTAPE01`; u64 little-endian, length of the header; header (a JSON object, may end in
spaces); zeros up to a multiple of 64 bytes; rows of twelve little-endian i64 (96 bytes):

    0 at_ns  1 kind  2 instrument  3 source_ns  4..10 values  11 flags

`Kind` says what the values are. Rows ascend by `at_ns`; at one instant BAR, SESSION_CLOSE,
SESSION_OPEN, then the rest in source order. The index of a row is its `tape_seq`. Rust reads
`Tape.buffer` by the buffer protocol; nothing here needs numpy.
"""

import json
import mmap
import os
import struct
import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from itertools import chain, pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from trading.calendar import nearest_dates, show_date
from trading.errors import SetupError

MAGIC: Final = b"HFTAPE01"
COLUMNS: Final = 12
ROW_BYTES: Final = COLUMNS * 8
_PREAMBLE: Final = struct.Struct("<8sQ")
_ROW: Final = struct.Struct("<12q")
_ALIGN: Final = 64
_HEADER_SPARE_BYTES: Final = 128  # for the row count and checksum, known last

TapeRow = tuple[int, int, int, int, int, int, int, int, int, int, int, int]


class TapeError(SetupError):
    """The file is not a whole tape, or does not hold what was asked for."""


class Kind(IntEnum):
    """What a row is, with the meaning of its values from column 4 on."""

    SESSION_OPEN = 1  # session_date, open_ns, close_ns
    SESSION_CLOSE = 2  # session_date
    OPEN_PRINT = 3  # price, volume of the bar that begins
    BAR = 4  # open, high, low, close, volume
    QUOTE = 5  # bid, ask, bid_size, ask_size
    TRADE = 6  # price, size, aggressor, trade_id


class Flag(IntFlag):
    """Bits of column 11."""

    SYNTHETIC = 1
    CROSSED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """What loading met and counted (MD-4); all but `out_of_order` and `crossed` were left out.

    Attributes:
        duplicates: Repeated trade ids, bar starts, or wholly equal quotes.
        out_of_order: Rows earlier than one before them; they were sorted in.
        outside_session: Rows that no session of the calendar contains.
        crossed: Quotes whose bid is above the ask; kept and flagged.
        malformed: Rows without a usable time, price or size.
    """

    duplicates: int = 0
    out_of_order: int = 0
    outside_session: int = 0
    crossed: int = 0
    malformed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeHeader:
    """What the rows are about.

    Attributes:
        instruments: Symbols; column 2 of a row is an index into them.
        cadence_ns: Length of a bar; for quotes and trades the length to build bars of.
        sessions: Dates of the sessions, ascending.
        content: `bars`, `quotes` or `trades`.
        synthetic: True when the rows were generated, not recorded.
        source_sha256: SHA-256 in hex of the source file; of the request, for a generated tape.
        calendar: Product whose sessions these are.
        dropped: Counts over the whole source.
        rows: Number of rows; set by the writer.
        rows_crc32: Checksum over the rows' bytes; set by the writer.
    """

    instruments: tuple[str, ...]
    cadence_ns: int
    sessions: tuple[int, ...]
    content: str
    synthetic: bool
    source_sha256: str
    calendar: str
    dropped: Dropped = field(default_factory=Dropped)
    rows: int = 0
    rows_crc32: int = 0

    def to_json(self, **changes: int) -> bytes:
        """The header's text in the file."""
        names = [name for name in self.__dataclass_fields__ if name != "dropped"]
        values: dict[str, Any] = {name: getattr(self, name) for name in names}
        counts = {name: getattr(self.dropped, name) for name in Dropped.__dataclass_fields__}
        return json.dumps({**values, "dropped": counts, **changes}, sort_keys=True).encode()

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; unknown keys are passed over."""
        known = {name: values[name] for name in cls.__dataclass_fields__}
        known["instruments"] = tuple(known["instruments"])
        known["sessions"] = tuple(known["sessions"])
        known["dropped"] = Dropped(**known["dropped"])
        return cls(**known)


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeSession:
    """One session of a tape; its rows are `first_row <= seq < stop_row`, its open row first."""

    session_date: int
    open_ns: int
    close_ns: int
    first_row: int
    stop_row: int

    @property
    def rows(self) -> range:
        """The row numbers."""
        return range(self.first_row, self.stop_row)


class TapeWriter:
    """Writes a tape beside its place and moves it there when whole; on an error nothing is left."""

    def __init__(self, path: Path, header: TapeHeader) -> None:
        """Begin; `header.rows` and `header.rows_crc32` are filled in at the end."""
        self._path = path
        self._aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self._header = header
        self._header_bytes = len(header.to_json()) + _HEADER_SPARE_BYTES
        self._rows = 0
        self._crc32 = 0
        self._last_ns = -(2**63)

    def __enter__(self) -> Self:
        """Open the file aside."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._aside.open("wb")
        self._file.write(bytes(_rows_offset(self._header_bytes)))
        return self

    def extend(self, rows: Iterable[TapeRow]) -> None:
        """Add rows.

        Raises:
            ValueError: When a row is earlier than the one before it, or has not twelve columns.
        """
        values = array("q", chain.from_iterable(rows))
        if len(values) % COLUMNS:
            raise ValueError(f"rows have {COLUMNS} columns; {len(values)} values were given")
        stamps = values[::COLUMNS]
        for before, after in pairwise(chain((self._last_ns,), stamps)):
            if after < before:
                raise ValueError(f"rows must ascend by at_ns; {after} came after {before}")
        if stamps:
            self._last_ns = stamps[-1]
        if sys.byteorder == "big":
            values.byteswap()
        encoded = values.tobytes()
        self._rows += len(stamps)
        self._crc32 = zlib.crc32(encoded, self._crc32)
        self._file.write(encoded)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish and move into place, or remove what was begun."""
        try:
            if error is None:
                self._finish()
        finally:
            self._file.close()
            self._aside.unlink(missing_ok=True)

    def _finish(self) -> None:
        text = self._header.to_json(rows=self._rows, rows_crc32=self._crc32)
        self._file.seek(0)
        self._file.write(_PREAMBLE.pack(MAGIC, self._header_bytes))
        self._file.write(text.ljust(self._header_bytes))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._aside.replace(self._path)


class Tape:
    """A tape mapped into memory; close it, or use it in a `with`."""

    def __init__(self, path: Path) -> None:
        """Map and check a file.

        Raises:
            TapeError: When the file is missing, cut, damaged, or not a tape.
        """
        self.path = path
        self._map = _map(path)
        view = memoryview(self._map)
        try:
            self.header, offset = _read_header(path, view)
            self._bytes = _checked_rows(path, self.header, view[offset:])
        except BaseException:
            view.release()
            raise
        self._view = view
        self._sessions: list[TapeSession] | None = None

    def __enter__(self) -> Self:
        """The tape itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def __len__(self) -> int:
        """Number of rows."""
        return self.header.rows

    @property
    def buffer(self) -> memoryview:
        """All rows as bytes, read-only and contiguous: 96 a row, for Rust."""
        return self._bytes

    def row(self, seq: int) -> TapeRow:
        """One row.

        Raises:
            IndexError: When `seq` is not a row; negative numbers are not counted from the end.
        """
        if not 0 <= seq < self.header.rows:
            raise IndexError(f"the tape has rows 0 to {self.header.rows - 1}, was {seq}")
        row: TapeRow = _ROW.unpack_from(self._bytes, seq * ROW_BYTES)
        return row

    def rows(self, first: int = 0, stop: int | None = None) -> Iterator[TapeRow]:
        """Rows `first <= seq < stop`, in order; to the end when `stop` is None.

        Raises:
            IndexError: When the bounds are not within the tape.
        """
        last = self.header.rows if stop is None else stop
        if not 0 <= first <= last <= self.header.rows:
            raise IndexError(f"the tape has {self.header.rows} rows, asked for {first} to {last}")
        unpack = _ROW.unpack_from
        for offset in range(first * ROW_BYTES, last * ROW_BYTES, ROW_BYTES):
            yield unpack(self._bytes, offset)

    def sessions(self) -> list[TapeSession]:
        """The sessions in order; a session with no data has only its open and close row."""
        if self._sessions is None:
            self._sessions = self._find_sessions()
        return self._sessions

    def session(self, session_date: int) -> TapeSession:
        """The session of a day.

        Raises:
            TapeError: When the tape has none then; names the nearest ones.
        """
        found = self.sessions()
        dates = [each.session_date for each in found]
        at = bisect_left(dates, session_date)
        if at == len(dates) or dates[at] != session_date:
            near = ", ".join(show_date(each) for each in nearest_dates(session_date, dates))
            raise TapeError(
                f"{self.path} has no session on {show_date(session_date)}; the nearest: {near}"
            )
        return found[at]

    def close(self) -> None:
        """Let go of the file; `buffer` must not be in use any more."""
        self._bytes.release()
        self._view.release()
        self._map.close()

    def _find_sessions(self) -> list[TapeSession]:
        kinds = self._bytes[8::ROW_BYTES]  # the lowest byte of column 1
        marks = [seq for seq, kind in enumerate(kinds) if kind == Kind.SESSION_OPEN]
        found = []
        for first_row, stop_row in pairwise([*marks, self.header.rows]):
            row = self.row(first_row)
            found.append(
                TapeSession(
                    session_date=row[4],
                    open_ns=row[5],
                    close_ns=row[6],
                    first_row=first_row,
                    stop_row=stop_row,
                )
            )
        return found


def _map(path: Path) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise TapeError(f"cannot read the tape {path}: {error.strerror}") from error
    except ValueError as error:  # an empty file cannot be mapped
        raise _damaged(path, "it is empty") from error


def _read_header(path: Path, view: memoryview) -> tuple[TapeHeader, int]:
    if len(view) < _PREAMBLE.size:
        raise _damaged(path, f"at least {_PREAMBLE.size} bytes expected, was {len(view)}")
    magic, header_bytes = _PREAMBLE.unpack_from(view)
    if magic != MAGIC:
        raise TapeError(f"{path} is not a tape: it must begin with {MAGIC!r}, was {magic!r}")
    stop = _PREAMBLE.size + header_bytes
    offset = _rows_offset(header_bytes)
    if offset > len(view):
        raise _damaged(path, f"its header ends at byte {offset}, the file at {len(view)}")
    try:
        header = TapeHeader.from_mapping(json.loads(bytes(view[_PREAMBLE.size : stop])))
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"its header cannot be read ({error!r})") from error
    return header, offset


def _checked_rows(path: Path, header: TapeHeader, rows: memoryview) -> memoryview:
    expected = header.rows * ROW_BYTES
    if len(rows) != expected:
        raise _damaged(path, f"{header.rows} rows are {expected} bytes, was {len(rows)}")
    if zlib.crc32(rows) != header.rows_crc32:
        raise _damaged(path, "its checksum does not match its rows")
    return rows


def _rows_offset(header_bytes: int) -> int:
    return -(-(_PREAMBLE.size + header_bytes) // _ALIGN) * _ALIGN


def _damaged(path: Path, found: str) -> TapeError:
    return TapeError(f"the tape {path} is damaged: {found}; delete it and it is made again")
