"""Controls are read through a cache that is never older than a second."""

from collections.abc import Mapping

import pytest

from storage import MemoryRecord, RecordError
from storage.controls import AGE_NS_MAX, ControlsCache
from tests.storage.staging import event, request
from trading.ports import ControlValue


class Clock:
    """A monotonic clock that stands still until told."""

    now_ns = 0

    def __call__(self) -> int:
        """Now."""
        return self.now_ns


def change(record: MemoryRecord, value: str) -> None:
    """Set a control in the record."""
    changed = event("ControlChanged", "control/x", name="x", old="null", new=value, author="ann")
    record.stage(request(value, changed, journal_id="system"))
    record.settle()


def test_a_change_shows_within_a_second() -> None:
    """KC-6: the cached value lives up to a second and no longer, or until it is told to go."""
    clock, record = Clock(), MemoryRecord()
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    cache = ControlsCache(record, clock)
    assert cache.get("x") is None
    shown = []
    for value, passed_ns in (("1", AGE_NS_MAX - 1), ("2", 1), ("3", AGE_NS_MAX - 1)):
        change(record, value)
        clock.now_ns += passed_ns
        control = cache.get("x")
        shown.append(control and control.value)
    cache.forget()
    control = cache.get("x")
    assert shown == [None, "2", "2"]
    assert control is not None
    assert (control.value, control.version) == ("3", 3)


def test_a_failed_read_is_not_answered_from_memory() -> None:
    """KC-6: a value that can no longer be read does not go on silently."""

    class Broken:
        is_broken = False

        def controls(self) -> Mapping[str, ControlValue]:
            if self.is_broken:
                raise RecordError("gone")
            return {}

    clock, source = Clock(), Broken()
    cache = ControlsCache(source, clock)
    assert cache.all() == {}
    source.is_broken = True
    clock.now_ns = AGE_NS_MAX
    with pytest.raises(RecordError, match="gone"):
        cache.all()
