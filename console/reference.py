"""Writes docs/reference/cli.md from the commands themselves: `python -m console.reference`."""

import sys
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from console.cli import app

_HEADING = """# Commands

Written by `python -m console.reference > docs/reference/cli.md`; a test compares the two.

`--data-dir` may stand before the command too, and is `./holdfast-data` where nothing says
otherwise. Exit codes are in [exit-codes.md](exit-codes.md). With `--json` an error is an object
`{"error": ..., "exit_code": ...}` on standard output as well.
"""


def reference() -> str:
    """The whole page."""
    group: Any = get_command(app)
    parts = [_HEADING]
    parts += ["\n".join(_command(name, command)) for name, command in _commands(group, "")]
    return "\n".join(parts) + "\n"


def _commands(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    """Each command with its whole name; a group stands for those inside it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def _command(name: str, command: Any) -> Iterator[str]:
    arguments = [param for param in command.params if not param.opts[0].startswith("-")]
    options = [param for param in command.params if param.opts[0].startswith("-")]
    words = [param.metavar or param.name.upper() for param in arguments]
    shown = " ".join(
        word if param.required else f"[{word}]"
        for word, param in zip(words, arguments, strict=True)
    )
    yield f"## `holdfast {f'{name} {shown}'.strip()}`"
    yield ""
    text, _, example = command.help.partition("Example: ")
    yield " ".join(text.split())
    if example:
        yield f"\n```\n{' '.join(example.split())}\n```"
    yield ""
    yield "| | |"
    yield "| --- | --- |"
    for word, param in zip(words, arguments, strict=True):
        yield f"| `{word}` | {_cell(param.help)} |"
    for option in options:
        yield f"| `{', '.join(option.opts)}` | {_cell(option.help)}{_default(option)} |"
    yield ""


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|")


def _default(option: Any) -> str:
    if option.default in (None, False, "") or not option.show_default:
        return ""
    return f" Default `{option.default}`."


if __name__ == "__main__":
    sys.stdout.write(reference())
