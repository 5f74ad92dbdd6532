"""The account core against a venue that does whatever a venue can do."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rust_core._native import (
    AccountCore,
    Decision,
    ExitPlan,
    Leg,
    Message,
    ReleaseGate,
    ReleaseRefusedError,
    Signal,
    Submission,
    Submit,
    VenueReport,
    VerdictSpentError,
)

ONE = 100_000_000
SECOND_NS = 1_000_000_000
OPEN_NS = 1_578_321_000_000_000_000  # Monday 2020-01-06, 14:30 UTC
DATE = 20200106


def config_json() -> bytes:
    """One stock and wide limits: what is tested is the books, not the rails."""
    stock = {"symbol": "XYZ", "kind": "EQUITY", "tick_1e8": 1_000_000, "lot_1e8": ONE}
    config: dict[str, Any] = {
        "mode": "PAPER",
        "account": "main",
        "capital_1e8": 100_000 * ONE,
        "instruments": [stock | {"min_qty_1e8": ONE, "multiplier_1e8": ONE}],
        "limits": {
            "position_notional_max_1e8": 10_000 * ONE,
            "positions_per_instrument_max": 1,
            "positions_max": 5,
            "entries_per_window_max": 60,
            "exposure_max_ratio_1e8": ONE,
            "collar_ratio_1e8": ONE // 2,
            "allow_short": True,
        },
        "risk": {"per_trade_1e8": 100 * ONE},
        "protections": {
            name: {"enabled": False}
            for name in ("cooldown_period", "stoploss_guard", "max_drawdown", "volatility_halt")
        },
        "violation_scope": "ORDER",
    }
    return json.dumps(config).encode()


class Venue:
    """An account, and the other side's own record of what was executed."""

    def __init__(self) -> None:
        """An open session with a price of $100."""
        self.core = AccountCore(config_json())
        self.now_ns = OPEN_NS
        self.journal: list[tuple[str, bytes, int]] = []
        self.orders: dict[str, Submission] = {}
        self.fills: dict[str, tuple[str, int, int]] = {}
        self.setups = 0
        self.killed = False
        self.price = 100
        self.tell(Message.session_opened(DATE, OPEN_NS, OPEN_NS + 23_400 * SECOND_NS))
        self.mark(100)

    def tell(self, message: Message) -> Decision:
        """Decide and apply; remember the journal and what was submitted."""
        decision = self.core.decide(message, self.now_ns)
        self.core.apply(decision)
        self.journal += [(event.kind, event.payload, self.now_ns) for event in decision.events]
        for effect in decision.effects:
            if isinstance(effect, Submit):
                assert not (self.killed and effect.submission.adds_risk), "KC-3"
                self.orders[effect.client_order_id] = effect.submission
        return decision

    def mark(self, dollars: int) -> None:
        """A trade, a second later."""
        self.now_ns += SECOND_NS
        self.price = dollars
        self.tell(Message.mark("XYZ", "TRADE", self.now_ns, dollars * ONE))

    def signal(self, side: str) -> None:
        """Ask for an entry with a stop of 10 % and a first target."""
        self.setups += 1
        plan = ExitPlan(
            stop_ratio_1e8=ONE // 10,
            target_1_ratio_1e8=ONE // 20,
            target_1_portion_ratio_1e8=ONE // 2,
            target_ratio_1e8=ONE // 8,
        )
        self.tell(
            Message.signal(
                Signal(
                    strategy="s",
                    setup_instance=str(self.setups),
                    session_date=DATE,
                    legs=[Leg("XYZ", side)],
                    plan=plan,
                    reference_1e8=self.price * ONE,
                    reference_ns=self.now_ns,
                )
            )
        )

    def report(self, order: Submission, kind: str, **fields: Any) -> None:
        """Say something about an order."""
        client_order_id = order.client_order_id
        report = VenueReport(
            client_order_id, kind, self.now_ns, broker_order_id=f"b-{client_order_id}", **fields
        )
        self.tell(Message.venue_report(report))

    def fill(self, order: Submission, qty: int) -> None:
        """Execute some of an order at the price."""
        execution_id = f"x{len(self.fills)}"
        sign = 1 if order.side == "BUY" else -1
        self.fills[execution_id] = (order.client_order_id, sign * qty, self.price)
        self.repeat(execution_id)

    def repeat(self, execution_id: str) -> None:
        """Say an execution, perhaps again."""
        client_order_id, qty, price = self.fills[execution_id]
        if qty == 0:
            return
        self.report(
            self.orders[client_order_id],
            "FILLED",
            execution_id=execution_id,
            qty_1e8=abs(qty) * ONE,
            price_1e8=price * ONE,
            fee_1e8=ONE // 100,
        )

    def reverse(self, execution_id: str) -> None:
        """Take an execution back, once; its fee is given back too."""
        client_order_id, qty, _ = self.fills[execution_id]
        if qty == 0:
            return
        self.fills[execution_id] = (client_order_id, 0, 0)
        self.report(self.orders[client_order_id], "REVERSED", execution_id=execution_id)

    def unfilled(self, order: Submission) -> int:
        """What is left of an order, in shares."""
        done = sum(abs(q) for o, q, _ in self.fills.values() if o == order.client_order_id)
        return order.qty_1e8 // ONE - done

    def live(self) -> list[Submission]:
        """Orders that the account takes for live."""
        known = {view.client_order_id for view in self.core.orders()}
        return [order for order in self.orders.values() if order.client_order_id in known]

    def wait(self) -> None:
        """A minute goes by, and what is due is told."""
        self.now_ns += 61 * SECOND_NS
        for timer in self.core.open_timers():
            if timer.due_ns <= self.now_ns:
                self.tell(Message.timer(timer.kind, timer.key))

    def kill(self, kill_id: str) -> None:
        """Flatten."""
        self.killed = True
        self.tell(Message.kill(kill_id, "FLATTEN", "test", "me"))

    def work(self) -> None:
        """Do what every order asks for: cancel entries, execute exits."""
        for order in self.live():
            self.report(order, "ACCEPTED")
            if order.adds_risk:
                self.report(order, "CANCELLED")
            elif self.unfilled(order) > 0:
                self.fill(order, self.unfilled(order))

    def held(self) -> int:
        """Shares by the venue's own record."""
        return sum(qty for _, qty, _ in self.fills.values())

    def check(self) -> None:
        """EX-5, EX-7, EX-14, PF-8: our books are the venue's."""
        positions = self.core.positions()
        assert sum(position.qty_1e8 for position in positions) == self.held() * ONE
        fees_1e8 = sum(qty != 0 for _, qty, _ in self.fills.values()) * ONE // 100
        paid = sum(qty * price for _, qty, price in self.fills.values())
        account = self.core.account()
        assert account.cash_1e8 == -paid * ONE - fees_1e8
        worth_1e8 = account.cash_1e8 + self.held() * self.price * ONE
        assert account.equity_1e8 is not None
        rounding_1e8 = abs(self.held()) + len(self.fills)  # of the average, once for each share
        assert abs(account.equity_1e8 - 100_000 * ONE - worth_1e8) <= rounding_1e8


