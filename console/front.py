"""What a person sees of a run: it starts the guard, shows what is told, and passes a stop on.

The guard (`holdfast-guard run`) starts and watches trader, archivist and console. Without a guard
the one process is the trader, which nobody then watches or starts again.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from console.display import Display
from console.keys import Keys
from trading.run_options import HELD_SIGNALS, ExitCode
from trading.run_report import read_line

OUTPUT_FILE: Final = "trader-output.txt"
GUARD_OUTPUT_FILE: Final = "guard-output.txt"
OUTPUT_BYTES_MAX: Final = 8 << 20
STOP_LIMIT_S: Final = 30.0
REPORTS_LIMIT_S: Final = 2.0
_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True, slots=True)
class Ended:
    """How the run ended; `error` is for people, empty when all went well."""

    exit_code: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """The one process that is started.

    Attributes:
        argv: What is executed, for a descriptor that takes reports.
        is_guard: It is the guard; else the trader alone.
    """

    argv: Callable[[int], Sequence[str]]
    is_guard: bool


class Front:
    """One run, as it is shown."""

    def __init__(self, command: Command, data_dir: Path, display: Display) -> None:
        """Nothing is started yet."""
        self._command = command
        self._data_dir = data_dir
        self._display = display
        self._stop_asked = asyncio.Event()
        self._error = ""
        self._is_ended = False

    async def run(self) -> Ended:
        """Until the process has ended."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        try:
            if not self._display.takes_keys:
                code = await self._play()
            else:
                async with Keys(self._data_dir, self._display):
                    code = await self._play()
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
        return Ended(ExitCode.FAILED if code < 0 else code, self._why(code))

    async def _play(self) -> int:
        """Start the process, read reports until it ends, and return its exit code."""
        read_fd, write_fd = os.pipe()
        try:
            process = await self._start(write_fd)
        except BaseException:
            os.close(read_fd)
            raise
        finally:
            os.close(write_fd)
        forwarding = asyncio.create_task(self._forward_stop(process))
        reading = asyncio.create_task(self._read_reports(read_fd))
        try:
            code = await process.wait()
            if code >= 0:  # else a trader may go on, and hold the pipe open
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reading, REPORTS_LIMIT_S)
            return code
        finally:
            for task in (forwarding, reading):
                task.cancel()
            await asyncio.gather(forwarding, reading, return_exceptions=True)

    async def _start(self, write_fd: int) -> asyncio.subprocess.Process:
        is_guard = self._command.is_guard
        with _output(self._data_dir / (GUARD_OUTPUT_FILE if is_guard else OUTPUT_FILE)) as output:
            return await asyncio.create_subprocess_exec(
                *self._command.argv(write_fd),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_fd if is_guard else output,
                stderr=output,
                pass_fds=() if is_guard else (write_fd,),
                preexec_fn=_apart if is_guard else _alone(),
            )

    async def _read_reports(self, read_fd: int) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_fd, "rb", 0)
        )
        try:
            while not self._is_ended and (line := await reader.readline()):
                self._take_report(read_line(line))
        finally:
            transport.close()

    def _take_report(self, report: tuple[str, Any] | None) -> None:
        match report:
            case ("progress", progress):
                self._display.progress(progress)
            case ("event", notice):
                self._display.notice(notice)
            case ("happened", happened):
                self._display.happened(happened)
            case ("operator", {"host": host, "port": port}):
                self._display.line(
                    f"operator port http://{host}:{port}/kill (token: operator.token)"
                )
            case ("line", {"text": text}):
                self._display.line(str(text))
            case ("error", {"text": text}):
                self._error = str(text)
            case ("ended", {"text": text}):
                self._is_ended = True  # the guard's last word; others may hold the pipe open
                self._error = str(text) or self._error
            case _:
                return

    def _stop(self) -> None:
        if self._stop_asked.is_set():
            self._display.line(f"still stopping; given up after {STOP_LIMIT_S:g} s")
            return
        self._display.line("stopping: entries stop, what is in flight is resolved")
        self._stop_asked.set()

    async def _forward_stop(self, process: asyncio.subprocess.Process) -> None:
        """Ask once; the guard sees to the rest, and without one the limit is kept here."""
        await self._stop_asked.wait()
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            if self._command.is_guard:
                return
            await asyncio.sleep(STOP_LIMIT_S)
            self._display.line(f"the trader has not ended within {STOP_LIMIT_S:g} s; it is killed")
            process.kill()

    def _why(self, code: int) -> str:
        if code == ExitCode.DONE:
            return ""
        if code < 0:
            return self._of_a_death(code)
        if self._error:
            return self._error
        if self._command.is_guard and not self._is_ended:  # the run was not even begun
            output = self._data_dir / GUARD_OUTPUT_FILE
            return f"the guard ended with exit code {code}{_last_line(output)}"
        output = self._data_dir / OUTPUT_FILE
        return f"the trader ended with exit code {code}{_last_line(output)}"

    def _of_a_death(self, code: int) -> str:
        death = f"was killed by {signal.Signals(-code).name}"
        if self._command.is_guard:
            return (
                f"the guard {death}; the trader goes on, and nobody watches it: the same `holdfast "
                "run` once more takes it up, `holdfast status` says how it is"
            )
        return f"the trader {death}; the record stands: `holdfast run --recover` goes on"


def _apart() -> None:
    """Leave the terminal's group: Ctrl-C reaches the run once, through the front."""
    os.setpgid(0, 0)


def _alone() -> Callable[[], None]:
    """A trader without a guard: it ends with its front, as nobody else would see to it.

    Signals wait until it lets them in, and the kernel ends it when the front dies.
    """
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl  # looked up here: a child between fork and exec must not load

    def prepare() -> None:
        os.setpgid(0, 0)
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD_SIGNALS)
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return prepare


def _output(path: Path) -> Any:
    """The file that takes what a process prints; a long one is put aside, and one such is kept."""
    with contextlib.suppress(OSError):
        if path.stat().st_size > OUTPUT_BYTES_MAX:
            path.replace(path.with_suffix(".old.txt"))
    return path.open("ab")


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return f": {lines[-1]}; all of it is in {path}" if lines else ""
