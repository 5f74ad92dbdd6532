"""What a trader says beside its record lies on the same disk."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from actors.process import drop_what_is_not_taken


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Standard output and error are files on a full disk."""
    with contextlib.suppress(OSError), Path("/dev/full").open("w", encoding="utf-8") as file:
        monkeypatch.setattr("sys.stdout", file)
        monkeypatch.setattr("sys.stderr", file)
        yield
        monkeypatch.undo()


@pytest.mark.usefixtures("full")
def test_a_line_that_a_full_disk_does_not_take_ends_nothing() -> None:
    """ST-8: exits still leave when the disk is full; a warning about it must not stop them."""
    drop_what_is_not_taken()
    for _ in range(2):
        sys.stderr.write("WARNING of much\n")
        sys.stderr.flush()
        structlog.PrintLogger(sys.stdout).msg("something happened")


def test_what_is_taken_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """ST-8: nothing else is changed by it."""
    for name in ("stdout", "stderr"):  # undone afterwards
        monkeypatch.setattr(sys, name, getattr(sys, name))
    drop_what_is_not_taken()
    sys.stderr.write("heard\n")
    assert sys.stderr.encoding.lower() == "utf-8"
    assert capsys.readouterr().err == "heard\n"
