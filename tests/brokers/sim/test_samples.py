"""What the venue answers beside samples of the broker's client's tests: same fields and kinds."""

import asyncio
from typing import Any

import pytest

from brokers.sim.units import load_json
from tests.brokers.sim.venue import Client, at_market, open_venue, order
from tests.streams.shared_data import SHARED_DATA

SAMPLES = SHARED_DATA / "samples" / "alpaca_rest"
# Fields of the day-trader rule, which ended, and what the wire's description does not know.
GONE = {"daytrade_count", "daytrading_buying_power", "pattern_day_trader"}
GONE |= {"dtbp_check", "pdt_check"}
UNDESCRIBED = {"commission", "usd", "last_price", "last_close_pct_change"}
CONTRACT = "SPY261120C00590000"
BARS = "symbols=AAPL&start=2026-11-19T00:00:00Z&timeframe=1Min&limit=5"

REQUESTS: dict[str, tuple[str, str, Any]] = {
    "account_routes__get_account": ("GET", "/v2/account", None),
    "account_routes__get_account_configurations": ("GET", "/v2/account/configurations", None),
    "asset_routes__get_asset": ("GET", "/v2/assets/AAPL", None),
    "historical_option_data__get_latest_quote": (
        "GET", f"/v1beta1/options/quotes/latest?symbols={CONTRACT}", None,
    ),
    "historical_stock_data__get_bars": ("GET", f"/v2/stocks/bars?{BARS}", None),
    "historical_stock_data__get_latest_trade": (
        "GET", "/v2/stocks/trades/latest?symbols=AAPL&feed=IEX", None,
    ),
    "historical_stock_data__get_quotes": (
        "GET", "/v2/stocks/quotes?symbols=AAPL&start=2026-11-20T00:00:00Z&limit=5", None,
    ),
    "historical_stock_data__get_snapshot": ("GET", "/v2/stocks/snapshots?symbols=AAPL", None),
    "historical_stock_data__stock_latest_bar": ("GET", "/v2/stocks/bars/latest?symbols=AAPL", None),
    "option_routes__get_option_contract": ("GET", f"/v2/options/contracts/{CONTRACT}", None),
    "option_routes__get_option_contracts": (
        "GET", "/v2/options/contracts?underlying_symbols=AAPL", None,
    ),
    "order_routes__get_orders": ("GET", "/v2/orders?status=all", None),
    "order_routes__limit_order": ("POST", "/v2/orders", order("sample-1")),
    "order_routes__market_order": ("POST", "/v2/orders", at_market("sample-2", symbol="MSFT")),
    "position_routes__get_all_positions": ("GET", "/v2/positions", None),
    "order_routes__cancel_orders": ("DELETE", "/v2/orders", None),
    "position_routes__close_all_positions": ("DELETE", "/v2/positions?cancel_orders=true", None),
}  # fmt: skip


def shape(value: Any) -> Any:
    """A value's kind: fields of objects, the first of a list, a truth, or text or number."""
    if isinstance(value, dict):
        kept = {key: one for key, one in value.items() if key not in GONE | UNDESCRIBED}
        return {_any_symbol(key): shape(one) for key, one in kept.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "text or number"  # the samples have some of each where the description says text


def _any_symbol(key: str) -> str:
    return "SYMBOL" if key.isupper() and len(key) > 2 else key


def missing(sample: Any, ours: Any, where: str = "") -> list[str]:
    """Where ours lacks a field of the sample, or has another kind of value."""
    if isinstance(sample, dict) and isinstance(ours, dict):
        gone = [f"{where}.{key} is missing" for key in sample if key not in ours]
        return gone + [
            text for key in sample if key in ours
            for text in missing(sample[key], ours[key], f"{where}.{key}")
        ]  # fmt: skip
    if isinstance(sample, list) and isinstance(ours, list):
        return missing(sample[0], ours[0], f"{where}[0]") if sample and ours else []
    if "NoneType" in (sample, ours) or sample == ours:
        return []
    return [f"{where} is {ours}, the sample has {sample}"]


async def played(client: Client, name: str) -> tuple[int, Any]:
    """Hold a position and an order, then ask."""
    await client.quote("231.38", "231.40")
    await client.json("POST", "/v2/orders", at_market("held"))
    await client.place("resting")
    return await client.json(*REQUESTS[name])


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the shared samples are not beside this checkout")
@pytest.mark.parametrize("name", REQUESTS)
def test_an_answer_has_the_fields_of_the_sample(name: str) -> None:
    """BR-2: judged by answers that others recorded, not by the description alone."""
    sample = load_json((SAMPLES / f"{name}.json").read_bytes())["body"]

    async def run() -> None:
        async with open_venue() as client:
            status, ours = await played(client, name)
            assert status in (200, 207)
            assert missing(shape(sample), shape(ours)) == []

    asyncio.run(run())
