"""What one message costs through our stream source, beside the library's own Subject."""

from collections.abc import Callable, Sequence

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from reactivex.subject import Subject

from benchmarks.measure import Figure, Work, side_by_side
from benchmarks.setting import Group, Setting
from streams.source import Fault, Source

MESSAGES = 20_000


def _drop(_: object) -> None:
    """A subscriber that does nothing, the same for both."""


def _no_fault(fault: Fault) -> None:
    raise AssertionError(f"nothing raises here, found {fault}")


def source_work() -> Work:
    """Emits MESSAGES messages to one subscriber of a Source."""
    source: Source[int] = Source(_no_fault)
    source.subscribe(_drop)

    def work() -> None:
        emit = source.emit
        for number in range(MESSAGES):
            emit(number)

    return work


def subject_work() -> Work:
    """Emits MESSAGES messages to one subscriber of a reactivex Subject."""
    subject: Subject[int] = Subject()
    subject.subscribe(_drop)

    def work() -> None:
        on_next = subject.on_next
        for number in range(MESSAGES):
            on_next(number)

    return work


def measure(_: Setting) -> Sequence[Figure]:
    """One message, nanoseconds."""
    ours, reference = side_by_side(source_work(), subject_work(), operations=MESSAGES)
    return [Figure(row="source_message", value=ours, reference=reference)]


GROUP = Group(name="streams", rows=("source_message",), measure=measure)


@pytest.mark.benchmark(group="one message to one subscriber")
@pytest.mark.parametrize("make", [source_work, subject_work], ids=["Source", "reactivex Subject"])
def test_message(benchmark: BenchmarkFixture, make: Callable[[], Work]) -> None:
    """Row 18, per MESSAGES messages."""
    benchmark(make())
