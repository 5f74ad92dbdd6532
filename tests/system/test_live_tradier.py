"""The live system at Tradier's wire; the venue's own book is the judge."""

import asyncio
import os
from collections.abc import Coroutine, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.operator_words import KillLevel
from tests.support.doubt import play_an_unheard_of_status
from tests.support.live import SYMBOL, Live, Venue, agree, at_venue, live, simulator
from trading.run_options import Mode

REPEATS = 50
VANISHINGS = 50 if os.environ.get("HOLDFAST_SOAK") else 8
ENDS = ("FILLED", "REJECTED", "NOT_SENT", "CANCELLED")
ORDERS = "POST /v1/accounts/*/orders"


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, str]]:
    """One simulator for all; each test begins with an empty book."""
    with simulator(venue="tradier") as told:
        yield told


def run(play: Coroutine[Any, Any, None]) -> None:
    """To its end."""
    asyncio.run(play)


async def round_trip(desk: Live) -> None:
    """Enter at market, hear of the fill, leave again."""
    desk.trader.system.wiring.breakers.reset("the test")
    entry = await desk.enter()
    await desk.until(lambda: desk.state(entry) == "FILLED", "a filled entry")
    desk.leave()
    await desk.until(lambda: desk.is_flat, "a flat account")


def test_an_order_goes_to_the_venue_and_its_fill_comes_back(
    told: dict[str, str], tmp_path: Path
) -> None:
    """BR-1: entry and exit through HTTP and the account's events; the venue's book is ours."""

    async def play() -> None:
        async with at_venue(told) as where, live(where, tmp_path) as desk:
            await desk.ready()
            await round_trip(desk)
            await agree(desk, where)
            assert len(desk.payloads("TradeClosed")) == 1

    run(play())


@pytest.mark.parametrize("is_heard", [True, False], ids=["stream", "no-stream"])
@pytest.mark.parametrize(
    ("verb", "settings"),
    [
        ("accept_then_drop", {"how": "close"}),
        ("accept_then_drop", {"how": "reset"}),
        ("accept_then_status", {"status": 502}),
        ("accept_then_status", {"status": 200}),
    ],
    ids=["answer-lost", "reset-after-booking", "502-after-booking", "errors-after-booking"],
)
def test_an_order_whose_answer_is_lost_is_one_order(
    told: dict[str, str], tmp_path: Path, verb: str, settings: dict[str, Any], *, is_heard: bool
) -> None:
    """EX-6: fifty times booked and never answered: never repeated, found by its tag."""

    async def play() -> None:
        async with at_venue(told) as where, live(where, tmp_path) as desk:
            await desk.ready()
            for _ in range(REPEATS):
                await where.fault(verb, **settings)
                if not is_heard:
                    await where.fault("drop_event", on="*", times=3)
                await round_trip(desk)
                await where.clear()
            await agree(desk, where)
            assert len(desk.payloads("TradeClosed")) == REPEATS

    run(play())


FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("accept_then_drop", {"how": "hang"}),
    ("accept_then_status", {"status": 500}),
    ("delay", {"on": ORDERS, "ms": 100, "when": "before"}),
    ("delay", {"on": ORDERS, "ms": 600, "when": "after"}),
    *(
        ("malformed", {"on": ORDERS, "how": how})
        for how in ("truncated", "html", "nan", "types", "text", "empty", "huge")
    ),
    ("malformed", {"on": "GET /v1/accounts/*/orders", "how": "nan", "times": 3}),
    ("event_before_response", {}),
    ("drop_event", {"on": "open"}),
    ("repeat_event", {"on": "filled", "copies": 2}),
    ("reorder_events", {"on": "open"}),
    ("delay_event", {"on": "filled", "ms": 100}),
    ("cut_stream", {}),
    ("mute_stream", {"seconds": 0.3}),
    ("auth_revoked", {"seconds": 0.3}),
    ("rate_limit_window", {"seconds": 0.3}),
    ("drop_request", {}),
    ("odd_status", {"status": "accepted_for_bidding", "seconds": 0.3}),
    ("odd_status", {"status": "error", "seconds": 0.3}),
    ("odd_status", {"status": "error", "seconds": 3}),
    ("reject_after_accept", {}),
]


@pytest.mark.parametrize(
    ("verb", "settings"), FAULTS, ids=[f"{verb}-{list(how.values())}" for verb, how in FAULTS]
)
def test_whatever_the_venue_does_the_books_agree(
    told: dict[str, str], tmp_path: Path, verb: str, settings: dict[str, Any]
) -> None:
    """BR-2: each fault in the middle of a trade; one order an intent, the same fills, flat."""

    async def play() -> None:
        async with at_venue(told) as where, live(where, tmp_path) as desk:
            await desk.ready()
            await where.fault(verb, **settings)
            entry = await desk.enter()
            await desk.until(lambda: desk.state(entry) in ENDS, "an end of the entry")
            await where.clear()
            if (await where.until_at_rest())["executions"]:
                await desk.until(lambda: desk.state(entry) == "FILLED", "the fill")
                desk.leave()
                await desk.until(lambda: bool(desk.payloads("TradeClosed")), "the trade's end")
            await desk.until(lambda: desk.is_flat, "a flat account")
            await agree(desk, where)

    run(play())


def test_a_status_that_nobody_knows_blocks_its_instrument_and_is_told(
    told: dict[str, str], tmp_path: Path
) -> None:
    """EX-1, EX-6: UNKNOWN until the venue says a word that we know; no entry beside it."""

    async def play() -> None:
        async with at_venue(told) as where, live(where, tmp_path) as desk:
            await desk.ready()
            await play_an_unheard_of_status(desk, where)
            await agree(desk, where)

    run(play())


