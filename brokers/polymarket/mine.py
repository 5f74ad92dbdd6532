"""Which orders are ours, by their hash: prepared here, or found in the journal."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from brokers.base import CannotPrepareError
from brokers.calls import read_intent
from brokers.polymarket.orders import SignedPrepared
from brokers.polymarket.reports import Mine

Prepare = Callable[[bytes], SignedPrepared]


def no_intents() -> Iterable[bytes]:
    """There is no journal to ask."""
    return ()


KEPT_MAX: Final = 10_000
"""Orders that are remembered: far more than work, or traded within what is ever asked for again."""


class OurOrders:
    """Ids and hashes of our orders; the journal is read when one is asked for that is not here.

    What was not asked for the longest is forgotten first, so that a long run does not grow.

    Attributes:
        intents: The journaled bytes of every order of this run, oldest first.
        forgot: Told the hash of each order that is forgotten.
    """

    def __init__(self, prepare: Prepare, *, kept_max: int = KEPT_MAX) -> None:
        """Nothing was prepared yet."""
        self._prepare = prepare
        self._kept_max = kept_max
        self._by_hash: dict[str, Mine] = {}
        self._by_id: dict[str, Mine] = {}
        self._accepted: set[str] = set()
        self._is_read = False
        self.intents: Callable[[], Iterable[bytes]] = no_intents
        self.forgot: Callable[[str], None] = lambda _: None

    def prepared(self, order: SignedPrepared) -> Mine:
        """An order that may be sent."""
        mine = Mine(
            ours=order.client_order_id,
            order_id=order.venue_id,
            token_id=order.token_id,
            side=order.side,
            qty_1e8=order.qty_1e8,
        )
        return self._keep(mine)

    def _keep(self, mine: Mine) -> Mine:
        """It was asked for last; the one that was not for the longest makes room."""
        self._by_hash.pop(mine.order_id, None)
        self._by_hash[mine.order_id] = mine
        self._by_id[mine.ours] = mine
        while len(self._by_hash) > self._kept_max:
            oldest = self._by_hash.pop(next(iter(self._by_hash)))
            del self._by_id[oldest.ours]
            self._accepted.discard(oldest.order_id)
            self.forgot(oldest.order_id)
        return mine

    def accept(self, mine: Mine) -> None:
        """The venue has it, or had it."""
        if mine.order_id in self._by_hash:
            self._accepted.add(mine.order_id)

    def was_accepted(self, mine: Mine) -> bool:
        """The venue acknowledged it."""
        return mine.order_id in self._accepted

    def by_id(self, client_order_id: str) -> Mine | None:
        """An order by our id; None when no journal has its intent."""
        mine = self._by_id.get(client_order_id)
        if mine is not None:
            return self._keep(mine)
        for intent in self.intents():
            if read_intent(intent).client_order_id == client_order_id:
                return self._signed(intent)
        return None

    def by_hash(self, order_id: str) -> Mine | None:
        """An order by the venue's id; None when it is somebody else's, or long forgotten.

        Every trade names orders of others too, so that the journal is not read for each of them:
        its newest orders are taken over once, and what is prepared later is here already.
        """
        if order_id not in self._by_hash and not self._is_read:
            self._read()
        mine = self._by_hash.get(order_id)
        return None if mine is None else self._keep(mine)

    def _read(self) -> None:
        """Take the journal's newest orders over; again, while one cannot be signed yet."""
        newest = deque(self.intents(), maxlen=self._kept_max)
        unknown = [each for each in newest if read_intent(each).client_order_id not in self._by_id]
        signed = [self._signed(intent) for intent in unknown]
        self._is_read = all(mine is not None for mine in signed)

    def _signed(self, intent: bytes) -> Mine | None:
        with contextlib.suppress(CannotPrepareError):  # it never left, or its rules are not known
            return self.prepared(self._prepare(intent))
        return None
