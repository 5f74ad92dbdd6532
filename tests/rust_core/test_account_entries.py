"""From a signal to an intent: sizes, limits, and every reason to refuse."""

from typing import Any

import orjson
import pytest

from rust_core import AccountCore, ExitPlan, Leg, Message, Signal, Submit
from tests.rust_core.account_desk import (
    CLOSE_NS,
    DATE,
    MIN_NS,
    OFF,
    OPEN_NS,
    S_NS,
    Desk,
    E,
    config,
    failed,
    severities,
)


def size(desk: Desk, **changes: Any) -> int:
    """Quantity that a signal comes out at."""
    plan = changes.pop("plan", None)
    verdict = desk.events("VerdictGiven", desk.ask(plan, **changes))[0]
    quantity: int = verdict["qty_1e8"]
    return quantity


def test_a_size_follows_from_the_risk_and_every_cap_lowers_it() -> None:
    """RK-2, RK-3: risk over the loss of one unit; a signal's own figures only lower it."""
    tenth = ExitPlan(stop_ratio_1e8=E // 20)
    assert size(Desk(), plan=tenth, qty_1e8=None) == 20 * E
    assert size(Desk(), plan=tenth, qty_1e8=None, risk_1e8=50 * E) == 10 * E
    assert size(Desk(), plan=tenth, qty_1e8=None, risk_1e8=5000 * E) == 20 * E
    assert size(Desk(), plan=tenth, qty_1e8=7 * E) == 7 * E
    assert size(Desk(), plan=tenth, qty_1e8=7_000 * E) == 20 * E
    assert size(Desk(limits_position_qty_max_1e8=4 * E), plan=tenth) == 4 * E
    assert size(Desk(limits_position_notional_max_1e8=350 * E), plan=tenth) == 3 * E
    waived = ExitPlan(no_stop="canary")
    risk = {"per_trade_1e8": 100 * E}
    assert size(Desk(risk=risk), plan=waived, qty_1e8=None) == E
    risk["unstopped_ratio_1e8"] = E // 10
    assert size(Desk(risk=risk), plan=waived, qty_1e8=None) == 10 * E


def test_a_verdict_holds_the_figures_of_what_passed() -> None:
    """PM-1, RK-1: each limit that was compared, with what was found, approved or refused."""
    desk = Desk()
    (verdict,) = desk.events("VerdictGiven", desk.ask())
    assert verdict["failed"] == []
    passed = {check["name"]: check for check in verdict["passed"]}
    assert list(passed) == [
        *("ENTRIES_PER_WINDOW", "OPEN_POSITIONS_PER_SYMBOL", "OPEN_POSITIONS", "MARK_FRESH"),
        *("TRADE_LOSS", "BUYING_POWER", "POSITION_NOTIONAL"),
        *("INSTRUMENT_EXPOSURE", "PORTFOLIO_EXPOSURE"),
    ]
    assert all(0 <= check["value"] <= check["limit"] for check in verdict["passed"])
    assert passed["POSITION_NOTIONAL"]["value"] == verdict["qty_1e8"] * 100
    units = {name: check["unit"] for name, check in passed.items()}
    assert (units["MARK_FRESH"], units["OPEN_POSITIONS"]) == ("NS", "COUNT")
    (refused,) = desk.events("VerdictGiven", desk.ask(setup_instance="m2"))
    names = {check["name"] for check in refused["failed"]}
    assert names
    assert names.isdisjoint(check["name"] for check in refused["passed"])


def test_nothing_is_bought_when_the_risk_buys_nothing() -> None:
    """RK-2: sized to nothing is an outcome with a name of its own, and nobody's fault."""
    desk = Desk()
    decision = desk.ask(plan=ExitPlan(stop_ratio_1e8=E // 20), risk_1e8=E, qty_1e8=None)
    assert failed(decision) == ["ZERO_SIZE"]
    (verdict,) = desk.events("VerdictGiven", decision)
    assert "left nothing" in verdict["failed"][0]["detail"]
    assert severities(decision) == []
    assert decision.claims == ()


def test_nothing_is_bought_when_the_throttle_leaves_nothing() -> None:
    """RK-8, RK-2: half of one unit is none, told like any refusal."""
    desk = Desk(protections=OFF | {"daily_loss": {"limit_1e8": 100 * E}})
    desk.enter()
    desk.mark(94.9)
    desk.tell(Message.exit_advice("s", "SPY", "MANUAL", "out", 0))
    desk.fill(desk.ordered(), 10, 94.9)
    decision = desk.ask(setup_instance="m2", reference_1e8=95 * E, qty_1e8=E)
    assert failed(decision) == ["ZERO_SIZE"]
    assert "THROTTLE" in desk.events("VerdictGiven", decision)[0]["failed"][0]["detail"]
    assert severities(decision) == []


def test_a_quantity_that_is_not_above_zero_is_a_fault_of_whoever_asked() -> None:
    """EX-10: CRITICAL, whatever the size would have been."""
    desk = Desk()
    decision = desk.ask(qty_1e8=0)
    assert "QTY_POSITIVE" in failed(decision)
    assert severities(decision) == ["CRITICAL"]
    assert decision.claims == ()


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"order_type": "LIMIT"}, "REQUIRED_FIELDS"),
        ({"tif": "GTX"}, "REQUIRED_FIELDS"),
        ({"order_type": "LIMIT", "limit_1e8": 99 * E + 1}, "PRICE_TICK"),
        ({"order_type": "LIMIT", "limit_1e8": 97 * E}, "COLLAR"),
        ({"order_type": "STOP", "trigger_1e8": 110 * E}, "COLLAR"),
        ({"symbol": "TSLA"}, "INSTRUMENT_KNOWN"),
        ({"session_date": DATE + 1}, "SESSION_OPEN"),
        ({"setup_instance": "a/b"}, "REQUIRED_FIELDS"),
        ({"legs": [Leg("SPY", "BUY"), Leg("ES", "SELL")]}, "REQUIRED_FIELDS"),
        ({"vetoes": [("news", "earnings today")]}, "POLICY_VETO"),
        ({"plan": ExitPlan(stop_1e8=101 * E)}, "PROTECTIVE_STOP"),
        ({"plan": ExitPlan(no_stop="x", target_r_1e8=E)}, "TAKE_PROFIT"),
        ({"plan": ExitPlan(stop_1e8=90 * E, trailing_ratio_1e8=E)}, "TAKE_PROFIT"),
    ],
)
def test_a_signal_that_cannot_be_meant_is_refused_by_name(
    changes: dict[str, Any], check: str
) -> None:
    """EX-10, RK-1, RK-16: before the network, with the check that failed."""
    desk = Desk()
    decision = desk.ask(**changes)
    assert check in failed(decision)
    assert not [effect for effect in decision.effects if isinstance(effect, Submit)]
    assert [event.kind for event in decision.events][:2] == ["SignalReceived", "VerdictGiven"]


