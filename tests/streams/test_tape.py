"""The tape: written whole or not at all, read within bounds, refused when damaged."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.replay import NEVER_NS, Cursor, messages
from streams.tape import COLUMNS, ROW_BYTES, Dropped, Kind, Tape, TapeError, TapeHeader, TapeWriter
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

TapeRow = tuple[int, int, int, int, int, int, int, int, int, int, int, int]
MINUTE = 60_000_000_000


def a_row(at_ns: int, kind: Kind, *values: int, instrument: int = 0, flags: int = 0) -> TapeRow:
    v = (*values, 0, 0, 0, 0, 0, 0, 0)[:7]
    return (at_ns, kind, instrument, at_ns, v[0], v[1], v[2], v[3], v[4], v[5], v[6], flags)


def a_header(*session_dates: int) -> TapeHeader:
    return TapeHeader(
        instruments=("ES", "SPY"),
        cadence_ns=MINUTE,
        sessions=session_dates,
        content="bars",
        synthetic=False,
        source_sha256="ab" * 32,
        calendar="ES",
        dropped=Dropped(duplicates=3, crossed=1),
    )


ROWS: list[TapeRow] = [
    a_row(100, Kind.SESSION_OPEN, 20200309, 100, 100 + MINUTE, instrument=-1),
    a_row(100, Kind.OPEN_PRINT, 11, 22),
    a_row(100, Kind.QUOTE, 5, 4, 3, 2, instrument=1, flags=3),
    a_row(101, Kind.TRADE, 7, 8, -1, 99),
    (100 + MINUTE, Kind.BAR, 0, 100, 11, 13, 10, 12, 22, 0, 0, 1),
    a_row(100 + MINUTE, Kind.SESSION_CLOSE, 20200309, instrument=-1),
    a_row(2 * MINUTE, Kind.SESSION_OPEN, 20200310, 2 * MINUTE, 3 * MINUTE, instrument=-1),
    a_row(3 * MINUTE, Kind.SESSION_CLOSE, 20200310, instrument=-1),
]

MESSAGES: list[MarketMessage] = [
    SessionOpened(session_date=20200309, open_ns=100, close_ns=100 + MINUTE, at_ns=100, tape_seq=0),
    OpenPrint(instrument="ES", price_1e8=11, volume_1e8=22, at_ns=100, source_ns=100, tape_seq=1),
    Quote(
        instrument="SPY",
        bid_1e8=5,
        ask_1e8=4,
        bid_size_1e8=3,
        ask_size_1e8=2,
        at_ns=100,
        source_ns=100,
        tape_seq=2,
        is_synthetic=True,
        is_crossed=True,
    ),
    TradePrint(
        instrument="ES",
        price_1e8=7,
        size_1e8=8,
        aggressor=Aggressor.SELL,
        trade_id=99,
        at_ns=101,
        source_ns=101,
        tape_seq=3,
    ),
    Bar(
        instrument="ES",
        open_1e8=11,
        high_1e8=13,
        low_1e8=10,
        close_1e8=12,
        volume_1e8=22,
        at_ns=100 + MINUTE,
        source_ns=100,
        tape_seq=4,
        is_synthetic=True,
    ),
    SessionClosed(session_date=20200309, at_ns=100 + MINUTE, tape_seq=5),
    SessionOpened(
        session_date=20200310,
        open_ns=2 * MINUTE,
        close_ns=3 * MINUTE,
        at_ns=2 * MINUTE,
        tape_seq=6,
    ),
    SessionClosed(session_date=20200310, at_ns=3 * MINUTE, tape_seq=7),
]


@pytest.fixture
def tape_path(tmp_path: Path) -> Path:
    path = tmp_path / "tapes" / "a.tape"
    with TapeWriter(path, a_header(20200309, 20200310)) as tape:
        tape.extend(ROWS[:3])
        tape.extend(ROWS[3:])
    return path


def test_what_is_written_is_read_back(tape_path: Path) -> None:
    """MD-6: rows, header and counts survive the file."""
    with Tape(tape_path) as tape:
        assert list(tape.rows()) == ROWS
        assert [tape.row(seq) for seq in range(len(tape))] == ROWS
        assert tape.header.dropped == Dropped(duplicates=3, crossed=1)
        assert tape.header.instruments == ("ES", "SPY")
        assert tape.header.rows == len(ROWS)
        assert len(tape.buffer) == len(ROWS) * ROW_BYTES
        assert tape.buffer.cast("q").tolist()[:COLUMNS] == list(ROWS[0])
        assert tape.buffer.readonly
        assert tape.buffer.contiguous


def test_rows_become_the_messages_of_a_feed(tape_path: Path) -> None:
    """MD-1, MD-6: each message names its row, the venue's stamp and ours."""
    with Tape(tape_path) as tape:
        assert list(messages(tape)) == MESSAGES
        assert list(messages(tape, 2, 4)) == MESSAGES[2:4]


