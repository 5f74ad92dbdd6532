"""The desk under any sequence of requests, prices and faults: what it tells always adds up."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.sim.alpaca.errors import ApiError
from brokers.sim.alpaca.life import ACCOUNT
from brokers.sim.alpaca.orders import TERMINAL, WORKING, Order
from brokers.sim.alpaca.site import AlpacaSite
from brokers.sim.book import Side
from brokers.sim.core import VenueOptions
from brokers.sim.ledger import Execution
from brokers.sim.limits import RateLimit
from brokers.sim.units import ONE_1E8, read_1e8, read_time, show
from tests.brokers.sim.venue import FRIDAY, Wall


def dollars(cents: int) -> str:
    return f"{cents / 100:.2f}"


class Played:
    """A venue without sockets, and every event it told."""

    def __init__(self, start: str = FRIDAY, **options: Any) -> None:
        """Quote AAPL at 231.38 and 231.40."""
        self.wall = Wall(read_time(start))
        self.site = AlpacaSite(VenueOptions(is_still=True, **options), self.wall)
        self.events: list[dict[str, Any]] = []
        self.site.trades.telling.taps.append(self.events.append)
        self.quote(23_138, 2, 50)

    def quote(self, bid_cents: int, spread: int, qty: int) -> None:
        """The foreign orders."""
        bid, ask = bid_cents * 1_000_000, (bid_cents + spread) * 1_000_000
        self.site.core.market.quote("AAPL", [(bid, qty * ONE_1E8)], [(ask, qty * ONE_1E8)])
        self.pump()

    def place(self, **more: Any) -> Order | None:
        """An order; None when it is refused."""
        body = {
            "symbol": "AAPL",
            "side": "buy",
            "type": "limit",
            "time_in_force": "day",
            "qty": "5",
            "limit_price": "200",
        } | more
        try:
            found = self.site.desk.place({key: one for key, one in body.items() if one is not None})
        except ApiError:
            return None
        self.pump()
        return found

    def advance(self, seconds: float) -> None:
        """Later."""
        self.wall.advance(seconds)
        self.pump()

    def pump(self) -> None:
        """Do what is due, and the faults that happen now."""
        self.site.look()

    def of(self, number: int) -> Order | None:
        """One of the orders placed so far."""
        orders = [*self.site.desk.blotter.orders.values()]
        return orders[number % len(orders)] if orders else None


# --- actions --------------------------------------------------------------------------------------

SHAPES = ("limit", "market", "stop", "stop_limit", "trailing", "bracket", "oco")
TIFS = ("day", "day", "gtc", "gtc", "ioc", "fok", "cls")
FAULTS = (
    "cancel_loses_to_fill",
    "fill_after_cancel",
    "cancel_stuck",
    "reversal",
    "reject_after_accept",
    "replace_rejected",
    "early_close",
)
JUMPS_S = (1, 1, 60, 600, 3600, 20 * 3600)
Actions = list[Callable[[], None]]


def body_of(shape: str, side: str, cents: int, qty: int, tif: str) -> dict[str, Any]:
    sign = 1 if side == "buy" else -1
    price, stop = dollars(cents), dollars(cents - 50 * sign)
    base: dict[str, Any] = {"side": side, "qty": str(qty), "time_in_force": tif}
    target = dollars(cents + 60 * sign)
    exits = {"take_profit": {"limit_price": target}, "stop_loss": {"stop_price": stop}}
    shapes: dict[str, dict[str, Any]] = {
        "limit": {"limit_price": price},
        "market": {"type": "market", "limit_price": None},
        "stop": {"type": "stop", "stop_price": price, "limit_price": None},
        "stop_limit": {"type": "stop_limit", "stop_price": price, "limit_price": target},
        "trailing": {"type": "trailing_stop", "trail_percent": "0.5", "limit_price": None},
        "bracket": {"limit_price": price, "order_class": "bracket", **exits},
        "oco": {
            "order_class": "oco",
            "limit_price": None,
            "take_profit": {"limit_price": dollars(cents - 60 * sign)},
            "stop_loss": {"stop_price": dollars(cents + 60 * sign)},
        },
    }
    return base | shapes[shape]


class Drawn:
    """Actions on a venue, drawn from a seed."""

    def __init__(self, played: Played, seed: int) -> None:
        """Weigh the actions: orders most often."""
        self._played = played
        self._random = Random(seed)
        rest: Actions = [
            self._cancel,
            self._cancel,
            self._replace,
            self._quote,
            self._quote,
            self._print,
            self._advance,
            self._fault,
            self._close,
            self._cancel_all,
        ]
        self._actions: Actions = [self._place] * 6 + rest

    def step(self) -> None:
        """One action, and what follows from it."""
        self._random.choice(self._actions)()
        self._played.pump()

    def _cents(self) -> int:
        return self._random.randint(22_800, 23_500)

    def _qty(self) -> int:
        return self._random.randint(1, 30)

    def _place(self) -> None:
        shape, tif = self._random.choice(SHAPES), self._random.choice(TIFS)
        side = self._random.choice(("buy", "sell"))
        self._played.place(**body_of(shape, side, self._cents(), self._qty(), tif))

    def _order(self) -> Order | None:
        return self._played.of(self._random.randrange(100))

    def _cancel(self) -> None:
        if (order := self._order()) is not None:
            with suppress(ApiError):
                self._played.site.desk.cancel(order)

    def _replace(self) -> None:
        body = {"qty": str(self._qty())}
        if (order := self._order()) is not None:
            if "limit" in order.kind:
                body["limit_price"] = dollars(self._cents())
            with suppress(ApiError):
                self._played.site.desk.replace(order, body)

    def _quote(self) -> None:
        self._played.quote(self._cents(), self._random.randint(1, 40), self._qty())

    def _print(self) -> None:
        side = self._random.choice([*Side])
        market = self._played.site.core.market
        market.trade("AAPL", self._cents() * 1_000_000, self._qty() * ONE_1E8, side)

    def _advance(self) -> None:
        self._played.advance(self._random.choice(JUMPS_S))

    def _fault(self) -> None:
        self._played.site.core.faults.add({"verb": self._random.choice(FAULTS)})

    def _close(self) -> None:
        with suppress(ApiError):
            self._played.site.desk.close("AAPL", None, None)

    def _cancel_all(self) -> None:
        self._played.site.desk.cancel_all()


# --- what always holds ----------------------------------------------------------------------------


def check(played: Played) -> None:
    blotter = played.site.desk.blotter
    ledger = blotter.ledger
    kept = [
        one for one in ledger.executions.values() if one.execution_id not in ledger.reversed_ids
    ]
    filled: Counter[str] = Counter()
    held = 0
    cash = played.site.options.cash_1e8 - ledger.fees_paid_1e8
    for one in kept:
        filled[one.order_id] += one.qty_1e8
        held += one.side.sign * one.qty_1e8
        cash -= one.side.sign * one.value_1e8
    assert (ledger.qty_1e8("AAPL"), ledger.cash_1e8) == (held, cash)
    in_book = {
        each.order_id: each
        for side in Side
        for each in played.site.core.market.book("AAPL").side(side)
        if each.owner == ACCOUNT
    }
    for order in blotter.orders.values():
        assert order.filled_1e8 == filled[order.order_id]
        assert order.filled_1e8 <= (order.qty_1e8 or 0)
        assert (order.order_id in blotter.open) == (order.status not in TERMINAL)
        if order.order_id in in_book:
            resting = in_book.pop(order.order_id)
            assert order.status in WORKING
            assert resting.qty_1e8 == order.open_1e8
            assert resting.side is order.side
    assert in_book == {}


def check_events(played: Played) -> None:
    """Each order's story is told once and in order."""
    seen: dict[str, list[str]] = {}
    executions: Counter[str] = Counter()
    for data in played.events:
        seen.setdefault(data["order"]["id"], []).append(data["event"])
        if data["event"] in ("fill", "partial_fill"):
            executions[data["execution_id"]] += 1
    assert set(executions) == set(played.site.desk.blotter.ledger.executions)
    assert set(executions.values()) <= {1}
    for order_id, events in seen.items():
        order = played.site.desk.blotter.orders[order_id]
        assert events.count("new") <= 1 + events.count("order_replace_rejected")
        for status in ("canceled", "expired", "rejected", "replaced"):
            assert events.count(status) <= 1
            if order.status == status:
                assert status in events


