"""Putting one Alpaca account together: addresses, connections, and the checks before the start."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from brokers.alpaca.data import Encoding, MarketStream
from brokers.alpaca.orders import CAPABILITIES
from brokers.alpaca.rest import CALL_ERRORS, Rest
from brokers.alpaca.venue import AlpacaVenue
from brokers.alpaca.words import Asset, time_ns
from brokers.backoff import Backoff
from brokers.credentials import Credentials
from brokers.http import ANSWER_WAIT_S, Channel, Endpoint
from brokers.limiter import Limiter
from trading.errors import SafetyRefusedError

ORDER_LINKS: Final = 32
READ_LINKS: Final = 8
CLOCK_OFFSET_MAX_NS: Final = 100_000_000  # MD-3
ONE_1E8: Final = 100_000_000
_WEBSOCKET: Final = {"http": "ws", "https": "wss"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the three parts of the venue are."""

    trading: Endpoint
    order_stream: str
    market_stream: str

    @classmethod
    def of(cls, url: str, *, feed: str = "iex") -> "Addresses":
        """From one address that serves everything, as the simulator does.

        Raises:
            SafetyRefusedError: It is not on this machine.
            SetupError: It is no address.
        """
        trading = Endpoint.of(url)
        if not trading.is_loopback:
            raise SafetyRefusedError(
                f"{trading.host} is not on this machine: until this version has passed the "
                "execution suite at a venue and LIVE is armed, orders go to a venue on loopback "
                "only (BR-7, BR-9); start one with `holdfast venue alpaca`"
            )
        base = f"{_WEBSOCKET[trading.scheme]}://{trading.netloc}{trading.prefix}"
        return cls(
            trading=trading,
            order_stream=f"{base}/stream",
            market_stream=f"{base}/v2/{feed}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What makes one account's ways to the venue.

    Attributes:
        addresses: Where it is.
        credentials: Keys.
        now_ns: The lane's clock.
        mono_ns: A clock that only goes forward, for the limiter.
        seed: Of the waits between two connections.
        calls_per_minute: What the venue allows this key.
        answer_wait_s: After this an exchange is unanswered (EX-6).
        flight_max_ns: The longest an order may be under way and still be booked (EX-6).
    """

    addresses: Addresses
    credentials: Credentials
    now_ns: Callable[[], int]
    mono_ns: Callable[[], int]
    seed: int = 0
    calls_per_minute: int = CAPABILITIES.calls_per_minute
    answer_wait_s: float = ANSWER_WAIT_S
    flight_max_ns: int = CAPABILITIES.flight_max_ns

    def venue(self) -> AlpacaVenue:
        """Orders and questions, not connected yet."""
        limiter = Limiter(self.calls_per_minute, self.mono_ns)
        headers = {
            "apca-api-key-id": self.credentials.key,
            "apca-api-secret-key": self.credentials.secret,
        }

        def channel(links_max: int) -> Channel:
            endpoint = self.addresses.trading
            return Channel(endpoint=endpoint, headers=headers, limiter=limiter, links_max=links_max)

        rest = Rest(
            orders=channel(ORDER_LINKS),
            reads=channel(READ_LINKS),
            limiter=limiter,
            now_ns=self.now_ns,
            calls={},
        )
        return AlpacaVenue(
            rest,
            stream_url=self.addresses.order_stream,
            credentials=self.credentials,
            backoff=Backoff(seed=f"{self.seed} order stream"),
            capabilities=replace(CAPABILITIES, flight_max_ns=self.flight_max_ns),
        )

    def market(
        self, symbols: Sequence[str], channels: Sequence[str], *, encoding: Encoding = "msgpack"
    ) -> MarketStream:
        """Market data, not connected yet."""
        return MarketStream(
            url=self.addresses.market_stream,
            credentials=self.credentials,
            symbols=symbols,
            channels=channels,
            now_ns=self.now_ns,
            backoff=Backoff(seed=f"{self.seed} market stream"),
            encoding=encoding,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at before the start; `cure` says what to do when it is not ok."""

    name: str
    is_ok: bool
    found: str
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An instrument as it is configured."""

    symbol: str
    lot_1e8: int


async def clock_offset_ns(rest: Rest) -> int:
    """By how much the venue's clock is ahead of ours, half of the exchange taken off.

    Raises:
        Exception: One of `rest.CALL_ERRORS`.
    """
    before_ns = rest.now_ns()
    clock = await rest.clock()
    after_ns = rest.now_ns()
    return time_ns(clock.timestamp, "clock.timestamp") - (before_ns + after_ns) // 2


async def checks(rest: Rest, wanted: Sequence[Wanted]) -> list[Check]:
    """Keys, account, clock and instruments as the venue sees them (BR-5); never raises."""
    try:
        account = await rest.account()
    except CALL_ERRORS as error:
        cure = "start the venue, or set the right keys (HOLDFAST_ALPACA_KEY, ..._SECRET)"
        return [Check(name="account", is_ok=False, found=str(error), cure=cure)]
    blocked = account.blocked_by()
    found = [
        Check(
            name="account",
            is_ok=not blocked,
            found=", ".join(blocked) or f"active, equity {account.equity}",
            cure="have the venue unblock the account",
        ),
        await _clock_check(rest),
    ]
    return found + [await _asset_check(rest, each) for each in wanted]


async def _clock_check(rest: Rest) -> Check:
    cure = "synchronise this machine's clock (NTP); nothing is traded beyond 100 ms (MD-3)"
    try:
        offset_ns = await clock_offset_ns(rest)
    except CALL_ERRORS as error:
        return Check(name="clock", is_ok=False, found=str(error), cure=cure)
    is_ok = abs(offset_ns) <= CLOCK_OFFSET_MAX_NS
    found = f"the venue's clock is {offset_ns / 1e6:+.1f} ms from ours"
    return Check(name="clock", is_ok=is_ok, found=found, cure=cure)


async def _asset_check(rest: Rest, wanted: Wanted) -> Check:
    name = f"instrument {wanted.symbol}"
    cure = "correct [[instruments]] in the configuration"
    try:
        asset = await rest.asset(wanted.symbol)
    except CALL_ERRORS as error:
        return Check(name=name, is_ok=False, found=str(error), cure=cure)
    if asset is None:
        return Check(name=name, is_ok=False, found="the venue does not know it", cure=cure)
    wrong = _wrong_with(asset, wanted)
    return Check(name=name, is_ok=not wrong, found=wrong or "tradable", cure=cure)


def _wrong_with(asset: Asset, wanted: Wanted) -> str:
    if asset.symbol != wanted.symbol:
        return f"the venue calls it {asset.symbol}"
    if asset.status != "active" or not asset.tradable:
        return f"it is {asset.status} and {'' if asset.tradable else 'not '}tradable"
    if wanted.lot_1e8 % ONE_1E8 and not asset.fractionable:
        return "its lot is a fraction, and the venue trades whole units of it"
    return ""
