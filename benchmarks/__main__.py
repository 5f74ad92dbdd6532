"""`make bench`: measure the rows, print a table, write build/bench.json, fail on a broken gate."""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks import gates, peers, report
from benchmarks.groups import GROUPS
from benchmarks.measure import loop_ns
from benchmarks.run import broken, outcomes_of
from benchmarks.setting import Setting

BUILD = peers.ROOT / "build"
EXIT_DONE, EXIT_BROKEN, EXIT_USAGE = 0, 1, 2


def main(argv: list[str] | None = None) -> int:
    """Run it.

    Returns:
        0 all gates held, 1 a gate is broken, 2 wrong usage or a peer that cannot be had.
    """
    options = _parser().parse_args(argv)
    console = Console(width=None if sys.stdout.isatty() else 160)
    try:
        rows = gates.load()
        beside = peers.make() if options.peers else peers.find()
        return _measure(options, rows, beside, console)
    except (gates.GatesError, peers.PeerError) as error:
        console.print(f"bench: {error}", markup=False)
        return EXIT_USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [group.name for group in GROUPS]
    parser.add_argument("--peers", action="store_true", help="make the other systems' environment")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="GROUP")
    parser.add_argument("--long", action="store_true", help="watch growth for a minute (feed)")
    parser.add_argument("--json", type=Path, default=BUILD / "bench.json", metavar="FILE")
    return parser


def _measure(
    options: argparse.Namespace,
    rows: dict[str, gates.Row],
    beside: peers.Peers | None,
    console: Console,
) -> int:
    started = time.monotonic()
    before_ns = loop_ns()
    outcomes: list[report.Outcome] = []
    BUILD.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="bench-", dir=BUILD) as work_dir:
        setting = Setting(work_dir=Path(work_dir), peers=beside, is_long=options.long)
        for group in GROUPS:
            if group.name in options.only:
                console.print(f"measuring {group.name} ...", highlight=False)
                began = time.monotonic()
                outcomes += outcomes_of(group, rows, setting, console.print)
                console.print(f"  {time.monotonic() - began:.0f} s", highlight=False)
    loops = (before_ns, loop_ns())
    wall_s = time.monotonic() - started
    report.write_json(options.json, report.as_json(outcomes, loop_ns=loops, wall_s=wall_s))
    console.print(report.table(outcomes))
    console.print(f"{wall_s:.0f} s; all of it in {options.json}", highlight=False)
    if not report.is_steady(loops):
        console.print("the machine's own speed changed meanwhile: take the figures with care")
    failed = broken(outcomes)
    if failed:
        console.print(f"gates broken: {', '.join(failed)}", style="bold red")
    return EXIT_BROKEN if failed else EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
