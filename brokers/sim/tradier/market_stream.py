"""The market's events: quotes in numbers, trades in text, times as text of milliseconds."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from brokers.sim.hub import Client, Hub
from brokers.sim.market import BarTick, QuoteTick, Tick, TradeTick
from brokers.sim.sockets import Outlet
from brokers.sim.tradier.assets import ASSETS
from brokers.sim.units import ONE_1E8, dump_json, load_json, number, show

if TYPE_CHECKING:
    from brokers.sim.tradier.site import TradierSite

KINDS: Final = ("quote", "trade", "summary", "timesale", "tradex")


@dataclass(slots=True, eq=False)
class MarketClient(Client):
    """What one client has shown and asked for."""

    sessionid: str = ""
    symbols: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    has_linebreaks: bool = False

    def tell(self, event: dict[str, Any]) -> None:
        """Send one event, if it is wanted."""
        if event["type"] in self.kinds and event["symbol"] in self.symbols:
            end = "\n" if self.has_linebreaks else ""
            self.outlet.send(dump_json(event).decode() + end)


@dataclass(slots=True, kw_only=True)
class _Day:
    """What a symbol's prints have come to since the venue began."""

    open_1e8: int
    high_1e8: int
    low_1e8: int
    volume_1e8: int = 0


class MarketHub(Hub[MarketClient]):
    """Every client of the market's stream."""

    tells = "quotes, trades, summaries and time sales."

    def __init__(self, site: "TradierSite") -> None:
        """Nobody is there yet."""
        super().__init__()
        self._site = site
        self._days: dict[str, _Day] = {}

    def begin(self) -> None:
        """A new market, without a print."""
        self._days.clear()

    def publish(self, tick: Tick) -> None:
        """Tell a tick to those who want it."""
        if isinstance(tick, BarTick):
            return
        events = self._quoted(tick) if isinstance(tick, QuoteTick) else self._traded(tick)
        if self._site.is_muted:
            return
        for event in events:
            for client in self._clients:
                client.tell(event)

    @staticmethod
    def _quoted(quote: QuoteTick) -> list[dict[str, Any]]:
        asset = ASSETS.get(quote.symbol)
        if asset is not None and asset.is_index:  # nobody bids for an index
            return []
        at = str(quote.at_ns // 1_000_000)
        return [
            {
                "type": "quote",
                "symbol": quote.symbol,
                "bid": number(quote.bid_1e8),
                "bidsz": quote.bid_qty_1e8 // ONE_1E8,
                "bidexch": "Q",
                "biddate": at,
                "ask": number(quote.ask_1e8),
                "asksz": quote.ask_qty_1e8 // ONE_1E8,
                "askexch": "P",
                "askdate": at,
            }
        ]

    def _traded(self, trade: TradeTick) -> list[dict[str, Any]]:
        price_1e8 = trade.price_1e8
        day = self._days.get(trade.symbol)
        is_news = day is None or not day.low_1e8 <= price_1e8 <= day.high_1e8
        if day is None:
            day = _Day(open_1e8=price_1e8, high_1e8=price_1e8, low_1e8=price_1e8)
            self._days[trade.symbol] = day
        day.high_1e8, day.low_1e8 = max(day.high_1e8, price_1e8), min(day.low_1e8, price_1e8)
        day.volume_1e8 += trade.qty_1e8
        printed = {
            "symbol": trade.symbol,
            "exch": "Q",
            "price": show(price_1e8),
            "size": show(trade.qty_1e8),
            "cvol": show(day.volume_1e8),
            "date": str(trade.at_ns // 1_000_000),
            "last": show(price_1e8),
        }
        events = [{"type": "trade", **printed}, {"type": "tradex", **printed}]
        events.append(self._sold(trade))
        if is_news:
            events.append(self._summary(trade.symbol, day))
        return events

    def _sold(self, trade: TradeTick) -> dict[str, Any]:
        quote = self._site.core.market.quote_of(trade.symbol)
        return {
            "type": "timesale",
            "symbol": trade.symbol,
            "exch": "Q",
            "bid": show(quote.bid_1e8 if quote else 0),
            "ask": show(quote.ask_1e8 if quote else 0),
            "last": show(trade.price_1e8),
            "size": show(trade.qty_1e8),
            "date": str(trade.at_ns // 1_000_000),
            "seq": trade.trade_id,
            "flag": "",
            "cancel": False,
            "correction": False,
            "session": "normal",
        }

    @staticmethod
    def _summary(symbol: str, day: _Day) -> dict[str, Any]:
        return {
            "type": "summary",
            "symbol": symbol,
            "open": show(day.open_1e8),
            "high": show(day.high_1e8),
            "low": show(day.low_1e8),
            "prevClose": show(day.open_1e8),
        }

    @property
    def subscriptions(self) -> int:
        """How many symbols are asked for, by all clients together."""
        return sum(len(client.symbols) for client in self._clients)

    def client(self, request: web.Request, outlet: Outlet) -> MarketClient:
        """Unknown as yet."""
        del request
        return MarketClient(outlet)

    def hear(self, client: MarketClient, raw: bytes) -> bool:
        """Subscribe, or be told that the session is none, which ends the connection."""
        is_good = self._subscribe(client, raw)
        if not is_good:
            client.outlet.send(dump_json({"error": "Session not found"}).decode())
        return is_good

    def _subscribe(self, client: MarketClient, raw: bytes) -> bool:
        """Subscribe, or subscribe to something else."""
        try:
            asked = load_json(raw)
            sessionid, symbols = asked["sessionid"], asked["symbols"]
            kinds = asked.get("filter") or KINDS
        except (ValueError, KeyError, TypeError, AttributeError):
            return False
        if sessionid != client.sessionid:
            if not self._site.sessions.take(sessionid, "markets", self._site.wall_ns()):
                return False
            self._kick_others(client)
        client.sessionid = sessionid
        client.symbols = tuple(str(symbol).upper() for symbol in symbols)
        client.kinds = tuple(kind for kind in kinds if kind in KINDS)
        client.has_linebreaks = asked.get("linebreak") is True
        for symbol in client.symbols:
            self._begin(client, symbol)
        return True

    def _begin(self, client: MarketClient, symbol: str) -> None:
        """The newest quote of a symbol at once; a contract gets its book, and is quoted by that."""
        is_new = symbol not in self._site.core.market
        if not self._site.is_listed(symbol) or is_new or self._site.is_muted:
            return
        quote = self._site.core.market.quote_of(symbol)
        for event in self._quoted(quote) if quote is not None else []:
            client.tell(event)

    def _kick_others(self, client: MarketClient) -> None:
        """One session at a time: who was here before is cut."""
        for other in [*self._clients]:
            if other is not client and other.sessionid:
                self.drop(other)
