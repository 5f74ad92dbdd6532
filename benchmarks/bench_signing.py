"""An order of Polymarket's from its journaled bytes to a signed body, beside polymarket-client."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import orjson

from benchmarks.bench_wire import ROOT, WIRE_PYTHON
from benchmarks.measure import Figure, quantile
from benchmarks.setting import Group, Setting
from brokers.credentials import Credentials
from brokers.polymarket.connect import Addresses, Connection

PEER: Final = ROOT / "benchmarks" / "peers" / "polymarket_signing.py"
HOLDFAST: Final = str(Path(sys.executable).parent / "holdfast")
ORDERS: Final = 600
_WARM_UP: Final = 100
_ROW: Final = "wire_signing"


def measure(setting: Setting) -> Sequence[Figure]:
    """Both know the market; neither sends.

    The environment with polymarket-client and coincurve is that of `make test-wire`; without it
    nothing is measured.
    """
    del setting
    if not WIRE_PYTHON.exists():
        return []
    with venue() as told:
        with urlopen(f"{told['url']}/markets", timeout=10) as answer:  # noqa: S310 - loopback
            token_id = str(orjson.loads(answer.read())["data"][0]["tokens"][0]["token_id"])
        ours = asyncio.run(prepared(told, token_id))
        theirs = signed_by_peer(told, token_id)
    value, reference = (quantile(each[_WARM_UP:], 0.5) / 1e3 for each in (ours, theirs))
    return [Figure(row=_ROW, value=value, reference=reference)]


@contextmanager
def venue() -> Iterator[dict[str, str]]:
    """A simulator that knows the market's rules."""
    arguments = ("venue", "polymarket", "--still", "--clock", "now", "--hours", "always", "--json")
    with subprocess.Popen([HOLDFAST, *arguments], stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None:
                raise RuntimeError("the venue has no output")
            told: dict[str, str] = orjson.loads(process.stdout.readline())
            yield told
        finally:
            process.terminate()


async def prepared(told: dict[str, str], token_id: str) -> list[int]:
    """Ns of each `prepare`."""
    connection = Connection(
        addresses=Addresses.of(told["url"]),
        credentials=Credentials(told["address"], told["private_key"]),
        now_ns=time.time_ns,
        mono_ns=time.monotonic_ns,
    )
    connection.session.book.want([token_id])
    way = connection.venue()
    await way.rest.sign_in()
    await way.rest.learn()
    taken = []
    for number in range(ORDERS):
        intent = orjson.dumps(
            {
                "client_order_id": f"order-{number}",
                "instrument": token_id,
                "purpose": "ENTRY",
                "side": "BUY",
                "order_type": "LIMIT",
                "tif": "GTC",
                "qty_1e8": 1_000_000_000,
                "limit_1e8": 50_000_000,
                "reference_ns": time.time_ns(),
            }
        )
        start = time.perf_counter_ns()
        way.prepare(intent)
        taken.append(time.perf_counter_ns() - start)
    await way.close()
    return taken


def signed_by_peer(told: dict[str, str], token_id: str) -> list[int]:
    """What polymarket-client took for as many; ns each."""
    who = (told["url"], told["address"], told["private_key"], token_id)
    done = subprocess.run(
        [str(WIRE_PYTHON), "-W", "ignore", str(PEER), *who, str(ORDERS)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: list[int] = json.loads(done.stdout.splitlines()[-1])["taken_ns"]
    return found


GROUP = Group(name="signing", rows=(_ROW,), measure=measure)
