"""Automated kills: each trigger is independent, each maps to a level by configuration (KC-7).

A trigger fires on what is journaled. A protection stops entries and lets them go on by itself; a
trigger with a level raises that level beside it, and the level stays latched until a person lifts
it. A check that raises counts as fired.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson

from actors.operator_words import KillLevel, KillRequest


class Trigger(StrEnum):
    """What may fire."""

    DAILY_LOSS = "daily_loss"
    DRAWDOWN = "drawdown"
    VOLATILITY = "volatility"
    TIME_WINDOW = "time_window"
    RECONCILIATION = "reconciliation"
    ASSERTION = "assertion"
    HEARTBEAT = "heartbeat"


PROTECTIONS: Final[Mapping[str, Trigger]] = {
    "daily_loss": Trigger.DAILY_LOSS,
    "weekly_loss": Trigger.DAILY_LOSS,
    "max_drawdown": Trigger.DRAWDOWN,
    "volatility_halt": Trigger.VOLATILITY,
    "time_window": Trigger.TIME_WINDOW,
}
"""Protections of the core that are triggers too."""


FIRING: Final = frozenset({"ProtectionTripped", "Reconciled", "AssertionFailed", "SystemHalted"})
"""Kinds of the events that may fire one; no other is looked at."""


def fired_by(event: Any) -> tuple[Trigger, str] | None:
    """The trigger that a journaled event fires, with its cause."""
    match event.kind:
        case "ProtectionTripped":
            fields = orjson.loads(event.payload)
            trigger = PROTECTIONS.get(str(fields["name"]).lower())
            return None if trigger is None else (trigger, f"protection {fields['name']}")
        case "Reconciled":
            fields = orjson.loads(event.payload)
            text = "our books and the venue's differ too much"
            return (Trigger.RECONCILIATION, text) if fields["is_stopped"] else None
        case "AssertionFailed":
            fields = orjson.loads(event.payload)
            if fields["is_only_stale"]:
                return None
            return Trigger.ASSERTION, f"{fields['assertion']}: {fields['text']}"
        case "SystemHalted":
            return Trigger.HEARTBEAT, str(orjson.loads(event.payload)["reason"])
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggersPlan:
    """What the triggers act with.

    Attributes:
        levels: The level of each; one that has none is logged and does no more.
        kill: Raises the gate and mails the kill to its owner.
        note: Journals that a trigger fired.
        run: Stands in the kills' ids.
    """

    levels: Mapping[Trigger, KillLevel]
    kill: Callable[[KillRequest], None]
    note: Callable[[str, str, dict[str, Any]], None]
    run: str


class Triggers:
    """Listens to what becomes durable."""

    def __init__(self, plan: TriggersPlan) -> None:
        """Nothing has fired in this process."""
        self._plan = plan
        self._fired = 0

    def see(self, journal_id: str, events: Sequence[Any], last_seq: int) -> None:
        """Hear of durable events, as `Rounds.watch` tells them of `FIRING`."""
        first = last_seq - len(events)
        for at, event in enumerate(events, start=1):
            key = f"{journal_id}-{first + at}"
            try:
                found = fired_by(event)
            except Exception as error:  # noqa: BLE001 - a check that raises counts as tripped
                found = (Trigger.ASSERTION, f"the check of {event.kind} failed: {error!r}")
            if found is not None:
                self._fire(*found, key)

    def _fire(self, trigger: Trigger, cause: str, key: str) -> None:
        level = self._plan.levels.get(trigger)
        self._plan.note(
            f"trigger/{trigger}",
            "TriggerFired",
            {"trigger": trigger, "level": level or "NONE", "cause": cause},
        )
        if level is not None:
            self._plan.kill(
                KillRequest(
                    id=f"trigger-{trigger}-{self._plan.run}-{key}",
                    level=level,
                    reason=cause,
                    by=f"trigger:{trigger}",
                )
            )
