"""What survives: rehydration, snapshots, timers, bounded memory, and decisions that are pure."""

from fractions import Fraction
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from rust_core import (
    EVENT_KINDS,
    AccountCore,
    ExitPlan,
    Message,
    StaleDecisionError,
    realised_1e8,
)
from tests.rust_core.account_desk import DATE, MIN_NS, OPEN_NS, Desk, E, cancels


def state(core: AccountCore) -> Any:
    """Everything that a core knows, but the value it last looked at: the next price tells that."""
    known = orjson.loads(core.snapshot(OPEN_NS).payload)
    del known["protections"]["losses"]["equity_1e8"]
    return known


def busy() -> Desk:
    """A desk with a closed trade, an open position, a resting order, a control and a kill."""
    desk = Desk(limits_positions_per_instrument_max=9)
    desk.enter(setup_instance="m0")
    desk.mark(89)
    desk.fill(desk.ordered(), 10, 89)
    desk.mark(100)
    plan = ExitPlan(
        stop_ratio_1e8=E // 10,
        trailing_ratio_1e8=E // 20,
        holding_max_ns=60 * MIN_NS,
        force_flat_ns=OPEN_NS + 90 * MIN_NS,
    )
    desk.enter(plan, setup_instance="m1")
    desk.mark(102)
    order = desk.ordered(
        desk.ask(strategy="t", setup_instance="m2", order_type="LIMIT", limit_1e8=101 * E)
    )
    desk.release(order)
    desk.report(order, "ACCEPTED")
    desk.fill(order, 1, 101)
    desk.tell(Message.control("max_open_positions", "3", "me"))
    desk.tell(Message.kill("k", "PAUSE", "test", "me"))
    return desk


def test_the_journal_tells_everything_again() -> None:
    """ST-2: orders, positions, ledger, controls, kill, protections; with the market read again."""
    desk = busy()
    assert state(desk.rehydrated()) == state(desk.core)


def test_a_snapshot_and_what_came_after_is_the_same_as_everything() -> None:
    """ST-2: a snapshot at any point; marks that it holds are passed over when read again."""
    desk = busy()
    for at in range(1, len(desk.journal)):
        first = AccountCore(desk.config)
        for kind, payload, at_ns in desk.journal[:at]:
            first.rehydrate(kind, payload, at_ns)
        snapshot = first.snapshot(OPEN_NS)
        again = AccountCore(desk.config)
        again.rehydrate(snapshot.kind, snapshot.payload, desk.journal[at][2])
        assert state(again) == state(first)
        for kind, payload, at_ns in desk.journal[at:]:
            again.rehydrate(kind, payload, at_ns)
        for mark in desk.marks:
            again.observe(mark)
        assert state(again) == state(desk.core)
    whole = desk.core.snapshot(desk.now_ns)
    again = AccountCore(desk.config)
    again.rehydrate(whole.kind, whole.payload, desk.now_ns)
    for mark in desk.marks:
        again.observe(mark)
    assert state(again) == state(desk.core)


def test_a_restarted_account_goes_on_as_if_it_had_not_stopped() -> None:
    """ST-2: the same decision, byte for byte, on whatever comes next."""
    desk = busy()
    again = desk.rehydrated()
    position_id = desk.position().position_id
    for message in (
        Message.mark("SPY", "BAR", desk.now_ns + MIN_NS, 96 * E),
        Message.timer("HOLDING_MAX", position_id),
        Message.kill("k2", "FLATTEN", "test", "me"),
        Message.resume("me"),
    ):
        one, other = (core.decide(message, desk.now_ns + MIN_NS) for core in (desk.core, again))
        told = [(event.kind, event.stream, event.payload) for event in one.events]
        assert told == [(event.kind, event.stream, event.payload) for event in other.events]
        assert (one.timers, one.claims) == (other.timers, other.claims)
        assert cancels(one) == cancels(other)


def test_money_timers_are_armed_again() -> None:
    """ST-2: of the session, of orders, of positions, of protections; each once."""
    desk = Desk(
        auto_flatten_before_close_ns=5 * MIN_NS,
        flatten_check_before_close_ns=MIN_NS,
        protections={"cooldown_period": {"enabled": True}},
    )
    desk.enter()
    desk.mark(89)
    desk.fill(desk.ordered(), 10, 89)
    loose = Desk(limits_positions_per_instrument_max=9)
    plan = ExitPlan(
        stop_ratio_1e8=E // 10, holding_max_ns=MIN_NS, force_flat_ns=OPEN_NS + 90 * MIN_NS
    )
    loose.enter(plan)
    loose.ask(strategy="t", order_type="LIMIT", limit_1e8=99 * E)
    timers = [*desk.rehydrated().open_timers(), *loose.rehydrated().open_timers()]
    assert sorted(timer.kind for timer in timers) == [
        "AUTO_FLATTEN",
        "ENTRY_TTL",
        "FLATTEN_CHECK",
        "FORCE_FLAT",
        "HOLDING_MAX",
        "PROTECTION",
    ]
    assert [(t.kind, t.due_ns) for t in loose.core.open_timers()] == [
        (t.kind, t.due_ns) for t in timers if t.kind in {"ENTRY_TTL", "FORCE_FLAT", "HOLDING_MAX"}
    ]


