"""Orders at Tradier: shapes, words, classes, the list of a day, and what the account may do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.brokers.sim.tradier.venue import (
    CALL,
    HIGHER,
    SHARE_CALL,
    Client,
    bracket,
    equity,
    legs,
    open_venue,
    option,
    spread,
)


def run(scenario: Callable[[Client], Awaitable[None]], **options: Any) -> None:
    async def play() -> None:
        async with open_venue(**options) as client:
            await scenario(client)

    asyncio.run(play())


def test_a_list_has_three_shapes() -> None:
    """BR-2: the text null, a bare object, an array."""

    async def scenario(client: Client) -> None:
        assert await client.orders() == "null"
        first = await client.place(**option("a-1"))
        assert (await client.orders())["order"]["id"] == first
        second = await client.place(**option("a-1"))
        assert [each["id"] for each in (await client.orders())["order"]] == [first, second]
        assert (await client.json("GET", f"{client.account}/positions"))["positions"] == "null"

    run(scenario)


def test_a_tag_is_no_identity() -> None:
    """BR-2: two orders of one tag are two orders, and tags are shown on request alone."""

    async def scenario(client: Client) -> None:
        assert await client.place(**option("same")) != await client.place(**option("same"))
        assert (await client.truth())["orders_by_client_id"] == {"same": 2}
        plain = await client.json("GET", f"{client.account}/orders")
        assert all("tag" not in each for each in plain["orders"]["order"])
        assert all(each["tag"] == "same" for each in (await client.orders())["order"])
        assert [each["client_order_id"] for each in await client.audit()][:2] == ["same", "same"]

    run(scenario)


@pytest.mark.parametrize(
    ("fields", "status", "text"),
    [
        ({"tag": "x" * 256}, 400, "Invalid parameter, tag: contains more than 255 characters."),
        ({"tag": "a_b"}, 400, "Invalid parameter, tag: contains invalid characters."),
        ({"quantity": ""}, 400, "Invalid parameter, quantity: is required."),
        ({"quantity": "1.5"}, 400, "Invalid parameter, quantity: must be a whole number."),
        ({"side": "buy"}, 400, "Invalid parameter, side: buy is not valid."),
        ({"type": "limit", "price": ""}, 400, "Invalid parameter, price: is required."),
        ({"price": "-1"}, 400, "Invalid parameter, price: must be above zero."),
        ({"option_symbol": "SPXW261121C06800000"}, 400, "is not valid."),
        ({"option_symbol": "SPX261120C06800000"}, 400, "is not valid."),  # it settled this morning
        ({"class": "bundle"}, 400, "Invalid parameter, class: bundle is not valid."),
        ({"duration": "ioc"}, 400, "Invalid parameter, duration: ioc is not valid."),
    ],
)
def test_what_cannot_be_read_is_refused_in_plain_text(
    fields: dict[str, Any], status: int, text: str
) -> None:
    """BR-2: no JSON, and nothing is booked."""

    async def scenario(client: Client) -> None:
        path = f"{client.account}/orders"
        found, said, headers = await client.ask("POST", path, option(**fields))
        assert (found, headers["Content-Type"].split(";")[0]) == (status, "text/plain")
        assert text in said
        assert (await client.truth())["orders"] == []

    run(scenario)


@pytest.mark.parametrize(
    ("form", "errors"),
    [
        (option(quantity=10_000_001), "IncorrectOrderQuantity"),
        (option(side="sell_to_close"), "UnexpectedSellOrderOption"),
        (option(side="buy_to_close"), "UnexpectedBuyToCoverOrderOption"),
        (equity(side="sell"), "LongPositionCrossZero"),
        (equity(symbol="HARD", side="sell_short"), "SecurityNotShortable"),
        (equity(type="market", duration="gtc"), "MarketOrderIsGtc"),
        (option(quantity=50, price="90"), ["Account margin rule violation", "InitialMargin"]),
        (option(side="sell_to_open"), ["Account margin rule violation", "InitialMargin"]),
        (
            {**spread(), "option_symbol[1]": "SPXW261123C06820000"},
            "IndexOptionsOneExparyDate",
        ),
        (bracket(**{"type[2]": "market"}), "OtoOcoMarketNotAllowed"),
        (bracket(**{"duration[2]": "gtc"}), "OcoExpirationTypeNotTheSame"),
        (bracket(**{"side[2]": "buy"}), "OcoOrderWithOppositeLegs"),
        ({**bracket(**{"type[0]": "market"}), "class": "oto"}, None),
    ],
)
def test_what_is_not_allowed_is_refused_with_success(form: dict[str, Any], errors: Any) -> None:
    """BR-2: HTTP 200 with errors, as one text or as a list, and nothing is booked."""

    async def scenario(client: Client) -> None:
        if errors is None:  # three legs are no oto
            status, text, _ = await client.ask("POST", f"{client.account}/orders", form)
            assert (status, text[:23]) == (400, "Invalid parameter, side")
        else:
            assert await client.refused(**form) == errors
            assert not [each for each in await client.audit() if each["booked"]]
        assert (await client.truth())["orders"] == []

    run(scenario)


def test_an_unknown_order_is_an_unauthorized_account() -> None:
    """BR-2: 401 in plain text, for a foreign order as for a foreign account."""

    async def scenario(client: Client) -> None:
        said = f"Unauthorized Account: {client.addresses.account}"
        for method in ("GET", "PUT", "DELETE"):
            status, text, _ = await client.ask(method, f"{client.account}/orders/12")
            assert (status, text) == (401, said)
        status, text, _ = await client.ask("GET", "/v1/accounts/VA99999999/balances")
        assert (status, text) == (401, "Unauthorized Account: VA99999999")
        bad = {"Authorization": "Bearer wrong", "Accept": "application/json"}
        status, text, _ = await client.ask("GET", "/v1/user/profile", headers=bad)
        assert (status, text) == (401, "Invalid Access Token")

    run(scenario)


def test_an_order_that_is_over_cannot_be_canceled() -> None:
    """BR-2: `ok` is no more than received; the second time it says how the order ended."""

    async def scenario(client: Client) -> None:
        gone = await client.place(**option())
        assert (await client.cancel(gone))[0] == 200
        assert await client.cancel(gone) == (400, "order already in finalized state: canceled")
        shown = await client.order(gone)
        assert (shown["remaining_quantity"], shown["exec_quantity"]) == (0.0, 0.0)
        done = await client.place(**option(price="20"))
        assert await client.cancel(done) == (400, "order already in finalized state: filled")

    run(scenario)


def test_a_part_that_filled_stays_after_the_cancel() -> None:
    """BR-2: canceled with an exec_quantity, and a remaining_quantity of 0 all the same."""

    async def scenario(client: Client) -> None:
        await client.quote("8.40", "8.60", "2", symbol=CALL)
        part = await client.place(**option(quantity=5, price="8.60"))
        shown = await client.order(part)
        assert (shown["status"], shown["exec_quantity"]) == ("partially_filled", 2.0)
        await client.cancel(part)
        shown = await client.order(part)
        assert (shown["status"], shown["exec_quantity"]) == ("canceled", 2.0)
        assert (shown["quantity"], shown["remaining_quantity"]) == (5.0, 0.0)

    run(scenario)


def test_ok_is_not_accepted() -> None:
    """BR-2: a price off the grid is received, and then rejected with a reason."""

    async def scenario(client: Client) -> None:
        for form in (option(price="3.05"), option(price="2.03"), spread(price="7.03")):
            shown = await client.order(await client.place(**form))
            assert shown["status"] == "rejected"
            assert shown["reason_description"].startswith("QuotePriceIsInvalid")
        fine = await client.order(await client.place(**option(price="2.95")))
        assert fine["status"] == "open"

    run(scenario)


def test_the_list_forgets_at_midnight() -> None:
    """BR-2: in New York's day; what is open and gtc stays, and an id is known for ever."""

    async def scenario(client: Client) -> None:
        gone = await client.place(**option("day-1"))
        kept = await client.place(**equity("gtc-1", duration="gtc"))
        await client.admin("POST", "clock", {"at": "2026-11-21T04:59:59Z"})
        assert len((await client.orders())["order"]) == 2
        await client.admin("POST", "clock", {"at": "2026-11-21T05:00:00Z"})
        assert (await client.orders())["order"]["id"] == kept
        assert (await client.order(gone))["status"] == "expired"
        late = await client.place(**option("weekend", option_symbol="SPXW261123C06800000"))
        assert (await client.order(late))["status"] == "pending"
        await client.admin("POST", "clock", {"at": "2026-11-22T05:00:00Z"})
        assert (await client.orders())["order"]["id"] == kept  # pending, and not in the list
        assert (await client.order(late))["status"] == "pending"
        await client.admin("POST", "clock", {"at": "2026-11-23T14:30:00Z"})
        assert (await client.order(late))["status"] == "open"

    run(scenario)


