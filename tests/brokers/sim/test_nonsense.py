"""Nonsense at the door: every request is answered as the venue answers, none breaks it."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.sim.alpaca.errors import ApiError
from brokers.sim.alpaca.rules import read_ticket
from tests.brokers.sim.test_desk import Played, check
from tests.brokers.sim.venue import open_venue, order

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.decimals(),
    st.text(max_size=12),
    st.sampled_from(
        ["1", "0", "-1", "1e400", "NaN", "231.40", "buy", "market", "day", "mleg", "oco"]
    ),
    st.dictionaries(st.sampled_from(["limit_price", "stop_price", "x"]), st.just("1"), max_size=2),
    st.lists(st.just({}), max_size=5),
)
FIELDS = st.sampled_from([*order(), "notional", "stop_price", "order_class", "take_profit",
                          "stop_loss", "legs", "trail_price", "trail_percent", "extended_hours",
                          "position_intent"])  # fmt: skip


@given(st.one_of(VALUES, st.dictionaries(FIELDS, VALUES)), st.dictionaries(FIELDS, VALUES))
def test_any_body_is_an_order_or_a_refusal(body: Any, changes: dict[str, Any]) -> None:
    """BR-2: the venue refuses what it cannot read, and never breaks over it."""
    for each in (body, {**order(), **changes}):
        with suppress(ApiError):
            read_ticket(each)


@given(st.lists(st.dictionaries(FIELDS, VALUES, max_size=3), max_size=4))
def test_any_order_leaves_the_books_in_order(changes: list[dict[str, Any]]) -> None:
    """BR-2: what is accepted works, whatever it is."""
    played = Played()
    for each in changes:
        played.place(**each)
        check(played)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/orders?limit=many",
        "/v2/orders?limit=501",
        "/v2/orders?status=some",
        "/v2/orders?after=yesterday",
        "/v2/orders?after_order_id=x&before_order_id=y",
        "/v2/orders:by_client_order_id",
        "/v2/orders/not-a-uuid",
        "/v2/account/activities?page_size=ten",
        "/v2/account/activities?after=x",
        "/v2/calendar?start=x",
        "/v2/options/contracts?limit=x",
        "/v2/options/contracts?page_token=x",
        "/v2/options/contracts?strike_price_gte=x",
        "/v2/options/contracts/NOPE",
        "/v2/positions/NOPE",
        "/v2/stocks/bars?symbols=AAPL&timeframe=soon",
        "/v2/stocks/bars?symbols=AAPL&limit=x",
        "/v2/stocks/bars?symbols=AAPL&start=x",
        "/v2/stocks/bars",
        "/v2/stocks/quotes?symbols=AAPL&feed=other",
        "/v2/nowhere",
    ],
)
def test_a_question_that_cannot_be_read_is_refused(path: str) -> None:
    """BR-2: 4xx with a code, never 500."""

    async def run() -> None:
        async with open_venue() as client:
            status, body = await client.json("GET", path)
            assert 400 <= status < 500
            assert body["code"] > 40_000_000

    asyncio.run(run())


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[1", b'"text"', b"NaN", b'{"qty":NaN}', b"\xff\xfe", b"null", b"[]"]
)
def test_a_body_that_is_no_json_object_is_refused(raw: bytes) -> None:
    """BR-2: placing and replacing."""

    async def run() -> None:
        async with open_venue() as client:
            placed = (await client.place())[1]
            for method, path in (("POST", "/v2/orders"), ("PATCH", f"/v2/orders/{placed['id']}")):
                url = client.addresses.url + path
                async with client.http.request(
                    method, url, data=raw, headers=client.headers
                ) as answer:
                    assert 400 <= answer.status < 500
            assert len((await client.truth())["orders"]) == 1

    asyncio.run(run())
