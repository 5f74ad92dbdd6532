# mypy: disable-error-code="import-not-found, misc, no-any-unimported, attr-defined"
"""alpaca-py's trading client, unchanged, drives every trading call that the venue serves."""

from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderStatus, QueryOrderStatus
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetAssetsRequest,
    GetCalendarRequest,
    GetOptionContractsRequest,
    GetOrderByIdRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    OptionLegRequest,
    ReplaceOrderRequest,
    StopLimitOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
)
from conftest import SATURDAY, Venue

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def client(venue: Venue) -> TradingClient:
    return client_of(venue)


def client_of(venue: Venue, secret: str | None = None) -> TradingClient:
    made = TradingClient(venue.key, secret or venue.secret, url_override=venue.url)
    made._retry_wait = 0  # noqa: SLF001 - the waits between its retries are no part of the wire
    return made


def limit(price: float, qty: float = 5, side: str = "buy", **more: Any) -> LimitOrderRequest:
    shape = {"symbol": "AAPL", "time_in_force": "day", "limit_price": price, "qty": qty}
    return LimitOrderRequest(**{**shape, "side": side, **more})


def market(qty: float = 5, side: str = "buy", **more: Any) -> MarketOrderRequest:
    shape = {"symbol": "AAPL", "time_in_force": "day", "qty": qty, "side": side}
    return MarketOrderRequest(**{**shape, **more})


def bracket(target: float, stop: float) -> LimitOrderRequest:
    """An entry at 231 with its exits."""
    return limit(
        231.0,
        order_class=OrderClass.BRACKET,
        take_profit=TakeProfitRequest(limit_price=target),
        stop_loss=StopLossRequest(stop_price=stop),
    )


def refused(error: pytest.ExceptionInfo[APIError]) -> tuple[int, int]:
    """HTTP status and code."""
    return error.value.status_code, error.value.code


# --- account and reference ------------------------------------------------------------------------


def test_the_account_is_active_and_knows_nothing_of_day_trades(client: TradingClient) -> None:
    """BR-2: the account parses; the day-trader fields are gone."""
    account = client.get_account()
    assert account.status == "ACTIVE"
    assert (account.cash, account.buying_power) == ("100000", "200000")
    assert account.pattern_day_trader is None
    assert account.daytrade_count is None


def test_clock_and_calendar_tell_the_same_session(client: TradingClient) -> None:
    """BR-2: New York's offset, and a half day after Thanksgiving."""
    clock = client.get_clock()
    assert clock.is_open
    assert clock.timestamp.isoformat() == "2026-11-20T10:00:00-05:00"
    assert clock.next_close.isoformat() == "2026-11-20T16:00:00-05:00"
    assert clock.next_open.isoformat() == "2026-11-23T09:30:00-05:00"
    days = client.get_calendar(GetCalendarRequest(start=date(2026, 11, 25), end=date(2026, 11, 27)))
    assert [(day.date.day, day.close.hour) for day in days] == [(25, 16), (27, 13)]


def test_assets_are_listed_and_found_by_symbol_and_id(client: TradingClient) -> None:
    """BR-5: what trades here, and 404 for what does not."""
    asset = client.get_asset("AAPL")
    assert client.get_asset(asset.id).symbol == "AAPL"
    assert asset.fractionable
    active = client.get_all_assets(GetAssetsRequest(status="active"))
    assert "GONE" not in {each.symbol for each in active}
    with pytest.raises(APIError) as error:
        client.get_asset("NOPE")
    assert refused(error) == (404, 40410000)


def test_the_accounts_settings_are_read_and_changed(client: TradingClient) -> None:
    """BR-2: a suspended account takes no orders."""
    settings = client.get_account_configurations()
    assert not settings.suspend_trade
    settings.suspend_trade = True
    assert client.set_account_configurations(settings).suspend_trade
    with pytest.raises(APIError) as error:
        client.submit_order(limit(200))
    assert refused(error) == (403, 40310000)


# --- orders ---------------------------------------------------------------------------------------


def test_an_order_is_placed_read_and_cancelled(client: TradingClient, venue: Venue) -> None:
    """BR-2: pending_new, new, canceled; 204 for the cancel, 422 for the second one."""
    placed = client.submit_order(limit(200, client_order_id="mine-1"))
    assert placed.status is OrderStatus.PENDING_NEW
    assert client.get_order_by_client_id("mine-1").status is OrderStatus.NEW
    assert [each.id for each in client.get_orders()] == [placed.id]
    client.cancel_order_by_id(placed.id)
    assert client.get_order_by_id(placed.id).status is OrderStatus.CANCELED
    with pytest.raises(APIError) as error:
        client.cancel_order_by_id(placed.id)
    assert refused(error) == (422, 42210000)
    assert venue.truth()["orders_by_client_id"] == {"mine-1": 1}


