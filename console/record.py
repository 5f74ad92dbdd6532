"""The record of a data directory while no trader runs: what the next start will find (KC-4)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.reader import RecordReader
from trading.errors import HoldfastError


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for a change, why, and under which id."""

    id: str
    reason: str
    by: str


def latch_kill(data_dir: Path, level: str, asked: Asked) -> None:
    """Latch a kill, so that the next trader starts killed."""
    raise _no_trader(data_dir, f"kill {level}", asked)


def lift_kill(data_dir: Path, asked: Asked, *, rearm: bool) -> str:
    """Lift the latched kill and say which level it was."""
    raise _no_trader(data_dir, "rearm" if rearm else "resume", asked)


def set_control(data_dir: Path, name: str, value: Any, asked: Asked) -> Any:
    """Set a control for the next start and say what it was."""
    raise _no_trader(data_dir, f"controls {name} {value}", asked)


def controls(data_dir: Path) -> list[dict[str, Any]]:
    """The controls as they are durable."""
    with RecordReader(data_dir) as reader:
        return reader.rows("SELECT * FROM runtime_controls ORDER BY name")


def _no_trader(data_dir: Path, what: str, asked: Asked) -> HoldfastError:
    return HoldfastError(f"no trader runs on {data_dir}; {what} ({asked.reason}) was not taken")
