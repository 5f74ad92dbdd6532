"""The loader: what is taken, what is counted, and every file that is refused."""

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.load import load
from streams.loading import LoadError, LoadRequest, ensure_tape
from streams.tape import Dropped, Flag, Kind, Tape, TapeRow
from trading.calendar import CalendarError
from trading.errors import SetupError

OPEN = datetime(2020, 3, 9, 13, 30, tzinfo=UTC)  # of XNYS
CLOSE = datetime(2020, 3, 9, 20, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BARS = ("ts", "open", "high", "low", "close", "volume")


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def a_bar(start: datetime, price: str = "10.5", volume: str = "7") -> tuple[Any, ...]:
    return (start.isoformat(), price, price, price, price, volume)


def loaded(request: LoadRequest, tmp_path: Path) -> tuple[list[TapeRow], Tape]:
    target = tmp_path / "out.tape"
    load(request, "ab" * 32, target)
    with Tape(target) as tape:
        return list(tape.rows()), tape


def of_kind(rows: list[TapeRow], *kinds: Kind) -> list[TapeRow]:
    return [row for row in rows if row[1] in kinds]


def test_a_bar_prints_its_open_at_its_start_and_is_known_at_its_end(tmp_path: Path) -> None:
    """MD-5: nobody sees a bar before it is complete; its open is known when it prints."""
    bars = [
        (OPEN.isoformat(), "10.1", "10.4", "9.9", "10.2", "3"),
        ((OPEN + MINUTE).isoformat(), "10.3", "10.3", "10.3", "10.3", "0"),
        ((CLOSE - MINUTE).isoformat(), "11", "11", "11", "11", "0.00000001"),
    ]
    path = write_csv(tmp_path / "spy.csv", BARS, bars)
    rows, tape = loaded(LoadRequest(path=path, cadence_ns=60_000_000_000), tmp_path)
    first, second, last = ns(OPEN), ns(OPEN + MINUTE), ns(CLOSE - MINUTE)
    assert [row[:9] for row in rows] == [
        (first, Kind.SESSION_OPEN, -1, first, 20200309, first, ns(CLOSE), 0, 0),
        (first, Kind.OPEN_PRINT, 0, first, 1010000000, 300000000, 0, 0, 0),
        (second, Kind.BAR, 0, first, 1010000000, 1040000000, 990000000, 1020000000, 300000000),
        (second, Kind.OPEN_PRINT, 0, second, 1030000000, 0, 0, 0, 0),
        (ns(OPEN + 2 * MINUTE), Kind.BAR, 0, second, *[1030000000] * 4, 0),
        (last, Kind.OPEN_PRINT, 0, last, 1100000000, 1, 0, 0, 0),
        (ns(CLOSE), Kind.BAR, 0, last, *[1100000000] * 4, 1),
        (ns(CLOSE), Kind.SESSION_CLOSE, -1, ns(CLOSE), 20200309, 0, 0, 0, 0),
    ]
    assert tape.header.instruments == ("SPY",)
    assert tape.header.dropped == Dropped()


def test_rows_outside_their_session_are_dropped_and_counted(tmp_path: Path) -> None:
    """MD-4: a bar must lie within the session as a whole."""
    starts = [OPEN - MINUTE, OPEN, CLOSE - MINUTE, CLOSE, CLOSE - MINUTE / 2, OPEN - 3000 * MINUTE]
    path = write_csv(tmp_path / "a.csv", BARS, [a_bar(each) for each in sorted(starts)])
    rows, tape = loaded(LoadRequest(path=path, cadence_ns=60_000_000_000), tmp_path)
    assert [row[3] for row in of_kind(rows, Kind.BAR)] == [ns(OPEN), ns(CLOSE - MINUTE)]
    assert tape.header.dropped.outside_session == 4


def test_a_tick_at_the_close_is_outside(tmp_path: Path) -> None:
    """MD-4: the window of a session is half open."""
    moments = [OPEN, CLOSE - timedelta(microseconds=1), CLOSE]
    path = write_csv(
        tmp_path / "t.csv", ("ts", "price", "size"), [(each.isoformat(), 5, 1) for each in moments]
    )
    rows, tape = loaded(LoadRequest(path=path), tmp_path)
    assert [row[0] for row in of_kind(rows, Kind.TRADE)] == [ns(each) for each in moments[:2]]
    assert tape.header.dropped.outside_session == 1


def test_rows_out_of_order_are_counted_and_sorted(tmp_path: Path) -> None:
    """MD-4: a row earlier than one before it, for its own instrument."""
    order = [0, 2, 1, 3, 5, 4]
    bars = [("A", *a_bar(OPEN + n * MINUTE)) for n in order]
    bars += [("B", *a_bar(OPEN + n * MINUTE)) for n in range(3)]
    path = write_csv(tmp_path / "a.csv", ("symbol", *BARS), bars)
    rows, tape = loaded(LoadRequest(path=path), tmp_path)
    assert tape.header.dropped == Dropped(out_of_order=2)
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert tape.header.instruments == ("A", "B")


def test_repeated_trade_ids_are_dropped_and_counted(tmp_path: Path) -> None:
    """MD-4: the first one counts; equal trades without an id are two trades."""
    at = OPEN.isoformat()
    trades = [(at, 5, 1, 77), (at, 5, 1, 77), (at, 6, 1, 78), (at, 5, 1, ""), (at, 5, 1, "")]
    path = write_csv(tmp_path / "t.csv", ("ts", "price", "size", "trade_id"), trades)
    rows, tape = loaded(LoadRequest(path=path), tmp_path)
    assert [row[7] for row in of_kind(rows, Kind.TRADE)] == [77, 78, 0, 0]
    assert tape.header.dropped == Dropped(duplicates=1)


def test_repeated_bars_and_quotes_are_dropped_and_counted(tmp_path: Path) -> None:
    """MD-4: a second bar for one minute, a quote that repeats another wholly."""
    path = write_csv(
        tmp_path / "b.csv", BARS, [a_bar(OPEN), a_bar(OPEN, price="11"), a_bar(OPEN + MINUTE)]
    )
    rows, tape = loaded(LoadRequest(path=path), tmp_path)
    assert [row[4] for row in of_kind(rows, Kind.BAR)] == [1050000000, 1050000000]
    assert tape.header.dropped == Dropped(duplicates=1)
    at = OPEN.isoformat()
    path = write_csv(tmp_path / "q.csv", ("ts", "bid", "ask"), [(at, 1, 2), (at, 1, 2), (at, 1, 3)])
    rows, tape = loaded(LoadRequest(path=path), tmp_path)
    assert [row[5] for row in of_kind(rows, Kind.QUOTE)] == [200000000, 300000000]
    assert tape.header.dropped == Dropped(duplicates=1)


def test_crossed_quotes_are_flagged_and_counted(tmp_path: Path) -> None:
    """MD-4: bid above ask is kept with its mark; equal is not crossed."""
    at = OPEN.isoformat()
    quotes = [(at, "1.00000001", "1", 4, 5), (at, 1, 1, 4, 5), (at, 1, 2, 4, 5)]
    path = write_csv(tmp_path / "q.csv", ("ts", "bid", "ask", "bid_size", "ask_size"), quotes)
    rows, tape = loaded(LoadRequest(path=path), tmp_path)
    assert [row[11] for row in of_kind(rows, Kind.QUOTE)] == [Flag.CROSSED, 0, 0]
    assert tape.header.dropped == Dropped(crossed=1)


def test_rows_without_a_usable_value_are_dropped_and_counted(tmp_path: Path) -> None:
    """MD-4: no price, a price that is no number, a high below the close, no time."""
    at = (OPEN + MINUTE).isoformat()
    bars = [
        a_bar(OPEN),
        (at, "", 1, 1, 1, 1),
        (at, "abc", 1, 1, 1, 1),
        (at, "nan", 1, 1, 1, 1),
        (at, 1, 1, 1, 2, 1),
        (at, 0, 0, 0, 0, 1),
        (at, 1, 1, 1, 1, -1),
        ("yesterday", 1, 1, 1, 1, 1),
    ]
    path = write_csv(tmp_path / "b.csv", BARS, bars)
    rows, tape = loaded(LoadRequest(path=path, cadence_ns=60_000_000_000), tmp_path)
    assert len(of_kind(rows, Kind.BAR)) == 1
    assert tape.header.dropped == Dropped(malformed=7)


@settings(max_examples=6)
@given(
    prices=st.lists(
        st.decimals(min_value="0.00000001", max_value="92000000000", places=8),
        min_size=1,
        max_size=200,
    )
)
def test_a_decimal_text_is_exact(
    tmp_path_factory: pytest.TempPathFactory, prices: list[Decimal]
) -> None:
    """Prices reach 1e-8 without passing through a float."""
    folder = tmp_path_factory.mktemp("exact")
    trades = [(OPEN.isoformat(), f"{price:f}", 1) for price in prices]
    path = write_csv(folder / "t.csv", ("ts", "price", "size"), trades)
    rows, _ = loaded(LoadRequest(path=path), folder)
    exact = [int(price.scaleb(8)) for price in prices]
    assert [row[4] for row in of_kind(rows, Kind.TRADE)] == exact


@pytest.mark.parametrize("kind", ["FLOAT", "DOUBLE", "DECIMAL(10,2)"])
def test_a_floating_column_is_rounded_to_the_eighth_decimal(tmp_path: Path, kind: str) -> None:
    """A float's shortest text is what its writer meant."""
    path = tmp_path / "t.parquet"
    duckdb.execute(
        f"COPY (SELECT '{OPEN.isoformat()}'::TIMESTAMPTZ AS ts, 321.06::{kind} AS price, "
        f"0.1::{kind} AS size) TO '{path}'"
    )
    rows, _ = loaded(LoadRequest(path=path), tmp_path)
    assert of_kind(rows, Kind.TRADE)[0][4:6] == (32106000000, 10000000)


@pytest.mark.parametrize(
    "sql",
    [
        "TIMESTAMPTZ_NS '2020-03-09 14:00:00.123456789+00'",
        "TIMESTAMP_NS '2020-03-09 14:00:00.123456789'",
        "'2020-03-09T14:00:00.123456789Z'",
        "'2020-03-09 10:00:00.123456789-04:00'",
        "1583762400123456789::BIGINT",
        "'1583762400123456789'",
        "1583762400.123456789::DECIMAL(20,9)",
    ],
)
def test_a_time_keeps_its_nanoseconds_in_any_form(tmp_path: Path, sql: str) -> None:
    """MD-1: the source's stamp, in nanoseconds UTC."""
    path = tmp_path / "t.parquet"
    duckdb.execute(f"COPY (SELECT {sql} AS ts, 1.5 AS price, 1 AS size) TO '{path}'")
    rows, _ = loaded(LoadRequest(path=path), tmp_path)
    assert of_kind(rows, Kind.TRADE)[0][3] == 1583762400123456789


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("aggressor", ["buy", "SELL", "none", ""], [1, -1, 0, 0]),
        ("side", ["B", "s", "x", "buy"], [1, -1, 0, 1]),
        ("buyer_maker", ["true", "False", "", "1"], [-1, 1, 0, -1]),
    ],
)
def test_the_aggressor_is_understood(
    tmp_path: Path, column: str, values: list[str], expected: list[int]
) -> None:
    """A resting buyer was hit by a seller; what is not said is not guessed."""
    trades = [(OPEN.isoformat(), 5, 1, value) for value in values]
    path = write_csv(tmp_path / "t.csv", ("ts", "price", "size", column), trades)
    rows, _ = loaded(LoadRequest(path=path), tmp_path)
    assert [row[6] for row in of_kind(rows, Kind.TRADE)] == expected


