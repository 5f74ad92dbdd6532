"""One strategy: it is shown each complete bar and answers; the account decides (SG-1, SG-2).

What a strategy raises, or computes for too long, ends its incarnation and nobody else's. What it
was shown before is not lost with it: the next one reads the session again, without being asked.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from actors.lane import Lane
from actors.lane_actor import LaneActor
from rust_core import AccountCore, Message, PositionView
from streams.tick_bars import BarMessage
from trading.market import Bar, SessionClosed, SessionOpened
from trading.policies import Policy, vetoes
from trading.strategies import Exit, FillSeen, MoveLevels, NoTrade, Signal, Strategy
from trading.strategies.view import AccountSeen, InstrumentSeen, PositionSeen, View, ViewBuilder
from trading.strategies.wire import core_signal

BACK_PRESSURE = "BACK_PRESSURE"
"""Why a signal was not passed on: the way to the venue is full (WD-4)."""


@dataclass(slots=True)
class StrategyMemory:
    """What outlives an incarnation: how far it was shown the market, and why it did not trade.

    Attributes:
        last_seq: The newest row of the tape in what it was shown.
        shown_ns: End of the newest bar it was shown.
    """

    last_seq: int = -1
    shown_ns: int = 0
    session_date: int = 0
    no_trades: Counter[str] = field(default_factory=Counter)
    last_answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyPlan:
    """What a strategy actor is made of; shared by its incarnations.

    Attributes:
        strategy: Its name.
        make: Makes the strategy itself.
        indicators: What the strategy declared.
        instrument: What it trades.
        account: Name of the account's actor.
        core: The account's core as it is now, read only; None while it is being rebuilt.
        policies: Veto policies, asked about every signal (RK-16).
        memory: See `StrategyMemory`.
        history: What it was sent: sessions up to a row of the tape, bars up to an instant.
        note: Journals a fact of the system: stream, kind, payload.
        is_pressed: Whether too many orders wait to leave; then no further signal is passed on.
    """

    strategy: str
    make: Callable[[], Strategy]
    indicators: Sequence[tuple[str, float]]
    instrument: InstrumentSeen
    account: str
    core: Callable[[], AccountCore | None]
    policies: Sequence[Policy]
    memory: StrategyMemory
    history: Callable[[int, int], list[BarMessage]]
    note: Callable[[str, str, dict[str, Any]], None]
    is_pressed: Callable[[], bool]


class StrategyActor(LaneActor):
    """Shows one strategy the market and passes its answers on."""

    def __init__(self, lane: Lane, name: str, plan: StrategyPlan) -> None:
        """An incarnation, with a strategy of its own."""
        super().__init__(lane, name)
        self.plan = plan
        self.strategy = plan.make()
        self.views = ViewBuilder(plan.instrument, plan.indicators)

    def rehydrate(self) -> None:
        """Read the session again up to the last bar the strategy was shown."""
        memory = self.plan.memory
        for message in self.plan.history(memory.last_seq, memory.shown_ns):
            if type(message) is Bar:
                if message.instrument == self.plan.instrument.symbol:
                    self.views.add(message)
            elif type(message) is SessionOpened:
                self._open(message)

    def on_receive(self, message: Any) -> None:
        """A bar, the ends of a session, or a fill of its own."""
        kind = type(message)
        if kind is Bar:
            self._bar(message)
        elif kind is SessionOpened:
            self.plan.memory.last_seq = message.tape_seq
            self.plan.memory.session_date = message.session_date
            self._open(message)
        elif kind is SessionClosed:
            self.plan.memory.last_seq = message.tape_seq
            self._count()
        elif kind is FillSeen:
            self.strategy.on_fill(message)
        else:
            raise TypeError(
                f"{self.name}: expected a bar, a session or a fill, found {kind.__name__}"
            )

    def _open(self, message: SessionOpened) -> None:
        self.views.open_session(message.session_date, message.open_ns, message.close_ns)

    def _bar(self, bar: Bar) -> None:
        memory = self.plan.memory
        # Before the strategy is asked: what crashes it is not shown twice.
        memory.last_seq = max(memory.last_seq, bar.tape_seq)
        memory.shown_ns = bar.at_ns
        self.views.add(bar)
        view = self._view(bar.at_ns)
        answer = self.strategy.evaluate(view)
        match answer:
            case NoTrade(reason=reason):
                memory.no_trades[reason] += 1
                memory.last_answer = reason
            case Signal() if self.plan.is_pressed():
                memory.no_trades[BACK_PRESSURE] += 1
                memory.last_answer = BACK_PRESSURE
            case Signal():
                memory.last_answer = "SIGNAL"
                self._signal(answer, view, bar)
            case Exit():
                memory.last_answer = "EXIT"
                self._advise(answer, bar)
            case MoveLevels():
                memory.last_answer = "MOVE_LEVELS"
                self._move(answer)
            case _:
                raise TypeError(
                    f"{self.plan.strategy}: expected Signal, Exit, MoveLevels or NoTrade, "
                    f"found {type(answer).__name__}"
                )

    # -- answers ----------------------------------------------------------------------------------

    def _signal(self, signal: Signal, view: View, bar: Bar) -> None:
        policies = self.plan.policies
        refused = vetoes(policies, signal, view) if policies else ()
        asked = core_signal(
            signal,
            strategy=self.plan.strategy,
            session_date=self.plan.memory.session_date,
            reference_1e8=bar.close_1e8,
            reference_ns=bar.at_ns,
        )
        if refused:
            asked = asked.with_vetoes([(veto.policy, veto.reason) for veto in refused])
        self.tell(self.plan.account, Message.signal(asked))

    def _advise(self, advice: Exit, bar: Bar) -> None:
        self.tell(
            self.plan.account,
            Message.exit_advice(
                self.plan.strategy,
                self.plan.instrument.symbol,
                str(advice.reason),
                advice.text,
                bar.close_1e8,
            ),
        )

    def _move(self, move: MoveLevels) -> None:
        self.tell(
            self.plan.account,
            Message.exit_levels(
                self.plan.strategy, self.plan.instrument.symbol, move.stop_1e8, move.target_1e8
            ),
        )

    # -- what it sees -----------------------------------------------------------------------------

    def _view(self, now_ns: int) -> View:
        core = self.plan.core()
        if core is None:
            unknown = AccountSeen(None, 0, is_trading_allowed=False)
            return self.views.view(now_ns, position=None, account=unknown)
        seen = core.seen_by(self.plan.strategy, self.plan.instrument.symbol)
        return self.views.view(
            now_ns,
            position=position_seen(seen.position),
            account=AccountSeen(
                seen.equity_1e8, seen.session_net_1e8, is_trading_allowed=not seen.is_killed
            ),
            entries=seen.entries,
            net_1e8=seen.net_1e8,
            is_entry_pending=seen.is_entry_pending,
        )

    # -- no-trade reasons -------------------------------------------------------------------------

    def _count(self) -> None:
        memory = self.plan.memory
        counts = {str(reason): count for reason, count in sorted(memory.no_trades.items())}
        memory.no_trades.clear()
        self.plan.note(
            f"strategy/{self.plan.strategy}",
            "NoTradesCounted",
            {
                "strategy": self.plan.strategy,
                "instrument": self.plan.instrument.symbol,
                "session_date": memory.session_date,
                "counts": counts,
            },
        )


_read_fill = msgspec.json.Decoder(FillSeen).decode


def fill_seen(payload: bytes) -> FillSeen:
    """An OrderFilled event's payload as its strategy is told of it."""
    return _read_fill(payload)


def position_seen(held: PositionView | None) -> PositionSeen | None:
    """A position as its strategy sees it; None while nothing is held."""
    if held is None or held.qty_1e8 == 0:
        return None
    return PositionSeen(
        held.qty_1e8,
        held.average_entry_1e8,
        held.entry_ns,
        held.stop_1e8 or None,
        is_exit_pending=held.phase == "EXIT_PENDING",
    )
