"""One process of the trader: built by the product, dead at any instant, or frozen."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from actors.rounds import TapePosition
from actors.system import FEED, Ports, StrategyBuild, System, build
from actors.trader_port import RunningTrader
from research.simulation.disk import Disk, DiskHandle
from research.simulation.lane import SimLane
from research.simulation.market import SYMBOL, Market
from research.simulation.network import Network, Wire
from research.simulation.strategy import NAME, maker
from research.simulation.world import SECOND_NS, World
from trading.config import Config
from trading.run_options import Mode

if TYPE_CHECKING:
    from research.simulation.judge import Judge
    from trading.market import MarketMessage


FENCED_ENDS_NS = 30 * SECOND_NS


class ProcessDied(KeyboardInterrupt):
    """kill -9 at this very instruction; supervision lets it through, as it would a death."""


class Life(Enum):
    """How a process is."""

    RUNNING = "running"
    FROZEN = "frozen"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What all processes of one world share.

    Attributes:
        world: Time and chance.
        config: What they are configured with.
        disk: The data directory.
        network: The way to the venue.
        market: The session.
        judge: Watches.
        visit: Called with a process and a point that it reached.
        is_lane_drawn: Whether what a lane leaves open is drawn.
    """

    world: World
    config: Config
    disk: Disk
    network: Network
    market: Market
    judge: "Judge"
    visit: "Callable[[Process, str], None]"
    is_lane_drawn: bool


class Process:
    """From its start to its death.

    Attributes:
        number: 1 for the first.
        fence: Its fencing token.
        system: The product.
        life: Whether it runs.
        runs_since_ns: When it began to, or went on.
    """

    def __init__(self, site: Site, number: int) -> None:
        """Take the data directory over and build the system; nothing runs yet."""
        self.site = site
        self.number = number
        self.life = Life.RUNNING
        self.runs_since_ns = site.world.now_ns
        self._is_inside = False
        self.fence = site.disk.take_fence()
        self.handle = DiskHandle(site.disk, self.fence, self)
        drawn = site.world.chance.random(f"lane of {number}") if site.is_lane_drawn else None
        self.lane = SimLane(site.world.clock, site.judge.stale_timer, drawn)
        self.notices: list[tuple[str, str]] = []
        self._buffer: list[object] = []
        self._held: list[Callable[[], None]] = []
        self.system = self._build()
        self.lane.rounds = self.system.rounds
        judge = site.judge
        self.system.rounds.listen(lambda name, _, seq: judge.published(self, name, seq))
        self.trader = RunningTrader(self.system, rescan=dict, holder=f"process {number}")
        site.network.host = self

    def _build(self) -> System:
        site, config = self.site, self.site.config
        if site.disk.run:
            self.handle.resume_run(site.disk.run)
        else:
            self.handle.begin_run(
                mode=Mode.PAPER,
                config_hash=config.digest(),
                source="a simulation",
                started_ns=site.world.now_ns,
            )
        ports = Ports(
            lane=self.lane,
            record=self.handle,
            run=site.disk.run,
            position=TapePosition(),
            venue_store=None,
            history=site.market.history,
            instruments=(SYMBOL,),
            is_bars=True,
            notify=lambda severity, text, _: self.notices.append((severity, text)),
            is_virtual=False,
            fence=self.fence,
            fence_word=site.disk.fence_word,
            mono_ns=site.world.clock,
            make_broker=self._broker,
        )
        strategy = StrategyBuild(
            name=NAME, instrument=SYMBOL, indicators=(), make=maker(site.world.chance)
        )
        return build(config, Mode.PAPER, ports, [strategy])

    def _broker(self, account: str) -> Wire:
        del account
        site = self.site
        return Wire(
            site.network,
            self,
            site.disk.fence_word,
            lambda submission: site.judge.released(self, submission),
            lambda order: site.judge.held_back(self, order),
        )

    # -- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start, or recover what an earlier process left."""
        site = self.site
        if self.number == 1:
            self._alive(self.system.start)
        else:
            seq = site.market.seq_at(site.world.now_ns)
            self._alive(lambda: self.system.start(resume_seq=seq))

    def turn(self) -> None:
        """Do all there is to do at this instant."""
        if self.life is Life.RUNNING:
            self._alive(self.lane.turn)

    def next_ns(self, none_ns: int) -> int:
        """When its next timer is due."""
        return self.lane.next_ns() if self.life is Life.RUNNING else none_ns

    def _alive(self, act: Callable[[], None]) -> None:
        was_inside, self._is_inside = self._is_inside, True
        try:
            act()
        except ProcessDied:
            if was_inside:
                raise
        except Exception as error:  # noqa: BLE001 - whatever it is, no supervision was in its way
            text = f"process {self.number}: {type(error).__name__}: {error}"
            self.site.judge.found("nothing crashed that nobody harmed", text)
        finally:
            self._is_inside = was_inside

    def kill(self) -> None:
        """Die now: in the middle of whatever is being done."""
        self.die()
        if self._is_inside:
            raise ProcessDied

    def die(self) -> None:
        """Gone, with everything that was not durable."""
        self.life = Life.DEAD
        self.handle.is_dead = True
        if self.site.network.host is self:
            self.site.network.host = None
        self.site.world.say(f"process {self.number} died")

    def freeze(self) -> None:
        """Stop being scheduled; what arrives waits in its sockets."""
        self.life = Life.FROZEN
        self.site.world.say(f"process {self.number} froze")

    def thaw(self) -> None:
        """Go on, with the time that has passed."""
        if self.life is Life.FROZEN:
            self.life = Life.RUNNING
            self.runs_since_ns = self.site.world.now_ns
            self.site.world.say(f"process {self.number} thawed")
            if self.fence != self.site.disk.fence:  # its lease is gone: it sees that, and ends
                self.site.world.after(FENCED_ENDS_NS, self._end)
            buffer, self._buffer = self._buffer, []
            for message in buffer:
                self.lane.tell(self.system.account_name, message)
            held, self._held = self._held, []
            for act in held:
                self.when_running(act)

    def _end(self) -> None:
        self.site.judge.buried(self)
        self.die()

    @property
    def is_running(self) -> bool:
        """It is scheduled."""
        return self.life is Life.RUNNING

    @property
    def is_frozen(self) -> bool:
        """It is not scheduled."""
        return self.life is Life.FROZEN

    # -- what arrives -----------------------------------------------------------------------------

    def mail(self, message: object) -> None:
        """Bring an answer of the venue."""
        if self.life is Life.RUNNING:
            self.lane.tell(self.system.account_name, message)
        elif self.life is Life.FROZEN:
            self._buffer.append(message)

    def when_running(self, act: Callable[[], None]) -> None:
        """Do something of the process's own, once it is scheduled; never when it has died."""
        if self.life is Life.RUNNING:
            self._alive(act)
        elif self.life is Life.FROZEN:
            self._held.append(act)

    def tell(self, name: str, message: object) -> None:
        """Mail something to one of its actors, while it runs."""
        if self.life is Life.RUNNING:
            self.lane.tell(name, message)

    def do(self, act: Callable[[], None]) -> None:
        """Do something in it, at once when it is between two messages."""
        if self._is_inside:
            self.site.world.after(0, lambda: self.do(act))
        elif self.life is Life.RUNNING:
            self._alive(act)

    def market(self, message: "MarketMessage") -> None:
        """Bring a price; a process that is not there misses it."""
        if self.life is Life.RUNNING:
            self.lane.tell(FEED, message)

    def point(self, name: str) -> None:
        """A place at which something may go wrong."""
        self.site.visit(self, name)