SEEDS = st.integers(min_value=0, max_value=2**32)


@given(SEEDS)
def test_whatever_is_asked_the_books_add_up(seed: int) -> None:
    """BR-2: positions, cash, orders and the book agree after every step, faults and all."""
    played = Played()
    drawn = Drawn(played, seed)
    for _ in range(80):
        drawn.step()
        check(played)
    check_events(played)


@settings(max_examples=10)
@given(SEEDS)
def test_the_same_requests_give_the_same_venue(seed: int) -> None:
    """BR-2: ids, prices and events come from the seed and the requests alone."""
    stories = []
    for _ in range(2):
        played = Played()
        drawn = Drawn(played, seed)
        for _ in range(60):
            drawn.step()
        stories.append(played.events)
    assert stories[0] == stories[1] != []


# --- what examples say ----------------------------------------------------------------------------


def test_a_day_order_expires_and_one_until_cancelled_comes_back() -> None:
    """EX-18: DAY ends at the close, GTC rests again at the next open and fills there."""
    played = Played()
    day, gtc = played.place(limit_price="231"), played.place(time_in_force="gtc", limit_price="230")
    assert day is not None
    assert gtc is not None
    played.site.core.clock.set(at_ns=read_time("2026-11-20T21:00:00Z"))
    played.pump()
    assert (day.status, gtc.status) == ("expired", "new")
    played.quote(22_900, 2, 50)
    assert gtc.status == "new"
    played.site.core.clock.set(at_ns=read_time("2026-11-23T14:30:00Z"))
    played.pump()
    assert gtc.status == "filled"


