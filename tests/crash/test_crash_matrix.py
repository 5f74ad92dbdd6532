"""kill -9 at every named point, then `--recover`: the trades of an uninterrupted run."""

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from storage import open_record
from tests.crash.child import POINTS, Plan
from tests.support.play import CONFIGS
from trading.run_options import RunOptions

ROOT = Path(__file__).parents[2]
OCCASIONS = 10
TRADES = """SELECT entry_ns, exit_ns, side, qty_1e8, entry_1e8, exit_1e8, fees_1e8, net_1e8, reason
    FROM trades ORDER BY entry_ns, trade_id"""
JOURNAL = """SELECT journal_id, seq, stream, stream_version, kind, at_ns, payload, hash
    FROM journal ORDER BY pos"""


@dataclass(frozen=True, slots=True)
class Found:
    """What a data directory holds after a run."""

    trades: list[tuple[object, ...]]
    journal: list[tuple[object, ...]]
    open_orders: int
    open_positions: int
    kill_level: str


def read(data_dir: Path) -> Found:
    """Open the record as the next run would, and read it."""
    record = open_record(data_dir, is_eager=False)
    try:
        live = "state NOT IN ('FILLED', 'CANCELLED', 'REJECTED', 'EXPIRED', 'NOT_SENT')"
        return Found(
            record.query(TRADES, {}),
            record.query(JOURNAL, {}),
            record.query(f"SELECT count(*) FROM orders WHERE {live}", {})[0][0],  # noqa: S608
            record.query("SELECT count(*) FROM positions WHERE phase <> 'CLOSED'", {})[0][0],
            record.kill_level(),
        )
    finally:
        record.close()


def options(data_dir: Path, *, recover: bool = False) -> str:
    """A run over a generated market of its own, as fast as it goes."""
    return RunOptions(
        config=CONFIGS / "demo.toml", data_dir=data_dir, speed_ratio=None, recover=recover
    ).to_json()


def run(plan: Plan) -> int:
    """One child process to its end; its exit code, -9 when it was killed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.child", plan.to_json()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, -9), done.stderr
    return done.returncode


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The run that nothing happened to."""
    data_dir = tmp_path_factory.mktemp("whole")
    assert run(Plan(options=options(data_dir))) == 0
    found = read(data_dir)
    assert len(found.trades) >= 2
    return found


@pytest.mark.parametrize("point", [point for point in POINTS if point != "mid-kill"])
@pytest.mark.parametrize("occurrence", range(1, OCCASIONS + 1))
def test_a_recovered_run_ends_with_the_trades_of_an_uninterrupted_one(
    point: str, occurrence: int, uninterrupted: Found, tmp_path: Path
) -> None:
    """ST-1, ST-2, EX-4, EX-6: nothing lost, nothing doubled, and the journal before is a prefix."""
    plan = Plan(options=options(tmp_path), point=point, occurrence=occurrence)
    assert run(plan) == -9, f"{point} was not reached {occurrence} times"
    before = read(tmp_path).journal
    assert run(replace(plan, options=options(tmp_path, recover=True), point="")) == 0
    after = read(tmp_path)
    assert after.journal[: len(before)] == before
    assert after.trades == uninterrupted.trades
    assert (after.open_orders, after.open_positions) == (0, 0)
