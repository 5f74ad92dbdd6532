"""A whole paper system in this process, and a strategy that opens or closes at every bar."""

import gc
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from time import perf_counter_ns, thread_time_ns

from actors.lane_virtual import VirtualLane
from actors.process import YOUNG_OBJECTS
from actors.rounds import TapePosition
from actors.system import FEED, Ports, StrategyBuild, build
from actors.tape_feed import TapeFeed
from actors.venue_store import MemoryVenueStore, Store
from benchmarks.bars import SEED
from streams.tape import Flag, Kind, Tape, TapeHeader, TapeRow, TapeWriter
from trading.calendar import Calendar, from_date, to_date
from trading.config_reader import load
from trading.ports import Record
from trading.run_options import Mode
from trading.strategies import (
    Answer,
    Exit,
    ExitPlan,
    ExitReason,
    FillSeen,
    Leg,
    Side,
    Signal,
    StopAt,
    Strategy,
    View,
    ratio,
)

SYMBOL = "SPY"
UNIT_1E8 = 100_000_000
TICK_1E8 = UNIT_1E8 // 100
MINUTE_NS = 60_000_000_000
MINUTES_PER_DAY = 24 * 60
FIRST_DATE = 20240101
_SHOWN_1E8 = 1_000 * UNIT_1E8
_SYNTHETIC = int(Flag.SYNTHETIC)


