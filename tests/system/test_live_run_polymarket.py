"""A live run at Polymarket's wire as its page says, killed in the middle."""

import asyncio
import os
import re
import shlex
import signal
import subprocess
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from tests.support.live import Venue, simulator
from tests.support.process import ASK, ROOT, ask, running, within
from tests.support.stalling import until_traded

PAGE = ROOT / "docs" / "how-to" / "polymarket.md"
SYMBOL = "RAIN"
FILLS = 3
"""Before the kill, and again behind it: it comes while something is held that is not settled."""
LIMIT_S = 200


def set_up(folder: Path) -> Path:
    """Strategy and configuration, made as the page says."""
    page = PAGE.read_text()
    (folder / "strategies").mkdir()
    (strategy,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (folder / "strategies" / "taker.py").write_text(strategy)
    (making,) = re.findall(r"(?s)(TOKEN=\d+\nholdfast init live.toml .*?[^\\])\n", page)
    own = making.replace("holdfast", shlex.join(ASK), 1)
    own += f" --set run.strategies_dir={folder}/strategies"
    subprocess.run(["/bin/sh", "-c", own], cwd=folder, capture_output=True, text=True, check=True)
    return folder / "live.toml"


@pytest.mark.timeout(240)
def test_a_live_run_that_is_killed_leaves_no_orphan_and_no_duplicate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ST-1, RK-6: LIVE with lost answers, kill -9, the guard's restart; the venue is the judge.

    The first trade wins and every other loses: a small profit that is lost again ends no entries.
    """
    config = set_up(tmp_path)
    data_dir = tmp_path / "data"
    with simulator("--still", venue="polymarket") as told:
        monkeypatch.setenv("HOLDFAST_POLYMARKET_ADDRESS", told["address"])
        monkeypatch.setenv("HOLDFAST_POLYMARKET_PRIVATE_KEY", told["private_key"])

        async def play() -> None:
            async with aiohttp.ClientSession() as http:
                where = Venue(told, http)
                market = asyncio.create_task(make_market(where))
                await where.fault("accept_then_drop", how="reset")
                await where.fault("accept_then_status", status=504, skip=1)
                arguments = ("--mode", "LIVE", "--broker", "polymarket", "--url", told["url"])
                async with running(data_dir, *arguments, "--config", str(config)) as run:
                    before = await until_traded(where, FILLS, data_dir)
                    os.kill(run.address.pid, signal.SIGKILL)
                    await until_traded(where, len(before["executions"]) + FILLS, data_dir)
                    assert await run.end(signal.SIGINT) == 0
                market.cancel()
                await asyncio.gather(market, return_exceptions=True)
                await judge(where, data_dir)

        within(play, LIMIT_S)


async def make_market(where: Venue) -> None:
    """Two cents wide, five prints a second; higher only while the first trade is held."""
    while True:
        bid = 60 if len((await where.truth())["executions"]) == 1 else 50
        sides = {"bid": f"0.{bid}", "ask": f"0.{bid + 2}"}
        await where.post("/admin/quote", {"symbol": SYMBOL, **sides})
        taken = {"side": "buy", "price": sides["ask"], "qty": "1"}
        await where.post("/admin/trade", {"symbol": SYMBOL, **taken})
        await asyncio.sleep(0.2)  # the market's own pace


async def judge(where: Venue, data_dir: Path) -> None:
    """One write an order, every order of an intent, the same fills, a journal without a hole."""
    truth = await where.truth()
    assert truth["open_orders"] == 0
    assert set(Counter(order["id"] for order in truth["orders"]).values()) == {1}
    requests = (await where.get("/admin/audit"))["requests"]
    written = Counter(
        entry["body_sha256"]
        for entry in requests
        if (entry["method"], entry["path"]) == ("POST", "/order")
    )
    assert set(written.values()) == {1}
    assert [rule["hits"] for rule in await where.get("/admin/faults")] == [1, 1]
    sql = "SELECT client_order_id, CAST(qty AS VARCHAR) qty FROM fills"
    said = ask("sql", sql, "--data-dir", str(data_dir), "--json")
    assert said.code == 0, said.out + said.err
    rows = said.json()["rows"]
    assert len(rows) == len([each for each in truth["executions"] if not each["is_reversed"]])
    assert len({row["client_order_id"] for row in rows}) <= len(truth["orders"])
    assert ask("verify", "--data-dir", str(data_dir)).code == 0
