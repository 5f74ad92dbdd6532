"""Kills by signal and by key (KC-1)."""

import asyncio
import os
import pty
import signal
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.operator import handle_signals
from actors.operator_words import AnswerSink, KillRequest
from console.display import SilentDisplay
from console.keys import Keys
from tests.console.fake_trader import FakeTrader
from tests.console.operator_client import run, served


class _Heard(SilentDisplay):
    """Keeps the lines, and says when one of them has come."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._changed = asyncio.Event()

    def line(self, text: str) -> None:
        """Keep it."""
        self.lines.append(text)
        self._changed.set()

    async def until(self, is_there: Callable[[list[str]], bool]) -> None:
        """Wait for the lines to be so."""
        while not is_there(self.lines):
            self._changed.clear()
            await self._changed.wait()


class _Asked(FakeTrader):
    """Says when it was asked to kill."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    def submit_kill(self, request: KillRequest, answer: AnswerSink) -> None:
        """As the fake trader."""
        super().submit_kill(request, answer)
        self.asked.set()


@pytest.mark.parametrize(
    ("number", "level"), [(signal.SIGUSR1, "PAUSE"), (signal.SIGUSR2, "FLATTEN")]
)
def test_a_signal_kills(number: signal.Signals, level: str) -> None:
    """KC-1: by signal; each one is a request of its own."""
    trader = _Asked()

    async def scenario() -> None:
        handle_signals(asyncio.get_running_loop(), trader, lambda: None)
        for _ in range(2):
            trader.asked.clear()
            os.kill(os.getpid(), number)
            await trader.asked.wait()

    run(scenario)
    assert [kill.level for kill in trader.kills] == [level, level]
    assert len({kill.id for kill in trader.kills}) == 2
    assert trader.kills[0].reason == f"signal {number.name}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops(number: signal.Signals) -> None:
    """WD-7: SIGTERM and SIGINT ask the trader to stop, and kill nothing."""
    trader = FakeTrader()

    async def scenario() -> None:
        stopped = asyncio.Event()
        handle_signals(asyncio.get_running_loop(), trader, stopped.set)
        os.kill(os.getpid(), number)
        await stopped.wait()

    run(scenario)
    assert trader.kills == []


def test_keys_lower_risk_and_never_raise_it(tmp_path: Path) -> None:
    """KC-1, UI-9: p pauses at once, f asks once; other keys do nothing; the terminal comes back."""
    master, terminal = pty.openpty()
    before = termios.tcgetattr(terminal)

    async def scenario() -> None:
        async with served(tmp_path) as desk:
            heard = _Heard()
            async with _Foreground(tmp_path, heard, terminal):
                os.write(master, b"xrqp")
                await heard.until(lambda lines: any("PAUSE done" in line for line in lines))
                os.write(master, b"f")
                await heard.until(lambda lines: any("press f again" in line for line in lines))
                assert [kill.level for kill in desk.trader.kills] == ["PAUSE"]
                os.write(master, b"f")
                await heard.until(lambda lines: any("FLATTEN done" in line for line in lines))
            assert [kill.level for kill in desk.trader.kills] == ["PAUSE", "FLATTEN"]
            assert desk.trader.resumes == []

    run(scenario)
    assert termios.tcgetattr(terminal) == before
    os.close(master)
    os.close(terminal)


class _Foreground(Keys):
    """Keys on a terminal that is not this process's own."""

    def _is_foreground(self) -> bool:
        return True


def test_without_a_terminal_there_are_no_keys(tmp_path: Path) -> None:
    """UI-11: a pipe on standard input is left alone."""
    read_fd, write_fd = os.pipe()

    async def scenario() -> None:
        async with Keys(tmp_path, SilentDisplay(), read_fd):
            os.write(write_fd, b"p")
        assert os.read(read_fd, 1) == b"p"

    run(scenario)
    os.close(read_fd)
    os.close(write_fd)
