"""Following a stream of a venue for ever: each loss and each return is told (MD-9)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp

from brokers.backoff import Backoff
from brokers.base import StreamDown

_CAUSE_MAX: Final = 200
_NETWORK: Final = (aiohttp.ClientError, OSError, TimeoutError)


class StreamError(Exception):
    """The stream cannot be used; the text says why, without keys."""


async def follow(
    name: str,
    once: Callable[[], Awaitable[None]],
    hear: Callable[[StreamDown], None],
    backoff: Backoff,
    faults: tuple[type[Exception], ...] = (),
) -> None:
    """Have one connection after the other until cancelled, with a wait between two.

    Args:
        name: Of the stream.
        once: One connection, from its opening to its end; it tells of itself when it is up, and
            begins the waits anew then.
        hear: Told why each one ended.
        backoff: Between two connections.
        faults: What may end one beside the faults of every network; anything else comes out.
    """
    ends: tuple[type[Exception], ...] = (*_NETWORK, StreamError, *faults)
    while True:
        try:
            await once()
            cause = "the venue closed the stream"
        except ends as error:
            cause = f"{type(error).__name__}: {error}"[:_CAUSE_MAX]
        hear(StreamDown(stream=name, cause=cause))
        await asyncio.sleep(backoff.wait_s())
