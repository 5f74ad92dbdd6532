"""The guard's log as Python reads it: over files that were put aside, and none taken away."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from storage.errors import RecordDamagedError
from storage.guard_log import GuardLine, guard_lines
from tests.support.guard import setting

NOWHERE = {"url": "http://127.0.0.1:1", "key": "K", "secret": "S"}
FILES_MAX = 8
FILE_BYTES = 2 << 20
"""Both stand in the guard."""
NAME = "guard-kill.log"


class Written:
    """A log as the guard writes it, file by file."""

    def __init__(self, folder: Path) -> None:
        """Nothing is written yet."""
        self.folder, self.seq, self.prev = folder, 0, "0" * 64

    def line(self, kind: str, payload: dict[str, Any]) -> bytes:
        """The next line."""
        self.seq += 1
        fields = {"at_ns": self.seq, "kind": kind, "payload": payload}
        text = orjson.dumps({**fields, "prev": self.prev, "seq": self.seq})
        self.prev = hashlib.sha256(text).hexdigest()
        return f"{self.prev} ".encode() + text + b"\n"

    def file(self, lines: int, *, is_full: bool = True, size: int = 0) -> Path:
        """One file of the log; a full one is put aside under its last line's number."""
        text = b"".join(self.line("Checked", {"text": "x" * size}) for _ in range(lines))
        path = self.folder / (f"{NAME}.{self.seq:012d}" if is_full else NAME)
        path.write_bytes(text)
        return path


def texts(folder: Path) -> list[GuardLine]:
    return list(guard_lines(folder))


def test_lines_are_read_over_files_that_were_put_aside(tmp_path: Path) -> None:
    """WD-6, WD-8: oldest first, as one chain; a torn end was never synced."""
    log = Written(tmp_path)
    for is_full in (True, True, False):
        path = log.file(3, is_full=is_full)
    with path.open("ab") as file:
        file.write(b"0123 {")
    (tmp_path / f"{NAME}.broken-17").write_text("an older one")
    assert [line.at_ns for line in texts(tmp_path)] == list(range(1, 10))


@pytest.mark.parametrize(
    "change",
    [
        lambda first, _, __: first.unlink(),
        lambda _, second, __: second.unlink(),
        lambda _, second, __: second.write_bytes(second.read_bytes().replace(b'"x"', b'"y"', 1)),
        lambda _, __, last: last.write_bytes(last.read_bytes().partition(b"\n")[2]),
    ],
    ids=["the first is gone", "one between is gone", "a line was changed", "a line is gone"],
)
def test_a_log_of_which_something_is_missing_is_named(
    tmp_path: Path, change: Callable[[Path, Path, Path], None]
) -> None:
    """WD-6: nobody trades on what the guard did and nobody knows."""
    log = Written(tmp_path)
    change(*(log.file(3, is_full=is_full, size=1) for is_full in (True, True, False)))
    with pytest.raises(RecordDamagedError, match="does not follow from the one before it"):
        texts(tmp_path)


def test_the_guard_puts_a_full_log_aside_and_says_what_it_removed(tmp_path: Path) -> None:
    """WD-8, WD-6: beside so many the oldest goes, and the chain goes on for both readers."""
    where = setting(tmp_path, NOWHERE)
    log = Written(where.data_dir)
    full = [log.file(2) for _ in range(FILES_MAX)]
    log.file(2, is_full=False, size=FILE_BYTES // 2)
    kill = ("kill", "PAUSE", "--reason", "a test")
    assert where.ask(*kill)[0] == 0
    assert [path.exists() for path in full] == [False] + [True] * (FILES_MAX - 1)
    assert (where.data_dir / f"{NAME}.{log.seq:012d}").stat().st_size > FILE_BYTES
    found = texts(where.data_dir)
    assert [line.kind for line in found[-2:]] == ["LogPruned", "Kill"]
    assert found[-2].payload["through"] == 2
    assert found[0].at_ns == 3
    assert where.ask(*kill)[0] == 0  # the guard reads the same chain, and goes on with it
    assert [line.kind for line in texts(where.data_dir)[-2:]] == ["Kill", "Kill"]
    assert not [path for path in where.data_dir.iterdir() if re.search("broken", path.name)]
