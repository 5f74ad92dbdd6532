"""Journaled events for one client that may be slow, far behind, or both (UI-8)."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

import orjson

from actors.operator_words import TraderPort
from trading.ports import JournalRow

BUFFER_EVENTS_MAX: Final = 1000
BATCH_EVENTS_MAX: Final = 100


def encode_event(row: JournalRow) -> bytes:
    """One journaled event as the websocket sends it."""
    return orjson.dumps(
        {
            "type": "event",
            "journal_id": row.journal_id,
            "seq": row.seq,
            "stream": row.stream,
            "kind": row.kind,
            "at_ns": row.at_ns,
            "payload": orjson.Fragment(row.payload),
        }
    )


class EventFeed:
    """First what the journal holds, as fast as the client reads; then what becomes durable.

    What is new waits in a bounded buffer. When a client does not keep up, the oldest give way and a
    `gap` message says how many, and from where to subscribe again to get them after all.
    """

    def __init__(
        self,
        trader: TraderPort,
        after_seq: int | Mapping[str, int],
        wake: Callable[[], None],
        buffer_max: int = BUFFER_EVENTS_MAX,
    ) -> None:
        """Start after the given position; `wake` is called when there is something to take."""
        self._trader = trader
        self._wake = wake
        self._buffer: deque[JournalRow] = deque()
        self._buffer_max = buffer_max
        self._dropped = 0
        self._is_caught_up = False
        self._position = {
            journal_id: after_seq if isinstance(after_seq, int) else after_seq.get(journal_id, 0)
            for journal_id in trader.journal_ids()
        }
        self._stop = trader.listen(self._push)

    def close(self) -> None:
        """Hear no more."""
        self._stop()

    def take(self) -> list[bytes]:
        """The next few messages in order; empty when the client has everything."""
        if not self._is_caught_up:
            if past := self._take_past():
                return past
            self._is_caught_up = True
        return self._take_new()

    def _push(self, row: JournalRow) -> None:
        if len(self._buffer) >= self._buffer_max:
            self._buffer.popleft()
            self._dropped += 1
        self._buffer.append(row)
        self._wake()

    def _take_past(self) -> list[bytes]:
        for journal_id, after_seq in self._position.items():
            rows = self._trader.events_after(journal_id, after_seq, BATCH_EVENTS_MAX)
            if rows:
                self._position[journal_id] = rows[-1].seq
                return [encode_event(row) for row in rows]
        # Whatever gave way in the buffer meanwhile was durable, and has been read just now.
        self._dropped = 0
        return []

    def _take_new(self) -> list[bytes]:
        messages: list[bytes] = []
        if self._dropped:
            messages.append(self._gap())
            self._dropped = 0
        while self._buffer and len(messages) < BATCH_EVENTS_MAX:
            row = self._buffer.popleft()
            if row.seq > self._position.get(row.journal_id, 0):
                self._position[row.journal_id] = row.seq
                messages.append(encode_event(row))
        return messages

    def _gap(self) -> bytes:
        return orjson.dumps(
            {"type": "gap", "dropped": self._dropped, "after_seq": dict(self._position)}
        )
