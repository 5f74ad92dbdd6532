"""Plays a tape through the whole system, as fast as it goes and without a process of its own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from actors.lane_virtual import VirtualLane
from actors.rounds import TapePosition
from actors.strategies_found import FoundStrategies
from actors.system import FEED, Ports, StrategyBuild, System, build
from actors.tape_feed import TapeFeed
from actors.venue_store import MemoryVenueStore
from storage import MemoryRecord
from streams.tape import Tape
from trading.config import Config
from trading.ports import Record
from trading.run_options import Mode

CONFIGS = Path(__file__).parents[2] / "configs"


@dataclass(slots=True)
class Played:
    """A run, over or under way.

    Attributes:
        notices: What a person would have been told: severity and text.
    """

    system: System
    lane: VirtualLane
    record: Record
    run: str
    notices: list[tuple[str, str]] = field(default_factory=list)

    def finish(self) -> "Played":
        """Play to the end of the tape and stop."""
        self.lane.run()
        self.system.stop()
        return self

    def rows(self) -> list[tuple[str, str, int, bytes]]:
        """The account's journal: stream, kind, time, payload."""
        events = self.record.events(self.system.account_name, self.run)
        return [(row.stream, row.kind, row.at_ns, row.payload) for row in events]

    def payloads(self, kind: str, journal_id: str | None = None) -> list[dict[str, Any]]:
        """Every event of a kind, read."""
        journal = self.system.account_name if journal_id is None else journal_id
        events = self.record.events(journal, self.run)
        return [orjson.loads(row.payload) for row in events if row.kind == kind]

    def trades(self) -> list[dict[str, Any]]:
        """The round trips, oldest first."""
        return self.payloads("TradeClosed")

    def journal_hash(self) -> str:
        """The run's hash."""
        return self.record.journal_hash(self.run)


def prepare(  # noqa: PLR0913 - each is a port or a choice of a test
    config: Config,
    tape: Tape,
    *,
    mode: Mode = Mode.PAPER,
    record: Record | None = None,
    strategies: Sequence[StrategyBuild] | None = None,
    policies: Iterable[Any] = (),
    change: Callable[[Ports], Ports] | None = None,
) -> Played:
    """A started system at the first row of a tape; drive `lane`, or call `finish`."""
    kept = MemoryRecord() if record is None else record
    position = TapePosition()
    lane = VirtualLane(tape.row(0)[0])
    lane.tape = feed = TapeFeed(
        tape, range(len(tape)), tell=lane.tell, feed=FEED, position=position
    )
    run = kept.begin_run(
        mode=mode, config_hash=config.digest(), source="a test", started_ns=tape.row(0)[0]
    )
    notices: list[tuple[str, str]] = []
    ports = Ports(
        lane=lane,
        record=kept,
        run=run,
        position=position,
        venue_store=MemoryVenueStore(),
        history=feed.history,
        instruments=tape.header.instruments,
        is_bars=tape.header.content == "bars",
        cadence_ns=tape.header.cadence_ns,
        notify=lambda severity, text, _: notices.append((severity, text)),
    )
    if change is not None:
        ports = change(ports)
    found = FoundStrategies(config, Path()).strategies if strategies is None else strategies
    system = build(config, mode, ports, found, tuple(policies))
    lane.barriers.append(system.rounds)
    system.start()
    return Played(system, lane, kept, run, notices)


def play(config: Config, tape: Tape, **choices: Any) -> Played:
    """A whole run, from the first row to the last."""
    return prepare(config, tape, **choices).finish()
