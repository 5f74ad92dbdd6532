"""kill -9 at any instant loses nothing that was acknowledged."""

import random
import signal
import subprocess
import sys
from pathlib import Path

from storage import open_record
from storage.verify import export_journal, verify

ROOT = Path(__file__).resolve().parents[2]
KILLS = 20


def _killed_after(data_dir: Path, acknowledgements: int) -> int:
    """Kill the child once it has acknowledged that many requests; the last sequence it told."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.storage.acknowledging_child", str(data_dir)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    told = [child.stdout.readline() for _ in range(acknowledgements)]
    child.send_signal(signal.SIGKILL)
    rest = child.stdout.read()
    child.wait()
    child.stdout.close()
    told += rest.split(b"\n")[:-1]  # what the kill cut off was not told
    return int(told[-1])


def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    """ST-1: after twenty kills every acknowledged row is there and the chain is whole."""
    chance = random.Random(20_200_102)
    before: list[bytes] = []
    for _ in range(KILLS):
        acknowledged = _killed_after(tmp_path, chance.randrange(1, 60))
        lines = list(export_journal(tmp_path, "r0001"))
        assert lines[: len(before)] == before, "the journal before is a byte-identical prefix"
        assert len(lines) >= max(acknowledged, len(before))
        assert len(lines) % 2 == 0, "a request of two events is durable whole or not at all"
        before = lines
    report = verify(tmp_path)
    assert report.is_whole, report.faults
    record = open_record(tmp_path)
    assert record.fence == KILLS + 1
    record.close()
