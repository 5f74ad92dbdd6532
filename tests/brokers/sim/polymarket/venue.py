"""A Polymarket venue inside the test's own loop, on real sockets, with a clock the test moves."""

import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import aiohttp
from eth_account import Account
from eth_account.messages import encode_typed_data

from brokers.sim.core import VenueOptions
from brokers.sim.polymarket.run import PolymarketAddresses, PolymarketVenue
from brokers.sim.units import read_time
from tests.brokers.sim.venue import FRIDAY, AdminClient, Wall

ZERO = "0x" + "0" * 64
EXCHANGE = "0xE111180000d2663C0091e4f400237545B87B996B"
NEG_RISK = "0xe2222d279d744050d28e00520010520000310F59"
NAMES = (
    ("salt", "uint256"),
    ("maker", "address"),
    ("signer", "address"),
    ("tokenId", "uint256"),
    ("makerAmount", "uint256"),
    ("takerAmount", "uint256"),
    ("side", "uint8"),
    ("signatureType", "uint8"),
    ("timestamp", "uint256"),
    ("metadata", "bytes32"),
    ("builder", "bytes32"),
)


@dataclass
class Client(AdminClient):
    """Requests to the venue, signed with its wallet, and to its admin port."""

    addresses: PolymarketAddresses
    venue: PolymarketVenue
    creds: dict[str, str] = field(default_factory=dict)
    salt: int = 0

    # --- keys -------------------------------------------------------------------------------------

    def attest(self, private_key: str = "", nonce: int = 0) -> dict[str, str]:
        """What a wallet shows once."""
        account = Account.from_key(private_key or self.addresses.secret)
        asked = {
            "address": account.address,
            "timestamp": "1795203023",
            "nonce": nonce,
            "message": "This message attests that I control the given wallet",
        }
        kinds = {"address": "address", "timestamp": "string", "nonce": "uint256"}
        message = encode_typed_data(
            {"name": "ClobAuthDomain", "version": "1", "chainId": 137},
            {"ClobAuth": [{"name": name, "type": kinds.get(name, "string")} for name in asked]},
            asked,
        )
        return {
            "POLY_ADDRESS": account.address,
            "POLY_TIMESTAMP": "1795203023",
            "POLY_NONCE": str(nonce),
            "POLY_SIGNATURE": "0x" + bytes(account.sign_message(message).signature).hex(),
        }

    async def enter(self) -> None:
        """Make a key."""
        status, self.creds = await self.ask("POST", "/auth/api-key", headers=self.attest())
        assert status == 200, self.creds

    def signed(self, method: str, path: str, body: str) -> dict[str, str]:
        """What every request shows."""
        said = f"1795203023{method}{path.partition('?')[0]}{body}".encode()
        secret = base64.urlsafe_b64decode(self.creds["secret"])
        made = base64.urlsafe_b64encode(hmac.new(secret, said, sha256).digest()).decode()
        return {
            "POLY_ADDRESS": self.addresses.key,
            "POLY_API_KEY": self.creds["apiKey"],
            "POLY_PASSPHRASE": self.creds["passphrase"],
            "POLY_TIMESTAMP": "1795203023",
            "POLY_SIGNATURE": made,
        }

    async def ask(
        self, method: str, path: str, body: Any = None, headers: Any = None
    ) -> tuple[int, Any]:
        """Status and JSON."""
        text = "" if body is None else json.dumps(body, separators=(",", ":"))
        shown = self.signed(method, path, text) if headers is None else headers
        async with self.http.request(
            method, self.addresses.url + path, data=text or None, headers=shown
        ) as answer:
            raw = await answer.read()
            return answer.status, json.loads(raw) if raw else None

    async def get(self, path: str) -> Any:
        """The JSON of what anybody may ask."""
        status, found = await self.ask("GET", path, headers={})
        assert status == 200, found
        return found

    async def mine(self, path: str) -> Any:
        """The JSON of what the key opens."""
        status, found = await self.ask("GET", path)
        assert status == 200, found
        return found

    # --- orders -----------------------------------------------------------------------------------

    def token(self, symbol: str = "RAIN", number: int = 0) -> str:
        """The first or the second outcome of a market."""
        return self.venue.site.listings[symbol].tokens[number].token_id

    def order(self, side: str = "BUY", price: str = "0.4", size: str = "10", **more: Any) -> Any:
        """A body that can be sent; amounts in base units follow from price and size."""
        self.salt += 1
        symbol = more.pop("symbol", "RAIN")
        dollars = round(float(price) * float(size) * 1e6)
        shares = round(float(size) * 1e6)
        maker, taker = (dollars, shares) if side == "BUY" else (shares, dollars)
        order = {
            "salt": more.pop("salt", self.salt),
            "maker": self.addresses.key,
            "signer": self.addresses.key,
            "tokenId": more.pop("token", self.token(symbol, more.pop("outcome", 0))),
            "makerAmount": more.pop("maker_amount", str(maker)),
            "takerAmount": more.pop("taker_amount", str(taker)),
            "side": side,
            "expiration": more.pop("expiration", "0"),
            "signatureType": 0,
            "timestamp": "1795203023975",
            "metadata": more.pop("metadata", ZERO),
            "builder": ZERO,
        }
        exchange = more.pop("exchange", NEG_RISK if symbol == "MAYOR" else EXCHANGE)
        order["signature"] = self.sign(order, exchange, more.pop("private_key", ""))
        return {
            "order": order,
            "owner": self.creds["apiKey"],
            "orderType": more.pop("kind", "GTC"),
            "deferExec": False,
            **more,
        }

    def sign(self, order: dict[str, Any], exchange: str, private_key: str = "") -> str:
        """The signature of the eleven fields."""
        message = encode_typed_data(
            {
                "name": "Polymarket CTF Exchange",
                "version": "2",
                "chainId": 137,
                "verifyingContract": exchange,
            },
            {"Order": [{"name": name, "type": kind} for name, kind in NAMES]},
            {
                **{name: order[name] for name, _ in NAMES},
                **{name: int(order[name]) for name, kind in NAMES if kind == "uint256"},
                "side": 0 if order["side"] == "BUY" else 1,
                "metadata": bytes.fromhex(order["metadata"][2:]),
                "builder": bytes.fromhex(order["builder"][2:]),
            },
        )
        account = Account.from_key(private_key or self.addresses.secret)
        return "0x" + bytes(account.sign_message(message).signature).hex()

    async def place(self, *args: str, **more: Any) -> str:
        """The id of an order that is taken."""
        status, found = await self.ask("POST", "/order", self.order(*args, **more))
        assert (status, found.get("success")) == (200, True), found
        order_id: str = found["orderID"]
        return order_id

    async def refused(self, *args: str, **more: Any) -> tuple[int, str]:
        """Status and text of an order that is not."""
        status, found = await self.ask("POST", "/order", self.order(*args, **more))
        return status, found.get("error") or found["errorMsg"]

    async def known(self, order_id: str) -> Any:
        """One order as the venue tells it, its status without the prefix."""
        found = await self.mine(f"/data/order/{order_id}")
        return found and {**found, "status": found["status"].removeprefix("ORDER_STATUS_")}

    async def trades(self) -> list[Any]:
        """The trades, the newest first, their statuses without the prefix."""
        found = (await self.mine("/data/trades"))["data"]
        return [{**one, "status": one["status"].removeprefix("TRADE_STATUS_")} for one in found]

    async def cancel(self, order_id: str) -> Any:
        """What a cancel is answered."""
        status, found = await self.ask("DELETE", "/order", {"orderID": order_id})
        assert status == 200, found
        return found

    async def later(self, seconds: float) -> None:
        """Both clocks go on."""
        self.wall.advance(seconds)
        await self.admin("GET", "state")

    # --- streams ----------------------------------------------------------------------------------

    async def listen(self, path: str = "/ws/user", **more: Any) -> "Stream":
        """A stream that has begun."""
        socket = await self.http.ws_connect(self.addresses.ws_url + path)
        name = "order_listeners"
        asked: dict[str, Any] = {}
        if path == "/ws/user":
            asked = {"type": "user", "auth": self.creds}
        elif path == "/ws/market":
            name = "data_subscriptions"
            asked = {"type": "market", "assets_ids": [self.token()]}
        else:
            name = "feed_subscriptions"
        await socket.send_json({**asked, **more})
        while not (await self.admin("GET", "state"))[name]:
            pass  # each turn is a request: the venue reads its sockets in between
        return Stream(socket)


