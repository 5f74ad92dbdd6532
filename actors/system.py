"""Builds a running system from a configuration and its ports, for every mode and replay.

    root ── kill ── venue:paper ── account:NAME ┬ core ── feed:main ── strategies ── watchdog
                                                ├ orders:NAME
                                                └ positions:NAME

Only the ports differ between PAPER, BACKTEST and a simulation: the lane, the record, the way to the
venue and the market's source.
"""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from actors.account import AccountActor
from actors.kill import KillMemory
from actors.lane import Lane
from actors.lane_live import LiveLane
from actors.messages import FEED, KILL, VENUE, Recover, TakeUpKills
from actors.questions import Why
from actors.reconciler import ReconcileNow
from actors.rounds import Rounds, TapePosition
from actors.spec import Spec, SupervisionEvent
from actors.telemetry import Telemetry
from actors.tree import Tree
from actors.triggers import FIRING
from actors.wiring import Wiring
from brokers.base import Prepared
from rust_core import AccountCore, Message, ReleaseGate
from streams.gaps import BAR_NS
from streams.source import Fault, Source
from streams.tick_bars import TICKS, BarMessage, Tick
from trading.config import Config
from trading.market import MarketMessage
from trading.ports import Broker, Record
from trading.run_options import Mode
from trading.strategies import Strategy