def test_extended_hours_trade_until_eight() -> None:
    """BR-8: a limit order for extended hours works after the close and expires at 20:00."""
    played = Played("2026-11-20T22:00:00Z")
    late = played.place(extended_hours=True)
    plain = played.place()
    assert late is not None
    assert plain is not None
    assert (late.status, plain.status) == ("new", "accepted")
    played.site.core.clock.set(at_ns=read_time("2026-11-21T01:00:00Z"))
    played.pump()
    assert (late.status, plain.status) == ("expired", "accepted")


def test_a_partial_target_shrinks_the_stop() -> None:
    """PX-8: what is protected is what is held."""
    played = Played()
    body = body_of("bracket", "buy", 23_140, 10, "day")
    entry = played.place(**body)
    assert entry is not None
    target, stop = entry.legs
    assert (target.status, stop.status, entry.status) == ("new", "new", "filled")
    played.quote(23_200, 2, 4)
    assert (show(target.filled_1e8), show(stop.open_1e8)) == ("4", "6")
    played.quote(23_000, 2, 50)
    assert (stop.status, target.status) == ("filled", "canceled")
    assert played.site.desk.blotter.ledger.positions == {}


def test_fees_of_sales_leave_the_cash_at_the_close() -> None:
    """EX-14: they accrue with each sale and are one activity of the day."""
    played = Played()
    for side in ("buy", "sell"):
        played.place(side=side, type="market", limit_price=None, qty="50")
    ledger = played.site.desk.blotter.ledger
    before = ledger.cash_1e8
    assert ledger.fees_accrued_1e8 == read_1e8("0.0083")
    played.site.core.clock.set(at_ns=read_time("2026-11-20T21:00:00Z"))
    played.pump()
    assert (ledger.fees_accrued_1e8, before - ledger.cash_1e8) == (0, read_1e8("0.0083"))
    assert played.site.desk.blotter.activities[-1]["net_amount"] == "-0.0083"


def test_a_buy_stop_gets_a_limit_and_does_not_chase() -> None:
    """BR-2: 2.5 % above the stop from 50 dollars on; beyond it the order waits."""
    played = Played()
    stop = played.place(type="stop", stop_price="232", limit_price=None)
    assert stop is not None
    played.quote(24_000, 2, 50)
    assert (stop.status, stop.is_triggered) == ("new", True)
    played.quote(23_778, 2, 50)
    assert stop.status == "filled"


def test_sessions_without_a_pause_are_always_open() -> None:
    """BR-8: a venue for any hour of the day, whose DAY orders end at midnight."""
    played = Played("2026-11-21T23:59:00Z", hours="always")
    order = played.place()
    assert order is not None
    assert order.status == "new"
    played.advance(61)
    assert order.status == "expired"
    after = played.place()
    assert after is not None
    assert after.status == "new"


@pytest.mark.parametrize(
    ("changes", "is_taken"),
    [
        ({"qty": "862", "limit_price": "232"}, True),
        ({"qty": "863", "limit_price": "232"}, False),
        ({"qty": "863", "limit_price": "200"}, True),
    ],
)
def test_power_is_twice_the_cash(changes: dict[str, str], is_taken: bool) -> None:  # noqa: FBT001 - a column
    """EX-13: one step inside and one beyond what 100,000 dollars buy."""
    assert (Played().place(**changes) is not None) is is_taken


CALL = "SPY261120C00590000"


