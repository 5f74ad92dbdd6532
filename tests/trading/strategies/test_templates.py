"""What `holdfast new` writes runs at once."""

import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from trading.errors import ConfigError
from trading.strategies.templates import write_template

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("kind", ["strategy", "policy"])
def test_a_new_file_and_its_test_run_at_once(
    tmp_path: Path, kind: Literal["strategy", "policy"]
) -> None:
    """SG-1, RK-16: a template with a test that passes as it is, and is formatted."""
    paths = write_template(kind, "my_idea", tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "my_idea.py",
        "tests/test_my_idea.py",
    ]
    for command in (
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", str(paths[1])],
        ["-m", "ruff", "format", "--check", "--line-length", "100", str(tmp_path)],
    ):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    """UI-11: nothing dangerous as a default."""
    write_template("strategy", "my_idea", tmp_path)
    (tmp_path / "my_idea.py").write_text("mine")
    with pytest.raises(ConfigError, match=r"my_idea\.py: expected no such file"):
        write_template("strategy", "my_idea", tmp_path)
    assert (tmp_path / "my_idea.py").read_text() == "mine"
