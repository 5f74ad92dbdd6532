"""The schema as numbered plain SQL, forward only, checksummed (storage/sql/sqlite).

Trading never migrates by itself: a record that is behind, ahead or altered refuses to open, and
`migrate` brings it up after a backup.
"""

import contextlib
import hashlib
import os
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

import apsw

from storage.connection import open_memory, open_writer, record_path
from storage.errors import RecordDamagedError, RecordVersionError
from storage.lease import Lease

BACKUPS_KEPT: Final = 2
"""Of the copies that are made before a step."""
_BACKUP: Final = ".before-"
_BACKUP_NAME: Final = re.compile(r"\.before-[0-9]{4}\Z")
_LEDGER = """CREATE TABLE IF NOT EXISTS schema_migrations (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL
) STRICT"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered step; `sha256` is over its text."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Checksum that an applied step must still have."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Every step this version knows, in order."""
    folder = resources.files("storage") / "sql" / "sqlite"
    files = sorted(
        (f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda file: file.name
    )
    return [
        Migration(number=int(f.name[:4]), name=f.name, sql=f.read_text(encoding="utf-8"))
        for f in files
    ]


def is_empty(connection: apsw.Connection) -> bool:
    """Whether the database has no table at all: new, or cut off while it was being created."""
    return bool(connection.execute("SELECT count(*) FROM sqlite_schema").get == 0)


def apply(connection: apsw.Connection, steps: list[Migration]) -> None:
    """Apply steps in one transaction: all of them or none."""
    with connection:
        connection.execute(_LEDGER)
        for step in steps:
            connection.execute(step.sql)
            connection.execute(
                "INSERT INTO schema_migrations VALUES (?, ?, ?)",
                (step.number, step.name, step.sha256),
            )


def pending(connection: apsw.Connection) -> list[Migration]:
    """Steps the record still lacks.

    Raises:
        RecordVersionError: The record was written by a newer version.
        RecordDamagedError: A step was altered after it was applied, or the file is no record.
    """
    if not connection.table_exists("main", "schema_migrations"):
        raise RecordDamagedError(
            "the file is a database but no record of this project (schema_migrations is missing): "
            "it was left as it is; name another --data-dir"
        )
    applied = {
        number: (name, sha256)
        for number, name, sha256 in connection.execute(
            "SELECT number, name, sha256 FROM schema_migrations"
        )
    }
    known = migrations()
    newest = max(step.number for step in known)
    ahead = sorted(number for number in applied if number > newest)
    if ahead:
        raise RecordVersionError(
            f"the record has schema {ahead[-1]}, this version knows up to {newest}: nothing was "
            "changed; run the version that wrote it, or a newer one (`holdfast --version`)"
        )
    for step in known:
        if step.number in applied and applied[step.number][1] != step.sha256:
            raise RecordDamagedError(
                f"schema step {step.name} is not the one that was applied to this record: "
                f"expected checksum {applied[step.number][1][:12]}, found {step.sha256[:12]}. Do "
                "not trade on it: run the version that wrote it, or restore a backup, and "
                "reconcile with the broker"
            )
    return [step for step in known if step.number not in applied]


def check(connection: apsw.Connection) -> None:
    """Refuse a record that is not exactly at this version's schema.

    Raises:
        RecordVersionError: It is behind or ahead.
        RecordDamagedError: See `pending`.
    """
    behind = pending(connection)
    if behind:
        raise RecordVersionError(
            f"the record lacks schema step {behind[0].name}: nothing was changed; stop the trader "
            "that wrote it and run `holdfast migrate`, which keeps a copy"
        )


def schema_faults(connection: apsw.Connection) -> list[str]:
    """Tables, indexes and triggers that are not as the steps make them, a line each."""
    scratch = open_memory()
    apply(scratch, migrations())
    expected = _schema(scratch)
    scratch.close()
    found = _schema(connection)
    missing = sorted(expected.keys() - found.keys())
    changed = sorted(
        name for name in expected.keys() & found.keys() if expected[name] != found[name]
    )
    return [f"the schema was changed: {name} is missing" for name in missing] + [
        f"the schema was changed: {name} is not as this version makes it" for name in changed
    ]


def _schema(connection: apsw.Connection) -> dict[str, str]:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {f"{kind} {name}": sql for kind, name, sql in rows}


def migrate(data_dir: Path) -> list[str]:
    """Bring a record to this version's schema, after a backup beside it.

    Returns:
        Names of the steps applied; empty when there was nothing to do.

    Raises:
        LeaseHeldError: A trader has it open.
        RecordVersionError: It is ahead of this version.
        RecordDamagedError: See `pending`.
    """
    path = record_path(data_dir)
    lease = Lease(data_dir, f"a migration, process {os.getpid()}")
    try:
        return _migrate(path)
    finally:
        lease.close()


def _migrate(path: Path) -> list[str]:
    connection = open_writer(path)
    try:
        if is_empty(connection):
            steps = migrations()
        else:
            steps = pending(connection)
            if steps:
                backup = path.with_name(f"{path.name}{_BACKUP}{steps[0].number:04d}")
                connection.execute("VACUUM INTO ?", (str(backup),))
        if steps:
            apply(connection, steps)
            _drop_backups(path)
        return [step.name for step in steps]
    finally:
        connection.close()


def _drop_backups(path: Path) -> None:
    """Keep the newest copies of a record as it was before a step: each is as large as the record.

    Called when the steps have been applied; one that cannot be removed stays until the next time.
    """
    backups = sorted(
        each
        for each in path.parent.glob(f"{path.name}{_BACKUP}*")
        if _BACKUP_NAME.search(each.name)
    )
    for old in backups[:-BACKUPS_KEPT]:
        with contextlib.suppress(OSError):
            old.unlink()