def test_intents_without_an_outcome_are_handed_out_again() -> None:
    """ST-1, ST-2: bound to the journaled bytes, once redeemed no more; answered ones are not."""
    desk = Desk()
    order = desk.ordered(desk.ask())
    (intent,) = [payload for kind, payload, _ in desk.journal if kind == "OrderIntended"]
    core = desk.rehydrated()
    (submission,) = core.unresolved()
    assert (submission.client_order_id, submission.intent) == (order, intent)
    assert core.unsettled() == [order]
    desk.release(order)
    core = desk.rehydrated()
    assert core.unresolved() == []
    assert core.unsettled() == [order]


def test_a_cancel_without_an_answer_is_known_after_a_restart() -> None:
    """KC-2, ST-2: it can be sent again."""
    desk = Desk()
    order = desk.ordered(desk.ask(order_type="LIMIT", limit_1e8=99 * E))
    desk.release(order)
    desk.report(order, "ACCEPTED")
    desk.tell(Message.kill("k", "FLATTEN", "test", "me"))
    (cancel,) = desk.rehydrated().cancels()
    assert (cancel.client_order_id, cancel.broker_order_id) == (order, f"b-{order}")


def test_what_an_older_version_wrote_is_read_and_what_is_unknown_is_an_error() -> None:
    """ST-2: unknown fields are passed over, unknown kinds are not."""
    desk = Desk()
    core = AccountCore(desk.config)
    kind, payload, at_ns = desk.journal[0]
    core.rehydrate(kind, orjson.dumps(orjson.loads(payload) | {"of_later": 1}), at_ns)
    assert core.account().session_date == DATE
    with pytest.raises(ValueError, match="event kind must be one of SessionOpened"):
        core.rehydrate("OrderTeleported", b"{}", at_ns)
    with pytest.raises(ValueError, match="payload of OrderFilled cannot be read"):
        core.rehydrate("OrderFilled", b"{}", at_ns)
    assert set(EVENT_KINDS) >= {kind for kind, _, _ in busy().journal}


def test_deciding_changes_nothing_and_each_decision_is_taken_once() -> None:
    """ST-1: decide is pure; a decision of another moment is refused."""
    desk = busy()
    before = state(desk.core)
    message = Message.mark("SPY", "BAR", desk.now_ns + MIN_NS, 80 * E)
    one = desk.core.decide(message, desk.now_ns + MIN_NS)
    other = desk.core.decide(message, desk.now_ns + MIN_NS)
    assert state(desk.core) == before
    assert [event.payload for event in one.events] == [event.payload for event in other.events]
    assert one.events
    desk.core.apply(one)
    after = state(desk.core)
    for stale in (one, other):
        with pytest.raises(StaleDecisionError, match="applied once"):
            desk.core.apply(stale)
    assert state(desk.core) == after


