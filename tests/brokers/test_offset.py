"""How far another clock is from ours: intervals, Date headers, and an NTP server on loopback."""

import asyncio
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers import ntp
from brokers.base import Check
from brokers.offset import Offset, of_date, of_stamp
from brokers.venue_checks import time_line
from tests.support.time_server import packet, time_server

S = 1_000_000_000
MS = 1_000_000
NTP_ERA_S = 2_208_988_800
times = st.integers(0, 5 * S)


@given(ahead=st.integers(-10 * S, 10 * S), there=times, back=times)
def test_the_truth_lies_within_however_long_it_took(ahead: int, there: int, back: int) -> None:
    """MD-3: a slow answer makes the interval wide, never wrong."""
    before = 1_000 * S
    found = of_stamp(before + there + ahead, before_ns=before, after_ns=before + there + back)
    assert found.low_ns <= ahead <= found.high_ns
    assert not found.is_beyond(abs(ahead))


@pytest.mark.parametrize(
    ("low", "high", "is_beyond"),
    [
        (101, 103, True),
        (100, 103, False),
        (-103, -101, True),
        (-103, -100, False),
        (-500, 500, False),
    ],
)
def test_far_is_said_only_of_what_is_certain(low: int, high: int, *, is_beyond: bool) -> None:
    """MD-3: one step inside, exactly at, beyond, and not known."""
    assert Offset(low_ns=low, high_ns=high).is_beyond(100) is is_beyond


def test_a_date_header_is_good_for_a_second() -> None:
    """MD-3: it is cut to seconds, so it tells clocks that are more than that apart."""
    asked = 1_795_230_000 * S
    said = "Sat, 21 Nov 2026 03:00:00 GMT"
    near = of_date(said, before_ns=asked, after_ns=asked + MS)
    assert near is not None
    assert not near.is_beyond(0)
    slow = of_date(said, before_ns=asked + 1_200 * MS, after_ns=asked + 1_201 * MS)
    assert slow is not None
    assert slow.is_beyond(100 * MS)
    assert of_date("yesterday", before_ns=0, after_ns=1) is None


def asked(answer: Callable[[bytes], list[bytes]], wait_s: float = 5.0) -> Offset:
    async def play() -> Offset:
        async with time_server(answer) as server:
            return await ntp.ask(server, time.time_ns, wait_s=wait_s)

    return asyncio.run(play())


@pytest.mark.parametrize("ahead", [0, 350 * MS, -90 * MS])
def test_a_time_server_tells_how_far_we_are_off(ahead: int) -> None:
    """MD-3: the packet of RFC 5905, both ways."""
    found = asked(lambda question: [packet(question, ahead_ns=ahead)])
    assert found.low_ns - 1_000 <= ahead <= found.high_ns + 1_000  # fractions of 2^-32 s


def test_an_answer_to_another_question_is_passed_over() -> None:
    """MD-3: nobody beside the path moves our clock."""
    found = asked(lambda asked: [packet(bytes(48), ahead_ns=50 * S), b"short", packet(asked)])
    assert not found.is_beyond(S)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda question: [packet(question, first=0xE4)], "not synchronised"),
        (lambda question: [packet(question, stratum=0)], "not synchronised"),
        (lambda question: [packet(question, first=0x23)], "not synchronised"),
        (lambda _: [packet(bytes(48))], "did not answer"),
    ],
    ids=["leap unknown", "kiss of death", "no server", "only a forgery"],
)
def test_what_cannot_be_used_is_no_answer(
    answer: Callable[[bytes], list[bytes]], said: str
) -> None:
    """MD-3: unknown is not zero."""
    with pytest.raises(ntp.NtpError, match=said):
        asked(answer, wait_s=0.2)


LINES: list[tuple[str, Callable[[bytes], list[bytes]], bool, str, str]] = [
    ("near", lambda asked: [packet(asked, ahead_ns=60 * MS)], True, "at most 100 ms", ""),
    ("far", lambda asked: [packet(asked, ahead_ns=350 * MS)], False, "+3", "timedatectl"),
    ("silent", lambda _: [], False, "did not answer", "UDP"),
]


@pytest.mark.parametrize(
    ("answer", "is_ok", "found", "cure"), [each[1:] for each in LINES], ids=[x[0] for x in LINES]
)
def test_the_line_of_the_time_server(
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[bytes], list[bytes]],
    *,
    is_ok: bool,
    found: str,
    cure: str,
) -> None:
    """MD-3, BR-7: near is green, far and silent are red, and each says what to do."""
    monkeypatch.setattr(ntp, "WAIT_S", 0.05)

    async def play() -> Check:
        async with time_server(answer) as server:
            return await time_line(server, 100, time.time_ns)

    line = asyncio.run(play())
    assert (line.name, line.is_ok) == ("ntp", is_ok)
    assert found in line.found
    assert cure in line.cure


def test_without_a_time_server_the_line_is_red() -> None:
    """MD-3: what was not asked is not known; the cure names the key."""
    line = asyncio.run(time_line("", 100, time.time_ns))
    assert not line.is_ok
    assert "ntp_server" in line.cure
