"""Alpaca's market data routes: bars, quotes, prints, the newest of each, and snapshots."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from brokers.sim.alpaca.data_stream import bar_fields, quote_fields, trade_fields
from brokers.sim.alpaca.errors import ApiError, malformed, no_subscription
from brokers.sim.alpaca.history import Row, bars_between, quotes_between, trades_between
from brokers.sim.units import MINUTE_NS, dump_json, read_time, utc_text

if TYPE_CHECKING:
    from brokers.sim.alpaca.site import AlpacaSite

LIMIT_DEFAULT: Final = 1000
LIMIT_MAX: Final = 10_000
_UNITS_NS: Final = {
    "Min": MINUTE_NS,
    "T": MINUTE_NS,
    "Hour": 60 * MINUTE_NS,
    "H": 60 * MINUTE_NS,
    "Day": 1440 * MINUTE_NS,
    "D": 1440 * MINUTE_NS,
}
SIP_DELAY_NS: Final = 15 * MINUTE_NS
FEEDS: Final = ("iex", "sip", "delayed_sip", "otc", "indicative", "opra")
_KINDS: Final = ("bars", "trades", "quotes")
# Of options the venue has neither old quotes nor the newest bar.
_SERVED: Final = (
    ("/v2/stocks", _KINDS, _KINDS),
    ("/v1beta1/options", ("bars", "trades"), ("trades", "quotes")),
)
Reader = Callable[[str, int, int], list[Row]]


class DataRoutes:
    """`/v2/stocks` and `/v1beta1/options` of the data host."""

    def __init__(self, site: "AlpacaSite") -> None:
        """Serve this venue's market."""
        self._site = site

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every route."""
        for base, ranged, latest in _SERVED:
            for kind in ranged:
                router.add_get(f"{base}/{kind}", self._ranged(kind))
            for kind in latest:
                router.add_get(f"{base}/{kind}/latest", self._latest(kind))
            router.add_get(f"{base}/snapshots", self.snapshots)
        router.add_get("/v1beta1/options/snapshots/{underlying}", self.chain)

    def _ranged(self, kind: str) -> Callable[[web.Request], Any]:
        async def handler(request: web.Request) -> web.Response:
            """Those from `start` to `end`, by symbol, oldest first, by pages."""
            query = request.query
            core = self._site.core
            now_ns = core.now_ns()
            first_ns = _time(query, "start", now_ns // (1440 * MINUTE_NS) * 1440 * MINUTE_NS)
            last_ns = min(_time(query, "end", now_ns), now_ns)
            if query.get("feed", "").lower() == "sip" and last_ns > now_ns - SIP_DELAY_NS:
                raise no_subscription()
            read: dict[str, Reader] = {
                "bars": lambda symbol, first, last: bars_between(
                    core, symbol, (first, last), _timeframe(query)
                ),
                "trades": lambda symbol, first, last: trades_between(core, symbol, first, last),
                "quotes": lambda symbol, first, last: quotes_between(core, symbol, first, last),
            }
            rows: list[tuple[str, Row]] = []
            for symbol in self._symbols(query):
                rows += [(symbol, row) for row in read[kind](symbol, first_ns, last_ns)]
            return _page(kind, rows, query)

        return handler

    def _latest(self, kind: str) -> Callable[[web.Request], Any]:
        async def handler(request: web.Request) -> web.Response:
            """The newest of each symbol."""
            newest = {"bars": self._bar, "trades": self._trade, "quotes": self._quote}[kind]
            found = {symbol: newest(symbol) for symbol in self._symbols(request.query)}
            return _answer({kind: {key: one for key, one in found.items() if one is not None}})

        return handler

    async def snapshots(self, request: web.Request) -> web.Response:
        """The newest of everything; for shares the symbols are the answer's own keys."""
        found = {symbol: self._snapshot(symbol) for symbol in self._symbols(request.query)}
        if request.path.startswith("/v2/"):
            return _answer(found)
        return _answer({"snapshots": found, "next_page_token": None})

    async def chain(self, request: web.Request) -> web.Response:
        """Snapshots of an underlying's contracts that have been quoted here."""
        underlying = request.match_info["underlying"]
        found = {}
        for symbol in self._site.core.market.symbols():
            contract = self._site.desk.contract(symbol)
            if contract is not None and contract.underlying == underlying:
                found[symbol] = self._snapshot(symbol)
        return _answer({"snapshots": found, "next_page_token": None})

    # --- one symbol -------------------------------------------------------------------------------

    def _symbols(self, query: Mapping[str, str]) -> list[str]:
        """Those of the query that there are; others have no data, as at the venue.

        Raises:
            ApiError: None is given, or the feed is unknown.
        """
        feed = query.get("feed", "iex").lower()
        if feed not in FEEDS:
            raise malformed(f"invalid feed: {feed}")
        wanted = [symbol for symbol in (query.get("symbols") or "").split(",") if symbol]
        if not wanted:
            raise malformed("symbols is required")
        found = []
        for symbol in wanted:
            try:
                self._site.desk.list_symbol(symbol)
            except ApiError:
                continue
            found.append(symbol)
        return found

    def _bar(self, symbol: str) -> dict[str, Any] | None:
        bars = self._site.core.market.bars_of(symbol)
        return {"t": utc_text(bars[-1].start_ns), **bar_fields(bars[-1])} if bars else None

    def _trade(self, symbol: str) -> dict[str, Any] | None:
        trade = self._site.core.market.trade_of(symbol)
        return None if trade is None else {"t": utc_text(trade.at_ns), **trade_fields(trade)}

    def _quote(self, symbol: str) -> dict[str, Any] | None:
        quote = self._site.core.market.quote_of(symbol)
        return None if quote is None else {"t": utc_text(quote.at_ns), **quote_fields(quote)}

    def _snapshot(self, symbol: str) -> dict[str, Any]:
        core = self._site.core
        parts: dict[str, Any] = {
            "latestTrade": self._trade(symbol),
            "latestQuote": self._quote(symbol),
            "minuteBar": self._bar(symbol),
        }
        days = bars_between(
            core, symbol, (core.started_ns - 10 * 1440 * MINUTE_NS, core.now_ns()), 1440 * MINUTE_NS
        )
        for name, at in (("dailyBar", -1), ("prevDailyBar", -2)):
            parts[name] = (
                {"t": utc_text(days[at].at_ns), **days[at].fields} if len(days) >= -at else None
            )
        return {name: part for name, part in parts.items() if part is not None}


