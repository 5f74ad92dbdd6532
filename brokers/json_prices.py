"""An exchange's prices, as its configuration describes them: JSON over a websocket (MD-10).

Nothing is known of the exchange but where price and time stand in its messages; what has neither
is something else it says, and is left alone.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import msgspec

from brokers.backoff import Backoff
from brokers.base import StreamDown, StreamUp
from brokers.http_wire import BODY_BYTES_MAX
from brokers.prices import FeedName, PriceNews, PriceRole, PriceTick
from brokers.reading import MalformedError, Reader
from trading.config_prices import SpotFeed

_HEARTBEAT_S: Final = 10.0
_CAUSE_MAX: Final = 200
_UNITS: Final = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3), (2**63, 1))
"""Below so much a number counts seconds, then milli-, micro- and nanoseconds."""


class SilentError(Exception):
    """Nothing came for too long."""


@dataclass(slots=True, kw_only=True)
class JsonPriceStream:
    """Implements `brokers.prices.PriceStream` for one configured market.

    Attributes:
        spec: What it is.
        now_ns: The lane's clock, for the time of receipt.
        backoff: Between two connections.
        unread: Messages with a price that could not be read.
    """

    spec: SpotFeed
    now_ns: Callable[[], int]
    backoff: Backoff
    unread: int = 0
    _reader: Reader = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Errors name the exchange."""
        self._reader = Reader(self.spec.name)

    @property
    def stream(self) -> str:
        """The connection's name."""
        return f"{self.spec.name} prices"

    @property
    def feeds(self) -> list[FeedName]:
        """One."""
        spec, role = self.spec, PriceRole.SPOT
        return [FeedName(feed=spec.name, asset=spec.asset, role=role, stream=self.stream)]

    async def follow(self, hear: Callable[[PriceNews], None]) -> None:
        """Follow it until cancelled; it is up with its first price."""
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    await self._once(session, hear)
                    cause = "the exchange closed it"
                except (aiohttp.ClientError, OSError, TimeoutError, SilentError) as error:
                    cause = f"{type(error).__name__}: {error}"[:_CAUSE_MAX]
                hear(StreamDown(stream=self.stream, cause=cause))
                await asyncio.sleep(self.backoff.wait_s())

    async def _once(
        self, session: aiohttp.ClientSession, hear: Callable[[PriceNews], None]
    ) -> None:
        limit_s = self.spec.silence_max_s
        is_up = False
        async with session.ws_connect(
            self.spec.url, max_msg_size=BODY_BYTES_MAX, heartbeat=_HEARTBEAT_S
        ) as socket:
            if self.spec.subscribe:
                await socket.send_str(self.spec.subscribe)
            now_s = asyncio.get_running_loop().time
            heard_s = now_s()
            while True:
                try:
                    message = await socket.receive(max(heard_s + limit_s - now_s(), 0.001))
                except TimeoutError:
                    raise SilentError(f"no price for {limit_s} s") from None
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    return
                tick = self.tick_of(message.data)
                if tick is None:
                    continue
                heard_s = now_s()
                if not is_up:
                    is_up = True
                    self.backoff.reset()
                    hear(StreamUp(stream=self.stream))
                hear(tick)

    def tick_of(self, frame: str | bytes) -> PriceTick | None:
        """The price in a message; None where it has none, or none that can be read."""
        try:
            found = msgspec.json.decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.unread += 1
            return None
        price, stamp = at(found, self.spec.price), at(found, self.spec.time)
        if price is None and stamp is None:
            return None
        try:
            price_1e8 = self._reader.amount_1e8(_text(price), "price")
            source_ns = self._stamp_ns(_text(stamp))
        except (TypeError, MalformedError):
            self.unread += 1
            return None
        if price_1e8 <= 0:
            self.unread += 1
            return None
        return PriceTick(
            feed=self.spec.name,
            asset=self.spec.asset,
            price_1e8=price_1e8,
            at_ns=self.now_ns(),
            source_ns=source_ns,
        )

    def _stamp_ns(self, text: str) -> int:
        if not text.isascii() or not text.isdigit():
            return self._reader.time_ns(text, "time")
        found = int(text)
        for most, factor in _UNITS:
            if found < most:
                return found * factor
        raise self._reader.malformed("time", "a stamp that 64 bits hold in ns")


def at(found: Any, path: str) -> Any:
    """What stands at names and numbers with dots between them; None where nothing does."""
    for part in path.split("."):
        if isinstance(found, dict):
            found = found.get(part)
        elif isinstance(found, Sequence) and not isinstance(found, str) and part.isdigit():
            found = found[int(part)] if int(part) < len(found) else None
        else:
            return None
    return found


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError("a number or a text was expected")
    return str(value)