def test_bars_of_bid_and_ask_become_bars_of_the_middle(tmp_path: Path) -> None:
    """MD-4: a bar with some bid above its ask is flagged."""
    columns = [
        "ts",
        *(f"{s}_{n}" for s in ("bid", "ask") for n in ("open", "high", "low", "close")),
    ]
    bars = [
        (OPEN.isoformat(), 1, 4, 1, 3, 2, 5, 2, 4),
        ((OPEN + MINUTE).isoformat(), 1, 4, 1, 3, 2, 3, 2, 4),
    ]
    rows, tape = loaded(LoadRequest(path=write_csv(tmp_path / "q.csv", columns, bars)), tmp_path)
    assert of_kind(rows, Kind.BAR)[0][4:9] == (150000000, 450000000, 150000000, 350000000, 0)
    assert [row[11] for row in of_kind(rows, Kind.BAR)] == [0, Flag.CROSSED]
    assert tape.header.dropped.crossed == 1


def test_a_daily_bar_spans_its_session(tmp_path: Path) -> None:
    """BR-8: a half day's bar is known at 13:00, not at midnight."""
    path = write_csv(
        tmp_path / "d.csv",
        ("date", "open", "high", "low", "close"),
        [("2020-11-25", 1, 2, 1, 2), ("20201127", 3, 4, 3, 4), ("2020-11-28", 3, 4, 3, 4)],
    )
    rows, tape = loaded(LoadRequest(path=path), tmp_path)
    assert [row[0] for row in of_kind(rows, Kind.BAR)] == [
        ns(datetime(2020, 11, 25, 21, tzinfo=UTC)),
        ns(datetime(2020, 11, 27, 18, tzinfo=UTC)),
    ]
    assert tape.header.dropped == Dropped(outside_session=1)