@pytest.mark.parametrize(
    ("spot", "kind", "shares", "cash"),
    [(60_000, "OPEXC", "100", "40700"), (58_000, "OPEXP", "0", "99700")],
    ids=["in the money", "worthless"],
)
def test_an_option_ends_at_the_close_of_its_last_day(
    spot: int, kind: str, shares: str, cash: str
) -> None:
    """BR-8: shares at the strike for what is in the money, nothing for the rest."""
    played = Played()
    market = played.site.core.market
    played.site.desk.list_symbol(CALL)
    market.quote(CALL, [(290_000_000, 50 * ONE_1E8)], [(300_000_000, 50 * ONE_1E8)])
    bought = played.place(symbol=CALL, qty="1", limit_price="3.00")
    assert bought is not None
    assert bought.status == "filled"
    cents = 1_000_000
    market.quote("SPY", [(spot * cents - cents, ONE_1E8)], [(spot * cents + cents, ONE_1E8)])
    played.site.core.clock.set(at_ns=read_time("2026-11-20T21:00:00Z"))
    played.pump()
    ledger = played.site.desk.blotter.ledger
    assert (show(ledger.qty_1e8("SPY")), show(ledger.cash_1e8)) == (shares, cash)
    assert ledger.qty_1e8(CALL) == 0
    assert played.site.desk.blotter.activities[-1]["activity_type"] == kind


def test_a_fill_during_a_replacement_counts_against_it() -> None:
    """EX-7: the total that was asked for is what trades in the end, whoever was first."""
    played = Played()
    old = played.place(limit_price="231.39", qty="10")
    assert old is not None
    new = played.site.desk.replace(old, {"qty": "12"})
    played.site.core.market.trade("AAPL", 23_139 * 1_000_000, 4 * ONE_1E8, Side.SELL)
    played.pump()
    assert (old.status, show(old.filled_1e8), show(new.open_1e8)) == ("replaced", "4", "8")
    late = played.site.desk.replace(new, {"limit_price": "231.38"})
    played.site.core.market.trade("AAPL", 23_139 * 1_000_000, 8 * ONE_1E8, Side.SELL)
    played.pump()
    assert (new.status, late.status) == ("filled", "rejected")
    assert show(played.site.desk.blotter.ledger.qty_1e8("AAPL")) == "12"


def test_a_replacement_needs_an_id_of_its_own() -> None:
    """EX-4: an id that was used by any order is refused, and the old order stays."""
    played = Played()
    old = played.place(client_order_id="one")
    assert old is not None
    with pytest.raises(ApiError, match="40010001"):
        played.site.desk.replace(old, {"qty": "6", "client_order_id": "one"})
    assert old.status == "new"


def test_an_order_for_extended_hours_outlives_the_close() -> None:
    """BR-8: placed in the session, it works until 20:00."""
    played = Played()
    late = played.place(extended_hours=True, limit_price="230")
    assert late is not None
    played.site.core.clock.set(at_ns=read_time("2026-11-20T21:00:00Z"))
    played.pump()
    assert late.status == "new"
    played.site.core.clock.set(at_ns=read_time("2026-11-21T01:00:00Z"))
    played.pump()
    assert late.status == "expired"


def test_a_smaller_quote_takes_its_shares_out_of_the_book() -> None:
    """BR-2: what is no longer offered cannot be bought."""
    played = Played()
    played.quote(23_138, 2, 3)
    order = played.place(limit_price="231.40", qty="5")
    assert order is not None
    assert show(order.filled_1e8) == "3"


def test_a_sale_keeps_the_average_and_a_turn_begins_a_new_one() -> None:
    """BR-2: cost follows the shares that are left; a position turned round costs the new price."""
    played = Played()
    ledger = played.site.desk.blotter.ledger

    def traded(side: Side, qty: int, price: int) -> tuple[str, str, str]:
        number = len(ledger.executions)
        ledger.book(
            Execution(
                execution_id=str(number),
                order_id="o",
                symbol="AAPL",
                side=side,
                qty_1e8=qty * ONE_1E8,
                price_1e8=price * ONE_1E8,
                at_ns=number,
            )
        )
        held = ledger.positions["AAPL"]
        return show(held.qty_1e8), show(held.cost_1e8), show(held.average_1e8)

    assert traded(Side.BUY, 10, 100) == ("10", "1000", "100")
    assert traded(Side.BUY, 10, 110) == ("20", "2100", "105")
    assert traded(Side.SELL, 5, 200) == ("15", "1575", "105")
    assert traded(Side.SELL, 20, 90) == ("-5", "-450", "90")
    assert traded(Side.SELL, 5, 80) == ("-10", "-850", "85")
    assert traded(Side.BUY, 4, 10) == ("-6", "-510", "85")


def test_the_rate_limit_begins_anew_each_minute() -> None:
    """BR-6: so many a minute; the next minute of the machine's clock has all of them again."""
    wall = Wall(0)
    limit = RateLimit(wall, 2)
    assert [limit.take() for _ in range(3)] == [True, True, False]
    wall.advance(59)
    assert not limit.take()
    wall.advance(1)
    assert limit.take()
    assert limit.headers() == {
        "X-RateLimit-Limit": "2",
        "X-RateLimit-Remaining": "1",
        "X-RateLimit-Reset": "120",
    }
