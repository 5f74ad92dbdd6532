# mypy: disable-error-code="import-not-found, misc, no-any-unimported"
"""Every route of the Alpaca simulator has a call by alpaca-py, which works and can be refused."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.enums import DataFeed, OptionsFeed
from alpaca.data.historical.option import OptionHistoricalDataClient
from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.data.live.option import OptionDataStream
from alpaca.data.live.stock import StockDataStream
from alpaca.data.requests import (
    OptionBarsRequest,
    OptionChainRequest,
    OptionLatestQuoteRequest,
    OptionLatestTradeRequest,
    OptionSnapshotRequest,
    OptionTradesRequest,
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.models import AccountConfiguration, TradeActivity
from alpaca.trading.requests import (
    GetCalendarRequest,
    GetOptionContractsRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
)
from alpaca.trading.stream import TradingStream
from conftest import Venue

CONTRACT: Final = "SPY261120C00590000"
OWN_ID: Final = "rests"
UNAUTHORISED: Final = 401
ERROR_FROM: Final = 400
TODAY: Final = datetime(2026, 11, 20, tzinfo=UTC)
THURSDAY: Final = datetime(2026, 11, 19, tzinfo=UTC)


@dataclass
class Clients:
    """The library's clients with one pair of keys, and what they find at the venue."""

    trading: TradingClient
    stocks: StockHistoricalDataClient
    options: OptionHistoricalDataClient
    order_id: str
    streams: Mapping[str, Any]

    @classmethod
    def of(cls, venue: Venue, secret: str, order_id: str) -> "Clients":
        """The same addresses, whatever the secret is."""
        keys = (venue.key, secret)
        trading = TradingClient(*keys, url_override=venue.url)
        trading._retry_wait = 0  # noqa: SLF001 - the waits between its retries are no part of the wire
        options = f"{venue.data_stream_url.removesuffix('/v2/iex')}/v1beta1/indicative"
        return cls(
            trading,
            StockHistoricalDataClient(*keys, url_override=venue.url),
            OptionHistoricalDataClient(*keys, url_override=venue.url),
            order_id,
            {
                "orders": lambda: TradingStream(*keys, url_override=venue.stream_url),
                "stocks": lambda: StockDataStream(
                    *keys, url_override=venue.data_stream_url, feed=DataFeed.IEX
                ),
                "options": lambda: OptionDataStream(
                    *keys, url_override=options, feed=OptionsFeed.INDICATIVE
                ),
            },
        )

    def sign_in(self, stream: str) -> None:
        """Connect and show the keys, as the library's own loop begins."""

        async def play() -> None:
            made = self.streams[stream]()
            await made._connect()  # noqa: SLF001 - its loop would try wrong keys for ever
            try:
                await made._auth()  # noqa: SLF001 - as above
            finally:
                await made.close()

        asyncio.run(play())


Call = Callable[[Clients], Any]


def order(**fields: Any) -> LimitOrderRequest:
    """One that rests."""
    shape = {"symbol": "MSFT", "qty": 1, "side": "buy", "time_in_force": "day", "limit_price": 9}
    return LimitOrderRequest(**{**shape, **fields})


def settings() -> AccountConfiguration:
    """What an account has at first."""
    return AccountConfiguration(
        fractional_trading=True,
        max_margin_multiplier="4",
        no_shorting=False,
        suspend_trade=False,
        trade_confirm_email="all",
        ptp_no_exception_entry=False,
    )


def data(kind: type, symbol: str = "AAPL", **more: Any) -> Any:
    """A question about one symbol."""
    return kind(symbol_or_symbols=symbol, **more)


