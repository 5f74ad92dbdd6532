"""An order on a warm connection: from its journaled bytes to the transport, beside alpaca-py."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson
import uvloop

from benchmarks.measure import Figure, quantile
from benchmarks.setting import Group, Setting
from brokers.alpaca.connect import Addresses, Connection
from brokers.base import Sent
from brokers.credentials import Credentials

ROOT: Final = Path(__file__).resolve().parents[1]
WIRE_PYTHON: Final = ROOT / ".venv-wire" / "bin" / "python"
PEER: Final = ROOT / "benchmarks" / "peers" / "alpaca_orders.py"
ORDERS: Final = 1_000
_WARM_UP: Final = 100
_ROW: Final = "wire_hand_over"


def measure(setting: Setting) -> Sequence[Figure]:
    """Ours until the bytes are with the transport, theirs until `submit_order` returns.

    The environment with alpaca-py is that of `make test-wire`; without it nothing is measured, as a
    gate without a reference fails the run.
    """
    del setting
    if not WIRE_PYTHON.exists():
        return []
    with responder() as url:
        ours, theirs = uvloop.run(hand_overs(url, ORDERS)), submits(url, ORDERS)
    value, reference = (quantile(each[_WARM_UP:], 0.5) / 1e3 for each in (ours, theirs))
    return [Figure(row=_ROW, value=value, reference=reference)]


@contextmanager
def responder() -> Iterator[str]:
    """A process that takes every order."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.wire_responder"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the responder has no pipes")
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


async def hand_overs(url: str, count: int) -> list[int]:
    """Prepare and hand over so many orders, one after the other; ns until each was released."""
    connection = Connection(
        addresses=Addresses.of(url),
        credentials=Credentials("key", "secret"),
        now_ns=time.time_ns,
        mono_ns=time.monotonic_ns,
        calls_per_minute=1_000_000,
    )
    venue = connection.venue()
    await venue.rest.orders.warm()
    taken = []
    for number in range(count):
        intent = orjson.dumps(
            {
                "client_order_id": f"order-{number}",
                "instrument": "SPY",
                "purpose": "ENTRY",
                "side": "BUY",
                "order_type": "LIMIT",
                "tif": "DAY",
                "qty_1e8": 100_000_000,
                "limit_1e8": 500_000_000,
            }
        )
        released: list[int] = []

        def release(released: list[int] = released) -> None:
            asyncio.get_running_loop().call_soon(lambda: released.append(time.perf_counter_ns()))

        start_ns = time.perf_counter_ns()
        outcome = await venue.send(venue.prepare(intent), release, is_entry=True)
        if not isinstance(outcome, Sent):
            raise TypeError(f"expected every order to be taken, found {outcome}")
        taken.append(released[0] - start_ns)  # the write came before the loop went on
    await venue.close()
    return taken


def submits(url: str, count: int) -> list[int]:
    """What alpaca-py took for as many; ns each."""
    done = subprocess.run(
        [str(WIRE_PYTHON), "-W", "ignore", str(PEER), url, str(count)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: list[int] = json.loads(done.stdout.splitlines()[-1])["taken_ns"]
    return found


GROUP = Group(name="wire", rows=(_ROW,), measure=measure)
