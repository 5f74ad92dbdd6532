"""`holdfast post-mortem` and `verify`: questions to what has been remembered."""

from dataclasses import asdict
from typing import Annotated

import typer

from console.context import AsJson, DataDir, existing_data_dir, out, say, say_json
from console.post_mortem import post_mortem_of
from console.post_mortem_text import show_post_mortem
from console.reader import RecordReader
from console.render import table
from trading.run_options import ExitCode


def post_mortem(
    about: Annotated[
        str, typer.Argument(metavar="ORDER|TRADE|DATE", help="An order, a trade, or a session.")
    ],
    *,
    run: Annotated[str | None, typer.Option(help="Which run; default the newest.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Explain one order, one trade or one session, from tick to fill.

    Example: holdfast post-mortem 2020-03-09
    """
    with RecordReader(existing_data_dir(data_dir)) as reader:
        found = post_mortem_of(reader, about, run)
    if as_json:
        say_json(found)
    else:
        show_post_mortem(found, out())


def verify(*, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Check the chain of the journal, the high-water mark, and the tables against the journal."""
    from storage.verify import verify as verify_record  # noqa: PLC0415

    report = verify_record(existing_data_dir(data_dir))
    if as_json:
        say_json({**asdict(report), "is_whole": report.is_whole})
    else:
        rows = ((run.run, run.rows, run.journal_hash) for run in report.runs)
        out().print(table("Runs", ("run", "events", "journal hash"), rows, right=("events",)))
        for fault in report.faults:
            say(f"FAULT: {fault}")
        say(f"{report.rows} rows checked: {'whole' if report.is_whole else 'damaged'}")
    if not report.is_whole:
        raise typer.Exit(ExitCode.FAILED)
