"""Cancelling many at once, also where one call for all of them would be refused.

The venue counts a cancel-all as one and every order it cancels, and refuses it whole when that is
more than its bucket holds: with 200 orders it can never pass (polymarket.md, 11). Parts that name
their orders always do, and touch nobody else's.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from brokers.calls import CALL_ERRORS
from brokers.polymarket.rest import Rest

PART: Final = 50
"""Orders cancelled by one call: less than what refills in a second, far below what is allowed."""
REFILL_S: Final = 0.65
"""Within this as many tokens come back as a part costs (80 a second)."""


async def cancel_named(
    rest: Rest, order_ids: Sequence[str], allow: Callable[[], None]
) -> frozenset[str]:
    """Ask for a cancel of each; those whose cancel was taken, of whatever parts were answered."""
    taken: set[str] = set()
    for first in range(0, len(order_ids), PART):
        part = order_ids[first : first + PART]
        if first:
            await asyncio.sleep(REFILL_S)
        try:
            taken |= set((await rest.cancel_batch(part, allow)).canceled)
        except CALL_ERRORS:
            continue  # each of them is asked for by itself
    return frozenset(taken)
