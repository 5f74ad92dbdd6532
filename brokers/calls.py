"""What the adapters of all venues share: the intent, one call and how it went.

Every call is counted (EX-16) and its end told, so that the breaker of its endpoint knows (WD-3).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

import msgspec

from brokers.base import Prepared, SendOutcome, Unknown, VenueAnswer
from brokers.http import Channel, NoAnswerError, NotConnectedError
from brokers.http_wire import Response
from brokers.limiter import Limiter, Priority
from brokers.reading import MalformedError

Found = TypeVar("Found")
ORDERS: Final = "orders"
"""The endpoint that takes orders."""
CANCEL: Final = "cancel"
OK: Final = 200
UNAUTHORISED: Final = 401
RATE_LIMITED: Final = 429
SERVER_ERROR: Final = 500
LIMITED_WAIT_NS: Final = 1_000_000_000
LIMITED_WAIT_MAX_NS: Final = 60 * LIMITED_WAIT_NS
_NO_SERVICE: Final = frozenset({UNAUTHORISED, 408, 425, RATE_LIMITED})


class Intent(msgspec.Struct, frozen=True, gc=False):
    """What a wire needs of an order's journaled bytes."""

    client_order_id: str
    instrument: str
    purpose: str
    side: str
    order_type: str
    tif: str
    qty_1e8: int
    limit_1e8: int | None = None
    trigger_1e8: int | None = None


read_intent = msgspec.json.Decoder(Intent).decode


class RefusedCallError(Exception):
    """The venue answered, and the answer is no; `answer` has its words."""

    def __init__(self, venue: str, where: str, answer: VenueAnswer) -> None:
        """Name the endpoint beside what was said."""
        code = f"{answer.code} " if answer.code else ""
        super().__init__(f"{venue} {where}: HTTP {answer.status} {code}{answer.text}")
        self.answer = answer


CALL_ERRORS: Final = (NoAnswerError, NotConnectedError, RefusedCallError, MalformedError)
"""Whatever keeps a call from having an answer."""


class CallEnded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How one call to a venue went.

    Attributes:
        endpoint: What was asked, in the adapter's words.
        latency_ns: From the hand-over of its bytes to its end; 0 when nothing was handed over.
        problem: Why the endpoint did not serve us, empty when it did; a refusal is an answer.
    """

    endpoint: str
    latency_ns: int = 0
    problem: str = ""


def untold(_: CallEnded) -> None:
    """Nobody wants to know how a call went."""


@dataclass(slots=True, kw_only=True)
class Caller:
    """One account's calls; each is one request and one answer, and nothing is ever repeated.

    Attributes:
        venue: Its name, for the texts of errors.
        orders: Connections that carry orders and cancels, and nothing that could keep them waiting.
        reads: Connections for everything else.
        now_ns: The lane's clock.
        calls: Calls made so far by what they were for (EX-16).
        ended: Told how each call went.
    """

    venue: ClassVar[str] = "the venue"
    orders: Channel
    reads: Channel
    now_ns: Callable[[], int]
    calls: dict[str, int]
    ended: Callable[[CallEnded], None] = untold

    async def send(
        self,
        prepared: Prepared,
        release: Callable[[], None],
        understand: Callable[[str, Response], SendOutcome],
        *,
        is_entry: bool,
    ) -> SendOutcome:
        """Hand an order over once; see `brokers.base.Venue.send`."""
        request = self.orders.request(prepared.method, prepared.path, prepared.body)
        order_id = prepared.client_order_id
        priority = Priority.ENTRY if is_entry else Priority.EXIT

        def released() -> bytes:
            release()
            return request

        try:
            return await self.exchange(
                (self.orders, ORDERS, priority), released, lambda found: understand(order_id, found)
            )
        except NoAnswerError as error:
            return Unknown(client_order_id=order_id, cause=str(error))

    async def delete(
        self, target: str, allow: Callable[[], None], endpoint: str = CANCEL
    ) -> Response:
        """Ask for a cancel; `allow` raises when it must not leave. An answer ends no order."""
        request = self.orders.request("DELETE", target)

        def released() -> bytes:
            allow()
            return request

        return await self.exchange((self.orders, endpoint, Priority.CANCEL), released, as_it_is)

    async def exchange(
        self,
        how: tuple[Channel, str, Priority],
        release: Callable[[], bytes],
        understand: Callable[[Response], Found],
    ) -> Found:
        """One request, one answer, and what it means; its end is told once, however it ends.

        Raises:
            NotConnectedError: Nothing was sent.
            NoAnswerError: No whole answer came in time.
            Exception: What `release` and `understand` raise.
        """
        channel, endpoint, priority = how
        left_ns: list[int] = []

        def released() -> bytes:
            request = release()
            left_ns.append(self.now_ns())
            return request

        self.calls[endpoint] = self.calls.get(endpoint, 0) + 1
        try:
            response = await channel.hand_over(released, priority)
            self._note_limit(channel.limiter, response)
            found = understand(response)
        except RefusedCallError as error:
            self._end(endpoint, left_ns, _problem_of(error.answer.status))
            raise
        except (NoAnswerError, NotConnectedError) as error:
            self._end(endpoint, left_ns, str(error))
            raise type(error)(f"{self.venue} {endpoint}: {error}") from error
        except MalformedError as error:
            self._end(endpoint, left_ns, str(error))
            raise
        except asyncio.CancelledError:
            if left_ns:  # who gives up while waiting for his turn has learned nothing
                self._end(endpoint, left_ns, "given up before it was answered")
            raise
        self._end(endpoint, left_ns, _problem_of(response.status))
        return found

    def close(self) -> None:
        """Drop the connections."""
        self.orders.close()
        self.reads.close()

    def secrets(self) -> tuple[str, ...]:
        """What we show the venue and nobody else."""
        return self.orders.secrets + self.reads.secrets

    def limited_until_ns(self, _: Response) -> int:
        """When a venue that said "too many calls" answers again; 0 when it does not say."""
        return 0

    def _note_limit(self, limiter: Limiter, response: Response) -> None:
        if response.status == RATE_LIMITED:
            wait_ns = self.limited_until_ns(response) - self.now_ns()
            limiter.refused(min(max(wait_ns, LIMITED_WAIT_NS), LIMITED_WAIT_MAX_NS))

    def _end(self, endpoint: str, left_ns: list[int], problem: str) -> None:
        latency_ns = max(self.now_ns() - left_ns[0], 0) if left_ns else 0
        self.ended(CallEnded(endpoint=endpoint, latency_ns=latency_ns, problem=problem))


def as_it_is(response: Response) -> Response:
    """The answer is understood elsewhere."""
    return response


def _problem_of(status: int) -> str:
    """A 4xx is an answer like any other, but for those that serve nobody."""
    return f"HTTP {status}" if status in _NO_SERVICE or status >= SERVER_ERROR else ""


def digits(text: str) -> int:
    """A header's whole number, 0 when it is none."""
    return int(text) if text.isascii() and text.isdigit() else 0
