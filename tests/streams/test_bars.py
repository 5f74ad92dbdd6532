"""Bars from ticks: complete intervals only, and the same as adding up by hand."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.bars import BarBuilder, bars
from streams.source import Source
from streams.ticks import Ticks, Unsound, unsound
from tests.streams.stream_lane import StreamLane
from trading.market import (
    Aggressor,
    Bar,
    MarketMessage,
    Quote,
    SessionClosed,
    SessionOpened,
    TradePrint,
)

CADENCE = 60
OPEN, CLOSE = 1_000, 1_000 + 10 * CADENCE + 30  # ten whole intervals and a rest


def opened(at_ns: int = OPEN) -> SessionOpened:
    return SessionOpened(session_date=20200309, open_ns=OPEN, close_ns=CLOSE, at_ns=at_ns)


def closed(at_ns: int = CLOSE) -> SessionClosed:
    return SessionClosed(session_date=20200309, at_ns=at_ns)


def traded(
    source_ns: int, price: int, size: int = 1, at_ns: int | None = None, instrument: str = "ES"
) -> TradePrint:
    return TradePrint(
        instrument=instrument,
        price_1e8=price,
        size_1e8=size,
        aggressor=Aggressor.NONE,
        at_ns=source_ns if at_ns is None else at_ns,
        source_ns=source_ns,
        tape_seq=source_ns,
    )


def quoted(source_ns: int, bid: int, ask: int) -> Quote:
    return Quote(
        instrument="ES",
        bid_1e8=bid,
        ask_1e8=ask,
        bid_size_1e8=5,
        ask_size_1e8=5,
        at_ns=source_ns,
        source_ns=source_ns,
    )


def run(builder: BarBuilder, *messages: MarketMessage) -> list[Bar]:
    return [bar for message in messages for bar in builder.take(message)]


def shown(made: Sequence[Bar]) -> list[tuple[int, ...]]:
    return [
        (
            bar.source_ns - OPEN,
            bar.open_1e8,
            bar.high_1e8,
            bar.low_1e8,
            bar.close_1e8,
            bar.volume_1e8,
        )
        for bar in made
    ]


def by_hand(trades: Sequence[TradePrint]) -> list[tuple[int, ...]]:
    """Group the trades of whole intervals by their source stamps."""
    found: list[tuple[int, ...]] = []
    for start_ns in range(OPEN, CLOSE - CADENCE + 1, CADENCE):
        inside = [each for each in trades if start_ns <= each.source_ns < start_ns + CADENCE]
        if inside:
            prices = [each.price_1e8 for each in inside]
            first = min(inside, key=lambda each: each.source_ns)
            last = max(reversed(inside), key=lambda each: each.source_ns)
            found.append(
                (
                    start_ns - OPEN,
                    first.price_1e8,
                    max(prices),
                    min(prices),
                    last.price_1e8,
                    sum(each.size_1e8 for each in inside),
                )
            )
    return found


TRADES = st.lists(
    st.tuples(st.integers(OPEN - 50, CLOSE + 50), st.integers(1, 50), st.integers(1, 9)),
    max_size=80,
)


@given(trades=TRADES)
def test_bars_equal_an_aggregation_by_hand(trades: list[tuple[int, int, int]]) -> None:
    """MD-5: trades in order of time, every whole interval of the session, nothing else."""
    prints = [traded(at, price, size) for at, price, size in sorted(trades, key=lambda t: t[0])]
    builder = BarBuilder("ES", CADENCE)
    before = [each for each in prints if each.at_ns < OPEN]
    inside = [each for each in prints if OPEN <= each.at_ns < CLOSE]
    after = [each for each in prints if each.at_ns >= CLOSE]
    made = run(builder, *before, opened(), *inside, closed(), *after)
    assert shown(made) == by_hand(prints)
    assert [bar.at_ns for bar in made] == [bar.source_ns + CADENCE for bar in made]
    counts = builder.counts
    rest = sum(each.source_ns >= OPEN + 10 * CADENCE for each in inside)
    assert (counts.late, counts.outside, counts.incomplete) == (0, len(before) + len(after), rest)


@given(trades=TRADES, delays=st.lists(st.integers(-40, 100), min_size=80, max_size=80))
def test_no_trade_is_counted_twice_or_lost_without_a_count(
    trades: list[tuple[int, int, int]], delays: list[int]
) -> None:
    """MD-4, MD-5: whatever order ticks arrive in, each is in one bar or in one count."""
    prints = [
        traded(at, price, size, at_ns=max(at + delay, OPEN))
        for (at, price, size), delay in zip(trades, delays, strict=False)
    ]
    prints.sort(key=lambda each: each.at_ns)
    builder = BarBuilder("ES", CADENCE)
    inside = [each for each in prints if each.at_ns < CLOSE]
    made = run(builder, opened(), *inside, closed())
    counts = builder.counts
    passed_over = counts.late + counts.outside + counts.incomplete
    assert len(shown(made)) == len({bar.source_ns for bar in made})
    assert [bar.source_ns for bar in made] == sorted(bar.source_ns for bar in made)
    whole = by_hand(inside)
    assert {bar[0] for bar in shown(made)} <= {bar[0] for bar in whole}
    assert sum(bar.volume_1e8 for bar in made) <= sum(bar[5] for bar in whole)
    if passed_over == 0:
        assert shown(made) == whole


def test_a_bar_leaves_only_when_its_interval_is_over() -> None:
    """MD-5: one instant before the end there is nothing to see."""
    builder = BarBuilder("ES", CADENCE)
    assert run(builder, opened(), traded(OPEN, 5), traded(OPEN + 59, 6)) == []
    assert builder.due_ns == OPEN + 60
    assert builder.advance(OPEN + 59) == []
    assert shown(builder.advance(OPEN + 60)) == [(0, 5, 6, 5, 6, 2)]
    assert builder.due_ns is None
    assert builder.advance(OPEN + 120) == []


def test_an_interval_without_a_tick_has_no_bar() -> None:
    """MD-2, MD-5: a hole is never filled."""
    made = run(
        BarBuilder("ES", CADENCE), opened(), traded(OPEN, 5), traded(OPEN + 200, 6), closed()
    )
    assert [bar[0] for bar in shown(made)] == [0, 180]


def test_the_interval_of_a_late_start_is_not_complete() -> None:
    """MD-5: a feed that joins in mid-interval makes its first bar from the next one."""
    builder = BarBuilder("ES", CADENCE)
    made = run(
        builder,
        opened(at_ns=OPEN + 61),
        traded(OPEN + 70, 5),
        traded(OPEN + 121, 6),
        traded(OPEN + 181, 7),
    )
    assert [bar[0] for bar in shown(made)] == [120]
    assert builder.counts.incomplete == 1


def test_the_interval_in_which_a_feed_was_lost_is_not_complete() -> None:
    """MD-5, MD-9: what was missed cannot be known, so the bar does not leave."""
    builder = BarBuilder("ES", CADENCE)
    run(builder, opened(), traded(OPEN + 5, 5))
    builder.lost(OPEN + 20)
    made = run(builder, traded(OPEN + 30, 6), traded(OPEN + 60, 7), traded(OPEN + 120, 8))
    assert [bar[0] for bar in shown(made)] == [60]
    assert builder.counts.incomplete == 2


def test_an_interval_that_the_close_cuts_short_never_leaves() -> None:
    """MD-5: a half day's last partial interval is not a bar."""
    builder = BarBuilder("ES", CADENCE)
    made = run(builder, opened(), traded(OPEN + 605, 5), closed())
    assert made == []
    assert builder.counts.incomplete == 1


