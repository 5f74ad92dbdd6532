"""What anybody may ask: markets, books and prices."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from brokers.sim.book import Side
from brokers.sim.polymarket.books import Best, best_of, summary
from brokers.sim.polymarket.errors import Refusal, json_answer
from brokers.sim.polymarket.listing import Listing, Token
from brokers.sim.units import NS, load_json, number, show

if TYPE_CHECKING:
    from brokers.sim.polymarket.site import PolymarketSite

FIRST_CURSOR: Final = "MA=="
LAST_CURSOR: Final = "LTE="
VERSION: Final = 2
_MINUTE_S: Final = 60
_INTERVALS: Final = {"1h": 3600, "6h": 21_600, "1d": 86_400, "1w": 604_800, "1m": 2_592_000}
Pair = tuple[Listing, Token]


class PublicRoutes:
    """Everything without a key."""

    def __init__(self, site: "PolymarketSite") -> None:
        """Serve this venue."""
        self._site = site

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every route."""
        router.add_get("/ok", self.ok)
        router.add_get("/time", self.time)
        router.add_get("/version", self.version)
        router.add_get("/markets", self.markets)
        router.add_get("/markets/{condition}", self.market)
        router.add_get("/markets-by-token/{token}", self.by_token)
        router.add_get("/clob-markets/{condition}", self.clob_market)
        router.add_get("/prices-history", self.history)
        for path, told in self._told().items():
            router.add_get(path, self._one(told))
        for path, many in self._many().items():
            router.add_post(path, many)

    # --- the venue --------------------------------------------------------------------------------

    async def ok(self, _: web.Request) -> web.Response:
        """It is there."""
        return json_answer("OK")

    async def time(self, _: web.Request) -> web.Response:
        """Epoch seconds."""
        return json_answer(self._site.core.now_ns() // NS)

    async def version(self, _: web.Request) -> web.Response:
        """Of the orders that it takes."""
        return json_answer({"version": VERSION})

    # --- markets ----------------------------------------------------------------------------------

    async def markets(self, _: web.Request) -> web.Response:
        """All, on one page."""
        found = [self._shown(listing) for listing in self._site.listings.values()]
        return json_answer(paged(found))

    async def market(self, request: web.Request) -> web.Response:
        """One in its long form, with prices and winner."""
        return json_answer(self._shown(self._by_condition(request)))

    def _shown(self, listing: Listing) -> dict[str, Any]:
        tokens = []
        for token in listing.tokens:
            worth_1e8 = listing.worth_1e8(token)
            price_1e8 = self._best((listing, token)).mid_1e8 if worth_1e8 is None else worth_1e8
            tokens.append(
                {
                    "token_id": token.token_id,
                    "outcome": token.outcome,
                    "price": number(price_1e8),
                    "winner": listing.winner is token,
                }
            )
        return {**listing.long_form(), "tokens": tokens}

    def _by_condition(self, request: web.Request) -> Listing:
        condition = request.match_info["condition"]
        for listing in self._site.listings.values():
            if listing.condition_id == condition:
                return listing
        raise Refusal(404, "market not found")

    async def clob_market(self, request: web.Request) -> web.Response:
        """One in its short form."""
        return json_answer(self._by_condition(request).short_form())

    async def by_token(self, request: web.Request) -> web.Response:
        """Which market a token is of."""
        listing, _ = self._pair(request.match_info["token"])
        return json_answer(
            {
                "condition_id": listing.condition_id,
                "primary_token_id": listing.first.token_id,
                "secondary_token_id": listing.second.token_id,
            }
        )

    def _pair(self, token_id: object) -> Pair:
        found = self._site.tokens.get(str(token_id))
        if found is None:
            raise Refusal(404, "No orderbook exists for the requested token id")
        return found

    def _best(self, pair: Pair) -> Best:
        return best_of(self._site.core.market, *pair)

    # --- one token --------------------------------------------------------------------------------

    def _told(self) -> dict[str, Callable[[Pair, Side], Any]]:
        return {
            "/book": lambda pair, _: self.book(pair),
            "/tick-size": lambda pair, _: {"minimum_tick_size": number(pair[0].tick_1e8)},
            "/neg-risk": lambda pair, _: {"neg_risk": pair[0].is_neg_risk},
            "/fee-rate": lambda _, __: {"base_fee": 0},
            "/midpoint": lambda pair, _: {"mid": show(self._best(pair).mid_1e8)},
            "/price": lambda pair, side: {"price": show(self._best(pair).of(side))},
            "/spread": lambda pair, _: {"spread": show(self._best(pair).spread_1e8)},
            "/last-trade-price": lambda pair, _: self._last(pair),
        }

    def _one(self, told: Callable[[Pair, Side], Any]) -> Callable[[web.Request], Any]:
        async def answer(request: web.Request) -> web.Response:
            """Of the token `token_id`."""
            pair = self._pair(request.query.get("token_id", ""))
            return json_answer(told(pair, _side(request.query.get("side", "BUY"))))

        return answer

    def book(self, pair: Pair) -> dict[str, Any]:
        """A token's book; the best price is last on both sides."""
        if pair[0].is_closed:
            raise Refusal(404, "No orderbook exists for the requested token id")
        return summary(self._site.core.market, *pair, self._site.core.now_ns())

    def _last(self, pair: Pair) -> dict[str, str]:
        trade = self._site.core.market.trade_of(pair[0].symbol)
        if trade is None:
            return {"price": "0.5", "side": ""}
        token = pair[1]
        return {
            "price": show(token.price(trade.price_1e8)),
            "side": token.side(trade.side).name,
        }

    # --- several tokens ---------------------------------------------------------------------------

    def _many(self) -> dict[str, Callable[[web.Request], Any]]:
        return {
            "/books": self._each(lambda asked: [self.book(pair) for pair, _ in asked]),
            "/midpoints": self._each(
                lambda asked: {
                    pair[1].token_id: show(self._best(pair).mid_1e8) for pair, _ in asked
                }
            ),
            "/prices": self._each(self._prices),
            "/spreads": self._each(
                lambda asked: {
                    pair[1].token_id: show(self._best(pair).spread_1e8) for pair, _ in asked
                }
            ),
            "/last-trades-prices": self._each(
                lambda asked: [
                    {"token_id": pair[1].token_id, **self._last(pair)} for pair, _ in asked
                ]
            ),
        }

    def _each(
        self, told: Callable[[Sequence[tuple[Pair, Side]]], Any]
    ) -> Callable[[web.Request], Any]:
        async def answer(request: web.Request) -> web.Response:
            """Of each token of the body."""
            body = read_json(await request.read())
            if not isinstance(body, list) or not all(isinstance(each, dict) for each in body):
                raise Refusal(400, "Invalid payload")
            asked = [(each.get("token_id"), each.get("side", "BUY")) for each in body]
            return json_answer(told([(self._pair(name), _side(side)) for name, side in asked]))

        return answer

    def _prices(self, asked: Sequence[tuple[Pair, Side]]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for pair, side in asked:
            own = found.setdefault(pair[1].token_id, {})
            own[side.name] = show(self._best(pair).of(side))
        return found

    async def history(self, request: web.Request) -> web.Response:
        """Prices of the past, one for each minute that had a trade; there are no bars."""
        listing, token = self._pair(request.query.get("market", ""))
        last_s = self._site.core.now_ns() // NS
        reach_s = _INTERVALS.get(request.query.get("interval", "1m"), _INTERVALS["1m"])
        first_s = _count(request, "startTs", last_s - reach_s)
        last_s = _count(request, "endTs", last_s)
        step_s = _MINUTE_S * max(1, _count(request, "fidelity", 1))
        found: dict[int, float] = {}
        for bar in self._site.core.market.bars_of(listing.symbol):
            at_s = bar.start_ns // NS
            if first_s <= at_s <= last_s:
                found[at_s // step_s * step_s] = number(token.price(bar.close_1e8))
        return json_answer({"history": [{"t": at_s, "p": price} for at_s, price in found.items()]})


def paged(found: list[Any]) -> dict[str, Any]:
    """One page, which is the last."""
    return {"limit": 100, "count": len(found), "next_cursor": LAST_CURSOR, "data": found}


def read_json(body: bytes) -> Any:
    """The body of a request.

    Raises:
        Refusal: It is not JSON.
    """
    try:
        return load_json(body)
    except ValueError as error:
        raise Refusal(400, "Invalid payload") from error


def _side(word: object) -> Side:
    if word not in ("BUY", "SELL"):
        raise Refusal(400, "Invalid side")
    return Side[str(word)]


def _count(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise Refusal(400, f"Invalid {name}")
    return int(text)
