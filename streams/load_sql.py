"""The loader's SQL: raw rows to whole numbers, to clean ones, to rows inside sessions, to the tape.

Tables, each made from the one before: `source` (the file), `raw` (times in ns, values at 1e-8),
`clean` (usable rows), `sorted` (without repeats), `placed` (inside a session), and the tape's rows.
Values go through DECIMAL, so text is exact; floating columns are rounded to 1e-8.
"""

from typing import Final

from streams.columns import NO_COLUMN, Layout
from streams.tape import Flag, Kind

_BUY: Final = "('buy', 'b', 'buyer', '1')"
_SELL: Final = "('sell', 's', 'seller', '-1')"
_TRUE: Final = "('true', 't', '1')"
_FALSE: Final = "('false', 'f', '0')"

# Whole-number times: seconds, ms, us or ns, told from their size (years 1973 to 2286).
_EPOCH: Final = """CASE
    WHEN abs({0}) < 100_000_000_000 THEN {0} * 1_000_000_000
    WHEN abs({0}) < 100_000_000_000_000 THEN {0} * 1_000_000
    WHEN abs({0}) < 100_000_000_000_000_000 THEN {0} * 1_000
    ELSE {0} END"""

_KNOWN: Final = " AND ".join(
    f"{name} IS NOT NULL" for name in ("ts_ns", "recv_ns", "v1", "v2", "v3", "v4", "v5")
)
_USABLE: Final = {
    "bars": "least(v1, v2, v3, v4) > 0 AND v5 >= 0 AND v2 >= greatest(v1, v3, v4)"
    " AND v3 <= least(v1, v4)",
    "quotes": "v1 >= 0 AND v2 > 0 AND v3 >= 0 AND v4 >= 0",
    "trades": "v1 > 0 AND v2 > 0",
}

_SAME: Final = {
    "bars": "instrument, ts_ns",
    "quotes": "instrument, ts_ns, v1, v2, v3, v4",
    "trades": "instrument, coalesce(trade_id, 'row ' || ord)",
}

READ_PARQUET: Final = """
CREATE TEMP TABLE source AS SELECT row_number() OVER () AS row_no_, * FROM read_parquet(?)
"""

READ_CSV: Final = """
CREATE TEMP TABLE source AS
SELECT row_number() OVER () AS row_no_, * FROM read_csv(?, all_varchar = true, header = true)
"""

MAKE_SORTED: Final = """
CREATE TEMP TABLE sorted AS
SELECT * EXCLUDE (repeat_no), coalesce(ts_ns < max(ts_ns) OVER (
    PARTITION BY instrument ORDER BY ord ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
), false) AS is_late
FROM clean WHERE repeat_no = 1
"""

COUNT_RAW: Final = """
SELECT (SELECT count(*) FROM raw), (SELECT count(*) FROM clean), count(*),
    count(*) FILTER (WHERE is_late) FROM sorted
"""

COUNT_CROSSED: Final = "SELECT count(*) FILTER (WHERE is_crossed) FROM sorted"

COUNT_OUTSIDE: Final = "SELECT (SELECT count(*) FROM sorted) - (SELECT count(*) FROM placed)"

# Steps from bar to bar that are common; one odd stamp or a night says nothing about the length.
FIND_STEPS: Final = """
WITH steps AS (
    SELECT ts_ns - lag(ts_ns) OVER (PARTITION BY instrument ORDER BY ts_ns) AS step FROM sorted
), counted AS (SELECT step, count(*) AS times FROM steps WHERE step IS NOT NULL GROUP BY step)
SELECT step FROM counted WHERE times * 100 >= (SELECT sum(times) FROM counted)
"""

# A bar must lie within its session as a whole, a tick before its close.
_PLACE_BY_TIME: Final = """
CREATE TEMP TABLE placed AS
SELECT row.*, row.from_ns AS start_ns, row.from_ns + {length} AS end_ns, day.session_date
FROM (SELECT * EXCLUDE (session_date), ts_ns - {back} AS from_ns FROM sorted) AS row
ASOF JOIN calendar AS day ON row.from_ns >= day.open_ns
WHERE row.from_ns < day.close_ns AND row.from_ns + {length} <= day.close_ns{received}
"""
# A tick that was received outside the session it belongs to cannot be replayed in it.
_RECEIVED_INSIDE: Final = " AND row.recv_ns >= day.open_ns AND row.recv_ns < day.close_ns"

