"""Putting one Tradier account together: address, connections, limits of their own for trading."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from brokers.backoff import Backoff
from brokers.credentials import Credentials
from brokers.http import ANSWER_WAIT_S, Channel, Endpoint
from brokers.limiter import Limiter
from brokers.tradier.orders import CAPABILITIES
from brokers.tradier.rest import Rest
from brokers.tradier.venue import TradierVenue
from trading.errors import SafetyRefusedError

ORDER_LINKS: Final = 32
READ_LINKS: Final = 8
READS_PER_MINUTE: Final = 60
"""The sandbox's; a production token may read twice as often."""
_FORM: Final = "application/x-www-form-urlencoded"


def endpoint_of(url: str) -> Endpoint:
    """Where the venue is; it serves everything at the root of its own port.

    Raises:
        SafetyRefusedError: It is not on this machine.
        SetupError: It is no address.
    """
    endpoint = Endpoint.of(url)
    if not endpoint.is_loopback:
        raise SafetyRefusedError(
            f"{endpoint.host} is not on this machine: orders for Tradier go to a venue on loopback "
            "only, until this version has passed its cases there (BR-9); start one with "
            "`holdfast venue tradier`"
        )
    return endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What makes one account's ways to the venue.

    Attributes:
        endpoint: Where it is.
        credentials: The account's number, and the token as the secret.
        now_ns: The lane's clock.
        mono_ns: A clock that only goes forward, for the limiters.
        seed: Of the waits between two connections.
        orders_per_minute: Orders, changes and cancels that the venue allows this token.
        reads_per_minute: Everything else.
        answer_wait_s: After this an exchange is unanswered (EX-6).
        flight_max_ns: The longest an order may be under way and still be booked (EX-6).
    """

    endpoint: Endpoint
    credentials: Credentials
    now_ns: Callable[[], int]
    mono_ns: Callable[[], int]
    seed: int = 0
    orders_per_minute: int = CAPABILITIES.calls_per_minute
    reads_per_minute: int = READS_PER_MINUTE
    answer_wait_s: float = ANSWER_WAIT_S
    flight_max_ns: int = CAPABILITIES.flight_max_ns

    def venue(self) -> TradierVenue:
        """Orders and questions, not connected yet."""
        headers = {"authorization": f"Bearer {self.credentials.secret}", "content-type": _FORM}

        def channel(links_max: int, calls_per_minute: int) -> Channel:
            return Channel(
                endpoint=self.endpoint,
                headers=headers,
                limiter=Limiter(calls_per_minute, self.mono_ns),
                links_max=links_max,
                answer_wait_s=self.answer_wait_s,
            )

        rest = Rest(
            account=self.credentials.key,
            orders=channel(ORDER_LINKS, self.orders_per_minute),
            reads=channel(READ_LINKS, self.reads_per_minute),
            now_ns=self.now_ns,
            calls={},
        )
        return TradierVenue(
            rest,
            backoff=Backoff(seed=f"{self.seed} account events"),
            capabilities=replace(CAPABILITIES, flight_max_ns=self.flight_max_ns),
        )
