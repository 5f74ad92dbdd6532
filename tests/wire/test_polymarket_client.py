# mypy: disable-error-code="import-not-found, import-untyped, misc, no-any-unimported"
# mypy: disable-error-code="attr-defined, no-untyped-call"
"""polymarket-client, unchanged but for its addresses, drives calls and streams of the venue."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from conftest import PolymarketVenue
from polymarket import AsyncSecureClient
from polymarket.environments import PRODUCTION, _create_environment
from polymarket.errors import (
    OrderHeartbeatMismatchError,
    RateLimitError,
    RequestRejectedError,
    TransportError,
)
from polymarket.streams import CryptoPricesSpec, MarketSpec, UserSpec

Scene = Callable[[AsyncSecureClient], Awaitable[None]]


@asynccontextmanager
async def opened(venue: PolymarketVenue, **more: Any) -> AsyncIterator[AsyncSecureClient]:
    config = dataclasses.replace(
        PRODUCTION._config,  # noqa: SLF001 - there is no public way to other addresses
        clob_url=venue.url,
        clob_market_ws_url=f"{venue.ws_url}/ws/market",
        clob_user_ws_url=f"{venue.ws_url}/ws/user",
        rtds_ws_url=f"{venue.ws_url}/ws/feeds",
        gamma_url=f"{venue.url}/gamma",
        data_url=f"{venue.url}/data-api",
        relayer_url=venue.url,
        rpc_url=venue.url,
    )
    client = await AsyncSecureClient.create(
        private_key=venue.private_key,
        wallet=venue.address,
        environment=_create_environment(name="loopback", config=config),
        **more,
    )
    try:
        yield client
    finally:
        await client.close()


def play(venue: PolymarketVenue, scene: Scene, **more: Any) -> None:
    async def played() -> None:
        async with opened(venue, **more) as client:
            await asyncio.wait_for(scene(client), 30)

    asyncio.run(played())


def token(venue: PolymarketVenue, symbol: str = "RAIN", number: int = 0) -> str:
    listed: str = venue.admin("GET", "truth")["markets"][symbol]["tokens"][number]
    return listed


async def until(handle: Any, wanted: Callable[[Any], bool]) -> list[Any]:
    found = []
    async for event in handle:
        found.append(event)
        if wanted(event):
            return found
    raise AssertionError("the stream has ended")


async def until_true(is_so: Callable[[], Any]) -> None:
    while not is_so():  # noqa: ASYNC110 - another process changes it
        await asyncio.sleep(0.01)


# --- markets --------------------------------------------------------------------------------------


def test_books_prices_markets_and_positions(polymarket: PolymarketVenue) -> None:
    """BR-2: what anybody may ask, in the shapes that the library insists on."""
    polymarket.quote("RAIN", "0.44", "0.47", "100")

    async def scene(client: AsyncSecureClient) -> None:
        yes = token(polymarket)
        book = await client.get_order_book(token_id=yes)
        assert (book.bids[-1].price, book.asks[-1].price) == (Decimal("0.44"), Decimal("0.47"))
        assert (book.tick_size, book.min_order_size) == (Decimal("0.01"), 5)
        assert len(await client.get_order_books(token_ids=[yes])) == 1
        assert await client.get_midpoint(token_id=yes) == Decimal("0.455")
        assert await client.get_midpoints(token_ids=[yes]) == {yes: Decimal("0.455")}
        assert await client.get_price(token_id=yes, side="BUY") == Decimal("0.44")
        assert await client.get_spread(token_id=yes) == Decimal("0.03")
        assert await client.get_spreads(token_ids=[yes]) == {yes: Decimal("0.03")}
        assert await client.get_last_trade_price(token_id=yes) is None
        printed = {"symbol": "RAIN", "price": "0.47", "qty": "5", "side": "buy"}
        polymarket.admin("POST", "trade", printed)
        assert (await client.get_last_trade_price(token_id=yes)).price == Decimal("0.47")
        assert len(await client.get_last_trade_prices(token_ids=[yes])) == 1
        market = await client.get_market(slug="rain")
        assert (market.outcomes.yes.token_id, market.state.accepting_orders) == (yes, True)
        assert (await client.get_market(id=market.id)).slug == "rain"
        assert len(await client.fetch_api_keys()) >= 1
        assert await client.get_closed_only_mode() is False
        listed = [one async for page in client.list_markets() for one in page.items]
        assert {"rain", "mayor"} <= {one.slug for one in listed}
        assert await client.estimate_market_price(token_id=yes, side="BUY", amount=10) == Decimal(
            "0.47"
        )

    play(polymarket, scene)


# --- orders ---------------------------------------------------------------------------------------


def test_limit_orders_live_and_are_canceled(polymarket: PolymarketVenue) -> None:
    """BR-2: placed, listed, read and canceled in each way; neg-risk by its own exchange."""

    async def scene(client: AsyncSecureClient) -> None:
        yes, mayor = token(polymarket), token(polymarket, "MAYOR")
        placed = [
            await client.place_limit_order(token_id=name, price="0.4", size="10", side="BUY")
            for name in (yes, yes, mayor, mayor)
        ]
        assert [(one.ok, one.status) for one in placed] == [(True, "live")] * 4
        ids = [one.order_id for one in placed]
        page = await client.list_open_orders().first_page()
        assert {one.id for one in page.items} == {*ids}
        assert (await client.get_order(order_id=ids[0])).original_size == 10
        assert (await client.cancel_order(order_id=ids[0])).canceled == (ids[0],)
        assert [*(await client.cancel_order(order_id=ids[0])).not_canceled] == [ids[0]]
        assert (await client.cancel_orders(order_ids=[ids[1]])).canceled == (ids[1],)
        assert (await client.cancel_market_orders(token_id=mayor)).canceled == tuple(ids[2:])
        assert (await client.cancel_all()).canceled == ()

    play(polymarket, scene)


def test_a_batch_and_its_refusals(polymarket: PolymarketVenue) -> None:
    """BR-2: several in one request; a refusal is `success` without an id, and is seen."""

    async def scene(client: AsyncSecureClient) -> None:
        yes = token(polymarket)
        orders = [
            await client.create_limit_order(token_id=yes, price="0.4", size="10", side=side)
            for side in ("BUY", "SELL")
        ]
        found = await client.post_orders(orders)
        assert [one.ok for one in found] == [True, False]
        assert found[1].code == "not_enough_balance"

    play(polymarket, scene)


def test_a_fill_settles_and_the_position_is_held(polymarket: PolymarketVenue) -> None:
    """BR-2: the library waits for the transaction; balance and positions follow."""
    polymarket.quote("RAIN", "0.44", "0.47", "1000")
    polymarket.admin("POST", "clock", {"speed": 20})

    async def scene(client: AsyncSecureClient) -> None:
        yes = token(polymarket)
        bought = await client.place_market_order(token_id=yes, side="BUY", amount="20")
        assert (bought.ok, bought.status, len(bought.trade_ids)) == (True, "matched", 1)
        assert len(await client.wait_for_order_fill_settlement(bought)) == 1
        held = await client.get_balance_allowance(asset_type="CONDITIONAL", token_id=yes)
        assert Decimal(held.balance) / 10**6 == bought.taking_amount
        [trade] = (await client.list_account_trades().first_page()).items
        assert (trade.price, trade.trader_side) == (Decimal("0.47"), "TAKER")
        [position] = (await client.list_positions().first_page()).items
        assert (position.asset_id, position.current_size) == (yes, bought.taking_amount)

    play(polymarket, scene)


def test_a_settlement_that_fails_is_told_as_failed(polymarket: PolymarketVenue) -> None:
    """BR-2: matched, and then it never was."""
    polymarket.quote("RAIN", "0.44", "0.47", "1000")
    polymarket.fault("reversal")

    async def scene(client: AsyncSecureClient) -> None:
        bought = await client.place_market_order(
            token_id=token(polymarket), side="BUY", amount="20"
        )
        assert bought.status == "matched"
        [trade] = (await client.list_account_trades().first_page()).items
        assert trade.status == "FAILED"
        assert polymarket.truth()["positions"] == {}

    play(polymarket, scene)


def test_refusals_carry_their_code(polymarket: PolymarketVenue) -> None:
    """BR-2: the library's own readings of 200, 400, 425, 429 and 503."""
    polymarket.quote("RAIN", "0.44", "0.47", "10")

    async def scene(client: AsyncSecureClient) -> None:
        yes = token(polymarket)
        limit = {"token_id": yes, "price": "0.4", "size": "10", "side": "BUY"}
        crossing = await client.place_limit_order(**{**limit, "price": "0.5"}, post_only=True)
        assert (crossing.ok, crossing.code) == (False, "post_only_would_cross")
        killed = await client.place_market_order(
            token_id=yes, side="BUY", amount="50", max_price="0.47", order_type="FOK"
        )
        assert (killed.ok, killed.message.startswith("order couldn't")) == (False, True)
        polymarket.fault("engine_restart", seconds=60)
        with pytest.raises(RequestRejectedError) as restarting:
            await client.place_limit_order(**limit)
        assert (restarting.value.status, restarting.value.restriction) == (425, "restarting")
        polymarket.admin("DELETE", "faults")
        polymarket.fault("engine_restart", seconds=0, post_only_seconds=60)
        with pytest.raises(RequestRejectedError) as post_only:
            await client.place_limit_order(**limit)
        assert (post_only.value.restriction, post_only.value.retry_after) == ("post_only", 60)
        polymarket.admin("DELETE", "faults")
        polymarket.fault("cancel_only", seconds=60)
        with pytest.raises(RequestRejectedError) as cancel_only:
            await client.place_limit_order(**limit)
        assert cancel_only.value.restriction == "cancel_only"
        polymarket.admin("DELETE", "faults")
        polymarket.fault("accept_then_drop")
        with pytest.raises(TransportError):
            await client.place_limit_order(**limit)
        assert polymarket.truth()["open_orders"] == 1

    play(polymarket, scene)


