"""What every venue is made of: time, chance, sessions, a market, faults and an audit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as dataclass_replace
from datetime import date
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID

from brokers.sim.audit import Audit
from brokers.sim.book import Match
from brokers.sim.clock import Agenda, VenueClock
from brokers.sim.dialect import Dialect
from brokers.sim.faults import FaultPlan, chaos
from brokers.sim.hours import Hours, HoursKind
from brokers.sim.market import GeneratedMarket, Instrument, Market
from brokers.sim.replay import Replay
from brokers.sim.units import MINUTE_NS, ONE_1E8

STEP_NS: Final = 250_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOptions:
    """How a venue is set up; the same again after a reset.

    Attributes:
        start_ns: What its clock shows at first; None is the machine's time, or the recording's.
        speed: Seconds of its clock per second; 0 stands still.
        is_still: No market moves by itself.
        replay: A recording that moves the market instead of the dice.
        replay_symbol: The symbol that it is played as, where the file names none.
        replay_day: The only day of it (UTC) that is played.
        requests_per_min: The rate limit of a key.
        has_text_frames: Whether events come as text, as live hosts may send them.
        has_own_fill_names: Whether the account's activities call a fill otherwise than the stream
            did, as live hosts may.
        faults: Rules in force from the start.
        chaos: Chance of each verb at each occasion, beside those rules.
    """

    seed: int = 7
    start_ns: int | None = None
    speed: float = 1.0
    hours: HoursKind = "exchange"
    is_still: bool = False
    replay: Path | None = None
    replay_symbol: str = "SPY"
    replay_day: date | None = None
    cash_1e8: int = 100_000 * ONE_1E8
    requests_per_min: int = 200
    has_text_frames: bool = False
    has_own_fill_names: bool = False
    faults: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    chaos: float = 0.0


def dice(name: str, seed: int) -> Random:
    """Chance of its own for one concern."""
    return Random(f"{seed}/{name}")  # noqa: S311 - prices and faults, no secrets


class Core:
    """One venue's inside; the account and the wire are built on it."""

    def __init__(
        self,
        options: VenueOptions,
        instruments: Sequence[Instrument],
        wall_ns: Callable[[], int],
        on_matches: Callable[[str, Sequence[Match]], None],
        dialect: Dialect,
    ) -> None:
        """Set the clock, open the books and begin to quote."""
        self.options = options
        self.wall_ns = wall_ns
        replay = None
        if options.replay is not None:
            replay = Replay(
                options.replay, options.replay_symbol, options.start_ns, options.replay_day
            )
        start_ns = options.start_ns
        if start_ns is None and replay is not None:
            start_ns = replay.first_ns
        self.clock = VenueClock(wall_ns, start_ns=start_ns, speed=options.speed)
        self.agenda = Agenda()
        self.agenda.at_ns = self.started_ns = self.clock.now_ns()
        self.hours = Hours(options.hours)
        self.faults = FaultPlan(
            dice("faults", options.seed), wall_ns, dialect.placing, dialect.verbs
        )
        every = chaos(options.chaos, dialect.verbs) if options.chaos else []
        for entry in (*options.faults, *every):
            self.faults.add(entry)
        self.audit = Audit(dialect.own_id)
        self._ids = dice("ids", options.seed)
        self.market = Market(self.now_ns, on_matches)
        for instrument in instruments:
            first_1e8 = replay.first_1e8(instrument.symbol) if replay else None
            start_1e8 = first_1e8 or instrument.start_1e8
            self.market.open_book(dataclass_replace(instrument, start_1e8=start_1e8))
        self.on_open: list[Callable[[], None]] = []
        self.on_close: list[Callable[[], None]] = []
        self._boundary = 0
        self._schedule_boundary()
        self._schedule_minute()
        self._start_market(instruments, replay)

    def now_ns(self) -> int:
        """The time of what is being done, ns UTC."""
        return self.agenda.at_ns

    def new_id(self) -> str:
        """A UUID from the seed."""
        return str(UUID(int=self._ids.getrandbits(128), version=4))

    def pump(self) -> None:
        """Do what is due by the venue's clock."""
        self.agenda.run(self.clock.now_ns())

    def soon(self, action: Callable[[], None], delay_ns: int = 0) -> None:
        """Do something at the next pump, or later."""
        self.agenda.add(self.now_ns() + delay_ns, action)

    # --- what moves by itself ---------------------------------------------------------------------

    def _start_market(self, instruments: Sequence[Instrument], replay: Replay | None) -> None:
        symbols = [one.symbol for one in instruments]
        played = [] if replay is None else replay.symbols
        generated = GeneratedMarket(
            self.market,
            [symbol for symbol in symbols if symbol not in played],
            dice("market", self.options.seed),
        )
        if replay is not None:
            for symbol in played:
                self.market.open_book(
                    Instrument(symbol=symbol, start_1e8=replay.first_1e8(symbol) or ONE_1E8)
                )
            self._schedule_replay(replay)
        if not self.options.is_still:
            self._schedule_step(generated)

    def _schedule_step(self, generated: GeneratedMarket) -> None:
        def step() -> None:
            if self.hours.is_open(self.now_ns()):
                generated.step()
            self._schedule_step(generated)

        # A clock that was set far ahead skips the steps in between.
        self.agenda.add(max(self.now_ns() + STEP_NS, self.clock.now_ns()), step)

    def _schedule_replay(self, replay: Replay) -> None:
        tick = replay.next()
        if tick is None:
            return

        def play() -> None:
            replay.play(tick, self.market)
            self._schedule_replay(replay)

        self.agenda.add(tick.at_ns, play)

    def _schedule_minute(self) -> None:
        end_ns = self.now_ns() // MINUTE_NS * MINUTE_NS + MINUTE_NS

        def finish() -> None:
            self.market.finish_minute(end_ns)
            self._schedule_minute()

        self.agenda.add(end_ns, finish)

    def _schedule_boundary(self) -> None:
        self._boundary += 1
        now_ns = self.now_ns()
        opens_ns, closes_ns = self.hours.next_open_ns(now_ns), self.hours.next_close_ns(now_ns)
        is_close = closes_ns <= opens_ns
        self.agenda.add(min(closes_ns, opens_ns), partial(self._cross, self._boundary, is_close))
        if closes_ns == opens_ns:  # days without a pause: one ends where the next begins
            self.agenda.add(opens_ns, lambda: self._each(self.on_open))

    def _cross(self, boundary: int, is_close: bool) -> None:  # noqa: FBT001 - bound by partial
        if boundary != self._boundary:  # an early close has replaced it
            return
        self._each(self.on_close if is_close else self.on_open)
        self._schedule_boundary()

    @staticmethod
    def _each(actions: Sequence[Callable[[], None]]) -> None:
        for action in actions:
            action()

    def close_early(self, in_ns: int) -> None:
        """End the session under way.

        Raises:
            ValueError: There is none.
        """
        now_ns = self.now_ns()
        self.hours.close_early(now_ns, now_ns + in_ns)
        self._boundary += 1
        boundary = self._boundary
        self.agenda.add(now_ns + in_ns, partial(self._cross, boundary, True))  # noqa: FBT003 - bound
