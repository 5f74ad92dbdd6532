"""The paper venue: its sums, its limits and its memory, whatever comes in whatever order."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rust_core._native import PaperVenueBook, VenueReport

ONE = 10**8
TICK = 25_000_000
MINUTE = 60_000_000_000
MULTIPLIER = 50


def config(**changes: Any) -> bytes:
    instrument = {
        "symbol": "ES",
        "tick_1e8": TICK,
        "lot_1e8": ONE,
        "multiplier_1e8": MULTIPLIER * ONE,
    }
    base = {"venue": "paper", "cash_1e8": 10**13, "instruments": [instrument], "slippage_ticks": 1}
    return json.dumps(base | changes).encode()


prices = st.integers(40, 60)
sizes = st.integers(0, 40)
sides = st.sampled_from(["BUY", "SELL"])
order = st.tuples(
    st.just("order"),
    sides,
    st.sampled_from(["MARKET", "LIMIT", "STOP", "STOP_LIMIT"]),
    st.sampled_from(["DAY", "GTC", "IOC", "FOK", "GTX"]),
    st.integers(1, 12),
    prices,
    prices,
)
steps = st.lists(
    order
    | st.tuples(st.just("bar"), prices, prices, prices, prices, sizes)
    | st.tuples(st.just("quote"), prices, prices, sizes, sizes)
    | st.tuples(st.just("trade"), prices, sizes)
    | st.tuples(st.just("cancel"), st.integers(0, 30))
    | st.just(("close",)),
    max_size=60,
)
setups = st.fixed_dictionaries(
    {
        "participation_ratio_1e8": st.sampled_from([0, ONE // 10, ONE // 2]),
        "is_touch_filled": st.booleans(),
        "slippage_ticks": st.integers(0, 3),
        "fees": st.fixed_dictionaries(
            {
                "per_unit_1e8": st.integers(0, 3 * ONE),
                "ratio_1e8": st.integers(0, 100_000),
                "minimum_1e8": st.integers(0, 20 * ONE),
            }
        ),
    }
)


@dataclass
class Drive:
    """Gives steps to a book and remembers what it reported."""

    book: PaperVenueBook
    now_ns: int = 0
    orders: int = 0
    asked: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    reports: list[VenueReport] = field(default_factory=list)

    def step(self, step: tuple[Any, ...]) -> None:
        """One order, price, cancel or close."""
        self.reports += getattr(self, "_" + step[0])(*step[1:])

    def _order(
        self, side: str, kind: str, tif: str, qty: int, limit: int, trigger: int
    ) -> list[VenueReport]:  # fmt: skip
        name = f"o{self.orders}"
        self.orders += 1
        self.asked[name] = (side, qty * ONE, limit * TICK if "LIMIT" in kind else None)
        reports = self.book.submit(
            name, "ES", side, kind, tif, qty * ONE, self.now_ns,
            limit_1e8=limit * TICK if "LIMIT" in kind else None,
            trigger_1e8=trigger * TICK if "STOP" in kind else None,
        )  # fmt: skip
        assert reports is not None
        return reports

    def _bar(self, *figures: int) -> list[VenueReport]:
        *four, volume = figures
        start_ns, self.now_ns = self.now_ns, self.now_ns + MINUTE
        reports = self.book.on_open_print("ES", four[0] * TICK, volume * ONE, start_ns)
        return reports + self.book.on_bar(
            "ES", start_ns, self.now_ns, four[0] * TICK, max(four) * TICK, min(four) * TICK,
            four[3] * TICK, volume * ONE,
        )  # fmt: skip

    def _quote(self, bid: int, ask: int, bid_size: int, ask_size: int) -> list[VenueReport]:
        return self.book.on_quote(
            "ES", bid * TICK, ask * TICK, bid_size * ONE, ask_size * ONE, self.now_ns
        )

    def _trade(self, price: int, size: int) -> list[VenueReport]:
        return self.book.on_trade("ES", price * TICK, size * ONE, self.now_ns)

    def _cancel(self, number: int) -> list[VenueReport]:
        return self.book.cancel(f"o{number}", self.now_ns)

    def _close(self) -> list[VenueReport]:
        return self.book.on_session_close(self.now_ns)


def told(reports: list[VenueReport]) -> list[tuple[object, ...]]:
    """Reports as plain values."""
    names = ("client_order_id", "kind", "broker_order_id", "execution_id", "qty_1e8", "price_1e8")
    more = ("fee_1e8", "venue_ns", "reason", "settlement")
    return [tuple(getattr(report, name) for name in names + more) for report in reports]


@given(setup=setups, journey=steps)
def test_sums_and_limits_hold_whatever_comes(
    setup: dict[str, Any], journey: list[tuple[Any, ...]]
) -> None:
    """EX-7, EX-14, EX-18: filled <= asked, never worse than the limit, cash adds up."""
    drive = Drive(PaperVenueBook(config(**setup)))
    for step in journey:
        drive.step(step)
    fills = [report for report in drive.reports if report.kind == "FILLED"]
    cash, held = 10**13, 0
    filled: dict[str, int] = {}
    for fill in fills:
        side, qty, limit = drive.asked[fill.client_order_id]
        sign = 1 if side == "BUY" else -1
        filled[fill.client_order_id] = filled.get(fill.client_order_id, 0) + fill.qty_1e8
        assert 0 < filled[fill.client_order_id] <= qty
        assert fill.qty_1e8 % ONE == 0
        assert limit is None or (limit - fill.price_1e8) * sign >= 0
        cash -= sign * fill.price_1e8 * fill.qty_1e8 // ONE * MULTIPLIER + fill.fee_1e8
        held += sign * fill.qty_1e8
    assert drive.book.cash_1e8 == cash
    assert drive.book.positions() == ({"ES": held} if held else {})
    assert [e.execution_id for e in drive.book.executions_since(0)] == [
        fill.execution_id for fill in fills
    ]
    assert len({fill.execution_id for fill in fills}) == len(fills)
    _each_order_ends_once(drive)


def _each_order_ends_once(drive: Drive) -> None:
    open_ids = {order.client_order_id for order in drive.book.open_orders()}
    for name in drive.asked:
        story = drive.book.look_up(name)
        assert story is not None
        mine = [r for r in drive.reports if r.client_order_id == name]
        assert told(story) == told([r for r in mine if r.kind != "CANCEL_REJECTED"])
        ends = [r for r in story if r.kind in {"CANCELLED", "EXPIRED", "REJECTED"}]
        order = drive.book.order(name)
        assert order is not None
        is_full = order.filled_1e8 == order.qty_1e8
        assert len(ends) + is_full + (name in open_ids) == 1


@given(setup=setups, journey=steps, cut=st.integers(0, 60))
def test_a_venue_that_stopped_goes_on_as_if_it_had_not(
    setup: dict[str, Any], journey: list[tuple[Any, ...]], cut: int
) -> None:
    """ST-1, EX-5: the venue's own book survives, whole or change by change."""
    drive = Drive(PaperVenueBook(config(**setup)))
    changes: list[bytes] = []
    for step in journey[:cut]:
        drive.step(step)
        changes += filter(None, [drive.book.take_change()])
    whole = PaperVenueBook(config(**setup), drive.book.state_json())
    by_change = PaperVenueBook(config(**setup), None, changes)
    assert by_change.cash_1e8 == whole.cash_1e8
    for name in drive.asked:
        story = drive.book.look_up(name)
        again = by_change.look_up(name)
        assert story is not None
        assert again is not None
        assert told(again) == told(story)
    other = Drive(whole, drive.now_ns, drive.orders, dict(drive.asked))
    before = len(drive.reports)
    for step in journey[cut:]:
        drive.step(step)
        other.step(step)
    assert told(other.reports) == told(drive.reports[before:])
    assert other.book.state_json() == drive.book.state_json()