def test_a_client_id_is_taken_once_for_ever(client: TradingClient, venue: Venue) -> None:
    """EX-4: 422 with the code of a duplicate, even after the first one is over."""
    first = client.submit_order(limit(200, client_order_id="once"))
    for _ in range(2):
        with pytest.raises(APIError) as error:
            client.submit_order(limit(201, client_order_id="once"))
        assert refused(error) == (422, 40010001)
        assert "unique" in error.value.message
        if client.get_order_by_id(first.id).status is OrderStatus.NEW:
            client.cancel_order_by_id(first.id)
    assert len(venue.truth()["orders"]) == 1


def test_a_market_order_fills_and_the_position_adds_up(client: TradingClient, venue: Venue) -> None:
    """BR-2: filled at the ask; cash and position follow."""
    venue.quote("AAPL", "231.38", "231.40")
    placed = client.submit_order(market(5))
    filled = client.get_order_by_id(placed.id)
    assert (filled.status, filled.filled_qty, filled.filled_avg_price) == ("filled", "5", "231.4")
    position = client.get_open_position("AAPL")
    assert (position.qty, position.qty_available, position.cost_basis) == ("5", "5", "1157")
    assert client.get_account().cash == "98843"


def test_a_limit_order_is_filled_by_parts(client: TradingClient, venue: Venue) -> None:
    """EX-7: what the book has is traded, the rest waits, a cancel keeps what was filled."""
    venue.quote("AAPL", "231.38", "231.40", "3")
    placed = client.submit_order(limit(231.40, 10))
    part = client.get_order_by_id(placed.id)
    assert (part.status, part.filled_qty) == (OrderStatus.PARTIALLY_FILLED, "3")
    trade = {"symbol": "AAPL", "price": "231.40", "qty": "2", "side": "sell"}
    venue.admin("POST", "trade", trade)
    assert client.get_order_by_id(placed.id).filled_qty == "5"
    client.cancel_order_by_id(placed.id)
    after = client.get_order_by_id(placed.id)
    assert (after.status, after.filled_qty) == (OrderStatus.CANCELED, "5")
    assert client.get_open_position("AAPL").qty == "5"


@pytest.mark.parametrize(
    ("tif", "status", "filled"), [("ioc", "canceled", "3"), ("fok", "canceled", "0")]
)
def test_ioc_takes_what_is_there_and_fok_all_or_nothing(
    client: TradingClient, venue: Venue, tif: str, status: str, filled: str
) -> None:
    """EX-18: neither of them waits."""
    venue.quote("AAPL", "231.38", "231.40", "3")
    placed = client.submit_order(limit(231.40, 10, time_in_force=tif))
    after = client.get_order_by_id(placed.id)
    assert (after.status.value, after.filled_qty) == (status, filled)


def test_stops_of_every_kind_wait_for_their_price(client: TradingClient, venue: Venue) -> None:
    """EX-18: stop, stop-limit and trailing stop, triggered by the last price."""
    venue.quote("AAPL", "231.38", "231.40")
    client.submit_order(market(30))
    shape = {"symbol": "AAPL", "qty": 10, "side": "sell", "time_in_force": "gtc"}
    stop = client.submit_order(StopOrderRequest(**shape, stop_price=230))
    second = client.submit_order(StopLimitOrderRequest(**shape, stop_price=229, limit_price=228.5))
    trail = client.submit_order(TrailingStopOrderRequest(**shape, trail_price=2))
    venue.quote("AAPL", "234.98", "235.00")
    assert client.get_order_by_id(trail.id).hwm == "234.99"
    venue.quote("AAPL", "231.98", "232.00")
    states = [client.get_order_by_id(each.id).status.value for each in (stop, second, trail)]
    assert states == ["new", "new", "filled"]
    venue.quote("AAPL", "228.60", "228.62")
    states = [client.get_order_by_id(each.id).status.value for each in (stop, second, trail)]
    assert states == ["filled", "filled", "filled"]


