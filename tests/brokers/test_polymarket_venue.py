"""Our Polymarket adapter against the simulator, judged by its book; they share no code."""

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from brokers.base import (
    AlreadyFinal,
    CancelRequested,
    CannotPrepareError,
    Place,
    Refused,
    Reported,
    SendOutcome,
    Sent,
    StreamDown,
    StreamNews,
    StreamUp,
    Unknown,
)
from brokers.credentials import Credentials
from brokers.polymarket.connect import Addresses, Connection
from brokers.polymarket.orders import SignedPrepared
from brokers.polymarket.venue import PolymarketVenue
from brokers.venues import MarketNews, Wanted
from tests.support.live import Venue, at_venue, simulator
from trading.errors import SafetyRefusedError, SetupError
from trading.market import Quote
from trading.ports import Part

ONE = 100_000_000
WAIT_S = 10
REPEATS = 50


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, str]]:
    """A simulator whose prices stand still until the tests move them; its own limits."""
    with simulator("--still", "--requests-per-min", "2400", venue="polymarket") as told:
        yield told


def run(play: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(5 * WAIT_S):
            await play
        for _ in range(3):  # connections that were let go are gone
            await asyncio.sleep(0)

    asyncio.run(bounded())


@dataclass(slots=True)
class Desk:
    """One incarnation of the adapter, and the journal of what it was asked to send."""

    where: Venue
    connection: Connection
    venue: PolymarketVenue
    tokens: dict[str, str]
    intents: list[bytes]

    @classmethod
    async def at(cls, where: Venue, **changes: Any) -> "Desk":
        """A wallet that knows every market of the venue."""
        connection = Connection(
            addresses=Addresses.of(where.told["url"]),
            credentials=Credentials(where.told["address"], where.told["private_key"]),
            now_ns=time.time_ns,
            mono_ns=time.monotonic_ns,
            **changes,
        )
        async with where.http.get(f"{where.url}/markets") as answer:
            markets = (await answer.json())["data"]
        tokens = {row["market_slug"]: row["tokens"][0]["token_id"] for row in markets}
        connection.session.book.want(list(tokens.values()))
        desk = cls(where, connection, connection.venue(), tokens, [])
        await desk.again()
        return desk

    async def again(self) -> None:
        """Another incarnation, which knows only the journal."""
        await self.venue.close()
        self.venue = self.connection.venue()
        self.venue.remember(lambda: self.intents)
        assert not (await self.venue.state(0, frozenset({Part.CASH}), 0)).problem

    def prepared(self, name: str, *, market: str = "rain", **fields: Any) -> SignedPrepared:
        """An order that is journaled and signed."""
        base = {
            "client_order_id": name,
            "instrument": self.tokens[market],
            "purpose": "ENTRY",
            "side": "BUY",
            "order_type": "LIMIT",
            "tif": "GTC",
            "qty_1e8": 10 * ONE,
            "limit_1e8": ONE // 5,
            "reference_ns": time.time_ns(),
        }
        intent = orjson.dumps(base | fields)
        self.intents.append(intent)
        found = self.venue.prepare(intent)
        assert isinstance(found, SignedPrepared)
        return found

    async def place(self, name: str, **fields: Any) -> SendOutcome:
        """Hand an order over."""
        return await self.venue.send(self.prepared(name, **fields), lambda: None, is_entry=True)

    async def sent(self, name: str, **fields: Any) -> str:
        """Hand over an order that the venue takes."""
        outcome = await self.place(name, **fields)
        assert isinstance(outcome, Sent), outcome
        return outcome.broker_order_id

    async def kinds(self, name: str) -> list[str]:
        """What a look-up says of an order."""
        found = await self.venue.look_up(name)
        assert not found.problem, found.problem
        return [each.kind for each in found.reports or ()]

    async def booked(self) -> Counter[str]:
        """How many orders of each hash the venue has."""
        return Counter(order["id"] for order in (await self.where.truth())["orders"])


@pytest.fixture
def play(told: dict[str, str]) -> Any:
    """Runs a test's coroutine at a desk of its own."""

    def start(steps: Any, **changes: Any) -> None:
        async def whole() -> None:
            async with at_venue(told) as where:
                desk = await Desk.at(where, **changes)
                try:
                    await steps(desk)
                finally:
                    await desk.venue.close()

        run(whole())

    return start


TAKES: dict[str, Any] = {"limit_1e8": 90 * ONE // 100, "tif": "IOC"}


def test_an_order_rests_and_is_cancelled_by_the_hash_it_was_signed_with(play: Any) -> None:
    """BR-1: the id is known before sending; a cancel is only asked for, and a final one says so."""

    async def steps(desk: Desk) -> None:
        prepared = desk.prepared("rests")
        outcome = await desk.venue.send(prepared, lambda: None, is_entry=True)
        assert isinstance(outcome, Sent)
        assert outcome.broker_order_id == prepared.venue_id
        assert list(await desk.booked()) == [prepared.venue_id]
        assert await desk.kinds("rests") == ["ACCEPTED"]
        cancelled = await desk.venue.cancel("rests", "", lambda: None)
        assert isinstance(cancelled, CancelRequested)
        assert await desk.kinds("rests") == ["ACCEPTED", "CANCELLED"]
        again = await desk.venue.cancel("rests", prepared.venue_id, lambda: None)
        assert isinstance(again, AlreadyFinal)

    play(steps)


def test_the_venues_own_account_is_read(play: Any) -> None:
    """ST-3: orders, positions with what is on the way, cash, and fills as they are settled."""

    async def steps(desk: Desk) -> None:
        empty = await desk.venue.state(1, frozenset(Part), 0)
        assert (empty.problem, empty.orders, empty.positions, empty.fills) == ("", (), (), ())
        await desk.sent("rests")
        await desk.sent("takes", **TAKES)
        stated = await desk.venue.state(2, frozenset(Part), 0)
        assert [order.client_order_id for order in stated.orders or ()] == ["rests"]
        held = [(each.instrument, each.qty_1e8) for each in stated.positions or ()]
        assert held == [(desk.tokens["rain"], 10 * ONE)]
        fills = [(fill.client_order_id, fill.qty_1e8) for fill in stated.fills or ()]
        assert fills == [("takes", 10 * ONE)]
        before, now = empty.cash, stated.cash
        assert before is not None
        while now is not None and now.cash_1e8 == before.cash_1e8:  # paid when it is settled
            now = (await desk.venue.state(3, frozenset({Part.CASH}), 0)).cash
        assert now is not None
        assert 0 < now.cash_1e8 < now.equity_1e8 <= before.equity_1e8

    play(steps)


def test_each_shape_of_no_is_a_refusal(play: Any) -> None:
    """EX-11: the venue's own words, whatever status they come with."""

    async def steps(desk: Desk) -> None:
        outcome = await desk.place("poor", qty_1e8=10_000_000 * ONE)
        assert isinstance(outcome, Refused), outcome
        assert "balance" in outcome.answer.text
        assert not await desk.kinds("poor")

    play(steps)


@pytest.mark.parametrize("tif", ["IOC", "FOK"])
def test_an_order_that_found_nothing_was_there_and_is_cancelled(play: Any, tif: str) -> None:
    """EX-18: its own time in force ended it, which is no refusal."""

    async def steps(desk: Desk) -> None:
        outcome = await desk.place("nobody", tif=tif, limit_1e8=2 * ONE // 100, qty_1e8=50 * ONE)
        assert isinstance(outcome, Sent), outcome
        assert [report.kind for report in outcome.reports] == ["ACCEPTED", "CANCELLED"]

    play(steps)


DEADLY: list[tuple[str, dict[str, Any]]] = [
    ("accept_then_drop", {"how": "reset"}),
    ("accept_then_drop", {"how": "close"}),
    ("accept_then_drop", {"how": "hang"}),
    ("accept_then_status", {"status": 504}),
    ("accept_then_status", {"status": 500}),
    ("malformed", {"how": "truncated", "on": "POST /order*"}),
    ("malformed", {"how": "html", "on": "POST /order*"}),
    ("malformed", {"how": "empty", "on": "POST /order*"}),
    ("malformed", {"how": "types", "on": "POST /order*"}),
    ("drop_request", {}),
    ("refuse", {"status": 503}),
    ("refuse", {"status": 425}),
]
NOT_BOOKED = {"drop_request", "refuse"}


@pytest.mark.parametrize(("verb", "settings"), DEADLY)
def test_an_answer_that_is_lost_makes_no_second_order(
    play: Any, verb: str, settings: dict[str, Any]
) -> None:
    """EX-6: 50 times each; the hash tells whether the order is there, and none is there twice."""
    hangs = settings.get("how") == "hang"

    async def steps(desk: Desk) -> None:
        await desk.where.fault(verb, times=REPEATS, **settings)
        hashes: dict[str, str] = {}
        for number in range(REPEATS):
            prepared = desk.prepared(f"L-{number}", qty_1e8=5 * ONE)
            hashes[prepared.client_order_id] = prepared.venue_id
        outcomes = await asyncio.gather(*(handed_over(desk, each) for each in desk.intents))
        is_readable = settings.get("how") == "types"  # what names the order is as it was
        assert {type(each) for each in outcomes} == {Sent if is_readable else Unknown}, outcomes
        await desk.where.clear()
        await desk.again()
        booked = await desk.booked()
        found = {name: bool((await desk.venue.look_up(name)).reports) for name in hashes}
        assert found == {name: booked[order_id] == 1 for name, order_id in hashes.items()}
        assert set(booked.values()) <= {1}
        assert sum(booked.values()) == (0 if verb in NOT_BOOKED else REPEATS)

    play(steps, answer_wait_s=0.5 if hangs else 5.0)


async def handed_over(desk: Desk, intent: bytes) -> SendOutcome:
    return await desk.venue.send(desk.venue.prepare(intent), lambda: None, is_entry=True)


def test_the_same_order_handed_over_twice_is_one_order(play: Any) -> None:
    """EX-4: the venue's "duplicated" says that it is there, and is no refusal."""

    async def steps(desk: Desk) -> None:
        prepared = desk.prepared("once")
        assert prepared == desk.venue.prepare(prepared.intent)
        first = await desk.venue.send(prepared, lambda: None, is_entry=True)
        second = await desk.venue.send(prepared, lambda: None, is_entry=True)
        assert isinstance(first, Sent)
        assert second == Sent(client_order_id="once", broker_order_id=prepared.venue_id)
        assert (await desk.booked())[prepared.venue_id] == 1

    play(steps)


def test_an_order_is_not_sent_once_its_tick_has_changed(play: Any) -> None:
    """BR-1: it is decided anew at the new tick; not one byte leaves."""

    async def steps(desk: Desk) -> None:
        prepared = desk.prepared("stale")
        desk.connection.session.book.tick_changed(prepared.token_id, ONE // 1000)
        released: list[str] = []
        with pytest.raises(CannotPrepareError, match="the tick changed"):
            await desk.venue.send(prepared, lambda: released.append("left"), is_entry=True)
        assert released == []
        assert not await desk.booked()

    play(steps)


def test_150_open_orders_are_cancelled_though_one_call_for_all_is_refused(play: Any) -> None:
    """KC-2: the bucket refuses the whole; parts that name their orders pass, and only they."""

    async def steps(desk: Desk) -> None:
        names = [f"many-{number}" for number in range(150)]
        for first in range(0, len(names), 25):
            part = names[first : first + 25]
            outcomes = await asyncio.gather(*(desk.place(name, qty_1e8=5 * ONE) for name in part))
            assert all(isinstance(each, Sent) for each in outcomes), outcomes
        by_hand = await desk.sent("by hand")
        headers = desk.connection.session.second_level("DELETE", "/cancel-all", b"", time.time_ns())
        whole = await desk.where.http.delete(f"{desk.where.url}/cancel-all", headers=headers)
        assert whole.status == 429
        assert (await desk.where.truth())["open_orders"] == 151
        taken = await desk.venue.cancel_all(frozenset(names), lambda: None)
        assert taken == frozenset(names)
        left = [each.broker_order_id for each in
                (await desk.venue.state(1, frozenset({Part.ORDERS}), 0)).orders or ()]  # fmt: skip
        assert left == [by_hand]

    play(steps)


async def news_of(desk: Desk, queue: "asyncio.Queue[StreamNews]") -> "asyncio.Task[None]":
    following = asyncio.create_task(desk.venue.listen(queue.put_nowait))
    while not isinstance(await queue.get(), StreamUp):
        pass
    return following


async def ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(queue: "asyncio.Queue[StreamNews]", kind: str, settlement: str = "") -> Any:
    """The next report of that kind."""
    while True:
        news = await queue.get()
        for report in news.reports if isinstance(news, Reported) else ():
            if report.kind == kind and settlement in ("", report.settlement):
                return report


def test_a_fill_is_provisional_until_it_is_settled(play: Any) -> None:
    """EX-7: matched first, confirmed later; one execution with one id."""

    async def steps(desk: Desk) -> None:
        queue: asyncio.Queue[StreamNews] = asyncio.Queue()
        following = await news_of(desk, queue)
        await desk.sent("settles", **TAKES)
        first = await until(queue, "FILLED", "PROVISIONAL")
        last = await until(queue, "FILLED", "CONFIRMED")
        assert (first.execution_id, first.qty_1e8) == (last.execution_id, 10 * ONE)
        await ended(following)

    play(steps)


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_settlement_that_fails_takes_the_fill_back(play: Any, *, is_restarted: bool) -> None:
    """EX-2: also for an order that another incarnation sent."""

    async def steps(desk: Desk) -> None:
        queue: asyncio.Queue[StreamNews] = asyncio.Queue()
        following = await news_of(desk, queue)
        await desk.where.fault("reversal", seconds=1.0)
        await desk.sent("ghost", **TAKES)
        filled = await until(queue, "FILLED")
        if is_restarted:
            await ended(following)
            await desk.again()
            following = await news_of(desk, queue)
        taken_back = await until(queue, "REVERSED")
        assert taken_back.client_order_id == "ghost"
        assert (taken_back.execution_id, taken_back.qty_1e8) == (
            filled.execution_id,
            filled.qty_1e8,
        )
        await ended(following)

    play(steps)


def test_a_settlement_is_learned_though_the_channel_says_nothing(play: Any) -> None:
    """MD-9: trades that are not settled are asked for; the venue replays nothing."""

    async def steps(desk: Desk) -> None:
        queue: asyncio.Queue[StreamNews] = asyncio.Queue()
        following = await news_of(desk, queue)
        await desk.where.fault("reversal", seconds=1.0)
        await desk.sent("silent", **TAKES)
        await until(queue, "FILLED")
        await desk.where.fault("mute_stream", seconds=30.0)
        assert (await until(queue, "REVERSED")).client_order_id == "silent"
        await ended(following)

    play(steps)


def test_the_user_channel_comes_back_after_a_cut(play: Any) -> None:
    """MD-9: the loss is told, and the return."""

    async def steps(desk: Desk) -> None:
        queue: asyncio.Queue[StreamNews] = asyncio.Queue()
        following = await news_of(desk, queue)
        await desk.where.fault("cut_stream")
        while not isinstance(await queue.get(), StreamDown):
            pass
        while not isinstance(await queue.get(), StreamUp):
            pass
        await desk.sent("after")
        assert (await until(queue, "ACCEPTED")).client_order_id == "after"
        await ended(following)

    play(steps)


def test_a_book_that_must_come_anew_does_come(play: Any) -> None:
    """MD-9: another grid is another book; a subscription that stands already brings none."""

    async def steps(desk: Desk) -> None:
        heard: asyncio.Queue[MarketNews] = asyncio.Queue()
        stream = desk.connection.market([desk.tokens["rain"]], ("quotes",))
        following = asyncio.create_task(stream.follow(heard.put_nowait))
        async with asyncio.timeout(10):
            while not isinstance(await heard.get(), Quote):
                pass
            await desk.where.post("/admin/tick", {"symbol": "RAIN", "tick": "0.001"})
            while not isinstance(await heard.get(), Quote):
                pass  # the prices stand still: only a whole book can bring one
        await desk.where.post("/admin/tick", {"symbol": "RAIN", "tick": "0.01"})
        await ended(following)

    play(steps)


def test_orders_of_a_dead_process_are_cancelled_when_its_heartbeat_stops(play: Any) -> None:
    """KC-10: the venue's dead-man switch, and a beat that begins anew without the last id."""

    async def steps(desk: Desk) -> None:
        assert await desk.venue.beat() == ""
        assert await desk.venue.beat() == ""
        await desk.again()
        assert await desk.venue.beat() == "", "another incarnation is told the id it needs"
        await desk.sent("left")
        assert (await desk.where.truth())["open_orders"] == 1
        async with asyncio.timeout(3 * WAIT_S):
            while (await desk.where.truth())["open_orders"]:
                pass
        assert "CANCELLED" in await desk.kinds("left")

    play(steps)


def test_an_order_ends_at_the_venue_when_its_time_to_live_is_over(play: Any) -> None:
    """EX-8: signed, judged and rested as GTD; its end is told and found, and nothing is left."""

    async def steps(desk: Desk) -> None:
        queue: asyncio.Queue[StreamNews] = asyncio.Queue()
        following = await news_of(desk, queue)
        now_ns = time.time_ns()
        times = {"deadline_ns": now_ns + 5 * 10**9, "expires_ns": now_ns + 300 * 10**9}
        order_id = await desk.sent("mortal", **times)
        await desk.sent("immortal")
        (known,) = [row for row in (await desk.where.truth())["orders"] if row["id"] == order_id]
        assert known["order_type"] == "GTD"
        await desk.where.post("/admin/clock", {"advance_s": 350})
        assert await desk.kinds("mortal") == ["ACCEPTED"], "not before its time"
        await desk.where.post("/admin/clock", {"advance_s": 15})
        assert (await until(queue, "EXPIRED")).client_order_id == "mortal"
        assert (await desk.kinds("mortal"))[-1] in ("EXPIRED", "CANCELLED")
        assert await desk.kinds("immortal") == ["ACCEPTED"]
        assert (await desk.where.truth())["open_orders"] == 1
        await ended(following)

    play(steps)


def test_post_only_rests_or_is_refused(play: Any) -> None:
    """EX-18, EX-11: signed and judged; what would take is refused and leaves nothing behind."""

    async def steps(desk: Desk) -> None:
        taking = await desk.place("takes", tif="GTX", limit_1e8=90 * ONE // 100)
        assert isinstance(taking, Refused), taking
        assert "order crosses book" in taking.answer.text
        assert not await desk.booked()
        await desk.sent("rests", tif="GTX")
        assert await desk.kinds("rests") == ["ACCEPTED"]
        assert not (await desk.where.truth())["trades"]

    play(steps)


def test_an_expiration_that_is_too_near_is_refused_by_the_venue(play: Any) -> None:
    """EX-11: its own words; nothing rests."""

    async def steps(desk: Desk) -> None:
        outcome = await desk.place("late", deadline_ns=1, expires_ns=1)
        assert isinstance(outcome, Refused), outcome
        assert "invalid expiration" in outcome.answer.text
        assert not await desk.booked()

    play(steps)


def test_a_restart_of_the_engine_leaves_no_doubt_behind(play: Any) -> None:
    """EX-6: 425 is no refusal; the order is asked for, and proven absent."""

    async def steps(desk: Desk) -> None:
        await desk.where.fault("engine_restart", seconds=1.0, post_only_seconds=1.0)
        outcome = await desk.place("early")
        assert isinstance(outcome, Unknown), outcome
        found = await desk.venue.look_up("early")
        assert (found.problem, found.reports) == ("", None)
        assert not await desk.booked()

    play(steps)


def test_neg_risk_orders_are_signed_for_the_other_contract(play: Any) -> None:
    """BR-1: the wrong contract makes every signature void."""

    async def steps(desk: Desk) -> None:
        rules = desk.connection.session.book.get(desk.tokens["mayor"])
        assert rules is not None
        assert rules.is_neg_risk
        assert await desk.sent("other", market="mayor")

    play(steps)


def test_outcomes_are_validated_at_the_start(play: Any) -> None:
    """BR-5: a token that the venue does not know, or that is no number, is red."""

    async def steps(desk: Desk) -> None:
        probe = desk.connection.probe()
        wanted = [desk.tokens["rain"], "123", "0xab", "SPY"]
        lines = await probe.checks([Wanted(symbol=each, lot_1e8=ONE) for each in wanted])
        found = {line.name.removeprefix("instrument "): line.is_ok for line in lines}
        assert [found[each] for each in wanted] == [True, False, False, False]
        assert [line.is_ok for line in lines[:2]] == [True, True], lines[:2]
        await probe.close()

    play(steps)


@pytest.mark.parametrize(
    "url", ["https://clob.polymarket.com/v1", "http://clob.polymarket.com", "http://10.0.0.1"]
)
def test_no_address_but_the_venues_own_is_traded_at(url: str) -> None:
    """BR-9: neither another host, nor the venue's without HTTPS or beyond its root."""
    with pytest.raises(SafetyRefusedError, match="nothing was started"):
        Addresses.of(url)


def test_the_host_says_whose_money_an_order_moves() -> None:
    """BR-9: the same word as in the arming."""
    assert Addresses.of("https://clob.polymarket.com").place is Place.LIVE
    assert Addresses.of("https://clob-staging.polymarket.com").place is Place.SANDBOX
    assert Addresses.of("http://127.0.0.1:8200").place is Place.SIMULATOR


def test_a_key_that_opens_another_wallet_is_refused(told: dict[str, str]) -> None:
    """BR-4: the text names the wallet, and no part of the key."""
    with pytest.raises(SetupError, match=told["address"]) as refused:
        Connection(
            addresses=Addresses.of(told["url"]),
            credentials=Credentials("0x" + "11" * 20, told["private_key"]),
            now_ns=time.time_ns,
            mono_ns=time.monotonic_ns,
        )
    assert told["private_key"][2:12] not in str(refused.value)
