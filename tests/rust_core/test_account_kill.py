"""Kills and runtime controls of one account."""

from typing import Any

import pytest

from rust_core import ExitPlan, Message
from tests.rust_core.account_desk import MIN_NS, Desk, E, cancels, failed, severities


def kill(desk: Desk, level: str, kill_id: str = "k1") -> Any:
    """A kill by somebody."""
    return desk.tell(Message.kill(kill_id, level, "a test", "me"))


def resting(desk: Desk, strategy: str = "t") -> str:
    """An entry of another strategy that rests at $99 at the venue."""
    order = desk.ordered(desk.ask(strategy=strategy, order_type="LIMIT", limit_1e8=99 * E))
    desk.release(order)
    desk.report(order, "ACCEPTED")
    return order


def wide() -> Desk:
    """An account that may hold two positions in SPY."""
    return Desk(limits_positions_per_instrument_max=3)


def test_a_pause_stops_entries_and_nothing_else() -> None:
    """KC-1: exits and stops go on; it is done at once, and what stays open is no failure of it."""
    desk = Desk()
    desk.enter()
    decision = kill(desk, "PAUSE")
    (finished,) = desk.events("KillFinished", decision)
    assert (finished["cancelled"], finished["remaining"]) == (0, 0)
    assert desk.core.position("s", "SPY") is not None
    assert "KILL_LEVEL" in failed(desk.ask(setup_instance="m2", symbol="ES", strategy="t"))
    assert desk.ordered(desk.mark(89))


def test_a_flatten_cancels_closes_and_stays_until_the_venue_says_flat() -> None:
    """KC-1, KC-2: true counts, the reason of what was closed, and no earlier end."""
    desk = wide()
    desk.enter()
    order = resting(desk)
    decision = kill(desk, "FLATTEN")
    assert cancels(decision) == [order]
    exit_order = desk.ordered(decision)
    assert desk.events("ExitTriggered", decision)[0]["reason"] == "KILL_SWITCH"
    desk.report(order, "CANCELLED")
    assert "CRITICAL" in severities(desk.tell(Message.venue_flat(0, 1)))
    desk.fill(exit_order, 10, 99)
    assert desk.events("KillFinished") == []
    assert desk.tell(Message.venue_flat(1, 0)).events == ()
    (finished,) = desk.events("KillFinished", desk.tell(Message.venue_flat(0, 0)))
    counts = [finished[name] for name in ("cancelled", "closed", "failed", "remaining")]
    assert counts == [1, 1, 0, 0]
    account = desk.core.account()
    assert (account.kill_level, account.is_kill_finished) == ("FLATTEN", True)
    assert desk.tell(Message.venue_flat(0, 0)).is_empty, "said once"


def test_what_an_order_in_flight_fills_after_a_kill_is_closed() -> None:
    """KC-3: resolved, cancelled and closed when it becomes known."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    desk.release(order)
    assert cancels(kill(desk, "FLATTEN")) == []
    decision = desk.fill(order, 4)
    assert cancels(decision) == [order]
    first = desk.ordered(decision)
    desk.fill(first, 4)
    second = desk.ordered(desk.fill(order, 6))
    desk.fill(second, 6)
    assert {trade["reason"] for trade in desk.events("TradeClosed")} <= {
        "KILL_SWITCH",
        "EXECUTION_ERROR",
    }
    assert desk.core.positions() == []


def test_an_intent_that_did_not_leave_before_a_kill_never_does() -> None:
    """KC-3: the release refuses, and the order is NOT_SENT."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    kill(desk, "FLATTEN")
    desk.tell(Message.not_released(order, "KILL_FLATTEN"))
    assert desk.state(order) == "NOT_SENT"
    desk.tell(Message.venue_flat(0, 0))
    assert desk.core.account().is_kill_finished


def test_a_kill_id_acts_once_and_a_second_kill_is_answered_too() -> None:
    """KC-2, KC-3: the level never falls by a later, lesser kill."""
    desk = Desk()
    kill(desk, "FLATTEN")
    assert kill(desk, "FLATTEN").is_empty
    assert kill(desk, "EMERGENCY").is_empty, "the same id"
    kill(desk, "PAUSE", "k2")
    assert desk.core.account().kill_level == "FLATTEN"
    finished = desk.events("KillFinished", desk.tell(Message.venue_flat(0, 0)))
    assert [one["kill_id"] for one in finished] == ["k1", "k2"]