def test_fractions_and_dollars_are_traded(client: TradingClient, venue: Venue) -> None:
    """BR-2: quantities as text with decimals; a notional order has no qty."""
    venue.quote("AAPL", "199.99", "200.00")
    half = client.submit_order(market(0.5))
    assert client.get_order_by_id(half.id).filled_qty == "0.5"
    dollars = client.submit_order(
        MarketOrderRequest(symbol="AAPL", notional=50, side="buy", time_in_force="day")
    )
    after = client.get_order_by_id(dollars.id)
    assert (after.qty, after.notional, after.filled_qty) == (None, "50", "0.25")
    assert client.get_open_position("AAPL").qty == "0.75"


def test_a_replacement_is_a_new_order_that_names_the_old(client: TradingClient) -> None:
    """BR-2: PATCH gives a new id, the old order is `replaced` and points at it."""
    old = client.submit_order(limit(200, 10))
    new = client.replace_order_by_id(
        old.id, ReplaceOrderRequest(qty=8, limit_price=201, client_order_id="second")
    )
    assert (new.replaces, new.id != old.id) == (old.id, True)
    before, after = client.get_order_by_id(old.id), client.get_order_by_client_id("second")
    assert (before.status, before.replaced_by) == (OrderStatus.REPLACED, new.id)
    assert (after.status, after.qty, after.limit_price) == (OrderStatus.NEW, "8", "201")
    with pytest.raises(APIError) as error:
        client.replace_order_by_id(old.id, ReplaceOrderRequest(qty=9))
    assert refused(error) == (422, 42210000)


def test_a_bracket_holds_its_exits_until_the_entry_is_filled(
    client: TradingClient, venue: Venue
) -> None:
    """BR-2: held, then new; one exit's fill cancels the other."""
    venue.quote("AAPL", "231.38", "231.40")
    entry = client.submit_order(
        limit(
            231.0,
            order_class=OrderClass.BRACKET,
            take_profit=TakeProfitRequest(limit_price=235),
            stop_loss=StopLossRequest(stop_price=229, limit_price=228),
        )
    )
    assert {leg.status.value for leg in entry.legs} == {"held"}
    venue.quote("AAPL", "230.90", "231.00")
    nested = client.get_order_by_id(entry.id, GetOrderByIdRequest(nested=True))
    assert nested.status is OrderStatus.FILLED
    assert [leg.status.value for leg in nested.legs] == ["new", "new"]
    assert client.get_open_position("AAPL").qty_available == "0"
    venue.quote("AAPL", "235.10", "235.12")
    nested = client.get_order_by_id(entry.id, GetOrderByIdRequest(nested=True))
    assert [leg.status.value for leg in nested.legs] == ["filled", "canceled"]


def test_oco_and_oto_have_their_legs(client: TradingClient, venue: Venue) -> None:
    """BR-2: an OCO's parent is the target and its child the stop; an OTO has one exit."""
    venue.quote("AAPL", "231.38", "231.40")
    client.submit_order(market(10))
    pair = client.submit_order(
        limit(
            240.0,
            10,
            "sell",
            order_class=OrderClass.OCO,
            take_profit=TakeProfitRequest(limit_price=240),
            stop_loss=StopLossRequest(stop_price=225),
        )
    )
    assert [leg.type.value for leg in pair.legs] == ["stop"]
    client.cancel_order_by_id(pair.id)
    nested = client.get_order_by_id(pair.id, GetOrderByIdRequest(nested=True))
    assert (nested.status.value, nested.legs[0].status.value) == ("canceled", "canceled")
    single = client.submit_order(
        market(1, order_class=OrderClass.OTO, stop_loss=StopLossRequest(stop_price=220))
    )
    nested = client.get_order_by_id(single.id, GetOrderByIdRequest(nested=True))
    assert [leg.status.value for leg in nested.legs] == ["new"]


def test_orders_are_listed_by_status_symbol_time_and_page(
    client: TradingClient, venue: Venue
) -> None:
    """BR-2: the filters of a full sweep."""
    placed = []
    for at in range(4):
        placed.append(client.submit_order(limit(200 + at)).id)
        venue.admin("POST", "clock", {"advance_s": 1})
    client.cancel_order_by_id(placed[0])

    def listed(**query: Any) -> list[int]:
        return [placed.index(each.id) for each in client.get_orders(GetOrdersRequest(**query))]

    assert listed() == [3, 2, 1]
    assert listed(status=QueryOrderStatus.CLOSED) == [0]
    assert listed(status=QueryOrderStatus.ALL, direction="asc") == [0, 1, 2, 3]
    assert listed(status=QueryOrderStatus.ALL, limit=2) == [3, 2]
    assert listed(symbols=["MSFT"]) == []
    second = client.get_order_by_id(placed[1]).submitted_at
    assert listed(status=QueryOrderStatus.ALL, after=second) == [3, 2]
    assert listed(status=QueryOrderStatus.ALL, until=second) == [0]


