"""The life of an order: the table, silence, proof, late news and corrections."""

import itertools
from collections.abc import Callable

import pytest

from rust_core import (
    ORDER_CORRECTIONS,
    ORDER_STATES,
    ORDER_TRANSITIONS,
    BrokerConfirmationRequiredError,
    ExitPlan,
    InvalidTransitionError,
    Message,
    OrderTableError,
    TerminalStateError,
    VenueReport,
    order_correct,
    order_step,
)
from tests.rust_core.account_desk import DATE, MIN_NS, S_NS, Desk, E, cancels, lookups, severities

TERMINAL = {"FILLED", "CANCELLED", "REJECTED", "EXPIRED", "NOT_SENT"}
EVENTS = {event for _, event, _ in (*ORDER_TRANSITIONS, *ORDER_CORRECTIONS)}


def test_the_table_says_what_is_legal_and_nothing_else_is() -> None:
    """EX-1: every pair of state and event is either a row of the table or refused by name."""
    legal = {(old, event): new for old, event, new in ORDER_TRANSITIONS}
    for state, event in itertools.product(ORDER_STATES, sorted(EVENTS)):
        if (state, event) in legal:
            assert order_step(state, event, has_broker_id=True) == legal[state, event]
            continue
        expected = TerminalStateError if state in TERMINAL else InvalidTransitionError
        with pytest.raises(expected):
            order_step(state, event, has_broker_id=True)


def test_unknown_is_reached_from_every_live_state_and_left_by_the_brokers_word_only() -> None:
    """EX-1: no clock, count or network error ends UNKNOWN; NOT_SENT only by proof."""
    live = set(ORDER_STATES) - TERMINAL
    into = {old for old, _, new in ORDER_TRANSITIONS if new == "UNKNOWN"}
    assert into == live
    out = {(event, new) for old, event, new in ORDER_TRANSITIONS if old == "UNKNOWN" != new}
    words = {"ACCEPT", "PARTIAL_FILL", "FILL", "CANCEL_ACK", "REJECT", "EXPIRE", "PROVEN_ABSENT"}
    assert {event for event, _ in out} == words
    absent = {(old, event) for old, event, new in ORDER_TRANSITIONS if new == "NOT_SENT"}
    assert absent == {("PENDING", "PROVEN_ABSENT"), ("UNKNOWN", "PROVEN_ABSENT")}


def test_what_only_a_broker_can_confirm_needs_its_id() -> None:
    """EX-2: a named error each, and wrong words are told from wrong steps."""
    with pytest.raises(BrokerConfirmationRequiredError, match="broker's order id"):
        order_step("SUBMITTED", "FILL", has_broker_id=False)
    with pytest.raises(TerminalStateError):
        order_correct("FILLED", "ACCEPT", has_broker_id=True)
    assert order_correct("CANCELLED", "FILL", has_broker_id=True) == "FILLED"
    assert issubclass(InvalidTransitionError, OrderTableError)
    with pytest.raises(ValueError, match="state must be one of PENDING"):
        order_step("LOST", "FILL", has_broker_id=True)


def test_every_step_is_one_event_with_both_stamps() -> None:
    """EX-3: SUBMITTED after the fact, then each answer; old, new, cause and ids."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    assert desk.state(order) == "PENDING"
    desk.release(order)
    desk.now_ns += S_NS
    desk.report(order, "ACCEPTED")
    desk.fill(order, 4)
    desk.fill(order, 6)
    steps = desk.events("OrderChanged")
    assert [(s["old"], s["new"]) for s in steps] == [
        ("PENDING", "SUBMITTED"),
        ("SUBMITTED", "WORKING"),
        ("WORKING", "PARTIALLY_FILLED"),
        ("PARTIALLY_FILLED", "FILLED"),
    ]
    assert all(s["at_ns"] > 0 and s["cause"] for s in steps)
    assert steps[1]["broker_order_id"] == f"b-{order}"
    assert steps[1]["venue_ns"] == desk.now_ns


def test_a_venue_may_be_quicker_than_the_news_of_the_release() -> None:
    """EX-1, EX-3: a fill of a PENDING order proves that it was sent; the late news is no news."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.fill(order, 10)
    assert [s["new"] for s in desk.events("OrderChanged")] == ["SUBMITTED", "FILLED"]
    assert desk.release(order).is_empty
    assert desk.core.account().halts == []


