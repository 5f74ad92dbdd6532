"""A Tradier venue inside the test's own loop, on real sockets, with a clock that the test moves."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from brokers.sim.core import VenueOptions
from brokers.sim.tradier.run import TradierAddresses, TradierVenue
from brokers.sim.units import read_time
from tests.brokers.sim.venue import FRIDAY, AdminClient, Wall

CALL = "SPXW261120C06800000"
HIGHER = "SPXW261120C06820000"
SHARE_CALL = "SPY261127C00680000"


@dataclass
class Client(AdminClient):
    """Requests to the venue, with its token, and to its admin port."""

    addresses: TradierAddresses
    venue: TradierVenue

    @property
    def account(self) -> str:
        """The path of the account."""
        return f"/v1/accounts/{self.addresses.account}"

    @property
    def headers(self) -> dict[str, str]:
        """What every request shows."""
        return {"Authorization": f"Bearer {self.addresses.token}", "Accept": "application/json"}

    async def ask(
        self, method: str, path: str, form: Any = None, headers: Any = None
    ) -> tuple[int, str, dict[str, str]]:
        """Status, text and headers."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        async with self.http.request(
            method,
            self.addresses.url + path,
            data=None if form is None else urlencode(form),
            headers={**(self.headers if headers is None else headers), **kind},
        ) as answer:
            return answer.status, await answer.text(), dict(answer.headers)

    async def json(self, method: str, path: str, form: Any = None) -> Any:
        """The JSON of a request that succeeds."""
        status, text, _ = await self.ask(method, path, form)
        assert status == 200, text
        return json.loads(text)

    async def place(self, **fields: Any) -> int:
        """The id of an order that is received."""
        found = await self.json("POST", f"{self.account}/orders", fields)
        assert found["order"]["status"] == "ok", found
        order_id: int = found["order"]["id"]
        return order_id

    async def refused(self, **fields: Any) -> Any:
        """The `errors` of an order that is refused with HTTP 200."""
        return (await self.json("POST", f"{self.account}/orders", fields))["errors"]["error"]

    async def order(self, order_id: int) -> Any:
        """One order as it is now."""
        path = f"{self.account}/orders/{order_id}?includeTags=true"
        return (await self.json("GET", path))["order"]

    async def orders(self) -> Any:
        """What stands under `orders`."""
        return (await self.json("GET", f"{self.account}/orders?includeTags=true"))["orders"]

    async def cancel(self, order_id: int) -> tuple[int, str]:
        """Status and text of a cancel."""
        status, text, _ = await self.ask("DELETE", f"{self.account}/orders/{order_id}")
        return status, text

    async def session(self, stream: str) -> Any:
        """Address and id of a stream."""
        return (await self.json("POST", f"/v1/{stream}/events/session"))["stream"]

    async def listen(self, stream: str = "accounts", **more: Any) -> "Stream":
        """A stream that has begun."""
        found = await self.session(stream)
        socket = await self.http.ws_connect(found["url"])
        asked = {"events": ["order"]} if stream == "accounts" else {}
        await socket.send_json({**asked, "sessionid": found["sessionid"], **more})
        name = "order_listeners" if stream == "accounts" else "data_subscriptions"
        while not (await self.admin("GET", "state"))[name]:
            pass  # each turn is a request: the venue reads its sockets in between
        return Stream(socket)


@dataclass
class Stream:
    """A client of a stream."""

    socket: aiohttp.ClientWebSocketResponse

    async def next(self) -> Any:
        """The next event."""
        return json.loads(await self.socket.receive_str())

    async def until(self, status: str) -> list[Any]:
        """Events up to the first with a status."""
        found = [await self.next()]
        while found[-1].get("status") != status:
            found.append(await self.next())
        return found


def option(tag: str = "mine", **more: Any) -> dict[str, Any]:
    """A form: one call of the index, far below the market."""
    return {
        "class": "option",
        "symbol": "SPX",
        "option_symbol": CALL,
        "side": "buy_to_open",
        "quantity": 1,
        "type": "limit",
        "price": "1.00",
        "duration": "day",
        "tag": tag,
        **more,
    }


def equity(tag: str = "mine", **more: Any) -> dict[str, Any]:
    """A form: five shares, far below the market."""
    return {
        "class": "equity",
        "symbol": "SPY",
        "side": "buy",
        "quantity": 5,
        "type": "limit",
        "price": "600.00",
        "duration": "day",
        "tag": tag,
        **more,
    }


def legs(*parts: tuple[str, str, int]) -> dict[str, Any]:
    """Indexed fields of options that trade together: symbol, side, quantity."""
    found: dict[str, Any] = {}
    for index, (symbol, side, quantity) in enumerate(parts):
        found |= {
            f"option_symbol[{index}]": symbol,
            f"side[{index}]": side,
            f"quantity[{index}]": quantity,
        }
    return found


def spread(tag: str = "mine", *, quantity: Any = 1, **more: Any) -> dict[str, Any]:
    """A form: a vertical of calls for a debit."""
    sides = (CALL, "buy_to_open", quantity), (HIGHER, "sell_to_open", quantity)
    shape = {"class": "multileg", "symbol": "SPX", "type": "debit", "price": "8.00"}
    return {**shape, "duration": "day", "tag": tag, **legs(*sides), **more}


def bracket(tag: str = "mine", **more: Any) -> dict[str, Any]:
    """A form: two shares with a target and a stop."""
    found: dict[str, Any] = {"class": "otoco", "duration": "day", "tag": tag}
    sides = (("buy", "limit", "price", "681.05"), ("sell", "limit", "price", "690.00"))
    for index, (side, kind, name, price) in enumerate((*sides, ("sell", "stop", "stop", "670.00"))):
        found |= {
            f"symbol[{index}]": "SPY",
            f"side[{index}]": side,
            f"quantity[{index}]": 2,
            f"type[{index}]": kind,
            f"{name}[{index}]": price,
        }
    return found | more


@asynccontextmanager
async def open_venue(at: str = FRIDAY, **options: Any) -> AsyncIterator[Client]:
    """A venue on a Friday morning whose prices stand still."""
    wall = Wall(read_time(at))
    setting: dict[str, Any] = {"is_still": True, "requests_per_min": 100_000, **options}
    venue = TradierVenue(VenueOptions(**setting), wall)
    addresses = await venue.start()
    limit = aiohttp.ClientTimeout(total=20)
    try:
        async with aiohttp.ClientSession(timeout=limit) as http:
            yield Client(addresses, http, wall, venue)
    finally:
        await venue.stop()
