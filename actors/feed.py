"""One feed: the market goes out to everybody in one order, and holes are journaled (MD-2)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors.lane import Lane
from actors.lane_actor import LaneActor
from streams.gaps import Gap, GapDetector
from streams.source import Source
from trading.market import Bar, MarketMessage, SessionClosed, SessionOpened


@dataclass(slots=True)
class FeedMemory:
    """What a feed knows and does not lose with an incarnation: how far it has read."""

    last_seq: int = -1
    bars: int = 0
    bars_session: int = 0
    last_at_ns: int = 0
    session_date: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPlan:
    """What a feed actor needs.

    Attributes:
        source: Where its messages go.
        memory: How far it has read.
        history: The current session's messages up to a row of the tape, for a new incarnation.
        detectors: Makes a gap detector for each instrument.
        note: Journals a fact of the system: stream, kind, payload.
    """

    source: Source[MarketMessage]
    memory: FeedMemory
    history: Callable[[int], list[MarketMessage]]
    detectors: Callable[[], list[GapDetector]]
    note: Callable[[str, str, dict[str, Any]], None]


class FeedActor(LaneActor):
    """Passes market messages on, and watches for holes."""

    def __init__(self, lane: Lane, name: str, plan: FeedPlan) -> None:
        """An incarnation; `rehydrate` shows its gap detector what was read already."""
        super().__init__(lane, name)
        self.plan = plan
        self.detectors = plan.detectors()

    def rehydrate(self) -> None:
        """Read the session again, up to the last message that was passed on."""
        for message in self.plan.history(self.plan.memory.last_seq):
            self._gaps(message)

    def on_receive(self, message: Any) -> None:
        """Pass one market message on."""
        memory = self.plan.memory
        memory.last_seq = message.tape_seq
        memory.last_at_ns = message.at_ns
        for gap in self._gaps(message):
            self._note(gap)
        kind = type(message)
        if kind is Bar:
            memory.bars += 1
            memory.bars_session += 1
        elif kind is SessionOpened:
            memory.session_date = message.session_date
        self.plan.source.emit(message)
        if kind is SessionClosed:
            self._count(message)

    def _count(self, message: SessionClosed) -> None:
        memory = self.plan.memory
        self.plan.note(
            f"feed/{self.name}",
            "FeedCounted",
            {
                "feed": self.name,
                "session_date": message.session_date,
                "bars": memory.bars_session,
            },
        )
        memory.bars_session = 0

    def _gaps(self, message: MarketMessage) -> list[Gap]:
        """The holes that end with this message."""
        found = [detector.take(message) for detector in self.detectors]
        return [gap for gap in found if gap is not None]

    def _note(self, gap: Gap) -> None:
        payload = {
            "feed": self.name,
            "instrument": gap.instrument,
            "session_date": gap.session_date,
            "start_ns": gap.start_ns,
            "end_ns": gap.end_ns,
        }
        self.plan.note(f"feed/{self.name}", "FeedGap", payload)
