"""The heartbeat page: what the guard, a process of its own, sees of a trader (WD-2, WD-6).

Sixteen unsigned 64-bit integers, little-endian, mapped from `heartbeat.page` in the data directory;
rust_core/guard/src/page.rs reads them. The sequence is written last, and by the lane alone.
"""

import mmap
import os
import struct
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

PAGE_NAME = "heartbeat.page"
_MAGIC = int.from_bytes(b"HFBEAT01", "little")
_PAGE = struct.Struct("<16Q")
_WORD = struct.Struct("<Q")
_VITALS = struct.Struct("<5Q")
_PID_AT = 1 * _WORD.size
_PHASE_AT = 3 * _WORD.size
_SEQUENCE_AT = 4 * _WORD.size
_VITALS_AT = 5 * _WORD.size
_START_FIELD = 19


class Phase(IntEnum):
    """What the process does; the guard judges the lane while it trades, else only how long."""

    STARTING = 1
    TRADING = 2
    STOPPING = 3
    ENDED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What one beat says.

    Attributes:
        mail_age_ns: Age of the oldest unhandled mail, a lower bound.
        journaled: Events that became durable in this process.
        pending: Requests that wait to become durable.
        orders: Orders that work.
        positions: Positions that are open.
    """

    mail_age_ns: int
    journaled: int
    pending: int
    orders: int
    positions: int


class HeartbeatPage:
    """The page of one process; whoever makes it holds the lease of the data directory."""

    def __init__(self, data_dir: Path) -> None:
        """Take the page over for this process, which is starting."""
        path = data_dir / PAGE_NAME
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, _PAGE.size)
            self._map = mmap.mmap(descriptor, _PAGE.size)
        finally:
            os.close(descriptor)
        self._pid = os.getpid()
        self._sequence = 0
        # Not whole for a moment, which is no beat; never half of this process and half of another.
        _WORD.pack_into(self._map, 0, 0)
        head = (0, self._pid, _start_ticks(), Phase.STARTING)
        _PAGE.pack_into(self._map, 0, *head, *([0] * (16 - len(head))))
        _WORD.pack_into(self._map, 0, _MAGIC)

    def enter(self, phase: Phase) -> None:
        """Say what the process does from now on."""
        if self._is_ours():
            _WORD.pack_into(self._map, _PHASE_AT, phase)

    def beat(self, vitals: Vitals) -> None:
        """Advance the sequence; called by the lane alone."""
        if not self._is_ours():
            return
        _VITALS.pack_into(
            self._map,
            _VITALS_AT,
            vitals.mail_age_ns,
            vitals.journaled,
            vitals.pending,
            vitals.orders,
            vitals.positions,
        )
        self._sequence += 1
        _WORD.pack_into(self._map, _SEQUENCE_AT, self._sequence)

    def _is_ours(self) -> bool:
        """Whether nobody has taken over; then the page shows another process, and we are fenced."""
        pid: int = _WORD.unpack_from(self._map, _PID_AT)[0]
        return pid == self._pid


def _start_ticks() -> int:
    """When this process began, in the kernel's ticks; 0 where the kernel does not say."""
    try:
        stat = Path("/proc/self/stat").read_bytes()
    except OSError:
        return 0
    return int(stat.rpartition(b")")[2].split()[_START_FIELD])
