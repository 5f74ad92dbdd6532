"""What the ways to every venue have in common: an address, an account, and its connections."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from brokers.base import Place
from brokers.credentials import Credentials
from brokers.http import ANSWER_WAIT_S, Channel, Endpoint
from brokers.limiter import Limiter


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingAddress:
    """Where a venue trades, and whose money an order there moves."""

    trading: Endpoint
    place: Place

    @property
    def url(self) -> str:
        """The trading address."""
        return self.trading.url


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What makes one account's ways to a venue; nothing is connected yet.

    Attributes:
        credentials: What the venue knows the account by.
        now_ns: The lane's clock.
        mono_ns: A clock that only goes forward, for the limiters.
        seed: Of the waits between two connections.
        answer_wait_s: After this an exchange is unanswered (EX-6).
    """

    credentials: Credentials
    now_ns: Callable[[], int]
    mono_ns: Callable[[], int]
    seed: int = 0
    answer_wait_s: float = ANSWER_WAIT_S

    def limiter(self, calls_per_minute: int) -> Limiter:
        """So many calls in any minute."""
        return Limiter(calls_per_minute, self.mono_ns)

    def channel(
        self, endpoint: Endpoint, headers: Mapping[str, str], limiter: Limiter, links_max: int
    ) -> Channel:
        """Connections to an endpoint of the venue."""
        return Channel(
            endpoint=endpoint,
            headers=dict(headers),
            limiter=limiter,
            links_max=links_max,
            answer_wait_s=self.answer_wait_s,
        )