def test_a_cursor_shows_when_the_next_row_is_due(tape_path: Path) -> None:
    """MD-6: the lane chooses between a timer and the tape by the next row's time."""
    with Tape(tape_path) as tape:
        cursor = Cursor(tape, range(3, 5))
        assert (cursor.next_ns(), cursor.seq) == (101, 3)
        assert [cursor.take(), cursor.take()] == MESSAGES[3:5]
        assert (cursor.next_ns(), cursor.seq) == (NEVER_NS, 5)
        with pytest.raises(StopIteration):
            cursor.take()


def test_a_session_is_what_lies_between_two_opens(tape_path: Path) -> None:
    """MD-5: every row belongs to one session."""
    with Tape(tape_path) as tape:
        assert [list(each.rows) for each in tape.sessions()] == [[0, 1, 2, 3, 4, 5], [6, 7]]
        assert tape.session(20200310).open_ns == 2 * MINUTE
        with pytest.raises(TapeError, match="no session on 2020-03-12; the nearest: 2020-03-09, "):
            tape.session(20200312)


@pytest.mark.parametrize("seq", [-1, len(ROWS)])
def test_a_row_outside_the_tape_is_refused(tape_path: Path, seq: int) -> None:
    """A wrong row number is the caller's fault."""
    with Tape(tape_path) as tape, pytest.raises(IndexError, match=f"rows 0 to 7, was {seq}"):
        tape.row(seq)


@pytest.mark.parametrize(("first", "stop"), [(-1, 2), (3, 2), (0, 9)])
def test_a_span_outside_the_tape_is_refused(tape_path: Path, first: int, stop: int) -> None:
    """A wrong span is the caller's fault."""
    with Tape(tape_path) as tape, pytest.raises(IndexError, match="the tape has 8 rows"):
        next(tape.rows(first, stop))


def flipped(raw: bytes) -> bytes:
    return raw[:-20] + bytes([raw[-20] ^ 1]) + raw[-19:]


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda raw: raw[:0], "it is empty"),
        (lambda raw: raw[:10], "at least 16 bytes expected, was 10"),
        (lambda raw: raw[:40], "its header ends at byte"),
        (lambda raw: raw[:-1], "8 rows are 768 bytes, was 767"),
        (lambda raw: raw + b"x", "8 rows are 768 bytes, was 769"),
        (lambda raw: b"PAR1" + raw[4:], "is not a tape"),
        (lambda raw: raw.replace(b'"cadence_ns"', b'"cadence_xx"'), "header cannot be read"),
        (lambda raw: raw[:16] + b"!" + raw[17:], "header cannot be read"),
        (flipped, "its checksum does not match"),
    ],
    ids=["empty", "stub", "cut header", "cut", "longer", "magic", "key", "json", "bit"],
)
def test_a_damaged_tape_is_refused(
    tape_path: Path, damage: Callable[[bytes], bytes], text: str
) -> None:
    """MD-6: short, long or changed files give a clear error, never other rows."""
    tape_path.write_bytes(damage(tape_path.read_bytes()))
    with pytest.raises(TapeError, match=text) as caught:
        Tape(tape_path)
    assert str(tape_path) in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_tape_is_refused(tmp_path: Path) -> None:
    """A wrong path is a clear error."""
    with pytest.raises(TapeError, match=r"cannot read the tape .*: No such file"):
        Tape(tmp_path / "none.tape")


def test_a_failed_write_leaves_nothing_and_keeps_what_was_there(tape_path: Path) -> None:
    """A half-written tape is never left behind."""
    before = tape_path.read_bytes()

    def write_badly() -> None:
        with TapeWriter(tape_path, a_header()) as tape:
            tape.extend([ROWS[3]])
            tape.extend([ROWS[0]])

    with pytest.raises(ValueError, match="must ascend"):
        write_badly()
    assert tape_path.read_bytes() == before
    assert list(tape_path.parent.iterdir()) == [tape_path]


def test_rows_of_another_width_are_refused(tmp_path: Path) -> None:
    """A row has twelve columns."""
    short: list[TapeRow] = [ROWS[0][:11]]  # type: ignore[list-item]
    with (
        pytest.raises(ValueError, match="12 columns; 11 values"),
        TapeWriter(tmp_path / "a.tape", a_header()) as tape,
    ):
        tape.extend(short)


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 2**40), *[st.integers(-(2**63), 2**63 - 1)] * 11), max_size=20
    ),
    cut=st.integers(1, 200),
)
def test_no_cut_of_a_tape_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[TapeRow], cut: int
) -> None:
    """MD-6: whatever is missing at the end is noticed."""
    path = tmp_path_factory.mktemp("cut") / "a.tape"
    with TapeWriter(path, a_header()) as tape:
        tape.extend(sorted(rows))
    raw = path.read_bytes()
    with Tape(path) as tape:
        assert list(tape.rows()) == sorted(rows)
    path.write_bytes(raw[: -min(cut, len(raw))])
    with pytest.raises(TapeError):
        Tape(path)
