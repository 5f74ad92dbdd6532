"""What every page shows now: topics with versions, and the newest events.

A change gets the next sequence number. A page that has everything up to one number is told what
changed since then, and whatever changed twice in between is told once: a slow page gets the latest
value, never a queue.
"""

import asyncio
import secrets
from collections import deque
from typing import Any, Final

import orjson

EVENTS_KEPT: Final = 500


class Board:
    """The state behind all pages; one writer, any number of readers."""

    def __init__(self) -> None:
        """Empty, with an epoch that tells this process's numbers from another's."""
        self.epoch = secrets.token_hex(8)
        self.seq = 0
        self._topics: dict[str, bytes] = {}
        self._versions: dict[str, int] = {}
        self._events: deque[tuple[int, bytes]] = deque(maxlen=EVENTS_KEPT)
        self._events_from = 0
        self._changed = asyncio.Event()

    def put(self, topic: str, value: Any) -> None:
        """Set a topic; nothing happens when it is as before."""
        encoded = orjson.dumps(value, default=str)
        if self._topics.get(topic) == encoded:
            return
        self._topics[topic] = encoded
        self._versions[topic] = self._next()

    def add_event(self, event: dict[str, Any]) -> None:
        """One more line of the activity feed."""
        if len(self._events) == EVENTS_KEPT:
            self._events_from = self._events[0][0]
        self._events.append((self._next(), orjson.dumps(event, default=str)))

    def clear_events(self) -> None:
        """Another run begins."""
        self._events.clear()
        self._events_from = self._next()

    def get(self, topic: str) -> Any:
        """A topic as it is now, None before it was set."""
        encoded = self._topics.get(topic)
        return None if encoded is None else orjson.loads(encoded)

    def snapshot(self, **more: Any) -> bytes:
        """Everything, and `more`."""
        return self._message("snapshot", more, topics=self._topics, events=self._events)

    def since(self, epoch: str, seq: int, **more: Any) -> bytes:
        """What changed after `seq`: a delta, or a snapshot when that number is not of this board.

        A snapshot too when events between have been dropped: a page never has a hole in its list.
        `more` goes along.
        """
        if epoch != self.epoch or seq > self.seq or seq < self._events_from:
            return self.snapshot(**more)
        topics = {name: self._topics[name] for name, at in self._versions.items() if at > seq}
        events = [each for each in self._events if each[0] > seq]
        return self._message("delta", {"since": seq, **more}, topics=topics, events=events)

    async def changed_after(self, seq: int) -> None:
        """Wait until there is something newer."""
        while self.seq <= seq:
            await self._changed.wait()

    def _next(self) -> int:
        self.seq += 1
        self._changed.set()
        self._changed = asyncio.Event()
        return self.seq

    def _message(self, type_: str, more: dict[str, Any], *, topics: Any, events: Any) -> bytes:
        return orjson.dumps(
            {
                "type": type_,
                "epoch": self.epoch,
                "seq": self.seq,
                "since": 0,
                **more,
                "topics": {name: orjson.Fragment(text) for name, text in topics.items()},
                "events": [orjson.Fragment(text) for _, text in events],
            }
        )
