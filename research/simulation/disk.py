"""The disk of one world: what is durable outlives a process, what is only staged does not.

`Disk` is the data directory: one record, one fence. `DiskHandle` is what one process holds of it:
the `Record` of its ports. A group commits as a whole, takes time, and may fail; a handle whose
fence was overtaken writes nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from actors.rounds import SYSTEM
from research.simulation.network import Host
from research.simulation.world import MILLI_NS, World
from storage import MemoryRecord
from trading.ports import (
    Claim,
    ControlValue,
    Durable,
    Failed,
    Fenced,
    HighWater,
    JournalRow,
    Outcome,
    OutcomeSink,
    Request,
    RunInfo,
)


class Disk:
    """What every process of one world shares.

    Attributes:
        fence: The fence word as it stands; raised by whoever takes over.
        slow_until_ns: Commits take seconds until then.
        fails_until_ns: Commits fail until then.
        tears: Called as a group is torn, which is the next one of several requests; None while
            that is not to happen.
        rows: Events that became durable.
        decisions: Requests of the account's that became durable.
        intents: Orders whose intent is durable.
    """

    def __init__(self, world: World) -> None:
        """An empty record."""
        self.world = world
        self.record = MemoryRecord(is_eager=True, wall_ns=world.clock, mono_ns=world.clock)
        self.run = ""
        self.fence = 0
        self.slow_until_ns = 0
        self.fails_until_ns = 0
        self.tears: Callable[[], None] | None = None
        self.rows = 0
        self.decisions = 0
        self.intents: set[str] = set()

    def fence_word(self) -> int:
        """The fence as every process sees it."""
        return self.fence

    def take_fence(self) -> int:
        """Raise the fence; its new value is the caller's."""
        self.fence += 1
        return self.fence

    def latency_ns(self) -> int:
        """How long a commit takes from now."""
        if self.world.now_ns < self.slow_until_ns:
            return self.world.chance.between("slow commit", 500, 6_000) * MILLI_NS
        return self.world.chance.between("commit", 200, 3_000) * MILLI_NS // 1_000

    def write(self, requests: list[Request]) -> list[Outcome]:
        """Make a group durable."""
        heard: list[Outcome] = []
        self.record.deliver_to(heard.append)
        for request in requests:
            self.record.stage(request)
            if isinstance(heard[-1], Durable):
                self._note(request)
        return heard

    def _note(self, request: Request) -> None:
        self.rows += len(request.events)
        self.decisions += request.journal_id != SYSTEM
        for event in request.events:
            if event.kind == "OrderIntended":
                self.intents.add(event.stream.removeprefix("order/"))


