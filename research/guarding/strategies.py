"""Strategies that go wrong when a file appears, as a user could write them."""

from pathlib import Path
from typing import Final

from research.crash.market import STRATEGIES

_SPIN: Final = """
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""
_BLOCK: Final = """
    import ctypes
    ctypes.PyDLL(None).sleep(3600)  # holds the interpreter lock: no thread of ours can see it
"""
_LEAK: Final = """
    KEPT.append(bytearray(b"x") * (64 << 20))
"""
_RAISE: Final = """
    os.unlink({trigger!r})  # once: the next bar is like any other
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

KEPT = []


def _go_wrong():
    import os
    if not os.path.exists({trigger!r}):
        return
"""


def write_strategy(folder: Path, fault: str, trigger: Path) -> None:
    """The strategy of the crash rounds; with a fault of its own once `trigger` exists.

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
        text += (_WRONG + body).format(trigger=str(trigger))
    (folder / "ticker.py").write_text(text, encoding="utf-8")
