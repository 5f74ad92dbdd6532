"""Our Tradier adapter against the simulator, judged by its book; they share no code."""

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from brokers.base import (
    AlreadyFinal,
    CancelRequested,
    NotReplaced,
    Place,
    Prepared,
    Refused,
    Replaced,
    Reported,
    SendOutcome,
    Sent,
    StreamNews,
    StreamUp,
    Unknown,
)
from brokers.credentials import Credentials
from brokers.tradier.connect import Addresses, Connection
from brokers.tradier.orders import Ticket, body_of, path
from brokers.tradier.tags import id_of
from brokers.tradier.venue import TradierVenue
from tests.support.live import Venue, at_venue, simulator
from trading.errors import SafetyRefusedError
from trading.ports import Part

ONE = 100_000_000
WAIT_S = 10
REPEATS = 50


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, str]]:
    """A simulator whose prices stand still until the tests move them."""
    with simulator("--still", venue="tradier") as told:
        yield told


def run(play: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(6 * WAIT_S):
            await play
        for _ in range(3):  # connections that were let go are gone
            await asyncio.sleep(0)

    asyncio.run(bounded())


def venue_at(told: dict[str, str], **changes: Any) -> TradierVenue:
    settings = {"calls_per_minute": 60_000, **changes}
    connection = Connection(
        addresses=Addresses.of(told["url"]),
        credentials=Credentials(told["account"], told["token"]),
        now_ns=time.time_ns,
        mono_ns=time.monotonic_ns,
        **settings,
    )
    return connection.venue()


def ticket(name: str, **fields: Any) -> Ticket:
    base: dict[str, Any] = {
        "symbol": "SPY",
        "side": "buy",
        "type": "limit",
        "qty_1e8": ONE,
        "limit_1e8": 90 * ONE,
    }
    return Ticket(client_order_id=name, **base | fields)


MARKET: dict[str, Any] = {"type": "market", "limit_1e8": None}


async def place(venue: TradierVenue, asked: Ticket) -> SendOutcome:
    prepared = Prepared(
        client_order_id=asked.client_order_id,
        intent=b"",
        method="POST",
        path=path(venue.rest.account),
        body=body_of(asked),
    )
    return await venue.send(prepared, lambda: None, is_entry=True)


async def sent(venue: TradierVenue, asked: Ticket) -> str:
    outcome = await place(venue, asked)
    assert isinstance(outcome, Sent), outcome
    return outcome.broker_order_id


async def quoted(where: Venue) -> None:
    body = {"symbol": "SPY", "bid": "99.99", "bid_qty": "1000", "ask": "100", "ask_qty": "1000"}
    await where.post("/admin/quote", body)


async def kinds(venue: TradierVenue, name: str) -> list[str]:
    found = await venue.look_up(name)
    assert not found.problem, found.problem
    return [each.kind for each in found.reports or ()]


async def until(venue: TradierVenue, name: str, kind: str) -> None:
    async with asyncio.timeout(WAIT_S):
        while kind not in await kinds(venue, name):
            pass


def booked(truth: dict[str, Any]) -> dict[str, int]:
    return {id_of(tag): count for tag, count in truth["orders_by_client_id"].items()}


def test_an_order_lives_is_changed_and_ends(told: dict[str, str]) -> None:
    """BR-1: a change keeps the id; a cancel is only asked for; a final order says so."""

    async def play() -> None:
        async with at_venue(told) as where:
            venue = venue_at(told)
            await quoted(where)
            number = await sent(venue, ticket("L-main-a_b-1"))
            assert "ACCEPTED" in await kinds(venue, "L-main-a_b-1")
            await until(venue, "L-main-a_b-1", "ACCEPTED")
            changed = await venue.replace(number, limit_1e8=91 * ONE)
            assert changed == Replaced(broker_order_id=number)
            assert isinstance(await venue.replace(number, qty_1e8=ONE), NotReplaced)
            cancelled = await venue.cancel("L-main-a_b-1", "", lambda: None)
            assert isinstance(cancelled, CancelRequested)
            await until(venue, "L-main-a_b-1", "CANCELLED")
            assert isinstance(
                await venue.cancel("L-main-a_b-1", number, lambda: None), AlreadyFinal
            )
            assert isinstance(await venue.cancel("x", "999999999", lambda: None), AlreadyFinal)
            assert isinstance(await venue.replace(number, limit_1e8=92 * ONE), NotReplaced)
            await venue.close()

    run(play())


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        ({"duration": "gtc"}, {"limit_1e8": 91 * ONE}),
        (
            {
                "type": "stop_limit",
                "duration": "gtc",
                "stop_1e8": 110 * ONE,
                "limit_1e8": 111 * ONE,
            },
            {"stop_1e8": 109 * ONE},
        ),
        ({"type": "stop", "stop_1e8": 110 * ONE, "limit_1e8": None}, {"stop_1e8": 109 * ONE}),
    ],
)
def test_a_change_of_price_changes_nothing_else(
    told: dict[str, str], fields: dict[str, Any], change: dict[str, int]
) -> None:
    """BR-1: type and duration stay the order's own; a gtc order never becomes a day order."""

    async def play() -> None:
        async with at_venue(told) as where:
            venue = venue_at(told)
            await quoted(where)
            number = await sent(venue, ticket("changed", **fields))
            before = await venue.rest.order(number)
            assert await venue.replace(number, **change) == Replaced(broker_order_id=number)
            after = await venue.rest.order(number)
            assert before is not None
            assert after is not None
            assert (after.type, after.duration) == (before.type, before.duration)
            prices = {"limit_1e8": after.price, "stop_1e8": after.stop_price}
            wanted = {**{name: fields.get(name) for name in prices}, **change}
            wanted.setdefault("limit_1e8", None)
            assert {name: None if not p else int(p * ONE) for name, p in prices.items()} == wanted
            await venue.close()

    run(play())


