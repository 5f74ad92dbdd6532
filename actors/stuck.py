"""What to do when the lane does not come back: name the place, then let the supervisor restart us.

Exit status 75 (`EXIT_STUCK`) means: the lane was stuck in one handler, its stack stands in the
log. A native call that never gives up the interpreter lock stops every Python thread with it;
then the kernel's timer of CPU time ends the process by SIGPROF, after the stacks were written
without the lock. A native call that sleeps with the lock held is left to the guard's heartbeat.
"""

import contextlib
import faulthandler
import io
import logging
import os
import signal
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

EXIT_STUCK = 75
"""Exit status of a process whose lane was stuck (WD-2)."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """Where the lane is stuck.

    Attributes:
        name: Whose handler it is, `the loop` between handlers.
        held_ns: Wall time it was seen there.
        cpu_ns: CPU time it burnt there.
        stack: The stack of the lane's thread, outermost first.
    """

    name: str
    held_ns: int
    cpu_ns: int
    stack: str


def exit_stuck(stuck: Stuck) -> None:
    """Log the place and leave at once with `EXIT_STUCK`; nothing is flushed but the log."""
    _log.critical(
        "the lane was stuck in %s for %.2f s (%.2f s of CPU), leaving with %d\n%s",
        stuck.name,
        stuck.held_ns / 1e9,
        stuck.cpu_ns / 1e9,
        EXIT_STUCK,
        stuck.stack,
    )
    logging.shutdown()
    with contextlib.suppress(Exception):
        sys.stderr.write(f"stuck in {stuck.name}\n{stuck.stack}")
        sys.stderr.flush()
    os._exit(EXIT_STUCK)


def stack_of(thread_ident: int) -> str:
    """The Python stack of a thread, outermost first."""
    frame = sys._current_frames().get(thread_ident)  # noqa: SLF001 - the documented way
    return "".join(traceback.format_stack(frame)) if frame is not None else "no Python stack\n"


def is_waiting(thread_native_id: int) -> bool:
    """Whether the kernel says the thread sleeps, rather than wanting a processor and getting none.

    Where the kernel does not say (no /proc), it counts as waiting.
    """
    try:
        stat = Path(f"/proc/self/task/{thread_native_id}/stat").read_bytes()
    except OSError:
        return True
    return stat.rpartition(b")")[2].split(maxsplit=1)[0] in (b"S", b"D")


class LockGuard:
    """Ends the process when Python itself has not run for `limit_s` of its CPU time.

    Counted in CPU time of the process, so neither a stopped nor a starved one is ended. `rearm`
    is called by a Python thread for as long as there is one that runs.

    Args:
        limit_s: CPU seconds, all threads together.
        stacks: Where the stacks go; must have a file descriptor.
    """

    def __init__(self, limit_s: float, stacks: TextIO | None = None) -> None:
        """Arm; without a descriptor to write to it does nothing."""
        self._limit_s = limit_s
        stacks = stacks if stacks is not None else sys.__stderr__
        self._is_armed = False
        if stacks is None:
            return
        with contextlib.suppress(AttributeError, OSError, ValueError, io.UnsupportedOperation):
            faulthandler.register(signal.SIGPROF, file=stacks, all_threads=True, chain=True)
            self._is_armed = True
            self.rearm()

    def rearm(self) -> None:
        """Start counting anew."""
        if self._is_armed:
            signal.setitimer(signal.ITIMER_PROF, self._limit_s)

    def close(self) -> None:
        """Disarm."""
        if self._is_armed:
            self._is_armed = False
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            faulthandler.unregister(signal.SIGPROF)
