"""One endpoint's breaker: when it opens, for how long, and what closes it (WD-3)."""

import pytest

from brokers.breaker import Breaker, BreakerLimits, BreakerState

S_NS = 1_000_000_000
MIN_NS = 60 * S_NS


def breaker(**limits: int) -> tuple[Breaker, list[str]]:
    """A closed one, and the states it goes through."""
    seen: list[str] = []
    made = Breaker("orders", BreakerLimits(**limits), lambda each: seen.append(str(each.state)))
    return made, seen


def test_a_slow_answer_opens_it_at_once() -> None:
    """WD-3: latency over 5 s."""
    made, _ = breaker()
    made.succeeded(5 * S_NS, 0)
    assert not made.is_shut
    made.succeeded(5 * S_NS + 1, S_NS)
    assert made.is_shut
    assert made.until_ns == S_NS + MIN_NS
    assert "5.000" in made.cause


def test_a_call_that_nobody_answered_for_too_long_opens_it_at_once() -> None:
    """WD-3: latency over 5 s counts whether or not an answer came in the end."""
    made, _ = breaker()
    made.failed("the connection was lost", 0, latency_ns=5 * S_NS)
    assert not made.is_shut
    made.failed("no answer within 5 s", S_NS, latency_ns=5 * S_NS + 1)
    assert made.is_shut
    assert made.cause == "no answer within 5 s"


def test_more_errors_than_the_threshold_within_the_window_open_it() -> None:
    """WD-3: errors that are long past do not count."""
    made, _ = breaker(errors_max=3)
    for at in range(3):
        made.failed("reset", at * S_NS)
    assert not made.is_shut
    made.failed("reset", MIN_NS + 3 * S_NS)
    assert not made.is_shut, "the first three have left the window"
    for at in range(3):
        made.failed("reset", MIN_NS + (4 + at) * S_NS)
    assert made.is_shut


def test_it_opens_for_a_minute_and_twice_as_long_after_each_probe_that_fails() -> None:
    """WD-3: half-open, one probe, exponential backoff up to the longest wait."""
    made, _ = breaker(errors_max=0, open_max_ns=3 * MIN_NS)
    made.failed("down", 0)
    waits: list[int] = []
    for _ in range(4):
        now_ns = made.until_ns
        made.tick(now_ns - 1)
        assert str(made.state) == "OPEN"
        made.tick(now_ns)
        assert str(made.state) == "HALF_OPEN"
        assert not made.is_shut
        made.probed()
        assert made.is_shut, "one probe, and no other entry until its outcome"
        made.failed("still down", now_ns)
        waits.append((made.until_ns - now_ns) // MIN_NS)
    assert waits == [2, 3, 3, 3]


def test_a_probe_that_is_answered_closes_it_and_forgives() -> None:
    """WD-3: closed, and the next time it opens for the first time again."""
    made, seen = breaker(errors_max=0)
    made.failed("down", 0)
    made.tick(MIN_NS)
    made.probed()
    made.succeeded(S_NS, MIN_NS)
    assert (made.state, made.is_shut) == (BreakerState.CLOSED, False)
    made.failed("down", 2 * MIN_NS)
    assert made.until_ns == 3 * MIN_NS
    assert seen == ["OPEN", "HALF_OPEN", "HALF_OPEN", "CLOSED", "OPEN"]


def test_what_is_latched_waits_for_a_person() -> None:
    """WD-3, KC-7: neither time nor a success ends it; the first cause stays."""
    made, _ = breaker()
    made.latch("positions differ")
    made.latch("later")
    made.tick(10**18)
    made.succeeded(0, 10**18)
    assert (made.is_shut, made.is_latched, made.cause) == (True, True, "positions differ")
    made.reset("reset by me")
    assert (made.is_shut, made.is_latched, made.cause) == (False, False, "reset by me")


@pytest.mark.parametrize("name", ["latency_max_ns", "window_ns", "open_ns", "open_max_ns"])
def test_limits_that_would_always_open_are_refused(name: str) -> None:
    """WD-3: bad figures are named."""
    with pytest.raises(ValueError, match=f"{name} must be above zero, was 0"):
        BreakerLimits(**{name: 0})
