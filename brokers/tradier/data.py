"""Tradier's market stream: quotes in numbers, prints in text; a session by REST before (MD-9).

Prints are read from `timesale`, which numbers them and says which are corrections; `trade` and
`tradex` would tell the same once more. What came late, twice, or cannot be read is counted and
left out, and never ends the stream. Nothing is replayed after a reconnection.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import aiohttp
import msgspec

from brokers import following
from brokers.backoff import Backoff
from brokers.base import StreamUp
from brokers.calls import CALL_ERRORS
from brokers.following import StreamError
from brokers.http_wire import BODY_BYTES_MAX
from brokers.tradier.rest import Rest
from brokers.venues import MarketNews
from trading.market import Aggressor, Quote, TradePrint

NAME: Final = "tradier market data"
KINDS: Final = {"quotes": "quote", "trades": "timesale"}
_HEARTBEAT_S: Final = 10.0
_REFUSAL_S: Final = 1.0
"""A session that is refused ends within this; a quiet market says nothing for longer."""
_MAX_PRICE: Final = 9e10
_NS_PER_MS: Final = 1_000_000


def _number_1e8(value: object) -> int:
    """A number, or the text of one, at 1e-8; display prices have few digits: rounding is exact."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError("a number was expected")
    found = float(value)
    if not math.isfinite(found) or not 0 <= found < _MAX_PRICE:
        raise ValueError("a finite number, not below zero, was expected")
    return round(found * 1e8)


def _stamp_ns(value: object) -> int:
    """Milliseconds as text, or as a number."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("milliseconds were expected")
    found = int(value)
    if not 0 < found < 2**43:
        raise ValueError("milliseconds of this age were expected")
    return found * _NS_PER_MS


def _symbol(event: dict[str, Any]) -> str:
    symbol = event["symbol"]
    if not isinstance(symbol, str) or not symbol:
        raise TypeError("a symbol was expected")
    return symbol


def quote_of(event: dict[str, Any], received_ns: int) -> Quote:
    """A quote; sizes are the venue's own units.

    Raises:
        KeyError, TypeError, ValueError: It is none, or one side is empty.
    """
    bid_1e8, ask_1e8 = _number_1e8(event["bid"]), _number_1e8(event["ask"])
    if bid_1e8 == 0 or ask_1e8 == 0:
        raise ValueError("a quote with an empty side is no price")
    return Quote(
        instrument=_symbol(event),
        bid_1e8=bid_1e8,
        ask_1e8=ask_1e8,
        bid_size_1e8=_number_1e8(event.get("bidsz", 0)),
        ask_size_1e8=_number_1e8(event.get("asksz", 0)),
        at_ns=received_ns,
        source_ns=max(_stamp_ns(event["biddate"]), _stamp_ns(event["askdate"])),
        is_crossed=bid_1e8 > ask_1e8,
    )


def print_of(event: dict[str, Any], received_ns: int) -> TradePrint:
    """A print of `timesale`.

    Raises:
        KeyError, TypeError, ValueError: It is none, or takes another one back.
    """
    if event.get("cancel") or event.get("correction"):
        raise ValueError("it corrects a print that was told before")
    number = event.get("seq", 0)
    return TradePrint(
        instrument=_symbol(event),
        price_1e8=_number_1e8(event["last"]),
        size_1e8=_number_1e8(event["size"]),
        aggressor=Aggressor.NONE,
        at_ns=received_ns,
        source_ns=_stamp_ns(event["date"]),
        trade_id=number if isinstance(number, int) else 0,
    )


_MAKERS: Final[dict[str, Callable[[dict[str, Any], int], Quote | TradePrint]]] = {
    "quote": quote_of,
    "timesale": print_of,
}


@dataclass(slots=True, kw_only=True)
class MarketStream:
    """One connection to the market's events, kept up for ever.

    Attributes:
        rest: Gives the session.
        symbols: What is subscribed to.
        channels: quotes, trades.
        now_ns: The lane's clock, for the time of receipt.
        backoff: Between two connections.
        left_out: Events that were left out so far, by kind and why.
    """

    rest: Rest = field(repr=False)
    symbols: Sequence[str]
    channels: Sequence[str] = ("quotes", "trades")
    now_ns: Callable[[], int]
    backoff: Backoff
    left_out: dict[str, int] = field(default_factory=dict)
    _newest: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    async def follow(self, hear: Callable[[MarketNews], None]) -> None:
        """Follow the stream until cancelled; each loss and each return is told."""
        try:
            async with aiohttp.ClientSession() as session:
                once = partial(self._once, session, hear)
                await following.follow(NAME, once, hear, self.backoff, CALL_ERRORS)
        finally:
            self.rest.close()

    async def _once(
        self, session: aiohttp.ClientSession, hear: Callable[[MarketNews], None]
    ) -> None:
        key = await self.rest.session("markets")
        asked = {
            "symbols": list(self.symbols),
            "sessionid": key.sessionid,
            "filter": [KINDS[channel] for channel in self.channels],
            "linebreak": True,
            "validOnly": True,
            "advancedDetails": True,
        }
        async with session.ws_connect(
            key.url, heartbeat=_HEARTBEAT_S, max_msg_size=BODY_BYTES_MAX
        ) as socket:
            await socket.send_str(msgspec.json.encode(asked).decode())
            first: list[Quote | TradePrint] = []
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REFUSAL_S):
                    first = self.ticks_of(_text(await socket.receive()))
            self.backoff.reset()
            hear(StreamUp(stream=NAME))
            for tick in first:
                hear(tick)
            async for message in socket:
                for tick in self.ticks_of(_text(message)):
                    hear(tick)

    def ticks_of(self, frame: bytes | str) -> list[Quote | TradePrint]:
        """The market's messages of one frame, one a line.

        Raises:
            StreamError: A line is no object, or the venue ends the session.
        """
        received_ns = self.now_ns()
        lines = frame.split(b"\n" if isinstance(frame, bytes) else "\n")  # type: ignore[arg-type]
        events = [_event(line) for line in lines if line.strip()]
        return [tick for each in events if (tick := self._tick(each, received_ns)) is not None]

    def _tick(self, event: dict[str, Any], received_ns: int) -> Quote | TradePrint | None:
        kind = event.get("type")
        make = _MAKERS.get(kind) if isinstance(kind, str) else None
        if make is None:
            return None
        try:
            tick = make(event, received_ns)
        except (KeyError, TypeError, ValueError, OverflowError):
            self._leave_out(f"{kind} unread")
            return None
        number = tick.trade_id if isinstance(tick, TradePrint) else 0
        place, newest = (tick.instrument, str(kind)), (tick.source_ns, number)
        before = self._newest.get(place, (0, -1))
        if newest < before or (number and newest == before):
            self._leave_out(f"{kind} late")
            return None
        self._newest[place] = newest
        return tick

    def _leave_out(self, why: str) -> None:
        self.left_out[why] = self.left_out.get(why, 0) + 1


def _text(message: aiohttp.WSMessage) -> bytes | str:
    if message.type not in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
        raise StreamError("the stream ended")
    found: bytes | str = message.data
    return found


def _event(line: bytes | str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise StreamError("a frame cannot be read") from None
    if not isinstance(found, dict):
        raise StreamError("each line must be an object")
    if "error" in found:
        raise StreamError("the venue refuses the session")
    return found
