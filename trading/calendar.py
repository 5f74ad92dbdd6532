"""Which sessions a product has, from tables made at build time (MD-5, BR-8).

`tools/make_calendars.py` writes the tables of XNYS (US equities) and ES (cash hours of the equity
index future); ALWAYS is every UTC day from midnight to midnight. A session holds the instants
`open_ns <= t < close_ns`. Session dates are integers such as 20200309, times ns UTC.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from trading.errors import SetupError, nearest

NS_PER_DAY: Final = 86_400_000_000_000
RUNWAY_DAYS_MIN: Final = 60
_EPOCH: Final = date(1970, 1, 1)


class CalendarError(SetupError):
    """No such product or session; the text names the nearest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session; `is_early` when it closes before the product's usual time."""

    session_date: int
    open_ns: int
    close_ns: int
    is_early: bool = False


def to_date(session_date: int) -> date:
    """20200309 as a date.

    Raises:
        CalendarError: When the number is not a day.
    """
    try:
        return date(session_date // 10_000, session_date // 100 % 100, session_date % 100)
    except ValueError as error:
        raise CalendarError(
            f"a session is a day such as 20200309, was {session_date}: {error}"
        ) from error


def from_date(day: date) -> int:
    """A date as 20200309."""
    return day.year * 10_000 + day.month * 100 + day.day


def show_date(session_date: int) -> str:
    """20200309 as 2020-03-09, for people."""
    return to_date(session_date).isoformat()


def nearest_dates(session_date: int, known: Sequence[int], count: int = 3) -> list[int]:
    """The `count` entries of `known` (ascending) nearest in days, ascending."""
    wanted = to_date(session_date)
    by_distance = sorted(known, key=lambda each: abs((to_date(each) - wanted).days))
    return sorted(by_distance[:count])


class Calendar(ABC):
    """The sessions of one product."""

    def __init__(self, product: str, digest: str) -> None:
        """Name the product; `digest` changes whenever the sessions do."""
        self.product = product
        self.digest = digest

    @staticmethod
    def load(product: str) -> "Calendar":
        """The calendar of a product; read once, then shared.

        Raises:
            CalendarError: When there is no such product, or its table is damaged.
        """
        return _load(product)

    @staticmethod
    def products() -> list[str]:
        """Every product that `load` knows, in alphabetical order."""
        tables = (entry.name for entry in (files("trading") / "calendars").iterdir())
        return sorted(["ALWAYS", *(name[:-4] for name in tables if name.endswith(".txt"))])

    @property
    @abstractmethod
    def first_date(self) -> int:
        """Date of the first session."""

    @property
    @abstractmethod
    def last_date(self) -> int:
        """Date of the last session."""

    @abstractmethod
    def session(self, session_date: int) -> Session | None:
        """The session of a day; None when there is none."""

    @abstractmethod
    def sessions(self, first: int, last: int) -> list[Session]:
        """Sessions dated from `first` to `last`, both included."""

    @abstractmethod
    def session_at(self, ns: int) -> Session | None:
        """The session with `open_ns <= ns < close_ns`; None between sessions."""

    @abstractmethod
    def overlapping(self, first_ns: int, last_ns: int) -> list[Session]:
        """Sessions that share an instant with `first_ns..last_ns`, both included."""

    @abstractmethod
    def near(self, session_date: int) -> list[int]:
        """The dates of the sessions nearest to a day, ascending; at most three."""

    def require(self, session_date: int) -> Session:
        """The session of a day.

        Raises:
            CalendarError: When the product has none then; names the nearest ones.
        """
        found = self.session(session_date)
        if found is None:
            near = ", ".join(show_date(each) for each in self.near(session_date))
            raise CalendarError(
                f"{self.product} has no session on {show_date(session_date)}; the nearest: {near}"
            )
        return found

    def days_left(self, ns: int) -> int:
        """Whole days from `ns` to the end of the table; below zero after it."""
        return (to_date(self.last_date) - _EPOCH).days - ns // NS_PER_DAY

    def runway_warning(self, ns: int) -> str | None:
        """What to tell a person when the table ends within RUNWAY_DAYS_MIN days of `ns`."""
        left = self.days_left(ns)
        if left >= RUNWAY_DAYS_MIN:
            return None
        return (
            f"the session table of {self.product} ends on {show_date(self.last_date)}, in {left} "
            f"days, at least {RUNWAY_DAYS_MIN} are wanted: run tools/make_calendars.py"
        )


class _Table(Calendar):
    """Sessions from a text table; its dates, opens and closes ascend together."""

    def __init__(self, product: str, text: str) -> None:
        super().__init__(product, sha256(text.encode()).hexdigest())
        self._rows = _parse(product, text)
        self._dates = [row.session_date for row in self._rows]
        self._opens = [row.open_ns for row in self._rows]
        self._closes = [row.close_ns for row in self._rows]

    @property
    def first_date(self) -> int:
        return self._dates[0]

    @property
    def last_date(self) -> int:
        return self._dates[-1]

    def session(self, session_date: int) -> Session | None:
        at = bisect_left(self._dates, session_date)
        found = at < len(self._dates) and self._dates[at] == session_date
        return self._rows[at] if found else None

    def sessions(self, first: int, last: int) -> list[Session]:
        return self._rows[bisect_left(self._dates, first) : bisect_right(self._dates, last)]

    def session_at(self, ns: int) -> Session | None:
        at = bisect_right(self._opens, ns) - 1
        return self._rows[at] if at >= 0 and ns < self._closes[at] else None

    def overlapping(self, first_ns: int, last_ns: int) -> list[Session]:
        return self._rows[bisect_right(self._closes, first_ns) : bisect_right(self._opens, last_ns)]

    def near(self, session_date: int) -> list[int]:
        at = bisect_left(self._dates, session_date)
        return nearest_dates(session_date, self._dates[max(at - 3, 0) : at + 3])


class _UtcDays(Calendar):
    """Every UTC day; nothing to look up and no table to run out of."""

    def __init__(self) -> None:
        super().__init__("ALWAYS", "utc-days-1")

    @property
    def first_date(self) -> int:
        return 19700101

    @property
    def last_date(self) -> int:
        return 22611231  # the last whole year of a signed 64-bit nanosecond

    def session(self, session_date: int) -> Session | None:
        if not self.first_date <= session_date <= self.last_date:
            return None
        open_ns = (to_date(session_date) - _EPOCH).days * NS_PER_DAY
        return Session(session_date=session_date, open_ns=open_ns, close_ns=open_ns + NS_PER_DAY)

    def sessions(self, first: int, last: int) -> list[Session]:
        start, stop = to_date(max(first, self.first_date)), to_date(min(last, self.last_date))
        days = range((stop - start).days + 1)
        found = (self.session(from_date(start + timedelta(days=day))) for day in days)
        return [each for each in found if each is not None]

    def session_at(self, ns: int) -> Session | None:
        day = ns // NS_PER_DAY
        last_day = (to_date(self.last_date) - _EPOCH).days
        if not 0 <= day <= last_day:
            return None
        return self.session(from_date(_EPOCH + timedelta(days=day)))

    def overlapping(self, first_ns: int, last_ns: int) -> list[Session]:
        first, last = self.session_at(first_ns), self.session_at(last_ns)
        if first is None or last is None:
            return []
        return self.sessions(first.session_date, last.session_date)

    def near(self, session_date: int) -> list[int]:
        return [min(max(session_date, self.first_date), self.last_date)]


@cache
def _load(product: str) -> Calendar:
    if product == "ALWAYS":
        return _UtcDays()
    known = Calendar.products()
    if product not in known:
        raise CalendarError(
            f"no session calendar {product!r}; known are {', '.join(known)}"
            f"{nearest(product, known)}"
        )
    text = (files("trading") / "calendars" / f"{product}.txt").read_text(encoding="ascii")
    return _Table(product, text)


def _parse(product: str, text: str) -> list[Session]:
    rows: list[Session] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("#"):
            continue
        try:
            session_date, open_ns, close_ns, is_early = map(int, line.split())
        except ValueError as error:
            raise CalendarError(
                f"the session table of {product}, line {number}: four whole numbers expected, "
                f"was {line!r}; install again"
            ) from error
        if not open_ns < close_ns or (rows and open_ns < rows[-1].close_ns):
            raise CalendarError(
                f"the session table of {product}, line {number}: sessions must follow each other, "
                f"was {line!r}; install again"
            )
        rows.append(
            Session(
                session_date=session_date,
                open_ns=open_ns,
                close_ns=close_ns,
                is_early=bool(is_early),
            )
        )
    if not rows:
        raise CalendarError(f"the session table of {product} is empty; install again")
    return rows


def utc_text(ns: int) -> str:
    """An instant as `2020-03-09 13:36:00 UTC`, cut to seconds, for people."""
    moment = datetime.fromtimestamp(ns // 1_000_000_000, tz=UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
