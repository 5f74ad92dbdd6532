"""The journal on disk is append-only, and what was done to it behind its back shows."""

import errno
from pathlib import Path

import apsw
import pytest

from storage import (
    LeaseHeldError,
    LeaseLostError,
    NoRecordError,
    RecordDamagedError,
    RecordError,
    RecordVersionError,
    open_record,
)
from storage.connection import check_library, file_system_of, record_path
from storage.errors import DiskFullError
from storage.high_water import MARK_NAME, read_mark
from storage.migrations import apply, migrate, migrations
from storage.verify import export_journal, verify
from tests.storage.staging import ACCOUNT, Inbox, event, request


def written(data_dir: Path, count: int = 3) -> None:
    """A closed record with a few rows."""
    record = open_record(data_dir, is_eager=False)
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    for token in range(count):
        record.stage(request(token, claims=[("intent", str(token))]))
    record.settle()
    record.close()


def meddle(data_dir: Path, *statements: str) -> None:
    """Change the file with the guards taken off, and put them back."""
    connection = apsw.Connection(str(record_path(data_dir)))
    guards = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
    ).fetchall()
    for name, _ in guards:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    for _, sql in guards:
        connection.execute(str(sql))
    connection.close()


_COPY = """INSERT OR REPLACE INTO journal SELECT {pos}, journal_id, run, {seq}, stream,
    stream_version, 'Forged', at_ns, schema_ver, payload, prev_hash, hash, tape_seq, boot, fence,
    committed_ns, mono_ns FROM journal WHERE pos = 2"""


@pytest.mark.parametrize("recursive", ["ON", "OFF"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET payload = '{}' WHERE pos = 2",
        "DELETE FROM journal WHERE pos = 2",
        _COPY.format(pos="pos", seq="seq"),
        _COPY.format(pos="4", seq="seq"),
        _COPY.format(pos="4", seq="4"),
        "UPDATE claims SET key = 'x'",
        "DELETE FROM claims",
        "INSERT OR REPLACE INTO claims SELECT run, name, key, 99 FROM claims",
    ],
    ids=["update", "delete", "replace", "replace seq", "replace version", "c1", "c2", "c3"],
)
def test_no_statement_changes_what_was_written(
    tmp_path: Path, statement: str, recursive: str
) -> None:
    """AL-3: neither UPDATE, DELETE nor INSERT OR REPLACE gets past the triggers."""
    written(tmp_path)
    connection = apsw.Connection(str(record_path(tmp_path)))
    connection.execute(f"PRAGMA recursive_triggers={recursive}")
    before = connection.execute("SELECT * FROM journal").fetchall()
    with pytest.raises(apsw.ConstraintError, match=r"append-only|claim may"):
        connection.execute(statement)
    assert connection.execute("SELECT * FROM journal").fetchall() == before
    connection.close()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ('UPDATE journal SET payload = \'{"n":"9"}\' WHERE pos = 2', "row 2 .* was changed"),
        ("UPDATE journal SET at_ns = at_ns + 1 WHERE pos = 2", "row 2 .* was changed"),
        ("DELETE FROM journal WHERE pos = 2", "1 rows are missing from position 2"),
        ("DELETE FROM journal WHERE pos = 3", "1 acknowledged rows are lost"),
        ("UPDATE journal SET hash = zeroblob(32) WHERE pos = 3", "changed or replaced"),
        ("UPDATE journal SET stream = 'x' WHERE pos = 1", "row 1 .* was changed"),
    ],
)
def test_a_changed_record_is_refused_and_named(tmp_path: Path, statement: str, found: str) -> None:
    """AL-3: a start and `verify` both find a row that was changed or removed."""
    written(tmp_path)
    meddle(tmp_path, statement)
    with pytest.raises(RecordDamagedError, match=found) as refused:
        open_record(tmp_path)
    assert refused.value.exit_code == 3
    assert "Do not trade on it" in str(refused.value)


def test_verify_names_faults_and_passes_a_whole_record(tmp_path: Path) -> None:
    """AL-3: the chain is verified by a command, which says what is wrong and where."""
    written(tmp_path)
    report = verify(tmp_path)
    assert (report.is_whole, report.rows, report.runs[0].rows) == (True, 3, 3)
    assert len(list(export_journal(tmp_path, "r0001"))) == 3
    meddle(tmp_path, "UPDATE journal SET payload = '{}' WHERE pos = 2")
    report = verify(tmp_path)
    assert not report.is_whole
    assert "row 2 (Noted): its content does not have its hash" in report.faults[0]


