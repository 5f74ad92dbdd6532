"""`holdfast drill`: the kill path, rehearsed and timed (KC-9)."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from actors.drill import drill as run_drill
from actors.drill import keep
from console.context import AsJson, DataDir, resolve_data_dir, say, say_json
from trading.errors import HoldfastError, SetupError, nearest

if TYPE_CHECKING:
    from research.guarding.drill import Row


def drill(
    *,
    orders: Annotated[int, typer.Option("--orders", help="Orders that rest at the venue.")] = 25,
    positions: Annotated[int, typer.Option("--positions", help="Positions that are open.")] = 3,
    guard: Annotated[
        bool, typer.Option("--guard", help="Rehearse the guard against faults of real processes.")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="With --guard: this fault; may be repeated.")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Rehearse FLATTEN on a system of its own against the paper venue, and time it.

    With --guard: real traders and guards at a venue of their own, one fault after the other.

    Nothing of your account is touched. Exit code 1 when anything remains. The newest drill is kept
    in the data directory, if there is one.

    Example: holdfast drill --json
    """
    if guard or only:
        _guarded(only or [], as_json=as_json)
        return
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


def _guarded(only: list[str], *, as_json: bool) -> None:
    """The guard's table, a row as soon as it is known; exit code 1 when one is not safe."""
    from research.guarding import drill as guarding  # noqa: PLC0415 - only this option needs it

    known = list(guarding.NAMES)
    for fault in only:
        if fault not in known:
            hint = nearest(fault, known)
            raise SetupError(f"--only is one of {', '.join(known)}; was {fault!r}{hint}")
    try:
        rows = guarding.run(only or known, lambda row: None if as_json else say(_line(row)))
    except guarding.DrillFailedError as error:
        raise HoldfastError(str(error)) from error
    if as_json:
        say_json({"rows": [asdict(row) for row in rows]})
    if any(row.note != guarding.NO_MOUNT and (row.note or row.orders_left) for row in rows):
        raise typer.Exit(1)


def _line(row: "Row") -> str:
    if row.note:
        return f"{row.fault:<22} not shown: {row.note}"
    left = "the trader's own" if row.orders_left is None else str(row.orders_left)
    alerted = "alerted" if row.alerted else "not alerted"
    return (
        f"{row.fault:<22} seen after {row.detect_ms:7.0f} ms · safe after {row.safe_ms:7.0f} ms · "
        f"orders left {left} · {alerted}"
    )
