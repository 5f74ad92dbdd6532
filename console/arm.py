"""`holdfast arm` and `disarm`: a person lets LIVE trade real orders, for some hours (BR-7)."""

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from actors.arming import ARMED, DISARMED, LASTS_NS, Arming, code_digest
from brokers.venues import names
from console import doctor, record
from console.context import AsJson, DataDir, resolve_data_dir, say, say_json
from trading.errors import SafetyRefusedError, SetupError
from trading.run_options import Mode

Name = Annotated[str, typer.Option("--by", help="Your name; stands in the journal.")]


def arm(  # noqa: PLR0913 - one option each
    *,
    account: Annotated[str, typer.Argument(help="The venue's number of the account.")],
    by: Name,
    url: Annotated[str, typer.Option(help="The venue's trading address.")],
    broker: Annotated[str, typer.Option(help=f"Whose account: {', '.join(names())}.")] = names()[0],
    config: Annotated[Path | None, typer.Option(help="Configuration file.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Let this configuration trade real orders at that account for 12 hours.

    Every line of the safe-to-trade check must be green; exit code 3 otherwise. Another address,
    account, configuration or version of Holdfast is not armed by it.

    Example: holdfast arm PA3SIM000001 --by "Ada Byron" --url https://paper-api.alpaca.markets
    """
    if not by.strip() or not by.isprintable():
        raise SetupError(f"--by must be the name of a person, was {by!r}")
    folder = resolve_data_dir(data_dir)
    asked = doctor.Asked(mode=Mode.LIVE, broker=broker.lower(), url=url, config=config)
    found = doctor.look(asked, folder)
    if not as_json:
        doctor.show(found.checks, to=sys.stderr)
    red = [check.name for check in found.checks if not check.is_ok]
    if red:
        raise SafetyRefusedError(f"not armed: {', '.join(red)} must be green first (BR-7)")
    if found.settings is None or found.account_number != account:
        raise SafetyRefusedError(
            f"not armed: the keys are those of account {found.account_number}, was asked for "
            f"{account} (BR-7)"
        )
    at_ns = time.time_ns()
    arming = Arming(
        url=found.url,
        account_number=account,
        config_sha256=found.settings.digest(),
        code_sha256=code_digest(),
        by=by,
        at_ns=at_ns,
        until_ns=at_ns + LASTS_NS,
        checks=[asdict(check) for check in found.checks],
    )
    body = msgspec.to_builtins(arming)
    record.write_arming(folder, ARMED, body)
    if as_json:
        say_json(body)
    else:
        say(f"armed by {by} for {LASTS_NS / 3.6e12:g} hours: {account} at {arming.url}")


def disarm(*, by: Name, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Take an arming back; a run that is under way is stopped by `holdfast kill`.

    Example: holdfast disarm --by "Ada Byron"
    """
    body = {"by": by, "at_ns": time.time_ns()}
    record.write_arming(resolve_data_dir(data_dir), DISARMED, body)
    if as_json:
        say_json(body)
    else:
        say("disarmed")
