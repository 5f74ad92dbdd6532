"""From a file of market data to a tape, once: the tape is kept in the data directory (MD-4).

DuckDB reads the file in a process of its own (`python -m streams.load`); the trader never imports
it. The kept tape's name is a hash of the file's content, of the request, of the session table and
of the loader, so that any change makes a new one.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self

from streams.tape import Tape, TapeError
from trading.calendar import Calendar
from trading.errors import SetupError

# Where the rows of a tape come from: when one of these changes, kept tapes are not used again.
_LOADER_SOURCES: Final = ("columns.py", "load.py", "load_sql.py", "tape.py")
LOAD_TIMEOUT_S: Final = 900
EXIT_LOAD_ERROR: Final = 2

Content = Literal["bars", "quotes", "trades"]


class LoadError(SetupError):
    """The file cannot become a tape; the text says what was expected and what was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRequest:
    """What to read and how; docs/reference/data-files.md has the table of columns.

    Attributes:
        path: A Parquet or CSV file.
        calendar: Product whose sessions count, e.g. XNYS, ES, ALWAYS.
        instruments: Symbols to take, in this order; empty takes all. A file without a column of
            symbols needs at most one, which names its rows.
        session_yyyymmdd: The one session to take; None takes all.
        content: `bars`, `quotes` or `trades`; None tells it from the columns.
        columns: Role to column name, for columns that are not named as expected; `none` says that
            the file has no such column.
        cadence_ns: Length of a bar; None tells it from the stamps of bars, and is one minute for
            quotes and trades.
        bar_stamp: Whether the time of a bar is its start or its end.
    """

    path: Path
    calendar: str = "XNYS"
    instruments: tuple[str, ...] = ()
    session_yyyymmdd: int | None = None
    content: Content | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    cadence_ns: int | None = None
    bar_stamp: Literal["start", "end"] = "start"

    def to_json(self) -> str:
        """One line of JSON that `from_json` reads back unchanged."""
        values = {**asdict(self), "columns": dict(self.columns)}
        return json.dumps(values, default=str, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        values["path"] = Path(values["path"])
        values["instruments"] = tuple(values["instruments"])
        return cls(**values)


def ensure_tape(request: LoadRequest, data_dir: Path) -> Path:
    """The path of the tape of a request, made now unless an earlier run has made it.

    Blocks for as long as loading takes; call it before the lane runs.

    Raises:
        LoadError: When the file does not fit the request.
        CalendarError: When there is no such product, or it has no such session.
    """
    calendar = Calendar.load(request.calendar)
    if request.session_yyyymmdd is not None:
        calendar.require(request.session_yyyymmdd)
    source_sha256 = _file_sha256(request.path)
    target = data_dir / "tapes" / f"{_key(request, source_sha256, calendar.digest)}.tape"
    if not _is_whole(target):
        _load(request, source_sha256, target)
    return target


def _key(request: LoadRequest, source_sha256: str, calendar_digest: str) -> str:
    asked = json.loads(request.to_json())
    del asked["path"]  # the same content elsewhere is the same tape
    if not request.instruments:
        asked["stem"] = request.path.stem  # it may have to name the instrument
    known = json.dumps([source_sha256, calendar_digest, asked], sort_keys=True)
    key = hashlib.sha256(known.encode())
    for name in _LOADER_SOURCES:
        key.update(Path(__file__).with_name(name).read_bytes())
    return key.hexdigest()[:32]


def _file_sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise LoadError(f"cannot read {path}: {error.strerror}") from error


def _is_whole(path: Path) -> bool:
    try:
        with Tape(path):
            return True
    except TapeError:
        return False


def _load(request: LoadRequest, source_sha256: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-P", "-m", "streams.load", source_sha256, str(target)]
    rooms = str(Path(__file__).resolve().parent.parent)  # the loader is of this very version
    path = os.pathsep.join(filter(None, (rooms, os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(  # noqa: S603  our own module, arguments are not interpreted
            command,
            input=request.to_json(),
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=LOAD_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"{request.path} was not read within {LOAD_TIMEOUT_S} s") from error
    if done.returncode == EXIT_LOAD_ERROR:
        raise LoadError(done.stderr.strip())
    if done.returncode != 0:
        last_line = done.stderr.strip().rsplit("\n", 1)[-1]
        raise LoadError(
            f"reading {request.path} failed with exit code {done.returncode}: {last_line}"
        )
