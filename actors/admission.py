"""What a live run asks before anything is started: whether its venue can be traded at (BR-7)."""

import asyncio
import os
import sys
import time
from collections.abc import Callable

from actors.arming import Arming
from actors.process import cut_off_run
from actors.safe_to_trade import admitted, red
from brokers.base import Check, Place
from brokers.calls import CALL_ERRORS
from brokers.venue_checks import market_check, time_line
from brokers.venues import Addresses, Connection, Wanted, venue_kind
from storage import SqliteRecord
from trading.config import Config
from trading.errors import HoldfastError, SafetyRefusedError, SetupError
from trading.money import to_1e8
from trading.run_options import ExitCode, RunOptions
from trading.run_report import Notice, Reporter

VENUE_WAIT_S = 15.0
"""How long a run that was cut off waits for its venue before the process is started again: few
enough starts a minute for the guard never to give it up."""
VENUE_LOOK_S = 0.5


class VenueAwayError(HoldfastError):
    """A run that was cut off cannot go on before its venue answers; the guard tries again."""

    exit_code = ExitCode.RESTART


async def admit(
    options: RunOptions,
    config: Config,
    record: SqliteRecord,
    reporter: Reporter,
    addresses_of: Callable[[str], Addresses] | None = None,
) -> Connection:
    """Ask the venue whether it can be traded at; the way to it.

    Raises:
        SafetyRefusedError: The venue is none that is known, LIVE is not armed there, or one of
            its checks is red.
        VenueAwayError: A run was cut off, and the venue does not answer.
        SetupError: Keys or address are missing.
    """
    if options.url is None:
        raise SetupError("a live market needs the venue's address: --url http://127.0.0.1:PORT")
    kind = venue_kind(options.broker)
    addresses = (addresses_of or kind.addresses_of)(options.url)
    armed = admitted(addresses, options, config, record)
    is_cut_off = cut_off_run(record, options) is not None
    try:
        offset_ns = await _venue_offset_ns(options, addresses, VENUE_WAIT_S if is_cut_off else 0.0)
    except CALL_ERRORS as error:
        if is_cut_off:
            raise VenueAwayError(f"the venue does not answer yet: {error}") from None
        raise SafetyRefusedError(
            f"the venue does not answer, nothing was started: {error}"
        ) from None
    if addresses.place is not Place.SIMULATOR:
        offset_ns = 0  # a simulator's clock counts, whatever day it shows; no real venue's does
    connection = kind.connect(
        addresses=addresses,
        credentials=kind.credentials(os.environ),
        now_ns=lambda: time.time_ns() + offset_ns,
        mono_ns=time.monotonic_ns,
        seed=config.run.seed,
    )
    why = red(await _checked(connection, config, armed))
    if why and is_cut_off:  # what is open there does not wait for it
        reporter.notice(Notice(at_ns=connection.now_ns(), text=why, severity="CRITICAL"))
        sys.stderr.write(f"CRITICAL the venue's checks are red, the run goes on: {why}\n")
    elif why:
        raise SafetyRefusedError(f"the venue cannot be traded at, nothing was started: {why}")
    return connection


async def _checked(connection: Connection, config: Config, armed: Arming | None) -> list[Check]:
    """The venue's lines; `armed`: those of a new run with real orders too."""
    wanted = [Wanted(symbol=each.symbol, lot_1e8=to_1e8(each.lot)) for each in config.instruments]
    probe = connection.probe()
    try:
        found = await probe.checks(wanted)
        if armed is not None:
            watch = config.watchdog
            found.append(await time_line(watch.ntp_server, watch.clock_offset_max_ms, time.time_ns))
            found.append(armed.account_check(await probe.account_number()))
            found += await probe.real_checks(to_1e8(config.account.capital_usd))
            symbols = [each.symbol for each in config.instruments]
            found.append(await market_check(connection.market(symbols, ("quotes",))))
        return found
    finally:
        await probe.close()


async def _venue_offset_ns(options: RunOptions, addresses: Addresses, wait_s: float) -> int:
    """By how much the venue's clock is ahead of ours, asked again for so long.

    Raises:
        Exception: One of `CALL_ERRORS`: it does not answer.
    """
    kind = venue_kind(options.broker)
    connection = kind.connect(
        addresses=addresses,
        credentials=kind.credentials(os.environ),
        now_ns=time.time_ns,
        mono_ns=time.monotonic_ns,
    )
    probe, until_s = connection.probe(), time.monotonic() + wait_s
    try:
        while True:
            try:
                return (await probe.clock_offset()).middle_ns
            except CALL_ERRORS:
                if time.monotonic() >= until_s:
                    raise
                await asyncio.sleep(VENUE_LOOK_S)
    finally:
        await probe.close()
