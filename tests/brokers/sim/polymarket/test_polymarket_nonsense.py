"""Nonsense at the door: every request is answered as the venue answers, none breaks it."""

import asyncio
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.sim.polymarket.errors import Refusal
from brokers.sim.polymarket.listing import listings
from brokers.sim.polymarket.rules import Reader
from brokers.sim.polymarket.signing import wallet_of
from tests.brokers.sim.polymarket.venue import ZERO, Client, open_venue
from trading.errors import SetupError

TOKENS = {token.token_id: (one, token) for one in listings() for token in one.tokens}
ADDRESS = "0x" + "ab" * 20
ORDER = {
    "salt": 1,
    "maker": ADDRESS,
    "signer": ADDRESS,
    "tokenId": next(iter(TOKENS)),
    "makerAmount": "4000000",
    "takerAmount": "10000000",
    "side": "BUY",
    "expiration": "0",
    "signatureType": 0,
    "timestamp": "1795203023975",
    "metadata": ZERO,
    "builder": ZERO,
    "signature": "0x" + "11" * 64 + "1b",
}
BODY = {"order": ORDER, "owner": "key", "orderType": "GTC", "deferExec": False, "postOnly": False}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.decimals(),
    st.text(max_size=12),
    st.sampled_from(["0", "-1", "1e400", "9" * 90, "0x", "0xzz", "0x" + "0" * 130, "SELL", "FOK"]),
    st.lists(st.just({}), max_size=2),
    st.just({}),
)


def test_what_verifies_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """BR-2: an error that says what to do."""
    monkeypatch.setitem(sys.modules, "eth_account", None)
    with pytest.raises(SetupError, match=r"holdfast\[venue\]"):
        wallet_of(7)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("quote", {"symbol": "RAIN", "bid": "0.9", "ask": "1"}, "below 1, was 1"),
        ("trade", {"symbol": "RAIN", "price": "2", "qty": "1", "side": "buy"}, "below 1, was 2"),
        ("resolve", {"symbol": "NOPE", "winner": "Yes"}, "no open market"),
        ("resolve", {"symbol": "RAIN", "winner": "Perhaps"}, "Yes, No or split"),
        ("tick", {"symbol": "RAIN", "tick": "0.02"}, "tick is one of"),
    ],
)
def test_the_admin_port_says_what_it_wants(path: str, body: Any, words: str) -> None:
    """BR-2: 400, and nothing has changed."""

    async def run() -> None:
        async with open_venue() as client:
            url = f"{client.addresses.admin_url}/admin/{path}"
            async with client.http.post(url, json=body) as answer:
                assert (answer.status, words in (await answer.json())["error"]) == (400, True)
            await client.place()

    asyncio.run(run())


@given(VALUES, st.dictionaries(st.sampled_from([*BODY]), VALUES))
def test_any_body_is_an_order_or_a_refusal(body: Any, changes: dict[str, Any]) -> None:
    """BR-2: the venue refuses what it cannot read, and never breaks over it."""
    for each in (body, {**BODY, **changes}):
        with suppress(Refusal):
            Reader(TOKENS, 0).ticket(each, "key", ADDRESS)


@given(st.dictionaries(st.sampled_from([*ORDER]), VALUES))
def test_any_order_inside_a_body_is_one_or_a_refusal(changes: dict[str, Any]) -> None:
    """BR-2: each field of the order, its signature included."""
    with suppress(Refusal):
        Reader(TOKENS, 0).ticket({**BODY, "order": {**ORDER, **changes}}, "key", ADDRESS)


async def _read(client: Client, path: str, *, is_mine: bool) -> int:
    found: int = (await client.ask("GET", path, headers=None if is_mine else {}))[0]
    return found


@pytest.mark.parametrize(
    "path",
    [
        "/book",
        "/book?token_id=1",
        "/price?token_id=1&side=up",
        "/markets/0x1",
        "/markets-by-token/1",
        "/clob-markets/1",
        "/prices-history?market=1",
        "/gamma/markets/1",
        "/positions?limit=x",
        "/data-api/positions?offset=-1",
        "/nowhere",
    ],
)
def test_a_public_question_that_cannot_be_read_is_refused(path: str) -> None:
    """BR-2: 4xx, never 500."""

    async def run() -> None:
        async with open_venue() as client:
            assert 400 <= await _read(client, path, is_mine=False) < 500

    asyncio.run(run())


@pytest.mark.parametrize(
    "path",
    [
        "/data/orders?next_cursor=x",
        "/data/trades?next_cursor=!",
        "/data/trades?after=x",
        "/balance-allowance",
        "/balance-allowance?asset_type=CONDITIONAL&token_id=1",
    ],
)
def test_a_question_of_the_account_that_cannot_be_read_is_refused(path: str) -> None:
    """BR-2: 4xx, never 500; of trades that it cannot be read is seen where there are some."""

    async def run() -> None:
        async with open_venue() as client:
            await client.quote("0.40", "0.50", "100", symbol="RAIN")
            await client.place("BUY", "0.50", "20")
            assert 400 <= await _read(client, path, is_mine=True) < 500

    asyncio.run(run())


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[1", b'"text"', b"NaN", b"null", b"[]", b"[[]]", b"{}", b"[{}]"]
)
def test_a_body_that_is_no_order_is_refused(raw: bytes) -> None:
    """BR-2: posts and cancels; nothing is booked."""

    async def run() -> None:
        async with open_venue() as client:
            await client.place()
            for method, path in (
                ("POST", "/order"),
                ("DELETE", "/order"),
                ("DELETE", "/orders"),
                ("DELETE", "/cancel-market-orders"),
                ("POST", "/v1/heartbeats"),
            ):
                headers = client.signed(method, path, raw.decode())
                url = client.addresses.url + path
                async with client.http.request(method, url, data=raw, headers=headers) as answer:
                    assert 400 <= answer.status < 500, (method, path)
            assert (await client.truth())["open_orders"] == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    "raw", ["{", "null", "[]", '"x"', '{"type":"user"}', '{"type":"user","auth":1}']
)
@pytest.mark.parametrize("path", ["/ws/user", "/ws/market", "/ws/feeds"])
def test_a_word_that_cannot_be_read_ends_the_stream(path: str, raw: str) -> None:
    """BR-2: the connection is closed; the venue goes on."""

    async def run() -> None:
        async with open_venue() as client:
            socket = await client.http.ws_connect(client.addresses.ws_url + path)
            await socket.send_str(raw)
            await socket.receive()
            assert socket.closed
            await client.place()

    asyncio.run(run())
