"""Reads what happens, writes it as a log, and tells people what they must know (AL-1, AL-4).

It runs in the console's process: trading does not know of it. What was read and whose messages have
come to an end stands in `alerts.json`; after a restart it goes on there, so that an alert may come
twice and is not lost.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import apsw
import orjson
import structlog

from console.alert_channels import Channel, ChannelThread, Outcome
from console.alert_desk import AlertDesk, Delivery
from console.alert_rules import Alert, AlertKind, Severity, alert_of
from console.board import Board
from console.daily import summary_of, summary_text
from console.log_files import ALERTS, EVENTS, LogFile
from console.reader import RecordReader
from console.tail import ROWS_AT_ONCE, Entry, position_now, read_after
from console.timeline import told
from console.urgency import severity_of
from trading.config_desk import AlertsSection, LogsSection
from trading.errors import HoldfastError

LOOK_EVERY_S: Final = 0.5
DRAIN_LIMIT_S: Final = 10.0
STATE_FILE: Final = "alerts.json"
_SHOWN: Final = 20
_KILLED: Final = "killed: "  # a kill is an alert of its own
_SECOND_NS: Final = 1_000_000_000
_READ_FAULTS: Final = (HoldfastError, apsw.Error, OSError, ValueError, KeyError, TypeError)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlerterParts:
    """What it reads, whom it tells, and whose clock it goes by."""

    data_dir: Path
    board: Board
    alerts: AlertsSection
    logs: LogsSection
    channels: Mapping[str, Channel]
    wall_ns: Callable[[], int]


@dataclass(slots=True)
class _Lasting:
    """Something that is wrong now, since when, and whether that was told."""

    since_ns: int
    is_told: bool = False


@dataclass(slots=True)
class _Position:
    """What was read, and from where on messages are still under way."""

    read: int
    pending: dict[int, int] = field(default_factory=dict)

    @property
    def safe(self) -> int:
        """Everything up to here has come to an end."""
        return min(self.pending) - 1 if self.pending else self.read

    def begin(self, pos: int) -> None:
        """One more message about that event."""
        self.pending[pos] = self.pending.get(pos, 0) + 1

    def end(self, pos: int) -> None:
        """One less."""
        self.pending[pos] -= 1
        if not self.pending[pos]:
            del self.pending[pos]


class Alerter:
    """Follows the journal and the board, until it is cancelled."""

    def __init__(self, parts: AlerterParts) -> None:
        """Nothing is read yet."""
        self._parts = parts
        self._desk = AlertDesk(parts.alerts, wall_ns=parts.wall_ns)
        self._threads = {name: ChannelThread(name, each) for name, each in parts.channels.items()}
        self._events = LogFile(parts.data_dir, EVENTS, parts.logs)
        self._alerts = LogFile(parts.data_dir, ALERTS, parts.logs)
        self._lasting: dict[tuple[str, ...], _Lasting] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._shown: deque[dict[str, Any]] = deque(maxlen=_SHOWN)
        self._closed: list[Entry] = []
        self._position: _Position | None = None
        self._saved = -1

    async def run(self) -> None:
        """For ever; a fault of one look is logged, and the next look is as good as the first."""
        self._show()
        while True:
            try:
                await self.look()
            except _READ_FAULTS as error:
                _log.warning("the journal cannot be read", error=str(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Take in what is new in the journal, then what is wrong on the board."""
        position = await self._begun()
        closed, self._closed = self._closed, []
        while entries := await asyncio.to_thread(read_after, self._parts.data_dir, position.read):
            await asyncio.to_thread(self._events.write, [log_line(each) for each in entries])
            for entry in entries:
                await self._take(entry)
                position.read = entry.pos
            if len(entries) < ROWS_AT_ONCE:
                break
        for entry in closed:  # one look later: strategies count behind the session's end
            try:
                found = await asyncio.to_thread(self._summary, entry)
                self._tell(self._desk.take(found), entry.pos)
            finally:
                position.end(entry.pos)
        for alert in self._conditions():
            self._tell(self._desk.take(alert), 0)
        self._tell(self._desk.due(), 0)
        self._save(position)

    async def drain(self) -> None:
        """Before the process ends: what is new, and what is under way, for ten seconds at most."""
        with contextlib.suppress(TimeoutError, *_READ_FAULTS):
            async with asyncio.timeout(DRAIN_LIMIT_S):
                await self.look()
                await self.look()
                while self._sending:
                    await asyncio.wait(set(self._sending))
        if self._position is not None:
            self._save(self._position)

    # --- what happens --------------------------------------------------------------------------

    async def _begun(self) -> _Position:
        if self._position is None:
            data_dir, now_ns = self._parts.data_dir, self._parts.wall_ns()
            try:
                read = int(orjson.loads((data_dir / STATE_FILE).read_bytes())["pos"])
            except (OSError, ValueError, TypeError, KeyError):
                read = await asyncio.to_thread(position_now, data_dir, now_ns)
            self._position = _Position(read)
        return self._position

    async def _take(self, entry: Entry) -> None:
        if entry.kind == "RunStarted":
            made_up = " SYNTHETIC" if entry.payload.get("is_synthetic") else ""
            account = entry.payload.get("account", "")
            self._desk.where = f"{entry.payload.get('mode', '')}{made_up} {account}".strip()
        try:
            found = alert_of(entry.kind, entry.payload, entry.at_ns)
        except (KeyError, TypeError, ValueError) as error:  # an event of another version
            _log.warning("an event cannot be judged", kind=entry.kind, error=repr(error))
            found = None
        if entry.kind == "SessionClosed" and self._position is not None:
            self._position.begin(entry.pos)
            self._closed.append(entry)
        if found is not None:
            self._tell(self._desk.take(found), entry.pos)

    def _summary(self, entry: Entry) -> Alert:
        day = int(entry.payload["session_date"])
        with RecordReader(self._parts.data_dir) as reader:
            found = summary_of(reader, day, entry.run)
        return Alert(
            kind=AlertKind.DAILY_SUMMARY,
            severity=Severity.INFO,
            subject=f"{entry.run} {day}",
            text=summary_text(found),
            at_ns=entry.at_ns,
        )

    # --- what is wrong now ---------------------------------------------------------------------

    def _conditions(self) -> list[Alert]:
        """What has been wrong for long enough and was not told; told again only after its end."""
        now_ns = self._parts.wall_ns()
        wrong = {alert.key: alert for alert in wrong_now(self._parts.board)}
        self._lasting = {key: self._lasting.get(key, _Lasting(now_ns)) for key in wrong}
        found = []
        for key, lasting in self._lasting.items():
            is_due = now_ns - lasting.since_ns >= self._parts.alerts.lasting_s * _SECOND_NS
            if is_due and not lasting.is_told:
                lasting.is_told = True
                found.append(wrong[key])
        return found

    # --- telling -------------------------------------------------------------------------------

    def _tell(self, deliveries: list[Delivery], pos: int) -> None:
        for delivery in deliveries:
            if pos and self._position is not None:
                self._position.begin(pos)
            sending = asyncio.create_task(self._send(delivery, pos))
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)

    async def _send(self, delivery: Delivery, pos: int) -> None:
        outcome = await self._threads[delivery.channel].send(delivery)
        if outcome.reason:
            self._tell(self._desk.failed(delivery, outcome.reason), pos)
        line = alert_line(outcome, self._parts.wall_ns())
        self._shown.append(line)
        self._show()
        await asyncio.to_thread(self._alerts.write, [line])
        if pos and self._position is not None:
            self._position.end(pos)

    def _show(self) -> None:
        names = {each.name: each.severity_min for each in self._parts.alerts.channels}
        self._parts.board.put("alerts", {"channels": names, "told": list(self._shown)})

    def _save(self, position: _Position) -> None:
        if position.safe == self._saved:
            return
        target = self._parts.data_dir / STATE_FILE
        aside = target.with_suffix(".tmp")
        with contextlib.suppress(OSError):
            aside.write_bytes(orjson.dumps({"pos": position.safe}) + b"\n")
            aside.replace(target)
            self._saved = position.safe


