"""How many days of a captured market are kept (WD-8): the newest, each a folder of its own."""

import re
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Final

_DAY: Final = re.compile(r"\d{8}\Z")
_LEAVING: Final = ".leaving"


def drop_old_days(folder: Path, keep: int, busy: Collection[str] = ()) -> list[str]:
    """Remove whole days below `folder` but for the newest `keep`; the names of those removed.

    Days are counted, not compared with a clock, so one that is wrong costs a day at most. A day is
    renamed first: killed between two removals, no day is there in part; the next call takes up what
    was renamed. What is not named like a day is left alone.

    Args:
        folder: Where days are kept, `YYYYMMDD`.
        keep: So many stay, at least 1.
        busy: Days that are being written, which stay in any case.

    Raises:
        OSError: Something cannot be removed; what was not is tried again with the next call.
    """
    if not folder.exists():
        return []
    for path in sorted(folder.glob(f"*{_LEAVING}")):
        if _DAY.match(path.name.removesuffix(_LEAVING)):
            shutil.rmtree(path)
    days = sorted(path.name for path in folder.iterdir() if _DAY.match(path.name) and path.is_dir())
    old = [day for day in days[: max(0, len(days) - keep)] if day not in busy]
    for day in old:
        leaving = folder / f"{day}{_LEAVING}"
        (folder / day).rename(leaving)
        shutil.rmtree(leaving)
    return old