def test_every_failed_check_is_listed() -> None:
    """RK-1: not only the first."""
    desk = Desk()
    desk.enter()
    desk.tell(Message.kill("k", "PAUSE", "test", "me"))
    names = failed(
        desk.ask(setup_instance="m2", order_type="LIMIT", limit_1e8=90 * E, vetoes=[("p", "no")])
    )
    assert {"KILL_LEVEL", "COLLAR", "POLICY_VETO", "OPEN_POSITIONS_PER_SYMBOL"} <= set(names)


def test_one_position_per_strategy_and_instrument() -> None:
    """EX-7, EX-12: one step inside, exactly at the limit."""
    desk = Desk(limits_positions_per_instrument_max=2)
    desk.enter()
    assert "OPEN_POSITIONS_PER_SYMBOL" in failed(desk.ask(setup_instance="m2"))
    assert desk.ordered(desk.ask(strategy="t"))
    assert failed(desk.ask(strategy="u")) == ["OPEN_POSITIONS_PER_SYMBOL"]


def test_entries_are_counted_by_window_and_instrument() -> None:
    """EX-12: at most N in a window; exits are exempt; the window moves on."""
    desk = Desk(limits_entries_per_window_max=2, limits_entry_window_ns=10 * MIN_NS)
    for setup in ("m1", "m2"):
        desk.enter(setup_instance=setup)
        desk.mark(89)
        desk.fill(desk.ordered(), 10, 89)
        desk.mark(100)
    assert failed(desk.ask(setup_instance="m3")) == ["ENTRIES_PER_WINDOW"]
    desk.mark(100, minutes=6)
    assert desk.ordered(desk.ask(setup_instance="m4"))


def test_a_strategy_may_enter_so_often_in_a_session() -> None:
    """EX-12: `entries_per_session_max` counts what was intended; a new session begins at zero."""
    desk = Desk(limits_entries_per_session_max=1)
    desk.enter()
    desk.mark(89)
    desk.fill(desk.ordered(), 10, 89)
    assert "ENTRIES_PER_WINDOW" in failed(desk.ask(setup_instance="m2"))
    desk.now_ns = CLOSE_NS
    desk.tell(Message.session_closed(DATE))
    desk.now_ns += 1000 * MIN_NS
    desk.tell(Message.session_opened(20200103, desk.now_ns, desk.now_ns + 300 * MIN_NS))
    desk.mark(100)
    assert desk.ordered(desk.ask(setup_instance="m3", session_date=20200103))


