"""Child: the trades of actors and walker on a tape, with whichever core comes first on the path.

Usage: python -m tests.mutants.trades FOLDER TAPE. Prints one JSON line; a driver that does not
come to its end says why. `noticed` counts the contradictions that the actors' own assertions saw.
"""

import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

import rust_core
from actors.rounds import SYSTEM
from research.walk import walk_tape
from streams.tape import Tape
from tests.support.parity import trade_rows, walked_trades
from tests.support.play import CONFIGS, play
from trading.config import Config
from trading.config_reader import load


def config() -> Config:
    """Many trades, in a venue that fills in parts, and a strategy that is flat before the account.

    The loss allowed in a day is a little more than the worst trade, so that it is reached.
    """
    busy = load(CONFIGS / "es-busy.toml")
    strategy = busy.strategies[0]
    parameters = {**strategy.parameters, "flat_after_open_minutes": 300}
    limits = msgspec.structs.replace(busy.limits, daily_loss_max_usd=Decimal(4000))
    return msgspec.structs.replace(
        busy,
        strategies=(msgspec.structs.replace(strategy, parameters=parameters),),
        limits=limits,
    )


def said(driver: Callable[[], Any]) -> Any:
    """What a driver gives, or why it stopped: a broken core may also be refused."""
    try:
        return driver()
    except Exception as error:  # noqa: BLE001 - any end is an answer here
        return f"{type(error).__name__}: {error}"


def main(folder: str, path: str) -> None:
    """Print the trades of both."""
    core = Path(rust_core.__file__).resolve()
    if not core.is_relative_to(Path(folder).resolve()):
        raise SystemExit(f"expected the core in {folder}, found {core}")
    noticed: list[Any] = []

    def played() -> Any:
        run = play(config(), tape)
        noticed.extend(run.payloads("AssertionFailed", SYSTEM))
        return trade_rows(run.trades())

    with Tape(Path(path)) as tape:
        answer = {
            "actors": said(played),
            "walker": said(lambda: walked_trades(walk_tape(config(), tape))),
        }
    answer["noticed"] = len(noticed)
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
