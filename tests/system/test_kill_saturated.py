"""FLATTEN of the whole system while its limiter is full of polling; the venue's audit judges."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from actors.adapter import AdapterActor
from actors.operator_words import KillLevel
from tests.support.live import SYMBOL, Live, agree, at_venue, live, live_config, simulator
from trading.config import Config

ORDERS = 25
PER_MINUTE = 200
POLLERS = 8


def roomy_config() -> Config:
    """As many orders on one instrument as there are, for strategies of any name."""
    config = live_config()
    limits = msgspec.structs.replace(
        config.limits, positions_per_instrument_max=ORDERS + 1, positions_max=ORDERS + 1
    )
    return msgspec.structs.replace(config, limits=limits, strategies=())


async def resting(desk: Live, number: int) -> str:
    """A limit order that nobody fills: one and a half per cent below the market."""
    cents = desk.trader.system.telemetry.prices_1e8[SYMBOL] * 985 // 1000 // 1_000_000
    return await desk.enter(
        order_type="LIMIT",
        limit_1e8=cents * 1_000_000,
        strategy=f"s{number}",
        setup_instance=f"n{number}",
    )


def adapter_of(desk: Live) -> AdapterActor:
    """The actor that holds the connections."""
    name = f"adapter:{desk.trader.config.run.account}"
    actor = getattr(desk.trader.lane.names[name], "actor", None)
    assert isinstance(actor, AdapterActor)
    return actor


def test_a_kill_is_through_while_polling_fills_the_limiter(tmp_path: Path) -> None:
    """KC-2, KC-3, BR-6: 25 working orders are over, no cancel is lost to a 429, and it is known.

    What the venue must say twice before a kill is through goes before the polling, too.
    """

    async def play() -> None:
        with simulator() as told:
            async with (
                at_venue(told) as where,
                live(where, tmp_path, config=roomy_config(), calls_per_minute=PER_MINUTE) as desk,
            ):
                await where.post("/admin/limits", {"requests_per_min": PER_MINUTE})
                await desk.ready()
                orders = [await resting(desk, number) for number in range(ORDERS)]
                await desk.until(
                    lambda: all(desk.state(order) == "WORKING" for order in orders),
                    "orders that work",
                )
                await saturated(desk, where)

    async def saturated(desk: Live, where: Any) -> None:
        venue: Any = adapter_of(desk).venue

        async def poll() -> None:
            while True:
                await venue.rest.open_orders()

        pollers = [asyncio.create_task(poll()) for _ in range(POLLERS)]
        async with asyncio.timeout(20):
            while venue.rest.limiter.waits < POLLERS:  # noqa: ASYNC110 - the limiter's own count
                await asyncio.sleep(0)
        desk.kill(KillLevel.FLATTEN)
        await desk.until(lambda: bool(desk.payloads("KillFinished")), "the end of the kill")
        for poller in pollers:
            poller.cancel()
        await asyncio.gather(*pollers, return_exceptions=True)
        [finished] = desk.payloads("KillFinished")
        assert (finished["cancelled"], finished["failed"], finished["remaining"]) == (ORDERS, 0, 0)
        truth = await where.truth()
        assert truth["open_orders"] == 0
        audit = (await where.get("/admin/audit"))["requests"]
        assert not [entry for entry in audit if entry["status"] == 429]
        assert len({entry["path"] for entry in audit if entry["method"] == "DELETE"}) == ORDERS
        await agree(desk, where)

    asyncio.run(play())
