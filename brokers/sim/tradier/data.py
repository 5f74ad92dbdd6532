"""Tradier's market routes: quotes, chains, bars, clock and calendar."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from brokers.sim.market import BarTick
from brokers.sim.tradier.assets import ASSETS, ROOTS, Contract, chain, strikes
from brokers.sim.tradier.errors import invalid
from brokers.sim.tradier.hours import early, late, state_at
from brokers.sim.tradier.quoting import Quoting, merged
from brokers.sim.tradier.rules import read_form
from brokers.sim.tradier.shapes import answer, one_or_many, rows
from brokers.sim.units import (
    MINUTE_NS,
    NS,
    ONE_1E8,
    eastern,
    from_eastern,
    number,
    ratio,
)
from trading.calendar import Session, from_date, to_date

if TYPE_CHECKING:
    from brokers.sim.tradier.site import TradierSite

_INTERVALS: Final = {"1min": 1, "5min": 5, "15min": 15}


class MarketRoutes:
    """`/v1/markets`."""

    def __init__(self, site: "TradierSite") -> None:
        """Serve this venue."""
        self._site = site
        self._quoting = Quoting(site.core)

    @property
    def quoting(self) -> Quoting:
        """Of the venue as it is now."""
        if self._quoting.core is not self._site.core:
            self._quoting = Quoting(self._site.core)
        return self._quoting

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Register every route."""
        router.add_get("/v1/markets/quotes", self.quotes)
        router.add_post("/v1/markets/quotes", self.quotes)
        router.add_get("/v1/markets/options/chains", self.chains)
        router.add_get("/v1/markets/options/expirations", self.expirations)
        router.add_get("/v1/markets/options/strikes", self.strikes)
        router.add_get("/v1/markets/options/lookup", self.lookup)
        router.add_get("/v1/markets/history", self.history)
        router.add_get("/v1/markets/timesales", self.timesales)
        router.add_get("/v1/markets/clock", self.clock)
        router.add_get("/v1/markets/calendar", self.calendar)
        router.add_get("/v1/markets/search", self.search)
        router.add_get("/v1/markets/lookup", self.search)

    # --- quotes and options -----------------------------------------------------------------------

    async def quotes(self, request: web.Request) -> web.Response:
        """Those of the known symbols; the others are named."""
        form = read_form(await request.read(), request.query_string)
        wanted = [symbol for symbol in _need(form, "symbols").upper().split(",") if symbol]
        has_greeks = form.get("greeks", "").lower() == "true"
        known = [symbol for symbol in wanted if self._is_known(symbol)]
        unknown = [symbol for symbol in wanted if symbol not in known]
        found: dict[str, Any] = {}
        if known:
            told = [self.quoting.quote(symbol, with_greeks=has_greeks) for symbol in known]
            found["quote"] = one_or_many(told)
        if unknown:
            found["unmatched_symbols"] = {"symbol": one_or_many(unknown)}
        return answer({"quotes": found}, request)

    def _is_known(self, symbol: str) -> bool:
        return symbol in self._site.core.market or self._site.desk.contract(symbol) is not None

    async def chains(self, request: web.Request) -> web.Response:
        """All contracts of an underlying's last day, of every root that has it."""
        query = request.query
        day = _day(_need(query, "expiration"), "expiration")
        has_greeks = query.get("greeks", "").lower() == "true"
        listed = self._listed(_need(query, "symbol"), day)
        found = [self.quoting.option(one, with_greeks=has_greeks) for one in listed]
        return answer(rows("options", "option", found), request)

    def _listed(self, symbol: str, day: date) -> list[Contract]:
        asset = ASSETS.get(symbol.upper())
        if asset is None:
            return []
        spot_1e8 = self._site.core.market.last_1e8(asset.symbol)
        return [
            contract
            for root in asset.roots
            if day in self._site.desk.expiries(root)
            for contract in chain(root, day, spot_1e8)
            if not self._site.desk.expiry.is_over(contract)
        ]

    async def expirations(self, request: web.Request) -> web.Response:
        """Last days, of the first root alone unless all are asked for; strikes on demand."""
        query = request.query
        asset = ASSETS.get(_need(query, "symbol").upper())
        roots = () if asset is None else asset.roots
        if not _is_true(query, "includeAllRoots"):
            roots = roots[:1]
        desk = self._site.desk
        days = sorted({day for root in roots for day in desk.expiries(root)})
        is_plain = not any(
            _is_true(query, name) for name in ("strikes", "contractSize", "expirationType")
        )
        if asset is None or is_plain:
            return answer(rows("expirations", "date", [f"{day}" for day in days]), request)
        spot_1e8 = self._site.core.market.last_1e8(asset.symbol)
        listed = [number(strike_1e8) for strike_1e8 in strikes(asset, spot_1e8)]
        found: list[dict[str, Any]] = []
        for day in days:
            one: dict[str, Any] = {"date": day.isoformat()}
            if _is_true(query, "contractSize"):
                one["contract_size"] = 100
            if _is_true(query, "expirationType"):
                is_standard = day in desk.expiries(roots[0])
                one["expiration_type"] = "standard" if is_standard else "weeklys"
            if _is_true(query, "strikes"):
                one["strikes"] = {"strike": listed}
            found.append(one)
        return answer(rows("expirations", "expiration", found), request)

    async def strikes(self, request: web.Request) -> web.Response:
        """Strikes of one last day."""
        query = request.query
        day = _day(_need(query, "expiration"), "expiration")
        listed = self._listed(_need(query, "symbol"), day)
        found = dict.fromkeys(number(contract.strike_1e8) for contract in listed)
        return answer(rows("strikes", "strike", [*found]), request)

    async def lookup(self, request: web.Request) -> web.Response:
        """Symbols of an underlying's contracts, by root."""
        asset = ASSETS.get(_need(request.query, "underlying").upper())
        found = []
        for root in () if asset is None else asset.roots:
            spot_1e8 = self._site.core.market.last_1e8(ROOTS[root].symbol)
            days = self._site.desk.expiries(root)
            symbols = [one.symbol for day in days for one in chain(root, day, spot_1e8)]
            found.append({"rootSymbol": root, "options": symbols})
        return answer({"symbols": found or "null"}, request)

    async def search(self, request: web.Request) -> web.Response:
        """Securities whose symbol or name begins with a text."""
        text = request.query.get("q", "").lower()
        found = [
            {
                "symbol": asset.symbol,
                "exchange": "Q",
                "type": "index" if asset.is_index else "stock",
                "description": asset.name,
            }
            for asset in ASSETS.values()
            if text and (asset.symbol.lower().startswith(text) or text in asset.name.lower())
        ]
        return answer(rows("securities", "security", found), request)

    # --- bars -------------------------------------------------------------------------------------

    async def history(self, request: web.Request) -> web.Response:
        """Daily, weekly or monthly bars of what this venue has seen; null where there are none."""
        query = request.query
        interval = query.get("interval", "daily")
        if interval not in ("daily", "weekly", "monthly"):
            raise invalid("interval", f"{interval} is not valid")
        groups: dict[str, list[BarTick]] = {}
        for bar in self._bars(query):
            day = eastern(bar.start_ns).date()
            if interval == "weekly":
                day -= timedelta(days=day.weekday())
            elif interval == "monthly":
                day = day.replace(day=1)
            groups.setdefault(day.isoformat(), []).append(bar)
        found = [{"date": day, **_ohlc(merged(bars))} for day, bars in groups.items()]
        return answer({"history": {"day": one_or_many(found)} if found else None}, request)

    async def timesales(self, request: web.Request) -> web.Response:
        """Bars of minutes; null where there are none."""
        query = request.query
        interval = query.get("interval", "1min")
        if interval not in _INTERVALS:
            raise invalid("interval", f"{interval} is not valid")
        length_ns = _INTERVALS[interval] * MINUTE_NS
        groups: dict[int, list[BarTick]] = {}
        for bar in self._bars(query):
            groups.setdefault(bar.start_ns // length_ns * length_ns, []).append(bar)
        found = []
        for start_ns, bars in groups.items():
            whole = merged(bars)
            average_1e8 = ratio(whole.turnover_1e8, whole.volume_1e8) or whole.close_1e8
            found.append(
                {
                    "time": f"{eastern(start_ns):%Y-%m-%dT%H:%M:%S}",
                    "timestamp": start_ns // NS,
                    "price": number((whole.high_1e8 + whole.low_1e8) // 2),
                    **_ohlc(whole),
                    "vwap": number(average_1e8),
                }
            )
        return answer({"series": {"data": one_or_many(found)} if found else None}, request)

    def _bars(self, query: Mapping[str, str]) -> list[BarTick]:
        symbol = _need(query, "symbol").upper()
        if symbol not in self._site.core.market:
            return []
        first_ns = _instant(query, "start", 0)
        last_ns = _instant(query, "end", self._site.core.now_ns())
        bars = self._site.core.market.bars_of(symbol)
        return [bar for bar in bars if first_ns <= bar.start_ns <= last_ns]

    # --- time -------------------------------------------------------------------------------------

    async def clock(self, request: web.Request) -> web.Response:
        """The state of the market; times in New York."""
        core = self._site.core
        now_ns = core.now_ns()
        state, changes_ns, following = state_at(core.hours, now_ns)
        said = "Market is closed"
        if state != "closed":
            day = from_date(eastern(now_ns).date())
            opened = core.hours.sessions(day, day)
            if opened:
                said = (
                    f"Market is open from {_hhmm(opened[0].open_ns)} to {_hhmm(opened[0].close_ns)}"
                )
        clock = {
            "date": f"{eastern(now_ns):%Y-%m-%d}",
            "description": said,
            "state": state,
            "timestamp": now_ns // NS,
            "next_change": _hhmm(changes_ns),
            "next_state": following,
        }
        return answer({"clock": clock}, request)

    async def calendar(self, request: web.Request) -> web.Response:
        """Every day of a month; a closed one has no sessions."""
        query, today = request.query, eastern(self._site.core.now_ns()).date()
        try:
            first = date(
                int(query.get("year", today.year)), int(query.get("month", today.month)), 1
            )
        except ValueError as error:
            raise invalid("month", "is not valid") from error
        following = (first + timedelta(days=31)).replace(day=1)
        last = following - timedelta(days=1)
        hours = self._site.core.hours
        opened = {
            to_date(one.session_date): one
            for one in hours.sessions(from_date(first), from_date(last))
        }
        days = [first + timedelta(days=ahead) for ahead in range((following - first).days)]
        found = [_calendar_day(day, opened.get(day)) for day in days]
        calendar = {"month": first.month, "year": first.year, "days": {"day": found}}
        return answer({"calendar": calendar}, request)


def _calendar_day(day: date, session: Session | None) -> dict[str, Any]:
    if session is None:
        return {"date": day.isoformat(), "status": "closed", "description": "Market is closed"}
    before, after = early(session), late(session)
    return {
        "date": day.isoformat(),
        "status": "open",
        "description": "Market is open",
        "premarket": {"start": _hhmm(before.start_ns), "end": _hhmm(before.end_ns)},
        "open": {"start": _hhmm(session.open_ns), "end": _hhmm(session.close_ns)},
        "postmarket": {"start": _hhmm(session.close_ns), "end": _hhmm(after.end_ns)},
    }


def _ohlc(bar: BarTick) -> dict[str, Any]:
    return {
        "open": number(bar.open_1e8),
        "high": number(bar.high_1e8),
        "low": number(bar.low_1e8),
        "close": number(bar.close_1e8),
        "volume": bar.volume_1e8 // ONE_1E8,
    }


def _hhmm(ns: int) -> str:
    return f"{eastern(ns):%H:%M}"


def _need(query: Mapping[str, str], name: str) -> str:
    found = query.get(name)
    if not found:
        raise invalid(name, "is required")
    return found


def _is_true(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "").lower() == "true"


def _day(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise invalid(name, f"{text} is not a date") from error


def _instant(query: Mapping[str, str], name: str, default_ns: int) -> int:
    """A day, or a minute of a day, in New York."""
    text = query.get(name)
    if not text:
        return default_ns
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid(name, f"{text} is not a time") from error
    is_day = ":" not in text and name == "end"
    minute = 24 * 60 - 1 if is_day else moment.hour * 60 + moment.minute
    return from_eastern(moment.date(), minute)
