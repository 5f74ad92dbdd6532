"""Every request and what the venue made of it, so that tests judge by the venue."""

from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final

from brokers.sim.units import load_json

_KEPT_MAX: Final = 100_000


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request.

    Attributes:
        status: What was answered; 0 when nothing was.
        booked: Whether the request was carried out, whatever was answered.
        verdict: `answered`, `refused`, or the fault that was played.
        client_order_id: As the body says, where it has one.
    """

    number: int
    at_ns: int
    method: str
    path: str
    query: str
    body_sha256: str
    body_bytes: int
    client_order_id: str | None
    status: int = 0
    booked: bool = False
    verdict: str = "under way"


class Audit:
    """The requests, oldest first; the oldest leave when there are too many."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self.entries: list[Entry] = []
        self.dropped = 0
        self._count = 0

    def begin(self, at_ns: int, method: str, path: str, query: str, body: bytes) -> Entry:
        """A request came."""
        self._count += 1
        entry = Entry(
            number=self._count,
            at_ns=at_ns,
            method=method,
            path=path,
            query=query,
            body_sha256=sha256(body).hexdigest(),
            body_bytes=len(body),
            client_order_id=_client_order_id(body),
        )
        self.entries.append(entry)
        if len(self.entries) > _KEPT_MAX:
            del self.entries[0]
            self.dropped += 1
        return entry

    def shown(self, since: int = 0) -> list[dict[str, Any]]:
        """The entries after a number."""
        return [asdict(entry) for entry in self.entries if entry.number > since]


def _client_order_id(body: bytes) -> str | None:
    try:
        found = load_json(body).get("client_order_id") if body else None
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None