def test_a_change_that_is_rejected_after_all_leaves_the_order(told: dict[str, str]) -> None:
    """BR-1: an `ok` is no proof that the price was changed; the order goes on, and says so."""

    async def play() -> None:
        async with at_venue(told) as where:
            venue = venue_at(told)
            await quoted(where)
            number = await sent(venue, ticket("stays"))
            await until(venue, "stays", "ACCEPTED")
            await where.fault("replace_rejected")
            changed = await venue.replace(number, limit_1e8=91 * ONE)
            assert changed == Replaced(broker_order_id=number)
            assert "ACCEPTED" in await kinds(venue, "stays")
            stated = await venue.state(1, frozenset({Part.ORDERS}), 0)
            assert [(each.broker_order_id, each.price_1e8) for each in stated.orders or ()] == [
                (number, 90 * ONE)
            ]
            await venue.close()

    run(play())


def test_the_venues_own_account_is_read(told: dict[str, str]) -> None:
    """ST-3: orders, positions, cash and totals of fills, as the venue has them."""

    async def play() -> None:
        async with at_venue(told) as where:
            venue = venue_at(told)
            await quoted(where)
            empty = await venue.state(6, frozenset(Part), 0)
            assert (empty.orders, empty.positions, empty.fills) == ((), (), ())
            await sent(venue, ticket("rests"))
            await sent(venue, ticket("fills", qty_1e8=3 * ONE, **MARKET))
            await until(venue, "fills", "FILLED_TO")
            stated = await venue.state(7, frozenset(Part), 0)
            assert stated.fills is not None
            assert (stated.question, stated.problem) == (7, "")
            assert [each.client_order_id for each in stated.orders or ()] == ["rests"]
            assert [(p.instrument, p.qty_1e8) for p in stated.positions or ()] == [("SPY", 3 * ONE)]
            assert stated.cash is not None
            assert stated.cash.buying_power_1e8 > 0
            totals = {fill.client_order_id: (fill.qty_1e8, fill.price_1e8) for fill in stated.fills}
            assert totals == {"rests": (0, 0), "fills": (3 * ONE, 100 * ONE)}
            await venue.close()

    run(play())


def test_the_venues_no_is_a_refusal_or_a_later_end(told: dict[str, str]) -> None:
    """EX-11: a 200 of errors is a refusal; an order may also be rejected after its "ok"."""

    async def play() -> None:
        async with at_venue(told) as where:
            venue = venue_at(told)
            await quoted(where)
            await where.fault("refuse", status=200)
            assert isinstance(await place(venue, ticket("no")), Refused)
            await where.clear()
            await where.fault("reject_after_accept")
            await sent(venue, ticket("later"))
            await until(venue, "later", "REJECTED")
            assert booked(await where.truth()).get("no", 0) == 0
            await venue.close()

    run(play())


DEADLY: list[tuple[str, dict[str, Any]]] = [
    ("accept_then_drop", {"how": "reset"}),
    ("accept_then_drop", {"how": "close"}),
    ("accept_then_status", {"status": 504}),
    ("accept_then_status", {"status": 502}),
    ("drop_request", {}),
]


