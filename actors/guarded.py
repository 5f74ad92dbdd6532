"""The trader's side of the guard: the heartbeat, the hold, and what the guard did meanwhile (WD-6).

A beat is mail: the loop posts it, the lane handles it in its turn, and only then the page advances.
So a lane that stands still shows, and so does a loop; a thread that runs beside them hides neither.
"""

import asyncio
import time
from pathlib import Path
from typing import Any, ClassVar, Final

import orjson

from actors.lane import Lane
from actors.operator_words import KillLevel, KillRequest
from actors.system import System
from actors.trader_port import RunningTrader
from actors.watchdog import QueueAge
from storage import LeaseLostError, SqliteRecord
from storage.guard_log import guard_lines
from storage.heartbeat import HeartbeatPage, Phase, Vitals
from trading.errors import SafetyRefusedError
from trading.mail import MailClass

BEAT_EVERY_S: Final = 0.1
"""A tenth of the shortest silence at which a guard is meant to act."""
NOTED: Final = "GuardLogged"
_KNOWN: Final = "SELECT DISTINCT payload ->> '$.digest' FROM journal WHERE kind = :kind"


class _BeatDue:
    """CONTROL mail of the loop to the lane."""

    MAIL: ClassVar[MailClass] = MailClass.CONTROL


class Heart:
    """Beats for as long as the lane turns.

    Args:
        lane: Who advances the page.
        page: What the guard sees.
        system: Whose vital figures it shows.
    """

    name = "heartbeat"

    def __init__(self, lane: Lane, page: HeartbeatPage, system: System) -> None:
        """Silent until `start`."""
        self._lane = lane
        self._page = page
        self._system = system
        self._queue = QueueAge()
        self._is_posted = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """The lane turns: beat from now on."""
        self._page.enter(Phase.TRADING)
        self._ring()

    def stopping(self) -> None:
        """What is in flight is resolved; the lane may pause meanwhile."""
        self._page.enter(Phase.STOPPING)

    def close(self) -> None:
        """Beat no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def deliver(self, _: _BeatDue) -> None:
        """The lane's turn has come to this beat."""
        self._is_posted = False
        lane, system, core = self._lane, self._system, self._system.core
        handled = lane.handled - lane.overtaken
        self._page.beat(
            Vitals(
                mail_age_ns=self._queue.look(time.monotonic_ns(), handled, len(lane.normal)),
                journaled=system.rounds.counted.total(),
                pending=system.rounds.pending(),
                orders=0 if core is None else len(core.orders()),
                positions=0 if core is None else len(core.positions()),
            )
        )

    def _ring(self) -> None:
        if not self._is_posted:
            self._is_posted = True
            self._lane.post(self, _BeatDue())
        self._timer = asyncio.get_running_loop().call_later(BEAT_EVERY_S, self._ring)


def heart_page(record: SqliteRecord, data_dir: Path) -> HeartbeatPage:
    """The page of this process, unless the guard holds trading.

    Raises:
        SafetyRefusedError: It does, until a person releases it.
    """
    if record.lease.word.is_held():
        raise SafetyRefusedError(
            f"the guard holds trading on {data_dir}: guard.log there says why. Look at the venue, "
            "then `holdfast-guard release --reason ...`; nothing was started"
        )
    return HeartbeatPage(data_dir)


def refuse_when_fenced(record: SqliteRecord) -> None:
    """A run whose fence was raised did not end well, however it stopped.

    Raises:
        LeaseLostError: The guard, or a successor, took the right to send away meanwhile. What is
            open is not this process's any more: nothing is resolved or ended here.
    """
    if record.lease.is_lost():
        raise LeaseLostError(
            "the fence was raised while this trader ran: another instance has taken over, or the "
            "guard has stopped it; from then on it sent and recorded nothing. `holdfast status` "
            "says who trades, guard.log what the guard did; `holdfast run --recover` goes on"
        )


def take_up_guard(port: RunningTrader, data_dir: Path) -> None:
    """Journal what the guard did since the last run, and carry its kills on (KC-4).

    Raises:
        RecordDamagedError: Somebody changed the guard's log.
    """
    system = port.system
    rows = system.ports.record.query(_KNOWN, {"kind": NOTED})
    known = {digest for (digest,) in rows}
    for line in guard_lines(data_dir):
        if line.digest in known:
            continue
        noted = {"digest": line.digest, "at_ns": line.at_ns, "kind": line.kind}
        system.wiring.note(
            "guard", NOTED, {**noted, "payload": orjson.dumps(line.payload).decode()}
        )
        if line.kind == "Kill":
            port.submit_kill(_kill(line.payload), lambda _: None)


def _kill(payload: dict[str, Any]) -> KillRequest:
    return KillRequest(
        id=payload["id"],
        level=KillLevel(payload["level"]),
        reason=payload["reason"],
        by=payload["by"],
    )
