"""Who is told which alert, how often, and by which way when a channel fails (AL-1).

Nothing here sends or waits: alerts and outcomes come in, deliveries come out.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from console.alert_rules import Alert, AlertKind, Severity
from console.render import moment
from trading.config_desk import AlertsSection

_HOUR_NS: Final = 3_600 * 1_000_000_000
_SECOND_NS: Final = 1_000_000_000
_KEYS_KEPT: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one channel.

    Attributes:
        channel: Its name.
        alert: What it says.
        title: First line.
        body: The rest, which ends with where to read what to do.
        instead_of: The channel that did not take it, where this is the fallback.
    """

    channel: str
    alert: Alert
    title: str
    body: str
    instead_of: str = ""


@dataclass(slots=True)
class _Channel:
    told_ns: deque[int] = field(default_factory=deque)
    withheld: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Seen:
    told_ns: int
    more: int = 0


class AlertDesk:
    """Keeps repetitions and floods from people, and finds another way when one is shut."""

    def __init__(self, section: AlertsSection, *, wall_ns: Callable[[], int]) -> None:
        """Nothing was told yet; `where` is set once it is known what runs."""
        self._section = section
        self._wall_ns = wall_ns
        self._channels = {channel.name: _Channel() for channel in section.channels}
        self._seen: dict[tuple[str, ...], _Seen] = {}
        self.where = ""

    def take(self, alert: Alert) -> list[Delivery]:
        """Whom to tell; nobody when the same was told a short while ago, or too much in an hour."""
        now_ns = self._wall_ns()
        seen = self._seen.get(alert.key)
        if seen is not None and now_ns - seen.told_ns < self._section.repeat_after_s * _SECOND_NS:
            seen.more += 1
            return []
        if seen is not None and seen.more:
            text = f"{alert.text}\n({seen.more} more since {moment(seen.told_ns)})"
            alert = replace(alert, text=text)
        self._remember(alert, now_ns)
        return self._told(alert, self._regular(alert), now_ns)

    def failed(self, delivery: Delivery, reason: str) -> list[Delivery]:
        """A channel did not take it: the fallbacks, which are not asked twice."""
        if delivery.instead_of:
            return []
        text = f"{delivery.alert.text}\n(channel {delivery.channel} did not take this: {reason})"
        alert = replace(delivery.alert, text=text)
        names = [each.name for each in self._section.channels if each.is_fallback]
        found = self._told(alert, (n for n in names if n != delivery.channel), self._wall_ns())
        return [replace(each, instead_of=delivery.channel) for each in found]

    def due(self) -> list[Delivery]:
        """What was withheld, told in one message as soon as a channel has room again."""
        now_ns = self._wall_ns()
        found = []
        for name, channel in self._channels.items():
            if channel.withheld and self._has_room(channel, Severity.INFO, now_ns):
                counts = ", ".join(f"{kind} {n}" for kind, n in channel.withheld.most_common())
                text = f"{channel.withheld.total()} alerts were withheld: {counts}"
                channel.withheld.clear()
                alert = Alert(
                    kind=AlertKind.WITHHELD, severity=Severity.WARNING, subject=name, text=text
                )
                found += self._told(alert, [name], now_ns)
        return found

    def _regular(self, alert: Alert) -> list[str]:
        if alert.kind is AlertKind.DAILY_SUMMARY:
            return [c.name for c in self._section.channels if c.gets_summary and not c.is_fallback]
        return [
            channel.name
            for channel in self._section.channels
            if not channel.is_fallback and alert.severity.reaches(channel.severity_min)
        ]

    def _told(self, alert: Alert, names: Iterable[str], now_ns: int) -> list[Delivery]:
        found = []
        for name in names:
            channel = self._channels[name]
            if not self._has_room(channel, alert.severity, now_ns):
                channel.withheld[alert.kind] += 1
                continue
            channel.told_ns.append(now_ns)
            found.append(delivery_of(alert, name, where=self.where, section=self._section))
        return found

    def _has_room(self, channel: _Channel, severity: Severity, now_ns: int) -> bool:
        while channel.told_ns and now_ns - channel.told_ns[0] >= _HOUR_NS:
            channel.told_ns.popleft()
        most = self._section.hourly_max
        kept = 0 if severity is Severity.CRITICAL else most // 4
        return len(channel.told_ns) < most - kept

    def _remember(self, alert: Alert, now_ns: int) -> None:
        self._seen[alert.key] = _Seen(now_ns)
        while len(self._seen) > _KEYS_KEPT:
            del self._seen[next(iter(self._seen))]


def delivery_of(alert: Alert, channel: str, *, where: str, section: AlertsSection) -> Delivery:
    """An alert as a channel is given it."""
    page = f"{section.runbooks.rstrip('/')}/{alert.kind}.md"
    at = f"at {moment(alert.at_ns)}\n" if alert.at_ns else ""
    title = " · ".join(part for part in (alert.severity, where, str(alert.kind)) if part)
    body = f"{alert.text}\n{at}What to do: {page}"
    return Delivery(channel=channel, alert=alert, title=title, body=body)
