"""The shipped configurations, whole: `.venv/bin/python tools/profiles.py [--write]`.

A profile in configs/ states every value with its comment, so that `holdfast init` hands out
nothing less. Which values differ from the defaults, and the text at the top, are written by hand;
a key that the configuration gained, or a comment that changed, is put in by `--write`.
"""

import sys
from pathlib import Path

from trading.config_reader import parse
from trading.config_text import heading, render

CONFIGS = Path(__file__).resolve().parent.parent / "configs"


def behind(folder: Path = CONFIGS, *, write: bool = False) -> list[str]:
    """Names of the profiles whose text is not what their values render to."""
    found = []
    for path in sorted(folder.glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        whole = render(parse(text, path.name, environment={}), heading(text))
        if whole != text:
            found.append(path.name)
            if write:
                path.write_text(whole, encoding="utf-8")
    return found


def main() -> int:
    """Exit code: 0 they are whole or were made so, 1 some are behind."""
    write = sys.argv[1:] == ["--write"]
    found = behind(write=write)
    for name in found:
        sys.stdout.write(f"{name} {'written' if write else 'is behind; run this with --write'}\n")
    return 1 if found and not write else 0


if __name__ == "__main__":
    sys.exit(main())
