"""Which journaled events a person is told of at once, how urgently, and under which name (AL-1).

Each kind of alert has a page of its name in docs/runbooks/ that says what to do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from console.timeline import told

Payload = Mapping[str, Any]


class Severity(StrEnum):
    """How urgent, from least to most."""

    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"

    def reaches(self, least: str) -> bool:
        """Whether it is at least as urgent as `least`."""
        order = list(Severity)
        return order.index(self) >= order.index(Severity(least))


class AlertKind(StrEnum):
    """What an alert is about; also the name of its page."""

    ACTOR_FAILED = "actor-failed"
    ASSERTION_FAILED = "assertion-failed"
    BREAKER_OPEN = "breaker-open"
    CHANNEL_TEST = "channel-test"
    DAILY_SUMMARY = "daily-summary"
    DRAWDOWN = "drawdown"
    ENTRIES_HALTED = "entries-halted"
    FEED_RED = "feed-red"
    GUARD_ACTED = "guard-acted"
    GUARD_LOST = "guard-lost"
    HEALTH_FAILED = "health-failed"
    KILL = "kill"
    KILL_UNFINISHED = "kill-unfinished"
    ORDER_REJECTED = "order-rejected"
    ORDER_UNKNOWN = "order-unknown"
    RECONCILIATION = "reconciliation"
    TRADER_GONE = "trader-gone"
    TRADER_RECOVERED = "trader-recovered"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that a person is told.

    Attributes:
        kind: What it is about.
        severity: How urgent it is.
        subject: Of what: alerts of one kind about one subject are the same alert, repeated.
        text: One line, or a whole summary.
        at_ns: When it happened, by the trader's time; 0 where only the wall's is known.
    """

    kind: AlertKind
    severity: Severity
    subject: str
    text: str
    at_ns: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two alerts the same one; what has become more urgent is another."""
        return (self.kind, self.severity, self.subject)


Found = tuple[AlertKind, Severity, str] | None
_GUARD_ACTS: Final = frozenset({"ClosingFailed", "Fenced", "Kill", "Killed", "LogBroken"})
_LOSSES: Final = frozenset({"daily_loss", "weekly_loss", "max_drawdown"})


def alert_of(kind: str, payload: Payload, at_ns: int) -> Alert | None:
    """The alert that a journaled event is; None for most."""
    rule = _RULES.get(kind)
    found = None if rule is None else rule(payload)
    if found is None:
        return None
    name, severity, subject = found
    text = told(kind, payload)
    if name in {AlertKind.ORDER_UNKNOWN, AlertKind.ORDER_REJECTED}:
        text = f"order {subject}: {text}"
    return Alert(kind=name, severity=severity, subject=subject, text=text, at_ns=at_ns)


def _order(event: Payload) -> Found:
    match event["new"]:
        case "UNKNOWN":
            return AlertKind.ORDER_UNKNOWN, Severity.CRITICAL, event["client_order_id"]
        case "REJECTED":
            return AlertKind.ORDER_REJECTED, Severity.WARNING, event["client_order_id"]
        case _:
            return None


def _breaker(event: Payload) -> Found:
    if event["new"] != "OPEN":
        return None
    severity = Severity.CRITICAL if event.get("is_latched") else Severity.WARNING
    return AlertKind.BREAKER_OPEN, severity, event["name"]


def _protection(event: Payload) -> Found:
    name = str(event["name"]).lower()
    return (AlertKind.DRAWDOWN, Severity.CRITICAL, name) if name in _LOSSES else None


def _kill_level(event: Payload) -> Found:
    if event["new"] == "NONE":
        return None
    severity = Severity.WARNING if event["new"] == "PAUSE" else Severity.CRITICAL
    return AlertKind.KILL, severity, event["new"]


def _kill_finished(event: Payload) -> Found:
    if not event["failed"] and not event["remaining"]:
        return None
    return AlertKind.KILL_UNFINISHED, Severity.CRITICAL, event["level"]


def _drift(event: Payload) -> Found:
    severity = Severity.WARNING if event["is_adopted"] else Severity.CRITICAL
    return AlertKind.RECONCILIATION, severity, f"{event['instrument']} {event['subject']}".strip()


def _gave_up(event: Payload) -> Found:
    return AlertKind.ACTOR_FAILED, Severity.CRITICAL, event["name"]


def _asserted(event: Payload) -> Found:
    severity = Severity.WARNING if event["is_only_stale"] else Severity.CRITICAL
    return AlertKind.ASSERTION_FAILED, severity, f"{event['assertion']} {event['subject']}"


def _violated(event: Payload) -> Found:
    return AlertKind.ASSERTION_FAILED, Severity.CRITICAL, f"{event['name']} {event['subject']}"


def _halted(event: Payload) -> Found:
    return AlertKind.ENTRIES_HALTED, Severity.CRITICAL, f"{event['scope']} {event['key']}".strip()


def _guard(event: Payload) -> Found:
    """What the guard did while there was no trader to journal it; taken over at the next start."""
    if event["kind"] in _GUARD_ACTS:
        return AlertKind.GUARD_ACTED, Severity.CRITICAL, event["kind"]
    if event["kind"] == "Warned":
        return AlertKind.GUARD_ACTED, Severity.WARNING, event["kind"]
    return None


_RULES: Final[Mapping[str, Callable[[Payload], Found]]] = {
    "ActorGaveUp": _gave_up,
    "AssertionFailed": _asserted,
    "BreakerChanged": _breaker,
    "DriftFound": _drift,
    "GuardLogged": _guard,
    "GuardLost": lambda _: (AlertKind.GUARD_LOST, Severity.CRITICAL, "guard"),
    "Halted": _halted,
    "InvariantViolated": _violated,
    "KillFinished": _kill_finished,
    "KillLevelChanged": _kill_level,
    "MessageQuarantined": _gave_up,
    "OrderChanged": _order,
    "ProtectionTripped": _protection,
    "Recovered": lambda _: (AlertKind.TRADER_RECOVERED, Severity.WARNING, "trader"),
    "SystemHalted": _gave_up,
}
