"""The children of a crash round: started, waited for within a bound, never left behind."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from research.crash.judge import Findings
from research.crash.plan import Plan
from trading.errors import HoldfastError

CHILD_WAIT_S: Final = 120.0
KILLED: Final = -signal.SIGKILL
_OUTPUT: Final = "output.txt"


class RoundFailedError(HoldfastError):
    """A round did not come to its end as planned: what was expected and what was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One kill and what came of it.

    Attributes:
        occurrence: At which visit of the point the process was killed.
        state: What was open then, in our books.
        recover_ms: From the start of the next process until it could trade again.
    """

    number: int
    mode: str
    point: str
    occurrence: int
    state: str
    findings: Findings
    recover_ms: float


async def expect(
    plan: Plan,
    data_dir: Path,
    code: int,
    environment: Mapping[str, str] | None = None,
    until: Callable[[], Awaitable[None]] | None = None,
) -> int:
    """One trader's process to its end; when it was started, ns of the wall.

    Args:
        plan: What it does.
        data_dir: Of the round.
        code: Its exit code.
        environment: Besides ours.
        until: Waits for the moment at which the process is killed from outside.

    Raises:
        RoundFailedError: It ends with another exit code, or not within two minutes.
    """
    where = f"at {plan.point} {plan.occurrence}" if plan.point else "at its end"
    with _output(data_dir) as output:
        started_ns = time.time_ns()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "research.crash.child", plan.to_json()),
            cwd=data_dir,
            env={**os.environ, **(environment or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            async with asyncio.timeout(CHILD_WAIT_S):
                if until is not None:
                    await until()
                    process.kill()
                found: int | None = await process.wait()
        except TimeoutError:
            found = None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if found != code:
        ended = f"did not within {CHILD_WAIT_S:g} s" if found is None else f"ended with {found}"
        raise RoundFailedError(
            f"the trader must end with {code} {where}, {ended}: {_last_words(data_dir)}"
        )
    return started_ns


def _output(data_dir: Path) -> BinaryIO:
    data_dir.mkdir(parents=True, exist_ok=True)
    return (data_dir / _OUTPUT).open("ab")


def _last_words(data_dir: Path) -> str:
    """The last lines that the children of a round wrote."""
    lines = (data_dir / _OUTPUT).read_text(encoding="utf-8", errors="replace").splitlines()
    return " / ".join(lines[-3:])
