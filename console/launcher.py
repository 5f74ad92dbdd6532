"""Starts and watches the trader, the archivist and the console, until the guard takes this over.

The trader's exit codes 0 to 3 are final. Killed by a signal, or ended with 75, it is started again
with --recover, at most five times in a minute and ever later; then the launcher gives up, and the
record stands as the last process left it.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from console.beside import ConsoleBeside
from console.display import Display
from console.keys import Keys
from trading.run_options import HELD_SIGNALS, ExitCode, RunOptions
from trading.run_report import read_line

RESTARTS_MAX: Final = 5
RESTARTS_WINDOW_S: Final = 60.0
BACKOFF_FIRST_S: Final = 0.2
BACKOFF_MAX_S: Final = 5.0
STOP_LIMIT_S: Final = 30.0
TRADER_MODULE: Final = "actors.trader"
ARCHIVIST_MODULE: Final = "storage.archive"
OUTPUT_FILE: Final = "trader-output.txt"
ARCHIVIST_OUTPUT_FILE: Final = "archivist-output.txt"
_ARCHIVIST_NICE: Final = 10
_PR_SET_PDEATHSIG: Final = 1
_FINAL_CODES: Final = frozenset({ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE, ExitCode.REFUSED})


@dataclass(frozen=True, slots=True)
class Ended:
    """How the run ended; `error` is for people, empty when all went well."""

    exit_code: int
    error: str


class Launcher:
    """One run: the trader, restarted when it is cut off, and the archivist beside it."""

    def __init__(
        self,
        options: RunOptions,
        display: Display,
        *,
        python: str,
        trader_module: str,
        archivist_module: str | None,
        console_module: str | None = None,
    ) -> None:
        """Nothing is started yet; `python` is the interpreter of the children."""
        self._options = options
        self._display = display
        self._python = python
        self._trader_module = trader_module
        self._archivist_module = archivist_module
        self._console_module = console_module
        self._stop_asked = asyncio.Event()
        self._trader: asyncio.subprocess.Process | None = None
        self._error = ""
        self._restarted_at_s: deque[float] = deque()

    async def run(self) -> Ended:
        """Until the trader has ended for good."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        archivist: asyncio.subprocess.Process | None = None
        console = self._console()
        keeping = None if console is None else asyncio.create_task(console.keep())
        try:
            archivist = await self._start_archivist()
            if not self._display.takes_keys:
                return await self._watch()
            async with Keys(self._options.data_dir, self._display):
                return await self._watch()
        finally:
            if console is not None and keeping is not None:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)
                await _end_gently(console.process())
            await _end_gently(archivist)
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def _watch(self) -> Ended:
        while True:
            code = await self._run_trader()
            if code in _FINAL_CODES:
                return Ended(code, self._why(code))
            if self._stop_asked.is_set():
                return Ended(ExitCode.FAILED, f"the trader {_death(code)} while it was stopping")
            wait_s = self._backoff_s()
            if wait_s is None:
                text = (
                    f"the trader {_death(code)}, {RESTARTS_MAX + 1} times within "
                    f"{RESTARTS_WINDOW_S:g} s; it is not started again. The record stands: see "
                    f"{self._output_path()}, then `holdfast run --recover`"
                )
                return Ended(ExitCode.FAILED, text)
            self._display.line(f"the trader {_death(code)}; restarting in {wait_s:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop_asked.wait(), wait_s)
            if self._stop_asked.is_set():
                text = f"the trader {_death(code)}; stopped before it was restarted"
                return Ended(ExitCode.FAILED, f"{text}; `holdfast run --recover` goes on")
            self._options = self._options.restarted()

    def _backoff_s(self) -> float | None:
        now_s = asyncio.get_running_loop().time()
        while self._restarted_at_s and now_s - self._restarted_at_s[0] > RESTARTS_WINDOW_S:
            self._restarted_at_s.popleft()
        if len(self._restarted_at_s) >= RESTARTS_MAX:
            return None
        self._restarted_at_s.append(now_s)
        return min(BACKOFF_FIRST_S * 2.0 ** (len(self._restarted_at_s) - 1), BACKOFF_MAX_S)

    # --- trader --------------------------------------------------------------------------------

    async def _run_trader(self) -> int:
        """Start the trader, read its reports until it ends, and return its exit code."""
        self._error = ""
        read_fd, write_fd = os.pipe()
        options = replace(self._options, progress_fd=write_fd)
        try:
            with self._output_path().open("ab") as output:
                self._trader = await asyncio.create_subprocess_exec(
                    self._python,
                    "-m",
                    self._trader_module,
                    options.to_json(),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=(write_fd,),
                    preexec_fn=_child(signal.SIGKILL, held=HELD_SIGNALS),
                )
        except BaseException:
            os.close(read_fd)
            raise
        finally:
            os.close(write_fd)
        forwarding = asyncio.create_task(self._forward_stop(self._trader))
        try:
            await self._read_reports(read_fd)
            return await self._trader.wait()
        finally:
            forwarding.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await forwarding

    async def _read_reports(self, read_fd: int) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_fd, "rb", 0)
        )
        try:
            while line := await reader.readline():
                self._take_report(read_line(line))
        finally:
            transport.close()

    def _take_report(self, report: tuple[str, Any] | None) -> None:
        match report:
            case ("progress", progress):
                self._display.progress(progress)
            case ("event", notice):
                self._display.notice(notice)
            case ("operator", {"host": host, "port": port}):
                self._display.line(
                    f"operator port http://{host}:{port}/kill (token: operator.token)"
                )
            case ("error", {"text": text}):
                self._error = str(text)
            case _:
                return

    def _stop(self) -> None:
        if self._stop_asked.is_set():
            self._display.line(f"still stopping; given up after {STOP_LIMIT_S:g} s")
            return
        self._display.line("stopping: entries stop, what is in flight is resolved")
        self._stop_asked.set()

    async def _forward_stop(self, trader: asyncio.subprocess.Process) -> None:
        await self._stop_asked.wait()
        with contextlib.suppress(ProcessLookupError):
            trader.terminate()
            await asyncio.sleep(STOP_LIMIT_S)
            self._display.line(f"the trader has not ended within {STOP_LIMIT_S:g} s; it is killed")
            trader.kill()

    def _output_path(self) -> Path:
        return self._options.data_dir / OUTPUT_FILE

    def _why(self, code: int) -> str:
        if code == ExitCode.DONE:
            return ""
        if self._error:
            return self._error
        return f"the trader ended with exit code {code}{_last_line(self._output_path())}"

    # --- console -------------------------------------------------------------------------------

    def _console(self) -> ConsoleBeside | None:
        if self._console_module is None:
            return None
        return ConsoleBeside(
            self._options.data_dir,
            self._options.config,
            self._display.line,
            python=self._python,
            module=self._console_module,
            prepare=_child,
        )

    # --- archivist -----------------------------------------------------------------------------

    async def _start_archivist(self) -> asyncio.subprocess.Process | None:
        """Trading does not depend on it: it may fail, and be absent."""
        if self._archivist_module is None:
            return None
        with (self._options.data_dir / ARCHIVIST_OUTPUT_FILE).open("ab") as output:
            return await asyncio.create_subprocess_exec(
                self._python,
                "-m",
                self._archivist_module,
                "--data-dir",
                str(self._options.data_dir),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=_child(signal.SIGTERM, _ARCHIVIST_NICE),
            )


async def _end_gently(process: asyncio.subprocess.Process | None) -> None:
    if process is None or process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_LIMIT_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def _child(
    death: signal.Signals, nice: int = 0, held: frozenset[signal.Signals] = frozenset()
) -> Callable[[], None]:
    """What a child does before it starts; signals that are `held` wait until it lets them in.

    It leaves the terminal's group, so that Ctrl-C reaches it once, through the launcher. And it
    asks the kernel to end it when the launcher dies: a trader that nobody watches is not a run; cut
    off, it is found by `run --recover`, and a second one cannot meet it alive.
    """
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl  # looked up here: a child between fork and exec must not load

    def prepare() -> None:
        os.setpgid(0, 0)
        os.nice(nice)
        signal.pthread_sigmask(signal.SIG_BLOCK, held)
        prctl(_PR_SET_PDEATHSIG, death, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), death)

    return prepare


def _death(code: int) -> str:
    if code == ExitCode.RESTART:
        return "asked to be restarted"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended with the unknown exit code {code}"


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return f": {lines[-1]}; all of it is in {path}" if lines else ""