ROOT = "root"


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyBuild:
    """One configured strategy.

    Attributes:
        name: As configured.
        instrument: What it trades.
        indicators: What it declared.
        make: Makes one, with its settings.
        hears_fills: It overrides `on_fill`.
        sha256: Of its file, empty for a built-in one.
        settings: Its parameters with their values.
    """

    name: str
    instrument: str
    indicators: Sequence[tuple[str, float]]
    make: Callable[[], Strategy]
    hears_fills: bool = False
    sha256: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the world gives the system.

    Attributes:
        lane: Time and mail.
        record: What is remembered.
        run: The run in the record that events belong to.
        position: The tape's row being handled.
        venue_store: Where the paper venue keeps its book.
        history: The current session's market messages up to a row of the tape.
        instruments: What the market's source is about.
        is_bars: It sends bars; else quotes or trades, and bars are built of them.
        cadence_ns: Length of a bar.
        bar_ticks: What bars are built of, where quotes and trades come together.
        notify: Told severity, text and ids of what a person wants to know.
        is_virtual: Time stands still while the process is dead.
        fence: Our fencing token (ST-5).
        fence_word: The fence as it stands in shared memory now.
        mono_ns: A monotonic wall clock, for latency marks only.
        make_broker: Makes an account's way to its venue, given the account's actor name; it mails
            its answers there. None stands for the paper venue, which then lives in the tree.
        prepare: In DRY_RUN, makes the request that a venue outside would get; it is journaled and
            not sent, and the paper venue fills the order (BR-3).
        preview: In DRY_RUN, asks the venue what such a request would come to; it books nothing.
        flight_max_ns: The longest an order may be on its way to a venue that is not ours (EX-6).
        adapters: Actors that hold the connections to the venue; they stand before the account in
            its subtree, so that it is rebuilt, and asks the venue, when one of them fails.
    """

    lane: Lane
    record: Record
    run: str
    position: TapePosition
    venue_store: Any
    history: Callable[[int], list[MarketMessage]]
    instruments: tuple[str, ...]
    is_bars: bool
    notify: Callable[[str, str, Sequence[str]], None]
    cadence_ns: int = BAR_NS
    bar_ticks: tuple[type[Tick], ...] = TICKS
    is_virtual: bool = True
    fence: int = 1
    fence_word: Callable[[], int] = lambda: 1
    mono_ns: Callable[[], int] = time.perf_counter_ns
    make_broker: Callable[[str], Broker] | None = None
    prepare: Callable[[bytes], Prepared] | None = None
    preview: Callable[[Prepared], None] | None = None
    flight_max_ns: int = 60_000_000_000
    adapters: tuple[Spec, ...] = ()


@dataclass(slots=True)
class Counters:
    """What happened since the process began; shown, never decided on."""

    restarts: int = 0
    crashes: int = 0
    quarantined: int = 0
    halted_for: str = ""
    events: list[SupervisionEvent] = field(default_factory=list)


class System:
    """A built system. Start it, drive its lane, stop it."""

    def __init__(
        self,
        config: Config,
        mode: Mode,
        ports: Ports,
        strategies: Sequence[StrategyBuild],
        policies: Sequence[Any] = (),
    ) -> None:
        """Make every part; nothing runs yet."""
        self.config = config
        self.mode = mode
        self.ports = ports
        self.gate = ReleaseGate()
        self.gate.set_fence(ports.fence, ports.fence)
        self.counters = Counters()
        self.telemetry = Telemetry([each.symbol for each in config.instruments])
        self.kill_memory = KillMemory()
        self.market: Source[MarketMessage] = Source(self._subscriber_failed, "market")
        self.bars: Source[BarMessage] = Source(self._subscriber_failed, "bars")
        self.rounds = Rounds(
            ports.record,
            tell=ports.lane.tell,
            position=ports.position,
            now_ns=ports.lane.now_ns,
            failed=self.halt,
            arrived=self._outcome_arrived if isinstance(ports.lane, LiveLane) else None,
        )
        self.account_name = f"account:{config.run.account}"
        self.wiring = Wiring(self, strategies, policies)
        self.tree = Tree(
            ports.lane,
            Spec(name=ROOT, children=self.wiring.specs(), strategy="one_for_one"),
            on_event=self._supervision,
            halt=self.halt,
        )
        if isinstance(ports.lane, LiveLane):
            ports.lane.drained = self.rounds.flush
        self._account_cell = self.tree.cell(self.account_name)
        self.wiring.connect()
        self.market.subscribe(self.telemetry.see)
        self.bars.subscribe(self.telemetry.see_bar)
        self.rounds.watch(FIRING, self.wiring.triggers.see)

    # -- life -------------------------------------------------------------------------------------

    def start(self, *, resume_seq: int | None = None, again: MarketMessage | None = None) -> None:
        """Bring everything up; then, after a crash, ask the venue before anything is sent.

        Args:
            resume_seq: After a crash, the last row of the tape that was handled whole; None for a
                new run.
            again: The row after it, when it was begun and not finished: it is shown once more.
        """
        level = self.ports.record.kill_level()
        self.kill_memory.level = self.kill_memory.latched = level
        self.gate.set_kill_level(level)
        if resume_seq is not None:
            self.wiring.read_until(resume_seq)
            self.wiring.breakers.restore(self.ports.record, self.ports.run)
        self.tree.start()
        lane = self.ports.lane
        if again is not None:
            lane.tell(FEED, again)
        if resume_seq is not None:
            lane.names[_Kicker.name] = _Kicker(self)
            lane.tell(_Kicker.name, Recover())
        else:
            lane.tell(self.wiring.reconciler_name, ReconcileNow(why=Why.START))
        if level != "NONE":
            lane.tell(KILL, TakeUpKills())
            self._latch(level)

    def _latch(self, level: str) -> None:
        """A level that no unfinished kill brings to the account is brought to it here (KC-4)."""
        asked = self.ports.record.query(
            "SELECT 1 FROM kill_commands WHERE finished_ns IS NULL AND level = :level",
            {"level": level},
        )
        if not asked and self.core is not None and self.core.account().kill_level != level:
            message = Message.kill(
                f"latched-{self.ports.run}", level, "killed before the start", "record"
            )
            self.ports.lane.tell(self.account_name, message)

    def stop(self, reason: str = "shutdown") -> None:
        """Stop every actor, last started first; what is staged becomes durable first."""
        self.rounds.commit()
        self.tree.stop(reason)
        self.rounds.commit()

    def halt(self, reason: str) -> None:
        """Shut entries for good: the root gave up, or the record failed (EX-9)."""
        if self.counters.halted_for:
            return
        self.counters.halted_for = reason
        self.gate.set_halted("SYSTEM", True)  # noqa: FBT003 - the core's own signature
        self.ports.notify("CRITICAL", f"halted: {reason}", ())

    # -- looking in -------------------------------------------------------------------------------

    @property
    def core(self) -> AccountCore | None:
        """The account's core, for reading; None while it is being rebuilt."""
        actor = self._account_cell.actor
        return actor.core if isinstance(actor, AccountActor) else None

    # -- reports from below -----------------------------------------------------------------------

    def _subscriber_failed(self, fault: Fault) -> None:
        self.ports.notify("ERROR", f"{fault.where}: a subscriber failed: {fault.error!r}", ())

    def _outcome_arrived(self) -> None:
        """Live, from the scribe's thread: the lane's own thread mails what became durable."""
        lane = self.ports.lane
        if isinstance(lane, LiveLane):
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody hears any more
                lane.loop.call_soon_threadsafe(self.rounds.mail_heard)

    def _supervision(self, event: SupervisionEvent) -> None:
        self.wiring.news.tell(event)


class _Kicker:
    """Mails `Recover` behind the mail of the row that is shown once more."""

    name = "recovery"

    def __init__(self, system: System) -> None:
        self._system = system

    def deliver(self, message: Any) -> None:
        lane = self._system.ports.lane
        lane.names.pop(self.name, None)
        lane.tell(self._system.account_name, message)


def build(
    config: Config,
    mode: Mode,
    ports: Ports,
    strategies: Sequence[StrategyBuild],
    policies: Sequence[Any] = (),
) -> System:
    """Wire a system up; `System.start` brings it to life."""
    return System(config, mode, ports, strategies, policies)


__all__ = ["FEED", "KILL", "VENUE", "Ports", "StrategyBuild", "System", "build"]
