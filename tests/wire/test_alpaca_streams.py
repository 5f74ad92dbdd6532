# mypy: disable-error-code="import-not-found, misc, no-any-unimported"
"""alpaca-py's three streams and its data client, unchanged, against the venue."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alpaca.data.enums import DataFeed
from alpaca.data.historical.option import OptionHistoricalDataClient
from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.data.live.option import OptionDataStream
from alpaca.data.live.stock import StockDataStream
from alpaca.data.requests import (
    OptionChainRequest,
    OptionLatestQuoteRequest,
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
from alpaca.trading.client import TradingClient
from alpaca.trading.requests import LimitOrderRequest, MarketOrderRequest
from alpaca.trading.stream import TradingStream
from conftest import Venue

LIMIT_S = 15.0
TRIES = 20_000
CONTRACT = "SPY261120C00590000"


@contextmanager
def running(stream: Any) -> Iterator[None]:
    """Run a stream in a thread of its own, and stop it; its receive wakes every five seconds."""
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stream.stop()


def until(venue: Venue, name: str, count: int) -> None:
    """Wait until the venue says that so many are connected."""
    for _ in range(TRIES):
        if venue.admin("GET", "state")[name] >= count:
            return
    raise AssertionError(f"{name} stayed below {count}")


class Heard:
    """What a handler was given, in order."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._queue: queue.Queue[Any] = queue.Queue()

    async def hear(self, said: Any) -> None:
        """The handler."""
        self._queue.put(said)

    def next(self) -> Any:
        """The next of them."""
        return self._queue.get(timeout=LIMIT_S)

    def until(self, is_wanted: Callable[[Any], bool]) -> Any:
        """The next one that is wanted; those before it are dropped."""
        while True:
            said = self.next()
            if is_wanted(said):
                return said


def test_every_trade_update_of_a_life_is_told(venue: Venue) -> None:
    """BR-2: binary frames; price and quantity of each execution, the order's own sums beside."""
    client = TradingClient(venue.key, venue.secret, url_override=venue.url)
    heard = Heard()
    stream = TradingStream(venue.key, venue.secret, url_override=venue.stream_url)
    stream.subscribe_trade_updates(heard.hear)
    venue.quote("AAPL", "231.38", "231.40", "3")
    with running(stream):
        until(venue, "order_listeners", 1)
        order = client.submit_order(
            LimitOrderRequest(
                symbol="AAPL", qty=5, side="buy", time_in_force="day", limit_price=231.40
            )
        )
        told = [heard.next() for _ in range(3)]
        assert [each.event for each in told] == ["pending_new", "new", "partial_fill"]
        assert {each.order.id for each in told} == {order.id}
        assert (told[2].qty, told[2].price, told[2].position_qty) == (3, 231.40, 3)
        assert told[0].execution_id is None
        trade = {"symbol": "AAPL", "price": "231.40", "qty": "1", "side": "sell"}
        venue.admin("POST", "trade", trade)
        part = heard.next()
        assert (part.event, part.qty, part.order.filled_qty) == ("partial_fill", 1, "4")
        assert part.execution_id != told[2].execution_id
        client.cancel_order_by_id(order.id)
        last = [heard.next() for _ in range(2)]
        assert [each.event for each in last] == ["pending_cancel", "canceled"]
        # A cut stream is dialled again by the library; what happened meanwhile is not repeated.
        venue.fault("cut_stream")
        until(venue, "order_listeners", 1)
        client.submit_order(
            MarketOrderRequest(symbol="MSFT", notional=10, side="buy", time_in_force="day")
        )
        assert heard.until(lambda said: said.event == "new").order.symbol == "MSFT"


def test_the_events_that_the_library_does_not_know_are_passed_on(venue: Venue) -> None:
    """BR-2: a busted trade, a cancel that lost, a replacement that was refused."""
    client = TradingClient(venue.key, venue.secret, url_override=venue.url)
    heard = Heard()
    stream = TradingStream(venue.key, venue.secret, url_override=venue.stream_url)
    stream.subscribe_trade_updates(heard.hear)
    with running(stream):
        until(venue, "order_listeners", 1)
        venue.fault("reversal")
        venue.fault("cancel_loses_to_fill")
        order = client.submit_order(
            LimitOrderRequest(symbol="F", qty=5, side="buy", time_in_force="day", limit_price=9)
        )
        client.cancel_order_by_id(order.id)
        events = []
        while "trade_bust" not in events:
            events.append(heard.next().event)
        assert "fill" in events
        assert "order_cancel_rejected" in events
        assert "canceled" not in events
    assert venue.truth()["positions"] == {}


