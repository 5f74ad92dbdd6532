"""Events on their way to the clients of a stream, and the faults that they suffer there."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from brokers.sim.faults import FaultPlan, Kind


class Send(Protocol):
    """Write an event to those who listen; `how` is a way of the verb `malformed_event`."""

    def __call__(self, data: dict[str, Any], how: str | None = None) -> None:
        """Send it now."""


class Telling:
    """One stream's events, in their order unless a fault has it otherwise."""

    def __init__(self, faults: Callable[[], FaultPlan], send: Send) -> None:
        """Nothing is held back.

        Args:
            faults: The rules in force, which a reset renews.
            send: Writes.

        Attributes:
            taps: Hear every event as it happens, before any fault.
        """
        self._faults: Final = faults
        self._send: Final = send
        self.taps: list[Callable[[dict[str, Any]], None]] = []
        self._held: list[tuple[int, dict[str, Any]]] = []

    def publish(self, name: str, data: dict[str, Any]) -> None:
        """Tell an event; `name` is what a fault's pattern is compared with."""
        for tap in self.taps:
            tap(data)
        verbs = {rule.verb: rule for rule in self._faults().take(Kind.EVENT, name)}
        if "drop_event" in verbs:
            return
        if rule := verbs.get("delay_event"):
            asyncio.get_running_loop().call_later(rule.settings["ms"] / 1000, self._send, data)
            return
        if rule := verbs.get("reorder_events"):
            self._held.append((int(rule.settings["hold"]), data))
            return
        if rule := verbs.get("malformed_event"):
            self._send(data, how=rule.settings["how"])
            return
        self._send(data)
        if rule := verbs.get("repeat_event"):
            for _ in range(int(rule.settings["copies"])):
                self._send(data)
        self._release()

    def _release(self) -> None:
        """One more event has gone out; those that waited for it follow."""
        due = [data for left, data in self._held if left <= 1]
        self._held = [(left - 1, data) for left, data in self._held if left > 1]
        for data in due:
            self._send(data)
