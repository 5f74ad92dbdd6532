"""Holes and heartbeats: at both ends of a session, exactly, and scaled by the cadence."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.gaps import Freshness, Gap, GapDetector, GapReason, HeardBefore, Heartbeat
from streams.generate import MarketPlan, generate
from streams.load import load
from streams.loading import LoadRequest
from streams.replay import messages
from streams.tape import Tape
from tests.streams.shared_data import shared_file
from trading.calendar import utc_text
from trading.market import Bar, MarketMessage, OpenPrint, SessionClosed, SessionOpened

MINUTE = 60_000_000_000
OPEN = 1_583_760_600_000_000_000
MINUTES = 20
CLOSE = OPEN + MINUTES * MINUTE
NEXT_DAY = 86_400_000_000_000


def opened(day: int = 0) -> SessionOpened:
    open_ns = OPEN + day * NEXT_DAY
    return SessionOpened(
        session_date=20200309 + day,
        open_ns=open_ns,
        close_ns=open_ns + MINUTES * MINUTE,
        at_ns=open_ns,
    )


def closed(day: int = 0) -> SessionClosed:
    return SessionClosed(session_date=20200309 + day, at_ns=CLOSE + day * NEXT_DAY)


def printed(minute: int, instrument: str = "ES") -> OpenPrint:
    at_ns = OPEN + minute * MINUTE
    return OpenPrint(instrument=instrument, price_1e8=1, volume_1e8=1, at_ns=at_ns, source_ns=at_ns)


def bar(minute: int, instrument: str = "ES", day: int = 0) -> Bar:
    start_ns = OPEN + minute * MINUTE + day * NEXT_DAY
    return Bar(
        instrument=instrument,
        open_1e8=1,
        high_1e8=1,
        low_1e8=1,
        close_1e8=1,
        volume_1e8=1,
        at_ns=start_ns + MINUTE,
        source_ns=start_ns,
    )


def session_of(minutes: list[int], *, with_prints: bool) -> list[MarketMessage]:
    """A session's messages in the tape's order."""
    found: list[MarketMessage] = [opened()]
    for minute in minutes:
        if with_prints:
            found.append(printed(minute))
        found.append(bar(minute))
    return [*found, closed()]


def gaps_of(detector: GapDetector, found: Iterable[MarketMessage]) -> list[Gap]:
    return [gap for message in found if (gap := detector.take(message)) is not None]


@given(missing=st.sets(st.integers(0, MINUTES - 1)), with_prints=st.booleans())
def test_gaps_are_exactly_the_runs_of_missing_bars(missing: set[int], *, with_prints: bool) -> None:
    """MD-2: first and last bars count, neighbours make one hole, and completeness adds up."""
    detector = GapDetector("ES")
    there = [minute for minute in range(MINUTES) if minute not in missing]
    gaps = gaps_of(detector, session_of(there, with_prints=with_prints))
    minutes = {
        minute
        for gap in gaps
        for minute in range((gap.start_ns - OPEN) // MINUTE, (gap.end_ns - OPEN) // MINUTE)
    }
    assert minutes == missing
    for before, after in pairwise(gaps):
        assert before.end_ns < after.start_ns
    assert detector.completeness_ratio == pytest.approx(1 - len(missing) / MINUTES)
    assert all(gap.session_date == 20200309 and gap.instrument == "ES" for gap in gaps)


def hole(end_ns: int, missing: int) -> Gap:
    """From the second minute of the first day on."""
    return Gap(
        instrument="ES",
        session_date=20200309,
        start_ns=OPEN + MINUTE,
        end_ns=end_ns,
        missing=missing,
        reason=GapReason.MISSING_BARS,
    )


def test_a_gap_is_known_when_the_next_bar_begins() -> None:
    """MD-2: the print of the next open ends it, one bar earlier than the bar itself."""
    detector = GapDetector("ES")
    for message in (opened(), printed(0), bar(0)):
        assert detector.take(message) is None
    gap = detector.take(printed(5))
    assert gap == hole(OPEN + 5 * MINUTE, missing=4)
    assert detector.take(bar(5)) is None


def test_a_gap_up_to_the_close_is_known_at_the_close() -> None:
    """MD-2: the bar that ends at the close comes before it, or not at all."""
    detector = GapDetector("ES")
    assert gaps_of(detector, [opened(), bar(0)]) == []
    assert detector.take(closed()) == hole(CLOSE, missing=MINUTES - 1)
    assert detector.missing_ns == CLOSE - OPEN - MINUTE
    assert gaps_of(detector, [opened(day=1), bar(0, day=1)]) == []


def test_another_instrument_fills_no_hole() -> None:
    """MD-2: per feed and instrument."""
    gaps = gaps_of(GapDetector("ES"), [opened(), bar(0, instrument="NQ"), closed()])
    assert [(gap.start_ns, gap.end_ns) for gap in gaps] == [(OPEN, CLOSE)]


@pytest.mark.parametrize(
    ("from_s", "until_s", "missing"),
    [(30, 119, 0), (30, 149, 1), (30, 180, 2), (59, 181, 2), (60, 180, 2)],
)
def test_a_silence_lacks_the_bars_that_lie_wholly_in_it(
    from_s: int, until_s: int, missing: int
) -> None:
    """MD-2: minutes that were heard in part are no missing bars."""
    detector = GapDetector("ES", silence_ns=MINUTE)
    ticks = [
        OpenPrint(instrument="ES", price_1e8=1, volume_1e8=1, at_ns=at_ns, source_ns=at_ns)
        for at_ns in (OPEN + from_s * 1_000_000_000, OPEN + until_s * 1_000_000_000)
    ]
    [gap] = gaps_of(detector, [opened(), *ticks])
    assert (gap.missing, gap.reason) == (missing, GapReason.SILENCE)


@pytest.mark.parametrize(("silence_s", "count"), [(119, 0), (120, 0), (121, 1)])
def test_ticks_may_be_silent_for_a_while(silence_s: int, count: int) -> None:
    """MD-2: one second inside, exactly at and beyond the limit."""
    detector = GapDetector("ES", silence_ns=120_000_000_000)
    at_ns = OPEN + silence_s * 1_000_000_000
    tick = OpenPrint(instrument="ES", price_1e8=1, volume_1e8=1, at_ns=at_ns, source_ns=at_ns)
    detector.take(opened())
    assert (detector.take(tick) is not None) == bool(count)


def test_the_four_halts_of_march_2020_are_the_gaps_of_the_recording(tmp_path: Path) -> None:
    """MD-2: market-wide halts are holes, marked to the minute, and there are no others."""
    source = shared_file("bars/es_1m.parquet")
    request = LoadRequest(path=source, calendar="ES", instruments=("ES",))
    load(request, "ab" * 32, tmp_path / "es.tape")
    with Tape(tmp_path / "es.tape") as tape:
        gaps = gaps_of(GapDetector("ES"), messages(tape))
    assert [f"{utc_text(gap.start_ns)[:16]} {utc_text(gap.end_ns)[11:16]}" for gap in gaps] == [
        "2020-03-09 13:36 13:49",
        "2020-03-12 13:37 13:50",
        "2020-03-16 13:31 13:45",
        "2020-03-18 16:58 17:11",
    ]


def test_generated_holes_are_found(tmp_path: Path) -> None:
    """MD-2: one in each session, none with `holes=0`."""
    for holes in (0, 1):
        generate(MarketPlan(seed=4, sessions=5, holes=holes), tmp_path / "a.tape")
        with Tape(tmp_path / "a.tape") as tape:
            assert len(gaps_of(GapDetector("SPY"), messages(tape))) == 5 * holes


def test_what_was_heard_before_is_no_hole() -> None:
    """MD-2: a process that goes on with a session tells of the hole that its absence made, once.

    What was told before counts for the completeness of the session, and of no other.
    """
    before = HeardBefore(
        until_ns=OPEN + 8 * MINUTE,
        holes=((OPEN - MINUTE, OPEN - 1), (OPEN, OPEN + 2 * MINUTE)),
    )
    detector = GapDetector("ES", silence_ns=MINUTE, before=before)
    (gap,) = gaps_of(detector, [opened(), printed(10)])
    assert (gap.start_ns, gap.end_ns, gap.missing) == (OPEN + 8 * MINUTE, OPEN + 10 * MINUTE, 2)
    assert detector.missing_ns == 4 * MINUTE
    assert detector.completeness_ratio == 0.6
    soon = GapDetector("ES", silence_ns=MINUTE, before=before)
    assert gaps_of(soon, [opened(), printed(9)]) == []
    other = GapDetector("ES", silence_ns=MINUTE, before=before)
    (whole,) = gaps_of(other, [opened(1), closed(1)])
    assert (whole.missing, other.completeness_ratio) == (MINUTES, 0.0)


@pytest.mark.parametrize(
    ("cadence_s", "age_s", "expected"),
    [
        (1, 1.999, Freshness.GREEN),
        (1, 2, Freshness.YELLOW),
        (1, 4.999, Freshness.YELLOW),
        (1, 5, Freshness.RED),
        (60, 119.999, Freshness.GREEN),
        (60, 120, Freshness.YELLOW),
        (60, 299.999, Freshness.YELLOW),
        (60, 300, Freshness.RED),
    ],
)
def test_a_heartbeat_is_scaled_by_the_cadence(
    cadence_s: int, age_s: float, expected: Freshness
) -> None:
    """MD-2: green below two, yellow below five cadences, red from there on."""
    beat = Heartbeat(cadence_s * 1_000_000_000)
    beat.take(opened())
    beat.take(bar(0))
    heard_ns = OPEN + MINUTE
    assert beat.freshness(heard_ns + int(age_s * 1e9)) is expected
    assert beat.red_ns() == heard_ns + 5 * cadence_s * 1_000_000_000


def test_a_heartbeat_counts_from_the_open_and_ends_with_the_close() -> None:
    """MD-2: silence from the first moment is age; outside a session there is none."""
    beat = Heartbeat(MINUTE)
    assert beat.freshness(OPEN) is Freshness.CLOSED
    beat.take(opened())
    assert beat.freshness(OPEN + 5 * MINUTE) is Freshness.RED
    assert beat.freshness(OPEN - MINUTE) is Freshness.GREEN
    beat.take(closed())
    beat.take(bar(MINUTES - 1))  # too late to be of this session
    assert (beat.freshness(CLOSE), beat.age_ns(CLOSE)) == (Freshness.CLOSED, None)
    assert beat.red_ns() is None


def test_a_cadence_of_nothing_is_refused() -> None:
    """A wrong cadence is the caller's fault."""
    with pytest.raises(ValueError, match="must be above 0 ns, was 0"):
        Heartbeat(0)
