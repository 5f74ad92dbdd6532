"""What the simulated Polymarket takes and refuses, and what becomes of its orders."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from hashlib import sha1
from typing import Any

from tests.brokers.sim.polymarket.venue import EXCHANGE, Client, open_venue

STRANGER = "0x" + "11" * 32
YEAR_3000 = "32503680000"


def play(scene: Callable[[Client], Awaitable[None]], **options: Any) -> None:
    """One venue, one scene."""

    async def played() -> None:
        async with open_venue(**options) as client:
            await scene(client)

    asyncio.run(played())


# --- keys -----------------------------------------------------------------------------------------


def test_a_key_is_made_once_and_derived_ever_after() -> None:
    """BR-2: a second creation is 400, and the same wallet derives the same key."""

    async def scene(client: Client) -> None:
        assert await client.ask("POST", "/auth/api-key", headers=client.attest()) == (
            400,
            {"error": "Could not create api key"},
        )
        derived = await client.ask("GET", "/auth/derive-api-key", headers=client.attest())
        assert derived == (200, client.creds)
        status, found = await client.ask(
            "GET", "/auth/derive-api-key", headers=client.attest(nonce=1)
        )
        assert (status, found["error"]) == (400, "Could not derive api key!")
        forged = {**client.attest(), "POLY_SIGNATURE": client.attest(STRANGER)["POLY_SIGNATURE"]}
        assert (await client.ask("POST", "/auth/api-key", headers=forged))[0] == 401
        status, found = await client.ask("POST", "/auth/api-key", headers=client.attest(STRANGER))
        assert (status, "banned" in found["error"]) == (400, True)
        assert await client.mine("/auth/api-keys") == {"apiKeys": [client.creds["apiKey"]]}
        assert await client.ask("DELETE", "/auth/api-key") == (200, "OK")
        assert (await client.ask("GET", "/auth/api-keys"))[0] == 401

    play(scene)


def test_a_request_whose_bytes_were_changed_is_a_strangers() -> None:
    """BR-2: method, path and body are under the signature; the query is not."""

    async def scene(client: Client) -> None:
        signed = client.signed("GET", "/data/orders", "")
        assert (await client.ask("GET", "/data/orders?id=0x1", headers=signed))[0] == 200
        assert (await client.ask("GET", "/data/trades", headers=signed))[0] == 401
        body = client.order()
        headers = client.signed("POST", "/order", json.dumps(body, separators=(",", ":")))
        body["postOnly"] = True
        assert (await client.ask("POST", "/order", body, headers=headers))[0] == 401
        assert (await client.truth())["orders"] == []

    play(scene)


# --- what is refused ------------------------------------------------------------------------------


def test_an_order_is_refused_for_each_of_its_faults() -> None:
    """BR-2: form, owner, signature, market, grid, size, cover and time, each with its words."""

    async def scene(client: Client) -> None:
        refused = client.refused
        assert await refused(exchange="0x" + "22" * 20) == (400, "invalid signature")
        assert await refused(private_key=STRANGER) == (400, "invalid signature")
        assert await refused(symbol="MAYOR", exchange=EXCHANGE) == (400, "invalid signature")
        assert (await refused(owner="somebody"))[1].startswith("the order owner")
        assert (await refused(token=str(123)))[0] == 404
        assert "breaks minimum tick size rule: 0.01" in (await refused(price="0.405"))[1]
        assert "breaks minimum tick size" in (await refused(price="1", size="10"))[1]
        assert "lower than the minimum: 5" in (await refused(size="4.99"))[1]
        assert await refused(size="10.001") == (400, "Invalid order payload")
        assert await refused(size="300000") == (400, "not enough balance / allowance")
        assert await refused("SELL") == (400, "not enough balance / allowance")
        assert await refused(kind="GTD", expiration="1") == (400, "invalid expiration")
        assert await refused(expiration=YEAR_3000) == (400, "invalid expiration")
        assert await refused(kind="IOC") == (400, "Invalid order payload")
        assert await refused(kind="FOK", postOnly=True) == (400, "Invalid order payload")
        for field, value in (("salt", "1"), ("side", 0), ("tokenId", 5), ("metadata", "0x")):
            body = client.order()
            body["order"][field] = value
            assert await client.ask("POST", "/order", body) == (
                400,
                {"error": "Invalid order payload"},
            )
        assert (await client.truth())["orders"] == []
        assert not any(
            entry["booked"] for entry in await client.audit() if "order" in entry["path"]
        )

    play(scene)


def test_an_order_of_the_first_version_is_known_and_refused() -> None:
    """BR-2: it has no timestamp."""

    async def scene(client: Client) -> None:
        body = client.order()
        del body["order"]["timestamp"]
        assert await client.ask("POST", "/order", body) == (
            400,
            {"error": "order_version_mismatch"},
        )

    play(scene)


def test_the_same_bytes_again_are_a_duplicate() -> None:
    """BR-2: the second answer proves the first arrival; a cancel does not change that."""

    async def scene(client: Client) -> None:
        body = client.order()
        status, found = await client.ask("POST", "/order", body)
        again = {"error": f"order {found['orderID']} is invalid. Duplicated."}
        assert await client.ask("POST", "/order", body) == (400, again)
        await client.cancel(found["orderID"])
        assert await client.ask("POST", "/order", body) == (400, again)
        assert (status, len((await client.truth())["orders"])) == (200, 1)

    play(scene)


def test_dollars_that_an_order_keeps_cannot_be_spent_twice() -> None:
    """BR-2: open purchases reserve their worth until they end."""

    async def scene(client: Client) -> None:
        first = await client.place("BUY", "0.4", "200")
        assert (await client.refused("BUY", "0.4", "100"))[1] == "not enough balance / allowance"
        await client.cancel(first)
        await client.place("BUY", "0.4", "100")

    play(scene, cash_1e8=100 * 10**8)


# --- what is matched ------------------------------------------------------------------------------


def test_both_tokens_are_sides_of_one_book() -> None:
    """BR-2: a bid for Yes at 0.40 is an offer of No at 0.60; the best price is last."""

    async def scene(client: Client) -> None:
        await client.quote("0.47", "0.53", "100", symbol="RAIN")
        await client.place("BUY", "0.48", "10")
        yes, no = [await client.get(f"/book?token_id={client.token(number=n)}") for n in (0, 1)]
        assert yes["bids"] == [{"price": "0.47", "size": "100"}, {"price": "0.48", "size": "10"}]
        assert no["asks"] == [{"price": "0.53", "size": "100"}, {"price": "0.52", "size": "10"}]
        text = json.dumps({**yes, "hash": ""}, separators=(",", ":"))
        assert yes["hash"] == sha1(text.encode(), usedforsecurity=False).hexdigest()
        await client.place("BUY", "0.5", "10", outcome=1)
        assert (await client.truth())["positions"] == {}
        await client.place("BUY", "0.52", "10", outcome=1)  # meets our own bid for Yes
        held = (await client.truth())["positions"]
        assert {held[client.token(number=n)]["qty"] for n in (0, 1)} == {"10"}

    play(scene)


def test_an_order_that_takes_is_answered_with_what_it_got() -> None:
    """BR-2: given and taken in the answer, the rest rests, and the trade has one price."""

    async def scene(client: Client) -> None:
        await client.quote("0.40", "0.45", "6", symbol="RAIN")
        status, found = await client.ask("POST", "/order", client.order("BUY", "0.46", "10"))
        assert (status, found["status"]) == (200, "matched")
        assert (found["makingAmount"], found["takingAmount"]) == ("2.7", "6")
        order = await client.known(found["orderID"])
        assert (order["status"], order["size_matched"]) == ("LIVE", "6")
        [trade] = await client.trades()
        assert (trade["id"], trade["price"], trade["size"]) == (found["tradeIDs"][0], "0.45", "6")
        assert (trade["trader_side"], trade["status"]) == ("TAKER", "MATCHED")
        await client.cancel(found["orderID"])
        assert (await client.known(found["orderID"]))["status"] == "CANCELED"
        assert (await client.cancel(found["orderID"]))["canceled"] == []
        await client.later(61)
        assert await client.known(found["orderID"]) is None

    play(scene)


def test_a_maker_finds_his_part_inside_the_trade() -> None:
    """BR-2: the top of the trade is the taker's, larger and at times of the other token."""

    async def scene(client: Client) -> None:
        await client.quote("0.40", "0.60", "7", symbol="RAIN")
        mine = await client.place("BUY", "0.40", "10")
        body = {"symbol": "RAIN", "price": "0.40", "qty": "12", "side": "sell"}
        await client.admin("POST", "trade", body)
        [trade] = await client.trades()
        assert (trade["size"], trade["trader_side"]) == ("12", "MAKER")
        [part] = [each for each in trade["maker_orders"] if each["order_id"] == mine]
        assert (part["matched_amount"], part["price"], part["outcome"]) == ("5", "0.4", "Yes")
        assert (await client.known(mine))["size_matched"] == "5"
        assert (await client.truth())["positions"][client.token()]["qty"] == "5"

    play(scene)


