# mypy: disable-error-code="import-not-found, import-untyped, misc, no-any-unimported"
# mypy: disable-error-code="attr-defined, no-untyped-call"
"""lumiwealth-tradier and uvatradier, unchanged, drive the calls that the venue serves."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import pytest
import uvatradier
import websockets
from conftest import TradierVenue
from lumiwealth_tradier import Tradier, base
from lumiwealth_tradier.base import TradierApiError
from lumiwealth_tradier.orders import OrderLeg

CALL = "SPXW261120C06800000"
HIGHER = "SPXW261120C06820000"


@pytest.fixture
def lumi(tradier: TradierVenue, monkeypatch: pytest.MonkeyPatch) -> Tradier:
    monkeypatch.setattr(base, "TRADIER_SANDBOX_URL", tradier.url)
    monkeypatch.setattr(base, "DEFAULT_RETRY_WAIT_SECONDS", 0)
    return Tradier(tradier.account, tradier.token)


def uva(kind: str, tradier: TradierVenue) -> Any:
    made = getattr(uvatradier, kind)(tradier.account, tradier.token)
    made.BASE_URL, made.WEBSOCKET_URL = tradier.url, tradier.ws_url
    return made


def limit(lumi: Tradier, price: float, **more: Any) -> int:
    shape = {"side": "buy_to_open", "quantity": 1, "order_type": "limit", "limit_price": price}
    found: int = lumi.orders.order_option("SPX", CALL, **{**shape, **more})["id"]
    return found


# --- lumiwealth-tradier ---------------------------------------------------------------------------


def test_lumi_reads_the_account_in_three_shapes(lumi: Tradier) -> None:
    """BR-2: none, one and several positions and orders."""
    assert lumi.account.get_user_profile()["account.account_number"][0] == "VA00000007"
    assert lumi.account.get_account_balance()["margin.option_buying_power"][0] == 100_000
    assert lumi.account.get_positions().empty
    assert lumi.orders.get_orders().empty
    limit(lumi, 20.0)
    assert [*lumi.account.get_positions()["symbol"]] == [CALL]
    assert [*lumi.orders.get_orders()["status"]] == ["filled"]
    lumi.orders.order("SPY", "buy", 5, "market", tag="shares")
    assert len(lumi.account.get_positions(options=True)) == 1
    assert [*lumi.account.get_positions(equities=True)["symbol"]] == ["SPY"]
    assert [*lumi.orders.get_orders()["tag"]][1:] == ["shares"]


def test_lumi_changes_and_cancels(lumi: Tradier) -> None:
    """BR-2: the id stays; a second cancel is told as success, although nothing was canceled."""
    mine = limit(lumi, 1.0, tag="lumi-1")
    lumi.orders.modify(mine, limit_price=2.0)
    assert lumi.orders.get_order(mine)["price"][0] == 2.0
    assert lumi.orders.cancel(mine)["status"] == "ok"
    assert lumi.orders.cancel(mine) == {"id": mine, "status": "ok"}
    filled = limit(lumi, 20.0)
    assert lumi.orders.cancel(filled)["status"] == "ok"  # the fill is hidden: look again
    assert lumi.orders.get_order(filled)["status"][0] == "filled"
    with pytest.raises(TradierApiError, match="401 - Unauthorized Account"):
        lumi.orders.cancel(12)


def test_lumi_places_legs_together_and_in_chains(lumi: Tradier, tradier: TradierVenue) -> None:
    """BR-2: multileg, oto and otoco; a parent has its legs."""
    legs = [OrderLeg(CALL, "buy_to_open", 2), OrderLeg(HIGHER, "sell_to_open", 2)]
    spread = lumi.orders.multileg_order("SPX", "debit", "day", legs, price=8.0, tag="spread")
    found = lumi.orders.get_order(spread["id"]).iloc[0]
    assert (found["status"], found["num_legs"], len(found["leg"])) == ("filled", 2, 2)
    entry = OrderLeg(side="buy", quantity=2, price=600.0, stock_symbol="SPY", type="limit")
    target = OrderLeg(side="sell", quantity=2, price=700.0, stock_symbol="SPY", type="limit")
    stop = OrderLeg(side="sell", quantity=2, stop=590.0, stock_symbol="SPY", type="stop")
    for kind, parts in (("oto", [entry, target]), ("otoco", [entry, target, stop])):
        placed = lumi.orders.advanced_order("day", parts, kind, tag=kind)
        found = lumi.orders.get_order(placed["id"]).iloc[0]
        assert [leg["status"] for leg in found["leg"]] == ["open"] + ["held"] * (len(parts) - 1)
        lumi.orders.cancel(placed["id"])
    lumi.orders.order("SPY", "buy", 2, "market")
    oco = lumi.orders.advanced_order("day", [target, stop], "oco")
    assert lumi.orders.get_order(oco["id"])["class"][0] == "oco"
    assert tradier.truth()["orders_by_client_id"] == {"spread": 1, "oto": 1, "otoco": 1}


def test_lumi_is_refused_in_each_way(lumi: Tradier, tradier: TradierVenue) -> None:
    """BR-2: errors with HTTP 200 as text and as a list, plain text, a wrong token."""
    with pytest.raises(TradierApiError, match="Error: UnexpectedSellOrderOption"):
        limit(lumi, 1.0, side="sell_to_close")
    with pytest.raises(TradierApiError, match=r"violation \| InitialMargin"):
        limit(lumi, 90.0, quantity=500)
    with pytest.raises(TradierApiError, match="400 - Invalid parameter, tag"):
        limit(lumi, 1.0, tag="x" * 256)
    with pytest.raises(TradierApiError, match="400 - Invalid parameter, symbol"):
        lumi.orders.order("NOPE", "buy", 1, "market")
    tradier.fault("accept_then_status", status=500)
    with pytest.raises(TradierApiError, match="500"):
        limit(lumi, 1.0, tag="lost")
    assert tradier.truth()["orders_by_client_id"] == {"lost": 1}  # and it is there
    stranger = Tradier(tradier.account, "wrong")
    with pytest.raises(TradierApiError, match="401 - Invalid Access Token"):
        stranger.orders.cancel(1)


def test_lumi_reads_the_market(lumi: Tradier, tradier: TradierVenue) -> None:
    """BR-2: quotes, chains with greeks, expirations, strikes, bars, clock and calendar."""
    market = lumi.market
    assert [*market.get_quotes(["SPY", "BRK.B"]).index] == ["SPY", "BRK.B"]
    with pytest.raises(ValueError, match="Invalid symbol"):
        market.get_quotes("NOPE")
    chains = market.get_option_chains("SPX", date(2026, 12, 18), greeks=True)
    assert {*chains["root_symbol"]} == {"SPX", "SPXW"}
    assert chains["greeks.delta"].between(-1, 1).any()
    assert market.get_option_symbol("SPX", date(2026, 11, 20), 6800.0, "call") == CALL
    assert 6800.0 in market.get_option_strikes("SPX", date(2026, 11, 20))
    assert not market.get_option_expirations("SPX").empty
    printed = {"symbol": "SPY", "price": "681.01", "qty": "5", "side": "buy"}
    tradier.admin("POST", "trade", printed)
    assert len(market.get_timesales("SPY", start_date=date(2026, 11, 20))) == 1
    assert len(market.get_historical_quotes("SPY", start_date="2026-11-20")) == 1
    assert market.get_clock()["state"] == "open"
    assert market.get_calendar(11, 2026).loc[date(2026, 11, 26), "status"] == "closed"
    assert [*market.lookup_symbol("SPY").index][:1]


def test_lumi_reads_what_is_written_at_night(lumi: Tradier, tradier: TradierVenue) -> None:
    """BR-2: history with commissions and closed lots, on the day after."""
    assert lumi.account.get_gainloss() is None
    limit(lumi, 20.0)
    limit(lumi, 1.0, side="sell_to_close")
    tradier.admin("POST", "clock", {"at": "2026-11-21T05:00:00Z"})
    events = lumi.account.get_history(date(2026, 11, 20), date(2026, 11, 21), activity_type="trade")
    assert [*events["trade.commission"]] == [0.35, 0.35]
    assert [*lumi.account.get_gainloss()["symbol"]] == [CALL]
    assert lumi.orders.get_orders().empty  # the list has forgotten them


# --- uvatradier -----------------------------------------------------------------------------------


def test_uva_reads_account_and_market(tradier: TradierVenue) -> None:
    """BR-2: the second library agrees on every shape that it reads."""
    account, quotes, options = (uva(kind, tradier) for kind in ("Account", "Quotes", "OptionsData"))
    assert account.get_user_profile()["name"][0] == "Sim User"
    assert account.get_account_balance()["total_cash"][0] == 100_000
    assert len(account.get_positions()) == 0
    assert quotes.get_quote_day("SPY", last_price=True) == 681.0
    assert "2026-11-20" in options.get_expiry_dates("SPX")
    assert CALL in [*options.get_chain_day("SPX", expiry="2026-11-20")["symbol"]]


def test_uva_places_orders_with_fields_in_the_query(tradier: TradierVenue) -> None:
    """BR-2: shares by the query, options and spreads by a form; all are booked once."""
    shares = uva("EquityOrder", tradier).order("SPY", "buy", 5, "limit", limit_price=600.0)
    assert shares["order"]["status"] == "ok"
    options = uva("OptionsOrder", tradier)
    placed = options.options_order(CALL, "limit", "buy_to_open", 1, "SPX", limit_price=20.0)
    assert placed["order"]["status"] == "ok"
    assert options.bull_call_spread("SPX", CALL, 1, HIGHER, 1)["order"]["status"] == "ok"
    orders = uva("Account", tradier).get_orders()
    assert [*orders["status"]] == ["open", "filled", "filled"]
    assert len(tradier.truth()["orders"]) == 3


def test_uva_hears_the_market(
    tradier: TradierVenue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """BR-2: session, address and first quotes; its TLS, which is fixed, is left out on loopback."""
    connect = websockets.connect

    @asynccontextmanager
    async def plain(uri: str, **_: Any) -> AsyncIterator[Any]:
        async with connect(uri, compression=None) as socket:
            yield Briefly(socket)

    monkeypatch.setattr(uvatradier.stream.websockets, "connect", plain)
    stream = uva("Stream", tradier)
    asyncio.run(stream.ws_market_connect(["SPY", CALL], ["quote"], False, True, False))  # noqa: FBT003 - its own
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith('{"type"')]
    assert [json.loads(line)["symbol"] for line in said] == ["SPY", CALL]


class Briefly:
    """A socket that is heard twice."""

    def __init__(self, socket: Any) -> None:
        """Wrap it."""
        self._socket = socket

    async def send(self, text: str) -> None:
        """Send."""
        await self._socket.send(text)

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Two messages."""
        for _ in range(2):
            yield await self._socket.recv()