def test_a_record_without_its_guards_is_refused(tmp_path: Path) -> None:
    """AL-3: an append-only trigger that was dropped shows at the next start and in `verify`."""
    written(tmp_path)
    connection = apsw.Connection(str(record_path(tmp_path)))
    connection.execute("DROP TRIGGER journal_is_never_deleted")
    connection.close()
    missing = "trigger journal_is_never_deleted is missing"
    with pytest.raises(RecordDamagedError, match=missing):
        open_record(tmp_path)
    assert missing in verify(tmp_path).faults[0]


def test_verify_finds_a_table_that_contradicts_its_journal(tmp_path: Path) -> None:
    """AL-3: tables are worked out again from the journal and compared."""
    record = open_record(tmp_path, is_eager=False)
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    change = event("ControlChanged", name="max_position", old="null", new="5", author="ann")
    record.stage(request(1, change, journal_id="system"))
    record.close()
    assert verify(tmp_path).is_whole
    connection = apsw.Connection(str(record_path(tmp_path)))
    connection.execute("UPDATE runtime_controls SET value = '50'")
    connection.close()
    report = verify(tmp_path)
    assert "table runtime_controls differs from its journal" in report.faults[0]


def test_a_record_behind_its_mark_is_refused(tmp_path: Path) -> None:
    """ST-1: rows that were acknowledged and are gone stop the start (high-water mark)."""
    written(tmp_path, count=2)
    mark = read_mark(tmp_path / MARK_NAME)
    assert mark is not None
    assert mark.position == 2
    text = (tmp_path / MARK_NAME).read_text()
    (tmp_path / MARK_NAME).write_text(text.replace('"position": 2', '"position": 5'))
    with pytest.raises(RecordDamagedError, match=r"ends at row 2, .* 5 rows were durable"):
        open_record(tmp_path)
    (tmp_path / MARK_NAME).write_text("half a mar")
    with pytest.raises(RecordDamagedError, match="cannot be read"):
        open_record(tmp_path)


