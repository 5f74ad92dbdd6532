"""Executions that the venue took back while nobody listened are learned from its lists."""

from typing import Any

import pytest

from rust_core import Judgement, Message, Notify, VenueReport
from tests.rust_core.account_desk import FLIGHT_NS, MIN_NS, Desk, E, severities

OLD_NS = 1
"""Executions asked for from the beginning: no answer leaves one out."""


def fill_of(desk: Desk, order: str, execution_id: str, qty: int) -> VenueReport:
    """An execution at 100 as the venue reports and lists it."""
    fee_1e8 = E // 100
    return VenueReport(order, "FILLED", desk.now_ns, "b", execution_id, qty * E, 100 * E, fee_1e8)


def bought(desk: Desk, *parts: int) -> list[VenueReport]:
    """One order, filled in parts that were all heard of, and longer ago than the longest flight."""
    order = desk.ordered(desk.ask())
    desk.release(order)
    fills = [fill_of(desk, order, f"x{at}", qty) for at, qty in enumerate(parts)]
    for fill in fills:
        desk.tell(Message.venue_report(fill))
    desk.now_ns += FLIGHT_NS
    return fills


def state(
    desk: Desk, held: int, fills: list[VenueReport], *, after_ns: int = OLD_NS, **more: Any
) -> Judgement:
    """The venue answers a question that was asked just now, or at `version`."""
    said = {"orders": [], "fills": fills, "fills_after_ns": after_ns, **more}
    version = said.pop("version", desk.core.version)
    positions = [("SPY", held * E, 100 * E)] if held else []
    decision = desk.tell(Message.stated(version, positions=positions, **said))
    assert decision.judgement is not None
    return decision.judgement