@dataclass
class Stream:
    """A client of a stream; a frame is one event or several."""

    socket: aiohttp.ClientWebSocketResponse
    waiting: list[Any] = field(default_factory=list)

    async def next(self) -> Any:
        """The next event."""
        while not self.waiting:
            found = json.loads(await self.socket.receive_str())
            self.waiting = found if isinstance(found, list) else [found]
        return self.waiting.pop(0)

    async def until(self, status: str) -> list[Any]:
        """Events up to the first with a status, or a type."""
        found = [await self.next()]
        while status not in (found[-1].get("status"), found[-1].get("event_type")):
            found.append(await self.next())
        return found


@asynccontextmanager
async def open_venue(at: str = FRIDAY, **options: Any) -> AsyncIterator[Client]:
    """A venue on a Friday morning whose prices stand still, and a key for it."""
    wall = Wall(read_time(at))
    setting: dict[str, Any] = {"is_still": True, "requests_per_min": 100_000, **options}
    venue = PolymarketVenue(VenueOptions(**setting), wall)
    addresses = await venue.start()
    limit = aiohttp.ClientTimeout(total=20)
    try:
        async with aiohttp.ClientSession(timeout=limit) as http:
            client = Client(addresses, http, wall, venue)
            await client.enter()
            yield client
    finally:
        await venue.stop()
