"""One broker account: its core decides, the record remembers, and only then anything leaves.

Mail in, one decision, one request to the record; the decision's effects are released when the
request is durable. The actor holds no truth: a new incarnation rebuilds the core from the record
and asks the venue about whatever has no outcome yet.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.latency import LatencyMarks
from actors.messages import FlatReadDue, Recover
from actors.rounds import Rounds
from brokers.base import LookedUp, NotReleased, Released, Stated
from rust_core import (
    AccountCore,
    Cancel,
    Decision,
    Event,
    Lookup,
    Message,
    Notify,
    ReleaseGate,
    Submission,
    Submit,
    Timer,
)
from trading.market import (
    Bar,
    MarketMessage,
    Quote,
    SessionClosed,
    SessionOpened,
    TradePrint,
)
from trading.ports import (
    Broker,
    Claim,
    Duplicate,
    Durable,
    Failed,
    Fenced,
    Part,
    Record,
)

OPEN = frozenset((Part.ORDERS, Part.POSITIONS))
FLAT_READ_NS = 1_000_000_000
"""How long after a read of the venue's lists that brought nothing they are read again."""


class RecordRefusedError(RuntimeError):
    """The record did not take a decision: what this incarnation believes is not what is durable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlan:
    """What an account actor is made of; shared by its incarnations.

    Attributes:
        account: The account's name.
        config_json: `AccountConfig` of the core.
        run: The run in the record.
        record: Read to rehydrate.
        rounds: Where decisions are staged.
        broker: The way to the venue.
        gate: Compared at every hand-over.
        is_virtual: Time stands still while the process is dead, so what is proven absent at the
            venue may still leave (architecture.md, Replay and recovery).
        history: The current session's market messages so far, for what is not journaled: the last
            prices.
        order_news: Called with a client order id for each order that was moved, after its effects.
        position_news: The same for positions, with strategy and instrument's position id.
        filled: Called with each durable OrderFilled event.
        kill_finished: Called with each durable KillFinished event.
        notify: Called with severity, text and ids.
        latency: Told of each stage an order passes.
    """

    account: str
    config_json: bytes
    run: str
    record: Record
    rounds: Rounds
    broker: Broker
    gate: ReleaseGate
    is_virtual: bool
    history: Callable[[], Sequence[MarketMessage]]
    order_news: Callable[[str], None]
    position_news: Callable[[str], None]
    filled: Callable[[Any], None]
    kill_finished: Callable[[Any], None]
    notify: Callable[[str, str, Sequence[str]], None]
    latency: LatencyMarks

    @property
    def journal_id(self) -> str:
        """The account's journal."""
        return f"account:{self.account}"


class _Staged:
    """The token of one decision: whose it is, and what to do once it is durable."""

    __slots__ = ("address", "decision", "events", "incarnation")

    def __init__(
        self,
        address: str,
        incarnation: object,
        decision: Decision | None,
        events: Sequence[Event],
    ) -> None:
        self.address = address
        self.incarnation = incarnation
        self.decision = decision
        self.events = events


