"""One feed: the market goes out to everybody in one order, and holes are journaled (MD-2).

Two sources: the market as it comes, for the venue and the account, and the complete bars, for
strategies. A tape of bars holds both; from quotes and trades the bars are built here (MD-5). A
built bar leaves at its end by a timer, or before the next tick, whichever comes first, and is
journaled in the same round as what it leads to: that is how a recovery knows what was shown.

What comes twice or too late goes to nobody, and is counted (MD-4).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.messages import BarDue, MarketLost, SilenceDue
from actors.timers import NEVER_NS, Timer
from streams.gaps import YELLOW_CADENCES, Gap, GapDetector, Heartbeat
from streams.repeats import Repeats, StaleCounts
from streams.source import Source
from streams.tick_bars import BarMessage, TickBars, bar_messages
from trading.market import Bar, MarketMessage, Quote, SessionClosed, SessionOpened, TradePrint

_ENDS: Final = (SessionOpened, SessionClosed)


@dataclass(slots=True)
class FeedMemory:
    """What a feed knows and does not lose with an incarnation: how far it has read.

    Attributes:
        last_seq: The newest row of the tape that was passed on.
        shown_ns: Built bars were passed on that ended up to here.
        sent: What was sent of the newest session to those who want bars.
        sent_before: The same of the session before it.
        heartbeat: How old the newest message is, in units of the feed's cadence.
        is_silent: Somebody was told that nothing comes any more.
        stale: What of the newest session was not passed on, and trades out of order.
        watched: What finds the holes of each instrument.
    """

    heartbeat: Heartbeat
    last_seq: int = -1
    shown_ns: int = 0
    bars: int = 0
    last_at_ns: int = 0
    session_date: int = 0
    is_silent: bool = False
    stale: StaleCounts = field(default_factory=StaleCounts)
    sent: list[BarMessage] = field(default_factory=list)
    sent_before: list[BarMessage] = field(default_factory=list)
    watched: Sequence[GapDetector] = ()

    @property
    def completeness_ratio(self) -> float:
        """Share of the newest session that is in no hole, of the instrument with the least."""
        return min((each.completeness_ratio for each in self.watched), default=1.0)

    def shown(self, last_seq: int, shown_ns: int) -> list[BarMessage]:
        """What somebody was sent who has seen so much: rows of the tape, ends of bars.

        It reaches into the session before the newest one, for one who is still on the way there.
        """
        is_behind = not self.sent or self.sent[0].tape_seq > last_seq
        return [
            message
            for message in ((*self.sent_before, *self.sent) if is_behind else self.sent)
            if (message.at_ns <= shown_ns if type(message) is Bar else message.tape_seq <= last_seq)
        ]

    @property
    def bars_uncounted(self) -> int:
        """Bars of a session that has not closed: no FeedCounted tells of them."""
        if any(type(message) is SessionClosed for message in self.sent):
            return 0
        return sum(type(message) is Bar for message in self.sent)

    def add(self, message: BarMessage) -> None:
        """Remember what is sent now."""
        if type(message) is SessionOpened:
            self.sent_before, self.sent = self.sent, []
            self.session_date = message.session_date
        elif type(message) is Bar:
            self.bars += 1
        self.sent.append(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPlan:
    """What a feed actor needs.

    Attributes:
        market: Where its messages go as they come.
        bars: Where complete bars and the ends of sessions go.
        memory: How far it has read.
        history: The current session's messages up to a row of the tape, for a new incarnation.
        detectors: Makes a gap detector for each instrument.
        building: Makes what builds bars from ticks; None for a tape of bars.
        note: Journals a fact of the system: stream, kind, payload.
        silent: Told in words that nothing comes any more, or something again.
    """

    market: Source[MarketMessage]
    bars: Source[BarMessage]
    memory: FeedMemory
    history: Callable[[int], list[MarketMessage]]
    detectors: Callable[[], list[GapDetector]]
    building: Callable[[], TickBars | None]
    note: Callable[[str, str, dict[str, Any]], None]
    silent: Callable[[str], None]


class FeedActor(LaneActor):
    """Passes market messages on, makes bars of ticks, and watches for holes and silence."""

    def __init__(self, lane: Lane, name: str, plan: FeedPlan) -> None:
        """An incarnation; `rehydrate` shows it what was read already."""
        super().__init__(lane, name)
        self.plan = plan
        self.detectors = plan.memory.watched = plan.detectors()
        self.building = plan.building()
        self.ticks = 0
        self._repeats = Repeats()
        self._bar_timer: Timer | None = None
        self._silence_timer: Timer | None = None

    # -- life -------------------------------------------------------------------------------------

    def rehydrate(self) -> None:
        """Read the session again, up to the last message that was passed on."""
        plan, memory = self.plan, self.plan.memory
        repeats = self._repeats
        messages = repeats.without_stale(plan.history(memory.last_seq))
        if self._is_restarted():  # what is read again was counted before
            repeats.counts = memory.stale
        else:
            memory.stale = repeats.counts
        for message in messages:
            self._gaps(message)
            memory.heartbeat.take(message)
            self._count(message)
        again = bar_messages(messages, self.building, memory.shown_ns)
        memory.sent = again if self.building is None else _with_forgotten(memory.sent, again)
        if self.building is not None and self.lane.sheds_market and self._is_restarted():
            self.building.lost(self.lane.now_ns())  # what came meanwhile was shed (MD-9)

    def on_start(self) -> None:
        """Arm what is due: the end of the interval being filled, and the alarm for silence."""
        self._arm_bars()
        self._arm_silence()

    def _is_restarted(self) -> bool:
        return self.cell is not None and self.cell.incarnation > 1

    # -- mail -------------------------------------------------------------------------------------

    def on_receive(self, message: Any) -> None:
        """A market message, or a timer of its own."""
        kind = type(message)
        if kind is BarDue:
            self._bar_due()
        elif kind is SilenceDue:
            self._silence_due()
        elif kind is MarketLost:
            self._lost(message)
        else:
            self._market(message)

    def _lost(self, lost: MarketLost) -> None:
        """Bars that were over before stay; the one being filled is not whole and has no bar."""
        if self.building is not None:
            self._show(self.building.advance(lost.until_ns))
            self.building.lost(lost.until_ns)
            self._arm_bars()

    def _market(self, message: Any) -> None:
        """Pass one market message on, behind the bars that were over before it."""
        plan, memory = self.plan, self.plan.memory
        memory.last_seq = message.tape_seq
        if type(message) is SessionOpened:
            memory.stale = self._repeats.counts = StaleCounts()
        elif self._repeats.take(message) is not None:
            return
        memory.last_at_ns = message.at_ns
        for gap in self._gaps(message):
            self._note_gap(gap)
        self._hear(message)
        self._count(message)
        building = self.building
        finished = [] if building is None else building.take(message)
        self._remember(finished)
        is_for_all = type(message) in _ENDS or (building is None and type(message) is Bar)
        if is_for_all:
            memory.add(message)
        self._show(finished)
        plan.market.emit(message)
        if is_for_all:
            plan.bars.emit(message)
            if type(message) is SessionClosed:
                self._note_counts(message)
        self._arm_bars()

    def _count(self, message: MarketMessage) -> None:
        """Ticks of the session, whatever becomes of them."""
        if type(message) is SessionOpened:
            self.ticks = 0
        elif type(message) is Quote or type(message) is TradePrint:
            self.ticks += 1

    # -- bars -------------------------------------------------------------------------------------

    def _bar_due(self) -> None:
        self._bar_timer = None
        if self.building is not None:
            finished = self.building.advance(self.lane.now_ns())
            self._remember(finished)
            self._show(finished)
            self._arm_bars()

    def _remember(self, finished: list[Bar]) -> None:
        """Before anybody is told: what a new incarnation reads again, it must not send again."""
        memory = self.plan.memory
        for bar in finished:
            memory.shown_ns = max(memory.shown_ns, bar.at_ns)
            memory.add(bar)

    def _show(self, finished: list[Bar]) -> None:
        """Journal built bars and pass them on."""
        for bar in finished:
            self._note_bar(bar)
            self.plan.bars.emit(bar)

    def _arm_bars(self) -> None:
        """One timer, for the interval that is over first."""
        due_ns = NEVER_NS if self.building is None else self.building.due_ns
        timer = self._bar_timer
        if timer is not None:
            if timer.due_ns == due_ns:
                return
            timer.cancel()
            self._bar_timer = None
        if due_ns != NEVER_NS and self._is_in_service():
            self._bar_timer = self.at(due_ns, BarDue())

    def _is_in_service(self) -> bool:
        """Whether this is still the incarnation of its name: one that was deleted arms nothing."""
        return self.cell is None or self.cell.actor is self

    # -- silence ----------------------------------------------------------------------------------

    def _hear(self, message: MarketMessage) -> None:
        memory = self.plan.memory
        memory.heartbeat.take(message)
        was_silent, memory.is_silent = memory.is_silent, False
        if was_silent and type(message) is not SessionClosed:
            self.plan.silent(f"{self.name}: something comes again")
        if was_silent or type(message) is SessionOpened:
            self._arm_silence()

    def _arm_silence(self) -> None:
        """A look at the instant at which the feed turns red, if nothing comes until then."""
        memory, timer = self.plan.memory, self._silence_timer
        if memory.is_silent or not self._is_in_service() or (timer and timer.is_armed):
            return
        red_ns = memory.heartbeat.red_ns()
        if red_ns is not None:
            self._silence_timer = self.at(red_ns, SilenceDue(), daemon=True)

    def _silence_due(self) -> None:
        memory, now_ns = self.plan.memory, self.lane.now_ns()
        red_ns = memory.heartbeat.red_ns()
        if red_ns is None or memory.is_silent:
            return
        if now_ns < red_ns:
            self._arm_silence()
            return
        memory.is_silent = True
        age_s = (memory.heartbeat.age_ns(now_ns) or 0) / 1e9
        self.plan.silent(
            f"{self.name}: nothing for {age_s:.0f} s, {YELLOW_CADENCES} times its cadence"
        )

    # -- what is journaled ------------------------------------------------------------------------

    def _gaps(self, message: MarketMessage) -> list[Gap]:
        """The holes that end with this message."""
        found = [detector.take(message) for detector in self.detectors]
        return [gap for gap in found if gap is not None]

    def _note(self, kind: str, payload: dict[str, Any]) -> None:
        self.plan.note(f"feed/{self.name}", kind, {"feed": self.name, **payload})

    def _note_gap(self, gap: Gap) -> None:
        self._note(
            "FeedGap",
            {
                "instrument": gap.instrument,
                "session_date": gap.session_date,
                "start_ns": gap.start_ns,
                "end_ns": gap.end_ns,
                "missing": gap.missing,
                "reason": gap.reason,
            },
        )

    def _note_bar(self, bar: Bar) -> None:
        self._note(
            "BarBuilt",
            {
                "instrument": bar.instrument,
                "start_ns": bar.source_ns,
                "end_ns": bar.at_ns,
                "open_1e8": bar.open_1e8,
                "high_1e8": bar.high_1e8,
                "low_1e8": bar.low_1e8,
                "close_1e8": bar.close_1e8,
                "volume_1e8": bar.volume_1e8,
                "tape_seq": bar.tape_seq,
                "is_synthetic": bar.is_synthetic,
            },
        )

    def _note_counts(self, closed: SessionClosed) -> None:
        building = self.building
        counts = {"late": 0, "outside": 0, "incomplete": 0, "unsound": 0}
        if building is not None:
            left_out = building.counts()
            counts = {
                "late": left_out.late,
                "outside": left_out.outside,
                "incomplete": left_out.incomplete,
                "unsound": building.unsound(),
            }
        sent, stale = self.plan.memory.sent, self.plan.memory.stale
        open_ns = next((each.open_ns for each in sent if type(each) is SessionOpened), closed.at_ns)
        self._note(
            "FeedCounted",
            {
                "session_date": closed.session_date,
                "bars": sum(type(each) is Bar for each in sent),
                "ticks": self.ticks,
                "watched_ns": (closed.at_ns - open_ns) * len(self.detectors),
                "missing_ns": sum(detector.missing_ns for detector in self.detectors),
                **counts,
                **asdict(stale),
            },
        )


def _with_forgotten(before: list[BarMessage], again: list[BarMessage]) -> list[BarMessage]:
    """What was sent of a session whose oldest trades a live market has forgotten (MD-6).

    Built again is what the trades that are kept make up; the first such bar may lack some of its
    own, so up to its end what was sent before counts.
    """
    if not before or not again or before[0] != again[0]:  # of another session, or the first reading
        return again
    first_ns = next((message.at_ns for message in again if type(message) is Bar), None)
    if first_ns is None:
        return before
    return [
        *(message for message in before if message.at_ns <= first_ns),
        *(message for message in again if message.at_ns > first_ns),
    ]
