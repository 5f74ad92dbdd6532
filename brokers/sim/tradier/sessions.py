"""Session ids of the streams: short of life, and one stream of a kind at a time."""

from dataclasses import dataclass
from typing import Final, Literal

from brokers.sim.units import MINUTE_NS

LIFE_NS: Final = 5 * MINUTE_NS
Stream = Literal["accounts", "markets"]


@dataclass(slots=True, kw_only=True)
class _Pass:
    stream: Stream
    made_ns: int


class Sessions:
    """The ids that have been given out."""

    def __init__(self) -> None:
        """None yet."""
        self._passes: dict[str, _Pass] = {}

    def give(self, sessionid: str, stream: Stream, now_ns: int) -> None:
        """A new id, for one stream."""
        self._passes[sessionid] = _Pass(stream=stream, made_ns=now_ns)

    def take(self, sessionid: object, stream: Stream, now_ns: int) -> bool:
        """Use an id to begin a stream; whether it is good. It is good once, for five minutes."""
        found = self._passes.pop(sessionid, None) if isinstance(sessionid, str) else None
        return found is not None and found.stream == stream and now_ns - found.made_ns < LIFE_NS

    def forget(self) -> None:
        """No id is good any more."""
        self._passes.clear()
