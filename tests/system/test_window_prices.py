"""Reference and spot prices beside windows of the simulator: followed, aged, marked, compared."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import orjson

from actors.trader_port import RunningTrader
from tests.support.live import Live, Venue, live, simulator
from tests.support.polymarket import FAST, at_polymarket, config, outcome
from trading.config import Config
from trading.config_prices import SpotFeed
from trading.run_options import Mode

ONE = 100_000_000
NS = 1_000_000_000
ORACLE, EXCHANGE, OTHER = "chainlink btc/usd", "binance btc/usd", "coinbourse btc/usd"


def with_exchange(where: Venue, base: Config, tokens: list[str]) -> Config:
    """A run of these outcomes that looks at one more exchange."""
    replace = msgspec.structs.replace
    feed = SpotFeed(
        name="coinbourse",
        asset="btc/usd",
        url=where.told["ws_url"] + "/ws/exchange",
        subscribe=orjson.dumps({"op": "subscribe", "market": "BTC-USD"}).decode(),
        price="data.0.price",
        time="data.0.time",
    )
    instruments = tuple(replace(base.instruments[0], symbol=token) for token in tokens)
    return replace(base, instruments=instruments, input=replace(base.input, spot_feeds=(feed,)))


@asynccontextmanager
async def watching(
    told: dict[str, str],
    folder: Path,
    *,
    in_s: float = 2.0,
    seconds: float = 3.0,
    mode: Mode = Mode.LIVE,
) -> AsyncIterator[tuple[Venue, Live, dict[str, Any]]]:
    """A run of both outcomes of one window, with everything that goes on beside trading."""
    async with at_polymarket(told) as where:
        await where.post("/admin/settlement", FAST)
        asked = {"count": 1, "in_s": in_s, "seconds": seconds, "every_s": 1}
        (window,) = await where.post("/admin/windows", asked)
        chosen = with_exchange(where, config(await outcome(where)), window["tokens"])
        first = window["tokens"][0]
        chosen = msgspec.structs.replace(chosen, strategies=())
        async with live(where, folder, config=chosen, symbol=first, mode=mode) as desk:
            plays = (desk.trader.follow_prices(), desk.trader.follow_resolutions(every_s=0.5))
            tasks = [asyncio.create_task(play) for play in plays]
            try:
                yield where, desk, window
            finally:
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
                assert all(
                    each is None or isinstance(each, asyncio.CancelledError) for each in ended
                ), ended


def health(desk: Live) -> dict[str, Any]:
    """The price feeds of `/health`, by name."""
    port = RunningTrader(desk.trader.system, rescan=dict)
    return {feed["name"]: feed for feed in port.health()["feeds"]}


def holes_of(desk: Live) -> list[dict[str, Any]]:
    """Of price feeds; the venue's own market has others."""
    return [each for each in desk.payloads("FeedGap") if not each["feed"].startswith("feed:")]


def test_each_window_is_marked_by_its_reference_with_the_exchanges_beside(tmp_path: Path) -> None:
    """MD-10, MD-1: three feeds, each with its age; start and end are the oracle's own prices."""

    async def play(told: dict[str, str]) -> None:
        async with watching(told, tmp_path) as (_, desk, window):
            await desk.until(lambda: bool(desk.payloads("WindowStarted")), "a window's start")
            seen = health(desk)
            for name in (ORACLE, EXCHANGE, OTHER):
                assert seen[name]["freshness"] == "GREEN"
                assert seen[name]["age_ns"] < 2 * NS
                assert seen[name]["completeness_ratio"] == 1.0
            shown = RunningTrader(desk.trader.system, rescan=dict).status()["windows"]
            assert [each["instruments"] for each in shown] == [window["tokens"]]
            await desk.until(lambda: len(desk.payloads("MarketResolved")) == 2, "resolutions")
            (start,), (end,) = desk.payloads("WindowStarted"), desk.payloads("WindowEnded")
            for mark, at_ns in ((start, window["starts_ns"]), (end, window["ends_ns"])):
                assert mark["at_ns"] == at_ns
                assert mark["reference"]["feed"] == "chainlink"
                assert 0 <= mark["reference"]["age_ns"] < 1_000_000, "the oracle spoke just then"
                assert {row["feed"] for row in mark["spots"]} == {"binance", "coinbourse"}
                for row in mark["spots"]:
                    assert row["age_ns"] is not None
                    prices = Decimal(row["price_1e8"]), Decimal(mark["reference"]["price_1e8"])
                    assert abs(prices[0] / prices[1] - 1) < Decimal("0.01")
            went_up = end["reference"]["price_1e8"] >= start["reference"]["price_1e8"]
            worth = {
                each["instrument"]: each["worth_1e8"] for each in desk.payloads("MarketResolved")
            }
            assert worth == dict(
                zip(window["tokens"], (ONE, 0) if went_up else (0, ONE), strict=True)
            )
            assert [each["doubts"] for each in desk.payloads("MarketResolved")] == [[], []]

    with simulator(venue="polymarket") as told:
        asyncio.run(play(told))


