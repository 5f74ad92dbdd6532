"""The live system at a wallet that holds more than the run names, and a data service that fails."""

import asyncio
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from actors.trader_port import RunningTrader
from brokers.base import Sent
from brokers.credentials import Credentials
from brokers.polymarket.connect import Addresses, Connection
from tests.support.live import LIMIT_S, Live, Venue, live, simulator
from tests.support.polymarket import FAST, at_polymarket, config, outcome, ready
from trading.ports import Part

ONE = 100_000_000
CENT = 1_000_000


async def by_hand(where: Venue, token_id: str, side: str, cents: int) -> None:
    """Somebody trades an outcome with the same wallet, past all our books, until it is settled."""
    connection = Connection(
        addresses=Addresses.of(where.told["url"]),
        credentials=Credentials(where.told["address"], where.told["private_key"]),
        now_ns=time.time_ns,
        mono_ns=time.monotonic_ns,
    )
    connection.session.book.want([token_id])
    venue = connection.venue()
    try:
        asked = (0, frozenset({Part.POSITIONS}), 0)
        assert not (await venue.state(*asked)).problem  # it has learned the outcome's rules
        intent = {
            "client_order_id": f"by-hand-{side}",
            "instrument": token_id,
            "purpose": "ENTRY" if side == "BUY" else "EXIT",
            "side": side,
            "order_type": "LIMIT",
            "tif": "IOC",
            "qty_1e8": 10 * ONE,
            "limit_1e8": cents * CENT,
            "reference_ns": time.time_ns(),
        }
        order = venue.prepare(orjson.dumps(intent))
        sent = await venue.send(order, lambda: None, is_entry=False)
        assert isinstance(sent, Sent), sent
        async with asyncio.timeout(LIMIT_S):
            while bool((await venue.state(*asked)).positions) is (side == "SELL"):
                pass
    finally:
        await venue.close()


async def compared(desk: Live) -> dict[str, Any]:
    """How a comparison ended that was asked for now."""
    before = len(desk.payloads("ReconcileFinished"))
    desk.reconcile()
    await desk.until(lambda: len(desk.payloads("ReconcileFinished")) > before, "a comparison")
    return desk.payloads("ReconcileFinished")[-1]


def said(desk: Live) -> list[str]:
    """How loud it was told that something is not known, and that it is known again."""
    return [severity for severity, text in desk.told.notices if "beside the run's own" in text]


def is_shown_partial(desk: Live) -> bool:
    """What the operator's port shows, on both of its pages; the run trades all the same."""
    port = RunningTrader(desk.trader.system, rescan=dict)
    health = port.health()
    assert health["is_ready"], health["why_not_ready"]
    shown = health["reconciliation"]
    assert port.status()["reconciliation"] == shown
    return bool(shown["is_partial"])


@pytest.mark.parametrize(
    ("verb", "settings"), [("refuse", {"status": 503}), ("malformed", {"how": "html"})]
)
def test_what_others_hold_stands_while_the_data_service_is_away(
    tmp_path: Path, verb: str, settings: dict[str, Any]
) -> None:
    """ST-3: not known is not healed, and is told; healed is what the service then lists no more."""

    async def play(told: dict[str, str]) -> None:
        async with at_polymarket(told) as where:
            await where.post("/admin/settlement", FAST)
            async with where.http.get(f"{where.url}/markets") as answer:
                theirs = (await answer.json())["data"][1]["tokens"][0]["token_id"]
            await by_hand(where, theirs, "BUY", 90)
            ours = await outcome(where)
            async with live(where, tmp_path, config=config(ours), symbol=ours) as desk:
                await ready(desk)
                core = desk.trader.system.core
                assert core is not None
                stands = [("FOREIGN_POSITION", theirs)]
                async with asyncio.timeout(LIMIT_S):
                    while not core.account().drift:  # its trade may be mined still: not known yet
                        await compared(desk)
                assert [(d.kind, d.instrument) for d in core.account().drift] == stands
                service = {"on": "GET /data-api/positions*", "times": "always"}
                await where.fault(verb, **service, **settings)
                await by_hand(where, theirs, "SELL", 5)
                for _ in range(2):
                    assert (await compared(desk))["is_partial"] is True
                    assert [(d.kind, d.instrument) for d in core.account().drift] == stands
                assert said(desk) == ["WARNING"]
                assert is_shown_partial(desk)
                await where.clear()
                async with asyncio.timeout(LIMIT_S):
                    while core.account().drift:
                        await compared(desk)
                assert said(desk) == ["WARNING", "INFO"]
                assert not is_shown_partial(desk)

    with simulator("--still", venue="polymarket") as told:
        asyncio.run(play(told))