def test_a_fault_inside_a_decision_is_one_exception_and_changes_nothing() -> None:
    """WD-1: arithmetic that does not fit stops this decision, not the process or the state."""
    desk = Desk()
    desk.enter(ExitPlan(stop_ratio_1e8=E // 10, holding_max_ns=MIN_NS))
    before = state(desk.core)
    with pytest.raises(BaseException, match="overflow") as fault:
        desk.core.decide(Message.mark("SPY", "BAR", desk.now_ns, 100 * E), -(2**63))
    assert type(fault.value).__name__ == "PanicException"
    assert state(desk.core) == before
    assert desk.ordered(desk.mark(89))


def test_memory_is_bounded_and_repeats_are_still_known() -> None:
    """WD-8, EX-5: ended orders leave for a ring; the ring forgets its oldest."""
    desk = Desk(ended_orders_max=8, limits_entry_window_ns=1)
    for number in range(20):
        desk.mark(100)
        desk.enter(setup_instance=f"m{number}")
        desk.mark(89)
        desk.fill(desk.ordered(), 10, 89)
    kept = state(desk.core)
    assert (len(kept["orders"]), len(kept["ended"]), kept["positions"]) == (0, 8, {})
    last = kept["ended"][-1]["intent"]["client_order_id"]
    assert desk.fill(last, 10, 89, execution_id=f"x{desk.executions}").is_empty
    for day in (20200103, 20200106):
        desk.now_ns += 24 * 60 * MIN_NS
        desk.tell(Message.session_opened(day, desk.now_ns, desk.now_ns + 60 * MIN_NS))
    assert state(desk.core)["ended"] == []
    assert state(desk.rehydrated())["ended"] == []


FILLS = st.lists(
    st.tuples(st.sampled_from(["BUY", "SELL"]), st.integers(1, 10**12), st.integers(1, 10**13)),
    max_size=12,
)


@given(fills=FILLS, multiplier=st.integers(1, 100), seed=st.randoms(use_true_random=False))
def test_profit_is_the_plain_sum_in_any_order(
    fills: list[tuple[str, int, int]], multiplier: int, seed: Any
) -> None:
    """EX-5, EX-14: average cost over what was both bought and sold, to one rounding each side."""
    result = realised_1e8(fills, multiplier * E)
    shuffled = list(fills)
    seed.shuffle(shuffled)
    assert realised_1e8(shuffled, multiplier * E) == result
    bought = [(qty, price) for side, qty, price in fills if side == "BUY"]
    sold = [(qty, price) for side, qty, price in fills if side == "SELL"]
    total = [sum(qty for qty, _ in one) for one in (bought, sold)]
    matched = min(total)
    expected = Fraction(0)
    for sign, one, quantity in ((-1, bought, total[0]), (1, sold, total[1])):
        if matched:
            value = sum(qty * price for qty, price in one)
            expected += sign * Fraction(value * matched, quantity)
    assert abs(result - expected * multiplier / E) <= 1


class Fills(RuleBasedStateMachine):
    """A position driven by fills in any order and with repeats, beside the plain sum."""

    def __init__(self) -> None:
        """One entry of ten, at the venue."""
        super().__init__()
        self.desk = Desk()
        self.order = self.desk.ordered(self.desk.ask())
        self.desk.release(self.order)
        self.fills: dict[str, tuple[str, int, int]] = {}
        self.sent: list[tuple[str, str, int, int]] = []

    def take(self, order: str, sign: int, qty: int, price: int) -> None:
        """One new execution."""
        execution_id = f"e{len(self.sent)}"
        self.sent.append((order, execution_id, qty, price))
        self.fills[execution_id] = ("BUY" if sign > 0 else "SELL", qty * E, price * E)
        self.desk.fill(order, qty, price, execution_id=execution_id)

    def left(self, order: str) -> int:
        """What an order may still fill."""
        view = self.desk.core.order(order)
        assert view is not None
        return (view.qty_1e8 - view.filled_1e8) // E

    @precondition(lambda self: self.left(self.order) > 0)
    @rule(part=st.integers(1, 4), price=st.integers(95, 110))
    def buy(self, part: int, price: int) -> None:
        """Some of the entry, also after it was cancelled."""
        self.take(self.order, 1, min(part, self.left(self.order)), price)

    @precondition(lambda self: self.exits())
    @rule(part=st.integers(1, 4), price=st.integers(80, 110))
    def sell(self, part: int, price: int) -> None:
        """Some of the exit under way."""
        order = self.exits()[0]
        self.take(order, -1, min(part, self.left(order)), price)

    def exits(self) -> list[str]:
        """Exits that may still fill."""
        live = [view for view in self.desk.core.orders() if view.purpose == "EXIT"]
        return [view.client_order_id for view in live]

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """Any execution once more: nothing changes."""
        order, execution_id, qty, price = data.draw(st.sampled_from(self.sent))
        assert self.desk.fill(order, qty, price, execution_id=execution_id).is_empty

    @rule(price=st.integers(85, 105))
    def mark(self, price: int) -> None:
        """A bar; the stop may fire."""
        self.desk.mark(price)

    @precondition(lambda self: self.desk.state(self.order) in {"SUBMITTED", "PARTIALLY_FILLED"})
    @rule()
    def cancel(self) -> None:
        """The venue cancels the entry; fills may still come."""
        self.desk.report(self.order, "CANCELLED")

    @invariant()
    def the_books_are_the_plain_sum(self) -> None:
        """Quantity, cash, fees and what is realised."""
        fills = list(self.fills.values())
        held = sum(qty if side == "BUY" else -qty for side, qty, _ in fills)
        paid = sum((1 if s == "BUY" else -1) * qty * price // E for s, qty, price in fills)
        account = self.desk.core.account()
        assert sum(one.qty_1e8 for one in self.desk.core.positions()) == held
        assert account.fees_1e8 == len(fills) * E // 100
        assert account.cash_1e8 == -paid - account.fees_1e8
        if held == 0:
            trades = self.desk.events("TradeClosed")
            assert sum(trade["gross_1e8"] for trade in trades) == -paid == account.gross_1e8
            assert sum(trade["fees_1e8"] for trade in trades) == account.fees_1e8
        session = self.desk.core.strategy_session("s")
        assert session.net_1e8 == account.session_net_1e8

    @invariant()
    def the_journal_tells_it_again(self) -> None:
        """ST-2: at every step."""
        assert state(self.desk.rehydrated())["positions"] == state(self.desk.core)["positions"]


def test_fills_in_any_order_are_the_plain_sum() -> None:
    """EX-5, EX-7, EX-14, PF-8: late, repeated, after a cancel: our books are the plain sum."""
    run_state_machine_as_test(Fills)
