"""What the parts that all venues share must know of one venue's wire."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from brokers.sim.faults import Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One venue's words for what each of them has.

    Attributes:
        placing: The request that places an order, as a fault's pattern: method and path.
        own_id: The client's own id for an order, read from a request's body; None without one.
        verbs: What goes wrong at this venue alone.
    """

    placing: str
    own_id: Callable[[bytes], str | None]
    verbs: Mapping[str, Verb] = field(default_factory=dict)
