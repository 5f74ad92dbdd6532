"""`holdfast crash-test`: traders are killed with SIGKILL at every named point; the venue judges."""

import asyncio
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from console.context import AsJson, err, out, say, say_json
from console.render import table
from console.run import parse_mode
from trading.errors import SetupError
from trading.run_options import ExitCode, Mode

_COLUMNS: Final = (
    *("point", "mode", "rounds", "open at the kill", "orphans", "duplicates", "lost"),
    *("recover ms p50", "p99"),
)
_FIGURES: Final = ("rounds", "orphans", "duplicates", "lost", "recover ms p50", "p99")
_JOBS_MAX: Final = 32


def crash_test(
    *,
    rounds: Annotated[int, typer.Option(help="How many kills; 14 is each point once.")] = 28,
    mode: Annotated[
        str, typer.Option(help="PAPER, LIVE at a simulated venue on this machine, or both.")
    ] = "both",
    seed: Annotated[int, typer.Option(help="Draws at which visit of a point it is killed.")] = 7,
    jobs: Annotated[int, typer.Option(help="Rounds side by side.")] = 4,
    as_json: AsJson = False,
) -> None:
    """Kill traders with SIGKILL at every named point, start them again, and compare with the venue.

    Each round is real processes on a record of its own in a temporary folder; LIVE goes to a
    `holdfast venue alpaca` that the command starts. Nothing of your account is touched. Exit code 1
    on any orphan, duplicate or lost event, or a round that does not come to its end.

    Example: holdfast crash-test --rounds 200
    """
    from research.crash import campaign  # noqa: PLC0415  needed here only

    modes = _modes(mode)
    if rounds < 1 or not 1 <= jobs <= _JOBS_MAX:
        raise SetupError(
            f"--rounds is at least 1 and --jobs 1 to {_JOBS_MAX}; was {rounds} and {jobs}"
        )
    with _progress() as shown:
        task = shown.add_task("rounds", total=rounds)

        def told(done: int, _: int) -> None:
            shown.update(task, completed=done)

        found = asyncio.run(campaign.run(rounds, modes=modes, seed=seed, jobs=jobs, told=told))
    report = found.report()
    if as_json:
        say_json(report)
    else:
        _show(report)
    if not found.is_clean:
        raise typer.Exit(ExitCode.FAILED)


def _modes(text: str) -> tuple[Mode, ...]:
    if text.lower() == "both":
        return (Mode.PAPER, Mode.LIVE)
    mode = parse_mode(text)
    if mode not in (Mode.PAPER, Mode.LIVE):
        raise SetupError(f"--mode must be PAPER, LIVE or both; was {text!r}")
    return (mode,)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err(),
        transient=True,
    )


def _show(report: dict[str, Any]) -> None:
    rows = [_row(each, each["point"], each["mode"]) for each in report["by_point"]]
    rows.append(_row(report, "all", ""))
    out().print(table("Killed with SIGKILL, and started again", _COLUMNS, rows, right=_FIGURES))
    for each in report["findings"]:
        say(f"round {each['round']}, {each['mode']} at {each['point']}: {each['finding']}")
    say(
        f"{report['rounds']} rounds: {report['orphans']} orphans, {report['duplicates']} "
        f"duplicates, {report['lost']} lost, {report['failed']} did not come to their end"
    )


def _row(counts: dict[str, Any], point: str, mode: str) -> tuple[Any, ...]:
    states = ", ".join(f"{state} {count}" for state, count in counts["states"].items())
    return (
        *(point, mode, counts["rounds"], states),
        *(counts["orphans"], counts["duplicates"], counts["lost"]),
        *(counts["recover_ms_p50"], counts["recover_ms_p99"]),
    )
