"""Seeded one-minute bars, as plain lists: the benchmarks need no array library."""

from array import array
from dataclasses import dataclass
from random import Random

SEED = 20260220
BARS_PER_SESSION = 390


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Columns of bars in dollars and shares, oldest first, float64, shape (bars,) each."""

    open: "array[float]"
    high: "array[float]"
    low: "array[float]"
    close: "array[float]"
    volume: "array[float]"

    @property
    def session_starts(self) -> list[int]:
        """Index of the first bar of each session."""
        return list(range(0, len(self.close), BARS_PER_SESSION))


def make_bars(count: int, seed: int = SEED) -> Bars:
    """A random walk that is drawn back to 400 dollars, in cents; the same for the same seed."""
    random = Random(seed)
    columns: list[array[float]] = [array("d") for _ in range(5)]
    last = 400.0
    for _ in range(count):
        close = round(last + (400.0 - last) * 0.002 + random.gauss(0.0, 0.12), 2)
        high = max(last, close) + random.randint(1, 6) / 100
        low = min(last, close) - random.randint(1, 6) / 100
        row = (last, high, low, close, float(random.randint(100, 5_000)))
        for column, value in zip(columns, row, strict=True):
            column.append(round(value, 2))
        last = close
    return Bars(
        open=columns[0], high=columns[1], low=columns[2], close=columns[3], volume=columns[4]
    )
