"""One account's connections: exchanges with its venue run as tasks, their results come as mail.

The only actor that waits for a network. It keeps no truth: what is under way when it dies is
UNKNOWN to the account, which is rebuilt behind it and asks the venue.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from actors import dead_man
from actors.dead_man import DeadMan, DeadManPlan
from actors.lane_actor import LaneActor
from actors.lane_live import LiveLane
from brokers.base import (
    AlreadyFinal,
    BeatingVenue,
    CannotPrepareError,
    LookedUp,
    NotReleased,
    Refused,
    Released,
    RememberingVenue,
    Reported,
    SendOutcome,
    Sent,
    StreamDown,
    StreamNews,
    StreamUp,
    SweepingVenue,
    Unanswered,
    Unknown,
    Venue,
)
from brokers.http import NotConnectedError
from brokers.network import CancelAsked, LookUpAsked, StateAsked, SubmitAsked
from rust_core import Message, ReleaseRefusedError, VenueReport
from trading.money import show_1e8
from trading.ports import Part

CATCH_UP_WAIT_S = 2.0
"""How long after a catch-up that failed the next one begins."""
RELEASES_KEPT = 1_024
BREAKER = "order stream"


TOGETHER_MIN = 4
"""From so many orders on the venue is asked for all of them by one call.

For cancels, too: reading its list first and that call take less of the limiter's room than each
by itself."""


class FencedError(Exception):
    """Another instance has taken over: not even a cancel leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailed:
    """Mail to itself: a task ended in a way that nobody foresaw."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class AllCancelsHere:
    """Mail to itself, behind every cancel of the moment that one of them came in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterPlan:
    """What an adapter is made of.

    Attributes:
        account: Name of the account's actor, which hears the answers.
        make: Makes the way to the venue, not connected yet.
        hold: Told a breaker's name and why entries wait, empty when they need not: while the order
            stream is not up (ST-4), or the venue's dead-man switch unheard (KC-10).
        fence: Our fencing token.
        fence_word: The fence as it stands in shared memory now.
        is_ours: The order of that id is one of this account's.
        live_orders: Ids of the orders that may still change, for catching up.
        working: Of those that the venue has acknowledged, how much is filled, by id.
        intents: The journaled intents of this run, for a venue that knows orders by them.
        broker_id: The venue's id of an order, empty where it is not known.
        intended_ns: When an order's intent became durable, 0 where there is none.
        reconnected: Called when the stream is up and its orders are caught up with, and when an
            execution was corrected: executions and positions are compared before entries may
            leave (ST-4).
        notify: Told severity, text and ids of what a person wants to know.
        note: Journals a fact of the system: stream, kind, payload.
    """

    account: str
    make: Callable[[], Venue]
    hold: Callable[[str, str], None]
    fence: int
    fence_word: Callable[[], int]
    is_ours: Callable[[str], bool]
    live_orders: Callable[[], Sequence[str]]
    working: Callable[[], Mapping[str, int]]
    intents: Callable[[], Iterable[bytes]]
    broker_id: Callable[[str], str]
    intended_ns: Callable[[str], int]
    reconnected: Callable[[], None]
    notify: Callable[[str, str, Sequence[str]], None]
    note: Callable[[str, str, dict[str, Any]], None]


