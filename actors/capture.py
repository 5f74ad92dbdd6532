"""The capture of a live run: a thread writes what the lane hands over, Parquet is made behind it.

The lane's thread only appends to a bounded buffer (`streams.capture`). The conversion is a process
of its own, as DuckDB stays out of the trader; it runs when the run ends, and takes up what earlier
runs left.
"""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from streams.capture import Capture, Tick

FOLDER: Final = "capture"
WRITE_EVERY_S: Final = 0.25
CONVERT_WAIT_S: Final = 120.0


class MarketCapture:
    """Keeps the ticks of one live feed under the data directory.

    Args:
        data_dir: `capture/YYYYMMDD/FEED/` stands in it.
        feed: Name of the source.
        note: Journals a fact of the system: stream, kind, payload.
        notify: Told severity, text and ids.
        keep_days: So many of the newest days are kept (WD-8); None keeps all.
    """

    def __init__(
        self,
        data_dir: Path,
        feed: str,
        *,
        note: Callable[[str, str, dict[str, Any]], None],
        notify: Callable[[str, str, tuple[str, ...]], None],
        keep_days: int | None = None,
    ) -> None:
        """Nothing is written yet."""
        self._folder, self._feed = data_dir / FOLDER, feed
        self._note, self._notify = note, notify
        self._lost: list[str] = []
        self._capture = Capture(self._folder, feed, lost=self._lost.append, keep_days=keep_days)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def take(self, message: Tick) -> None:
        """Keep a message; on the lane's thread, never waits."""
        self._capture.take(message)
        while self._lost:
            self._notify("ERROR", f"capture of {self._feed}: {self._lost.pop(0)}", ())

    def count(self, seconds: float) -> None:
        """Journal what became of the messages so far, and how many came a second (MD-7)."""
        counts = self._capture.counts()
        payload = {
            "feed": self._feed,
            "taken": counts.taken,
            "written": counts.written,
            "overflowed": counts.overflowed,
            "failed": counts.failed,
            "ticks_per_s": round(counts.taken / seconds, 3) if seconds > 0 else 0.0,
        }
        self._note(f"capture/{self._feed}", "CaptureCounted", payload)

    def stop(self) -> None:
        """Write what waits, and close every file; waits for the disk."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._thread.join()
            self._capture.close()

    def convert(self) -> None:
        """Make Parquet of every finished file; lines that cannot be converted stay."""
        command = [sys.executable, "-P", "-m", "streams.capture_files", str(self._folder)]
        try:
            done = subprocess.run(  # noqa: S603 - our own module, a path of ours
                command,
                cwd=Path(__file__).resolve().parent.parent,
                capture_output=True,
                text=True,
                timeout=CONVERT_WAIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            why = f"not done within {CONVERT_WAIT_S:g} s"
        else:
            why = "" if done.returncode == 0 else done.stderr.strip().rsplit("\n", 1)[-1]
        if why:
            self._notify("ERROR", f"captured lines stay CSV in {self._folder}: {why}", ())

    def _run(self) -> None:
        while not self._stopped.wait(WRITE_EVERY_S):
            self._capture.write()
