"""A trader that dies with a position: the guard's policy starts a fresh one that only gets out."""

import os
import signal
import time
from dataclasses import dataclass
from typing import Final

from research.guarding.stage import DrillFailedError, Stage

CLOSED: Final = "killed with a position"
"""The name of the row."""
_POLICY: Final = "[closing]\nlimit_s = 20.0\nattempts_max = 2\n"
_REFUSED: Final = 3
"""The run's exit code while trading is held for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """When what was seen, in ns UTC.

    Attributes:
        killed_ns: The trader was killed while it held something.
        fenced_ns: The guard noted that it acts.
        flat_ns: The venue's own book had neither a position nor an order of ours.
        orders_left: Orders of ours that worked at the end.
    """

    killed_ns: int
    fenced_ns: int
    flat_ns: int
    orders_left: int


async def closed(stage: Stage) -> Closed:
    """Kill the trader of a run while it holds something, and see it closed.

    Raises:
        DrillFailedError: It was not closed, or nobody was told, or the run did not end as held.
    """
    await stage.begin_run(_POLICY)
    await stage.until(stage.held_qty, "a position at the venue")
    killed_ns = time.time_ns()
    os.kill(stage.trader_pid, signal.SIGKILL)
    await stage.place()  # had left a moment before
    hook = stage.hook
    await stage.until(lambda: hook.at_ns("closes what is open", killed_ns), "a closing process")
    flat_ns = 0

    async def is_flat() -> bool:
        nonlocal flat_ns
        flat_ns = time.time_ns()
        return not (await stage.held_qty() or await stage.ours_working())

    await stage.until(is_flat, "a venue where nothing of ours is open")
    await stage.until(lambda: hook.at_ns("0 positions stand", killed_ns), "the guard's last word")
    orders_left = await stage.ours_working()
    code = await stage.end_run()
    if code != _REFUSED:
        raise DrillFailedError(f"a held run must end with {_REFUSED}, ended with {code}")
    return Closed(
        killed_ns=killed_ns,
        fenced_ns=stage.fenced_ns(killed_ns),
        flat_ns=flat_ns,
        orders_left=orders_left,
    )
