"""Runtime controls for whoever reads them often: through a cache no older than a second (KC-6)."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from trading.ports import ControlValue

AGE_NS_MAX: Final = 1_000_000_000


class ControlSource(Protocol):
    """Where controls are kept; every record is one."""

    def controls(self) -> Mapping[str, ControlValue]:
        """Every control as durable now, by name."""


class ControlsCache:
    """Controls as they were at most a second ago.

    A read that fails raises to the caller: there is no older answer to fall back on, so whoever
    asks on behalf of an entry refuses it.

    Args:
        source: The record.
        mono_ns: Monotonic clock, ns.
    """

    def __init__(self, source: ControlSource, mono_ns: Callable[[], int]) -> None:
        """Nothing is read yet."""
        self._source = source
        self._mono_ns = mono_ns
        self._values: Mapping[str, ControlValue] = {}
        self._read_ns: int | None = None

    def all(self) -> Mapping[str, ControlValue]:
        """Every control that was ever set, by name."""
        now_ns = self._mono_ns()
        if self._read_ns is None or now_ns - self._read_ns >= AGE_NS_MAX:
            self._values = self._source.controls()
            self._read_ns = now_ns
        return self._values

    def get(self, name: str) -> ControlValue | None:
        """One control, None when it was never set."""
        return self.all().get(name)

    def forget(self) -> None:
        """Read anew next time: a change was just made here."""
        self._read_ns = None
