"""Every request and what the venue made of it, so that tests judge by the venue."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final

_KEPT_MAX: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The first line of a request, and the route that it leads to."""

    method: str
    path: str
    query: str
    route: str


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request.

    Attributes:
        route: The route that served it, such as `GET /v2/orders/{order_id}`; empty where none did.
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
    route: str
    status: int = 0
    booked: bool = False
    verdict: str = "under way"


class Audit:
    """The requests, oldest first; the oldest leave when there are too many."""

    def __init__(self, own_id: Callable[[bytes], str | None]) -> None:
        """Nothing was asked yet.

        Args:
            own_id: The client's own id, read from a body.
        """
        self._own_id = own_id
        self.entries: list[Entry] = []
        self.dropped = 0
        self._count = 0

    def begin(self, at_ns: int, asked: Asked, body: bytes) -> Entry:
        """A request came."""
        self._count += 1
        entry = Entry(
            number=self._count,
            at_ns=at_ns,
            method=asked.method,
            path=asked.path,
            query=asked.query,
            route=asked.route,
            body_sha256=sha256(body).hexdigest(),
            body_bytes=len(body),
            client_order_id=self._own_id(body),
        )
        self.entries.append(entry)
        if len(self.entries) > _KEPT_MAX:
            del self.entries[0]
            self.dropped += 1
        return entry

    def shown(self, since: int = 0) -> list[dict[str, Any]]:
        """The entries after a number."""
        return [asdict(entry) for entry in self.entries if entry.number > since]
