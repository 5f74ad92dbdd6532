"""Putting one Tradier account together: address, connections, limits of their own for trading."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from brokers.backoff import Backoff
from brokers.base import Place, Prepared
from brokers.calls import CallEnded, untold
from brokers.http import Channel, Endpoint
from brokers.tradier.data import MarketStream
from brokers.tradier.orders import CAPABILITIES, prepare
from brokers.tradier.probe import TradierProbe
from brokers.tradier.rest import Rest
from brokers.tradier.venue import TradierVenue
from brokers.venues import VenueKind, place_of
from brokers.ways import TradingAddress, Ways

ORDER_LINKS: Final = 32
READ_LINKS: Final = 8
HOSTS: Final = {"api.tradier.com": Place.LIVE, "sandbox.tradier.com": Place.SANDBOX}
_LIVE_READS: Final = 2
"""A production token may read twice as often as it may trade; a sandbox's may not."""
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses(TradingAddress):
    """Where the venue is; it says itself where its streams are."""

    @classmethod
    def of(cls, url: str) -> "Addresses":
        """From the address at whose root everything is served.

        Raises:
            SafetyRefusedError: No venue that is known: see `brokers.venues.place_of`.
            SetupError: It is no address.
        """
        trading = Endpoint.of(url)
        return cls(trading=trading, place=place_of(trading, CAPABILITIES.venue, HOSTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection(Ways):
    """What makes one account's ways to the venue.

    Attributes:
        addresses: Where it is.
        credentials: The account's number, and the token as the secret.
        calls_per_minute: Orders, changes and cancels that the venue allows this token; reads have
            a limit of their own, as large, or twice that with a production token.
        flight_max_ns: The longest an order may be under way and still be booked (EX-6).
    """

    addresses: Addresses
    calls_per_minute: int = CAPABILITIES.calls_per_minute
    flight_max_ns: int = CAPABILITIES.flight_max_ns

    def venue(self, ended: Callable[[CallEnded], None] = untold) -> TradierVenue:
        """Orders and questions, not connected yet; `ended` is told how each call went."""
        return TradierVenue(
            self._rest(ended),
            backoff=Backoff(seed=f"{self.seed} account events"),
            capabilities=replace(CAPABILITIES, flight_max_ns=self.flight_max_ns),
        )

    def probe(self) -> TradierProbe:
        """Questions before the start, not connected yet."""
        return TradierProbe(self._rest())

    def market(
        self, symbols: Sequence[str], channels: Sequence[str] = ("quotes", "trades")
    ) -> MarketStream:
        """Market data, not connected yet."""
        return MarketStream(
            rest=self._rest(),
            symbols=symbols,
            channels=channels,
            now_ns=self.now_ns,
            backoff=Backoff(seed=f"{self.seed} market stream"),
        )

    def _rest(self, ended: Callable[[CallEnded], None] = untold) -> Rest:
        headers = {"authorization": f"Bearer {self.credentials.secret}", "content-type": _FORM}
        reads = _LIVE_READS if self.addresses.place is Place.LIVE else 1

        def channel(links_max: int, calls_per_minute: int) -> Channel:
            limiter = self.limiter(calls_per_minute)
            return self.channel(self.addresses.trading, headers, limiter, links_max)

        return Rest(
            account=self.credentials.key,
            orders=channel(ORDER_LINKS, self.calls_per_minute),
            reads=channel(READ_LINKS, reads * self.calls_per_minute),
            now_ns=self.now_ns,
            calls={},
            ended=ended,
        )

    def preparer(self) -> Callable[[bytes], Prepared]:
        """For DRY_RUN: pure, as its requests need the account's number alone."""
        return _preparer(self.credentials.key)


def _preparer(account: str) -> Callable[[bytes], Prepared]:
    return partial(prepare, account=account)


VENUE: Final = VenueKind(
    capabilities=CAPABILITIES,
    key_words=("ACCOUNT", "TOKEN"),
    addresses_of=Addresses.of,
    connect=Connection,
    preparer=_preparer,
)
