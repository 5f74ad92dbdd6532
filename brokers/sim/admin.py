"""The admin port: the clock, prices, faults, and the truth, for tests and for people."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from brokers.sim.book import Side
from brokers.sim.clock import seconds
from brokers.sim.hours import KINDS, HoursKind
from brokers.sim.site import Site
from brokers.sim.units import dump_json, load_json, maybe, read_1e8, read_time, utc_text
from trading.errors import HoldfastError

_LEVELS_SHOWN: Final = 10


def _hours(value: Any) -> HoursKind:
    if value not in KINDS:
        raise ValueError(f"hours are one of {', '.join(KINDS)}, was {value!r}")
    kind: HoursKind = value
    return kind


# What a reset may change: its name here, the option, and how it is read.
_SETTINGS: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "seed": ("seed", int),
    "clock": ("start_ns", lambda value: None if value is None else read_time(value)),
    "speed": ("speed", float),
    "still": ("is_still", bool),
    "hours": ("hours", _hours),
    "cash": ("cash_1e8", read_1e8),
    "requests_per_min": ("requests_per_min", int),
    "text_frames": ("has_text_frames", bool),
    "own_fill_names": ("has_own_fill_names", bool),
}


class AdminRoutes:
    """`/admin` of a venue."""

    def __init__(self, site: Site, routes: Sequence[str]) -> None:
        """Look into this venue, which serves these routes."""
        self._site = site
        self._routes = routes

    def app(self) -> web.Application:
        """The application of the admin port."""
        app = web.Application(middlewares=[self._gate])
        router = app.router
        router.add_get("/admin/state", self.state)
        router.add_post("/admin/reset", self.reset)
        router.add_post("/admin/clock", self.clock)
        router.add_post("/admin/quote", self.quote)
        router.add_post("/admin/trade", self.trade)
        router.add_get("/admin/books/{symbol}", self.book)
        router.add_get("/admin/verbs", self.verbs)
        router.add_get("/admin/faults", self.faults)
        router.add_post("/admin/faults", self.add_faults)
        router.add_delete("/admin/faults", self.clear_faults)
        router.add_post("/admin/limits", self.limits)
        router.add_get("/admin/routes", self.routes)
        router.add_get("/admin/audit", self.audit)
        router.add_get("/admin/truth", self.truth)
        for name in self._site.admin_actions():
            router.add_post(f"/admin/{name}", self.act)
        return app

    @web.middleware
    async def _gate(
        self, request: web.Request, handler: Callable[[web.Request], Any]
    ) -> web.StreamResponse:
        """Bring the venue up to date before and after; what cannot be is a 400 that says why."""
        self._site.core.pump()
        try:
            response: web.StreamResponse = await handler(request)
        except (ValueError, KeyError, HoldfastError) as error:
            text = f"missing {error}" if isinstance(error, KeyError) else str(error)
            return _answer({"error": text}, 400)
        self._site.core.pump()
        return response

    # --- the venue as a whole ---------------------------------------------------------------------

    async def state(self, _: web.Request) -> web.Response:
        """Clock, sessions, symbols, and who is connected."""
        return _answer(self._state())

    def _state(self) -> dict[str, Any]:
        core = self._site.core
        now_ns = core.now_ns()
        return {
            "venue": self._site.name,
            "seed": core.options.seed,
            "clock": utc_text(now_ns),
            "clock_ns": now_ns,
            "speed": core.clock.speed,
            "is_open": core.hours.is_open(now_ns),
            "symbols": core.market.symbols(),
            "requests": len(core.audit.entries),
            **self._site.streams(),
        }

    async def reset(self, request: web.Request) -> web.Response:
        """Begin anew with an empty book; the body may change how it is set up."""
        body = await _body(request)
        options = self._site.options
        changes: dict[str, Any] = {}
        for name, value in body.items():
            if name not in _SETTINGS:
                raise ValueError(f"a reset knows {', '.join(_SETTINGS)}; was {name!r}")
            option, read = _SETTINGS[name]
            changes[option] = read(value)
        self._site.cut()
        self._site.open(replace(options, **changes))
        return _answer(self._state())

    async def clock(self, request: web.Request) -> web.Response:
        """`{"at": ...}` or `{"advance_s": ...}`, and `{"speed": ...}`."""
        body = await _body(request)
        clock = self._site.core.clock
        at_ns = read_time(body["at"]) if "at" in body else None
        if "advance_s" in body:
            at_ns = clock.now_ns() + seconds(float(body["advance_s"]))
        clock.set(at_ns=at_ns, speed=float(body["speed"]) if "speed" in body else None)
        self._site.core.pump()
        return _answer(self._state())

    # --- the market -------------------------------------------------------------------------------

    async def quote(self, request: web.Request) -> web.Response:
        """Set the foreign orders of a book: `bid`, `bid_qty`, `ask`, `ask_qty`."""
        body = await _body(request)
        symbol = self._listed(body)
        sides = []
        for name in ("bid", "ask"):
            price = body.get(name)
            qty = body.get(f"{name}_qty", "1000")
            sides.append([] if price is None else [(read_1e8(price), read_1e8(qty))])
        self._site.core.market.quote(symbol, *sides)
        self._site.core.pump()
        return _answer(self._book(symbol))

    async def trade(self, request: web.Request) -> web.Response:
        """A foreign order takes what it finds up or down to a price: `price`, `qty`, `side`."""
        body = await _body(request)
        symbol = self._listed(body)
        self._site.core.market.trade(
            symbol, read_1e8(body["price"]), read_1e8(body["qty"]), Side(body["side"])
        )
        self._site.core.pump()
        return _answer(self._book(symbol))

    def _listed(self, body: Mapping[str, Any]) -> str:
        symbol = str(body["symbol"])
        if not self._site.is_listed(symbol):
            raise ValueError(f"there is no {symbol} here")
        return symbol

    async def book(self, request: web.Request) -> web.Response:
        """The orders of a book, in the order in which they would trade."""
        return _answer(self._book(self._listed({"symbol": request.match_info["symbol"]})))

    def _book(self, symbol: str) -> dict[str, Any]:
        book = self._site.core.market.book(symbol)
        found: dict[str, Any] = {"symbol": symbol}
        for side in Side:
            found[side.value] = [
                {
                    "order_id": order.order_id,
                    "owner": order.owner,
                    "price": maybe(order.limit_1e8),
                    "qty": maybe(order.qty_1e8),
                }
                for order in book.side(side)[:_LEVELS_SHOWN]
            ]
        return found

    # --- faults and limits ------------------------------------------------------------------------

    async def verbs(self, _: web.Request) -> web.Response:
        """What can go wrong."""
        return _answer(
            {
                name: {
                    "kind": verb.kind.value,
                    "on": self._site.core.faults.on_of(verb),
                    "settings": dict(verb.settings),
                    "meaning": verb.meaning,
                }
                for name, verb in self._site.core.faults.verbs.items()
            }
        )

    async def faults(self, _: web.Request) -> web.Response:
        """The rules and how often each has happened."""
        return _answer([rule.shown() for rule in self._site.core.faults.rules])

    async def add_faults(self, request: web.Request) -> web.Response:
        """One rule, or a list of rules."""
        body = load_json(await request.read())
        entries = body if isinstance(body, list) else [body]
        plain = [_plain(entry) for entry in entries]
        rules = [self._site.core.faults.add(entry) for entry in plain]
        self._site.act()
        return _answer([rule.shown() for rule in rules])

    async def clear_faults(self, _: web.Request) -> web.Response:
        """No more rules; a key that was revoked is taken again."""
        self._site.core.faults.clear()
        self._site.pardon()
        return _answer([])

    async def limits(self, request: web.Request) -> web.Response:
        """`{"requests_per_min": ...}`; the minute begins anew."""
        self._site.limit.restart(int((await _body(request))["requests_per_min"]))
        return _answer({"requests_per_min": self._site.limit.per_min})

    async def act(self, request: web.Request) -> web.Response:
        """What only this venue can do."""
        action = self._site.admin_actions()[request.path.rpartition("/")[2]]
        return _answer(action(await _body(request)))

    # --- the truth --------------------------------------------------------------------------------

    async def routes(self, _: web.Request) -> web.Response:
        """What the venue serves; the audit names the route of each request in the same words."""
        return _answer(self._routes)

    async def audit(self, request: web.Request) -> web.Response:
        """Every request after `?since=`."""
        audit = self._site.core.audit
        since = int(request.query.get("since", "0"))
        return _answer({"requests": audit.shown(since), "dropped": audit.dropped})

    async def truth(self, _: web.Request) -> web.Response:
        """Orders, executions, positions, cash."""
        return _answer(self._site.truth())


async def _body(request: web.Request) -> dict[str, Any]:
    raw = await request.read()
    found = load_json(raw) if raw else {}
    if not isinstance(found, dict):
        raise ValueError("the body is a JSON object")  # noqa: TRY004 - the caller's mistake, a 400
    return found


def _plain(entry: Any) -> dict[str, Any]:
    """A rule as a TOML file would have it: floats in place of exact numbers."""
    if not isinstance(entry, dict):
        raise ValueError("a fault is a JSON object")  # noqa: TRY004 - the caller's mistake, a 400
    return {
        key: value if isinstance(value, str | bool | int) else float(value)
        for key, value in entry.items()
    }


def _answer(value: object, status: int = 200) -> web.Response:
    return web.Response(body=dump_json(value), status=status, content_type="application/json")