def test_the_buckets_are_read_by_the_library(polymarket: PolymarketVenue) -> None:
    """BR-2: headers of the signer's limit; cancel-all of 150 orders is refused whole."""
    told: list[Any] = []

    async def scene(client: AsyncSecureClient) -> None:
        yes = token(polymarket)
        for _ in range(10):
            orders = [
                await client.create_limit_order(token_id=yes, price="0.4", size="10", side="BUY")
                for _ in range(15)
            ]
            await client.post_orders(orders)
        polymarket.admin("POST", "limits", {"requests_per_min": 2400})
        with pytest.raises(RateLimitError) as refused:
            await client.cancel_all()
        assert (refused.value.retry_after is not None, told[-1].tier) == (True, "Standard")
        assert polymarket.truth()["open_orders"] == 150

    play(polymarket, scene, on_rate_limit_update=told.append)


def test_heartbeats_by_the_library(polymarket: PolymarketVenue) -> None:
    """BR-2: the mismatch carries the id that is expected."""

    async def scene(client: AsyncSecureClient) -> None:
        first = await client.send_order_heartbeat()
        with pytest.raises(OrderHeartbeatMismatchError) as wrong:
            await client.send_order_heartbeat(heartbeat_id="wrong")
        assert wrong.value.heartbeat_id == first.heartbeat_id
        second = await client.send_order_heartbeat(heartbeat_id=first.heartbeat_id)
        assert second.heartbeat_id != first.heartbeat_id

    play(polymarket, scene)


