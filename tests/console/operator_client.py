"""A real client of a real operator port on loopback, for tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from actors.operator import OperatorServer, OperatorSettings
from actors.operator_door import TOKEN_FILE
from tests.console.fake_trader import FakeTrader


@dataclass
class Desk:
    """One served trader and a client session that holds the token."""

    trader: FakeTrader
    server: OperatorServer
    http: aiohttp.ClientSession
    url: str
    token: str
    now_ns: list[int]

    def socket(self) -> Any:
        """The operator's websocket, signed in."""
        return self.http.ws_connect(self.url + "/operator")

    async def post(self, path: str, body: Any, **options: Any) -> tuple[int, Any]:
        """POST JSON and read JSON."""
        async with self.http.post(self.url + path, json=body, **options) as response:
            return response.status, await response.json()

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        """GET JSON."""
        async with self.http.get(self.url + path, **options) as response:
            return response.status, await response.json()


@asynccontextmanager
async def served(data_dir: Path, trader: FakeTrader | None = None) -> AsyncIterator[Desk]:
    """Serve a fake trader in `data_dir`."""
    trader = trader or FakeTrader()
    now_ns = [0]
    server = OperatorServer(
        trader,
        OperatorSettings(data_dir=data_dir, run="r1", wait_s=5.0),
        wall_ns=lambda: 7,
        monotonic_ns=lambda: now_ns[0],
    )
    port = await server.start()
    token = (data_dir / TOKEN_FILE).read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    try:
        async with aiohttp.ClientSession(headers=headers) as http:
            yield Desk(trader, server, http, f"http://127.0.0.1:{port}", token, now_ns)
    finally:
        await server.stop()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run one scenario on the loop that the trader uses."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_with_limit(scenario))


async def _with_limit(scenario: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(20):
        await scenario()
