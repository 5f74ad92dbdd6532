"""How urgent a journaled event is for the person who watches."""

from collections.abc import Mapping
from typing import Any, Final

_CRITICAL: Final = frozenset(
    {
        "ActorGaveUp",
        "AssertionFailed",
        "GuardLost",
        "Halted",
        "IntegrityViolated",
        "InvariantViolated",
        "SystemHalted",
    }
)
_WARNING: Final = frozenset(
    {
        "ActorCrashed",
        "ActorRestarted",
        "AttemptRefused",
        "BreakerChanged",
        "DriftFound",
        "DuplicateRefused",
        "FeedGap",
        "GuardLogged",
        "KillLevelChanged",
        "MessageQuarantined",
        "ProtectionTripped",
        "Recovered",
        "TriggerFired",
        "WatchdogFired",
    }
)
_STATES: Final = frozenset({"UNKNOWN", "REJECTED"})


def severity_of(kind: str, payload: Mapping[str, Any]) -> str:
    """INFO, WARNING or CRITICAL."""
    if kind in _CRITICAL or (kind == "OrderChanged" and payload.get("new") == "UNKNOWN"):
        return "CRITICAL"
    if kind in _WARNING or (kind == "OrderChanged" and payload.get("new") in _STATES):
        return "WARNING"
    if kind == "VerdictGiven" and not payload.get("is_approved", True):
        return "WARNING"
    if kind == "KillFinished" and (payload.get("failed") or payload.get("remaining")):
        return "CRITICAL"
    return "INFO"
