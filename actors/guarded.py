"""The trader's side of the guard: the heartbeat, the hold, and what the guard did meanwhile (WD-6).

A beat is mail: the loop posts it, the lane handles it in its turn, and only then the page advances.
So a lane that stands still shows, and so does a loop; a thread that runs beside them hides neither.
"""

import asyncio
import contextlib
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
from storage.lease import FenceWord, Hold
from trading.config import NS_PER_S
from trading.errors import SafetyRefusedError
from trading.mail import MailClass

BEAT_EVERY_S: Final = 0.1
"""A tenth of the shortest silence at which a guard is meant to act."""
HOLD_WAIT_S: Final = 60.0
"""How long a start waits for a guard that takes the orders of the process before it off."""
GUARD: Final = "guard"
"""The breaker that is open while nobody watches."""
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
        word: Where a guard shows that it watches.
    """

    name = "heartbeat"

    def __init__(self, lane: Lane, page: HeartbeatPage, system: System, word: FenceWord) -> None:
        """Silent until `start`."""
        silence_max_s = system.config.watchdog.guard_silence_max_s
        self._guard = None if silence_max_s is None else GuardWatch(system, word, silence_max_s)
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
                journaled=sum(system.rounds.counted.values()),
                pending=system.rounds.pending(),
                orders=0 if core is None else len(core.orders()),
                positions=0 if core is None else len(core.positions()),
            )
        )
        if self._guard is not None:
            self._guard.look(time.monotonic_ns())

    def _ring(self) -> None:
        if not self._is_posted:
            self._is_posted = True
            self._lane.post(self, _BeatDue())
        self._timer = asyncio.get_running_loop().call_later(BEAT_EVERY_S, self._ring)


class GuardWatch:
    """Keeps entries waiting while nobody watches this trader, where the configuration says so.

    Args:
        system: Whose gate it shuts.
        word: Where a guard shows that it watches.
        silence_max_s: Without a beat for so long nobody does.
    """

    def __init__(self, system: System, word: FenceWord, silence_max_s: int) -> None:
        """Entries wait until the first beat is seen."""
        self._system = system
        self._word = word
        self._silence_max_ns = silence_max_s * NS_PER_S
        self._beat = word.guard_beat()
        self._seen_ns = 0
        self._is_watched = False
        system.wiring.breakers.show(GUARD, "no guard was seen yet")

    def look(self, now_ns: int) -> None:
        """Compare with the last look; `now_ns` is monotonic."""
        beat = self._word.guard_beat()
        if beat != self._beat:
            self._beat, self._seen_ns = beat, now_ns
            if not self._is_watched:
                self._turned("GuardSeen", "INFO", "a guard watches this trader", "")
        elif self._is_watched and now_ns - self._seen_ns > self._silence_max_ns:
            silent_s = (now_ns - self._seen_ns) / NS_PER_S
            text = f"no guard was seen for {silent_s:.1f} s: entries wait, exits and cancels go on"
            self._turned("GuardLost", "CRITICAL", text, f"no guard for {silent_s:.1f} s")

    def _turned(self, kind: str, severity: str, text: str, cause: str) -> None:
        self._is_watched = not self._is_watched
        self._system.wiring.breakers.show(GUARD, cause)
        self._system.wiring.note("guard", kind, {"text": text})
        self._system.ports.notify(severity, text, ())


async def heart_page(
    record: SqliteRecord, data_dir: Path, *, is_closing: bool = False
) -> HeartbeatPage:
    """The page of this process, once the guard holds trading no more.

    A hold that the guard lifts by itself is waited for: it is taking orders off. One that closes
    what is open is started within a hold, and only then.

    Raises:
        SafetyRefusedError: It is held for a person, or for longer than this waits; or it is not
            held, and something would be closed.
    """
    word = record.lease.word
    if is_closing:
        if word.hold() is not Hold.PERSON:
            raise SafetyRefusedError(
                f"trading on {data_dir} must be held by the guard before a process closes what is "
                "open, it is not: nothing was started"
            )
        return HeartbeatPage(data_dir)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HOLD_WAIT_S):
            while word.hold() is Hold.PASSING:  # noqa: ASYNC110 - another process's word
                await asyncio.sleep(BEAT_EVERY_S)
    if word.hold() is not Hold.FREE:
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
