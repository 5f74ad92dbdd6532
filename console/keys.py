"""Keys while a run is shown on a terminal: p pauses, f asks once and then flattens."""

import asyncio
import os
import secrets
import sys
import termios
import tty
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from console.display import Display
from console.operator_client import running_trader
from trading.errors import HoldfastError

CONFIRM_S: Final = 5.0
_WAIT_S: Final = 30.0


class Keys:
    """Reads single keys from the terminal while it is open; does nothing without a terminal.

    Lowering risk takes one key or two. Nothing here raises it: resuming is a command.
    """

    def __init__(self, data_dir: Path, display: Display, fd: int | None = None) -> None:
        """Listen on `fd`, by default standard input."""
        self._data_dir = data_dir
        self._display = display
        self._fd = sys.stdin.fileno() if fd is None else fd
        self._before: list[Any] | None = None
        self._flatten_until_s = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Take single keys, unless this is no terminal or a job in the background."""
        if os.isatty(self._fd) and self._is_foreground():
            self._before = termios.tcgetattr(self._fd)
            tty.setcbreak(self._fd)  # Ctrl-C goes on being a signal
            asyncio.get_running_loop().add_reader(self._fd, self._read)
        return self

    def _is_foreground(self) -> bool:
        return os.tcgetpgrp(self._fd) == os.getpgrp()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the terminal back as it was."""
        if self._before is not None:
            asyncio.get_running_loop().remove_reader(self._fd)
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
            self._before = None

    def _read(self) -> None:
        try:
            keys = os.read(self._fd, 64).decode("utf-8", "ignore")
        except OSError:
            keys = ""
        if not keys:  # the terminal is gone
            asyncio.get_running_loop().remove_reader(self._fd)
        for key in keys.lower():
            self._take(key)

    def _take(self, key: str) -> None:
        now_s = asyncio.get_running_loop().time()
        if key == "p":
            self._ask("PAUSE")
        elif key == "f" and now_s < self._flatten_until_s:
            self._flatten_until_s = 0.0
            self._ask("FLATTEN")
        elif key == "f":
            self._flatten_until_s = now_s + CONFIRM_S
            self._display.line(f"press f again within {CONFIRM_S:g} s to cancel and close all")

    def _ask(self, level: str) -> None:
        task = asyncio.create_task(self._kill(level))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _kill(self, level: str) -> None:
        self._display.line(f"{level} asked")
        try:
            answer = await asyncio.to_thread(self._post, level)
        except HoldfastError as error:
            self._display.line(f"{level} failed: {error}")
            return
        counts = " · ".join(
            f"{answer[name]} {name}"
            for name in ("cancelled", "closed", "failed", "remaining")
            if name in answer
        )
        self._display.line(f"{level} {answer['type']}{f' · {counts}' if counts else ''}")

    def _post(self, level: str) -> dict[str, Any]:
        trader = running_trader(self._data_dir)
        if trader is None:
            raise HoldfastError("the trader does not listen yet")
        request = {"id": f"key-{secrets.token_hex(8)}", "level": level, "reason": "key"}
        found: dict[str, Any] = trader.post("/api/kill", request, wait_s=_WAIT_S)
        return found
