"""One fault's stage: a venue, a trader that trades there, a guard beside it, and a webhook."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import aiohttp
import msgspec
import orjson
from aiohttp import web

from actors.operator_address import read_address
from research.crash.live import Venue
from research.crash.market import ticker_config
from research.guarding.strategies import began_path, write_strategy
from storage.guard_log import guard_lines
from trading.config_reader import load
from trading.config_text import render
from trading.run_options import Mode, RunOptions

HOLDFAST: Final = str(Path(sys.executable).with_name("holdfast"))
GUARD: Final = str(Path(sys.executable).with_name("holdfast-guard"))
TAG: Final = "l-main-"
LIMIT_S: Final = 60.0
LOOK_S: Final = 0.01
MEMORY_MB: Final = 500
_OVER: Final = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})
_GUARD_CONFIG: Final = """data_dir = "{data_dir}"
socket = "{socket}"
[limits]
heartbeat_s = 1.0
mail_age_s = 5.0
phase_s = 60.0
memory_mb = {memory_mb}
journal_stall_s = 5.0
disk_free_mb = 4
clock_step_s = 5.0
[escalation]
stop_wait_s = 0.5
may_kill = true
lifts_per_hour_max = 0
read_gap_s = 0.1
recheck_s = 1.0
[venue]
name = "alpaca"
url = "{url}"
credentials = "{keys}"
tag = "l-main-"
timeout_s = 2.0
[alert]
webhook = "{webhook}"
per_minute_max = 30
"""


class DrillFailedError(Exception):
    """The stage itself did not stand, so nothing was shown about the guard."""


@dataclass(slots=True)
class Hook:
    """A webhook on loopback: when it was told what."""

    url: str = ""
    said: list[tuple[int, str]] = field(default_factory=list)

    def at_ns(self, words: str, after_ns: int) -> int | None:
        """When the first message with these words came."""
        return next((at for at, text in self.said if at >= after_ns and words in text), None)

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.json(loads=orjson.loads)
        self.said.append((time.time_ns(), str(body["text"])))
        return web.Response(status=204)

    @classmethod
    @contextlib.asynccontextmanager
    async def listening(cls) -> AsyncIterator[Self]:
        """Listen until the end of the block."""
        hook = cls()
        app = web.Application()
        app.router.add_post("/", hook._take)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
            yield hook
        finally:
            await runner.cleanup()


class Stage:
    """What one fault needs; `ended` ends every process of it."""

    def __init__(self, folder: Path, where: Venue, hook: Hook) -> None:
        """Nothing runs yet."""
        self.folder, self.where, self.hook = folder, where, hook
        self.data_dir, self.trigger = folder / "data", folder / "go-wrong"
        self.socket = folder / "s"
        self.trader_pid = 0
        self._processes: list[subprocess.Popen[bytes]] = []

    async def begin(self, fault: str, *, has_order: bool) -> int:
        """A trader in mid-session and a guard that watches; the guard's process.

        With an order beside that works for certain: the trader does not know it, and would rightly
        stop its entries when it compares its books with the venue's.
        """
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        await self.where.empty()
        guard = await self.start_guard()  # without one the trader lets no entry out
        self._start_trader(fault)
        await self.until(self._has_traded, "trades at the venue")
        if has_order:
            await self.place()
        return guard

    async def begin_run(self, guard_section: str) -> None:
        """A whole run in mid-session, which its guard started; that is told one more section."""
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        await self.where.empty()
        guard = self._write_guard(guard_section)
        options = ("--mode", "LIVE", "--broker", "alpaca", "--url", self.where.told["url"])
        config = ("--config", str(self._write_config("")), "--guard", str(guard))
        command = [HOLDFAST, "run", "--headless", "--data-dir", str(self.data_dir)]
        self._start([*command, *options, *config], self.folder / "run.txt", self.where.environment)
        await self.until(self._has_traded, "trades at the venue")
        address = read_address(self.data_dir)
        if address is None:
            raise DrillFailedError("a trader that trades must have an operator port, has none")
        self.trader_pid = address.pid

    async def end_run(self) -> int:
        """Ask the run to stop, as Ctrl-C does; its exit code."""
        process = self._processes[-1]
        process.send_signal(signal.SIGINT)
        await self.until(lambda: process.poll() is not None, "the end of the run")
        return process.returncode

    def _write_config(self, fault: str) -> Path:
        strategies = self.folder / "strategies"
        write_strategy(strategies, fault, self.trigger, MEMORY_MB)
        config = load(ticker_config(self.folder))
        replace = msgspec.structs.replace
        config = replace(
            config,
            run=replace(config.run, strategies_dir=str(strategies)),
            watchdog=replace(config.watchdog, guard_silence_max_s=1),
        )
        path = self.folder / "live.toml"
        path.write_text(render(config), encoding="utf-8")
        return path

    def _start_trader(self, fault: str) -> None:
        options = RunOptions(
            mode=Mode.LIVE,
            broker="alpaca",
            url=self.where.told["url"],
            config=self._write_config(fault),
            data_dir=self.data_dir,
        )
        command = [sys.executable, "-m", "actors.trader", options.to_json()]
        self.trader_pid = self._start(command, self.folder / "trader.txt", self.where.environment)

    async def start_guard(self) -> int:
        """A guard of this data directory, from its first look on; its process."""
        self._write_guard()
        guard = self._start(self.guard_command("watch"), self.folder / "guard.txt", {})
        await self.until(self.guard_answers, "a guard that watches")
        return guard

    def _write_guard(self, section: str = "") -> Path:
        """Its configuration and its keys."""
        keys = self.folder / "keys"
        keys.touch(mode=0o600)
        keys.write_text("\n".join(self.where.environment.values()), encoding="ascii")
        text = _GUARD_CONFIG.format(
            data_dir=self.data_dir,
            socket=self.socket,
            url=self.where.told["url"],
            keys=keys,
            memory_mb=MEMORY_MB,
            webhook=self.hook.url,
        )
        path = self.folder / "guard.toml"
        path.write_text(text + section, encoding="utf-8")
        return path

    def guard_command(self, name: str) -> list[str]:
        """A command of the guard's about this stage."""
        return [GUARD, name, "--config", str(self.folder / "guard.toml")]

    async def guard_code(self, name: str) -> int:
        """Exit code of such a command; the webhook goes on, as the guard may wait for it."""
        command = self.guard_command(name)
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        return await process.wait()

    async def guard_answers(self) -> bool:
        """Whether a guard answers at the socket."""
        return await self.guard_code("status") == 0

    def _start(self, command: list[str], output: Path, environment: Mapping[str, str]) -> int:
        with output.open("ab") as out:
            self._processes.append(
                subprocess.Popen(  # noqa: S603 - our own programs
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    env={**os.environ, **environment},
                )
            )
        return self._processes[-1].pid

    def reap(self, pid: int) -> None:
        """Wait for the end of a process that was killed: until then it holds its lock."""
        for process in self._processes:
            if process.pid == pid:
                process.wait(LIMIT_S)

    def ended(self) -> None:
        """End every process that this stage started."""
        for process in self._processes:
            process.kill()
            process.wait()

    async def goes_wrong(self) -> int:
        """Let the strategy go wrong; when it did, with its next bar, in ns UTC."""
        began = began_path(self.trigger)
        self.trigger.touch()
        await self.until(began.exists, "the fault")
        return int(began.read_text(encoding="ascii"))

    # -- looking -----------------------------------------------------------------------------------

    async def until(self, is_so: Callable[[], Any], what: str) -> None:
        """Look until it is so.

        Raises:
            DrillFailedError: It did not become so in time.
        """
        try:
            async with asyncio.timeout(LIMIT_S):
                while True:
                    found = is_so()
                    if await found if asyncio.iscoroutine(found) else found:
                        return
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise DrillFailedError(f"{what} did not come within {LIMIT_S:g} s") from None

    async def ours_working(self) -> int:
        """Orders with our tag that work, in the venue's own book."""
        orders = (await self.where.ask("GET", "/admin/truth"))["orders"]
        return sum(
            (each["client_order_id"] or "").startswith(TAG) and each["status"] not in _OVER
            for each in orders
        )

    async def is_paused(self) -> bool:
        """Whether the trader lets no entry out any more, as its health says."""
        address = read_address(self.data_dir)
        if address is None:
            return False
        url = f"http://{address.host}:{address.port}/health"
        async with aiohttp.ClientSession() as http, http.get(url) as response:
            health = await response.json(loads=orjson.loads)
        return not health["is_ready"]

    def fenced_ns(self, after_ns: int) -> int:
        """When the guard raised the fence, by its own log; 0 for never."""
        fenced = (
            line.at_ns
            for line in guard_lines(self.data_dir)
            if line.kind == "Fenced" and line.at_ns >= after_ns
        )
        return next(fenced, 0)

    def trader_said(self, words: str) -> bool:
        """Whether its output has these words."""
        return words in (self.folder / "trader.txt").read_text(encoding="utf-8", errors="replace")

    async def executions(self) -> int:
        """How many there are in the venue's own book."""
        return len((await self.where.ask("GET", "/admin/truth"))["executions"])

    async def _has_traded(self) -> bool:
        return await self.executions() > 1

    async def held_qty(self) -> float:
        """Units that the account holds, in the venue's own book."""
        positions = (await self.where.ask("GET", "/admin/truth"))["positions"].values()
        return sum(abs(float(each["qty"])) for each in positions)

    async def place(self) -> None:
        """An order of ours far from the market, so that one works for certain."""
        order = {"symbol": "SPY", "qty": "1", "side": "buy", "type": "limit"}
        body = {**order, "time_in_force": "gtc", "limit_price": "1", "client_order_id": f"{TAG}d"}
        keys = self.where.environment.values()
        headers = dict(zip(("APCA-API-KEY-ID", "APCA-API-SECRET-KEY"), keys, strict=True))
        url = f"{self.where.told['url']}/v2/orders"
        async with aiohttp.ClientSession(headers=headers) as http:
            await http.post(url, data=orjson.dumps(body))
        await self.until(self.ours_working, "an order of ours")