def test_exposure_counts_what_is_open_and_what_is_coming() -> None:
    """PF-3, RK-13, EX-1: an entry under way counts as filled; above the ratio only exits pass."""
    desk = Desk(limits_exposure_max_ratio_1e8=3 * E // 100, limits_positions_per_instrument_max=9)
    desk.ask(strategy="a")
    desk.ask(strategy="b")
    assert desk.ordered(desk.ask(strategy="c"))
    names = failed(desk.ask(strategy="d", qty_1e8=E))
    assert "PORTFOLIO_EXPOSURE" in names


def test_without_a_price_or_with_an_old_one_nothing_is_entered() -> None:
    """EX-10: fail closed; one step inside, exactly at, outside."""
    desk = Desk(limits_reference_age_max_ns=MIN_NS)
    assert "MARK_FRESH" in failed(desk.ask(symbol="ES", strategy="t"))
    desk.now_ns += MIN_NS
    assert desk.ordered(desk.ask())
    desk.now_ns += 1
    assert "MARK_FRESH" in failed(desk.ask(setup_instance="m2", strategy="t"))


def test_entries_need_the_brokers_own_fresh_figure() -> None:
    """EX-13, RK-4: missing and old fail closed, exactly at its age it counts."""
    desk = Desk(equity_source="BROKER", entry_balance_age_max_ns=5 * S_NS)
    assert {"BUYING_POWER", "EQUITY_KNOWN"} <= set(failed(desk.ask()))
    balance = Message.balance(100_000 * E, 100_000 * E, 50_000 * E, desk.now_ns)
    desk.tell(balance)
    desk.now_ns += 5 * S_NS
    asked = desk.ask(setup_instance="m2")
    assert "BUYING_POWER" not in failed(asked)
    desk.now_ns += 1
    assert "BUYING_POWER" in failed(desk.ask(setup_instance="m3"))


def test_what_may_be_spent_is_less_what_is_coming() -> None:
    """EX-13: live entries are reserved from the broker's figure."""
    desk = Desk(equity_source="BROKER", limits_positions_per_instrument_max=9)
    desk.tell(Message.balance(100_000 * E, 100_000 * E, 1500 * E, desk.now_ns))
    desk.now_ns += MIN_NS
    desk.tell(Message.session_opened(DATE + 1, desk.now_ns, desk.now_ns + 60 * MIN_NS))
    desk.tell(Message.balance(100_000 * E, 100_000 * E, 1500 * E, desk.now_ns))
    desk.mark(100, minutes=0.1)
    assert desk.ordered(desk.ask(session_date=DATE + 1))
    assert failed(desk.ask(session_date=DATE + 1, strategy="t")) == ["BUYING_POWER"]


def test_outside_of_a_session_nothing_is_entered() -> None:
    """RK-6: before the open, and from the close on."""
    desk = Desk()
    desk.now_ns = CLOSE_NS
    desk.mark(100, minutes=0)
    assert "SESSION_OPEN" in failed(desk.ask())


def test_a_losing_day_halves_the_size_and_then_stops() -> None:
    """RK-4, RK-8: each is journaled as it happens, and stays after a restart."""
    desk = Desk(protections=OFF | {"daily_loss": {"limit_1e8": 100 * E}})
    desk.enter()
    decision = desk.mark(94.9)
    (throttled,) = desk.events("ThrottleChanged", decision)
    assert throttled["after"]["ratio_1e8"] == E // 2
    desk.tell(Message.exit_advice("s", "SPY", "MANUAL", "out", 0))
    desk.fill(desk.ordered(), 10, 94.9)
    assert size(desk, setup_instance="m2", reference_1e8=95 * E) == 5 * E
    desk.core = desk.rehydrated()
    desk.fill(f"p-main-s-{DATE}-m2-0e1", 5, 95)
    decision = desk.mark(85)
    assert [t["name"] for t in desk.events("ProtectionTripped", decision)] == ["DAILY_LOSS"]
    desk.fill(desk.ordered(), 5, 85)
    assert failed(desk.ask(setup_instance="m3", reference_1e8=85 * E)) == ["PROTECTIONS"]
    desk.core = desk.rehydrated()
    assert failed(desk.ask(setup_instance="m3", reference_1e8=85 * E)) == ["PROTECTIONS"]


def test_a_cool_down_ends_by_its_own_timer() -> None:
    """RK-6: after a stop-out, for an hour; visible with its end, and told when it is over."""
    desk = Desk(protections={n: c for n, c in OFF.items() if n != "cooldown_period"})
    desk.enter()
    desk.mark(89)
    desk.fill(desk.ordered(), 10, 89)
    (view,) = [p for p in desk.core.account().protections if p.name == "COOLDOWN_PERIOD"]
    assert (view.status, view.until_ns) == ("COOLING", desk.now_ns + 60 * MIN_NS)
    assert failed(desk.ask(setup_instance="m2", reference_1e8=89 * E)) == ["PROTECTIONS"]
    desk.core = desk.rehydrated()
    decision = desk.fire("PROTECTION")
    assert [c["name"] for c in desk.events("ProtectionCleared", decision)] == ["COOLDOWN_PERIOD"]
    desk.mark(89)
    assert desk.ordered(desk.ask(setup_instance="m3", reference_1e8=89 * E))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"capital": 1}, "unknown field `capital`"),
        ({"account": "a/b"}, "account must be a short name"),
        ({"capital_1e8": 0}, "capital_1e8 must be above zero, was 0"),
        ({"instruments": []}, "instruments must hold at least one"),
        ({"limits_entries_per_window_max": 65}, "between 0 and 64, was 65"),
        ({"limits_collar_ratio_1e8": 0}, "collar_ratio_1e8 must be above zero"),
        ({"mode": "REAL"}, "unknown variant `REAL`"),
    ],
)
def test_a_wrong_configuration_says_what_was_expected(change: dict[str, Any], text: str) -> None:
    """RK-14: nothing is guessed, and rails cannot be left out."""
    with pytest.raises(ValueError, match=text):
        AccountCore(orjson.dumps(config(**change)))


