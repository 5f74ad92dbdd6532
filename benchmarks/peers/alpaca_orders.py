# mypy: ignore-errors
"""What alpaca-py takes to submit an order to a venue that answers at once."""

import json
import sys
import time

from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest

url, count = sys.argv[1], int(sys.argv[2])
client = TradingClient("key", "secret", paper=True, url_override=url)
taken = []
for number in range(count):
    start = time.perf_counter_ns()
    client.submit_order(
        LimitOrderRequest(
            symbol="SPY",
            qty=1,
            side=OrderSide.BUY,
            time_in_force=TimeInForce.DAY,
            limit_price=5.0,
            client_order_id=f"order-{number}",
        )
    )
    taken.append(time.perf_counter_ns() - start)
print(json.dumps({"peer": "alpaca-py", "taken_ns": taken}))
