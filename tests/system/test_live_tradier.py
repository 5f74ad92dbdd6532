"""The live system at Tradier's wire; the venue's own book is the judge."""

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.doubt import play_an_unheard_of_status
from tests.support.live import agree, at_venue, live, simulator
from tests.support.scenes import (
    Fault,
    harmed_trade,
    killed,
    lost_answers,
    one_trade,
    round_trip,
    run,
    vanishing_traders,
)
from trading.run_options import Mode

REPEATS = 50
VANISHINGS = 50 if os.environ.get("HOLDFAST_SOAK") else 8
ORDERS = "POST /v1/accounts/*/orders"


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, str]]:
    """One simulator for all; each test begins with an empty book."""
    with simulator(venue="tradier") as told:
        yield told


def test_an_order_goes_to_the_venue_and_its_fill_comes_back(
    told: dict[str, str], tmp_path: Path
) -> None:
    """BR-1: entry and exit through HTTP and the account's events; the venue's book is ours."""
    run(one_trade(told, tmp_path))


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
        unheard = [] if is_heard else [("drop_event", {"on": "*", "times": 3})]
        await lost_answers(told, tmp_path, (verb, settings), REPEATS, unheard)

    run(play())


FAULTS: list[Fault] = [
    ("accept_then_drop", {"how": "hang"}),
    ("accept_then_status", {"status": 500}),
    ("delay", {"on": ORDERS, "ms": 100, "when": "before"}),
    ("delay", {"on": ORDERS, "ms": 600, "when": "after"}),
    *(
        ("malformed", {"on": ORDERS, "how": how})
        for how in ("truncated", "html", "nan", "types", "text", "empty", "huge")
    ),
    *(
        ("malformed_event", {"on": "filled", "how": how})
        for how in ("truncated", "nan", "types", "text", "extra")
    ),
    ("refuse", {"status": 503}),
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
    run(harmed_trade(told, tmp_path, (verb, settings)))


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


KILL_FAULTS: list[tuple[str | None, dict[str, Any]]] = [
    (None, {}),
    ("cancel_loses_to_fill", {}),
    ("fill_after_cancel", {}),
    ("cancel_stuck", {"seconds": 1.0}),
    ("refuse", {"on": "DELETE /v1/accounts/*/orders/*"}),
    ("accept_then_drop", {"on": "DELETE /v1/accounts/*/orders/*"}),
    ("drop_request", {"on": "DELETE /v1/accounts/*/orders/*"}),
    ("drop_event", {"on": "canceled"}),
    ("restart", {"seconds": 0.2}),
    ("early_close", {}),
]


@pytest.mark.parametrize(("verb", "settings"), KILL_FAULTS)
def test_a_kill_ends_flat_whatever_becomes_of_the_cancel(
    told: dict[str, str], tmp_path: Path, verb: str | None, settings: dict[str, Any]
) -> None:
    """KC-2: FLATTEN with a working order: the venue itself has neither order nor position."""
    run(killed(told, tmp_path, None if verb is None else (verb, settings)))


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
    run(vanishing_traders(told, tmp_path, VANISHINGS))


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


ALONE = {"reversal"}
"""It has a test of its own above."""
ASKED = {"replace_rejected"}
"""A run changes no orders; tests/brokers/test_tradier_venue.py asks the venue for one."""


def test_every_verb_that_the_venue_knows_is_driven(told: dict[str, str]) -> None:
    """BR-2: a way to misbehave that is added without a test of the adapter fails here."""

    async def play() -> None:
        async with at_venue(told) as where:
            played = {verb for verb, _ in (*FAULTS, *KILL_FAULTS) if verb}
            assert played | ALONE | ASKED == set(await where.get("/admin/verbs"))

    run(play())
