"""When the matching engine takes orders: always, but for its restarts and what follows them."""

from collections.abc import Callable
from typing import Final

from brokers.sim.polymarket.errors import Refusal
from brokers.sim.units import NS

RESTARTING: Final = 425
POST_ONLY: Final = "post-only mode: only post-only orders and cancels are allowed"
CANCEL_ONLY: Final = (
    "Trading is currently cancel-only. New orders are not accepted, but cancels are allowed."
)


class Engine:
    """Restarting, then post-only, then as usual; or cancel-only. By the machine's clock."""

    def __init__(self, wall_ns: Callable[[], int]) -> None:
        """It takes all."""
        self._wall_ns = wall_ns
        self.recover()

    def recover(self) -> None:
        """As usual from now on."""
        self._down_until_ns = self._post_only_until_ns = self._cancel_only_until_ns = 0

    def restart(self, down_ns: int, post_only_ns: int) -> None:
        """Away for a while, and post-only for a while after that."""
        self._down_until_ns = self._wall_ns() + down_ns
        self._post_only_until_ns = self._down_until_ns + post_only_ns

    def cancel_only(self, lasts_ns: int) -> None:
        """No new orders for a while."""
        self._cancel_only_until_ns = self._wall_ns() + lasts_ns

    def check(self) -> None:
        """Whether it is there at all.

        Raises:
            Refusal: It restarts.
        """
        if self._wall_ns() < self._down_until_ns:
            raise Refusal(RESTARTING, "the matching engine is restarting")

    def check_new(self, *, is_post_only: bool) -> None:
        """Whether it takes a new order.

        Raises:
            Refusal: Not at present, or not this one.
        """
        now_ns = self._wall_ns()
        if now_ns < self._cancel_only_until_ns:
            raise Refusal(503, CANCEL_ONLY)
        if now_ns < self._post_only_until_ns and not is_post_only:
            wait_s = -(-(self._post_only_until_ns - now_ns) // NS)
            refusal = Refusal(503, POST_ONLY, code="post_only_mode", retry_after_seconds=wait_s)
            refusal.headers = {"Retry-After": str(wait_s)}
            raise refusal