def test_a_kill_is_lifted_by_a_person_after_it_is_done() -> None:
    """KC-1, KC-2: not before the venue confirmed; the refusal is journaled with its author."""
    desk = Desk()
    kill(desk, "FLATTEN")
    decision = desk.tell(Message.resume("me"))
    assert desk.core.account().kill_level == "FLATTEN"
    (refused,) = desk.events("ControlChanged", decision)
    assert (refused["author"], refused["name"]) == ("me", "kill_level")
    assert "not finished" in refused["refused"]
    desk.tell(Message.venue_flat(0, 0))
    desk.tell(Message.resume("me", reason="looked at it"))
    assert desk.core.account().kill_level == "NONE"
    assert desk.ordered(desk.ask())
    assert desk.tell(Message.resume("me")).is_empty


def test_an_emergency_ends_only_by_a_person_who_says_so() -> None:
    """KC-1: an author and an explicit re-arming."""
    desk = Desk()
    kill(desk, "EMERGENCY")
    desk.tell(Message.venue_flat(0, 0))
    for resume in (Message.resume("me"), Message.resume("", rearm=True)):
        desk.tell(resume)
        assert desk.core.account().kill_level == "EMERGENCY"
    desk.tell(Message.resume("me", rearm=True))
    assert desk.core.account().kill_level == "NONE"


def test_an_emergency_closes_or_leaves_positions_as_configured() -> None:
    """KC-1: everything is cancelled either way."""
    for policy, closes in (("CLOSE", True), ("LEAVE", False)):
        desk = Desk(emergency=policy, limits_positions_per_instrument_max=3)
        desk.enter()
        order = resting(desk)
        decision = kill(desk, "EMERGENCY")
        assert cancels(decision) == [order]
        assert bool(desk.events("ExitTriggered", decision)) is closes
        desk.report(order, "CANCELLED")
        if closes:
            continue
        (finished,) = desk.events("KillFinished", desk.tell(Message.venue_flat(0, 1)))
        assert finished["remaining"] == 1
        assert desk.core.position("s", "SPY") is not None


