"""Our own HTTP client: one connection, one request, one answer, and a hand-over that never waits.

An order's bytes must leave in the instant in which the gate was compared. A client pool writes
behind an await, so its queue stands behind the gate; here the token and the connection are in hand
first, and `Link.write` gives the whole request to the transport before it returns. Nothing is ever
sent twice, no redirect is followed, and no text holds a header.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast
from urllib.parse import urlsplit

from brokers.http_wire import BODY_BYTES_MAX, Response, ResponseReader, WireError, request_bytes
from brokers.limiter import Limiter, Priority
from trading.errors import SetupError

CONNECT_WAIT_S: Final = 3.0
ANSWER_WAIT_S: Final = 5.0
IDLE_MAX_S: Final = 60.0
"""A spare connection that was not needed for so long is closed; the newest is kept (WD-8)."""
_PORTS: Final = {"http": 80, "https": 443}
NOTHING: Final[Mapping[str, str]] = {}


class NoAnswerError(Exception):
    """There was no whole answer; whether the request was carried out is unknown."""


class NotConnectedError(Exception):
    """There is no connection: not one byte of the request left."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a venue listens; `prefix` stands before every path."""

    scheme: str
    host: str
    port: int
    prefix: str = ""

    @classmethod
    def of(cls, url: str) -> "Endpoint":
        """From an http or https address.

        Raises:
            SetupError: It is none, or holds a user name, a query or a fragment.
        """
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        odd = parts.username is not None or parts.query or parts.fragment or port == -1
        if parts.scheme not in _PORTS or not parts.hostname or odd:
            raise SetupError(
                "the address of a venue must be such as https://host or http://127.0.0.1:8080/"
                f"prefix, without user name and query; the scheme was {parts.scheme!r}"
            )
        return cls(
            parts.scheme, parts.hostname, port or _PORTS[parts.scheme], parts.path.rstrip("/")
        )

    @property
    def is_loopback(self) -> bool:
        """It is on this machine."""
        return self.host in ("127.0.0.1", "::1", "localhost")

    @property
    def netloc(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address."""
        return f"{self.scheme}://{self.netloc}{self.prefix}"


class Link(asyncio.Protocol):
    """One connection; it carries one request at a time."""

    def __init__(self, *, body_bytes_max: int) -> None:
        """Not connected."""
        self._transport: asyncio.Transport | None = None
        self._reader: ResponseReader | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._body_bytes_max = body_bytes_max
        self.idle_since_s = 0.0

    @property
    def is_free(self) -> bool:
        """Connected, and no request is under way."""
        transport = self._transport
        return transport is not None and not transport.is_closing() and self._answer is None

    def write(self, request: bytes) -> asyncio.Future[Response]:
        """Hand a whole request to the transport, now; the future has the answer.

        Raises:
            NotConnectedError: The connection is gone; nothing was written.
        """
        transport = self._transport
        if transport is None or not self.is_free:
            raise NotConnectedError("the connection was lost before the request")
        self._reader = ResponseReader(body_bytes_max=self._body_bytes_max)
        self._answer = asyncio.get_running_loop().create_future()
        transport.write(request)
        return self._answer

    def close(self) -> None:
        """Drop the connection; a request under way has no answer."""
        if self._transport is not None:
            self._transport.abort()
        self._fail("the connection was closed")

    # -- asyncio ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is connected."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has no common base

    def data_received(self, data: bytes) -> None:
        """A part of the answer."""
        if self._reader is None or self._transport is None:
            self.close()  # an answer to nothing: whose it is cannot be known
            return
        try:
            response = self._reader.feed(data)
        except WireError as error:
            self._fail(f"the answer cannot be read: {error}")
            self._transport.abort()
            return
        if response is not None:
            self._end(response)

    def eof_received(self) -> bool:
        """The venue sends no more."""
        if self._reader is not None:
            try:
                self._end(self._reader.eof())
            except WireError as error:
                self._fail(str(error))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._transport = None
        self._fail(f"the connection was lost: {type(exc).__name__ if exc else 'closed'}")

    def _end(self, response: Response) -> None:
        answer, self._answer, self._reader = self._answer, None, None
        if not response.keeps_alive and self._transport is not None:
            self._transport.abort()
        if answer is not None and not answer.done():
            answer.set_result(response)

    def _fail(self, cause: str) -> None:
        answer, self._answer, self._reader = self._answer, None, None
        if answer is not None and not answer.done():
            answer.set_exception(NoAnswerError(cause))


@dataclass(slots=True, kw_only=True)
class Channel:
    """Connections to one endpoint, and the way to use them.

    Attributes:
        endpoint: Where the venue listens.
        headers: Sent with each request; hold the secrets, and stand in no text.
        limiter: Hands out the calls.
        links_max: Connections at most; who finds none waits for one.
        body_bytes_max: Longest body that is read.
        answer_wait_s: After this a request is unanswered.
    """

    endpoint: Endpoint
    headers: dict[str, str] = field(repr=False)
    limiter: Limiter
    links_max: int = 4
    body_bytes_max: int = BODY_BYTES_MAX
    answer_wait_s: float = ANSWER_WAIT_S
    _idle: deque[Link] = field(default_factory=deque, repr=False)
    _room: asyncio.Semaphore | None = field(default=None, repr=False)
    _context: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What of its headers must stand in no text."""
        kept = (value for name, value in self.headers.items() if name != "content-type")
        return tuple(value.removeprefix("Bearer ") for value in kept)

    def request(
        self, method: str, target: str, body: bytes = b"", signed: Mapping[str, str] = NOTHING
    ) -> bytes:
        """The bytes of a request: pure; `signed` are headers of this one request."""
        headers = {"host": self.endpoint.netloc, "accept": "application/json"}
        if body:
            headers["content-type"] = "application/json"
        headers["accept-encoding"] = "identity"
        headers |= {**self.headers, **signed}
        return request_bytes(method, self.endpoint.prefix + target, headers, body)

    async def call(
        self, request: bytes, priority: Priority, *, answer_wait_s: float | None = None
    ) -> Response:
        """Send one request and wait for its answer.

        Raises:
            NotConnectedError: Nothing was sent.
            NoAnswerError: No whole answer came in time.
        """
        return await self.hand_over(lambda: request, priority, answer_wait_s=answer_wait_s)

    async def hand_over(
        self,
        release: Callable[[], bytes],
        priority: Priority,
        *,
        answer_wait_s: float | None = None,
    ) -> Response:
        """Get a token and a connection, then `release` the bytes and write them in that instant.

        Args:
            release: Compares the gate and gives the request's bytes; what it raises comes out, and
                nothing was sent then.
            priority: For the limiter.
            answer_wait_s: Longest wait for the answer.

        Raises:
            NotConnectedError: Nothing was sent, and `release` was not called.
            NoAnswerError: No whole answer came in time.
        """
        await self.limiter.token(priority)
        if self._room is None:
            self._room = asyncio.Semaphore(self.links_max)
        async with self._room:
            link = await self._link()
            try:
                answer = link.write(release())  # no await since the connection was found free
            except BaseException:
                self.limiter.give_back()
                self._keep(link)
                raise
            try:
                wait_s = self.answer_wait_s if answer_wait_s is None else answer_wait_s
                async with asyncio.timeout(wait_s):
                    return await answer
            except TimeoutError:
                link.close()
                raise NoAnswerError(f"no answer within {wait_s:g} s") from None
            except asyncio.CancelledError:
                link.close()
                raise
            finally:
                self._keep(link)

    async def warm(self) -> None:
        """Have a connection ready before it is needed.

        Raises:
            NotConnectedError: The venue cannot be reached.
        """
        self._keep(await self._link())

    def close(self) -> None:
        """Drop every idle connection."""
        while self._idle:
            self._idle.pop().close()

    async def _link(self) -> Link:
        while self._idle:
            link = self._idle.pop()
            if link.is_free:
                return link
        try:
            async with asyncio.timeout(CONNECT_WAIT_S):
                return await self._connect()
        except (OSError, TimeoutError) as error:
            self.limiter.give_back()
            raise NotConnectedError(
                f"no connection to {self.endpoint.host}:{self.endpoint.port}: "
                f"{type(error).__name__}"
            ) from error

    async def _connect(self) -> Link:
        if self.endpoint.scheme == "https" and self._context is None:
            self._context = ssl.create_default_context()
        _, link = await asyncio.get_running_loop().create_connection(
            lambda: Link(body_bytes_max=self.body_bytes_max),
            self.endpoint.host,
            self.endpoint.port,
            ssl=self._context,
        )
        return link

    def _keep(self, link: Link) -> None:
        """The newest on the right, so that a rush's spare ones grow old on the left."""
        if not link.is_free:
            return
        now_s = asyncio.get_running_loop().time()
        link.idle_since_s = now_s
        self._idle.append(link)
        while len(self._idle) > self.links_max or (
            len(self._idle) > 1 and now_s - self._idle[0].idle_since_s > IDLE_MAX_S
        ):
            self._idle.popleft().close()
