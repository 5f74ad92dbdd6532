"""FLATTEN of the whole system while its limiter is full of polling; the venue's audit judges."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.adapter import AdapterActor
from actors.operator_words import KillLevel
from tests.support.live import SYMBOL, Live, Venue, agree, at_venue, live, live_config, simulator
from trading.config import Config

ORDERS = 25
PER_MINUTE = 200
POLLERS = 8
FEW = 5
ALL = "/v2/orders"


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
            while venue.rest.orders.limiter.waits < POLLERS:  # noqa: ASYNC110 - the limiter's own count
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
        assert (await deletes(where))[0] == ALL
        await agree(desk, where)

    asyncio.run(play())


FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("refuse", {"on": f"DELETE {ALL}", "status": 503}),
    ("refuse", {"on": f"DELETE {ALL}", "status": 429}),
    ("refuse", {"on": "GET /v2/orders", "status": 500, "times": 4}),
    ("drop_request", {"on": f"DELETE {ALL}"}),
    ("accept_then_drop", {"on": f"DELETE {ALL}", "how": "hang"}),
    ("malformed", {"on": f"DELETE {ALL}", "how": "nan"}),
    ("delay", {"on": "GET /v2/orders", "ms": 3000, "times": 4}),
]


@pytest.mark.parametrize(
    ("verb", "settings"), FAULTS, ids=[f"{verb}-{list(how.values())}" for verb, how in FAULTS]
)
def test_what_one_call_does_not_cancel_is_cancelled_by_itself(
    tmp_path: Path, verb: str, settings: dict[str, Any]
) -> None:
    """KC-2: whatever keeps that call from an answer, every order is over and counted once."""

    async def play() -> None:
        with simulator() as told:
            async with (
                at_venue(told) as where,
                live(where, tmp_path, config=roomy_config()) as desk,
            ):
                await desk.ready()
                await several(desk)
                await where.fault(verb, **settings)
                desk.kill(KillLevel.FLATTEN)
                await desk.until(lambda: bool(desk.payloads("KillFinished")), "the kill's end")
                [finished] = desk.payloads("KillFinished")
                assert (finished["cancelled"], finished["remaining"]) == (FEW, 0)
                assert (await where.truth())["open_orders"] == 0
                asked = set(await deletes(where))
                if verb != "accept_then_drop":  # there the venue did it, and its stream said so
                    assert asked - {ALL}, "none was cancelled by itself"
                assert (ALL in asked) == settings["on"].startswith("DELETE")
                await agree(desk, where)

    asyncio.run(play())


def test_a_kill_leaves_alone_what_somebody_else_placed(tmp_path: Path) -> None:
    """ST-3: while an order that is not ours works, the call that knows no owner is not made."""

    async def play() -> None:
        with simulator() as told:
            async with (
                at_venue(told) as where,
                live(where, tmp_path, config=roomy_config()) as desk,
            ):
                await desk.ready()
                await several(desk)
                by_hand = await placed_by_hand(where, told)
                desk.kill(KillLevel.EMERGENCY)
                await desk.until(lambda: bool(desk.payloads("KillFinished")), "the kill's end")
                [finished] = desk.payloads("KillFinished")
                assert (finished["cancelled"], finished["remaining"]) == (FEW, 0)
                asked = await deletes(where)
                assert len(set(asked)) == FEW
                assert ALL not in asked
                orders = (await where.truth())["orders"]
                [left] = [each for each in orders if each["client_order_id"] == by_hand]
                assert left["status"] == "new"

    asyncio.run(play())


async def several(desk: Live) -> None:
    """A few orders that work."""
    orders = [await resting(desk, number) for number in range(FEW)]
    await desk.until(
        lambda: all(desk.state(order) == "WORKING" for order in orders), "orders that work"
    )


async def deletes(where: Venue) -> list[str]:
    """Every cancel that the venue was asked for."""
    audit = (await where.get("/admin/audit"))["requests"]
    return [entry["path"] for entry in audit if entry["method"] == "DELETE"]


async def placed_by_hand(where: Venue, told: dict[str, str]) -> str:
    """An order of the same account that no trader of ours knows."""
    keys = {"APCA-API-KEY-ID": told["key"], "APCA-API-SECRET-KEY": told["secret"]}
    order = {
        "symbol": SYMBOL, "qty": "1", "side": "buy", "type": "limit", "time_in_force": "day",
        "limit_price": "100.00", "client_order_id": "by-hand",
    }  # fmt: skip
    async with where.http.post(f"{where.url}/v2/orders", json=order, headers=keys) as response:
        assert response.status == 200
    return "by-hand"
