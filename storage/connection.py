"""Opening SQLite the one way this project uses it: through apsw, which carries its own library.

One library per file per process: nothing else in a trading process may open the record, neither the
`sqlite3` module nor a plain `open()` (closing any descriptor drops the process's POSIX locks).
"""

import ctypes
import os
from pathlib import Path

import apsw

from storage.errors import NoRecordError, RecordError, RecordVersionError

RECORD_NAME = "record.db"

# Below it, two connections that write and checkpoint at once can corrupt the file (WAL-reset bug).
_SQLITE_MIN = (3, 51, 3)
_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs"}
)
_WRITER_PRAGMAS = (
    "PRAGMA busy_timeout=2000",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA wal_autocheckpoint=0",
    "PRAGMA foreign_keys=ON",
    "PRAGMA recursive_triggers=ON",
    "PRAGMA mmap_size=0",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-8192",
)
_STATEMENTS_KEPT = 512
# The write-ahead file keeps this size: overwriting costs a third less per sync than growing it.
_WAL_BYTES = 4 << 20
_PAGE_BYTES = 4_096


def record_path(data_dir: Path) -> Path:
    """Where the record of a data directory lies."""
    return data_dir / RECORD_NAME


def check_library(version: str | None = None) -> None:
    """Refuse an SQLite that can corrupt a WAL database.

    Args:
        version: As in `3.54.1`; None asks the library in use.

    Raises:
        RecordVersionError: Below 3.51.3.
    """
    found = version if version is not None else apsw.sqlite_lib_version()
    if tuple(int(part) for part in found.split(".")[:3]) < _SQLITE_MIN:
        least = ".".join(str(part) for part in _SQLITE_MIN)
        raise RecordVersionError(
            f"SQLite must be at least {least} (older ones can corrupt a WAL file), was {found}: "
            "install apsw from its wheel, which carries its own"
        )


def file_system_of(path: Path, mounts: str) -> str:
    """Type of the file system a path lies on, from the text of /proc/mounts; empty if not found."""
    best, kind = "", ""
    real = str(path.resolve())
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:  # noqa: PLR2004 - device, mount point, type
            continue
        point = fields[1].replace("\\040", " ")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind


def _check_file_system(directory: Path) -> None:
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return
    kind = file_system_of(directory, mounts.read_text())
    if kind in _NETWORK_FILE_SYSTEMS:
        raise RecordError(
            f"the record needs a local file system, {directory} is on {kind}: its locks and syncs "
            "do not hold there; choose another --data-dir"
        )


def open_writer(path: Path) -> apsw.Connection:
    """Open the record for writing, with every commit synced before it returns.

    Raises:
        RecordVersionError: The SQLite library is too old.
        RecordError: The directory is on a network file system, or WAL cannot be used there.
    """
    check_library()
    _check_file_system(path.parent)
    if not path.exists():  # whose trades these are is nobody else's business; -wal and -shm follow
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = apsw.Connection(str(path), statementcachesize=_STATEMENTS_KEPT)
    for pragma in _WRITER_PRAGMAS:
        connection.execute(pragma)
    mode = connection.pragma("journal_mode")
    if mode != "wal":
        raise RecordError(f"the record needs write-ahead logging, SQLite chose {mode!r} for {path}")
    return connection


def grow_wal(connection: apsw.Connection, path: Path) -> None:
    """Give the write-ahead file its working size once, and keep it across closes."""
    keep = ctypes.c_int(1)
    connection.file_control("main", apsw.SQLITE_FCNTL_PERSIST_WAL, ctypes.addressof(keep))
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists() and wal.stat().st_size >= _WAL_BYTES:
        return
    # Commits of one page each, without a sync: nothing of worth is in them, and the database itself
    # keeps its size (pages that were freed would be one more page to write in each later commit).
    connection.execute("PRAGMA synchronous=OFF")
    for number in range(_WAL_BYTES // _PAGE_BYTES, -1, -1):
        connection.execute(f"PRAGMA user_version={number}")
    connection.execute("PRAGMA synchronous=FULL")
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)


def open_memory() -> apsw.Connection:
    """A record's tables in memory, for tests, rebuilding and comparison."""
    check_library()
    connection = apsw.Connection(":memory:", statementcachesize=_STATEMENTS_KEPT)
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA recursive_triggers=ON")
    return connection


def open_reader(path: Path) -> apsw.Connection:
    """Open the record read-only; close it soon, a long read keeps the WAL from shrinking.

    Raises:
        NoRecordError: There is no record at that path.
    """
    check_library()
    if not path.exists():
        raise NoRecordError(
            f"no record at {path}: nothing has run on this data directory yet, "
            "or --data-dir names another one"
        )
    connection = apsw.Connection(
        str(path), flags=apsw.SQLITE_OPEN_READONLY, statementcachesize=_STATEMENTS_KEPT
    )
    connection.execute("PRAGMA busy_timeout=2000")
    return connection
