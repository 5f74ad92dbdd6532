"""Bars of a tape as rows for the warehouse: only what SQL shows, without the streams room."""

import json
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

_MAGIC = b"HFTAPE01"
_PREAMBLE = struct.Struct("<8sQ")
_ROW = struct.Struct("<12q")
_ALIGNMENT = 64
_BAR = 4
_SYNTHETIC = 1

BarRow = tuple[str, int, str, int, int, int, int, int, int, int, bool]


def tape_bars(path: Path) -> Iterator[BarRow]:
    """Bars of one tape: path, row, instrument, start and end ns, OHLCV at 1e-8, synthetic or not.

    A file that is gone or is no tape gives no bars: the journal can still be asked.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as tape:
            yield from _bars(str(path), tape)
    except (OSError, ValueError, struct.error):
        return


def _bars(path: str, tape: mmap.mmap) -> Iterator[BarRow]:
    magic, header_bytes = _PREAMBLE.unpack_from(tape)
    if magic != _MAGIC:
        return
    header = json.loads(tape[_PREAMBLE.size : _PREAMBLE.size + header_bytes])
    instruments: list[str] = header["instruments"]
    start = -(-(_PREAMBLE.size + header_bytes) // _ALIGNMENT) * _ALIGNMENT
    stop = start + header["rows"] * _ROW.size
    for seq, offset in enumerate(range(start, stop, _ROW.size)):
        row = _ROW.unpack_from(tape, offset)
        if row[1] == _BAR:
            symbol = instruments[row[2]]
            yield (path, seq, symbol, row[3], row[0], *row[4:9], bool(row[11] & _SYNTHETIC))
