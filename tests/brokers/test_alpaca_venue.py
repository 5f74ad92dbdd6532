"""Our Alpaca adapter against the simulator, call by call; the simulator shares no code with it."""

import asyncio
import time
from collections.abc import Coroutine, Iterator
from decimal import Decimal
from typing import Any

import orjson
import pytest

from brokers.alpaca.connect import Addresses, Connection
from brokers.alpaca.data import Encoding
from brokers.alpaca.orders import PATH, Leg, Ticket, body_of
from brokers.alpaca.venue import AlpacaVenue
from brokers.alpaca.words import amount_1e8
from brokers.base import (
    AlreadyFinal,
    CancelRequested,
    NotReplaced,
    Place,
    Prepared,
    Refused,
    Replaced,
    SendOutcome,
    Sent,
    StreamDown,
    StreamUp,
)
from brokers.credentials import Credentials
from brokers.limiter import Priority
from brokers.venues import MarketNews, Wanted
from tests.support.live import Venue, at_venue, simulator
from trading.errors import SafetyRefusedError
from trading.market import Quote
from trading.ports import Part

ONE = 100_000_000
WAIT_S = 10
DAY_NS = 24 * 3_600 * 10**9
MINUTES_OF_A_SESSION = 24 * 60


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, str]]:
    """A simulator whose prices stand still until the tests move them."""
    with simulator("--still") as told:
        yield told


