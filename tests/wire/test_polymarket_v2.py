# mypy: disable-error-code="import-not-found, import-untyped, misc, no-any-unimported"
# mypy: disable-error-code="attr-defined, no-untyped-call"
"""py-clob-client-v2, unchanged, drives what the venue serves; the first version is refused."""

from typing import Any

import pytest
from conftest import PolymarketVenue
from eth_account import Account
from py_clob_client.client import ClobClient as FirstClient
from py_clob_client.clob_types import OrderArgs as FirstArgs
from py_clob_client_v2 import ClobClient
from py_clob_client_v2.clob_types import (
    AssetType,
    BalanceAllowanceParams,
    BookParams,
    MarketOrderArgsV2,
    OpenOrderParams,
    OrderArgsV2,
    OrderMarketCancelParams,
    OrderPayload,
    OrderType,
    PartialCreateOrderOptions,
    PostOrdersV2Args,
    PricesHistoryParams,
    TradeParams,
)
from py_clob_client_v2.config import get_contract_config
from py_clob_client_v2.exceptions import PolyApiException
from py_clob_client_v2.order_utils.exchange_order_builder_v2 import ExchangeOrderBuilderV2

CHAIN = 137


@pytest.fixture
def client(polymarket: PolymarketVenue) -> ClobClient:
    found = ClobClient(polymarket.url, CHAIN, key=polymarket.private_key)
    found.set_api_creds(found.create_or_derive_api_key())
    return found


def market(client: ClobClient, slug: str = "rain") -> Any:
    return next(one for one in client.get_markets()["data"] if one["market_slug"] == slug)


def tokens(client: ClobClient, slug: str = "rain") -> list[str]:
    return [token["token_id"] for token in market(client, slug)["tokens"]]


def signed(client: ClobClient, slug: str = "rain", **more: Any) -> Any:
    shape = {"token_id": tokens(client, slug)[0], "price": 0.4, "size": 10, "side": "BUY", **more}
    return client.create_order(OrderArgsV2(**shape))


# --- keys -----------------------------------------------------------------------------------------


def test_keys_are_made_derived_listed_and_deleted(polymarket: PolymarketVenue) -> None:
    """BR-2: a second creation is refused, and the library derives the same key instead."""
    client = ClobClient(polymarket.url, CHAIN, key=polymarket.private_key)
    creds = client.create_or_derive_api_key()
    with pytest.raises(PolyApiException, match="Could not create api key"):
        client.create_api_key()
    assert client.derive_api_key() == creds
    client.set_api_creds(creds)
    assert creds.api_key in client.get_api_keys()["apiKeys"]
    assert client.get_closed_only_mode() == {"closed_only": False}
    other = client.create_or_derive_api_key(nonce=5)
    client.set_api_creds(other)
    assert client.delete_api_key() == "OK"
    with pytest.raises(PolyApiException, match="401"):
        client.get_api_keys()
    stranger = ClobClient(polymarket.url, CHAIN, key=Account.create().key.hex())
    with pytest.raises(PolyApiException, match="banned"):
        stranger.create_api_key()


# --- markets --------------------------------------------------------------------------------------


def test_markets_books_and_prices(client: ClobClient, polymarket: PolymarketVenue) -> None:
    """BR-2: every public call, and the book's hash as the library computes it."""
    polymarket.quote("RAIN", "0.44", "0.47", "100")
    polymarket.admin(
        "POST", "trade", {"symbol": "RAIN", "price": "0.47", "qty": "5", "side": "buy"}
    )
    found = market(client)
    yes, no = tokens(client)
    assert (client.get_ok(), client.get_version()) == ("OK", 2)
    assert client.get_server_time() == 1795186800
    assert client.get_market(found["condition_id"])["question"] == found["question"]
    assert client.get_clob_market_info(found["condition_id"])["mts"] == 0.01
    book = client.get_order_book(no)
    assert (book["bids"][-1]["price"], book["asks"][-1]["price"]) == ("0.53", "0.56")
    assert client.get_order_book_hash({**book}) == book["hash"]
    asked = [BookParams(token_id=yes, side="BUY"), BookParams(token_id=no, side="BUY")]
    assert [one["asset_id"] for one in client.get_order_books(asked)] == [yes, no]
    assert client.get_midpoint(yes) == {"mid": "0.455"}
    assert client.get_midpoints(asked)[no] == "0.545"
    assert client.get_price(yes, "SELL") == {"price": "0.47"}
    assert client.get_prices(asked)[yes] == {"BUY": "0.44"}
    assert client.get_spread(yes) == {"spread": "0.03"}
    assert client.get_spreads(asked)[yes] == "0.03"
    assert client.get_last_trade_price(no) == {"price": "0.53", "side": "SELL"}
    assert [one["price"] for one in client.get_last_trades_prices(asked)] == ["0.47", "0.53"]
    assert (client.get_tick_size(yes), client.get_neg_risk(yes)) == ("0.01", False)
    assert client.get_fee_rate_bps(yes) == 0
    assert client.get_neg_risk(tokens(client, "mayor")[0]) is True
    past = client.get_prices_history(PricesHistoryParams(market=yes, interval="1d"))
    assert [one["p"] for one in past["history"]] == [0.47]
    with pytest.raises(PolyApiException, match="404"):
        client.get_order_book("1")
    with pytest.raises(PolyApiException, match="404"):
        client.get_market("0x" + "0" * 64)