class DiskHandle:
    """One process's record (`trading.ports.Record`).

    Args:
        disk: What it shares.
        fence: Its own fencing token.
        host: The process, which may die at any of its points.
    """

    def __init__(self, disk: Disk, fence: int, host: Host) -> None:
        """Nothing is staged."""
        self.disk = disk
        self.fence = fence
        self.is_dead = False
        self._host = host
        self._staged: list[Request] = []
        self._writing: list[Request] = []
        self._untold: list[Outcome] = []
        self._sink: OutcomeSink | None = None
        self._error = ""

    # -- staging ----------------------------------------------------------------------------------

    def deliver_to(self, sink: OutcomeSink) -> None:
        """See the port."""
        self._sink = sink

    def stage(self, request: Request) -> None:
        """See the port."""
        if self.is_dead:
            return
        self._host.point("stage")
        self._staged.append(request)
        if not self._writing:
            self._begin()

    def _begin(self) -> None:
        world = self.disk.world
        self._writing, self._staged = self._staged, []
        group = self._writing
        # the group takes what is staged at this instant as well
        world.after(0, lambda: self._gather(group))
        world.after(self.disk.latency_ns(), lambda: self._finish(group))

    def _gather(self, group: list[Request]) -> None:
        if self._writing is group:
            group.extend(self._staged)
            self._staged = []

    def _finish(self, group: list[Request]) -> None:
        if self.is_dead or self._writing is not group:
            return
        if self._host.is_frozen:  # its threads stand still with it
            self.disk.world.after(50 * MILLI_NS, lambda: self._finish(group))
            return
        self._host.point("commit")
        if self.is_dead or self._writing is not group:
            return  # what struck at this point blocked for the disk, and found it done
        if self._is_torn(group):
            return
        self._untold = self._outcomes(group)
        self._writing = []
        self._host.point("durable")
        self._tell_untold()
        if self._staged and not self._writing:
            self._begin()

    def _is_torn(self, group: list[Request]) -> bool:
        """Its process dies in the middle of a write: the first requests of it are durable."""
        disk = self.disk
        tears = disk.tears
        if tears is None or len(group) == 1 or self._error or self.fence != disk.fence:
            return False
        disk.tears = None
        if disk.world.is_faulty():
            disk.world.hits["disk.torn_groups"] += 1
            disk.write(group[: disk.world.chance.between("torn behind", 0, len(group) - 1)])
            tears()
        return self.is_dead

    def _outcomes(self, group: list[Request]) -> list[Outcome]:
        disk = self.disk
        if self.fence != disk.fence:
            disk.world.hits["disk.fenced"] += 1
            return [Fenced(request.token) for request in group]
        if self._error or disk.world.now_ns < disk.fails_until_ns:
            self._error = self._error or "the disk is full"
            return [Failed(request.token, self._error) for request in group]
        return disk.write(group)

    def _tell_untold(self) -> None:
        """Tell what came of the newest group, once."""
        outcomes, self._untold = self._untold, []
        if self._sink is not None and not self.is_dead:
            for outcome in outcomes:
                self._sink(outcome)

    def pending(self) -> int:
        """See the port."""
        return len(self._staged) + len(self._writing)

    def settle(self) -> None:
        """See the port: whoever blocks for the disk finds it done, and told in order."""
        self._tell_untold()
        while (self._writing or self._staged) and not self.is_dead:
            group = [*self._writing, *self._staged]
            self._writing, self._staged = [], []
            self._untold = self._outcomes(group)
            self._tell_untold()

    async def wait(self) -> None:
        """See the port."""
        self.settle()

    def mark(self, order_id: str, stage: str, mono_ns: int) -> None:
        """See the port; latencies of a virtual world are nobody's business."""

    # -- runs -------------------------------------------------------------------------------------

    def begin_run(
        self, *, mode: str, config_hash: str, source: str, started_ns: int, tape_path: str = ""
    ) -> str:
        """See the port."""
        self.disk.run = self.disk.record.begin_run(
            mode=mode,
            config_hash=config_hash,
            source=source,
            started_ns=started_ns,
            tape_path=tape_path,
        )
        return self.disk.run

    def resume_run(self, run: str) -> RunInfo:
        """See the port."""
        return self.disk.record.resume_run(run)

    def end_run(self, *, ended_ns: int, is_clean: bool) -> None:
        """See the port."""
        self.settle()
        self.disk.record.end_run(ended_ns=ended_ns, is_clean=is_clean)

    def last_run(self) -> RunInfo | None:
        """See the port."""
        return self.disk.record.last_run()

    # -- reading ----------------------------------------------------------------------------------

    def events(self, journal_id: str, run: str, after_seq: int = 0) -> Iterator[JournalRow]:
        """See the port."""
        return self.disk.record.events(journal_id, run, after_seq)

    def last_snapshot(self, journal_id: str, run: str) -> JournalRow | None:
        """See the port."""
        return self.disk.record.last_snapshot(journal_id, run)

    def has_claim(self, claim: Claim, run: str) -> bool:
        """See the port."""
        return self.disk.record.has_claim(claim, run)

    def controls(self) -> Mapping[str, ControlValue]:
        """See the port."""
        return self.disk.record.controls()

    def kill_level(self) -> str:
        """See the port."""
        return self.disk.record.kill_level()

    def high_water(self) -> HighWater:
        """See the port."""
        return self.disk.record.high_water()

    def journal_hash(self, run: str) -> str:
        """See the port."""
        self.settle()
        return self.disk.record.journal_hash(run)

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """See the port."""
        return self.disk.record.query(sql, parameters)

    def close(self) -> None:
        """See the port."""
        self.settle()
