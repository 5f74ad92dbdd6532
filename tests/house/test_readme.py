"""What the README tells a newcomer to type works, in the order in which it stands there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_commands_of_the_first_five_minutes_work(tmp_path: Path) -> None:
    """UI-11, UI-14: each line ends with exit code 0 in an empty folder, and says something."""
    text = (ROOT / "README.md").read_text().split("## The first five minutes", 1)[1]
    (block,) = re.findall(r"```\n(.+?)```", text.split("\n## ", 1)[0], re.DOTALL)
    lines = block.strip().splitlines()
    assert len(lines) == 8
    holdfast = str(Path(sys.executable).with_name("holdfast"))
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == ".venv/bin/holdfast"
        done = subprocess.run(
            [holdfast, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert (line, done.returncode, done.stderr[-300:]) == (line, 0, done.stderr[-300:])
        assert done.stdout.strip(), line