def test_one_session_can_be_taken(tmp_path: Path) -> None:
    """`--session DAY` takes that day alone; a day without rows between others stays, empty."""
    days = [OPEN, OPEN + timedelta(days=2)]
    path = write_csv(
        tmp_path / "b.csv", BARS, [a_bar(day + MINUTE * n) for day in days for n in (0, 1)]
    )
    rows, tape = loaded(LoadRequest(path=path), tmp_path)
    assert tape.header.sessions == (20200309, 20200310, 20200311)
    assert len(of_kind(rows, Kind.SESSION_OPEN, Kind.SESSION_CLOSE)) == 6
    rows, tape = loaded(LoadRequest(path=path, session_yyyymmdd=20200311), tmp_path)
    assert tape.header.sessions == (20200311,)
    assert len(rows) == 6
    with pytest.raises(
        LoadError, match=r"no rows in the session of 2020-03-10; .* it has: 2020-03-09"
    ):
        loaded(LoadRequest(path=path, session_yyyymmdd=20200310), tmp_path)


def test_stamps_at_the_end_of_bars_are_shifted(tmp_path: Path) -> None:
    """MD-5: a bar's stamp may be its end, if the configuration says so."""
    path = write_csv(tmp_path / "b.csv", BARS, [a_bar(OPEN + MINUTE), a_bar(CLOSE)])
    request = LoadRequest(path=path, bar_stamp="end", cadence_ns=60_000_000_000)
    rows, tape = loaded(request, tmp_path)
    assert [row[3] for row in of_kind(rows, Kind.BAR)] == [ns(OPEN), ns(CLOSE - MINUTE)]
    assert tape.header.dropped == Dropped()


