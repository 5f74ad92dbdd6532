"""What a live market sent, kept by day, feed and instrument (MD-6).

The lane hands a message over and never waits: a bounded buffer, a thread that writes lines of CSV
beside the run (`actors.capture`), a count of what did not get that far. When the run ends the lines
become Parquet (`streams.capture_files`), which `holdfast run --replay` reads like any recording,
with the time of receipt and the source's apart. After kill -9 the lines are there: the next start
takes them up.
"""

import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from streams.capture_days import drop_old_days
from trading.market import Aggressor, Quote, TradePrint
from trading.money import show_1e8

BUFFER_MAX: Final = 200_000
OPEN: Final = ".open"
COLUMNS: Final = {
    "quotes": "seq,ts_recv,ts,symbol,bid,ask,bid_size,ask_size",
    "trades": "seq,ts_recv,ts,symbol,price,size,aggressor,trade_id",
}
_SIDES: Final = {Aggressor.BUY: "buy", Aggressor.SELL: "sell", Aggressor.NONE: "none"}
_NS: Final = 1_000_000_000

Tick = Quote | TradePrint


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureCounts:
    """What became of the messages so far: `taken` is the sum of the others and what waits."""

    taken: int
    written: int
    overflowed: int
    failed: int

    @property
    def lost(self) -> int:
        """Messages that are on no disk."""
        return self.overflowed + self.failed


def kind_of(message: Tick) -> str:
    """`quotes` or `trades`."""
    return "quotes" if type(message) is Quote else "trades"


def line_of(message: Tick) -> str:
    """One line, in the order of `COLUMNS`; prices are exact."""
    head = f"{message.tape_seq},{message.at_ns},{message.source_ns},{message.instrument}"
    if isinstance(message, Quote):
        values = (message.bid_1e8, message.ask_1e8, message.bid_size_1e8, message.ask_size_1e8)
        return f"{head},{','.join(map(show_1e8, values))}\n"
    price, size = show_1e8(message.price_1e8), show_1e8(message.size_1e8)
    return f"{head},{price},{size},{_SIDES[message.aggressor]},{message.trade_id or ''}\n"


class Capture:
    """Keeps the ticks of one feed under a folder: `YYYYMMDD/FEED/SYMBOL-quotes.csv`.

    Args:
        folder: Where days are kept.
        feed: Name of the source.
        buffer_max: Messages that may wait for the disk; what comes beyond is counted as lost.
        keep_days: So many of the newest days stay when another one begins; None keeps all.
        lost: Told in words when messages are lost, once until some are written again; on the
            thread that writes.
    """

    def __init__(
        self,
        folder: Path,
        feed: str,
        *,
        lost: Callable[[str], None],
        buffer_max: int = BUFFER_MAX,
        keep_days: int | None = None,
    ) -> None:
        """Nothing is written; what an earlier process left open is closed."""
        self._folder, self._feed, self._lost = folder, feed, lost
        self._buffer_max, self._keep_days = buffer_max, keep_days
        self._newest_day = ""
        self._waiting: deque[Tick] = deque()
        self._files: dict[tuple[str, str, str], TextIOWrapper] = {}
        self._taken = self._written = self._overflowed = self._failed = 0
        self._is_told = False
        close_left_open(folder)

    # -- the lane ---------------------------------------------------------------------------------

    def take(self, message: Tick) -> None:
        """Keep a message; never waits."""
        self._taken += 1
        if len(self._waiting) >= self._buffer_max:
            self._overflowed += 1
            return
        self._waiting.append(message)

    def counts(self) -> CaptureCounts:
        """What became of the messages so far."""
        return CaptureCounts(
            taken=self._taken,
            written=self._written,
            overflowed=self._overflowed,
            failed=self._failed,
        )

    # -- the thread that writes -------------------------------------------------------------------

    def write(self) -> None:
        """Write what waits now; what the disk refuses twice is counted as lost."""
        waiting = self._waiting
        batches: dict[tuple[str, str, str], list[str]] = {}
        for _ in range(len(waiting)):
            message = waiting.popleft()
            key = (_day(message.at_ns), message.instrument, kind_of(message))
            batches.setdefault(key, []).append(line_of(message))
        for key, lines in batches.items():
            self._append(key, lines)
        if batches:
            newest = max(day for day, _, _ in batches)
            for key in [key for key in self._files if key[0] < newest]:
                self._close(key)
            self._forget(newest)
        self._tell()

    def close(self) -> None:
        """Write what waits, and close every file."""
        self.write()
        for key in list(self._files):
            self._close(key)

    def _append(self, key: tuple[str, str, str], lines: list[str]) -> None:
        text = "".join(lines)
        for is_last in (False, True):
            try:
                file = self._file(key)
                at = file.tell()
                try:
                    file.write(text)
                    file.flush()
                except OSError:
                    self._cut(key, at)
                    raise
            except OSError as error:
                if is_last:
                    self._failed += len(lines)
                    self._lost(f"{len(lines)} messages of {key[1]} are on no disk: {error}")
                continue
            self._written += len(lines)
            return

    def _cut(self, key: tuple[str, str, str], at: int) -> None:
        """Drop half a line: what is tried again must not stand there twice."""
        file = self._files.pop(key, None)
        if file is None:
            return
        path = Path(file.name)
        with contextlib.suppress(OSError):  # what it held back is what is cut off here
            file.close()
        with path.open("r+b") as raw:
            raw.truncate(at)

    def _file(self, key: tuple[str, str, str]) -> TextIOWrapper:
        found = self._files.get(key)
        if found is None:
            day, instrument, kind = key
            name = f"{instrument.replace('/', '-')}-{kind}"
            path = self._folder / day / self._feed / f"{name}.csv{OPEN}"
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            found = path.open("a", encoding="ascii", newline="\n")
            if found.tell() == 0:
                found.write(COLUMNS[kind] + "\n")
            self._files[key] = found
        return found

    def _close(self, key: tuple[str, str, str]) -> None:
        file = self._files.pop(key)
        file.close()
        close_path(Path(file.name))

    def _forget(self, newest: str) -> None:
        """With the first ticks of another day, remove the days that are too many."""
        if self._keep_days is None or newest == self._newest_day:
            return
        self._newest_day = newest
        try:
            drop_old_days(self._folder, self._keep_days, {day for day, _, _ in self._files})
        except OSError as error:
            self._lost(f"older days are not removed until the next day begins: {error}")

    def _tell(self) -> None:
        if self._overflowed and not self._is_told:
            self._is_told = True
            self._lost(f"{self._overflowed} messages found the buffer full")


def _day(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // _NS, UTC).strftime("%Y%m%d")


def close_left_open(folder: Path) -> None:
    """After a crash: the lines of a process that is gone, less the one that it was in."""
    for path in sorted(folder.glob(f"*/*/*.csv{OPEN}")):
        content = path.read_bytes()
        with path.open("r+b") as raw:
            raw.truncate(content.rfind(b"\n") + 1)
        close_path(path)


def close_path(path: Path) -> None:
    """Give a finished file a name of its own, which nobody writes to any more."""
    base = path.with_name(path.name.removesuffix(f".csv{OPEN}"))
    at = 0
    while (target := base.with_name(f"{base.name}.{at}.csv")).exists():
        at += 1
    path.rename(target)
