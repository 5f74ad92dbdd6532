"""Scenes of a live system on a venue's wire, the same at each venue: its own book is the judge.

Each opens a trader at the simulator, harms it, and ends with books that agree.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.operator_words import KillLevel
from tests.support.live import SYMBOL, Live, Venue, agree, at_venue, live

ENDS = ("FILLED", "REJECTED", "NOT_SENT", "CANCELLED")
Fault = tuple[str, dict[str, Any]]
"""A verb of the simulator and its settings."""


def run(play: Coroutine[Any, Any, None]) -> None:
    """To its end."""
    asyncio.run(play)


async def round_trip(desk: Live, **entry: Any) -> None:
    """Enter at market, hear of the fill, leave again.

    Fifty faults in a row are more than a breaker lets by, so an operator resets it each time.
    """
    desk.trader.system.wiring.breakers.reset("the test")
    order = await desk.enter(**entry)
    await adopted_and_left(desk, order)


async def adopted_and_left(desk: Live, order: str) -> None:
    """The venue's word arrives, and what was bought is sold."""
    await desk.until(lambda: desk.state(order) == "FILLED", "word of the order")
    desk.leave()
    await desk.until(lambda: desk.is_flat, "a flat account")


async def resting(desk: Live) -> str:
    """A limit order that nobody fills: one and a half per cent below the market."""
    price_1e8 = desk.trader.system.telemetry.prices_1e8[SYMBOL]
    cents = price_1e8 * 985 // 1000 // 1_000_000
    order = await desk.enter(order_type="LIMIT", limit_1e8=cents * 1_000_000)
    await desk.until(lambda: desk.state(order) == "WORKING", "a working order")
    return order


def is_flat_there(truth: Mapping[str, Any]) -> bool:
    """The venue holds nothing."""
    return not any(Decimal(each["qty"]) for each in truth["positions"].values())


async def one_trade(told: dict[str, str], folder: Path) -> None:
    """There and back; the venue's book is ours."""
    async with at_venue(told) as where, live(where, folder) as desk:
        await desk.ready()
        await round_trip(desk)
        await agree(desk, where)
        assert len(desk.payloads("TradeClosed")) == 1


async def lost_answers(
    told: dict[str, str], folder: Path, fault: Fault, times: int, unheard: Sequence[Fault]
) -> list[dict[str, Any]]:
    """So many orders are booked and never answered; `unheard` is what the stream loses of each.

    Returns:
        The changes of orders to UNKNOWN.
    """
    async with at_venue(told) as where, live(where, folder) as desk:
        await desk.ready()
        for _ in range(times):
            for verb, settings in (fault, *unheard):
                await where.fault(verb, **settings)
            await round_trip(desk)
            await where.clear()
        await agree(desk, where)
        assert len(desk.payloads("TradeClosed")) == times
        return [each for each in desk.payloads("OrderChanged") if each["new"] == "UNKNOWN"]


async def harmed_trade(told: dict[str, str], folder: Path, fault: Fault) -> None:
    """One fault in the middle of a trade; one order an intent, the same fills, flat."""
    async with at_venue(told) as where, live(where, folder) as desk:
        await desk.ready()
        verb, settings = fault
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


async def killed(told: dict[str, str], folder: Path, fault: Fault | None) -> None:
    """FLATTEN with a working order: the venue itself has neither order nor position."""
    async with at_venue(told) as where, live(where, folder) as desk:
        await desk.ready()
        await resting(desk)
        if fault is not None:
            verb, settings = fault
            await where.fault(verb, **settings)
        desk.kill(KillLevel.FLATTEN)
        await desk.until(lambda: bool(desk.payloads("KillFinished")), "the end of the kill")
        truth = await where.truth()
        assert truth["open_orders"] == 0
        assert is_flat_there(truth)
        await agree(desk, where)


async def vanishing_traders(told: dict[str, str], folder: Path, times: int) -> None:
    """Booked, not answered, not journaled, gone: again and again, one order each."""
    async with at_venue(told) as where:
        for number in range(times):
            async with live(where, folder, recover=number > 0) as desk:
                await desk.ready()
                await where.fault("accept_then_drop", how="hang")
                await where.fault("mute_stream", seconds=0.2)
                order = await desk.enter(setup_instance=f"v{number}")
                await where.until_booked(order)
            async with live(where, folder, recover=True) as desk:
                await desk.ready()
                await adopted_and_left(desk, order)
                assert (await where.truth())["orders_by_client_id"][order] == 1
        await _one_each(where, times)


async def _one_each(where: Venue, times: int) -> None:
    truth = await where.truth()
    assert set(truth["orders_by_client_id"].values()) == {1}
    assert len(truth["orders_by_client_id"]) == 2 * times
    assert is_flat_there(truth)