def test_the_last_bar_leaves_before_the_close_of_its_session() -> None:
    """MD-5: as in a tape; its interval is over when the session is."""
    builder = BarBuilder("ES", 630)
    run(builder, opened(), traded(OPEN + 5, 5))
    assert builder.due_ns == CLOSE
    assert shown(builder.advance(CLOSE)) == [(0, 5, 5, 5, 5, 1)]
    assert run(builder, closed()) == []


def test_a_tick_of_a_finished_interval_is_late() -> None:
    """MD-4: a bar that has left does not change; the tick is counted."""
    builder = BarBuilder("ES", CADENCE)
    made = run(
        builder,
        opened(),
        traded(OPEN + 10, 5),
        traded(OPEN + 61, 6),
        traded(OPEN + 59, 99, at_ns=OPEN + 62),
    )
    assert shown(made) == [(0, 5, 5, 5, 5, 1)]
    assert builder.counts.late == 1


def test_a_tick_ahead_of_our_clock_waits_for_its_interval() -> None:
    """MD-1, MD-5: a source's clock may run ahead; neither bar loses a tick."""
    builder = BarBuilder("ES", CADENCE)
    early = traded(OPEN + 61, 7, at_ns=OPEN + 58)
    run(builder, opened(), traded(OPEN + 10, 5), early, traded(OPEN + 59, 6))
    assert shown(builder.advance(OPEN + 60)) == [(0, 5, 6, 5, 6, 2)]
    assert builder.due_ns == OPEN + 120
    assert shown(builder.advance(OPEN + 120)) == [(60, 7, 7, 7, 7, 1)]


