"""The live system at Polymarket's simulator: what is traded, when it is ready, and the judge."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec

from brokers.reading import iso
from tests.support.live import LIMIT_S, Live, Venue, live_config
from trading.config import Config, InstrumentKind

FAST = {"mined_s": 0.05, "confirmed_s": 0.05, "paid_s": 0.1}
"""Settlement that a test does not wait for."""


@asynccontextmanager
async def at_polymarket(told: dict[str, str], *, is_new: bool = True) -> AsyncIterator[Venue]:
    """The simulator without faults, and with an empty book where it is new."""
    async with aiohttp.ClientSession() as http:
        where = Venue(told, http)
        await where.clear()
        await where.until_open()
        if is_new:
            await where.post("/admin/reset", {"clock": iso(time.time_ns())})
        yield where


async def outcome(where: Venue) -> str:
    """An outcome of the first market."""
    async with where.http.get(f"{where.url}/markets") as answer:
        return str((await answer.json())["data"][0]["tokens"][0]["token_id"])


def config(token_id: str) -> Config:
    """The test's account, and one outcome to trade."""
    replace = msgspec.structs.replace
    base = live_config()
    one = replace(
        base.instruments[0],
        symbol=token_id,
        kind=InstrumentKind.BINARY,
        tick_size=Decimal("0.01"),
        lot=Decimal(1),
    )
    strategies = tuple(replace(each, instrument=token_id) for each in base.strategies)
    limits = replace(base.limits, collar_ratio=Decimal("0.5"))
    return replace(base, instruments=(one,), strategies=strategies, limits=limits)


async def agree(desk: Live, where: Venue) -> None:
    """One order an intent, one write an order, the same fills, nothing else held."""
    await desk.until(lambda: desk.is_flat, "a flat account")
    truth = await where.truth()
    venue = desk.trader.connection.venue()
    hashes = {}
    for intent in desk.intents:
        prepared: Any = venue.prepare(intent)
        hashes[prepared.venue_id] = prepared.client_order_id
    booked = Counter(order["id"] for order in truth["orders"])
    assert set(booked) <= set(hashes), "an order that nobody intended"
    assert set(booked.values()) <= {1}
    taken_back = {each["execution_id"] for each in desk.payloads("FillReversed")}
    ours = sorted(
        (fill["client_order_id"], Decimal(fill["qty_1e8"]).scaleb(-8))
        for fill in desk.payloads("OrderFilled")
        if fill["execution_id"] not in taken_back
    )
    theirs = sorted(
        (hashes[each["order_id"]], Decimal(each["qty"]))
        for each in truth["executions"]
        if not each["is_reversed"]
    )
    assert ours == theirs
    assert truth["open_orders"] == 0
    assert [each for each in truth["positions"].values() if Decimal(each["qty"])] == []
    asked = (await where.get("/admin/audit"))["requests"]
    bodies = Counter(
        entry["body_sha256"]
        for entry in asked
        if (entry["method"], entry["path"]) == ("POST", "/order")
    )
    assert set(bodies.values()) <= {1}, "an order was written more than once"


async def ready(desk: Live) -> None:
    """Everything that the others wait for, and the first heartbeat's acknowledgement."""
    await desk.ready()
    async with asyncio.timeout(LIMIT_S):
        while desk.trader.system.gate.refuses(adds_risk=True):  # noqa: ASYNC110 - the core's own
            await asyncio.sleep(0)
