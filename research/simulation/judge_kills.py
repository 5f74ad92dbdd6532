"""The judge of kills: what is asked for is carried out, answered, and leaves nothing."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from actors.kill_reads import CLEAN_READS
from actors.operator_words import KillDone
from research.simulation.booked import STRAY
from research.simulation.disk import Disk
from research.simulation.promises import (
    ACTED_AFTER_NS,
    ANSWERED_AFTER_NS,
    LEFT_AFTER_NS,
    LEFT_OVER,
    PROTECTED,
    SETTLED_AFTER_NS,
)
from research.simulation.venue import SimVenue
from research.simulation.world import SECOND_NS, World
from rust_core import AccountCore

if TYPE_CHECKING:
    from research.simulation.process import Process


class KillJudge:
    """Watches the kills of one world, and what has to be closed without one.

    Args:
        world: Time, and how calm it is.
        disk: What is durable.
        venue: What is true.
        found: Called with a promise and what broke it.

    Attributes:
        by_id: Level of each kill that was acknowledged and not lifted since, by its id.
        in_charge: The process that saw the newest price.
    """

    def __init__(
        self, world: World, disk: Disk, venue: SimVenue, found: Callable[[str, str], None]
    ) -> None:
        """Nobody was killed."""
        self.world = world
        self.disk = disk
        self.venue = venue
        self.found = found
        self.by_id: dict[str, str] = {}
        self.in_charge: Process | None = None
        self._killed_ns = 0
        self._left: dict[str, int] = {}
        self._asked_ns: dict[str, int] = {}

    def asked(self, kill_id: str) -> None:
        """An operator has asked for it, perhaps not for the first time.

        One that joins another shares the lists that were read for that.
        """
        others = [self._asked_ns[each] for each in self.by_id if each in self._asked_ns]
        self._asked_ns.setdefault(kill_id, min([self.world.now_ns, *others]))

    def accepted(self, process: "Process", kill_id: str, level: str) -> None:
        """From here on nothing that adds risk leaves, and what is held is being closed."""
        self.by_id[kill_id] = level
        self._killed_ns = self.world.now_ns
        core = process.system.core
        if level != "PAUSE" and core is not None:
            held = [position.position_id for position in core.positions()]
            self.world.after(ACTED_AFTER_NS, lambda: self._closing(process, kill_id, held))
        self.world.after(ANSWERED_AFTER_NS, lambda: self._answered(kill_id))

    def _closing(self, process: "Process", kill_id: str, held: list[str]) -> None:
        """What was held when a kill was acknowledged is closed, or has an exit of its own."""
        core = process.system.core if process.is_running else None
        if core is None or self.world.now_ns < self.world.rough_until_ns:
            return
        for position in core.positions():
            is_closing = position.phase == "EXIT_PENDING" or position.exit_reason == "KILL_SWITCH"
            if position.position_id in held and not is_closing:
                text = f"{position.position_id} has no exit after {kill_id}"
                self.found("a kill is carried out", text)

    def _answered(self, kill_id: str) -> None:
        """A kill that was taken is answered in time by whoever is in charge, done or not."""
        sql = "SELECT finished_ns FROM kill_commands WHERE kill_id = :kill_id"
        rows = self.disk.record.query(sql, {"kill_id": kill_id})
        if not rows or rows[0][0] is not None:
            return
        process = self.in_charge
        if process is not None and process.is_running and not process.system.counters.halted_for:
            since_ns = max(process.runs_since_ns, self.disk.slow_until_ns)
            if self.world.now_ns - since_ns > ANSWERED_AFTER_NS:
                self.found("a kill is carried out", f"nobody was told what became of {kill_id}")
                return
        self.world.after(SECOND_NS, lambda: self._answered(kill_id))

    def look(self) -> None:
        """Some time after a FLATTEN in calm weather the venue is flat, and stays it."""
        is_closing = any(level != "PAUSE" for level in self.by_id.values())
        since_ns = max(self._killed_ns, self.venue.surprised_ns, self.world.order_lost_ns)
        if not is_closing or not self.world.is_calm_for(SETTLED_AFTER_NS, since_ns):
            return
        held = {name: qty for name, qty in self.venue.positions.items() if qty}
        left = [order.client_order_id for order in self.venue.open_orders()]
        if held or left:
            self.found("a kill is carried out", f"{held} {left} after {self.by_id}")

    def done(self, level: str, said: KillDone) -> None:
        """A kill says that it is through."""
        if level == "PAUSE" or said.remaining:
            return
        clean = self.venue.said_flat_since(self._asked_ns[said.id])
        if level == "FLATTEN" and clean < CLEAN_READS:
            text = f"{said.id} is through, and the venue said {clean} times that it is flat"
            self.found("a kill that is through left nothing", text)
        recent_ns = (
            self.world.now_ns - 10 * SECOND_NS - self.venue.lists.behind_ns(self.world.now_ns)
        )
        if self.venue.surprised_ns > recent_ns or any(
            each.venue_ns > recent_ns for each in self.venue.executions.values()
        ):
            return  # the venue may have filled something after it said that it was flat
        held = {name: qty for name, qty in self.venue.positions.items() if qty}
        left = [
            each.client_order_id
            for each in self.venue.open_orders()
            if each.purpose != STRAY or each.booked_ns < recent_ns  # it may come between two reads
        ]
        if held or left:
            self.found("a kill that is through left nothing", f"{said.id}: {held} {left}")

    def turned(self, core: AccountCore) -> None:
        """Under a kill that closes, no position stands without an exit of its own for long.

        Nor does what a late fill or a reversal left over at any time: its waiver is for the moment.
        """
        now_ns, left = self.world.now_ns, self._left
        self._left = {
            each.position_id: left.get(each.position_id, now_ns)
            for each in core.positions()
            if (core.is_flattening or LEFT_OVER in each.position_id)
            and each.phase != "EXIT_PENDING"
        }
        for position_id, since_ns in self._left.items():
            if now_ns - since_ns > LEFT_AFTER_NS:
                promise = "a kill is carried out" if core.is_flattening else PROTECTED
                self.found(promise, f"{position_id} is left without an exit")
