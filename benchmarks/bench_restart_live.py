"""The same as bench_restart by the network: a process with a thousand orders at a venue is killed.

Venue and first trader are processes of their own; the first dies of SIGKILL, then this process
takes its data directory over, again and again. Timed from opening the record until the books are
compared and the gate lets entries out; the interpreter's own start is `trader_ready_peer`'s.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import aiohttp
import orjson
import uvloop

from actors.trader_port import RunningTrader
from benchmarks.bench_restart import AIM_MS
from benchmarks.measure import Figure, quantile
from benchmarks.restart_trader import resting_config, working
from benchmarks.setting import Group, Setting
from brokers.http import ANSWER_WAIT_S
from tests.support.live import Live, Venue, at_venue, live, simulator

ROOT: Final = Path(__file__).resolve().parents[1]
ORDERS: Final = 1_000
RESTARTS: Final = 7
_WAIT_S: Final = 60.0
_LOOK_S: Final = 0.001


def killed_trader(told: dict[str, str], folder: Path, orders: int) -> None:
    """A trader with that many orders at work, gone by SIGKILL."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.restart_trader", str(folder), str(orders)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the trader has no pipes")
        process.stdin.write(orjson.dumps(told) + b"\n")
        process.stdin.flush()
        said = process.stdout.readline()
        process.kill()
        if said != b"ready\n":
            raise RuntimeError(f"expected a trader with {orders} orders at work, it said {said!r}")


async def restarts(told: dict[str, str], folder: Path, orders: int, times: int) -> list[float]:
    """Milliseconds of each restart; at the end the venue's book is ours."""
    taken = []
    async with aiohttp.ClientSession() as http:
        where = Venue(told, http)
        for _ in range(times):
            begun_ns = time.perf_counter_ns()
            async with live(
                where,
                folder,
                recover=True,
                config=resting_config(orders),
                answer_wait_s=ANSWER_WAIT_S,
            ) as desk:
                await _trades_again(desk)
                taken.append((time.perf_counter_ns() - begun_ns) / 1e6)
                if working(desk) != orders:
                    raise RuntimeError(f"expected {orders} orders, found {working(desk)}")
        truth = await where.truth()
        if (len(truth["orders_by_client_id"]), truth["open_orders"]) != (orders, orders):
            raise RuntimeError(f"expected {orders} orders at the venue, found {truth}")
    return taken


async def _trades_again(desk: Live) -> None:
    port = RunningTrader(desk.trader.system, rescan=dict)
    async with asyncio.timeout(_WAIT_S):
        while not (port.health()["is_ready"] and _streams(desk) > 1):  # noqa: ASYNC110 - as seen from outside
            await asyncio.sleep(_LOOK_S)


def _streams(desk: Live) -> int:
    """How many of its streams are up again."""
    return len({gap["stream"] for gap in desk.payloads("StreamGap")})


async def _emptied(told: dict[str, str]) -> None:
    async with at_venue(told):
        pass


def measure(setting: Setting) -> Sequence[Figure]:
    """The median of several."""
    folder = setting.work_dir / "restart-live"
    with simulator() as told:
        uvloop.run(_emptied(told))
        killed_trader(told, folder, ORDERS)
        taken = uvloop.run(restarts(told, folder, ORDERS, RESTARTS))
    note = f"of {RESTARTS}, worst {max(taken):.0f} ms"
    return [Figure(row="restart_venue", value=quantile(taken, 0.5), reference=AIM_MS, note=note)]


GROUP = Group(name="restart-live", rows=("restart_venue",), measure=measure)
