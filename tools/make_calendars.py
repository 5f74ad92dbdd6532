"""Make the session tables in trading/calendars/ (MD-5).

Run `python tools/make_calendars.py` in an environment with the extra `calendar`; the trader itself
needs neither exchange-calendars nor pandas. Tables end with LAST, stated here on purpose: the
library stops a year ahead unless told.

XNYS is the library's. ES is derived from it: the cash hours of the equity index future, that is
09:30 to 16:00 New York. The future also trades on the days in HALF_DAY_HOLIDAYS, when the stock
exchange is shut, until 13:00 New York. On other days without a stock session (Good Friday,
Christmas, New Year, days of mourning) it has none in these hours. On the stock exchange's half days
the future itself halts at 13:15, but cash hours end with the cash market at 13:00.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

FIRST: Final = date(2013, 1, 1)
LAST: Final = date(2027, 12, 31)
TABLES: Final = Path(__file__).resolve().parent.parent / "trading" / "calendars"
NEW_YORK: Final = ZoneInfo("America/New_York")
OPEN: Final = time(9, 30)
CLOSE: Final = time(16, 0)
EARLY_CLOSE: Final = time(13, 0)

MON, THU, FRI, SAT, SUN = 0, 3, 4, 5, 6
FIXED_HOLIDAYS: Final = (
    ("New Year", 1, 1),
    ("Juneteenth", 6, 19),
    ("Independence", 7, 4),
    ("Christmas", 12, 25),
)
MOVING_HOLIDAYS: Final = (
    ("Martin Luther King", 1, MON, range(15, 22)),
    ("Presidents", 2, MON, range(15, 22)),
    ("Good Friday", 3, FRI, range(20, 32)),
    ("Good Friday", 4, FRI, range(1, 24)),
    ("Memorial", 5, MON, range(25, 32)),
    ("Labor", 9, MON, range(1, 8)),
    ("Thanksgiving", 11, THU, range(22, 29)),
)

# Stock exchange holidays on which the equity index future trades until 13:00 New York.
HALF_DAY_HOLIDAYS: Final = (
    "Martin Luther King",
    "Presidents",
    "Memorial",
    "Juneteenth",
    "Independence",
    "Labor",
    "Thanksgiving",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One session of a table; times in ns UTC."""

    session_date: date
    open_ns: int
    close_ns: int
    is_early: bool


def utc_ns(day: date, at: time) -> int:
    """The instant of a New York wall time."""
    moment = datetime.combine(day, at, tzinfo=NEW_YORK).astimezone(UTC)
    return int(moment.timestamp()) * 1_000_000_000


def stock_sessions() -> list[Row]:
    """XNYS as exchange-calendars knows it."""
    exchange_calendars = import_module("exchange_calendars")  # needed only where tables are made
    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST, end=LAST)
    rows = []
    for stamp, opens, closes in zip(
        calendar.schedule.index, calendar.schedule["open"], calendar.schedule["close"], strict=True
    ):
        day = stamp.date()
        close_ns = round(closes.timestamp()) * 1_000_000_000
        rows.append(
            Row(
                session_date=day,
                open_ns=round(opens.timestamp()) * 1_000_000_000,
                close_ns=close_ns,
                is_early=close_ns < utc_ns(day, CLOSE),
            )
        )
    return rows


def holiday_name(day: date) -> str:
    """Which holiday shut the stock exchange on a weekday; an unknown one is `other`."""
    fixed = (name for name, month, number in FIXED_HOLIDAYS if _is_kept_on(day, month, number))
    moving = (
        name
        for name, month, weekday, days in MOVING_HOLIDAYS
        if day.month == month and day.weekday() == weekday and day.day in days
    )
    return next(chain(fixed, moving), "other")


def _is_kept_on(day: date, month: int, day_of_month: int) -> bool:
    """Whether `day` is that date, or the weekday on which a weekend date is kept."""
    fixed = date(day.year, month, day_of_month)
    shift = {SAT: -1, SUN: 1}.get(fixed.weekday(), 0)
    return day == fixed + timedelta(days=shift)


def future_sessions(stock: list[Row]) -> list[Row]:
    """Cash hours of the equity index future, from the stock exchange's days."""
    by_date = {row.session_date: row for row in stock}
    rows = []
    for day in _weekdays():
        row = by_date.get(day)
        if row is not None:
            rows.append(row)
        elif holiday_name(day) in HALF_DAY_HOLIDAYS:
            rows.append(
                Row(
                    session_date=day,
                    open_ns=utc_ns(day, OPEN),
                    close_ns=utc_ns(day, EARLY_CLOSE),
                    is_early=True,
                )
            )
    return rows


def _weekdays() -> Iterator[date]:
    day = FIRST
    while day <= LAST:
        if day.weekday() < SAT:
            yield day
        day += timedelta(days=1)


def render(product: str, rows: list[Row]) -> str:
    """The text of a table."""
    lines = [
        f"# Sessions of {product}, {FIRST} to {LAST}, made by tools/make_calendars.py",
        "# session_date open_ns close_ns is_early (times in ns UTC)",
    ]
    lines += [
        f"{row.session_date:%Y%m%d} {row.open_ns} {row.close_ns} {int(row.is_early)}"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def tables() -> dict[str, str]:
    """File name to text of every table."""
    stock = stock_sessions()
    return {
        "XNYS.txt": render("XNYS", stock),
        "ES.txt": render("ES", future_sessions(stock)),
    }


def main() -> int:
    """Write the tables."""
    TABLES.mkdir(exist_ok=True)
    for name, text in tables().items():
        (TABLES / name).write_text(text, encoding="ascii")
        sys.stdout.write(f"{TABLES / name}: {text.count(chr(10)) - 2} sessions\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
