"""One client of the operator's websocket: what it asks, what it is told, in which order."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Final

import orjson
from aiohttp import WSMsgType, web

from actors.operator_desk import Desk
from actors.operator_feed import EventFeed
from actors.operator_words import (
    Answer,
    MalformedError,
    Refused,
    SubscribeMessage,
    TraderPort,
    parse_message,
)

ANSWERS_WAITING_MAX: Final = 10_000


class OperatorSocket:
    """Reads requests and writes answers and events; answers go before events."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        trader: TraderPort,
        desk: Desk,
        report_malformed: Callable[[], None],
    ) -> None:
        """Serve `socket`, which is prepared and let in."""
        self._socket = socket
        self._trader = trader
        self._desk = desk
        self._report_malformed = report_malformed
        self._answers: deque[Answer] = deque()
        self._feed: EventFeed | None = None
        self._wake = asyncio.Event()
        self._unfollow: list[Callable[[], None]] = []

    async def serve(self) -> None:
        """Until the client leaves or the port closes."""
        writer = asyncio.create_task(self._write())
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    self._take(message.data.encode())
                elif message.type is WSMsgType.BINARY:
                    self._take(message.data)
        finally:
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writer
            if self._feed is not None:
                self._feed.close()
            for stop in self._unfollow:
                stop()

    def _take(self, text: bytes) -> None:
        try:
            message = parse_message(text)
        except MalformedError as error:
            self._report_malformed()
            self._tell(Refused(error.id, str(error)))
            return
        if isinstance(message, SubscribeMessage):
            if self._feed is not None:
                self._feed.close()
            self._feed = EventFeed(self._trader, message.after_seq, self._wake.set)
            self._wake.set()
        else:
            ticket = self._desk.take(message, "websocket")
            self._unfollow.append(ticket.follow(self._tell))

    def _tell(self, answer: Answer) -> None:
        if len(self._answers) >= ANSWERS_WAITING_MAX:  # asks without ever reading
            self._answers.popleft()
        self._answers.append(answer)
        self._wake.set()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while messages := self._next():
                for message in messages:
                    await self._socket.send_str(message.decode())

    def _next(self) -> list[bytes]:
        if self._answers:
            return [orjson.dumps(self._answers.popleft().to_json())]
        return self._feed.take() if self._feed is not None else []
