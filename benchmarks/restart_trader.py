"""A live trader that rests so many orders at a venue, says so, and waits to be killed.

`python -m benchmarks.restart_trader FOLDER ORDERS` with the venue's first line on its input.
"""

import asyncio
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
import orjson
import uvloop

from brokers.http import ANSWER_WAIT_S
from tests.support.live import SYMBOL, Live, Venue, live, live_config
from trading.config import Config

_BATCH: Final = 60
_WINDOW_S: Final = 1.05
_TENTH_1E8: Final = 5_000_000


def resting_config(orders: int) -> Config:
    """As many orders on one instrument as there are, for strategies of any name, without an end."""
    config = live_config()
    limits = msgspec.structs.replace(
        config.limits,
        positions_per_instrument_max=orders,
        positions_max=orders,
        collar_ratio=Decimal("0.2"),
    )
    account = msgspec.structs.replace(config.account, entry_ttl_s=0)
    return msgspec.structs.replace(config, limits=limits, account=account, strategies=())


def working(desk: Live) -> int:
    """How many orders work."""
    core = desk.trader.system.core
    return 0 if core is None else sum(order.state == "WORKING" for order in core.orders())


async def rest(desk: Live, orders: int) -> None:
    """Rest that many; a window takes no more than a batch of entries."""
    number = 0
    while (found := working(desk)) < orders:
        if number > 4 * orders:
            raise RuntimeError(f"expected {orders} orders at work, found {found}")
        begun_s = time.monotonic()
        cents = desk.trader.system.telemetry.prices_1e8[SYMBOL] * 9 // 10 // 1_000_000
        for _ in range(min(_BATCH, orders - found)):
            number += 1
            desk.ask(
                order_type="LIMIT",
                limit_1e8=cents * 1_000_000,
                qty_1e8=_TENTH_1E8,
                strategy=f"s{number}",
                setup_instance=f"n{number}",
            )
        await asyncio.sleep(max(0.0, begun_s + _WINDOW_S - time.monotonic()))


async def _run(told: dict[str, str], folder: Path, orders: int) -> None:
    async with aiohttp.ClientSession() as http:
        where = Venue(told, http)
        async with live(
            where, folder, config=resting_config(orders), answer_wait_s=ANSWER_WAIT_S
        ) as desk:
            await desk.ready()
            await rest(desk, orders)
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_run(orjson.loads(sys.stdin.readline()), Path(sys.argv[1]), int(sys.argv[2])))
