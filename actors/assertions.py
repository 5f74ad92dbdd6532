"""The ten assertions of WD-5: what must hold of one account at every instant.

Those that rest on our own books alone are worked out by the core (`AccountCore.faults`) and run
after every decision; all ten run in a sweep, and after each reconciliation. A simulation runs the
same functions at every step and adds what only it can see.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from rust_core import AccountCore


class Assertion(StrEnum):
    """What is asserted, by its number in WD-5."""

    SIGNAL_ORDER = "signal_order"
    FILL_CONFIRMED = "fill_confirmed"
    POSITIONS_EQUAL = "positions_equal"
    PNL_CASH = "pnl_cash"
    ORDER_ID = "order_id"
    IN_SCOPE = "in_scope"
    WINDOW_BEGUN = "window_begun"
    CAPITAL_CAP = "capital_cap"
    HEARTBEAT = "heartbeat"
    STATE_LEGAL = "state_legal"


MEANING: Mapping[Assertion, str] = {
    Assertion.SIGNAL_ORDER: "a signal has at most one living entry order, and each has a signal",
    Assertion.FILL_CONFIRMED: "what is filled of an order is the sum of its executions",
    Assertion.POSITIONS_EQUAL: "positions equal the venue's newest list, which is not too old",
    Assertion.PNL_CASH: "profit and loss equal the movement of cash",
    Assertion.ORDER_ID: "no order misses an id",
    Assertion.IN_SCOPE: "every order and position is of a configured instrument",
    Assertion.WINDOW_BEGUN: "no entry for a session that has not begun",
    Assertion.CAPITAL_CAP: "no position exceeds the capital cap, orders under way included",
    Assertion.HEARTBEAT: "every actor has answered the watchdog",
    Assertion.STATE_LEGAL: "order states and quantities are possible",
}

GAPS = frozenset({"POSITION_MISSING", "POSITION_QTY"})


@dataclass(frozen=True, slots=True)
class Broken:
    """One assertion that does not hold, with what was expected and found.

    `is_only_stale`: nothing contradicts itself, something was not heard of for too long.
    """

    assertion: Assertion
    subject: str
    text: str
    is_only_stale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What an account's core cannot know.

    Attributes:
        now_ns: The lane's clock.
        compared_ns: When the venue's positions were last found equal to ours, 0 for never.
        compared_age_max_ns: How old that may be.
        beats: Age of each actor's newest answer to the watchdog, ns, by name.
        beat_age_max_ns: How old an answer may be.
    """

    now_ns: int
    compared_ns: int
    compared_age_max_ns: int
    beats: Mapping[str, int]
    beat_age_max_ns: int


def broken_in(core: AccountCore) -> list[Broken]:
    """Assertions 1, 2, 4 to 8 and 10: our own books, at once and cheap."""
    return [Broken(Assertion(name), subject, text) for name, subject, text in core.faults()]


def broken(core: AccountCore, around: Around) -> list[Broken]:
    """All ten."""
    return [*broken_in(core), *_positions(core, around), *_beats(around)]


def _positions(core: AccountCore, around: Around) -> Iterable[Broken]:
    for drift in core.account().drift:
        if drift.kind in GAPS:
            yield Broken(Assertion.POSITIONS_EQUAL, drift.instrument, drift.text)
    age_ns = around.now_ns - around.compared_ns
    if around.compared_ns and age_ns > around.compared_age_max_ns:
        most_s = around.compared_age_max_ns / 1e9
        text = f"compared with the venue {age_ns / 1e9:.0f} s ago, {most_s:.0f} s are allowed"
        yield Broken(Assertion.POSITIONS_EQUAL, "", text, is_only_stale=True)


def _beats(around: Around) -> Iterable[Broken]:
    for name, age_ns in around.beats.items():
        if age_ns > around.beat_age_max_ns:
            most_s = around.beat_age_max_ns / 1e9
            text = f"no answer for {age_ns / 1e9:.0f} s, expected within {most_s:.0f} s"
            yield Broken(Assertion.HEARTBEAT, name, text, is_only_stale=True)
