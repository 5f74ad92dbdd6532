"""What every command shares: its common options, and how it speaks to people and to programs."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import Console

from trading.errors import SetupError

_WIDTH_UNKNOWN: Final = 10_000
DATA_DIR_DEFAULT: Final = Path("holdfast-data")

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Where record, token and archive stand.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]


@dataclass(slots=True)
class Chosen:
    """What was chosen so far; a traceback goes to the data directory, once that is known."""

    data_dir: Path | None = None


chosen: Final = Chosen()


def resolve_data_dir(data_dir: Path | None, default: Path = DATA_DIR_DEFAULT) -> Path:
    """The data directory: of the command, else given before it, else `default`; absolute."""
    chosen.data_dir = (data_dir or chosen.data_dir or default).expanduser().absolute()
    return chosen.data_dir


def existing_data_dir(data_dir: Path | None) -> Path:
    """As `resolve_data_dir`, for commands that need what a run left there.

    Raises:
        SetupError: When it is not there.
    """
    found = resolve_data_dir(data_dir)
    if not found.is_dir():
        raise SetupError(
            f"there is no data directory {found}; name it with --data-dir, or start with "
            "`holdfast run`"
        )
    return found


def out() -> Console:
    """Standard output for people; wide where no terminal sets a width, so that ids stay whole."""
    width = None if sys.stdout.isatty() else _WIDTH_UNKNOWN
    return Console(file=sys.stdout, highlight=False, width=width)


def err() -> Console:
    """Standard error for people."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """One line for a person, with no markup read into it."""
    out().print(text, markup=False, soft_wrap=True)


def say_json(value: Mapping[str, Any] | list[Any]) -> None:
    """One line of JSON, in the order given; Decimals as exact numbers."""
    sys.stdout.write(orjson.dumps(value, default=_plain).decode() + "\n")
    sys.stdout.flush()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}") if value.is_finite() else None
    return value.hex() if isinstance(value, bytes) else str(value)


def compact(value: Any) -> str:
    """A JSON value in one short line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
