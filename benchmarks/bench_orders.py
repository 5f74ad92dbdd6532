"""The order path: a strategy's question to its fill, through every actor there is."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.bench_record import ENTRY_BYTES, BareFile
from benchmarks.desk import Desk, Played, write_tape
from benchmarks.measure import Figure, quantile
from benchmarks.setting import Group, Setting
from storage import MemoryRecord, open_record
from streams.tape import Tape

ORDERS = 10_000
GROWTH_ORDERS = 100_000
DURABLE_ORDERS = 1_000
_WARM_UP = 100


def play(directory: Path, orders: int) -> Played:
    """So many orders in turns of open and close, with a record in memory."""
    with _tape(directory, orders) as tape:
        played = Desk(tape, MemoryRecord()).play()
    if len(played.taken_ns) != orders:
        raise RuntimeError(f"expected {orders} fills, found {len(played.taken_ns)}")
    return played


def _tape(directory: Path, orders: int) -> Tape:
    return write_tape(directory / f"{orders}.tape", orders)


def measure(setting: Setting) -> Sequence[Figure]:
    """Latency and rate, beside NautilusTrader where it is there; growth needs no peer."""
    with TemporaryDirectory(dir=setting.work_dir) as name:
        directory = Path(name)
        found = [growth(play(directory, GROWTH_ORDERS))]
        if setting.peers is not None:
            ours = [play(directory, ORDERS)]
            peer = setting.peers.run("nautilus_orders", str(ORDERS))
            ours += [play(directory, ORDERS) for _ in range(len(peer["cases"]) - 1)]
            found += _beside(ours, peer["cases"])
        return found


def growth(played: Played) -> Figure:
    """Median of the last tenth over the first, each in units of the yardstick beside it.

    The yardstick is the same few lines of Python before every question: a machine that is slower
    in the last tenth is no growth.
    """
    tenth = len(played.taken_ns) // 10
    first, last = (
        quantile(played.taken_ns[part], 0.5) / quantile(played.yard_ns[part], 0.5)
        for part in (slice(0, tenth), slice(-tenth, None))
    )
    yard_us = quantile(played.yard_ns, 0.5) / 1e3
    note = (
        f"{len(played.taken_ns):,} orders, a record in memory that keeps all, "
        "the machine's own drift taken out"
    )
    return Figure(row="order_growth", value=last * yard_us, reference=first * yard_us, note=note)


def _beside(ours: Sequence[Played], cases: Mapping[str, Mapping[str, Any]]) -> list[Figure]:
    """The best of as many runs as the peer has engines, for each figure, against its best."""
    taken = [played.taken_ns[_WARM_UP:] for played in ours]
    by_median = min(cases, key=lambda case: float(cases[case]["median_ns"]))
    by_p99 = min(cases, key=lambda case: float(cases[case]["p99_ns"]))
    by_cpu = min(cases, key=lambda case: float(cases[case]["p99_cpu_ns"]))
    by_rate = max(cases, key=lambda case: float(cases[case]["orders_per_s"]))
    return [
        Figure(
            row="order_median",
            value=min(quantile(each, 0.5) for each in taken) / 1e3,
            reference=cases[by_median]["median_ns"] / 1e3,
            note=by_median,
        ),
        Figure(
            row="order_p99",
            value=min(quantile(each, 0.99) for each in taken) / 1e3,
            reference=cases[by_p99]["p99_ns"] / 1e3,
            note=by_p99,
        ),
        Figure(
            row="order_p99_cpu",
            value=min(quantile(each.cpu_ns[_WARM_UP:], 0.99) for each in ours) / 1e3,
            reference=cases[by_cpu]["p99_cpu_ns"] / 1e3,
            note=by_cpu,
        ),
        Figure(
            row="order_rate",
            value=max(len(each.taken_ns) * 1e9 / each.wall_ns for each in ours),
            reference=cases[by_rate]["orders_per_s"],
            note=by_rate,
        ),
    ]


def measure_durable(setting: Setting) -> Sequence[Figure]:
    """From an intent that is staged to an intent that is durable, by the system's own marks.

    Before each question as many bytes are written to a bare file and synced, so that both see the
    same disk.
    """
    with TemporaryDirectory(dir=setting.work_dir) as name, ExitStack() as stack:
        directory = Path(name)
        tape = stack.enter_context(_tape(directory, DURABLE_ORDERS))
        bare = BareFile(directory / "bare")
        stack.callback(bare.close)
        record = open_record(directory / "data", is_eager=False)
        stack.callback(record.close)
        content = b"x" * ENTRY_BYTES
        played = Desk(tape, record, before=lambda: bare.write_and_sync(content)).play()
        record.end_run(ended_ns=tape.row(len(tape) - 1)[0], is_clean=True)
        waits = [wait_ns for (wait_ns,) in record.query(_WAITS, {})]
    if len(waits) != DURABLE_ORDERS:
        raise RuntimeError(f"expected {DURABLE_ORDERS} durable intents, found {len(waits)}")
    bare_ns = quantile(played.yard_ns, 0.5)
    return [Figure(row="order_durable", value=quantile(waits, 0.5) / 1e3, reference=bare_ns / 1e3)]


_WAITS = """SELECT d.mono_ns - r.mono_ns FROM latency_marks r JOIN latency_marks d
    USING (run, order_id) WHERE r.stage = 'risk' AND d.stage = 'durable'"""

GROUP = Group(
    name="orders",
    rows=("order_median", "order_p99", "order_p99_cpu", "order_growth", "order_rate"),
    measure=measure,
)
DURABLE_GROUP = Group(name="durable", rows=("order_durable",), measure=measure_durable)


@pytest.mark.benchmark(group="order path")
def test_order_path(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Rows 1 to 4: a thousand orders, whole system."""
    benchmark(play, tmp_path, 1_000)