def test_a_lost_write_ahead_file_shows(tmp_path: Path) -> None:
    """ST-1: SQLite opens such a file without a word; the mark does not."""
    record = open_record(tmp_path, is_eager=False)
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    record.stage(request(1))
    record.settle()
    saved = record_path(tmp_path).read_bytes()
    for token in range(2, 5):
        record.stage(request(token))
    record.close()
    record_path(tmp_path).write_bytes(saved)
    for name in ("record.db-wal", "record.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    with pytest.raises(RecordDamagedError, match="acknowledged rows are lost"):
        open_record(tmp_path)


def test_a_second_instance_is_refused_by_name(tmp_path: Path) -> None:
    """ST-5: only one instance trades on a data directory, and the other is told who."""
    record = open_record(tmp_path)
    with pytest.raises(LeaseHeldError, match=r"is traded by process \d+ on") as refused:
        open_record(tmp_path)
    assert refused.value.exit_code == 3
    first = record.fence
    record.close()
    again = open_record(tmp_path)
    assert again.fence == first + 1
    again.close()


def test_a_raised_fence_stops_every_commit(tmp_path: Path) -> None:
    """ST-5: who was taken over writes nothing more, however the word or the row was raised."""
    inbox = Inbox()
    record = open_record(tmp_path, is_eager=False)
    record.deliver_to(inbox)
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    record.stage(request("before"))
    record.settle()
    record.lease.word.write(record.fence + 1)
    assert record.lease.is_lost()
    record.stage(request("after"))
    record.settle()
    assert [type(outcome).__name__ for outcome in inbox.outcomes] == ["Durable", "Fenced"]
    assert len(list(record.events(ACCOUNT, "r0001"))) == 1
    record.close()


def test_a_raised_lease_row_stops_every_commit(tmp_path: Path) -> None:
    """ST-5: the row alone is enough, inside the transaction that would write the intent."""
    inbox = Inbox()
    record = open_record(tmp_path, is_eager=False)
    record.deliver_to(inbox)
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    rival = apsw.Connection(str(record_path(tmp_path)))
    rival.execute("UPDATE lease SET fence = fence + 1")
    rival.close()
    record.stage(request("after"))
    record.settle()
    assert [type(outcome).__name__ for outcome in inbox.outcomes] == ["Fenced"]
    record.close()


def test_a_rival_takes_over_from_one_that_does_not_let_go(tmp_path: Path) -> None:
    """ST-5: the old holder writes no row and begins, ends and resumes no run; the newest may."""
    inbox = Inbox()
    frozen = open_record(tmp_path, is_eager=False)
    frozen.deliver_to(inbox)
    run = frozen.begin_run(mode="LIVE", config_hash="", source="", started_ns=1)
    rival = open_record(tmp_path, is_eager=False, is_rival=True)
    assert rival.fence > frozen.fence
    rival.resume_run(run)
    assert frozen.lease.is_lost()
    assert not rival.lease.is_lost()
    frozen.stage(request("thawed"))
    frozen.settle()
    assert [type(outcome).__name__ for outcome in inbox.outcomes] == ["Fenced"]
    for act in (
        lambda: frozen.end_run(ended_ns=2, is_clean=True),
        lambda: frozen.resume_run(run),
        lambda: frozen.begin_run(mode="LIVE", config_hash="", source="", started_ns=2),
    ):
        with pytest.raises(LeaseLostError, match="another instance has taken over"):
            act()
    last = rival.last_run()
    assert last is not None
    assert (last.run, last.ended_ns) == (run, None)
    with pytest.raises(LeaseHeldError, match="--take-over"):
        open_record(tmp_path)
    third = open_record(tmp_path, is_rival=True)
    assert third.fence > rival.fence
    for record in (frozen, rival, third):
        record.close()


def test_a_rival_waits_for_a_write_that_stands_still(tmp_path: Path) -> None:
    """ST-5: stopped inside a transaction, the old one keeps it; it is fenced all the same."""
    frozen = open_record(tmp_path, is_eager=False)
    writing = apsw.Connection(str(record_path(tmp_path)))
    writing.execute("BEGIN IMMEDIATE")
    with pytest.raises(LeaseHeldError, match="stands still"):
        open_record(tmp_path, is_rival=True)
    assert frozen.lease.is_lost()
    writing.execute("ROLLBACK")
    writing.close()
    open_record(tmp_path, is_rival=True).close()
    frozen.close()


def test_another_schema_is_refused(tmp_path: Path) -> None:
    """ST-8: a record that is behind, ahead or altered is not traded on, and says what to do."""
    written(tmp_path)
    connection = apsw.Connection(str(record_path(tmp_path)))
    connection.execute("INSERT INTO schema_migrations VALUES (9999, '9999_later.sql', 'x')")
    with pytest.raises(RecordVersionError, match=r"schema 9999, .*changed; run the version that"):
        open_record(tmp_path)
    connection.execute("DELETE FROM schema_migrations WHERE number = 9999")
    connection.execute("UPDATE schema_migrations SET sha256 = 'x' WHERE number = 1")
    with pytest.raises(RecordDamagedError, match=r"0001_record\.sql is not .*restore a backup"):
        open_record(tmp_path)
    sha256 = migrations()[0].sha256
    connection.execute("UPDATE schema_migrations SET sha256 = ? WHERE number = 1", (sha256,))
    connection.close()
    open_record(tmp_path).close()


def test_events_of_a_newer_version_are_refused(tmp_path: Path) -> None:
    """ST-2: what this version might misread is not read at all; nothing is changed."""
    written(tmp_path)
    meddle(tmp_path, "UPDATE journal SET schema_ver = 2 WHERE pos = 3")
    with pytest.raises(RecordVersionError, match=r"newest events .* have schema 2") as refused:
        open_record(tmp_path)
    assert "run the version that wrote them" in str(refused.value)
    meddle(tmp_path, "UPDATE journal SET schema_ver = 1 WHERE pos = 3")
    open_record(tmp_path).close()


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("storage.emergency.os.posix_fallocate", OSError(errno.ENOSPC, "No space left on device")),
        ("storage.sqlite.open_writer", apsw.FullError("database or disk is full")),
    ],
    ids=["beside", "within"],
)
def test_a_full_disk_at_the_start_says_what_stands_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, error: Exception
) -> None:
    """ST-8: nothing was sent, nothing is lost, and the lease is free once there is room."""

    def full(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(where, full)
        with pytest.raises(DiskFullError, match="nothing was sent") as refused:
            open_record(tmp_path)
    assert "Make room there" in str(refused.value)
    assert "holdfast run --recover" in str(refused.value)
    open_record(tmp_path).close()


def test_migrating_brings_an_older_record_up_after_a_backup(tmp_path: Path) -> None:
    """ST-8: schema steps are applied forward, once, with a copy of the file as it was."""
    connection = apsw.Connection(str(record_path(tmp_path)))
    apply(connection, migrations()[:1])
    connection.close()
    with pytest.raises(RecordVersionError, match=r"lacks schema step 0002.*`holdfast migrate`"):
        open_record(tmp_path)
    assert migrate(tmp_path) == [step.name for step in migrations()[1:]]
    assert (tmp_path / "record.db.before-0002").exists()
    assert migrate(tmp_path) == []
    written(tmp_path)
    assert verify(tmp_path).is_whole


def test_the_newest_copies_of_before_a_step_are_kept(tmp_path: Path) -> None:
    """WD-8: each is as large as the record; what is named otherwise is left alone."""
    connection = apsw.Connection(str(record_path(tmp_path)))
    apply(connection, migrations()[:1])
    connection.close()
    mine = tmp_path / "record.db.before-the-flood"
    for path in (*(tmp_path / f"record.db.before-000{number}" for number in (0, 1)), mine):
        path.write_text("a copy")
    assert migrate(tmp_path)
    left = sorted(path.name for path in tmp_path.glob("record.db.before-*"))
    assert left == ["record.db.before-0001", "record.db.before-0002", mine.name]


def test_a_record_that_is_traded_on_is_not_migrated(tmp_path: Path) -> None:
    """ST-5, ST-8: a trader's own tables do not change under it."""
    record = open_record(tmp_path)
    with pytest.raises(LeaseHeldError, match="stop that one first"):
        migrate(tmp_path)
    record.close()
    assert migrate(tmp_path) == []


def test_a_fence_that_cannot_be_read_lets_nobody_trade(tmp_path: Path) -> None:
    """ST-5: what was found, what is safe, the command; without the file the record's own counts."""
    record = open_record(tmp_path)
    first = record.fence
    record.close()
    (tmp_path / "fence.word").write_bytes(b"abc")
    for _ in range(2):
        with pytest.raises(RecordDamagedError, match=r"was 3: .*`holdfast verify`, then remove"):
            open_record(tmp_path)
    assert verify(tmp_path).is_whole
    (tmp_path / "fence.word").unlink()
    again = open_record(tmp_path)
    assert again.fence == first + 1
    again.close()


def test_an_old_library_is_refused() -> None:
    """ST-1: SQLite below 3.51.3 can corrupt a write-ahead file."""
    check_library("3.51.3")
    check_library()
    with pytest.raises(RecordVersionError, match=r"at least 3\.51\.3 .* was 3\.40\.1"):
        check_library("3.40.1")


def test_network_file_systems_are_recognised() -> None:
    """ST-1: locks and syncs do not hold on network file systems, so the record refuses them."""
    mounts = "\n".join(
        ["/dev/vda1 / ext4 rw 0 0", "srv:/x /mnt/data nfs4 rw 0 0", "srv:/y /mnt/da nfs rw 0 0"]
    )
    assert file_system_of(Path("/mnt/data/run"), mounts) == "nfs4"
    assert file_system_of(Path("/home/x"), mounts) == "ext4"
    assert file_system_of(Path("/mnt/database"), mounts) == "ext4"


def test_what_is_no_record_is_said_so(tmp_path: Path) -> None:
    """AL-3: an empty directory and a foreign database get a clear word, and are left alone."""
    with pytest.raises(NoRecordError, match="nothing has run"):
        verify(tmp_path)
    connection = apsw.Connection(str(record_path(tmp_path)))
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    with pytest.raises(RecordError, match="no record of this project"):
        open_record(tmp_path)


def test_only_the_owner_can_read_a_record(tmp_path: Path) -> None:
    """ST-1: neither the record nor what lies beside it is open to others on the machine."""
    record = open_record(tmp_path / "data", is_eager=False)
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    record.stage(request(1))
    record.settle()
    files = list((tmp_path / "data").iterdir())
    assert {path.name for path in files} >= {"record.db", "record.db-wal", "fence.word"}
    assert [path.name for path in files if path.stat().st_mode & 0o077] == []
    record.close()
