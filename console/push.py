"""One page's websocket: what changed, at most ten times a second, and what became of its acts."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import msgspec
import orjson
from aiohttp import WSMsgType, web

from actors.operator_words import (
    MESSAGE_BYTES_MAX,
    ControlMessage,
    KillMessage,
    MalformedError,
    ReconcileMessage,
    ResumeMessage,
    SubscribeMessage,
    parse_message,
)
from console.board import Board
from console.follow import Follower, TraderAwayError
from trading.controls import ControlRefusedError, parse_control

LEAST_BETWEEN_S: Final = 0.1
BEAT_S: Final = 1.0
ANSWERS_WAITING_MAX: Final = 1000


class Page:
    """Reads what one page asks, and writes answers, changes and beats to it.

    It is written only when it has taken what was written before: a page that is slow or asleep
    costs one waiting task, and is then told what is so now.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        board: Board,
        follower: Follower,
        author: str,
        *,
        malformed: Callable[[], object] = lambda: None,
    ) -> None:
        """Serve `socket`, which is prepared and let in; `author` stands in the journal.

        `malformed` is called for each message that is none of ours.
        """
        self._malformed = malformed
        self._socket = socket
        self._board = board
        self._follower = follower
        self._author = author
        self._answers: deque[dict[str, Any]] = deque(maxlen=ANSWERS_WAITING_MAX)
        self._wake = asyncio.Event()
        self._position: tuple[str, int] | None = None

    async def serve(self) -> None:
        """Until the page leaves."""
        writer = asyncio.create_task(self._write())
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    await self._take(message.data.encode())
        finally:
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writer

    # --- what it asks --------------------------------------------------------------------------

    async def _take(self, text: bytes) -> None:
        try:
            said = orjson.loads(text) if len(text) <= MESSAGE_BYTES_MAX else None
        except ValueError:
            said = None
        match said:
            case {"type": "hello", "epoch": str(epoch), "seq": int(seq)}:
                self._position = (epoch, seq)
                self._wake.set()
            case {"type": "hello"}:
                self._position = ("", 0)
                self._wake.set()
            case _:
                await self._act(text)

    async def _act(self, text: bytes) -> None:
        try:
            act = _parsed(text)
        except MalformedError as error:
            self._malformed()
            self._tell({"type": "refused", "id": error.id, "error": str(error)})
            return
        except ControlRefusedError as error:
            self._malformed()
            text_ = f"{error}; expected {error.expected}"
            self._tell({"type": "refused", "id": _id_of(text), "error": text_})
            return
        message = {**msgspec.to_builtins(act), "by": self._author}
        try:
            await self._follower.ask(message, self._tell)
        except TraderAwayError as error:
            self._tell({"type": "unknown", "id": act.id, "error": str(error)})

    def _tell(self, answer: dict[str, Any]) -> None:
        self._answers.append({"type": "answer", "answer": answer})
        self._wake.set()

    # --- what it is told -----------------------------------------------------------------------

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        changed: asyncio.Task[None] | None = None
        told_s = -LEAST_BETWEEN_S
        try:
            while True:
                while self._answers:
                    await self._send(orjson.dumps(self._answers.popleft()))
                wait_s = LEAST_BETWEEN_S - (loop.time() - told_s)
                if self._position is not None and wait_s <= 0 and self._is_behind(self._position):
                    await self._tell_changes(*self._position)
                    told_s = loop.time()
                    continue
                if loop.time() - told_s >= BEAT_S and self._position is not None:
                    await self._send(orjson.dumps(self._beat()))
                    told_s = loop.time()
                    continue
                changed = changed or asyncio.create_task(self._board.changed_after(self._board.seq))
                changed = await self._wait(changed, wait_s)
        finally:
            if changed is not None:
                changed.cancel()

    def _is_behind(self, position: tuple[str, int]) -> bool:
        return position != (self._board.epoch, self._board.seq)

    async def _wait(self, changed: asyncio.Task[None], wait_s: float) -> asyncio.Task[None] | None:
        """Until an answer, a change, or the time for a beat; not before `wait_s` for a change."""
        waking = asyncio.create_task(self._wake.wait())
        watched = {waking} if wait_s > 0 else {waking, changed}
        try:
            await asyncio.wait(
                watched,
                timeout=wait_s if wait_s > 0 else BEAT_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            waking.cancel()
        self._wake.clear()
        return None if changed.done() else changed

    async def _tell_changes(self, epoch: str, seq: int) -> None:
        message = self._board.since(epoch, seq, trader_age_ms=self._trader_age_ms())
        self._position = (self._board.epoch, self._board.seq)
        await self._send(message)

    def _beat(self) -> dict[str, Any]:
        return {
            "type": "beat",
            "epoch": self._board.epoch,
            "seq": self._board.seq,
            "trader_age_ms": self._trader_age_ms(),
        }

    def _trader_age_ms(self) -> int:
        """Since the trader last answered the console."""
        return round((asyncio.get_running_loop().time() - self._follower.heard_at_s) * 1000)

    async def _send(self, text: bytes) -> None:
        await self._socket.send_str(text.decode())


def _parsed(text: bytes) -> KillMessage | ResumeMessage | ControlMessage:
    act = parse_message(text)
    if isinstance(act, SubscribeMessage | ReconcileMessage):
        raise MalformedError('expected {"type":"hello"}, a kill, a resume or a control')
    if isinstance(act, ControlMessage):
        parse_control(act.name, act.value)
    return act


def _id_of(text: bytes) -> str | None:
    found = orjson.loads(text).get("id")
    return found if isinstance(found, str) else None