def test_the_length_of_bars_is_told_from_common_steps(tmp_path: Path) -> None:
    """A sparse file's bars are as long as the steps between them have in common."""
    starts = [OPEN + MINUTE * n for n in (0, 2, 6, 8, 12, 15, 18)]
    path = write_csv(tmp_path / "b.csv", BARS, [a_bar(each) for each in starts])
    _, tape = loaded(LoadRequest(path=path), tmp_path)
    assert tape.header.cadence_ns == 60_000_000_000


def test_symbols_are_filtered_and_keep_the_order_asked_for(tmp_path: Path) -> None:
    """The request's instruments are the tape's, in its order."""
    bars = [(symbol, *a_bar(OPEN + MINUTE * n)) for n in (0, 1) for symbol in ("A", "B", "C")]
    path = write_csv(tmp_path / "b.csv", ("symbol", *BARS), bars)
    rows, tape = loaded(LoadRequest(path=path, instruments=("C", "A")), tmp_path)
    assert tape.header.instruments == ("C", "A")
    assert [row[2] for row in of_kind(rows, Kind.BAR)] == [1, 0, 1, 0]
    with pytest.raises(LoadError, match="no symbol 'BB'; it has A, B, C; did you mean B"):
        loaded(LoadRequest(path=path, instruments=("BB",)), tmp_path)


def test_columns_can_be_mapped(tmp_path: Path) -> None:
    """The configuration names the file's columns."""
    bars = [(OPEN.isoformat(), 1, 1, 1, 1), ((OPEN + MINUTE).isoformat(), 1, 1, 1, 1)]
    path = write_csv(tmp_path / "b.csv", ("When", "o", "h", "l", "c"), bars)
    columns = {"ts": "when", "open": "o", "high": "h", "low": "l", "close": "c", "volume": "none"}
    rows, _ = loaded(LoadRequest(path=path, columns=columns), tmp_path)
    assert of_kind(rows, Kind.BAR)[0][4:9] == (*[100000000] * 4, 0)


@pytest.mark.parametrize(
    ("columns", "mapping", "text"),
    [
        (("ts", "open", "hihg", "low", "close", "volume"), {}, r"'high' \(did you mean 'hihg'\?\)"),
        (BARS[:5], {}, "for bars it lacks 'volume'"),
        (BARS, {"open": "opne"}, r"no column 'opne', mapped to open; .*did you mean 'open'"),
        (BARS, {"opne": "open"}, r"mapped to 'opne'; roles are .*did you mean 'open'"),
        ((*BARS, "simbol"), {}, "has 'simbol'; map symbol to it, or to 'none'"),
        (("a", "b", "c", "d", "e", "f"), {}, "it lacks"),
    ],
    ids=["misspelt", "missing", "mapped to nothing", "no such role", "near an optional", "foreign"],
)
def test_a_wrong_column_names_the_nearest(
    tmp_path: Path, columns: tuple[str, ...], mapping: dict[str, str], text: str
) -> None:
    """A wrong column is a clear error."""
    row = (OPEN.isoformat(), 1, 1, 1, 1, 1, 1)[: len(columns)]
    path = write_csv(tmp_path / "b.csv", columns, [row])
    with pytest.raises(LoadError, match=text):
        loaded(LoadRequest(path=path, columns=mapping), tmp_path)


