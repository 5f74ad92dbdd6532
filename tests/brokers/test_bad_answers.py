"""Answers that cannot be relied on, at every venue and every endpoint: refused by name.

A server on loopback answers whatever a test wants, to the real adapters over real connections.
"""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest

from brokers.base import AlreadyFinal, Prepared, Refused, Unanswered, Unknown
from brokers.calls import CALL_ERRORS
from brokers.credentials import Credentials
from brokers.http_wire import BODY_BYTES_MAX
from brokers.limiter import Priority
from brokers.polymarket.words import Keys
from brokers.venues import venue_kind
from trading.ports import Part

LIMIT_S: Final = 20
ACCOUNT: Final = "VA00000001"
TOKEN_ID: Final = "7" * 40
SECRETS: Final = {
    "alpaca": Credentials("PKVERYSECRETKEY", "a-very-secret-secret"),
    "tradier": Credentials(ACCOUNT, "a-very-secret-token"),
    "polymarket": Credentials("0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A", f"0x{'1' * 64}"),
}
KEYS: Final = Keys(
    api_key="a-very-secret-api-key",
    secret=base64.urlsafe_b64encode(b"a-very-secret-hmac-key").decode(),
    passphrase="a-very-secret-phrase",  # noqa: S106 - nobody's
)
HIDDEN: Final = {
    "alpaca": ("PKVERYSECRETKEY", "a-very-secret-secret"),
    "tradier": ("a-very-secret-token",),
    "polymarket": (KEYS.api_key, KEYS.secret, KEYS.passphrase, "1" * 64),
}
Call = Callable[[Any], Coroutine[Any, Any, Any]]
ENDPOINTS: Final[dict[str, dict[str, Call]]] = {
    "alpaca": {
        "orders:by_client_order_id": lambda rest: rest.order_by_our_id("o"),
        "order list": lambda rest: rest.open_orders(),
        "positions": lambda rest: rest.positions(),
        "account": lambda rest: rest.account(),
        "fills": lambda rest: rest.fills(0),
        "clock": lambda rest: rest.clock(),
        "calendar": lambda rest: rest.calendar("2026-11-20", "2026-11-20"),
        "bars": lambda rest: rest.bars("SPY", 0, 1),
        "assets": lambda rest: rest.asset("SPY"),
        "contracts": lambda rest: rest.contract("SPY261120C00590000"),
        "replace": lambda rest: rest.replace("o", b"{}"),
        "close-position": lambda rest: rest.close_position("SPY"),
        "cancel-all": lambda rest: rest.cancel_all(allowed),
    },
    "tradier": {
        "order list": lambda rest: rest.todays_orders(Priority.POLL),
        "order": lambda rest: rest.order("1"),
        "positions": lambda rest: rest.positions(),
        "balances": lambda rest: rest.balances(),
        "clock": lambda rest: rest.clock(),
        "profile": lambda rest: rest.accounts(),
        "quotes": lambda rest: rest.quotes(["SPY"]),
        "expirations": lambda rest: rest.expirations("SPX"),
        "chain": lambda rest: rest.chain("SPX", "2026-11-20"),
        "session": lambda rest: rest.session("accounts"),
        "preview": lambda rest: rest.preview(b"class=equity"),
        "change": lambda rest: rest.change("1", b"type=market"),
    },
    "polymarket": {
        "order": lambda rest: rest.order("0x1"),
        "order list": lambda rest: rest.open_orders(),
        "trades": lambda rest: rest.trades(0),
        "balance": lambda rest: rest.collateral(),
        "positions": lambda rest: rest.holdings(),
        "midpoint": lambda rest: rest.midpoint_1e8(TOKEN_ID),
        "clock": lambda rest: rest.time(),
        "market": lambda rest: rest.rules(TOKEN_ID),
        "cancel": lambda rest: rest.cancel("0x1", allowed),
        "heartbeats": lambda rest: rest.beat(),
    },
}
EVERY: Final = [(venue, where) for venue, calls in ENDPOINTS.items() for where in calls]


def allowed() -> None:
    """A cancel may leave."""


@dataclass
class Answers:
    """What the server says to everything; an answer without length ends with the connection."""

    status: int = 200
    kind: str = "application/json"
    body: bytes = b""
    length: int | None = None
    echoes: bool = False

    def to(self, request: bytes) -> bytes:
        """The bytes of an answer."""
        body = request if self.echoes else self.body
        head = [f"HTTP/1.1 {self.status} X", f"content-type: {self.kind}"]
        if self.length != 0:
            head.append(f"content-length: {self.length or len(body)}")
        return "\r\n".join([*head, "connection: close", "", ""]).encode() + body


