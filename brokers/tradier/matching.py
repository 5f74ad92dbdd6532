"""Which orders of a tag are the one that we asked for (EX-6).

A tag is free text and anybody may repeat it. So an order of ours must also be in the symbol, on the
side, of the quantity and from the time that its journaled intent says.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from brokers.tradier.reports import SIDES
from brokers.tradier.words import Order, time_ns

_KEPT_MAX: Final = 4_096
EARLIER_MAX_NS: Final = 24 * 3_600 * 1_000_000_000
"""An order from longer before its decision is another one, whatever the two clocks say."""


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What an intent says of its order at the venue."""

    client_order_id: str
    instrument: str
    side: str
    qty_1e8: int
    reference_ns: int = 0


read_asked = msgspec.json.Decoder(Asked).decode


def no_intents() -> Iterable[bytes]:
    """There is no journal to ask."""
    return ()


class AskedOrders:
    """What was asked for, by our id: prepared here lately, or found in the journal."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._by_id: OrderedDict[str, Asked] = OrderedDict()
        self.intents: Callable[[], Iterable[bytes]] = no_intents

    def note(self, asked: Asked) -> None:
        """An order that may be sent."""
        self._by_id[asked.client_order_id] = asked
        while len(self._by_id) > _KEPT_MAX:
            self._by_id.popitem(last=False)

    def by_id(self, client_order_id: str) -> Asked | None:
        """What that order was to be; None when no journal has its intent."""
        if client_order_id not in self._by_id:
            found = map(read_asked, self.intents())
            wanted = next((each for each in found if each.client_order_id == client_order_id), None)
            if wanted is not None:
                self.note(wanted)
        return self._by_id.get(client_order_id)

    def ours(self, client_order_id: str, tagged: Sequence[Order]) -> list[Order]:
        """Those that are what was asked for; all of them where nobody knows what was."""
        asked = self.by_id(client_order_id)
        return [order for order in tagged if asked is None or is_as_asked(order, asked)]


def is_as_asked(order: Order, asked: Asked) -> bool:
    """Symbol, side, quantity and time; what the venue leaves out contradicts nothing.

    Raises:
        MalformedError: Its quantity or its time cannot be read.
    """
    created_ns = 0 if order.create_date is None else time_ns(order.create_date, "order.create_date")
    return (
        order.instrument in ("", asked.instrument)
        and SIDES.get(order.side or "", asked.side) == asked.side
        and order.qty_1e8 in (0, asked.qty_1e8)
        and (not created_ns or created_ns >= asked.reference_ns - EARLIER_MAX_NS)
    )
