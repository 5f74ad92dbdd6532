"""The tape as the virtual lane reads it: one row at a time, mailed to the feed."""

from collections.abc import Callable

from actors.rounds import TapePosition
from streams.replay import Cursor, message
from streams.tape import Tape
from trading.market import MarketMessage


class TapeFeed:
    """Market input of a replay.

    Args:
        tape: The tape.
        rows: Which rows to play.
        tell: Mails a message to a name.
        feed: The feed's name.
        position: Told which row is being handled.
    """

    def __init__(
        self,
        tape: Tape,
        rows: range,
        *,
        tell: Callable[[str, object], None],
        feed: str,
        position: TapePosition,
    ) -> None:
        """Stand before the first of `rows`."""
        self.tape = tape
        self._cursor = Cursor(tape, rows)
        self._tell = tell
        self._feed = feed
        self._position = position

    def next_ns(self) -> int:
        """The instant of the next row, `NEVER_NS` at the end."""
        return self._cursor.next_ns()

    def step(self) -> None:
        """Mail the next row."""
        row = self._cursor.take()
        self._position.seq = row.tape_seq
        self._tell(self._feed, row)

    def history(self, last_seq: int) -> list[MarketMessage]:
        """The messages of the session that row `last_seq` belongs to, up to that row."""
        if last_seq < 0:
            return []
        instruments = self.tape.header.instruments
        first = self._session_start(last_seq)
        rows = self.tape.rows(first, last_seq + 1)
        return [message(row, seq, instruments) for seq, row in enumerate(rows, start=first)]

    def _session_start(self, seq: int) -> int:
        starts = [session.first_row for session in self.tape.sessions() if session.first_row <= seq]
        return starts[-1] if starts else 0
