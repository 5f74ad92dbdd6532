"""In DRY_RUN at a venue that can be asked beforehand: what each order would come to (BR-3)."""

import asyncio
from collections.abc import Callable
from typing import Any

from brokers.base import Prepared, PreviewingVenue


class Previews:
    """Asks the venue about each prepared order, and journals its answer.

    Args:
        venue: The way to it; its own connections, which carry nothing else.
        note: Journals a fact of the system: stream, kind, payload.
    """

    def __init__(
        self, venue: PreviewingVenue, note: Callable[[str, str, dict[str, Any]], None]
    ) -> None:
        """Nothing is asked yet."""
        self._venue = venue
        self._note = note
        self._asking: set[asyncio.Task[None]] = set()

    def ask(self, prepared: Prepared) -> None:
        """Ask about one order; nobody waits for it."""
        task = asyncio.get_running_loop().create_task(self._asked(prepared))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _asked(self, prepared: Prepared) -> None:
        found = await self._venue.preview(prepared)
        order = prepared.client_order_id
        payload = {
            "client_order_id": order,
            "is_ok": found.is_ok,
            "text": found.text,
            "figures": dict(found.figures),
        }
        self._note(f"prepared/{order}", "OrderPreviewed", payload)

    async def close(self) -> None:
        """Ask nothing more; what is under way is not waited for."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        await self._venue.close()