def test_a_change_keeps_the_id() -> None:
    """BR-2: price, stop, type and duration; nothing else."""

    async def scenario(client: Client) -> None:
        mine = await client.place(**option())
        path = f"{client.account}/orders/{mine}"
        assert (await client.json("PUT", path, {"price": "2.00"}))["order"]["id"] == mine
        assert (await client.order(mine))["price"] == 2.0
        for form in ({"quantity": 2}, {"side": "sell_to_close"}, {"duration": "pre"}):
            assert (await client.ask("PUT", path, form))[0] == 400
        await client.json("PUT", path, {"price": "20.00"})
        shown = await client.order(mine)
        assert (shown["status"], shown["avg_fill_price"]) == ("filled", 8.6)
        status, text, _ = await client.ask("PUT", path, {"price": "1.00"})
        assert (status, text) == (400, "order already in finalized state: filled")

    run(scenario)


def test_legs_fill_together_in_whole_units() -> None:
    """BR-2: as many units as every book has; the parent's average is the net price."""

    async def scenario(client: Client) -> None:
        await client.quote("8.40", "8.60", "10", symbol=CALL)
        await client.quote("1.90", "2.10", "3", symbol=HIGHER)
        mine = await client.place(**spread(quantity=5))
        shown = await client.order(mine)
        assert (shown["status"], shown["exec_quantity"]) == ("partially_filled", 3.0)
        assert (shown["num_legs"], shown["strategy"]) == (2, "spread")
        assert [leg["exec_quantity"] for leg in shown["leg"]] == [3.0, 3.0]
        assert shown["avg_fill_price"] == 6.7
        held = (await client.truth())["positions"]
        assert {key: one["qty"] for key, one in held.items()} == {CALL: "3", HIGHER: "-3"}
        assert (await client.truth())["cash"] == "97990"
        leg = shown["leg"][0]["id"]
        assert await client.cancel(leg) == (
            401,
            f"Unauthorized Account: {client.addresses.account}",
        )
        await client.cancel(mine)
        shown = await client.order(mine)
        assert [one["status"] for one in (shown, *shown["leg"])] == ["canceled"] * 3

    run(scenario)


