"""Old segments go back to the record: no answer changes, and what has one copy stays (WD-8)."""

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from storage import open_record
from storage.archive import Archivist, main
from storage.manifest import Manifest, Segment, archive_faults
from storage.verify import verify
from storage.warehouse import Table, build_warehouse, run_sql
from tests.storage.staging import request

ROOT = Path(__file__).resolve().parents[2]
DAY_NS = 86_400 * 1_000_000_000
ROWS = "SELECT pos, hash, payload FROM journal ORDER BY pos"
MARKS = "SELECT * FROM latency ORDER BY ALL"
# Killed where the manifest is new and the first of the files that left it is removed.
KILLED = """
import os, pathlib, signal, sys
from storage.archive import Archivist
folder = pathlib.Path(sys.argv[1])
worker = Archivist(folder)
assert len(worker.give_back(2)) > 1
unlink = pathlib.Path.unlink
def once(path, **options):
    unlink(path, **options)
    os.kill(os.getpid(), signal.SIGKILL)
pathlib.Path.unlink = once
worker.give_back(2)
"""


def days_recorded(data_dir: Path, days: int = 6, rows: int = 10) -> list[Segment]:
    """A record of some days, `rows` events and marks each, archived in a segment a day."""
    for at in range(days):
        now_ns = (20_000 + at) * DAY_NS
        record = open_record(data_dir, is_eager=False, wall_ns=partial(int, now_ns))
        record.begin_run(mode="PAPER", config_hash="", source="", started_ns=now_ns)
        for token in range(rows):
            record.stage(request(f"{at}-{token}"))
            record.mark(f"o-{at}-{token}", "SENT", token)
        record.end_run(ended_ns=now_ns, is_clean=True)
        record.close()
    return Archivist(data_dir, rows_max=rows).archive()


def answers(data_dir: Path) -> list[Table]:
    return [run_sql(data_dir, ROWS), run_sql(data_dir, MARKS)]


def files(data_dir: Path) -> set[str]:
    return {path.name for path in (data_dir / "archive").glob("*.parquet*")}


def test_old_segments_are_given_back_and_every_answer_stays(tmp_path: Path) -> None:
    """WD-8, PM-2: two days before the newest event one step inside stays, beyond goes."""
    written = days_recorded(tmp_path)
    before = answers(tmp_path)
    worker = Archivist(tmp_path)
    assert worker.give_back(5) == []
    assert worker.give_back(2) == [*written[:3], *written[6:9]]
    assert files(tmp_path) == {each.file for each in written}, "a reader may be at them"
    assert answers(tmp_path) == before
    assert worker.give_back(2) == []
    assert files(tmp_path) == {each.file for each in [*written[3:6], *written[9:]]}
    assert answers(tmp_path) == before
    assert (archive_faults(tmp_path), verify(tmp_path).faults) == ([], [])
    build_warehouse(tmp_path, tmp_path / "w.duckdb")


def test_what_was_given_back_becomes_one_line_and_nothing_is_archived_twice(tmp_path: Path) -> None:
    """WD-8: the manifest stays as short as the archive, and the archivist goes on behind it."""
    written = days_recorded(tmp_path)
    worker = Archivist(tmp_path)
    worker.give_back(4)
    worker.give_back(0)
    gone, marks, *kept = worker.manifest.segments()
    assert (gone.table, gone.first, gone.last, gone.rows) == ("journal", 1, 50, 50)
    assert (marks.table, marks.first, marks.last, marks.rows) == ("latency_marks", 1, 50, 50)
    assert gone.is_given_back
    assert marks.is_given_back
    assert kept == [written[5], written[11]]
    assert worker.archive() == []
    days_recorded(tmp_path, days=1)
    assert sum(each.rows for each in worker.manifest.segments()) == 140


def test_killed_between_two_removals_the_archive_reads_and_the_next_start_ends_it(
    tmp_path: Path,
) -> None:
    """WD-8: kill -9 after the first of three files leaves no fault and no other answer."""
    written = days_recorded(tmp_path)
    before = answers(tmp_path)
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(files(tmp_path)) == len(written) - 1
    assert answers(tmp_path) == before
    assert archive_faults(tmp_path) == []
    assert main(["--data-dir", str(tmp_path), "--keep-days", "2", "--once"]) == 0
    assert files(tmp_path) == {each.file for each in [*written[3:6], *written[9:]]}
    assert answers(tmp_path) == before


@pytest.mark.parametrize("wrong", ["last_hash", "rows"])
def test_a_segment_that_is_not_what_the_record_holds_never_goes(tmp_path: Path, wrong: str) -> None:
    """WD-8: it may be the only copy; nor does what follows it."""
    days_recorded(tmp_path)
    manifest = Manifest(tmp_path)
    text = manifest.path.read_text()
    second = manifest.segments()[1]
    changed = {
        "last_hash": (second.last_hash, "0" * 64),
        "rows": ('11,"last":20,"rows":10,"file":"j', '11,"last":20,"rows":11,"file":"j'),
    }[wrong]
    assert text.count(changed[0]) == 1
    manifest.path.write_text(text.replace(*changed))
    gone = [each for each in Archivist(tmp_path).give_back(1) if each.table == "journal"]
    assert [each.last for each in gone] == [10]


def test_without_an_age_nothing_goes(tmp_path: Path) -> None:
    """WD-8: an archive that is to be kept for ever is."""
    written = days_recorded(tmp_path)
    assert main(["--data-dir", str(tmp_path), "--once"]) == 0
    assert Manifest(tmp_path).segments() == written


def test_an_age_of_less_than_a_day_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """WD-8: 0 would give back everything but today."""
    with pytest.raises(SystemExit, match="2"):
        main(["--data-dir", str(tmp_path), "--keep-days", "0"])
    assert "expected at least 1 day, found 0" in capsys.readouterr().err