# --- streams --------------------------------------------------------------------------------------


def test_the_users_stream_tells_orders_and_trades(polymarket: PolymarketVenue) -> None:
    """BR-2: nothing is dropped but a killed order, whose size is empty as it was recorded."""
    polymarket.quote("RAIN", "0.44", "0.47", "1000")

    async def scene(client: AsyncSecureClient) -> None:
        yes = token(polymarket)
        handle = await client.subscribe(UserSpec())
        await until_true(lambda: polymarket.admin("GET", "state")["order_listeners"])
        await client.place_limit_order(token_id=yes, price="0.47", size="10", side="BUY")
        polymarket.later(1)
        polymarket.later(2)
        events = await until(handle, lambda event: _status(event) == "CONFIRMED")
        assert [(event.type, _status(event)) for event in events] == [
            ("order", "LIVE"),
            ("trade", "MATCHED"),
            ("order", "MATCHED"),
            ("trade", "MINED"),
            ("trade", "CONFIRMED"),
        ]
        resting = await client.place_limit_order(token_id=yes, price="0.4", size="10", side="BUY")
        await client.cancel_order(order_id=resting.order_id)
        events = await until(handle, lambda event: _status(event) == "CANCELED")
        assert [event.payload.order_event_type for event in events] == ["PLACEMENT", "CANCELLATION"]
        manager = client._get_user_manager()  # noqa: SLF001 - it counts what it drops
        assert manager.dropped_events == 0
        await client.place_market_order(
            token_id=yes, side="BUY", amount="900", max_price="0.47", order_type="FOK"
        )
        await until_true(lambda: manager.dropped_events)

    play(polymarket, scene)


