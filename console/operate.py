"""`holdfast status`, `kill`, `resume` and `controls`: through the trader, or into the record."""

import getpass
import secrets
from typing import Annotated, Any, Final

import orjson
import typer

from actors.operator_words import NO_REASON, KillLevel
from console import record
from console.context import AsJson, DataDir, compact, existing_data_dir, out, say, say_json
from console.operator_client import RunningTrader, running_trader
from console.render import table
from console.status import show_status, status_of
from trading.controls import CONTROLS, ControlKind, ControlSpec, parse_control
from trading.errors import HoldfastError, SetupError, nearest

_WAIT_S: Final = 30.0

Reason = Annotated[str, typer.Option("--reason", help="Why; stands in the journal.")]


def status(*, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show mode, kill level, P&L, positions, orders, latencies and faults of the newest run."""
    found = status_of(existing_data_dir(data_dir))
    if as_json:
        say_json(found)
    else:
        show_status(found, out())


def kill(
    *,
    level: Annotated[str, typer.Argument(help="PAUSE, FLATTEN or EMERGENCY.")],
    reason: Reason = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Stop. PAUSE: no new entries. FLATTEN: cancel and close all. EMERGENCY: halt everything.

    Example: holdfast kill FLATTEN --reason "news"
    """
    asked = parse_level(level)
    folder = existing_data_dir(data_dir)
    trader = running_trader(folder)
    request = request_of(reason)
    if trader is None:
        latched = record.latch_kill(folder, asked, record.Asked(**request))
        answer: dict[str, Any] = {"type": "latched", "id": request["id"], "level": latched}
        _answer(answer, f"{latched} · no trader runs; the next one starts killed", as_json=as_json)
        return
    answer = trader.post("/api/kill", {**request, "level": asked}, wait_s=_WAIT_S)
    _answer({**answer, "level": asked}, kill_line(asked, answer), as_json=as_json)
    if answer["type"] != "done" or answer["failed"] or answer["remaining"]:
        raise typer.Exit(1)


def kill_line(level: str, answer: dict[str, Any]) -> str:
    """What a kill came to, in one line."""
    if answer["type"] != "done":
        return (
            f"{level} accepted · nothing that adds risk leaves any more; it is still at work after "
            f"{_WAIT_S:g} s: holdfast status"
        )
    counts = (
        f"{answer['cancelled']} orders cancelled · {answer['closed']} positions closed · "
        f"{answer['failed']} failed · {answer['remaining']} remaining"
    )
    return f"{level} done · {counts}"


def parse_level(text: str) -> KillLevel:
    """The level, in any case of letters.

    Raises:
        SetupError: There is no such level.
    """
    try:
        return KillLevel(text.upper())
    except ValueError:
        hint = nearest(text.upper(), list(KillLevel))
        raise SetupError(
            f"the level must be one of {', '.join(KillLevel)}; was {text!r}{hint}"
        ) from None


def resume(
    *,
    reason: Reason = "",
    rearm: Annotated[
        bool, typer.Option("--rearm", help="Say explicitly that an EMERGENCY is over.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Lift the latched kill level, so that entries may be made again."""
    folder = existing_data_dir(data_dir)
    trader = running_trader(folder)
    request = request_of(reason)
    if trader is None:
        old = record.lift_kill(folder, record.Asked(**request), rearm=rearm)
        answer: dict[str, Any] = {"type": "done", "id": request["id"], "old": old, "new": "NONE"}
    else:
        answer = _require_done(
            trader.post("/api/resume", {**request, "rearm": rearm}, wait_s=_WAIT_S)
        )
    _answer(answer, f"resumed · {answer['old']} is lifted", as_json=as_json)


def controls(
    *,
    name: Annotated[str | None, typer.Argument(help="The control to change.")] = None,
    value: Annotated[
        str | None, typer.Argument(help="Its new value: a number, names with commas, or null.")
    ] = None,
    reason: Reason = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show the runtime controls, or change one.

    Example: holdfast controls max_position 2
    """
    folder = existing_data_dir(data_dir)
    trader = running_trader(folder)
    if name is None:
        _show_controls(_controls_in_force(folder, trader), as_json=as_json)
        return
    if value is None:
        raise SetupError(f"controls {name} needs a value, or no name to list all")
    asked = parse_control(name, read_value(value))
    request = request_of(reason)
    if trader is None:
        old = record.set_control(folder, name, asked, record.Asked(**request))
        answer: dict[str, Any] = {"type": "done", "name": name, "old": old, "new": asked}
    else:
        body = {**request, "name": name, "value": asked}
        answer = _require_done(trader.post("/api/controls", body, wait_s=_WAIT_S))
    _answer(
        answer, f"{name} · {compact(answer['old'])} → {compact(answer['new'])}", as_json=as_json
    )


def read_value(text: str) -> Any:
    """A value as people type it: JSON, or else names with commas between."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return [part.strip() for part in text.split(",") if part.strip()]


def _controls_in_force(folder: Any, trader: RunningTrader | None) -> list[dict[str, Any]]:
    if trader is None:
        return record.controls(folder)
    found: list[dict[str, Any]] = trader.get("/api/controls")["controls"]
    return found


def _show_controls(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        say_json({"controls": found})
        return
    told = {control["name"]: control for control in found}
    rows = [
        (name, *_shown(spec, told.get(name, {})), spec.unit, spec.meaning)
        for name, spec in CONTROLS.items()
        if spec.kind is not ControlKind.FIXED
    ]
    out().print(table("Controls", ("control", "in force", "set by", "unit", "meaning"), rows))


def _shown(spec: ControlSpec, control: dict[str, Any]) -> tuple[str, str]:
    """What counts, and who asked for it; without a trader only what was asked for is known."""
    if spec.kind is ControlKind.ACTION:
        return "", ""
    value, by = control.get("value"), control.get("set_by", "")
    if "in_force" not in control:
        return ("as configured" if value is None else compact(value)), by
    allowed = control["in_force"]
    text = "no limit" if allowed is None else compact(allowed)
    if value is None:
        return text, "configuration"
    return text, by if allowed == value else f"{by} ({compact(value)}, configuration allows less)"


def _require_done(answer: dict[str, Any]) -> dict[str, Any]:
    if answer["type"] != "done":
        raise HoldfastError(f"the trader has not answered within {_WAIT_S:g} s: holdfast status")
    return answer


def _answer(answer: dict[str, Any], text: str, *, as_json: bool) -> None:
    if as_json:
        say_json(answer)
    else:
        say(text)


def request_of(reason: str) -> dict[str, str]:
    """What every request carries: an id made here, so that it acts once, and who asks why."""
    return {"id": f"cli-{secrets.token_hex(8)}", "reason": reason or NO_REASON, "by": _user()}


def _user() -> str:
    try:
        return getpass.getuser()[:64]
    except (OSError, KeyError):  # an account without a name, as in some containers
        return ""
