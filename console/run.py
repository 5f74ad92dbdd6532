"""`holdfast run`: asks for one run, has the guard start it, and shows what came of it."""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from brokers import venues
from console.console_address import NO_PAGE
from console.context import AsJson, DataDir, err, out, resolve_data_dir, say_json
from console.display import Display, make_display
from console.front import Command, Front
from console.guard_program import guard_program
from console.render import summary_table
from trading import config_reader
from trading.config import Config
from trading.errors import HoldfastError, SafetyRefusedError, SetupError, nearest
from trading.run_options import (
    SPEED_DEFAULT_RATIO,
    SUMMARY_FILE,
    ExitCode,
    Mode,
    RunOptions,
    parse_session,
    parse_speed,
)

PAPER: Final = "paper"
BROKERS: Final = (PAPER, *venues.names())
TRADER_MODULE: Final = "actors.trader"
CONSOLE_MODULE: Final = "console.serve"
ARCHIVIST_MODULE: Final = "storage.archive"
_NOBODY_TOLD: Final = (
    "nobody is told when something goes wrong: the configuration names no channel for alerts. See "
    "docs/how-to/alerts.md, then try them with `holdfast alert test`"
)
_ALONE: Final = "nobody is told of alerts: with --no-guard the trader is alone"


def run(  # noqa: PLR0913  the options of the command contract
    *,
    mode: Annotated[
        str | None,
        typer.Option(
            help="PAPER, BACKTEST, DRY_RUN (orders are prepared, logged, not sent), or LIVE at a "
            "venue: a simulator, or a real one that was armed. Default: as configured.",
            show_default=False,
        ),
    ] = None,
    broker: Annotated[str, typer.Option(help=f"Whose orders and market: {', '.join(BROKERS)}.")] = (
        PAPER
    ),
    url: Annotated[
        str | None, typer.Option(help="Address of a venue outside: its market is traded.")
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(help="Recording to play (Parquet or CSV); without it a session is generated."),
    ] = None,
    session: Annotated[str, typer.Option(help="One day, such as 2020-03-09, or all.")] = "all",
    speed: Annotated[
        str | None,
        typer.Option(
            help=f"Seconds played per second, or max. Default {SPEED_DEFAULT_RATIO:g}; "
            "max for BACKTEST.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Configuration file.")] = None,
    data_dir: DataDir = None,
    recover: Annotated[
        bool, typer.Option("--recover", help="Go on with the run that was cut off.")
    ] = False,
    take_over: Annotated[
        bool,
        typer.Option(
            "--take-over", help="With --recover: fence an instance that does not let go, first."
        ),
    ] = False,
    headless: Annotated[
        bool, typer.Option("--headless", help="Show nothing while it runs.")
    ] = False,
    with_console: Annotated[
        bool,
        typer.Option(
            "--console/--no-console",
            help="Serve the operator's page beside it. Alerts are told either way.",
        ),
    ] = True,
    guard: Annotated[
        Path | None,
        typer.Option(
            help="Configuration of the guard: limits, the venue at which it takes orders off, whom "
            "it tells. Without one it starts and watches the processes, by the spec's heartbeat."
        ),
    ] = None,
    no_guard: Annotated[
        bool,
        typer.Option(
            "--no-guard", help="For development: the trader alone, which nobody starts again."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Trade a session on paper, from the first minute to the last.

    Example: holdfast run --replay es_1m.parquet --session 2020-03-09 --speed max
    """
    asked_mode = None if mode is None else parse_mode(mode)
    config_path = _existing_file(config, "--config") or config_reader.default_path()
    settings = config_reader.load(config_path, mode=asked_mode)
    chosen_mode = parse_mode(asked_mode or settings.run.mode)
    require_broker(chosen_mode, broker, url)
    if take_over and not recover:
        raise SetupError("--take-over goes on with the run of another instance: say --recover too")
    if url is not None and replay is not None:
        raise SetupError("--url trades a venue's market, --replay a recording's: name one of them")
    if no_guard and guard is not None:
        raise SetupError("--guard and --no-guard were both given: name one of them")
    options = RunOptions(
        mode=chosen_mode,
        broker=broker.lower(),
        url=url,
        replay=_existing_file(replay, "--replay"),
        session_yyyymmdd=parse_session(session),
        speed_ratio=_speed(speed, chosen_mode),
        config=config_path,
        data_dir=_usable_dir(resolve_data_dir(data_dir, Path(settings.run.data_dir))),
        recover=recover,
        take_over=take_over,
    )
    display = make_display(headless=headless, to_stderr=as_json)
    # A run at full speed is over before a page could be opened.
    is_watched = not headless and options.speed_ratio is not None
    tells_people = _tells_people(settings)
    if options.mode is Mode.LIVE and not tells_people:
        err().print(_NOBODY_TOLD, style="bold yellow", markup=False)
    console = None
    if tells_people or (with_console and is_watched):
        console = [CONSOLE_MODULE, str(options.data_dir), str(config_path)]
        console += [] if with_console else [NO_PAGE]
    if no_guard:
        if tells_people:
            err().print(_ALONE, style="bold yellow", markup=False)
        command = Command(argv=lambda fd: _alone(options, fd), is_guard=False)
    else:
        archivist = _archivist(options.data_dir, settings.retention.archive_days)
        plan = _plan(options, _existing_file(guard, "--guard"), archivist, console)
        program = guard_program()
        command = Command(argv=lambda _: [program, "run", plan], is_guard=True)
    front = Front(command, options.data_dir, display)
    raise typer.Exit(_play(front, options, display, as_json=as_json))


def _tells_people(settings: Config) -> bool:
    """Whether there are channels for alerts, which the console's process sends to.

    Raises:
        SetupError: A channel has no address that can be used.
    """
    if not settings.alerts.channels:
        return False
    from console.alert_channels import open_channels  # noqa: PLC0415  for those who have some

    open_channels(settings.alerts, os.environ)
    return True


def parse_mode(text: str) -> Mode:
    """The mode, if this version runs it.

    Raises:
        SetupError: Not a mode, or not one of this version.
    """
    try:
        mode = Mode(text.upper())
    except ValueError:
        names = ", ".join(Mode)
        raise SetupError(
            f"--mode must be one of {names}; was {text!r}{nearest(text.upper(), list(Mode))}"
        ) from None
    return mode


def require_broker(mode: Mode, broker: str, url: str | None) -> None:
    """Refuse a venue that is not there, or does not go with the mode.

    Raises:
        SetupError: No such broker, or an address for the paper venue.
        SafetyRefusedError: LIVE without a venue.
    """
    name = broker.lower()
    if name not in BROKERS:
        hint = nearest(name, BROKERS)
        raise SetupError(f"--broker must be one of {', '.join(BROKERS)}; was {broker!r}{hint}")
    example = venues.names()[0] if name == PAPER else name
    if mode is Mode.LIVE and (name == PAPER or url is None):
        raise SafetyRefusedError(
            f"LIVE needs a venue: --broker {example} --url http://127.0.0.1:PORT, served by "
            f"`holdfast venue {example}`, or a real one, which must be armed by `holdfast arm` "
            "after a green safe-to-trade check (BR-7); nothing was started"
        )
    if mode is Mode.DRY_RUN and name == PAPER:
        raise SetupError(
            f"DRY_RUN prepares orders for a venue outside: name it, as in --broker {example}"
        )
    if name == PAPER and url is not None:
        raise SetupError("--url names a venue outside; the paper venue is inside, leave it out")
    if name != PAPER and url is None and mode is not Mode.DRY_RUN:
        raise SetupError(
            f"{mode} with --broker {name} takes its market from that venue: "
            "--url http://127.0.0.1:PORT"
        )
    if mode is Mode.BACKTEST and name != PAPER:
        raise SetupError(f"BACKTEST runs on a recording; --broker {name} goes with the other modes")


def outside(broker: str) -> venues.VenueKind:
    """The venue of that name.

    Raises:
        SetupError: There is none.
    """
    name, known = broker.lower(), venues.names()
    if name not in known:
        raise SetupError(
            f"--broker must be one of {', '.join(known)}; was {broker!r}{nearest(name, known)}"
        )
    return venues.venue_kind(name)


def _speed(text: str | None, mode: Mode) -> float | None:
    if text is not None:
        return parse_speed(text)
    return None if mode is Mode.BACKTEST else SPEED_DEFAULT_RATIO


def _existing_file(path: Path | None, option: str) -> Path | None:
    if path is None:
        return None
    found = path.expanduser().absolute()
    if found.is_file():
        return found
    folder = found.parent
    known = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    raise SetupError(f"{option}: there is no file {found}{nearest(found.name, known)}")


def _usable_dir(data_dir: Path) -> Path:
    """Where the record will stand; made for this user only, since it holds a token."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"--data-dir {data_dir} cannot be made: {error.strerror}") from error
    return data_dir


def _archivist(data_dir: Path, keep_days: int | None) -> list[str]:
    days = [] if keep_days is None else ["--keep-days", str(keep_days)]
    return ["-m", ARCHIVIST_MODULE, "--data-dir", str(data_dir), *days]


def _plan(
    options: RunOptions, guard: Path | None, archivist: list[str], console: list[str] | None
) -> str:
    """What the guard is to start: Plan in rust_core/guard."""
    folder = str(options.data_dir)
    return orjson.dumps(
        {
            "data_dir": folder,
            "python": sys.executable,
            "trader": TRADER_MODULE,
            "options": orjson.loads(options.to_json()),
            "archivist": archivist,
            "console": None if console is None else ["-m", *console],
            "guard": None if guard is None else str(guard),
        }
    ).decode()


def _alone(options: RunOptions, progress_fd: int) -> list[str]:
    own = replace(options, progress_fd=progress_fd)
    return [sys.executable, "-m", TRADER_MODULE, own.to_json()]


def _play(front: Front, options: RunOptions, display: Display, *, as_json: bool) -> int:
    (options.data_dir / SUMMARY_FILE).unlink(missing_ok=True)
    with display:
        outcome = asyncio.run(front.run())
    if outcome.exit_code != ExitCode.DONE:
        raise _end_of(outcome.exit_code, outcome.error)
    summary = _summary(options.data_dir)
    if as_json:
        say_json(summary)
    else:
        out().print(summary_table(summary))
    return outcome.exit_code


def _end_of(exit_code: int, text: str) -> HoldfastError:
    kinds = {ExitCode.USAGE: SetupError, ExitCode.REFUSED: SafetyRefusedError}
    return kinds.get(ExitCode(exit_code), HoldfastError)(text)


def _summary(data_dir: Path) -> dict[str, Any]:
    path = data_dir / SUMMARY_FILE
    try:
        summary: dict[str, Any] = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise HoldfastError(f"the run ended without its summary {path}: {error}") from error
    return summary