@pytest.mark.parametrize(("tif", "kinds"), [("GTX", ["CANCELLED"]), ("GTC", ["FILLED"])])
def test_post_only_that_would_take_ends_and_takes_nothing(tif: str, kinds: list[str]) -> None:
    """EX-18: where it arrives; another order of that price takes."""
    book = PaperVenueBook(config())
    book.on_quote("ES", 49 * TICK, 50 * TICK, 5 * ONE, 5 * ONE, 1)
    told_of = book.submit("o", "ES", "BUY", "LIMIT", tif, ONE, 2, limit_1e8=50 * TICK)
    assert told_of is not None
    assert [each.kind for each in told_of][-1:] == kinds
    assert bool(book.positions()) is (tif == "GTC")


def test_post_only_that_rests_fills_at_its_own_price_and_outlives_the_session() -> None:
    """EX-18: as a maker, however far the market goes."""
    book = PaperVenueBook(config())
    book.on_quote("ES", 49 * TICK, 50 * TICK, 5 * ONE, 5 * ONE, 1)
    book.submit("o", "ES", "BUY", "LIMIT", "GTX", ONE, 2, limit_1e8=49 * TICK)
    assert book.on_session_close(3) == []
    (fill,) = book.on_quote("ES", 44 * TICK, 45 * TICK, 5 * ONE, 5 * ONE, 4)
    assert (fill.kind, fill.price_1e8) == ("FILLED", 49 * TICK)


def test_a_repeated_client_id_is_refused_and_changes_nothing() -> None:
    """EX-4: an id is taken once; no report of a refusal, which would speak of the first."""
    book = PaperVenueBook(config())
    assert book.submit("o", "ES", "BUY", "MARKET", "DAY", ONE, 1) is not None
    before = book.state_json()
    assert book.submit("o", "ES", "SELL", "MARKET", "DAY", 5 * ONE, 2) is None
    assert book.state_json() == before


def test_a_missing_change_is_noticed() -> None:
    """ST-1: a book that lost a line does not go on as if nothing had happened."""
    book = PaperVenueBook(config())
    changes = []
    for name in ("a", "b"):
        book.submit(name, "ES", "BUY", "MARKET", "DAY", ONE, 1)
        changes.append(book.take_change() or b"")
    assert book.take_change() is None
    with pytest.raises(ValueError, match="change 2 came out of turn"):
        PaperVenueBook(config(), None, changes[1:])


def test_wrong_input_is_refused_by_name() -> None:
    """EX-10: expected, found."""
    book = PaperVenueBook(config())
    with pytest.raises(ValueError, match="instrument must be one of ES, was NQ"):
        book.on_open_print("NQ", 1, 1, 1)
    with pytest.raises(ValueError, match="price_1e8 must be above 0, was 0"):
        book.on_trade("ES", 0, 1, 1)
    with pytest.raises(ValueError, match="side must be one of BUY, SELL, was LONG"):
        book.submit("o", "ES", "LONG", "MARKET", "DAY", ONE, 1)
    with pytest.raises(ValueError, match="unknown field `slipage`"):
        PaperVenueBook(config(slipage=1))
    with pytest.raises(ValueError, match="book cannot be read"):
        PaperVenueBook(config(), b"{}")
