"""What the trader's process does alike whether its time is a recording's or the wall's."""

import contextlib
import gc
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO, cast

from actors.operator import OperatorServer, OperatorSettings
from actors.system import StrategyBuild, System
from actors.trader_port import RunningTrader
from brokers.base import Prepared
from brokers.venues import venue_kind
from trading.config import Config
from trading.errors import SafetyRefusedError, SetupError
from trading.ports import Record, RunInfo
from trading.run_options import Mode, RunOptions

YOUNG_OBJECTS = 50_000
"""Allocations between two young collections (design: 700 makes the tail of the order path)."""


class _Dropping:
    """A text stream, of which lines are lost that its file does not take."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def drop_what_is_not_taken() -> None:
    """Standard output and error are files on the record's disk: a full one must end no process.

    Its exits still leave then, and are written to the emergency file (ST-8).
    """
    sys.stdout = cast("TextIO", _Dropping(sys.stdout))
    sys.stderr = cast("TextIO", _Dropping(sys.stderr))


def cut_off_run(record: Record, options: RunOptions) -> RunInfo | None:
    """The run to go on with; None for a new one.

    Raises:
        SafetyRefusedError: A run was cut off, and nobody said what to do about it; or it was in
            another mode.
        SetupError: There is none to go on with.
    """
    last = record.last_run()
    is_cut_off = last is not None and last.ended_ns is None
    if last is not None and is_cut_off and not options.recover:
        raise SafetyRefusedError(
            f"run {last.run} in {options.data_dir} was cut off; go on with it by "
            "--recover, or name another --data-dir"
        )
    if last is not None and is_cut_off and last.mode != options.mode:
        raise SafetyRefusedError(
            f"run {last.run} in {options.data_dir} was cut off in {last.mode}, and {options.mode} "
            f"would go on with its orders elsewhere; say --mode {last.mode}"
        )
    if options.recover and not is_cut_off and not options.restarts:
        raise SetupError(
            f"no run in {options.data_dir} was cut off: leave --recover out to start one"
        )
    return last if is_cut_off else None


def preparing(options: RunOptions) -> Callable[[bytes], Prepared] | None:
    """In DRY_RUN over a recording, what makes the venue's requests: journaled, and not sent."""
    if options.mode is not Mode.DRY_RUN:
        return None
    kind = venue_kind(options.broker)
    try:
        account = kind.credentials(os.environ).key
    except SetupError:
        account = kind.key_words[0]  # where no venue is asked, nobody needs its keys
    return kind.preparer(account)


def operator_server(
    port: RunningTrader, options: RunOptions, config: Config, run: str
) -> OperatorServer:
    """The operator's port of this process, not listening yet."""
    settings = OperatorSettings(
        data_dir=options.data_dir,
        run=run,
        host=config.operator.host,
        port=config.operator.port,
    )
    return OperatorServer(port, settings, wall_ns=time.time_ns, monotonic_ns=time.monotonic_ns)


def note_strategies(system: System, strategies: Sequence[StrategyBuild]) -> None:
    """Journal which strategies run, and from which file."""
    for build in strategies:
        payload: dict[str, Any] = {
            "strategy": build.name,
            "instrument": build.instrument,
            "sha256": build.sha256,
        }
        system.wiring.note(f"strategy/{build.name}", "StrategyLoaded", payload)


def settle_memory() -> None:
    """What exists now lives as long as the process: it is not collected again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 100)
