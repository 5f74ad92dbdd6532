"""One websocket of a client: a queue in order, written by a task of its own."""

import asyncio
import contextlib

from aiohttp import web

_QUEUE_MAX = 100_000


class Outlet:
    """What is sent to one client."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        """The socket is open.

        Args:
            socket: What to write to.
            transport: Its connection, to break it.
        """
        self.socket = socket
        self._transport = transport
        self._queue: asyncio.Queue[bytes | str] = asyncio.Queue(_QUEUE_MAX)
        self._writer = asyncio.get_running_loop().create_task(self._write())

    def send(self, frame: bytes | str) -> None:
        """Put a frame in the queue; a client that reads too slowly is cut."""
        try:
            self._queue.put_nowait(frame)
        except asyncio.QueueFull:
            self.cut()

    async def drained(self) -> None:
        """Wait until all is written."""
        await self._queue.join()

    async def _write(self) -> None:
        while True:
            frame = await self._queue.get()
            try:
                if isinstance(frame, bytes):
                    await self.socket.send_bytes(frame)
                else:
                    await self.socket.send_str(frame)
            except (ConnectionError, RuntimeError):  # it has gone; what is queued goes with it
                pass
            finally:
                self._queue.task_done()

    def cut(self) -> None:
        """Break the connection without a closing handshake."""
        if self._transport is not None:
            self._transport.abort()

    async def end(self) -> None:
        """Stop writing."""
        self._writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._writer
        while not self._queue.empty():
            self._queue.get_nowait()
            self._queue.task_done()
