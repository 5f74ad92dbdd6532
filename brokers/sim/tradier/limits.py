"""Tradier's three limits of a token: orders, market data, and everything else."""

from collections.abc import Callable
from typing import Final

from brokers.sim.limits import RateLimit
from brokers.sim.units import NS

READS_PER_ORDER: Final = 2
"""In production reads may come twice as often as orders: 120 and 60 in a minute."""


class Limits:
    """So many requests of each kind in a minute."""

    def __init__(self, wall_ns: Callable[[], int], per_min: int) -> None:
        """A minute begins now.

        Args:
            wall_ns: The machine's clock.
            per_min: Orders; of each of the other kinds it is twice that.
        """
        self.per_min = per_min
        self._kinds = {
            "trading": RateLimit(wall_ns, per_min),
            "markets": RateLimit(wall_ns, per_min * READS_PER_ORDER),
            "standard": RateLimit(wall_ns, per_min * READS_PER_ORDER),
        }

    def take(self, kind: str) -> bool:
        """Count one request; whether it is within the limit."""
        return self._kinds[kind].take()

    def restart(self, per_min: int) -> None:
        """New limits, and a new minute."""
        self.per_min = per_min
        for kind, limit in self._kinds.items():
            limit.restart(per_min * (1 if kind == "trading" else READS_PER_ORDER))

    def close_until(self, until_ns: int) -> None:
        """Let nothing pass until then."""
        for limit in self._kinds.values():
            limit.close_until(until_ns)

    def headers(self, kind: str) -> dict[str, str]:
        """What every answer says about the limit of its own kind."""
        limit = self._kinds[kind]
        used, left, ends_ns = limit.standing()
        return {
            "X-Ratelimit-Allowed": str(limit.per_min),
            "X-Ratelimit-Used": str(used),
            "X-Ratelimit-Available": str(left),
            "X-Ratelimit-Expiry": str(-(-ends_ns * 1000 // NS)),
        }


def kind_of(method: str, path: str) -> str:
    """Which limit a request counts against."""
    if "/orders" in path and method != "GET":
        return "trading"
    return "markets" if path.startswith("/v1/markets/") else "standard"
