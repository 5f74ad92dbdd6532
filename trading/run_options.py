"""What `holdfast run` was asked for, in the form in which the guard hands it to the trader.

The guard starts `python -m actors.trader JSON`; the one argument is `RunOptions.to_json()`.
"""

import json
import signal
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any, Final, Self

from trading.errors import SetupError

SPEED_DEFAULT_RATIO: Final = 60.0
SUMMARY_FILE: Final = "run-summary.json"
HELD_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2})
"""Blocked until the trader can act on them: none is lost while it is set up."""


class Mode(StrEnum):
    """What an order of this run means to the world."""

    PAPER = "PAPER"
    DRY_RUN = "DRY_RUN"
    LIVE = "LIVE"
    BACKTEST = "BACKTEST"


class ExitCode(IntEnum):
    """How a process of Holdfast ends. All but RESTART are final for the guard."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    RESTART = 75


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of one run.

    Attributes:
        mode: PAPER and BACKTEST run in this version.
        broker: Name of the venue's adapter.
        url: Where the venue listens, for venues that are not inside the trader.
        replay: A recording (Parquet or CSV); None asks for a generated session.
        session_yyyymmdd: The one session to play, e.g. 20200309; None plays all there are.
        speed_ratio: Virtual seconds per wall second; None is as fast as it goes.
        config: Configuration file; None takes the defaults.
        data_dir: Where the record, the token and the summary stand; absolute.
        recover: Go on with the run that was cut off.
        take_over: Fence an instance that holds the data directory and does not let go (ST-5).
        progress_fd: An open file descriptor that takes `run_report` lines; -1 for none.
        restarts: How often the guard has restarted the trader within this run.
        closing: Close what is open while the guard holds trading, and end; only the guard asks.
    """

    mode: Mode = Mode.PAPER
    broker: str = "paper"
    url: str | None = None
    replay: Path | None = None
    session_yyyymmdd: int | None = None
    speed_ratio: float | None = SPEED_DEFAULT_RATIO
    config: Path | None = None
    data_dir: Path
    recover: bool = False
    take_over: bool = False
    progress_fd: int = -1
    restarts: int = 0
    closing: bool = False

    def to_json(self) -> str:
        """One line of JSON that `from_json` reads back unchanged."""
        return json.dumps(asdict(self), default=str, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            SetupError: When the text is not such an object.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            fields["mode"] = Mode(fields["mode"])
            for name in ("replay", "config", "data_dir"):
                if fields[name] is not None:
                    fields[name] = Path(fields[name])
            return cls(**fields)
        except (ValueError, TypeError, KeyError) as error:
            raise SetupError(
                f"the trader's argument must be the JSON of its run options: {error}; "
                "start it with `holdfast run`"
            ) from error

    def restarted(self) -> Self:
        """The same run once more, going on where the last process was cut off."""
        return replace(self, recover=True, take_over=False, restarts=self.restarts + 1)


def parse_session(text: str) -> int | None:
    """`2020-03-09` or `20200309` as 20200309; `all` as None.

    Raises:
        SetupError: When the text is neither.
    """
    if text.lower() == "all":
        return None
    for form in ("%Y-%m-%d", "%Y%m%d"):
        try:
            return int(datetime.strptime(text, form).strftime("%Y%m%d"))  # noqa: DTZ007  a date
        except ValueError:
            continue
    raise SetupError(f"--session must be a day such as 2020-03-09, or all; was {text!r}")


def parse_speed(text: str) -> float | None:
    """A number above zero (virtual seconds per wall second); `max` as None.

    Raises:
        SetupError: When the text is neither.
    """
    if text.lower() == "max":
        return None
    try:
        speed_ratio = float(text)
    except ValueError:
        speed_ratio = 0.0
    if not 0.0 < speed_ratio < float("inf"):
        raise SetupError(f"--speed must be a number above zero, or max; was {text!r}")
    return speed_ratio
