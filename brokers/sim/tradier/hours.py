"""Tradier's hours beside the exchange's: before the open and after the close."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from brokers.sim.hours import Hours
from brokers.sim.units import DAY_NS, MINUTE_NS, eastern, from_eastern
from trading.calendar import Session, from_date, to_date

PRE_START: Final = 7 * 60
PRE_END: Final = 9 * 60 + 24
_POST_LENGTH_NS: Final = 4 * 60 * MINUTE_NS
_AHEAD_DAYS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When an order of one duration trades, ns UTC."""

    start_ns: int
    end_ns: int


def early(session: Session) -> Window:
    """Before the open: 07:00 to 09:24 in New York."""
    day = to_date(session.session_date)
    return Window(start_ns=from_eastern(day, PRE_START), end_ns=from_eastern(day, PRE_END))


def late(session: Session) -> Window:
    """Four hours from the close."""
    return Window(start_ns=session.close_ns, end_ns=session.close_ns + _POST_LENGTH_NS)


def window_of(duration: str, hours: Hours, now_ns: int) -> Window | None:
    """The window under way or the next one of pre and post; None for day and gtc."""
    if duration not in ("pre", "post"):
        return None
    today = eastern(now_ns).date()
    ahead = hours.sessions(from_date(today), from_date(today + timedelta(days=_AHEAD_DAYS)))
    windows = [early(one) if duration == "pre" else late(one) for one in ahead]
    found = [window for window in windows if now_ns < window.end_ns]
    return found[0] if found else Window(start_ns=now_ns + DAY_NS, end_ns=now_ns + 2 * DAY_NS)


def state_at(hours: Hours, now_ns: int) -> tuple[str, int, str]:
    """State of the market as Tradier's clock has it, when it changes (ns UTC), and to what."""
    if hours.kind == "always":
        return "open", hours.next_close_ns(now_ns), "postmarket"
    today = eastern(now_ns).date()
    for session in hours.sessions(from_date(today), from_date(today + timedelta(days=_AHEAD_DAYS))):
        before, after = early(session), late(session)
        steps = (
            (before.start_ns, "closed", "premarket"),
            (session.open_ns, "premarket", "open"),
            (session.close_ns, "open", "postmarket"),
            (after.end_ns, "postmarket", "closed"),
        )
        for end_ns, state, following in steps:
            if now_ns < end_ns:
                return state, end_ns, following
    return "closed", now_ns + DAY_NS, "premarket"
