"""A market stream that is up and says nothing any more, at the wire of each venue."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from actors import live_feed
from tests.support.live import Live, Venue, at_venue, live, simulator
from tests.support.polymarket import at_polymarket, config, outcome

PATIENCE_NS = 1_500_000_000
MUTED_S = 3.0


@asynccontextmanager
async def watching(
    venue: str, told: dict[str, str], folder: Path
) -> AsyncIterator[tuple[Venue, Live]]:
    """A live trader at that venue."""
    if venue != "polymarket":
        async with at_venue(told) as where, live(where, folder) as desk:
            yield where, desk
        return
    async with at_polymarket(told) as where:
        token_id = await outcome(where)
        async with live(where, folder, config=config(token_id), symbol=token_id) as desk:
            yield where, desk


def gaps(desk: Live) -> list[dict[str, Any]]:
    """The connections of the market's stream so far, as their holes."""
    name = import_module(type(desk.trader.feed.plan.stream).__module__).NAME
    return [gap for gap in desk.payloads("StreamGap") if gap["stream"] == name]


@pytest.mark.parametrize("venue", ["alpaca", "tradier", "polymarket"])
def test_a_market_stream_that_says_nothing_is_connected_anew_and_leaves_its_hole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, venue: str
) -> None:
    """MD-2, MD-9: pings are answered all the while; then prices come again, of what was wanted."""
    monkeypatch.setattr(live_feed, "PATIENCE_NS", PATIENCE_NS)

    async def play(told: dict[str, str]) -> None:
        async with watching(venue, told, tmp_path) as (where, desk):
            await desk.ready()
            quotes = desk.trader.system.telemetry.quotes
            await desk.until(lambda: desk.symbol in quotes, "a quote")
            before, heard_ns = len(gaps(desk)), quotes[desk.symbol].at_ns
            assert before == 1
            await where.fault("mute_stream", seconds=MUTED_S)
            await desk.until(lambda: len(gaps(desk)) > before, "another connection")
            hole = gaps(desk)[before]
            assert any("is up and silent for" in text for _, text in desk.told.notices)
            assert hole["end_ns"] - hole["start_ns"] >= PATIENCE_NS
            assert hole["start_ns"] >= heard_ns
            await desk.until(
                lambda: quotes[desk.symbol].at_ns > hole["start_ns"] + MUTED_S * 1e9, "quotes again"
            )

    with simulator(venue=venue) as told:
        asyncio.run(play(told))
