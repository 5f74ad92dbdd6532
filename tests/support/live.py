"""The live system in this process, against the venue simulator in a process of its own.

The verdict on what happened is the venue's: `truth` and `audit` come from its admin port.
"""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import orjson

from actors.live import LiveTrader
from actors.operator_words import KillLevel, KillRequest
from actors.questions import Why
from actors.reconciler import ReconcileNow
from actors.trader_port import RunningTrader
from brokers.base import Place
from brokers.credentials import Credentials
from brokers.reading import iso
from brokers.tradier.tags import id_of
from brokers.venues import names, venue_kind
from rust_core import ExitPlan, Leg, Message, OrderView, Signal
from storage import SqliteRecord, open_record
from trading.config import Config
from trading.config_reader import load
from trading.run_options import Mode, RunOptions
from trading.run_report import Notice, Reporter

ROOT = Path(__file__).parents[2]
HOLDFAST = str(Path(sys.executable).parent / "holdfast")
SYMBOL = "SPY"
STRATEGY = "vwap_reversion"
ONE_1E8 = 100_000_000
CALLS_PER_MINUTE = 60_000
ANSWER_WAIT_S = 0.4
FLIGHT_MAX_NS = 1_000_000_000
LIMIT_S = 20.0
"""Longest wait for anything."""


def live_config() -> Config:
    """An account whose rails are out of the way: sessions round the clock, large limits."""
    config = load(ROOT / "configs" / "demo.toml")
    off = {
        name: msgspec.structs.replace(getattr(config.protections, name), enabled=False)
        for name in config.protections.__struct_fields__
    }
    limits = msgspec.structs.replace(
        config.limits,
        risk_per_trade_usd=Decimal(1000),
        daily_loss_max_usd=Decimal(50_000),
        weekly_loss_max_usd=None,
        position_notional_max_usd=Decimal(50_000),
        entries_per_window_max=64,
        entry_window_s=1,
        exposure_max_ratio=Decimal("0.9"),
    )
    return msgspec.structs.replace(
        config,
        input=msgspec.structs.replace(config.input, calendar="ALWAYS"),
        limits=limits,
        protections=msgspec.structs.replace(config.protections, **off),
    )


@dataclass(slots=True)
class Venue:
    """The simulator's admin port.

    Attributes:
        told: What its first line said.
    """

    told: dict[str, str]
    http: aiohttp.ClientSession

    @property
    def broker(self) -> str:
        """Which one it is."""
        return next(
            name
            for name in names()
            if set(self.told) >= {word.lower() for word in venue_kind(name).key_words}
        )

    @property
    def credentials(self) -> Credentials:
        """What its first line said."""
        words = venue_kind(self.broker).key_words
        return Credentials(*(self.told[word.lower()] for word in words))

    def is_order(self, entry: dict[str, Any]) -> bool:
        """Whether a request of the audit is an order's."""
        return entry["method"] == "POST" and str(entry["path"]).endswith("/orders")

    @property
    def url(self) -> str:
        """Where it trades."""
        return self.told["url"]

    async def get(self, path: str) -> Any:
        """Ask the admin port."""
        async with self.http.get(self.told["admin_url"] + path) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def post(self, path: str, body: Any) -> Any:
        """Tell the admin port."""
        async with self.http.post(self.told["admin_url"] + path, json=body) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def fault(self, verb: str, **settings: Any) -> None:
        """Arm a fault."""
        await self.post("/admin/faults", {"verb": verb, **settings})

    async def clear(self) -> None:
        """Disarm every fault."""
        async with self.http.delete(self.told["admin_url"] + "/admin/faults") as response:
            assert response.status == 200

    async def until_booked(self, client_order_id: str) -> None:
        """Wait until the venue has an order of that id."""
        async with asyncio.timeout(LIMIT_S):
            while client_order_id not in (await self.truth())["orders_by_client_id"]:
                pass

    async def until_open(self) -> None:
        """Wait until it listens: the scene before may have had it restart."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                with contextlib.suppress(aiohttp.ClientConnectionError):
                    async with self.http.get(f"{self.url}/"):
                        return
                await asyncio.sleep(0.02)

    async def until_at_rest(self) -> dict[str, Any]:
        """Wait until the venue works no order; its own book then."""
        async with asyncio.timeout(LIMIT_S):
            while (truth := await self.truth())["open_orders"]:
                pass
        return truth

    async def until_reversed(self) -> None:
        """Wait until the venue has taken a fill back."""
        async with asyncio.timeout(LIMIT_S):
            while not any(each["is_reversed"] for each in (await self.truth())["executions"]):
                pass

    async def truth(self) -> dict[str, Any]:
        """The venue's own book."""
        found: dict[str, Any] = await self.get("/admin/truth")
        by_id: dict[str, int] = found["orders_by_client_id"]
        found["orders_by_client_id"] = {self.ours(name): count for name, count in by_id.items()}
        return found

    def own_id(self, order: dict[str, Any]) -> str:
        """Our id of an order of the truth."""
        return self.ours(order.get("client_order_id") or order.get("tag") or "")

    def ours(self, name: str) -> str:
        """Our id of what the venue has as an order's."""
        return id_of(name) if self.broker == "tradier" else name


