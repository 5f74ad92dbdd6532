"""The guard as people start it, its configuration, and a webhook that listens."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

GUARD = str(Path(sys.executable).parent / "holdfast-guard")
TAG = "l-main-"
LIMIT_S = 20.0
_CONFIG = """data_dir = "{data_dir}"
socket = "{socket}"

[limits]
heartbeat_s = 1.0
mail_age_s = 5.0
phase_s = 60.0
memory_mb = 4000
journal_stall_s = 10.0
disk_free_mb = 1
clock_step_s = 5.0

[escalation]
stop_wait_s = 0.2
may_kill = true
lifts_per_hour_max = 0
read_gap_s = 0.1
recheck_s = 0.5

[venue]
name = "alpaca"
url = "{url}"
credentials = "{keys}"
tag = "l-main-"
timeout_s = 2.0
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where one guard works.

    Attributes:
        config: Its configuration file.
        data_dir: The data directory that it watches.
    """

    config: Path
    data_dir: Path
    socket: Path

    def command(self, *arguments: str) -> list[str]:
        """A command of the guard's about this setting."""
        return [GUARD, *arguments, "--config", str(self.config)]

    def ask(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """Exit code, the answer's JSON (empty without one) and what was said beside it."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, timeout=LIMIT_S * 2, check=False
        )
        answer = orjson.loads(done.stdout) if done.stdout.startswith(b"{") else {}
        return done.returncode, answer, done.stderr.decode()

    def log(self, name: str = "guard.log") -> list[dict[str, Any]]:
        """The lines of its log."""
        lines = (self.data_dir / name).read_bytes().splitlines()
        return [orjson.loads(line.partition(b" ")[2]) for line in lines]


def setting(
    folder: Path,
    told: Mapping[str, str],
    *,
    names: tuple[str, str] = ("key", "secret"),
    webhook: str = "",
    changes: Mapping[str, str] | None = None,
) -> Setting:
    """A configuration with the venue's keys in a private file; `changes` replace its lines."""
    data_dir, keys = folder / "data", folder / "keys"
    data_dir.mkdir(mode=0o700, exist_ok=True)
    keys.touch(mode=0o600)
    keys.write_text("\n".join(told[name] for name in names), encoding="ascii")
    socket = folder / "s"
    text = _CONFIG.format(data_dir=data_dir, socket=socket, url=told["url"], keys=keys)
    for old, new in (changes or {}).items():
        assert old in text, old
        text = text.replace(old, new)
    if webhook:
        text += f'\n[alert]\nwebhook = "{webhook}"\nper_minute_max = 20\n'
    config = folder / "guard.toml"
    config.write_text(text, encoding="utf-8")
    return Setting(config, data_dir, socket)


@contextmanager
def guarding(where: Setting) -> Iterator["subprocess.Popen[str]"]:
    """A guard that watches, from its first word on; it is asked to stop at the end."""
    with subprocess.Popen(
        where.command("watch"), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            line = process.stderr.readline()
            assert "the guard watches" in line, line + process.stderr.read()
            process.stderr.close()  # nobody reads on, as when a terminal was closed
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()


@dataclass(slots=True)
class Hook:
    """A webhook and what it was told."""

    url: str
    said: list[str] = field(default_factory=list)
    _happened: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        """Take one message, as Discord's and Slack's do."""
        body = await request.json()
        assert body["content"] == body["text"]
        self.said.append(body["text"])
        self._happened.set()
        return web.Response(status=204)

    async def until(self, words: str, limit_s: float = LIMIT_S) -> str:
        """The first message with these words."""
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    for text in self.said:
                        if words in text:
                            return text
                    self._happened.clear()
                    await self._happened.wait()
        except TimeoutError:
            raise AssertionError(f"{words!r} was not said, but {self.said}") from None


@asynccontextmanager
async def webhook() -> AsyncIterator[Hook]:
    """A webhook on loopback."""
    hook = Hook("")
    app = web.Application()
    app.router.add_post("/hook", hook.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        hook.url = f"http://{host}:{port}/hook"
        yield hook
    finally:
        await runner.cleanup()
