"""A venue's dead-man switch: it cancels our orders when it hears nothing from us (KC-10).

While its heartbeat is not acknowledged, nothing that adds risk leaves: an entry would stand at a
venue that is about to cancel it, or has lost sight of us. Cancels and exits pass.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

BREAKER = "heartbeat"
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadManPlan:
    """What it needs.

    Attributes:
        beat: One heartbeat; its result is the problem, empty when the venue acknowledged it.
        every_ns: How often.
        lapse_ns: The venue cancels everything after so long without one.
        now_ns: The lane's clock.
        hold: Told why entries wait, empty when they need not.
        lapsed: Called when the venue has heard nothing for so long and answers again: whatever it
            cancelled is to be learned before entries leave.
        notify: Told severity and text.
    """

    beat: Callable[[], Awaitable[str]]
    every_ns: int
    lapse_ns: int
    now_ns: Callable[[], int]
    hold: Callable[[str], None]
    lapsed: Callable[[], None]
    notify: Callable[[str, str], None]


class DeadMan:
    """Beats until it is cancelled."""

    def __init__(self, plan: DeadManPlan) -> None:
        """Entries wait for the first acknowledgement."""
        self._plan = plan
        self._heard_ns = 0
        self._is_held = True
        plan.hold("the venue has not acknowledged the heartbeat yet")

    async def follow(self) -> None:
        """Beat for ever; a beat that is not answered before the next is due is a missed one."""
        every_s = self._plan.every_ns / NS_PER_S
        while True:
            asked_ns = self._plan.now_ns()
            try:
                async with asyncio.timeout(every_s):
                    problem = await self._plan.beat()
            except TimeoutError:
                problem = "no answer"
            if problem:
                self._missed(problem)
            else:
                self._acknowledged(asked_ns)
            await asyncio.sleep(every_s)

    def _missed(self, problem: str) -> None:
        if not self._is_held:
            self._is_held = True
            text = f"the venue does not acknowledge the heartbeat ({problem})"
            self._plan.hold(text)
            self._plan.notify("ERROR", f"{text}: no new entry")

    def _acknowledged(self, asked_ns: int) -> None:
        """The venue counts from when the beat reached it, which is not before it was sent."""
        plan, heard_ns = self._plan, self._heard_ns
        self._heard_ns = asked_ns
        if heard_ns and asked_ns - heard_ns >= plan.lapse_ns:
            silent_s = (asked_ns - heard_ns) // NS_PER_S
            text = f"the venue heard nothing for {silent_s} s and has cancelled our orders"
            plan.notify("CRITICAL", text)
            plan.lapsed()
        if self._is_held:
            self._is_held = False
            plan.hold("")
