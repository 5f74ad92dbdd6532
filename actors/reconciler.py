"""Compares our books with the venue's: at start, on reconnection, in flight, when asked (ST-4).

It asks and keeps time. The account's core judges: what differs is named and journaled there, small
differences are taken over, large ones stop entries (`rust_core` account/reconcile). A difference
that one answer shows must be shown by the next as well, because the venue's lists and its reports
travel apart.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.operator_words import AnswerSink, Reconciled, ReconcileRequest, Refused
from actors.questions import ALL, ANSWER_DUE_NS, NEWS, Asked, Questions, Why
from rust_core import AccountCore, Judgement
from trading.ports import Broker

RETRY_MIN_NS = 1_000_000_000
RETRY_MAX_NS = 30_000_000_000
OPERATOR_TRIES = 5
"""Answers an operator's question gets before it is told that things still move."""
_PARTIAL = (
    "WARNING",
    "what is held at the venue beside the run's own instruments is not known: what was found there "
    "before still stands",
)
_WHOLE = ("INFO", "the venue says again what is held beside the run's own instruments")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileNow:
    """Compare everything: the account started, or its connection came back."""

    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileAsked:
    """An operator wants to know."""

    request: ReconcileRequest
    answer: AnswerSink


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The account's core has judged an answer; `judgement` is None when there was no answer."""

    asked: Asked
    judgement: Judgement | None
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PollDue:
    """Time to look after the orders that live."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepDue:
    """Time to compare everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDue:
    """By now a question should have been answered."""

    asked: Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryDue:
    """Time to ask again for what was not conclusive."""

    why: Why


@dataclass(slots=True)
class ReconcilerMemory:
    """How the books stand with the venue's, as far as it was asked.

    Attributes:
        is_reconciled: Since the start, or the last reconnection, one comparison was conclusive.
        clean_ns: When the venue's positions were last found equal to ours, 0 before.
        answered_ns: When it last answered for its positions.
        problem: Why the last question had no answer, empty when it had one.
        is_partial: The last comparison was of the positions that the venue could tell of.
    """

    is_reconciled: bool = False
    is_partial: bool = False
    clean_ns: int = 0
    answered_ns: int = 0
    problem: str = ""
    waiting: list[ReconcileAsked] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilerPlan:
    """What the reconciler of one account is made of.

    Attributes:
        core: The account's core, None while it is being rebuilt.
        broker: The way to the venue; its answers go to the account.
        questions: Shared with the account.
        memory: Kept across incarnations.
        poll_ns: How often live orders are asked about, all in one call (EX-6).
        sweep_ns: How often everything is compared.
        hold: Called with True while nothing may enter because nothing was compared yet.
        tend: Called with each poll: whoever looked after something open may have given up.
        compared: Called after each comparison that was conclusive (WD-5).
        note: Journals how a comparison ended.
        notify: Told severity and text.
    """

    account: str
    core: Callable[[], AccountCore | None]
    broker: Broker
    questions: Questions
    memory: ReconcilerMemory
    poll_ns: int
    sweep_ns: int
    hold: Callable[[bool], None]
    tend: Callable[[], None]
    compared: Callable[[], None]
    note: Callable[[str, dict[str, Any]], None]
    notify: Callable[[str, str], None]


