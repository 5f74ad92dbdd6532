"""The breaker of each endpoint hears how the adapter's calls really went (WD-3)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from actors.trader_port import RunningTrader
from tests.support.live import Live, Venue, agree, at_venue, live, simulator

ERRORS = 4
"""One more than a breaker lets by."""
CASES = [
    ("order list", "GET /v2/orders"),
    ("orders:by_client_order_id", "GET /v2/orders:by_client_order_id*"),
    ("positions", "GET /v2/positions"),
    ("account", "GET /v2/account"),
    ("fills", "GET /v2/account/activities/FILL*"),
]


def shown(desk: Live) -> dict[str, str]:
    """Each breaker's state, as /health and the status of a run have it."""
    port = RunningTrader(desk.trader.system, rescan=dict)
    health = {each["name"]: each["state"] for each in port.health()["breakers"]}
    assert health == {each["name"]: each["state"] for each in port.status()["breakers"]}
    return health


async def ask(desk: Live, endpoint: str) -> None:
    """Let the adapter's own venue make that call; what it answers does not matter."""
    name = f"adapter:{desk.trader.config.run.account}"
    actor: Any = getattr(desk.trader.lane.names[name], "actor", None)
    rest = actor.venue.rest
    calls = {
        "order list": rest.open_orders,
        "orders:by_client_order_id": lambda: rest.order_by_our_id("nobody"),
        "positions": rest.positions,
        "account": rest.account,
        "fills": lambda: rest.fills(0),
    }
    await asyncio.gather(calls[endpoint](), return_exceptions=True)


@pytest.mark.parametrize(("endpoint", "on"), CASES, ids=[name for name, _ in CASES])
def test_errors_of_an_endpoint_open_its_breaker_alone(
    tmp_path: Path, endpoint: str, on: str
) -> None:
    """WD-3: four errors open it, /health and the status say which, and entries stop.

    What is held is left all the same: exits and cancels are tried.
    """

    async def play() -> None:
        with simulator() as told:
            async with at_venue(told) as where, live(where, tmp_path) as desk:
                await desk.ready()
                await spoil(desk, where)
                held = await desk.enter()
                await desk.until(lambda: desk.state(held) == "NOT_SENT", "a held entry")
                desk.trader.system.wiring.breakers.reset("the test")
                entry = await desk.enter()
                await filled(desk, entry)
                await spoil(desk, where)
                desk.leave()
                await desk.until(lambda: desk.is_flat, "a flat account")
                await agree(desk, where)
                assert held not in [each["client_order_id"] for each in await written(where)]

    async def spoil(desk: Live, where: Venue) -> None:
        await where.fault("refuse", on=on, status=503, times=ERRORS)
        for _ in range(ERRORS):
            await ask(desk, endpoint)
        await where.clear()
        found = shown(desk)
        assert found.pop(endpoint) == "OPEN"
        assert set(found.values()) <= {"CLOSED"}

    asyncio.run(play())


async def filled(desk: Live, order: str) -> None:
    """Wait until it is."""
    await desk.until(lambda: desk.state(order) == "FILLED", "a filled order")


async def written(where: Venue) -> list[dict[str, Any]]:
    """Every order that was written."""
    audit = (await where.get("/admin/audit"))["requests"]
    return [each for each in audit if (each["method"], each["path"]) == ("POST", "/v2/orders")]


def test_orders_that_get_no_answer_open_the_breaker_of_orders_and_one_probe_closes_it(
    tmp_path: Path,
) -> None:
    """WD-3: what the stream tells of an order is no answer of its endpoint."""

    async def play() -> None:
        with simulator() as told:
            async with at_venue(told) as where, live(where, tmp_path) as desk:
                await desk.ready()
                for _ in range(ERRORS // 2):
                    await where.fault("accept_then_status", status=500)
                    entry = await desk.enter()
                    await filled(desk, entry)
                    await where.fault("accept_then_status", status=500)
                    desk.leave()
                    await desk.until(lambda: desk.is_flat, "a flat account")
                await desk.until(lambda: shown(desk)["orders"] == "OPEN", "an open breaker")
                breakers = desk.trader.system.wiring.breakers
                breakers.tick(desk.trader.lane.now_ns() + 61 * 10**9)
                assert shown(desk)["orders"] == "HALF_OPEN"
                probe = await desk.enter()
                await filled(desk, probe)
                await desk.until(lambda: shown(desk)["orders"] == "CLOSED", "a closed breaker")
                desk.leave()
                await desk.until(lambda: desk.is_flat, "a flat account")
                await agree(desk, where)

    asyncio.run(play())


def test_an_order_stream_that_is_down_is_a_breaker_that_people_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WD-3, ST-4: /health and the status say why entries wait, and when they need not any more."""
    states: list[str] = []

    async def play() -> None:
        with simulator() as told:
            async with at_venue(told) as where, live(where, tmp_path) as desk:
                await desk.ready()
                assert shown(desk)["order stream"] == "CLOSED"
                show = desk.trader.system.wiring.breakers.show

                def seen(name: str, cause: str) -> None:
                    show(name, cause)
                    states.append(shown(desk)[name])

                monkeypatch.setattr(desk.trader.system.wiring.breakers, "show", seen)
                await where.fault("restart", seconds=0.5)
                await desk.until(lambda: states[-1:] == ["CLOSED"], "a stream that is up again")
                assert "OPEN" in states

    asyncio.run(play())
