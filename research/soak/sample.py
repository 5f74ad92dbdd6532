"""What one look at a run from outside shows, and what many of them come to."""

import contextlib
import os
import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import orjson

from storage.heartbeat import PAGE_NAME

GROWTH_MAX_RATIO: Final = 0.05
WAL_MB_MAX: Final = 64.0
GUARD_MB_MAX: Final = 15.0
GUARD_CPU_RATIO_MAX: Final = 0.005
SAMPLES_MIN: Final = 12
WARM_UP_ORDERS: Final = 1_000
"""Until so many orders the bounded memories fill: the core's ended orders, SQLite's page cache."""
_STEADY_SLACK: Final = 2
"""Actors and timers that come and go with the order that happens to be open."""
_MB: Final = 1 << 20
_MAIL_AGE_WORD: Final = 5
_WORD: Final = 8
_RESIDENT_FIELD: Final = 21
_CPU_FIELDS: Final = (11, 12)
_THREADS_FIELD: Final = 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look.

    Attributes:
        at_s: Since the first look.
        now_ns: The session's own time.
        resident_mb: Of the trader.
        actors: That live.
        timers: That are armed on the lane.
        descriptors: Open files of the trader.
        threads: Of the trader.
        journal_mb: The record without its write-ahead file.
        wal_mb: The write-ahead file.
        archive_mb: Parquet segments.
        logs_mb: Logs and outputs of all processes.
        dead_letters: Mail that nobody was left to take.
        mail_age_ms: Of the oldest mail that the lane had not handled.
        events: Journaled in this process.
        orders: Intended in this process.
        guard_mb: Resident memory of the guard.
        guard_cpu_s: Time that the guard has computed.
        timers_by: Armed timers by who armed what.
        files_by: Open files by what they are: sockets, and each file by its name.
    """

    at_s: float
    now_ns: int
    resident_mb: float
    actors: int
    timers: int
    descriptors: int
    threads: int
    journal_mb: float
    wal_mb: float
    archive_mb: float
    logs_mb: float
    dead_letters: int
    mail_age_ms: float
    events: int
    orders: int
    guard_mb: float
    guard_cpu_s: float
    timers_by: Mapping[str, int]
    files_by: Mapping[str, int]


def take(at_s: float, data_dir: Path, trader: int, guard: int, status: Mapping[str, Any]) -> Sample:
    """Look once; `status` is what the trader says of itself.

    Raises:
        OSError: One of the two processes has ended.
    """
    own, guards = _stat(trader), _stat(guard)
    runtime, files = status["runtime"], _files(trader)
    return Sample(
        at_s=at_s,
        now_ns=status["now_ns"],
        resident_mb=_resident_mb(own),
        actors=sum(1 for node in runtime["nodes"] if node["is_actor"]),
        timers=runtime["timers"],
        descriptors=sum(files.values()),
        threads=int(own[_THREADS_FIELD]),
        journal_mb=_size_mb(data_dir, "record.db"),
        wal_mb=_size_mb(data_dir, "record.db-wal"),
        archive_mb=_size_mb(data_dir / "archive", "*"),
        logs_mb=_size_mb(data_dir, "*-output*.txt") + _size_mb(data_dir, "*.log*"),
        dead_letters=sum(runtime["dead_letters"].values()),
        mail_age_ms=_mail_age_ms(data_dir),
        events=status["counts"]["journal_events"],
        orders=status["counts"]["orders"],
        guard_mb=_resident_mb(guards),
        guard_cpu_s=sum(int(guards[at]) for at in _CPU_FIELDS) / os.sysconf("SC_CLK_TCK"),
        timers_by=runtime["timers_by"],
        files_by=files,
    )


def verdict(samples: Sequence[Sample]) -> tuple[dict[str, Any], list[str]]:
    """Figures of a whole run, and what is wrong with them; too few looks are wrong too."""
    steady = [each for each in samples if each.orders >= WARM_UP_ORDERS]
    if len(steady) < SAMPLES_MIN:
        why = (
            f"{len(steady)} looks behind {WARM_UP_ORDERS} orders, at least {SAMPLES_MIN} are "
            "needed: run it for longer"
        )
        return {"looks": len(samples)}, [why]
    part = len(steady) // 3
    first, last = steady[:part], steady[-part:]
    figures: dict[str, Any] = {"looks": len(samples), "steady_looks": len(steady)}
    problems = []
    for name in ("resident_mb", "actors", "timers", "descriptors", "threads"):
        before, after = (_median(each, name) for each in (first, last))
        figures[name] = {"early": round(before, 2), "late": round(after, 2)}
        slack = 0.0 if name == "resident_mb" else _STEADY_SLACK
        if after > before * (1 + GROWTH_MAX_RATIO) + slack:
            problems.append(f"{name} grew from {before:.1f} to {after:.1f}")
    for name in ("wal_mb", "mail_age_ms", "dead_letters", "guard_mb", "logs_mb"):
        figures[f"{name}_max"] = round(max(getattr(each, name) for each in samples), 2)
    end, begin = samples[-1], samples[0]
    span_s = end.at_s - begin.at_s
    figures |= {
        "hours": round(span_s / 3600, 3),
        "session_days": round((end.now_ns - begin.now_ns) / 86_400e9, 2),
        "events": end.events,
        "orders": end.orders,
        "journal_mb": round(end.journal_mb, 1),
        "archive_mb": round(end.archive_mb, 1),
        "guard_cpu_ratio": round((end.guard_cpu_s - begin.guard_cpu_s) / max(span_s, 1e-9), 5),
    }
    limits = (
        ("wal_mb_max", WAL_MB_MAX),
        ("guard_mb_max", GUARD_MB_MAX),
        ("guard_cpu_ratio", GUARD_CPU_RATIO_MAX),
    )
    problems += [
        f"{name} is {figures[name]}, at most {limit} is allowed"
        for name, limit in limits
        if figures[name] > limit
    ]
    return figures, problems


def lines(samples: Sequence[Sample]) -> list[bytes]:
    """One JSON object a look."""
    names = [field.name for field in fields(Sample)]
    return [orjson.dumps({name: getattr(each, name) for name in names}) for each in samples]


def _median(samples: Sequence[Sample], name: str) -> float:
    found: float = statistics.median(getattr(each, name) for each in samples)
    return found


def _files(pid: int) -> dict[str, int]:
    """Open files by what they are; a socket's number says nothing."""
    counted: Counter[str] = Counter()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            target = str(entry.readlink())
            counted[re.sub(r":\[\d+\]$", "", target).rpartition("/")[2]] += 1
    return dict(counted)


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()


def _resident_mb(stat: Sequence[str]) -> float:
    return int(stat[_RESIDENT_FIELD]) * os.sysconf("SC_PAGE_SIZE") / _MB


def _size_mb(folder: Path, pattern: str) -> float:
    return sum(path.stat().st_size for path in folder.glob(pattern) if path.is_file()) / _MB


def _mail_age_ms(data_dir: Path) -> float:
    page = (data_dir / PAGE_NAME).read_bytes()
    at = _MAIL_AGE_WORD * _WORD
    return int.from_bytes(page[at : at + _WORD], "little") / 1e6
