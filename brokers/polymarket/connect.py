"""Putting one wallet at Polymarket together: hosts, connections, and a bucket for each use."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from brokers.backoff import Backoff
from brokers.base import Place, Prepared
from brokers.calls import CallEnded, untold
from brokers.http import Channel, Endpoint
from brokers.limiter import Limiter
from brokers.polymarket.data import MarketStream
from brokers.polymarket.orders import CAPABILITIES, prepare
from brokers.polymarket.prices import PolymarketPrices
from brokers.polymarket.probe import PolymarketProbe
from brokers.polymarket.resolutions import PolymarketResolutions
from brokers.polymarket.rest import Rest
from brokers.polymarket.session import Session, signer_of
from brokers.polymarket.venue import PolymarketVenue
from brokers.polymarket.words import ONE_1E8
from brokers.venues import RehearsedOrder, VenueKind, place_of
from brokers.ways import TradingAddress, Ways
from trading.errors import SetupError

NS: Final = 1_000_000_000
HOSTS: Final = {"clob.polymarket.com": Place.LIVE, "clob-staging.polymarket.com": Place.SANDBOX}
STREAM_HOST: Final = "ws-subscriptions-clob.polymarket.com"
MARKETS_URL: Final = "https://gamma-api.polymarket.com"
DATA_URL: Final = "https://data-api.polymarket.com"
PRICES_URL: Final = "wss://ws-live-data.polymarket.com"
LINKS: Final = 16
CANCELS_PER_S: Final = 80
READS_PER_10_S: Final = 300
"""Of the 500 that are allowed to one address."""
DATA_PER_10_S: Final = 60
LEFT_OUT: Final = ""
"""Stands where an order names the API key, in requests that are shown and not sent."""
_SCHEMES: Final = {"http": "ws", "https": "wss"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses(TradingAddress):
    """Where the parts of the venue are, and what an order there means."""

    data: Endpoint
    markets: Endpoint
    streams: str
    prices: str

    @classmethod
    def of(cls, url: str) -> "Addresses":
        """From the trading address; a simulator serves everything there.

        Raises:
            SafetyRefusedError: No venue that is known: see `brokers.venues.place_of`.
            SetupError: It is no address.
        """
        trading = Endpoint.of(url)
        place = place_of(trading, CAPABILITIES.venue, HOSTS)
        own = f"{_SCHEMES[trading.scheme]}://{trading.netloc}{trading.prefix}"
        is_simulated = place is Place.SIMULATOR
        return cls(
            trading=trading,
            data=Endpoint.of(f"{trading.url}/data-api" if is_simulated else DATA_URL),
            markets=Endpoint.of(f"{trading.url}/gamma" if is_simulated else MARKETS_URL),
            streams=f"{own}/ws" if is_simulated else f"wss://{STREAM_HOST}/ws",
            prices=f"{own}/ws/feeds" if is_simulated else PRICES_URL,
            place=place,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection(Ways):
    """What makes one wallet's ways to the venue.

    Attributes:
        addresses: Where it is.
        credentials: The wallet's address, and its private key as the secret.
        calls_per_minute: Orders that the venue allows this wallet.
        flight_max_ns: The longest an order may be under way and still be booked (EX-6).
        session: What the ways share: signer, keys, rules.
    """

    addresses: Addresses
    calls_per_minute: int = CAPABILITIES.calls_per_minute
    flight_max_ns: int = CAPABILITIES.flight_max_ns
    session: Session = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the signer; the key stands nowhere else (raises SetupError)."""
        object.__setattr__(self, "session", Session(signer=signer_of(self.credentials)))

    def venue(self, ended: Callable[[CallEnded], None] = untold) -> PolymarketVenue:
        """Orders and questions, not connected yet."""
        return PolymarketVenue(
            self._rest(ended),
            user_url=f"{self.addresses.streams}/user",
            backoff=Backoff(seed=f"{self.seed} user channel"),
            capabilities=replace(CAPABILITIES, flight_max_ns=self.flight_max_ns),
        )

    def probe(self) -> PolymarketProbe:
        """Questions before the start, not connected yet."""
        return PolymarketProbe(self._rest(untold))

    def market(
        self, symbols: Sequence[str], channels: Sequence[str] = ("quotes", "trades")
    ) -> MarketStream:
        """Market data, not connected yet."""
        self.session.book.want(list(symbols))
        return MarketStream(
            url=f"{self.addresses.streams}/market",
            tokens=symbols,
            channels=channels,
            book=self.session.book,
            now_ns=self.now_ns,
            backoff=Backoff(seed=f"{self.seed} market channel"),
        )

    def resolutions(self) -> PolymarketResolutions:
        """Which markets were decided, not connected yet."""
        return PolymarketResolutions(self._rest(untold))

    def prices(self) -> PolymarketPrices:
        """Windows and what they ask about, not connected yet."""
        rest = self._rest(untold)
        return PolymarketPrices(rest, self.addresses.prices, self.now_ns, self.seed)

    def preparer(self) -> Callable[[bytes], Prepared]:
        """For DRY_RUN: signed by the rules that the venue told; the API key is left out (BR-4)."""
        session = self.session
        return lambda intent: prepare(intent, session.signer, session.book, LEFT_OUT)

    def _rest(self, ended: Callable[[CallEnded], None]) -> Rest:
        def channel(endpoint: Endpoint, calls: int, window_s: int) -> Channel:
            limiter = Limiter(calls, self.mono_ns, window_ns=window_s * NS)
            return self.channel(endpoint, {}, limiter, LINKS)

        trading = self.addresses.trading
        return Rest(
            session=self.session,
            orders=channel(trading, self.calls_per_minute // 60, 1),
            cancels=channel(trading, CANCELS_PER_S, 1),
            reads=channel(trading, READS_PER_10_S, 10),
            data=channel(self.addresses.data, DATA_PER_10_S, 10),
            markets=channel(self.addresses.markets, DATA_PER_10_S, 10),
            now_ns=self.now_ns,
            calls={},
            ended=ended,
        )


def _preparer(_: str) -> Callable[[bytes], Prepared]:
    raise SetupError(
        "a dry run at Polymarket signs by the rules of its outcomes, which only the venue knows: "
        "name it, as in --url http://127.0.0.1:8300"
    )


VENUE: Final = VenueKind(
    capabilities=CAPABILITIES,
    key_words=("ADDRESS", "PRIVATE_KEY"),
    addresses_of=Addresses.of,
    connect=Connection,
    preparer=_preparer,
    rehearsed=RehearsedOrder(
        symbol="56629556706897303341926768712947654158805914699391960344378387736998624325359",
        qty_1e8=5 * ONE_1E8,
        limit_1e8=ONE_1E8 // 10,
        refused={"qty_1e8": 10_000_000 * ONE_1E8},  # more than the wallet has
    ),
    resolutions=Connection.resolutions,
    prices=Connection.prices,
)
