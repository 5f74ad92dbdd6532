"""One seed: a session of the whole system in a world that goes wrong, and what was found."""

import time
from collections import Counter, deque
from dataclasses import dataclass, field

from msgspec.structs import replace

from actors.spec import CellState
from research.simulation.actions import Actions
from research.simulation.disk import Disk
from research.simulation.judge import Judge
from research.simulation.market import OPEN_NS, Market, crossed
from research.simulation.network import Network
from research.simulation.operator import Operator
from research.simulation.process import Life, Process, Site
from research.simulation.profile import profile
from research.simulation.troubles import Troubles, network_faults
from research.simulation.venue import SimVenue
from research.simulation.world import MILLI_NS, SECOND_NS, World
from rust_core import VenueReport
from storage import RecordError
from trading.market import Bar, MarketMessage, Quote, SessionClosed

NEVER_NS = 2**63 - 1
BEFORE_NS = 5 * SECOND_NS
HEAL_AFTER_NS = 1_200 * SECOND_NS
AFTER_NS = 300 * SECOND_NS
REPEATS_BACK_MAX = 4
"""How many messages behind its newest one a feed may repeat."""
_CONFIG = profile()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one seed brought.

    Attributes:
        seed: Which.
        findings: Invariant and words of each broken promise, oldest first.
        messages: Messages handled by every lane.
        decisions: Decisions of the account that became durable.
        faults: Faults that struck.
        orders: Orders the venue took.
        hits: Faults and points, by name.
        virtual_ns: Time that passed in there.
        cpu_ns: Processor time that it took here.
        journal_hash: The same for the same seed, wherever it runs.
        trace: Every event in words, when asked for.
    """

    seed: int
    findings: list[tuple[str, str]]
    messages: int
    decisions: int
    faults: int
    orders: int
    hits: Counter[str]
    virtual_ns: int
    cpu_ns: int
    journal_hash: str
    trace: list[str] = field(default_factory=list)


class Simulation:
    """One world from its first instant to its last."""

    def __init__(self, seed: int, *, is_traced: bool = False) -> None:
        """Build everything but the first process."""
        world = self.world = World(seed, OPEN_NS - BEFORE_NS)
        world.trace = [] if is_traced else None
        world.heal_ns = OPEN_NS + HEAL_AFTER_NS
        chance = world.chance
        self.market = Market(
            chance.random("market"),
            gap_ratio=chance.pick("gaps", (0.0, 0.01, 0.05)),
            halt_ratio=0.0,
        )
        self.disk = Disk(world)
        self.network = Network(world, network_faults(chance))
        self.venue = SimVenue(world, _CONFIG, self._reported)
        self.venue.late_fill_ratio = chance.pick("late fills", (0.0, 0.2))
        self.venue.reject_ratio = chance.pick("rejects", (0.0, 0.02))
        self.network.venue = self.venue
        self.judge = Judge(world, _CONFIG, self.disk, self.venue)
        self.venue.placed.append(self.judge.placed)
        self.processes: list[Process] = []
        self.operator = Operator(world, self.judge.kills, self.current)
        self.actions = Actions(self)
        self.troubles = Troubles(world, OPEN_NS + 20 * SECOND_NS, self.actions.act)
        self.site = Site(
            world=world,
            config=_CONFIG,
            disk=self.disk,
            network=self.network,
            market=self.market,
            judge=self.judge,
            visit=self.troubles.visit,
            is_lane_drawn=chance.pick("lane", (False, True, True)),
        )
        self.stale_until_ns = 0
        self.blind_until_ns = 0
        self.is_crossed_next = False
        self._said: deque[MarketMessage] = deque(maxlen=REPEATS_BACK_MAX + 1)
        self._repeats_ratio = chance.pick("feed repeats", (0.0, 0.0, 0.0, 0.03))

    def current(self) -> Process | None:
        """Whoever is in charge: the newest process, if it lives."""
        newest = self.processes[-1] if self.processes else None
        return newest if newest is not None and newest.life is not Life.DEAD else None

    # -- time -------------------------------------------------------------------------------------

    def run(self) -> None:
        """From before the open until everything must be settled."""
        world = self.world
        self.start_process()
        self._plan_market(0)
        world.at(world.heal_ns, self._healed)
        flat_ns = _CONFIG.account.auto_flatten_before_close_s * SECOND_NS
        last_ns = self.market.close_ns - flat_ns - 5 * SECOND_NS
        world.at(last_ns, lambda: self.judge.last_chance(self.current()))
        end_ns = self.market.close_ns + AFTER_NS
        while True:
            planned_ns = world.next_ns(NEVER_NS)
            due_ns = min([planned_ns, *(each.next_ns(NEVER_NS) for each in self.processes)])
            if due_ns > end_ns:
                break
            is_planned = planned_ns == due_ns
            world.now_ns = max(world.now_ns, due_ns)
            if is_planned:
                world.step()
            self._turn()
        last = self.current()
        if last is None:
            self.judge.found("nothing crashed that nobody harmed", "no process is there")
        else:
            self.judge.ended(last)

    def _turn(self) -> None:
        for process in self.processes:
            if process.life is Life.RUNNING:
                process.turn()
                self.judge.turned(process)
        self.processes = [
            each
            for each in self.processes
            if each.life is not Life.DEAD or each is self.processes[-1]
        ]

    def _plan_market(self, seq: int) -> None:
        rows = self.market.rows
        if seq < len(rows):
            self.world.at(rows[seq].at_ns, lambda: self._market(seq))

    def _market(self, seq: int) -> None:
        row = self.market.rows[seq]
        self._plan_market(seq + 1)
        if isinstance(row, Quote):
            if self.world.now_ns >= self.venue.halted_until_ns:
                self.venue.quoted(row)
                self.judge.quoted(self.current(), row)
            else:
                return  # no price is made while trading is halted
        elif isinstance(row, Bar):
            if self.world.now_ns < self.venue.halted_until_ns:
                return
        elif isinstance(row, SessionClosed):
            self.judge.closed()
            self.venue.closed()
        self._said.append(row)
        self._show(row)
        if self.world.strikes("feed.repeated", self._repeats_ratio):
            wait_ms = self.world.chance.between("feed repeats after", 1, 3_000)
            back = self.world.chance.between("feed repeats of", 0, REPEATS_BACK_MAX)
            said = self._said[max(len(self._said) - 1 - back, 0)]
            self.world.after(wait_ms * MILLI_NS, lambda: self._show_again(seq, said))

    def _show_again(self, seq: int, row: MarketMessage) -> None:
        """The feed says once more what it said: the newest message, or one behind newer ones."""
        if isinstance(row, Quote) and self.world.now_ns >= self.stale_until_ns:
            self._show(replace(row, at_ns=self.world.now_ns, tape_seq=seq))
        elif isinstance(row, Bar):
            self._show(replace(row, tape_seq=seq))

    def _show(self, row: MarketMessage) -> None:
        if isinstance(row, Bar | Quote) and self.world.now_ns < self.blind_until_ns:
            return
        if isinstance(row, Quote):
            if self.world.now_ns < self.stale_until_ns:
                return
            if self.is_crossed_next:
                self.is_crossed_next = False
                row = crossed(row)
        for process in self.processes:
            process.market(row)

    def _reported(self, report: VenueReport) -> None:
        self.world.say(
            f"venue {report.kind} {report.client_order_id} {report.qty_1e8} {report.execution_id}"
        )
        self.network.report(report)

    # -- processes --------------------------------------------------------------------------------

    def start_process(self) -> None:
        """A new process takes the data directory over."""
        number = len(self.judge.started) + 1
        self.judge.started.append(number)
        process = Process(self.site, number)
        self.processes.append(process)
        self.world.say(f"process {number} starts")
        process.start()

    def _replace(self, process: Process) -> None:
        if self.processes[-1] is process:
            self.start_process()

    def kill(self, process: Process, *, restart_ms: int = 0) -> None:
        """Kill -9; somebody starts the next one a little later, or after `restart_ms`."""
        self.judge.buried(process)
        wait_ms = restart_ms or self.world.chance.between("restart after", 200, 6_000)
        self.world.after(wait_ms * MILLI_NS, lambda: self._replace(process))
        process.kill()

    def _healed(self) -> None:
        """Nothing goes wrong from here on; whoever was harmed for good is started again."""
        world = self.world
        world.say("healed")
        self.venue.halted_until_ns = 0
        for process in self.processes[:-1]:
            if process.life is not Life.DEAD:
                self.judge.buried(process)
                process.die()
        current = self.current()
        if current is None:
            return
        current.thaw()
        world.after(20 * SECOND_NS, self.operator.resume_all)
        current.do(lambda: _revive(current))
        is_up = current.system.core is not None and not current.system.counters.halted_for
        if not is_up:
            self.kill(current)


def _revive(process: Process) -> None:
    """What was given up is started again, as an operator does."""
    tree = process.system.tree
    for cell in list(tree.cells()):
        if cell.state is CellState.FAILED:
            tree.revive(cell.name)


def simulate(seed: int, *, is_traced: bool = False) -> Outcome:
    """Run one seed."""
    began_ns = time.process_time_ns()
    simulation = Simulation(seed, is_traced=is_traced)
    world, judge = simulation.world, simulation.judge
    try:
        simulation.run()
        journal_hash = simulation.disk.record.journal_hash(simulation.disk.run)
    except RecordError as error:  # its journal was taken, and its tables refuse it
        judge.found("journal, projections and cores agree", str(error)[-400:])
        journal_hash = ""
    for process in simulation.processes:
        judge.buried(process)
    return Outcome(
        seed=seed,
        findings=world.findings,
        messages=judge.messages,
        decisions=simulation.disk.decisions,
        faults=world.faults,
        orders=len(simulation.venue.orders),
        hits=world.hits,
        virtual_ns=world.now_ns - OPEN_NS + BEFORE_NS,
        cpu_ns=time.process_time_ns() - began_ns,
        journal_hash=journal_hash,
        trace=world.trace or [],
    )
