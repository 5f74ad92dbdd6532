"""Where a run's market comes from."""

import os
from pathlib import Path

import msgspec
import pytest

from actors.tape_source import FIRST_DATE, find_tape, generated_plan
from tests.support.play import CONFIGS
from trading.calendar import CalendarError
from trading.config_reader import load
from trading.run_options import RunOptions


@pytest.mark.parametrize(
    ("day", "nearest"), [(20240106, "2024-01-05, 2024-01-08"), (20310101, "2027-12-31")]
)
def test_a_day_without_a_session_is_never_replaced_by_another(day: int, nearest: str) -> None:
    """MD-5: a Saturday gives an error that names the sessions beside it, not the Monday."""
    with pytest.raises(CalendarError, match="XNYS has no session on") as refused:
        generated_plan(load(CONFIGS / "demo.toml"), day)
    assert nearest in str(refused.value)


def test_a_day_with_a_session_is_the_one_that_is_made() -> None:
    """MD-5: what was asked for is what is played; without a word it is the first."""
    config = load(CONFIGS / "demo.toml")
    assert generated_plan(config, 20240108).first_date == 20240108
    assert generated_plan(config, None).first_date == FIRST_DATE


def played(data_dir: Path, day: int, keep: int | None) -> Path:
    """The tape of a run of that day, which finds it as a trader does."""
    config = load(CONFIGS / "demo.toml")
    retention = msgspec.structs.replace(config.retention, tapes_max=keep)
    config = msgspec.structs.replace(config, retention=retention)
    options = RunOptions(data_dir=data_dir, session_yyyymmdd=day)
    return find_tape(options, config, None).path


def test_the_tapes_used_last_are_kept_and_the_one_that_is_played_in_any_case(
    tmp_path: Path,
) -> None:
    """WD-8: so many; a use counts like a making, and one that went is made again when asked for."""
    first, second = (played(tmp_path, day, None) for day in (20240102, 20240103))
    beside = tmp_path / "tapes" / "notes.txt"
    beside.write_text("mine")
    os.utime(first, ns=(1, 1))
    os.utime(second, ns=(2, 2))
    assert played(tmp_path, 20240102, 2) == first  # used again: now the second is the oldest
    third = played(tmp_path, 20240104, 2)
    assert [path.exists() for path in (first, second, third)] == [True, False, True]
    assert played(tmp_path, 20240103, 1) == second
    assert [path.exists() for path in (first, second, third)] == [False, True, False]
    assert beside.exists()


def test_without_a_limit_every_tape_stays(tmp_path: Path) -> None:
    """WD-8: taken away by name."""
    assert all(played(tmp_path, day, None).exists() for day in (20240102, 20240103))
    assert len(list((tmp_path / "tapes").iterdir())) == 2