def test_a_credit_has_a_price_above_zero() -> None:
    """BR-2: at least so much is taken in; below it the order waits."""

    async def scenario(client: Client) -> None:
        sides = (CALL, "sell_to_open", 1), (HIGHER, "buy_to_open", 1)
        shape = {"class": "multileg", "symbol": "SPX", "type": "credit", "duration": "day"}
        waits = await client.place(**shape, **legs(*sides), price="6.50")
        assert (await client.order(waits))["status"] == "open"
        fills = await client.place(**shape, **legs(*sides), price="6.25", tag="c-2")
        assert (await client.order(fills))["avg_fill_price"] == 6.3
        balances = (await client.json("GET", f"{client.account}/balances"))["balances"]
        assert (balances["total_cash"], balances["option_requirement"]) == (100_630.0, 2000.0)
        path = f"{client.account}/orders"
        bad = {**shape, **legs(*sides), "price": "-6.25"}
        assert (await client.ask("POST", path, bad))[0] == 400

    run(scenario)


def test_shares_and_options_trade_as_a_combo() -> None:
    """BR-2: a covered call; the share leg comes first."""

    async def scenario(client: Client) -> None:
        await client.quote("680.99", "681.01", "1000", symbol="SPY")
        await client.quote("6.00", "6.10", "50", symbol=SHARE_CALL)
        form: dict[str, Any] = {
            "class": "combo",
            "symbol": "SPY",
            "type": "debit",
            "price": "675.10",
        }
        form |= {"side[0]": "buy", "quantity[0]": 100, "duration": "day"}
        form |= {"option_symbol[1]": SHARE_CALL, "side[1]": "sell_to_open", "quantity[1]": 1}
        shown = await client.order(await client.place(**form))
        assert (shown["status"], shown["avg_fill_price"]) == ("filled", 675.01)
        held = (await client.truth())["positions"]
        assert {key: one["qty"] for key, one in held.items()} == {"SPY": "100", SHARE_CALL: "-1"}

    run(scenario, cash_1e8=100_000_000_000_000)


