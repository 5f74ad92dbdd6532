"""The venues of this version, by name: the one table that says how each is reached (BR-1).

Nothing else knows a venue by its name. A new one is a `VENUE` in `brokers/NAME/connect.py` and its
line in `_MODULES`; its variables stand in `trading.config_reader.KNOWN_VARIABLES`, its simulator in
`console.venue.SIMULATED`, its page in docs/how-to/NAME.md.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Protocol

from brokers.base import Capabilities, Check, Place, Prepared, StreamDown, StreamUp, Venue
from brokers.calls import CallEnded, untold
from brokers.credentials import Credentials, find
from brokers.http import ANSWER_WAIT_S, Endpoint
from brokers.offset import Offset
from brokers.prices import PriceSource
from trading.errors import SafetyRefusedError
from trading.market import Bar, Quote, TradePrint

_MODULES: Final = {
    "alpaca": "brokers.alpaca.connect",
    "polymarket": "brokers.polymarket.connect",
    "tradier": "brokers.tradier.connect",
}
MarketNews = Quote | TradePrint | Bar | StreamUp | StreamDown


class Addresses(Protocol):
    """Where a venue is, and whose money an order there moves."""

    @property
    def url(self) -> str:
        """Its trading address."""

    @property
    def place(self) -> Place:
        """Simulator, sandbox or a real account."""


class MarketStream(Protocol):
    """A venue's market data."""

    async def follow(self, hear: Callable[[MarketNews], None]) -> None:
        """Follow it until cancelled; each loss and each return is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An instrument as it is configured."""

    symbol: str
    lot_1e8: int


class Probe(Protocol):
    """What a venue is asked before the start and beside a run, over connections of its own."""

    async def clock_offset(self) -> Offset:
        """The venue's clock less ours; raises one of `brokers.calls.CALL_ERRORS`."""

    async def checks(self, wanted: Sequence[Wanted]) -> list[Check]:
        """Keys, account, clock and instruments as the venue sees them (BR-5); never raises."""

    async def account_number(self) -> str:
        """The number that the venue shows people for the account; empty when unknown."""

    async def real_checks(self, capital_1e8: int) -> list[Check]:
        """What a venue that is real must be besides: its money there, its book empty."""

    async def close(self) -> None:
        """Let every connection go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What the market of an instrument was decided to be worth (MD-8).

    Attributes:
        instrument: The outcome.
        market: The venue's name of its market.
        worth_1e8: What one pays at 1e-8.
        doubts: What else the venue says that contradicts it; empty where all agrees.
    """

    instrument: str
    market: str
    worth_1e8: int
    doubts: tuple[str, ...] = ()


class Resolutions(Protocol):
    """Asks which markets were decided."""

    async def ask(self) -> Sequence[Resolution]:
        """Those that were decided since the last question; raises one of `CALL_ERRORS`."""

    def close(self) -> None:
        """Let every connection go."""


class Connection(Protocol):
    """What makes one account's ways to a venue."""

    @property
    def addresses(self) -> Addresses:
        """Where it is."""

    @property
    def now_ns(self) -> Callable[[], int]:
        """The lane's clock."""

    @property
    def flight_max_ns(self) -> int:
        """The longest an order may be under way and still be booked (EX-6)."""

    def venue(self, ended: Callable[[CallEnded], None] = untold) -> Venue:
        """Orders and questions, not connected yet; `ended` is told how each call went."""

    def probe(self) -> Probe:
        """Questions before the start, not connected yet."""

    def market(self, symbols: Sequence[str], channels: Sequence[str]) -> MarketStream:
        """Market data, not connected yet; channels are quotes, trades."""

    def preparer(self) -> Callable[[bytes], Prepared]:
        """For DRY_RUN: what makes its requests, by what the venue said of its instruments.

        What they come to is journaled, so that no key stands in them (BR-4).
        """


class Connect(Protocol):
    """Puts a connection together; nothing is contacted."""

    def __call__(  # noqa: PLR0913 - each belongs to a connection
        self,
        *,
        addresses: Any,
        credentials: Credentials,
        now_ns: Callable[[], int],
        mono_ns: Callable[[], int],
        seed: int = 0,
        calls_per_minute: int = ...,
        answer_wait_s: float = ANSWER_WAIT_S,
        flight_max_ns: int = ...,
    ) -> Connection:
        """See `Connection` of the venue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedOrder:
    """An order that rests at the venue's simulator, where nothing trades (BR-9).

    Attributes:
        symbol: What it is of; the simulator always lists it.
        qty_1e8: How much.
        limit_1e8: At which price.
        refused: What is changed of it so that the venue refuses it.
    """

    symbol: str
    qty_1e8: int
    limit_1e8: int
    refused: Mapping[str, str | int]


SHARES: Final = RehearsedOrder(
    symbol="SPY",
    qty_1e8=100_000_000,
    limit_1e8=100_000_000,
    refused={"instrument": "NOTLISTED"},
)
"""A share, for a dollar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueKind:
    """How one venue is reached.

    Attributes:
        capabilities: What it offers.
        key_words: What its two credentials are called: HOLDFAST_NAME_ and each of these words are
            the variables; in a private file the first stands on the first line.
        addresses_of: Where it is, from its trading address; pure (raises SafetyRefusedError,
            SetupError).
        connect: Makes a connection.
        preparer: For DRY_RUN over a recording, where nobody is asked: what makes its requests, for
            the account of the first credential (raises SetupError where that cannot be).
        rehearsed: The order that it is rehearsed with.
        resolutions: Where markets end: what asks for their ends.
        prices: Where there are binary windows: what knows them and their prices (MD-10).
    """

    capabilities: Capabilities
    key_words: tuple[str, str]
    addresses_of: Callable[[str], Addresses]
    connect: Connect
    preparer: Callable[[str], Callable[[bytes], Prepared]]
    rehearsed: RehearsedOrder = SHARES
    resolutions: Callable[[Any], Resolutions] | None = None
    prices: Callable[[Any], PriceSource] | None = None

    @property
    def name(self) -> str:
        """As it is typed."""
        return self.capabilities.venue

    def credentials(self, environment: Mapping[str, str]) -> Credentials:
        """Its keys (raises SetupError where there are none)."""
        return find(self.name, self.key_words, environment)

    @property
    def how_to(self) -> str:
        """The page that a person follows."""
        return f"docs/how-to/{self.name}.md"


def names() -> tuple[str, ...]:
    """Every venue outside; nothing is imported."""
    return tuple(_MODULES)


def venue_kind(name: str) -> VenueKind:
    """The venue of that name, which must be one of `names()`."""
    found: VenueKind = import_module(_MODULES[name]).VENUE
    return found


def place_of(endpoint: Endpoint, venue: str, hosts: Mapping[str, Place]) -> Place:
    """Which kind of venue answers there; pure, nothing is contacted.

    Raises:
        SafetyRefusedError: It is neither on this machine nor one of the venue's trading hosts, or
            one of those in another way than by HTTPS at its root.
    """
    if endpoint.is_loopback:
        return Place.SIMULATOR
    place = hosts.get(endpoint.host)
    if place is None:
        raise SafetyRefusedError(
            f"{endpoint.host} is neither on this machine nor one of {venue.title()}'s trading "
            f"hosts ({', '.join(hosts)}): no order and no key goes there; nothing was started "
            "(BR-9)"
        )
    if endpoint.url != f"https://{endpoint.host}":
        raise SafetyRefusedError(
            f"{endpoint.host} is reached at https://{endpoint.host} only, was {endpoint.url}; "
            "nothing was started (BR-9)"
        )
    return place