_PLACE_BY_DAY: Final = """
CREATE TEMP TABLE placed AS
SELECT row.* EXCLUDE (session_date), day.open_ns AS start_ns, day.close_ns AS end_ns,
    day.session_date
FROM sorted AS row JOIN calendar AS day USING (session_date)
"""


def symbols_sql(layout: Layout) -> str:
    """The symbols of a file with a column of them, in alphabetical order."""
    symbol = layout.sql("symbol")
    return f"SELECT DISTINCT {symbol}::VARCHAR FROM source WHERE {symbol} IS NOT NULL ORDER BY 1"  # noqa: S608  a quoted column


def raw_sql(layout: Layout) -> str:
    """Make `raw`; its one parameter is the symbol, when the file has no column of symbols."""
    if layout.symbol_column is None:
        instruments = "(SELECT instrument FROM instruments WHERE symbol = ?)"
        join = ""
    else:
        instruments = "chosen.instrument"
        symbol = layout.quoted(layout.symbol_column)
        join = f"JOIN instruments AS chosen ON chosen.symbol = source.{symbol}::VARCHAR"
    day = _session_date(layout)
    stamp = (
        "epoch_us(try_strptime(session_date::VARCHAR, '%Y%m%d')) * 1000"
        if layout.is_daily
        else _ts_ns(layout, "ts")
    )
    received = _ts_ns(layout, "ts_recv") if "ts_recv" in layout.columns else stamp
    values = ", ".join(f"{sql} AS v{n}" for n, sql in enumerate(_values(layout), start=1))
    return f"""
CREATE TEMP TABLE raw AS
SELECT row_no_ AS ord, {instruments} AS instrument, {day} AS session_date, {stamp} AS ts_ns,
    {received} AS recv_ns, {values}, {_trade_id(layout)} AS trade_id,
    {_is_crossed(layout)} AS is_crossed
FROM source {join}
"""  # noqa: S608  columns are quoted, values are parameters


def clean_sql(layout: Layout) -> str:
    """Make `clean`: usable rows, repeats numbered from 1 in the order of the file."""
    return f"""
CREATE TEMP TABLE clean AS
SELECT *, row_number() OVER (PARTITION BY {_SAME[layout.content]} ORDER BY ord) AS repeat_no
FROM raw WHERE {_KNOWN} AND {_USABLE[layout.content]}
"""  # noqa: S608  constants


def place_sql(layout: Layout, cadence_ns: int, bar_stamp: str) -> str:
    """Make `placed`: rows inside a session, with their start and end."""
    if layout.is_daily:
        return _PLACE_BY_DAY
    is_bars = layout.content == "bars"
    length = cadence_ns if is_bars else 0
    return _PLACE_BY_TIME.format(
        length=length,
        back=length if bar_stamp == "end" else 0,
        received="" if is_bars else _RECEIVED_INSIDE,
    )


def rows_sql(layout: Layout) -> str:
    """The tape's rows in order; `rank` orders what falls on one instant."""
    return f"""
WITH inside AS (SELECT placed.* FROM placed JOIN chosen USING (session_date)),
lines AS (
    SELECT open_ns AS at_ns, {Kind.SESSION_OPEN:d} AS kind, -1 AS instrument, open_ns AS source_ns,
        session_date AS v1, open_ns AS v2, close_ns AS v3, 0 AS v4, 0 AS v5, 0 AS flags,
        2 AS rank, 0 AS ord FROM chosen
    UNION ALL SELECT close_ns, {Kind.SESSION_CLOSE:d}, -1, close_ns,
        session_date, 0, 0, 0, 0, 0, 1, 0 FROM chosen
    {_content_lines(layout)}
)
SELECT at_ns, kind, instrument, source_ns, v1, v2, v3, v4, v5, 0, 0, flags
FROM lines ORDER BY at_ns, rank, ord
"""  # noqa: S608  constants


def _content_lines(layout: Layout) -> str:
    crossed = f"CASE WHEN is_crossed THEN {Flag.CROSSED:d} ELSE 0 END"
    if layout.content == "bars":
        return f"""
    UNION ALL SELECT end_ns, {Kind.BAR:d}, instrument, start_ns, v1, v2, v3, v4, v5, {crossed},
        0, ord FROM inside
    UNION ALL SELECT start_ns, {Kind.OPEN_PRINT:d}, instrument, start_ns, v1, v5, 0, 0, 0,
        {crossed}, 3, ord FROM inside"""  # noqa: S608  constants
    kind = Kind.QUOTE if layout.content == "quotes" else Kind.TRADE
    return f"""
    UNION ALL SELECT recv_ns, {kind:d}, instrument, ts_ns, v1, v2, v3, v4, v5, {crossed},
        3, ord FROM inside"""  # noqa: S608  constants