def test_exits_wait_for_their_entry_and_end_each_other() -> None:
    """BR-2: held, then open; the first fill of one cancels the other; the parent ends last."""

    async def scenario(client: Client) -> None:
        await client.quote("681.10", "681.20", symbol="SPY")
        mine = await client.place(**bracket())
        shown = await client.order(mine)
        assert [leg["status"] for leg in shown["leg"]] == ["open", "held", "held"]
        assert "symbol" not in shown
        assert "price" not in shown
        await client.quote("680.90", "681.00", symbol="SPY")
        shown = await client.order(mine)
        assert [leg["status"] for leg in shown["leg"]] == ["filled", "open", "open"]
        await client.quote("690.10", "690.20", symbol="SPY")
        shown = await client.order(mine)
        assert [leg["status"] for leg in shown["leg"]] == ["filled", "filled", "canceled"]
        assert shown["status"] == "filled"
        assert (await client.truth())["positions"] == {}

    run(scenario)


def test_a_canceled_parent_takes_its_legs_along() -> None:
    """BR-2: an entry that never filled leaves no exit behind."""

    async def scenario(client: Client) -> None:
        await client.quote("681.10", "681.20", symbol="SPY")
        whole = await client.place(**bracket("whole"))
        await client.cancel(whole)
        shown = await client.order(whole)
        assert [each["status"] for each in (shown, *shown["leg"])] == ["canceled"] * 4
        entry = await client.order(await client.place(**bracket("entry")))
        await client.cancel(entry["leg"][0]["id"])
        shown = await client.order(entry["id"])
        assert [each["status"] for each in (shown, *shown["leg"])] == ["canceled"] * 4

    run(scenario)


def test_a_held_exit_promises_nothing() -> None:
    """BR-2: it closes what its entry brings; a sale of what is there already is taken."""

    async def scenario(client: Client) -> None:
        await client.place(**equity("there", quantity=2, price="690"))
        await client.place(**bracket("waits", **{"price[0]": "600.00"}))
        sale = equity("sale", side="sell", quantity=2, price="700.00")
        await client.place(**sale)
        assert await client.refused(**sale) == "LongPositionCrossZero"

    run(scenario)


def test_a_preview_books_nothing() -> None:
    """BR-2: cost and commission, no id; what would be refused is refused."""

    async def scenario(client: Client) -> None:
        form = option(price="5.10", preview="true")
        shown = (await client.json("POST", f"{client.account}/orders", form))["order"]
        assert (shown["commission"], shown["cost"], shown["order_cost"]) == (0.35, 510.35, 510.0)
        assert shown["result"] is True
        assert "id" not in shown
        assert (await client.audit())[-1]["booked"] is False
        assert await client.refused(**option(preview="true", quantity=900, price="90")) == [
            "Account margin rule violation",
            "InitialMargin",
        ]
        assert await client.orders() == "null"

    run(scenario)