def test_cancel_all_answers_for_each_order(client: TradingClient) -> None:
    """KC-2: 207 with a status per order; a re-read shows what became of them."""
    ids = {client.submit_order(limit(200 + at)).id for at in range(25)}
    answers = client.cancel_orders()
    assert {each.id for each in answers} == ids
    assert {each.status for each in answers} == {200}
    assert client.get_orders() == []


# --- closing --------------------------------------------------------------------------------------


def test_positions_are_closed_whole_in_part_and_all(client: TradingClient, venue: Venue) -> None:
    """KC-2: each close is a market order; 404 when flat."""
    for symbol in ("AAPL", "MSFT"):
        venue.quote(symbol, "99.99", "100.00")
        client.submit_order(market(10, symbol=symbol))
    client.close_position("AAPL", ClosePositionRequest(qty="4"))
    assert client.get_open_position("AAPL").qty == "6"
    client.close_position("AAPL", ClosePositionRequest(percentage="50"))
    assert client.get_open_position("AAPL").qty == "3"
    answers = client.close_all_positions(cancel_orders=True)
    assert {each.symbol: each.status for each in answers} == {"AAPL": 200, "MSFT": 200}
    assert client.get_all_positions() == []
    with pytest.raises(APIError) as error:
        client.get_open_position("AAPL")
    assert refused(error) == (404, 40410000)


def test_shares_that_an_order_holds_cannot_be_closed(client: TradingClient, venue: Venue) -> None:
    """KC-2: 403 names the orders that hold them; after their cancel it goes."""
    venue.quote("AAPL", "231.38", "231.40")
    client.submit_order(market(10))
    target = client.submit_order(limit(240, 10, "sell"))
    with pytest.raises(APIError) as error:
        client.close_position("AAPL")
    assert refused(error) == (403, 40310000)
    assert str(target.id) in str(error.value)
    answers = client.close_all_positions(cancel_orders=False)
    assert [each.status for each in answers] == [403]
    client.close_all_positions(cancel_orders=True)
    assert client.get_all_positions() == []


def test_a_short_position_is_below_zero(client: TradingClient, venue: Venue) -> None:
    """BR-2: side short, quantity and value negative."""
    venue.quote("AAPL", "231.38", "231.40")
    client.submit_order(market(4, "sell"))
    position = client.get_open_position("AAPL")
    assert (position.side.value, position.qty) == ("short", "-4")
    assert position.market_value == "-925.52"


# --- options --------------------------------------------------------------------------------------


def test_contracts_are_listed_and_one_is_traded(client: TradingClient, venue: Venue) -> None:
    """BR-8: contracts by underlying and expiry; a hundred shares each."""
    found = client.get_option_contracts(
        GetOptionContractsRequest(
            underlying_symbols=["SPY"],
            expiration_date=date(2026, 11, 20),
            type="call",
            strike_price_gte="585",
            strike_price_lte="595",
            limit=2,
        )
    )
    symbols = [each.symbol for each in found.option_contracts]
    assert symbols == ["SPY261120C00585000", "SPY261120C00590000"]
    assert found.next_page_token is not None
    contract = client.get_option_contract(symbols[1])
    assert client.get_option_contract(contract.id).symbol == symbols[1]
    venue.quote(symbols[1], "3.00", "3.10")
    client.submit_order(limit(3.10, 2, symbol=symbols[1]))
    position = client.get_open_position(symbols[1])
    assert (position.qty, position.cost_basis, position.avg_entry_price) == ("2", "620", "3.1")
    with pytest.raises(APIError) as error:
        client.submit_order(limit(3.10, 1, symbol=symbols[1], time_in_force="gtc"))
    assert refused(error) == (422, 42210000)


