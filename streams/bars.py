"""Bars from ticks, on complete intervals only (MD-5).

Intervals are counted from the session's open. A bar leaves when its interval is over, and only if
the builder watched the interval as a whole: not the one in which it started or lost its feed, and
not one that the close cuts short. An interval without a tick has no bar; nothing is filled in.

When an interval is over is a question of time, not of the next tick: arm a timer for `due_ns` and
call `advance`, as the operator `bars` does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable, Disposable, SerialDisposable

from streams.scheduler import LaneScheduler
from streams.ticks import PriceTick, Ticks
from trading.market import Bar, MarketMessage, Quote, SessionClosed, SessionOpened, TradePrint


@dataclass(slots=True, kw_only=True)
class BarCounts:
    """Ticks that are in no bar: after the end of their interval, outside a session, or unwatched.

    Attributes:
        late: Their interval's bar had left already.
        outside: Their source stamp is in no session that is open.
        incomplete: They fell into an interval that was not watched as a whole.
    """

    late: int = 0
    outside: int = 0
    incomplete: int = 0


@dataclass(slots=True)
class _Interval:
    """The interval that is being filled."""

    start_ns: int
    end_ns: int
    first: PriceTick
    high_1e8: int
    low_1e8: int
    last: PriceTick
    volume_1e8: int
    ticks: int
    last_seq: int = field(default=-1)

    def add(self, tick: PriceTick) -> None:
        """Take a tick in. Open and close follow the source's stamps, ties the order of arrival."""
        self.high_1e8 = max(self.high_1e8, tick.price_1e8)
        self.low_1e8 = min(self.low_1e8, tick.price_1e8)
        if tick.source_ns >= self.last.source_ns:
            self.last = tick
        if tick.source_ns < self.first.source_ns:
            self.first = tick
        self.volume_1e8 += tick.size_1e8
        self.ticks += 1
        self.last_seq = max(self.last_seq, tick.tape_seq)

    def bar(self) -> Bar:
        """The finished bar."""
        return Bar(
            instrument=self.first.instrument,
            open_1e8=self.first.price_1e8,
            high_1e8=self.high_1e8,
            low_1e8=self.low_1e8,
            close_1e8=self.last.price_1e8,
            volume_1e8=self.volume_1e8,
            at_ns=self.end_ns,
            source_ns=self.start_ns,
            tape_seq=self.last_seq,
            is_synthetic=self.first.is_synthetic,
        )


