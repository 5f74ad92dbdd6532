"""Who is connected to whom: the tree's specs, the market's subscribers, the news between actors."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from actors.account import AccountActor
from actors.account_mail import account_message
from actors.account_plan import AccountPlan
from actors.assertions import Around
from actors.attendants import Attendants
from actors.breakers import Breakers
from actors.checks import ChecksActor, ChecksMemory, ChecksPlan, check_all, check_books, count_looks
from actors.feed_wiring import FeedWiring
from actors.kill_wiring import KillWiring
from actors.lane import Lane
from actors.lane_actor import LaneActor
from actors.latency import LatencyMarks
from actors.messages import (
    CHECKS,
    FEED,
    KILL,
    VENUE,
    WATCHDOG,
    AccountBack,
)
from actors.operator_words import ClockSeen, KillLevel
from actors.periods import (
    AGE_SWEEPS,
    CHECK_LIVE_NS,
    CHECK_VIRTUAL_NS,
    POLL_LIVE_NS,
    POLL_VIRTUAL_NS,
    SECOND_NS,
    STRATEGY_PERIOD_NS,
    SUBMISSIONS_MAX,
    SWEEP_LIVE_NS,
    SWEEP_VIRTUAL_NS,
    WATCH_VIRTUAL_NS,
)
from actors.questions import Questions, Why
from actors.reconciler import ReconcileNow, ReconcilerActor, ReconcilerMemory, ReconcilerPlan
from actors.snapshot import snapshot
from actors.spec import (
    CPU_LIMIT_NS,
    MONEY_BACKOFF,
    START_CPU_LIMIT_NS,
    CellState,
    Spec,
)
from actors.strategy import StrategyActor, StrategyMemory, StrategyPlan, fill_seen
from actors.supervision_news import SupervisionNews
from actors.triggers import Trigger, Triggers, TriggersPlan
from actors.venue import VenueActor, VenueMemory, VenuePlan
from actors.watchdog import WatchdogActor, WatchLimits
from brokers.breaker import BreakerLimits
from brokers.dry_run import BookSeen, DryRunBroker
from brokers.paper import PaperBroker
from streams.tick_bars import BarMessage
from trading.config import NS_PER_S, BreakersSection
from trading.market import Bar, MarketMessage, SessionOpened
from trading.ports import Broker
from trading.run_options import Mode
from trading.strategies.view import InstrumentSeen

if TYPE_CHECKING:
    from actors.price_watch import PriceWatch
    from actors.system import StrategyBuild, System


class Wiring:
    """Makes the parts of one system and joins them."""

    def __init__(
        self, system: "System", strategies: "Sequence[StrategyBuild]", policies: Sequence[Any]
    ) -> None:
        """Prepare memories; `specs` and `connect` use them."""
        self.system = system
        self.policies = policies
        self.strategies = list(strategies)
        self.feed = FeedWiring(system, self.note)
        self.news = SupervisionNews(system, self.note)
        self.venue_memory = VenueMemory()
        self.book = BookSeen()
        self.questions = Questions()
        self.reconciler_memory = ReconcilerMemory()
        self.checks_memory = ChecksMemory()
        self.breakers = Breakers(
            gate=system.gate,
            note=self.note,
            notify=self._notify,
            has_adapter=bool(system.ports.adapters),
            limits=_breaker_limits(system.config.breakers),
        )
        self.clocks: dict[str, ClockSeen] = {}
        self.prices: PriceWatch | None = None
        self.checks_plan = self._checks_plan()
        self.kill = KillWiring(system)
        self.triggers = Triggers(self._triggers_plan())
        self.latency = LatencyMarks(system.ports.record.mark, system.ports.mono_ns)
        self.memories = {each.name: StrategyMemory() for each in self.strategies}
        self.account = system.config.run.account
        self.reconciler_name = f"reconciler:{self.account}"
        self.attendants = Attendants(system, self.note)
        self._hears_fills: dict[str, str] = {}

    @property
    def _is_paper(self) -> bool:
        """The venue is ours, and stands in the tree."""
        return self.system.ports.make_broker is None

    # -- the tree ---------------------------------------------------------------------------------

    def specs(self) -> tuple[Spec, ...]:
        """The root's children, in start order."""
        account = self.account
        return (
            Spec(name=KILL, make=self.kill.make, backoff=MONEY_BACKOFF, is_vital=True),
            *(
                (Spec(name=VENUE, make=self._make_venue, backoff=MONEY_BACKOFF, is_vital=True),)
                if self._is_paper
                else ()
            ),
            Spec(
                name=f"accounts:{account}",
                strategy="rest_for_one",
                is_vital=True,
                children=(
                    *self.system.ports.adapters,
                    Spec(
                        name=f"account:{account}",
                        make=self._make_account,
                        backoff=MONEY_BACKOFF,
                    ),
                    Spec(
                        name=self.reconciler_name,
                        make=self._make_reconciler,
                        backoff=MONEY_BACKOFF,
                    ),
                    Spec(name=f"orders:{account}", on_failed_child="contain"),
                    Spec(name=f"positions:{account}", on_failed_child="contain"),
                ),
            ),
            Spec(name=WATCHDOG, make=self._make_watchdog),
            Spec(name=CHECKS, make=lambda lane, name: ChecksActor(lane, name, self.checks_plan)),
            Spec(name=FEED, make=self.feed.make, is_vital=True),
            Spec(
                name="strategies",
                on_failed_child="contain",
                period_ns=STRATEGY_PERIOD_NS,
                children=tuple(self._strategy_spec(each) for each in self.strategies),
            ),
        )

    def _strategy_spec(self, build: "StrategyBuild") -> Spec:
        plan = self._strategy_plan(build)
        return Spec(
            name=f"strategy:{build.name}",
            make=lambda lane, name: StrategyActor(lane, name, plan),
            cpu_limit_ns=CPU_LIMIT_NS,
            start_cpu_limit_ns=START_CPU_LIMIT_NS,
        )

    # -- what each is made of ---------------------------------------------------------------------

    def _make_venue(self, lane: Lane, name: str) -> LaneActor:
        config, ports = self.system.config, self.system.ports
        return VenueActor(
            lane,
            name,
            VenuePlan(
                config_json=config.paper_json(),
                store=ports.venue_store,
                memory=self.venue_memory,
                position=ports.position,
                account=self.system.account_name,
                history=self.feed.history,
            ),
        )

    def _make_account(self, lane: Lane, name: str) -> LaneActor:
        system, ports = self.system, self.system.ports
        broker = self._make_broker(lane, name)
        self.attendants.serve(name, broker)
        return AccountActor(
            lane,
            name,
            AccountPlan(
                account=self.account,
                config_json=system.config.account_json(
                    system.mode, flight_max_ns=0 if self._is_paper else ports.flight_max_ns
                ),
                run=ports.run,
                record=ports.record,
                rounds=system.rounds,
                broker=broker,
                gate=system.gate,
                is_shared=len(self.strategies) > 1,
                balance_cache_ns=self._balance_cache_ns(),
                is_virtual=ports.is_virtual,
                history=lambda: self.feed.history(self.feed.memory.last_seq),
                order_news=self.attendants.order_news,
                position_news=self.attendants.position_news,
                filled=self._filled,
                kill_finished=self.kill.finished,
                notify=ports.notify,
                latency=self.latency,
                questions=self.questions,
                breakers=self.breakers,
                unsound=lambda: check_books(self.checks_plan),
                looks=self.checks_memory,
                session_closed=lambda date: count_looks(self.checks_plan, date),
                judged=lambda judged: lane.tell(self.reconciler_name, judged),
                recovered=self._recovered,
            ),
        )

    def _balance_cache_ns(self) -> int | None:
        is_the_brokers = self.system.mode is Mode.LIVE
        return self.system.config.account.balance_cache_s * NS_PER_S if is_the_brokers else None

    def _recovered(self) -> None:
        """The account is rebuilt and has asked about its orders: the rest is compared now."""
        lane, account = self.system.ports.lane, self.system.account_name
        lane.tell(self.reconciler_name, ReconcileNow(why=Why.START))
        lane.tell(KILL, AccountBack(account=account))

    def _make_reconciler(self, lane: Lane, name: str) -> LaneActor:
        system, ports = self.system, self.system.ports
        return ReconcilerActor(
            lane,
            name,
            ReconcilerPlan(
                account=system.account_name,
                core=lambda: system.core,
                broker=self._make_broker(lane, system.account_name),
                questions=self.questions,
                memory=self.reconciler_memory,
                poll_ns=POLL_VIRTUAL_NS if ports.is_virtual else POLL_LIVE_NS,
                sweep_ns=SWEEP_VIRTUAL_NS if ports.is_virtual else SWEEP_LIVE_NS,
                hold=self._hold_entries,
                tend=self.attendants.tend,
                compared=lambda: check_all(self.checks_plan),
                note=lambda kind, payload: self.note(name, kind, payload),
                notify=lambda severity, text: ports.notify(severity, text, ()),
            ),
        )

    def _hold_entries(self, is_held: bool) -> None:  # noqa: FBT001 - the gate's own signature
        """Nothing enters before the books were compared (ST-2); a replay's time waits for that."""
        if not self.system.ports.is_virtual:
            self.system.gate.set_halted("RECONCILIATION", is_held)

    def _checks_plan(self) -> ChecksPlan:
        is_virtual = self.system.ports.is_virtual
        return ChecksPlan(
            core=lambda: self.system.core,
            around=self._around,
            breakers=self.breakers,
            memory=self.checks_memory,
            sweep_ns=CHECK_VIRTUAL_NS if is_virtual else CHECK_LIVE_NS,
            note=lambda kind, payload: self.note("assertions", kind, payload),
            notify=self._notify,
        )

    def _around(self) -> Around:
        """What the assertions compare an account with, beside its own books."""
        is_virtual, now_ns = self.system.ports.is_virtual, self.system.ports.lane.now_ns()
        beats = {
            cell.name: now_ns - cell.asked_ns
            for cell in self.system.tree.cells()
            if cell.asked_ns and cell.state is CellState.RUNNING
        }
        return Around(
            now_ns=now_ns,
            compared_ns=self.reconciler_memory.clean_ns,
            compared_age_max_ns=AGE_SWEEPS * (SWEEP_VIRTUAL_NS if is_virtual else SWEEP_LIVE_NS),
            beats=beats,
            beat_age_max_ns=AGE_SWEEPS * self._heartbeat_ns(),
        )

    def _triggers_plan(self) -> TriggersPlan:
        levels = self.system.config.triggers
        named = {each: getattr(levels, each) for each in Trigger}
        return TriggersPlan(
            levels={each: KillLevel(word) for each, word in named.items() if word is not None},
            kill=self.kill.trigger,
            note=self.note,
            run=self.system.ports.run,
        )

    def _notify(self, severity: str, text: str) -> None:
        self.system.ports.notify(severity, text, ())

    def _make_broker(self, lane: Lane, account: str) -> Broker:
        ports = self.system.ports
        if ports.make_broker is not None:
            return ports.make_broker(account)
        paper = PaperBroker(
            lane.tell,
            venue=VENUE,
            account=account,
            now_ns=lane.now_ns,
            fence_word=ports.fence_word,
        )
        if ports.prepare is None:
            return paper
        return DryRunBroker(
            paper,
            prepare=ports.prepare,
            preview=ports.preview,
            book=self.book,
            account=account,
            tell=lane.tell,
            note=self.note,
        )

    def _make_watchdog(self, lane: Lane, name: str) -> LaneActor:
        return WatchdogActor(lane, name, WatchLimits(period_ns=self._heartbeat_ns()))

    def _heartbeat_ns(self) -> int:
        heartbeat_ns = self.system.config.watchdog.heartbeat_s * SECOND_NS
        return max(heartbeat_ns, WATCH_VIRTUAL_NS) if self.system.ports.is_virtual else heartbeat_ns

    def _strategy_plan(self, build: "StrategyBuild") -> StrategyPlan:
        instrument = self.system.config.instrument(build.instrument)
        return StrategyPlan(
            strategy=build.name,
            make=build.make,
            indicators=build.indicators,
            instrument=InstrumentSeen(
                instrument.symbol,
                *(
                    int(value.scaleb(8))
                    for value in (instrument.tick_size, instrument.lot, instrument.multiplier)
                ),
            ),
            account=self.system.account_name,
            core=lambda: self.system.core,
            policies=self.policies,
            memory=self.memories[build.name],
            history=self.feed.memory.shown,
            note=self.note,
            is_pressed=lambda: len(self.questions.leaving) > SUBMISSIONS_MAX,
        )

    # -- the market's subscribers, in the order in which they are told

    def connect(self) -> None:
        """Subscribe the venue and the account to the market, the strategies to complete bars."""
        market, bars, tree = self.system.market, self.system.bars, self.system.tree
        account = tree.cell(self.system.account_name)
        market.subscribe(self.latency.ticked)
        if self.system.ports.prepare is not None:
            market.subscribe(self.book.see)
        if self._is_paper:
            market.subscribe(tree.cell(VENUE).tell)

        def to_account(message: MarketMessage) -> None:
            said = account_message(message)
            if said is not None:
                account.tell(said)

        market.subscribe(to_account)
        if not self.system.ports.is_bars:
            bars.subscribe(self.latency.ticked)  # what follows from a bar begins with its end
        for build in self.strategies:
            name = f"strategy:{build.name}"
            bars.subscribe(_strategy_port(tree.cell(name).tell, build.instrument))
            if build.hears_fills:
                self._hears_fills[build.name] = name

    def read_until(self, seq: int) -> None:
        """After a crash: what feed and strategies had been shown before it."""
        ports = self.system.ports
        shown_ns = self.feed.bars_shown_until_ns()
        self.feed.memory.last_seq, self.feed.memory.shown_ns = seq, shown_ns
        if self._is_paper:
            self.venue_memory.last_seq = max(seq, ports.venue_store.last_seq)
        session_date = 0
        for message in ports.history(seq):
            if isinstance(message, SessionOpened):
                session_date = message.session_date
            elif isinstance(message, Bar):
                shown_ns = max(shown_ns, message.at_ns)
        self.feed.memory.session_date = session_date
        for memory in self.memories.values():
            memory.last_seq, memory.shown_ns = seq, shown_ns
            memory.session_date = session_date

    # -- news -------------------------------------------------------------------------------------

    def _filled(self, event: Any) -> None:
        if self._hears_fills:
            fill = fill_seen(event.payload)
            name = self._hears_fills.get(fill.strategy)
            if name is not None:
                self.system.ports.lane.tell(name, fill)

    def watchdog_snapshot(self) -> dict[str, Any]:
        """Each actor by name: its state and the age of its last answer to the watchdog."""
        seen = snapshot(self.system.tree)
        return {
            node.name: {"state": node.state, "beat_age_ns": node.beat_age_ns}
            for node in seen.nodes
            if node.is_actor
        }

    def note(self, stream: str, kind: str, payload: dict[str, Any]) -> None:
        """Journal a fact of the system."""
        self.system.rounds.note(stream, kind, payload)


def _strategy_port(tell: Callable[[Any], None], instrument: str) -> Callable[[BarMessage], None]:
    """What one strategy is told: its own instrument's complete bars, and sessions."""

    def port(message: BarMessage) -> None:
        if type(message) is not Bar or message.instrument == instrument:
            tell(message)

    return port


def _breaker_limits(section: BreakersSection) -> BreakerLimits:
    return BreakerLimits(
        latency_max_ns=section.latency_max_s * NS_PER_S,
        errors_max=section.errors_max,
        window_ns=section.window_s * NS_PER_S,
        open_ns=section.open_s * NS_PER_S,
        open_max_ns=section.open_max_s * NS_PER_S,
    )