def test_a_reference_that_says_otherwise_is_a_doubt_that_a_person_sees(tmp_path: Path) -> None:
    """MD-8, MD-10: the venue's word stands; that the oracle went the other way is told."""

    async def play(told: dict[str, str]) -> None:
        async with watching(told, tmp_path) as (where, desk, _):
            await desk.until(lambda: bool(desk.payloads("WindowStarted")), "a window's start")
            feed = {"feed": "crypto_prices_chainlink", "shift_ratio": -0.1}
            await where.post("/admin/feeds", feed)
            await desk.until(lambda: len(desk.payloads("MarketResolved")) == 2, "resolutions")
            resolved = desk.payloads("MarketResolved")
            assert [each["worth_1e8"] for each in resolved] == [ONE, 0], "the price stood still"
            for each, expected in zip(
                resolved, ("0 was expected and 1", "1 was expected and 0"), strict=True
            ):
                assert expected in each["doubts"][0]
            doubts = [text for severity, text in desk.told.notices if severity == "CRITICAL"]
            assert sum("the reference went from" in text for text in doubts) == 2

    with simulator("--still", venue="polymarket") as told:
        asyncio.run(play(told))


def test_a_reference_that_falls_silent_is_stale_told_and_a_hole_of_its_own(tmp_path: Path) -> None:
    """MD-2, MD-9, MD-10: the exchanges go on; what the oracle did not say is not known."""

    async def play(told: dict[str, str]) -> None:
        async with watching(told, tmp_path, in_s=4.0, seconds=30.0) as (where, desk, _):
            await desk.until(lambda: ORACLE in health(desk), "the feeds")
            feed = {"feed": "crypto_prices_chainlink", "seconds": 7.0}
            await where.post("/admin/feeds", feed)
            await desk.until(lambda: bool(desk.payloads("WindowStarted")), "a window's start")
            (start,) = desk.payloads("WindowStarted")
            assert start["reference"] is None
            assert all(row["price_1e8"] for row in start["spots"])
            async with asyncio.timeout(10):
                while health(desk)[ORACLE]["freshness"] != "RED":  # noqa: ASYNC110 - it is not told
                    await asyncio.sleep(0.05)
            assert health(desk)[ORACLE]["is_stale"]
            assert health(desk)[EXCHANGE]["freshness"] == "GREEN"
            await desk.until(lambda: bool(holes_of(desk)), "a hole")
            holes = holes_of(desk)
            assert {(each["feed"], each["instrument"]) for each in holes} == {
                ("chainlink", "btc/usd")
            }
            assert holes[0]["end_ns"] - holes[0]["start_ns"] > 5 * NS
            assert health(desk)[ORACLE]["completeness_ratio"] < 1.0
            texts = [text for _, text in desk.told.notices]
            assert any(text.startswith(f"{ORACLE}: no price for") for text in texts)
            assert any(text == f"{ORACLE}: prices come again" for text in texts)

    with simulator(venue="polymarket") as told:
        asyncio.run(play(told))


def test_a_connection_that_is_cut_comes_back_and_leaves_its_hole(tmp_path: Path) -> None:
    """MD-9, MD-10: each stream by itself; however short it was, what came meanwhile is lost."""

    async def play(told: dict[str, str]) -> None:
        async with watching(told, tmp_path, in_s=20.0, seconds=20.0, mode=Mode.PAPER) as stage:
            where, desk, _ = stage
            await desk.until(
                lambda: (
                    {ORACLE, EXCHANGE, OTHER} <= {*health(desk)}
                    and all(health(desk)[each]["age_ns"] for each in (ORACLE, EXCHANGE, OTHER))
                ),
                "the feeds",
            )
            await where.fault("cut_stream")
            await desk.until(
                lambda: (
                    {"chainlink", "binance", "coinbourse"}
                    <= {each["feed"] for each in desk.payloads("FeedGap")}
                ),
                "a hole of each",
            )
            streams = ("polymarket price feed is down", "coinbourse prices is down")
            texts = [text for _, text in desk.told.notices]
            assert all(any(text.startswith(each) for text in texts) for each in streams)

    with simulator(venue="polymarket") as told:
        asyncio.run(play(told))