def test_orders_outside_the_session_keep_to_their_hours() -> None:
    """BR-2: pre from 07:00 to 09:24, post from the close."""

    async def scenario(client: Client) -> None:
        mine = await client.place(**equity(duration="pre", price="690"))
        assert (await client.order(mine))["status"] == "pending"
        await client.admin("POST", "clock", {"at": "2026-11-20T12:00:00Z"})
        assert (await client.order(mine))["status"] == "filled"
        rests = await client.place(**equity(duration="pre"))
        assert (await client.order(rests))["status"] == "open"
        await client.admin("POST", "clock", {"at": "2026-11-20T14:24:00Z"})
        assert (await client.order(rests))["status"] == "expired"
        post = await client.place(**equity(duration="post"))
        await client.admin("POST", "clock", {"at": "2026-11-20T20:59:00Z"})
        assert (await client.order(post))["status"] == "pending"
        await client.admin("POST", "clock", {"at": "2026-11-20T21:00:00Z"})
        assert (await client.order(post))["status"] == "open"

    run(scenario, at="2026-11-20T11:00:00Z")


def test_an_index_option_settles_in_cash() -> None:
    """BR-8: SPXW at the close, SPX in the morning; the position is gone and cash has changed."""

    async def scenario(client: Client) -> None:
        pm = await client.place(**option(option_symbol="SPXW261218C06700000", price="200"))
        am = await client.place(**option(option_symbol="SPX261218C06700000", price="200"))
        for order_id in (pm, am):
            assert (await client.order(order_id))["status"] == "filled"
        before = float((await client.truth())["cash"])
        await client.admin("POST", "clock", {"at": "2026-12-18T14:30:00Z"})
        assert [*(await client.truth())["positions"]] == ["SPXW261218C06700000"]
        await client.admin("POST", "clock", {"at": "2026-12-18T21:00:00Z"})
        truth = await client.truth()
        assert truth["positions"] == {}
        assert float(truth["cash"]) == pytest.approx(before + 20_000 - 0.70)  # and the commissions

    run(scenario)


def test_history_is_written_at_night() -> None:
    """BR-2: today's trades are not in it, yesterday's are, with their commission."""

    async def scenario(client: Client) -> None:
        await client.place(**option(option_symbol="SPXW261127C06800000", price="80"))
        path = f"{client.account}/history"
        assert (await client.json("GET", path))["history"] == "null"
        shape = option("close", option_symbol="SPXW261127C06800000", side="sell_to_close")
        await client.place(**{**shape, "price": "1.00"})
        await client.admin("POST", "clock", {"at": "2026-11-21T05:00:00Z"})
        events = (await client.json("GET", path))["history"]["event"]
        assert [event["trade"]["quantity"] for event in events] == [-1.0, 1.0]
        assert {event["trade"]["commission"] for event in events} == {0.35}
        limited = await client.json("GET", f"{path}?limit=1&type=trade&start=2026-11-20")
        assert limited["history"]["event"]["trade"]["quantity"] == -1.0
        assert (await client.json("GET", f"{path}?end=2026-11-19"))["history"] == "null"
        lot = (await client.json("GET", f"{client.account}/gainloss"))["gainloss"]
        closed = lot["closed_position"]
        assert closed["gain_loss"] == pytest.approx(closed["proceeds"] - closed["cost"])

    run(scenario)


def test_fields_may_stand_in_the_query() -> None:
    """BR-2: some clients send them there; the audit's tag is the body's alone."""

    async def scenario(client: Client) -> None:
        path = f"{client.account}/orders?" + "&".join(f"{k}={v}" for k, v in option("q").items())
        found = await client.json("POST", path)
        assert (await client.order(found["order"]["id"]))["tag"] == "q"

    run(scenario)


def test_two_orders_of_one_account_do_not_trade_with_each_other() -> None:
    """BR-2: WashTradeAttempt, and the order that rests stays."""

    async def scenario(client: Client) -> None:
        await client.place(**equity("a", price="690"))  # it is held now
        await client.quote("680.00", "682.00", symbol="SPY")
        rests = await client.place(**equity("b", side="sell", price="681.00"))
        assert await client.refused(**equity("c", price="681.00")) == "WashTradeAttempt"
        assert (await client.order(rests))["status"] == "open"

    run(scenario)
