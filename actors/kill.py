"""The kill switch: one owner for every kill and resume, whatever way it came (KC-1 to KC-4).

The gate is raised by `raise_gate`, synchronously and before anything else, by whoever receives the
kill. This actor then makes it durable, answers, has every account act, and answers again with
counts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.messages import AccountBack, KillProgress, KillTimeout, TakeUpKills
from actors.operator_words import (
    Accepted,
    AnswerSink,
    Changed,
    KillDone,
    KillLevel,
    KillRequest,
    Refused,
    ResumeRequest,
)
from actors.rounds import Rounds
from rust_core import Message, ReleaseGate
from trading.mail import MailClass
from trading.ports import Claim, Duplicate, Durable, Outcome, Record

LEVELS = ("NONE", "PAUSE", "FLATTEN", "EMERGENCY")
CLAIM = "kill"
_UNFINISHED = """SELECT kill_id, level, reason, author, EXISTS (
        SELECT 1 FROM journal WHERE journal_id = 'system' AND kind = 'KillLevelChanged'
        AND stream = 'kill/' || asked.kill_id)
    FROM kill_commands AS asked WHERE finished_ns IS NULL ORDER BY accepted_pos"""
_FINISHED = """SELECT journal_id, payload ->> '$.cancelled', payload ->> '$.closed',
        payload ->> '$.failed', payload ->> '$.remaining'
    FROM journal WHERE kind = 'KillFinished' AND stream = 'kill/' || :kill_id"""


def higher(one: str, other: str) -> str:
    """The kill level that stops more."""
    return max(one, other, key=LEVELS.index)


@dataclass(frozen=True, slots=True)
class KillAsked:
    """A kill on its way to its owner; the gate is raised already."""

    MAIL: ClassVar[MailClass] = MailClass.CONTROL

    request: KillRequest
    answer: AnswerSink


@dataclass(frozen=True, slots=True)
class ResumeAsked:
    """A resume on its way to the kill switch."""

    MAIL: ClassVar[MailClass] = MailClass.CONTROL

    request: ResumeRequest
    answer: AnswerSink


@dataclass(slots=True)
class Running:
    """One kill from its acceptance to its end."""

    request: KillRequest
    answers: list[AnswerSink]
    waiting_for: set[str]
    is_accepted: bool = False
    cancelled: int = 0
    closed: int = 0
    failed: int = 0
    remaining: int = 0


@dataclass(slots=True)
class KillMemory:
    """What the kill switch does not lose with an incarnation: the level, and who still waits."""

    level: str = "NONE"
    latched: str = "NONE"
    kill_id: str = ""
    running: dict[str, Running] = field(default_factory=dict)
    done: dict[str, KillDone] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class KillPlan:
    """What the kill switch is made of.

    Attributes:
        accounts: Actor names of the accounts.
        open_counts: How much works or is open at an account now, by its name.
        level_of: The kill level as an account's core has it, by its name; empty while it has none.
        unconfirmed: Whether an account, by its name, still waits for its venue's word on a kill.
        gate: Raised before a kill is answered.
        run: The run in the record.
        timeout_ns: After this a kill answers with what remains; it stays latched.
    """

    accounts: tuple[str, ...]
    open_counts: Callable[[str], int]
    level_of: Callable[[str], str]
    unconfirmed: Callable[[str], bool]
    gate: ReleaseGate
    rounds: Rounds
    record: Record
    run: str
    memory: KillMemory
    timeout_ns: int
    notify: Callable[[str, str], None]


def raise_gate(plan: KillPlan, level: str) -> None:
    """Shut the way out, before a kill is even mailed; it is only ever raised here."""
    plan.memory.level = higher(plan.memory.level, level)
    plan.gate.set_kill_level(plan.memory.level)


class KillActor(LaneActor):
    """Owns the kill level of the whole system."""

    def __init__(self, lane: Lane, name: str, plan: KillPlan) -> None:
        """An incarnation; the memory tells what is under way."""
        super().__init__(lane, name)
        self.plan = plan

    def on_receive(self, message: Any) -> None:
        """A kill, a resume, or an account's word on one."""
        kind = type(message)
        if kind is KillAsked:
            self._kill(message)
        elif kind is ResumeAsked:
            self._resume(message)
        elif kind is KillProgress:
            self._progress(message)
        elif kind is KillTimeout:
            self._timed_out(message.kill_id)
        elif kind is TakeUpKills:
            self._take_up()
        elif kind is AccountBack:
            self._account_back(message.account)
        else:
            raise TypeError(f"{self.name}: expected a kill or a resume, found {kind.__name__}")

    # -- kill -------------------------------------------------------------------------------------

    def _kill(self, asked: KillAsked) -> None:
        request, memory = asked.request, self.plan.memory
        raise_gate(self.plan, request.level)
        if (done := memory.done.get(request.id)) is not None:
            asked.answer(Accepted(request.id))
            asked.answer(done)
            return
        if (running := memory.running.get(request.id)) is not None:
            running.answers.append(asked.answer)
            if running.is_accepted:
                asked.answer(Accepted(request.id))
            return
        memory.running[request.id] = Running(request, [asked.answer], set(self.plan.accounts))
        is_new = not self.plan.record.has_claim(Claim(name=CLAIM, key=request.id), self.plan.run)
        self._journal(request)
        if is_new:
            self._tell_accounts(request)

    def _journal(self, request: KillRequest) -> None:
        payload = {
            "kill_id": request.id,
            "level": str(request.level),
            "reason": request.reason,
            "author": request.by,
        }
        self.plan.rounds.note(
            f"kill/{request.id}",
            "KillAccepted",
            payload,
            claims=(Claim(name=CLAIM, key=request.id),),
            heard=partial(self._accepted, request.id),
        )

    def _accepted(self, kill_id: str, outcome: Outcome) -> None:
        running = self.plan.memory.running.get(kill_id)
        if running is None:
            return
        if isinstance(outcome, Durable):
            running.is_accepted = True
            self._say(running, Accepted(kill_id))
            self._latch(running.request)
        elif isinstance(outcome, Duplicate):
            self._repeated(running)
        else:
            del self.plan.memory.running[kill_id]
            self._say(
                running, Refused(kill_id, f"the gate is shut, but the record failed: {outcome}")
            )

    def _latch(self, request: KillRequest) -> None:
        memory = self.plan.memory
        self.plan.rounds.note(
            f"kill/{request.id}",
            "KillLevelChanged",
            {
                "kill_id": request.id,
                "old": memory.latched,
                "new": memory.level,
                "reason": request.reason,
                "author": request.by,
                "at_ns": self.lane.now_ns(),
            },
        )
        memory.kill_id, memory.latched = request.id, memory.level
        self._allow_time(request)

    def _tell_accounts(self, request: KillRequest) -> None:
        """Behind the kill's own event: what they decide is durable with it or after it (KC-4).

        So their cancels wait for one commit, and no account acts on a kill that a crash forgets.
        """
        for account in self.plan.accounts:
            message = Message.kill(request.id, str(request.level), request.reason, request.by)
            self.tell(account, message)

    def _allow_time(self, request: KillRequest) -> None:
        self.lane.at(
            self.lane.now_ns() + self.plan.timeout_ns, self.name, KillTimeout(kill_id=request.id)
        )

    def _account_back(self, account: str) -> None:
        """Bring a rebuilt account to the level that stands; it acts on an id once (KC-4)."""
        memory = self.plan.memory
        for running in memory.running.values():
            if running.is_accepted and account in running.waiting_for:
                request = running.request
                level = str(request.level)
                self.tell(account, Message.kill(request.id, level, request.reason, request.by))
        is_lifted = memory.latched == "NONE" and not memory.running
        if is_lifted and self.plan.level_of(account) not in ("", "NONE"):
            reason = "resumed before the account was rebuilt"
            self.tell(account, Message.resume("record", rearm=True, reason=reason))

    # -- kills from before the start --------------------------------------------------------------

    def _take_up(self) -> None:
        """Go on with each kill that was taken and not finished; an account acts on an id once."""
        record, memory = self.plan.record, self.plan.memory
        rows = record.query(_UNFINISHED, {})
        for kill_id, level, reason, author, is_latched in rows:
            if kill_id in memory.running:
                continue
            request = KillRequest(id=kill_id, level=KillLevel(level), reason=reason, by=author)
            memory.running[kill_id] = Running(request, [], set(self.plan.accounts), True)  # noqa: FBT003
            self._tell_accounts(request)
            if is_latched:
                memory.kill_id = kill_id
                self._allow_time(request)
            else:
                self._latch(request)
            for account, *counts in record.query(_FINISHED, {"kill_id": kill_id}):
                cancelled, closed, failed, remaining = counts
                self._progress(
                    KillProgress(
                        account=account,
                        kill_id=kill_id,
                        cancelled=cancelled,
                        closed=closed,
                        failed=failed,
                        remaining=remaining,
                    )
                )

    def _repeated(self, running: Running) -> None:
        """An id from before a restart: it has acted, so it gets its old answer."""
        kill_id = running.request.id
        rows = self.plan.record.query(
            "SELECT cancelled, closed, failed, remaining FROM kill_commands"
            " WHERE kill_id = :kill_id",
            {"kill_id": kill_id},
        )
        cancelled, closed, failed, remaining = (value or 0 for value in rows[0])
        done = KillDone(
            id=kill_id, cancelled=cancelled, closed=closed, failed=failed, remaining=remaining
        )
        del self.plan.memory.running[kill_id]
        self._say(running, Accepted(kill_id))
        self._say(running, done)

    def _progress(self, progress: KillProgress) -> None:
        running = self.plan.memory.running.get(progress.kill_id)
        if running is None or progress.account not in running.waiting_for:
            return
        running.waiting_for.discard(progress.account)
        running.cancelled += progress.cancelled
        running.closed += progress.closed
        running.failed += progress.failed
        running.remaining += progress.remaining
        if not running.waiting_for:
            self._finish(running)

    def _timed_out(self, kill_id: str) -> None:
        running = self.plan.memory.running.get(kill_id)
        if running is None:
            return
        for account in sorted(running.waiting_for):
            # our books may be empty: until its venue has said so, something may be left (KC-2)
            running.remaining += max(1, self.plan.open_counts(account))
        self.plan.notify("CRITICAL", f"kill {kill_id} is not through: {running.remaining} remain")
        self._finish(running)

    def _finish(self, running: Running) -> None:
        done = KillDone(
            id=running.request.id,
            cancelled=running.cancelled,
            closed=running.closed,
            failed=running.failed,
            remaining=running.remaining,
        )
        memory = self.plan.memory
        del memory.running[done.id]
        memory.done[done.id] = done
        self.plan.rounds.note(
            f"kill/{done.id}",
            "KillDone",
            {
                "kill_id": done.id,
                "level": str(running.request.level),
                "cancelled": done.cancelled,
                "closed": done.closed,
                "failed": done.failed,
                "remaining": done.remaining,
            },
            heard=lambda _: self._say(running, done),
        )

    @staticmethod
    def _say(running: Running, answer: Any) -> None:
        for sink in running.answers:
            sink(answer)

    # -- resume -----------------------------------------------------------------------------------

    def _resume(self, asked: ResumeAsked) -> None:
        request, memory = asked.request, self.plan.memory
        if why_not := self._why_not_resume(request):
            asked.answer(Refused(request.id, why_not))
            return
        old = memory.level
        payload = {
            "kill_id": memory.kill_id,
            "old": old,
            "new": "NONE",
            "reason": request.reason,
            "author": request.by,
            "at_ns": self.lane.now_ns(),
        }
        self.plan.rounds.note(
            f"kill/{memory.kill_id or request.id}",
            "KillLevelChanged",
            payload,
            heard=partial(self._resumed, asked, old),
        )

    def _why_not_resume(self, request: ResumeRequest) -> str:
        """Why the level stays latched; empty when it may be lifted (KC-1, KC-2)."""
        memory = self.plan.memory
        if memory.running:
            return f"a kill is still under way: {', '.join(memory.running)}"
        if memory.level == "EMERGENCY" and not request.rearm:
            return "an EMERGENCY is lifted only with rearm (holdfast resume --rearm)"
        remaining = sum(self.plan.open_counts(account) for account in self.plan.accounts)
        if memory.level == "FLATTEN" and remaining:
            return f"the FLATTEN is not through: {remaining} orders and positions remain"
        waiting = [account for account in self.plan.accounts if self.plan.unconfirmed(account)]
        if waiting:  # its core would refuse, and gate and core would say different things
            return f"{', '.join(waiting)}: the venue has not confirmed the kill"
        return ""

    def _resumed(self, asked: ResumeAsked, old: str, outcome: Outcome) -> None:
        request, memory = asked.request, self.plan.memory
        if not isinstance(outcome, Durable):
            asked.answer(Refused(request.id, f"the record failed: {outcome}"))
            return
        if memory.running:
            asked.answer(Refused(request.id, "a kill arrived meanwhile"))
            return
        memory.level, memory.latched, memory.kill_id = "NONE", "NONE", ""
        self.plan.gate.set_kill_level("NONE")
        for account in self.plan.accounts:
            rearm = old == "EMERGENCY"
            self.tell(account, Message.resume(request.by, rearm=rearm, reason=request.reason))
        asked.answer(Changed(id=request.id, name="kill_level", old=old, new="NONE"))
