"""Strategies that go wrong when a file appears, as a user could write them.

A strategy is asked with each bar, so the fault begins up to a bar after the file was made: the
strategy itself notes when, and the drill counts from there.
"""

from pathlib import Path
from typing import Final

from research.crash.market import STRATEGIES

_SPIN: Final = """
    _begins()
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""
_BLOCK: Final = """
    import ctypes
    _begins()
    ctypes.PyDLL(None).sleep(3600)  # holds the interpreter lock: no thread of ours can see it
"""
_LEAK: Final = """
    KEPT.append(bytearray(b"x") * (64 << 20))
    with open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[1])
    if pages * os.sysconf("SC_PAGE_SIZE") > {memory_mb} << 20:
        _begins()
"""
_RAISE: Final = """
    os.unlink({trigger!r})  # once: the next bar is like any other
    _begins()
    raise RuntimeError("a strategy that goes wrong")
"""
_BODIES: Final = {
    "strategy raises": _RAISE,
    "busy loop in handler": _SPIN,
    "blocking native call": _BLOCK,
    "memory leak": _LEAK,
}
_CALL: Final = '        """One occurrence a bar."""\n'
_WRONG: Final = """

import os
import time

KEPT = []


def _begins():
    if not os.path.exists({began!r}):
        with open({began!r} + ".part", "w") as file:
            file.write(str(time.time_ns()))
        os.rename({began!r} + ".part", {began!r})


def _go_wrong():
    if not os.path.exists({trigger!r}):
        return
"""


def began_path(trigger: Path) -> Path:
    """Where the strategy notes when its fault began, in ns UTC."""
    return trigger.with_suffix(".began")


def write_strategy(folder: Path, fault: str, trigger: Path, memory_mb: int) -> None:
    """The strategy of the crash rounds; with a fault of its own once `trigger` exists.

    Args:
        folder: Where it is written.
        fault: One of the drill's.
        trigger: The file that lets it go wrong.
        memory_mb: Resident memory above which a leak counts as begun: the guard's own limit.

    Raises:
        ValueError: The strategy has changed, and the fault has no place in it.
    """
    folder.mkdir()
    text = (STRATEGIES / "ticker.py").read_text(encoding="utf-8")
    body = _BODIES.get(fault)
    if body is not None:
        if text.count(_CALL) != 1:
            raise ValueError(f"the strategy must have one evaluation to put {fault!r} into")
        text = text.replace(_CALL, f"{_CALL}        _go_wrong()\n")
        words = {"trigger": str(trigger), "began": str(began_path(trigger))}
        text += (_WRONG + body).format(**words, memory_mb=memory_mb)
    (folder / "ticker.py").write_text(text, encoding="utf-8")
