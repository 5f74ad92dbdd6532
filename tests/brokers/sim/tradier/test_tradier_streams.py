"""Tradier's two streams: ids that live five minutes, heartbeats, and events that only add up."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from tests.brokers.sim.tradier.venue import CALL, Client, Stream, equity, open_venue, option, spread


def run(scenario: Callable[[Client], Awaitable[None]], **options: Any) -> None:
    async def play() -> None:
        async with open_venue(**options) as client:
            await scenario(client)

    asyncio.run(play())


async def is_closed(stream: Stream) -> bool:
    """Whether the venue has ended it, with or without a word."""
    message = await stream.socket.receive()
    if message.type is aiohttp.WSMsgType.TEXT:
        assert "Session not found" in message.data
        message = await stream.socket.receive()
    return message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


def test_events_are_cumulative_and_name_no_symbol() -> None:
    """BR-2: id, status and what has filled so far; the tag where there is one."""

    async def scenario(client: Client) -> None:
        stream = await client.listen()
        await client.quote("8.40", "8.60", "1", symbol=CALL)
        mine = await client.place(**option(quantity=3, price="8.60"))
        first = await stream.until("partially_filled")
        assert {each["status"] for each in first[:-1]} == {"pending", "open"}
        await client.quote("8.40", "8.60", "2", symbol=CALL)
        last = (await stream.until("filled"))[-1]
        filled = [(each["exec_quantity"], each["remaining_quantity"]) for each in (first[-1], last)]
        assert filled == [(1.0, 2.0), (3.0, 0.0)]
        for event in (*first, last):
            assert (event["id"], event["tag"], event["event"]) == (mine, "mine", "order")
            assert not {"symbol", "side", "quantity"} & {*event}

    run(scenario)


def test_events_come_out_of_order_at_times() -> None:
    """BR-2: of many orders some are open before they are pending, with the same instant."""

    async def scenario(client: Client) -> None:
        stream = await client.listen()
        firsts, empty = [], 0
        for count in range(24):
            await client.place(**option(f"n-{count}", price="8.60"))
            events = await stream.until("filled")
            firsts.append(events[0]["status"])
            assert len({each["transaction_date"] for each in events}) == 1
            empty += events[-1]["last_fill_quantity"] == 0
        assert {*firsts} == {"pending", "open"}
        assert 0 < empty < 24

    run(scenario, cash_1e8=100_000_000_000_000)


def test_legs_name_their_parent() -> None:
    """BR-2: `parent_id` on legs, the tag on the parent."""

    async def scenario(client: Client) -> None:
        stream = await client.listen()
        mine = await client.place(**spread())
        found = await stream.until("filled")
        while found[-1]["id"] != mine:
            found += await stream.until("filled")
        legs = [each for each in found if each["status"] == "filled" and each["id"] != mine]
        assert [each["parent_id"] for each in legs] == [mine, mine]
        assert all("tag" not in each for each in legs)

    run(scenario)


def test_a_heartbeat_comes_every_minute() -> None:
    """BR-2: and none while the stream is mute."""

    async def scenario(client: Client) -> None:
        stream = await client.listen()
        client.wall.advance(61)
        beat = await stream.next()
        assert (beat["event"], beat["status"]) == ("heartbeat", "active")
        await client.fault("mute_stream", seconds=90)
        client.wall.advance(61)
        await client.place(**option())
        client.wall.advance(30)
        assert (await stream.next())["event"] == "heartbeat"  # what was told meanwhile is lost

    run(scenario)


def test_an_id_is_good_once_and_for_five_minutes() -> None:
    """BR-2: afterwards the stream is ended, for the account as for the market."""

    async def scenario(client: Client) -> None:
        for kind, asked in (("accounts", {"events": ["order"]}), ("markets", {"symbols": ["SPY"]})):
            late = await client.session(kind)
            client.wall.advance(300)
            fresh = await client.session(kind)
            other = await client.session("markets" if kind == "accounts" else "accounts")
            for sessionid, is_good in (
                (late["sessionid"], False),
                (other["sessionid"], False),
                ("unheard-of", False),
                (fresh["sessionid"], True),
                (fresh["sessionid"], False),
            ):
                socket = await client.http.ws_connect(fresh["url"])
                await socket.send_json({**asked, "sessionid": sessionid})
                if not is_good:
                    assert await is_closed(Stream(socket))

    run(scenario)


def test_a_second_session_ends_the_first() -> None:
    """BR-2: one of a kind at a time; the other kind goes on."""

    async def scenario(client: Client) -> None:
        market = await client.listen("markets", symbols=["SPY"])
        first = await client.listen()
        second = await client.listen()
        assert await is_closed(first)
        await client.place(**option())
        assert (await second.next())["status"] in ("pending", "open")
        assert (await market.next())["type"] == "quote"

    run(scenario)


def test_an_excluded_account_tells_nothing() -> None:
    """BR-2: `excludeAccounts` counts, and a second message changes what is heard."""

    async def scenario(client: Client) -> None:
        found = await client.session("accounts")
        socket = await client.http.ws_connect(found["url"])
        base = {"events": ["order"], "sessionid": found["sessionid"]}
        await socket.send_json({**base, "excludeAccounts": [client.addresses.account]})
        while not (await client.admin("GET", "state"))["order_listeners"]:
            pass
        await client.place(**option("unheard"))
        await socket.send_json({**base, "excludeAccounts": []})
        count = 0
        while True:  # a message is heard when an order after it is
            await client.place(**option(f"heard-{count}"))
            count += 1
            try:
                event = await Stream(socket).socket.receive_json(timeout=0.1)
            except TimeoutError:
                continue
            assert event["tag"].startswith("heard")
            break

    run(scenario)


def test_the_market_tells_quotes_in_numbers_and_trades_in_text() -> None:
    """BR-2: times are text of milliseconds; only what was asked for is told."""

    async def scenario(client: Client) -> None:
        stream = await client.listen("markets", symbols=["SPY", CALL, "NOPE"])
        assert [(await stream.next())["symbol"] for _ in range(2)] == ["SPY", CALL]
        await client.quote("681.00", "681.10", "100", symbol="SPY")
        quote = await stream.next()
        assert (quote["type"], quote["bid"], quote["biddate"]) == ("quote", 681.0, "1795186800000")
        print_of = {"symbol": "SPY", "price": "681.10", "qty": "7", "side": "buy"}
        await client.admin("POST", "trade", print_of)
        found = [await stream.next() for _ in range(4)]
        assert [each["type"] for each in found] == ["trade", "tradex", "timesale", "summary"]
        assert (found[0]["price"], found[0]["size"], found[0]["cvol"]) == ("681.1", "7", "7")
        assert (found[2]["bid"], found[2]["cancel"]) == ("681", False)
        await client.admin("POST", "trade", print_of)
        found = [await stream.next() for _ in range(3)]  # no new high or low: no summary
        assert found[0]["cvol"] == "14"

    run(scenario)


def test_a_filter_and_linebreaks_are_kept() -> None:
    """BR-2: only trades, each with a line's end."""

    async def scenario(client: Client) -> None:
        wanted = {"symbols": ["SPY"], "filter": ["trade"], "linebreak": True}
        stream = await client.listen("markets", **wanted)
        await client.place(**equity(type="market"))
        text = await stream.socket.receive_str()
        assert '"type":"trade"' in text
        assert text.endswith("}\n")

    run(scenario)


def test_an_index_prints_and_has_no_quotes() -> None:
    """BR-2: nobody bids for an index, and nobody can buy it."""

    async def scenario(client: Client) -> None:
        stream = await client.listen("markets", symbols=["SPX"])
        print_of = {"symbol": "SPX", "price": "6801", "qty": "1", "side": "buy"}
        await client.admin("POST", "trade", print_of)
        assert (await stream.next())["type"] == "trade"
        path = f"{client.account}/orders"
        assert (await client.ask("POST", path, equity(symbol="SPX", price="6000")))[0] == 400

    run(scenario)
