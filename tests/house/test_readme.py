"""What README and tutorials tell a newcomer to type works, in the order in which it stands."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    "README.md",
    *(f"docs/tutorial/{path.name}" for path in (ROOT / "docs/tutorial").iterdir()),
]
SCREEN_LINES_MAX = 60


def commands(page: str) -> list[str]:
    """Each line of its blocks that starts the program; `make` is what sets it up."""
    blocks = re.findall(r"^```\n(.+?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.strip().splitlines()]
    assert [line for line in lines if not line.startswith((".venv/bin/holdfast ", "make "))] == []
    return [line for line in lines if not line.startswith("make ")]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_work_one_after_another(tmp_path: Path, page: str) -> None:
    """UI-11, UI-14: each line ends with exit code 0 in an empty folder, and says something."""
    lines = commands(page)
    assert len(lines) >= 9
    holdfast = str(Path(sys.executable).with_name("holdfast"))
    for line in lines:
        done = subprocess.run(
            [holdfast, *shlex.split(line)[1:]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (line, done.returncode, done.stderr[-300:]) == (line, 0, done.stderr[-300:])
        assert done.stdout.strip(), line
    assert 10_000 < (tmp_path / "report.html").stat().st_size < 1_000_000


def test_the_readme_is_one_screen() -> None:
    """UI-14: a newcomer reads it in a minute; the rest stands in docs/."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= SCREEN_LINES_MAX