def test_market_data_is_told_in_msgpack(venue: Venue) -> None:
    """MD-1: quotes, trades and bars with the venue's time in nanoseconds."""
    heard = Heard()
    stream = StockDataStream(
        venue.key, venue.secret, url_override=venue.data_stream_url, feed=DataFeed.IEX
    )
    stream.subscribe_quotes(heard.hear, "AAPL")
    stream.subscribe_trades(heard.hear, "AAPL")
    stream.subscribe_bars(heard.hear, "*")
    with running(stream):
        until(venue, "data_subscriptions", 3)
        venue.quote("AAPL", "231.38", "231.40", "100")
        said = heard.next()
        assert (said.bid_price, said.bid_size, said.ask_price) == (231.38, 100, 231.40)
        assert said.timestamp == datetime(2026, 11, 20, 15, tzinfo=UTC)
        trade = {"symbol": "AAPL", "price": "231.40", "qty": "20", "side": "buy"}
        venue.admin("POST", "trade", trade)
        print_ = heard.until(lambda each: hasattr(each, "price"))
        assert (print_.price, print_.size) == (231.40, 20)
        venue.admin("POST", "clock", {"advance_s": 60})
        bar = heard.until(lambda each: hasattr(each, "vwap"))
        assert (bar.open, bar.close, bar.volume, bar.trade_count) == (231.40, 231.40, 20, 1)


def test_options_have_a_stream_of_their_own(venue: Venue) -> None:
    """MD-1: quotes of a contract, at the options' address."""
    heard = Heard()
    url = venue.data_stream_url.replace("/v2/iex", "/v1beta1/indicative")
    stream = OptionDataStream(venue.key, venue.secret, url_override=url)
    stream.subscribe_quotes(heard.hear, CONTRACT)
    with running(stream):
        until(venue, "data_subscriptions", 1)
        venue.quote(CONTRACT, "3.00", "3.10")
        assert heard.until(lambda said: said.ask_price == 3.10).symbol == CONTRACT


# --- the data client ------------------------------------------------------------------------------


@pytest.fixture
def data(venue: Venue) -> StockHistoricalDataClient:
    return StockHistoricalDataClient(venue.key, venue.secret, url_override=venue.url)


def test_bars_are_paged_and_aggregated(data: StockHistoricalDataClient) -> None:
    """BR-2: a session of minutes from the past; hours and days are made of them."""
    thursday = datetime(2026, 11, 19, tzinfo=UTC)

    def bars(frame: TimeFrame, **more: Any) -> list[Any]:
        request = StockBarsRequest(
            symbol_or_symbols=["AAPL", "MSFT"],
            timeframe=frame,
            start=thursday,
            end=thursday + timedelta(days=1),
            **more,
        )
        return list(data.get_stock_bars(request).data["AAPL"])

    minutes = bars(TimeFrame.Minute)
    assert len(minutes) == 390
    assert minutes[0].timestamp == datetime(2026, 11, 19, 14, 30, tzinfo=UTC)
    assert len(bars(TimeFrame.Minute, limit=100)) == 100
    whole = bars(TimeFrame.Day)
    assert len(whole) == 1
    assert whole[0].volume == sum(each.volume for each in minutes)
    assert whole[0].high == max(each.high for each in minutes)
    assert whole[0].close == minutes[-1].close
    assert len(bars(TimeFrame(30, TimeFrameUnit.Minute))) == 13


def test_the_newest_of_everything(data: StockHistoricalDataClient, venue: Venue) -> None:
    """BR-2: latest quote, trade and bar, and all of them in a snapshot."""
    venue.quote("AAPL", "231.38", "231.40")
    trade = {"symbol": "AAPL", "price": "231.40", "qty": "20", "side": "buy"}
    venue.admin("POST", "trade", trade)
    quote = data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="AAPL"))
    assert quote["AAPL"].ask_price == 231.40
    last = data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="AAPL"))
    assert last["AAPL"].price == 231.40
    bar = data.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols="AAPL"))
    assert bar["AAPL"].close == 231.40
    snapshot = data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols="AAPL"))["AAPL"]
    assert snapshot.latest_quote.bid_price == 231.38
    assert snapshot.previous_daily_bar is not None
    start = datetime(2026, 11, 20, tzinfo=UTC)
    quotes = data.get_stock_quotes(StockQuotesRequest(symbol_or_symbols="AAPL", start=start))
    assert len(quotes["AAPL"]) == 1
    trades = data.get_stock_trades(StockTradesRequest(symbol_or_symbols="AAPL", start=start))
    assert trades["AAPL"][0].size == 20


def test_options_have_quotes_and_a_chain(venue: Venue) -> None:
    """BR-2: the newest quote of a contract, and the chain of what is quoted."""
    data = OptionHistoricalDataClient(venue.key, venue.secret, url_override=venue.url)
    request = OptionLatestQuoteRequest(symbol_or_symbols=CONTRACT)
    quote = data.get_option_latest_quote(request)[CONTRACT]
    assert 0 < quote.bid_price < quote.ask_price
    chain = data.get_option_chain(OptionChainRequest(underlying_symbol="SPY"))
    assert chain[CONTRACT].latest_quote.bid_price == quote.bid_price
