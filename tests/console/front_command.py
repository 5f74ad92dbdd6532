"""The command of a run whose trader only plays a part."""

import sys
from pathlib import Path

import orjson

from console.front import Command
from console.guard_program import guard_program
from trading.run_options import RunOptions

PART = "tests.console.fake_run"


def command(
    part: str, data_dir: Path, console: str | None = None, *, take_over: bool = False
) -> Command:
    """The guard with the fake trader, and a console module where one is named."""
    options = RunOptions(data_dir=data_dir, url=part, recover=take_over, take_over=take_over)
    plan = {
        "data_dir": str(data_dir),
        "python": sys.executable,
        "trader": PART,
        "options": orjson.loads(options.to_json()),
        "archivist": None,
        "console": None if console is None else ["-m", console],
        "guard": None,
    }
    text = orjson.dumps(plan).decode()
    return Command(argv=lambda _: [guard_program(), "run", text], is_guard=True)
