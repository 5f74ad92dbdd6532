"""`holdfast reconcile`: our books against the venue's, asked of a running trader (ST-3)."""

from decimal import Decimal
from typing import Annotated, Any, Final

import typer

from console.context import AsJson, DataDir, existing_data_dir, out, say, say_json
from console.operate import Reason, request_of
from console.operator_client import running_trader
from console.render import table
from trading.errors import HoldfastError, SetupError

_WAIT_S: Final = 30.0
_ONE_1E8: Final = Decimal(100_000_000)


def reconcile(
    *,
    adopt: Annotated[
        bool,
        typer.Option("--adopt", help="Take the venue's word, however large the difference."),
    ] = False,
    reason: Reason = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Compare our orders, positions and cash with the venue's, and name each difference.

    Exit code 1 when they differ, or were compared in part only. Small differences are taken over
    at once; large ones stop entries until --adopt takes them over too, and `holdfast controls
    clear_halts true` lets entries go on.

    Example: holdfast reconcile --json
    """
    trader = running_trader(existing_data_dir(data_dir))
    if trader is None:
        raise SetupError("no trader runs here, and only a running one can ask its venue")
    body = {**request_of(reason), "adopt": adopt}
    answer: dict[str, Any] = trader.post("/api/reconcile", body, wait_s=_WAIT_S)
    if answer["type"] != "done":
        raise HoldfastError(f"the venue has not answered within {_WAIT_S:g} s: holdfast status")
    if as_json:
        say_json(answer)
    else:
        _show(answer)
    stands = [one for one in answer["drift"] if not one["is_adopted"]]
    is_compared = answer["is_conclusive"] and not answer["is_partial"]
    if stands or answer["is_stopped"] or not is_compared:
        raise typer.Exit(1)


def _show(answer: dict[str, Any]) -> None:
    if not answer["is_conclusive"]:
        say(
            "not concluded: orders are in flight, or executed so lately that the venue's lists may "
            "be behind; ask again in a few seconds"
        )
    if answer["is_partial"]:
        say("the venue could not say what it holds beside the run's instruments: ask again later")
    if not answer["drift"]:
        if answer["is_conclusive"] and not answer["is_partial"]:
            say("our books and the venue's are equal")
        return
    rows = [
        (
            one["kind"],
            one["instrument"] or "-",
            one["subject"] or "-",
            _amount(one["local_1e8"]),
            _amount(one["venue_1e8"]),
            "taken over" if one["is_adopted"] else "stands",
            one["text"],
        )
        for one in answer["drift"]
    ]
    heads = ("difference", "instrument", "order", "ours", "venue", "", "meaning")
    out().print(table("Differences", heads, rows))
    if answer["is_stopped"]:
        say("entries are stopped: holdfast reconcile --adopt, or put it right at the venue")


def _amount(value_1e8: int) -> str:
    return format((Decimal(value_1e8) / _ONE_1E8).normalize(), "f")
