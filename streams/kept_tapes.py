"""How many tapes are kept (WD-8): those that were used last.

A tape is made of a recording and its settings, and is made again when it is asked for; what only it
could show, the bars of a run of long ago, goes with it.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

_TAPES: Final = "*.tape"


def use_tape(path: Path, keep: int | None) -> list[str]:
    """Note that a tape is used now, and remove those beside it but for the `keep` used last.

    Uses are compared with one another, not with a clock. A process that plays one that is removed
    has it mapped, and plays on. One that cannot be removed stays until the next call.

    Args:
        path: The tape that is played; it stays in any case.
        keep: So many stay, at least 1; None keeps all.

    Returns:
        Names of those removed.
    """
    with contextlib.suppress(OSError):  # of another user: its last use is when it was made
        os.utime(path)
    if keep is None:
        return []
    tapes = sorted(path.parent.glob(_TAPES), key=lambda each: (each != path, -_used_ns(each)))
    removed = []
    for old in tapes[keep:]:
        with contextlib.suppress(OSError):
            old.unlink()
            removed.append(old.name)
    return removed


def _used_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
