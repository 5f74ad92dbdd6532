"""Mail that reached nobody: kept in a ring, counted by reason, never raised into the sender."""

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that nobody handled, and why."""

    name: str
    message: Any
    reason: str
    at_ns: int


class DeadLetters:
    """The newest letters, and counts of all there ever were.

    Args:
        kept: How many letters stay readable; counts cover the rest.
    """

    def __init__(self, kept: int = 1000) -> None:
        """Start empty."""
        self._ring: deque[DeadLetter] = deque(maxlen=kept)
        self.total = 0
        self.by_reason: Counter[str] = Counter()

    def add(self, name: str, message: Any, reason: str, at_ns: int) -> None:
        """Keep a letter to `name`; reasons are few and fixed, so counting them is bounded."""
        self._ring.append(DeadLetter(name, message, reason, at_ns))
        self.total += 1
        self.by_reason[reason] += 1

    def newest(self) -> DeadLetter:
        """The last letter; IndexError when there is none."""
        return self._ring[-1]

    def letters(self) -> list[DeadLetter]:
        """The letters still in the ring, oldest first."""
        return list(self._ring)
