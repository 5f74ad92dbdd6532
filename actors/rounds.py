"""Rounds: what one instant decided becomes durable together, and is heard of in order.

Actors stage requests; the lane hands a whole round to the record when its queue is empty and mails
the outcomes in staging order. A crash loses a whole round or nothing of it, which is what lets a
replay go on after `kill -9` exactly where it was (docs/runtime.md).
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import orjson

from actors.messages import AtRest
from trading.ports import Claim, Durable, Failed, Outcome, Record, Request, StagedEvent

Listener = Callable[[str, Sequence[Any], int], None]
AT_REST = AtRest()
SYSTEM = "system"
"""The journal of what belongs to no account."""


@dataclass(slots=True)
class TapePosition:
    """The row of the tape that is being handled, -1 before the first and live."""

    seq: int = -1


class Addressed(Protocol):
    """A token that says whose mail its outcome is."""

    @property
    def address(self) -> str:
        """Name of the actor that hears the outcome."""


class Note(msgspec.Struct, frozen=True):
    """The token of an event of the system's journal; `heard` is called with its outcome."""

    event: StagedEvent
    heard: Callable[[Outcome], None] | None = None


class Rounds:
    """The lane's way to the record. A barrier in the sense of `actors.barrier`.

    Args:
        record: Where requests become durable.
        tell: Mails an outcome to the actor its token names.
        position: The tape's row, noted beside each event for recovery.
        now_ns: The lane's clock.
        failed: Called once when the record failed: nothing more can be made durable.
        arrived: Called from any thread when an outcome is there; a lane whose time goes on then has
            `mail_heard` called on its own thread.

    Attributes:
        counted: Durable events by kind; shown, never decided on.
    """

    def __init__(
        self,
        record: Record,
        *,
        tell: Callable[[str, object], None],
        position: TapePosition,
        now_ns: Callable[[], int],
        failed: Callable[[str], None],
        arrived: Callable[[], None] | None = None,
    ) -> None:
        """Take over the record's outcomes."""
        self._record = record
        self._tell = tell
        self.position = position
        self._now_ns = now_ns
        self._failed = failed
        self._staged: list[Request] = []
        self._out = 0
        self._heard: deque[Outcome] = deque()
        self._resting: dict[str, None] = {}
        self._is_live = False
        self.counted: defaultdict[str, int] = defaultdict(int)
        self._watched: set[str] = set()
        self._watching: list[Listener] = []
        self._published: list[Listener] = []
        self._arrived = arrived
        record.deliver_to(self._heard.append if arrived is None else self._hear)

    def _hear(self, outcome: Outcome) -> None:
        self._heard.append(outcome)
        if self._arrived is not None:
            self._arrived()

    def listen(self, listener: Listener) -> None:
        """Hear `(journal_id, events, last_seq)` of every durable request, in order."""
        self._published.append(listener)

    def watch(self, kinds: Iterable[str], listener: Listener) -> None:
        """Hear, before those who `listen`, of durable requests with an event of a watched kind.

        Most requests have none, and an order passes four of them.
        """
        self._watched.update(kinds)
        self._watching.append(listener)

    def stage(
        self, journal_id: str, events: tuple[Any, ...], token: object, claims: tuple[Any, ...] = ()
    ) -> None:
        """Queue one decision for the next round."""
        self._staged.append(
            Request(
                journal_id=journal_id,
                events=events,
                token=token,
                claims=claims,
                tape_seq=self.position.seq,
            )
        )

    def note(
        self,
        stream: str,
        kind: str,
        payload: dict[str, Any],
        *,
        claims: tuple[Claim, ...] = (),
        heard: Callable[[Outcome], None] | None = None,
    ) -> None:
        """Queue one event of the system's journal."""
        event = StagedEvent(
            stream=stream,
            kind=kind,
            at_ns=self._now_ns(),
            payload=orjson.dumps(payload, option=orjson.OPT_SORT_KEYS),
        )
        self.stage(SYSTEM, (event,), Note(event, heard), claims)

    def call_at_rest(self, address: str) -> None:
        """Mail `AtRest` to this name once the instant has nothing left to make durable.

        What only has to be seen to before time moves can wait until then, and is done once. Where
        time goes on by itself (`mail_heard`) there is no such moment: it is mailed behind what is
        queued.
        """
        if self._is_live:
            self._tell(address, AT_REST)
        else:
            self._resting[address] = None

    # -- the barrier ------------------------------------------------------------------------------

    def pending(self) -> int:
        """Requests whose outcome was not mailed yet, and names to be called at rest."""
        return len(self._staged) + self._out + len(self._resting)

    def flush(self) -> None:
        """Give the round to the record, which commits it in one transaction when it is settled."""
        staged = self._staged
        if staged:
            self._staged = []
            self._out += len(staged)
            stage = self._record.stage
            for request in staged:
                stage(request)

    def settle(self) -> None:
        """Commit the round; without one, call those who wait for rest."""
        if self._staged or self._out:
            self.commit()
        else:
            self._call_at_rest()

    def commit(self) -> None:
        """Block until the round is durable, then mail its outcomes in order."""
        self.flush()
        if len(self._heard) < self._out:
            self._record.settle()
        self._mail_heard()

    def mail_heard(self) -> None:
        """Mail what is there, in order; a lane whose time goes on waits for no outcome."""
        self._is_live = True
        self._mail_heard()
        self._call_at_rest()

    def _mail_heard(self) -> None:
        heard = self._heard
        while heard:
            self._out -= 1
            outcome = heard.popleft()
            token: Any = outcome.token
            if type(outcome) is Failed:
                self._failed(outcome.error)
            if type(token) is Note:
                self._noted(token, outcome)
            else:
                self._tell(token.address, outcome)

    def _call_at_rest(self) -> None:
        resting, self._resting = self._resting, {}
        for address in resting:
            self._tell(address, AT_REST)

    async def wait(self) -> None:
        """Return once `settle` would not block."""
        self.flush()
        if len(self._heard) < self._out:
            await self._record.wait()

    def _noted(self, token: Note, outcome: Outcome) -> None:
        if type(outcome) is Durable:
            self.publish(SYSTEM, (token.event,), outcome.last_seq)
        if token.heard is not None:
            token.heard(outcome)

    def publish(self, journal_id: str, events: Sequence[Any], last_seq: int) -> None:
        """Count and tell the listeners; an account calls it once its own effects are released."""
        counted, watched, is_watched = self.counted, self._watched, False
        for event in events:
            kind = event.kind
            counted[kind] += 1
            if kind in watched:
                is_watched = True
        if is_watched:
            for listener in self._watching:
                listener(journal_id, events, last_seq)
        for listener in self._published:
            listener(journal_id, events, last_seq)
