"""PX-9: five exit plans over windows of real prices, each trigger compared with a plain rule."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from rust_core import ExitPlan, Message
from tests.rust_core.account_desk import S_NS, Desk, E
from tests.streams.shared_data import shared_file

QTY = 10
FEE_1E8 = E // 100
WINDOWS_MIN = 5
Price = tuple[int, int]
"""What a seller and what a buyer would get, at 1e-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One of the set, in parts of the entry; None where it has no such rule."""

    stop: float | None = None
    target: float | None = None
    trailing: float | None = None

    def exits(self) -> ExitPlan:
        """As the core is told of it."""

        def ratio(part: float | None) -> int | None:
            return None if part is None else round(part * E)

        return ExitPlan(
            stop_ratio_1e8=ratio(self.stop),
            no_stop="the set asks for it" if self.stop is None else None,
            target_ratio_1e8=ratio(self.target),
            target_trailing_ratio_1e8=ratio(self.trailing),
        )

    def first(self, entry_1e8: int, bids: list[int]) -> tuple[int, str, float] | None:
        """Where it fires: index, reason and threshold, by the words of the rule alone."""
        best_1e8 = entry_1e8
        for at, bid_1e8 in enumerate(bids):
            best_1e8 = max(best_1e8, bid_1e8)
            if self.stop is not None and bid_1e8 <= entry_1e8 * (1 - self.stop):
                return at, "STOP_LOSS", entry_1e8 * (1 - self.stop)
            if self.target is not None and bid_1e8 >= entry_1e8 * (1 + self.target):
                return at, "TAKE_PROFIT", entry_1e8 * (1 + self.target)
            gives_back = self.trailing is not None and best_1e8 > entry_1e8
            if gives_back and entry_1e8 <= bid_1e8 <= best_1e8 * (1 - (self.trailing or 0)):
                return at, "TAKE_PROFIT", best_1e8 * (1 - (self.trailing or 0))
        return None


SET = {
    "5 % stop": Plan(stop=0.05),
    "15 % stop": Plan(stop=0.15),
    "5 % stop and 20 % target": Plan(stop=0.05, target=0.20),
    "no stop and 10 % trailing target": Plan(trailing=0.10),
}
CONTROL = Plan(stop=0.50)


def daily_windows() -> Iterator[list[Price]]:
    """Sixty sessions of each symbol, from every twentieth on; the index itself is not for sale."""
    path = shared_file("bars/us_1d_2018.parquet")
    rows = duckdb.execute(
        "SELECT symbol, list(close ORDER BY session) FROM read_parquet(?)"
        " WHERE symbol <> 'VIX' GROUP BY symbol ORDER BY symbol",
        [str(path)],
    ).fetchall()
    for _, closes in rows:
        for start in range(0, len(closes) - 60, 20):
            yield [(round(each * E),) * 2 for each in closes[start : start + 60]]


def binary_windows() -> Iterator[list[Price]]:
    """A market of two outcomes that settles: bid and ask of a share, 1 / odds, in ten parts."""
    path = shared_file("binary/betfair_1_166811431_updates.parquet")
    rows = duckdb.execute(
        "SELECT runner_id, kind, odds, size FROM read_parquet(?)"
        " WHERE kind IN ('back', 'lay') ORDER BY runner_id, line",
        [str(path)],
    ).fetchall()
    for runner in sorted({row[0] for row in rows}):
        quotes = _quotes([row[1:] for row in rows if row[0] == runner])
        part = len(quotes) // 10
        for start in range(0, part * 10, part):
            yield quotes[start : start + part : max(1, part // 300)]


def _quotes(updates: list[tuple[str, float, float]]) -> list[Price]:
    """Each change of the best quote; crossed and empty books are passed over (MD-4)."""
    books: dict[str, dict[float, float]] = {"back": {}, "lay": {}}
    quotes: list[Price] = []
    for kind, odds, size in updates:
        books[kind][odds] = size
        if size == 0:
            del books[kind][odds]
        if not books["back"] or not books["lay"]:
            continue
        quote = (round(E / min(books["lay"])), round(E / max(books["back"])))
        if quote[0] < quote[1] and quote not in quotes[-1:]:
            quotes.append(quote)
    return quotes


def played(plan: Plan, prices: list[Price]) -> tuple[Desk, int | None]:
    """Buy at the first ask; an exit fills at the price after the one that caused it."""
    instrument = {
        "symbol": "SPY",
        "kind": "EQUITY",
        "tick_1e8": 1,
        "lot_1e8": E,
        "min_qty_1e8": E,
        "multiplier_1e8": E,
    }
    desk = Desk(
        instruments=[instrument],
        risk={"per_trade_1e8": 50_000 * E, "unstopped_ratio_1e8": E},
        limits_collar_ratio_1e8=E - 1,
    )
    desk.mark(1)
    see(desk, prices[0])
    order = desk.ordered(
        desk.ask(plan.exits(), reference_1e8=prices[0][1], reference_ns=desk.now_ns)
    )
    desk.release(order)
    desk.fill(order, QTY, prices[0][1] / E)
    for at, price in enumerate(prices[1:-1]):
        decision = see(desk, price)
        if decision.effects:
            leave = desk.ordered(decision)
            desk.release(leave)
            desk.fill(leave, QTY, prices[at + 2][0] / E)
            return desk, at
    return desk, None


def see(desk: Desk, price: Price) -> Any:
    """A second later both sides of the market are known."""
    desk.now_ns += S_NS
    bid_1e8, ask_1e8 = price
    mark = Message.mark("SPY", "QUOTE", desk.now_ns, 0, bid_1e8, ask_1e8)
    return desk.tell(mark)


@pytest.mark.parametrize("windows", [daily_windows, binary_windows], ids=["bars", "quotes"])
@pytest.mark.parametrize("name", SET)
def test_a_plan_fires_where_its_words_say_and_nowhere_else(name: str, windows: Any) -> None:
    """PX-9, PX-5: at the first price beyond its level, and the trade says all of it."""
    plan, fired = SET[name], 0
    for prices in windows():
        entry_1e8 = prices[0][1]
        desk, at = played(plan, prices)
        expected = plan.first(entry_1e8, [bid_1e8 for bid_1e8, _ in prices[1:-1]])
        assert at == (None if expected is None else expected[0])
        if expected is None or at is None:
            assert desk.events("TradeClosed") == []
            assert desk.position().qty_1e8 == QTY * E
            continue
        fired += 1
        _, reason, threshold = expected
        caused_1e8, got_1e8 = prices[at + 1][0], prices[at + 2][0]
        (trade,) = desk.events("TradeClosed")
        assert trade["reason"] == reason
        assert trade["exit_threshold_1e8"] == pytest.approx(threshold, abs=2)
        assert (trade["exit_intended_1e8"], trade["exit_1e8"]) == (caused_1e8, got_1e8)
        assert trade["exit_slippage_1e8"] == caused_1e8 - got_1e8
        assert trade["fees_1e8"] == 2 * FEE_1E8
        assert trade["gross_1e8"] == QTY * (got_1e8 - entry_1e8)
        assert trade["net_1e8"] == trade["gross_1e8"] - trade["fees_1e8"]
        assert desk.core.account().cash_1e8 == trade["net_1e8"]
        (trigger,) = desk.events("ExitTriggered")
        intents = [one["client_order_id"] for one in desk.events("OrderIntended")]
        assert [trade["entry_order_id"], trade["exit_order_id"]] == intents
        assert trigger["position_id"] == trade["trade_id"]
    assert fired >= WINDOWS_MIN


def test_the_control_never_fires() -> None:
    """PX-9: a stop of 50 % over windows in which no price is halved."""
    windows = list(daily_windows())
    assert len(windows) >= WINDOWS_MIN
    for prices in windows:
        desk, at = played(CONTROL, prices)
        assert at is None
        assert desk.events("ExitTriggered") == []
        assert desk.position().qty_1e8 == QTY * E