CALLS: Final[dict[str, Call]] = {
    "POST /v2/orders": lambda one: one.trading.submit_order(order()),
    "GET /v2/orders": lambda one: one.trading.get_orders(),
    "DELETE /v2/orders": lambda one: one.trading.cancel_orders(),
    "GET /v2/orders:by_client_order_id": lambda one: one.trading.get_order_by_client_id(OWN_ID),
    "GET /v2/orders/{order_id}": lambda one: one.trading.get_order_by_id(one.order_id),
    "PATCH /v2/orders/{order_id}": lambda one: one.trading.replace_order_by_id(
        one.order_id, ReplaceOrderRequest(qty=2)
    ),
    "DELETE /v2/orders/{order_id}": lambda one: one.trading.cancel_order_by_id(one.order_id),
    "GET /v2/positions": lambda one: one.trading.get_all_positions(),
    "DELETE /v2/positions": lambda one: one.trading.close_all_positions(),
    "GET /v2/positions/{symbol}": lambda one: one.trading.get_open_position("AAPL"),
    "DELETE /v2/positions/{symbol}": lambda one: one.trading.close_position("AAPL"),
    "POST /v2/positions/{symbol}/exercise": lambda one: one.trading.exercise_options_position(
        CONTRACT
    ),
    "GET /v2/account": lambda one: one.trading.get_account(),
    "GET /v2/account/portfolio/history": lambda one: one.trading.get_portfolio_history(),
    "GET /v2/account/configurations": lambda one: one.trading.get_account_configurations(),
    "PATCH /v2/account/configurations": lambda one: one.trading.set_account_configurations(
        settings()
    ),
    "GET /v2/account/activities": lambda one: one.trading.get("/account/activities"),
    "GET /v2/account/activities/{kind}": lambda one: one.trading.get("/account/activities/FILL"),
    "GET /v2/clock": lambda one: one.trading.get_clock(),
    "GET /v2/calendar": lambda one: one.trading.get_calendar(
        GetCalendarRequest(start=date(2026, 11, 27), end=date(2026, 11, 27))
    ),
    "GET /v2/assets": lambda one: one.trading.get_all_assets(),
    "GET /v2/assets/{symbol}": lambda one: one.trading.get_asset("AAPL"),
    "GET /v2/options/contracts": lambda one: one.trading.get_option_contracts(
        GetOptionContractsRequest(underlying_symbols=["SPY"])
    ),
    "GET /v2/options/contracts/{symbol}": lambda one: one.trading.get_option_contract(CONTRACT),
    "GET /v2/stocks/bars": lambda one: one.stocks.get_stock_bars(
        data(StockBarsRequest, timeframe=TimeFrame.Minute, start=THURSDAY)
    ),
    "GET /v2/stocks/bars/latest": lambda one: one.stocks.get_stock_latest_bar(
        data(StockLatestBarRequest)
    ),
    "GET /v2/stocks/trades": lambda one: one.stocks.get_stock_trades(
        data(StockTradesRequest, start=TODAY)
    ),
    "GET /v2/stocks/trades/latest": lambda one: one.stocks.get_stock_latest_trade(
        data(StockLatestTradeRequest)
    ),
    "GET /v2/stocks/quotes": lambda one: one.stocks.get_stock_quotes(
        data(StockQuotesRequest, start=TODAY)
    ),
    "GET /v2/stocks/quotes/latest": lambda one: one.stocks.get_stock_latest_quote(
        data(StockLatestQuoteRequest)
    ),
    "GET /v2/stocks/snapshots": lambda one: one.stocks.get_stock_snapshot(
        data(StockSnapshotRequest)
    ),
    "GET /v1beta1/options/bars": lambda one: one.options.get_option_bars(
        data(OptionBarsRequest, CONTRACT, timeframe=TimeFrame.Minute, start=THURSDAY)
    ),
    "GET /v1beta1/options/trades": lambda one: one.options.get_option_trades(
        data(OptionTradesRequest, CONTRACT, start=TODAY)
    ),
    "GET /v1beta1/options/trades/latest": lambda one: one.options.get_option_latest_trade(
        data(OptionLatestTradeRequest, CONTRACT)
    ),
    "GET /v1beta1/options/quotes/latest": lambda one: one.options.get_option_latest_quote(
        data(OptionLatestQuoteRequest, CONTRACT)
    ),
    "GET /v1beta1/options/snapshots": lambda one: one.options.get_option_snapshot(
        data(OptionSnapshotRequest, CONTRACT)
    ),
    "GET /v1beta1/options/snapshots/{underlying}": lambda one: one.options.get_option_chain(
        OptionChainRequest(underlying_symbol="SPY")
    ),
    "GET /stream": lambda one: one.sign_in("orders"),
    "GET /v2/{feed}": lambda one: one.sign_in("stocks"),
    "GET /v1beta1/{feed}": lambda one: one.sign_in("options"),
}
STREAMS: Final = {"GET /stream", "GET /v2/{feed}", "GET /v1beta1/{feed}"}


@pytest.fixture
def clients(venue: Venue) -> Clients:
    """Something to ask for: shares and a contract that were traded and are held, an order."""
    venue.quote("AAPL", "231.38", "231.40")
    venue.quote(CONTRACT, "3.00", "3.10")
    trading = TradingClient(venue.key, venue.secret, url_override=venue.url)
    for symbol, qty in (("AAPL", 5), (CONTRACT, 1)):
        trading.submit_order(
            MarketOrderRequest(symbol=symbol, qty=qty, side="buy", time_in_force="day")
        )
    venue.admin("POST", "trade", {"symbol": "AAPL", "price": "231.40", "qty": "1", "side": "buy"})
    venue.admin("POST", "trade", {"symbol": CONTRACT, "price": "3.10", "qty": "1", "side": "buy"})
    resting = trading.submit_order(order(client_order_id=OWN_ID))
    return Clients.of(venue, venue.secret, str(resting.id))


