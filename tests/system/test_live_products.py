"""Options and fractions through the whole system: signal, gate, adapter, the venue's book."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rust_core import Leg
from tests.support.live import (
    ONE_1E8,
    SYMBOL,
    Live,
    Venue,
    agree,
    at_venue,
    live,
    live_config,
    simulator,
)
from trading.config import Config, Instrument, InstrumentKind

MULTIPLIER = 100
CENT_1E8 = 1_000_000


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, str]]:
    """A simulator whose prices stand still until the tests move them."""
    with simulator("--still") as told:
        yield told


async def an_option(where: Venue) -> str:
    """A contract that the venue trades."""
    headers = {"APCA-API-KEY-ID": where.told["key"], "APCA-API-SECRET-KEY": where.told["secret"]}
    url = f"{where.url}/v2/options/contracts?underlying_symbols={SYMBOL}&limit=1"
    async with where.http.get(url, headers=headers) as answer:
        return str((await answer.json())["option_contracts"][0]["symbol"])


async def quote(where: Venue, symbol: str, bid: str, ask: str) -> None:
    body = {"symbol": symbol, "bid": bid, "bid_qty": "1000", "ask": ask, "ask_qty": "1000"}
    await where.post("/admin/quote", body)


async def streams_up(desk: Live) -> None:
    """Orders and market are listened to: a price that moved before is not told again."""
    await desk.until(lambda: len(desk.payloads("StreamGap")) == 2, "both streams")


def with_instruments(*instruments: Instrument) -> Config:
    return msgspec.structs.replace(live_config(), instruments=instruments)


def equity(lot: str = "1") -> Instrument:
    return Instrument(
        symbol=SYMBOL,
        kind=InstrumentKind.EQUITY,
        tick_size=Decimal("0.01"),
        lot=Decimal(lot),
    )


def run(play: Any) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(50):
            await play

    asyncio.run(bounded())


def test_an_option_is_bought_and_sold_with_its_multiplier(
    told: dict[str, str], tmp_path: Path
) -> None:
    """BR-1: two contracts at 2.55, out at 2.75: 40 dollars, in our books and in the venue's."""

    async def play() -> None:
        async with at_venue(told) as where:
            option = await an_option(where)
            contract = Instrument(
                symbol=option,
                kind=InstrumentKind.OPTION,
                tick_size=Decimal("0.01"),
                multiplier=Decimal(MULTIPLIER),
            )
            config = with_instruments(equity(), contract)
            async with live(where, tmp_path, config=config) as desk:
                await streams_up(desk)
                await quote(where, SYMBOL, "99.99", "100")
                await quote(where, option, "2.50", "2.55")
                await desk.ready()
                prices = desk.trader.system.telemetry.prices_1e8
                await desk.until(lambda: option in prices, "the contract's price")
                cash = Decimal((await where.truth())["cash"])
                await desk.enter(qty=2, legs=[Leg(option, "BUY")], reference_1e8=255 * CENT_1E8)
                await desk.until(lambda: len(desk.payloads("OrderFilled")) == 1, "a fill")
                held = Decimal((await where.truth())["cash"])
                assert cash - held == Decimal("2.55") * 2 * MULTIPLIER
                await quote(where, option, "2.75", "2.80")
                await desk.until(lambda: prices[option] > 270 * CENT_1E8, "the new price")
                desk.leave(option)
                await desk.until(lambda: desk.payloads("TradeClosed") != [], "the round trip")
                await desk.until(lambda: desk.is_flat, "a flat account")
                (trade,) = desk.payloads("TradeClosed")
                assert trade["gross_1e8"] == 40 * ONE_1E8
                await agree(desk, where)
            sent = {order["symbol"]: order for order in (await where.truth())["orders"]}
            assert set(sent) == {option}

    run(play())


def test_a_fraction_of_a_share_is_bought_and_sold(told: dict[str, str], tmp_path: Path) -> None:
    """BR-1: a lot below one; the venue holds exactly what our books hold."""

    async def play() -> None:
        async with at_venue(told) as where:
            config = with_instruments(equity("0.001"))
            async with live(where, tmp_path, config=config) as desk:
                await streams_up(desk)
                await quote(where, SYMBOL, "99.99", "100")
                await desk.ready()
                await desk.enter(qty_1e8=int(Decimal("0.375") * ONE_1E8))
                await desk.until(lambda: len(desk.payloads("OrderFilled")) == 1, "a fill")
                assert desk.payloads("OrderFilled")[0]["qty_1e8"] == 37_500_000
                await agree(desk, where)
                desk.leave()
                await desk.until(lambda: desk.is_flat, "a flat account")
                await agree(desk, where)

    run(play())
