"""The assertions, the breakers and the triggers in the whole system (WD-3, WD-5, KC-7)."""

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec
import orjson
import pytest

from actors.assertions import Around, Assertion, Broken, broken
from actors.breakers import Breakers
from actors.checks import check_all
from actors.drill import Drilled, drill
from actors.operator_words import Answer, Changed, ControlRequest
from actors.trader_port import RunningTrader, status_of
from actors.triggers import Trigger, fired_by
from brokers.breaker import BreakerLimits, BreakerState
from console.invariants import invariants
from research.crash.market import busy_config, busy_tape
from rust_core import AccountCore, Message
from streams.tape import Tape
from tests.rust_core.account_desk import FLIGHT_NS, Desk
from tests.support.play import CONFIGS, Played, play, prepare
from trading.config import BreakersSection, Config, TriggersSection
from trading.config_reader import load
from trading.errors import SetupError

S_NS = 1_000_000_000
Market = tuple[Config, Tape]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    """A configuration and a session with many trades in parts."""
    directory = tmp_path_factory.mktemp("busy")
    return load(busy_config(directory)), Tape(busy_tape(directory, sessions=1))


def around(**changes: Any) -> Around:
    """All is fresh."""
    fields: dict[str, Any] = {
        "now_ns": 100 * S_NS,
        "compared_ns": 90 * S_NS,
        "compared_age_max_ns": 30 * S_NS,
        "beats": {"feed:main": S_NS},
        "beat_age_max_ns": 10 * S_NS,
    }
    return Around(**(fields | changes))


def names(found: list[Broken]) -> list[str]:
    """Which do not hold."""
    return [str(each.assertion) for each in found]


def test_sound_books_and_a_fresh_world_break_nothing() -> None:
    """WD-5: there are ten, and none fires on a trade from entry to exit."""
    assert len(Assertion) == 10
    desk = Desk()
    desk.enter()
    assert broken(desk.core, around()) == []
    desk.mark(89)
    desk.fill(desk.ordered(), 10, 89)
    assert broken(desk.core, around()) == []


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"compared_ns": 60 * S_NS}, "positions_equal"),
        ({"beats": {"feed:main": 11 * S_NS}}, "heartbeat"),
    ],
)
def test_what_was_not_heard_of_for_too_long_is_only_stale(
    changes: dict[str, Any], name: str
) -> None:
    """WD-5 (3), (9): the age of the snapshot and of each beat is bounded."""
    (found,) = broken(Desk().core, around(**changes))
    assert (str(found.assertion), found.is_only_stale) == (name, True)


def test_a_position_that_the_venue_denies_breaks_its_assertion() -> None:
    """WD-5 (3): as long as the difference stands."""
    desk = Desk()
    desk.enter()
    for _ in range(2):
        desk.tell(Message.stated(desk.core.version, positions=[("SPY", 1, 0)]))
        desk.now_ns += FLIGHT_NS
    found = broken(desk.core, around())
    assert [(str(each.assertion), each.is_only_stale) for each in found] == [
        ("positions_equal", False)
    ]


def tampered(kind: str, **fields: Any) -> AccountCore:
    """A core that was told a journal in which one event was changed."""
    desk = Desk()
    desk.enter()
    core = AccountCore(desk.config)
    for row_kind, payload, at_ns in desk.journal:
        told = payload
        if row_kind == kind:
            told = orjson.dumps(_merged(orjson.loads(payload), fields))
        core.rehydrate(row_kind, told, at_ns)
    return core


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    nested = {
        key: _merged(old[key], value) if isinstance(value, dict) else value
        for key, value in new.items()
    }
    return old | nested


