"""Both records behind one fixture: whatever holds for one must hold for the other."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage import MemoryRecord, open_record
from trading.ports import Record

RecordMaker = Callable[[], Record]


def _memory(_: Path) -> Record:
    return MemoryRecord()


def _sqlite_virtual(data_dir: Path) -> Record:
    return open_record(data_dir, is_eager=False)


def _sqlite_live(data_dir: Path) -> Record:
    return open_record(data_dir, is_eager=True)


@pytest.fixture(params=[_memory, _sqlite_virtual, _sqlite_live], ids=["memory", "lazy", "eager"])
def record(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Record]:
    """An open record with a run begun."""
    made: Record = request.param(tmp_path / "data")
    made.begin_run(mode="PAPER", config_hash="c0ffee", source="test", started_ns=1)
    yield made
    made.close()