def test_orders_that_do_not_rest() -> None:
    """BR-2: FOK all or nothing, FAK what there is; a refusal with HTTP 200 and without success."""

    async def scene(client: Client) -> None:
        await client.quote("0.40", "0.50", "8", symbol="RAIN")
        status, text = await client.refused("BUY", "0.5", "10", kind="FOK")
        assert (status, "FOK orders are fully filled or killed" in text) == (200, True)
        assert (await client.audit())[-1]["booked"] is False
        order_id = await client.place("BUY", "0.5", "10", kind="FAK")
        order = await client.known(order_id)
        assert (order["status"], order["size_matched"]) == ("CANCELED", "8")
        status, text = await client.refused("BUY", "0.5", "10", kind="FAK")
        assert (status, "no orders found to match with FAK order" in text) == (200, True)
        await client.quote("0.40", "0.50", "100", symbol="RAIN")
        bought = await client.ask(
            "POST",
            "/order",
            client.order(maker_amount="7000000", taker_amount="13725400", price="0.51", kind="FOK"),
        )
        assert (bought[1]["status"], bought[1]["takingAmount"]) == ("matched", "13.7254")
        status, text = await client.refused("BUY", "0.49", "0.25", kind="FOK")
        assert (status, "max accuracy of 2 decimals" in text) == (400, True)

    play(scene)