# --- orders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("slug", "is_neg_risk"), [("rain", False), ("mayor", True)])
def test_the_order_id_is_the_hash_that_the_library_computes(
    client: ClobClient, slug: str, *, is_neg_risk: bool
) -> None:
    """BR-2: known before sending; of both exchanges."""
    order = signed(client, slug)
    contracts = get_contract_config(CHAIN)
    exchange = contracts.neg_risk_exchange_v2 if is_neg_risk else contracts.exchange_v2
    builder = ExchangeOrderBuilderV2(exchange, CHAIN, client.signer)
    expected = builder.build_order_hash(builder.build_order_typed_data(order))
    assert client.post_order(order)["orderID"] == expected
    with pytest.raises(PolyApiException, match="Duplicated"):
        client.post_order(order)
    assert client.get_order(expected)["id"] == expected


def test_an_order_lives_and_is_canceled(client: ClobClient) -> None:
    """BR-2: posted, read, canceled one by one, in a list, by market and all together."""
    found = market(client)
    ids = [client.post_order(signed(client, price=0.3 + n / 100))["orderID"] for n in range(5)]
    assert {one["id"] for one in client.get_open_orders()} == {*ids}
    assert len(client.get_open_orders(OpenOrderParams(market=found["condition_id"]))) == 5
    assert client.get_open_orders(OpenOrderParams(id=ids[0]))[0]["price"] == "0.3"
    assert client.cancel_order(OrderPayload(orderID=ids[0]))["canceled"] == [ids[0]]
    again = client.cancel_order(OrderPayload(orderID=ids[0]))
    assert [*again["not_canceled"]] == [ids[0]]
    assert client.cancel_orders(ids[1:3])["canceled"] == ids[1:3]
    by_market = OrderMarketCancelParams(market=found["condition_id"])
    assert client.cancel_market_orders(by_market)["canceled"] == ids[3:]
    assert client.cancel_all() == {"canceled": [], "not_canceled": {}}
    assert client.get_open_orders() == []


def test_several_orders_in_one_request(client: ClobClient) -> None:
    """BR-2: each is answered for itself, in its order."""
    args = [
        PostOrdersV2Args(order=signed(client, price=price, **more), orderType=OrderType.GTC)
        for price, more in ((0.3, {}), (0.4, {"side": "SELL"}), (0.31, {}))
    ]
    found = client.post_orders(args)
    assert [bool(one["orderID"]) for one in found] == [True, False, True]
    assert found[1]["errorMsg"] == "not enough balance / allowance"
    assert len(client.get_open_orders()) == 2


def test_pages_of_open_orders(client: ClobClient) -> None:
    """BR-2: a hundred on a page, and the library reads on."""
    order = signed(client)
    for _ in range(8):
        args = [PostOrdersV2Args(order=signed(client), orderType=OrderType.GTC) for _ in range(15)]
        client.post_orders(args)
    client.post_order(order)
    assert len(client.get_open_orders(only_first_page=True)) == 100
    assert len(client.get_open_orders()) == 121


def test_market_orders_are_matched_settled_and_sold(
    client: ClobClient, polymarket: PolymarketVenue
) -> None:
    """BR-2: dollars in, shares out; the library itself waits for the transaction."""
    polymarket.admin("POST", "clock", {"speed": 20})
    polymarket.quote("RAIN", "0.44", "0.47", "1000")
    yes, _ = tokens(client)
    bought = client.create_and_post_market_order(
        MarketOrderArgsV2(token_id=yes, amount=20, side="BUY"), order_type=OrderType.FOK
    )
    assert (bought["status"], len(bought["transactionsHashes"])) == ("matched", 1)
    shares = float(bought["takingAmount"])
    assert shares == pytest.approx(20 / 0.47, abs=0.01)
    params = BalanceAllowanceParams(asset_type=AssetType.CONDITIONAL, token_id=yes)
    client.update_balance_allowance(params)
    assert int(client.get_balance_allowance(params)["balance"]) == round(shares * 1e6)
    sold = client.create_and_post_market_order(
        MarketOrderArgsV2(token_id=yes, amount=20, side="SELL"), order_type=OrderType.FAK
    )
    assert (sold["status"], sold["makingAmount"]) == ("matched", "20")
    trades = client.get_trades(TradeParams(asset_id=yes))
    assert [trade["price"] for trade in trades] == ["0.44", "0.47"]
    assert client.get_trades_paginated()["count"] == 2
    cash = BalanceAllowanceParams(asset_type=AssetType.COLLATERAL)
    assert int(client.get_balance_allowance(cash)["balance"]) < 100_000_000_000


