"""The operator's requests on their way: each id acts once and gets the same answers again."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import structlog

from actors.operator_words import (
    NO_REASON,
    Accepted,
    Answer,
    AnswerSink,
    ControlMessage,
    ControlRequest,
    KillMessage,
    KillRequest,
    ReconcileMessage,
    ReconcileRequest,
    Refused,
    ResumeMessage,
    ResumeRequest,
    TraderPort,
)
from trading.controls import ControlRefusedError, parse_control

ACTS_MAX: Final = 4096

_log = structlog.get_logger(__name__)

Act = KillMessage | ResumeMessage | ControlMessage | ReconcileMessage


class Ticket:
    """One request and the answers it has had so far."""

    def __init__(self, meaning: tuple[object, ...]) -> None:
        """Remember what the id stands for; the reason may be worded anew in a repeat."""
        self.meaning = meaning
        self.answers: list[Answer] = []
        self._followers: list[AnswerSink] = []
        self._finished = asyncio.Event()

    @property
    def is_finished(self) -> bool:
        """Whether the last answer is in."""
        return self._finished.is_set()

    def answer(self, answer: Answer) -> None:
        """Take one more answer; after the last one, none."""
        if self.is_finished:
            return
        self.answers.append(answer)
        if not isinstance(answer, Accepted):
            self._finished.set()
        for follower in tuple(self._followers):
            follower(answer)

    def follow(self, follower: AnswerSink) -> Callable[[], None]:
        """Hear all answers, those of the past first; returns how to stop."""
        for answer in self.answers:
            follower(answer)
        self._followers.append(follower)

        def stop() -> None:
            with contextlib.suppress(ValueError):
                self._followers.remove(follower)

        return stop

    async def last_answer(self, wait_s: float) -> Answer | None:
        """The newest answer once finished or after `wait_s`; None while there is not one yet."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._finished.wait()
        return self.answers[-1] if self.answers else None


class Desk:
    """Hands requests to the trader, each id once."""

    def __init__(self, trader: TraderPort) -> None:
        """Serve one trader."""
        self._trader = trader
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()

    def take(self, act: Act, channel: str) -> Ticket:
        """Pass a request on, or find the ticket of its id.

        The trader's gate is shut when this returns for a kill (KC-3): there is no await on the way.
        """
        by = f"{channel}:{act.by}" if act.by else channel
        meaning = _meaning(act)
        known = self._tickets.get(act.id)
        if known is not None:
            if known.meaning == meaning:
                return known
            return _refused(act.id, meaning, "this id was used for another request; take a new one")
        if isinstance(act, ControlMessage):
            try:
                act = ControlMessage(
                    id=act.id,
                    name=act.name,
                    value=parse_control(act.name, act.value),
                    reason=act.reason,
                )
            except ControlRefusedError as error:
                return _refused(act.id, meaning, str(error))
        ticket = Ticket(meaning)
        self._remember(act.id, ticket)
        self._submit(act, by, ticket)
        return ticket

    def _submit(self, act: Act, by: str, ticket: Ticket) -> None:
        reason = act.reason.strip() or NO_REASON
        try:
            match act:
                case KillMessage(id=id_, level=level):
                    kill = KillRequest(id=id_, level=level, reason=reason, by=by)
                    self._trader.submit_kill(kill, ticket.answer)
                case ResumeMessage(id=id_, rearm=rearm):
                    resume = ResumeRequest(id=id_, reason=reason, by=by, rearm=rearm)
                    self._trader.resume(resume, ticket.answer)
                case ControlMessage(id=id_, name=name, value=value):
                    control = ControlRequest(id=id_, name=name, value=value, reason=reason, by=by)
                    self._trader.set_control(control, ticket.answer)
                case ReconcileMessage(id=id_, adopt=adopt):
                    asked = ReconcileRequest(id=id_, reason=reason, by=by, is_forced=adopt)
                    self._trader.reconcile(asked, ticket.answer)
        except Exception as error:  # noqa: BLE001  the operator must hear of any fault at once
            _log.exception("operator request failed", id=act.id)
            ticket.answer(Refused(act.id, f"the trader failed on it: {error}"))

    def _remember(self, id_: str, ticket: Ticket) -> None:
        self._tickets[id_] = ticket
        if len(self._tickets) > ACTS_MAX:
            # What falls out here is still known to the record, which the trader asks.
            done = next((key for key, old in self._tickets.items() if old.is_finished), None)
            if done is not None:
                del self._tickets[done]


def _meaning(act: Act) -> tuple[object, ...]:
    match act:
        case KillMessage(level=level):
            return ("kill", level)
        case ResumeMessage(rearm=rearm):
            return ("resume", rearm)
        case ControlMessage(name=name, value=value):
            return ("control", name, repr(value))
        case ReconcileMessage(adopt=adopt):
            return ("reconcile", adopt)


def _refused(id_: str, meaning: tuple[object, ...], error: str) -> Ticket:
    ticket = Ticket(meaning)
    ticket.answer(Refused(id_, error))
    return ticket