def test_times_are_not_taken_for_days(tmp_path: Path) -> None:
    """A column of times called `date` would make one bar of a whole day."""
    path = tmp_path / "b.parquet"
    duckdb.execute(
        f"COPY (SELECT TIMESTAMP '2020-03-09 14:00' AS date, 1 AS open, 1 AS high, 1 AS low, "
        f"1 AS close) TO '{path}'"
    )
    with pytest.raises(LoadError, match="holds times, so map ts to it"):
        loaded(LoadRequest(path=path), tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.parquet", b"PAR1 but not really", "cannot be read as Parquet"),
        ("a.csv", b"ts,price,size\n", "has no rows"),
        ("a.csv", b"ts,price,size\n2020-03-07T15:00:00Z,1,1\n", "no row inside a session of XNYS"),
        ("a.csv", b"ts,price,size\nnever,1,1\n", "has no usable row: 1 rows"),
    ],
    ids=["broken", "header only", "a Saturday", "no times"],
)
def test_a_file_that_cannot_be_a_tape_is_refused(
    tmp_path: Path, name: str, content: bytes, text: str
) -> None:
    """A wrong file is a clear error with exit code 2, and nothing is left behind."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LoadError, match=text) as caught:
        ensure_tape(LoadRequest(path=path), tmp_path / "home")
    assert caught.value.exit_code == 2
    assert str(path) in str(caught.value)
    assert list((tmp_path / "home" / "tapes").iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "fault", "text"),
    [
        ({"path": Path("/nowhere/a.csv")}, LoadError, "cannot read /nowhere/a.csv: No such file"),
        ({"path": Path("/")}, LoadError, "cannot read /: Is a directory"),
        ({"calendar": "XNSY"}, CalendarError, "did you mean XNYS"),
        ({"session_yyyymmdd": 20200308}, CalendarError, "no session on 2020-03-08; the nearest"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_starts(
    tmp_path: Path, changes: dict[str, Any], fault: type[SetupError], text: str
) -> None:
    """A wrong file, calendar or session is a clear error."""
    path = write_csv(tmp_path / "b.csv", BARS, [a_bar(OPEN)])
    with pytest.raises(fault, match=text):
        ensure_tape(LoadRequest(**{"path": path, **changes}), tmp_path / "home")


def test_a_tape_is_made_once_for_the_same_content(tmp_path: Path) -> None:
    """The kept tape is found by content, request and calendar; a damaged one is made again."""
    bars = [a_bar(OPEN), a_bar(OPEN + MINUTE)]
    path = write_csv(tmp_path / "b.csv", BARS, bars)
    request = LoadRequest(path=path, instruments=("SPY",))
    made = ensure_tape(request, tmp_path)
    before = made.stat().st_mtime_ns
    moved = path.rename(tmp_path / "c.csv")
    again = LoadRequest(path=moved, instruments=("SPY",))
    assert (ensure_tape(again, tmp_path), made.stat().st_mtime_ns) == (made, before)
    made.write_bytes(b"damaged")
    assert ensure_tape(again, tmp_path) == made
    with Tape(made) as tape:
        assert len(tape) == 6
    write_csv(moved, BARS, [bars[0], a_bar(OPEN + MINUTE, price="11")])
    assert ensure_tape(again, tmp_path) != made
    es = LoadRequest(path=moved, instruments=("SPY",), calendar="ES")
    assert len({ensure_tape(each, tmp_path) for each in (again, es)}) == 2


def test_a_request_survives_the_way_to_the_loader(tmp_path: Path) -> None:
    """The loader's process reads what was asked."""
    request = LoadRequest(
        path=tmp_path / "a.csv",
        calendar="ES",
        instruments=("A", "B"),
        session_yyyymmdd=20200309,
        content="trades",
        columns={"ts": "when"},
        cadence_ns=5,
        bar_stamp="end",
    )
    assert LoadRequest.from_json(request.to_json()) == request