def _values(layout: Layout) -> list[str]:
    """Five values a row, in the tape's order."""
    if layout.is_bid_ask:
        return [*_middles(layout), _fixed(layout, "volume")]
    if layout.content == "bars":
        return [_fixed(layout, role) for role in ("open", "high", "low", "close", "volume")]
    if layout.content == "quotes":
        return [*(_fixed(layout, role) for role in ("bid", "ask", "bid_size", "ask_size")), "0"]
    number = f"coalesce(TRY_CAST({_trade_id(layout)} AS BIGINT), 0)"
    return [_fixed(layout, "price"), _fixed(layout, "size"), _aggressor(layout), number, "0"]


def _fixed(layout: Layout, role: str) -> str:
    """A value at 1e-8 as BIGINT; NULL when it is no number, 0 when the file has no such column."""
    if layout.columns.get(role, NO_COLUMN) == NO_COLUMN:
        return "0"
    column = layout.sql(role)
    if layout.type_of(role) == "FLOAT":
        column = f"{column}::VARCHAR"  # the shortest text that is this float, not its 24 bits
    decimal = f"TRY_CAST({column} AS DECIMAL(26, 8)) * 100_000_000::DECIMAL(9, 0)"
    return f"TRY_CAST({decimal} AS BIGINT)"


def _middles(layout: Layout) -> list[str]:
    """Middle of bid and ask, rounded down to 1e-8."""
    return [
        f"({_fixed(layout, f'bid_{name}')} + {_fixed(layout, f'ask_{name}')}) // 2"
        for name in ("open", "high", "low", "close")
    ]


def _is_crossed(layout: Layout) -> str:
    if layout.is_bid_ask:
        pairs = (
            f"{_fixed(layout, f'bid_{name}')} > {_fixed(layout, f'ask_{name}')}"
            for name in ("open", "high", "low", "close")
        )
        return f"coalesce({' OR '.join(pairs)}, false)"
    return "coalesce(v1 > v2, false)" if layout.content == "quotes" else "false"


def _trade_id(layout: Layout) -> str:
    if "trade_id" not in layout.columns:
        return "NULL::VARCHAR"
    return f"{layout.sql('trade_id')}::VARCHAR"


def _aggressor(layout: Layout) -> str:
    if "aggressor" in layout.columns:
        side = f"lower({layout.sql('aggressor')}::VARCHAR)"
        return f"CASE WHEN {side} IN {_BUY} THEN 1 WHEN {side} IN {_SELL} THEN -1 ELSE 0 END"
    if "buyer_maker" in layout.columns:  # a resting buyer was hit by a seller
        maker = f"lower({layout.sql('buyer_maker')}::VARCHAR)"
        return f"CASE WHEN {maker} IN {_TRUE} THEN -1 WHEN {maker} IN {_FALSE} THEN 1 ELSE 0 END"
    return "0"


def _session_date(layout: Layout) -> str:
    if not layout.is_daily:
        return "NULL::BIGINT"
    digits = f"replace({layout.sql('session')}::VARCHAR, '-', '')"
    return f"CASE WHEN length({digits}) = 8 THEN TRY_CAST({digits} AS BIGINT) END"


def _ts_ns(layout: Layout, role: str) -> str:
    """A time in ns; text without an offset and times without a zone are UTC."""
    column, kind = layout.sql(role), layout.type_of(role)
    if kind in ("TIMESTAMPTZ_NS", "TIMESTAMP_NS"):
        return f"epoch_ns({column}::TIMESTAMP_NS)"
    if kind.startswith(("TIMESTAMP", "DATE")):
        return f"epoch_us({column}::TIMESTAMP) * 1000"
    if kind == "VARCHAR":
        whole = _EPOCH.format(f"TRY_CAST({column} AS HUGEINT)")
        text = f"epoch_ns(TRY_CAST({column} AS TIMESTAMPTZ_NS)::TIMESTAMP_NS)"
        return f"coalesce({text}, TRY_CAST(({whole}) AS BIGINT))"
    whole = _EPOCH.format(f"{column}::DECIMAL(28, 9)")
    return f"TRY_CAST(({whole}) AS BIGINT)"
