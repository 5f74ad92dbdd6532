"""A live run: the wall's time and a venue's market (BR-3).

In LIVE orders go to that venue; in PAPER and DRY_RUN the paper venue fills them at its prices. The
same tree as in a replay; lane, market and the way to the venue differ. Before anything is started
the venue is asked whether it can be traded at.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from actors import arming
from actors.adapter import AdapterActor, AdapterPlan
from actors.admission import admit
from actors.capture import MarketCapture
from actors.clock_watch import ClockPlan, ClockWatch
from actors.closing import LeftOpenError, close_all, is_flat, without_strategies
from actors.guarded import Heart, refuse_when_fenced, take_up_guard
from actors.interrupt import Interrupter
from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.lane_live import LiveLane
from actors.live_feed import LiveFeed, LiveFeedPlan
from actors.messages import FEED
from actors.operator import handle_signals
from actors.own_orders import OwnOrders
from actors.previews import Previews
from actors.price_watch import PriceWatch
from actors.prices_live import known_windows, price_watch
from actors.process import (
    cut_off_run,
    note_strategies,
    operator_server,
    settle_memory,
)
from actors.questions import Why
from actors.reconciler import ReconcileNow
from actors.resolution_watch import EVERY_S, ResolutionPlan, ResolutionWatch
from actors.rounds import TapePosition
from actors.safe_to_trade import armed_until_ns
from actors.spec import Spec
from actors.strategies_found import FoundStrategies
from actors.summary import live_progress
from actors.system import Ports, System, build
from actors.trader_port import RunningTrader
from actors.venue_store import VenueStore
from actors.watched_for import pass_on
from brokers import ntp
from brokers.calls import CALL_ERRORS, CallEnded
from brokers.network import NetworkBroker
from brokers.venues import Addresses, Connection, venue_kind
from rust_core import Message
from storage import LeaseLostError, SqliteRecord
from storage.heartbeat import HeartbeatPage
from trading.calendar import Calendar
from trading.config import NS_PER_S, Config
from trading.market import TradePrint
from trading.ports import Broker
from trading.run_options import Mode, RunOptions
from trading.run_report import Notice, Reporter

if TYPE_CHECKING:
    from brokers.base import PreviewingVenue
    from brokers.offset import Offset

PROGRESS_EVERY_S = 0.25
STOP_WAIT_S = 15.0
STOP_LOOK_S = 0.05
MINUTE_S = 60
NS_PER_MS = 1_000_000


class LiveTrader:
    """One process's life with one live run."""

    def __init__(
        self,
        options: RunOptions,
        config: Config,
        record: SqliteRecord,
        reporter: Reporter,
        connection: Connection,
    ) -> None:
        """Build the system; nothing is started. The venue has been checked: see `open`."""
        self.options, self.config, self.record, self.reporter = options, config, record, reporter
        self.connection = connection
        self.cut_off = cut_off_run(record, options)
        self.found = FoundStrategies(without_strategies(config, options), Path.cwd())
        self.run_id = self._enter_run()
        self.lane = LiveLane(clock_ns=connection.now_ns)
        self.store = VenueStore(options.data_dir, self.run_id)
        self._stop_asked = asyncio.Event()
        symbols = [each.symbol for each in config.instruments]
        self._armed_until_ns = armed_until_ns(connection.addresses, options, config, record)
        self._is_arming_over = False
        self._began_ns = 0
        self.previews = self._make_previews()
        self.capture = (
            self._make_capture() if config.input.capture and not options.closing else None
        )
        self.feed = LiveFeed(
            LiveFeedPlan(
                stream=connection.market(symbols, ("quotes", "trades")),
                calendar=Calendar.load(config.input.calendar),
                now_ns=self.lane.now_ns,
                tell=self.lane.tell,
                feed=FEED,
                source=options.broker,
                note=self._note,
                notify=self._notify,
                first_seq=self.store.last_seq + 1,
                capture=(lambda _: None) if self.capture is None else self.capture.take,
            )
        )
        self.system = self._build()
        self.prices = self._make_prices()
        self.system.wiring.prices = self.prices
        pass_on(self.system.rounds, self.lane.now_ns, reporter)

    @classmethod
    async def open(
        cls,
        options: RunOptions,
        config: Config,
        record: SqliteRecord,
        reporter: Reporter,
        addresses_of: Callable[[str], Addresses] | None = None,
    ) -> "LiveTrader":
        """Ask the venue whether it can be traded at, then build.

        Raises:
            SafetyRefusedError: The venue is none that is known, LIVE is not armed there, or one of
                its checks is red.
            VenueAwayError: A run was cut off, and the venue does not answer.
            SetupError: Keys or address are missing.
        """
        connection = await admit(options, config, record, reporter, addresses_of)
        return cls(options, config, record, reporter, connection)

    # -- set-up -----------------------------------------------------------------------------------

    def _enter_run(self) -> str:
        if self.cut_off is not None:
            return self.record.resume_run(self.cut_off.run).run
        return self.record.begin_run(
            mode=self.options.mode,
            config_hash=self.config.digest(),
            source=self._source(),
            started_ns=time.time_ns(),
        )

    def _source(self) -> str:
        return f"{self.options.broker} at {self.connection.addresses.url}"

    def _make_capture(self) -> MarketCapture:
        return MarketCapture(
            self.options.data_dir,
            self.options.broker,
            note=self._note,
            notify=self._notify,
            keep_days=self.config.retention.capture_days,
        )

    def _make_previews(self) -> Previews | None:
        venue = self.connection.venue() if self.options.mode is Mode.DRY_RUN else None
        if venue is None or not venue.capabilities.has_preview:
            return None
        return Previews(cast("PreviewingVenue", venue), self._note)

    def _build(self) -> System:
        is_outside = self.options.mode is Mode.LIVE
        adapter = f"adapter:{self.config.run.account}"

        def make_adapter(lane: Lane, name: str) -> LaneActor:
            if not isinstance(lane, LiveLane):
                raise TypeError(f"{name} needs the live lane's loop")
            return AdapterActor(lane, name, self._adapter_plan())

        def make_broker(_: str) -> Broker:
            return NetworkBroker(self.options.broker, self.lane.tell, adapter)

        ports = Ports(
            lane=self.lane,
            record=self.record,
            run=self.run_id,
            position=TapePosition(),
            venue_store=self.store,
            history=self.feed.history,
            instruments=tuple(each.symbol for each in self.config.instruments),
            is_bars=False,
            bar_ticks=(TradePrint,),  # quotes are conflated, and have no volume
            cadence_ns=(self.config.input.cadence_s or MINUTE_S) * NS_PER_S,
            notify=self._notify,
            is_virtual=False,
            fence=self.record.fence,
            fence_word=self.record.lease.word.read,
            make_broker=make_broker if is_outside else None,
            flight_max_ns=self.connection.flight_max_ns,
            prepare=self.connection.preparer() if self.options.mode is Mode.DRY_RUN else None,
            preview=None if self.previews is None else self.previews.ask,
            adapters=(Spec(name=adapter, make=make_adapter),) if is_outside else (),
        )
        return build(
            self.config, self.options.mode, ports, self.found.strategies, self.found.policies
        )

    def _adapter_plan(self) -> AdapterPlan:
        own = OwnOrders(self.record, self.run_id, lambda: self.system.core)
        return AdapterPlan(
            account=self.system.account_name,
            make=lambda: self.connection.venue(self._call_ended),
            hold=self._hold,
            fence=self.record.fence,
            fence_word=self.record.lease.word.read,
            is_ours=own.is_ours,
            live_orders=own.live,
            working=own.working,
            intents=own.intents,
            broker_id=own.broker_id,
            intended_ns=own.intended_ns,
            reconnected=self._reconnected,
            notify=self._notify,
            note=self._note,
        )

    def _hold(self, breaker: str, cause: str) -> None:
        """At the gate, and where a person sees why entries wait."""
        self.system.wiring.breakers.show(breaker, cause)

    def _call_ended(self, call: CallEnded) -> None:
        """The breaker of its endpoint, in the gate, on /health and in the status (WD-3)."""
        self.system.wiring.breakers.call_ended(call, self.lane.now_ns())

    def _reconnected(self) -> None:
        now = ReconcileNow(why=Why.RECONNECTED)
        self.lane.tell(self.system.wiring.reconciler_name, now)

    def _note(self, stream: str, kind: str, payload: dict[str, Any]) -> None:
        self.system.wiring.note(stream, kind, payload)
        self.system.rounds.flush()

    def _notify(self, severity: str, text: str, ids: Sequence[str]) -> None:
        self.reporter.notice(Notice(at_ns=self.lane.now_ns(), text=text, severity=severity))
        if severity != "INFO":
            sys.stderr.write(f"{severity} {text} {' '.join(ids)}\n")

    # -- life -------------------------------------------------------------------------------------

    async def run(self, page: HeartbeatPage) -> None:
        """Trade until asked to stop."""
        port = RunningTrader(self.system, rescan=self.found.rescan, holder=self.record.lease.holder)
        handle_signals(asyncio.get_running_loop(), port, self._stop_asked.set)
        heart = Heart(self.lane, page, self.system, self.record.lease.word)
        async with contextlib.AsyncExitStack() as around:
            server = operator_server(port, self.options, self.config, self.run_id)
            around.push_async_callback(server.stop)
            self.reporter.operator(self.config.operator.host, await server.start())
            self.begin()
            take_up_guard(port, self.options.data_dir)
            heart.start()
            interrupter = Interrupter(
                self.lane, stuck_ns=self.config.watchdog.stall_max_ms * NS_PER_MS
            )
            interrupter.start()
            around.callback(interrupter.close)
            around.push_async_callback(self._go_silent, self._attend())
            try:
                if self.options.closing:
                    await close_all(port, self._stop_asked)
                await self._stop_asked.wait()
                refuse_when_fenced(self.record)
                heart.stopping()
                await self._resolve()
                await around.aclose()
                await self._resolve()  # what was decided meanwhile; nothing is awaited behind it
            except LeaseLostError:
                self.lane.close()  # what is open is another's now
                raise
            finally:
                heart.close()
        is_left_open = self.options.closing and not is_flat(self.system)
        self._end()
        if is_left_open:
            raise LeftOpenError

    def _attend(self) -> list[asyncio.Task[None]]:
        """What goes on beside the lane: display, clocks, ends of markets, prices of windows."""
        clocks = self._clock_watch().run()
        beside = (self._report(), clocks, self.follow_resolutions(), self.follow_prices())
        tasks = [asyncio.create_task(each) for each in beside]
        for task in tasks:
            task.add_done_callback(self._beside_ended)
        return tasks

    async def _go_silent(self, attendants: Sequence[asyncio.Task[None]]) -> None:
        """No price is heard any more, and nobody is told of the run."""
        await self.feed.stop()
        if self.previews is not None:
            await self.previews.close()
        for each in attendants:
            each.cancel()
        await asyncio.gather(*attendants, return_exceptions=True)

    def _beside_ended(self, task: "asyncio.Task[None]") -> None:
        """What a run needs beside trading has ended, and nobody else would say so."""
        if not task.cancelled() and task.exception() is not None:
            self._notify("CRITICAL", f"a part of the run failed: {task.exception()!r}", ())

    async def follow_resolutions(self, every_s: float = EVERY_S) -> None:
        """Where markets of the venue end: watch for their ends, until cancelled (MD-8)."""
        make = venue_kind(self.options.broker).resolutions
        if make is None or self.options.mode is not Mode.LIVE:
            return
        account = self.system.account_name
        plan = ResolutionPlan(
            source=make(self.connection),
            faults=CALL_ERRORS,
            positions=lambda: () if self.system.core is None else self.system.core.positions(),
            tell=lambda message: self.lane.tell(account, message),
            note=self._note,
            notify=self._notify,
            doubts=(lambda _: ()) if self.prices is None else self.prices.doubts,
            every_s=every_s,
        )
        await ResolutionWatch(plan).run()

    def _make_prices(self) -> PriceWatch | None:
        if self.options.closing:
            return None
        is_new = self.cut_off is None
        return price_watch(
            self.options.broker,
            self.connection,
            self.config.input.spot_feeds,
            self._note,
            self._notify,
            known=lambda: [] if is_new else known_windows(self.record, self.run_id),
        )

    async def follow_prices(self) -> None:
        """Where there are binary windows: reference and spot prices, until cancelled (MD-10)."""
        if self.prices is not None:
            await self.prices.run()

    def begin(self) -> None:
        """Start the system and its market."""
        system = self.system
        if self._armed_until_ns is not None:
            self._show_arming()  # before a recovery could send one
        if self.cut_off is None:
            started = {
                "mode": str(self.options.mode),
                "account": self.config.run.account,
                "source": self._source(),
                "config_sha256": self.config.digest(),
            }
            system.wiring.note("run", "RunStarted", started)
            note_strategies(system, self.found.strategies)
            system.start()
        else:
            system.start(resume_seq=-1)
            system.wiring.note("run", "Recovered", {"tape_seq_handled": -1, "tape_seq_begun": -1})
        system.rounds.flush()
        settle_memory()
        self._hold_to_arming()
        self._began_ns = self.lane.now_ns()
        if self.capture is not None:
            self.capture.start()
        self.feed.start()

    def _clock_watch(self) -> ClockWatch:
        """The venue's clock and a time server's beside ours."""
        limits = self.config.watchdog
        probe = self.connection.probe()
        ask: dict[str, Callable[[], Awaitable[Offset]]] = {self.options.broker: probe.clock_offset}
        if limits.ntp_server:  # it has the world's time, not a simulator's
            ask["ntp"] = lambda: ntp.ask(limits.ntp_server, time.time_ns)
        plan = ClockPlan(
            ask=ask,
            faults=(*CALL_ERRORS, ntp.NtpError),
            seen=self.system.wiring.clocks,
            breakers=self.system.wiring.breakers,
            warn_ns=limits.clock_offset_warn_ms * NS_PER_MS,
            max_ns=limits.clock_offset_max_ms * NS_PER_MS,
            now_ns=self.lane.now_ns,
            note=self._note,
            notify=self._notify,
        )
        return ClockWatch(plan, close=probe.close)

    async def _resolve(self) -> None:
        """No entry any more; entries that work are cancelled, and what is in flight may end."""
        self.system.gate.set_paused(True)
        self.lane.tell(self.system.account_name, Message.timer("SHUTDOWN", "process"))
        try:
            async with asyncio.timeout(STOP_WAIT_S):
                await asyncio.sleep(STOP_LOOK_S)
                # Fenced, nothing can be resolved any more.
                while self._is_in_flight() and not self.record.lease.is_lost():  # noqa: ASYNC110
                    await asyncio.sleep(STOP_LOOK_S)
        except TimeoutError:
            self._notify("WARNING", "stopped while orders were in flight: run --recover", ())

    def _is_in_flight(self) -> bool:
        core = self.system.core
        if core is None or self.system.kill_memory.running:
            return True
        return any(
            order.purpose == "ENTRY" or order.order_type == "MARKET" for order in core.orders()
        )

    def _end(self) -> None:
        core = self.system.core
        if self.capture is not None:
            self.capture.stop()
            self.capture.count((self.lane.now_ns() - self._began_ns) / NS_PER_S)
        self.feed.count()
        orders, positions = (0, 0) if core is None else (len(core.orders()), len(core.positions()))
        is_clean = not self._is_in_flight()
        if orders or positions:
            self._notify("WARNING", f"stopped with {orders} orders, {positions} positions open", ())
        stopped = {
            "reason": "asked to stop",
            "orders_open": orders,
            "positions_open": positions,
            "is_resolved": is_clean,
        }
        self.system.wiring.note("run", "RunStopped", stopped)
        self.system.stop()
        self.lane.close()
        if not orders and not positions:  # else it is to be gone on with by --recover
            self.record.end_run(ended_ns=time.time_ns(), is_clean=is_clean)
        if self.capture is not None:
            self.capture.convert()

    def _hold_to_arming(self) -> None:
        """Entries at a real venue end with their arming; exits go on (BR-7)."""
        if self._armed_until_ns is None or self._is_arming_over:
            return
        if self._show_arming():
            self._is_arming_over = True
            self._note("run", "ArmingEnded", {"until_ns": self._armed_until_ns})
            text = "entries are held back: the run is not armed any more; exits go on (BR-7)"
            self._notify("CRITICAL", text, ())

    def _show_arming(self) -> bool:
        until_ns = self._armed_until_ns
        is_over = until_ns is not None and time.time_ns() >= until_ns
        over = "the run is not armed any more: `holdfast arm` again, then run anew"
        self.system.wiring.breakers.show(arming.BREAKER, over if is_over else "")
        return is_over

    async def _report(self) -> None:
        while not self.record.lease.is_lost():
            self._hold_to_arming()
            self.reporter.progress(live_progress(self.system, self._source()))
            await asyncio.sleep(PROGRESS_EVERY_S)
        self._stop_asked.set()
