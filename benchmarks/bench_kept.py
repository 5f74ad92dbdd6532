"""What the system keeps of an order that is over: bytes in use, Python's and the core's alike.

Measured in a process of its own in which Python, too, takes its memory from the C library, so that
the library's own count of bytes in use sees everything, to the byte and without noise.
"""

import ctypes
import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from actors.venue_store import MemoryVenueStore
from benchmarks.desk import MINUTES_PER_DAY, Desk, write_tape
from benchmarks.forgetful import ForgetfulRecord, ForgetfulVenueStore
from benchmarks.measure import Figure
from benchmarks.setting import Group, Setting
from storage import MemoryRecord

# Both looks are at the first question of a session, so that what a session keeps is the same.
FIRST_LOOK: Final = 2 * MINUTES_PER_DAY
LAST_LOOK: Final = 9 * MINUTES_PER_DAY
_CHILD_S_MAX: Final = 120
Count = Callable[[], int]


class _Mallinfo2(ctypes.Structure):
    """The C library's `struct mallinfo2`."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def bytes_in_use() -> Count | None:
    """A count of the bytes handed out by the C library; None where it has none (glibc 2.33 on)."""
    look = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if look is None:
        return None
    look.restype = _Mallinfo2

    def count() -> int:
        found = look()
        return int(found.uordblks) + int(found.hblkhd)

    return count


def kept_per_order(directory: Path, count: Count, *, is_forgetful: bool) -> float:
    """Bytes that an order leaves behind for ever, the benchmark's own notes taken out."""
    path = directory / f"{is_forgetful}.tape"
    looks: list[int] = []
    asked = 0

    def before() -> None:
        nonlocal asked
        if asked in {FIRST_LOOK, LAST_LOOK}:
            gc.collect()
            played = desk.played
            notes = (played.taken_ns, played.cpu_ns, played.yard_ns)
            looks.append(count() - sum(map(sys.getsizeof, notes)))
        asked += 1

    with write_tape(path, LAST_LOOK + 2) as tape:
        record = ForgetfulRecord() if is_forgetful else MemoryRecord()
        store = ForgetfulVenueStore() if is_forgetful else MemoryVenueStore()
        desk = Desk(tape, record, before, venue_store=store)
        desk.play()
    first, last = looks
    return (last - first) / (LAST_LOOK - FIRST_LOOK)


def measure(setting: Setting) -> Sequence[Figure]:
    """The system alone, beside itself with a record and a venue that keep all in memory."""
    with TemporaryDirectory(dir=setting.work_dir) as name:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.bench_kept", name],
            env={**os.environ, "PYTHONMALLOC": "malloc"},
            capture_output=True,
            text=True,
            check=False,
            timeout=_CHILD_S_MAX,
        )
    if done.returncode != 0:
        raise RuntimeError(f"expected two figures, found exit {done.returncode}: {done.stderr}")
    found = json.loads(done.stdout)
    if found is None:
        return []
    note = f"of {LAST_LOOK - FIRST_LOOK:,} orders that are over"
    return [Figure(row="order_kept", value=found["alone"], reference=found["all"], note=note)]


def main(directory: Path) -> None:
    """Print both figures as JSON, or null where the C library cannot count."""
    count = bytes_in_use()
    found = count and {
        "alone": kept_per_order(directory, count, is_forgetful=True),
        "all": kept_per_order(directory, count, is_forgetful=False),
    }
    sys.stdout.write(json.dumps(found))


GROUP = Group(name="kept", rows=("order_kept",), measure=measure)

if __name__ == "__main__":
    main(Path(sys.argv[1]))
