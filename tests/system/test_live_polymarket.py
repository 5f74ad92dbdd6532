"""The live system at Polymarket's wire; the venue's own book is the judge."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from actors.operator_words import KillLevel
from brokers.venues import Wanted
from tests.support.doubt import play_an_unheard_of_status
from tests.support.live import LIMIT_S, Live, Venue, live, simulator
from tests.support.polymarket import FAST, agree, at_polymarket, config, outcome, ready
from tests.support.scenes import ENDS, Fault, adopted_and_left, round_trip, run
from trading.run_options import Mode

REPEATS = 50
VANISHINGS = 50 if os.environ.get("HOLDFAST_SOAK") else 4
ONE = 100_000_000
CENT = 1_000_000
QTY = 20


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, str]]:
    """One simulator for all; each test begins with an empty book."""
    with simulator(venue="polymarket") as told:
        yield told


TAKES: dict[str, Any] = {
    "qty": QTY, "order_type": "LIMIT", "tif": "IOC", "limit_1e8": 60 * CENT
}  # fmt: skip
RESTS: dict[str, Any] = {
    "qty": QTY, "order_type": "LIMIT", "tif": "GTC", "limit_1e8": 30 * CENT
}  # fmt: skip


@asynccontextmanager
async def trading(
    told: dict[str, str],
    data_dir: Path,
    *,
    recover: bool = False,
    mode: Mode = Mode.LIVE,
    settlement: Mapping[str, float] = FAST,
) -> AsyncIterator[tuple[Venue, Live]]:
    """A live trader of one outcome; the venue's book is emptied unless it is gone on with."""
    async with at_polymarket(told, is_new=not recover) as where:
        await where.post("/admin/settlement", settlement)
        token_id = await outcome(where)
        chosen = config(token_id)
        async with live(
            where, data_dir, config=chosen, symbol=token_id, recover=recover, mode=mode
        ) as desk:
            await ready(desk)
            yield where, desk


def test_an_order_goes_to_the_venue_and_its_fill_comes_back(
    told: dict[str, str], tmp_path: Path
) -> None:
    """BR-1, EX-7: bought at once, sold when it is settled; the venue's book is ours."""

    async def play() -> None:
        as_ever = {"mined_s": 1, "confirmed_s": 2}
        async with trading(told, tmp_path, settlement=as_ever) as (where, desk):
            await round_trip(desk, **TAKES)
            await agree(desk, where)
            assert len(desk.payloads("TradeClosed")) == 1
            first = desk.payloads("OrderFilled")[0]
            assert first["settlement"] == "PROVISIONAL"
            assert desk.payloads("FillSettled")

    run(play())


@pytest.mark.parametrize("mode", [Mode.PAPER, Mode.DRY_RUN])
def test_on_the_venues_market_nothing_is_booked_but_in_live(
    told: dict[str, str], tmp_path: Path, mode: Mode
) -> None:
    """BR-3, BR-4: in DRY_RUN the whole signed request is journaled with the book, without keys."""

    async def play() -> None:
        async with trading(told, tmp_path, mode=mode) as (where, desk):
            connection = desk.trader.connection
            probe = connection.probe()
            wanted = Wanted(symbol=desk.symbol, lot_1e8=ONE)
            assert all(each.is_ok for each in await probe.checks([wanted]))
            await probe.close()
            await round_trip(desk, **TAKES)
            await desk.until(lambda: bool(desk.payloads("TradeClosed")), "a closed trade")
            prepared = desk.payloads("OrderPrepared")
            assert len(prepared) == (len(desk.intents) if mode is Mode.DRY_RUN else 0)
            for logged in prepared:
                body = orjson.loads(logged["body"])
                assert (logged["method"], logged["path"]) == ("POST", "/order")
                assert body["order"]["tokenId"] == desk.symbol
                assert len(body["order"]["signature"]) == 132
                assert body["owner"] == ""
                assert logged["book"]["Quote"]["instrument"] == desk.symbol
            truth = await where.truth()
            assert (truth["orders"], truth["trades"]) == ([], [])

    run(play())