@contextlib.contextmanager
def simulator(*arguments: str, venue: str = "alpaca") -> Iterator[dict[str, str]]:
    """A simulator in a process of its own, sessions round the clock, its clock ours."""
    with subprocess.Popen(
        [
            *(HOLDFAST, "venue", venue, "--seed", "7", "--clock", "now", "--hours", "always"),
            *("--requests-per-min", str(CALLS_PER_MINUTE), "--json", *arguments),
        ],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    ) as process:
        try:
            assert process.stdout is not None
            told: dict[str, str] = orjson.loads(process.stdout.readline())
            yield told
        finally:
            process.terminate()


@asynccontextmanager
async def at_venue(
    told: dict[str, str], *, has_own_fill_names: bool = False
) -> AsyncIterator[Venue]:
    """The simulator with an empty book and without faults; a list may name fills otherwise."""
    async with aiohttp.ClientSession() as http:
        where = Venue(told, http)
        await where.clear()
        await where.until_open()
        names = {"own_fill_names": has_own_fill_names}
        await where.post("/admin/reset", {"clock": iso(time.time_ns()), **names})
        yield where


class Told(Reporter):
    """Keeps what a person would have been told: severity and text."""

    def __init__(self) -> None:
        """Nothing yet."""
        super().__init__(-1)
        self.notices: list[tuple[str, str]] = []

    def notice(self, notice: Notice) -> None:
        """Say that something happened."""
        self.notices.append((notice.severity, notice.text))


