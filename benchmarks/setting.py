"""What a group of rows is given to measure with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Figure, Missing
from benchmarks.peers import Peers


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and beside whom.

    Attributes:
        work_dir: An empty directory on the disk that this checkout lies on.
        peers: Other systems in an environment of their own; None when it was not made.
        is_long: What is about growth is watched for a minute instead of some seconds.
    """

    work_dir: Path
    peers: Peers | None
    is_long: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows that come from one measurement.

    Attributes:
        name: Its name on the command line.
        rows: Keys of its rows in gates.toml.
        measure: Gives one figure for each row that could be measured here, or what it lacks.
    """

    name: str
    rows: tuple[str, ...]
    measure: Callable[[Setting], Sequence[Figure | Missing]]
