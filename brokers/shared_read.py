"""One question to a venue for all who ask it at the same time (EX-16)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class SharedRead(Generic[Answer]):
    """Reads for many: who asks while one is under way shares the next, which begins after it.

    So nobody is told of a time before his question, and there are never two at once.

    Args:
        read: Asks the venue.
    """

    def __init__(self, read: Callable[[], Awaitable[Answer]]) -> None:
        """Nothing is asked yet."""
        self._read = read
        self._running: asyncio.Task[Answer] | None = None
        self._next: asyncio.Task[Answer] | None = None

    async def read(self) -> Answer:
        """The answer to a question that left after this was called."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._one(self._running))
        return await asyncio.shield(self._next)

    async def _one(self, before: "asyncio.Task[Answer] | None") -> Answer:
        if before is not None and not before.done():
            await asyncio.wait([before])
        self._running, self._next = self._next, None
        return await self._read()

    def close(self) -> None:
        """Ask nothing more."""
        for task in (self._running, self._next):
            if task is not None:
                task.cancel()
