"""The judge of a crash round: each way in which two books can differ is seen, and named."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from research.crash.books import venue_book
from research.crash.judge import Findings, OurBook, VenueBook, compare, compare_trades
from research.crash.live import venue as started_venue
from research.crash.process import RoundFailedError

ONE = 100_000_000
OURS = OurBook(
    intended=frozenset({"a", "b", "c"}),
    sent=frozenset({"a", "b"}),
    unsent=frozenset({"c"}),
    in_doubt={},
    open=frozenset({"b"}),
    fills=Counter({("a", ONE, 5 * ONE): 1}),
    held={"SPY": ONE},
    lines=((1, b"x"), (2, b"y")),
    kinds={},
)
VENUE = VenueBook(
    orders={"a": 1, "b": 1},
    writes={"a": 1, "b": 1},
    open=frozenset({"b"}),
    fills=Counter({("a", ONE, 5 * ONE): 1}),
    held={"SPY": ONE},
)


def judged(ours: OurBook = OURS, venue: VenueBook = VENUE) -> tuple[int, int, int]:
    """How many orphans, duplicates and lost events are found."""
    found = compare(ours, venue, before=replace(OURS, lines=((1, b"x"),)))
    return len(found.orphans), len(found.duplicates), len(found.lost)


def test_equal_books_are_clean() -> None:
    """ST-3: nothing differs, nothing is found."""
    assert judged() == (0, 0, 0)
    assert not Findings()


@pytest.mark.parametrize(
    "venue",
    [
        replace(VENUE, orders={"a": 1, "b": 1, "foreign": 1}),
        replace(VENUE, nameless=1),
        replace(VENUE, orders={"a": 1, "b": 1, "c": 1}),
        replace(VENUE, open=frozenset({"a", "b"})),
        replace(VENUE, held={}),
        replace(VENUE, held={"SPY": ONE, "QQQ": -ONE}),
    ],
    ids=["nobody-intended", "no-id", "not-sent", "over-here", "held-here", "held-there"],
)
def test_what_the_venue_has_beyond_our_books_is_an_orphan(venue: VenueBook) -> None:
    """ST-1: an order or position at the venue that our books do not have."""
    assert judged(venue=venue) == (1, 0, 0)


@pytest.mark.parametrize(
    "venue",
    [
        replace(VENUE, orders={"a": 2, "b": 1}),
        replace(VENUE, writes={"a": 1, "b": 2}),
        replace(VENUE, fills=Counter()),
    ],
    ids=["booked-twice", "written-twice", "fill-made-up"],
)
def test_what_is_there_twice_is_a_duplicate(venue: VenueBook) -> None:
    """EX-4, EX-5: one intent is one order, one execution is one fill."""
    assert judged(venue=venue) == (0, 1, 0)


@pytest.mark.parametrize(
    ("ours", "venue"),
    [
        (OURS, replace(VENUE, fills=VENUE.fills + VENUE.fills)),
        (OURS, replace(VENUE, orders={"a": 1}, writes={"a": 1})),
        (OURS, replace(VENUE, open=frozenset())),
        (replace(OURS, intended=OURS.intended | {"d"}, in_doubt={"d": "PENDING"}), VENUE),
        (replace(OURS, lines=((1, b"z"), (2, b"y"))), VENUE),
        (replace(OURS, lines=()), VENUE),
    ],
    ids=["fill", "order", "end", "in-doubt", "changed", "gone"],
)
def test_what_our_books_do_not_have_is_lost(ours: OurBook, venue: VenueBook) -> None:
    """ST-1: executions, ends of orders and journal rows that were there."""
    assert judged(ours, venue) == (0, 0, 1)


def test_trades_of_a_recovered_replay_are_counted() -> None:
    """ST-2: one that is missing is lost, one too many is a duplicate."""
    found = compare_trades(["t1", "t3", "t3"], ["t1", "t2", "t3"])
    assert (len(found.orphans), len(found.duplicates), len(found.lost)) == (0, 1, 1)
    assert not compare_trades(["t1"], ["t1"])


def test_a_simulators_truth_is_read_as_a_book() -> None:
    """ST-1: open orders, executions that stand, positions that are not flat, one count a write."""
    order = {"id": "v1", "client_order_id": "a", "status": "filled"}
    execution = {"order_id": "v1", "qty": "1", "price": "5", "is_reversed": False}
    truth = {
        "orders": [order, {"id": "v2", "client_order_id": "b", "status": "new"}],
        "orders_by_client_id": {"a": 1, "b": 1},
        "orders_without_client_id": 0,
        "executions": [execution, {**execution, "is_reversed": True}],
        "positions": {"SPY": {"qty": "1"}, "QQQ": {"qty": "0"}},
    }
    requests: list[dict[str, Any]] = [
        {"method": "POST", "path": "/v2/orders", "client_order_id": each} for each in ("a", "b")
    ]
    requests.append({"method": "DELETE", "path": "/v2/orders/v2", "client_order_id": None})
    assert venue_book(truth, requests) == VENUE


def test_a_venue_that_ends_before_it_listens_is_noticed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A round never waits for a process that is gone; the words say what happened."""
    monkeypatch.setattr("research.crash.live._VENUE", ("venue", "alpaca", "--no-such-option"))

    async def play() -> None:
        async with asyncio.timeout(60), started_venue(7):
            raise AssertionError("there is no venue")

    with pytest.raises(RoundFailedError, match="ended before it said where it listens"):
        asyncio.run(play())
