"""What the simulated Polymarket tells without being asked: orders, books, prices, windows."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from tests.brokers.sim.polymarket.venue import Client, open_venue

WINDOW_S = 300


def play(scene: Callable[[Client], Awaitable[None]], at: str = "", **options: Any) -> None:
    """One venue, one scene."""

    async def played() -> None:
        async with open_venue(*([at] if at else []), **options) as client:
            await scene(client)

    asyncio.run(played())


# --- the user's -----------------------------------------------------------------------------------


def test_a_wrong_key_ends_the_users_stream() -> None:
    """BR-2: nothing is said; the socket is closed."""

    async def scene(client: Client) -> None:
        socket = await client.http.ws_connect(client.addresses.ws_url + "/ws/user")
        await socket.send_json({"type": "user", "auth": {**client.creds, "secret": "x"}})
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE

    play(scene)


def test_who_has_gone_is_no_longer_counted() -> None:
    """BR-2: the admin port says who is connected."""

    async def scene(client: Client) -> None:
        stream = await client.listen()
        assert (await client.admin("GET", "state"))["order_streams"] == 1
        await stream.socket.close()
        for _ in range(1000):
            if not (await client.admin("GET", "state"))["order_streams"]:
                return
        raise AssertionError("it is still there")

    play(scene)


def test_only_the_markets_that_were_asked_for_are_told() -> None:
    """BR-2: condition ids; without any all are told."""

    async def scene(client: Client) -> None:
        rates = client.venue.site.listings["RATES"].condition_id
        stream = await client.listen(markets=[rates])
        await client.place()
        await client.place(symbol="RATES")
        assert (await stream.next())["market"] == rates

    play(scene)


def test_a_fill_is_told_once_for_each_state_of_its_settlement() -> None:
    """BR-2: one trade id, three statuses; seconds as text of digits, and milliseconds."""

    async def scene(client: Client) -> None:
        await client.quote("0.40", "0.50", "100", symbol="RAIN")
        stream = await client.listen()
        order_id = await client.place("BUY", "0.50", "20")
        await client.later(1)
        await client.later(2)
        told = await stream.until("CONFIRMED")
        trades = [event for event in told if event["event_type"] == "trade"]
        assert [event["status"] for event in trades] == ["MATCHED", "MINED", "CONFIRMED"]
        assert len({event["id"] for event in trades}) == 1
        assert {event["taker_order_id"] for event in trades} == {order_id}
        assert (trades[0]["transaction_hash"], len(trades[1]["transaction_hash"])) == ("", 66)
        assert all(event["match_time"] == "1795186800" for event in trades)
        assert told[0]["timestamp"] == "1795186800000"

    play(scene)


def test_a_killed_order_is_told_as_it_was_recorded() -> None:
    """BR-2: CANCELED with the reason in its status, and no size."""

    async def scene(client: Client) -> None:
        stream = await client.listen()
        await client.refused("BUY", "0.4", "10", kind="FOK")
        told = await stream.next()
        assert (told["type"], told["size_matched"]) == ("CANCELLATION", "")
        assert told["status"].startswith("CANCELED_order couldn't be fully filled")

    play(scene)


# --- the market's ---------------------------------------------------------------------------------


def test_levels_change_for_both_tokens_and_end_with_nought() -> None:
    """BR-2: the size is the new total; one order changes two books."""

    async def scene(client: Client) -> None:
        stream = await client.listen("/ws/market")
        assert (await stream.next())["event_type"] == "book"
        first, second = client.token(), client.token(number=1)
        order_id = await client.place("BUY", "0.45", "10")
        changes = (await stream.next())["price_changes"]
        assert [(one["asset_id"], one["side"], one["price"], one["size"]) for one in changes] == [
            (first, "BUY", "0.45", "10"),
            (second, "SELL", "0.55", "10"),
        ]
        await client.cancel(order_id)
        assert {one["size"] for one in (await stream.next())["price_changes"]} == {"0"}

    play(scene)


def test_near_an_end_the_tick_becomes_finer_while_an_order_is_on_its_way() -> None:
    """BR-2: what was on the old grid still is; an order of the finer grid was refused before."""

    async def scene(client: Client) -> None:
        stream = await client.listen("/ws/market")
        assert "breaks minimum tick size" in (await client.refused(price="0.955"))[1]
        await client.quote("0.97", "0.98", "100", symbol="RAIN")
        [*_, told] = await stream.until("tick_size_change")
        assert (told["old_tick_size"], told["new_tick_size"]) == ("0.01", "0.001")
        await client.place(price="0.955")
        await client.admin("POST", "tick", {"symbol": "RAIN", "tick": "0.01"})
        assert "rule: 0.01" in (await client.refused(price="0.955"))[1]

    play(scene)


def test_newer_events_come_to_those_who_ask() -> None:
    """BR-2: best prices, and the end of a market."""

    async def scene(client: Client) -> None:
        plain = await client.listen("/ws/market")
        newer = await client.listen("/ws/market", custom_feature_enabled=True)
        await client.quote("0.40", "0.44", "100", symbol="RAIN")
        [*_, best] = await newer.until("best_bid_ask")
        assert (best["best_bid"], best["best_ask"], best["spread"]) == ("0.4", "0.44", "0.04")
        await client.admin("POST", "resolve", {"symbol": "RAIN", "winner": "No"})
        [*_, told] = await newer.until("market_resolved")
        assert told["winning_asset_id"] == client.token(number=1)
        await client.quote("0.40", "0.44", "100", symbol="RATES")
        await plain.socket.send_json(
            {"operation": "subscribe", "assets_ids": [client.token("RATES")]}
        )
        seen = await plain.until("book")
        while seen[-1].get("asset_id") != client.token("RATES"):
            seen += await plain.until("book")
        assert not {"best_bid_ask", "market_resolved"} & {event["event_type"] for event in seen}

    play(scene)


# --- windows --------------------------------------------------------------------------------------


def test_windows_follow_each_other_and_are_decided_by_the_reference() -> None:
    """BR-2: Up if the price is at least that of the start; the next one is there at once."""

    async def scene(client: Client) -> None:
        site = client.venue.site
        [first] = [one for one in site.listings.values() if one.ends_ns]
        assert (first.slug, first.first.outcome) == ("btc-updown-5m-1795186800", "Up")
        await client.quote("100100", "100110", "5", symbol="BTC")
        await client.later(WINDOW_S)
        assert (first.accepts, first.winner) == (False, None)
        await client.later(2)
        assert (first.is_closed, first.winner) == (True, first.first)
        [second] = [one for one in site.listings.values() if one.ends_ns and not one.is_closed]
        assert (second.starts_ns, second.reference_1e8) == (first.ends_ns, 100_105 * 10**8)
        await client.quote("100000", "100010", "5", symbol="BTC")
        await client.later(WINDOW_S)
        assert second.winner is second.second

    play(scene)


def test_a_window_is_quoted_from_the_spot_and_pays_its_winner() -> None:
    """BR-2: the favourite costs more; a dollar a share in the end."""

    async def scene(client: Client) -> None:
        [window] = [one for one in client.venue.site.listings.values() if one.ends_ns]
        await client.quote("100050", "100060", "5", symbol="BTC")
        book = await client.get(f"/book?token_id={window.first.token_id}")
        price = book["asks"][-1]["price"]
        assert float(price) > 0.6
        await client.place("BUY", price, "20", token=window.first.token_id, kind="FOK")
        await client.later(WINDOW_S + 2)
        await client.later(10)
        truth = await client.truth()
        assert [one["paid"] for one in truth["redemptions"]] == ["20"]
        assert float(truth["cash"]) > 100_000

    play(scene)


def test_a_recording_of_the_spot_moves_the_windows(tmp_path: Path) -> None:
    """BR-2: --replay with --symbol BTC; both outcomes come about."""
    rows = [
        f"2026-11-20T15:{minute:02d}:00Z,{90_000 + 100 * (minute // 5 % 2)},1"
        for minute in range(31)
    ]
    path = tmp_path / "btc.csv"
    path.write_text("\n".join(["ts,price,size", *rows]))

    async def scene(client: Client) -> None:
        for _ in range(31):
            await client.later(60)
        ended = [one for one in client.venue.site.listings.values() if one.winner and one.ends_ns]
        assert ended[0].reference_1e8 == 90_000 * 10**8
        assert {one.winner.outcome for one in ended if one.winner} == {"Up", "Down"}
        assert len(ended) == 6

    play(scene, replay=path, replay_symbol="BTC")


def test_a_recording_of_an_outcome_moves_its_book(tmp_path: Path) -> None:
    """BR-2: --replay with --symbol RAIN; a price of a dollar or more is left out."""
    path = tmp_path / "rain.csv"
    path.write_text("ts,bid,ask\n2026-11-20T15:00:01Z,0.61,0.63\n2026-11-20T15:00:02Z,0.99,1.01\n")

    async def scene(client: Client) -> None:
        book = await client.get(f"/book?token_id={client.token()}")
        assert (book["bids"][-1]["price"], book["asks"][-1]["price"]) == ("0.61", "0.63")
        await client.later(1)
        book = await client.get(f"/book?token_id={client.token()}")
        assert (book["bids"][-1]["price"], book["asks"]) == ("0.99", [])

    play(scene, replay=path, replay_symbol="RAIN")


def test_the_exchange_and_the_oracle_tell_their_prices() -> None:
    """BR-2: two feeds, each with its own time."""

    async def scene(client: Client) -> None:
        topics = [
            {"topic": name, "type": "update"}
            for name in ("crypto_prices", "crypto_prices_chainlink")
        ]
        stream = await client.listen("/ws/feeds", action="subscribe", subscriptions=topics)
        await client.quote("99000", "99010", "5", symbol="BTC")
        await client.later(1)
        told = [await stream.next() for _ in range(2)]
        assert [(one["payload"]["symbol"], one["payload"]["value"]) for one in told] == [
            ("btcusdt", 99005),
            ("btc/usd", 99005),
        ]
        assert told[1]["payload"]["timestamp"] == 1_795_186_801_000

    play(scene)
