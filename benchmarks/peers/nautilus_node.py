# mypy: ignore-errors
"""An idle NautilusTrader trading node without a client: time to ready, resident memory.

Usage: nautilus_node.py    prints one line of JSON
"""

import time

started = time.perf_counter()

import asyncio  # noqa: E402  importing is part of what is timed
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

from nautilus_trader.config import LoggingConfig, TradingNodeConfig  # noqa: E402
from nautilus_trader.live.node import TradingNode  # noqa: E402

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
node = TradingNode(TradingNodeConfig(logging=LoggingConfig(log_level="ERROR")), loop=loop)
node.build()
ready_s = time.perf_counter() - started
with open("/proc/self/status") as status:
    resident_kb = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
found = {"peer": "nautilus_node", "ready_s": ready_s, "resident_mb": resident_kb / 1024}
sys.stdout.write("\n" + json.dumps(found) + "\n")
sys.stdout.flush()
os._exit(0)