class AdapterActor(LaneActor):
    """Drives one `Venue` on the live lane's loop."""

    def __init__(self, lane: LiveLane, name: str, plan: AdapterPlan) -> None:
        """An incarnation without connections."""
        super().__init__(lane, name)
        self.plan = plan
        self.venue = plan.make()
        self._loop = lane.loop
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: set[str] = set()
        self._born_ns = lane.now_ns()
        self._waiting: set[str] = set()
        self._released_ns: dict[str, int] = {}
        self._foreign: set[str] = set()
        self._cancels: list[CancelAsked] = []
        self._out_of_reach: set[str] = set()
        self._doubted: set[str] = set()
        self._down_ns = self._born_ns
        self._by_type: dict[type, Callable[[Any], None]] = {
            SubmitAsked: lambda asked: self._start(self._send(asked)),
            CancelAsked: self._cancel_soon,
            AllCancelsHere: lambda _: self._cancel_now(),
            LookUpAsked: lambda asked: self._look_up(asked.client_order_id),
            StateAsked: lambda asked: self._start(self._state(asked)),
            TaskFailed: self._failed,
        }

    # -- life -------------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Follow the order stream; entries wait until it is up and nothing was missed."""
        self.plan.hold(BREAKER, "it is not up yet")
        if self.venue.capabilities.needs_intents:
            cast("RememberingVenue", self.venue).remember(self.plan.intents)
        self._start(self.venue.listen(self._hear))
        if self.venue.capabilities.heartbeat_every_ns:
            self._start(self._dead_man(cast("BeatingVenue", self.venue)).follow())

    def _dead_man(self, venue: BeatingVenue) -> DeadMan:
        can = venue.capabilities
        return DeadMan(
            DeadManPlan(
                beat=venue.beat,
                every_ns=can.heartbeat_every_ns,
                lapse_ns=can.heartbeat_lapse_ns,
                now_ns=self.lane.now_ns,
                hold=lambda cause: self.plan.hold(dead_man.BREAKER, cause),
                lapsed=self.plan.reconnected,
                notify=lambda severity, text: self.plan.notify(severity, text, ()),
            )
        )

    def on_stop(self) -> None:
        """Let everything go; what was under way is for the account to ask about."""
        self.plan.hold(BREAKER, "its adapter ended")
        for task in self._tasks:
            task.cancel()
        closing = self._loop.create_task(self.venue.close())
        _CLOSING.add(closing)
        closing.add_done_callback(_CLOSING.discard)

    def on_receive(self, message: Any) -> None:
        """Begin one exchange."""
        begin = self._by_type.get(type(message))
        if begin is None:
            found = type(message).__name__
            raise TypeError(f"{self.name}: expected a question to the venue, found {found}")
        begin(message)

    def _start(self, exchange: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(exchange)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.lane.tell(self.name, TaskFailed(error=error))

    def _failed(self, failed: TaskFailed) -> None:
        raise failed.error

    # -- sending ----------------------------------------------------------------------------------

    async def _send(self, asked: SubmitAsked) -> None:
        submission, order = asked.submission, asked.submission.client_order_id
        try:
            prepared = self.venue.prepare(submission.intent)
        except CannotPrepareError as error:
            self._tell(NotReleased(client_order_id=order, reason=str(error)))
            return

        def release() -> None:
            now_ns = self.lane.now_ns()
            submission.redeem(asked.gate, now_ns, fence_word=self.plan.fence_word())
            self._waiting.discard(order)
            self._note_release(order, now_ns)
            self._tell(Released(client_order_id=order, at_ns=now_ns))

        self._waiting.add(order)
        try:
            outcome = await self.venue.send(prepared, release, is_entry=submission.adds_risk)
        except (ReleaseRefusedError, NotConnectedError, CannotPrepareError) as error:
            if order in self._released_ns:
                outcome = Unknown(client_order_id=order, cause=str(error))
            else:
                self._tell(NotReleased(client_order_id=order, reason=str(error)))
                return
        finally:
            self._waiting.discard(order)
        self._sent(outcome)

    def _note_release(self, order: str, now_ns: int) -> None:
        self._released_ns[order] = now_ns
        if len(self._released_ns) > RELEASES_KEPT:
            del self._released_ns[next(iter(self._released_ns))]

    def _sent(self, outcome: SendOutcome) -> None:
        order = outcome.client_order_id
        match outcome:
            case Sent():
                self._report(outcome.reports)
                if not outcome.reports:
                    self._look_up(order)
            case Refused(answer=answer):
                reason = f"{answer.status} {answer.code} {answer.text}"
                report = VenueReport(order, "REJECTED", answer.at_ns, reason=reason)
                self._report((report,))
            case Unknown(cause=cause):
                self.plan.notify("WARNING", f"{order}: {cause}", (order,))
                self._tell(Message.no_answer(order))

    def _report(self, reports: Sequence[Any]) -> None:
        for report in reports:
            self._tell(Message.venue_report(report))

    # -- cancelling -------------------------------------------------------------------------------

    def _cancel_soon(self, asked: CancelAsked) -> None:
        """A kill asks for many in one moment, and mail keeps its order."""
        if not self._cancels:
            self.lane.tell(self.name, AllCancelsHere())
        self._cancels.append(asked)

    def _cancel_now(self) -> None:
        cancels, self._cancels = self._cancels, []
        if len(cancels) >= TOGETHER_MIN and self.venue.capabilities.has_cancel_all:
            self._start(self._cancel_together(cast("SweepingVenue", self.venue), cancels))
        else:
            self._cancel_each(cancels)

    async def _cancel_together(self, venue: SweepingVenue, cancels: list[CancelAsked]) -> None:
        """By one call; each that it did not take by itself."""
        ids = frozenset(asked.client_order_id for asked in cancels if asked.client_order_id)
        try:
            taken = await venue.cancel_all(ids, self._allow_cancel)
        except FencedError:
            taken = frozenset()
        self._cancel_each([asked for asked in cancels if asked.client_order_id not in taken])

    def _cancel_each(self, cancels: list[CancelAsked]) -> None:
        for asked in cancels:
            self._start(self._cancel(asked))

    async def _cancel(self, asked: CancelAsked) -> None:
        order = asked.client_order_id
        try:
            outcome = await self.venue.cancel(order, asked.broker_order_id, self._allow_cancel)
        except FencedError:
            self.plan.notify("CRITICAL", f"{order}: the cancel was held back: fenced", (order,))
            return
        match outcome:
            case AlreadyFinal():
                self._look_up(order)
            case Unanswered(cause=cause):
                self.plan.notify("WARNING", f"cancel of {order}: {cause}", (order,))

    def _allow_cancel(self) -> None:
        if self.plan.fence_word() != self.plan.fence:
            raise FencedError

    # -- asking -----------------------------------------------------------------------------------

    def _look_up(self, order: str) -> None:
        if order and order not in self._looking:
            self._looking.add(order)
            self._start(self._looked_up(order))

    async def _looked_up(self, order: str) -> None:
        try:
            answer = await self.venue.look_up(order, self.plan.broker_id(order))
        finally:
            self._looking.discard(order)
        if answer.is_in_doubt:
            if order not in self._doubted:  # once: the core looks up again at its own pace
                self._doubt(order, f"{order}: {answer.problem}")
        elif not answer.problem:
            self._doubted.discard(order)
        self._tell(self._weighed(answer))

    def _doubt(self, order: str, warning: str) -> None:
        """Its status is in no document: unknown until the venue says another (EX-1)."""
        if warning:
            self.plan.notify("CRITICAL", warning, (order,))
        self._doubted.add(order)
        self._tell(Message.no_answer(order))

    def _weighed(self, answer: LookedUp) -> LookedUp:
        """Not found while it waits here, or may still be under way, proves nothing (EX-6)."""
        if answer.problem or answer.reports is not None:
            return answer
        order = answer.client_order_id
        if self.plan.intended_ns(order) < answer.since_ns:
            self._not_in_reach(order)
            return replace(answer, is_complete=False)
        landed_ns = self._released_ns.get(order, self._born_ns)
        landed_ns += self.venue.capabilities.flight_max_ns
        is_late = order not in self._waiting and self.lane.now_ns() >= landed_ns
        return replace(answer, is_complete=answer.is_complete and is_late)

    def _not_in_reach(self, order: str) -> None:
        """The venue's list begins after the intent: told once, with what the venue holds (EX-6).

        Its fate stays unknown, its instrument takes no new risk, and it is never sent again.
        """
        if order not in self._out_of_reach:
            self._out_of_reach.add(order)
            self._start(self._tell_out_of_reach(order))

    async def _tell_out_of_reach(self, order: str) -> None:
        stated = await self.venue.state(0, frozenset({Part.POSITIONS}), 0, is_urgent=True)
        if stated.positions is None:
            holds = f"does not say what it holds: {stated.problem}"
        else:
            held = [f"{show_1e8(each.qty_1e8)} {each.instrument}" for each in stated.positions]
            holds = f"holds {', '.join(held) or 'nothing'}"
            if stated.positions_of is not None:
                holds += " of the run's instruments; what else is not known"
        text = (
            f"{order} is of an earlier day, which the venue lists no more: nobody can say whether "
            f"it was booked, and it is not sent again. The venue {holds}. Look there, then "
            "`holdfast reconcile`"
        )
        self.plan.notify("CRITICAL", text, (order,))
        payload = {"client_order_id": order, "venue": holds}
        self.plan.note(f"reach/{order}", "OrderOutOfReach", payload)
        self.plan.reconnected()

    async def _state(self, asked: StateAsked) -> None:
        stated = await self.venue.state(
            asked.question, asked.parts, asked.fills_after_ns, is_urgent=asked.is_urgent
        )
        self._tell(stated)

    # -- the stream -------------------------------------------------------------------------------

    def _hear(self, news: StreamNews) -> None:
        match news:
            case Reported():
                self._reported(news)
            case StreamUp():
                self._start(self._catch_up(news.stream))
            case StreamDown(stream=stream, cause=cause):
                self._down_ns = self.lane.now_ns()
                self.plan.hold(BREAKER, f"{stream} is down: {cause}")
                self.plan.notify("WARNING", f"{stream} is down: {cause}", ())

    def _reported(self, news: Reported) -> None:
        order = news.client_order_id
        if not self.plan.is_ours(order):
            if order not in self._foreign:
                self._foreign.add(order)
                self.plan.notify("WARNING", f"an order that is not ours: {order}", (order,))
            return
        if news.warning and not news.is_in_doubt:
            self.plan.notify("CRITICAL", news.warning, (order,))
        self._report(news.reports)
        if news.is_in_doubt:
            self._doubt(order, news.warning)
        if news.asks_look_up:
            self._look_up(order)
        if news.is_correction:
            self.plan.reconnected()

    async def _catch_up(self, stream: str) -> None:
        """Ask for everything the stream may have missed; only then may entries leave (ST-4)."""
        down_ns = self._down_ns
        orders: Sequence[str] | None = None
        while orders is None or orders:
            if orders is None:
                orders = await self._not_as_known()
            orders = None if orders is None else await self._unanswered(orders)
            if down_ns != self._down_ns:
                return  # it went down again meanwhile
            if orders != []:
                await asyncio.sleep(CATCH_UP_WAIT_S)
        gap = {"stream": stream, "start_ns": down_ns, "end_ns": self.lane.now_ns()}
        self.plan.note(f"stream/{stream}", "StreamGap", gap)
        self.plan.reconnected()
        self.plan.hold(BREAKER, "")

    async def _not_as_known(self) -> Sequence[str] | None:
        """Live orders that the venue's list does not show just as our books have them.

        One call answers for all the others, however many there are (EX-16); None where it had no
        answer.
        """
        if len(self.plan.live_orders()) < TOGETHER_MIN:
            return self.plan.live_orders()
        stated = await self.venue.state(0, frozenset({Part.ORDERS}), 0, is_urgent=True)
        if stated.orders is None:
            return None
        listed = {each.client_order_id: each.filled_1e8 for each in stated.orders}
        working = self.plan.working()
        return [
            order
            for order in self.plan.live_orders()
            if order not in listed or listed[order] != working.get(order)
        ]

    async def _unanswered(self, orders: Sequence[str]) -> Sequence[str]:
        """Look these up; those of them that had no answer."""
        answers = await asyncio.gather(
            *(self.venue.look_up(order, self.plan.broker_id(order)) for order in orders)
        )
        for answer in answers:
            self._tell(self._weighed(answer))
        return [answer.client_order_id for answer in answers if answer.problem]

    def _tell(self, message: Any) -> None:
        self.lane.tell(self.plan.account, message)


_CLOSING: set["asyncio.Task[None]"] = set()
"""Connections that are being let go after their actor."""
