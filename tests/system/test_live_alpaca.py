"""The live system against a venue that misbehaves; the venue's own book is the judge."""

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.live import Live, agree, at_venue, live, simulator

REPEATS = 50


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, str]]:
    """One simulator for all; each test begins with an empty book."""
    with simulator() as told:
        yield told


def run(play: Coroutine[Any, Any, None]) -> None:
    """To its end."""
    asyncio.run(play)


async def round_trip(desk: Live) -> None:
    """Enter at market, hear of the fill, leave again."""
    entry = await desk.enter()
    await desk.until(lambda: desk.state(entry) == "FILLED", "a filled entry")
    desk.leave()
    await desk.until(lambda: desk.is_flat, "a flat account")


def test_an_order_goes_to_the_venue_and_its_fill_comes_back(
    told: dict[str, str], tmp_path: Path
) -> None:
    """BR-1: entry and exit through HTTP and the order stream; the venue's book is ours."""

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
        async with at_venue(told) as where, live(where, tmp_path) as desk:
            await desk.ready()
            for _ in range(REPEATS):
                await where.fault(verb, **settings)
                if not is_heard:
                    await where.fault("drop_event", on="new")
                    await where.fault("drop_event", on="fill")
                await round_trip(desk)
            await agree(desk, where)
            assert len(desk.payloads("TradeClosed")) == REPEATS
            unknown = [each for each in desk.payloads("OrderChanged") if each["new"] == "UNKNOWN"]
            assert len(unknown) == REPEATS or is_heard

    run(play())