def _page(kind: str, rows: list[tuple[str, Row]], query: Mapping[str, str]) -> web.Response:
    """One page: the limit counts rows of all symbols, and the token says where the next begins."""
    if query.get("sort") == "desc":
        rows = rows[::-1]
    limit = query.get("limit", str(LIMIT_DEFAULT))
    token = query.get("page_token") or "0"
    if not limit.isdigit() or not 0 < int(limit) <= LIMIT_MAX or not token.isdigit():
        raise malformed(f"limit must be 1 to {LIMIT_MAX}, page_token one of ours; was {limit}")
    begin, end = int(token), int(token) + int(limit)
    found: dict[str, list[dict[str, Any]]] = {}
    for symbol, row in rows[begin:end]:
        found.setdefault(symbol, []).append({"t": utc_text(row.at_ns), **row.fields})
    return _answer({kind: found, "next_page_token": str(end) if end < len(rows) else None})


def _answer(value: object) -> web.Response:
    return web.Response(body=dump_json(value), content_type="application/json")


def _time(query: Mapping[str, str], name: str, default_ns: int) -> int:
    text = query.get(name)
    if text is None:
        return default_ns
    try:
        return read_time(text)
    except ValueError as error:
        raise malformed(f"invalid {name}: {text}") from error


def _timeframe(query: Mapping[str, str]) -> int:
    """The length of a bar in ns.

    Raises:
        ApiError: It is none of ours.
    """
    text = query.get("timeframe", "1Min")
    digits = text.rstrip("MinHourDayT")
    unit_ns = _UNITS_NS.get(text[len(digits) :])
    if not digits.isdigit() or unit_ns is None or not 0 < int(digits) < 60:  # noqa: PLR2004 - minutes
        raise malformed(f"invalid timeframe: {text}")
    return int(digits) * unit_ns
