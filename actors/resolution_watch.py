"""The ends of markets: asked for in a run, journaled, and what is held is settled (MD-8).

An outcome whose market is decided is worth what it pays, whatever was quoted last. Each position in
it gets its exit with the reason SETTLEMENT; the venue's adapter fills it when the venue has paid.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from brokers.venues import Resolution, Resolutions
from rust_core import Message, PositionView
from trading.money import show_1e8

EVERY_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionPlan:
    """What a watch is made of.

    Attributes:
        source: Asks the venue.
        faults: What asking may raise; it is asked again then.
        positions: What is open now.
        tell: Mails to the account.
        note: Journals a fact of the system: stream, kind, payload.
        notify: Told severity, text and ids.
        doubts: What else there is against a resolution: the reference's direction (MD-10).
        every_s: Between two questions.
    """

    source: Resolutions
    faults: tuple[type[BaseException], ...]
    positions: Callable[[], Sequence[PositionView]]
    tell: Callable[[Message], None]
    note: Callable[[str, str, dict[str, Any]], None]
    notify: Callable[[str, str, tuple[str, ...]], None]
    doubts: Callable[[Resolution], tuple[str, ...]] = lambda _: ()
    every_s: float = EVERY_S
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class ResolutionWatch:
    """Asks again and again."""

    def __init__(self, plan: ResolutionPlan) -> None:
        """No market is known to be decided."""
        self.plan = plan
        self._worth_1e8: dict[str, int] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        try:
            while True:
                try:
                    for found in await self.plan.source.ask():
                        self._take(found)
                except self.plan.faults:
                    pass  # asked again; the breaker of the endpoint knows
                self._settle()
                await self.plan.sleep(self.plan.every_s)
        finally:
            self.plan.source.close()

    def _take(self, found: Resolution) -> None:
        self._worth_1e8[found.instrument] = found.worth_1e8
        doubts = (*found.doubts, *self.plan.doubts(found))
        payload = {
            "instrument": found.instrument,
            "market": found.market,
            "worth_1e8": found.worth_1e8,
            "doubts": list(doubts),
        }
        self.plan.note(f"market/{found.market}", "MarketResolved", payload)
        for doubt in doubts:
            text = f"the resolution of {found.market[:14]} is not clear: {doubt}"
            self.plan.notify("CRITICAL", text, (found.instrument,))

    def _settle(self) -> None:
        """Ask for the exit of what is held; an exit that is under way is left alone."""
        for position in self.plan.positions():
            worth_1e8 = self._worth_1e8.get(position.instrument)
            if worth_1e8 is not None:
                text = f"its market was decided: {show_1e8(worth_1e8)}"
                self.plan.tell(
                    Message.exit_advice(
                        position.strategy, position.instrument, "SETTLEMENT", text, worth_1e8
                    )
                )
