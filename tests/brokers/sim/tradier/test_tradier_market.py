"""Tradier's market routes: chains with greeks and their age, clock, calendar, bars, limits."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.brokers.sim.tradier.venue import CALL, Client, open_venue, option


def run(scenario: Callable[[Client], Awaitable[None]], **options: Any) -> None:
    async def play() -> None:
        async with open_venue(**options) as client:
            await scenario(client)

    asyncio.run(play())


async def chain(client: Client, day: str, symbol: str = "SPX") -> list[Any]:
    path = f"/v1/markets/options/chains?symbol={symbol}&expiration={day}&greeks=true"
    found: list[Any] = (await client.json("GET", path))["options"]["option"]
    return found


async def call(client: Client) -> Any:
    path = f"/v1/markets/quotes?symbols={CALL}&greeks=true"
    return (await client.json("GET", path))["quotes"]["quote"]


def test_a_third_friday_mixes_both_roots() -> None:
    """BR-8: the monthly root settles in the morning, the weekly one at the close."""

    async def scenario(client: Client) -> None:
        roots = {each["root_symbol"] for each in await chain(client, "2026-12-18")}
        assert roots == {"SPX", "SPXW"}
        assert {each["root_symbol"] for each in await chain(client, "2026-11-23")} == {"SPXW"}
        today = {each["root_symbol"] for each in await chain(client, "2026-11-20")}
        assert today == {"SPXW"}  # SPX has settled at the open
        path = "/v1/markets/options/expirations?symbol=SPX"
        plain = (await client.json("GET", path))["expirations"]["date"]
        every = (await client.json("GET", f"{path}&includeAllRoots=true"))["expirations"]["date"]
        assert "2026-11-23" not in plain
        assert "2026-11-23" in every
        assert "2026-11-26" not in every  # no session

    run(scenario)


def test_greeks_are_of_the_last_full_hour() -> None:
    """BR-2: they stand still while the price moves, and grow an hour old."""

    async def scenario(client: Client) -> None:
        first = await call(client)
        assert first["greeks"]["updated_at"] == "2026-11-20 14:00:08"
        assert 0.4 < first["greeks"]["delta"] < 0.6
        await client.quote("6849.00", "6851.00", symbol="SPX")
        moved = await call(client)
        assert moved["bid"] > first["bid"] + 40
        assert moved["greeks"] == first["greeks"]
        await client.admin("POST", "clock", {"at": "2026-11-20T15:00:08Z"})
        renewed = (await call(client))["greeks"]
        assert renewed["updated_at"] == "2026-11-20 15:00:08"
        assert renewed["delta"] > 0.8

    run(scenario)


def test_a_worthless_contract_has_no_greeks() -> None:
    """BR-2: null, for calls far above the price on their last day."""

    async def scenario(client: Client) -> None:
        await client.admin("POST", "clock", {"at": "2026-11-20T20:30:00Z"})
        found = {each["symbol"]: each["greeks"] for each in await chain(client, "2026-11-20")}
        assert found["SPXW261120C06860000"] is None
        assert found[CALL] is not None

    run(scenario)


def test_unknown_symbols_are_named() -> None:
    """BR-5: beside those that are known, whatever their number."""

    async def scenario(client: Client) -> None:
        path = "/v1/markets/quotes?symbols="
        found = (await client.json("GET", f"{path}SPY,NOPE"))["quotes"]
        assert found["quote"]["symbol"] == "SPY"
        assert found["unmatched_symbols"] == {"symbol": "NOPE"}
        found = (await client.json("POST", "/v1/markets/quotes", {"symbols": "NO,NE"}))["quotes"]
        assert found == {"unmatched_symbols": {"symbol": ["NO", "NE"]}}
        assert len((await client.json("GET", f"{path}SPY,BRK/B"))["quotes"]["quote"]) == 2

    run(scenario)


@pytest.mark.parametrize(
    ("at", "state", "change", "following"),
    [
        ("2026-11-20T11:59:59Z", "closed", "07:00", "premarket"),
        ("2026-11-20T12:00:00Z", "premarket", "09:30", "open"),
        ("2026-11-20T14:30:00Z", "open", "16:00", "postmarket"),
        ("2026-11-20T21:00:00Z", "postmarket", "20:00", "closed"),
        ("2026-11-21T01:00:00Z", "closed", "07:00", "premarket"),
        ("2026-11-27T18:00:00Z", "postmarket", "17:00", "closed"),
    ],
)
def test_the_clock_knows_four_states(at: str, state: str, change: str, following: str) -> None:
    """BR-8: Eastern times; the day after Thanksgiving closes at 13:00."""

    async def scenario(client: Client) -> None:
        clock = (await client.json("GET", "/v1/markets/clock"))["clock"]
        found = (clock["state"], clock["next_change"], clock["next_state"])
        assert found == (state, change, following)

    run(scenario, at=at)


def test_the_calendar_has_every_day_of_a_month() -> None:
    """BR-8: closed days have no sessions, half days end early."""

    async def scenario(client: Client) -> None:
        found = (await client.json("GET", "/v1/markets/calendar?month=11&year=2026"))["calendar"]
        days = {day["date"]: day for day in found["days"]["day"]}
        assert len(days) == 30
        assert days["2026-11-26"] == {
            "date": "2026-11-26", "status": "closed", "description": "Market is closed",
        }  # fmt: skip
        assert days["2026-11-27"]["open"] == {"start": "09:30", "end": "13:00"}
        assert days["2026-11-27"]["postmarket"] == {"start": "13:00", "end": "17:00"}

    run(scenario)


def test_bars_come_from_prints() -> None:
    """BR-2: null where there are none; a bare object for one."""

    async def scenario(client: Client) -> None:
        series, history = "/v1/markets/timesales?symbol=SPY", "/v1/markets/history?symbol=SPY"
        assert (await client.json("GET", series))["series"] is None
        assert (await client.json("GET", history))["history"] is None
        for bid, price in (("680.99", "681.01"), ("681.00", "681.02"), ("680.98", "681.00")):
            await client.quote(bid, price, symbol="SPY")
            print_of = {"symbol": "SPY", "price": price, "qty": "2", "side": "buy"}
            await client.admin("POST", "trade", print_of)
        bar = (await client.json("GET", series))["series"]["data"]
        assert (bar["time"], bar["timestamp"]) == ("2026-11-20T10:00:00", 1795186800)
        assert (bar["open"], bar["high"], bar["volume"]) == (681.01, 681.02, 6)
        day = (await client.json("GET", history))["history"]["day"]
        assert (day["date"], day["close"]) == ("2026-11-20", 681.0)
        assert (await client.ask("GET", f"{series}&interval=2min"))[0] == 400

    run(scenario)


def test_each_kind_of_request_has_its_own_limit() -> None:
    """BR-6: 60 orders and 120 reads a minute, told by every answer."""

    async def scenario(client: Client) -> None:
        path = f"{client.account}/orders"
        for count in range(60):
            status, _, headers = await client.ask("POST", path, option(f"n-{count}"))
            assert (status, headers["X-Ratelimit-Available"]) == (200, str(59 - count))
        status, text, headers = await client.ask("DELETE", f"{path}/1")
        assert (status, headers["X-Ratelimit-Used"]) == (429, "60")
        assert "QuotaViolation" in text
        assert headers["X-Ratelimit-Expiry"] == str(1795186860 * 1000)
        assert (await client.ask("GET", path))[2]["X-Ratelimit-Allowed"] == "120"
        client.wall.advance(60)
        assert (await client.ask("DELETE", f"{path}/1"))[0] == 401

    run(scenario, requests_per_min=60, cash_1e8=100_000_000_000_000)


def test_who_does_not_ask_for_json_gets_xml() -> None:
    """BR-2: the default of the wire; the JSON is a translation of it."""

    async def scenario(client: Client) -> None:
        bare = {"Authorization": f"Bearer {client.addresses.token}"}
        status, text, headers = await client.ask("GET", f"{client.account}/orders", headers=bare)
        assert (status, text) == (200, '<?xml version="1.0"?><orders>null</orders>')
        assert headers["Content-Type"].startswith("application/xml")

    run(scenario)
