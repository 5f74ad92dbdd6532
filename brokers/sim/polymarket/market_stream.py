"""The market's stream: books, changes of levels, prints, ticks; no numbers to see a gap by."""

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from brokers.sim.book import Side
from brokers.sim.hub import Client, Hub
from brokers.sim.market import BarTick, QuoteTick, Tick, TradeTick
from brokers.sim.polymarket.books import Levels, best_of, levels_of, summary
from brokers.sim.polymarket.listing import Listing, Token
from brokers.sim.sockets import Outlet
from brokers.sim.units import dump_json, load_json, show

if TYPE_CHECKING:
    from brokers.sim.polymarket.site import PolymarketSite


@dataclass(slots=True, eq=False)
class MarketClient(Client):
    """Which tokens it wants, and whether it wants the newer events too."""

    tokens: set[str] = field(default_factory=set)
    has_custom: bool = False

    def tell(self, events: list[dict[str, Any]]) -> None:
        """One frame, which is an array."""
        if events:
            self.outlet.send(dump_json(events).decode())


class MarketHub(Hub[MarketClient]):
    """Every client of `/ws/market`."""

    tells = "books, their changes, trades, ticks and resolutions."

    def __init__(self, site: "PolymarketSite") -> None:
        """Nobody listens yet."""
        super().__init__()
        self._site = site
        self._told: dict[str, Levels] = {}
        self._bests: dict[str, tuple[int | None, int | None]] = {}
        self._due: set[str] = set()

    def begin(self) -> None:
        """A new market; what rests in its books now is no news."""
        market = self._site.core.market
        listings = self._site.listings.values()
        self._told = {listing.symbol: levels_of(market, listing) for listing in listings}
        self._bests = {}
        self._due = set()

    # --- what happens -----------------------------------------------------------------------------

    def hear_tick(self, tick: Tick) -> None:
        """The market has moved."""
        listing = self._site.listings.get(tick.symbol)
        if listing is None or isinstance(tick, BarTick):
            return
        if isinstance(tick, TradeTick):
            self._print(listing, tick)
        elif isinstance(tick, QuoteTick):
            self._refine(listing)
        self.look_at(listing)

    def look_at(self, listing: Listing) -> None:
        """Something rests, or rests no more; it is told at the next pump."""
        if listing.symbol not in self._due:
            self._due.add(listing.symbol)
            self._site.core.soon(partial(self._changed, listing))

    def _now(self) -> str:
        return str(self._site.core.now_ns() // 1_000_000)

    def _changed(self, listing: Listing) -> None:
        """Tell each level whose total is another, for both tokens; 0 takes it away."""
        self._due.discard(listing.symbol)
        levels = levels_of(self._site.core.market, listing)
        before = self._told.get(listing.symbol, {})
        self._told[listing.symbol] = levels
        keys = [key for key in {**before, **levels} if before.get(key) != levels.get(key)]
        if not keys:
            return
        changes = [
            self._change(listing, token, key, levels.get(key, 0))
            for key in keys
            for token in listing.tokens
        ]
        event = {
            "event_type": "price_change",
            "market": listing.condition_id,
            "price_changes": changes,
            "timestamp": self._now(),
        }
        self._tell(listing, event)
        self._tell_bests(listing)

    def _change(
        self, listing: Listing, token: Token, key: tuple[Side, int], qty_1e8: int
    ) -> dict[str, Any]:
        side, price_1e8 = key
        best = best_of(self._site.core.market, listing, token)
        return {
            "asset_id": token.token_id,
            "price": show(token.price(price_1e8)),
            "size": show(qty_1e8),
            "side": token.side(side).name,
            "hash": f"{self._site.chance.getrandbits(160):040x}",
            "best_bid": show(best.bid_1e8 or 0),
            "best_ask": show(best.ask_1e8 or 0),
        }

    def _tell_bests(self, listing: Listing) -> None:
        for token in listing.tokens:
            best = best_of(self._site.core.market, listing, token)
            pair = best.bid_1e8, best.ask_1e8
            if self._bests.get(token.token_id) == pair:
                continue
            self._bests[token.token_id] = pair
            event = {
                "event_type": "best_bid_ask",
                "market": listing.condition_id,
                "asset_id": token.token_id,
                "best_bid": show(best.bid_1e8 or 0),
                "best_ask": show(best.ask_1e8 or 0),
                "spread": show(best.spread_1e8),
                "timestamp": self._now(),
            }
            self._tell(listing, event, token=token, is_custom=True)

    def _print(self, listing: Listing, trade: TradeTick) -> None:
        for token in listing.tokens:
            event = {
                "event_type": "last_trade_price",
                "market": listing.condition_id,
                "asset_id": token.token_id,
                "price": show(token.price(trade.price_1e8)),
                "size": show(trade.qty_1e8),
                "side": token.side(trade.side).name,
                "fee_rate_bps": "0",
                "timestamp": self._now(),
            }
            self._tell(listing, event, token=token)

    def _refine(self, listing: Listing) -> None:
        """Near an end of the scale the tick becomes finer, and stays so."""
        if listing.wants_finer(self._site.core.market.last_1e8(listing.symbol)):
            self.change_tick(listing, listing.tick_1e8 // 10)

    def change_tick(self, listing: Listing, tick_1e8: int) -> None:
        """Another grid from now on."""
        old_1e8, listing.tick_1e8 = listing.tick_1e8, tick_1e8
        for token in listing.tokens:
            event = {
                "event_type": "tick_size_change",
                "market": listing.condition_id,
                "asset_id": token.token_id,
                "old_tick_size": show(old_1e8),
                "new_tick_size": show(tick_1e8),
                "timestamp": self._now(),
            }
            self._tell(listing, event, token=token)

    def open_market(self, listing: Listing) -> None:
        """A market is new."""
        event = {
            "event_type": "new_market",
            "id": listing.symbol,
            "question": listing.question,
            "market": listing.condition_id,
            "condition_id": listing.condition_id,
            "slug": listing.slug,
            "description": listing.question,
            "assets_ids": [token.token_id for token in listing.tokens],
            "outcomes": [token.outcome for token in listing.tokens],
            "timestamp": self._now(),
            "tags": listing.tags,
        }
        self._tell_all(event)

    def resolve(self, listing: Listing) -> None:
        """A market is decided."""
        winner = listing.winner
        event = {
            "event_type": "market_resolved",
            "id": listing.symbol,
            "market": listing.condition_id,
            "assets_ids": [token.token_id for token in listing.tokens],
            "winning_asset_id": winner.token_id if winner else None,
            "winning_outcome": winner.outcome if winner else None,
            "timestamp": self._now(),
            "tags": listing.tags,
        }
        self._tell(listing, event, is_custom=True)

    # --- who is told ------------------------------------------------------------------------------

    def _tell(
        self,
        listing: Listing,
        event: dict[str, Any],
        *,
        token: Token | None = None,
        is_custom: bool = False,
    ) -> None:
        if self._site.is_muted:
            return
        names = {each.token_id for each in ((token,) if token else listing.tokens)}
        for client in self._clients:
            if client.tokens & names and (client.has_custom or not is_custom):
                client.tell([event])

    def _tell_all(self, event: dict[str, Any]) -> None:
        if self._site.is_muted:
            return
        for client in self._clients:
            if client.has_custom:
                client.tell([event])

    @property
    def subscriptions(self) -> int:
        """How many tokens are asked for, by all clients together."""
        return sum(len(client.tokens) for client in self._clients)

    def client(self, request: web.Request, outlet: Outlet) -> MarketClient:
        """It wants nothing yet."""
        del request
        return MarketClient(outlet)

    def hear(self, client: MarketClient, raw: bytes) -> bool:
        """A ping, or the tokens that are wanted; whatever else ends the connection."""
        if raw == b"PING":
            client.outlet.send("PONG")
            return True
        try:
            asked = load_json(raw)
            names = [str(name) for name in asked.get("assets_ids") or ()]
            is_less = asked.get("operation") == "unsubscribe"
            is_more = asked.get("operation") == "subscribe" or asked.get("type") == "market"
            custom = asked.get("custom_feature_enabled")
        except (ValueError, TypeError, AttributeError):
            return False
        if not (is_less or is_more):
            return False
        if isinstance(custom, bool):
            client.has_custom = custom
        if is_less:
            client.tokens.difference_update(names)
            return True
        self._add(client, [name for name in names if name not in client.tokens])
        return True

    def _add(self, client: MarketClient, names: list[str]) -> None:
        """Each token's book at once; of a token that is not listed nothing ever comes."""
        books = []
        for name in names:
            client.tokens.add(name)
            pair = self._site.tokens.get(name)
            if pair is None or pair[0].is_closed:
                continue
            core = self._site.core
            books.append({"event_type": "book", **summary(core.market, *pair, core.now_ns())})
        if not self._site.is_muted:
            client.tell(books)