def write_tape(path: Path, bars: int) -> Tape:
    """Minutes around the clock: a quote to be filled at, then the bar the strategy is asked about.

    The quote comes first and stays good, so an order is filled in the instant in which it is sent.
    """
    calendar = Calendar.load("ALWAYS")
    last = from_date(to_date(FIRST_DATE) + timedelta(days=(bars - 1) // MINUTES_PER_DAY))
    sessions = calendar.sessions(FIRST_DATE, last)
    header = TapeHeader(
        instruments=(SYMBOL,),
        cadence_ns=MINUTE_NS,
        sessions=tuple(each.session_date for each in sessions),
        content="bars",
        synthetic=True,
        source_sha256="0" * 64,
        calendar="ALWAYS",
    )
    random, last_1e8, left = Random(SEED), 400 * UNIT_1E8, bars
    with TapeWriter(path, header) as tape:
        for each in sessions:
            date, open_ns, close_ns = each.session_date, each.open_ns, each.close_ns
            rows: list[TapeRow] = [
                (open_ns, Kind.SESSION_OPEN, -1, 0, date, open_ns, close_ns, 0, 0, 0, 0, _SYNTHETIC)
            ]
            for start_ns in range(open_ns, min(close_ns, open_ns + left * MINUTE_NS), MINUTE_NS):
                last_1e8 += random.randint(-3, 3) * TICK_1E8
                rows += _minute(start_ns, last_1e8)
                left -= 1
            rows.append((close_ns, Kind.SESSION_CLOSE, -1, 0, date, 0, 0, 0, 0, 0, 0, _SYNTHETIC))
            tape.extend(rows)
    return Tape(path)


def _minute(start_ns: int, last_1e8: int) -> list[TapeRow]:
    bid, ask = last_1e8 - TICK_1E8, last_1e8
    end_ns = start_ns + MINUTE_NS
    return [
        (start_ns, Kind.QUOTE, 0, start_ns, bid, ask, _SHOWN_1E8, _SHOWN_1E8, 0, 0, 0, _SYNTHETIC),
        (end_ns, Kind.BAR, 0, start_ns, last_1e8, ask, bid, last_1e8, _SHOWN_1E8, 0, 0, _SYNTHETIC),
    ]


def yardstick() -> None:
    """A few lines of plain Python that never change: how fast the machine is now."""
    total, seen = 0, {}
    for number in range(60):
        seen[number & 7] = total
        total += number


@dataclass(slots=True)
class Played:
    """What a desk measured, of each order in turn.

    Attributes:
        taken_ns: From the question to the fill.
        cpu_ns: The same by the thread's own time, which stands still while others run.
        yard_ns: The yardstick, right before the question.
        wall_ns: The whole tape.
    """

    taken_ns: "array[int]" = field(default_factory=lambda: array("q"))
    cpu_ns: "array[int]" = field(default_factory=lambda: array("q"))
    yard_ns: "array[int]" = field(default_factory=lambda: array("q"))
    wall_ns: int = 0


class Flipper(Strategy):
    """Opens when flat and closes when not.

    Args:
        played: Where the times are noted.
        before: Called before each question; its time is the yardstick.
    """

    def __init__(self, played: Played, before: Callable[[], object]) -> None:
        """Nothing asked yet."""
        super().__init__({})
        self._played = played
        self._before = before
        self._plan = ExitPlan(stop=StopAt(ratio("0.1")))
        self._asked_ns = self._asked_cpu_ns = 0

    def evaluate(self, view: View) -> Answer:
        """Ask for one share, or give it back."""
        started_ns = perf_counter_ns()
        self._before()
        self._asked_cpu_ns = thread_time_ns()
        self._asked_ns = asked_ns = perf_counter_ns()
        self._played.yard_ns.append(asked_ns - started_ns)
        if view.position is None:
            return Signal(
                setup_instance=str(view.now_ns),
                legs=(Leg(instrument=SYMBOL, side=Side.BUY),),
                plan=self._plan,
                reason="flat",
                qty_1e8=UNIT_1E8,
            )
        return Exit(ExitReason.MANUAL, "long")

    def on_fill(self, fill: FillSeen) -> None:  # noqa: ARG002 - only the instant counts
        """Note how long it took."""
        now_ns, cpu_ns = perf_counter_ns(), thread_time_ns()
        self._played.taken_ns.append(now_ns - self._asked_ns)
        self._played.cpu_ns.append(cpu_ns - self._asked_cpu_ns)


class Desk:
    """A started system before the first row of a tape.

    Args:
        tape: What is played.
        record: Where its decisions go.
        before: Called before each question.
        venue_store: Where the paper venue keeps its book; in memory unless told.

    Attributes:
        played: What was measured so far.
    """

    def __init__(
        self,
        tape: Tape,
        record: Record,
        before: Callable[[], object] = yardstick,
        venue_store: Store | None = None,
    ) -> None:
        """Build it as the trader's process does, around this record."""
        config = load(Path(__file__).with_name("orders.toml"))
        self.lane = VirtualLane(tape.row(0)[0])
        self.played = Played()
        position = TapePosition()
        self.lane.tape = feed = TapeFeed(
            tape, range(len(tape)), tell=self.lane.tell, feed=FEED, position=position
        )
        run = record.begin_run(
            mode=Mode.PAPER, config_hash=config.digest(), source="benchmark", started_ns=0
        )
        ports = Ports(
            lane=self.lane,
            record=record,
            run=run,
            position=position,
            venue_store=venue_store or MemoryVenueStore(),
            history=feed.history,
            instruments=tape.header.instruments,
            is_bars=True,
            notify=lambda *_: None,
        )
        flipper = StrategyBuild(
            name="flipper",
            instrument=SYMBOL,
            indicators=(),
            make=lambda: Flipper(self.played, before),
            hears_fills=True,
        )
        self.system = build(config, Mode.PAPER, ports, [flipper])
        self.lane.barriers.append(self.system.rounds)
        self.system.start()

    def play(self) -> Played:
        """Play the tape to its end."""
        gc.collect()
        gc.freeze()
        before = gc.get_threshold()
        gc.set_threshold(YOUNG_OBJECTS, 10, 100)  # as in the trader's process
        started_ns = perf_counter_ns()
        try:
            self.lane.run()
        finally:
            self.played.wall_ns = perf_counter_ns() - started_ns
            gc.set_threshold(*before)
            gc.unfreeze()
        self.system.stop()
        return self.played
