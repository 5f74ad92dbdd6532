"""One broker account: its core decides, the record remembers, and only then anything leaves.

Mail in, one decision, one request to the record; the decision's effects are released when the
request is durable. The actor holds no truth: a new incarnation rebuilds the core from the record
and asks the venue about whatever has no outcome yet.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from actors.account_mail import account_message, message_of
from actors.breakers import Breakers
from actors.checks import ChecksMemory
from actors.conflicts import contradicted
from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.latency import LatencyMarks
from actors.messages import AtRest, BalanceAgain, BalanceDue, CycleOver, FlatReadDue, Recover
from actors.questions import ANSWER_DUE_NS, BALANCE, FILLS_OVERLAP_NS, OPEN, Questions, Why
from actors.reconciler import Judged
from actors.rounds import Rounds
from brokers.base import LookedUp, NotReleased, Released, Stated
from brokers.calls import ORDERS, CallEnded
from rust_core import (
    AccountCore,
    Cancel,
    Decision,
    Event,
    Judgement,
    Lookup,
    Message,
    Notify,
    ReleaseGate,
    Signal,
    Submission,
    Submit,
    Timer,
)
from trading.config import BALANCE_DUE_S, NS_PER_S
from trading.market import MarketMessage, SessionClosed, SessionOpened
from trading.ports import (
    Broker,
    Claim,
    Duplicate,
    Durable,
    Failed,
    Fenced,
    Record,
)

if TYPE_CHECKING:
    from actors.timers import Timer as Deadline

FLAT_READ_NS = 1_000_000_000
"""How long after a read of the venue's lists that was not clean they are read again (KC-2)."""
BALANCE_AGAIN_NS = 500_000_000
"""How long after a question for the broker's figures that had no answer it is put again (EX-13)."""
CLEAN_READS = 2
"""Clean reads in a row that end a kill (KC-2)."""


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
        is_shared: Several strategies ask, so that they may contradict each other (PF-2).
        balance_cache_ns: How old the broker's figures may be for an entry to rest on them without
            asking anew (EX-13); None where our own books say what may be spent.
        is_virtual: Time stands still while the process is dead, so what is proven absent at the
            venue may still leave (architecture.md, Replay and recovery).
        history: The current session's market messages so far, for what is not journaled: the last
            prices.
        order_news: Called with a client order id for each order that was moved, once its instant
            has nothing left to decide.
        position_news: The same for positions, with the position's id.
        filled: Called with each durable OrderFilled event.
        kill_finished: Called with each durable KillFinished event.
        notify: Called with severity, text and ids.
        latency: Told of each stage an order passes.
        questions: What the venue was asked, shared with the reconciler.
        breakers: Told how each call to the venue went.
        unsound: Called once a decision left books that contradict themselves (WD-5).
        looks: Counts how often the books were looked at.
        session_closed: Called with the date of a session that closed in the books.
        judged: Called with each answer once the core has judged it.
        recovered: Called when everything open was asked for after a restart.
    """

    account: str
    config_json: bytes
    run: str
    record: Record
    rounds: Rounds
    broker: Broker
    gate: ReleaseGate
    is_shared: bool
    balance_cache_ns: int | None
    is_virtual: bool
    history: Callable[[], Sequence[MarketMessage]]
    order_news: Callable[[str], None]
    position_news: Callable[[str], None]
    filled: Callable[[Any], None]
    kill_finished: Callable[[Any], None]
    notify: Callable[[str, str, Sequence[str]], None]
    latency: LatencyMarks
    questions: Questions
    breakers: Breakers
    unsound: Callable[[], None]
    looks: ChecksMemory
    session_closed: Callable[[int], None]
    judged: Callable[[Judged], None]
    recovered: Callable[[], None]

    @property
    def journal_id(self) -> str:
        """The account's journal."""
        return f"account:{self.account}"


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
        self._cycle: list[Signal] = []
        self._waiting: dict[int, tuple[Message, Deadline]] = {}
        self._asked_for: dict[int, int] = {}
        self._waits = 0
        self._clean_reads = 0
        self._reading: Any = None
        self._survivors = (0, 0)
        self._moved_orders: dict[str, None] = {}
        self._moved_positions: dict[str, None] = {}
        self._is_rest_asked = False
        self._by_type: dict[type, Callable[[Any], object]] = {
            Message: self._way_in(),
            CycleOver: lambda _: self._resolve(),
            BalanceDue: lambda due: self._balance_due(due.wait),
            BalanceAgain: lambda again: self._ask_balance(again.wait),
            Durable: self._durable,
            AtRest: self._at_rest,
            Released: self._released,
            NotReleased: self._not_released,
            LookedUp: self._looked_up,
            Stated: self._stated,
            FlatReadDue: lambda _: self._read_lists(),
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
            "KillLevelChanged": lambda _: self._read_lists(),
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
                self._check_flat()
        self._publish(self._journal_id, events, outcome.last_seq)

    # -- strategies that contradict each other (PF-2) ----------------------------------------------

    def _way_in(self) -> Callable[[Message], object]:
        """What a message passes first; nothing where one strategy trades on our own books."""
        if self.plan.is_shared:
            return self._collect
        return self._decide if self.plan.balance_cache_ns is None else self._weigh

    def _collect(self, message: Message) -> None:
        """Hear everybody first: who was shown the same bar has his answer before in the mail."""
        signal = message.asked
        if signal is None:
            self._decide(message)
            return
        if not self._cycle:
            self.lane.tell(self.name, CycleOver())
        self._cycle.append(signal)

    def _resolve(self) -> None:
        """In the order of the strategies, each seeing what was decided before (PF-5)."""
        cycle, self._cycle = self._cycle, []
        for signal in contradicted(cycle):
            self._weigh(Message.signal(signal))

    # -- the broker's figure before an entry (EX-13) -----------------------------------------------

    def _weigh(self, message: Message) -> None:
        """What a strategy asks for waits until the broker said what may be spent."""
        plan, now_ns, known_ns = self.plan, self.lane.now_ns(), self.core.balance_ns
        cache_ns = plan.balance_cache_ns
        is_fresh = known_ns is not None and 0 <= now_ns - known_ns < (cache_ns or 0)
        if cache_ns is None or is_fresh or message.asked is None:
            self._decide(message)
            return
        self._waits += 1
        due_ns = now_ns + BALANCE_DUE_S * NS_PER_S
        due = self.at(due_ns, BalanceDue(wait=self._waits), daemon=True)
        self._waiting[self._waits] = (message, due)
        self._ask_balance(self._waits)

    def _ask_balance(self, wait: int) -> None:
        plan, now_ns = self.plan, self.lane.now_ns()
        if wait in self._waiting:
            number = plan.questions.ask(plan.broker, self.core, Why.ENTRY, BALANCE, now_ns=now_ns)
            self._asked_for[number] = wait

    def _balance_stated(self, stated: Stated) -> None:
        wait = self._asked_for.pop(stated.question)
        if stated.problem:
            again_ns = self.lane.now_ns() + BALANCE_AGAIN_NS
            self.at(again_ns, BalanceAgain(wait=wait), daemon=True)
        else:
            self._balance_due(wait)

    def _balance_due(self, wait: int) -> None:
        """The figures are here; or they are not, and the gate finds what is known too old."""
        waiting = self._waiting.pop(wait, None)
        if waiting is not None:
            message, due = waiting
            due.cancel()
            self._decide(message)

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
        self._read_lists()
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
            self._read(judgement)
        elif asked.why is Why.ENTRY:
            self._balance_stated(stated)
        else:
            self.plan.judged(Judged(asked=asked, judgement=judgement, problem=stated.problem))

    # -- kill: what the venue itself says ----------------------------------------------------------

    def _check_flat(self) -> None:
        """Once the books say that a kill is through, have the venue say so."""
        if self.core.account().kill_remaining == 0:
            self._read_lists()

    def _read_lists(self) -> None:
        """Read the venue's own lists: what our books do not know is cancelled too (KC-2)."""
        questions, now_ns = self.plan.questions, self.lane.now_ns()
        if self.core.is_flattening and not questions.waits(Why.KILL, now_ns):
            questions.ask(self.plan.broker, self.core, Why.KILL, OPEN, now_ns=now_ns)
            self._read_again_in(ANSWER_DUE_NS)

    def _read_again_in(self, wait_ns: int) -> None:
        """One timer at a time; the newest counts."""
        if self._reading is not None:
            self._reading.cancel()
        self._reading = self.at(self.lane.now_ns() + wait_ns, FlatReadDue(), daemon=True)

    def _read(self, judgement: Judgement | None) -> None:
        """Two clean reads in a row end a kill; anything else is read again a little later.

        A list that our books have overtaken meanwhile says nothing against them: it is read anew.
        """
        if not self.core.is_flattening:
            return
        found = None if judgement is None else (judgement.kill_orders, judgement.kill_positions)
        self._clean_reads = self._clean_reads + 1 if found == (0, 0) else 0
        if self._clean_reads == CLEAN_READS:
            self._clean_reads = 0
            self._decide(Message.venue_flat(0, 0))
        if self._clean_reads:
            self._read_lists()
        elif self.core.is_flattening:
            is_overtaken = judgement is not None and judgement.is_kill_overtaken
            if not is_overtaken:
                self._alarm(found)
            is_done = self.core.account().kill_remaining == 0
            self._read_again_in(0 if is_overtaken and is_done else FLAT_READ_NS)

    def _alarm(self, found: tuple[int, int] | None) -> None:
        """What only the venue still has is told of, once for each count."""
        if found is None or found == self._survivors:
            return
        if self.core.account().kill_remaining == 0:
            self._survivors = found
            self._decide(Message.venue_flat(*found))
