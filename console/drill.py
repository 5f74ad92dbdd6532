"""`holdfast drill`: the kill path, rehearsed and timed (KC-9)."""

from dataclasses import asdict
from typing import Annotated

import typer

from actors.drill import drill as run_drill
from actors.drill import keep
from console.context import AsJson, DataDir, resolve_data_dir, say, say_json


def drill(
    *,
    orders: Annotated[int, typer.Option("--orders", help="Orders that rest at the venue.")] = 25,
    positions: Annotated[int, typer.Option("--positions", help="Positions that are open.")] = 3,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Rehearse FLATTEN on a system of its own against the paper venue, and time it.

    Nothing of your account is touched. Exit code 1 when anything remains. The newest drill is kept
    in the data directory, if there is one.

    Example: holdfast drill --json
    """
    found = run_drill(orders=orders, positions=positions)
    folder = resolve_data_dir(data_dir)
    if folder.is_dir():
        keep(folder, found)
    if as_json:
        say_json(asdict(found))
    else:
        say(
            f"flat after {found.ms_to_flat:.1f} ms, last cancel after "
            f"{found.ms_to_last_cancel:.1f} ms, the venue's second clean read after "
            f"{found.ms_to_done:.1f} ms · {found.cancelled} orders cancelled · "
            f"{found.closed} positions closed · {found.failed} failed · {found.remaining} remaining"
        )
    if found.remaining or found.failed:
        raise typer.Exit(1)
