"""`holdfast venue`: a venue to test against, on loopback, that misbehaves on request."""

import asyncio
import time
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from console.context import AsJson, say, say_json
from trading.errors import SetupError, nearest

if TYPE_CHECKING:
    from brokers.sim.core import VenueOptions
    from brokers.sim.run import Addresses, Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A venue that can be served; its class is imported when it is.

    Attributes:
        module: Where the class is.
        kind: Its name.
        requests_per_min: The rate limit of a key, where none is asked for.
    """

    module: str
    kind: str
    requests_per_min: int

    def make(self, options: "VenueOptions") -> "Venue[Any]":
        """Set it up; nothing listens yet."""
        made: Venue[Any] = getattr(import_module(self.module), self.kind)(options, time.time_ns)
        return made

    def routes(self) -> dict[str, str]:
        """What it serves, and what each route answers."""
        from brokers.sim.core import VenueOptions  # noqa: PLC0415 - only who asks needs it

        return self.make(VenueOptions()).routes()


SIMULATED: Final = {
    "alpaca": Simulated(module="brokers.sim.alpaca.run", kind="AlpacaVenue", requests_per_min=200),
    # Of its limits that of orders; reads have twice as many.
    "tradier": Simulated(
        module="brokers.sim.tradier.run", kind="TradierVenue", requests_per_min=60
    ),
    # Of its two buckets that of orders; cancels have twice as many.
    "polymarket": Simulated(
        module="brokers.sim.polymarket.run", kind="PolymarketVenue", requests_per_min=2400
    ),
}
_HOURS: Final = ("exchange", "always")
_SPEED_MAX: Final = 100_000.0


def venue(  # noqa: PLR0913 - each argument is an option of the command line
    *,
    name: Annotated[str, typer.Argument(help=f"Which one: {', '.join(SIMULATED)}.")],
    port: Annotated[int, typer.Option("--port", help="Of the venue; 0 is any free one.")] = 0,
    admin_port: Annotated[
        int, typer.Option("--admin-port", help="Of clock, prices, faults and audit.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Of prices, ids and chances.")] = 7,
    faults: Annotated[
        Path | None, typer.Option("--faults", help="What goes wrong, as [[faults]] in TOML.")
    ] = None,
    chaos: Annotated[
        float, typer.Option("--chaos", help="Chance of each fault at each occasion, from the seed.")
    ] = 0.0,
    replay: Annotated[
        Path | None,
        typer.Option("--replay", help="Recording that moves the market (Parquet or CSV)."),
    ] = None,
    symbol: Annotated[
        str, typer.Option("--symbol", help="What a recording without symbols is traded as.")
    ] = "SPY",
    session: Annotated[
        str, typer.Option("--session", help="The only day of a recording to play, as 2020-03-09.")
    ] = "",
    clock: Annotated[
        str,
        typer.Option(
            "--clock", help="now, or an instant such as 2026-11-20T15:00:00Z; a recording's own."
        ),
    ] = "",
    speed: Annotated[
        float, typer.Option("--speed", help="Seconds of its clock per second; 0 stands still.")
    ] = 1.0,
    hours: Annotated[
        str, typer.Option("--hours", help="exchange, or always: days without a pause.")
    ] = "exchange",
    still: Annotated[bool, typer.Option("--still", help="No price moves by itself.")] = False,
    requests_per_min: Annotated[
        int | None,
        typer.Option("--requests-per-min", help="The rate limit; the venue's own if not given."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Serve a simulated venue on loopback until it is interrupted.

    Example: holdfast venue alpaca --seed 7 --faults faults.toml
    """
    if name not in SIMULATED:
        raise SetupError(
            f"a venue is one of {', '.join(SIMULATED)}; was {name!r}{nearest(name, SIMULATED)}"
        )
    from brokers.sim.run import serve  # noqa: PLC0415 - only this command needs it

    options = _options(
        seed=seed,
        faults=faults,
        chaos=chaos,
        replay=replay,
        symbol=symbol,
        session=session,
        clock=clock,
        speed=speed,
        hours=hours,
        still=still,
        requests_per_min=SIMULATED[name].requests_per_min
        if requests_per_min is None
        else requests_per_min,
    )
    served = SIMULATED[name].make(options)
    try:
        asyncio.run(serve(served, (port, admin_port), lambda found: _say(found, as_json=as_json)))
    except OSError as error:
        raise SetupError(f"port {port} or {admin_port} cannot be listened on: {error}") from error


def _options(**given: Any) -> "VenueOptions":
    from brokers.sim.core import VenueOptions  # noqa: PLC0415 - only this command needs it
    from brokers.sim.faults import read_faults  # noqa: PLC0415 - only this command needs it
    from brokers.sim.units import read_time  # noqa: PLC0415 - only this command needs it

    if not 0 <= given["speed"] <= _SPEED_MAX:
        raise SetupError(f"--speed is 0 to {_SPEED_MAX:g}, was {given['speed']:g}")
    if given["hours"] not in _HOURS:
        raise SetupError(f"--hours is exchange or always, was {given['hours']!r}")
    try:
        day = date.fromisoformat(given["session"]) if given["session"] else None
    except ValueError as error:
        raise SetupError(f"--session is a day such as 2020-03-09: {error}") from error
    try:
        is_now = given["clock"] == "now"
        # Where no recording is moved, the clock starts as the machine's when the venue is
        # made; what is read here would be late by the time that takes.
        start_ns = time.time_ns() if is_now and given["replay"] else None
        if given["clock"] and not is_now:
            start_ns = read_time(given["clock"])
    except ValueError as error:
        raise SetupError(f"--clock is now or an instant, was {given['clock']!r}") from error
    if not 0 <= given["chaos"] <= 1:
        raise SetupError(f"--chaos is a chance from 0 to 1, was {given['chaos']:g}")
    faults = read_faults(given["faults"]) if given["faults"] else []
    return VenueOptions(
        seed=given["seed"],
        start_ns=start_ns,
        speed=given["speed"],
        hours=given["hours"],
        is_still=given["still"],
        replay=given["replay"],
        replay_symbol=given["symbol"],
        replay_day=day,
        requests_per_min=given["requests_per_min"],
        faults=faults,
        chaos=given["chaos"],
    )


def _say(found: "Addresses", *, as_json: bool) -> None:
    shown = found.shown()
    if as_json:
        say_json(shown)
        return
    for name, value in shown.items():
        say(f"{name:<16} {value}")
