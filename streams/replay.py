"""From a tape's rows to the messages a feed sends; captured days come back the same way (MD-6)."""

from collections.abc import Iterator
from typing import Final

from streams.tape import Flag, Kind, Tape, TapeRow
from trading.market import (
    Aggressor,
    Bar,
    MarketMessage,
    OpenPrint,
    Quote,
    SessionClosed,
    SessionOpened,
    TradePrint,
)

NEVER_NS: Final = 2**63 - 1

_SYNTHETIC = int(Flag.SYNTHETIC)  # an IntFlag's own `&` costs as much as the whole message
_CROSSED = int(Flag.CROSSED)
_AGGRESSORS = {each.value: each for each in Aggressor}


def messages(tape: Tape, first: int = 0, stop: int | None = None) -> Iterator[MarketMessage]:
    """Rows `first <= seq < stop` as messages that name their row; to the end when `stop` is None.

    Raises:
        IndexError: When the bounds are not within the tape.
        ValueError: When a row is of no known kind.
    """
    instruments = tape.header.instruments
    for seq, row in enumerate(tape.rows(first, stop), start=first):
        yield message(row, seq, instruments)


def message(row: TapeRow, seq: int, instruments: tuple[str, ...]) -> MarketMessage:
    """One row as a message.

    Raises:
        ValueError: When the row is of no known kind.
    """
    maker = _MAKERS.get(row[1])
    if maker is None:
        raise ValueError(f"row {seq} of the tape has kind {row[1]}; known are 1 to {len(Kind)}")
    return maker(row, seq, instruments)


class Cursor:
    """Reads a tape row by row; `next_ns()` says when the next row is due without taking it."""

    def __init__(self, tape: Tape, rows: range | None = None) -> None:
        """Read `rows`, or the whole tape.

        Raises:
            IndexError: When `rows` are not within the tape.
        """
        bounds = range(len(tape)) if rows is None else rows
        self._instruments = tape.header.instruments
        self._rows = tape.rows(bounds.start, bounds.stop)
        self._seq = bounds.start
        self._row = next(self._rows, None)

    @property
    def seq(self) -> int:
        """Number of the row that `take` gives next."""
        return self._seq

    def next_ns(self) -> int:
        """Time of the next row; NEVER_NS after the last."""
        return NEVER_NS if self._row is None else self._row[0]

    def take(self) -> MarketMessage:
        """The next message.

        Raises:
            StopIteration: After the last row.
        """
        row, seq = self._row, self._seq
        if row is None:
            raise StopIteration
        self._row = next(self._rows, None)
        self._seq = seq + 1
        return message(row, seq, self._instruments)


def _session_opened(row: TapeRow, seq: int, _: tuple[str, ...]) -> MarketMessage:
    return SessionOpened(
        session_date=row[4], open_ns=row[5], close_ns=row[6], at_ns=row[0], tape_seq=seq
    )


def _session_closed(row: TapeRow, seq: int, _: tuple[str, ...]) -> MarketMessage:
    return SessionClosed(session_date=row[4], at_ns=row[0], tape_seq=seq)


def _open_print(row: TapeRow, seq: int, instruments: tuple[str, ...]) -> MarketMessage:
    return OpenPrint(
        instrument=instruments[row[2]],
        price_1e8=row[4],
        volume_1e8=row[5],
        at_ns=row[0],
        source_ns=row[3],
        tape_seq=seq,
        is_synthetic=row[11] & _SYNTHETIC != 0,
    )


def _bar(row: TapeRow, seq: int, instruments: tuple[str, ...]) -> MarketMessage:
    return Bar(
        instrument=instruments[row[2]],
        open_1e8=row[4],
        high_1e8=row[5],
        low_1e8=row[6],
        close_1e8=row[7],
        volume_1e8=row[8],
        at_ns=row[0],
        source_ns=row[3],
        tape_seq=seq,
        is_synthetic=row[11] & _SYNTHETIC != 0,
        is_crossed=row[11] & _CROSSED != 0,
    )


def _quote(row: TapeRow, seq: int, instruments: tuple[str, ...]) -> MarketMessage:
    return Quote(
        instrument=instruments[row[2]],
        bid_1e8=row[4],
        ask_1e8=row[5],
        bid_size_1e8=row[6],
        ask_size_1e8=row[7],
        at_ns=row[0],
        source_ns=row[3],
        tape_seq=seq,
        is_synthetic=row[11] & _SYNTHETIC != 0,
        is_crossed=row[11] & _CROSSED != 0,
    )


def _trade(row: TapeRow, seq: int, instruments: tuple[str, ...]) -> MarketMessage:
    return TradePrint(
        instrument=instruments[row[2]],
        price_1e8=row[4],
        size_1e8=row[5],
        aggressor=_AGGRESSORS[row[6]],
        trade_id=row[7],
        at_ns=row[0],
        source_ns=row[3],
        tape_seq=seq,
        is_synthetic=row[11] & _SYNTHETIC != 0,
    )


_MAKERS = {
    Kind.SESSION_OPEN.value: _session_opened,
    Kind.SESSION_CLOSE.value: _session_closed,
    Kind.OPEN_PRINT.value: _open_print,
    Kind.BAR.value: _bar,
    Kind.QUOTE.value: _quote,
    Kind.TRADE.value: _trade,
}
