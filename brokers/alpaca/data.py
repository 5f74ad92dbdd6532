"""Alpaca's market data streams: quotes, trades and minute bars, in JSON or msgpack (MD-9).

Shares and options have streams of their own, and that of options speaks msgpack alone. Each frame
is an array of messages. Prices and sizes come as floats; what is not finite, crossed beyond
reading, or of another type is counted and left out, and never ends the stream.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal

import aiohttp
import msgspec

from brokers import following
from brokers.alpaca.words import time_ns
from brokers.backoff import Backoff
from brokers.base import StreamDown, StreamUp
from brokers.credentials import Credentials
from brokers.following import StreamError
from brokers.http_wire import BODY_BYTES_MAX
from brokers.reading import MalformedError
from brokers.venues import MarketNews
from trading.market import Aggressor, Bar, Quote, TradePrint

NAME: Final = "alpaca market data"
BAR_NS: Final = 60_000_000_000
_SIGN_IN_S: Final = 5.0
_HEARTBEAT_S: Final = 10.0
_MAX_PRICE: Final = 9e10
_TRADE_ID_END: Final = 2**63
_TIME_END_NS: Final = 2**62
Encoding = Literal["json", "msgpack"]
Tick = Quote | TradePrint | Bar


def ticks_of(
    messages: Sequence[Any], received_ns: int, unread: Callable[[str], None]
) -> list[Tick]:
    """The market messages of one frame; what cannot be read is told to `unread`, by its kind."""
    found: list[Tick] = []
    for message in messages:
        kind = message.get("T") if isinstance(message, dict) else None
        make = _MAKERS.get(kind) if isinstance(kind, str) else None
        if make is None:
            continue
        try:
            found.append(make(message, received_ns))
        except (KeyError, TypeError, ValueError, OverflowError, MalformedError):
            unread(str(kind))
    return found


def frame_of(body: bytes | str, *, is_packed: bool) -> list[Any]:
    """The messages of a frame, whatever they are; what comes as text is JSON in any case.

    Raises:
        StreamError: It is no array, or cannot be read.
    """
    try:
        if is_packed and isinstance(body, bytes):
            found = msgspec.msgpack.decode(body)
        else:
            found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError, ValueError):
        raise StreamError("a frame cannot be read") from None  # a map may be a map's key
    if not isinstance(found, list):
        raise StreamError("a frame must be an array")
    return found


def _number_1e8(value: object) -> int:
    """A float or an integer at 1e-8; a display price has few digits, so rounding restores it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a number was expected")
    if not math.isfinite(value) or not 0 <= value < _MAX_PRICE:
        raise ValueError("a finite number, not below zero, was expected")
    return round(value * 1e8)


def _stamp_ns(value: object) -> int:
    if isinstance(value, str):
        found_ns = time_ns(value)
    elif isinstance(value, datetime):
        found_ns = int(value.timestamp()) * 1_000_000_000 + value.microsecond * 1_000
    else:
        raise TypeError("a time was expected")
    if not 0 <= found_ns < _TIME_END_NS:
        raise ValueError("a time of this age was expected")
    return found_ns


def _symbol(message: dict[str, Any]) -> str:
    symbol = message["S"]
    if not isinstance(symbol, str) or not symbol:
        raise TypeError("a symbol was expected")
    return symbol


def _quote(message: dict[str, Any], received_ns: int) -> Quote:
    bid_1e8, ask_1e8 = _number_1e8(message["bp"]), _number_1e8(message["ap"])
    if bid_1e8 == 0 or ask_1e8 == 0:
        raise ValueError("a quote with an empty side is no price")
    return Quote(
        instrument=_symbol(message),
        bid_1e8=bid_1e8,
        ask_1e8=ask_1e8,
        bid_size_1e8=_number_1e8(message.get("bs", 0)),
        ask_size_1e8=_number_1e8(message.get("as", 0)),
        at_ns=received_ns,
        source_ns=_stamp_ns(message["t"]),
        is_crossed=bid_1e8 > ask_1e8,
    )


def _trade(message: dict[str, Any], received_ns: int) -> TradePrint:
    trade_id = message.get("i", 0)
    return TradePrint(
        instrument=_symbol(message),
        price_1e8=_number_1e8(message["p"]),
        size_1e8=_number_1e8(message["s"]),
        aggressor=Aggressor.NONE,
        at_ns=received_ns,
        source_ns=_stamp_ns(message["t"]),
        trade_id=trade_id if isinstance(trade_id, int) and 0 <= trade_id < _TRADE_ID_END else 0,
    )


