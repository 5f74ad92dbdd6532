"""The core against what the venue itself says: named drift, small taken over, large stops."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rust_core import Decision, ExitPlan, Judgement, Message, VenueReport
from tests.rust_core.account_desk import (
    FLIGHT_NS,
    S_NS,
    Desk,
    E,
    cancels,
    failed,
    instrument,
    lookups,
)

Order = tuple[str, str, str, str, int, int, int]


def state(  # noqa: PLR0913 - each is a part of the answer
    desk: Desk,
    *,
    orders: list[Order] | None = None,
    held: dict[str, float] | None = None,
    cash: float | None = None,
    fills: list[VenueReport] | None = None,
    is_forced: bool = False,
    asked_version: int | None = None,
) -> Decision:
    """The venue answers a question that was asked just now, or when our books were of a version."""
    return desk.tell(
        Message.stated(
            desk.core.version if asked_version is None else asked_version,
            orders=orders,
            positions=None
            if held is None
            else [(name, round(qty * E), 100 * E) for name, qty in held.items()],
            cash=None if cash is None else (0, round(cash * E), 0, desk.now_ns, True),
            fills=fills,
            is_forced=is_forced,
        )
    )


def twice(desk: Desk, **said: Any) -> Decision:
    """What one answer shows, the next confirms, the longest flight behind what was done last."""
    state(desk, **said)
    desk.now_ns += FLIGHT_NS
    return state(desk, **said)


def judged(decision: Decision) -> Judgement:
    """What a statement came to."""
    assert decision.judgement is not None
    return decision.judgement


def kinds(decision: Decision) -> list[str]:
    """The differences that a decision journals."""
    return [each["kind"] for each in decision_drift(decision)]


def decision_drift(decision: Decision) -> list[dict[str, Any]]:
    """Payloads of what a decision found."""
    return Desk.events(Desk(), "DriftFound", decision)


def foreign_order(side: str = "BUY", qty: int = 5) -> Order:
    """Placed by hand: no id of ours."""
    return ("by-hand", "v-1", "SPY", side, qty * E, 0, 100 * E)


def wide(**changes: Any) -> Desk:
    """Many things to hold at once."""
    names = ("SPY", "A", "B", "C", "D")
    return Desk(
        instruments=[instrument(name) for name in names],
        limits_positions_max=9,
        limits_exposure_max_ratio_1e8=10 * E,
        **changes,
    )


def hold(desk: Desk, *names: str) -> None:
    """Ten of each."""
    for at, name in enumerate(names):
        if name != "SPY":
            desk.mark(100, name, minutes=0)
        desk.enter(symbol=name, setup_instance=f"h{at}", strategy=f"s{at}")


def test_equal_books_say_nothing() -> None:
    """ST-3: a clean comparison is conclusive and journals nothing."""
    desk = Desk()
    desk.enter()
    decision = state(desk, orders=[], held={"SPY": 10}, cash=100_000 - 1_000.01, fills=[])
    assert decision.is_empty
    assert judged(decision).is_conclusive
    assert not judged(decision).is_stopped


def test_what_one_answer_shows_is_not_believed_before_the_next_shows_it_too() -> None:
    """ST-4: lists and reports travel apart, so one difference alone moves nothing."""
    desk = Desk()
    desk.enter()
    first = state(desk, held={"SPY": 9.8})
    assert not judged(first).is_conclusive
    assert first.events == ()
    assert judged(state(desk, held={"SPY": 10})).is_conclusive
    assert state(desk, held={"SPY": 9.8}).events == (), "another sighting starts anew"


def test_a_small_difference_is_taken_over_and_named() -> None:
    """ST-3: symbol, ours, the venue's, drift in part of ours; no order, no fill is made up."""
    desk = Desk()
    desk.enter()
    decision = twice(desk, held={"SPY": 9.6})
    (found,) = decision_drift(decision)
    assert (found["kind"], found["instrument"]) == ("POSITION_QTY", "SPY")
    assert (found["local_1e8"], found["venue_1e8"]) == (10 * E, 960_000_000)
    assert (found["drift_ratio_1e8"], found["is_adopted"]) == (E // 25, True)
    assert desk.position().qty_1e8 == 960_000_000
    assert not any(event.kind.startswith("Order") for event in decision.events)
    assert desk.core.account().halts == []
    assert desk.core.faults() == []
    again = state(desk, held={"SPY": 9.6})
    assert judged(again).is_conclusive
    assert again.events == ()


@pytest.mark.parametrize("behind", [{"held": {}}, {"cash": 100_000}])
def test_lists_that_are_behind_a_fill_prove_nothing(behind: dict[str, Any]) -> None:
    """ST-4, EX-6: however often they say the same, until the longest flight is over."""
    desk = Desk()
    desk.enter()
    rows = len(desk.journal)
    now: dict[str, Any] = {"held": {"SPY": 10}, "cash": 100_000 - 1_000.01}
    for _ in range(3):
        assert not judged(state(desk, **(now | behind))).is_conclusive
        desk.now_ns += FLIGHT_NS // 4
    assert len(desk.journal) == rows
    desk.now_ns += FLIGHT_NS // 4
    assert judged(state(desk, **now)).is_conclusive
    assert len(desk.journal) == rows


def test_a_list_of_what_was_never_held_is_not_behind() -> None:
    """ST-4: so a difference counts at once, however lately something else was traded."""
    desk = Desk()
    desk.enter()
    for _ in range(2):
        decision = state(desk, held={"SPY": 9.6})
    assert kinds(decision) == ["POSITION_QTY"]
    assert judged(decision).is_conclusive


def test_an_exit_that_lists_do_not_show_yet_makes_nobody_elses_position() -> None:
    """ST-3, ST-4: what was just sold is not held by others."""
    desk = Desk()
    desk.enter()
    desk.now_ns += FLIGHT_NS
    order = desk.ordered(desk.tell(Message.exit_advice("s", "SPY", "MANUAL", "out", 0)))
    desk.release(order)
    desk.fill(order, 10)
    for _ in range(3):
        assert not judged(state(desk, held={"SPY": 10})).is_conclusive
    assert desk.core.account().foreign_positions == 0
    desk.now_ns += FLIGHT_NS
    state(desk, held={"SPY": 10})
    assert desk.core.account().foreign_positions == 1


@pytest.mark.parametrize(("held", "stops"), [(9.5, False), (9.4, True), (10.6, True), (-10, True)])
def test_a_large_difference_stops_entries_until_an_operator_decides(
    *, held: float, stops: bool
) -> None:
    """ST-3: more than 5 % of ours is an error; nothing is taken over then."""
    desk = Desk(limits_positions_per_instrument_max=3)
    desk.enter()
    decision = twice(desk, held={"SPY": held})
    account = desk.core.account()
    assert account.is_reconciliation_stopped is stops
    assert judged(decision).is_stopped is stops
    assert ("ACCOUNT", "", "ReconciliationError") in account.halts or not stops
    assert desk.position().qty_1e8 == (10 * E if stops else round(held * E))
    if stops:
        assert "HALTED" in failed(desk.ask(setup_instance="m2", strategy="t"))
        assert state(desk, held={"SPY": held}).events == (), "said once"
        twice(desk, held={"SPY": held}, is_forced=True)
        assert desk.position().qty_1e8 == round(held * E)
        assert not desk.core.account().is_reconciliation_stopped
        desk.tell(Message.control("clear_halts", '"seen"', "me"))
        assert desk.core.account().halts == []


def test_a_cleared_halt_comes_back_while_the_difference_stands() -> None:
    """ST-3: clearing the halt alone decides nothing."""
    desk = Desk()
    desk.enter()
    twice(desk, held={"SPY": 5})
    desk.tell(Message.control("clear_halts", '"hope"', "me"))
    state(desk, held={"SPY": 5})
    assert desk.core.account().halts == [("ACCOUNT", "", "ReconciliationError")]


@pytest.mark.parametrize(("missing", "stops"), [(3, False), (4, True)])
def test_up_to_three_missing_positions_are_taken_out(*, missing: int, stops: bool) -> None:
    """ST-3: more than three stop; what vanishes closes without a fill and without a trade."""
    desk = wide()
    names = ("SPY", "A", "B", "C", "D")
    hold(desk, *names)
    held = dict.fromkeys(names[missing:], 10.0)
    decision = twice(desk, held=held)
    assert kinds(decision) == ["POSITION_MISSING"] * missing
    assert desk.core.account().is_reconciliation_stopped is stops
    assert len(desk.core.positions()) == (5 if stops else 5 - missing)
    assert desk.events("TradeClosed") == []
    assert desk.core.faults() == []


def test_what_is_on_its_way_is_not_compared() -> None:
    """ST-4: an order in flight, or a fill since the question, makes two lists incomparable."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    for _ in range(3):
        assert not judged(state(desk, held={"SPY": 10})).is_conclusive
    version = desk.core.version
    desk.fill(order, 10)
    late = Message.stated(version, positions=[])
    for _ in range(2):
        assert not judged(desk.tell(late)).is_conclusive
    assert desk.position().qty_1e8 == 10 * E
    assert desk.events("DriftFound") == []


def test_fills_that_were_missed_are_booked_before_anything_is_compared() -> None:
    """ST-4: executions since the last known one explain the difference; repeats change nothing."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    fill = VenueReport(order, "FILLED", desk.now_ns, "b", "x9", 10 * E, 100 * E, E // 100)
    decision = state(desk, orders=[], held={"SPY": 10}, fills=[fill, fill])
    assert desk.state(order) == "FILLED"
    assert judged(decision).is_conclusive
    assert len(desk.events("OrderFilled")) == 1
    assert kinds(decision) == []
    assert state(desk, held={"SPY": 10}, fills=[fill]).events == ()


def test_what_others_hold_and_order_is_listed_counted_and_left_alone() -> None:
    """ST-3: never touched, never fatal, part of the exposure."""
    desk = Desk(
        instruments=[{**instrument("SPY"), "fractional": True}],
        limits_positions_per_instrument_max=3,
        limits_exposure_max_ratio_1e8=E // 50,  # 2,000 of 100,000
    )
    decision = twice(desk, orders=[foreign_order()], held={"SPY": 15})
    assert sorted(kinds(decision)) == ["FOREIGN_POSITION"]
    assert cancels(decision) == []
    account = desk.core.account()
    assert (account.foreign_orders, account.foreign_positions) == (1, 1)
    assert (account.halts, account.is_reconciliation_stopped) == ([], False)
    assert {drift.kind for drift in account.drift} == {"FOREIGN_ORDER", "FOREIGN_POSITION"}
    assert "PORTFOLIO_EXPOSURE" in failed(desk.ask()), "15 held, 5 ordered, 10 asked at 100"
    gone = twice(desk, orders=[], held={})
    assert desk.core.account().drift == []
    assert judged(gone).is_conclusive
    assert desk.ordered(desk.ask())


def test_our_own_quantity_is_not_taken_for_anothers() -> None:
    """ST-3: what others hold is subtracted; ours moves with our fills alone."""
    desk = Desk()
    twice(desk, held={"SPY": 5})
    desk.enter()
    assert state(desk, held={"SPY": 15}).events == ()
    decision = twice(desk, held={"SPY": 5})
    assert kinds(decision) == ["POSITION_MISSING"]
    assert desk.core.positions() == []
    assert desk.core.account().foreign_positions == 1


def test_a_late_fill_that_looked_foreign_is_ours_once_it_is_known() -> None:
    """PX-1, ST-3: the venue showed a fill before its report came."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    desk.report(order, "ACCEPTED")
    desk.report(order, "CANCELLED")
    twice(desk, held={"SPY": 10})
    assert desk.core.account().foreign_positions == 1
    desk.fill(order, 10)
    decision = twice(desk, held={"SPY": 10})
    assert kinds(decision) == []
    assert desk.position().qty_1e8 == 10 * E
    assert desk.core.account().foreign_positions == 0


def test_an_order_with_our_tag_that_we_never_intended_stops_entries() -> None:
    """ST-3: it is ours and our books do not hold it; only a kill cancels it."""
    desk = Desk()
    stray = ("p-main-s-20200102-lost-0e1", "v-2", "SPY", "BUY", 10 * E, 0, 0)
    decision = state(desk, orders=[stray], held={})
    assert kinds(decision) == ["ORDER_UNKNOWN"]
    assert cancels(decision) == []
    assert desk.core.account().halts == [("ACCOUNT", "", "ReconciliationError")]
    desk.tell(Message.kill("k1", "FLATTEN", "test", "me"))
    read = state(desk, orders=[stray], held={})
    assert cancels(read) == [stray[0]]
    assert judged(read).kill_orders == 1
    assert desk.report(stray[0], "CANCELLED").is_empty, "the end of a stray one is good news"
    clean = state(desk, orders=[], held={})
    assert (judged(clean).kill_orders, judged(clean).kill_positions) == (0, 0)


def test_a_list_that_was_read_before_a_kill_ended_an_order_is_read_again_and_not_believed() -> None:
    """KC-2: it is no proof that the order works, so that is neither cancelled nor told of."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    desk.report(order, "ACCEPTED")
    desk.tell(Message.kill("k1", "FLATTEN", "test", "me"))
    asked = desk.core.version
    desk.report(order, "CANCELLED")
    listed = (order, "v-1", "SPY", "BUY", 10 * E, 0, 0)
    stale = state(desk, orders=[listed], held={}, asked_version=asked)
    assert (cancels(stale), kinds(stale)) == ([], [])
    assert (judged(stale).kill_orders, judged(stale).is_kill_overtaken) == (1, True)
    fresh = state(desk, orders=[listed], held={})
    assert (cancels(fresh), kinds(fresh)) == ([order], [])
    assert (judged(fresh).kill_orders, judged(fresh).is_kill_overtaken) == (1, False)


def test_a_position_that_was_closed_after_its_list_was_read_is_read_again() -> None:
    """KC-2, ST-4: a list from before our newest fill is not clean, and confirms no later one."""
    desk = Desk()
    desk.enter()
    decision = desk.tell(Message.kill("k1", "FLATTEN", "test", "me"))
    asked = desk.core.version
    exit_order = desk.ordered(decision)
    desk.release(exit_order)
    desk.report(exit_order, "ACCEPTED")
    desk.fill(exit_order, 10)
    stale = judged(state(desk, orders=[], held={"SPY": 10}, asked_version=asked))
    assert (stale.kill_positions, stale.is_kill_overtaken) == (1, True)
    fresh = judged(state(desk, orders=[], held={"SPY": 10}))
    assert (fresh.kill_positions, fresh.is_kill_overtaken) == (1, False)


@pytest.mark.parametrize("policy", [False, True])
def test_a_kill_cancels_what_others_ordered_by_policy_only(*, policy: bool) -> None:
    """KC-2: foreign orders included by policy; positions of others are never closed."""
    desk = Desk(reconcile={"kill_foreign_orders": policy})
    desk.tell(Message.kill("k1", "EMERGENCY", "test", "me"))
    decision = twice(desk, orders=[foreign_order()], held={"SPY": 5})
    assert cancels(decision) == (["by-hand"] if policy else [])
    assert judged(decision).kill_orders == int(policy)
    assert judged(state(desk, orders=[], held={"SPY": 5})).kill_positions == 0
    assert desk.events("ExitTriggered") == []


def test_an_order_that_ended_here_and_lives_there_is_cancelled_and_named() -> None:
    """KC-2, EX-8: a cancel that was believed too early must not leave an order behind."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    desk.report(order, "ACCEPTED")
    desk.report(order, "CANCELLED")
    listed = (order, "b", "SPY", "BUY", 10 * E, 0, 0)
    at_once = state(desk, orders=[listed])
    assert (cancels(at_once), kinds(at_once)) == ([order], []), "the list may be behind"
    assert not judged(at_once).is_conclusive
    desk.now_ns += FLIGHT_NS
    decision = state(desk, orders=[listed])
    assert (cancels(decision), kinds(decision)) == ([order], ["ORDER_ALIVE"])
    assert judged(decision).is_conclusive


def test_an_order_that_left_the_list_is_asked_for() -> None:
    """EX-16, ST-4: one list tells of all orders; only what is missing there costs a call."""
    desk = Desk(limits_positions_per_instrument_max=3)
    quiet, gone = (
        desk.ordered(
            desk.ask(setup_instance=f"m{n}", strategy=f"s{n}", order_type="LIMIT", limit_1e8=99 * E)
        )
        for n in (1, 2)
    )
    for order in (quiet, gone):
        desk.release(order)
        desk.report(order, "ACCEPTED")
    row = (quiet, f"b-{quiet}", "SPY", "BUY", 10 * E, 0, 99 * E)
    decision = state(desk, orders=[row])
    assert lookups(decision) == [gone]
    assert decision.events == ()
    ahead = state(desk, orders=[(*row[:5], 4 * E, row[6]), (gone, "b", "SPY", "BUY", 10 * E, 0, 0)])
    assert lookups(ahead) == [quiet], "the venue filled more than we have heard of"


def test_standing_in_the_list_is_the_venues_word() -> None:
    """EX-1, EX-6: a list of open orders resolves what nobody had answered."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    desk.tell(Message.no_answer(order))
    state(desk, orders=[(order, "v-7", "SPY", "BUY", 10 * E, 0, 0)])
    assert desk.state(order) == "WORKING"
    odd = state(desk, orders=[(order, "v-7", "SPY", "BUY", 12 * E, 0, 0)])
    assert kinds(odd) == ["ORDER_QTY"]


def test_cash_that_no_fill_explains_is_named_once() -> None:
    """ST-3, PF-8: a deposit, interest, a fee of the venue; the new base holds from then on."""
    desk = Desk()
    desk.enter()
    said: dict[str, Any] = {"held": {"SPY": 10}, "cash": 99_500.0}
    (found,) = decision_drift(twice(desk, **said))
    assert (found["kind"], found["is_adopted"]) == ("CASH", True)
    assert (found["local_1e8"], found["venue_1e8"]) == (9_899_999_000_000, 9_950_000_000_000)
    assert state(desk, **said).events == ()


def test_a_restart_forgets_nothing_of_it() -> None:
    """ST-2: what stands, what was taken over and what others hold come back from the journal."""
    desk = Desk()
    desk.enter()
    twice(desk, orders=[foreign_order()], held={"SPY": 9.9}, cash=99_000.5)
    was = desk.core.account()
    desk.core = desk.rehydrated()
    now = desk.core.account()
    assert desk.position().qty_1e8 == 990_000_000
    assert (now.foreign_orders, len(now.drift)) == (was.foreign_orders, len(was.drift)) == (1, 1)
    assert state(desk, orders=[foreign_order()], held={"SPY": 9.9}, cash=99_000.5).events == ()
    assert desk.core.faults() == []


def test_what_was_taken_over_closes_by_its_exit_and_the_money_adds_up() -> None:
    """ST-3, WD-5: the exit sells what the venue has; the cost of the rest is written off."""
    desk = Desk()
    desk.enter(ExitPlan(stop_1e8=90 * E))
    twice(desk, held={"SPY": 9.6})
    desk.mark(89)
    exit_id = desk.ordered()
    order = desk.core.order(exit_id)
    assert order is not None
    assert order.qty_1e8 == 960_000_000
    desk.fill(exit_id, 9.6, 89)
    assert desk.core.positions() == []
    (trade,) = desk.events("TradeClosed")
    assert trade["gross_1e8"] == round(-11 * 9.6 * E)
    assert desk.core.faults() == []
    assert desk.core.account().cash_apart_1e8 == 0


# -- look-ups: the first "not found" is not believed -----------------------------------------------


def unknown(desk: Desk, tell: Callable[[str], Message] | None = None) -> str:
    """An order that nobody has answered for."""
    order = desk.ordered(desk.ask())
    desk.release(order)
    if tell is not None:
        desk.tell(tell(order))
    return order


def test_absence_is_proof_by_two_answers_with_the_longest_flight_between_them() -> None:
    """EX-6: twice, complete, and after the longest possible flight time."""
    desk = Desk(flight_max_ns=60 * S_NS)
    order = unknown(desk, Message.no_answer)
    absent = Message.lookup_absent(order)
    desk.tell(absent)
    assert (desk.state(order), desk.events("LookupMissed")[-1]["reads"]) == ("UNKNOWN", 1)
    desk.now_ns += 59 * S_NS
    desk.tell(absent)
    assert desk.state(order) == "UNKNOWN"
    desk.tell(Message.lookup_absent(order, is_complete=False))
    desk.now_ns += S_NS
    desk.tell(Message.lookup_unknown(order))
    assert desk.state(order) == "UNKNOWN"
    desk.tell(absent)
    assert desk.state(order) == "NOT_SENT"


def test_an_order_that_shows_up_starts_the_proof_anew() -> None:
    """EX-6: any word of the venue beats what a look-up did not find."""
    desk = Desk(flight_max_ns=10 * S_NS)
    order = unknown(desk, Message.no_answer)
    desk.tell(Message.lookup_absent(order))
    desk.report(order, "ACCEPTED")
    desk.now_ns += 20 * S_NS
    desk.tell(Message.lookup_absent(order))
    assert desk.state(order) == "WORKING"


def test_an_order_that_the_venue_had_is_never_proven_absent() -> None:
    """EX-1, EX-9: it had a broker's id; it is UNKNOWN, its instrument stops, a person must ask."""
    desk = Desk(flight_max_ns=0)
    order = unknown(desk)
    desk.report(order, "ACCEPTED")
    first = desk.tell(Message.lookup_absent(order))
    assert lookups(first) == [order], "asked again at once where nothing can be in flight"
    desk.tell(Message.lookup_absent(order))
    assert desk.state(order) == "UNKNOWN"
    assert desk.events("InvariantViolated")[-1]["name"] == "VanishedOrder"
    rows = len(desk.journal)
    for _ in range(3):
        desk.tell(Message.lookup_absent(order))
    assert desk.state(order) == "UNKNOWN"
    assert len(desk.journal) <= rows + 1


def test_the_proof_survives_a_restart() -> None:
    """EX-6, ST-2: the first answer is journaled."""
    desk = Desk(flight_max_ns=60 * S_NS)
    order = unknown(desk, Message.no_answer)
    desk.tell(Message.lookup_absent(order))
    desk.core = desk.rehydrated()
    desk.now_ns += 60 * S_NS
    desk.tell(Message.lookup_absent(order))
    assert desk.state(order) == "NOT_SENT"


def test_news_of_orders_that_others_placed_is_none_of_our_books() -> None:
    """ST-3: an account stream tells of all orders; only our tag makes an unknown one a fault."""
    desk = Desk()
    assert desk.fill("by-hand", 5).is_empty
    desk.fill("p-main-s-20200102-lost-0e1", 5)
    assert desk.events("InvariantViolated")[-1]["name"] == "UnknownOrder"


@given(
    parts=st.lists(st.tuples(st.integers(1, 4), st.booleans()), min_size=1, max_size=8),
    late=st.booleans(),
    by_hand=st.integers(-3, 3),
)
def test_whatever_news_is_lost_two_statements_make_the_books_equal(
    *, parts: list[tuple[int, bool]], late: bool, by_hand: int
) -> None:
    """ST-3, ST-4, EX-5: fills told, lost, or told again later, with others at the same venue."""
    desk = Desk(limits_position_notional_max_1e8=90_000 * E)
    twice(desk, held={"SPY": by_hand} if by_hand else {})
    order = desk.ordered(
        desk.ask(order_type="LIMIT", limit_1e8=100 * E, qty_1e8=40 * E, risk_1e8=100 * E)
    )
    desk.release(order)
    whole = desk.core.order(order)
    assert whole is not None
    left, fills = whole.qty_1e8 // E, []
    for at, (qty, is_told) in enumerate(parts):
        part = min(qty, left)
        if part == 0:
            break
        left -= part
        fills.append(
            VenueReport(order, "FILLED", desk.now_ns, "b", f"x{at}", part * E, 100 * E, E // 100)
        )
        if is_told:
            desk.tell(Message.venue_report(fills[-1]))
    held = sum(each.qty_1e8 for each in fills) / E
    works = [(order, "b", "SPY", "BUY", whole.qty_1e8, round(held * E), 100 * E)] if left else []
    said: dict[str, Any] = {"orders": works, "held": {"SPY": held + by_hand}, "fills": fills}
    last = twice(desk, **said)
    if late:
        for fill in fills:
            desk.tell(Message.venue_report(fill))
        last = twice(desk, **said)
    assert judged(last).is_conclusive
    assert desk.position().qty_1e8 == round(held * E)
    assert desk.core.account().foreign_positions == int(by_hand != 0)
    assert desk.core.faults() == []
    assert desk.core.account().halts == []