class BarBuilder:
    """Builds the bars of one instrument; quotes count by their middle, without volume."""

    def __init__(self, instrument: str, cadence_ns: int) -> None:
        """Bars of `cadence_ns`.

        Raises:
            ValueError: When the cadence is not above zero.
        """
        if cadence_ns <= 0:
            raise ValueError(f"a bar must be longer than 0 ns, was {cadence_ns}")
        self._instrument = instrument
        self._cadence_ns = cadence_ns
        self._session: SessionOpened | None = None
        self._watched_from_ns = 0
        self._over_ns = 0
        self._filling: _Interval | None = None
        self._early: list[PriceTick] = []  # the source's clock is ahead: of a later interval
        self.ticks = Ticks()
        self.counts = BarCounts()

    @property
    def due_ns(self) -> int | None:
        """When the interval being filled is over; None when none is."""
        return None if self._filling is None else self._filling.end_ns

    def take(self, message: MarketMessage) -> list[Bar]:
        """Take a message in, in the order of arrival; the bars that were over before it."""
        match message:
            case SessionOpened():
                finished = self._finish(message.at_ns)
                self._open(message)
                return finished
            case SessionClosed():
                return self._close(message.at_ns)
            case Quote() | TradePrint() if message.instrument == self._instrument:
                return self._take_tick(message)
            case _:
                return []

    def advance(self, now_ns: int) -> list[Bar]:
        """The bars that are over at `now_ns`, in order."""
        return self._finish(now_ns)

    def lost(self, now_ns: int) -> None:
        """Note that the feed was away until `now_ns`: that instant's interval is incomplete."""
        self._watched_from_ns = max(self._watched_from_ns, now_ns)
        filling = self._filling
        if filling is not None and filling.start_ns < now_ns:
            self.counts.incomplete += filling.ticks
            self._filling = None
            self._add_early()

    def _open(self, session: SessionOpened) -> None:
        self._session = session
        self._watched_from_ns = max(session.at_ns, session.open_ns)
        self._over_ns = session.open_ns
        self._filling = None
        self._early = []

    def _close(self, at_ns: int) -> list[Bar]:
        finished = self._finish(at_ns)
        if self._filling is not None:  # cut short by an unscheduled close
            self.counts.incomplete += self._filling.ticks
            self._filling = None
        self._session = None
        return finished

    def _take_tick(self, message: Quote | TradePrint) -> list[Bar]:
        finished = self._finish(message.at_ns)
        tick = self.ticks.tick(message)
        if tick is not None:
            self._add(tick)
        return finished

    def _add(self, tick: PriceTick) -> None:
        session = self._session
        if session is None or not session.open_ns <= tick.source_ns < session.close_ns:
            self.counts.outside += 1
            return
        if tick.source_ns < self._over_ns:
            self.counts.late += 1
            return
        past_ns = (tick.source_ns - session.open_ns) % self._cadence_ns
        start_ns = tick.source_ns - past_ns
        end_ns = start_ns + self._cadence_ns
        if start_ns < self._watched_from_ns or end_ns > session.close_ns:
            self.counts.incomplete += 1
        elif self._filling is not None and self._filling.start_ns == start_ns:
            self._filling.add(tick)
        elif self._filling is not None and start_ns < self._filling.start_ns:
            self.counts.late += 1
        elif self._filling is not None:
            self._early.append(tick)
        else:
            self._begin(start_ns, end_ns, tick)

    def _begin(self, start_ns: int, end_ns: int, tick: PriceTick) -> None:
        self._filling = _Interval(
            start_ns=start_ns,
            end_ns=end_ns,
            first=tick,
            high_1e8=tick.price_1e8,
            low_1e8=tick.price_1e8,
            last=tick,
            volume_1e8=tick.size_1e8,
            ticks=1,
            last_seq=tick.tape_seq,
        )

    def _finish(self, now_ns: int) -> list[Bar]:
        finished = []
        while (filling := self._filling) is not None and filling.end_ns <= now_ns:
            self._filling = None
            self._over_ns = filling.end_ns
            finished.append(filling.bar())
            self._add_early()
        return finished

    def _add_early(self) -> None:
        early, self._early = self._early, []
        for tick in early:
            self._add(tick)


def bars(
    builder: BarBuilder, scheduler: LaneScheduler
) -> Callable[[Observable[MarketMessage]], Observable[Bar]]:
    """The bars of a stream of market messages, each as soon as its interval is over.

    The result takes one subscriber: it is the builder that remembers.
    """

    def build(messages: Observable[MarketMessage]) -> Observable[Bar]:
        def subscribe(
            observer: abc.ObserverBase[Bar], outer: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            stream = _BarStream(builder, scheduler, observer.on_next)
            source = messages.subscribe(
                stream.take, observer.on_error, observer.on_completed, scheduler=outer
            )
            return CompositeDisposable(source, stream.timer)

        subscription: Any = subscribe
        return Observable(subscription)

    return build


class _BarStream:
    """A builder between a stream and a subscriber, with the timer of its interval."""

    def __init__(
        self, builder: BarBuilder, scheduler: LaneScheduler, send: Callable[[Bar], None]
    ) -> None:
        self._builder = builder
        self._scheduler = scheduler
        self._send = send
        self._armed_ns: int | None = None
        self.timer = SerialDisposable()

    def take(self, message: MarketMessage) -> None:
        self._pass_on(self._builder.take(message))

    def _over(self) -> None:
        self._pass_on(self._builder.advance(self._scheduler.now_ns()))

    def _pass_on(self, finished: list[Bar]) -> None:
        due_ns = self._builder.due_ns
        if due_ns != self._armed_ns:
            self._armed_ns = due_ns
            self.timer.disposable = (
                Disposable() if due_ns is None else self._scheduler.at_ns(due_ns, self._over)
            )
        for bar in finished:
            self._send(bar)