@pytest.mark.parametrize(
    ("kind", "fields", "name"),
    [
        ("OrderFilled", {"filled_1e8": 1}, Assertion.FILL_CONFIRMED),
        ("OrderFilled", {"execution_id": ""}, Assertion.FILL_CONFIRMED),
        ("OrderFilled", {"ledger": {"cash_1e8": 5_000_000}}, Assertion.PNL_CASH),
        ("OrderIntended", {"instrument": "GONE"}, Assertion.IN_SCOPE),
        ("PositionChanged", {"qty_1e8": 1}, Assertion.STATE_LEGAL),
        ("PositionChanged", {"entry_intended_1e8": 10**13}, Assertion.CAPITAL_CAP),
        ("OrderChanged", {"new": "WORKING", "broker_order_id": ""}, Assertion.ORDER_ID),
    ],
)
def test_each_assertion_sees_what_it_is_for(
    kind: str, fields: dict[str, Any], name: Assertion
) -> None:
    """WD-5 (2), (4), (5), (6), (8), (10): books that were tampered with contradict themselves."""
    core = tampered(kind, **fields)
    assert name in {Assertion(each) for each, _, _ in core.faults()}


def test_entries_of_one_signal_and_of_sessions_to_come_are_seen() -> None:
    """WD-5 (1), (7): two living entries of a signal; one for a session that has not begun."""
    desk = Desk()
    desk.ask(order_type="LIMIT", limit_1e8=99 * 10**8)
    core = AccountCore(desk.config)
    for kind, payload, at_ns in desk.journal:
        core.rehydrate(kind, payload, at_ns)
    (intent,) = [payload for kind, payload, _ in desk.journal if kind == "OrderIntended"]
    other = orjson.loads(intent) | {"client_order_id": "p-main-s-20200102-m1-0e2"}
    core.rehydrate("OrderIntended", orjson.dumps(other), desk.now_ns)
    assert [name for name, _, _ in core.faults()] == ["signal_order"]
    later = other | {"session_date": 20990101, "signal_id": "x", "client_order_id": "p-main-z"}
    core.rehydrate("OrderIntended", orjson.dumps(later), desk.now_ns)
    assert [name for name, _, _ in core.faults()] == ["signal_order", "window_begun"]


def test_a_whole_session_breaks_no_assertion(market: Market) -> None:
    """WD-5: after every decision and in every sweep."""
    played = play(*market)
    memory = played.system.wiring.checks_memory
    assert memory.looks > 50
    (counted,) = played.payloads("AssertionsCounted", "system")
    assert (counted["asserted"], counted["decisions"]) == (10, memory.decisions)
    assert 50 < counted["sweeps"] <= memory.looks
    decided = [each for each in played.payloads("VerdictGiven") if each["is_approved"]]
    assert counted["decisions"] > len(decided) > 0
    assert memory.failing == {}
    assert played.system.wiring.breakers.is_any_shut() is False
    assert played.payloads("AssertionFailed", "system") == []


