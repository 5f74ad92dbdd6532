"""`holdfast rehearse`: this version's adapter at a venue that misbehaves (BR-9)."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import orjson
import typer

from actors.arming import code_digest
from brokers.credentials import Credentials
from brokers.venues import VenueKind, Wanted
from console.context import AsJson, DataDir, resolve_data_dir, say, say_json
from console.run import outside
from trading.errors import SafetyRefusedError

if TYPE_CHECKING:
    from actors.rehearsal import Judged
    from brokers.base import Venue

_ANSWER_WAIT_S: Final = 0.5
_CALLS_PER_MINUTE: Final = 60_000


def rehearse(
    *,
    broker: Annotated[str, typer.Option(help="At whose simulator.")] = "alpaca",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Send orders to a simulator that loses answers, and judge by its book.

    The newest result is kept in the data directory; live keys are refused without one of the code
    that is installed. Exit code 1 when a case failed.

    Example: holdfast rehearse --json
    """
    from actors.rehearsal import Rehearsed, keep  # noqa: PLC0415 - needed here only

    kind = outside(broker)
    with _simulator(kind.name) as told:
        found = Rehearsed(
            broker=kind.name,
            code_sha256=code_digest(),
            at_ns=time.time_ns(),
            cases=asyncio.run(_played(kind, told)),
        )
    folder = resolve_data_dir(data_dir)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keep(folder, found)
    if as_json:
        say_json({"has_passed": found.has_passed, **asdict(found)})
    else:
        for case in found.cases:
            say(f"{'NO  ' if case.fault else 'ok  '}{case.name}{case.fault and ': ' + case.fault}")
    if not found.has_passed:
        raise typer.Exit(1)


async def _played(kind: VenueKind, told: dict[str, str]) -> "list[Judged]":
    from actors.rehearsal import rehearse as play  # noqa: PLC0415 - needed here only
    from actors.safe_to_trade import red  # noqa: PLC0415

    connection = kind.connect(
        addresses=kind.addresses_of(told["url"]),
        credentials=Credentials(*(told[word.lower()] for word in kind.key_words)),
        now_ns=time.time_ns,
        mono_ns=time.monotonic_ns,
        calls_per_minute=_CALLS_PER_MINUTE,
        answer_wait_s=_ANSWER_WAIT_S,
    )

    def make() -> "Venue":
        return connection.venue()

    probe = connection.probe()
    try:  # as before a run: keys, and the rules of what is traded
        lot_1e8 = kind.rehearsed.qty_1e8
        why = red(await probe.checks([Wanted(symbol=kind.rehearsed.symbol, lot_1e8=lot_1e8)]))
    finally:
        await probe.close()
    if why:
        raise SafetyRefusedError(f"the simulator cannot be rehearsed at: {why}")
    return await play(make, told["admin_url"], kind.rehearsed)


@contextmanager
def _simulator(name: str) -> Iterator[dict[str, str]]:
    """One in a process of its own: the product never loads the judge (BR-2)."""
    command = [
        *(str(Path(sys.executable).with_name("holdfast")), "venue", name, "--json", "--still"),
        *("--clock", "now", "--hours", "always", "--requests-per-min", str(_CALLS_PER_MINUTE)),
    ]
    with subprocess.Popen(  # noqa: S603 - our own command line
        command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as process:
        try:
            if process.stdout is None:
                raise TypeError("the simulator's output must be a pipe")
            told: dict[str, str] = orjson.loads(process.stdout.readline())
            yield told
        finally:
            process.terminate()
