"""The market data streams: of shares `/v2/{feed}`, in JSON, or in msgpack for who asks for it.

That of options is `/v1beta1/{feed}`, in msgpack alone.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiohttp import web

from brokers.sim.hub import Client, Hub
from brokers.sim.market import BarTick, QuoteTick, Tick, TradeTick
from brokers.sim.sockets import Outlet
from brokers.sim.units import NS, ONE_1E8, dump_json, load_json, number, ratio, utc_text

if TYPE_CHECKING:
    from brokers.sim.alpaca.site import AlpacaSite

CHANNELS: Final = ("trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds")
MSGPACK: Final = "application/msgpack"
IEX_SYMBOLS_MAX: Final = 30
_CHANNEL_OF: Final = {QuoteTick: "quotes", TradeTick: "trades", BarTick: "bars"}
_TIMESTAMP: Final = -1
_SHARE_LENGTH_MAX: Final = 15
OPTION_FEEDS: Final = ("indicative", "opra")
_ERRORS: Final = {
    400: "invalid syntax",
    401: "not authenticated",
    402: "auth failed",
    403: "already authenticated",
    405: "symbol limit exceeded",
    406: "connection limit exceeded",
    409: "insufficient subscription",
    412: "msgpack only",
}


def bar_fields(bar: BarTick) -> dict[str, Any]:
    """A bar without its time, as REST and stream tell it."""
    average_1e8 = ratio(bar.turnover_1e8, bar.volume_1e8) if bar.volume_1e8 else bar.close_1e8
    return {
        "o": number(bar.open_1e8),
        "h": number(bar.high_1e8),
        "l": number(bar.low_1e8),
        "c": number(bar.close_1e8),
        "v": bar.volume_1e8 // ONE_1E8,
        "n": bar.count,
        "vw": number(average_1e8),
    }


def quote_fields(quote: QuoteTick) -> dict[str, Any]:
    """A quote without its time; sizes in shares."""
    return {
        "bx": "V",
        "bp": number(quote.bid_1e8),
        "bs": quote.bid_qty_1e8 // ONE_1E8,
        "ax": "V",
        "ap": number(quote.ask_1e8),
        "as": quote.ask_qty_1e8 // ONE_1E8,
        **_conditions(quote.symbol, "R"),
    }


def trade_fields(trade: TradeTick) -> dict[str, Any]:
    """A print without its time."""
    return {
        "i": trade.trade_id,
        "x": "V",
        "p": number(trade.price_1e8),
        "s": max(1, trade.qty_1e8 // ONE_1E8),
        **_conditions(trade.symbol, "@"),
    }


def _conditions(symbol: str, code: str) -> dict[str, Any]:
    """A list and a tape for shares, one text for options."""
    return {"c": code} if is_contract(symbol) else {"c": [code], "z": "C"}


def is_contract(symbol: str) -> bool:
    """It names an option; no share's symbol is so long."""
    return len(symbol) > _SHARE_LENGTH_MAX


def _frame(tick: Tick) -> tuple[dict[str, Any], int]:
    if isinstance(tick, QuoteTick):
        return {"T": "q", "S": tick.symbol, **quote_fields(tick)}, tick.at_ns
    if isinstance(tick, TradeTick):
        return {"T": "t", "S": tick.symbol, **trade_fields(tick)}, tick.at_ns
    return {"T": "b", "S": tick.symbol, **bar_fields(tick)}, tick.start_ns


def packed_time(ns: int) -> msgspec.msgpack.Ext:
    """A msgpack timestamp with nanoseconds: 30 bits of them, 34 bits of seconds."""
    seconds, rest = divmod(ns, NS)
    return msgspec.msgpack.Ext(_TIMESTAMP, (rest << 34 | seconds).to_bytes(8, "big"))