def run(play: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(4 * WAIT_S):
            await play
        for _ in range(3):  # connections that were let go are gone
            await asyncio.sleep(0)

    asyncio.run(bounded())


def connection(told: dict[str, str], **changes: Any) -> Connection:
    return Connection(
        addresses=Addresses.of(told["url"]),
        credentials=Credentials(told["key"], told["secret"]),
        now_ns=time.time_ns,
        mono_ns=time.monotonic_ns,
        **{"calls_per_minute": 60_000, **changes},
    )


def ticket(name: str, **fields: Any) -> Ticket:
    base: dict[str, Any] = {
        "symbol": "SPY",
        "side": "buy",
        "type": "limit",
        "qty_1e8": ONE,
        "limit_1e8": 90 * ONE,
    }
    return Ticket(client_order_id=name, **base | fields)


async def place(venue: AlpacaVenue, asked: Ticket) -> SendOutcome:
    prepared = Prepared(
        client_order_id=asked.client_order_id,
        intent=b"",
        method="POST",
        path=PATH,
        body=body_of(asked),
    )
    return await venue.send(prepared, lambda: None, is_entry=True)


async def sent(venue: AlpacaVenue, asked: Ticket) -> str:
    outcome = await place(venue, asked)
    assert isinstance(outcome, Sent), outcome
    return outcome.broker_order_id


async def quoted(where: Venue, symbol: str = "SPY", bid: str = "99.99", ask: str = "100") -> None:
    body = {"symbol": symbol, "bid": bid, "bid_qty": "1000", "ask": ask, "ask_qty": "1000"}
    await where.post("/admin/quote", body)


async def statuses(where: Venue) -> dict[str, str]:
    return {o["client_order_id"]: o["status"] for o in (await where.truth())["orders"]}


async def until(where: Venue, name: str, status: str) -> None:
    async with asyncio.timeout(WAIT_S):
        while (await statuses(where)).get(name) != status:
            pass


def test_every_type_and_class_of_order_is_taken(told: dict[str, str]) -> None:
    """BR-1: market, limit, stop, stop-limit, trailing, notional, bracket, oco, oto, options."""

    async def play() -> None:
        async with at_venue(told) as where:
            venue = connection(told).venue()
            await quoted(where)
            market = {"type": "market", "limit_1e8": None}
            exits = {"take_profit_1e8": 110 * ONE, "stop_loss_1e8": 80 * ONE}
            option = await an_option(told)
            asked = [
                ticket("market", **market),
                ticket("fraction", qty_1e8=ONE // 4, **market),
                ticket("dollars", qty_1e8=0, notional_1e8=25 * ONE, **market),
                ticket("limit"),
                ticket("gtc", time_in_force="gtc"),
                ticket("stop", type="stop", limit_1e8=None, stop_1e8=120 * ONE),
                ticket("stop-limit", type="stop_limit", stop_1e8=120 * ONE, limit_1e8=121 * ONE),
                ticket("bracket", order_class="bracket", **exits),
                ticket("oto", order_class="oto", stop_loss_1e8=80 * ONE),
                ticket("option", symbol=option, position_intent="buy_to_open", limit_1e8=ONE // 10),
            ]
            for each in asked:
                await sent(venue, each)
            await until(where, "market", "filled")
            trail = ticket(
                "trail", side="sell", type="trailing_stop", limit_1e8=None, trail_1e8=ONE
            )
            await sent(venue, trail)
            assert set(await statuses(where)) >= {each.client_order_id for each in asked}
            await venue.close()

    run(play())


async def an_option(told: dict[str, str]) -> str:
    """A contract that the venue trades."""
    rest = connection(told).venue().rest
    request = rest.reads.request("GET", "/v2/options/contracts?underlying_symbols=SPY&limit=1")
    answer = await rest.reads.call(request, Priority.POLL)
    rest.close()
    return str(orjson.loads(answer.body)["option_contracts"][0]["symbol"])


def test_a_spread_is_one_order(told: dict[str, str]) -> None:
    """BR-1: several legs in one order."""

    async def play() -> None:
        async with at_venue(told) as where:
            venue = connection(told).venue()
            await quoted(where)
            option = await an_option(told)
            leg = Leg(symbol=option, side="buy", ratio=1, position_intent="buy_to_open")
            request = ticket("spread", symbol="", side="", order_class="mleg", legs=(leg, leg))
            outcome = await place(venue, request)
            assert isinstance(outcome, Sent | Refused)  # its own rules about legs are the venue's
            await venue.close()

    run(play())


def test_replace_cancel_and_close(told: dict[str, str]) -> None:
    """BR-1: a replaced order has a new id; a cancel is only asked for; a final one says so."""

    async def play() -> None:
        async with at_venue(told) as where:
            venue = connection(told).venue()
            await quoted(where)
            first = await sent(venue, ticket("a"))
            await until(where, "a", "new")
            changed = await venue.replace(first, limit_1e8=91 * ONE)
            assert isinstance(changed, Replaced)
            assert changed.broker_order_id != first
            assert isinstance(await venue.replace(first, limit_1e8=92 * ONE), NotReplaced)
            assert isinstance(await venue.replace(first, limit_1e8=1), NotReplaced)
            cancelled = await venue.cancel("", changed.broker_order_id, lambda: None)
            assert isinstance(cancelled, CancelRequested)
            second = await sent(venue, ticket("b"))
            assert isinstance(await venue.cancel("b", "", lambda: None), CancelRequested)
            await until(where, "b", "canceled")
            assert isinstance(await venue.cancel("b", second, lambda: None), AlreadyFinal)
            assert isinstance(await venue.cancel("nobody", "", lambda: None), AlreadyFinal)
            await sent(venue, ticket("c"))
            await until(where, "c", "new")
            assert await venue.cancel_all(frozenset("ac"), lambda: None) == {"c"}
            await until(where, "c", "canceled")
            await sent(venue, ticket("d", type="market", limit_1e8=None))
            await until(where, "d", "filled")
            await venue.rest.close_position("SPY")
            async with asyncio.timeout(WAIT_S):
                while await venue.rest.positions():
                    pass
            await venue.close()

    run(play())


def test_a_change_that_is_rejected_after_all_leaves_the_order(told: dict[str, str]) -> None:
    """BR-1: 200 is no proof that the new order stands; the old one goes on, and says so."""

    async def play() -> None:
        async with at_venue(told) as where:
            venue = connection(told).venue()
            await quoted(where)
            first = await sent(venue, ticket("a"))
            await until(where, "a", "new")
            await where.fault("replace_rejected")
            assert isinstance(await venue.replace(first, limit_1e8=91 * ONE), Replaced)
            await until(where, "a", "new")
            found = await venue.look_up("a")
            assert [report.kind for report in found.reports or ()] == ["ACCEPTED"]
            stated = await venue.state(1, frozenset({Part.ORDERS}), 0)
            assert [(each.broker_order_id, each.price_1e8) for each in stated.orders or ()] == [
                (first, 90 * ONE)
            ]
            await venue.close()

    run(play())


def test_the_venues_no_is_a_refusal_and_a_repeated_id_is_not(told: dict[str, str]) -> None:
    """EX-6: 403 and 422 are the venue's word; "must be unique" means that the order is there."""

    async def play() -> None:
        async with at_venue(told) as where:
            venue = connection(told).venue()
            await quoted(where)
            poor = await place(venue, ticket("poor", qty_1e8=1_000_000 * ONE))
            assert isinstance(poor, Refused)
            assert poor.answer.status == 403
            await sent(venue, ticket("twice"))
            again = await place(venue, ticket("twice"))
            assert not isinstance(again, Sent | Refused)
            assert (await where.truth())["orders_by_client_id"]["twice"] == 1
            found = await venue.look_up("twice")
            assert found.reports is not None
            assert (await venue.look_up("nobody")).reports is None
            assert (await venue.look_up("nobody")).problem == ""
            await venue.close()

    run(play())


def test_the_venues_own_account_is_read(told: dict[str, str]) -> None:
    """ST-3: orders, positions, cash and fills, as the venue has them."""

    async def play() -> None:
        async with at_venue(told) as where:
            venue = connection(told).venue()
            await quoted(where)
            await sent(venue, ticket("rests"))
            await sent(venue, ticket("fills", type="market", limit_1e8=None, qty_1e8=3 * ONE))
            await until(where, "fills", "filled")
            await until(where, "rests", "new")
            stated = await venue.state(7, frozenset(Part), 0)
            assert (stated.question, stated.problem) == (7, "")
            assert [each.client_order_id for each in stated.orders or ()] == ["rests"]
            assert [(p.instrument, p.qty_1e8) for p in stated.positions or ()] == [("SPY", 3 * ONE)]
            truth = await where.truth()
            assert stated.cash is not None
            assert stated.cash.cash_1e8 == amount_1e8(truth["cash"])
            assert [
                (fill.client_order_id, fill.qty_1e8, fill.price_1e8) for fill in stated.fills or ()
            ] == [
                ("fills", amount_1e8(each["qty"]), amount_1e8(each["price"]))
                for each in truth["executions"]
            ]
            none = await venue.state(8, frozenset({Part.CASH}), 0)
            assert none.orders is None
            assert none.positions is None
            await venue.close()

    run(play())


def test_instruments_account_and_clock_are_checked(told: dict[str, str]) -> None:
    """BR-5: what the venue does not know, does not trade, or trades in whole units only, is red."""

    async def play() -> None:
        async with at_venue(told):
            probe = connection(told).probe()
            rest = probe.rest
            option = await an_option(told)
            unknown = f"SPY200103C{option[-8:]}"  # long expired
            lots = {"SPY": ONE // 1000, "GONE": ONE, "NONE": ONE, "PENY": 1}
            lots |= {option: ONE, unknown: ONE}
            wanted = [Wanted(symbol=symbol, lot_1e8=lot) for symbol, lot in lots.items()]
            found = {check.name: check.is_ok for check in await probe.checks(wanted)}
            (half,) = (await probe.checks([Wanted(symbol=option, lot_1e8=ONE // 2)]))[2:]
            assert (half.is_ok, "whole units" in half.found) == (False, True)
            assert found == {
                "account": True,
                "clock": True,
                "instrument SPY": True,
                "instrument GONE": False,
                "instrument NONE": False,
                "instrument PENY": False,
                f"instrument {option}": True,
                f"instrument {unknown}": False,
            }
            assert await rest.calendar("2026-11-16", "2026-11-27")
            rest.close()
            wrong = Connection(
                addresses=Addresses.of(told["url"]),
                credentials=Credentials("wrong", "hidden-word"),
                now_ns=time.time_ns,
                mono_ns=time.monotonic_ns,
            )
            outsider = wrong.probe()
            refused = await outsider.checks(wanted)
            await outsider.close()
            assert [check.is_ok for check in refused] == [False]
            assert "hidden-word" not in refused[0].found

    run(play())


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://127.0.0.1:8100", Place.SIMULATOR),
        ("http://localhost:8100/a", Place.SIMULATOR),
        ("https://paper-api.alpaca.markets", Place.SANDBOX),
        ("https://api.alpaca.markets/", Place.LIVE),
    ],
)
def test_an_address_says_whose_money_it_moves(url: str, place: Place) -> None:
    """BR-9: simulator, sandbox or live by the host alone; nothing is contacted."""
    assert Addresses.of(url).place is place


def test_real_streams_are_where_the_broker_has_them() -> None:
    """BR-1: orders at the trading host, the market at the data host, options at their own path."""
    found = Addresses.of("https://paper-api.alpaca.markets")
    assert found.order_stream == "wss://paper-api.alpaca.markets/stream"
    assert found.market_stream == "wss://stream.data.alpaca.markets/v2/iex"
    assert found.options_stream == "wss://stream.data.alpaca.markets/v1beta1/indicative"
    assert found.data.url == "https://data.alpaca.markets"
    assert found.trading.url == found.url == "https://paper-api.alpaca.markets"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.alpaca.markets",
        "https://api.alpaca.markets:8443",
        "https://api.alpaca.markets/v2",
        "https://api.alpaca.markets.example.com",
        "http://10.0.0.1",
    ],
)
def test_no_other_address_is_traded_at(url: str) -> None:
    """BR-9: neither keys nor orders go anywhere else."""
    with pytest.raises(SafetyRefusedError, match="nothing was started"):
        Addresses.of(url)


def test_cancels_never_wait_behind_polling(told: dict[str, str]) -> None:
    """BR-6: the window full of polling, 25 cancels all leave, and none is answered with 429."""

    async def play() -> None:
        async with at_venue(told) as where:
            await where.post("/admin/limits", {"requests_per_min": 200})
            venue = connection(told, calls_per_minute=200).venue()
            await quoted(where)
            ids = [await sent(venue, ticket(f"o{number}")) for number in range(25)]
            polls = [asyncio.create_task(poll(venue)) for _ in range(8)]
            async with asyncio.timeout(WAIT_S):
                while venue.rest.orders.limiter.waits < len(polls):  # noqa: ASYNC110 - bounded above
                    await asyncio.sleep(0)
            outcomes = await asyncio.gather(
                *(venue.cancel("", broker_order_id, lambda: None) for broker_order_id in ids)
            )
            assert all(isinstance(outcome, CancelRequested) for outcome in outcomes)
            for poller in polls:
                poller.cancel()
            await asyncio.gather(*polls, return_exceptions=True)
            for number in range(25):
                await until(where, f"o{number}", "canceled")
            audit = (await where.get("/admin/audit"))["requests"]
            assert not [entry for entry in audit if entry["status"] == 429]
            await where.post("/admin/limits", {"requests_per_min": 60_000})
            await venue.close()

    run(play())


async def poll(venue: AlpacaVenue) -> None:
    while True:
        await venue.rest.open_orders()


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_market_data_comes_in_both_encodings(told: dict[str, str], encoding: Encoding) -> None:
    """MD-9: quotes arrive with source and receive times; after a cut the stream is back."""

    async def play() -> None:
        async with at_venue(told) as where:
            heard: asyncio.Queue[MarketNews] = asyncio.Queue()
            stream = connection(told).market(["SPY"], ("quotes", "trades"), encoding=encoding)
            stream.streams[0].backoff.first_s = 0.01
            following = asyncio.create_task(stream.follow(heard.put_nowait))

            async def next_of(kind: type) -> Any:
                async with asyncio.timeout(WAIT_S):
                    while not isinstance(found := await heard.get(), kind):
                        pass
                return found

            for bid in ("99.5", "99.6"):
                await next_of(StreamUp)
                await quoted(where, bid=bid)
                quote = await next_of(Quote)
                assert quote.bid_1e8 == amount_1e8(bid)
                assert abs(quote.at_ns - quote.source_ns) < WAIT_S * 1_000_000_000
                await where.fault("cut_stream")
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    run(play())


def test_shares_and_options_have_streams_of_their_own(told: dict[str, str]) -> None:
    """BR-1, MD-9: heard as one market, which is up while both are, and says which one is gone."""

    async def play() -> None:
        async with at_venue(told) as where:
            option = await an_option(told)
            heard: asyncio.Queue[MarketNews] = asyncio.Queue()
            market = connection(told).market(["SPY", option], ("quotes",))
            for stream in market.streams:
                stream.backoff.first_s = 0.01
            following = asyncio.create_task(market.follow(heard.put_nowait))
            async with asyncio.timeout(WAIT_S):
                assert isinstance(await heard.get(), StreamUp)
                for symbol, bid in (("SPY", "99.5"), (option, "2.5")):
                    await quoted(where, symbol, bid=bid, ask="100")
                    found = ("", 0)
                    while found != (symbol, amount_1e8(bid)):
                        tick = await heard.get()
                        assert isinstance(tick, Quote)
                        found = (tick.instrument, tick.bid_1e8)
                await where.fault("cut_stream")
                causes = set()
                while not isinstance(news := await heard.get(), StreamUp):
                    if isinstance(news, StreamDown):
                        causes.add(news.cause.split(":")[0])
                assert causes <= {"v2/iex", "v1beta1/indicative"}
                assert causes
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    run(play())


def test_bars_of_the_past_are_read(told: dict[str, str]) -> None:
    """BR-1: minute bars by REST, page by page; none where nothing traded."""

    async def play() -> None:
        async with at_venue(told):
            rest = connection(told).venue().rest
            now_ns = time.time_ns()
            try:
                bars = await rest.bars("SPY", now_ns - 2 * DAY_NS, now_ns)
                option = await an_option(told)
                nothing = await rest.bars(option, now_ns - 9 * DAY_NS, now_ns - 8 * DAY_NS)
            finally:
                rest.close()
            assert len(bars) >= MINUTES_OF_A_SESSION, "the session before this one, whole"
            assert [bar.t for bar in bars] == sorted({bar.t for bar in bars})
            assert nothing == []
            for bar in bars:
                assert bar.l <= min(bar.o, bar.c) <= max(bar.o, bar.c) <= bar.h
                assert isinstance(bar.v, Decimal)

    run(play())
