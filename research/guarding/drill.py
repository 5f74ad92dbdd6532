"""Each fault against real processes: how long until it is seen, until it is safe, what is left."""

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from research.crash.live import venue
from research.guarding.closing import CLOSED, closed
from research.guarding.parts import PARTS, killed
from research.guarding.stage import GUARD, DrillFailedError, Hook, Stage

__all__ = ["FAULTS", "NAMES", "NO_MOUNT", "DrillFailedError", "Row", "drill", "run"]

_SWEPT: Final = "no order of ours works"
_TOLD: Final = "the fence is raised"
_DISK_MB: Final = 64
_USAGE: Final = 2
NO_MOUNT: Final = "needs the right to mount a small folder"
"""The note of a fault that cannot be made here; nothing failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one fault.

    Attributes:
        fault: Its name.
        detect_ms: From the fault until the guard noted that it acts, in its own log, or, where it
            does not act, until a person was told; -1 for never.
        safe_ms: From the fault until no order of ours worked in the venue's own book, or, where the
            trader lives, until it let no entry out or everything was as before; -1 for never.
        orders_left: Orders of ours that work; None where the trader lives and looks after them.
        alerted: Whether a person was told: by the webhook, by the trader whose guard is gone, or by
            the refusal of a second guard.
        note: Why it could not be shown, empty when it was.
    """

    fault: str
    detect_ms: float
    safe_ms: float
    orders_left: int | None
    alerted: bool
    note: str = ""


@dataclass(slots=True)
class _Seen:
    """When what was seen, in ns UTC; 0 for not yet."""

    detected_ns: int = 0
    safe_ns: int = 0


Inflict = Callable[[Stage, int, _Seen], Awaitable[int]]
"""Does it to a stage and its guard's process; returns when, in ns UTC."""


async def _kill_trader(stage: Stage, _: int, __: _Seen) -> int:
    return _signal(stage.trader_pid, signal.SIGKILL)


async def _stop_trader(stage: Stage, _: int, __: _Seen) -> int:
    return _signal(stage.trader_pid, signal.SIGSTOP)


async def _go_wrong(stage: Stage, _: int, __: _Seen) -> int:
    return await stage.goes_wrong()


async def _kill_both(stage: Stage, guard: int, _: _Seen) -> int:
    at_ns = _signal(stage.trader_pid, signal.SIGKILL)
    _signal(guard, signal.SIGKILL)
    stage.reap(guard)
    await stage.start_guard()  # as its supervisor would, which waits for the end of the first
    return at_ns


async def _kill_guard(stage: Stage, guard: int, seen: _Seen) -> int:
    at_ns = _signal(guard, signal.SIGKILL)
    await stage.until(lambda: stage.trader_said("no guard was seen"), "the trader's word")
    seen.detected_ns = seen.safe_ns = time.time_ns()
    return at_ns


async def _start_twice(stage: Stage, _: int, seen: _Seen) -> int:
    at_ns = time.time_ns()
    if await stage.guard_code("watch") != _USAGE or not await stage.guard_answers():
        raise DrillFailedError("the second guard must be refused, and the first go on")
    seen.detected_ns = seen.safe_ns = time.time_ns()
    return at_ns


async def _delete_socket(stage: Stage, _: int, seen: _Seen) -> int:
    at_ns = time.time_ns()
    stage.socket.unlink()
    await stage.until(stage.socket.exists, "the socket")
    seen.detected_ns = time.time_ns()
    await stage.until(stage.guard_answers, "an answer")
    seen.safe_ns = time.time_ns()
    await stage.until(lambda: stage.hook.at_ns("socket was deleted", at_ns), "the alert")
    return at_ns


async def _fill_disk(stage: Stage, _: int, seen: _Seen) -> int:
    at_ns = time.time_ns()
    with contextlib.suppress(OSError), (stage.data_dir / "filler").open("wb") as file:
        while True:
            file.write(bytes(1 << 20))
            file.flush()
    await stage.until(stage.is_paused, "a trader that lets no entry out")
    seen.safe_ns = time.time_ns()
    await stage.until(lambda: stage.hook.at_ns("MB are free", at_ns), "the alert")
    seen.detected_ns = stage.hook.at_ns("MB are free", at_ns) or 0
    return at_ns


async def _cut_feed(stage: Stage, _: int, seen: _Seen) -> int:
    at_ns = time.time_ns()
    await stage.where.ask("POST", "/admin/faults", {"verb": "cut_stream"})
    await stage.until(lambda: stage.trader_said(" is down: "), "the trader's word")
    seen.detected_ns = time.time_ns()
    await _trades_on(stage, seen)
    return at_ns


async def _strategy_raises(stage: Stage, _: int, seen: _Seen) -> int:
    at_ns = await stage.goes_wrong()
    await stage.until(lambda: stage.trader_said("ERROR strategy:"), "the trader's word")
    seen.detected_ns = time.time_ns()
    await _trades_on(stage, seen)
    return at_ns


async def _trades_on(stage: Stage, seen: _Seen) -> None:
    """Safe when the strategy has traded again at the venue."""
    before = await stage.executions()
    await stage.until(lambda: _has_traded_since(stage, before), "another trade at the venue")
    seen.safe_ns = time.time_ns()


async def _has_traded_since(stage: Stage, before: int) -> bool:
    return await stage.executions() > before


