"""Timing two things side by side, so that what disturbs the one disturbs the other."""

import gc
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter_ns

Work = Callable[[], object]

# A run is suspect when the machine's own speed moved by more than this between start and end.
DRIFT_MAX_RATIO = 1.2
_LOOP = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row's result; both values in the row's unit.

    Attributes:
        row: Key of the row in gates.toml.
        value: What ours took or reached.
        reference: What it is compared with; None when it could not be measured here.
        note: What a reader of the table should know; empty in most rows.
    """

    row: str
    value: float
    reference: float | None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Value over reference."""
        return self.value / self.reference if self.reference else None


@dataclass(frozen=True, slots=True)
class Missing:
    """A row that cannot be measured on this machine, and what it lacks."""

    row: str
    why: str


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Collect now, and not while something is timed."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def timed_ns(work: Work) -> int:
    """Wall time of one call."""
    started = perf_counter_ns()
    work()
    return perf_counter_ns() - started


def side_by_side(
    ours: Work, reference: Work, *, operations: int, rounds: int = 9
) -> tuple[float, float]:
    """Time two pieces of work in turns and keep the best of each.

    The best, because everything else on a shared machine only ever adds time; in turns, so that
    both see the machine's quiet moments.

    Args:
        ours: Does `operations` operations.
        reference: Does as many in its own way.
        operations: How many operations one call does.
        rounds: How often each is called, after one call to warm up.

    Returns:
        Nanoseconds per operation of both.
    """
    ours()
    reference()
    times: tuple[list[int], list[int]] = ([], [])
    with quiet_collector():
        for number in range(rounds):
            pair = ((ours, times[0]), (reference, times[1]))
            for work, taken in pair if number % 2 else reversed(pair):
                taken.append(timed_ns(work))
    return min(times[0]) / operations, min(times[1]) / operations


def best_ns(work: Work, *, operations: int, rounds: int = 5) -> float:
    """Best nanoseconds per operation over some calls, after one to warm up."""
    work()
    with quiet_collector():
        return min(timed_ns(work) for _ in range(rounds)) / operations


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed.

    Raises:
        ValueError: When there is none, or `share` is not within 0 to 1.
    """
    if not values:
        raise ValueError("a quantile needs at least one value, found none")
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share must be within 0 to 1, was {share}")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def loop_ns() -> float:
    """Nanoseconds per turn of a fixed Python loop, best of 5: how fast this machine is now."""

    def loop() -> None:
        total = 0
        for number in range(_LOOP):
            total += number

    return min(timed_ns(loop) for _ in range(5)) / _LOOP
