"""The trader's process: sets up, drives the lane, serves the operator, ends with an exit code.

Started by the guard as `python -m actors.trader JSON` (`trading.run_options`).
"""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop

from actors.guarded import Heart, heart_page, refuse_when_fenced, take_up_guard
from actors.interrupt import Interrupter
from actors.lane_virtual import RunEnd, VirtualLane
from actors.live import LiveTrader
from actors.operator import handle_signals
from actors.process import (
    cut_off_run,
    drop_what_is_not_taken,
    note_strategies,
    operator_server,
    preparing,
    settle_memory,
)
from actors.rounds import TapePosition
from actors.strategies_found import FoundStrategies
from actors.summary import progress_of, summary_of
from actors.system import FEED, Ports, System, build
from actors.tape_feed import TapeFeed
from actors.tape_source import Source as TapeSource
from actors.tape_source import find_tape
from actors.trader_port import RunningTrader
from actors.venue_store import VenueStore
from actors.watched_for import pass_on
from rust_core import Message
from storage import LeaseHeldError, RecordError, SqliteRecord, open_record
from storage.heartbeat import HeartbeatPage, Phase
from streams.tape import Tape
from trading.config import Config
from trading.config_reader import load
from trading.errors import HoldfastError, SetupError
from trading.run_options import HELD_SIGNALS, ExitCode, Mode, RunOptions
from trading.run_report import Notice, Reporter

DEMO_CONFIG = Path(__file__).resolve().parent.parent / "configs" / "demo.toml"
PROGRESS_EVERY_S = 0.1
STOP_WAIT_S = 5.0
STOP_VIRTUAL_NS = 300_000_000_000
"""How far a replay goes on, at most, so that what is in flight when it is stopped can end."""
STOP_STEP_NS = 1_000_000_000


def main(arguments: Sequence[str]) -> int:
    """Run one trader; the return value is the process's exit code."""
    drop_what_is_not_taken()
    options = RunOptions.from_json(arguments[1] if len(arguments) > 1 else "")
    reporter = Reporter(options.progress_fd)
    try:
        uvloop.run(_run(options, reporter))
    except LeaseHeldError as error:
        return _ended(reporter, str(error), ExitCode.REFUSED)
    except (HoldfastError, RecordError) as error:
        code = ExitCode(getattr(error, "exit_code", ExitCode.FAILED))
        return _ended(reporter, str(error), code)
    return ExitCode.DONE


def _ended(reporter: Reporter, text: str, code: ExitCode) -> int:
    reporter.error(text, code)
    sys.stderr.write(f"{text}\n")
    return code


async def _run(options: RunOptions, reporter: Reporter) -> None:
    started_s = time.monotonic()
    _hold_signals()
    config = load(options.config or DEMO_CONFIG, mode=options.mode)
    options.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    is_live = options.mode is Mode.LIVE or options.url is not None
    if options.closing and not is_live:
        raise SetupError(
            "what a recording's venue has open ends with its process: nothing to close"
        )
    record = open_record(options.data_dir, is_eager=is_live, is_rival=options.take_over)
    try:
        page = await heart_page(record, options.data_dir, is_closing=options.closing)
        trader: Trader | LiveTrader
        try:
            if is_live:
                trader = await LiveTrader.open(options, config, record, reporter)
            else:
                trader = Trader(options, config, record, reporter)
        except HoldfastError:
            page.enter(Phase.ENDED)  # nothing was started: that it is gone is no fault
            raise
        await trader.run(page)
        refuse_when_fenced(record)
        page.enter(Phase.ENDED)
        if options.closing:
            return  # the run did not end well: nobody is to read a summary of it
        summary_of(
            record,
            trader.run_id,
            options.restarts,
            time.monotonic() - started_s,
            bars_uncounted=trader.system.wiring.feed.memory.bars_uncounted,
        ).write(options.data_dir)
    finally:
        record.close()


