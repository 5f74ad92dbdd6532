"""The loader: `python -m streams.load SHA256 TAPE` reads a LoadRequest from its input.

A process of its own, because DuckDB stays out of the trader. Exit code 2 and one text on the error
output when the file does not fit the request; nothing is written then.
"""

import math
import sys
from pathlib import Path
from typing import Any, Final

import duckdb

from streams.columns import Layout, lay_out
from streams.load_sql import (
    COUNT_CROSSED,
    COUNT_OUTSIDE,
    COUNT_RAW,
    FIND_STEPS,
    MAKE_SORTED,
    READ_CSV,
    READ_PARQUET,
    clean_sql,
    place_sql,
    raw_sql,
    rows_sql,
    symbols_sql,
)
from streams.loading import EXIT_LOAD_ERROR, LoadError, LoadRequest
from streams.tape import Dropped, TapeHeader, TapeWriter
from trading.calendar import Calendar, Session, nearest_dates, show_date, utc_text
from trading.errors import SetupError, nearest

BATCH_ROWS: Final = 50_000
SYMBOLS_SHOWN: Final = 30
TICK_BAR_NS: Final = 60_000_000_000


def load(request: LoadRequest, source_sha256: str, target: Path) -> TapeHeader:
    """Write the tape of a request.

    Raises:
        LoadError: When the file does not fit the request.
    """
    with duckdb.connect(config={"autoload_known_extensions": False}) as base:
        base.execute("SET TimeZone = 'UTC'")
        base.execute("SET preserve_insertion_order = true")
        return _Loading(base, request).run(source_sha256, target)


