"""`holdfast doctor`: what a run would find before its start, each check with its cure."""

import asyncio
import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from console.context import AsJson, out, say_json
from console.run import parse_mode, require_broker
from trading import config_reader
from trading.calendar import Calendar
from trading.config import Config
from trading.errors import HoldfastError
from trading.money import to_1e8
from trading.run_options import ExitCode, Mode


def doctor(
    *,
    broker: Annotated[str, typer.Option(help="Whose market: paper, or alpaca.")] = "paper",
    url: Annotated[str | None, typer.Option(help="Address of a venue outside.")] = None,
    config: Annotated[Path | None, typer.Option(help="Configuration file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Look at everything that a run needs, and say what to do about what is wrong.

    Example: holdfast doctor --broker alpaca --url http://127.0.0.1:8100
    """
    name = broker.lower()
    require_broker(parse_mode("PAPER"), name, url)
    rows, settings = _own(config)
    if url is not None and settings is not None:
        rows += _venue(name, url, settings)
    is_fit = all(row["is_ok"] for row in rows)
    if as_json:
        say_json({"is_fit": is_fit, "checks": rows})
    else:
        _show(rows)
    raise typer.Exit(ExitCode.DONE if is_fit else ExitCode.REFUSED)


def _row(name: str, *, is_ok: bool, found: str, cure: str = "") -> dict[str, Any]:
    return {"name": name, "is_ok": is_ok, "found": found, "cure": "" if is_ok else cure}


def _own(config: Path | None) -> tuple[list[dict[str, Any]], Config | None]:
    """The configuration, None when it is wrong, and the calendar it rests on."""
    path = config or config_reader.default_path()
    try:
        settings = config_reader.load(path, mode=Mode.PAPER)
    except HoldfastError as error:
        cure = "correct it; `holdfast check` shows every value"
        return [_row("configuration", is_ok=False, found=str(error), cure=cure)], None
    warning = Calendar.load(settings.input.calendar).runway_warning(time.time_ns())
    rows = [
        _row("configuration", is_ok=True, found=str(path)),
        _row(
            f"calendar {settings.input.calendar}",
            is_ok=warning is None,
            found=warning or "its sessions reach far enough",
            cure="update Holdfast, or run tools/make_calendars.py",
        ),
    ]
    return rows, settings


def _venue(broker: str, url: str, settings: Config) -> list[dict[str, Any]]:
    """The venue: address, keys, account, clock, instruments."""
    from brokers.alpaca.connect import (  # noqa: PLC0415 - only for a venue outside
        Addresses,
        Connection,
        Wanted,
        checks,
    )
    from brokers.credentials import find  # noqa: PLC0415 - only for a venue outside

    try:
        connection = Connection(
            addresses=Addresses.of(url),
            credentials=find(broker, os.environ),
            now_ns=time.time_ns,
            mono_ns=time.monotonic_ns,
        )
    except HoldfastError as error:
        cure = "see docs/how-to/alpaca.md"
        return [_row(f"venue {broker}", is_ok=False, found=str(error), cure=cure)]
    wanted = [Wanted(symbol=each.symbol, lot_1e8=to_1e8(each.lot)) for each in settings.instruments]

    async def ask() -> list[dict[str, Any]]:
        venue = connection.venue()
        try:
            found = await checks(venue.rest, wanted)
        finally:
            await venue.close()
        return [
            _row(each.name, is_ok=each.is_ok, found=each.found, cure=each.cure) for each in found
        ]

    return asyncio.run(ask())


def _show(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        mark = "ok  " if row["is_ok"] else "NO  "
        cure = f"\n      {row['cure']}" if row["cure"] else ""
        out().print(f"{mark}{row['name']}: {row['found']}{cure}", markup=False, soft_wrap=True)