def entered() -> tuple[Venue, Submission]:
    """A venue with one approved entry that was not handed over yet."""
    venue = Venue()
    venue.signal("BUY")
    (submission,) = venue.orders.values()
    return venue, submission


def open_gate() -> ReleaseGate:
    """A gate whose fence is held."""
    gate = ReleaseGate()
    gate.set_fence(1, 1)
    return gate


def test_a_submission_is_the_journaled_intent_and_leaves_once() -> None:
    """RK-1: bound to the bytes of the journal, single use."""
    venue, submission = entered()
    intents = [payload for kind, payload, _ in venue.journal if kind == "OrderIntended"]
    assert submission.intent == intents[0]
    assert json.loads(submission.intent)["qty_1e8"] == submission.qty_1e8 == 10 * ONE
    assert not submission.is_spent
    assert submission.redeem(open_gate(), venue.now_ns) == intents[0]
    assert submission.is_spent
    with pytest.raises(VerdictSpentError) as spent:
        submission.redeem(open_gate(), venue.now_ns)
    assert spent.value.args == (submission.client_order_id,)


def test_a_refused_release_names_its_reason_and_is_final() -> None:
    """KC-3, EX-1: an order that was refused at the door is NOT_SENT and stays so."""
    venue, submission = entered()
    gate = open_gate()
    gate.set_kill_level("PAUSE")
    with pytest.raises(ReleaseRefusedError) as refused:
        submission.redeem(gate, venue.now_ns)
    assert refused.value.args == ("KILL_PAUSE",)
    gate.set_kill_level("NONE")
    with pytest.raises(VerdictSpentError):
        submission.redeem(gate, venue.now_ns)