@asynccontextmanager
async def venue_that(answers: Answers, name: str) -> AsyncIterator[Any]:
    """An adapter whose venue answers so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                   if line.startswith(b"content-length")]  # fmt: skip
        request = head + await reader.readexactly(lengths[0] if lengths else 0)
        writer.write(answers.to(request))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    kind = venue_kind(name)
    addresses: Any = kind.addresses_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    connection: Any = kind.connect(
        addresses=addresses,
        credentials=SECRETS[name],
        now_ns=time.time_ns,
        mono_ns=time.monotonic_ns,
        calls_per_minute=60_000,
    )
    if name == "polymarket":
        connection.session.keys = KEYS
    venue = connection.venue()
    try:
        yield venue
    finally:
        await venue.close()
        server.close()
        await server.wait_closed()


def problem(answers: Answers, name: str, call: Callable[[Any], Coroutine[Any, Any, Any]]) -> str:
    """What the adapter says of such an answer."""

    async def play() -> str:
        async with asyncio.timeout(LIMIT_S), venue_that(answers, name) as venue:
            try:
                found = await call(venue)
            except CALL_ERRORS as error:
                return str(error)
        raise AssertionError(f"it was taken for an answer: {found!r}")

    return asyncio.run(play())


BAD: Final = {
    "truncated": Answers(body=b'{"id": "7b08'),
    "no JSON": Answers(body=b"<html>here</html>"),
    "empty": Answers(body=b""),
    "another type": Answers(body=b'"what?"'),
    "NaN": Answers(body=b"NaN"),
    "Infinity": Answers(body=b"[Infinity]"),
    "deep": Answers(body=b"[" * 100_000),
    "no text": Answers(body=b"\xff\xfe\x00"),
    "another content type": Answers(kind="text/html", body=b"[]"),
}


@pytest.mark.parametrize(("name", "where"), EVERY)
def test_what_is_no_answer_names_venue_endpoint_and_expectation(name: str, where: str) -> None:
    """BR-1: truncated, of other types, of another content type, NaN, nested without end."""
    call = ENDPOINTS[name][where]
    for why, answers in BAD.items():
        if (name, where, why) == ("polymarket", "order", "empty"):
            continue  # its word for an order that works no more
        text = problem(answers, name, lambda venue: call(venue.rest))
        assert text.startswith(f"{name} {where}: expected "), (why, text)


@pytest.mark.parametrize(("name", "where"), EVERY)
@pytest.mark.parametrize("length", [10_000_000, BODY_BYTES_MAX + 1])
def test_a_body_of_ten_megabytes_is_not_read(name: str, where: str, length: int) -> None:
    """BR-1: its length is enough; venue, endpoint and the most that is read are named."""
    call = ENDPOINTS[name][where]
    text = problem(Answers(length=length), name, lambda venue: call(venue.rest))
    assert text.startswith(f"{name} ")
    assert f"must not be longer than {BODY_BYTES_MAX} bytes" in text


@pytest.mark.parametrize("name", ENDPOINTS)
def test_a_body_without_a_length_is_read_no_further_than_that(name: str) -> None:
    """BR-1: what only the end of the connection would end."""
    answers = Answers(length=0, body=b" " * 10_000_000)
    text = problem(answers, name, lambda venue: ENDPOINTS[name]["positions"](venue.rest))
    assert text.startswith(f"{name} positions: ")
    assert f"must not be longer than {BODY_BYTES_MAX} bytes" in text


@pytest.mark.parametrize(("name", "where"), EVERY)
def test_an_error_that_is_not_json_is_an_error_without_our_keys(name: str, where: str) -> None:
    """BR-4: a proxy that answers with the request it was sent, headers and all."""
    call = ENDPOINTS[name][where]
    for status in (400, 500, 503):
        answers = Answers(status=status, kind="text/plain", echoes=True)
        text = problem(answers, name, lambda venue: call(venue.rest))
        assert text.startswith(f"{name} {where}: ")
        assert not any(secret in text for secret in HIDDEN[name]), text


def ordered() -> Prepared:
    """An order's bytes, as far as these answers care."""
    return Prepared(client_order_id="o", intent=b"", method="POST", path="/orders", body=b'{"a":1}')


