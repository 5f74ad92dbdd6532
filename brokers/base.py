"""What every venue answers, whatever wire it speaks; mail to the account that asked."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """The venue's answer to a look-up: its reports on the order, None when it has no such order."""

    client_order_id: str
    reports: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenListed:
    """The venue's own count of what is open; `read` is the number of the question (KC-2)."""

    read: int
    orders: int
    positions: int
