"""Captured lines to Parquet: `python -m streams.capture_files FOLDER`, a process of its own.

One file for each day, feed, instrument and kind. DuckDB stays out of the trader; killed at any
instant, the next run of this does it again: lines are removed behind the file that holds them, and
a row that is in both counts once.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import duckdb

_LINES: Final = re.compile(r"(.+-(quotes|trades))\.\d+\.csv\Z")
_TYPES: Final = {
    "quotes": {
        **dict.fromkeys(("seq", "ts_recv", "ts"), "BIGINT"),
        "symbol": "VARCHAR",
        **dict.fromkeys(("bid", "ask", "bid_size", "ask_size"), "DECIMAL(26, 8)"),
    },
    "trades": {
        **dict.fromkeys(("seq", "ts_recv", "ts"), "BIGINT"),
        "symbol": "VARCHAR",
        **dict.fromkeys(("price", "size"), "DECIMAL(26, 8)"),
        "aggressor": "VARCHAR",
        "trade_id": "VARCHAR",
    },
}


def convert(folder: Path) -> list[Path]:
    """Turn every finished file of lines under `folder` into Parquet; the files written.

    Raises:
        duckdb.Error: A file cannot be read or written; its lines stay.
    """
    found: dict[Path, list[Path]] = {}
    for path in sorted(folder.glob("*/*/*.csv")):
        named = _LINES.match(path.name)
        if named is not None:
            found.setdefault(path.with_name(f"{named[1]}.parquet"), []).append(path)
    for target, lines in found.items():
        _convert(target, lines)
    return list(found)


def _convert(target: Path, lines: Iterable[Path]) -> None:
    kind = target.stem.rsplit("-", 1)[1]
    aside = target.with_suffix(".part")
    with duckdb.connect(config={"autoload_known_extensions": False}) as base:
        base.execute("SET TimeZone = 'UTC'")
        base.execute(
            """CREATE TEMP TABLE captured AS
            SELECT * REPLACE (make_timestamp_ns(ts_recv) AS ts_recv, make_timestamp_ns(ts) AS ts)
            FROM read_csv(?, columns = ?, header = true)""",
            [[str(path) for path in lines], _TYPES[kind]],
        )
        if target.exists():
            base.execute("INSERT INTO captured SELECT * FROM read_parquet(?)", [str(target)])
        base.execute(
            f"""COPY (SELECT DISTINCT * FROM captured ORDER BY ts_recv, seq)
            TO '{str(aside).replace("'", "''")}' (FORMAT parquet)"""  # noqa: S608 - no parameters
        )
    aside.replace(target)
    for path in lines:
        path.unlink()


if __name__ == "__main__":
    for written in convert(Path(sys.argv[1])):
        sys.stdout.write(f"{written}\n")
