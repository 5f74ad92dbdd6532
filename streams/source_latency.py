"""How long a source's ticks were on their way, from its own stamp to their receipt (MD-1)."""

from collections import Counter

_FINE_BITS = 4
_FINE = 1 << _FINE_BITS


class SourceLatency:
    """Counts latencies in classes that are exact to an eighth, however many come.

    Both clocks count: what seems to come before it was sent is counted as nothing, and how far the
    clocks are apart is watched elsewhere (MD-3).
    """

    __slots__ = ("_counts", "max_ns", "ticks")

    def __init__(self) -> None:
        """Nothing has come."""
        self._counts: Counter[int] = Counter()
        self.ticks = 0
        self.max_ns = 0

    def take(self, latency_ns: int) -> None:
        """Note one."""
        if latency_ns > self.max_ns:
            self.max_ns = latency_ns
        elif latency_ns < 0:
            latency_ns = 0
        self.ticks += 1
        shift = latency_ns.bit_length() - _FINE_BITS
        if shift <= 0:
            self._counts[latency_ns] += 1
        else:
            self._counts[(shift << _FINE_BITS) + (latency_ns >> shift)] += 1

    def quantile_ns(self, share: float) -> int:
        """The least latency, rounded up, that at least `share` of them do not exceed; 0 of none."""
        left = share * self.ticks
        for key in sorted(self._counts):
            left -= self._counts[key]
            if left <= 0:
                return min(_largest_ns(key), self.max_ns)
        return self.max_ns


def _largest_ns(key: int) -> int:
    """The largest latency of a class."""
    shift = (key >> _FINE_BITS) if key >= _FINE else 0
    if shift == 0:
        return key
    return ((key & (_FINE - 1)) + 1 << shift) - 1
