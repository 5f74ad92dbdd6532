"""The commit barrier: virtual time never advances past something staged and not yet durable."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from trading.ports import Outcome, Request


class Barrier(Protocol):
    """What the virtual lane asks before it lets time move, always on the lane's thread."""

    def pending(self) -> int:
        """Requests staged whose outcome has not been mailed yet."""

    def settle(self) -> None:
        """Block until each has an outcome, then mail the outcomes in staging order."""

    async def wait(self) -> None:
        """Return once `settle` would not block; meanwhile the loop runs."""


class Staging(Protocol):
    """The part of the record that a barrier stands before."""

    def stage(self, request: Request) -> None:
        """Queue a request and return at once."""

    def settle(self) -> None:
        """Block until everything staged so far has its outcome delivered."""

    async def wait(self) -> None:
        """Like `settle`, without blocking the running loop."""


class OutcomeBarrier:
    """A barrier before a record that reports outcomes from a thread of its own.

    Give the record `barrier.heard` as its sink and stage through the barrier. Outcomes are held
    back until the lane asks, so the instant at which a disk happens to answer never shows in the
    order of mail.

    Args:
        record: Where requests go.
        deliver: Mails one outcome; called on the lane's thread, in staging order.
    """

    def __init__(self, record: Staging, deliver: Callable[[Outcome], None]) -> None:
        """Nothing is staged yet."""
        self._record = record
        self._deliver = deliver
        self._heard: deque[Outcome] = deque()
        self._staged = 0

    def stage(self, request: Request) -> None:
        """Hand a request to the record and expect its outcome; raises what the record raises."""
        self._record.stage(request)
        self._staged += 1

    def heard(self, outcome: Outcome) -> None:
        """Take the outcome of the oldest request without one; from any thread."""
        self._heard.append(outcome)

    def pending(self) -> int:
        """Requests staged whose outcome has not been mailed yet."""
        return self._staged

    def settle(self) -> None:
        """Block until each has an outcome, then mail them.

        Raises:
            RuntimeError: the record settled and yet left requests without an outcome.
        """
        if len(self._heard) < self._staged:
            self._record.settle()
        if len(self._heard) < self._staged:
            raise RuntimeError(
                f"the record settled with {len(self._heard)} outcomes, expected {self._staged}"
            )
        while self._staged:
            self._staged -= 1
            self._deliver(self._heard.popleft())

    async def wait(self) -> None:
        """Let the disk finish while the loop runs."""
        if len(self._heard) < self._staged:
            await self._record.wait()
