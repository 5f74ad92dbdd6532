"""What the parts that all venues share must know of one venue's wire."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One venue's words for two things that each of them has.

    Attributes:
        placing: The request that places an order, as a fault's pattern: method and path.
        own_id: The client's own id for an order, read from a request's body; None without one.
    """

    placing: str
    own_id: Callable[[bytes], str | None]
