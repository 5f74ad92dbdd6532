"""A record and a venue's book that keep nothing: what is left is the system's own."""

from storage import MemoryRecord


class ForgetfulRecord(MemoryRecord):
    """Takes what the memory record takes, and drops it once its outcome is delivered.

    What it has dropped cannot be read, so a system that asks it for an event fails.
    """

    def settle(self) -> None:
        """See the port; afterwards no request, claim or mark is left."""
        self._unfolded.clear()
        self._marks.clear()
        self._claims.clear()
        super().settle()


class ForgetfulVenueStore:
    """A simulated venue's log that is never read again."""

    def __init__(self) -> None:
        """Nothing kept, now or later."""
        self.last_seq = -1

    def changes(self) -> list[bytes]:
        """None is left."""
        return []

    def changes_at(self, seq: int) -> list[bytes]:  # noqa: ARG002 - the port's
        """None is left."""
        return []

    def append(self, seq: int, change: bytes) -> None:  # noqa: ARG002 - it is forgotten
        """Take one more change."""
        self.last_seq = seq

    def close(self) -> None:
        """Nothing to let go."""
