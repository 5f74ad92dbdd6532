"""The live system against a venue that misbehaves; the venue's own book is the judge."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actors.operator_words import KillLevel
from brokers.alpaca.reports import Heard
from brokers.alpaca.venue import AlpacaVenue
from tests.support.doubt import play_an_unheard_of_status
from tests.support.live import agree, at_venue, live, simulator
from tests.support.scenes import (
    Fault,
    harmed_trade,
    is_flat_there,
    killed,
    lost_answers,
    one_trade,
    resting,
    round_trip,
    run,
    vanishing_traders,
)
from trading.run_options import Mode

REPEATS = 50


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, str]]:
    """One simulator for all; each test begins with an empty book."""
    with simulator() as told:
        yield told


def test_an_order_goes_to_the_venue_and_its_fill_comes_back(
    told: dict[str, str], tmp_path: Path
) -> None:
    """BR-1: entry and exit through HTTP and the order stream; the venue's book is ours."""
    run(one_trade(told, tmp_path))


@pytest.mark.parametrize("is_heard", [True, False], ids=["stream", "no-stream"])
@pytest.mark.parametrize(
    ("verb", "settings"),
    [
        ("accept_then_drop", {"how": "close"}),
        ("accept_then_drop", {"how": "reset"}),
        ("accept_then_status", {"status": 504}),
    ],
    ids=["answer-lost", "reset-after-booking", "504-after-booking"],
)
def test_an_order_whose_answer_is_lost_is_one_order(
    told: dict[str, str], tmp_path: Path, verb: str, settings: dict[str, Any], *, is_heard: bool
) -> None:
    """EX-6: fifty times booked and never answered: never repeated, adopted as the venue has it.

    With the order stream its events tell; without them it is UNKNOWN until it was looked up.
    """

    async def play() -> None:
        unheard = (
            [] if is_heard else [("drop_event", {"on": "new"}), ("drop_event", {"on": "fill"})]
        )
        unknown = await lost_answers(told, tmp_path, (verb, settings), REPEATS, unheard)
        assert len(unknown) == REPEATS or is_heard

    run(play())


