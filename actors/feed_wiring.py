"""What the feed is made of, and what it had shown before a crash."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors.feed import FeedActor, FeedMemory, FeedPlan
from actors.heard_before import heard_before
from actors.lane import Lane
from actors.lane_actor import LaneActor
from streams.gaps import TICK_CADENCE_NS, TICK_SILENCE_NS, GapDetector, Heartbeat
from streams.repeats import Repeats
from streams.tick_bars import TickBars
from trading.market import MarketMessage

if TYPE_CHECKING:
    from actors.system import System


class FeedWiring:
    """Makes the feed's incarnations.

    Args:
        system: Whose market it is.
        note: Journals a fact.

    Attributes:
        memory: What outlives an incarnation.
    """

    def __init__(self, system: "System", note: Callable[[str, str, dict[str, Any]], None]) -> None:
        """Nothing shown yet."""
        ports = system.ports
        self._system = system
        self._note = note
        heartbeat = Heartbeat(ports.cadence_ns if ports.is_bars else TICK_CADENCE_NS)
        self.memory = FeedMemory(heartbeat=heartbeat)

    def make(self, lane: Lane, name: str) -> LaneActor:
        """Its next incarnation."""
        ports = self._system.ports
        plan = FeedPlan(
            market=self._system.market,
            bars=self._system.bars,
            memory=self.memory,
            history=ports.history,
            detectors=self._detectors,
            building=self._building,
            note=self._note,
            silent=lambda text: self._silent(name, text),
        )
        return FeedActor(lane, name, plan)

    def history(self, last_seq: int) -> list[MarketMessage]:
        """What the feed passed on of the session, up to a row."""
        return Repeats().without_stale(self._system.ports.history(last_seq))

    def _silent(self, name: str, text: str) -> None:
        """Nobody is woken by what a recording keeps silent about: there it is a gap, and red."""
        if not self._system.ports.is_virtual:
            self._system.ports.notify("WARNING", text, (name,))

    def _detectors(self) -> list[GapDetector]:
        ports = self._system.ports
        silence_ns = 0 if ports.is_bars else TICK_SILENCE_NS
        # A recording is read again from its session's opening; a live market only goes on.
        before = {} if ports.is_virtual else heard_before(ports.record, ports.run)
        return [
            GapDetector(
                symbol,
                silence_ns=silence_ns,
                cadence_ns=ports.cadence_ns,
                before=before.get(symbol),
            )
            for symbol in ports.instruments
        ]

    def _building(self) -> TickBars | None:
        """What builds bars of ticks; None where the tape has bars."""
        ports = self._system.ports
        if ports.is_bars:
            return None
        return TickBars(ports.instruments, ports.cadence_ns, ports.bar_ticks)

    def bars_shown_until_ns(self) -> int:
        """The end of the newest built bar that is durable, and so is what it led to; 0 for none."""
        ports = self._system.ports
        [[newest]] = ports.record.query(
            """SELECT max(payload ->> '$.end_ns') FROM journal
                WHERE run = :run AND kind = 'BarBuilt'""",
            {"run": ports.run},
        )
        return newest or 0
