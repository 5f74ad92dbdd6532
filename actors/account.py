"""One broker account: its core decides, the record remembers, and only then anything leaves.

Mail in, one decision, one request to the record; the decision's effects are released when the
request is durable. The actor holds no truth: a new incarnation rebuilds the core from the record
and asks the venue about whatever has no outcome yet.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import orjson

from actors.account_mail import account_message, message_of
from actors.account_plan import AccountPlan, Deadline
from actors.entries_waiting import EntriesWaiting
from actors.kill_reads import KillReads
from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.messages import AtRest, BalanceAgain, BalanceDue, CycleOver, FlatReadDue, Recover
from actors.questions import FILLS_OVERLAP_NS, Why
from actors.reconciler import Judged
from brokers.base import LookedUp, NotReleased, Released, Stated
from brokers.calls import ORDERS, CallEnded
from rust_core import (
    AccountCore,
    Cancel,
    Decision,
    Event,
    Lookup,
    Message,
    Notify,
    Submission,
    Submit,
    Timer,
)
from trading.market import SessionClosed, SessionOpened
from trading.ports import (
    Claim,
    Duplicate,
    Durable,
    Failed,
    Fenced,
)


class RecordRefusedError(RuntimeError):
    """The record did not take a decision: what this incarnation believes is not what is durable."""


class _Staged(msgspec.Struct, frozen=True, gc=False):
    """The token of one decision: whose it is, and what to do once it is durable.

    Attributes:
        address: Who hears of it.
        incarnation: Which of those who bear that name; an opaque object, so that a record that
            keeps the token keeps no actor.
        decision: What is released; None for events without effects and timers.
        events: What becomes durable.
        intended: Ids of the orders among them.
    """

    address: str
    incarnation: object
    decision: Decision | None
    events: tuple[Event, ...]
    intended: tuple[str, ...] = ()


class AccountActor(LaneActor):
    """Drives one `AccountCore`."""

    def __init__(self, lane: Lane, name: str, plan: AccountPlan) -> None:
        """An incarnation; `rehydrate` gives it its state."""
        super().__init__(lane, name)
        self.plan = plan
        self.core = AccountCore(plan.config_json)
        self._incarnation = object()
        self._mark = plan.latency.mark
        self._mono_ns = plan.latency.mono_ns
        self._now_ns = lane.now_ns
        self._journal_id = plan.journal_id
        self._stage = plan.rounds.stage
        self._publish = plan.rounds.publish
        self._call_at_rest = plan.rounds.call_at_rest
        self._breakers = plan.breakers
        self._resubmit: dict[str, Submission] = {}
        self._absent_once: set[str] = set()
        self._sent_ns: dict[str, int] = {}
        self._moved_orders: dict[str, None] = {}
        self._moved_positions: dict[str, None] = {}
        self._is_rest_asked = False
        waiting = self._entries_waiting = EntriesWaiting(
            plan,
            self.core,
            now_ns=lane.now_ns,
            tell=lambda message: lane.tell(name, message),
            at=self._at_daemon,
            decide=self._decide,
        )
        kill_reads = self._kill_reads = KillReads(
            plan, self.core, now_ns=lane.now_ns, at=self._at_daemon, decide=self._decide
        )
        self._by_type: dict[type, Callable[[Any], object]] = {
            Message: waiting.way_in(),
            CycleOver: waiting.resolve,
            BalanceDue: waiting.overdue,
            BalanceAgain: waiting.ask_again,
            Durable: self._durable,
            AtRest: self._at_rest,
            Released: self._released,
            NotReleased: self._not_released,
            LookedUp: self._looked_up,
            Stated: self._stated,
            FlatReadDue: lambda _: kill_reads.read(),
            Recover: lambda _: self._recover(),
            Duplicate: self._refused,
            Fenced: self._refused,
            Failed: self._refused,
        }
        self._by_kind: dict[str, Callable[[Any], None]] = {
            "OrderIntended": self._order_moved,
            "OrderChanged": self._order_changed,
            "CancelRequested": self._order_moved,
            "OrderFilled": self._order_filled,
            "PositionChanged": self._position_moved,
            "KillLevelChanged": lambda _: kill_reads.read(),
            "KillFinished": plan.kill_finished,
        }

    # -- life -------------------------------------------------------------------------------------

    def rehydrate(self) -> None:
        """Rebuild the core from the newest snapshot and the events after it."""
        plan = self.plan
        plan.rounds.commit()
        plan.questions.forget()
        after = 0
        snapshot = plan.record.last_snapshot(plan.journal_id, plan.run)
        if snapshot is not None:
            self.core.rehydrate(snapshot.kind, snapshot.payload, snapshot.at_ns)
            after = snapshot.seq
        began_ns = 0 if snapshot is None else snapshot.at_ns - FILLS_OVERLAP_NS
        for row in plan.record.events(plan.journal_id, plan.run, after):
            self.core.rehydrate(row.kind, row.payload, row.at_ns)
            began_ns = began_ns or row.at_ns
            if row.kind == "OrderFilled":
                self._fill_known(row.at_ns)
        # what filled before this run began is not this run's
        questions = plan.questions
        questions.last_fill_ns = max(questions.last_fill_ns, began_ns or self.lane.now_ns())
        for message in plan.history():
            mark = account_message(message)
            if mark is not None and not isinstance(message, SessionOpened | SessionClosed):
                self.core.observe(mark)

    def on_start(self) -> None:
        """Arm the timers of money and have everything open looked after; ask the venue about it."""
        for timer in self.core.open_timers():
            self._arm(timer)
        for order in self.core.orders():
            self.plan.order_news(order.client_order_id)
        for position in self.core.positions():
            self.plan.position_news(position.position_id)
        if self.cell is not None and self.cell.incarnation > 1:
            self.lane.tell(self.name, Recover())

    def _arm(self, timer: Timer) -> None:
        self.at(timer.due_ns, Message.timer(timer.kind, timer.key))

    def _at_daemon(self, due_ns: int, message: object) -> Deadline:
        return self.at(due_ns, message, daemon=True)

    # -- mail -------------------------------------------------------------------------------------

    def on_receive(self, message: Any) -> None:
        """Decide, or go on with what became durable."""
        react = self._by_type.get(type(message))
        if react is None:
            found = type(message).__name__
            raise TypeError(f"{self.name}: expected a message of the account, found {found}")
        react(message)

    def _refused(self, outcome: Duplicate | Fenced | Failed) -> None:
        """What this incarnation believes is not durable; an older one's belief died with it."""
        token: Any = outcome.token
        if token.incarnation is self._incarnation:
            said = (
                f"Failed, {outcome.error}"
                if isinstance(outcome, Failed)
                else type(outcome).__name__
            )
            raise RecordRefusedError(f"{self.name}: a decision is not durable: {said}")

    def _decide(self, message: Message) -> Decision | None:
        asked_ns = self._mono_ns()
        core = self.core
        decision = core.take(message, self._now_ns())
        if decision is None:  # nothing follows
            return None
        events = decision.events
        if not events:
            self._release(decision)
            return decision
        claims = decision.claims  # every order has one
        self._stage(
            self._journal_id,
            events,
            _Staged(
                self.name,
                self._incarnation,
                decision if decision.is_acting else None,
                events,
                self._intended(events, asked_ns) if claims else (),
            ),
            tuple([Claim(name=name, key=key) for name, key in claims]) if claims else (),
        )
        self.plan.looks.decisions += 1
        if not core.is_sound:
            self.plan.unsound()
        if events[0].kind == "SessionClosed":
            self.plan.session_closed(orjson.loads(events[0].payload)["session_date"])
            self._snapshot()
        return decision

    def _intended(self, events: Sequence[Event], asked_ns: int) -> tuple[str, ...]:
        """Ids of the orders that were decided on, marked with when (EX-15)."""
        intended: tuple[str, ...] = ()
        for event in events:
            if event.kind == "OrderIntended":
                order = event.stream[6:]  # order/<client order id>
                self.plan.latency.intended(order, asked_ns)
                intended = (*intended, order)
        return intended

    def _snapshot(self) -> None:
        """Between sessions: rehydration starts from the newest one."""
        event = self.core.snapshot(self.lane.now_ns())
        self.plan.rounds.stage(
            self.plan.journal_id, (event,), _Staged(self.name, None, None, (event,))
        )

    def _durable(self, outcome: Durable) -> None:
        token: Any = outcome.token
        for order in token.intended:
            self._mark(order, "durable", self._mono_ns())
        decision = token.decision
        if decision is not None and token.incarnation is self._incarnation:
            self._release(decision)  # an older one's is asked for anew by recovery
        by_kind = self._by_kind
        events = token.events
        for event in events:
            react = by_kind.get(event.kind)
            if react is not None:
                react(event)
        if self._moved_orders or self._moved_positions:
            if not self._is_rest_asked:
                self._is_rest_asked = True
                self._call_at_rest(self.name)
            if self.core.is_flattening:
                self._kill_reads.check()
        self._publish(self._journal_id, events, outcome.last_seq)

    # -- effects ----------------------------------------------------------------------------------

    def _release(self, decision: Decision) -> None:
        for timer in decision.timers:
            self._arm(timer)
        for effect in decision.effects:
            if type(effect) is Submit:
                self._submit(effect.submission)
            else:
                self._act(effect)

    def _act(self, effect: Cancel | Lookup | Notify) -> None:
        plan = self.plan
        match effect:
            case Cancel():
                plan.broker.cancel(effect.client_order_id, effect.broker_order_id)
            case Lookup():
                plan.broker.look_up(effect.client_order_id)
            case Notify():
                plan.notify(effect.severity, effect.text, effect.ids)

    def _submit(self, submission: Submission) -> None:
        self.plan.questions.leaving.add(submission.client_order_id)
        self.plan.broker.submit(submission, self.plan.gate)

    def _released(self, released: Released) -> None:
        order, now_ns = released.client_order_id, self._now_ns()
        self.plan.questions.leaving.discard(order)
        self._mark(order, "sent", self._mono_ns())
        self._sent_ns[order] = now_ns
        if self._breakers.is_probe_due:
            view = self.core.order(order)
            if view is not None and view.purpose == "ENTRY":
                self._breakers.probed()
        self._decide(Message.released(order, released.at_ns))

    def _not_released(self, held: NotReleased) -> None:
        self.plan.questions.leaving.discard(held.client_order_id)
        self._decide(Message.not_released(held.client_order_id, held.reason))

    # -- news for others --------------------------------------------------------------------------

    def _order_moved(self, event: Event) -> None:
        self._moved_orders[event.stream[6:]] = None  # order/<client order id>

    def _order_changed(self, event: Event) -> None:
        order = event.stream[6:]
        payload = event.payload
        if payload.find(b'"new":"WORKING"') >= 0:  # `in` asks a text first whether it is a number
            self._mark(order, "acknowledged", self._mono_ns())
        if payload.find(b'"old":"SUBMITTED"') >= 0:
            self._answered(event)
        self._moved_orders[order] = None

    def _answered(self, event: Event) -> None:
        """The venue said something about an order that was sent, or was silent too long (WD-3)."""
        now_ns = self._now_ns()
        sent_ns = self._sent_ns.pop(event.stream[6:], now_ns)
        if event.payload.find(b'"new":"UNKNOWN"') >= 0:
            call = CallEnded(endpoint=ORDERS, problem="no answer to an order")
        else:
            call = CallEnded(endpoint=ORDERS, latency_ns=now_ns - sent_ns)
        self._breakers.seen(call, now_ns)

    def _order_filled(self, event: Event) -> None:
        order = event.stream[6:]
        self._mark(order, "filled", self._mono_ns())
        self._fill_known(event.at_ns)
        self._moved_orders[order] = None
        self.plan.filled(event)

    def _fill_known(self, at_ns: int) -> None:
        """Executions before this are not asked for again, but for a little overlap.

        What is older the core may have forgotten with its order, and would not recognise.
        """
        questions = self.plan.questions
        questions.last_fill_ns = max(questions.last_fill_ns, at_ns - FILLS_OVERLAP_NS)

    def _position_moved(self, event: Event) -> None:
        self._moved_positions[event.stream[9:]] = None  # position/<position id>

    def _at_rest(self, _: AtRest) -> None:
        """Have what was moved looked after; most orders are over before anyone has to."""
        self._is_rest_asked = False
        orders, self._moved_orders = self._moved_orders, {}
        positions, self._moved_positions = self._moved_positions, {}
        for order in orders:
            self.plan.order_news(order)
        for position in positions:
            self.plan.position_news(position)

    # -- recovery ---------------------------------------------------------------------------------

    def _recover(self) -> None:
        """Ask the venue about every order without an end, before anything is sent.

        Those that it has acknowledged its list answers for, all by one call: one that is missing
        there, or has filled meanwhile, is then looked up (ST-3, EX-16).
        """
        broker = self.plan.broker
        for submission in self.core.unresolved():
            self._resubmit[submission.client_order_id] = submission
            broker.look_up(submission.client_order_id)
        for client_order_id in self.core.unsettled():
            if client_order_id not in self._resubmit and not self._is_in_list(client_order_id):
                broker.look_up(client_order_id)
        for cancel in self.core.cancels():
            broker.cancel(cancel.client_order_id, cancel.broker_order_id)
        self._kill_reads.read()
        self.plan.recovered()

    def _is_in_list(self, client_order_id: str) -> bool:
        """Whether the venue's list of open orders tells of it; a replay's time stands still."""
        view = None if self.plan.is_virtual else self.core.order(client_order_id)
        return view is not None and view.state in ("WORKING", "PARTIALLY_FILLED")

    def _looked_up(self, answer: LookedUp) -> None:
        order, now_ns = answer.client_order_id, self.lane.now_ns()
        self._breakers.seen(CallEnded(endpoint="look_up", problem=answer.problem), now_ns)
        if answer.problem:
            self._decide(Message.lookup_unknown(order))
        elif answer.reports is not None:
            self._resubmit.pop(order, None)
            self._decide(Message.lookup_found(order, list(answer.reports)))
        elif order in self._resubmit and self.plan.is_virtual:
            self._absent(order)
        else:
            self._resubmit.pop(order, None)
            self._decide(Message.lookup_absent(order, is_complete=answer.is_complete))

    def _absent(self, order: str) -> None:
        """Time stands still, so what two answers prove absent may still leave, once."""
        if order not in self._absent_once:
            self._absent_once.add(order)
            self.plan.broker.look_up(order)
            return
        self._absent_once.discard(order)
        self._submit(self._resubmit.pop(order))

    # -- what the venue itself says ---------------------------------------------------------------

    def _stated(self, stated: Stated) -> None:
        asked = self.plan.questions.answered(stated.question)
        if asked is None:
            return  # asked by an earlier incarnation, whose books these are not
        judgement, now_ns = None, self.lane.now_ns()
        latency_ns = 0 if stated.problem else now_ns - asked.asked_ns
        call = CallEnded(endpoint="account", latency_ns=latency_ns, problem=stated.problem)
        self._breakers.seen(call, now_ns)
        if not stated.problem:
            decision = self._decide(message_of(stated, asked))
            judgement = None if decision is None else decision.judgement
            if stated.fills is not None:
                self._fill_known(asked.asked_ns)
        if asked.why is Why.KILL:
            self._kill_reads.stated(judgement)
        elif asked.why is Why.ENTRY:
            self._entries_waiting.stated(stated)
        else:
            self.plan.judged(Judged(asked=asked, judgement=judgement, problem=stated.problem))