class AccountActor(LaneActor):
    """Drives one `AccountCore`."""

    def __init__(self, lane: Lane, name: str, plan: AccountPlan) -> None:
        """An incarnation; `rehydrate` gives it its state."""
        super().__init__(lane, name)
        self.plan = plan
        self.core = AccountCore(plan.config_json)
        self._resubmit: dict[str, Submission] = {}
        self._by_type: dict[type, Callable[[Any], None]] = {
            Message: self._decide,
            Durable: self._durable,
            Released: self._released,
            NotReleased: self._not_released,
            LookedUp: self._looked_up,
            Stated: self._stated,
            FlatReadDue: lambda _: self._check_flat(),
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
            "KillFinished": plan.kill_finished,
        }

    # -- life -------------------------------------------------------------------------------------

    def rehydrate(self) -> None:
        """Rebuild the core from the newest snapshot and the events after it."""
        plan = self.plan
        plan.rounds.settle()
        after = 0
        snapshot = plan.record.last_snapshot(plan.journal_id, plan.run)
        if snapshot is not None:
            self.core.rehydrate(snapshot.kind, snapshot.payload, snapshot.at_ns)
            after = snapshot.seq
        for row in plan.record.events(plan.journal_id, plan.run, after):
            self.core.rehydrate(row.kind, row.payload, row.at_ns)
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

    # -- mail -------------------------------------------------------------------------------------

    def on_receive(self, message: Any) -> None:
        """Decide, or go on with what became durable."""
        react = self._by_type.get(type(message))
        if react is None:
            found = type(message).__name__
            raise TypeError(f"{self.name}: expected a message of the account, found {found}")
        react(message)

    def _refused(self, outcome: Duplicate | Fenced | Failed) -> None:
        raise RecordRefusedError(f"{self.name}: {outcome}")

    def _decide(self, message: Message) -> None:
        core = self.core
        asked_ns = self.plan.latency.mono_ns()
        decision = core.decide(message, self.lane.now_ns())
        events = decision.events
        if events:
            for event in events:
                if event.kind == "OrderIntended":
                    self.plan.latency.intended(event.stream[6:], asked_ns)
            self.plan.rounds.stage(
                self.plan.journal_id,
                tuple(events),
                _Staged(self.name, self, decision, events),
                tuple(Claim(name=name, key=key) for name, key in decision.claims),
            )
            core.apply(decision)
            if any(event.kind == "SessionClosed" for event in events):
                self._snapshot()
        else:
            core.apply(decision)
            self._release(decision)

    def _snapshot(self) -> None:
        """Between sessions: rehydration starts from the newest one."""
        event = self.core.snapshot(self.lane.now_ns())
        self.plan.rounds.stage(
            self.plan.journal_id, (event,), _Staged(self.name, None, None, (event,))
        )

    def _durable(self, outcome: Durable) -> None:
        token: Any = outcome.token
        events = token.events
        for event in events:
            if event.kind == "OrderIntended":
                self.plan.latency.passed(event.stream[6:], "durable")
        if token.incarnation is self:  # an older one's effects are asked for anew by recovery
            self._release(token.decision)
        by_kind = self._by_kind
        for event in events:
            react = by_kind.get(event.kind)
            if react is not None:
                react(event)
        self.plan.rounds.publish(self.plan.journal_id, events, outcome.last_seq)

    # -- effects ----------------------------------------------------------------------------------

    def _release(self, decision: Decision) -> None:
        for timer in decision.timers:
            self._arm(timer)
        for effect in decision.effects:
            self._act(effect)

    def _act(self, effect: Submit | Cancel | Lookup | Notify) -> None:
        plan = self.plan
        match effect:
            case Submit():
                self._submit(effect.submission)
            case Cancel():
                plan.broker.cancel(effect.client_order_id)
            case Lookup():
                plan.broker.look_up(effect.client_order_id)
            case Notify():
                plan.notify(effect.severity, effect.text, effect.ids)

    def _submit(self, submission: Submission) -> None:
        self.plan.broker.submit(submission, self.plan.gate)

    def _released(self, released: Released) -> None:
        order = released.client_order_id
        self.plan.latency.passed(order, "sent")
        self._decide(Message.released(order, released.at_ns))

    def _not_released(self, held: NotReleased) -> None:
        self._decide(Message.not_released(held.client_order_id, held.reason))

    # -- news for others --------------------------------------------------------------------------

    def _order_moved(self, event: Event) -> None:
        self.plan.order_news(event.stream[6:])  # order/<client order id>
        self._check_flat()

    def _order_changed(self, event: Event) -> None:
        if b'"new":"WORKING"' in event.payload:
            self.plan.latency.passed(event.stream[6:], "acknowledged")
        self._order_moved(event)

    def _order_filled(self, event: Event) -> None:
        self.plan.latency.passed(event.stream[6:], "filled")
        self.plan.order_news(event.stream[6:])
        self.plan.filled(event)

    def _position_moved(self, event: Event) -> None:
        self.plan.position_news(event.stream[9:])  # position/<position id>
        self._check_flat()

    # -- recovery ---------------------------------------------------------------------------------

    def _recover(self) -> None:
        """Ask the venue about every order without an end, before anything is sent."""
        broker = self.plan.broker
        for submission in self.core.unresolved():
            self._resubmit[submission.client_order_id] = submission
            broker.look_up(submission.client_order_id)
        for client_order_id in self.core.unsettled():
            if client_order_id not in self._resubmit:
                broker.look_up(client_order_id)
        for cancel in self.core.cancels():
            broker.cancel(cancel.client_order_id)
        self._check_flat()

    def _looked_up(self, answer: LookedUp) -> None:
        order = answer.client_order_id
        submission = self._resubmit.pop(order, None)
        if answer.problem:
            if submission is not None:
                self._resubmit[order] = submission
            self._decide(Message.lookup_unknown(order))
        elif answer.reports is not None:
            self._decide(Message.lookup_found(order, list(answer.reports)))
        elif submission is not None and self.plan.is_virtual:
            self._submit(submission)
        else:
            self._decide(Message.lookup_absent(order, proven=self.plan.is_virtual))

    # -- kill: what the venue itself says ----------------------------------------------------------

    def _check_flat(self) -> None:
        """Once the books say a kill is through, have the venue say so twice (KC-2)."""
        core = self.core
        account = core.account()
        if account.is_kill_finished or account.kill_level in ("NONE", "PAUSE"):
            return
        if not core.orders() and not core.positions():
            self.plan.broker.state(1, OPEN)

    def _stated(self, stated: Stated) -> None:
        if stated.orders is None or stated.positions is None:
            self.at(self.lane.now_ns() + FLAT_READ_NS, FlatReadDue())
            return
        orders, positions = len(stated.orders), len(stated.positions)
        if orders == positions == 0 and stated.question == 1:
            self.plan.broker.state(2, OPEN)
        else:
            self._decide(Message.venue_flat(orders, positions))


def account_message(message: MarketMessage) -> Message | None:
    """A market message as the account's core is told of it; None for what does not concern it."""
    match message:
        case Bar():
            return Message.mark(message.instrument, "BAR", message.at_ns, message.close_1e8)
        case Quote(is_crossed=False):
            return Message.mark(
                message.instrument, "QUOTE", message.at_ns, 0, message.bid_1e8, message.ask_1e8
            )
        case TradePrint():
            return Message.mark(message.instrument, "TRADE", message.at_ns, message.price_1e8)
        case SessionOpened():
            return Message.session_opened(message.session_date, message.open_ns, message.close_ns)
        case SessionClosed():
            return Message.session_closed(message.session_date)
    return None  # an open print is for the venue
