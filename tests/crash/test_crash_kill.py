"""A kill and kill -9 together: whoever starts next is killed, and each kill acts once."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from research.crash.market import busy_config, busy_tape
from research.crash.plan import Plan
from storage import open_record
from tests.support.process import ask
from trading.run_options import ExitCode, RunOptions

ROOT = Path(__file__).parents[2]
DIED = -9

pytestmark = pytest.mark.timeout(240)  # several processes in a row, on a machine that may be busy
LIVE = "SELECT count(*) FROM orders WHERE run = :run AND purpose = 'ENTRY'"
SAID = """SELECT kind, journal_id FROM journal
    WHERE kind IN ('KillAccepted', 'KillLevelChanged', 'KillFinished', 'KillDone')
        AND payload ->> '$.kill_id' = :kill_id"""
COUNTS = "SELECT closed, failed, remaining FROM kill_commands WHERE kill_id = :kill_id"
Starts = Callable[..., Plan]


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory) -> Starts:
    """Plans of a trader on one busy market."""
    directory = tmp_path_factory.mktemp("market")
    config, tape = busy_config(directory), busy_tape(directory, sessions=1)

    def plan(data_dir: Path, *, recover: bool = False, **choices: Any) -> Plan:
        options = RunOptions(config=config, data_dir=data_dir, speed_ratio=None, recover=recover)
        return Plan(options=options.to_json(), tape=str(tape), **choices)

    return plan


def run(plan: Plan) -> tuple[int, str]:
    """One child process to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "research.crash.child", plan.to_json()],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


def query(data_dir: Path, sql: str, **fields: Any) -> list[tuple[Any, ...]]:
    """What the record says while no trader runs."""
    record = open_record(data_dir, is_eager=False)
    try:
        return record.query(sql, fields)
    finally:
        record.close()


def newest_run(data_dir: Path) -> str:
    """The last run that was begun."""
    record = open_record(data_dir, is_eager=False)
    try:
        last = record.last_run()
        assert last is not None
        return last.run
    finally:
        record.close()


def level_of(data_dir: Path) -> str:
    """As anyone can ask."""
    said = ask("status", "--data-dir", str(data_dir), "--json")
    return str(said.json()["kill"]["level"])


def said_of(data_dir: Path, kill_id: str) -> Counter[tuple[str, str]]:
    """What the journals say of a kill, over all runs."""
    return Counter(
        (kind, journal_id) for kind, journal_id in query(data_dir, SAID, kill_id=kill_id)
    )


def check_comes_back_killed(data_dir: Path, starts: Starts) -> None:
    """A new run enters nothing; a person's resume, and only it, lifts the kill."""
    assert level_of(data_dir) == "FLATTEN"
    assert run(starts(data_dir))[0] == ExitCode.DONE
    assert query(data_dir, LIVE, run=newest_run(data_dir)) == [(0,)]
    assert level_of(data_dir) == "FLATTEN"


@pytest.fixture(scope="module")
def ended(starts: Starts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in which one run has ended well; to be copied."""
    data_dir = tmp_path_factory.mktemp("ended")
    assert run(starts(data_dir))[0] == ExitCode.DONE
    return data_dir


def killed_meanwhile(ended: Path, data_dir: Path) -> str:
    """A kill asked for while no trader runs; its id."""
    copytree(ended, data_dir)
    latched = ask("kill", "FLATTEN", "--data-dir", str(data_dir), "--json")
    assert (latched.code, latched.json()["type"]) == (0, "latched")
    return str(latched.json()["id"])


@pytest.mark.parametrize("occurrence", [1, 4])
def test_a_trader_that_dies_in_a_kill_comes_back_killed(
    occurrence: int, starts: Starts, ended: Path, tmp_path: Path
) -> None:
    """KC-3, KC-4, ST-2: no new run before the cut-off one is finished, and then a killed one."""
    [(entry_ns, exit_ns)] = query(
        ended, "SELECT entry_ns, exit_ns FROM trades ORDER BY entry_ns LIMIT 1 OFFSET 3"
    )
    at_ns = (entry_ns + exit_ns) // 2
    cut = starts(tmp_path, point="mid-kill", occurrence=occurrence, kill_at_ns=at_ns)
    assert run(cut)[0] == DIED
    assert level_of(tmp_path) == "FLATTEN"
    code, error = run(starts(tmp_path))
    assert (code, "--recover" in error) == (ExitCode.REFUSED, True)
    assert run(starts(tmp_path, recover=True))[0] == ExitCode.DONE
    assert query(tmp_path, COUNTS, kill_id="scripted") == [(1, 0, 0)]
    check_comes_back_killed(tmp_path, starts)
    once = {("KillAccepted", "system"), ("KillDone", "system"), ("KillFinished", "account:main")}
    assert {said_of(tmp_path, "scripted")[each] for each in once} == {1}


@pytest.mark.parametrize("point", ["kill latched durably", "kill finished durably"])
def test_a_kill_taken_up_by_a_trader_that_dies_is_carried_out_once(
    point: str, starts: Starts, ended: Path, tmp_path: Path
) -> None:
    """KC-1, KC-4: asked for while no trader ran; killed at a word of the pick-up, done once."""
    data_dir = tmp_path / "data"
    kill_id = killed_meanwhile(ended, data_dir)
    assert run(starts(data_dir, point=point))[0] == DIED
    assert level_of(data_dir) == "FLATTEN"
    assert run(starts(data_dir, recover=True))[0] == ExitCode.DONE
    said = said_of(data_dir, kill_id)
    assert [said[kind, "system"] for kind in ("KillAccepted", "KillDone")] == [1, 1]
    own = [said[kind, "account:main"] for kind in ("KillLevelChanged", "KillFinished")]
    assert own == [1, 1]
    check_comes_back_killed(data_dir, starts)
    assert said_of(data_dir, kill_id) == said


def test_dying_again_and_again_lifts_no_kill(starts: Starts, ended: Path, tmp_path: Path) -> None:
    """KC-4: three deaths in three recoveries of one kill, each a little further on."""
    data_dir = tmp_path / "data"
    kill_id = killed_meanwhile(ended, data_dir)
    for number, point in enumerate(("kill latched", "kill finished", "kill done")):
        assert run(replace(starts(data_dir, recover=number > 0), point=point))[0] == DIED
        assert level_of(data_dir) == "FLATTEN"
    assert run(starts(data_dir, recover=True))[0] == ExitCode.DONE
    assert said_of(data_dir, kill_id)["KillDone", "system"] == 1
    check_comes_back_killed(data_dir, starts)
