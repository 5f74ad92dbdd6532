"""Circuit breakers, one for each endpoint of a venue: told of outcomes and of the time (WD-3).

    CLOSED ── too many errors, or too slow ──> OPEN ── its time is over ──> HALF_OPEN
       ^                                        ^  (twice as long)             │ one probe
       └──────────────── a success ─────────────┼──────────── a failure ───────┤
                                                └── latched: only an operator ends it

While a breaker is not CLOSED no entry leaves, but for the one that probes; cancels and exits are
tried all the same.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class BreakerState(StrEnum):
    """Where a breaker stands."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerLimits:
    """What an endpoint may do.

    Attributes:
        latency_max_ns: A slower answer counts as an error, and opens the breaker at once.
        errors_max: More errors than this within the window open it.
        window_ns: How far back errors count.
        open_ns: How long it stays open the first time; doubles with each probe that fails.
        open_max_ns: The longest it stays open without a probe.
    """

    latency_max_ns: int = 5_000_000_000
    errors_max: int = 3
    window_ns: int = 60_000_000_000
    open_ns: int = 60_000_000_000
    open_max_ns: int = 1_800_000_000_000

    def __post_init__(self) -> None:
        """Refuse what would never or always open."""
        for name in ("latency_max_ns", "window_ns", "open_ns", "open_max_ns"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above zero, was {getattr(self, name)}")
        if self.errors_max < 0:
            raise ValueError(f"errors_max must be zero or more, was {self.errors_max}")


@dataclass(slots=True)
class Breaker:
    """One endpoint's breaker.

    Attributes:
        changed: Called after each change of state or latch.
    """

    name: str
    limits: BreakerLimits
    changed: Callable[["Breaker"], None]
    state: BreakerState = BreakerState.CLOSED
    is_latched: bool = False
    cause: str = ""
    until_ns: int = 0
    is_probing: bool = False
    _opened: int = 0
    _errors_ns: deque[int] = field(default_factory=deque)

    @property
    def is_shut(self) -> bool:
        """No entry leaves; the one that probes a half-open breaker does."""
        return self.state is BreakerState.OPEN or self.is_probing

    def succeeded(self, latency_ns: int, now_ns: int) -> None:
        """An answer came, this long after the question."""
        if latency_ns > self.limits.latency_max_ns:
            text = f"an answer took {latency_ns / 1e9:.3f} s"
            self._errors_ns.append(now_ns)
            self._open(text, now_ns)
        elif self.state is BreakerState.HALF_OPEN:
            self._opened = 0
            self._errors_ns.clear()
            self._become(BreakerState.CLOSED, "the probe was answered")

    def failed(self, cause: str, now_ns: int, *, latency_ns: int = 0) -> None:
        """No answer after so long, or an error of the venue's."""
        errors, limits = self._errors_ns, self.limits
        errors.append(now_ns)
        while errors[0] <= now_ns - limits.window_ns:
            errors.popleft()
        is_slow = latency_ns > limits.latency_max_ns
        if is_slow or self.state is BreakerState.HALF_OPEN or len(errors) > limits.errors_max:
            self._open(cause, now_ns)

    def probed(self) -> None:
        """An entry left while it is half open: until its outcome no other does."""
        if self.state is BreakerState.HALF_OPEN and not self.is_probing:
            self.is_probing = True
            self.changed(self)

    def tick(self, now_ns: int) -> None:
        """Time passes: an open breaker lets one probe through when its time is over."""
        if self.state is BreakerState.OPEN and not self.is_latched and now_ns >= self.until_ns:
            self._become(BreakerState.HALF_OPEN, "one probe may leave")

    def latch(self, cause: str) -> None:
        """Open until an operator resets it; the first cause is kept."""
        if not self.is_latched:
            self.is_latched = True
            self.until_ns = 0
            self._become(BreakerState.OPEN, cause)

    def reset(self, cause: str) -> None:
        """An operator's word, or the end of what it was latched for."""
        if self.state is not BreakerState.CLOSED or self.is_latched:
            self.is_latched = False
            self._opened = 0
            self._errors_ns.clear()
            self._become(BreakerState.CLOSED, cause)

    def _open(self, cause: str, now_ns: int) -> None:
        if self.state is BreakerState.OPEN:
            return
        limits = self.limits
        wait_ns = min(limits.open_ns << min(self._opened, 16), limits.open_max_ns)
        self._opened += 1
        self.until_ns = now_ns + wait_ns
        self._become(BreakerState.OPEN, cause)

    def _become(self, state: BreakerState, cause: str) -> None:
        self.state, self.cause, self.is_probing = state, cause, False
        self.changed(self)