def test_post_only_and_the_smallest_purchase() -> None:
    """BR-2: what would cross is refused; what trades at once is worth a dollar."""

    async def scene(client: Client) -> None:
        await client.quote("0.02", "0.05", "500", symbol="RAIN")
        assert await client.refused("BUY", "0.05", "50", postOnly=True) == (
            200,
            "invalid post-only order: order crosses book",
        )
        await client.place("BUY", "0.04", "50", postOnly=True)
        assert "min size: $1" in (await client.refused("BUY", "0.05", "10"))[1]
        await client.place("BUY", "0.05", "20")

    play(scene)


def test_a_batch_is_answered_in_order_each_for_itself() -> None:
    """BR-2: a refusal inside is `success` with no id; more than fifteen are refused whole."""

    async def scene(client: Client) -> None:
        bodies = [client.order(), client.order("SELL"), client.order(price="0.41")]
        status, found = await client.ask("POST", "/orders", bodies)
        assert [(each["success"], bool(each["orderID"])) for each in found] == [
            (True, True),
            (True, False),
            (True, True),
        ]
        assert (status, found[1]["errorMsg"]) == (200, "not enough balance / allowance")
        assert (await client.audit())[-1]["booked"] is True
        assert (await client.ask("POST", "/orders", [client.order("SELL")]))[0] == 200
        assert (await client.audit())[-1]["booked"] is False
        many = [client.order() for _ in range(16)]
        assert (await client.ask("POST", "/orders", many))[1]["error"].startswith("Too many orders")
        status, said = await client.ask(
            "DELETE", "/orders", [each["orderID"] for each in found if each["orderID"]]
        )
        assert (status, len(said["canceled"])) == (200, 2)

    play(scene)


def test_cancels_of_a_market_of_a_token_and_of_all() -> None:
    """BR-2: 200 even where nothing was canceled."""

    async def scene(client: Client) -> None:
        yes, no = await client.place(), await client.place(outcome=1)
        other = await client.place(symbol="RATES")
        body = {"asset_id": client.token(number=1)}
        assert (await client.ask("DELETE", "/cancel-market-orders", body))[1]["canceled"] == [no]
        market = client.venue.site.listings["RAIN"].condition_id
        body = {"market": market}
        assert (await client.ask("DELETE", "/cancel-market-orders", body))[1]["canceled"] == [yes]
        assert (await client.ask("DELETE", "/cancel-market-orders", {}))[0] == 400
        assert (await client.ask("DELETE", "/cancel-all"))[1]["canceled"] == [other]
        assert await client.ask("DELETE", "/cancel-all") == (
            200,
            {"canceled": [], "not_canceled": {}},
        )

    play(scene)