def answered(venue: Venue, route: str) -> list[int]:
    """With which statuses the venue answered on a route so far."""
    asked = venue.admin("GET", "audit")["requests"]
    return [each["status"] for each in asked if each["route"] == route]


def test_every_route_that_is_served_has_its_call(venue: Venue) -> None:
    """BR-2: a route that is added without a call of the library fails here."""
    assert sorted(CALLS) == venue.admin("GET", "routes")


@pytest.mark.parametrize("route", CALLS)
def test_the_library_drives_the_route_and_reads_its_answer(
    clients: Clients, venue: Venue, route: str
) -> None:
    """BR-2: the venue says that this route was asked, and that its answer was good."""
    before = len(answered(venue, route))
    CALLS[route](clients)
    found = answered(venue, route)[before:]
    assert found
    assert all(status < ERROR_FROM for status in found)


@pytest.mark.parametrize("route", CALLS)
def test_the_library_understands_the_refusal_of_the_route(
    clients: Clients, venue: Venue, route: str
) -> None:
    """BR-2, BR-4: wrong keys are an error in the library's own words, and change nothing."""
    stranger = Clients.of(venue, "wrong", clients.order_id)
    truth = venue.truth()
    before = len(answered(venue, route))
    if route in STREAMS:
        with pytest.raises(ValueError, match="auth"):
            CALLS[route](stranger)
    else:
        with pytest.raises(APIError) as error:
            CALLS[route](stranger)
        assert error.value.status_code == UNAUTHORISED
        assert answered(venue, route)[before:] == [UNAUTHORISED]
    assert venue.truth() == truth


# --- what the answers say, where no other test reads them -----------------------------------------


def test_options_have_bars_trades_and_snapshots(clients: Clients, venue: Venue) -> None:
    """BR-2: minutes of the session before, today's print, and both beside the quote."""
    thursday = clients.options.get_option_bars(
        data(OptionBarsRequest, CONTRACT, timeframe=TimeFrame.Minute, start=THURSDAY, end=TODAY)
    )[CONTRACT]
    assert len(thursday) == 390
    assert all(0 < bar.low <= bar.open <= bar.high for bar in thursday)
    trades = clients.options.get_option_trades(data(OptionTradesRequest, CONTRACT, start=TODAY))
    assert [(each.price, each.size) for each in trades[CONTRACT]] == [(3.10, 1)]
    newest = clients.options.get_option_latest_trade(data(OptionLatestTradeRequest, CONTRACT))
    assert newest[CONTRACT].price == 3.10
    asked = data(OptionSnapshotRequest, CONTRACT)
    snapshot = clients.options.get_option_snapshot(asked)[CONTRACT]
    assert (snapshot.latest_trade.price, snapshot.latest_quote.ask_price) == (3.10, 3.10)
    chain = clients.options.get_option_chain(OptionChainRequest(underlying_symbol="SPY"))
    assert chain[CONTRACT].latest_trade.price == 3.10
    assert venue.truth()["positions"][CONTRACT]["qty"] == "1"


def test_the_accounts_activities_are_its_fills_by_pages(clients: Clients, venue: Venue) -> None:
    """EX-5: one row an execution, in the library's own model, oldest or newest first, by pages."""
    account = {"account_id": str(clients.trading.get_account().id)}
    path = "/account/activities/FILL"
    rows = [
        TradeActivity(**account, **row) for row in clients.trading.get(path, {"direction": "asc"})
    ]
    assert [(row.symbol, row.qty, row.price) for row in rows] == [
        ("AAPL", 5, 231.40),
        (CONTRACT, 1, 3.10),
    ]
    assert [row.id for row in rows] == [
        row["id"] for row in reversed(clients.trading.get("/account/activities"))
    ]
    first = clients.trading.get(path, {"direction": "asc", "page_size": 1})
    assert [row["id"] for row in first] == [rows[0].id]
    rest = clients.trading.get(path, {"direction": "asc", "page_token": rows[0].id})
    assert [row["id"] for row in rest] == [rows[1].id]
    executions = {each["id"] for each in venue.truth()["executions"]}
    assert {row.id.partition("::")[2] for row in rows} <= executions
