"""`holdfast alert`: try the ways to a person, and read what was told (AL-1)."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from console.alert_channels import Channel, ChannelThread, Outcome, open_channels
from console.alert_desk import delivery_of
from console.alert_rules import Alert, AlertKind, Severity
from console.context import AsJson, DataDir, existing_data_dir, out, say, say_json
from console.log_files import ALERTS, newest
from console.render import moment, table
from trading import config_reader
from trading.config_desk import AlertsSection
from trading.errors import SetupError, nearest
from trading.run_options import ExitCode

_TEST_TEXT: Final = "This is a test: nothing is wrong. It was asked for with `holdfast alert test`."

alert = typer.Typer(help="Try the ways to a person, and read what was told.", no_args_is_help=True)


@alert.command("test")
def try_channels(
    *,
    config: Annotated[Path | None, typer.Option(help="Configuration file.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send a test message through every channel. Exit code 1 when one did not take it.

    Example: holdfast alert test --config my.toml
    """
    section = config_reader.load(config or config_reader.default_path()).alerts
    channels = open_channels(section, os.environ)
    if not channels:
        raise SetupError(
            "no channel is configured; add [[alerts.channels]] to the configuration, as in "
            "docs/how-to/alerts.md"
        )
    if channel is not None and channel not in channels:
        raise SetupError(
            f"--channel must be one of {', '.join(channels)}; was {channel!r}"
            f"{nearest(channel, channels)}"
        )
    asked = {name: each for name, each in channels.items() if channel in (None, name)}
    outcomes = asyncio.run(_tried(section, asked))
    is_well = all(not outcome.reason for outcome in outcomes)
    rows = [_row(outcome, channels[outcome.delivery.channel].scheme) for outcome in outcomes]
    if as_json:
        say_json({"is_well": is_well, "channels": rows})
    else:
        shown = [
            (row["name"], row["scheme"], row["reason"] or "taken", f"{row['took_ms']} ms")
            for row in rows
        ]
        out().print(table("", ("channel", "by", "result", "took"), shown, right=("took",)))
    raise typer.Exit(ExitCode.DONE if is_well else ExitCode.FAILED)


async def _tried(section: AlertsSection, channels: Mapping[str, Channel]) -> list[Outcome]:
    message = Alert(
        kind=AlertKind.CHANNEL_TEST, severity=Severity.INFO, subject="test", text=_TEST_TEXT
    )

    async def tried(name: str, channel: Channel) -> Outcome:
        delivery = delivery_of(message, name, where="", section=section)
        return await ChannelThread(name, channel).send(delivery)

    return await asyncio.gather(*(tried(name, each) for name, each in channels.items()))


def _row(outcome: Outcome, scheme: str) -> dict[str, Any]:
    return {
        "name": outcome.delivery.channel,
        "scheme": scheme,
        "is_taken": not outcome.reason,
        "reason": outcome.reason,
        "took_ms": outcome.took_ms,
    }


@alert.command("log")
def show_log(
    *,
    limit: Annotated[int, typer.Option(help="How many, newest last.")] = 20,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show what was told, by which channel, and what was not taken.

    Example: holdfast alert log --limit 50
    """
    found = newest(existing_data_dir(data_dir), ALERTS, max(1, limit))
    if as_json:
        say_json({"alerts": found})
        return
    rows = [
        (
            moment(line.get("wall_ns")),
            line.get("severity", ""),
            line.get("kind", ""),
            line.get("channel", ""),
            "taken" if line.get("is_taken") else line.get("reason", ""),
            str(line.get("text", "")).splitlines()[0] if line.get("text") else "",
        )
        for line in found
    ]
    if not rows:
        say("nobody was told anything yet")
        return
    names = ("when", "severity", "kind", "channel", "result", "text")
    out().print(table("", names, rows))
