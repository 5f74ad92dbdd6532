"""Our clock beside others': at the start and hourly, logged, shown, and a breaker (MD-3).

A clock that is certainly farther away than `max_ns` opens the breaker `clock` for entries; it is
reset once every clock that answers is near again. What did not answer, or too slowly to tell, says
nothing, and is told of.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from actors.breakers import Breakers
from actors.operator_words import ClockSeen
from brokers.offset import Offset

BREAKER: Final = "clock"
EVERY_S: Final = 3600.0
TRIES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockPlan:
    """What a watch is made of.

    Attributes:
        ask: Each clock by name; an exception of `faults` is no answer.
        faults: What asking may raise.
        seen: Filled with what each clock showed; `/health` and `status` read it.
        breakers: Of the account.
        warn_ns: From here on a person is told.
        max_ns: Beyond this nothing enters.
        now_ns: The lane's clock.
        note: Journals a fact of the system: stream, kind, payload.
        notify: Told severity, text and ids.
        sleep: Waits; asyncio's by default.
    """

    ask: Mapping[str, Callable[[], Awaitable[Offset]]]
    faults: tuple[type[BaseException], ...]
    seen: dict[str, ClockSeen]
    breakers: Breakers
    warn_ns: int
    max_ns: int
    now_ns: Callable[[], int]
    note: Callable[[str, str, dict[str, Any]], None]
    notify: Callable[[str, str, tuple[str, ...]], None]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class ClockWatch:
    """Asks every clock again and again."""

    def __init__(self, plan: ClockPlan, close: Callable[[], Awaitable[None]]) -> None:
        """Nothing was asked; `close` lets the connections go."""
        self.plan, self._close = plan, close

    async def run(self) -> None:
        """Look now, and every hour, until cancelled."""
        try:
            while True:
                await self.look()
                await self.plan.sleep(EVERY_S)
        finally:
            await self._close()

    async def look(self) -> None:
        """Ask each clock once, and judge."""
        plan = self.plan
        far = []
        for name, ask in plan.ask.items():
            offset, problem = await self._asked(ask)
            seen = self._judged(name, offset, problem)
            plan.seen[name] = seen
            plan.note(f"clock/{name}", "ClockOffset", dict(seen))
            if seen["verdict"] != "NEAR":
                plan.notify("WARNING", f"clock {name}: {offset or problem}", ())
            if seen["verdict"] == "FAR":
                far.append(f"{name} is {offset} from ours, at most {plan.max_ns / 1e6:g} ms")
        if far:
            plan.breakers.endpoint(BREAKER).latch("; ".join(far))
        elif plan.breakers.has(BREAKER):
            plan.breakers.endpoint(BREAKER).reset("every clock that answers is near")

    async def _asked(self, ask: Callable[[], Awaitable[Offset]]) -> tuple[Offset | None, str]:
        """The narrowest interval of some tries."""
        found, problem = None, ""
        for _ in range(TRIES):
            try:
                offset = await ask()
            except self.plan.faults as error:
                problem = f"{type(error).__name__}: {error}"
                continue
            found = offset if found is None else found.narrowed(offset)
            if found.half_ns <= self.plan.warn_ns:
                break
        return found, problem

    def _judged(self, name: str, offset: Offset | None, problem: str) -> ClockSeen:
        plan = self.plan
        if offset is None:
            verdict = "SILENT"
        elif offset.is_beyond(plan.max_ns):
            verdict = "FAR"
        elif offset.is_beyond(plan.warn_ns):
            verdict = "OFF"
        else:
            verdict = "NEAR" if offset.half_ns <= plan.max_ns else "UNSURE"
        return ClockSeen(
            name=name,
            offset_ns=None if offset is None else offset.middle_ns,
            within_ns=None if offset is None else offset.half_ns,
            verdict=verdict,
            at_ns=plan.now_ns(),
            problem="" if offset is not None else problem,
        )
