"""JSON lines in files that do not grow without end (AL-4)."""

from pathlib import Path
from typing import Any, Final

import orjson

from trading.config_desk import LogsSection

LOGS_DIR: Final = "logs"
EVENTS: Final = "events"
ALERTS: Final = "alerts"


class LogFile:
    """One kind of line: NAME.jsonl is written to, NAME.1.jsonl is the one before it, and so on.

    What cannot be written is dropped: a full disk ends no log's process, and the journal holds it.
    """

    def __init__(self, data_dir: Path, name: str, limits: LogsSection) -> None:
        """Lines go to `data_dir`/logs, readable by this user only."""
        self._folder = data_dir / LOGS_DIR
        self._name = name
        self._limits = limits

    @property
    def path(self) -> Path:
        """The file that is written to now."""
        return self._numbered(0)

    def write(self, lines: list[dict[str, Any]]) -> bool:
        """Append whole lines; False when the disk did not take them."""
        text = b"".join(orjson.dumps(line, default=str) + b"\n" for line in lines)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            if self._size() and self._size() + len(text) > self._limits.file_bytes_max:
                self._rotate()
            with self.path.open("ab") as file:
                file.write(text)
        except OSError:
            return False
        return True

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def _rotate(self) -> None:
        for number in range(self._limits.files_max - 1, -1, -1):
            found = self._numbered(number)
            if not found.exists():
                continue
            if number + 1 >= self._limits.files_max:
                found.unlink()
            else:
                found.replace(self._numbered(number + 1))

    def _numbered(self, number: int) -> Path:
        return self._folder / (f"{self._name}.{number}.jsonl" if number else f"{self._name}.jsonl")


def newest(data_dir: Path, name: str, limit: int) -> list[dict[str, Any]]:
    """The last lines of a log, oldest first; a line that was cut off is left out."""
    found: list[dict[str, Any]] = []
    for file in (f"{name}.1.jsonl", f"{name}.jsonl"):
        try:
            text = (data_dir / LOGS_DIR / file).read_bytes()
        except FileNotFoundError:
            continue
        for line in text.splitlines()[-limit:]:
            try:
                found.append(orjson.loads(line))
            except ValueError:
                continue
    return found[-limit:]
