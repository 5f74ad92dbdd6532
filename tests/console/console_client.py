"""A real console on loopback, following a fake trader's real operator port, for tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from console.serve import ConsoleSettings, running_console
from tests.console.fake_trader import FakeTrader
from tests.console.operator_client import Desk, served

NOW_NS = 1_800_000_000_000_000_000


@dataclass
class Page:
    """A browser's part: a cookie jar, the page's own Origin, and a websocket's messages."""

    url: str
    http: aiohttp.ClientSession
    csrf: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)

    async def sign_in(self, **body: str) -> int:
        """Exchange a token or a code for the cookie; remember the page's own mark."""
        status, _ = await self.post("/api/session", body)
        _, session = await self.get("/api/session")
        self.csrf = session.get("csrf", "")
        return status

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        """GET JSON."""
        async with self.http.get(self.url + path, **options) as response:
            return response.status, orjson.loads(await response.read() or b"null")

    async def post(self, path: str, body: Any, **headers: str) -> tuple[int, Any]:
        """POST JSON as the page does; a header given empty is left out."""
        own = {"Origin": self.url, "X-Csrf-Token": self.csrf}
        sent = {name: value for name, value in (own | headers).items() if value}
        async with self.http.post(self.url + path, json=body, headers=sent) as response:
            return response.status, orjson.loads(await response.read() or b"null")

    def socket(self, **options: Any) -> Any:
        """The page's websocket."""
        return self.http.ws_connect(self.url + "/ws", headers={"Origin": self.url}, **options)


@dataclass
class Scene:
    """A console, the trader it follows, and a page that is not signed in yet."""

    trader: FakeTrader
    desk: Desk
    page: Page
    token: str
    code: str
    now_ns: list[int]
    data_dir: Path

    @asynccontextmanager
    async def another_page(self) -> AsyncIterator[Page]:
        """One more browser, signed in."""
        async with browser(self.page.url) as page:
            assert await page.sign_in(token=self.token) == 200
            yield page


@asynccontextmanager
async def browser(url: str) -> AsyncIterator[Page]:
    """A browser with its own cookies."""
    jar = aiohttp.CookieJar(unsafe=True)  # an address has no registrable domain
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        yield Page(url, http)


@asynccontextmanager
async def console_of(
    data_dir: Path, trader: FakeTrader | None = None, static_dir: Path | None = None
) -> AsyncIterator[Scene]:
    """Serve a fake trader and a console beside it."""
    now_ns = [NOW_NS]
    async with (
        served(data_dir, trader) as desk,
        running_console(
            ConsoleSettings(data_dir=data_dir, port=0, static_dir=static_dir),
            wall_ns=lambda: now_ns[0],
            monotonic_ns=lambda: now_ns[0],
        ) as served_console,
        browser(served_console.url) as page,
    ):
        code = served_console.link.partition("#code=")[2]
        yield Scene(desk.trader, desk, page, desk.token, code, now_ns, data_dir)


async def eventually(is_so: Callable[[], bool]) -> None:
    """Let everything else run until it is so; the scenario's own limit ends a vain wait."""
    while not is_so():  # noqa: ASYNC110  what is waited for has no event of its own
        await asyncio.sleep(0)


async def until(socket: aiohttp.ClientWebSocketResponse, type_: str) -> dict[str, Any]:
    """Read on to a message of that type."""
    while True:
        message: dict[str, Any] = orjson.loads(await socket.receive_str())
        if message["type"] == type_:
            return message


async def until_topic(
    socket: aiohttp.ClientWebSocketResponse, topic: str, **fields: Any
) -> dict[str, Any]:
    """Read on to a snapshot or delta in which a topic has these values; asks for it first."""
    await socket.send_json({"type": "hello", "epoch": "", "seq": 0})
    while True:
        message: dict[str, Any] = orjson.loads(await socket.receive_str())
        found = message.get("topics", {}).get(topic)
        if found is not None and fields.items() <= found.items():
            return message
