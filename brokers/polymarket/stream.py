"""The two channels: text PING and PONG, frames of one object or several, no replay (MD-9).

A channel that does not answer its PING within half a minute is dead, however open its socket is.
Nothing acknowledges a subscription, but a refused one is closed: the first PONG says that it holds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import msgspec

from brokers.backoff import Backoff
from brokers.calls import CALL_ERRORS
from brokers.http_wire import BODY_BYTES_MAX

PING_EVERY_S: Final = 10.0
SILENCE_MAX_S: Final = 30.0
_CAUSE_MAX: Final = 200
PING, PONG = "PING", "PONG"
Event = dict[str, Any]


class StreamError(Exception):
    """The channel cannot be used; the text says why, without keys."""


def events_in(frame: bytes | str) -> list[Event]:
    """The objects of a frame, whether one or several.

    Raises:
        StreamError: It cannot be read: a hole, so that everything missed is fetched anew.
    """
    try:
        found = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise StreamError("a frame cannot be read") from None
    events = found if isinstance(found, list) else [found]
    if not all(isinstance(event, dict) for event in events):
        raise StreamError("a frame must hold objects")
    return events


@dataclass(slots=True, kw_only=True)
class ChannelSocket:
    """One channel, kept up for ever.

    Attributes:
        url: Where.
        ask: Makes the subscription: called for each connection.
        up: Called when the subscription holds.
        down: Told why it is gone.
        take: Told the events of each frame; what it returns is said to the venue.
        backoff: Between two connections.
        ping_every_s: How often it is asked whether it lives.
        silence_max_s: Without an answer for so long, it does not.
    """

    url: str
    ask: Callable[[], Awaitable[Event]]
    up: Callable[[], None]
    down: Callable[[str], None]
    take: Callable[[Sequence[Event]], Sequence[Event]]
    backoff: Backoff
    ping_every_s: float = PING_EVERY_S
    silence_max_s: float = SILENCE_MAX_S
    _heard_s: float = 0.0
    _is_up: bool = False

    async def follow(self) -> None:
        """Follow the channel until cancelled; each loss and each return is told."""
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    await self._once(session)
                    cause = "the venue closed the channel"
                except (
                    aiohttp.ClientError, OSError, TimeoutError, StreamError, *CALL_ERRORS
                ) as error:  # fmt: skip
                    cause = f"{type(error).__name__}: {error}"[:_CAUSE_MAX]
                self.down(cause)
                await asyncio.sleep(self.backoff.wait_s())

    async def _once(self, session: aiohttp.ClientSession) -> None:
        asked = await self.ask()
        async with session.ws_connect(self.url, max_msg_size=BODY_BYTES_MAX) as socket:
            await socket.send_str(msgspec.json.encode(asked).decode())
            self._heard_s, self._is_up = _now_s(), False
            pinging = asyncio.create_task(self._ping(socket))
            try:
                while not pinging.done():
                    message = await self._next(socket)
                    if message is None:
                        return
                    for event in self._heard(message):
                        await socket.send_str(msgspec.json.encode(event).decode())
            finally:
                pinging.cancel()
                await asyncio.gather(pinging, return_exceptions=True)

    async def _next(self, socket: aiohttp.ClientWebSocketResponse) -> bytes | str | None:
        left_s = self._heard_s + self.silence_max_s - _now_s()
        try:
            message = await socket.receive(max(left_s, 0.001))
        except TimeoutError:
            raise StreamError(f"no PONG for {self.silence_max_s:g} s") from None
        if message.type in (
            aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED
        ):  # fmt: skip
            return None
        if message.type not in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
            raise StreamError("expected a frame of text")
        found: bytes | str = message.data
        return found

    def _heard(self, frame: bytes | str) -> Sequence[Event]:
        """Only a PONG says that the channel lives: data can stop while it is answered."""
        if frame in (PONG, PONG.encode()):
            self._heard_s = _now_s()
            if not self._is_up:
                self._is_up = True
                self.backoff.reset()
                self.up()
            return ()
        return self.take(events_in(frame)) if frame else ()

    async def _ping(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while not socket.closed:
            await socket.send_str(PING)
            await asyncio.sleep(self.ping_every_s)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
