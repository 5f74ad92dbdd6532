"""What the venue answers and tells beside samples of others' tests: the same fields and kinds."""

import asyncio
import json
from typing import Any

import pytest

from tests.brokers.sim.polymarket.venue import Client, open_venue
from tests.streams.shared_data import SHARED_DATA

SAMPLES = SHARED_DATA / "samples" / "polymarket"
# Pictures, texts for people, and services that are not simulated.
LEFT_OUT = {"icon", "image", "eventSlug", "event_message", "sports_market_type", "line", "rewards"}
LEFT_OUT |= {"game_start_time", "group_item_title", "fpmm", "neg_risk_market_id", "active"}
LEFT_OUT |= {"neg_risk_request_id", "notifications_enabled", "accepting_order_timestamp"}
LEFT_OUT |= {"order_price_min_tick_size", "clob_token_ids"}
# The wire's description has allowances by contract, and a word where nothing was refused.
LEFT_OUT |= {"allowance"}
pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the shared samples are not beside this checkout"
)


def kind(value: Any) -> str:
    """Text, number, truth, list, object or nothing."""
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return {str: "text", int: "number", float: "number"}.get(type(value), type(value).__name__)


def check(sample: Any, ours: Any, where: str) -> None:
    """Each field of the sample is there, of the same kind; nothing may stand for any."""
    if isinstance(sample, list):
        assert isinstance(ours, list), where
        if sample and ours:
            check(sample[0], ours[0], f"{where}[0]")
        return
    if not isinstance(sample, dict):
        is_either = None in (sample, ours)
        assert is_either or kind(sample) == kind(ours), f"{where}: {sample!r} beside {ours!r}"
        return
    for name in sample:
        if name in LEFT_OUT or name.startswith("0x"):
            continue
        assert name in ours, f"{where} lacks {name}"
        check(sample[name], ours[name], f"{where}.{name}")


def sample(name: str) -> Any:
    """One file; of a list its first element stands for all."""
    return json.loads((SAMPLES / f"{name}.json").read_text())


async def answers(client: Client) -> dict[str, Any]:
    """What the venue says to the requests of which there are samples."""
    await client.quote("0.40", "0.50", "100", symbol="RAIN")
    listing = client.venue.site.listings["RAIN"]
    placed = (await client.ask("POST", "/order", client.order("BUY", "0.50", "20")))[1]
    resting = await client.place()
    await client.later(3)
    found = {
        "http_order_response_ok": placed,
        "http_order_response_failed": (
            await client.ask("POST", "/order", client.order("BUY", "0.3", "20", kind="FOK"))
        )[1],
        "http_open_order": (await client.mine("/data/orders"))["data"][0],
        "http_open_orders_page": await client.mine("/data/orders"),
        "http_trade_report": (await client.mine("/data/trades"))["data"][0],
        "http_trades_page": await client.mine("/data/trades"),
        "http_balance_allowance_collateral": await client.mine(
            "/balance-allowance?asset_type=COLLATERAL"
        ),
        "clob_book_response": await client.get(f"/book?token_id={client.token()}"),
        "data_api_positions_response": await client.get(f"/positions?user={client.addresses.key}"),
        "http_signed_order": client.order()["order"],
        "http_cancel_response_ok": await client.cancel(resting),
        "http_batch_cancel_response": await client.cancel(resting),
    }
    await client.admin("POST", "resolve", {"symbol": "RAIN", "winner": "No"})
    found["clob_market_closed_binary_accepting_false"] = await client.get(
        f"/markets/{listing.condition_id}"
    )
    return found


def test_answers_have_the_fields_of_the_samples() -> None:
    """BR-2: published answers are the measure; nothing is missing or of another kind."""

    async def played() -> None:
        async with open_venue() as client:
            for name, ours in (await answers(client)).items():
                check(sample(name), ours, name)

    asyncio.run(played())


async def told(client: Client) -> dict[str, Any]:
    """What the streams say, by the sample that it stands beside."""
    user = await client.listen()
    market = await client.listen("/ws/market", custom_feature_enabled=True)
    await client.quote("0.40", "0.50", "100", symbol="RAIN")
    order_id = await client.place()
    placed = await user.next()
    await client.cancel(order_id)
    canceled = await user.next()
    await client.place("BUY", "0.50", "20")
    [*_, trade] = await user.until("MATCHED")
    await client.quote("0.97", "0.98", "100", symbol="RAIN")
    await client.admin("POST", "resolve", {"symbol": "RAIN", "winner": "Yes"})
    kinds = {event["event_type"]: event for event in await market.until("market_resolved")}
    return {
        "ws_user_order_msg": placed,
        "ws_user_order_placement": placed,
        "ws_user_order_cancellation": canceled,
        "ws_user_trade_msg": trade,
        "ws_book_snapshot": kinds["book"],
        "ws_market_book_msg": kinds["book"],
        "ws_last_trade": kinds["last_trade_price"],
        "ws_market_last_trade_msg": kinds["last_trade_price"],
        "ws_market_best_bid_ask_msg": kinds["best_bid_ask"],
        "ws_market_tick_size_msg": kinds["tick_size_change"],
        "ws_market_price_change_msg": kinds["price_change"],
        "ws_quotes": kinds["price_change"],
        "ws_market_resolved_msg": kinds["market_resolved"],
    }


def test_events_have_the_fields_of_the_samples() -> None:
    """BR-2: of both streams."""

    async def played() -> None:
        async with open_venue() as client:
            for name, ours in (await told(client)).items():
                check(sample(name), ours, name)

    asyncio.run(played())


WANTED = {
    "gamma_market": (
        *("id", "question", "conditionId", "slug", "endDate", "startDate", "outcomes"),
        *("outcomePrices", "active", "closed", "enableOrderBook", "clobTokenIds"),
        *("orderPriceMinTickSize", "orderMinSize", "acceptingOrders", "negRisk"),
    ),
    "ws_market_new_market_msg": (
        *("event_type", "id", "question", "market", "slug", "assets_ids", "outcomes"),
        *("timestamp", "tags", "condition_id"),
    ),
}


@pytest.mark.parametrize("name", WANTED)
def test_a_market_is_described_as_in_the_samples(name: str) -> None:
    """BR-2: what Gamma and the stream say of a new one, in the fields that anybody reads."""
    wanted = WANTED[name]

    async def played() -> None:
        async with open_venue() as client:
            stream = await client.listen("/ws/market", custom_feature_enabled=True)
            await client.later(300)
            [*_, new] = await stream.until("new_market")
            [gamma] = await client.get(f"/gamma/markets?slug={new['slug']}")
        ours = gamma if name == "gamma_market" else new
        known = sample(name)
        check({key: known[key] for key in wanted}, ours, name)

    asyncio.run(played())
