"""Bars of a whole feed, built from its ticks: those of the market behind them, in one order."""

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from streams.generate import MarketPlan, PlanError, Story, generate
from streams.replay import NEVER_NS, messages
from streams.tape import Tape
from streams.tick_bars import TickBars, bar_messages
from trading.market import (
    Aggressor,
    Bar,
    MarketMessage,
    Quote,
    SessionClosed,
    SessionOpened,
    TradePrint,
)

MINUTE_NS = 60_000_000_000
PLAN = MarketPlan(seed=3, sessions=2, story=Story.REVERTING)
OPEN, CLOSE = 100 * MINUTE_NS, 110 * MINUTE_NS
OPENED = SessionOpened(session_date=20240102, open_ns=OPEN, close_ns=CLOSE, at_ns=OPEN)
CLOSED = SessionClosed(session_date=20240102, at_ns=CLOSE)


def market(plan: MarketPlan, folder: Path) -> list[MarketMessage]:
    """Every message of a plan's tape."""
    target = folder / f"{plan.content}.tape"
    generate(plan, target)
    with Tape(target) as tape:
        return list(messages(tape))


def built(market_messages: list[MarketMessage]) -> list[Bar]:
    """The bars of a tape of ticks."""
    sent = bar_messages(market_messages, TickBars([PLAN.instrument], MINUTE_NS), 0)
    return [each for each in sent if isinstance(each, Bar)]


def trade(at_s: float, price: int, instrument: str = "A") -> TradePrint:
    """A trade so many seconds after the open."""
    at_ns = OPEN + int(at_s * 1e9)
    return TradePrint(
        instrument=instrument,
        price_1e8=price,
        size_1e8=1,
        aggressor=Aggressor.NONE,
        at_ns=at_ns,
        source_ns=at_ns,
    )


@pytest.mark.parametrize("ticks_per_bar", [4, 7])
def test_the_bars_of_generated_trades_are_the_bars_of_that_market(
    tmp_path: Path, ticks_per_bar: int
) -> None:
    """MD-5: the same plan as trades and as bars says the same, holes and volume included."""
    traded = market(replace(PLAN, content="trades", ticks_per_bar=ticks_per_bar), tmp_path)
    expected = [each for each in market(PLAN, tmp_path) if isinstance(each, Bar)]
    assert [changed(bar, tape_seq=-1) for bar in built(traded)] == [
        changed(bar, tape_seq=-1) for bar in expected
    ]
    assert len(expected) > 700


def test_the_bars_of_generated_quotes_have_no_volume(tmp_path: Path) -> None:
    """MD-5: quotes count by their middle, half a tick above the price they stand around."""
    quoted = market(replace(PLAN, content="quotes"), tmp_path)
    bars = [each for each in market(PLAN, tmp_path) if isinstance(each, Bar)]
    half_1e8 = PLAN.tick_1e8 // 2
    found = built(quoted)
    assert [bar.source_ns for bar in found] == [bar.source_ns for bar in bars]
    usual = sum(
        one.close_1e8 == two.close_1e8 + half_1e8 for one, two in zip(found, bars, strict=True)
    )
    assert usual > 0.9 * len(bars)  # a burst doubles the spread
    assert {bar.volume_1e8 for bar in found} == {0}


def test_too_few_ticks_for_a_bar_are_refused() -> None:
    """MD-5: a bar needs its four corners."""
    with pytest.raises(PlanError, match=r"ticks_per_bar must be at least 4.* was 3"):
        MarketPlan(seed=1, content="trades", ticks_per_bar=3)


def test_bars_of_one_instant_leave_in_the_order_of_the_instruments() -> None:
    """MD-5: whose tick came first says nothing."""
    bars = TickBars(["A", "B"], MINUTE_NS)
    for message in (OPENED, trade(1, 10, "B"), trade(2, 20, "A")):
        assert bars.take(message) == []
    assert bars.due_ns == OPEN + MINUTE_NS
    assert [bar.instrument for bar in bars.take(trade(60, 11, "B"))] == ["A", "B"]
    assert bars.due_ns == OPEN + 2 * MINUTE_NS


def test_where_both_come_bars_may_be_built_of_trades_alone() -> None:
    """MD-5: a quote moves no bar and closes no interval that has none."""
    quote = Quote(
        instrument="A",
        bid_1e8=90,
        ask_1e8=92,
        bid_size_1e8=0,
        ask_size_1e8=0,
        at_ns=OPEN + 2 * 10**9,
        source_ns=OPEN + 2 * 10**9,
    )
    bars = TickBars(["A"], MINUTE_NS, (TradePrint,))
    for message in (OPENED, trade(1, 10), quote, trade(3, 11)):
        assert bars.take(message) == []
    [bar] = bars.take(changed(quote, at_ns=OPEN + MINUTE_NS))
    assert (bar.open_1e8, bar.high_1e8, bar.low_1e8, bar.close_1e8) == (10, 11, 10, 11)
    assert bars.due_ns == NEVER_NS


def test_a_bar_is_given_once_by_time_or_by_the_next_tick() -> None:
    """MD-5: whichever comes first."""
    bars = TickBars(["A"], MINUTE_NS)
    bars.take(OPENED)
    bars.take(trade(1, 10))
    assert bars.advance(OPEN + MINUTE_NS - 1) == []
    assert len(bars.advance(OPEN + MINUTE_NS)) == 1
    assert bars.take(trade(60, 11)) == []
    assert len(bars.take(trade(121, 12))) == 1


def test_what_is_in_no_bar_is_counted_for_its_session() -> None:
    """MD-4: late and unsound ticks, and the minute that a feed was away."""
    bars = TickBars(["A"], MINUTE_NS)
    crossed = Quote(
        instrument="A",
        bid_1e8=2,
        ask_1e8=1,
        bid_size_1e8=0,
        ask_size_1e8=0,
        at_ns=OPEN,
        source_ns=OPEN,
    )
    bars.take(OPENED)
    bars.take(crossed)
    bars.take(trade(5, 10))
    bars.lost(OPEN + 10_000_000_000)
    assert bars.due_ns == NEVER_NS
    bars.take(trade(20, 10))
    bars.take(trade(61, 10))
    bars.advance(OPEN + 2 * MINUTE_NS)
    bars.take(changed(trade(119, 10), at_ns=OPEN + 2 * MINUTE_NS))
    counts = bars.counts()
    assert (counts.incomplete, counts.late, bars.unsound()) == (2, 1, 1)
    assert bars.take(CLOSED) == []
    bars.take(OPENED)
    counts = bars.counts()
    assert (counts.incomplete, counts.late, bars.unsound()) == (0, 0, 0)


@pytest.mark.parametrize("ends_early", [True, False])
def test_reading_again_gives_the_bars_that_were_sent(*, ends_early: bool) -> None:
    """MD-5, ST-2: up to an instant, whatever the newest row is."""
    seen: list[MarketMessage] = [OPENED, trade(1, 10), trade(61, 11)]
    until_ns = OPEN + (1 if ends_early else 2) * MINUTE_NS
    sent = bar_messages(seen, TickBars(["A"], MINUTE_NS), until_ns)
    assert [type(each) for each in sent] == [SessionOpened, Bar] + [Bar] * (not ends_early)


def test_a_tape_of_bars_is_read_as_it_is(tmp_path: Path) -> None:
    """MD-5: open prints and quotes beside the bars are for the venue."""
    seen = market(replace(PLAN, sessions=1, quotes_per_bar=1), tmp_path)
    sent = bar_messages(seen, None, 0)
    assert sent == [each for each in seen if isinstance(each, Bar | SessionOpened | SessionClosed)]
