"""`holdfast sql`, `post-mortem`, `verify` and `migrate`: what has been remembered."""

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from console.context import AsJson, DataDir, err, existing_data_dir, out, say, say_json
from console.post_mortem import asked_about, post_mortem_of
from console.post_mortem_text import show_post_mortem
from console.reader import RecordReader
from console.render import table
from trading.errors import SetupError
from trading.run_options import ExitCode


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT over the documented views.")],
    *,
    timeout_s: Annotated[float, typer.Option(help="Give up after this many seconds.")] = 30.0,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Ask the warehouse, during a session and after it, without disturbing the trader.

    Example: holdfast sql "SELECT reason, count(*) AS trades FROM trades GROUP BY reason"
    """
    from storage.warehouse import run_sql  # noqa: PLC0415  DuckDB takes long to load

    found = run_sql(existing_data_dir(data_dir), query, timeout_s=timeout_s)
    if as_json:
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
        say_json({"columns": found.columns, "rows": rows})
    else:
        out().print(table("", found.columns, found.rows, right=_figures(found.columns, found.rows)))
        say(f"{len(found.rows)} rows")


def _figures(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Columns that hold numbers only."""
    return [
        name
        for at, name in enumerate(columns)
        if all(isinstance(row[at], int | float | Decimal | None) for row in rows)
    ]


def post_mortem(
    about: Annotated[
        str, typer.Argument(metavar="ORDER|TRADE|DATE", help="An order, a trade, or a session.")
    ] = "",
    *,
    last: Annotated[bool, typer.Option("--last", help="The trade that closed last.")] = False,
    run: Annotated[str | None, typer.Option(help="Which run; default the newest.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write one HTML file that opens from disk.")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Explain one order, one trade or one session, from tick to fill.

    Example: holdfast post-mortem 2020-03-09
    """
    with RecordReader(existing_data_dir(data_dir)) as reader:
        asked = asked_about(reader, about, run, is_last=last)
        found = post_mortem_of(reader, asked, run)
    if html is not None:
        _write_report(html, found)
    if as_json:
        say_json(found)
    else:
        show_post_mortem(found, out())


def _write_report(target: Path, found: dict[str, Any]) -> None:
    from console.report import report_html  # noqa: PLC0415  the other commands go without it

    text = report_html(found)
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SetupError(f"--html {target} cannot be written: {error.strerror}") from error
    err().print(f"{target} ({len(text.encode()) / 1e6:.2f} MB)", markup=False)


def verify(*, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Check the journal's chain, the high-water mark, all tables against it, and the archive."""
    from storage.verify import verify as verify_record  # noqa: PLC0415  needed here only

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


def migrate(*, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Bring an older record to this version's schema, with a copy of it beside it."""
    from storage.migrations import migrate as migrate_record  # noqa: PLC0415  needed here only

    where = existing_data_dir(data_dir)
    steps = migrate_record(where)
    if as_json:
        say_json({"data_dir": str(where), "steps": steps})
    elif steps:
        say(f"{where}: {', '.join(steps)} applied; the record as it was stands beside it")
    else:
        say(f"{where}: nothing to do")
