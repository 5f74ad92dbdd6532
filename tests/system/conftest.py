"""Tapes that several tests of the whole system play."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.loading import LoadRequest, ensure_tape
from streams.tape import Tape
from tests.streams.shared_data import shared_file


@pytest.fixture(scope="session")
def es_tape(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tape]:
    """All 55 sessions of the index future, January to March 2020."""
    recording = shared_file("bars/es_1m.parquet")
    request = LoadRequest(path=recording, calendar="ES", instruments=("ES",))
    with Tape(ensure_tape(request, tmp_path_factory.mktemp("es"))) as tape:
        yield tape


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory of its own."""
    return tmp_path / "data"
