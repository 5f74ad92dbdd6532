"""The two services beside the order book: what markets are (Gamma) and who holds what (Data)."""

import json
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from brokers.sim.polymarket.books import best_of
from brokers.sim.polymarket.errors import Refusal, json_answer
from brokers.sim.polymarket.listing import Listing, Token
from brokers.sim.units import ONE_1E8, number, show, times, utc_text

if TYPE_CHECKING:
    from brokers.sim.polymarket.site import PolymarketSite

POSITIONS_PAGE: Final = 100
POSITIONS_MAX: Final = 500


class MetadataRoutes:
    """`/gamma` and `/data-api`, each as its own host has it; positions also without a prefix."""

    def __init__(self, site: "PolymarketSite") -> None:
        """Serve this venue."""
        self._site = site

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every route."""
        router.add_get("/gamma/markets", self.markets)
        router.add_get("/gamma/markets/keyset", self.market_pages)
        router.add_get("/gamma/markets/slug/{slug}", self.market)
        router.add_get("/gamma/markets/{id}", self.market)
        router.add_get("/positions", self.positions)
        router.add_get("/data-api/positions", self.positions)
        router.add_get("/data-api/v2/positions", self.newer_positions)

    # --- markets ----------------------------------------------------------------------------------

    def _wanted(self, request: web.Request) -> list[dict[str, Any]]:
        """Those that the query asks for; all where it asks for nothing."""
        query = request.query
        slugs = query.getall("slug", [])
        conditions = query.getall("condition_ids", [])
        closed = query.get("closed")
        return [
            self._market(listing)
            for listing in self._site.listings.values()
            if (not slugs or listing.slug in slugs)
            and (not conditions or listing.condition_id in conditions)
            and (closed is None or listing.is_closed == (closed == "true"))
        ]

    async def markets(self, request: web.Request) -> web.Response:
        """A bare list."""
        return json_answer(self._wanted(request))

    async def market_pages(self, request: web.Request) -> web.Response:
        """The same as one page, which is the last."""
        return json_answer({"markets": self._wanted(request), "next_cursor": None})

    async def market(self, request: web.Request) -> web.Response:
        """One, by its slug or its number."""
        name = request.match_info.get("slug") or request.match_info["id"]
        for listing in self._site.listings.values():
            if name in (listing.slug, listing.number):
                return json_answer(self._market(listing))
        raise Refusal(404, "market not found")

    def _price_1e8(self, listing: Listing, token: Token) -> int:
        worth_1e8 = listing.worth_1e8(token)
        if worth_1e8 is not None:
            return worth_1e8
        return best_of(self._site.core.market, listing, token).mid_1e8

    def _told_1e8(self, listing: Listing, token: Token) -> int:
        """Its price, or what it pays; a service that is wrong says so of another winner."""
        if listing.is_decided and listing.rumour is not None:
            return ONE_1E8 if token is listing.rumour else 0
        return self._price_1e8(listing, token)

    def _market(self, listing: Listing) -> dict[str, Any]:
        """Lists are texts of JSON here, as there."""
        prices = [show(self._told_1e8(listing, token)) for token in listing.tokens]
        best = best_of(self._site.core.market, listing, listing.first)
        found: dict[str, Any] = {
            "id": listing.number,
            "question": listing.question,
            "conditionId": listing.condition_id,
            "slug": listing.slug,
            "description": listing.question,
            "outcomes": json.dumps([token.outcome for token in listing.tokens]),
            "outcomePrices": json.dumps(prices),
            "clobTokenIds": json.dumps([token.token_id for token in listing.tokens]),
            "active": True,
            "closed": listing.is_closed,
            "archived": False,
            "acceptingOrders": listing.accepts,
            "enableOrderBook": True,
            "negRisk": listing.is_neg_risk,
            "orderPriceMinTickSize": number(listing.tick_1e8),
            "orderMinSize": number(listing.min_size_1e8),
            "bestBid": number(best.bid_1e8 or 0),
            "bestAsk": number(best.ask_1e8 or 0),
            "events": [],
        }
        if listing.is_decided:
            found["umaResolutionStatus"] = "resolved"
        if listing.ends_ns:
            found |= {
                "startDate": utc_text(listing.starts_ns),
                "eventStartTime": utc_text(listing.starts_ns),
                "endDate": utc_text(listing.ends_ns),
                "resolutionSource": "https://data.chain.link/streams/btc-usd",
            }
        return found

    # --- holdings ---------------------------------------------------------------------------------

    def _held(self, request: web.Request) -> list[tuple[Listing, Token, int]]:
        """What is on the chain: seconds behind the matches."""
        if request.query.get("user", "").lower() != self._site.wallet.address.lower():
            return []
        account = self._site.desk.account
        held = (
            (listing, token, account.chain_shares_1e8(token))
            for listing, token in self._site.tokens.values()
        )
        return [each for each in held if each[2]]

    async def positions(self, request: web.Request) -> web.Response:
        """A bare list, in numbers; a page of it where that is asked for."""
        try:
            limit = min(int(request.query.get("limit", POSITIONS_PAGE)), POSITIONS_MAX)
            offset = int(request.query.get("offset", 0))
        except ValueError:
            limit = offset = -1
        if limit < 0 or offset < 0:
            raise Refusal(400, "invalid limit or offset")
        page = self._held(request)[offset : offset + limit]
        return json_answer([self._position(*each) for each in page])

    def _average_1e8(self, token: Token) -> int:
        position = self._site.desk.account.ledger.positions.get(token.token_id)
        return position.average_1e8 if position else 0

    def _position(self, listing: Listing, token: Token, qty_1e8: int) -> dict[str, Any]:
        average_1e8, price_1e8 = self._average_1e8(token), self._price_1e8(listing, token)
        other = listing.other(token)
        return {
            "proxyWallet": self._site.wallet.address,
            "asset": token.token_id,
            "conditionId": listing.condition_id,
            "size": number(qty_1e8),
            "avgPrice": number(average_1e8),
            "initialValue": number(times(average_1e8, qty_1e8)),
            "currentValue": number(times(price_1e8, qty_1e8)),
            "cashPnl": number(times(price_1e8 - average_1e8, qty_1e8)),
            "percentPnl": 100 * (price_1e8 / average_1e8 - 1) if average_1e8 else 0.0,
            "totalBought": number(qty_1e8),
            "realizedPnl": 0.0,
            "percentRealizedPnl": 0.0,
            "curPrice": number(price_1e8),
            "redeemable": listing.is_decided,
            "mergeable": False,
            "title": listing.question,
            "slug": listing.slug,
            "outcome": token.outcome,
            "outcomeIndex": 0 if token.is_first else 1,
            "oppositeOutcome": other.outcome,
            "oppositeAsset": other.token_id,
            "endDate": utc_text(listing.ends_ns) if listing.ends_ns else "",
            "negativeRisk": listing.is_neg_risk,
        }

    async def newer_positions(self, request: web.Request) -> web.Response:
        """Pages, with other names for the same."""
        found = [self._newer(*each) for each in self._held(request)]
        return json_answer({"data": found, "pagination": {"has_more": False, "next_cursor": None}})

    def _newer(self, listing: Listing, token: Token, qty_1e8: int) -> dict[str, Any]:
        average_1e8, price_1e8 = self._average_1e8(token), self._price_1e8(listing, token)
        cost_1e8, value_1e8 = times(average_1e8, qty_1e8), times(price_1e8, qty_1e8)
        gain = number(value_1e8 - cost_1e8)
        gain_pct = number(100 * (value_1e8 - cost_1e8)) / number(cost_1e8) if cost_1e8 else 0.0
        return {
            "proxy_wallet": self._site.wallet.address,
            "token_id": token.token_id,
            "condition_id": listing.condition_id,
            "current_size": number(qty_1e8),
            "avg_price": number(average_1e8),
            "entry_cost_usdc": number(cost_1e8),
            "entry_fees_usdc": 0,
            "total_cost_usdc": number(cost_1e8),
            "current_price": number(price_1e8),
            "current_value": number(value_1e8),
            "total_size": number(qty_1e8),
            "realized_pnl": 0,
            "unrealized_pnl": gain,
            "total_pnl": gain,
            "percent_pnl": gain_pct,
            "percent_realized_pnl": 0,
            "status": "REDEEMABLE" if listing.is_decided else "OPEN",
            "redeemable": listing.is_decided,
            "mergeable": False,
            "negative_risk": listing.is_neg_risk,
            "archived": False,
            "verified": True,
            "title": listing.question,
            "slug": listing.slug,
            "outcome": token.outcome,
            "outcome_index": 0 if token.is_first else 1,
            "opposite_token_id": listing.other(token).token_id,
        }
