"""`holdfast simulate`: the whole system against worlds drawn from integers."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from console.context import AsJson, out, say, say_json
from console.render import table
from trading.errors import SetupError
from trading.run_options import ExitCode

PATCHES_DEFAULT: Final = Path("tests/simulation/patches")


def simulate(  # noqa: PLR0913 - one option each
    *,
    seeds: Annotated[str, typer.Option(help="Which worlds: A..B, or one number.")] = "1..100",
    jobs: Annotated[int, typer.Option(help="Processes side by side; 0 is one a processor.")] = 1,
    patch: Annotated[
        Path | None, typer.Option(help="Run against a copy of the project with this diff applied.")
    ] = None,
    mutants: Annotated[
        bool, typer.Option("--mutants", help="Hunt every diff in a folder, each to its first find.")
    ] = False,
    patches: Annotated[Path, typer.Option(help="The folder for --mutants.")] = PATCHES_DEFAULT,
    trace: Annotated[
        bool, typer.Option("--trace", help="Of one seed: everything that happened, in words.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the whole system in worlds that go wrong, and judge it at every step.

    Example: holdfast simulate --seeds 1..200 --jobs 0
    """
    from research.simulation import campaign  # noqa: PLC0415  needed here only

    wanted = campaign.parse_seeds(seeds)
    beside = jobs or campaign.usual_jobs()
    if mutants:
        _hunt(patches, wanted, beside, as_json=as_json)
    elif trace:
        _trace(wanted)
    else:
        _judge(_report(patch, wanted, beside), as_json=as_json)


def _report(patch: Path | None, seeds: range, jobs: int) -> dict[str, Any]:
    from research.simulation import campaign, mutants  # noqa: PLC0415  needed here only

    if patch is None:
        return campaign.run(seeds, jobs=jobs).report()
    if not patch.is_file():
        raise SetupError(f"--patch: there is no file {patch}")
    return mutants.simulate_patched(patch, seeds)


def _judge(report: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        say_json(report)
    else:
        hits = sorted(report["hits"].items())
        out().print(table("What happened", ("fault or point", "times"), hits, right=("times",)))
        for failed in report["failing"]:
            say(f"seed {failed['seed']}: {failed['finding']}")
        say(
            f"{report['seeds']} seeds, {report['failed']} failed; "
            f"{report['messages_per_s']:,} messages/s, {report['decisions_per_seed']} decisions "
            f"and {report['faults_per_seed']} faults a seed, {report['virtual_over_real']:,} times "
            "as fast as the clock"
        )
    if report["failed"]:
        raise typer.Exit(ExitCode.FAILED)


def _trace(seeds: range) -> None:
    from research.simulation.run import simulate as simulate_one  # noqa: PLC0415

    outcome = simulate_one(seeds.start, is_traced=True)
    for line in outcome.trace:
        say(line)
    if outcome.findings:
        raise typer.Exit(ExitCode.FAILED)


def _hunt(folder: Path, seeds: range, jobs: int, *, as_json: bool) -> None:
    from research.simulation import mutants  # noqa: PLC0415  needed here only

    found = sorted(folder.glob("*.patch"))
    if not found:
        raise SetupError(f"--mutants: there are no .patch files in {folder}")
    rows = mutants.hunt_all(found, seeds, jobs=jobs)
    caught, others = mutants.caught_by_one(rows), mutants.not_hunted(folder)
    if as_json:
        counts = {"mutants": len(rows), "found": sum(row["found"] for row in rows)}
        say_json({**counts, "list": rows, "caught_by_one": caught, "not_hunted": others})
    else:
        names = ("name", "found", "seeds_to_find", "invariant", "alone_at")
        out().print(table("Mutants", names, [[row[name] for name in names] for row in rows]))
        alone = [[promise, ", ".join(names)] for promise, names in caught.items()]
        out().print(table("Caught by one promise alone", ("promise", "mutants"), alone))
        reasons = [[each["name"], each["reason"]] for each in others]
        out().print(table("Not hunted", ("name", "why"), reasons))
    if not all(row["found"] for row in rows):
        raise typer.Exit(ExitCode.FAILED)
