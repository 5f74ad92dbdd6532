"""Sole trader (ST-5): one holder per data directory, and a fence that rises at each take-over.

Three things hold together. An OS lock on a side file (never on the database file) decides who may
start; the kernel drops it when its process dies. The fence, mapped into memory, is compared at
every release: a guard or a successor raises it before it acts, and a frozen process that thaws
finds it changed. The lease row in the record follows, and is compared in every commit.

The fence is the sum of two words: a successor raises the first, only the guard raises the second
(rust_core/guard/src/fence.rs), so neither can overwrite the other's raise. The third word is the
guard's hold: while it is not zero no trader starts. The fourth moves while a guard watches.
"""

import fcntl
import json
import mmap
import os
import struct
from enum import IntEnum
from pathlib import Path

from storage.errors import LeaseHeldError, RecordDamagedError

LOCK_NAME = "trader.lock"
WORD_NAME = "fence.word"
_NOTE_BYTES = 4_096
_WORD = struct.Struct("<Q")
_BOTH = struct.Struct("<QQ")
_GUARDS = 8
_HOLD = 16
_BEAT = 24
_BYTES = 32


class Hold(IntEnum):
    """Whether the guard lets a trader start."""

    FREE = 0
    PERSON = 1
    PASSING = 2


class FenceWord:
    """The fence as every process on this host sees it: unsigned 64-bit integers in a file."""

    def __init__(self, data_dir: Path) -> None:
        """Map the words, creating them as 0."""
        path = data_dir / WORD_NAME
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size in {0, _WORD.size}:  # none yet, or one from before there was a guard
                os.ftruncate(descriptor, _BYTES)
            elif size != _BYTES:
                raise RecordDamagedError(
                    f"{path} must be {_BYTES} bytes long, was {size}: who may trade cannot be "
                    "known. Stop every trader of this folder, run `holdfast verify`, then remove "
                    "the file: the record has the fence as well"
                )
            self._map = mmap.mmap(descriptor, _BYTES)
        finally:
            os.close(descriptor)

    def read(self) -> int:
        """The fence as it stands now; cheap enough for every release."""
        ours: int
        guards: int
        ours, guards = _BOTH.unpack_from(self._map)
        return ours + guards

    def write(self, fence: int) -> None:
        """Raise the fence, durable on return; whoever held a lower one can send no more."""
        ours: int
        guards: int
        ours, guards = _BOTH.unpack_from(self._map)
        if fence <= ours + guards:
            raise ValueError(f"a fence only rises: it is {ours + guards}, was asked {fence}")
        # Should the guard raise its word from here on, the sum is not ours, and we are fenced.
        _WORD.pack_into(self._map, 0, fence - guards)
        self._map.flush()

    def hold(self) -> Hold:
        """Whether the guard lets a trader start; a word that is not known holds."""
        value: int = _WORD.unpack_from(self._map, _HOLD)[0]
        return Hold(value) if value in set(Hold) else Hold.PERSON

    def guard_beat(self) -> int:
        """A number that moves for as long as a guard watches."""
        value: int = _WORD.unpack_from(self._map, _BEAT)[0]
        return value

    def close(self) -> None:
        """Unmap."""
        self._map.close()


class Lease:
    """The right to trade on a data directory, held until closed or until the process dies.

    Attributes:
        holder: Who holds it, in words for people.
        fence: Our token; 0 until `take_fence`.
        word: The mapped fence, to be compared at each release.
    """

    def __init__(self, data_dir: Path, holder: str, *, is_rival: bool = False) -> None:
        """Take the lock at once or refuse.

        Args:
            data_dir: What is traded on.
            holder: Who takes it, in words for people.
            is_rival: Take it from a holder that does not let go, as a stopped process does not.
                Its fence is raised first, so that it can neither send nor write when it goes on.

        Raises:
            LeaseHeldError: Another process holds it; says who.
        """
        self.holder = holder
        self.fence = 0
        path = data_dir / LOCK_NAME
        descriptor = _locked(path)
        if isinstance(descriptor, str) and is_rival:
            _fence_off(data_dir)
            path.unlink(missing_ok=True)  # its lock stays with a file that nobody finds any more
            descriptor = _locked(path)
        if isinstance(descriptor, str):
            raise LeaseHeldError(
                f"{data_dir} is traded by {_holder_of(descriptor)}: only one instance may trade on "
                "it; stop that one first, or name another --data-dir; if it does not answer, "
                "`holdfast run --recover --take-over` fences it and goes on with its run"
            )
        self._descriptor = descriptor
        note = json.dumps({"holder": holder, "pid": os.getpid()}) + "\n"
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, note.encode(), 0)
        try:
            self.word = FenceWord(data_dir)
        except BaseException:
            os.close(self._descriptor)
            raise

    def take_fence(self, row_fence: int) -> int:
        """Raise the word above everything seen so far; the caller then writes the row.

        It reads and writes the row in one transaction, so that of two no-one gets the same fence.
        """
        fence = max(row_fence, self.word.read()) + 1
        self.word.write(fence)
        self.fence = fence
        return fence

    def is_lost(self) -> bool:
        """Whether somebody raised the fence since: send nothing, commit nothing."""
        return self.word.read() != self.fence

    def close(self) -> None:
        """Let go; the next holder's fence will be higher."""
        self.word.close()
        os.close(self._descriptor)


def holder(data_dir: Path) -> str:
    """Who trades on a data directory now, in words; empty when nobody does. Takes nothing."""
    try:
        descriptor = os.open(data_dir / LOCK_NAME, os.O_RDONLY)
    except FileNotFoundError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _holder_of(os.pread(descriptor, _NOTE_BYTES, 0).decode("utf-8", "replace"))
    finally:
        os.close(descriptor)
    return ""


def _locked(path: Path) -> int | str:
    """A descriptor that holds the lock, or what the one who holds it has noted."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            note = os.pread(descriptor, _NOTE_BYTES, 0).decode("utf-8", "replace")
            os.close(descriptor)
            return note
        if _is_at(path, descriptor):
            return descriptor
        os.close(descriptor)  # a rival has put another file in its place


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether this open file is still the one that the path names."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _fence_off(data_dir: Path) -> None:
    """Raise the fence above its holder's: from now on it can send and write nothing."""
    word = FenceWord(data_dir)
    word.write(word.read() + 1)
    word.close()


def _holder_of(note: str) -> str:
    try:
        return str(json.loads(note)["holder"])
    except (ValueError, KeyError, TypeError):
        return "another process"