# --- settlement -----------------------------------------------------------------------------------


def test_what_was_bought_can_be_sold_when_it_is_mined() -> None:
    """BR-2: MATCHED, MINED, CONFIRMED; the balance lags, and so does what may be sold."""

    async def scene(client: Client) -> None:
        await client.quote("0.40", "0.50", "100", symbol="RAIN")
        await client.place("BUY", "0.50", "20")
        ask = f"/balance-allowance?asset_type=CONDITIONAL&token_id={client.token()}"
        cash = "/balance-allowance?asset_type=COLLATERAL"
        assert (await client.mine(ask))["balance"] == "0"
        assert (await client.mine(cash))["balance"] == "100000000000"
        assert await client.refused("SELL", "0.40", "20") == (400, "not enough balance / allowance")
        await client.later(1)
        assert ((await client.trades())[0]["status"], (await client.mine(ask))["balance"]) == (
            "MINED",
            "20000000",
        )
        assert (await client.mine(cash))["balance"] == "99990000000"
        held = await client.get(f"/positions?user={client.addresses.key}")
        assert [(each["size"], each["avgPrice"]) for each in held] == [(20, 0.5)]
        await client.place("SELL", "0.40", "20")
        await client.later(2)
        assert [trade["status"] for trade in await client.trades()] == ["MINED", "CONFIRMED"]

    play(scene)


def test_takers_pay_a_fee_where_there_is_one() -> None:
    """BR-2: shares * r * (p * (1 - p)) ** e, to five decimals, and makers nothing."""

    async def scene(client: Client) -> None:
        await client.quote("0.40", "0.50", "100", symbol="TAXED")
        await client.place("BUY", "0.50", "20", symbol="TAXED")
        assert (await client.truth())["cash"] == "99989.6875"  # 20 * 0.25 * 0.25 ** 2
        market = client.venue.site.listings["TAXED"].condition_id
        assert (await client.get(f"/clob-markets/{market}"))["fd"] == {
            "r": 0.25,
            "e": 2.0,
            "to": True,
        }

    play(scene)


def test_a_market_that_is_decided_ends_orders_and_pays() -> None:
    """BR-2: the winner's dollar a share, after a while; three sources agree."""

    async def scene(client: Client) -> None:
        await client.quote("0.40", "0.50", "100", symbol="RAIN")
        await client.place("BUY", "0.50", "20")
        resting = await client.place("BUY", "0.30", "10")
        await client.later(3)
        await client.admin("POST", "resolve", {"symbol": "RAIN", "winner": "Yes"})
        listing = client.venue.site.listings["RAIN"]
        found = await client.get(f"/markets/{listing.condition_id}")
        assert [token["winner"] for token in found["tokens"]] == [True, False]
        assert (found["closed"], found["accepting_orders"]) == (True, False)
        [gamma] = await client.get("/gamma/markets?slug=rain")
        assert json.loads(gamma["outcomePrices"]) == ["1", "0"]
        [held] = await client.get(f"/positions?user={client.addresses.key}")
        assert (held["redeemable"], held["curPrice"]) == (True, 1)
        assert (await client.known(resting))["status"] == "CANCELED"
        assert (await client.refused())[1].startswith("the market is not yet ready")
        assert (await client.ask("GET", f"/book?token_id={client.token()}", headers={}))[0] == 404
        await client.later(10)
        truth = await client.truth()
        assert (truth["positions"], truth["cash"]) == ({}, "100010")
        assert [one["paid"] for one in truth["redemptions"]] == ["20"]

    play(scene)


def test_two_services_may_disagree_about_a_winner() -> None:
    """BR-2: the order book says Yes and pays it, Gamma says No."""

    async def scene(client: Client) -> None:
        await client.admin("POST", "resolve", {"symbol": "RAIN", "winner": "Yes", "gamma": "No"})
        market = client.venue.site.listings["RAIN"].condition_id
        found = await client.get(f"/markets/{market}")
        assert [token["winner"] for token in found["tokens"]] == [True, False]
        [gamma] = await client.get("/gamma/markets?slug=rain")
        assert json.loads(gamma["outcomePrices"]) == ["0", "1"]

    play(scene)