def test_the_id_follows_from_what_the_order_is_for() -> None:
    """EX-4: nothing in it that a restart changes; claims make it unique in the record."""
    desk = Desk()
    decision = desk.ask()
    assert desk.ordered(decision) == f"p-main-s-{DATE}-m1-0e1"
    assert decision.claims == (
        ("intent", f"p-main-s-{DATE}-m1-0e1"),
        ("setup", f"PAPER|main|s|m1|{DATE}"),
    )


def test_a_second_submission_is_refused_before_anything_else() -> None:
    """EX-4: no intent, no effect, no claim; also after the trade is over and after a restart."""
    desk = Desk()
    desk.enter()
    again = desk.ask()
    assert [event.kind for event in again.events] == ["DuplicateRefused"]
    assert again.effects == ()
    assert again.claims == ()
    desk.mark(89)
    desk.fill(desk.ordered(), 10, 89)
    assert desk.core.positions() == []
    desk.core = desk.rehydrated()
    assert [event.kind for event in desk.ask().events] == ["DuplicateRefused"]


def test_a_repeated_execution_changes_nothing() -> None:
    """EX-5: by the broker's execution id, or by what it says where there is none."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    desk.fill(order, 4, execution_id="same")
    assert desk.fill(order, 4, execution_id="same").is_empty
    desk.fill(order, 2, execution_id="")
    assert desk.fill(order, 2, execution_id="").is_empty
    assert desk.position().qty_1e8 == 6 * E


def test_silence_is_unknown_and_asks_the_broker() -> None:
    """EX-6: the instrument takes no new risk, others do; nothing but the broker's word ends it."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    decision = desk.tell(Message.no_answer(order))
    assert desk.state(order) == "UNKNOWN"
    assert lookups(decision) == [order]
    second = desk.ask(setup_instance="m2", strategy="t")
    failed = {check["name"] for check in desk.events("VerdictGiven", second)[0]["failed"]}
    assert failed >= {"UNKNOWN_ORDER", "OPEN_POSITIONS_PER_SYMBOL"}
    assert lookups(desk.tell(Message.no_answer(order))) == [order]
    desk.mark(3000, "ES", minutes=0)
    desk.ask(
        setup_instance="m3", strategy="t", symbol="ES", reference_1e8=3000 * E, risk_1e8=100 * E
    )
    verdict = desk.events("VerdictGiven")[-1]
    assert "UNKNOWN_ORDER" not in {check["name"] for check in verdict["failed"]}


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Message.lookup_unknown, "UNKNOWN"),
        (lambda order: Message.lookup_absent(order, is_complete=False), "UNKNOWN"),
        (Message.lookup_absent, "UNKNOWN"),
        (lambda order: Message.lookup_found(order, []), "UNKNOWN"),
        (
            lambda order: Message.lookup_found(order, [VenueReport(order, "ACCEPTED", 1, "b")]),
            "WORKING",
        ),
        (
            lambda order: Message.lookup_found(
                order,
                [
                    VenueReport(order, "ACCEPTED", 1, "b"),
                    VenueReport(order, "FILLED", 2, "b", "x", 10 * E, 100 * E),
                ],
            ),
            "FILLED",
        ),
    ],
    ids=["no answer", "absent, not complete", "absent, once", "nothing said", "works", "filled"],
)
def test_a_look_up_counts_for_what_it_is(answer: Callable[[str], Message], state: str) -> None:
    """EX-6: no single answer is proof of absence."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    desk.tell(Message.no_answer(order))
    desk.tell(answer(order))
    assert desk.state(order) == state


def test_a_refused_release_is_not_sent() -> None:
    """EX-1: nothing was handed over, which is proof; its setup leaves nothing stale."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.tell(Message.not_released(order, "KILL_PAUSE"))
    assert desk.state(order) == "NOT_SENT"
    assert "KILL_PAUSE" in desk.events("OrderChanged")[-1]["cause"]
    assert desk.core.orders() == []
    assert desk.ordered(desk.ask(setup_instance="m2"))


