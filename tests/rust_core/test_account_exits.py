"""How a position ends: one decision, its order of reasons, and what a trade says of itself."""

from typing import Any

import pytest

from rust_core import ExitPlan, Message
from tests.rust_core.account_desk import (
    CLOSE_NS,
    DATE,
    MIN_NS,
    OPEN_NS,
    S_NS,
    Desk,
    E,
    cancels,
    severities,
)

STOP: dict[str, Any] = {"stop_ratio_1e8": E // 10}


def reason(desk: Desk) -> str:
    """Why the last exit was decided; empty when none was."""
    assert desk.last is not None
    triggered = desk.events("ExitTriggered", desk.last)
    return triggered[0]["reason"] if triggered else ""


def closed(desk: Desk, price: float) -> dict[str, Any]:
    """Fill the exit under way; the trade that it closes."""
    order = desk.ordered()
    view = desk.core.order(order)
    assert view is not None
    return desk.events("TradeClosed", desk.fill(order, view.qty_1e8 / E, price))[0]


@pytest.mark.parametrize(
    ("side", "plan", "prices", "why"),
    [
        ("BUY", {"stop_1e8": 95 * E}, [95.01, 95], "STOP_LOSS"),
        ("BUY", {"stop_ratio_1e8": E // 20}, [95.01, 95], "STOP_LOSS"),
        ("SELL", {"stop_ratio_1e8": E // 20}, [104.99, 105], "STOP_LOSS"),
        ("BUY", STOP | {"target_1e8": 103 * E}, [102.99, 103], "TAKE_PROFIT"),
        ("SELL", STOP | {"target_ratio_1e8": E // 50}, [98.01, 98], "TAKE_PROFIT"),
        ("BUY", STOP | {"target_r_1e8": E}, [109.99, 110], "TAKE_PROFIT"),
        ("BUY", STOP | {"trailing_ratio_1e8": E // 20}, [104, 98.81, 98.8], "TRAILING"),
        ("SELL", STOP | {"trailing_ratio_1e8": E // 20}, [96, 100.79, 100.8], "TRAILING"),
        (
            "BUY",
            {"no_stop": "canary", "target_trailing_ratio_1e8": E // 10},
            [120, 108.01, 108],
            "TAKE_PROFIT",
        ),
        (
            "BUY",
            STOP | {"target_1e8": 110 * E, "target_trailing_ratio_1e8": E // 100},
            [109, 107, 110, 109.5, 108.9],
            "TAKE_PROFIT",
        ),
        ("BUY", STOP | {"target_1_1e8": 105 * E, "target_2_1e8": 108 * E}, [108], "TARGET_2"),
    ],
)
def test_a_rule_fires_at_its_level_and_not_before(
    side: str, plan: dict[str, Any], prices: list[float], why: str
) -> None:
    """PX-3, SG-3: long and short; a ratio is of the average really filled; exactly at the level."""
    if "target_2_1e8" in plan:
        plan = plan | {"target_1_portion_ratio_1e8": E // 2}
    desk = Desk(risk={"per_trade_1e8": 100 * E, "unstopped_ratio_1e8": E // 10})
    desk.enter(ExitPlan(**plan), side=side)
    for price in prices[:-1]:
        desk.mark(price)
        assert reason(desk) == "", price
    desk.mark(prices[-1])
    assert reason(desk) == why
    assert desk.position().phase == "EXIT_PENDING"


def test_quotes_are_judged_by_what_leaving_would_bring() -> None:
    """PX-3: a long leaves at the bid, a short at the ask."""
    for side, bid, ask, fires in [
        ("BUY", 94.9, 95.5, True),
        ("BUY", 95.1, 95.2, False),
        ("SELL", 104.0, 105.0, True),
        ("SELL", 104.0, 104.9, False),
    ]:
        desk = Desk()
        desk.enter(ExitPlan(stop_ratio_1e8=E // 20), side=side)
        bid_1e8, ask_1e8 = round(bid * E), round(ask * E)
        desk.tell(Message.mark("SPY", "QUOTE", desk.now_ns, 0, bid_1e8, ask_1e8))
        assert (reason(desk) == "STOP_LOSS") is fires


def everything(**more: Any) -> ExitPlan:
    """A plan in which several rules can hold at once."""
    return ExitPlan(
        stop_1e8=95 * E,
        trailing_ratio_1e8=E // 50,
        target_1e8=96 * E,
        holding_max_ns=MIN_NS,
        **more,
    )


def test_the_first_reason_in_the_stated_order_wins() -> None:
    """PX-2: kill, time to be flat, stop, trailing, target, time, advice: one decision."""
    told: list[str] = []
    desk = Desk()
    desk.enter(everything())
    desk.now_ns += MIN_NS
    desk.mark(94)
    told.append(reason(desk))
    desk = Desk()
    desk.enter(everything())
    desk.mark(97)
    told.append(reason(desk))
    desk = Desk()
    desk.enter(ExitPlan(stop_1e8=95 * E, target_1e8=101 * E, holding_max_ns=MIN_NS))
    desk.mark(102)
    told.append(reason(desk))
    desk = Desk()
    desk.enter(ExitPlan(stop_1e8=95 * E, holding_max_ns=MIN_NS))
    desk.now_ns += MIN_NS
    desk.tell(Message.exit_advice("s", "SPY", "TAKE_PROFIT", "mean reached", 100 * E))
    told.append(reason(desk))
    desk = Desk()
    desk.enter(everything(force_flat_ns=OPEN_NS + 2 * MIN_NS))
    desk.mark(94, minutes=2)
    told.append(reason(desk))
    desk = Desk(auto_flatten_before_close_ns=5 * MIN_NS)
    desk.enter(everything(force_flat_ns=OPEN_NS + 2 * MIN_NS))
    desk.now_ns = CLOSE_NS - 5 * MIN_NS
    desk.mark(94, minutes=0)
    told.append(reason(desk))
    assert told == ["STOP_LOSS", "TRAILING", "TAKE_PROFIT", "TIME", "FORCE_FLAT", "AUTO_FLATTEN"]


def test_a_kill_comes_before_every_other_reason() -> None:
    """PX-2: the stop is passed in the same instant, and the reason is the kill."""
    desk = Desk(auto_flatten_before_close_ns=5 * MIN_NS)
    order = desk.ordered(desk.ask(everything(force_flat_ns=OPEN_NS + 2 * MIN_NS)))
    desk.release(order)
    desk.tell(Message.kill("k", "FLATTEN", "test", "me"))
    desk.now_ns = CLOSE_NS - MIN_NS
    desk.fill(order, 10, 90)
    assert reason(desk) == "KILL_SWITCH"


def test_nothing_else_decides_while_an_exit_is_under_way() -> None:
    """PX-1: EXIT_PENDING admits fills only."""
    desk = Desk()
    desk.enter(everything())
    desk.mark(94)
    first = desk.ordered()
    for message in (
        Message.exit_advice("s", "SPY", "MANUAL", "out", 0),
        Message.timer("HOLDING_MAX", desk.position().position_id),
        Message.exit_levels("s", "SPY", stop_1e8=99 * E),
    ):
        assert desk.events("ExitTriggered", desk.tell(message)) == []
    desk.mark(80)
    assert reason(desk) == ""
    assert [order.client_order_id for order in desk.core.orders()] == [first]


def test_advice_is_taken_with_its_reason() -> None:
    """PX-6: the strategy's rule names why; without a position it is nothing."""
    desk = Desk()
    assert desk.tell(Message.exit_advice("s", "SPY", "TAKE_PROFIT")).is_empty
    desk.enter()
    desk.mark(101)
    desk.tell(Message.exit_advice("s", "SPY", "TAKE_PROFIT", "mean reached", 101 * E))
    trade = closed(desk, 101)
    assert trade["reason"] == "TAKE_PROFIT"
    with pytest.raises(ValueError, match="reason must be one of STOP_LOSS"):
        Message.exit_advice("s", "SPY", "BORED")


def test_the_first_target_sells_its_part_of_what_was_filled_and_moves_the_stop() -> None:
    """EX-7, PX-3, PX-4: 65 % of the filled quantity; the runner's stop at entry + 0.15 R."""
    plan = ExitPlan(
        stop_ratio_1e8=E // 10,
        target_1_1e8=105 * E,
        target_1_portion_ratio_1e8=65 * E // 100,
        target_2_1e8=120 * E,
    )
    desk = Desk(instruments=[micro()])
    order = desk.ordered(desk.ask(plan, qty_1e8=10 * E))
    desk.release(order)
    desk.fill(order, 8)
    desk.report(order, "CANCELLED")
    desk.mark(105)
    assert reason(desk) == "TARGET_1"
    first = desk.ordered()
    view = desk.core.order(first)
    assert view is not None
    assert view.qty_1e8 == 8 * 65 * E // 100
    desk.fill(first, 5.2, 105)
    assert desk.position().phase == "MONITORING"
    assert desk.position().stop_1e8 == 100 * E + 15 * (100 - 90) * E // 100
    desk.mark(101.49)
    assert reason(desk) == "STOP_LOSS"
    trade = closed(desk, 101.49)
    assert trade["qty_1e8"] == 8 * E
    assert trade["gross_1e8"] == round(5.2 * 5 * E) + round(2.8 * 1.49 * E)


def micro() -> dict[str, Any]:
    """SPY in steps of a thousandth."""
    return {
        "symbol": "SPY",
        "kind": "EQUITY",
        "tick_1e8": E // 100,
        "lot_1e8": E // 1000,
        "min_qty_1e8": E // 1000,
        "multiplier_1e8": E,
        "fractional": True,
    }


def test_the_runner_does_not_wait_for_ever() -> None:
    """PX-3: the second target was not reached in time; the timer survives a restart."""
    plan = ExitPlan(
        stop_ratio_1e8=E // 10,
        target_1_1e8=105 * E,
        target_1_portion_ratio_1e8=E // 2,
        target_2_1e8=120 * E,
        target_2_wait_ns=45 * MIN_NS,
    )
    desk = Desk()
    desk.enter(plan)
    desk.mark(105)
    desk.fill(desk.ordered(), 5, 105)
    desk.core = desk.rehydrated()
    desk.fire("TARGET_2_WAIT")
    assert desk.now_ns == OPEN_NS + (2 + 45) * MIN_NS
    assert reason(desk) == "TIME"


@pytest.mark.parametrize(
    ("kind", "plan", "why"),
    [
        ("HOLDING_MAX", STOP | {"holding_max_ns": 30 * MIN_NS}, "TIME"),
        ("FORCE_FLAT", STOP | {"force_flat_ns": OPEN_NS + 40 * MIN_NS}, "FORCE_FLAT"),
    ],
)
def test_a_time_exit_needs_no_price(kind: str, plan: dict[str, Any], why: str) -> None:
    """PX-3: its own timer, ignored once the position is over."""
    desk = Desk()
    desk.enter(ExitPlan(**plan))
    position_id = desk.position().position_id
    assert desk.tell(Message.timer(kind, position_id)).is_empty, "not due"
    desk.fire(kind)
    assert reason(desk) == why
    closed(desk, 100)
    assert desk.tell(Message.timer(kind, position_id)).is_empty


def test_a_strategy_moves_its_levels() -> None:
    """PX-3: nearer, never beyond the risk that was approved; nonsense changes nothing."""
    desk = Desk()
    desk.enter()
    desk.tell(Message.exit_levels("s", "SPY", stop_1e8=98 * E, target_1e8=104 * E))
    assert (desk.position().stop_1e8, desk.position().target_1e8) == (98 * E, 104 * E)
    assert severities(desk.tell(Message.exit_levels("s", "SPY", stop_1e8=-1))) == ["WARNING"]
    assert desk.tell(Message.exit_levels("s", "SPY", stop_1e8=98 * E)).is_empty
    desk.mark(98)
    assert reason(desk) == "STOP_LOSS"


def test_a_failed_exit_is_tried_again_with_the_next_attempt() -> None:
    """PX-1: the position is decided again; waits double; reasons stay."""
    desk = Desk()
    desk.enter()
    desk.mark(89)
    first = desk.ordered()
    desk.release(first)
    decision = desk.report(first, "REJECTED", reason="halted")
    assert desk.position().phase == "MONITORING"
    assert "ERROR" in severities(decision)
    (retry,) = [timer for timer in decision.timers if timer.kind == "EXIT_RETRY"]
    assert retry.due_ns == desk.now_ns + S_NS
    assert desk.events("ExitTriggered", desk.mark(89, minutes=0.01)) == [], "too early"
    second = desk.ordered(desk.fire("EXIT_RETRY"))
    assert second.endswith("0x2")
    decision = desk.report(second, "EXPIRED")
    (retry,) = [timer for timer in decision.timers if timer.kind == "EXIT_RETRY"]
    assert retry.due_ns == desk.now_ns + 2 * S_NS
    desk.mark(99)
    assert reason(desk) == "STOP_LOSS", "decided once, it is carried out"
    assert closed(desk, 99)["exit_order_id"].endswith("0x3")


def test_an_exit_closes_what_an_entry_filled_and_stops_the_entry() -> None:
    """EX-7, PX-1: sized from the filled quantity; the rest of the entry is cancelled."""
    desk = Desk()
    entry = desk.ordered(desk.ask())
    desk.release(entry)
    desk.report(entry, "ACCEPTED")
    desk.fill(entry, 4)
    assert desk.position().phase == "ENTRY"
    decision = desk.mark(89)
    assert cancels(decision) == [entry]
    view = desk.core.order(desk.ordered(decision))
    assert view is not None
    assert view.qty_1e8 == 4 * E
    desk.fill(entry, 2)
    trade_pending = desk.fill(view.client_order_id, 4, 89)
    leftover = desk.ordered(trade_pending)
    desk.report(entry, "CANCELLED")
    trade = desk.events("TradeClosed", desk.fill(leftover, 2, 89))[0]
    assert trade["qty_1e8"] == 6 * E


def test_only_what_is_final_at_the_venue_is_sold() -> None:
    """EX-7: a provisional fill waits for its confirmation; a failed one never was."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    desk.fill(order, 6)
    desk.fill(order, 4, settlement="PROVISIONAL", execution_id="later")
    desk.mark(89)
    exit_order = desk.ordered()
    view = desk.core.order(exit_order)
    assert view is not None
    assert view.qty_1e8 == 6 * E
    assert desk.events("ExitTriggered", desk.fill(exit_order, 6, 89)) == []
    decision = desk.report(order, "SETTLED", execution_id="later")
    trade = desk.events("TradeClosed", desk.fill(desk.ordered(decision), 4, 88))[0]
    assert (trade["qty_1e8"], trade["reason"]) == (10 * E, "STOP_LOSS")


def test_a_settlement_that_fails_takes_the_shares_away() -> None:
    """EX-7: reversed by a journaled entry; flat without a trade."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    desk.fill(order, 10, settlement="PROVISIONAL", execution_id="p")
    desk.report(order, "REVERSED", execution_id="p", reason="failed settlement")
    assert desk.core.positions() == []
    assert desk.events("TradeClosed") == []
    assert desk.core.account().cash_1e8 == 0


def test_an_exit_of_unknown_fate_is_not_sent_twice() -> None:
    """EX-1: UNKNOWN counts as unfilled for exits, and the position waits for the broker's word."""
    desk = Desk(flight_max_ns=0)
    desk.enter()
    desk.mark(89)
    order = desk.ordered()
    desk.release(order)
    desk.tell(Message.no_answer(order))
    desk.mark(80)
    assert reason(desk) == ""
    assert desk.position().qty_1e8 == 10 * E
    for _ in range(2):
        desk.tell(Message.lookup_absent(order))
    desk.fire("EXIT_RETRY")
    assert desk.ordered() != order


def test_a_trade_says_what_it_was_meant_to_be_and_what_it_became() -> None:
    """PX-5, PX-7, EX-14: intended and real prices, slippage, the gap beyond the stop, fees, R."""
    desk = Desk()
    desk.enter(ExitPlan(stop_1e8=95 * E), price=100.02)
    entry_ns = desk.now_ns
    desk.mark(94.5)
    (triggered,) = desk.events("ExitTriggered")
    assert (triggered["trigger_1e8"], triggered["threshold_1e8"]) == (94.5 * E, 95 * E)
    desk.now_ns += S_NS
    trade = closed(desk, 94)
    assert trade["entry_1e8"] == round(100.02 * E)
    assert trade["entry_intended_1e8"] == 100 * E
    assert trade["entry_slippage_1e8"] == round(0.02 * E)
    assert trade["exit_intended_1e8"] == 94.5 * E
    assert trade["exit_slippage_1e8"] == E // 2
    assert trade["gap_1e8"] == E
    assert trade["gross_1e8"] == -round(60.2 * E)
    assert trade["fees_1e8"] == 2 * E // 100
    assert trade["net_1e8"] == trade["gross_1e8"] - trade["fees_1e8"]
    assert trade["risk_1e8"] == round(50.2 * E)
    assert trade["r_1e8"] == pytest.approx(-60.22 / 50.2 * E, abs=1)
    assert (trade["entry_ns"], trade["exit_ns"]) == (entry_ns, desk.now_ns)
    session = desk.core.strategy_session("s")
    assert (session.entries, session.opened, session.trades, session.stop_outs) == (1, 1, 1, 1)
    assert session.net_1e8 == trade["net_1e8"] == desk.core.account().session_net_1e8


def test_a_short_slips_the_other_way() -> None:
    """PX-5: above zero is worse on either side; multiplier honoured."""
    desk = Desk(limits_position_notional_max_1e8=500_000 * E, limits_exposure_max_ratio_1e8=5 * E)
    desk.mark(3000, "ES")
    desk.enter(
        ExitPlan(stop_1e8=3001 * E),
        symbol="ES",
        side="SELL",
        price=2999.75,
        qty_1e8=E,
        reference_1e8=3000 * E,
    )
    desk.mark(3001, "ES")
    trade = closed(desk, 3001.25)
    assert trade["entry_slippage_1e8"] == trade["exit_slippage_1e8"] == E // 4
    assert trade["gross_1e8"] == -round(1.5 * 50 * E)


def test_the_account_is_flat_before_its_session_ends() -> None:
    """KC-8: market exits, entries refused and cancelled, then a second look."""
    desk = Desk(auto_flatten_before_close_ns=5 * MIN_NS, flatten_check_before_close_ns=MIN_NS)
    desk.enter()
    decision = desk.fire("AUTO_FLATTEN")
    assert desk.now_ns == CLOSE_NS - 5 * MIN_NS
    assert "INFO" in severities(decision)
    assert reason(desk) == "AUTO_FLATTEN"
    exit_order = desk.ordered(decision)
    check = desk.fire("FLATTEN_CHECK")
    assert "ERROR" in severities(check)
    desk.fill(exit_order, 10)
    refused = desk.ask(setup_instance="m3")
    names = [c["name"] for c in desk.events("VerdictGiven", refused)[0]["failed"]]
    assert "SESSION_OPEN" in names


def test_what_was_held_over_the_end_of_a_session_is_closed_as_the_next_opens() -> None:
    """ST-9: an ERROR, and flattened where the account is meant to be flat."""
    desk = Desk(auto_flatten_before_close_ns=5 * MIN_NS)
    desk.enter()
    desk.now_ns = CLOSE_NS
    assert severities(desk.tell(Message.session_closed(DATE))) == ["ERROR"]
    desk.now_ns += 1000 * MIN_NS
    opened = Message.session_opened(20200103, desk.now_ns, desk.now_ns + 300 * MIN_NS)
    decision = desk.tell(opened)
    assert "ERROR" in severities(decision)
    assert reason(desk) == "AUTO_FLATTEN"
    closed(desk, 100)