def test_refusals_are_told_with_their_status(
    client: ClobClient, polymarket: PolymarketVenue
) -> None:
    """BR-2: 400, 200 without success, 425, 503 and 429."""
    polymarket.quote("RAIN", "0.44", "0.47", "10")
    yes, _ = tokens(client)
    with pytest.raises(PolyApiException, match="lower than the minimum: 5"):
        client.post_order(signed(client, size=4))
    with pytest.raises(PolyApiException, match="not enough balance"):
        client.post_order(signed(client, side="SELL"))
    options = PartialCreateOrderOptions(tick_size="0.01", neg_risk=True)
    args = OrderArgsV2(token_id=yes, price=0.4, size=10, side="BUY")
    for_another_exchange = client.create_order(args, options)
    with pytest.raises(PolyApiException, match="invalid signature"):
        client.post_order(for_another_exchange)
    killed = client.create_and_post_market_order(
        MarketOrderArgsV2(token_id=yes, amount=50, side="BUY", price=0.47)
    )
    assert (killed["success"], "fully filled or killed" in killed["errorMsg"]) == (False, True)
    crossing = client.post_order(signed(client, price=0.5), post_only=True)
    assert crossing["errorMsg"] == "invalid post-only order: order crosses book"
    polymarket.fault("cancel_only", seconds=60)
    with pytest.raises(PolyApiException, match="cancel-only"):
        client.post_order(signed(client))
    polymarket.admin("DELETE", "faults")
    polymarket.fault("engine_restart", seconds=60)
    with pytest.raises(PolyApiException, match="425"):
        client.post_order(signed(client))
    with pytest.raises(PolyApiException, match="425"):
        client.cancel_all()
    polymarket.admin("DELETE", "faults")
    polymarket.fault("engine_restart", seconds=0, post_only_seconds=60)
    with pytest.raises(PolyApiException, match="post_only_mode"):
        client.post_order(signed(client))
    assert client.post_order(signed(client), post_only=True)["success"] is True
    polymarket.admin("DELETE", "faults")
    polymarket.fault("rate_limit_window", seconds=60)
    with pytest.raises(PolyApiException, match="429"):
        client.post_order(signed(client))


def test_a_lost_answer_is_found_by_the_hash(
    client: ClobClient, polymarket: PolymarketVenue
) -> None:
    """BR-2: the same bytes again are told to be a duplicate; there is one order."""
    order = signed(client)
    polymarket.fault("accept_then_drop")
    with pytest.raises(PolyApiException, match="Request exception"):
        client.post_order(order)
    with pytest.raises(PolyApiException, match="Duplicated"):
        client.post_order(order)
    assert len(polymarket.truth()["orders"]) == 1


def test_heartbeats_and_what_follows_when_they_stop(
    client: ClobClient, polymarket: PolymarketVenue
) -> None:
    """BR-2: a wrong id is told the right one; after ten seconds nothing is open."""
    client.post_order(signed(client))
    first = client.post_heartbeat()["heartbeat_id"]
    with pytest.raises(PolyApiException, match=first):
        client.post_heartbeat("wrong")
    second = client.post_heartbeat(first)["heartbeat_id"]
    assert second != first
    polymarket.later(9)
    assert len(client.get_open_orders()) == 1
    polymarket.later(1)
    while client.get_open_orders():
        pass  # the venue looks at its clock a hundred times a second
    assert polymarket.truth()["open_orders"] == 0


# --- the first version ----------------------------------------------------------------------------


def test_orders_of_the_first_version_are_refused(polymarket: PolymarketVenue) -> None:
    """BR-2: its keys are good and its orders are not."""
    first = FirstClient(polymarket.url, chain_id=CHAIN, key=polymarket.private_key)
    first.set_api_creds(first.create_or_derive_api_creds())
    token = first.get_markets()["data"][0]["tokens"][0]["token_id"]
    order = first.create_order(FirstArgs(token_id=token, price=0.4, size=10, side="BUY"))
    with pytest.raises(Exception, match="order_version_mismatch"):
        first.post_order(order)
    assert polymarket.truth()["orders"] == []