@pytest.mark.parametrize(("verb", "settings"), DEADLY)
def test_an_answer_that_is_lost_makes_no_second_order(
    told: dict[str, str], verb: str, settings: dict[str, Any]
) -> None:
    """EX-6: 50 times each; the tag in today's list tells whether the order is there."""

    async def play() -> None:
        async with at_venue(told) as where:
            venue = venue_at(told, answer_wait_s=0.5)
            await quoted(where)
            names = [f"L-main-x-{number}-0E1" for number in range(REPEATS)]
            await where.fault(verb, times=REPEATS, **settings)
            for name in names:
                assert isinstance(await place(venue, ticket(name)), Unknown)
            await where.clear()
            found = Counter({name: bool((await venue.look_up(name)).reports) for name in names})
            truth = booked(await where.truth())
            assert {name: int(there) for name, there in found.items()} == {
                name: truth.get(name, 0) for name in names
            }
            assert set(truth.values()) <= {1}
            assert sum(truth.values()) == (0 if verb == "drop_request" else REPEATS)
            await venue.close()

    run(play())


def test_two_orders_of_one_tag_are_told_apart_from_one(told: dict[str, str]) -> None:
    """EX-6: the venue takes both; which is ours only a person can say."""

    async def play() -> None:
        async with at_venue(told) as where:
            venue = venue_at(told)
            await quoted(where)
            first = await sent(venue, ticket("same"))
            second = await sent(venue, ticket("same"))
            found = await venue.look_up("same")
            assert found.reports is None
            assert f"{first}, {second}" in found.problem or f"{second}, {first}" in found.problem
            await venue.close()

    run(play())


def test_account_events_arrive_and_a_stream_that_is_cut_comes_back(told: dict[str, str]) -> None:
    """MD-9: joined by the tag; after a loss the stream says that it is up again."""

    async def play() -> None:
        async with at_venue(told) as where:
            venue = venue_at(told)
            await quoted(where)
            news: asyncio.Queue[StreamNews] = asyncio.Queue()
            following = asyncio.create_task(venue.listen(news.put_nowait))
            assert isinstance(await news.get(), StreamUp)
            await sent(venue, ticket("heard", **MARKET))
            said: set[tuple[str, int]] = set()
            while ("FILLED_TO", ONE) not in said:
                each = await news.get()
                assert isinstance(each, Reported)
                assert each.client_order_id == "heard"
                said |= {(report.kind, report.qty_1e8) for report in each.reports}
            await where.fault("cut_stream")
            while not isinstance(await news.get(), StreamUp):
                pass
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await venue.close()

    run(play())


def test_cancels_do_not_wait_behind_reads(told: dict[str, str]) -> None:
    """BR-6: reading and trading have limits of their own, and a cancel is the first of its kind."""

    async def play() -> None:
        async with at_venue(told) as where:
            venue = venue_at(told, calls_per_minute=20)
            await quoted(where)
            numbers = [await sent(venue, ticket(f"k{number}")) for number in range(8)]
            polling = [asyncio.create_task(venue.state(n, frozenset({Part.ORDERS}), 0))
                       for n in range(20)]  # fmt: skip
            asked = [await venue.cancel("", number, lambda: None) for number in numbers]
            assert all(isinstance(each, CancelRequested) for each in asked)
            for task in polling:
                task.cancel()
            await asyncio.gather(*polling, return_exceptions=True)
            working = [o for o in (await where.truth())["orders"] if o["status"] == "open"]
            assert working == []
            await venue.close()

    run(play())


@pytest.mark.parametrize(
    "url", ["https://api.tradier.com/v1", "http://api.tradier.com", "http://10.0.0.1"]
)
def test_no_address_but_the_venues_own_is_traded_at(url: str) -> None:
    """BR-9: neither another host, nor the venue's without HTTPS or beyond its root."""
    with pytest.raises(SafetyRefusedError, match="nothing was started"):
        Addresses.of(url)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://api.tradier.com", Place.LIVE),
        ("https://sandbox.tradier.com", Place.SANDBOX),
        ("http://127.0.0.1:8200", Place.SIMULATOR),
    ],
)
def test_the_host_says_whose_money_an_order_moves(url: str, place: Place) -> None:
    """BR-9: the same word as in the arming."""
    assert Addresses.of(url).place is place