@dataclass(slots=True, eq=False)
class DataClient(Client):
    """What one client has shown and asked for, and how it reads."""

    feed: str
    is_packed: bool
    is_known: bool = False
    wanted: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in CHANNELS})

    def say(self, messages: list[dict[str, Any]]) -> None:
        """Send one frame; every frame is an array."""
        self.outlet.send(
            msgspec.msgpack.encode(messages) if self.is_packed else dump_json(messages).decode()
        )

    def tell(self, body: dict[str, Any], at_ns: int) -> None:
        """Send one tick with its time in the client's encoding."""
        self.say([{**body, "t": packed_time(at_ns) if self.is_packed else utc_text(at_ns)}])

    @property
    def is_of_options(self) -> bool:
        """Whether it hears options, and shares otherwise."""
        return self.feed in OPTION_FEEDS

    def wants(self, channel: str, symbol: str) -> bool:
        """Whether it has subscribed to this, at the address where this is told."""
        if is_contract(symbol) != self.is_of_options:
            return False
        return symbol in self.wanted[channel] or "*" in self.wanted[channel]

    def fail(self, code: int) -> None:
        """Tell an error."""
        self.say([{"T": "error", "code": code, "msg": _ERRORS[code]}])


class DataHub(Hub[DataClient]):
    """Every client of the market data stream."""

    tells = "quotes, trades, bars: iex, sip, delayed_sip, test, of options indicative, opra."

    def __init__(self, site: "AlpacaSite") -> None:
        """Nobody is there yet."""
        super().__init__()
        self._site = site

    def publish(self, tick: Tick) -> None:
        """Tell a tick to those who want it."""
        if self._site.is_muted or not self._clients:
            return
        channel = _CHANNEL_OF[type(tick)]
        body, at_ns = _frame(tick)
        for client in self._clients:
            if client.wants(channel, tick.symbol):
                client.tell(body, at_ns)

    @property
    def clients(self) -> int:
        """How many have shown their keys."""
        return sum(client.is_known for client in self._clients)

    @property
    def subscriptions(self) -> int:
        """How many channels of symbols are asked for, by all clients together."""
        return sum(len(names) for one in self._clients for names in one.wanted.values())

    def client(self, request: web.Request, outlet: Outlet) -> DataClient:
        """Unknown as yet, and greeted."""
        client = DataClient(
            outlet,
            feed=request.match_info["feed"],
            is_packed=request.headers.get("Content-Type") == MSGPACK,
        )
        client.say([{"T": "success", "msg": "connected"}])
        return client

    def hear(self, client: DataClient, raw: bytes) -> bool:
        """Answer one message; False ends the connection."""
        try:
            message = _decode(raw, is_packed=client.is_packed)
            action = message["action"]
        except (ValueError, KeyError, TypeError, msgspec.DecodeError):
            client.fail(400)
            return True
        if client.is_of_options and not client.is_packed:
            client.fail(412)
            return False
        if action == "auth":
            return self._authenticate(client, message)
        if not client.is_known:
            client.fail(401)
            return True
        if action in ("subscribe", "unsubscribe"):
            self._subscribe(client, message, is_more=action == "subscribe")
        else:
            client.fail(400)
        return True

    def _authenticate(self, client: DataClient, message: dict[str, Any]) -> bool:
        if client.is_known:
            client.fail(403)
            return True
        if not self._site.keys.are_good(message.get("key"), message.get("secret")):
            client.fail(402)
            return False
        if any(other.is_known and other.feed == client.feed for other in self._clients):
            client.fail(406)  # one connection per feed
            return False
        client.is_known = True
        client.say([{"T": "success", "msg": "authenticated"}])
        return True

    def _subscribe(self, client: DataClient, message: dict[str, Any], *, is_more: bool) -> None:
        wanted = {name: [*symbols] for name, symbols in client.wanted.items()}
        for channel in CHANNELS:
            for symbol in message.get(channel) or []:
                self._list(symbol)
                if is_more and symbol not in wanted[channel]:
                    wanted[channel].append(symbol)
                elif not is_more and symbol in wanted[channel]:
                    wanted[channel].remove(symbol)
        if client.feed == "iex" and len({*wanted["trades"], *wanted["quotes"]}) > IEX_SYMBOLS_MAX:
            client.fail(405)
            return
        client.wanted = wanted
        client.say([{"T": "subscription", **wanted}])

    def _list(self, symbol: str) -> None:
        """An option has quotes from the moment somebody wants them."""
        if symbol not in self._site.core.market and self._site.desk.contract(symbol) is not None:
            self._site.desk.list_symbol(symbol)


def _decode(raw: bytes, *, is_packed: bool) -> Any:
    return msgspec.msgpack.decode(raw) if is_packed else load_json(raw)