async def resting(desk: Live) -> str:
    """A limit order that nobody fills: one and a half per cent below the market."""
    price_1e8 = desk.trader.system.telemetry.prices_1e8[SYMBOL]
    cents = price_1e8 * 985 // 1000 // 1_000_000
    order = await desk.enter(order_type="LIMIT", limit_1e8=cents * 1_000_000)
    await desk.until(lambda: desk.state(order) == "WORKING", "a working order")
    return order


@pytest.mark.parametrize(
    ("verb", "settings"),
    [
        (None, {}),
        ("cancel_loses_to_fill", {}),
        ("fill_after_cancel", {}),
        ("refuse", {"on": "DELETE /v1/accounts/*/orders/*"}),
        ("accept_then_drop", {"on": "DELETE /v1/accounts/*/orders/*"}),
        ("drop_request", {"on": "DELETE /v1/accounts/*/orders/*"}),
        ("drop_event", {"on": "canceled"}),
        ("restart", {"seconds": 0.2}),
    ],
)
def test_a_kill_ends_flat_whatever_becomes_of_the_cancel(
    told: dict[str, str], tmp_path: Path, verb: str | None, settings: dict[str, Any]
) -> None:
    """KC-2: FLATTEN with a working order: the venue itself has neither order nor position."""

    async def play() -> None:
        async with at_venue(told) as where, live(where, tmp_path) as desk:
            await desk.ready()
            await resting(desk)
            if verb is not None:
                await where.fault(verb, **settings)
            desk.kill(KillLevel.FLATTEN)
            await desk.until(lambda: bool(desk.payloads("KillFinished")), "the end of the kill")
            truth = await where.truth()
            assert truth["open_orders"] == 0
            assert is_flat_there(truth)
            await agree(desk, where)

    run(play())


def is_flat_there(truth: dict[str, Any]) -> bool:
    """The venue holds nothing."""
    return not any(Decimal(each["qty"]) for each in truth["positions"].values())


@pytest.mark.parametrize("is_heard", [True, False], ids=["heard", "never"])
def test_a_fill_that_the_venue_takes_back_is_taken_back_here(
    told: dict[str, str], tmp_path: Path, *, is_heard: bool
) -> None:
    """EX-7, ST-4: no execution has a name here: a total that went back, and the position, tell."""

    async def play() -> None:
        async with at_venue(told) as where, live(where, tmp_path) as desk:
            await desk.ready()
            await where.fault("reversal", seconds=0.2)
            entry = await desk.enter()
            await desk.until(lambda: desk.state(entry) == "FILLED", "a fill")
            if not is_heard:
                await where.fault("mute_stream", seconds=1)
            await where.until_reversed()
            if not is_heard:
                desk.reconcile()
            await desk.until(lambda: bool(desk.payloads("FillReversed")), "a reversal")
            await desk.until(lambda: desk.is_flat, "a flat account")
            await agree(desk, where)

    run(play())


def test_every_trader_that_vanishes_behind_the_booking_is_one_order(
    told: dict[str, str], tmp_path: Path
) -> None:
    """ST-1, EX-6: booked, not answered, not journaled, gone: again and again, one order each."""

    async def play() -> None:
        async with at_venue(told) as where:
            for number in range(VANISHINGS):
                async with live(where, tmp_path, recover=number > 0) as desk:
                    await desk.ready()
                    await where.fault("accept_then_drop", how="hang")
                    await where.fault("mute_stream", seconds=0.2)
                    order = await desk.enter(setup_instance=f"v{number}")
                    await where.until_booked(order)
                async with live(where, tmp_path, recover=True) as desk:
                    await desk.ready()
                    await adopted_and_left(desk, where, order)
            truth = await where.truth()
            assert set(truth["orders_by_client_id"].values()) == {1}
            assert len(truth["orders_by_client_id"]) == 2 * VANISHINGS
            assert is_flat_there(truth)

    run(play())


async def adopted_and_left(desk: Live, where: Venue, order: str) -> None:
    """The venue's word arrives, and what was bought is sold."""
    await desk.until(lambda: desk.state(order) == "FILLED", "word of the order")
    desk.leave()
    await desk.until(lambda: desk.is_flat, "a flat account")
    assert (await where.truth())["orders_by_client_id"][order] == 1


@pytest.mark.parametrize("mode", [Mode.PAPER, Mode.DRY_RUN])
def test_on_a_venues_live_market_nothing_is_booked_but_in_live(
    told: dict[str, str], tmp_path: Path, mode: Mode
) -> None:
    """BR-3: the venue's prices, the paper venue's fills, and not one order."""

    async def play() -> None:
        async with at_venue(told) as where:
            async with live(where, tmp_path, mode=mode) as desk:
                await desk.ready()
                await round_trip(desk)
                prepared = len(desk.payloads("OrderPrepared"))
                assert prepared == (len(desk.intents) if mode is Mode.DRY_RUN else 0)
                await desk.until(
                    lambda: len(desk.payloads("OrderPreviewed")) == prepared, "answers"
                )
                asked = {each["client_order_id"]: each for each in desk.payloads("OrderPreviewed")}
                for order in desk.payloads("OrderPrepared"):
                    answer = asked[order["client_order_id"]]
                    if "side=buy" in order["body"]:
                        assert answer["is_ok"], answer
                        assert Decimal(answer["figures"]["order_cost"]) > 0
                    else:  # there are no shares at the venue to sell
                        assert "HTTP" in answer["text"], answer
            assert (await where.truth())["orders"] == []

    run(play())
