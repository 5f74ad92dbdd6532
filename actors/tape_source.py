"""Where a run's market comes from: a recording, a generated session, or a cut-off run's tape."""

from dataclasses import dataclass
from pathlib import Path

from streams.generate import MarketPlan, Story, ensure_generated
from streams.kept_tapes import use_tape
from streams.loading import LoadRequest, ensure_tape
from trading.calendar import Calendar
from trading.config import Config
from trading.errors import SetupError
from trading.money import to_1e8
from trading.ports import RunInfo
from trading.run_options import RunOptions

_GENERATED = "generated"
FIRST_DATE = 20240102
"""The first session of a generated market, when none is asked for."""


@dataclass(frozen=True, slots=True)
class Source:
    """A tape, and what people call it."""

    name: str
    path: Path


def find_tape(options: RunOptions, config: Config, cut_off: RunInfo | None) -> Source:
    """The tape to play; loading or generating it takes as long as it takes.

    Raises:
        SetupError: There is no such recording, it does not fit, or a cut-off run's tape is gone.
    """
    if cut_off is not None:
        path = Path(cut_off.tape_path)
        if not path.exists():
            raise SetupError(
                f"run {cut_off.run} was cut off, and its tape {path} is gone: without it nothing "
                "can be recovered; put it back, or start on another --data-dir"
            )
        return _used(Source(cut_off.source, path), options, config)
    if options.replay is not None:
        path = ensure_tape(_request(options, config), options.data_dir)
        return _used(Source(options.replay.name, path), options, config)
    plan = generated_plan(config, options.session_yyyymmdd)
    path = ensure_generated(plan, options.data_dir)
    return _used(Source(f"{_GENERATED}, seed {plan.seed}", path), options, config)


def _used(source: Source, options: RunOptions, config: Config) -> Source:
    """The data directory keeps so many tapes; elsewhere nothing is removed."""
    if source.path.parent.resolve() == (options.data_dir / "tapes").resolve():
        use_tape(source.path, config.retention.tapes_max)
    return source


def _request(options: RunOptions, config: Config) -> LoadRequest:
    given = config.input
    cadence_s = given.cadence_s
    return LoadRequest(
        path=options.replay or Path(),
        calendar=given.calendar,
        instruments=tuple(instrument.symbol for instrument in config.instruments),
        session_yyyymmdd=options.session_yyyymmdd,
        content=given.content,
        columns=given.columns,
        cadence_ns=None if cadence_s is None else cadence_s * 1_000_000_000,
        bar_stamp=given.bar_stamp,
    )


def generated_plan(config: Config, session_yyyymmdd: int | None) -> MarketPlan:
    """One made-up session that gives a mean-reversion strategy something to do.

    Raises:
        CalendarError: There is no session on the day that was asked for.
    """
    if session_yyyymmdd is not None:
        Calendar.load(config.input.calendar).require(session_yyyymmdd)
    instrument = config.instruments[0]
    return MarketPlan(
        seed=config.run.seed,
        instrument=instrument.symbol,
        calendar=config.input.calendar,
        first_date=session_yyyymmdd or FIRST_DATE,
        tick_1e8=to_1e8(instrument.tick_size),
        story=Story.REVERTING,
    )
