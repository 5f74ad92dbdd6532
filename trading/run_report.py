"""What a run tells whoever shows it, one JSON object a line, and the summary it ends with.

Each line has one key that names its kind:

    {"progress": {...}}   Progress: where the session stands; at most ten a second
    {"event": {...}}      Notice: something a person wants to see pass by
    {"happened": {...}}   Happened: a journaled event of a kind that a person watches for
    {"operator": {...}}   where the operator port listens: host, port
    {"error": {...}}      why the trader ends: text and exit code, just before it does
    {"line": {...}}       of the guard or the console, around the session: text
    {"ended": {...}}      the guard's last word: text, empty where the trader has said why

The totals of a finished run are `RunSummary` in the file `run-summary.json` of the data directory.

Amounts at 1e-8 as integers (`_1e8`), times in ns UTC. Unknown keys are passed over, so that either
side may be newer.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from select import PIPE_BUF
from typing import Any, Final, Self

import orjson

from trading.run_options import SUMMARY_FILE

ONE_1E8: Final = 100_000_000


def money_fragment(amount_1e8: int) -> orjson.Fragment:
    """An amount as an exact JSON number with all eight decimals, never by way of a float."""
    sign = "-" if amount_1e8 < 0 else ""
    whole, rest = divmod(abs(amount_1e8), ONE_1E8)
    return orjson.Fragment(f"{sign}{whole}.{rest:08d}")


def money_decimal(amount_1e8: int) -> Decimal:
    """An amount as a Decimal."""
    return Decimal(amount_1e8).scaleb(-8)


class _Lenient:
    """Reads back from a mapping that may hold more than this version knows."""

    __slots__ = ()

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Take the known fields and leave the rest."""
        known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: value for name, value in values.items() if name in known})


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(_Lenient):
    """Where the session stands. Prices and amounts are of the first instrument and the account."""

    mode: str
    run: str = ""
    source: str = ""
    is_synthetic: bool = False
    session_yyyymmdd: int = 0
    session: int = 0
    sessions: int = 0
    now_ns: int = 0
    instrument: str = ""
    price_1e8: int | None = None
    vwap_1e8: int | None = None
    position_qty_1e8: int = 0
    entry_price_1e8: int | None = None
    pnl_session_1e8: int = 0
    pnl_run_1e8: int = 0
    orders_working: int = 0
    orders: int = 0
    fills: int = 0
    trades: int = 0
    bars: int = 0
    kill_level: str = "NONE"
    speed_ratio: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(_Lenient):
    """One line for the activity list; `severity` is INFO, WARNING or CRITICAL."""

    at_ns: int
    text: str
    severity: str = "INFO"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened(_Lenient):
    """A journaled event as it is; whoever shows it finds the words."""

    at_ns: int
    kind: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """Totals of a run; the last line of `holdfast run --json`.

    `pnl_gross_1e8` is before and `pnl_net_1e8` after `fees_1e8`; `wall_s` is this machine's time.
    """

    sessions: int
    bars: int
    signals: int
    no_trades: Mapping[str, int]
    orders: int
    fills: int
    trades: int
    pnl_gross_1e8: int
    pnl_net_1e8: int
    fees_1e8: int
    journal_events: int
    journal_hash: str
    feed_gaps: int
    restarts: int
    wall_s: float

    def to_json(self) -> bytes:
        """One line; pnl_gross, pnl_net and fees are exact numbers in the account's currency."""
        return orjson.dumps(
            {
                "sessions": self.sessions,
                "bars": self.bars,
                "signals": self.signals,
                "no_trades": dict(sorted(self.no_trades.items())),
                "orders": self.orders,
                "fills": self.fills,
                "trades": self.trades,
                "pnl_gross": money_fragment(self.pnl_gross_1e8),
                "pnl_net": money_fragment(self.pnl_net_1e8),
                "fees": money_fragment(self.fees_1e8),
                "journal_events": self.journal_events,
                "journal_hash": self.journal_hash,
                "feed_gaps": self.feed_gaps,
                "restarts": self.restarts,
                "wall_s": round(self.wall_s, 3),
            }
        )

    def write(self, data_dir: Path) -> Path:
        """Replace `run-summary.json` in one step, so that nobody reads half of it."""
        target = data_dir / SUMMARY_FILE
        aside = target.with_suffix(f".{os.getpid()}.tmp")
        aside.write_bytes(self.to_json() + b"\n")
        aside.replace(target)
        return target


class Reporter:
    """Writes report lines to whoever shows the run; silent without a descriptor or a reader.

    A reader that stopped reading must not stop a trader: what the pipe does not take is dropped.
    """

    def __init__(self, progress_fd: int) -> None:
        """Take over `progress_fd`; -1 for none."""
        self._fd = progress_fd
        if progress_fd >= 0:
            os.set_blocking(progress_fd, False)

    def progress(self, progress: Progress) -> None:
        """Say where the session stands."""
        self._write({"progress": progress})

    def notice(self, notice: Notice) -> None:
        """Say that something happened."""
        self._write({"event": notice})

    def happened(self, happened: Happened) -> None:
        """Pass on a journaled event."""
        self._write({"happened": happened})

    def operator(self, host: str, port: int) -> None:
        """Say where the operator port listens."""
        self._write({"operator": {"host": host, "port": port}})

    def line(self, text: str) -> None:
        """Say something that is not of the session."""
        self._write({"line": {"text": text}})

    def error(self, text: str, exit_code: int) -> None:
        """Say why this process is about to end."""
        self._write({"error": {"text": text, "exit_code": exit_code}})

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._fd < 0:
            return
        encoded = orjson.dumps(line) + b"\n"
        if len(encoded) > PIPE_BUF:  # only writes up to this size are whole or refused, never cut
            return
        try:
            os.write(self._fd, encoded)
        except BlockingIOError:
            return
        except OSError:
            self._fd = -1


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {
    "progress": Progress.from_mapping,
    "event": Notice.from_mapping,
    "happened": Happened.from_mapping,
    "operator": dict,
    "error": dict,
    "line": dict,
    "ended": dict,
}


def read_line(line: bytes) -> tuple[str, Any] | None:
    """The kind and the content of one report line; None for a line that is not one."""
    try:
        ((kind, values),) = orjson.loads(line).items()
        return kind, _READERS[kind](values)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
