"""A process that closes what is open after the guard stopped trading, and ends (WD-6, KC-2).

The same system as any other that goes on with a run, by the same actors and through the same gate:
recovered, at FLATTEN before anything else happens, and without the user's strategies and policies,
one of which may be why the guard acted. It ends well when the venue itself has confirmed that
nothing of ours is open.
"""

import asyncio
import time
from typing import Final

import msgspec

from actors.operator_words import KillLevel, KillRequest
from actors.system import System
from actors.trader_port import RunningTrader
from trading.config import Config
from trading.errors import HoldfastError, SafetyRefusedError
from trading.run_options import RunOptions

LOOK_S: Final = 0.05


class LeftOpenError(HoldfastError):
    """A closing process ends well only when nothing of ours is open."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "asked to stop before everything was closed: look at the venue; the record has what is "
            "open there"
        )


def without_strategies(config: Config, options: RunOptions) -> Config:
    """Whose strategies and policies are loaded; the account's own part of it stays as it was."""
    if not options.closing:
        return config
    return msgspec.structs.replace(config, strategies=(), policies=())


async def close_all(port: RunningTrader, stop_asked: asyncio.Event) -> None:
    """Ask for FLATTEN, and wait until it is through or somebody asks to stop.

    Raises:
        SafetyRefusedError: The account is at EMERGENCY, which only a person lifts.
    """
    system = port.system
    if system.kill_memory.level == KillLevel.EMERGENCY:
        raise SafetyRefusedError(
            "this account is at EMERGENCY: everything halts, and only a person closes what is open"
        )
    request = KillRequest(
        id=f"closing-{time.time_ns()}",
        level=KillLevel.FLATTEN,
        reason="the guard stopped trading, and its policy is to close what is open",
        by="guard",
    )
    port.submit_kill(request, lambda _: None)
    while not is_flat(system) and not stop_asked.is_set():  # noqa: ASYNC110 - the lane's own state
        await asyncio.sleep(LOOK_S)
    stop_asked.set()


def is_flat(system: System) -> bool:
    """Nothing works, nothing is held, and the venue has said so itself (KC-2)."""
    is_under_way = bool(system.kill_memory.running) or system.wiring.kill.is_unconfirmed()
    return not is_under_way and system.wiring.kill.open_count() == 0