def test_what_two_answers_do_not_list_and_the_position_lacks_is_taken_back() -> None:
    """ST-4, EX-2: a bust that nobody heard is a reversal of its own, and no difference is left."""
    desk = Desk()
    first, second = bought(desk, 4, 6)
    assert not state(desk, 4, [first]).is_conclusive
    assert desk.position().qty_1e8 == 10 * E, "one answer alone is not believed"
    judgement = state(desk, 4, [first])
    assert (judgement.is_conclusive, judgement.is_stopped, judgement.drift) == (True, False, [])
    (back,) = desk.events("FillReversed")
    assert (back["execution_id"], back["qty_1e8"]) == (second.execution_id, 6 * E)
    assert desk.position().qty_1e8 == 4 * E
    account = desk.core.account()
    assert (account.halts, account.foreign_positions) == ([], 0)
    assert account.cash_1e8 == -(4 * 100 * E + E // 100)
    assert desk.core.faults() == []
    desk.tell(Message.venue_report(second))
    assert desk.position().qty_1e8 == 4 * E, "its report, told again, books nothing"
    assert state(desk, 4, [first]).is_conclusive


def test_an_entry_that_is_taken_back_whole_leaves_no_position() -> None:
    """ST-4, EX-7: the venue is flat, and so are we, at no cost."""
    desk = Desk()
    bought(desk, 10)
    state(desk, 0, [])
    assert state(desk, 0, []).drift == []
    assert desk.core.positions() == []
    assert desk.core.account().cash_1e8 == 0


def test_an_exit_that_is_taken_back_is_not_somebody_elses_position() -> None:
    """ST-4, PX-1: what the venue holds again is ours, and gets an exit of its own."""
    desk = Desk()
    (entry,) = bought(desk, 10)
    leave = desk.ordered(desk.mark(89))
    desk.release(leave)
    desk.tell(Message.venue_report(fill_of(desk, leave, "y0", 10)))
    assert desk.core.positions() == []
    desk.now_ns += FLIGHT_NS
    state(desk, 10, [entry])
    state(desk, 10, [entry])
    assert desk.core.account().foreign_positions == 0
    (position,) = desk.core.positions()
    assert (position.qty_1e8, position.phase) == (10 * E, "EXIT_PENDING")


@pytest.mark.parametrize(
    ("held", "listed", "more"),
    [
        (4, [0], {"after_ns": 2**62}),
        (4, [0], {"version": 0}),
        (7, [0], {}),
        (10, [0], {}),
        (4, [0, 1], {}),
    ],
    ids=["list too short", "asked before", "holds another sum", "holds it all", "lists it all"],
)
def test_an_execution_stays_unless_list_and_position_say_the_same(
    held: int, listed: list[int], more: dict[str, int]
) -> None:
    """ST-4: a list that is behind, or too short, takes nothing back."""
    desk = Desk()
    fills = bought(desk, 4, 6)
    for _ in range(3):
        state(desk, held, [fills[at] for at in listed], **more)
    assert desk.events("FillReversed") == []


def test_what_was_called_anothers_is_ours_once_its_fill_is_not_listed() -> None:
    """ST-3, ST-4: an exit was taken back unheard, and its execution was listed a while longer."""
    desk = Desk()
    entry = bought(desk, 10)
    desk.tell(Message.exit_advice("s", "SPY", "MANUAL", "out", 0))
    exit_order = desk.ordered()
    desk.release(exit_order)
    sold = fill_of(desk, exit_order, "y0", 10)
    desk.tell(Message.venue_report(sold))
    desk.now_ns += FLIGHT_NS
    for _ in range(2):
        found = state(desk, 10, [*entry, sold])
    assert [one.kind for one in found.drift] == ["FOREIGN_POSITION"]
    assert desk.core.positions() == []
    for _ in range(2):
        found = state(desk, 10, entry)
    assert found.drift == []
    assert desk.core.account().foreign_positions == 0
    assert [each["execution_id"] for each in desk.events("FillReversed")] == ["y0"]
    assert sum(each.qty_1e8 for each in desk.core.positions()) == 10 * E


def test_a_list_that_is_too_short_is_asked_for_again_before_a_difference_counts() -> None:
    """ST-4: nothing is taken over while an execution may explain it."""
    desk = Desk()
    first, _ = bought(desk, 4, 6)
    assert not desk.core.has_suspects
    for _ in range(3):
        assert not state(desk, 4, [], after_ns=2**62).is_conclusive
    assert desk.core.has_suspects
    oldest_ns = desk.core.oldest_execution_ns
    assert oldest_ns == first.venue_ns
    state(desk, 4, [first], after_ns=oldest_ns - 1)
    state(desk, 4, [first], after_ns=oldest_ns - 1)
    assert not desk.core.has_suspects
    assert desk.position().qty_1e8 == 4 * E


def test_an_execution_younger_than_the_longest_flight_is_not_taken_back() -> None:
    """ST-4, EX-6: a venue's lists may be behind what it pushed."""
    desk = Desk(flight_max_ns=2 * FLIGHT_NS)
    bought(desk, 10)
    for _ in range(3):
        assert not state(desk, 0, []).is_conclusive
    assert desk.position().qty_1e8 == 10 * E
    desk.now_ns += FLIGHT_NS
    state(desk, 0, [])
    assert desk.core.positions() == []


def test_what_rested_for_long_and_filled_just_now_is_young() -> None:
    """ST-4, EX-6: a list may be behind a fill, however old its order is."""
    desk = Desk()
    order = desk.ordered(desk.ask(order_type="LIMIT", limit_1e8=100 * E, tif="GTC"))
    desk.release(order)
    desk.report(order, "ACCEPTED")
    desk.now_ns += 2 * FLIGHT_NS
    fill = fill_of(desk, order, "x0", 10)
    desk.tell(Message.venue_report(fill))
    for _ in range(3):
        assert not state(desk, 0, []).is_conclusive
    assert desk.position().qty_1e8 == 10 * E
    assert desk.events("DriftFound") == []
    assert state(desk, 10, [fill]).is_conclusive


def test_a_fill_whose_order_was_forgotten_is_no_strangers() -> None:
    """ST-3, ST-4: asking far back may bring what was booked long ago; what is newer still stops."""
    desk = Desk()
    old = VenueReport("p-main-s-20200102-old-0e1", "FILLED", 50, "b", "z", E, E)
    assert state(desk, 0, [old], fills_known_ns=50).drift == []
    assert [one.kind for one in state(desk, 0, [old], fills_known_ns=49).drift] == ["FILL_UNKNOWN"]


def total_of(desk: Desk, order: str, qty: int) -> VenueReport:
    """How far an order is filled, as a venue without executions reports and lists it."""
    return VenueReport(order, "FILLED_TO", desk.now_ns, "b", "", qty * E, 100 * E, 0)


def bought_to(desk: Desk, *totals: int) -> str:
    """One order, of which the venue told these totals, longer ago than the longest flight."""
    order = desk.ordered(desk.ask())
    desk.release(order)
    for qty in totals:
        desk.tell(Message.venue_report(total_of(desk, order, qty)))
    desk.now_ns += FLIGHT_NS
    return order


@pytest.mark.parametrize(("left", "totals"), [(4, (4, 10)), (0, (10,))])
def test_a_total_that_went_back_takes_back_what_it_had_told(
    left: int, totals: tuple[int, ...]
) -> None:
    """EX-7, ST-4: where a venue names no executions, its total and its position say so, twice."""
    desk = Desk()
    order = bought_to(desk, *totals)
    assert not state(desk, left, [total_of(desk, order, left)]).is_conclusive
    assert state(desk, left, [total_of(desk, order, left)]).drift == []
    (back,) = desk.events("FillReversed")
    assert back["qty_1e8"] == (10 - left) * E
    assert sum(each.qty_1e8 for each in desk.core.positions()) == left * E


@pytest.mark.parametrize("is_listed", [True, False], ids=["listed", "of-an-earlier-day"])
def test_a_total_that_stands_is_not_taken_back_because_a_position_is_gone(
    *, is_listed: bool
) -> None:
    """ST-3: sold by hand at the venue: a difference for a person, no reversal of our purchase."""
    desk = Desk()
    order = bought_to(desk, 10)
    listed = [total_of(desk, order, 10)] if is_listed else []
    state(desk, 0, listed)
    judgement = state(desk, 0, listed)
    assert desk.events("FillReversed") == []
    assert judgement.drift != []


def test_a_total_that_is_reached_again_after_a_bust_is_booked_again() -> None:
    """EX-5, EX-7: two, taken back, and two once more are two fills."""
    desk = Desk()
    order = desk.ordered(desk.ask(order_type="LIMIT", limit_1e8=100 * E, tif="GTC"))
    desk.release(order)
    for held in (2, 3):
        desk.report(order, "FILLED_TO", qty_1e8=2 * E, price_1e8=100 * E)
        desk.report(order, "FILLED_TO", qty_1e8=2 * E, price_1e8=100 * E)
        assert desk.position().qty_1e8 == 2 * E
        desk.report(order, "FILLED_TO", qty_1e8=held * E, price_1e8=100 * E)
        if held == 2:
            desk.report(order, "REVERSED", execution_id=f"{order}@{2 * E}", qty_1e8=2 * E)
    assert desk.position().qty_1e8 == 3 * E
    names = [fill["execution_id"] for fill in desk.events("OrderFilled")]
    assert names == [f"{order}@{2 * E}", f"{order}@{2 * E}+1", f"{order}@{3 * E}"]
    assert desk.core.faults() == []


def round_trip(desk: Desk, **plan: Any) -> list[VenueReport]:
    """Ten bought at 100 and sold at 89, longer ago than the longest flight."""
    order = desk.ordered(desk.ask(**plan))
    desk.release(order)
    entry = fill_of(desk, order, f"x-{order}", 10)
    desk.tell(Message.venue_report(entry))
    leave = desk.ordered(desk.mark(89))
    desk.release(leave)
    sold = VenueReport(
        leave, "FILLED", desk.now_ns, "b", f"y-{leave}", 10 * E, 89 * E, fee_1e8=E // 100
    )
    desk.tell(Message.venue_report(sold))
    desk.mark(100, minutes=FLIGHT_NS / MIN_NS)
    return [entry, sold]


def state_cash(
    desk: Desk, cash: float, fills: list[VenueReport], *, held: int = 0, **more: Any
) -> Judgement:
    """The venue's lists and its cash, of a venue whose cash moves by fills."""
    told = (0, round(cash * E), 0, desk.now_ns, True)
    return state(desk, held, fills, cash=told, **more)


def test_a_round_trip_that_was_taken_back_whole_is_learned_from_the_cash() -> None:
    """ST-4, EX-2, EX-7: no list of positions shows it; it is told, and nothing is traded."""
    desk = Desk()
    round_trip(desk)
    lost = 110.02
    assert desk.core.account().cash_1e8 == -round(lost * E)
    assert not state_cash(desk, 100_000, []).is_conclusive
    assert desk.events("FillReversed") == [], "one answer alone is not believed"
    judgement = state_cash(desk, 100_000, [])
    assert (judgement.is_conclusive, judgement.drift) == (True, [])
    assert len(desk.events("FillReversed")) == 2
    assert desk.core.account().cash_1e8 == 0
    assert desk.core.positions() == []
    assert desk.last is not None
    assert [type(one) for one in desk.last.effects] == [Notify] * 2, "half of it is no position"
    assert severities(desk.last) == ["CRITICAL"] * 2
    assert desk.core.faults() == []
    again = state_cash(desk, 100_000, [])
    assert (again.is_conclusive, again.drift) == (True, [])


@pytest.mark.parametrize(
    ("cash", "listed", "more", "drift"),
    [
        (99_999, [], {}, ["CASH"]),
        (100_000, [0, 1], {}, ["CASH"]),
        (100_000, [0], {}, ["CASH"]),
        (99_889.98, [], {}, []),
        (100_000, [], {"after_ns": 2**62}, []),
        (100_000, [], {"version": 0}, []),
    ],
    ids=["another sum", "both listed", "one listed", "cash stands", "too short", "asked before"],
)
def test_a_round_trip_stays_unless_list_and_cash_say_the_same(
    cash: float, listed: list[int], more: dict[str, int], drift: list[str]
) -> None:
    """ST-3, ST-4: what does not fit to the cent is a difference of its own."""
    desk = Desk()
    fills = round_trip(desk)
    found = list[str]()
    for _ in range(3):
        judgement = state_cash(desk, cash, [fills[at] for at in listed], **more)
        found += [one.kind for one in judgement.drift]
    assert desk.events("FillReversed") == []
    assert found == drift


def test_what_is_held_now_outlives_a_round_trip_that_is_taken_back() -> None:
    """ST-4, PX-1: the way to the same quantity does not lead through nothing."""
    desk = Desk()
    round_trip(desk, setup_instance="m0")
    (fill,) = bought(desk, 10)
    held = desk.position()
    for _ in range(2):
        judgement = state_cash(desk, 100_000 - 1_000.01, [fill], held=10)
    assert (judgement.is_conclusive, judgement.drift) == (True, [])
    assert len(desk.events("FillReversed")) == 2
    now = desk.position()
    assert (now.position_id, now.qty_1e8) == (held.position_id, 10 * E)
    assert desk.last is not None
    assert [type(one) for one in desk.last.effects] == [Notify] * 2
    assert desk.core.account().cash_1e8 == -(1_000 * E + E // 100)


def test_a_young_round_trip_is_not_taken_back() -> None:
    """ST-4, EX-6: lists and cash may be behind what was pushed."""
    desk = Desk(flight_max_ns=3 * FLIGHT_NS)
    round_trip(desk)
    for _ in range(3):
        assert not state_cash(desk, 100_000, []).is_conclusive
    assert desk.events("FillReversed") == []
    desk.now_ns += 3 * FLIGHT_NS
    state_cash(desk, 100_000, [])
    assert len(desk.events("FillReversed")) == 2