FAULTS: list[Fault] = [
    ("accept_then_drop", {"how": "hang"}),
    ("accept_then_status", {"status": 500}),
    ("delay", {"on": "POST /v2/orders", "ms": 100, "when": "before"}),
    ("delay", {"on": "POST /v2/orders", "ms": 600, "when": "after"}),
    *(
        ("malformed", {"on": "POST /v2/orders", "how": how})
        for how in ("truncated", "html", "nan", "types", "text", "empty", "huge", "extra")
    ),
    *(
        ("malformed_event", {"on": "fill", "how": how})
        for how in ("truncated", "nan", "types", "text", "extra")
    ),
    *(
        ("odd_status", {"status": status, "seconds": 0.5})
        for status in (
            *("stopped", "suspended", "calculated", "done_for_day", "accepted_for_bidding"),
            *("error", "unheard_of"),
        )
    ),
    ("refuse", {"status": 503}),
    ("refuse", {"status": 500}),
    ("restart", {"seconds": 0.3}),
    ("malformed", {"on": "GET /v2/orders*", "how": "nan", "times": 3}),
    ("event_before_response", {}),
    ("drop_event", {"on": "new"}),
    ("repeat_event", {"on": "fill", "copies": 2}),
    ("reorder_events", {"on": "new"}),
    ("delay_event", {"on": "fill", "ms": 100}),
    ("cut_stream", {}),
    ("mute_stream", {"seconds": 0.3}),
    ("auth_revoked", {"seconds": 0.3}),
    ("rate_limit_window", {"seconds": 0.3}),
    ("drop_request", {}),
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


def test_no_entry_leaves_while_a_heartbeat_is_not_acknowledged(
    told: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KC-10: the adapter beats where the capabilities ask for it; exits and cancels pass."""
    problem = "not yet"
    born = AlpacaVenue.__init__

    def beating(self: AlpacaVenue, *args: Any, **settings: Any) -> None:
        born(self, *args, **settings)
        self.capabilities = replace(
            self.capabilities, heartbeat_every_ns=20_000_000, heartbeat_lapse_ns=60_000_000_000
        )

    async def beat(_: AlpacaVenue) -> str:
        return problem

    monkeypatch.setattr(AlpacaVenue, "__init__", beating)
    monkeypatch.setattr(AlpacaVenue, "beat", beat, raising=False)

    async def play() -> None:
        nonlocal problem
        async with at_venue(told) as where, live(where, tmp_path) as desk:
            await desk.ready()
            held = await desk.enter()
            await desk.until(lambda: desk.state(held) == "NOT_SENT", "a refused release")
            system = desk.trader.system
            gate, breakers = system.gate, system.wiring.breakers
            assert gate.refuses(False) is None  # noqa: FBT003 - the gate's own signature
            (shown,) = [each for each in breakers.states() if each["name"] == "heartbeat"]
            assert (shown["state"], "not acknowledged" in shown["cause"]) == ("OPEN", True)
            problem = ""
            await desk.until(lambda: gate.refuses(True) is None, "an open gate")  # noqa: FBT003
            assert not breakers.is_any_shut()
            await round_trip(desk)
            await agree(desk, where)

    run(play())


KILL_FAULTS: list[tuple[str | None, dict[str, Any]]] = [
    (None, {}),
    ("cancel_loses_to_fill", {}),
    ("fill_after_cancel", {}),
    ("cancel_stuck", {"seconds": 1.0}),
    ("refuse", {"on": "DELETE /v2/orders/*"}),
    ("accept_then_drop", {"on": "DELETE /v2/orders/*"}),
    ("drop_request", {"on": "DELETE /v2/orders/*"}),
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


def test_an_order_that_the_venue_rejects_after_all_leaves_nothing(
    told: dict[str, str], tmp_path: Path
) -> None:
    """EX-11: accepted, then rejected: REJECTED here, with the venue's word."""

    async def play() -> None:
        async with at_venue(told) as where, live(where, tmp_path) as desk:
            await desk.ready()
            await where.fault("reject_after_accept")
            order = await desk.enter()
            await desk.until(lambda: desk.state(order) == "REJECTED", "a rejection")
            await desk.until(lambda: desk.is_flat, "a flat account")
            await agree(desk, where)

    run(play())


@pytest.mark.parametrize("heard", ["by name", "without a name", "never"])
def test_a_fill_that_the_venue_takes_back_is_taken_back_here(
    told: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: str
) -> None:
    """EX-7, ST-4: a trade bust after the fill reverses it in our books, by an entry of its own.

    Where nobody heard of it, or its name means nothing any more, as after a restart, the venue's
    position and its list of executions tell.
    """
    if heard == "without a name":
        monkeypatch.setattr(Heard, "take_back", lambda *_: None)

    async def play() -> None:
        async with at_venue(told) as where, live(where, tmp_path) as desk:
            await desk.ready()
            await where.fault("reversal", seconds=0.2)
            if heard == "never":
                await where.fault("drop_event", on="trade_bust")
            await desk.enter()
            if heard == "never":
                await where.until_reversed()
                desk.reconcile()
            await desk.until(lambda: bool(desk.payloads("FillReversed")), "a reversal")
            await desk.until(lambda: desk.is_flat, "a flat account")
            await agree(desk, where)

    run(play())


@pytest.mark.parametrize("is_listed_first", [True, False], ids=["list", "stream"])
def test_a_bust_takes_back_what_was_booked_under_another_name(
    told: dict[str, str], tmp_path: Path, *, is_listed_first: bool
) -> None:
    """EX-7, ST-4: the venue's list calls a fill otherwise than its stream and its bust do.

    Where our books have the list's name, the bust names nothing that we heard of; everything is
    compared, and what the list has no more is what was taken back.
    """

    async def play() -> None:
        async with (
            at_venue(told, has_own_fill_names=True) as where,
            live(where, tmp_path) as desk,
        ):
            await desk.ready()
            await where.fault("reversal", seconds=6)
            if is_listed_first:
                await where.fault("drop_event", on="fill")
            entry = await desk.enter()
            await where.until_booked(entry)
            if is_listed_first:
                await where.fault("cut_stream")  # what was missed is fetched from the list
            await desk.until(lambda: bool(desk.payloads("OrderFilled")), "a fill")
            (fill,) = desk.payloads("OrderFilled")
            (execution,) = (await where.truth())["executions"]
            is_name_of_bust = fill["execution_id"].endswith(execution["id"])
            assert is_name_of_bust is not is_listed_first
            await desk.until(lambda: bool(desk.payloads("FillReversed")), "a reversal")
            await desk.until(lambda: desk.is_flat, "a flat account")
            await agree(desk, where)
            assert len(desk.payloads("OrderFilled")) == len(desk.payloads("FillReversed")) == 1

    run(play())


@pytest.mark.parametrize("verb", ["accept_then_drop", None], ids=["in-flight", "working"])
def test_a_trader_that_vanishes_finds_its_orders_again(
    told: dict[str, str], tmp_path: Path, verb: str | None
) -> None:
    """ST-1, ST-2: gone in the middle of an order; the next process adopts it and goes on."""

    async def play() -> None:
        async with at_venue(told) as where:
            async with live(where, tmp_path) as desk:
                await desk.ready()
                if verb is not None:
                    await where.fault(verb, how="hang")
                    await where.fault("mute_stream", seconds=0.5)
                    order = await desk.enter()
                    await where.until_booked(order)
                else:
                    order = await resting(desk)
            async with live(where, tmp_path, recover=True) as desk:
                await desk.ready()
                await desk.until(lambda: desk.state(order) != "PENDING", "word of the order")
                desk.kill(KillLevel.FLATTEN)
                await desk.until(lambda: bool(desk.payloads("KillFinished")), "the end of the kill")
                await desk.until(lambda: desk.is_flat, "a flat account")
                truth = await where.truth()
                assert truth["orders_by_client_id"][order] == 1
                assert truth["open_orders"] == 0
                assert is_flat_there(truth)

    run(play())


@pytest.mark.timeout(180)
def test_every_trader_that_vanishes_behind_the_booking_is_one_order(
    told: dict[str, str], tmp_path: Path
) -> None:
    """ST-1, EX-6: booked, not answered, not journaled, gone: again and again, one order each."""
    run(vanishing_traders(told, tmp_path, REPEATS))


@pytest.mark.parametrize("mode", [Mode.PAPER, Mode.DRY_RUN])
def test_on_a_venues_live_market_nothing_is_sent_but_in_live(
    told: dict[str, str], tmp_path: Path, mode: Mode
) -> None:
    """BR-3: the venue's prices, the paper venue's fills; over a restart too, and not one order."""

    async def play() -> None:
        async with at_venue(told) as where:
            async with live(where, tmp_path, mode=mode) as desk:
                await desk.ready()
                await round_trip(desk)
                prepared = len(desk.payloads("OrderPrepared"))
                assert prepared == (len(desk.intents) if mode is Mode.DRY_RUN else 0)
            async with live(where, tmp_path, mode=mode, recover=True) as desk:
                await desk.ready()
                entry = await desk.enter(setup_instance="again")
                await desk.until(lambda: desk.state(entry) == "FILLED", "a fill")
            assert (await where.truth())["orders"] == []
            audit = (await where.get("/admin/audit"))["requests"]
            assert {entry["method"] for entry in audit} <= {"GET"}

    run(play())


ALONE = {"reject_after_accept", "reversal"}
"""Each has a test of its own above."""
ASKED = {"replace_rejected"}
"""A run changes no orders; tests/brokers/test_alpaca_venue.py asks the venue for one."""


def test_every_verb_that_the_venue_knows_is_driven(told: dict[str, str]) -> None:
    """BR-2: a way to misbehave that is added without a test of the adapter fails here."""

    async def play() -> None:
        async with at_venue(told) as where:
            played = {verb for verb, _ in (*FAULTS, *KILL_FAULTS) if verb}
            assert played | ALONE | ASKED == set(await where.get("/admin/verbs"))

    run(play())
