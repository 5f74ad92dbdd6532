"""What a feed says twice or too late goes no further, and nothing new is lost with it."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.repeats import TRADES_KEPT, Repeats, Stale
from trading.market import Aggressor, Bar, MarketMessage, OpenPrint, Quote, TradePrint

SECOND = 1_000_000_000


def quoted(second: int, bid: int = 100, instrument: str = "ES") -> Quote:
    """A quote stamped so many seconds after zero."""
    return Quote(
        instrument=instrument,
        bid_1e8=bid,
        ask_1e8=bid + 2,
        bid_size_1e8=1,
        ask_size_1e8=1,
        at_ns=second * SECOND,
        source_ns=second * SECOND,
    )


def barred(minute: int, close: int = 100) -> Bar:
    """A bar of that minute."""
    return Bar(
        instrument="ES",
        open_1e8=100,
        high_1e8=120,
        low_1e8=90,
        close_1e8=close,
        volume_1e8=5,
        at_ns=(minute + 1) * 60 * SECOND,
        source_ns=minute * 60 * SECOND,
    )


def traded(second: int, trade_id: int = 0) -> TradePrint:
    """A trade at that second."""
    return TradePrint(
        instrument="ES",
        price_1e8=100,
        size_1e8=1,
        aggressor=Aggressor.NONE,
        at_ns=second * SECOND,
        source_ns=second * SECOND,
        trade_id=trade_id,
    )


def opened(minute: int, price: int = 100) -> OpenPrint:
    """The open of that minute's bar."""
    at_ns = minute * 60 * SECOND
    return OpenPrint(instrument="ES", price_1e8=price, volume_1e8=1, at_ns=at_ns, source_ns=at_ns)


def judged(messages: Iterable[MarketMessage]) -> list[Stale | None]:
    """What becomes of each."""
    repeats = Repeats()
    return [repeats.take(message) for message in messages]


@pytest.mark.parametrize(
    ("messages", "last"),
    [
        ((barred(1), barred(1)), Stale.REPEATED),
        ((barred(1), replace(barred(1), tape_seq=9)), Stale.REPEATED),
        ((barred(1), barred(1, close=101)), Stale.OLDER),
        ((barred(1), barred(2), barred(1)), Stale.OLDER),
        ((barred(1), barred(2)), None),
        ((quoted(1), replace(quoted(1), at_ns=5 * SECOND)), Stale.REPEATED),
        ((quoted(1), quoted(1, bid=101)), None),
        ((quoted(2), quoted(1)), Stale.OLDER),
        ((quoted(2), quoted(1, instrument="NQ")), None),
        ((opened(1), opened(1)), Stale.REPEATED),
        ((opened(1), opened(1, price=101)), Stale.OLDER),
        ((opened(2), opened(1)), Stale.OLDER),
        ((traded(1, 7), traded(1, 7)), Stale.REPEATED),
        ((traded(1, 7), traded(1, 8)), None),
        ((traded(1, 7), traded(2, 7)), None),
        ((traded(1), traded(1)), None),
    ],
)
def test_only_what_is_new_is_passed_on(
    messages: tuple[MarketMessage, ...], last: Stale | None
) -> None:
    """MD-4: repeats are dropped, older quotes and bars refused; a trade without an id is new."""
    assert judged(messages) == [*[None] * (len(messages) - 1), last]


def test_a_trade_out_of_order_counts_once_and_is_counted() -> None:
    """MD-4: volume adds up in whatever order it comes."""
    repeats = Repeats()
    assert [repeats.take(traded(s, s)) for s in (1, 3, 2, 3, 2)] == [
        None,
        None,
        None,
        Stale.REPEATED,
        Stale.REPEATED,
    ]
    assert (repeats.counts.disordered, repeats.counts.repeated, repeats.counts.older) == (1, 2, 0)


def test_a_stamp_of_the_future_shuts_nothing_out() -> None:
    """MD-4: one broken clock of a venue must not end its feed."""
    wrong = replace(quoted(1), source_ns=9_999 * SECOND)
    assert judged([wrong, quoted(2), quoted(3)]) == [None, None, None]


def test_ids_are_remembered_up_to_a_bound() -> None:
    """MD-4: a feed runs for days; what a venue repeats is what was newest."""
    repeats = Repeats()
    for number in range(1, TRADES_KEPT + 2):
        assert repeats.take(traded(number, number)) is None
    assert repeats.take(traded(2, 2)) is Stale.REPEATED
    assert repeats.take(traded(1, 1)) is None


@given(st.lists(st.integers(0, 12), max_size=40))
def test_what_is_passed_on_of_bars_is_in_order_and_without_repeats(minutes: list[int]) -> None:
    """MD-4, MD-5: what a strategy would be shown, whatever a feed does; every message is judged."""
    repeats = Repeats()
    passed = [minute for minute in minutes if repeats.take(barred(minute)) is None]
    assert passed == sorted(set(passed))
    counts = repeats.counts
    assert len(passed) + counts.repeated + counts.older == len(minutes)
