"""What a durable request costs, beside writing and syncing as many bytes without any record."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter_ns

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.measure import Figure, quantile, quiet_collector
from benchmarks.setting import Group, Setting
from storage.sqlite import SqliteRecord, open_record
from trading.ports import Claim, Request, StagedEvent

REQUESTS = 300
GROUP_REQUESTS = 64
# An order's first write: what was signalled, what was ruled, what is meant to be sent.
_KINDS_AND_BYTES = (("SignalNoted", 420), ("VerdictNoted", 260), ("IntentNoted", 520))
ENTRY_BYTES = sum(size for _, size in _KINDS_AND_BYTES)


def make_request(number: int) -> Request:
    """A request of an entry's shape and size: three events, two claims."""
    name = f"p-bench-{number:08d}-0e1"
    return Request(
        journal_id="account:bench",
        events=tuple(
            StagedEvent(
                stream=f"order/{name}", kind=kind, at_ns=number, payload=_payload(name, size)
            )
            for kind, size in _KINDS_AND_BYTES
        ),
        claims=(Claim(name="intent", key=name), Claim(name="setup", key=name)),
        token=number,
    )


def _payload(name: str, size: int) -> bytes:
    head = f'{{"client_order_id":"{name}","text":"'
    return (head + "x" * (size - len(head) - 2) + '"}').encode()


class BareFile:
    """A file that is only ever appended to and synced: the least a durable order can cost."""

    def __init__(self, path: Path) -> None:
        """Create it."""
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write_and_sync(self, content: bytes) -> None:
        """Append, and return when the disk has it."""
        os.write(self._file, content)
        os.fdatasync(self._file)

    def close(self) -> None:
        """Let go."""
        os.close(self._file)


@contextmanager
def opened(parent: Path) -> Iterator[tuple[SqliteRecord, BareFile]]:
    """A record and a bare file, side by side on one file system."""
    directory = Path(mkdtemp(prefix="bench-record-", dir=parent))
    record = open_record(directory / "data", is_eager=False)
    record.begin_run(mode="PAPER", config_hash="", source="benchmark", started_ns=0)
    bare = BareFile(directory / "bare")
    try:
        yield record, bare
    finally:
        bare.close()
        record.close()
        shutil.rmtree(directory)


def write_one(record: SqliteRecord, request: Request) -> None:
    """Stage one request and wait until it is durable, as the virtual lane's barrier does."""
    record.stage(request)
    record.settle()


def measure(setting: Setting) -> Sequence[Figure]:
    """One durable request (median of turns with the bare write), and requests a second."""
    content = b"x" * ENTRY_BYTES
    taken: list[int] = []
    bare_taken: list[int] = []
    with opened(setting.work_dir) as (record, bare), quiet_collector():
        for number in range(REQUESTS):
            request = make_request(number)
            started = perf_counter_ns()
            bare.write_and_sync(content)
            between = perf_counter_ns()
            write_one(record, request)
            taken.append(perf_counter_ns() - between)
            bare_taken.append(between - started)
        rate = _requests_per_s(record)
    bare_ns = quantile(bare_taken, 0.5)
    return [
        Figure(row="record_one", value=quantile(taken, 0.5) / 1e3, reference=bare_ns / 1e3),
        Figure(row="record_rate", value=rate, reference=1e9 / bare_ns),
    ]


def _requests_per_s(record: SqliteRecord) -> float:
    """Durable requests a second when GROUP_REQUESTS of them share one sync."""
    groups = [
        [make_request(REQUESTS + first * GROUP_REQUESTS + each) for each in range(GROUP_REQUESTS)]
        for first in range(20)
    ]
    started = perf_counter_ns()
    for group in groups:
        for request in group:
            record.stage(request)
        record.settle()
    return sum(map(len, groups)) * 1e9 / (perf_counter_ns() - started)


GROUP = Group(name="record", rows=("record_one", "record_rate"), measure=measure)


@pytest.mark.benchmark(group=f"{ENTRY_BYTES} bytes made durable")
@pytest.mark.parametrize("is_record", [True, False], ids=["record", "bare write and sync"])
def test_durable(benchmark: BenchmarkFixture, tmp_path: Path, *, is_record: bool) -> None:
    """Row 5, the record alone."""
    content = b"x" * ENTRY_BYTES
    numbers = iter(range(1_000_000))
    with opened(tmp_path) as (record, bare):
        if is_record:
            benchmark(lambda: write_one(record, make_request(next(numbers))))
        else:
            benchmark(bare.write_and_sync, content)
