"""A market's book as each of its two tokens sees it."""

import json
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

from brokers.sim.book import Side
from brokers.sim.market import Market
from brokers.sim.polymarket.listing import Listing, Token
from brokers.sim.units import show

Levels = dict[tuple[Side, int], int]
"""What rests at a side and a price of the first token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """A token's best prices; None where a side is empty."""

    bid_1e8: int | None
    ask_1e8: int | None

    @property
    def mid_1e8(self) -> int:
        """Between the two, or what there is."""
        found = [price for price in (self.bid_1e8, self.ask_1e8) if price is not None]
        return sum(found) // len(found) if found else 0

    def of(self, side: Side) -> int:
        """What an order of this side rests at, 0 where none does."""
        return (self.bid_1e8 if side is Side.BUY else self.ask_1e8) or 0

    @property
    def spread_1e8(self) -> int:
        """Between the two; 0 where one is missing."""
        if self.bid_1e8 is None or self.ask_1e8 is None:
            return 0
        return self.ask_1e8 - self.bid_1e8


def levels_of(market: Market, listing: Listing) -> Levels:
    """All that rests, added up."""
    found: Levels = {}
    book = market.book(listing.symbol)
    for side in Side:
        for order in book.side(side):
            key = side, order.limit_1e8 or 0
            found[key] = found.get(key, 0) + order.qty_1e8
    return found


def best_of(market: Market, listing: Listing, token: Token) -> Best:
    """The best prices in the token's terms."""
    book = market.book(listing.symbol)
    prices = {token.side(side): book.best_1e8(side) for side in Side}
    bid_1e8, ask_1e8 = prices[Side.BUY], prices[Side.SELL]
    return Best(
        bid_1e8=None if bid_1e8 is None else token.price(bid_1e8),
        ask_1e8=None if ask_1e8 is None else token.price(ask_1e8),
    )


def ladder(levels: Levels, token: Token, side: Side) -> list[dict[str, str]]:
    """One side in the token's terms; the best price is the last."""
    own = [
        (token.price(price_1e8), qty_1e8)
        for (its, price_1e8), qty_1e8 in levels.items()
        if token.side(its) is side
    ]
    own.sort(reverse=side is Side.SELL)
    return [{"price": show(price_1e8), "size": show(qty_1e8)} for price_1e8, qty_1e8 in own]


def summary(market: Market, listing: Listing, token: Token, now_ns: int) -> dict[str, Any]:
    """GET /book, and the event of the same name; its hash is of itself, without one."""
    levels = levels_of(market, listing)
    last = market.trade_of(listing.symbol)
    found: dict[str, Any] = {
        "market": listing.condition_id,
        "asset_id": token.token_id,
        "timestamp": str(now_ns // 1_000_000),
        "hash": "",
        "bids": ladder(levels, token, Side.BUY),
        "asks": ladder(levels, token, Side.SELL),
        "min_order_size": show(listing.min_size_1e8),
        "tick_size": show(listing.tick_1e8),
        "neg_risk": listing.is_neg_risk,
        "last_trade_price": show(token.price(last.price_1e8)) if last else "",
    }
    text = json.dumps(found, separators=(",", ":"), ensure_ascii=False)
    found["hash"] = sha1(text.encode(), usedforsecurity=False).hexdigest()
    return found
