"""Session calendars: days, half days, and what is not a session."""

from datetime import UTC, datetime
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.streams.shared_data import shared_file
from trading.calendar import NS_PER_DAY, Calendar, CalendarError, Session, from_date, to_date

ROOT = Path(__file__).resolve().parents[2]
NEW_YORK = ZoneInfo("America/New_York")
DAY_SESSIONS = Calendar.load("XNYS").sessions(20130101, 20271231)


def new_york(ns: int) -> str:
    moment = datetime.fromtimestamp(ns // 1_000_000_000, tz=UTC).astimezone(NEW_YORK)
    return f"{moment:%H:%M}"


def hours(product: str, session_date: int) -> str | None:
    session = Calendar.load(product).session(session_date)
    if session is None:
        return None
    return f"{new_york(session.open_ns)}-{new_york(session.close_ns)}"


@pytest.mark.parametrize(
    ("session_date", "xnys", "es"),
    [
        (20200309, "09:30-16:00", "09:30-16:00"),
        (20200306, "09:30-16:00", "09:30-16:00"),
        (20200120, None, "09:30-13:00"),
        (20200217, None, "09:30-13:00"),
        (20200525, None, "09:30-13:00"),
        (20220620, None, "09:30-13:00"),
        (20210618, "09:30-16:00", "09:30-16:00"),
        (20200703, None, "09:30-13:00"),
        (20200907, None, "09:30-13:00"),
        (20201126, None, "09:30-13:00"),
        (20201127, "09:30-13:00", "09:30-13:00"),
        (20261224, "09:30-13:00", "09:30-13:00"),
        (20200410, None, None),
        (20211224, None, None),
        (20200101, None, None),
        (20250109, None, None),
        (20200307, None, None),
    ],
    ids=[
        "first day of summer time",
        "last session of winter time",
        "Martin Luther King",
        "Presidents",
        "Memorial",
        "Juneteenth kept on Monday",
        "Juneteenth before it was a holiday",
        "Independence kept on Friday",
        "Labor",
        "Thanksgiving",
        "day after Thanksgiving",
        "Christmas Eve",
        "Good Friday",
        "Christmas kept on Friday",
        "New Year",
        "day of mourning",
        "Saturday",
    ],
)
def test_each_product_keeps_its_own_hours(
    session_date: int, xnys: str | None, es: str | None
) -> None:
    """MD-5, BR-8: holidays and half days come from the product's own calendar."""
    assert hours("XNYS", session_date) == xnys
    assert hours("ES", session_date) == es


def test_only_shortened_sessions_are_early() -> None:
    """MD-5: the mark says which sessions end before the usual time."""
    for product in ("XNYS", "ES"):
        for session in Calendar.load(product).sessions(20130101, 20271231):
            assert session.is_early == (new_york(session.close_ns) != "16:00"), session


@given(session=st.sampled_from(DAY_SESSIONS))
def test_a_session_holds_its_open_and_not_its_close(session: Session) -> None:
    """MD-4: a session's window is half open."""
    calendar = Calendar.load("XNYS")
    assert calendar.session_at(session.open_ns) == session
    assert calendar.session_at(session.close_ns - 1) == session
    assert calendar.session_at(session.close_ns) is None
    assert calendar.session_at(session.open_ns - 1) is None


@given(ns=st.integers(0, 2**63 - 1))
def test_always_has_a_session_at_every_instant(ns: int) -> None:
    """MD-5: products that never close have one session a UTC day."""
    session = Calendar.load("ALWAYS").session_at(ns)
    last_ns = (to_date(22611231).toordinal() - to_date(19700101).toordinal() + 1) * NS_PER_DAY
    if ns >= last_ns:
        assert session is None
        return
    assert session is not None
    assert session.open_ns <= ns < session.close_ns
    assert session == Calendar.load("ALWAYS").session(session.session_date)


@given(first=st.sampled_from(DAY_SESSIONS), hours_on=st.integers(0, 200))
def test_overlapping_finds_what_a_scan_finds(first: Session, hours_on: int) -> None:
    """MD-4: the loader asks for the sessions that a file touches."""
    first_ns = first.open_ns - 3_600_000_000_000
    last_ns = first_ns + hours_on * 3_600_000_000_000
    scanned = [
        each for each in DAY_SESSIONS if each.close_ns > first_ns and each.open_ns <= last_ns
    ]
    assert Calendar.load("XNYS").overlapping(first_ns, last_ns) == scanned


def test_overlapping_days_are_those_that_a_span_touches() -> None:
    """MD-4: the same for days without end."""
    always = Calendar.load("ALWAYS")
    found = always.overlapping(NS_PER_DAY - 1, 2 * NS_PER_DAY)
    assert [each.session_date for each in found] == [19700101, 19700102, 19700103]


def test_an_unknown_product_names_the_nearest() -> None:
    """A wrong name is a clear error with exit code 2."""
    with pytest.raises(CalendarError, match="'XNSY'; known are ALWAYS, ES, XNYS; did you mean XN"):
        Calendar.load("XNSY")
    assert CalendarError.exit_code == 2


def test_a_day_without_session_names_the_nearest() -> None:
    """An unknown session is a clear error with exit code 2."""
    with pytest.raises(CalendarError, match="2020-01-18; the nearest: 2020-01-15, 2020-01-16, 202"):
        Calendar.load("XNYS").require(20200118)
    with pytest.raises(CalendarError, match="was 20201318: month must be"):
        Calendar.load("XNYS").require(20201318)


def test_a_table_that_ends_soon_is_reported() -> None:
    """MD-5: fewer than 60 days left is a warning, 60 are enough."""
    calendar = Calendar.load("XNYS")
    end_ns = (to_date(20271231) - to_date(19700101)).days * NS_PER_DAY
    assert calendar.runway_warning(end_ns - 60 * NS_PER_DAY) is None
    warning = calendar.runway_warning(end_ns - 59 * NS_PER_DAY)
    assert warning is not None
    assert "ends on 2027-12-31, in 59 days" in warning


def maker() -> ModuleType:
    spec = spec_from_file_location("make_calendars", ROOT / "tools" / "make_calendars.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore")
def test_the_shipped_tables_are_what_the_tool_makes() -> None:
    """MD-5: a table is generated, never edited."""
    if find_spec("exchange_calendars") is None:
        pytest.skip("exchange-calendars is not installed (extra: calendar)")
    for name, text in maker().tables().items():
        shipped = (ROOT / "trading" / "calendars" / name).read_text(encoding="ascii")
        assert shipped == text, f"{name}: run tools/make_calendars.py"


def test_the_equity_table_agrees_with_an_independent_one() -> None:
    """MD-5: 3,772 sessions computed elsewhere."""
    import duckdb  # noqa: PLC0415  only where the recordings are

    path = shared_file("calendar/us_sessions.parquet")
    rows = duckdb.execute(
        "SELECT replace(session, '-', '')::INT, epoch_ns(equity_open::TIMESTAMP_NS), "
        "epoch_ns(equity_close::TIMESTAMP_NS), equity_early_close FROM read_parquet(?) ORDER BY 1",
        [str(path)],
    ).fetchall()
    ours = [
        (each.session_date, each.open_ns, each.close_ns, each.is_early) for each in DAY_SESSIONS
    ]
    assert ours == rows


def test_a_date_and_its_number_are_the_same_day() -> None:
    """Session dates travel as numbers."""
    assert from_date(to_date(20200309)) == 20200309
