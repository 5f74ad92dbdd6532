"""What a cell remembers of its crashes; a cell that never crashed has none of this."""

import re
import traceback
from collections import OrderedDict, deque

from actors.spec import Backoff

_KEYS_KEPT = 64  # poison candidates remembered per name
_REPR_KEPT = 4096
_FOLDERS = re.compile(r'(?m)^(\s*File ")[^"\n]*[/\\]([^"/\\\n]+")')


def printed(message: object) -> str:
    """`repr`, cut to a bound, also when the message's own `repr` raises."""
    try:
        text = repr(message)
    except Exception as error:  # noqa: BLE001 - a poison message may be broken here too
        text = f"<{type(message).__qualname__}: repr raised {type(error).__name__}>"
    return text if len(text) <= _REPR_KEPT else text[:_REPR_KEPT] + "…"


def traceback_of(error: BaseException) -> str:
    """The traceback with file names only: where a program is installed is no part of a journal."""
    return _FOLDERS.sub(r"\1\2", "".join(traceback.format_exception(error)))


class Trouble:
    """Crash history of one name.

    Attributes:
        crashes: All of them.
        last_reason: Of the newest.
        times: Instants counted against the supervisor's intensity, where it counts per child.
        strikes: Times the watchdog found it silent, since it was last well.
    """

    __slots__ = ("_in_a_row", "_last_ns", "_poison", "crashes", "last_reason", "strikes", "times")

    def __init__(self) -> None:
        """A clean slate."""
        self.crashes = 0
        self.last_reason = ""
        self.times: deque[int] = deque()
        self.strikes = 0
        self._in_a_row = 0
        self._last_ns = 0
        self._poison: OrderedDict[tuple[type, str], int] = OrderedDict()

    @property
    def in_a_row(self) -> int:
        """Crashes without an incarnation in between that lived long enough to be forgiven."""
        return self._in_a_row

    def note(self, reason: str) -> None:
        """Count a crash."""
        self.crashes += 1
        self.last_reason = reason

    def is_poison(self, message: object, poison_after: int) -> bool:
        """Count a crash by this message (equal in type and print); whether it is one too many."""
        key = (type(message), printed(message))
        count = self._poison.pop(key, 0) + 1
        if count >= poison_after:
            return True
        self._poison[key] = count
        if len(self._poison) > _KEYS_KEPT:
            self._poison.popitem(last=False)
        return False

    def next_backoff_ns(self, backoff: Backoff, now_ns: int) -> int:
        """The pause after a crash at `now_ns`."""
        if self._in_a_row and now_ns - self._last_ns >= backoff.forgive_after_ns:
            self._in_a_row = 0
        pause_ns = 0
        if self._in_a_row >= backoff.at_once:
            pause_ns = backoff.first_ns
            for _ in range(self._in_a_row - backoff.at_once):
                if pause_ns >= backoff.cap_ns:
                    break
                pause_ns *= backoff.factor
            pause_ns = min(pause_ns, backoff.cap_ns)
        self._in_a_row += 1
        self._last_ns = now_ns + pause_ns
        return pause_ns
