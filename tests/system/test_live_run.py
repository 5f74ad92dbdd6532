"""A live run as people start it, killed in the middle; the venue's audit is the judge."""

import os
import re
import signal
from collections import Counter
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from brokers.venues import venue_kind
from research.crash.market import ticker_config
from tests.support.live import Venue, at_venue, simulator, totals
from tests.support.process import ask, running, within
from tests.support.stalling import until_traded

TRADES = 2
PRINTS_PER_S = 5
RECORDED_S = 600
FAULTS = """
[[faults]]
verb = "accept_then_drop"      # booked, never answered
how = "reset"

[[faults]]
verb = "accept_then_status"    # booked, and answered with an error
status = 504
skip = 1

[[faults]]
verb = "drop_event"            # the stream says nothing of a fill
on = "{fill}"

[[faults]]
verb = "repeat_event"          # or says it twice
on = "{fill}"
skip = 1
"""
FILLS = {"alpaca": "fill", "tradier": "filled"}
WORKING = ("new", "partially_filled", "open", "pending")


def recording(path: Path) -> Path:
    """Ten minutes of prints, five a second, a cent up or down."""
    chance, cents = Random("a recording"), 59_000
    lines = ["ts,price,size"]
    for number in range(RECORDED_S * PRINTS_PER_S):
        cents += chance.choice((-1, 0, 1))
        minutes, seconds = divmod(number / PRINTS_PER_S, 60)
        lines.append(f"2026-03-09T15:{int(minutes):02}:{seconds:06.3f}Z,{cents / 100:.2f},100")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def misbehaving(folder: Path, broker: str) -> tuple[str, ...]:
    """What the venue is started with: a recording to play, and a file of faults."""
    faults = folder / "faults.toml"
    faults.write_text(FAULTS.format(fill=FILLS[broker]), encoding="utf-8")
    prints = recording(folder / "prints.csv")
    return ("--replay", str(prints), "--symbol", "SPY", "--faults", str(faults))


@pytest.mark.timeout(200)  # at 60 calls a minute four trades take their time
@pytest.mark.parametrize("broker", sorted(FILLS))
def test_a_live_run_that_is_killed_leaves_no_orphan_and_no_duplicate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broker: str
) -> None:
    """ST-1, MD-3: LIVE, kill -9, the guard's restart: one story; the venue's clock is seen.

    The venue plays a recording, loses answers and events, and its audit is the judge.
    """
    config, data_dir = ticker_config(tmp_path), tmp_path / "data"
    if not venue_kind(broker).capabilities.is_fractional:
        config.write_text(re.sub(r"(?m)^lot = \S+", "lot = 1", config.read_text()))
    with simulator(*misbehaving(tmp_path, broker), venue=broker) as told:
        for word in venue_kind(broker).key_words:
            monkeypatch.setenv(f"HOLDFAST_{broker.upper()}_{word}", told[word.lower()])

        async def play() -> None:
            async with at_venue(told) as where:
                arguments = ("--mode", "LIVE", "--broker", broker, "--url", told["url"])
                async with running(data_dir, *arguments, "--config", str(config)) as run:
                    before = await until_traded(where, 2 * TRADES, data_dir)
                    await run.until_event("ClockOffset", name=broker)
                    _, health = await run.get("/health")
                    (clock,) = health["clocks"]
                    assert clock["verdict"] != "FAR", clock
                    os.kill(run.address.pid, signal.SIGKILL)
                    wanted = len(before["executions"]) + 2 * TRADES
                    await until_traded(where, wanted, data_dir)
                    assert await run.end(signal.SIGINT) == 0
                await judge(where, data_dir)
                assert [rule["hits"] for rule in await where.get("/admin/faults")] == [1, 1, 1, 1]

        within(play, 150)


async def judge(where: Venue, data_dir: Path) -> None:
    """One order an intent, one write an order, the same fills, a journal without a hole.

    The holes of the feed are told once each, the one of the process that was killed too.
    """
    truth = await where.truth()
    assert set(truth["orders_by_client_id"].values()) == {1}
    assert truth["orders_without_client_id"] == 0
    written = Counter(
        entry["client_order_id"]
        for entry in (await where.get("/admin/audit"))["requests"]
        if where.is_order(entry)
    )
    assert set(written.values()) == {1}
    working = [each for each in truth["orders"] if each["status"] in WORKING]
    assert all(order["type"] == "stop" for order in working)
    sql = (
        "SELECT client_order_id, CAST(qty AS VARCHAR) qty, CAST(price AS VARCHAR) price FROM fills"
    )
    said = ask("sql", sql, "--data-dir", str(data_dir), "--json")
    assert said.code == 0, said.out + said.err
    gaps = ask(
        "sql", "SELECT start_ns, end_ns FROM feed_gaps ORDER BY 1",
        "--data-dir", str(data_dir), "--json",
    ).json()["rows"]  # fmt: skip
    late = ask("sql", "SELECT * FROM feed_latency", "--data-dir", str(data_dir), "--json")
    assert [row["ticks"] > 0 and row["p50_ms"] <= row["p99_ms"] for row in late.json()["rows"]] == [
        True
    ]  # of the process that ended by itself
    assert all(one["end_ns"] <= two["start_ns"] for one, two in pairwise(gaps)), gaps
    ids = {str(order["id"]): where.own_id(order) for order in truth["orders"]}
    assert totals(
        [
            (row["client_order_id"], Decimal(row["qty"]), Decimal(row["price"]))
            for row in said.json()["rows"]
        ]
    ) == totals(
        [
            (ids[str(each["order_id"])], Decimal(each["qty"]), Decimal(each["price"]))
            for each in truth["executions"]
        ]
    )
    assert ask("verify", "--data-dir", str(data_dir)).code == 0
