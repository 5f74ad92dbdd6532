"""The archivist may die at any instant and loses, doubles and disturbs nothing."""

import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from storage import NoRecordError, RecordDamagedError, open_record
from storage.archive import Archivist, main
from storage.manifest import Manifest, archive_faults
from storage.verify import verify
from storage.warehouse import run_sql
from tests.storage.scripted_session import played
from tests.storage.staging import request

ROOT = Path(__file__).resolve().parents[2]
COUNTS = "SELECT count(*), count(DISTINCT pos), max(pos) FROM journal"


def filled(data_dir: Path, rows: int = 3_000) -> None:
    """A closed record of many small rows."""
    record = open_record(data_dir, is_eager=False)
    record.begin_run(mode="PAPER", config_hash="", source="", started_ns=1)
    for token in range(rows):
        record.stage(request(token))
    record.close()


def archivist(data_dir: Path, *more: str) -> subprocess.Popen[bytes]:
    """The archivist as a process."""
    command = [sys.executable, "-m", "storage.archive", "--data-dir", str(data_dir), *more]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)


def test_answers_are_the_same_before_and_after_archiving(tmp_path: Path) -> None:
    """PM-2: views read segments and the record's tail as one."""
    record = played(tmp_path)
    asks = [
        "SELECT * FROM orders ORDER BY pos",
        "SELECT * FROM trades ORDER BY pos",
        "SELECT * FROM latency ORDER BY client_order_id",
        "SELECT * FROM journal ORDER BY pos",
    ]
    before = [run_sql(tmp_path, ask) for ask in asks]
    written = Archivist(tmp_path, rows_max=30).archive()
    assert [(s.table, s.first, s.last) for s in written][:3] == [
        ("journal", 1, 30),
        ("journal", 31, 60),
        ("journal", 61, 81),
    ]
    assert [s.table for s in written[3:]] == ["latency_marks"]
    assert [run_sql(tmp_path, ask) for ask in asks] == before
    record.resume_run("r0001")
    record.stage(request("later"))
    record.settle()
    assert run_sql(tmp_path, COUNTS).rows == [(82, 82, 82)]
    assert archive_faults(tmp_path) == []
    record.close()


def test_nothing_is_lost_or_doubled_by_kill_9(tmp_path: Path) -> None:
    """PM-2: killed at random points and started again, the archive holds every row once."""
    filled(tmp_path)
    chance = random.Random(7)
    for _ in range(6):
        child = archivist(tmp_path)
        stop = threading.Timer(chance.uniform(0.15, 0.6), child.kill)
        stop.start()
        child.communicate()
        stop.cancel()
        assert run_sql(tmp_path, COUNTS).rows == [(3_000, 3_000, 3_000)]
    folder = Manifest(tmp_path).folder
    folder.mkdir(exist_ok=True)
    (folder / "journal-000000000001-000000000009.parquet").write_bytes(b"torn")
    (folder / "journal-000000000001-000000000008.parquet.tmp").write_bytes(b"torn")
    assert main(["--data-dir", str(tmp_path), "--once"]) == 0
    assert archive_faults(tmp_path) == []
    assert sum(s.rows for s in Manifest(tmp_path).segments()) == 3_000
    assert run_sql(tmp_path, COUNTS).rows == [(3_000, 3_000, 3_000)]
    assert len(list(folder.glob("*.parquet*"))) == len(Manifest(tmp_path).segments())


def test_sigterm_writes_the_rest_and_ends_cleanly(tmp_path: Path) -> None:
    """PM-2: the archivist leaves nothing unwritten when it is asked to leave."""
    filled(tmp_path, rows=10)
    child = archivist(tmp_path)
    folder = Manifest(tmp_path).folder
    while not folder.exists():
        assert child.poll() is None
    child.send_signal(signal.SIGTERM)
    _, complaint = child.communicate()
    assert (child.returncode, complaint) == (0, b"")
    assert [(s.first, s.last) for s in Manifest(tmp_path).segments()] == [(1, 10)]


def test_a_torn_line_is_passed_over_and_a_broken_one_is_named(tmp_path: Path) -> None:
    """PM-2: a crash while the manifest is written costs nothing; damage to it is said."""
    filled(tmp_path, rows=20)
    worker = Archivist(tmp_path, rows_max=10)
    worker.archive()
    path = worker.manifest.path
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"table":"jour')
    assert len(worker.manifest.segments()) == 2
    first = worker.manifest.segments()[0]
    worker.manifest.append(first)
    assert len(worker.manifest.segments()) == 3
    path.write_bytes(b"nonsense\n" + whole)
    with pytest.raises(RecordDamagedError, match="line 1 of"):
        worker.manifest.segments()


def test_a_changed_segment_shows(tmp_path: Path) -> None:
    """AL-3: segments have digests, and a missing or changed one is named."""
    filled(tmp_path, rows=20)
    worker = Archivist(tmp_path, rows_max=10)
    one, two = worker.archive()
    file = worker.manifest.folder / one.file
    file.write_bytes(file.read_bytes() + b"x")
    (worker.manifest.folder / two.file).unlink()
    faults = archive_faults(tmp_path)
    assert verify(tmp_path).faults == faults
    assert [f"{one.file} was changed" in faults[0], f"{two.file} is missing" in faults[1]] == [
        True,
        True,
    ]


def test_segments_are_plain_parquet(tmp_path: Path) -> None:
    """PM-2: any DuckDB client reads them, without this program."""
    filled(tmp_path, rows=20)
    [segment] = Archivist(tmp_path).archive()
    path = Manifest(tmp_path).folder / segment.file
    rows = duckdb.read_parquet(str(path)).aggregate("count(*), max(hash) FILTER (pos = 20)")
    assert rows.fetchall() == [(20, bytes.fromhex(segment.last_hash))]


def test_without_a_record_there_is_nothing_to_archive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """PM-2: a wrong directory is a set-up error with a clear word."""
    with pytest.raises(NoRecordError):
        Archivist(tmp_path)
    assert main(["--data-dir", str(tmp_path), "--once"]) == 2
    assert "no record at" in capsys.readouterr().err