@pytest.mark.parametrize("name", ["alpaca", "tradier"])
@pytest.mark.parametrize("why", BAD)
def test_an_order_that_is_answered_so_is_unknown_and_never_refused(name: str, why: str) -> None:
    """EX-6: it may be booked; the cause names venue, endpoint and expectation."""

    async def play() -> None:
        async with asyncio.timeout(LIMIT_S), venue_that(BAD[why], name) as venue:
            outcome = await venue.send(ordered(), allowed, is_entry=True)
            assert isinstance(outcome, Unknown), outcome
            assert outcome.cause.startswith(f"{name} POST orders: expected "), outcome

    asyncio.run(play())


def test_an_answer_with_a_time_that_is_none_leaves_the_order_unknown() -> None:
    """EX-6: the rest of it is sound, and its report cannot be made."""
    body = b'{"id":"1","client_order_id":"o","status":"new","updated_at":"9999-12-31T00:00:00Z"}'

    async def play() -> None:
        async with asyncio.timeout(LIMIT_S), venue_that(Answers(body=body), "alpaca") as venue:
            outcome = await venue.send(ordered(), allowed, is_entry=True)
            assert isinstance(outcome, Unknown), outcome
            assert "order.updated_at: expected a time" in outcome.cause

    asyncio.run(play())


@pytest.mark.parametrize("why", [*BAD, "a code in words"])
@pytest.mark.parametrize("status", [403, 422])
def test_a_refusal_that_cannot_be_read_is_no_refusal(why: str, status: int) -> None:
    """EX-6: it may be Alpaca's word that it has an order of this id already."""
    body = b'{"code":"40010001","message":"client_order_id must be unique"}'
    bad = BAD.get(why, Answers(body=body))
    answers = Answers(status=status, kind=bad.kind, body=bad.body)

    async def play() -> None:
        async with asyncio.timeout(LIMIT_S), venue_that(answers, "alpaca") as venue:
            outcome = await venue.send(ordered(), allowed, is_entry=True)
            assert isinstance(outcome, Unknown), outcome
            assert outcome.cause.startswith(f"HTTP {status}: alpaca POST orders: expected ")

    asyncio.run(play())


@pytest.mark.parametrize("name", ["alpaca", "tradier"])
@pytest.mark.parametrize("status", [200, 400, 403, 422, 500, 504])
def test_no_outcome_of_an_order_or_a_cancel_repeats_our_keys(name: str, status: int) -> None:
    """BR-4: what is journaled as the venue's reason holds none of them."""

    async def play() -> None:
        answers = Answers(status=status, kind="text/plain", echoes=True)
        async with asyncio.timeout(LIMIT_S), venue_that(answers, name) as venue:
            sent = await venue.send(ordered(), allowed, is_entry=True)
            assert isinstance(sent, Refused | Unknown)
            asked = await venue.cancel("o", "1", allowed)
            assert isinstance(asked, AlreadyFinal | Unanswered), asked
            stated = await venue.state(1, frozenset({Part.POSITIONS}), 0)
            assert stated.problem
            for outcome in (sent, asked, stated):
                assert not any(secret in repr(outcome) for secret in HIDDEN[name]), outcome

    asyncio.run(play())


AMOUNTS: Final = {
    "alpaca": (
        b'{"id":"1","account_number":"1","status":"ACTIVE","cash":"1","buying_power":"1",'
        b'"equity":"%s"}',
        ("alpaca account", "equity"),
    ),
    "tradier": (
        b'{"balances":{"account_number":"1","total_cash":1,"total_equity":"%s"}}',
        ("tradier balances", "total_equity"),
    ),
    "polymarket": (b'{"balance":"%s","allowances":{}}', ("polymarket balance", "")),
}


@pytest.mark.parametrize("name", AMOUNTS)
@pytest.mark.parametrize("amount", [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"1e30", b"abc"])
def test_money_that_is_no_finite_number_is_no_money(name: str, amount: bytes) -> None:
    """BR-1: the field is named, and no figure comes out of it."""
    body, (place, field) = AMOUNTS[name]

    async def play() -> None:
        async with (
            asyncio.timeout(LIMIT_S),
            venue_that(Answers(body=body % amount), name) as venue,
        ):
            stated = await venue.state(1, frozenset({Part.CASH}), 0)
            assert stated.problem.startswith(place), stated
            assert field in stated.problem
            assert ": expected " in stated.problem
            assert stated.cash is None

    asyncio.run(play())


def test_a_list_of_errors_under_200_is_no_empty_list() -> None:
    """BR-1: at Tradier whatever the status says."""
    answers = Answers(body=b'{"errors":{"error":["OmsUnavailable"]}}')
    text = problem(answers, "tradier", lambda venue: venue.rest.positions())
    assert text == "tradier positions: HTTP 200 OmsUnavailable"