@pytest.mark.parametrize("missing", ["position_notional_max_1e8", "exposure_max_ratio_1e8"])
def test_a_rail_cannot_be_left_out(missing: str) -> None:
    """RK-14: loosened by name, never by omission."""
    broken = config()
    del broken["limits"][missing]
    with pytest.raises(ValueError, match=f"missing field `{missing}`"):
        AccountCore(orjson.dumps(broken))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "neither was given"),
        ({"stop_1e8": 1, "no_stop": "x"}, "both was given"),
        ({"stop_1e8": 1, "stop_ratio_1e8": 1}, "given twice"),
        ({"stop_1e8": 0}, "stop must be above zero, was 0"),
        ({"stop_1e8": 1, "target_1_1e8": 2}, "target_1_portion_ratio_1e8"),
        ({"no_stop": ""}, "neither was given"),
    ],
)
def test_a_plan_without_a_stop_must_say_so_by_name(fields: dict[str, Any], text: str) -> None:
    """EX-10, PX-8: a stop above zero, or declared none by name."""
    with pytest.raises(ValueError, match=text):
        ExitPlan(**fields)


def test_a_signal_is_journaled_as_it_was_asked() -> None:
    """SG-1: legs, plan, reason, confidence, reference."""
    signal = Signal(
        strategy="s",
        setup_instance="m1",
        session_date=DATE,
        legs=[Leg("SPY", "BUY")],
        plan=ExitPlan(stop_ratio_1e8=E // 10),
        reference_1e8=100 * E,
        reference_ns=OPEN_NS,
        reason="below its average",
        confidence_ratio_1e8=E // 2,
    )
    desk = Desk()
    desk.tell(Message.signal(signal))
    (received,) = desk.events("SignalReceived")
    assert received == orjson.loads(signal.json)
    assert received["signal_id"] == f"s/{DATE}/m1"
    assert signal.with_vetoes([("p", "no")]) != signal


def test_a_protection_that_cannot_know_refuses() -> None:
    """RK-7, RK-4: what cannot be computed refuses by name, and shows as UNKNOWN; exits go on."""
    protections = {**OFF, "daily_loss": {"enabled": True, "limit_1e8": 1000 * E}}
    desk = Desk(equity_source="BROKER", protections=protections)
    decision = desk.ask()
    assert "PROTECTIONS" in failed(decision)
    (verdict,) = desk.events("VerdictGiven", decision)
    details = {check["detail"] for check in verdict["failed"]}
    assert "DAILY_LOSS cannot be computed" in details
    states = {each.name: each.status for each in desk.core.account().protections}
    assert states["DAILY_LOSS"] == "UNKNOWN"


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_the_worst_price_of_an_ioc_is_the_signals_own_limit(side: str) -> None:
    """EX-18: not its target, not the mark, not what it was decided on."""
    desk = Desk()
    plan = ExitPlan(stop_ratio_1e8=E // 20, target_ratio_1e8=E // 10)
    limit_1e8 = 101 * E if side == "BUY" else 99 * E
    decision = desk.ask(plan, side=side, order_type="LIMIT", tif="IOC", limit_1e8=limit_1e8)
    (intended,) = desk.events("OrderIntended", decision)
    assert (intended["tif"], intended["limit_1e8"]) == ("IOC", limit_1e8)
    assert limit_1e8 not in (intended["reference_1e8"], 100 * E)
    (submit,) = [each for each in decision.effects if isinstance(each, Submit)]
    assert orjson.loads(submit.submission.intent)["limit_1e8"] == limit_1e8