def test_a_market_may_end_in_halves() -> None:
    """BR-2: 50/50 pays half a dollar for either outcome."""

    async def scene(client: Client) -> None:
        await client.quote("0.40", "0.50", "100", symbol="RAIN")
        await client.place("BUY", "0.50", "20")
        await client.admin("POST", "resolve", {"symbol": "RAIN", "winner": "split"})
        await client.later(30)
        assert (await client.truth())["cash"] == "100000"

    play(scene)


# --- limits and restarts --------------------------------------------------------------------------


def test_cancel_all_is_refused_whole_when_its_bucket_is_too_small() -> None:
    """BR-2: 1 + 150 tokens are more than 120 can ever hold; cancels in parts pass."""

    async def scene(client: Client) -> None:
        orders = [await client.place() for _ in range(150)]
        await client.admin("POST", "limits", {"requests_per_min": 2400})
        for _ in range(2):
            status, _body = await client.ask("DELETE", "/cancel-all")
            assert status == 429
            client.wall.advance(60)
        assert (await client.truth())["open_orders"] == 150
        assert (await client.ask("DELETE", "/orders", orders[:100]))[0] == 200
        assert (await client.ask("DELETE", "/orders", orders[100:]))[0] == 429
        client.wall.advance(1)
        assert (await client.ask("DELETE", "/orders", orders[100:]))[0] == 200
        assert (await client.truth())["open_orders"] == 0

    play(scene)


def test_the_bucket_of_orders_is_told_in_headers() -> None:
    """BR-2: sixty at once, then forty a second, and 429 says when to come again."""

    async def scene(client: Client) -> None:
        statuses = [(await client.ask("POST", "/order", client.order()))[0] for _ in range(61)]
        assert statuses == [200] * 60 + [429]
        body = client.order()
        text = json.dumps(body, separators=(",", ":"))
        async with client.http.post(
            f"{client.addresses.url}/order",
            data=text,
            headers=client.signed("POST", "/order", text),
        ) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
            assert answer.headers["Poly-RateLimit-Tier"] == "Standard"
        client.wall.advance(1)
        assert (await client.ask("POST", "/order", client.order()))[0] == 200

    play(scene, requests_per_min=2400)


def test_without_a_heartbeat_for_ten_seconds_everything_is_canceled() -> None:
    """BR-2: the switch is armed by the first beat, and wants the id that was told last."""

    async def scene(client: Client) -> None:
        path = "/v1/heartbeats"
        await client.place()
        await client.later(60)
        assert (await client.truth())["open_orders"] == 1  # nobody has begun
        status, first = await client.ask("POST", path, {"heartbeat_id": ""})
        assert status == 200
        assert await client.ask("POST", path, {"heartbeat_id": "wrong"}) == (
            400,
            {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": first["heartbeat_id"]},
        )
        client.wall.advance(9)
        status, second = await client.ask("POST", "/heartbeats", first)
        assert (status, second != first) == (200, True)
        client.wall.advance(9)
        assert client.venue.site.look() is False
        assert (await client.truth())["open_orders"] == 1
        client.wall.advance(1)
        client.venue.site.look()
        assert (await client.truth())["open_orders"] == 0
        assert (await client.ask("POST", path, second))[1]["heartbeat_id"] == ""

    play(scene)


def test_a_gtd_order_is_canceled_when_its_time_has_come() -> None:
    """BR-2: the venue tells it as a cancellation."""

    async def scene(client: Client) -> None:
        at_s = client.wall.ns // 10**9 + 200
        order_id = await client.place(kind="GTD", expiration=str(at_s))
        await client.later(199)
        assert (await client.known(order_id))["status"] == "LIVE"
        await client.later(1)
        assert (await client.known(order_id))["status"] == "CANCELED"

    play(scene)


def test_a_market_with_a_delay_holds_what_would_trade() -> None:
    """BR-2: `delayed`, then matched; what would only rest is live at once."""

    async def scene(client: Client) -> None:
        await client.quote("0.40", "0.50", "100", symbol="MATCH")
        status, found = await client.ask(
            "POST", "/order", client.order("BUY", "0.50", "10", symbol="MATCH")
        )
        assert (status, found["status"], found["takingAmount"]) == (200, "delayed", "")
        await client.later(0.25)
        assert (await client.known(found["orderID"]))["status"] == "MATCHED"
        resting = client.order("BUY", "0.30", "10", symbol="MATCH")
        assert (await client.ask("POST", "/order", resting))[1]["status"] == "live"

    play(scene)
