"""Where the development recordings are: beside the checkout, or where the environment says."""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
SHARED_DATA = Path(os.environ.get("HOLDFAST_SHARED_DATA", _BESIDE))


def shared_file(name: str) -> Path:
    """A recording; skips the test where the recordings are not."""
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip(f"the recording {path} is not here (HOLDFAST_SHARED_DATA may name the folder)")
    return path
