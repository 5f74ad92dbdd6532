"""A live run as people start it, killed in the middle; the venue's audit is the judge."""

import asyncio
import os
import signal
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from research.crash.market import ticker_config
from tests.support.live import Venue, at_venue, simulator
from tests.support.process import ask, running, within

TRADES = 2


async def until_traded(where: Venue, executions: int) -> dict[str, Any]:
    """Wait until the venue has seen so many executions."""
    while True:
        truth = await where.truth()
        if len(truth["executions"]) >= executions:
            return truth
        await asyncio.sleep(0.1)  # between two questions; the test is bounded by `within`


def test_a_live_run_that_is_killed_leaves_no_orphan_and_no_duplicate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ST-1, MD-3: LIVE, kill -9, the launcher's restart: one story; the venue's clock is seen."""
    config, data_dir = ticker_config(tmp_path), tmp_path / "data"
    with simulator() as told:
        monkeypatch.setenv("HOLDFAST_ALPACA_KEY", told["key"])
        monkeypatch.setenv("HOLDFAST_ALPACA_SECRET", told["secret"])

        async def play() -> None:
            async with at_venue(told) as where:
                arguments = ("--mode", "LIVE", "--broker", "alpaca", "--url", told["url"])
                async with running(data_dir, *arguments, "--config", str(config)) as run:
                    before = await until_traded(where, 2 * TRADES)
                    await run.until_event("ClockOffset", name="alpaca")
                    _, health = await run.get("/health")
                    (clock,) = health["clocks"]
                    assert clock["verdict"] != "FAR", clock
                    os.kill(run.address.pid, signal.SIGKILL)
                    await until_traded(where, len(before["executions"]) + 2 * TRADES)
                    assert await run.end(signal.SIGINT) == 0
                await judge(where, data_dir)

        within(play)


async def judge(where: Venue, data_dir: Path) -> None:
    """One order an intent, one write an order, the same fills, a journal without a hole."""
    truth = await where.truth()
    assert set(truth["orders_by_client_id"].values()) == {1}
    assert truth["orders_without_client_id"] == 0
    written = Counter(
        entry["client_order_id"]
        for entry in (await where.get("/admin/audit"))["requests"]
        if entry["method"] == "POST" and entry["path"] == "/v2/orders"
    )
    assert set(written.values()) == {1}
    working = [each for each in truth["orders"] if each["status"] in ("new", "partially_filled")]
    assert all(order["type"] == "stop" for order in working)
    sql = (
        "SELECT client_order_id, CAST(qty AS VARCHAR) qty, CAST(price AS VARCHAR) price FROM fills"
    )
    said = ask("sql", sql, "--data-dir", str(data_dir), "--json")
    assert said.code == 0, said.out + said.err
    ids = {order["id"]: order["client_order_id"] for order in truth["orders"]}
    assert sorted(
        (row["client_order_id"], Decimal(row["qty"]), Decimal(row["price"]))
        for row in said.json()["rows"]
    ) == sorted(
        (ids[each["order_id"]], Decimal(each["qty"]), Decimal(each["price"]))
        for each in truth["executions"]
    )
    assert ask("verify", "--data-dir", str(data_dir)).code == 0
