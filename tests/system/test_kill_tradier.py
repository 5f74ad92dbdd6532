"""FLATTEN at Tradier with 25 working orders and 60 calls a minute; the venue's audit judges."""

import asyncio
import re
from pathlib import Path
from typing import Any

from actors.operator_words import KillLevel
from brokers.base import Prepared
from brokers.tradier.orders import Leg, Ticket, body_of, path
from tests.support.live import Live, at_venue, live, simulator
from tests.system.test_kill_saturated import adapter_of, resting, roomy_config

SINGLES = 22
SPREADS = 3
PER_MINUTE = 60
OURS = "l-main-vwap_reversion-20261121-spread"
ONE = 100_000_000


async def spread(venue: Any, number: int) -> str:
    """A debit spread that nobody fills, of which only the venue knows: its id at the venue."""
    found = await venue.rest.chain("SPX", (await venue.rest.expirations("SPX"))[-1])
    calls = [each.symbol for each in found if each.option_type == "call"]
    ticket = Ticket(
        client_order_id=f"{OURS}{number}-0e1",
        symbol="SPX",
        type="debit",
        limit_1e8=ONE // 20,
        legs=tuple(Leg(option_symbol=each, side="buy_to_open", quantity=1) for each in calls[:2]),
    )
    prepared = Prepared(
        client_order_id=ticket.client_order_id,
        intent=b"",
        method="POST",
        path=path(venue.rest.account),
        body=body_of(ticket),
    )
    sent = await venue.send(prepared, lambda: None, is_entry=True)
    return str(sent.broker_order_id)


def test_a_kill_under_sixty_calls_a_minute_ends_every_order(tmp_path: Path) -> None:
    """KC-2, BR-6: all terminal, each parent cancelled by its own id and no leg, no 429."""

    async def play() -> None:
        with simulator(venue="tradier") as told:
            async with (
                at_venue(told) as where,
                live(where, tmp_path, config=roomy_config(), calls_per_minute=PER_MINUTE) as desk,
            ):
                await where.post("/admin/limits", {"requests_per_min": PER_MINUTE})
                await desk.ready()
                venue: Any = adapter_of(desk).venue
                spreads = [await spread(venue, number) for number in range(SPREADS)]
                orders = [await resting(desk, number) for number in range(SINGLES)]
                await desk.until(
                    lambda: all(desk.state(order) == "WORKING" for order in orders),
                    "working orders",
                )
                assert (await where.truth())["open_orders"] == SINGLES + SPREADS
                await killed(desk, where, spreads)

    async def killed(desk: Live, where: Any, spreads: list[str]) -> None:
        desk.kill(KillLevel.FLATTEN)
        await desk.until(lambda: bool(desk.payloads("KillFinished")), "the end of the kill")
        for finished in desk.payloads(
            "KillFinished"
        ):  # the drift of the spreads may ask for one too
            assert (finished["failed"], finished["remaining"]) == (0, 0)
        truth = await where.truth()
        assert truth["open_orders"] == 0
        audit = (await where.get("/admin/audit"))["requests"]
        assert not [entry for entry in audit if entry["status"] == 429]
        cancelled = {
            re.sub(".*/", "", entry["path"]) for entry in audit if entry["method"] == "DELETE"
        }
        assert len(cancelled) == SINGLES + SPREADS, "a leg was cancelled, or a parent was not"
        assert set(spreads) <= cancelled

    asyncio.run(play())