def test_a_contract_is_exercised_for_its_shares(client: TradingClient, venue: Venue) -> None:
    """BR-8: a hundred shares at the strike; 422 while it is worth nothing."""
    symbol = "SPY261120C00590000"
    venue.quote(symbol, "3.00", "3.10")
    venue.quote("SPY", "585.00", "585.02")
    venue.quote(symbol, "3.00", "3.10")
    client.submit_order(limit(3.10, 1, symbol=symbol))
    with pytest.raises(APIError) as error:
        client.exercise_options_position(symbol)
    assert refused(error) == (422, 42210000)
    venue.quote("SPY", "599.99", "600.01")
    client.exercise_options_position(symbol)
    held = {each.symbol: each.avg_entry_price for each in client.get_all_positions()}
    assert held == {"SPY": "590"}
    history = client.get_portfolio_history()
    assert history.profit_loss[-1] == 690.0


def test_a_call_is_not_sold_without_its_shares(client: TradingClient) -> None:
    """BR-2: 403 for an uncovered contract."""
    with pytest.raises(APIError) as error:
        client.submit_order(limit(3.0, 1, "sell", symbol="SPY261120C00590000"))
    assert refused(error) == (403, 40310000)


def test_a_spread_trades_as_one(client: TradingClient, venue: Venue) -> None:
    """BR-2: both legs at once, at a net price; the parent has no symbol."""
    bought, sold = "SPY261120C00590000", "SPY261120C00595000"
    venue.quote(bought, "3.00", "3.10")
    venue.quote(sold, "1.00", "1.10")
    legs = [
        OptionLegRequest(symbol=bought, ratio_qty=1, side="buy", position_intent="buy_to_open"),
        OptionLegRequest(symbol=sold, ratio_qty=1, side="sell", position_intent="sell_to_open"),
    ]
    spread = LimitOrderRequest(
        qty=2, order_class=OrderClass.MLEG, time_in_force="day", legs=legs, limit_price=2.05
    )
    placed = client.submit_order(spread)
    assert placed.symbol is None
    assert client.get_order_by_id(placed.id).status is OrderStatus.NEW
    venue.quote(bought, "2.90", "3.00")
    after = client.get_order_by_id(placed.id, GetOrderByIdRequest(nested=True))
    assert (after.status.value, after.filled_avg_price) == ("filled", "2")
    assert [leg.status.value for leg in after.legs] == ["filled", "filled"]
    held = {each.symbol: each.qty for each in client.get_all_positions()}
    assert held == {bought: "2", sold: "-2"}


# --- sessions -------------------------------------------------------------------------------------


def test_an_order_of_the_weekend_waits_for_monday(client: TradingClient, venue: Venue) -> None:
    """BR-8: accepted while closed, new at the open, expired at the close."""
    venue.reset(SATURDAY)
    placed = client.submit_order(limit(200))
    assert placed.status is OrderStatus.ACCEPTED
    with pytest.raises(APIError) as error:
        client.replace_order_by_id(placed.id, ReplaceOrderRequest(qty=9))
    assert refused(error) == (422, 42210000)
    venue.admin("POST", "clock", {"at": "2026-11-23T14:30:00Z"})
    assert client.get_order_by_id(placed.id).status is OrderStatus.NEW
    venue.admin("POST", "clock", {"at": "2026-11-23T21:00:00Z"})
    expired = client.get_order_by_id(placed.id)
    assert expired.status is OrderStatus.EXPIRED
    assert expired.expired_at is not None


def test_auction_orders_trade_at_the_bell(client: TradingClient, venue: Venue) -> None:
    """BR-2: opg at the open, cls at the close, each refused when its auction is near."""
    with pytest.raises(APIError) as error:
        client.submit_order(market(1, time_in_force="opg"))
    assert refused(error) == (422, 42210000)
    venue.quote("AAPL", "231.38", "231.40")
    at_close = client.submit_order(market(1, time_in_force="cls"))
    assert client.get_order_by_id(at_close.id).status is OrderStatus.ACCEPTED
    venue.admin("POST", "clock", {"at": "2026-11-20T21:00:00Z"})
    assert client.get_order_by_id(at_close.id).status is OrderStatus.FILLED


# --- refusals -------------------------------------------------------------------------------------


def test_wrong_keys_are_refused_without_a_code(venue: Venue) -> None:
    """BR-4: 401 with a message and no code."""
    with pytest.raises(APIError) as error:
        client_of(venue, "wrong").get_account()
    assert error.value.status_code == 401
    with pytest.raises(KeyError):
        _ = error.value.code


def test_an_oauth_token_is_taken(venue: Venue) -> None:
    """BR-4: a bearer token instead of the two keys."""
    client = TradingClient(oauth_token=f"{venue.key}.{venue.secret}", url_override=venue.url)
    assert client.get_account().status == "ACTIVE"