def _hold_signals() -> None:
    """Signals that arrive while a run is being set up wait for `handle_signals` (WD-7).

    The guard sends none before the heartbeat page names this process.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD_SIGNALS)


class Trader:
    """One process's life with one run."""

    def __init__(
        self, options: RunOptions, config: Config, record: SqliteRecord, reporter: Reporter
    ) -> None:
        """Find the run, the tape and where to go on; nothing is started."""
        self.options, self.config, self.record, self.reporter = options, config, record, reporter
        self.cut_off = cut_off_run(record, options)
        self.found = FoundStrategies(config, Path.cwd())
        self.source: TapeSource = find_tape(options, config, self.cut_off)
        self.tape = Tape(self.source.path)
        self.run_id = self._enter_run()
        self.position = TapePosition()
        self.is_stopping = False
        self.store = VenueStore(options.data_dir, self.run_id)
        self.lane = VirtualLane(self._start_ns())
        self.feed = self._tape_feed()
        self.system = self._build()
        self.lane.barriers.append(self.system.rounds)
        pass_on(self.system.rounds, self.lane.now_ns, reporter)

    # -- set-up -----------------------------------------------------------------------------------

    def _enter_run(self) -> str:
        if self.cut_off is not None:
            return self.record.resume_run(self.cut_off.run).run
        return self.record.begin_run(
            mode=self.options.mode,
            config_hash=self.config.digest(),
            source=self.source.name,
            started_ns=time.time_ns(),
            tape_path=str(self.source.path),
        )

    def _rows_done(self) -> tuple[int, int]:
        """The last row that was handled whole, and the last that was begun (-1 for none)."""
        if self.cut_off is None:
            return -1, -1
        journaled, at_venue = self.cut_off.last_tape_seq, self.store.last_seq
        return (journaled, journaled) if at_venue <= journaled else (at_venue - 1, at_venue)

    def _start_ns(self) -> int:
        if len(self.tape) == 0:
            raise SetupError(f"the tape {self.source.path} has no rows")
        _, begun = self._rows_done()
        row_ns = self.tape.row(max(begun, 0))[0]
        rows = self.record.query(
            "SELECT max(at_ns) FROM journal WHERE run = :run", {"run": self.run_id}
        )
        return max(row_ns, rows[0][0] or 0)

    def _tape_feed(self) -> TapeFeed:
        _, begun = self._rows_done()
        self.position.seq = begun
        feed = TapeFeed(
            self.tape,
            range(begun + 1, len(self.tape)),
            tell=self.lane.tell,
            feed=FEED,
            position=self.position,
        )
        self.lane.tape = feed
        return feed

    def _build(self) -> System:
        ports = Ports(
            lane=self.lane,
            record=self.record,
            run=self.run_id,
            position=self.position,
            venue_store=self.store,
            history=self.feed.history,
            instruments=self.tape.header.instruments,
            is_bars=self.tape.header.content == "bars",
            cadence_ns=self.tape.header.cadence_ns,
            prepare=preparing(self.options),
            notify=self._notify,
            fence=self.record.fence,
            fence_word=self.record.lease.word.read,
        )
        return build(
            self.config, self.options.mode, ports, self.found.strategies, self.found.policies
        )

    def _notify(self, severity: str, text: str, ids: Sequence[str]) -> None:
        self.reporter.notice(Notice(at_ns=self.lane.now_ns(), text=text, severity=severity))
        if severity != "INFO":
            sys.stderr.write(f"{severity} {text} {' '.join(ids)}\n")

    # -- life -------------------------------------------------------------------------------------

    async def run(self, page: HeartbeatPage) -> None:
        """Play the tape to its end, or until asked to stop."""
        port = RunningTrader(self.system, rescan=self.found.rescan, holder=self.record.lease.holder)
        handle_signals(asyncio.get_running_loop(), port, self._stop)
        server = operator_server(port, self.options, self.config, self.run_id)
        self.reporter.operator(self.config.operator.host, await server.start())
        self._start_system()
        take_up_guard(port, self.options.data_dir)
        heart = Heart(self.lane, page, self.system, self.record.lease.word)
        heart.start()
        interrupter = Interrupter(self.lane, stuck_ns=self.config.watchdog.stall_max_ms * 1_000_000)
        interrupter.start()
        progress = asyncio.create_task(self._report())
        try:
            await self._play(heart)
        finally:
            heart.close()
            interrupter.close()
            progress.cancel()
            await server.stop()

    def _start_system(self) -> None:
        handled, begun = self._rows_done()
        system = self.system
        if self.cut_off is None:
            system.wiring.note("run", "RunStarted", self._run_started())
            note_strategies(system, self.found.strategies)
            system.start()
        else:
            again = self.feed.history(begun)[-1] if begun > handled else None
            system.start(resume_seq=handled, again=again)
            system.wiring.note(
                "run", "Recovered", {"tape_seq_handled": handled, "tape_seq_begun": begun}
            )
        settle_memory()

    def _run_started(self) -> dict[str, Any]:
        header = self.tape.header
        return {
            "mode": str(self.options.mode),
            "account": self.config.run.account,
            "source": self.source.name,
            "is_synthetic": header.synthetic,
            "source_sha256": header.source_sha256,
            "rows_crc32": header.rows_crc32,
            "config_sha256": self.config.digest(),
            "sessions": len(header.sessions),
        }

    async def _play(self, heart: Heart) -> None:
        if self.is_stopping:  # asked to while it was being set up
            end = RunEnd.STOPPED
        else:
            end = await self.lane.run_hosted(speed=self.options.speed_ratio)
        refuse_when_fenced(self.record)
        heart.stopping()
        if end is RunEnd.STOPPED:
            await self._resolve()
            stopped = {
                "reason": "asked to stop",
                **self._left_open("stopped"),
                "is_resolved": not self._is_in_flight(),
            }
            self.system.wiring.note("run", "RunStopped", stopped)
        else:
            ended = {"rows": len(self.tape), **self._left_open("the recording ended")}
            self.system.wiring.note("run", "RunEnded", ended)
        self.system.stop()
        self.record.end_run(ended_ns=time.time_ns(), is_clean=True)

    def _stop(self) -> None:
        """Entries stop at once, those that work are cancelled, and time stands still (WD-7)."""
        if self.is_stopping:
            return
        self.is_stopping = True
        self.system.gate.set_paused(True)
        self.lane.tell(self.system.account_name, Message.timer("SHUTDOWN", "process"))
        self.lane.stop()

    async def _resolve(self) -> None:
        """Let time go on, a little and as fast as it goes, while something is in flight (WD-7).

        A position that stays open is not in flight, and is told of.
        """
        until_ns = self.lane.now_ns() + STOP_VIRTUAL_NS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_WAIT_S):
                while self._is_in_flight() and self.lane.now_ns() < until_ns:
                    await self.lane.run_hosted(until_ns=self.lane.now_ns() + STOP_STEP_NS)

    def _is_in_flight(self) -> bool:
        core = self.system.core
        if core is None or self.system.kill_memory.running:
            return True
        return any(
            order.purpose == "ENTRY" or order.order_type == "MARKET" for order in core.orders()
        )

    def _left_open(self, what: str) -> dict[str, int]:
        """Counts of what is still open, and a warning about it."""
        core = self.system.core
        orders, positions = (0, 0) if core is None else (len(core.orders()), len(core.positions()))
        if orders or positions:
            text = f"{what} with {orders} orders and {positions} positions open"
            self._notify("WARNING", f"{text}: a new run starts flat, at a venue of its own", ())
        return {"orders_open": orders, "positions_open": positions}

    async def _report(self) -> None:
        while not self.record.lease.is_lost():
            self.reporter.progress(
                progress_of(self.system, self.source, self.tape, self.options.speed_ratio)
            )
            await asyncio.sleep(PROGRESS_EVERY_S)
        self.lane.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv))
