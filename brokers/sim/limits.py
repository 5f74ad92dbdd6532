"""Who may ask, and how often."""

from collections.abc import Callable

from brokers.sim.units import MINUTE_NS, NS


class Keys:
    """The one pair of keys that this venue takes, and its token."""

    def __init__(self, wall_ns: Callable[[], int], *, key: str, secret: str) -> None:
        """Nothing is revoked."""
        self._wall_ns = wall_ns
        self.key = key
        self.secret = secret
        self._revoked_until_ns = 0

    @property
    def token(self) -> str:
        """For `Authorization: Bearer`."""
        return f"{self.key}.{self.secret}"

    def are_good(self, key: str | None, secret: str | None) -> bool:
        """Whether a pair is taken now."""
        return (key, secret) == (self.key, self.secret) and not self.are_revoked

    def is_good_token(self, token: str) -> bool:
        """Whether a token is taken now."""
        return token == self.token and not self.are_revoked

    @property
    def are_revoked(self) -> bool:
        """Whether they are refused at present."""
        return self._wall_ns() < self._revoked_until_ns

    def revoke(self, until_ns: int) -> None:
        """Refuse them until then, by the machine's time."""
        self._revoked_until_ns = until_ns

    def restore(self) -> None:
        """Take them again."""
        self._revoked_until_ns = 0


class RateLimit:
    """So many requests in each minute of the machine's clock."""

    def __init__(self, wall_ns: Callable[[], int], per_min: int) -> None:
        """A minute begins now."""
        self._wall_ns = wall_ns
        self.per_min = per_min
        self._used = 0
        self._ends_ns = wall_ns() + MINUTE_NS
        self._closed_until_ns = 0

    def take(self) -> bool:
        """Count one request; whether it is within the limit."""
        now_ns = self._wall_ns()
        if now_ns >= self._ends_ns:
            self._used = 0
            self._ends_ns = now_ns + MINUTE_NS
        if now_ns < self._closed_until_ns:
            return False
        self._used += 1
        return self._used <= self.per_min

    def restart(self, per_min: int) -> None:
        """A new limit, and a new minute."""
        self.per_min = per_min
        self._used = 0
        self._ends_ns = self._wall_ns() + MINUTE_NS

    def close_until(self, until_ns: int) -> None:
        """Let nothing pass until then."""
        self._closed_until_ns = until_ns

    def standing(self) -> tuple[int, int, int]:
        """Requests that are used up and that are left, and when the minute ends (machine's ns)."""
        is_closed = self._wall_ns() < self._closed_until_ns
        ends_ns = self._closed_until_ns if is_closed else self._ends_ns
        left = 0 if is_closed else max(0, self.per_min - self._used)
        return self.per_min - left, left, ends_ns

    def headers(self) -> dict[str, str]:
        """What every answer of Alpaca says about it."""
        _, left, ends_ns = self.standing()
        return {
            "X-RateLimit-Limit": str(self.per_min),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(-(-ends_ns // NS)),
        }
