"""Tradier's list of orders ends at midnight in New York: what it cannot say is not made up."""

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from brokers.reading import iso
from tests.support.live import Venue, at_venue, live, simulator

NS = 1_000_000_000
BEFORE_S = 20
AFTER_S = 60


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, str]]:
    """One simulator for all; each test begins with an empty book."""
    with simulator(venue="tradier") as told:
        yield told


def before_midnight_ns() -> int:
    """Shortly before the next midnight in New York."""
    new_york = datetime.fromtimestamp(time.time(), ZoneInfo("America/New_York"))  # noqa: TID251
    midnight = new_york.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (int(midnight.timestamp()) - BEFORE_S) * NS


@pytest.mark.parametrize(
    ("verb", "settings", "holds"),
    [("accept_then_drop", {"how": "hang"}, "holds 1 SPY"), ("drop_request", {}, "holds nothing")],
    ids=["booked", "lost"],
)
def test_an_intent_of_yesterday_is_told_of_and_never_sent_again(
    told: dict[str, str], tmp_path: Path, verb: str, settings: dict[str, str], holds: str
) -> None:
    """EX-6, ST-2: unresolved across midnight: CRITICAL with what is held, no second order."""

    async def play() -> None:
        ahead_ns = before_midnight_ns() - time.time_ns()
        async with at_venue(told) as where:
            await where.post("/admin/reset", {"clock": iso(time.time_ns() + ahead_ns)})
            async with live(where, tmp_path, ahead_ns=ahead_ns) as desk:
                await desk.ready()
                await where.fault(verb, **settings)
                await where.fault("mute_stream", seconds=2)
                order = await desk.enter()
                await until_written(where)
            await where.clear()
            await where.post("/admin/clock", {"advance_s": AFTER_S})
            ahead_ns += AFTER_S * NS
            async with live(where, tmp_path, ahead_ns=ahead_ns, recover=True) as desk:
                await desk.until(lambda: bool(desk.payloads("OrderOutOfReach")), "the alarm")
                critical = [text for severity, text in desk.told.notices if severity == "CRITICAL"]
                assert any(order in text and holds in text for text in critical)
                await desk.until(lambda: desk.state(order) == "UNKNOWN", "doubt")
                assert desk.payloads("LookupMissed") == []
                prices_1e8 = desk.trader.system.telemetry.prices_1e8
                await desk.until(lambda: desk.symbol in prices_1e8, "a price")
                desk.ask(setup_instance="again")
                await desk.until(lambda: bool(desk.payloads("VerdictGiven")), "a verdict")
                assert not desk.payloads("VerdictGiven")[-1]["is_approved"]
            written = [
                entry
                for entry in (await where.get("/admin/audit"))["requests"]
                if where.is_order(entry)
            ]
            assert len(written) == 1

    asyncio.run(play())


async def until_written(where: Venue) -> None:
    """The order's request has come."""
    async with asyncio.timeout(BEFORE_S):
        while not any(map(where.is_order, (await where.get("/admin/audit"))["requests"])):
            pass
