"""The command line. Exit codes: 0 done, 1 failed, 2 usage or set-up, 3 refused by a safety rule."""

import sys
import traceback
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from console import alert, console_address, daily, doctor, explain, operate, prepare, reconcile
from console import arm as arm_command
from console import crash_test as crash_test_command
from console import drill as drill_command
from console import rehearse as rehearse_command
from console import run as run_command
from console import simulate as simulate_command
from console import venue as venue_command
from console import why as why_command
from console.context import DataDir, chosen, err, resolve_data_dir, say_json
from trading.errors import HoldfastError
from trading.run_options import ExitCode

app = typer.Typer(
    name="holdfast",
    help="A trading engine that never loses an order, never doubles one, and stops when told.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    rich_markup_mode=None,
)
app.command("run")(run_command.run)
app.command("status")(operate.status)
app.command("kill")(operate.kill)
app.command("resume")(operate.resume)
app.command("controls")(operate.controls)
app.command("console")(console_address.console)
app.command("reconcile")(reconcile.reconcile)
app.command("drill")(drill_command.drill)
app.command("rehearse")(rehearse_command.rehearse)
app.command("arm")(arm_command.arm)
app.command("disarm")(arm_command.disarm)
app.command("sql")(explain.sql)
app.command("post-mortem")(explain.post_mortem)
app.command("why")(why_command.why)
app.command("daily")(daily.daily)
app.command("verify")(explain.verify)
app.command("migrate")(explain.migrate)
app.command("init")(prepare.init)
app.command("check")(prepare.check)
app.command("new")(prepare.new)
app.command("doctor")(doctor.doctor)
app.add_typer(alert.alert, name="alert")
app.command("simulate")(simulate_command.simulate)
app.command("crash-test")(crash_test_command.crash_test)
app.command("venue")(venue_command.venue)


def _show_version(is_asked: bool) -> None:  # noqa: FBT001  the callback's form is typer's
    if is_asked:
        sys.stdout.write(f"holdfast {_version()}\n")
        raise typer.Exit


def _version() -> str:
    try:
        return version("holdfast")
    except PackageNotFoundError:
        return "0 (not installed)"


@app.callback()
def common(
    *,
    data_dir: DataDir = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and end."
        ),
    ] = False,
) -> None:
    """A trading engine that never loses an order, never doubles one, and stops when told."""
    chosen.data_dir = data_dir


def main() -> None:
    """Run one command and end the process with its exit code."""
    raise SystemExit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; what is expected to go wrong ends in one line, without a traceback."""
    as_json = "--json" in arguments
    try:
        app(arguments, prog_name="holdfast")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except HoldfastError as error:
        return _failed(str(error), error.exit_code, as_json=as_json)
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        sys.stderr.close()
        return ExitCode.DONE
    except Exception as error:  # noqa: BLE001  the last line of defence: one line, not a page
        where = _keep_traceback()
        text = f"unexpected {type(error).__name__}: {error}; the traceback is in {where}"
        return _failed(text, ExitCode.FAILED, as_json=as_json)
    return ExitCode.DONE


def _failed(text: str, exit_code: int, *, as_json: bool) -> int:
    if as_json:
        say_json({"error": text, "exit_code": int(exit_code)})
    err().print(f"holdfast: {text}", markup=False)
    return exit_code


def _keep_traceback() -> str:
    data_dir = resolve_data_dir(None)
    target = (data_dir if data_dir.is_dir() else Path.cwd()) / "holdfast-error.txt"
    try:
        target.write_text(traceback.format_exc(), encoding="utf-8")
        target.chmod(0o600)
    except OSError:
        return "no file: none could be written"
    return str(target)