@dataclass(slots=True)
class Live:
    """A live trader in this process.

    Attributes:
        told: What a person was told.
        events: Every durable event since it began: kind and payload.
        intents: The journaled bytes of each intended order.
        symbol: What it trades.
    """

    trader: LiveTrader
    record: SqliteRecord
    told: Told
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    intents: list[bytes] = field(default_factory=list)
    symbol: str = SYMBOL
    _by_kind: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _happened: asyncio.Event = field(default_factory=asyncio.Event)
    _signals: int = 0

    def heard(self, _: str, events: Any, last_seq: int) -> None:
        """Keep what became durable."""
        del last_seq
        for event in events:
            payload = orjson.loads(event.payload)
            self.events.append((event.kind, payload))
            self._by_kind.setdefault(event.kind, []).append(payload)
            if event.kind == "OrderIntended":
                self.intents.append(event.payload)
        self._happened.set()

    def saw(self, _: object) -> None:
        """A price came."""
        self._happened.set()

    async def until(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait until it is so; each durable event and each price is a reason to look again."""
        try:
            async with asyncio.timeout(LIMIT_S):
                while not is_so():
                    self._happened.clear()
                    await self._happened.wait()
        except TimeoutError:
            newest = [(kind, str(payload)[:300]) for kind, payload in self.events[-12:]]
            raise AssertionError(f"{what} did not come; the newest events: {newest}") from None

    def tell(self, message: Message) -> None:
        """Mail to the account."""
        self.trader.lane.tell(self.trader.system.account_name, message)

    def payloads(self, kind: str) -> list[dict[str, Any]]:
        """Every event of a kind; asked for at each price, so it must not look through all."""
        return list(self._by_kind.get(kind, ()))

    def order(self, client_order_id: str) -> OrderView | None:
        """An order as the core has it."""
        core = self.trader.system.core
        return None if core is None else core.order(client_order_id)

    def state(self, client_order_id: str) -> str:
        """Its state, empty when the core does not have it."""
        order = self.order(client_order_id)
        return "" if order is None else order.state

    @property
    def is_flat(self) -> bool:
        """No order works, nothing is held, and all of it is durable."""
        system = self.trader.system
        core = system.core
        if core is None or core.orders() or core.positions():
            return False
        return system.rounds.pending() == 0

    async def ready(self) -> None:
        """The session is open, a price is known, the balance is fresh, the streams are up."""
        system = self.trader.system
        is_outside = self.trader.options.mode is Mode.LIVE
        streams = 2 if is_outside else 1
        await self.until(
            lambda: (
                len({gap["stream"] for gap in self.payloads("StreamGap")}) >= streams
                and (not is_outside or self.is_compared)
                and system.core is not None
                and system.core.account().is_session_open
                and self.symbol in system.telemetry.prices_1e8
            ),
            "a ready system",
        )

    @property
    def is_compared(self) -> bool:
        """Everything was compared since the order stream came up; entries wait for it (ST-4)."""
        return any(each["why"] == "RECONNECTED" for each in self.payloads("ReconcileFinished"))

    async def enter(self, *, qty: int = 1, **changes: Any) -> str:
        """A signal to buy; the id of the order that was intended."""
        before = len(self.payloads("OrderIntended"))
        self.ask(qty=qty, **changes)
        await self.until(lambda: len(self.payloads("OrderIntended")) > before, "an intent")
        return str(self.payloads("OrderIntended")[-1]["client_order_id"])

    def ask(self, *, qty: int = 1, **changes: Any) -> None:
        """A signal to buy."""
        self._signals += 1
        core = self.trader.system.core
        assert core is not None
        price_1e8 = self.trader.system.telemetry.prices_1e8[self.symbol]
        fields: dict[str, Any] = {
            "strategy": STRATEGY,
            "setup_instance": f"t{self._signals}",
            "session_date": core.account().session_date,
            "legs": [Leg(self.symbol, "BUY")],
            "plan": ExitPlan(no_stop="a test"),
            "reference_1e8": price_1e8,
            "reference_ns": self.trader.lane.now_ns(),
            "qty_1e8": qty * ONE_1E8,
        }
        self.tell(Message.signal(Signal(**fields | changes)))

    def reconcile(self) -> None:
        """As after a reconnection: everything is compared, and again until it is conclusive."""
        name = self.trader.system.wiring.reconciler_name
        self.trader.lane.tell(name, ReconcileNow(why=Why.RECONNECTED))

    def leave(self, symbol: str = "") -> None:
        """Close what the strategy holds."""
        symbol = symbol or self.symbol
        price_1e8 = self.trader.system.telemetry.prices_1e8[symbol]
        self.tell(Message.exit_advice(STRATEGY, symbol, "MANUAL", "a test", price_1e8))

    def kill(self, level: KillLevel) -> None:
        """As the operator does: the gate first, then the mail."""
        self._signals += 1
        request = KillRequest(id=f"kill-{self._signals}", level=level, reason="a test", by="a test")
        port = RunningTrader(self.trader.system, rescan=dict)
        port.submit_kill(request, lambda _: None)

    async def vanish(self) -> None:
        """Go without a word, as after kill -9: nothing is resolved, the run stays cut off."""
        await self.trader.feed.stop()
        if self.trader.previews is not None:
            await self.trader.previews.close()
        self.trader.lane.close()
        self.trader.system.tree.stop("vanished")
        await asyncio.sleep(0)
        self.record.close()


@asynccontextmanager
async def live(  # noqa: PLR0913 - each is a choice of a test
    where: Venue,
    data_dir: Path,
    *,
    recover: bool = False,
    mode: Mode = Mode.LIVE,
    place: Place = Place.SIMULATOR,
    config: Config | None = None,
    calls_per_minute: int = CALLS_PER_MINUTE,
    answer_wait_s: float = ANSWER_WAIT_S,
    ahead_ns: int = 0,
    symbol: str = SYMBOL,
) -> AsyncIterator[Live]:
    """A live trader at that venue, which may pass for a real one; it vanishes at the end.

    Its clock is the machine's and so much ahead.
    """
    options = RunOptions(
        mode=mode, broker=where.broker, url=where.url, data_dir=data_dir, recover=recover
    )
    record = open_record(data_dir, is_eager=True)
    kind = venue_kind(where.broker)
    addresses: Any = kind.addresses_of(where.url)
    connection = kind.connect(
        addresses=replace(addresses, place=place),
        credentials=where.credentials,
        now_ns=lambda: time.time_ns() + ahead_ns,
        mono_ns=time.monotonic_ns,
        calls_per_minute=calls_per_minute,
        answer_wait_s=answer_wait_s,
        flight_max_ns=FLIGHT_MAX_NS,
    )
    told = Told()
    trader = LiveTrader(options, config or live_config(), record, told, connection)
    desk = Live(trader, record, told, symbol=symbol)
    trader.system.rounds.listen(desk.heard)
    trader.system.market.subscribe(desk.saw)
    trader.begin()
    try:
        yield desk
    finally:
        await desk.vanish()


async def agree(desk: Live, where: Venue) -> None:
    """The venue's book is ours: one order an intent, the same fills, nothing else held."""
    truth = await where.truth()
    intended = {payload["client_order_id"] for payload in desk.payloads("OrderIntended")}
    booked: dict[str, int] = truth["orders_by_client_id"]
    assert set(booked) <= intended, "an order that nobody intended"
    assert all(count == 1 for count in booked.values()), booked
    assert truth["orders_without_client_id"] == 0
    audit = [
        entry for entry in (await where.get("/admin/audit"))["requests"] if where.is_order(entry)
    ]
    written = Counter(where.ours(entry["client_order_id"]) for entry in audit)
    assert set(written.values()) <= {1}, "an order was written more than once"
    bodies = {
        prepared.client_order_id: sha256(prepared.body).hexdigest()
        for prepared in map(desk.trader.connection.venue().prepare, desk.intents)
    }
    for entry in audit:
        ours_id = where.ours(entry["client_order_id"])
        if ours_id in bodies:
            assert entry["body_sha256"] == bodies[ours_id], "other bytes were sent"
    ids = {str(order["id"]): where.own_id(order) for order in truth["orders"]}
    taken_back = {each["execution_id"] for each in desk.payloads("FillReversed")}
    theirs = [
        (ids[str(each["order_id"])], Decimal(each["qty"]), Decimal(each["price"]))
        for each in truth["executions"]
        if not each["is_reversed"]
    ]
    ours = [
        (
            fill["client_order_id"],
            Decimal(fill["qty_1e8"]).scaleb(-8),
            Decimal(fill["price_1e8"]).scaleb(-8),
        )
        for fill in desk.payloads("OrderFilled")
        if fill["execution_id"] not in taken_back
    ]
    if venue_kind(where.broker).capabilities.has_fill_stream:
        assert sorted(ours) == sorted(theirs)
    else:
        assert totals(ours) == totals(theirs)
    core = desk.trader.system.core
    assert core is not None
    held = {
        symbol: Decimal(position["qty"])
        for symbol, position in truth["positions"].items()
        if Decimal(position["qty"])
    }
    assert held == {
        position.instrument: Decimal(position.qty_1e8).scaleb(-8) for position in core.positions()
    }
    assert truth["open_orders"] == len(core.orders())


def totals(fills: list[tuple[str, Decimal, Decimal]]) -> dict[str, tuple[Decimal, Decimal]]:
    """Quantity and money of each order, where a venue tells no more; money to a millionth."""
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for order, qty, price in fills:
        had_qty, had_money = found.get(order, (Decimal(0), Decimal(0)))
        found[order] = (had_qty + qty, had_money + qty * price)
    return {order: (qty, round(money, 6)) for order, (qty, money) in found.items()}