@pytest.mark.parametrize(
    ("order", "status", "code"),
    [
        (lambda: limit(231.123), 422, 42210000),
        (lambda: limit(200, symbol="NOPE"), 422, 42210000),
        (lambda: limit(200, symbol="GONE"), 422, 42210000),
        (lambda: limit(200, client_order_id="x" * 129), 422, 40010001),
        (lambda: limit(200, 5000), 403, 40310000),
        (lambda: market(1.5, symbol="PENY"), 422, 42210000),
        (lambda: market(5, "sell", symbol="PENY"), 422, 42210000),
        (lambda: market(1.5, "sell"), 422, 42210000),
        (lambda: market(5, extended_hours=True), 422, 40010001),
        (lambda: limit(200, 0.123456789), 422, 40010001),
        (lambda: bracket(target=235, stop=231.5), 422, 42210000),
        (lambda: bracket(target=230, stop=229), 422, 42210000),
    ],
    ids=[
        "sub-penny",
        "unknown symbol",
        "inactive",
        "long id",
        "no power",
        "not fractionable",
        "not shortable",
        "fractional short",
        "extended market",
        "nine decimals",
        "stop beyond the entry",
        "target short of the entry",
    ],
)
def test_what_cannot_be_is_refused_and_not_booked(
    client: TradingClient, venue: Venue, order: Any, status: int, code: int
) -> None:
    """EX-11: the venue's status and code, and no order."""
    with pytest.raises(APIError) as error:
        client.submit_order(order())
    assert refused(error) == (status, code)
    assert venue.truth()["orders"] == []


def test_a_wash_trade_is_refused_and_names_the_order(client: TradingClient) -> None:
    """BR-2: 403 with the order that it would have met."""
    resting = client.submit_order(limit(200))
    with pytest.raises(APIError) as error:
        client.submit_order(limit(199, side="sell"))
    assert refused(error) == (403, 40310000)
    assert str(resting.id) in str(error.value)


def test_unknown_orders_are_404(client: TradingClient) -> None:
    """EX-6: absent by id and by client id."""
    asks: list[Callable[[], Any]] = [
        lambda: client.get_order_by_id(uuid4()),
        lambda: client.get_order_by_client_id("never"),
        lambda: client.cancel_order_by_id(uuid4()),
    ]
    for ask in asks:
        with pytest.raises(APIError) as error:
            ask()
        assert refused(error) == (404, 40410000)


# --- faults, as the library sees them -------------------------------------------------------------


def test_a_429_is_retried_by_the_library(client: TradingClient, venue: Venue) -> None:
    """BR-6: 429 with its headers, then the answer."""
    venue.fault("refuse", on="GET /v2/clock", status=429, times=2)
    assert client.get_clock().is_open
    asked = venue.admin("GET", "audit")["requests"]
    assert [each["status"] for each in asked if each["path"] == "/v2/clock"] == [429, 429, 200]


def test_the_rate_limit_ends_in_429(client: TradingClient, venue: Venue) -> None:
    """BR-6: so many requests a minute, and no more."""
    venue.admin("POST", "limits", {"requests_per_min": 3})
    for _ in range(3):
        client.get_clock()
    with pytest.raises((APIError, TypeError, AttributeError)):  # it gives up after its retries
        client.get_clock().timestamp  # noqa: B018 - the answer is None
    asked = venue.admin("GET", "audit")["requests"]
    assert [each["status"] for each in asked] == [200, 200, 200, 429, 429, 429, 429]


def test_a_504_after_booking_makes_the_library_place_twice(
    client: TradingClient, venue: Venue
) -> None:
    """EX-4: without a client id its retry is a second order; that is why ours never retries."""
    venue.fault("accept_then_status", status=504)
    client.submit_order(limit(200))
    assert len(venue.truth()["orders"]) == 2


def test_a_504_after_booking_with_an_id_is_one_order_and_an_error(
    client: TradingClient, venue: Venue
) -> None:
    """EX-6: the retry is refused as a duplicate although the order is live."""
    venue.fault("accept_then_status", status=504)
    with pytest.raises(APIError) as error:
        client.submit_order(limit(200, client_order_id="one"))
    assert refused(error) == (422, 40010001)
    assert client.get_order_by_client_id("one").status is OrderStatus.NEW
    assert venue.truth()["orders_by_client_id"] == {"one": 1}
