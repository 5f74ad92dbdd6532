"""What the storage tests put into a record."""

import json
from collections.abc import Sequence
from typing import Any

from trading.ports import Claim, Outcome, Request, StagedEvent

ACCOUNT = "account:main"


def event(kind: str, stream: str = "account", at_ns: int = 1, /, **fields: Any) -> StagedEvent:
    """An event whose payload is its fields."""
    payload = json.dumps(fields, separators=(",", ":")).encode()
    return StagedEvent(stream=stream, kind=kind, at_ns=at_ns, payload=payload)


def request(
    token: object,
    *events: StagedEvent,
    claims: Sequence[tuple[str, str]] = (),
    journal_id: str = ACCOUNT,
    tape_seq: int = -1,
) -> Request:
    """A request with its claims as pairs; one plain event when none is given."""
    return Request(
        journal_id=journal_id,
        events=events or (event("Noted", n=str(token)),),
        claims=tuple(Claim(name=name, key=key) for name, key in claims),
        token=token,
        tape_seq=tape_seq,
    )


class Inbox:
    """A sink that keeps what it was given."""

    def __init__(self) -> None:
        """Start empty."""
        self.outcomes: list[Outcome] = []

    def __call__(self, outcome: Outcome) -> None:
        """Take one."""
        self.outcomes.append(outcome)

    @property
    def tokens(self) -> list[object]:
        """Tokens in order of arrival."""
        return [outcome.token for outcome in self.outcomes]