class _Loading:
    """One load: a few tables in DuckDB, each made from the one before."""

    def __init__(self, base: duckdb.DuckDBPyConnection, request: LoadRequest) -> None:
        self._base = base
        self._request = request
        self._calendar = Calendar.load(request.calendar)

    def run(self, source_sha256: str, target: Path) -> TapeHeader:
        layout = self._read()
        instruments = self._instruments(layout)
        malformed, duplicates, out_of_order = self._clean(layout, instruments)
        cadence_ns = self._cadence_ns(layout)
        outside_session = self._place(layout, cadence_ns)
        sessions = self._sessions()
        (crossed,) = self._one(COUNT_CROSSED)
        header = TapeHeader(
            instruments=instruments,
            cadence_ns=cadence_ns,
            sessions=tuple(each.session_date for each in sessions),
            content=layout.content,
            synthetic=False,
            source_sha256=source_sha256,
            calendar=self._calendar.product,
            dropped=Dropped(
                duplicates=duplicates,
                out_of_order=out_of_order,
                outside_session=outside_session,
                crossed=crossed,
                malformed=malformed,
            ),
        )
        self._write(layout, header, target)
        return header

    def _read(self) -> Layout:
        """Table `source`: the file as it is, with the number of each row."""
        path = self._request.path
        is_parquet = _is_parquet(path)
        try:
            self._base.execute(READ_PARQUET if is_parquet else READ_CSV, [str(path)])
        except duckdb.Error as error:
            form = "Parquet" if is_parquet else "CSV"
            first_line = str(error).split("\n", 1)[0]
            raise LoadError(f"{path} cannot be read as {form}: {first_line}") from error
        described = self._base.execute("DESCRIBE source").fetchall()
        types = {name: kind for name, kind, *_ in described if name != "row_no_"}
        (rows,) = self._one("SELECT count(*) FROM source")
        if rows == 0:
            raise LoadError(f"{path} has no rows")
        return lay_out(self._request, types)

    def _instruments(self, layout: Layout) -> tuple[str, ...]:
        """Table `instruments`: the symbols asked for, or all there are."""
        asked = self._request.instruments
        if layout.symbol_column is None:
            if len(asked) > 1:
                raise LoadError(
                    f"{self._request.path} has no column of symbols, so one instrument can be "
                    f"asked for, was {', '.join(asked)}"
                )
            chosen = asked or (self._request.path.stem.upper(),)
        else:
            found = self._base.execute(symbols_sql(layout)).fetchall()
            chosen = self._known_symbols(asked, [symbol for (symbol,) in found])
        self._base.execute(
            "CREATE TEMP TABLE instruments AS "
            "SELECT unnest(?::VARCHAR[]) AS symbol, unnest(range(?)) AS instrument",
            [list(chosen), len(chosen)],
        )
        return chosen

    def _known_symbols(self, asked: tuple[str, ...], known: list[str]) -> tuple[str, ...]:
        for symbol in asked:
            if symbol not in known:
                shown = ", ".join(
                    [*known[:SYMBOLS_SHOWN], *(["..."] * (len(known) > SYMBOLS_SHOWN))]
                )
                raise LoadError(
                    f"{self._request.path} has no symbol {symbol!r}; it has {shown}"
                    f"{nearest(symbol, known)}"
                )
        return asked or tuple(known)

    def _clean(self, layout: Layout, instruments: tuple[str, ...]) -> tuple[int, int, int]:
        """Tables `raw`, `clean`, `sorted`: whole numbers, nothing unusable, no repeats."""
        single = instruments[0] if layout.symbol_column is None else None
        self._base.execute(raw_sql(layout), [single] if single else [])
        self._base.execute(clean_sql(layout))
        self._base.execute(MAKE_SORTED)
        raw, clean, unique, out_of_order = self._one(COUNT_RAW)
        if unique == 0:
            raise LoadError(
                f"{self._request.path} has no usable row: {raw} rows of "
                f"{', '.join(instruments[:5])} lack a readable time, price or size"
            )
        return raw - clean, clean - unique, out_of_order

    def _cadence_ns(self, layout: Layout) -> int:
        asked = self._request.cadence_ns
        if asked is not None:
            return asked
        if layout.content != "bars":
            return TICK_BAR_NS
        if layout.is_daily:
            return 24 * 3600 * 1_000_000_000
        steps = self._base.execute(FIND_STEPS).fetchall()
        if not steps:
            raise LoadError(
                f"the length of the bars of {self._request.path} cannot be told from its stamps; "
                "set the cadence"
            )
        return math.gcd(*(step for (step,) in steps))

    def _place(self, layout: Layout, cadence_ns: int) -> int:
        """Table `placed`: rows within a session, with their start and end; the rest is counted."""
        first_ns, last_ns = self._one("SELECT min(ts_ns), max(ts_ns) FROM sorted")
        near = self._calendar.overlapping(first_ns - cadence_ns, last_ns + cadence_ns)
        self._base.execute(
            "CREATE TEMP TABLE calendar AS SELECT unnest(?::BIGINT[]) AS session_date, "
            "unnest(?::BIGINT[]) AS open_ns, unnest(?::BIGINT[]) AS close_ns",
            [
                [each.session_date for each in near],
                [each.open_ns for each in near],
                [each.close_ns for each in near],
            ],
        )
        self._base.execute(place_sql(layout, cadence_ns, self._request.bar_stamp))
        (outside,) = self._one(COUNT_OUTSIDE)
        return int(outside)

    def _sessions(self) -> list[Session]:
        """Every session from the first to the last with rows; only the one asked for, if one is."""
        found = self._base.execute(
            "SELECT DISTINCT session_date FROM placed ORDER BY session_date"
        ).fetchall()
        dates = [date for (date,) in found]
        if not dates:
            raise LoadError(self._nothing_inside())
        asked = self._request.session_yyyymmdd
        if asked is None:
            chosen = self._calendar.sessions(dates[0], dates[-1])
        elif asked in dates:
            chosen = [self._calendar.require(asked)]
        else:
            near = ", ".join(show_date(each) for each in nearest_dates(asked, dates))
            raise LoadError(
                f"{self._request.path} has no rows in the session of {show_date(asked)}; "
                f"the nearest it has: {near}"
            )
        self._base.execute(
            "CREATE TEMP TABLE chosen AS SELECT unnest(?::BIGINT[]) AS session_date, "
            "unnest(?::BIGINT[]) AS open_ns, unnest(?::BIGINT[]) AS close_ns",
            [
                [each.session_date for each in chosen],
                [each.open_ns for each in chosen],
                [each.close_ns for each in chosen],
            ],
        )
        return chosen

    def _nothing_inside(self) -> str:
        first_ns, last_ns = self._one("SELECT min(ts_ns), max(ts_ns) FROM sorted")
        return (
            f"{self._request.path} has no row inside a session of {self._calendar.product}: its "
            f"rows are from {utc_text(first_ns)} to {utc_text(last_ns)}; choose another calendar "
            f"({', '.join(Calendar.products())})"
        )

    def _write(self, layout: Layout, header: TapeHeader, target: Path) -> None:
        rows = self._base.execute(rows_sql(layout))
        with TapeWriter(target, header) as tape:
            while batch := rows.fetchmany(BATCH_ROWS):
                tape.extend(batch)

    def _one(self, sql: str) -> Any:
        return self._base.execute(sql).fetchone()


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def main() -> int:
    """Load what the request on the standard input asks for."""
    source_sha256, target = sys.argv[1:]
    try:
        load(LoadRequest.from_json(sys.stdin.read()), source_sha256, Path(target))
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_LOAD_ERROR
    return 0


if __name__ == "__main__":
    sys.exit(main())
