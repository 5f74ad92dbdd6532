"""When the venue trades: the exchange's sessions or round the clock; it can close early."""

from dataclasses import replace
from typing import Final, Literal

from brokers.sim.units import DAY_NS, eastern, from_eastern
from trading.calendar import Calendar, Session, from_date

HoursKind = Literal["exchange", "always"]
KINDS: Final[tuple[HoursKind, ...]] = ("exchange", "always")
EARLY_OPEN_MINUTE: Final = 4 * 60
LATE_CLOSE_MINUTE: Final = 20 * 60
_REACH_NS: Final = 12 * DAY_NS


class Hours:
    """Sessions of the venue, with one that may end early."""

    def __init__(self, kind: HoursKind) -> None:
        """Take the exchange's calendar, or days of UTC without a pause."""
        self.kind = kind
        self._calendar = Calendar.load("ALWAYS" if kind == "always" else "XNYS")
        self._closes: dict[int, int] = {}

    def _real(self, session: Session) -> Session:
        close_ns = self._closes.get(session.session_date)
        return session if close_ns is None else replace(session, close_ns=close_ns, is_early=True)

    def session_at(self, ns: int) -> Session | None:
        """The session under way."""
        found = self._calendar.session_at(ns)
        real = None if found is None else self._real(found)
        return real if real is not None and ns < real.close_ns else None

    def is_open(self, ns: int) -> bool:
        """Whether the regular session is under way."""
        return self.session_at(ns) is not None

    def is_extended(self, ns: int) -> bool:
        """Whether orders for extended hours trade: 04:00 to 20:00 in New York on session days."""
        if self.kind == "always":
            return True
        local = eastern(ns)
        minute = local.hour * 60 + local.minute
        day = self._calendar.session(from_date(local.date()))
        return day is not None and EARLY_OPEN_MINUTE <= minute < LATE_CLOSE_MINUTE

    def next_open_ns(self, ns: int) -> int:
        """The first open after `ns`."""
        return min(each.open_ns for each in self._near(ns) if each.open_ns > ns)

    def next_close_ns(self, ns: int) -> int:
        """The first close after `ns`."""
        return min(each.close_ns for each in self._near(ns) if each.close_ns > ns)

    def _near(self, ns: int) -> list[Session]:
        return [self._real(one) for one in self._calendar.overlapping(ns - DAY_NS, ns + _REACH_NS)]

    def sessions(self, first: int, last: int) -> list[Session]:
        """Sessions dated from `first` to `last`, such as 20261127."""
        first, last = max(first, self._calendar.first_date), min(last, self._calendar.last_date)
        return [self._real(one) for one in self._calendar.sessions(first, last)]

    def before(self, ns: int) -> Session:
        """The last session that ended before `ns`."""
        ended = self._calendar.overlapping(ns - _REACH_NS, ns)
        return [one for one in ended if one.close_ns <= ns][-1]

    def close_early(self, ns: int, close_ns: int) -> None:
        """End the session that is under way at `ns` at `close_ns`.

        Raises:
            ValueError: No session is under way, or it would end later than it does.
        """
        session = self.session_at(ns)
        if session is None or not ns <= close_ns <= session.close_ns:
            raise ValueError(f"there is no session at {ns} that can end at {close_ns}")
        self._closes[session.session_date] = close_ns


def minute_of_day(ns: int) -> int:
    """Minutes since midnight in New York."""
    local = eastern(ns)
    return local.hour * 60 + local.minute


def extended_close_ns(ns: int) -> int:
    """20:00 in New York on the day of `ns`."""
    return from_eastern(eastern(ns).date(), LATE_CLOSE_MINUTE)