def _settled_unheard(order: str) -> Message:
    said = [VenueReport(order, "SETTLED", 9, "b", "never", E, 100 * E)]
    return Message.lookup_found(order, said)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        (
            lambda order: Message.venue_report(VenueReport(order, "CANCELLED", 9, "b")),
            "TerminalStateError",
        ),
        (_settled_unheard, "UnknownExecution"),
    ],
    ids=["cancelled when filled", "settled and never filled"],
)
def test_an_impossible_word_changes_nothing_and_stops_entries(
    word: Callable[[str], Message], name: str
) -> None:
    """EX-2, EX-9: the order stays as it was, CRITICAL, entries halt, exits go on."""
    desk = Desk()
    order = desk.enter()
    before = desk.core.order(order)
    decision = desk.tell(word(order))
    assert before is not None
    assert desk.state(order) == before.state == "FILLED"
    assert desk.events("InvariantViolated", decision)[0]["name"] == name
    assert "CRITICAL" in severities(decision)
    assert [halt[0] for halt in desk.core.account().halts] == ["ACCOUNT"]
    refused = desk.ask(setup_instance="m2", symbol="ES", strategy="t")
    checks = {check["name"] for check in desk.events("VerdictGiven", refused)[0]["failed"]}
    assert "HALTED" in checks
    assert desk.ordered(desk.mark(89)), "the stop still sells"