def wrong_now(board: Board) -> list[Alert]:
    """What the board says is wrong: feeds, readiness, a trader that is away."""
    found = []
    trader, run = board.get("trader") or {}, board.get("run") or {}
    health = board.get("health") or {}
    state = trader.get("state")
    if state in {"gone", "silent"} and run and run.get("ended_ns") is None:
        found.append(_gone(state, str(run.get("run", ""))))
    if state != "live":
        return found
    for feed in health.get("feeds") or []:
        if feed.get("freshness") == "RED":
            age_s = feed.get("age_ns", 0) / _SECOND_NS
            text = f"feed {feed['name']} is red: its newest item is {age_s:.0f} s old"
            found.append(_alert(AlertKind.FEED_RED, Severity.WARNING, feed["name"], text))
    reasons = [each for each in health.get("why_not_ready") or [] if not each.startswith(_KILLED)]
    if reasons:
        why = "; ".join(reasons)
        text = f"the trader may not enter: {why}"
        found.append(_alert(AlertKind.HEALTH_FAILED, Severity.WARNING, why, text))
    return found


def _gone(state: str, run: str) -> Alert:
    what = "has no process" if state == "gone" else "does not answer"
    text = f"run {run} did not end and its trader {what}; what is open is not watched"
    return _alert(AlertKind.TRADER_GONE, Severity.CRITICAL, f"{run} {state}", text)


def _alert(kind: AlertKind, severity: Severity, subject: str, text: str) -> Alert:
    return Alert(kind=kind, severity=severity, subject=subject, text=text)


def log_line(entry: Entry) -> dict[str, Any]:
    """A journaled event as a line of the log, with the ids to search by (AL-4)."""
    payload = entry.payload
    order_id = payload.get("client_order_id") or _part(entry.stream, "order/")
    trade_id = payload.get("trade_id") or payload.get("position_id") or ""
    line = {
        "at_ns": entry.at_ns,
        "committed_ns": entry.committed_ns,
        "level": severity_of(entry.kind, payload),
        "kind": entry.kind,
        "text": told(entry.kind, payload),
        "run": entry.run,
        "journal": f"{entry.journal_id}/{entry.seq}",
        "stream": entry.stream,
        "order_id": order_id,
        "trade_id": trade_id or _part(entry.stream, "position/"),
        "signal_id": payload.get("signal_id", ""),
    }
    return {key: value for key, value in line.items() if value != ""}


def alert_line(outcome: Outcome, wall_ns: int) -> dict[str, Any]:
    """What became of a message, as a line of the log and of the page."""
    delivery = outcome.delivery
    line = {
        "wall_ns": wall_ns,
        "kind": delivery.alert.kind,
        "severity": delivery.alert.severity,
        "channel": delivery.channel,
        "is_taken": not outcome.reason,
        "took_ms": outcome.took_ms,
        "reason": outcome.reason,
        "instead_of": delivery.instead_of,
        "subject": delivery.alert.subject,
        "text": delivery.alert.text,
    }
    return {key: value for key, value in line.items() if value != ""}


def _part(stream: str, prefix: str) -> str:
    return stream.removeprefix(prefix) if stream.startswith(prefix) else ""