def _status(event: Any) -> str:
    return str(event.payload.status)


def test_the_markets_stream_tells_every_kind_of_event(polymarket: PolymarketVenue) -> None:
    """BR-2: books, levels of both tokens, prints, ticks and the end; nothing is dropped."""
    polymarket.quote("RAIN", "0.44", "0.47", "100")

    async def scene(client: AsyncSecureClient) -> None:
        names = [token(polymarket, number=number) for number in (0, 1)]
        handle = await client.subscribe(MarketSpec(token_ids=names, custom_feature_enabled=True))
        books = await until(handle, lambda event: event.payload.token_id == names[1])
        assert {event.type for event in books} == {"book"}
        await client.place_limit_order(token_id=names[0], price="0.45", size="10", side="BUY")
        [change] = [
            event
            for event in await until(handle, lambda event: event.type == "price_change")
            if event.type == "price_change"
        ]
        told = {(one.token_id, one.side, one.price) for one in change.payload.price_changes}
        assert told == {
            (names[0], "BUY", Decimal("0.45")),
            (names[1], "SELL", Decimal("0.55")),
        }
        polymarket.admin(
            "POST", "trade", {"symbol": "RAIN", "price": "0.47", "qty": "5", "side": "buy"}
        )
        await until(handle, lambda event: event.type == "last_trade_price")
        polymarket.quote("RAIN", "0.97", "0.98", "100")
        events = await until(handle, lambda event: event.type == "tick_size_change")
        assert events[-1].payload.new_tick_size == Decimal("0.001")
        polymarket.admin("POST", "resolve", {"symbol": "RAIN", "winner": "Yes"})
        events = await until(handle, lambda event: event.type == "market_resolved")
        assert events[-1].payload.winning_token_id == names[0]

        manager = client._get_market_manager()  # noqa: SLF001 - it counts what it drops
        assert manager.dropped_events == 0

    play(polymarket, scene)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_feeds_of_what_windows_ask_about(polymarket: PolymarketVenue) -> None:
    """BR-2: the exchange's price at once, the oracle's each second."""

    async def scene(client: AsyncSecureClient) -> None:
        spot = await client.subscribe(CryptoPricesSpec(topic="prices.crypto.binance"))
        oracle = await client.subscribe(CryptoPricesSpec(topic="prices.crypto.chainlink"))
        await until_true(lambda: polymarket.admin("GET", "state")["feed_subscriptions"] == 2)
        polymarket.quote("BTC", "99000", "99010", "5")
        [first] = await until(spot, lambda _: True)
        assert (first.payload.symbol, first.payload.value) == ("btcusdt", Decimal("99005"))
        polymarket.later(1)
        events = await until(oracle, lambda event: event.payload.value == Decimal("99005"))
        assert events[-1].payload.symbol == "btc/usd"

    play(polymarket, scene)
