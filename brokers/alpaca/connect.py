"""Putting one Alpaca account together: addresses, connections, and the checks before the start."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from brokers.alpaca.data import Encoding, MarketNews, MarketStream
from brokers.alpaca.orders import CAPABILITIES
from brokers.alpaca.rest import CALL_ERRORS, Rest
from brokers.alpaca.venue import AlpacaVenue
from brokers.alpaca.words import Asset, amount_1e8, time_ns
from brokers.backoff import Backoff
from brokers.base import Check, Place, StreamDown
from brokers.credentials import Credentials
from brokers.http import ANSWER_WAIT_S, Channel, Endpoint
from brokers.limiter import Limiter
from brokers.offset import Offset, of_date, of_stamp
from trading.errors import SafetyRefusedError
from trading.money import show_1e8

ORDER_LINKS: Final = 32
READ_LINKS: Final = 8
CLOCK_OFFSET_MAX_NS: Final = 100_000_000  # MD-3
MARKET_WAIT_S: Final = 10.0
ONE_1E8: Final = 100_000_000
HOSTS: Final = {"api.alpaca.markets": Place.LIVE, "paper-api.alpaca.markets": Place.SANDBOX}
DATA_STREAM_HOST: Final = "stream.data.alpaca.markets"
_WEBSOCKET: Final = {"http": "ws", "https": "wss"}


def place_of(endpoint: Endpoint) -> Place:
    """Which kind of venue answers there; pure, nothing is contacted.

    Raises:
        SafetyRefusedError: It is neither on this machine nor one of Alpaca's trading hosts, or one
            of those in another way than by HTTPS at its root.
    """
    if endpoint.is_loopback:
        return Place.SIMULATOR
    place = HOSTS.get(endpoint.host)
    if place is None:
        raise SafetyRefusedError(
            f"{endpoint.host} is neither on this machine nor one of Alpaca's trading hosts "
            f"({', '.join(HOSTS)}): no order and no key goes there; nothing was started (BR-9)"
        )
    if endpoint.url != f"https://{endpoint.host}":
        raise SafetyRefusedError(
            f"{endpoint.host} is reached at https://{endpoint.host} only, was {endpoint.url}; "
            "nothing was started (BR-9)"
        )
    return place


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the three parts of the venue are, and what an order there means."""

    trading: Endpoint
    order_stream: str
    market_stream: str
    place: Place

    @classmethod
    def of(cls, url: str, *, feed: str = "iex") -> "Addresses":
        """From the trading address; a simulator serves everything there.

        Keys of the sandbox (paper-api) take their market from the live data host, as the broker's
        own library does.

        Raises:
            SafetyRefusedError: No venue that is known: see `place_of`.
            SetupError: It is no address.
        """
        trading = Endpoint.of(url)
        place = place_of(trading)
        base = f"{_WEBSOCKET[trading.scheme]}://{trading.netloc}{trading.prefix}"
        data = base if place is Place.SIMULATOR else f"wss://{DATA_STREAM_HOST}"
        return cls(
            trading=trading,
            order_stream=f"{base}/stream",
            market_stream=f"{data}/v2/{feed}",
            place=place,
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
class Wanted:
    """An instrument as it is configured."""

    symbol: str
    lot_1e8: int


async def clock_offset(rest: Rest) -> Offset:
    """The venue's clock less ours, from its clock and from the Date header of its answer.

    Raises:
        Exception: One of `rest.CALL_ERRORS`.
    """
    before_ns = rest.now_ns()
    clock, date = await rest.clock()
    after_ns = rest.now_ns()
    stamp_ns = time_ns(clock.timestamp, "clock.timestamp")
    found = of_stamp(stamp_ns, before_ns=before_ns, after_ns=after_ns)
    dated = of_date(date, before_ns=before_ns, after_ns=after_ns)
    return found if dated is None else dated.narrowed(found)


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
            found=f"{account.account_number} {', '.join(blocked) or 'active'}, "
            f"equity {account.equity}",
            cure="have the venue unblock the account",
        ),
        await _clock_check(rest),
    ]
    return found + [await _asset_check(rest, each) for each in wanted]


async def account_number(rest: Rest) -> str:
    """The number that the venue shows people for the account of these keys; empty when unknown."""
    try:
        return (await rest.account()).account_number
    except CALL_ERRORS:
        return ""


async def real_checks(rest: Rest, capital_1e8: int) -> list[Check]:
    """What a venue that is real must be besides: its money there, its book empty; never raises.

    Args:
        rest: The way to it.
        capital_1e8: What the configuration says the account has.
    """
    try:
        account = await rest.account()
        orders, positions = await rest.open_orders(), await rest.positions()
        equity_1e8 = amount_1e8(account.equity, "account.equity")
    except CALL_ERRORS as error:
        cure = "try again; nothing is traded while the venue does not say what it holds"
        return [Check(name="balance", is_ok=False, found=str(error), cure=cure)]
    return [
        Check(
            name="balance",
            is_ok=equity_1e8 >= capital_1e8,
            found=f"equity {show_1e8(equity_1e8)}, configured {show_1e8(capital_1e8)}",
            cure="lower [account] capital_usd to what is there",
        ),
        Check(
            name="book",
            is_ok=not orders and not positions,
            found=f"{len(orders)} orders and {len(positions)} positions at the venue",
            cure="a new run starts flat: close what is there, or go on with its run by --recover",
        ),
    ]


async def market_check(market: MarketStream) -> Check:
    """Whether the market stream lets us in and takes the subscription; never raises."""
    cure = "see the venue's plan: keys, symbols and connections that it allows"
    news: asyncio.Queue[MarketNews] = asyncio.Queue()
    following = asyncio.create_task(market.follow(news.put_nowait))
    try:
        async with asyncio.timeout(MARKET_WAIT_S):
            first = await news.get()
    except TimeoutError:
        return Check(name="market data", is_ok=False, found="no answer", cure=cure)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    if isinstance(first, StreamDown):
        return Check(name="market data", is_ok=False, found=first.cause, cure=cure)
    return Check(name="market data", is_ok=True, found="subscribed")


async def _clock_check(rest: Rest) -> Check:
    cure = "synchronise this machine's clock (NTP); nothing is traded beyond 100 ms (MD-3)"
    try:
        offset = await clock_offset(rest)
    except CALL_ERRORS as error:
        return Check(name="clock", is_ok=False, found=str(error), cure=cure)
    return Check(
        name="clock",
        is_ok=not offset.is_beyond(CLOCK_OFFSET_MAX_NS),
        found=f"the venue's clock is {offset} from ours",
        cure=cure,
    )


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