@pytest.mark.parametrize("kind", ["REVERSED", "SETTLED"])
def test_news_of_a_fill_that_was_not_heard_of_has_its_order_looked_up(kind: str) -> None:
    """EX-5, ST-4: the stream brought them out of order; nothing is booked and nobody halts."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    fill, news = (
        VenueReport(order, each, desk.now_ns, "b", "x1", 10 * E, 100 * E, E // 100)
        for each in ("FILLED", kind)
    )
    decision = desk.tell(Message.venue_report(news))
    assert lookups(decision) == [order]
    assert decision.events == ()
    desk.tell(Message.lookup_found(order, [fill, news]))
    desk.tell(Message.venue_report(fill))
    held = desk.core.positions()
    assert [each.qty_1e8 for each in held] == ([] if kind == "REVERSED" else [10 * E])
    assert desk.core.account().halts == []
    assert desk.core.faults() == []


def test_a_reversal_of_what_was_never_booked_takes_nothing_back() -> None:
    """EX-2, ST-4: the venue's own list of an order may name a fill only to take it back."""
    desk = Desk()
    order = desk.enter()
    back = VenueReport(order, "REVERSED", desk.now_ns, "b", "other", 10 * E, 100 * E, E // 100)
    decision = desk.tell(Message.lookup_found(order, [back]))
    assert decision.is_empty, "not even another look-up, which would say the same"
    assert desk.position().qty_1e8 == 10 * E


@pytest.mark.parametrize(("first", "second"), [("CANCELLED", "EXPIRED"), ("EXPIRED", "CANCELLED")])
def test_an_order_may_end_by_cancel_and_by_time_at_once(first: str, second: str) -> None:
    """EX-2, EX-9: both say that the rest is gone; the first word stands, and nobody halts."""
    desk = Desk()
    order = desk.ordered(desk.ask(order_type="LIMIT", limit_1e8=99 * E))
    desk.release(order)
    desk.report(order, first)
    assert desk.report(order, second).is_empty
    assert desk.state(order) == first
    assert desk.core.account().halts == []
    rejected = desk.report(order, "REJECTED")
    assert desk.events("InvariantViolated", rejected)[0]["name"] == "TerminalStateError"


def test_a_confirmation_without_the_brokers_id_is_refused() -> None:
    """EX-2, EX-12: fails loudly on a missing order id."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    decision = desk.report(order, "ACCEPTED", broker_order_id="")
    assert desk.state(order) == "SUBMITTED"
    violated = desk.events("InvariantViolated", decision)[0]
    assert violated["name"] == "BrokerConfirmationRequiredError"


def test_news_of_an_order_that_nobody_intended_stops_entries() -> None:
    """EX-9: fail closed; cleared by a person, with author."""
    desk = Desk()
    decision = desk.report("p-main-other-1", "ACCEPTED")
    assert desk.events("InvariantViolated", decision)[0]["name"] == "UnknownOrder"
    assert len(desk.core.account().halts) == 1
    desk.tell(Message.control("clear_halts", '"seen at the broker"', "me"))
    assert desk.core.account().halts == []


def test_a_violation_halts_the_configured_scope() -> None:
    """EX-9: one instrument stops, the other goes on."""
    desk = Desk(violation_scope="INSTRUMENT")
    order = desk.enter()
    desk.report(order, "CANCELLED")
    assert desk.core.account().halts[0][:2] == ("INSTRUMENT", "SPY")
    desk.mark(3000, "ES", minutes=0)
    other = desk.ask(strategy="t", symbol="ES", reference_1e8=3000 * E)
    names = [check["name"] for check in desk.events("VerdictGiven", other)[0]["failed"]]
    assert "HALTED" not in names


def test_a_late_fill_after_a_cancel_is_a_position_with_its_plan() -> None:
    """EX-2, EX-5: the cancel lost the race; the correction is an entry of its own."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    desk.report(order, "ACCEPTED")
    desk.report(order, "CANCELLED")
    decision = desk.fill(order, 3)
    assert desk.events("OrderFilled", decision)[0]["is_late"]
    assert desk.state(order) == "CANCELLED"
    assert desk.position().qty_1e8 == 3 * E
    assert desk.position().stop_1e8 == 90 * E
    desk.fill(order, 7)
    assert desk.events("OrderChanged")[-1]["is_correction"]
    assert desk.state(order) == "FILLED"
    assert desk.core.account().halts == []


def test_a_cancel_is_heard_of_after_the_fill_that_it_lost_the_race_to() -> None:
    """EX-5, EX-8: reports may come in any order; that one is no contradiction."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    desk.report(order, "ACCEPTED")
    desk.tell(Message.kill("k-1", "FLATTEN", "a test", "me"))
    desk.fill(order, 10)
    assert desk.state(order) == "FILLED"
    decision = desk.report(order, "CANCELLED")
    assert desk.state(order) == "FILLED"
    assert not decision.events
    assert desk.core.account().halts == []


def test_a_late_fill_after_the_trade_is_closed_by_an_exit_of_its_own() -> None:
    """PX-1: what a late fill leaves over does not wait for anybody."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    desk.fill(order, 6)
    desk.mark(89)
    exit_order = desk.ordered()
    desk.fill(exit_order, 6, 89)
    desk.report(order, "CANCELLED")
    assert len(desk.events("TradeClosed")) == 1
    decision = desk.fill(order, 4, 90)
    leftover = desk.ordered(decision)
    assert leftover not in {order, exit_order}
    desk.fill(leftover, 4, 89)
    first, second = desk.events("TradeClosed")
    assert second["reason"] == "EXECUTION_ERROR"
    assert first["trade_id"] != second["trade_id"]
    assert desk.core.positions() == []


def test_a_reversed_fill_is_taken_out_again() -> None:
    """EX-2: trade bust: quantity, fee and realised money are as if it had not been."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    desk.fill(order, 4, 100)
    before = desk.core.account()
    desk.fill(order, 6, 101, execution_id="bust")
    decision = desk.report(order, "REVERSED", execution_id="bust", reason="trade bust")
    after = desk.core.account()
    assert desk.position().qty_1e8 == 4 * E
    assert desk.position().average_entry_1e8 == 100 * E
    assert (after.cash_1e8, after.fees_1e8) == (before.cash_1e8, before.fees_1e8)
    assert desk.events("FillReversed", decision)[0]["reason"] == "trade bust"
    assert desk.report(order, "REVERSED", execution_id="bust").is_empty, "once"


def limit_order(desk: Desk) -> str:
    """An entry that rests at $99."""
    order = desk.ordered(desk.ask(order_type="LIMIT", limit_1e8=99 * E))
    desk.release(order)
    desk.report(order, "ACCEPTED")
    return order


def test_an_entry_limit_order_is_cancelled_when_its_time_is_over() -> None:
    """EX-8: by its own timer, once; a cancel that loses the race is not an error."""
    desk = Desk()
    order = limit_order(desk)
    start_ns = desk.now_ns
    decision = desk.fire("ENTRY_TTL")
    assert desk.now_ns == start_ns + 2 * MIN_NS
    assert cancels(decision) == [order]
    assert cancels(desk.tell(Message.timer("ENTRY_TTL", order))) == []
    desk.fill(order, 10, 99)
    assert desk.report(order, "CANCEL_REJECTED").is_empty
    assert desk.core.account().halts == []
    assert desk.tell(Message.timer("ENTRY_TTL", order)).is_empty


def test_an_entry_is_tried_again_at_market_only_if_configured() -> None:
    """EX-8: another attempt of the same setup, through the gate again."""
    for is_on in (False, True):
        desk = Desk(entry_ttl_retry_at_market=is_on)
        order = limit_order(desk)
        desk.fire("ENTRY_TTL")
        desk.mark(100)
        decision = desk.report(order, "CANCELLED")
        submitted = desk.events("OrderIntended", decision)
        assert [(e["order_type"], e["attempt"]) for e in submitted] == [("MARKET", 2)] * is_on


def test_a_market_order_has_no_time_to_live() -> None:
    """EX-8: only entry LIMIT orders have one."""
    desk = Desk()
    desk.ask()
    assert [timer for timer in desk.core.open_timers() if timer.kind == "ENTRY_TTL"] == []


def test_a_failed_cancel_is_alarmed_and_journaled() -> None:
    """EX-8: the order still works; the actors try again."""
    desk = Desk()
    order = limit_order(desk)
    desk.fire("ENTRY_TTL")
    decision = desk.tell(Message.cancel_failed(order, "timeout"))
    assert desk.events("CancelFailed", decision)[0]["reason"] == "timeout"
    assert severities(decision) == ["ERROR"]
    assert [cancel.client_order_id for cancel in desk.core.cancels()] == [order]


def test_a_rejection_tells_the_reason_and_leaves_nothing() -> None:
    """EX-11: an operator message with the broker's words."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    decision = desk.report(order, "REJECTED", broker_order_id="", reason="no buying power")
    assert severities(decision) == ["ERROR"]
    assert desk.events("OrderChanged", decision)[0]["cause"] == "no buying power"
    assert desk.core.orders() == []
    assert desk.core.positions() == []
    assert desk.ordered(desk.ask(setup_instance="m2"))


def test_a_cancel_asked_for_in_flight_is_sent_when_the_venue_has_the_order() -> None:
    """KC-2, EX-8: whatever the venue's first word is, even a fill."""
    for kind in ("ACCEPTED", "FILLED"):
        desk = Desk()
        order = desk.ordered(desk.ask(ExitPlan(stop_ratio_1e8=E // 10)))
        desk.release(order)
        assert cancels(desk.tell(Message.kill("k", "FLATTEN", "test", "me"))) == []
        decision = desk.fill(order, 1) if kind == "FILLED" else desk.report(order, kind)
        assert cancels(decision) == [order]
