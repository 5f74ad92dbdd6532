"""A strategy that wants the future gets nothing: each trick it may try, tried."""

import gc
from collections.abc import Callable
from types import FunctionType, MethodType, ModuleType
from typing import Any

import pytest

from trading.market import Bar
from trading.strategies import LookAheadError, View
from trading.strategies.harness import (
    ACCOUNT,
    CLOSE_NS,
    INSTRUMENT,
    OPEN_NS,
    SESSION_DATE,
    bar,
    views,
)
from trading.strategies.view import BarsView, ViewBar, ViewBuilder

BARS = 130  # two full chunks and a rest
NOW = 99
SECRET = 66_666.0  # the price of every bar after NOW


def closes() -> list[float]:
    return [100.0] * (NOW + 1) + [SECRET] * (BARS - NOW - 1)


def view_and_builder() -> tuple[View, ViewBuilder]:
    """A view in the middle of a session whose later bars are added after it was made."""
    builder = ViewBuilder(INSTRUMENT, [("ema", 3)])
    builder.open_session(SESSION_DATE, OPEN_NS, CLOSE_NS)
    seen: View | None = None
    for minute, close in enumerate(closes()):
        added = bar(minute, close)
        builder.add(added)
        if minute == NOW:
            seen = builder.view(added.at_ns, position=None, account=ACCOUNT)
    assert seen is not None
    return seen, builder


@pytest.mark.parametrize(
    "ask",
    [
        lambda bars: bars[NOW + 1],
        lambda bars: bars[len(bars)],
        lambda bars: bars[10_000],
        lambda bars: bars[-NOW - 2],
        lambda bars: bars[: NOW + 2],
        lambda bars: bars[NOW + 2 :],
        lambda bars: bars[-NOW - 2 :],
        lambda bars: bars[::-1][NOW + 1 :] or bars[NOW + 1],
    ],
    ids=["next", "length", "far", "before", "slice to next", "slice far", "slice before", "back"],
)
def test_a_bar_beyond_now_is_refused(ask: Callable[[BarsView], object]) -> None:
    """SG-3: no future bars; asking for one is a fault of the strategy, not an empty answer."""
    seen, _ = view_and_builder()
    with pytest.raises(LookAheadError, match="100 bars are complete at this instant"):
        ask(seen.bars)


def test_a_view_that_is_kept_stays_at_its_instant() -> None:
    """SG-3: holding a view and reading it later shows the same bars."""
    seen, builder = view_and_builder()
    assert builder.bars == BARS
    assert len(seen.bars) == NOW + 1
    assert seen.bar.end_ns == seen.now_ns
    assert [one.close for one in seen.bars] == [100.0] * (NOW + 1)
    assert [one.close for one in reversed(seen.bars)] == [100.0] * (NOW + 1)
    assert seen.indicators["ema_3"] == pytest.approx(100.0)


def test_nothing_that_a_view_refers_to_leads_to_a_later_bar() -> None:
    """SG-1: attributes, slots, closures, containers are followed to the end; no feed is there."""
    seen, builder = view_and_builder()
    reached = reachable(seen)
    assert not [thing for thing in reached if isinstance(thing, ViewBuilder | Bar)]
    late = [one for one in reached if isinstance(one, ViewBar) and one.end_ns > seen.now_ns]
    assert late == []
    assert round(SECRET * 100_000_000) not in [one for one in reached if isinstance(one, int)]
    assert builder.bars == BARS  # it was alive all the while, and not reached


def reachable(start: object) -> list[Any]:
    """Everything the collector can follow from an object, short of types and modules."""
    found: dict[int, Any] = {}
    waiting: list[Any] = [start]
    while waiting:
        thing = waiting.pop()
        if id(thing) in found or isinstance(thing, type | ModuleType):
            continue
        found[id(thing)] = thing
        if not isinstance(thing, FunctionType | MethodType):
            waiting += gc.get_referents(thing)
    return list(found.values())


def test_the_search_finds_what_is_hidden_in_an_attribute() -> None:
    """The search above is worth something: a view with a feed behind it is found out."""
    seen, builder = view_and_builder()

    class Leaky:
        __slots__ = ("feed", "view")

        def __init__(self) -> None:
            self.view = seen
            self.feed = {"hidden": [builder]}

    assert builder in reachable(Leaky())


@pytest.mark.parametrize(
    "change",
    [
        lambda view: setattr(view, "now_ns", CLOSE_NS),
        lambda view: object.__setattr__(view, "now_ns", CLOSE_NS),
        lambda view: setattr(view.bar, "close_1e8", 1),
        lambda view: object.__setattr__(view.bar, "close_1e8", 1),
        lambda view: setattr(view.bars, "_tail", ()),
        lambda view: setattr(view.indicators, "_values", ()),
        lambda view: setattr(view.session, "entries", 0),
        lambda view: setattr(view, "anything", 1),
        lambda view: view.bars.__setitem__(0, view.bar),
        lambda view: view.bars.append(view.bar),
    ],
)
def test_a_view_cannot_be_changed(change: Callable[[Any], object]) -> None:
    """SG-1: the view is read-only, also for one who means harm to another strategy's bars."""
    seen, _ = view_and_builder()
    with pytest.raises((AttributeError, TypeError)):
        change(seen)
    assert seen.bar.close == 100.0


def test_forcing_a_view_open_breaks_only_that_view() -> None:
    """SG-1: what is forged into one view is in no other, and brings no bar to light."""
    seen, builder = view_and_builder()
    object.__setattr__(seen.bars, "_tail", seen.bars[:1] * 60)
    assert {one.close for one in seen.bars} == {100.0}
    after = builder.view(CLOSE_NS, position=None, account=ACCOUNT)
    assert len(after.bars) == BARS


def test_a_feed_that_runs_ahead_of_its_clock_is_caught() -> None:
    """SG-3, MD-5: a bar that has not ended cannot be part of a view."""
    builder = ViewBuilder(INSTRUMENT)
    builder.open_session(SESSION_DATE, OPEN_NS, CLOSE_NS)
    added = bar(0, 100.0)
    builder.add(added)
    with pytest.raises(LookAheadError, match="after the instant"):
        builder.view(added.at_ns - 1, position=None, account=ACCOUNT)
    assert len(builder.view(added.at_ns, position=None, account=ACCOUNT).bars) == 1


def test_a_new_session_starts_without_bars() -> None:
    """SG-3: everything counts from the session's open."""
    builder = ViewBuilder(INSTRUMENT)
    builder.open_session(SESSION_DATE, OPEN_NS, CLOSE_NS)
    builder.add(bar(0, 100.0))
    builder.open_session(SESSION_DATE + 1, OPEN_NS + 86_400 * 10**9, CLOSE_NS + 86_400 * 10**9)
    assert builder.bars == 0


def test_an_indicator_that_was_not_declared_is_named() -> None:
    """SG-1: a clear error instead of a silent None."""
    seen = views([100.0], indicators=[("ema", 3)])[0]
    assert seen.indicators["ema_3"] is None
    with pytest.raises(KeyError, match="vwap is not among the declared indicators: ema_3"):
        _ = seen.indicators["vwap"]
