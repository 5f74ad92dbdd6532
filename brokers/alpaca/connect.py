"""Putting one Alpaca account together: its addresses and connections."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from brokers.alpaca.data import Encoding, Markets, MarketStream
from brokers.alpaca.orders import CAPABILITIES, is_option, prepare
from brokers.alpaca.probe import AlpacaProbe
from brokers.alpaca.rest import Rest
from brokers.alpaca.venue import AlpacaVenue
from brokers.backoff import Backoff
from brokers.base import Place, Prepared
from brokers.calls import CallEnded, untold
from brokers.http import Endpoint
from brokers.venues import VenueKind, place_of
from brokers.ways import TradingAddress, Ways

ORDER_LINKS: Final = 32
READ_LINKS: Final = 8
HOSTS: Final = {"api.alpaca.markets": Place.LIVE, "paper-api.alpaca.markets": Place.SANDBOX}
DATA_URL: Final = "https://data.alpaca.markets"
DATA_STREAM_HOST: Final = "stream.data.alpaca.markets"
_WEBSOCKET: Final = {"http": "ws", "https": "wss"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses(TradingAddress):
    """Where the parts of the venue are, and what an order there means."""

    data: Endpoint
    order_stream: str
    market_stream: str
    options_stream: str

    @classmethod
    def of(cls, url: str, *, feed: str = "iex", options_feed: str = "indicative") -> "Addresses":
        """From the trading address; a simulator serves everything there.

        Keys of the sandbox (paper-api) take their market from the live data host, as the broker's
        own library does.

        Raises:
            SafetyRefusedError: No venue that is known: see `brokers.venues.place_of`.
            SetupError: It is no address.
        """
        trading = Endpoint.of(url)
        place = place_of(trading, CAPABILITIES.venue, HOSTS)
        base = f"{_WEBSOCKET[trading.scheme]}://{trading.netloc}{trading.prefix}"
        is_simulated = place is Place.SIMULATOR
        streams = base if is_simulated else f"wss://{DATA_STREAM_HOST}"
        return cls(
            trading=trading,
            data=trading if is_simulated else Endpoint.of(DATA_URL),
            order_stream=f"{base}/stream",
            market_stream=f"{streams}/v2/{feed}",
            options_stream=f"{streams}/v1beta1/{options_feed}",
            place=place,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection(Ways):
    """What makes one account's ways to the venue.

    Attributes:
        addresses: Where it is.
        calls_per_minute: What the venue allows this key.
        flight_max_ns: The longest an order may be under way and still be booked (EX-6).
    """

    addresses: Addresses
    calls_per_minute: int = CAPABILITIES.calls_per_minute
    flight_max_ns: int = CAPABILITIES.flight_max_ns

    def probe(self) -> AlpacaProbe:
        """Questions before the start, not connected yet."""
        return AlpacaProbe(self._rest())

    def venue(self, ended: Callable[[CallEnded], None] = untold) -> AlpacaVenue:
        """Orders and questions, not connected yet; `ended` is told how each call went."""
        return AlpacaVenue(
            self._rest(ended),
            stream_url=self.addresses.order_stream,
            credentials=self.credentials,
            backoff=Backoff(seed=f"{self.seed} order stream"),
            capabilities=replace(CAPABILITIES, flight_max_ns=self.flight_max_ns),
        )

    def _rest(self, ended: Callable[[CallEnded], None] = untold) -> Rest:
        where = self.addresses
        limiter = self.limiter(self.calls_per_minute)
        is_one_host = where.data == where.trading
        of_data = limiter if is_one_host else self.limiter(self.calls_per_minute)
        headers = {
            "apca-api-key-id": self.credentials.key,
            "apca-api-secret-key": self.credentials.secret,
        }

        return Rest(
            orders=self.channel(where.trading, headers, limiter, ORDER_LINKS),
            reads=self.channel(where.trading, headers, limiter, READ_LINKS),
            data=self.channel(where.data, headers, of_data, READ_LINKS),
            now_ns=self.now_ns,
            calls={},
            ended=ended,
        )

    def market(
        self, symbols: Sequence[str], channels: Sequence[str], *, encoding: Encoding = "msgpack"
    ) -> Markets:
        """Market data, not connected yet; `encoding` is that of shares."""
        where = self.addresses
        contracts = [each for each in symbols if is_option(each)]
        shares = [each for each in symbols if not is_option(each)]

        def stream(url: str, wanted: Sequence[str], encoding: Encoding) -> MarketStream:
            return MarketStream(
                url=url,
                credentials=self.credentials,
                symbols=wanted,
                channels=channels,
                now_ns=self.now_ns,
                backoff=Backoff(seed=f"{self.seed} market stream"),
                encoding=encoding,
            )

        streams = [stream(where.market_stream, shares, encoding)] if shares else []
        if contracts:
            streams.append(stream(where.options_stream, contracts, "msgpack"))
        return Markets(streams=streams)

    def preparer(self) -> Callable[[bytes], Prepared]:
        """For DRY_RUN: pure, as its requests need nothing of the venue."""
        return prepare


VENUE: Final = VenueKind(
    capabilities=CAPABILITIES,
    key_words=("KEY", "SECRET"),
    addresses_of=Addresses.of,
    connect=Connection,
    preparer=lambda _: prepare,
)
