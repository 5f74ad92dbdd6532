"""By how much another clock is ahead of ours: an interval in which the truth lies (MD-3).

A question takes time, and a busy machine makes it long; so an offset is never one number here. A
clock is too far away when no point of its interval is near enough, and not known when the interval
is too wide to tell.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

NS: Final = 1_000_000_000
_NARROWINGS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """The other clock less ours, at least and at most, ns."""

    low_ns: int
    high_ns: int

    @property
    def middle_ns(self) -> int:
        """The best guess."""
        return (self.low_ns + self.high_ns) // 2

    @property
    def half_ns(self) -> int:
        """How far the truth may be from `middle_ns`."""
        return (self.high_ns - self.low_ns) // 2

    def is_beyond(self, limit_ns: int) -> bool:
        """Whether it is certainly farther away than that, on either side."""
        return self.low_ns > limit_ns or self.high_ns < -limit_ns

    def narrowed(self, other: "Offset") -> "Offset":
        """What both allow; the newer one, `other`, when they contradict each other."""
        low_ns, high_ns = max(self.low_ns, other.low_ns), min(self.high_ns, other.high_ns)
        return Offset(low_ns=low_ns, high_ns=high_ns) if low_ns <= high_ns else other

    def __str__(self) -> str:
        """For people."""
        return f"{self.middle_ns / 1e6:+.1f} ms (within {self.half_ns / 1e6:.1f} ms)"


def of_stamp(stamp_ns: int, *, before_ns: int, after_ns: int, width_ns: int = 0) -> Offset:
    """From a stamp that was made between our `before_ns` and `after_ns`.

    Args:
        stamp_ns: What the other clock showed.
        before_ns: Our clock when the question left.
        after_ns: Our clock when the answer was here.
        width_ns: The stamp was cut to this: it may have been so much later.
    """
    return Offset(low_ns=stamp_ns - after_ns, high_ns=stamp_ns + width_ns - before_ns)


async def of_whole_seconds(ask: Callable[[], Awaitable[int]], now_ns: Callable[[], int]) -> Offset:
    """From a clock that shows whole seconds, asked where its second is about to turn.

    Each answer only bounds the offset; those at the turn of a second halve the doubt.

    Args:
        ask: The other clock's second; what it raises comes out.
        now_ns: Our clock.
    """

    async def asked() -> Offset:
        before_ns = now_ns()
        second = await ask()
        return of_stamp(second * NS, before_ns=before_ns, after_ns=now_ns(), width_ns=NS)

    found = await asked()
    for _ in range(_NARROWINGS):
        until_turn_ns = -(now_ns() + found.middle_ns) % NS
        await asyncio.sleep(until_turn_ns / NS)
        found = found.narrowed(await asked())
    return found


def of_date(header: str, *, before_ns: int, after_ns: int) -> Offset | None:
    """From an HTTP Date header, which is whole seconds; None when it is no date."""
    try:
        stamp_ns = int(parsedate_to_datetime(header).timestamp()) * NS
    except (ValueError, TypeError, OverflowError):
        return None
    return of_stamp(stamp_ns, before_ns=before_ns, after_ns=after_ns, width_ns=NS)
