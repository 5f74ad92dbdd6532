"""A signer's two buckets of tokens: orders, and cancels, which may come twice as often."""

from collections.abc import Callable
from typing import Final

from brokers.sim.polymarket.errors import Refusal
from brokers.sim.units import NS

TIER: Final = "Standard"
_MINUTE_S: Final = 60


class Bucket:
    """Tokens that come back at a steady rate, up to one and a half seconds' worth."""

    def __init__(self, wall_ns: Callable[[], int], per_s: float) -> None:
        """It is full."""
        self._wall_ns = wall_ns
        self._per_s = per_s
        self.burst = per_s * 1.5
        self._tokens = self.burst
        self._at_ns = wall_ns()

    def _fill(self) -> float:
        now_ns = self._wall_ns()
        gained = (now_ns - self._at_ns) / NS * self._per_s
        self._tokens, self._at_ns = min(self.burst, self._tokens + gained), now_ns
        return self._tokens

    def take(self, cost: int) -> bool:
        """Take as many at once, or none of them."""
        if self._fill() < cost:
            return False
        self._tokens -= cost
        return True

    def wait_s(self, cost: int) -> int:
        """Whole seconds until as many are there; more than it can hold will never be."""
        missing = min(cost, self.burst) - self._fill()
        return max(1, -int(-missing // self._per_s))

    def headers(self, wait_s: int = 0) -> dict[str, str]:
        """What every answer about orders says of it."""
        return {
            "Poly-RateLimit-Remaining": f"{self._fill():.0f}",
            "Poly-RateLimit-Reset": str(self._wall_ns() // NS + wait_s),
            "Poly-RateLimit-Tier": TIER,
        }


class Limits:
    """Both buckets; `per_min` is the orders' rate."""

    def __init__(self, wall_ns: Callable[[], int], per_min: int) -> None:
        """Both are full."""
        self._wall_ns = wall_ns
        self._closed_until_ns = 0
        self.restart(per_min)

    def restart(self, per_min: int) -> None:
        """New rates, and both are full."""
        self.per_min = per_min
        self.orders = Bucket(self._wall_ns, per_min / _MINUTE_S)
        self.cancels = Bucket(self._wall_ns, 2 * per_min / _MINUTE_S)

    def close_until(self, until_ns: int) -> None:
        """Let nothing pass until then."""
        self._closed_until_ns = until_ns

    @property
    def are_closed(self) -> bool:
        """Whether nothing passes at present."""
        return self._wall_ns() < self._closed_until_ns

    def spend(self, bucket: Bucket, cost: int) -> None:
        """Pay for a request.

        Raises:
            Refusal: The bucket has too little; nothing was taken from it.
        """
        if not bucket.take(cost):
            raise self.refusal(bucket, cost)

    def refusal(self, bucket: Bucket, cost: int = 1) -> Refusal:
        """429, and when to come again."""
        wait_s = bucket.wait_s(cost)
        if self.are_closed:
            wait_s = -(-(self._closed_until_ns - self._wall_ns()) // NS)
        found = Refusal(429, "Too Many Requests")
        found.headers = {"Retry-After": str(wait_s), **bucket.headers(wait_s)}
        return found