def _bar(message: dict[str, Any], received_ns: int) -> Bar:
    start_ns = _stamp_ns(message["t"])
    opened, high, low, close = (_number_1e8(message[name]) for name in ("o", "h", "l", "c"))
    if not 0 < low <= min(opened, close) <= max(opened, close) <= high:
        raise ValueError("the prices of a bar contradict each other")
    return Bar(
        instrument=_symbol(message),
        open_1e8=opened,
        high_1e8=high,
        low_1e8=low,
        close_1e8=close,
        volume_1e8=_number_1e8(message["v"]),
        at_ns=max(received_ns, start_ns + BAR_NS),
        source_ns=start_ns,
    )


_MAKERS: Final[dict[str, Callable[[dict[str, Any], int], Tick]]] = {
    "q": _quote,
    "t": _trade,
    "b": _bar,
}


@dataclass(slots=True, kw_only=True)
class MarketStream:
    """One connection to the market data stream, kept up for ever.

    Attributes:
        url: Full address, such as wss://stream.data.alpaca.markets/v2/iex.
        credentials: Keys.
        symbols: What is subscribed to: quotes, and trades or bars.
        channels: Names of the channels: quotes, trades, bars.
        now_ns: The lane's clock, for the time of receipt.
        backoff: Between two connections.
        encoding: json or msgpack.
        unread: Messages that could not be read so far, by kind.
    """

    url: str
    credentials: Credentials = field(repr=False)
    symbols: Sequence[str]
    channels: Sequence[str] = ("quotes", "bars")
    now_ns: Callable[[], int]
    backoff: Backoff
    encoding: Encoding = "json"
    unread: dict[str, int] = field(default_factory=dict)

    async def follow(self, hear: Callable[[MarketNews], None]) -> None:
        """Follow the stream until cancelled; each loss and each return is told."""
        headers = {"Content-Type": "application/msgpack"} if self.encoding == "msgpack" else {}
        async with aiohttp.ClientSession(headers=headers) as session:
            once = partial(self._once, session, hear)
            await following.follow(NAME, once, hear, self.backoff)

    async def _once(
        self, session: aiohttp.ClientSession, hear: Callable[[MarketNews], None]
    ) -> None:
        async with session.ws_connect(
            self.url, heartbeat=_HEARTBEAT_S, max_msg_size=BODY_BYTES_MAX
        ) as socket:
            async with asyncio.timeout(_SIGN_IN_S):
                await self._sign_in(socket)
            self.backoff.reset()
            hear(StreamUp(stream=NAME))
            async for message in socket:
                for tick in ticks_of(self._decode(message), self.now_ns(), self._unread):
                    hear(tick)

    async def _sign_in(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._expect(await socket.receive(), "success", "connected")
        keys = {"action": "auth", "key": self.credentials.key, "secret": self.credentials.secret}
        await self._send(socket, keys)
        self._expect(await socket.receive(), "success", "authenticated")
        wanted: dict[str, Any] = {"action": "subscribe"}
        wanted |= {channel: list(self.symbols) for channel in self.channels}
        await self._send(socket, wanted)
        self._expect(await socket.receive(), "subscription", None)

    async def _send(self, socket: aiohttp.ClientWebSocketResponse, said: dict[str, Any]) -> None:
        if self.encoding == "msgpack":
            await socket.send_bytes(msgspec.msgpack.encode(said))
        else:
            await socket.send_str(msgspec.json.encode(said).decode())

    def _decode(self, message: aiohttp.WSMessage) -> list[Any]:
        if message.type not in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
            raise StreamError("the stream ended")
        return frame_of(message.data, is_packed=self.encoding == "msgpack")

    def _expect(self, message: aiohttp.WSMessage, kind: str, text: str | None) -> None:
        for each in self._decode(message):
            if not isinstance(each, dict):
                continue
            if each.get("T") == "error":
                code = each.get("code")
                raise StreamError(f"refused with code {code if isinstance(code, int) else '?'}")
            if each.get("T") == kind and text in (None, each.get("msg")):
                return
        raise StreamError(f"expected {text or kind}")

    def _unread(self, kind: str) -> None:
        self.unread[kind] = self.unread.get(kind, 0) + 1


@dataclass(slots=True, kw_only=True)
class Markets:
    """The streams of what is wanted, as one: it is up while all are, and down once one is.

    Attributes:
        streams: One or two; each reconnects by itself.
    """

    streams: Sequence[MarketStream]

    async def follow(self, hear: Callable[[MarketNews], None]) -> None:
        """Follow all of them until cancelled."""
        up: set[int] = set()

        def heard(number: int, news: MarketNews) -> None:
            if isinstance(news, StreamUp):
                up.add(number)
                if len(up) < len(self.streams):
                    return
            elif isinstance(news, StreamDown):
                up.discard(number)
                if len(self.streams) > 1:
                    path = self.streams[number].url.rpartition("/v")[2]
                    news = StreamDown(stream=NAME, cause=f"v{path}: {news.cause}")
            hear(news)

        async with asyncio.TaskGroup() as group:
            for number, stream in enumerate(self.streams):
                group.create_task(stream.follow(partial(heard, number)))
