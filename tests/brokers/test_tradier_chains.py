"""Option chains of Tradier: whose greeks nobody is shown without asking how old they may be."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from brokers.backoff import Backoff
from brokers.base import StreamDown, StreamUp
from brokers.credentials import Credentials
from brokers.reading import MalformedError
from brokers.tradier.chains import Contract, chain, contract_of
from brokers.tradier.connect import Addresses, Connection
from brokers.tradier.words import ContractWire, decode
from tests.support.live import at_venue, simulator

S_NS = 1_000_000_000
HOUR_NS = 3_600 * S_NS
MADE_NS = 1_795_186_748 * S_NS  # 2026-11-20 14:59:08 UTC
GREEKS = {
    "delta": 0.48, "gamma": 0.012, "theta": -9.1, "vega": 0.35, "mid_iv": 0.107,
    "updated_at": "2026-11-20 14:59:08",
}  # fmt: skip
LIMIT_S = 20


def contract(greeks: Any = GREEKS, **changes: Any) -> Contract:
    wire = {
        "symbol": "SPXW261120C06800000", "root_symbol": "SPXW", "underlying": "SPX",
        "option_type": "call", "strike": 6800.0, "expiration_date": "2026-11-20",
        "contract_size": 100, "bid": 5.0, "ask": 5.2, "greeks": greeks,
    }  # fmt: skip
    return contract_of(decode(orjson.dumps(wire | changes), ContractWire, "chain"))


@pytest.mark.parametrize(
    ("age_ns", "is_told"),
    [(0, True), (HOUR_NS, True), (HOUR_NS + 1, False), (-1, False)],
    ids=["new", "at the limit", "too old", "from the future"],
)
def test_greeks_are_told_only_within_the_askers_own_age(age_ns: int, *, is_told: bool) -> None:
    """BR-8: the venue makes them once an hour; what is older sizes nothing."""
    found = contract()
    now_ns = MADE_NS + age_ns
    assert found.greeks_age_ns(now_ns) == age_ns
    assert (found.greeks(now_ns, age_max_ns=HOUR_NS) is not None) is is_told


@pytest.mark.parametrize(
    "greeks",
    [
        None,
        *({**GREEKS, name: None} for name in ("delta", "gamma", "theta", "vega", "mid_iv")),
        {**GREEKS, "delta": 1.01},
        {**GREEKS, "gamma": -0.1},
        {**GREEKS, "mid_iv": 0.0},
        {**GREEKS, "updated_at": ""},
        {**GREEKS, "updated_at": "soon"},
    ],
)
def test_greeks_that_are_missing_or_impossible_are_none(greeks: Any) -> None:
    """BR-8: one number that is not there, or cannot be, and nobody knows any of them."""
    found = contract(greeks)
    assert found.greeks(MADE_NS, age_max_ns=HOUR_NS) is None
    assert found.greeks_age_ns(MADE_NS) is None
    assert "0.48" not in repr(found), "no text is a way around the age"


def test_a_contract_without_a_price_has_none_and_a_day_must_be_one() -> None:
    """BR-1: null is nobody's quote; what is no day is refused by name."""
    assert (contract(bid=None).bid_1e8, contract(ask=None).ask_1e8) == (0, 0)
    with pytest.raises(MalformedError, match=r"tradier option\.expiration_date: expected a day"):
        contract(expiration_date="2026-11")


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, str]]:
    """A simulator whose prices stand still until the tests move them."""
    with simulator("--still", venue="tradier") as told:
        yield told


def connection(told: dict[str, str]) -> Connection:
    return Connection(
        addresses=Addresses.of(told["url"]),
        credentials=Credentials(told["account"], told["token"]),
        now_ns=time.time_ns,
        mono_ns=time.monotonic_ns,
        calls_per_minute=60_000,
    )


def test_the_venues_chain_is_read_and_its_roots_are_told_apart(told: dict[str, str]) -> None:
    """BR-8: SPX settles in the morning, SPXW in the afternoon, and both stand in one chain."""

    async def play() -> None:
        async with asyncio.timeout(LIMIT_S):
            venue = connection(told).venue()
            days = await venue.rest.expirations("SPX")
            found = await chain(venue.rest, "SPX", days[0], roots=["SPXW"])
            assert found
            assert {each.root for each in found} == {"SPXW"}
            assert {each.is_call for each in found} == {True, False}
            assert all(each.multiplier == 100 and each.strike_1e8 > 0 for each in found)
            now_ns = time.time_ns()
            ages = {each.greeks_age_ns(now_ns) for each in found} - {None}
            assert ages
            for each in found:
                age_ns = each.greeks_age_ns(now_ns)
                known = each.greeks(now_ns, age_max_ns=24 * HOUR_NS)
                assert (known is None) is (age_ns is None or not 0 <= age_ns <= 24 * HOUR_NS)
            await venue.close()

    asyncio.run(play())


def test_the_market_stream_is_followed_again_after_a_cut_and_prices_come(
    told: dict[str, str],
) -> None:
    """MD-9: the loss and the return are told, a new session is asked for, quotes come again."""

    async def play() -> None:
        async with asyncio.timeout(LIMIT_S), at_venue(told) as where:
            market = connection(told).market(["SPY"])
            market.backoff = Backoff(first_s=0.01, max_s=0.02, seed="test")
            news: asyncio.Queue[Any] = asyncio.Queue()
            following = asyncio.create_task(market.follow(news.put_nowait))

            async def until(kind: type) -> None:
                while not isinstance(await news.get(), kind):
                    pass

            async def price(ask: str) -> None:
                body = {"symbol": "SPY", "bid": "99.99", "bid_qty": "10", "ask": ask}
                await where.post("/admin/quote", body)
                while getattr(await news.get(), "ask_1e8", 0) != round(float(ask) * 1e8):
                    pass

            await until(StreamUp)
            await price("100.01")
            await where.fault("cut_stream")
            await until(StreamDown)
            await until(StreamUp)
            await price("100.02")
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    asyncio.run(play())
