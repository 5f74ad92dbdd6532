"""Tradier's account events: a session by REST, then a websocket, reconnected for ever (MD-9).

There is no replay, no symbol and no side in an event, and events may come in any order. A heartbeat
comes at least every minute: a stream that is silent for longer than 90 s is dead.
"""

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Final

import aiohttp
import orjson

from brokers import following
from brokers.backoff import Backoff
from brokers.base import Reported, StreamNews, StreamUp
from brokers.calls import CALL_ERRORS
from brokers.following import StreamError
from brokers.http_wire import BODY_BYTES_MAX
from brokers.reading import MalformedError
from brokers.tradier.rest import Rest
from brokers.tradier.words import OrderEvent, decode

NAME: Final = "tradier account events"
SILENCE_MAX_S: Final = 90.0
_PING_S: Final = 20.0
_REFUSAL_S: Final = 1.0
"""A session that is refused ends within this; one that is taken may be silent for a minute."""
Understand = Callable[[OrderEvent], Reported]


async def follow(
    rest: Rest, hear: Callable[[StreamNews], None], understand: Understand, backoff: Backoff
) -> None:
    """Follow the stream until cancelled; each loss and each return is told."""
    async with aiohttp.ClientSession() as session:
        once = partial(_once, session, rest, hear, understand, backoff)
        await following.follow(NAME, once, hear, backoff, CALL_ERRORS)


async def _once(
    session: aiohttp.ClientSession,
    rest: Rest,
    hear: Callable[[StreamNews], None],
    understand: Understand,
    backoff: Backoff,
) -> None:
    key = await rest.session("accounts")
    async with session.ws_connect(
        key.url, heartbeat=_PING_S, max_msg_size=BODY_BYTES_MAX
    ) as socket:
        asked = {"events": ["order"], "sessionid": key.sessionid, "excludeAccounts": []}
        await socket.send_str(orjson.dumps(asked).decode())
        first: aiohttp.WSMessage | None = None
        with contextlib.suppress(TimeoutError):
            first = await socket.receive(_REFUSAL_S)
        is_up = False
        while True:
            if not is_up and (first is None or first.type is aiohttp.WSMsgType.TEXT):
                is_up = True
                backoff.reset()
                hear(StreamUp(stream=NAME))
            message = first or await socket.receive(SILENCE_MAX_S)
            first = None
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
                return
            if message.type not in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
                raise StreamError("expected a frame of text")
            for event in events_in(message.data):
                if event.event == "order":
                    hear(understand(event))


def events_in(data: bytes | str) -> list[OrderEvent]:
    """The events of a frame, one a line.

    Raises:
        StreamError: A line cannot be read: a hole, so that everything missed is fetched anew.
    """
    lines = data.split(b"\n" if isinstance(data, bytes) else "\n")  # type: ignore[arg-type]
    try:
        return [decode(line, OrderEvent, "account events") for line in lines if line.strip()]
    except MalformedError as error:
        raise StreamError(str(error)) from None
