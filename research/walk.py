"""Block replays: a configuration and a tape given to the walker in the compiled part.

The walker drives the account core, the paper venue and the built-in rules that the actors drive,
in the order in which they drive them, without a Python call in between.
"""

from pathlib import Path

import orjson

from rust_core import WalkOutcome, WalkTape, walk
from streams.tape import Tape
from trading.config import Config
from trading.errors import ConfigError, SetupError
from trading.run_options import Mode
from trading.strategies.catalogue import Configured, configured, strategies_folder
from trading.strategies.vwap_reversion import VwapReversionStrategy, parameters_json


def walk_config(
    config: Config, *, mode: Mode = Mode.PAPER, base: Path = Path(), with_events: bool = False
) -> bytes:
    """What the walker reads, from what the actors read.

    Args:
        config: The same as for a run.
        mode: Stands in order ids.
        base: What the folder of the user's strategies is relative to.
        with_events: Keep every event, to be compared with a journal.

    Raises:
        ConfigError: A strategy is not there, cannot be used, or is written in Python.
    """
    found = configured(config, strategies_folder(config, base))
    rules = [_rule(each) for each in found if each.is_enabled]
    if config.policies:
        raise ConfigError(
            f"policies: the block walker asks no Python; expected none, found "
            f"{', '.join(config.policies)}; use a run in BACKTEST mode"
        )
    return orjson.dumps(
        {
            "account": orjson.Fragment(config.account_json(mode)),
            "venue": orjson.Fragment(config.paper_json()),
            "strategies": rules,
            "with_events": with_events,
        }
    )


def _rule(found: Configured) -> dict[str, object]:
    if found.kind is not VwapReversionStrategy:
        raise ConfigError(
            f"strategies: the block walker runs built-in rules only; expected "
            f"{VwapReversionStrategy.name}, found {found.name}; use a run in BACKTEST mode"
        )
    return {
        "name": found.name,
        "instrument": found.instrument,
        "parameters": orjson.Fragment(parameters_json(found.settings)),
    }


def block_tape(tape: Tape) -> WalkTape:
    """A tape's rows as the walker keeps them, to be walked as often as wanted.

    Raises:
        SetupError: The tape holds quotes or trades: the walker builds no bars, so no rule would
            ever be asked.
    """
    if tape.header.content != "bars":
        raise SetupError(
            f"{tape.path}: the block walker asks rules on a tape's own bars; expected bars, found "
            f"{tape.header.content}; use a run in BACKTEST mode"
        )
    return WalkTape(tape.buffer, list(tape.header.instruments))


def walk_tape(config: Config, tape: Tape, *, with_events: bool = False) -> WalkOutcome:
    """Walk a whole tape once.

    Raises:
        ConfigError: See `walk_config`.
        SetupError: See `block_tape`.
        ValueError: The configuration does not fit the tape, or a core broke a promise.
    """
    return walk(block_tape(tape), walk_config(config, with_events=with_events))
