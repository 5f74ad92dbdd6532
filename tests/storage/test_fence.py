"""The fence between a trader, its successor and the guard, who share no lock."""

import struct
from pathlib import Path

import pytest

from storage.lease import WORD_NAME, FenceWord, Hold, Lease

GUARDS, HOLD = 8, 16


def guard_writes(data_dir: Path, at: int, value: int) -> None:
    """What the guard does: eight bytes into the file, past the trader's map."""
    with (data_dir / WORD_NAME).open("r+b") as file:
        file.seek(at)
        file.write(struct.pack("<Q", value))


def test_a_raise_of_the_guard_is_seen_through_the_map_at_once(tmp_path: Path) -> None:
    """ST-5, WD-6: the trader's own word stays, and the fence is another one."""
    lease = Lease(tmp_path, "a test")
    assert lease.take_fence(4) == 5
    assert not lease.is_lost()
    guard_writes(tmp_path, GUARDS, 1)
    assert lease.is_lost()
    assert lease.word.read() == 6
    lease.close()


def test_a_successor_rises_above_the_guards_word_and_undoes_no_raise(tmp_path: Path) -> None:
    """ST-5: whoever takes over holds the sum, and a raise behind that fences it too."""
    guard = FenceWord(tmp_path)
    guard_writes(tmp_path, GUARDS, 7)
    lease = Lease(tmp_path, "a test")
    assert lease.take_fence(0) == 8
    assert not lease.is_lost()
    guard_writes(tmp_path, GUARDS, 8)
    assert lease.is_lost()
    assert guard.read() == 9
    with pytest.raises(ValueError, match="a fence only rises"):
        guard.write(9)
    lease.close()
    guard.close()


def test_a_raise_in_the_middle_of_a_take_over_is_no_right_to_send(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ST-5: frozen between looking and taking, the trader is refused when it goes on."""
    lease = Lease(tmp_path, "a test")
    read = lease.word.read

    def frozen_behind_the_look() -> int:
        seen = read()
        guard_writes(tmp_path, GUARDS, 1)
        return seen

    monkeypatch.setattr(lease.word, "read", frozen_behind_the_look)
    with pytest.raises(ValueError, match="a fence only rises"):
        lease.take_fence(0)
    lease.close()


def test_a_fence_from_before_there_was_a_guard_is_taken_over(tmp_path: Path) -> None:
    """ST-5: eight bytes of an earlier version keep their value."""
    (tmp_path / WORD_NAME).write_bytes(struct.pack("<Q", 41))
    word = FenceWord(tmp_path)
    assert word.read() == 41
    assert word.hold() is Hold.FREE
    for value, hold in ((1, Hold.PERSON), (2, Hold.PASSING), (0, Hold.FREE), (9, Hold.PERSON)):
        guard_writes(tmp_path, HOLD, value)
        assert word.hold() is hold
    word.close()