def test_books_that_a_decision_leaves_unsound_let_none_of_its_orders_leave(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WD-5: looked at with each decision, and told before anything is handed over; no sweep."""
    monkeypatch.setattr("actors.checks.broken", lambda *_: [])
    config = msgspec.structs.replace(market[0], triggers=TriggersSection(assertion=None))
    played = prepare(config, market[1])
    played.lane.run(until_ns=market[1].row(3)[0])
    core = played.system.core
    assert core is not None
    (opened,) = played.payloads("SessionOpened")
    wrong = _merged(opened, {"ledger": {"cash_1e8": 5_000_000}})
    core.rehydrate("SessionOpened", orjson.dumps(wrong), played.lane.now_ns())
    played.finish()
    failed = played.payloads("AssertionFailed", "system")
    assert {each["assertion"] for each in failed} == {"pnl_cash"}
    assert played.payloads("OrderIntended") != []
    assert {each["new"] for each in played.payloads("OrderChanged")} == {"NOT_SENT"}


def failing(market: Market, monkeypatch: pytest.MonkeyPatch, **triggers: Any) -> Played:
    """A run whose books contradict themselves once, a minute after the open."""
    config = msgspec.structs.replace(market[0], triggers=TriggersSection(**triggers))
    played = prepare(config, market[1])
    played.lane.run(until_ns=market[1].row(60)[0])
    wrong = Broken(Assertion.PNL_CASH, "", "cash and profit must agree, are 5 apart")
    with monkeypatch.context() as patched:
        patched.setattr("actors.checks.broken", lambda *_: [wrong])
        check_all(played.system.wiring.checks_plan)
    return played


def test_a_failed_assertion_is_logged_opens_the_breaker_and_pauses(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WD-5, KC-7: with its values, in health, latched; exits go on; an operator resets."""
    played = failing(market, monkeypatch)
    port = RunningTrader(played.system, rescan=dict)
    lane, gate = played.lane, played.system.gate
    assert gate.refuses(True) == "BREAKER_OPEN"  # noqa: FBT003 - the gate's own signature
    assert gate.refuses(False) is None  # noqa: FBT003
    lane.run(until_ns=lane.now_ns() + S_NS)
    (row,) = played.payloads("AssertionFailed", "system")
    assert row["text"] == "cash and profit must agree, are 5 apart"
    fired = [(each["trigger"], each["level"]) for each in played.payloads("TriggerFired", "system")]
    assert ("assertion", "PAUSE") in fired
    assert played.system.kill_memory.latched == "PAUSE"
    why = port.health()["why_not_ready"]
    assert any(text.startswith("assertion pnl_cash") for text in why)
    assert any(text.startswith("breaker assertions is OPEN") for text in why)
    lane.run(until_ns=lane.now_ns() + 600 * S_NS)
    assert [each["state"] for each in port.health()["breakers"] if each["is_latched"]] == ["OPEN"]
    answers: list[Answer] = []
    asked = ControlRequest(id="c1", name="reset_breakers", value=True, reason="seen", by="me")
    port.set_control(asked, answers.append)
    lane.run(until_ns=lane.now_ns() + 1)
    assert isinstance(answers[0], Changed)
    assert gate.refuses(True) == "KILL_PAUSE"  # noqa: FBT003
    changes = played.payloads("BreakerChanged", "system")
    assert [(each["new"], each["cause"]) for each in changes if each["name"] == "assertions"] == [
        ("OPEN", "pnl_cash: cash and profit must agree, are 5 apart"),
        ("CLOSED", "reset by me"),
    ]


def test_a_latched_breaker_comes_back_latched(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WD-3: a restart resets nothing that concerns money."""
    played = failing(market, monkeypatch, assertion=None)
    played.lane.run(until_ns=played.lane.now_ns() + S_NS)
    again = Breakers(gate=played.system.gate, note=lambda *_: None, notify=lambda *_: None)
    again.restore(played.record, played.run)
    (state,) = [each for each in again.states() if each["name"] == "assertions"]
    assert (state["state"], state["is_latched"]) == (BreakerState.OPEN, True)


def test_the_limits_of_endpoints_are_the_configured_ones(market: Market) -> None:
    """WD-3: threshold, window and how long it stays open are said in the configuration."""
    config, tape = market
    section = BreakersSection(latency_max_s=2, errors_max=1, window_s=30, open_s=7, open_max_s=9)
    played = prepare(msgspec.structs.replace(config, breakers=section), tape)
    limits = played.system.wiring.breakers.endpoint("orders").limits
    assert limits == BreakerLimits(
        latency_max_ns=2 * S_NS,
        errors_max=1,
        window_ns=30 * S_NS,
        open_ns=7 * S_NS,
        open_max_ns=9 * S_NS,
    )


def event(kind: str, **fields: Any) -> Any:
    """A durable event."""
    return SimpleNamespace(kind=kind, payload=orjson.dumps(fields))


@pytest.mark.parametrize(
    ("told", "trigger"),
    [
        (event("ProtectionTripped", name="DAILY_LOSS"), Trigger.DAILY_LOSS),
        (event("ProtectionTripped", name="WEEKLY_LOSS"), Trigger.DAILY_LOSS),
        (event("ProtectionTripped", name="MAX_DRAWDOWN"), Trigger.DRAWDOWN),
        (event("ProtectionTripped", name="VOLATILITY_HALT"), Trigger.VOLATILITY),
        (event("ProtectionTripped", name="TIME_WINDOW"), Trigger.TIME_WINDOW),
        (event("ProtectionTripped", name="COOLDOWN_PERIOD"), None),
        (event("Reconciled", is_stopped=True), Trigger.RECONCILIATION),
        (event("Reconciled", is_stopped=False), None),
        (
            event("AssertionFailed", assertion="pnl_cash", text="x", is_only_stale=False),
            Trigger.ASSERTION,
        ),
        (event("AssertionFailed", assertion="heartbeat", text="x", is_only_stale=True), None),
        (event("SystemHalted", reason="gave up"), Trigger.HEARTBEAT),
        (event("OrderFilled"), None),
    ],
)
def test_each_trigger_fires_on_its_own_event(told: Any, trigger: Trigger | None) -> None:
    """KC-7: any one is enough, each independent."""
    found = fired_by(told)
    assert (None if found is None else found[0]) is trigger


@pytest.mark.parametrize("level", ["PAUSE", "FLATTEN", "EMERGENCY"])
def test_a_trigger_raises_the_level_it_maps_to(market: Market, level: str) -> None:
    """KC-7: by configuration; latched, logged, and every one that fired is there."""
    triggers = TriggersSection(daily_loss=level, drawdown="PAUSE")  # type: ignore[arg-type]
    config = msgspec.structs.replace(market[0], triggers=triggers)
    played = prepare(config, market[1])
    played.lane.run(until_ns=market[1].row(60)[0])
    told = [event("ProtectionTripped", name=each) for each in ("DAILY_LOSS", "MAX_DRAWDOWN")]
    broken_one = SimpleNamespace(kind="Reconciled", payload=b"no JSON")
    played.system.wiring.triggers.see("account:main", [*told, broken_one], 3)
    assert played.system.gate.kill_level == level
    played.lane.run()
    fired = {each["trigger"] for each in played.payloads("TriggerFired", "system")}
    assert fired >= {"daily_loss", "drawdown", "assertion"}
    assert played.system.kill_memory.latched == level
    done = {each["kill_id"] for each in played.payloads("KillDone", "system")}
    assert len(done) == 3
    core = played.system.core
    assert core is not None
    assert core.account().kill_level == level
    assert level == "PAUSE" or (core.orders(), core.positions()) == ([], [])


def test_a_lost_day_pauses_until_a_person_resumes(market: Market) -> None:
    """KC-7: loss and drawdown latch by default; `"none"` by name takes that away."""
    config, tape = market
    limits = msgspec.structs.replace(config.limits, daily_loss_max_usd=Decimal(2000))
    lost = {}
    for name, triggers in (("default", TriggersSection()), ("none", config.triggers)):
        played = prepare(msgspec.structs.replace(config, limits=limits, triggers=triggers), tape)
        played.finish()
        tripped = {each["name"] for each in played.payloads("ProtectionTripped")}
        assert "DAILY_LOSS" in tripped
        fired = {
            each["trigger"]: each["level"] for each in played.payloads("TriggerFired", "system")
        }
        lost[name] = (fired["daily_loss"], played.system.kill_memory.latched)
    assert lost == {"default": ("PAUSE", "PAUSE"), "none": ("NONE", "NONE")}


def test_where_each_protection_stands_is_shown_while_it_moves(market: Market) -> None:
    """RK-15: armed with its value beside its limit, cooling down until an instant, armed again."""
    played = prepare(*market)
    lane = played.lane
    seen: dict[str, list[dict[str, Any]]] = {}
    for _ in range(360):
        lane.run(until_ns=lane.now_ns() + 60 * S_NS)
        for each in status_of(played.system)["protections"]:
            seen.setdefault(each["name"], []).append(each | {"now_ns": lane.now_ns()})
    calm = seen["COOLDOWN_PERIOD"]
    cooling = [each for each in calm if each["status"] == "COOLING"]
    assert cooling
    assert all(each["is_tripped"] and each["until_ns"] > each["now_ns"] for each in cooling)
    first = calm.index(cooling[0])
    assert {each["status"] for each in calm[:first]} == {"ARMED"}
    assert not any(each["is_tripped"] or each["until_ns"] for each in calm[:first])
    assert any(each["status"] == "ARMED" for each in calm[first:])
    losses = {each["value"] for each in seen["DAILY_LOSS"]}
    assert len(losses) > 1, "the value moves with the session"
    assert all(each["value"] < each["limit"] for each in seen["DAILY_LOSS"])


def test_a_drill_is_flat_and_says_how_long_it_took() -> None:
    """KC-9: on a system of its own, with a record on disk."""
    found = drill(orders=6, positions=2)
    assert isinstance(found, Drilled)
    assert (found.cancelled, found.closed, found.failed, found.remaining) == (6, 2, 0, 0)
    assert 0 < found.ms_to_last_cancel <= found.ms_to_done
    assert 0 < found.ms_to_flat <= found.ms_to_done


@pytest.mark.parametrize(("orders", "positions"), [(0, 0), (-1, 2), (40, 20)])
def test_a_drill_that_cannot_be_is_refused(orders: int, positions: int) -> None:
    """KC-9: what was expected and what was found."""
    with pytest.raises(SetupError, match=f"was asked for {orders} and {positions}"):
        drill(orders=orders, positions=positions)


def test_the_page_of_invariants_is_current() -> None:
    """EX-17: `python -m console.invariants > docs/EXECUTION_INVARIANTS.md` after a change."""
    page = CONFIGS.parent / "docs" / "EXECUTION_INVARIANTS.md"
    assert page.read_text() == invariants()


def test_silence_of_the_venue_opens_a_breaker_and_its_word_closes_it(market: Market) -> None:
    """WD-3: journaled with its cause; entries stop, and one probe lets them go on."""
    played = prepare(*market, change=lambda ports: replace(ports, is_virtual=False))
    lane, breakers = played.lane, played.system.wiring.breakers
    lane.run(until_ns=lane.now_ns() + S_NS)
    orders = breakers.endpoint("orders")
    for _ in range(4):
        orders.failed("no answer to an order", lane.now_ns())
    assert played.system.gate.refuses(True) == "BREAKER_OPEN"  # noqa: FBT003
    lane.run(until_ns=lane.now_ns() + 30 * S_NS)
    assert orders.state is BreakerState.OPEN
    lane.run(until_ns=lane.now_ns() + 40 * S_NS)
    assert str(orders.state) == "HALF_OPEN"
    assert played.system.gate.refuses(True) is None  # noqa: FBT003
    lane.run()
    assert str(orders.state) == "CLOSED"
    changes = played.payloads("BreakerChanged", "system")
    assert [each["new"] for each in changes] == ["OPEN", "HALF_OPEN", "CLOSED"]
    assert played.system.wiring.questions.under_way == {}


def test_signals_wait_while_too_many_orders_wait_to_leave(market: Market) -> None:
    """WD-4: more than ten at the broker and not yet out: no signal is passed on, exits are."""
    played = prepare(*market)
    played.lane.run(until_ns=market[1].row(30)[0])
    leaving = played.system.wiring.questions.leaving
    leaving.update(f"waits-{at}" for at in range(11))
    before = len(played.payloads("SignalReceived"))
    held = len(played.trades())
    played.lane.run(until_ns=market[1].row(400)[0])
    assert len(played.payloads("SignalReceived")) == before
    memories = played.system.wiring.memories.values()
    assert sum(each.no_trades["BACK_PRESSURE"] for each in memories) > 0
    leaving.clear()
    played.finish()
    assert len(played.payloads("SignalReceived")) > before
    assert len(played.trades()) > held