FAULTS: Final[dict[str, Inflict]] = {
    "SIGKILL": _kill_trader,
    "SIGSTOP": _stop_trader,
    "busy loop in handler": _go_wrong,
    "blocking native call": _go_wrong,
    "memory leak": _go_wrong,
    "full disk": _fill_disk,
    "deleted socket": _delete_socket,
    "guard killed": _kill_guard,
    "both killed": _kill_both,
    "guard started twice": _start_twice,
    "feed cut": _cut_feed,
    "strategy raises": _strategy_raises,
}
NAMES: Final = (*FAULTS, CLOSED, *PARTS)
"""Every row, in the order in which they are shown."""
_TRADES_ON: Final = ("feed cut", "strategy raises")
_LIVES: Final = {
    "full disk",
    "deleted socket",
    "guard killed",
    "guard started twice",
    *_TRADES_ON,
}
"""The trader goes on, and looks after its orders itself."""


async def drill(faults: Sequence[str], told: Callable[[Row], None]) -> list[Row]:
    """One stage a fault, one after the other; `told` hears each row."""
    rows = []
    async with venue(seed=7) as where, Hook.listening() as hook:
        for fault in faults:
            with _folder(fault) as folder:
                stage = Stage(folder, where, hook)
                try:
                    row = await _played(stage, fault)
                except DrillFailedError as error:
                    row = _failed(fault, str(error))
                finally:
                    stage.ended()
            told(row)
            rows.append(row)
    return rows


async def _played(stage: Stage, fault: str) -> Row:
    if fault in PARTS:
        return await _part(stage.folder, fault)
    return await (_closed(stage) if fault == CLOSED else _rehearsed(stage, fault))


async def _closed(stage: Stage) -> Row:
    """Safe when the closing process has left the venue's book empty."""
    found = await closed(stage)
    seen = _Seen(detected_ns=found.fenced_ns, safe_ns=found.flat_ns)
    return _row(CLOSED, found.killed_ns, seen, found.orders_left)


async def _part(folder: Path, fault: str) -> Row:
    """A process of a whole run: detected when another was started, safe when that one works."""
    at_ns, started_ns, works_ns = await killed(folder, PARTS[fault])
    return _row(fault, at_ns, _Seen(detected_ns=started_ns, safe_ns=works_ns), None)


async def _rehearsed(stage: Stage, fault: str) -> Row:
    if fault == "full disk" and not (stage.folder / "data").is_mount():
        return _failed(fault, NO_MOUNT)
    guard = await stage.begin(fault, has_order=fault not in _TRADES_ON)
    seen = _Seen()
    at_ns = await FAULTS[fault](stage, guard, seen)
    if fault in _LIVES:  # each of them has waited for the word that tells a person
        return _row(fault, at_ns, seen, None)
    await stage.until(lambda: _nothing_works(stage, seen), "a venue without an order of ours")
    await stage.until(lambda: stage.hook.at_ns(_SWEPT, at_ns), "the guard's word that it is done")
    await stage.until(lambda: stage.hook.at_ns(_TOLD, at_ns), "the guard's word that it acts")
    seen.detected_ns = stage.fenced_ns(at_ns)
    return _row(fault, at_ns, seen, await stage.ours_working())


async def _nothing_works(stage: Stage, seen: _Seen) -> bool:
    asked_ns = time.time_ns()
    if await stage.ours_working():
        return False
    seen.safe_ns = asked_ns
    return True


def _row(fault: str, at_ns: int, seen: _Seen, orders_left: int | None) -> Row:
    return Row(
        fault=fault,
        detect_ms=(seen.detected_ns - at_ns) / 1e6 if seen.detected_ns else -1.0,
        safe_ms=(seen.safe_ns - at_ns) / 1e6 if seen.safe_ns else -1.0,
        orders_left=orders_left,
        alerted=True,
    )


def _failed(fault: str, why: str) -> Row:
    return Row(fault=fault, detect_ms=-1.0, safe_ms=-1.0, orders_left=None, alerted=False, note=why)


def _signal(pid: int, number: signal.Signals) -> int:
    at_ns = time.time_ns()
    os.kill(pid, number)
    return at_ns


@contextlib.contextmanager
def _folder(fault: str) -> Iterator[Path]:
    """A folder of its own; for a full disk with a small file system inside, where that may be."""
    with tempfile.TemporaryDirectory(prefix="holdfast-drill-") as name:
        folder = Path(name)
        data_dir = folder / "data"
        if fault == "full disk":
            data_dir.mkdir(mode=0o700)
            size = f"size={_DISK_MB}m,mode=700"
            _mount(["mount", "-t", "tmpfs", "-o", size, "holdfast-drill", str(data_dir)])
        try:
            yield folder
        finally:
            if data_dir.is_mount():
                _mount(["umount", str(data_dir)])


def _mount(command: list[str]) -> None:
    """Where it is not allowed, the folder stays what it is."""
    with contextlib.suppress(OSError):
        subprocess.run(command, capture_output=True, check=False)  # noqa: S603


def run(faults: Sequence[str], told: Callable[[Row], None]) -> list[Row]:
    """`drill`, from where no loop runs.

    Raises:
        DrillFailedError: There is no guard beside this program.
    """
    if not Path(GUARD).exists():
        raise DrillFailedError(f"{GUARD} is missing: make setup builds it")
    return asyncio.run(drill(faults, told))
