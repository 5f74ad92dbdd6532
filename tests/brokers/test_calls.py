"""How one call ended is told once, whatever its end was (WD-3, EX-16)."""

import asyncio
from collections.abc import Callable

import pytest

from brokers.base import VenueAnswer
from brokers.calls import CallEnded, Caller, RefusedCallError
from brokers.http import Channel, Endpoint, NoAnswerError, NotConnectedError
from brokers.http_wire import Response
from brokers.limiter import Limiter, Priority
from brokers.reading import MalformedError

SECOND = 1_000_000_000


class Line(Channel):
    """A channel whose answer is chosen; time passes while it is waited for."""

    answer: Callable[[], Response]
    clock: list[int]

    async def hand_over(
        self,
        release: Callable[[], bytes],
        priority: Priority,
        *,
        answer_wait_s: float | None = None,
    ) -> Response:
        """Release, wait a second, answer."""
        del priority, answer_wait_s
        if self.answer is unreachable:
            return unreachable()
        release()
        self.clock[0] += SECOND
        return self.answer()


def unreachable() -> Response:
    """Nothing left."""
    raise NotConnectedError("no connection")


def silent() -> Response:
    """It left, and nobody answered."""
    raise NoAnswerError("no answer within 5 s")


def given_up() -> Response:
    """The actor that asked is gone."""
    raise asyncio.CancelledError


def answered(status: int) -> Callable[[], Response]:
    """An answer of that status."""
    return lambda: Response(status=status, headers={}, body=b"{}", keeps_alive=True)


def understand(response: Response) -> int:
    """The status; 404 is a refusal, 299 cannot be read."""
    if response.status == 404:
        answer = VenueAnswer(status=404, code=0, text="none", at_ns=0)
        raise RefusedCallError("venue", "thing", answer)
    if response.status == 299:
        raise MalformedError("venue", "thing", "a number")
    return response.status


ENDS: list[tuple[str, Callable[[], Response], int, str]] = [
    ("an answer", answered(200), SECOND, ""),
    ("a refusal", answered(404), SECOND, ""),
    ("too many calls", answered(429), SECOND, "HTTP 429"),
    ("keys refused", answered(401), SECOND, "HTTP 401"),
    ("an error", answered(503), SECOND, "HTTP 503"),
    ("what cannot be read", answered(299), SECOND, "venue thing: expected a number"),
    ("silence", silent, SECOND, "no answer within 5 s"),
    ("no connection", unreachable, 0, "no connection"),
    ("given up", given_up, SECOND, "given up before it was answered"),
]


@pytest.mark.parametrize(
    ("answer", "latency_ns", "problem"),
    [each[1:] for each in ENDS],
    ids=[each[0] for each in ENDS],
)
def test_each_end_of_a_call_is_told_once(
    answer: Callable[[], Response], latency_ns: int, problem: str
) -> None:
    """WD-3: with its endpoint, its latency since the hand-over, and what kept it from serving."""
    clock: list[int] = [SECOND]
    told: list[CallEnded] = []
    line = Line(
        endpoint=Endpoint.of("http://127.0.0.1:1"),
        headers={},
        limiter=Limiter(100, lambda: clock[0]),
    )
    line.answer, line.clock = answer, clock
    caller = Caller(orders=line, reads=line, now_ns=lambda: clock[0], calls={}, ended=told.append)

    async def play() -> None:
        how = (line, "thing", Priority.POLL)
        await caller.exchange(how, lambda: b"request", understand)

    async def guarded() -> None:
        await asyncio.gather(play(), return_exceptions=True)

    asyncio.run(guarded())
    assert told == [CallEnded(endpoint="thing", latency_ns=latency_ns, problem=problem)]
    assert caller.calls == {"thing": 1}