def test_what_an_emergency_leaves_is_left_with_its_stop() -> None:
    """KC-1, PX-8: no target, no advice and no time closes it, but a local stop still does."""
    desk = Desk(emergency="LEAVE")
    desk.enter(ExitPlan(stop_ratio_1e8=E // 10, target_ratio_1e8=E // 10))
    kill(desk, "EMERGENCY")
    assert desk.core.account().kill_remaining == 0
    assert desk.mark(120).is_empty
    assert desk.tell(Message.exit_advice("s", "SPY", "MANUAL", "out", 0)).is_empty
    (finished,) = desk.events("KillFinished", desk.tell(Message.venue_flat(0, 1)))
    assert (finished["closed"], finished["remaining"]) == (0, 1)
    decision = desk.mark(89)
    assert desk.events("ExitTriggered", decision)[0]["reason"] == "STOP_LOSS"
    order = desk.ordered(decision)
    desk.release(order)
    desk.report(order, "REJECTED", reason="no market")
    desk.fill(desk.ordered(desk.fire("EXIT_RETRY")), 10, 88)
    assert desk.core.positions() == []


def test_a_stop_under_way_when_positions_are_left_goes_on() -> None:
    """KC-1, PX-8: an EMERGENCY that leaves positions does not cancel the stop of one."""
    desk = Desk(emergency="LEAVE")
    desk.enter()
    order = desk.ordered(desk.mark(89))
    desk.release(order)
    desk.report(order, "ACCEPTED")
    assert cancels(kill(desk, "EMERGENCY")) == []
    desk.fill(order, 10, 89)
    (finished,) = desk.events("KillFinished", desk.tell(Message.venue_flat(0, 0)))
    assert (finished["closed"], finished["remaining"]) == (1, 0)


def test_a_position_on_its_way_out_at_the_kill_counts_as_closed() -> None:
    """KC-2: true counts: whoever asked sees every position that was open and is gone."""
    desk = Desk()
    desk.enter()
    order = desk.ordered(desk.mark(89))
    kill(desk, "FLATTEN")
    desk.fill(order, 10, 89)
    (trade,) = desk.events("TradeClosed")
    assert trade["reason"] == "STOP_LOSS"
    (finished,) = desk.events("KillFinished", desk.tell(Message.venue_flat(0, 0)))
    assert (finished["closed"], finished["remaining"]) == (1, 0)


def test_an_exit_that_fails_under_a_kill_is_counted_and_tried_again() -> None:
    """KC-2, KC-5: latched with what remains; the flag blocks entries all the while."""
    desk = wide()
    desk.enter()
    order = resting(desk)
    first = desk.ordered(kill(desk, "FLATTEN"))
    desk.tell(Message.cancel_failed(order, "timeout"))
    desk.report(first, "REJECTED", reason="no market")
    assert desk.core.account().kill_failed >= 1
    assert desk.core.account().kill_remaining == 2
    assert "KILL_LEVEL" in failed(desk.ask(setup_instance="m9"))
    second = desk.ordered(desk.fire("EXIT_RETRY"))
    desk.fill(second, 10)
    desk.report(order, "CANCELLED")
    (finished,) = desk.events("KillFinished", desk.tell(Message.venue_flat(0, 0)))
    assert (finished["closed"], finished["cancelled"]) == (1, 1)


def test_a_killed_account_comes_back_killed() -> None:
    """KC-4: the level, its ids and what is unfinished survive a restart."""
    desk = Desk()
    desk.enter()
    kill(desk, "FLATTEN")
    desk.core = desk.rehydrated()
    account = desk.core.account()
    assert (account.kill_level, account.kill_id, account.is_kill_finished) == (
        "FLATTEN",
        "k1",
        False,
    )
    assert kill(desk, "FLATTEN").is_empty
    assert "KILL_LEVEL" in failed(desk.ask(setup_instance="m2"))
    with pytest.raises(ValueError, match="level must be one of PAUSE"):
        Message.kill("k", "NONE", "", "")


CONTROLS = [
    ("max_position", '"3"', "qty"),
    ("max_notional", '"250.5"', "qty"),
    ("max_open_positions", "0", "OPEN_POSITIONS"),
    ("allowed_instruments", '["ES"]', "INSTRUMENT_ALLOWED"),
    ("allowed_strategies", "[]", "STRATEGY_ALLOWED"),
]


@pytest.mark.parametrize(("name", "value", "check"), CONTROLS)
def test_a_control_narrows_at_once_and_null_gives_back(name: str, value: str, check: str) -> None:
    """KC-6: journaled with who, old and new; it survives a restart."""
    desk = Desk()
    decision = desk.tell(Message.control(name, value, "me"))
    (changed,) = desk.events("ControlChanged", decision)
    assert [changed[k] for k in ("name", "old", "new", "author")] == [name, "null", value, "me"]
    desk.core = desk.rehydrated()
    asked = desk.ask()
    if check == "qty":
        expected = 3 if name == "max_position" else 2
        assert desk.events("VerdictGiven", asked)[0]["qty_1e8"] == expected * E
    else:
        assert failed(asked) == [check]
    desk.tell(Message.control(name, "null", "me"))
    again = desk.events("VerdictGiven", desk.ask(setup_instance="m2"))[0]
    if check != "qty":
        assert again["is_approved"]
    assert again["qty_1e8"] == 10 * E


def test_a_control_never_loosens_what_is_configured() -> None:
    """RK-14: rails are loosened by name in the configuration, not at run time."""
    desk = Desk(limits_positions_max=1, limits_position_notional_max_1e8=500 * E)
    for name, value in [("max_open_positions", "9"), ("max_notional", '"9999"')]:
        desk.tell(Message.control(name, value, "me"))
    assert desk.events("VerdictGiven", desk.ask())[0]["qty_1e8"] == 5 * E


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_position", "[]"),
        ("max_position", '"-1"'),
        ("max_notional", '"1.123456789"'),
        ("max_open_positions", '"x"'),
        ("allowed_strategies", '"all"'),
        ("max_position", "{"),
        ("trading_mode", '"LIVE"'),
    ],
)
def test_a_wrong_control_changes_nothing(name: str, value: str) -> None:
    """KC-6: refused with what was expected, and the attempt is on record."""
    desk = Desk()
    decision = desk.tell(Message.control(name, value, "me"))
    (refused,) = desk.events("ControlChanged", decision)
    assert refused["refused"]
    assert desk.core.account().controls == {}
    assert severities(decision) == ["WARNING"]


def test_a_lower_session_loss_stops_entries_as_soon_as_it_is_passed() -> None:
    """KC-6, RK-4: the control moves the daily limit, and a restart does not give it back."""
    desk = Desk()
    desk.enter()
    desk.mark(95)
    desk.tell(Message.control("max_session_loss", '"40"', "me"))
    decision = desk.mark(95)
    (tripped,) = desk.events("ProtectionTripped", decision)
    assert tripped["name"] == "DAILY_LOSS"
    assert tripped["limit"] == 40 * E
    desk.mark(89)
    desk.fill(desk.ordered(), 10, 89)
    desk.core = desk.rehydrated()
    assert failed(desk.ask(setup_instance="m2")) == ["PROTECTIONS"]


def test_a_halt_from_outside_stops_entries_of_its_scope() -> None:
    """EX-9: reconciliation or an assertion stops one instrument; exits go on."""
    desk = Desk()
    desk.enter(ExitPlan(stop_ratio_1e8=E // 10))
    desk.tell(Message.halt("INSTRUMENT", "SPY", "quantity differs"))
    assert desk.tell(Message.halt("INSTRUMENT", "SPY", "quantity differs")).is_empty
    assert "HALTED" in failed(desk.ask(setup_instance="m2", strategy="t"))
    desk.now_ns += MIN_NS
    assert desk.ordered(desk.mark(89))
