"""The venue's own time, and what is due in it."""

import heapq
from collections.abc import Callable
from typing import Final

from brokers.sim.units import NS

SPEED_MAX: Final = 100_000.0


class VenueClock:
    """Time that runs with the machine's, faster, slower, or not at all."""

    def __init__(
        self, source: Callable[[], int], *, start_ns: int | None = None, speed: float = 1.0
    ) -> None:
        """Start it.

        Args:
            source: The machine's clock, ns UTC.
            start_ns: What it shows now; None is the machine's time.
            speed: Seconds per second; 0 stands still.
        """
        self._source = source
        self._base_ns = source() if start_ns is None else start_ns
        self._since_ns = source()
        self.speed = speed

    def now_ns(self) -> int:
        """Its time, ns UTC."""
        gone_ns = max(0, self._source() - self._since_ns)
        return self._base_ns + (gone_ns if self.speed == 1.0 else int(gone_ns * self.speed))

    def set(self, *, at_ns: int | None = None, speed: float | None = None) -> None:
        """Move it forward, or change its speed.

        Raises:
            ValueError: It would go back, or the speed is out of range.
        """
        now_ns = self.now_ns()
        if at_ns is not None and at_ns < now_ns:
            raise ValueError(f"the clock shows {now_ns} and never goes back; was {at_ns}: reset")
        if speed is not None and not 0 <= speed <= SPEED_MAX:
            raise ValueError(f"speed must be 0 to {SPEED_MAX:g}, was {speed}")
        self._base_ns = now_ns if at_ns is None else at_ns
        self._since_ns = self._source()
        self.speed = self.speed if speed is None else speed


class Agenda:
    """What is due when, in order of time and then of entry."""

    def __init__(self) -> None:
        """Nothing is due."""
        self._entries: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self.at_ns = 0

    def add(self, due_ns: int, action: Callable[[], None]) -> None:
        """Do something at `due_ns`; what is due already is done at the next run."""
        self._count += 1
        heapq.heappush(self._entries, (due_ns, self._count, action))

    def run(self, now_ns: int) -> None:
        """Do all that is due, each with `at_ns` at its own time; actions may add more."""
        while self._entries and self._entries[0][0] <= now_ns:
            due_ns, _, action = heapq.heappop(self._entries)
            self.at_ns = max(self.at_ns, due_ns)
            action()
        self.at_ns = max(self.at_ns, now_ns)

    def next_due_ns(self) -> int | None:
        """When the next entry is due."""
        return self._entries[0][0] if self._entries else None


def seconds(value: float) -> int:
    """Seconds as ns."""
    return int(value * NS)