class ReconcilerActor(LaneActor):
    """Keeps one account's books equal to its venue's, or says how they differ."""

    def __init__(self, lane: Lane, name: str, plan: ReconcilerPlan) -> None:
        """An incarnation; the memory tells what was compared."""
        super().__init__(lane, name)
        self.plan = plan
        self._tries: dict[Why, int] = {}
        self._by_type: dict[type, Callable[[Any], None]] = {
            ReconcileNow: self._now,
            ReconcileAsked: self._asked,
            Judged: self._judged,
            PollDue: self._poll,
            SweepDue: self._sweep,
            RetryDue: lambda due: self._ask(due.why),
            AnswerDue: self._overdue,
        }

    def on_start(self) -> None:
        """Arm the regular looks; a replay ends with its tape all the same."""
        self._arm_poll()
        self._arm_sweep()
        if not self.plan.memory.is_reconciled:
            self.plan.hold(True)  # noqa: FBT003 - it is held, or it is not
        for asked in self.plan.memory.waiting:
            self._ask(Why.OPERATOR, is_forced=asked.request.is_forced)

    def on_receive(self, message: Any) -> None:
        """A question, an answer, or a time that has come."""
        react = self._by_type.get(type(message))
        if react is None:
            raise TypeError(f"{self.name}: expected a question, found {type(message).__name__}")
        react(message)

    # -- asking -----------------------------------------------------------------------------------

    def _now(self, now: ReconcileNow) -> None:
        self.plan.memory.is_reconciled = False
        self.plan.hold(True)  # noqa: FBT003
        self._tries[now.why] = 0
        self._ask(now.why)

    def _asked(self, asked: ReconcileAsked) -> None:
        self.plan.memory.waiting.append(asked)
        self._tries[Why.OPERATOR] = 0
        self._ask(Why.OPERATOR, is_forced=asked.request.is_forced)

    def _poll(self, _: PollDue) -> None:
        core, questions = self.plan.core(), self.plan.questions
        orders = 0 if core is None else len(core.orders())
        questions.naive_calls += orders + 2
        self.plan.tend()
        if orders and not questions.waits(Why.POLL, self.lane.now_ns()):
            self._ask(Why.POLL)
        self._arm_poll()

    def _sweep(self, _: SweepDue) -> None:
        if not self.plan.questions.waits(Why.SWEEP, self.lane.now_ns()):
            self._ask(Why.SWEEP)
        self._arm_sweep()

    def _arm_poll(self) -> None:
        self.at(self.lane.now_ns() + self.plan.poll_ns, PollDue(), daemon=True)

    def _arm_sweep(self) -> None:
        self.at(self.lane.now_ns() + self.plan.sweep_ns, SweepDue(), daemon=True)

    def _ask(self, why: Why, *, is_forced: bool = False) -> None:
        plan, core = self.plan, self.plan.core()
        if core is None:  # it is being rebuilt, and will ask for itself
            self._again(why)
            return
        parts, now_ns = NEWS if why is Why.POLL else ALL, self.lane.now_ns()
        number = plan.questions.ask(
            plan.broker, core, why, parts, now_ns=now_ns, is_forced=is_forced
        )
        asked = plan.questions.under_way.get(number)
        if asked is not None and why is not Why.POLL:
            self.at(now_ns + ANSWER_DUE_NS, AnswerDue(asked=asked), daemon=True)

    def _overdue(self, due: AnswerDue) -> None:
        asked = due.asked
        if self.plan.questions.under_way.get(asked.number) is asked:
            del self.plan.questions.under_way[asked.number]
            self._silent(Judged(asked=asked, judgement=None, problem="no answer in time"))

    def _again(self, why: Why) -> None:
        """Once at once, to confirm what was seen; then ever more slowly."""
        tries = self._tries[why] = self._tries.get(why, 0) + 1
        wait_ns = min(RETRY_MIN_NS << min(tries, 8), RETRY_MAX_NS) if tries > 1 else 0
        if why is Why.OPERATOR:
            wait_ns = 0
        self.at(self.lane.now_ns() + wait_ns, RetryDue(why=why), daemon=True)

    # -- answers ----------------------------------------------------------------------------------

    def _judged(self, judged: Judged) -> None:
        judgement, why = judged.judgement, judged.asked.why
        if judgement is None:
            self._silent(judged)
            return
        self.plan.memory.problem = ""
        if why is Why.POLL:
            return
        self.plan.memory.answered_ns = self.lane.now_ns()
        self._say_partial(is_partial=judgement.is_partial)
        if judgement.is_conclusive:
            self._conclude(why, judgement)
        elif why is Why.OPERATOR and self._tries.get(why, 0) >= OPERATOR_TRIES:
            self._answer(judgement)
        else:
            self._again(why)

    def _conclude(self, why: Why, judgement: Judgement) -> None:
        memory = self.plan.memory
        self._tries.pop(why, None)
        self.plan.compared()
        if not judgement.is_stopped:
            memory.clean_ns = self.lane.now_ns()
            if not memory.is_reconciled:
                memory.is_reconciled = True
                self.plan.hold(False)  # noqa: FBT003
        if why is not Why.SWEEP:
            self._note(why, judgement)
        if why is Why.OPERATOR:
            self._answer(judgement)

    def _silent(self, judged: Judged) -> None:
        """No answer: nothing was learned, and before the first one nothing enters."""
        memory, why = self.plan.memory, judged.asked.why
        if not memory.problem:
            self.plan.notify("ERROR", f"the venue does not say what it holds: {judged.problem}")
        memory.problem = judged.problem
        if why is Why.OPERATOR:
            for asked in memory.waiting:
                asked.answer(Refused(asked.request.id, f"no answer: {judged.problem}"))
            memory.waiting.clear()
        elif why is not Why.POLL:
            self._tries[why] = max(1, self._tries.get(why, 0))
            self._again(why)

    def _say_partial(self, *, is_partial: bool) -> None:
        """Once when it begins, and once when it is over: no difference is healed in between."""
        memory = self.plan.memory
        if is_partial != memory.is_partial:
            memory.is_partial = is_partial
            self.plan.notify(*(_PARTIAL if is_partial else _WHOLE))

    def _note(self, why: Why, judgement: Judgement) -> None:
        payload: dict[str, Any] = {
            "why": why,
            "is_stopped": judgement.is_stopped,
            "drift": len(judgement.drift),
        }
        if judgement.is_partial:
            payload["is_partial"] = True
        self.plan.note("ReconcileFinished", payload)

    def _answer(self, judgement: Judgement) -> None:
        memory = self.plan.memory
        drift = [
            {
                "kind": one.kind,
                "instrument": one.instrument,
                "subject": one.subject,
                "local_1e8": one.local_1e8,
                "venue_1e8": one.venue_1e8,
                "drift_ratio_1e8": one.drift_ratio_1e8,
                "is_adopted": one.is_adopted,
                "text": one.text,
            }
            for one in judgement.drift
        ]
        for asked in memory.waiting:
            asked.answer(
                Reconciled(
                    id=asked.request.id,
                    is_conclusive=judgement.is_conclusive,
                    is_stopped=judgement.is_stopped,
                    is_partial=judgement.is_partial,
                    drift=drift,
                )
            )
        memory.waiting.clear()
        self._tries.pop(Why.OPERATOR, None)
