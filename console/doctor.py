"""`holdfast doctor`: what a run would find before its start, each check with its cure."""

import asyncio
import os
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from actors import arming
from brokers.base import Check, Place
from console.context import AsJson, DataDir, resolve_data_dir, say_json
from console.run import BROKERS, PAPER, outside, parse_mode, require_broker
from storage.connection import open_reader, record_path
from storage.errors import NoRecordError
from trading import config_reader
from trading.calendar import Calendar
from trading.config import Config
from trading.errors import HoldfastError
from trading.money import to_1e8
from trading.run_options import ExitCode, Mode

if TYPE_CHECKING:
    from brokers.venues import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be looked at."""

    mode: Mode
    broker: str
    url: str | None
    config: Path | None


@dataclass(slots=True, kw_only=True)
class Found:
    """What was found; `settings` is None when the configuration is wrong."""

    checks: list[Check]
    settings: Config | None
    url: str = ""
    place: Place = Place.SIMULATOR
    account_number: str = field(default="")


def doctor(
    *,
    mode: Annotated[
        str, typer.Option(help="PAPER, or LIVE for the whole safe-to-trade check.")
    ] = "PAPER",
    broker: Annotated[str, typer.Option(help=f"Whose market: {', '.join(BROKERS)}.")] = PAPER,
    url: Annotated[str | None, typer.Option(help="Address of a venue outside.")] = None,
    config: Annotated[Path | None, typer.Option(help="Configuration file.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Look at everything that a run needs, and say what to do about what is wrong.

    Example: holdfast doctor --broker alpaca --url http://127.0.0.1:8100
    """
    asked = Asked(mode=parse_mode(mode), broker=broker.lower(), url=url, config=config)
    folder = resolve_data_dir(data_dir)
    found = look(asked, folder)
    if asked.mode is Mode.LIVE and found.place is not Place.SIMULATOR:
        found.checks.append(_arming_check(found, folder))
    is_fit = all(check.is_ok for check in found.checks)
    if as_json:
        say_json({"is_fit": is_fit, "checks": [_shown(check) for check in found.checks]})
    else:
        show(found.checks)
    raise typer.Exit(ExitCode.DONE if is_fit else ExitCode.REFUSED)


def look(asked: Asked, data_dir: Path) -> Found:
    """Every line of the check; in LIVE the safe-to-trade lines too. Writes nothing.

    Raises:
        SetupError: The broker and its address do not go with the mode.
        SafetyRefusedError: LIVE without a venue.
    """
    from actors.safe_to_trade import local_checks  # noqa: PLC0415 - needed here only

    require_broker(asked.mode, asked.broker, asked.url)
    found = _own(asked)
    if asked.mode is Mode.LIVE:
        found.checks += local_checks(data_dir, asked.broker, time.time_ns())
    if asked.url is not None and found.settings is not None:
        _venue(asked, asked.url, found.settings, found, data_dir)
    return found


def _own(asked: Asked) -> Found:
    """The configuration and the calendar it rests on."""
    path = asked.config or config_reader.default_path()
    try:
        settings = config_reader.load(path, mode=asked.mode)
    except HoldfastError as error:
        cure = "correct it; `holdfast check` shows every value"
        wrong = Check(name="configuration", is_ok=False, found=str(error), cure=cure)
        return Found(checks=[wrong], settings=None)
    warning = Calendar.load(settings.input.calendar).runway_warning(time.time_ns())
    checks = [
        Check(name="configuration", is_ok=True, found=str(path)),
        Check(
            name=f"calendar {settings.input.calendar}",
            is_ok=warning is None,
            found=warning or "its sessions reach far enough",
            cure="update Holdfast, or run tools/make_calendars.py",
        ),
    ]
    return Found(checks=checks, settings=settings)


def _venue(asked: Asked, url: str, settings: Config, found: Found, data_dir: Path) -> None:
    """The venue: address, keys, account, clock, instruments; in LIVE money, book and market too."""
    from actors.safe_to_trade import rehearsal_check  # noqa: PLC0415 - only for a venue outside

    kind = outside(asked.broker)
    try:
        addresses = kind.addresses_of(url)
        found.url, found.place = addresses.url, addresses.place
        connection = kind.connect(
            addresses=addresses,
            credentials=kind.credentials(os.environ),
            now_ns=time.time_ns,
            mono_ns=time.monotonic_ns,
        )
    except HoldfastError as error:
        cure = f"see {kind.how_to}"
        found.checks.append(
            Check(name=f"venue {asked.broker}", is_ok=False, found=str(error), cure=cure)
        )
        return
    if found.place is Place.LIVE:
        rehearsed = rehearsal_check(data_dir, asked.broker, time.time_ns())
        if not rehearsed.is_ok:  # live keys go nowhere before it (BR-9)
            found.checks += [] if asked.mode is Mode.LIVE else [rehearsed]
            return
    asyncio.run(_ask(connection, settings, found, is_live=asked.mode is Mode.LIVE))


async def _ask(connection: "Connection", settings: Config, found: Found, *, is_live: bool) -> None:
    from brokers.venue_checks import market_check, time_line  # noqa: PLC0415 - only for a venue outside
    from brokers.venues import Wanted  # noqa: PLC0415 - only for a venue outside

    wanted = [Wanted(symbol=each.symbol, lot_1e8=to_1e8(each.lot)) for each in settings.instruments]
    probe = connection.probe()
    try:
        found.checks += await probe.checks(wanted)
        watch = settings.watchdog
        if watch.ntp_server or (is_live and found.place is not Place.SIMULATOR):
            found.checks.append(
                await time_line(watch.ntp_server, watch.clock_offset_max_ms, time.time_ns)
            )
        if is_live:
            found.account_number = await probe.account_number()
            found.checks += await probe.real_checks(to_1e8(settings.account.capital_usd))
            symbols = [each.symbol for each in settings.instruments]
            found.checks.append(await market_check(connection.market(symbols, ("quotes",))))
    finally:
        await probe.close()


def _arming_check(found: Found, data_dir: Path) -> Check:
    """Whether what was looked at is armed."""
    cure = "`holdfast arm ACCOUNT_NUMBER --by YOUR_NAME` with the same options"
    if found.settings is None:
        return Check(name="arming", is_ok=False, found="the configuration is wrong", cure=cure)
    terms = arming.Terms(
        url=found.url,
        config_sha256=found.settings.digest(),
        code_sha256=arming.code_digest(),
    )
    try:
        connection = open_reader(record_path(data_dir))
    except NoRecordError:
        return Check(name="arming", is_ok=False, found="it is not armed", cure=cure)
    try:
        why = arming.refusal(
            lambda sql, values: connection.execute(sql, values).fetchall(), terms, time.time_ns()
        )
    finally:
        connection.close()
    return Check(name="arming", is_ok=not why, found=why or "armed", cure=cure)


def _shown(check: Check) -> dict[str, object]:
    return {**asdict(check), "cure": "" if check.is_ok else check.cure}


def show(checks: list[Check], to: TextIO | None = None) -> None:
    """Each line, and the cure of those that are red."""
    for check in checks:
        mark = "ok  " if check.is_ok else "NO  "
        cure = f"\n      {check.cure}" if check.cure and not check.is_ok else ""
        (to or sys.stdout).write(f"{mark}{check.name}: {check.found}{cure}\n")