def test_other_instruments_are_passed_by() -> None:
    """MD-5: a builder is for one instrument."""
    builder = BarBuilder("ES", CADENCE)
    made = run(builder, opened(), traded(OPEN, 5, instrument="NQ"), traded(OPEN, 6), closed())
    assert shown(made) == [(0, 6, 6, 6, 6, 1)]


def test_quotes_count_by_their_middle_and_unsound_ones_do_not() -> None:
    """MD-4: a crossed quote or one without a bid makes no price; both are counted."""
    builder = BarBuilder("ES", CADENCE)
    made = run(
        builder,
        opened(),
        quoted(OPEN, 10, 13),
        quoted(OPEN + 1, 20, 19),
        quoted(OPEN + 2, 0, 9),
        quoted(OPEN + 3, 12, 12),
        closed(),
    )
    assert shown(made) == [(0, 11, 12, 11, 12, 0)]
    assert builder.ticks.passed_over == {Unsound.CROSSED: 1, Unsound.NO_BID: 1}


@pytest.mark.parametrize(
    ("bid", "ask", "reason"),
    [(9, 10, None), (10, 10, None), (11, 10, Unsound.CROSSED), (0, 10, Unsound.NO_BID)],
    ids=["sound", "locked", "crossed", "no bid"],
)
def test_a_quote_is_sound_up_to_bid_equal_to_ask(
    bid: int, ask: int, reason: Unsound | None
) -> None:
    """MD-4: locked is not crossed."""
    assert unsound(quoted(OPEN, bid, ask)) == reason
    assert (Ticks().tick(quoted(OPEN, bid, ask)) is None) == (reason is not None)


@pytest.mark.parametrize("cadence_ns", [0, -1])
def test_a_bar_without_length_is_refused(cadence_ns: int) -> None:
    """A wrong cadence is the caller's fault."""
    with pytest.raises(ValueError, match=f"longer than 0 ns, was {cadence_ns}"):
        BarBuilder("ES", cadence_ns)


@dataclass(frozen=True)
class Seen:
    """A bar and when it came."""

    at_ns: int
    bar: tuple[int, ...]


def test_a_stream_of_bars_keeps_the_lanes_time() -> None:
    """MD-5: each bar leaves at the end of its interval, not with the next tick."""
    world = StreamLane(start_ns=OPEN)
    source: Source[MarketMessage] = Source(world.faults.append)
    seen: list[Seen] = []

    def note(bar: Bar) -> None:
        seen.append(Seen(world.lane.now_ns(), shown([bar])[0]))

    leaving = source.pipe(bars(BarBuilder("ES", CADENCE), world.scheduler)).subscribe(note)
    world.actor.handle = source.emit
    for message in (
        opened(),
        traded(OPEN + 10, 5),
        traded(OPEN + 200, 6),
        traded(OPEN + 590, 7),
        closed(),
    ):
        world.at(message.at_ns, message)
    world.lane.run(until_ns=CLOSE)
    assert seen == [
        Seen(OPEN + 60, (0, 5, 5, 5, 5, 1)),
        Seen(OPEN + 240, (180, 6, 6, 6, 6, 1)),
        Seen(OPEN + 600, (540, 7, 7, 7, 7, 1)),
    ]
    leaving.dispose()
    assert (source.subscribers, world.faults) == (0, [])