FAULTS: list[Fault] = [
    ("accept_then_drop", {"how": "hang"}),
    ("accept_then_drop", {"how": "reset"}),
    ("accept_then_status", {"status": 500}),
    ("delay", {"on": "POST /order*", "ms": 600, "when": "after"}),
    ("malformed", {"on": "POST /order*", "how": "html"}),
    ("malformed", {"on": "GET /data/*", "how": "nan", "times": 3}),
    ("event_before_response", {}),
    ("drop_event", {"on": "*", "times": 4}),
    ("repeat_event", {"on": "*", "copies": 2}),
    ("reorder_events", {"on": "*"}),
    ("malformed_event", {"on": "*"}),
    ("cut_stream", {}),
    ("mute_stream", {"seconds": 2.0}),
    ("auth_revoked", {"seconds": 0.3}),
    ("rate_limit_window", {"seconds": 0.3}),
    ("drop_request", {}),
    ("engine_restart", {"seconds": 0.5, "post_only_seconds": 0.5}),
    ("cancel_only", {"seconds": 0.5}),
    ("settlement_retries", {"seconds": 0.5}),
    ("reversal", {"seconds": 0.5}),
    ("refuse", {"status": 503}),
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
        async with trading(told, tmp_path) as (where, desk):
            await where.fault(verb, **settings)
            entry = await desk.enter(**TAKES)
            await desk.until(lambda: desk.state(entry) in ENDS, "an end of the entry")
            if verb == "reversal":
                await desk.until(lambda: bool(desk.payloads("FillReversed")), "the reversal")
            await where.clear()
            if desk.trader.system.core is not None and desk.trader.system.core.positions():
                desk.leave()
            await agree(desk, where)

    run(play())


@pytest.mark.parametrize("is_heard", [True, False], ids=["heard", "never"])
def test_a_status_that_nobody_knows_blocks_its_instrument_and_is_told(
    told: dict[str, str], tmp_path: Path, *, is_heard: bool
) -> None:
    """EX-1, EX-6: by the channel or by looking; UNKNOWN until a word that we know."""

    async def play() -> None:
        async with trading(told, tmp_path) as (where, desk):
            if not is_heard:
                await where.fault("mute_stream", seconds=0.9)
            await play_an_unheard_of_status(desk, where, **TAKES)
            await agree(desk, where)

    run(play())


@pytest.mark.parametrize("tif", ["IOC", "FOK"])
@pytest.mark.parametrize(
    ("verb", "settings"),
    [
        ("delay", {"on": "POST /order*", "ms": 300, "when": "after"}),
        ("delay_event", {"on": "*", "ms": 300}),
    ],
    ids=["the channel is first", "the answer is first"],
)
def test_an_order_that_finds_nothing_is_cancelled_by_whichever_word_comes_first(
    told: dict[str, str], tmp_path: Path, verb: str, settings: dict[str, Any], tif: str
) -> None:
    """EX-8, EX-18: refused in the answer and cancelled on the channel is one end, and no fault."""

    async def play() -> None:
        async with trading(told, tmp_path) as (where, desk):
            await where.fault(verb, **settings)
            entry = await desk.enter(**{**RESTS, "tif": tif})
            await desk.until(lambda: desk.state(entry) == "CANCELLED", "the end of the entry")
            await asyncio.sleep(0.5)  # the other word is on its way for 0.3 s
            assert desk.state(entry) == "CANCELLED"
            assert desk.payloads("InvariantViolated") == []
            await where.clear()
            await round_trip(desk, **TAKES)
            await agree(desk, where)

    run(play())


def test_post_only_is_refused_where_it_would_take_and_rests_where_not(
    told: dict[str, str], tmp_path: Path
) -> None:
    """EX-18, EX-8: from the signal to the venue's book; its time to live ends what rests."""

    async def play() -> None:
        async with trading(told, tmp_path) as (where, desk):
            taking = await desk.enter(**{**TAKES, "tif": "GTX"})
            await desk.until(lambda: desk.state(taking) == "REJECTED", "a refusal")
            resting = await desk.enter(**{**RESTS, "tif": "GTX"})
            await desk.until(lambda: desk.state(resting) == "WORKING", "a working order")
            (order,) = [row for row in (await where.truth())["orders"] if row["status"] == "LIVE"]
            assert order["order_type"] in ("GTC", "GTD")
            desk.kill(KillLevel.FLATTEN)
            await desk.until(lambda: bool(desk.payloads("KillFinished")), "the end of the kill")
            await agree(desk, where)

    run(play())


def test_a_heartbeat_that_is_no_longer_acknowledged_shuts_the_gate_in_mid_run(
    told: dict[str, str], tmp_path: Path
) -> None:
    """KC-10: no new risk from the first beat that is missed; exits leave; then all as before."""

    async def play() -> None:
        async with trading(told, tmp_path) as (where, desk):
            entry = await desk.enter(**TAKES)
            await desk.until(lambda: desk.state(entry) == "FILLED", "a filled entry")
            gate = desk.trader.system.gate
            beats = {"on": "POST /v1/heartbeats", "times": "always", "status": 503}
            await where.fault("refuse", **beats)
            await desk.until(lambda: gate.refuses(adds_risk=True) is not None, "a shut gate")
            before = len((await where.truth())["orders"])
            verdicts = len(desk.payloads("VerdictGiven"))
            desk.ask(**TAKES)
            await desk.until(lambda: len(desk.payloads("VerdictGiven")) > verdicts, "a verdict")
            assert not desk.payloads("VerdictGiven")[-1]["is_approved"]
            assert len((await where.truth())["orders"]) == before
            desk.leave()
            await desk.until(lambda: desk.is_flat, "a flat account")
            await where.clear()
            await desk.until(lambda: gate.refuses(adds_risk=True) is None, "an open gate")
            await round_trip(desk, **TAKES)
            await agree(desk, where)

    run(play())


KILL_FAULTS: list[tuple[str | None, dict[str, Any]]] = [
    (None, {}),
    ("cancel_loses_to_fill", {}),
    ("fill_after_cancel", {}),
    ("cancel_stuck", {"seconds": 1.0}),
    ("refuse", {"on": "DELETE /order*"}),
    ("accept_then_drop", {"on": "DELETE /order*"}),
    ("drop_request", {"on": "DELETE /order*"}),
    ("drop_event", {"on": "*", "times": 4}),
    ("restart", {"seconds": 0.2}),
    ("early_close", {}),
]


@pytest.mark.parametrize(("verb", "settings"), KILL_FAULTS)
def test_a_kill_cancels_what_rests_and_sells_what_is_held(
    told: dict[str, str], tmp_path: Path, verb: str | None, settings: dict[str, Any]
) -> None:
    """KC-2: FLATTEN ends when the venue itself has neither order nor position."""

    async def play() -> None:
        async with trading(told, tmp_path) as (where, desk):
            order = await desk.enter(**RESTS)
            await desk.until(lambda: desk.state(order) == "WORKING", "a working order")
            if verb is not None:
                await where.fault(verb, **settings)
            desk.kill(KillLevel.FLATTEN)
            await desk.until(lambda: bool(desk.payloads("KillFinished")), "the end of the kill")
            await agree(desk, where)

    run(play())


@pytest.mark.timeout(60 + 30 * VANISHINGS)
def test_every_trader_that_vanishes_behind_the_booking_is_one_order(
    told: dict[str, str], tmp_path: Path
) -> None:
    """ST-1, EX-6: booked, not answered, gone: found by the hash of its journaled intent."""

    async def play() -> None:
        for number in range(VANISHINGS):
            async with trading(told, tmp_path, recover=number > 0) as (where, desk):
                await where.fault("accept_then_drop", how="hang")
                await where.fault("mute_stream", seconds=0.2)
                order = await desk.enter(**TAKES, setup_instance=f"v{number}")
                async with asyncio.timeout(LIMIT_S):
                    while len((await where.truth())["orders"]) <= 2 * number:
                        pass
            async with trading(told, tmp_path, recover=True) as (where, desk):
                await adopted_and_left(desk, order)
                booked = Counter(each["id"] for each in (await where.truth())["orders"])
                assert len(booked) == 2 * (number + 1)
                assert set(booked.values()) == {1}

    run(play())


ALONE = {"odd_status", "delay_event"}
"""Each has a test of its own above."""
NEVER = {"replace_rejected"}
"""There are no changes of orders at this venue."""


def test_every_verb_that_the_venue_knows_is_driven(told: dict[str, str]) -> None:
    """BR-2: a way to misbehave that is added without a test of the adapter fails here."""

    async def play() -> None:
        async with at_polymarket(told, is_new=True) as where:
            played = {verb for verb, _ in (*FAULTS, *KILL_FAULTS) if verb}
            assert played | ALONE | NEVER == set(await where.get("/admin/verbs"))

    run(play())
