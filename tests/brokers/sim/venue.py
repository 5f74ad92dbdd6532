"""A venue inside the test's own loop, on real sockets, with a machine clock that the test moves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from brokers.sim.alpaca.run import AlpacaAddresses, AlpacaVenue
from brokers.sim.core import VenueOptions
from brokers.sim.run import Addresses
from brokers.sim.units import dump_json, load_json, read_time

FRIDAY = "2026-11-20T15:00:00Z"
PLACE = "POST /v2/orders"


@dataclass
class Wall:
    """The machine's clock, which stands still until the test moves it."""

    ns: int

    def __call__(self) -> int:
        """Its time, ns UTC."""
        return self.ns

    def advance(self, seconds: float) -> None:
        """Later."""
        self.ns += int(seconds * 1_000_000_000)


@dataclass
class Stream:
    """A client of the order stream that has logged in and listens."""

    socket: aiohttp.ClientWebSocketResponse

    async def next(self) -> dict[str, Any]:
        """The `data` of the next event."""
        frame = await self.socket.receive_bytes()
        data: dict[str, Any] = load_json(frame)["data"]
        return data

    async def events(self, count: int) -> list[str]:
        """The names of the next events."""
        return [(await self.next())["event"] for _ in range(count)]


@dataclass
class AdminClient:
    """Requests to the admin port of a venue."""

    addresses: Addresses
    http: aiohttp.ClientSession
    wall: Wall

    async def admin(self, method: str, path: str, body: Any = None) -> Any:
        """An admin request that succeeds."""
        data = None if body is None else dump_json(body)
        url = f"{self.addresses.admin_url}/admin/{path}"
        async with self.http.request(method, url, data=data) as answer:
            found = load_json(await answer.read())
            assert answer.status == 200, found
            return found

    async def fault(self, verb: str, **more: Any) -> None:
        """One rule more."""
        await self.admin("POST", "faults", {"verb": verb, **more})

    async def quote(self, bid: str, ask: str, qty: str = "1000", symbol: str = "AAPL") -> None:
        """The foreign orders of a book."""
        body = {"symbol": symbol, "bid": bid, "bid_qty": qty, "ask": ask, "ask_qty": qty}
        await self.admin("POST", "quote", body)

    async def truth(self) -> Any:
        """What the venue has."""
        return await self.admin("GET", "truth")

    async def audit(self) -> list[dict[str, Any]]:
        """Every request so far."""
        found: list[dict[str, Any]] = (await self.admin("GET", "audit"))["requests"]
        return found


@dataclass
class Client(AdminClient):
    """Requests to an Alpaca venue, with its keys, and to its admin port."""

    addresses: AlpacaAddresses
    venue: AlpacaVenue
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, method: str, path: str, body: Any = None, headers: Any = None
    ) -> tuple[int, bytes]:
        """Status and bytes."""
        data = None if body is None else dump_json(body)
        request = self.http.request(
            method, self.addresses.url + path, data=data, headers=headers or self.headers
        )
        async with request as answer:
            return answer.status, await answer.read()

    async def json(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON."""
        status, raw = await self.ask(method, path, body)
        return status, load_json(raw) if raw else None

    async def place(self, client_order_id: str = "mine", **more: Any) -> tuple[int, Any]:
        """A limit order far from the market."""
        return await self.json("POST", "/v2/orders", order(client_order_id, **more))

    async def order(self, client_order_id: str = "mine") -> Any:
        """The order as it is now."""
        path = f"/v2/orders:by_client_order_id?client_order_id={client_order_id}"
        return (await self.json("GET", path))[1]

    async def stream(self) -> Stream:
        """Log in and listen."""
        socket = await self.http.ws_connect(self.addresses.stream_url)
        keys = {"key_id": self.addresses.key, "secret_key": self.addresses.secret}
        for message in (
            {"action": "authenticate", "data": keys},
            {"action": "listen", "data": {"streams": ["trade_updates"]}},
        ):
            await socket.send_bytes(dump_json(message))
            await socket.receive_bytes()
        return Stream(socket)


def order(client_order_id: str = "mine", **more: Any) -> dict[str, Any]:
    """A body: five shares, far below the market."""
    return {
        "symbol": "AAPL",
        "side": "buy",
        "type": "limit",
        "time_in_force": "day",
        "qty": "5",
        "limit_price": "200",
        "client_order_id": client_order_id,
        **more,
    }


def at_market(client_order_id: str = "mine", **more: Any) -> dict[str, Any]:
    """A body that fills at once."""
    body = order(client_order_id, type="market", **more)
    del body["limit_price"]
    return body


@asynccontextmanager
async def open_venue(**options: Any) -> AsyncIterator[Client]:
    """A venue on a Friday morning whose prices stand still."""
    wall = Wall(read_time(FRIDAY))
    setting: dict[str, Any] = {"is_still": True, "requests_per_min": 100_000, **options}
    venue = AlpacaVenue(VenueOptions(**setting), wall)
    addresses = await venue.start()
    keys = {"APCA-API-KEY-ID": addresses.key, "APCA-API-SECRET-KEY": addresses.secret}
    limit = aiohttp.ClientTimeout(total=20)
    try:
        async with aiohttp.ClientSession(timeout=limit) as http:
            yield Client(addresses, http, wall, venue, keys)
    finally:
        await venue.stop()