def test_a_fence_raised_in_shared_memory_stops_an_approved_order() -> None:
    """ST-5: the word counts at the instant of hand-over."""
    venue, submission = entered()
    with pytest.raises(ReleaseRefusedError, match="FENCED"):
        submission.redeem(open_gate(), venue.now_ns, fence_word=2)


def test_an_entry_does_not_leave_after_its_deadline() -> None:
    """KC-3: five seconds after the decision it is no order any more."""
    venue, submission = entered()
    assert submission.deadline_ns == venue.now_ns + 5 * SECOND_NS
    with pytest.raises(ReleaseRefusedError, match="PAST_DEADLINE"):
        submission.redeem(open_gate(), submission.deadline_ns + 1)


VENUES_WORDS = ["accept", "fill", "fill", "cancel", "reject", "silence"]
OTHERS = ["mark", "mark", "signal", "signal", "late", "repeat", "reverse", "kill", "timers"]
ACTIONS = st.lists(
    st.tuples(st.sampled_from(VENUES_WORDS + OTHERS), st.integers(0, 1000)),
    min_size=10,
    max_size=60,
)


def act(venue: Venue, action: str, draw: int) -> None:
    """Let one thing happen that can happen."""
    if action in VENUES_WORDS:
        for order in venue.live()[draw % 3 :][:1]:
            answer(venue, order, action, draw)
    elif action in {"late", "repeat", "reverse"}:
        again(venue, action, draw)
    elif action == "mark":
        venue.mark(80 + draw % 41)
    elif action == "signal":
        venue.signal("BUY" if draw % 2 else "SELL")
    elif action == "timers":
        venue.wait()
    elif draw % 10 == 0:
        venue.kill(f"k{draw}")


def again(venue: Venue, action: str, draw: int) -> None:
    """Something about an order or an execution of before."""
    execution_id = f"x{draw % max(len(venue.fills), 1)}"
    if action != "late" and not venue.fills:
        return
    if action == "repeat":
        venue.repeat(execution_id)
    elif action == "reverse" and draw % 3 == 0:
        venue.reverse(execution_id)
    elif action == "late" and venue.orders:
        order = list(venue.orders.values())[draw % len(venue.orders)]
        if venue.unfilled(order) > 0:
            venue.fill(order, 1 + draw % venue.unfilled(order))


def answer(venue: Venue, order: Submission, action: str, draw: int) -> None:
    """The venue's word on a live order, where the table has one."""
    state = {view.client_order_id: view.state for view in venue.core.orders()}
    now = state[order.client_order_id]
    if action == "accept" and now in {"PENDING", "SUBMITTED", "UNKNOWN"}:
        venue.report(order, "ACCEPTED")
    elif action == "fill" and venue.unfilled(order) > 0:
        venue.fill(order, 1 + draw % venue.unfilled(order))
    elif action == "cancel" and now != "PENDING":
        venue.report(order, "CANCELLED")
    elif action == "reject" and now == "SUBMITTED":
        venue.report(order, "REJECTED")
    elif action == "silence":
        venue.tell(Message.no_answer(order.client_order_id))


def comparable(core: AccountCore) -> Any:
    """What the journal must be able to tell again: all but what only the market tells."""
    state = json.loads(core.snapshot(0).payload)
    for part in ("marks", "protections"):
        state.pop(part)
    return state


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions=ACTIONS)
def test_whatever_the_venue_does_our_books_are_its_books(actions: list[tuple[str, int]]) -> None:
    """EX-5, EX-7, EX-14, KC-3, ST-2: quantity, cash and value, and the same again."""
    venue = Venue()
    for action, draw in actions:
        act(venue, action, draw)
        venue.check()
    again = AccountCore(config_json())
    for kind, payload, at_ns in venue.journal:
        again.rehydrate(kind, payload, at_ns)
    assert comparable(again) == comparable(venue.core)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions=ACTIONS)
def test_a_venue_that_goes_on_working_leaves_an_account_flat_after_a_kill(
    actions: list[tuple[str, int]],
) -> None:
    """KC-2, PX-1: whatever was left over, a flatten ends with nothing held and nothing working."""
    venue = Venue()
    for action, draw in actions:
        act(venue, action, draw)
    venue.kill("last")
    for _ in range(20):
        venue.work()
        venue.wait()
        venue.check()
    assert venue.held() == 0
    assert venue.core.positions() == []
    assert venue.core.orders() == []
