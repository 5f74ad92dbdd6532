"""What can be done to a world: to its processes and actors, its operator, venue, disk and feed."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from actors.account import AccountActor
from actors.spec import CellState
from research.simulation.coincidences import Coincidences
from research.simulation.harm import Panicking, Poison
from research.simulation.process import Life, Process
from research.simulation.world import MILLI_NS, SECOND_NS

if TYPE_CHECKING:
    from research.simulation.run import Simulation


class Actions:
    """Does each of `troubles.ACTIONS` by its name.

    Args:
        simulation: Whose world it is.
    """

    def __init__(self, simulation: "Simulation") -> None:
        """Nothing is done yet."""
        self._of = simulation
        self._world = simulation.world
        self._chance = simulation.world.chance
        self._by_name: dict[str, Callable[[Process | None], None]] = {
            "process.killed": self._to_running(simulation.kill),
            "process.killed_twice": self._to_running(self._kill_twice),
            "process.blocked": self._to_running(self._block),
            "process.frozen_beside_a_rival": self._to_running(self._freeze),
            "actor.poisoned": self._to_running(self._poison),
            "actor.panicked": self._to_running(self._panic),
            "actor.deleted": self._to_running(self._delete),
            "operator.pause": lambda _: self._operate("PAUSE"),
            "operator.flatten": lambda _: self._operate("FLATTEN"),
            "operator.emergency": lambda _: self._operate("EMERGENCY"),
            "operator.flatten_offline": lambda _: self._flatten_offline(),
            "operator.flatten_in_a_halt": lambda _: self._flatten_in_a_halt(),
            "net.broken": lambda _: simulation.network.break_line(self._seconds("net.broken")),
            "net.out_for_long": lambda _: self._cut_for_long(),
            "net.lists_behind": lambda _: self._delay_lists(),
            "net.deaf": lambda _: self._deafen(),
            "net.silent": lambda _: simulation.network.silence(self._seconds("net.silent")),
            "venue.restarted": lambda _: self._restart_venue(),
            "venue.halted": lambda _: self._halt_venue(),
            "venue.reversed": lambda _: self._reverse(),
            "disk.slow": lambda _: self._slow_disk(),
            "disk.failed": lambda _: self._fail_disk(),
            "feed.stale": lambda _: self._stop_feed(),
            "feed.crossed": lambda _: self._cross_feed(),
        }
        for name, act in Coincidences(simulation).by_name.items():
            self._by_name[name] = self._to_running(act)

    def act(self, name: str, process: Process | None) -> None:
        """Do it: to the process that reached a point, or to the one in charge."""
        self._by_name[name](process)

    def _to_running(self, act: Callable[[Process], None]) -> Callable[[Process | None], None]:
        """Only the process in charge is harmed, and only while it runs."""

        def guarded(process: Process | None) -> None:
            current = self._of.current()
            if current is not None and current.life is Life.RUNNING and process in (None, current):
                act(current)

        return guarded

    def _seconds(self, name: str) -> int:
        return self._chance.between(f"{name} for", 1, 25)

    # -- processes --------------------------------------------------------------------------------

    def _kill_twice(self, process: Process) -> None:
        """Once now, and the next one while it recovers."""
        doomed_ns = self._chance.between("killed again after", 0, 400) * MILLI_NS

        def again() -> None:
            following = self._of.current()
            if following is None:
                self._world.after(doomed_ns + MILLI_NS, again)
            elif following is not process:
                self._of.kill(following)

        self._world.after(200 * MILLI_NS + doomed_ns, again)
        self._of.kill(process)

    def _block(self, process: Process) -> None:
        process.freeze()
        wait_ms = self._chance.between("blocked ms", 100, 9_000)
        self._world.after(wait_ms * MILLI_NS, process.thaw)

    def _freeze(self, process: Process) -> None:
        """SIGSTOP; another instance takes over; SIGCONT."""
        process.freeze()
        rival_ms = self._chance.between("rival after", 100, 4_000)
        thaw_ms = rival_ms + self._chance.between("thaws after", 1, 30_000)
        self._world.after(rival_ms * MILLI_NS, self._of.start_process)
        self._world.after(thaw_ms * MILLI_NS, process.thaw)

    # -- actors -----------------------------------------------------------------------------------

    def _poison(self, process: Process) -> None:
        """Up to four in a row, so that mail has to wait behind a pause."""
        account = process.system.account_name
        cells = [cell.name for cell in process.system.tree.cells()]
        name = self._chance.pick("which actor", [account] * len(cells) + cells)
        for number in range(self._chance.between("how often poisoned", 1, 4)):
            self._world.after(number * 30 * MILLI_NS, lambda: process.tell(name, Poison()))

    def _delete(self, process: Process) -> None:
        """An actor holds no truth: deleting one changes nothing."""

        def delete() -> None:
            tree = process.system.tree
            cells = [cell for cell in tree.cells() if cell.state is CellState.RUNNING]
            tree.kill(self._chance.pick("deleted", cells).name)

        process.do(delete)

    def _panic(self, process: Process) -> None:
        actor = process.system.tree.cell(process.system.account_name).actor
        if isinstance(actor, AccountActor):
            Panicking.once(actor, lambda: self._world.hit("actor.panics"))

    # -- everything else --------------------------------------------------------------------------

    def _operate(self, level: str) -> None:
        wait_s = self._chance.between("resume after", 3, 90)
        self._of.operator.kill(level, wait_s * SECOND_NS)

    def _flatten_in_a_halt(self) -> None:
        self._halt_venue()
        self._operate("FLATTEN")

    def _flatten_offline(self) -> None:
        """A kill while the line is down: what fills meanwhile is never reported.

        Now and then it stays down for longer than a kill waits, and the process dies meanwhile.
        """
        is_long = self._chance.happens("offline for long", 0.4)
        seconds = self._chance.between("offline for", 1, 6) + (80 if is_long else 0)
        self._of.network.break_line(seconds)
        self._world.rough_until_ns += seconds * SECOND_NS
        self._operate("FLATTEN")
        if is_long and self._chance.happens("dies offline", 0.5):
            wait_ms = self._chance.between("dies offline after", 200, 3_000)
            self._world.after(wait_ms * MILLI_NS, self._kill_current)

    def _kill_current(self) -> None:
        current = self._of.current()
        if current is not None and current.life is Life.RUNNING:
            self._of.kill(current)

    def _cut_for_long(self) -> None:
        seconds = self._chance.between("out for", 60, 150)
        self._of.network.break_line(seconds)
        self._world.rough_until_ns += seconds * SECOND_NS

    def _deafen(self) -> None:
        """The stream loses all it should say, and looks alive."""
        until_ns = self._world.now_ns + self._seconds("net.deaf") * SECOND_NS
        self._of.network.deaf_until_ns = until_ns

    def _delay_lists(self) -> None:
        """For a while look-ups read a list that does not reach the present."""
        seconds = self._chance.between("lists behind for", 30, 120)
        self._of.network.behind_until_ns = self._world.now_ns + seconds * SECOND_NS

    def _restart_venue(self) -> None:
        seconds = self._seconds("venue.restarted")
        self._of.venue.is_down = True
        self._of.network.break_line(seconds)
        self._world.after(seconds * SECOND_NS, self._of.venue.restart)

    def _halt_venue(self) -> None:
        """Trading stands still: orders are taken, and nothing fills."""
        seconds = self._seconds("venue.halted") + 60
        self._of.venue.halted_until_ns = self._world.now_ns + seconds * SECOND_NS

    def _reverse(self) -> None:
        if not self._of.venue.reverse_one():
            self._world.hits["venue.nothing_to_reverse"] += 1

    def _slow_disk(self) -> None:
        self._of.disk.slow_until_ns = self._world.now_ns + self._seconds("disk.slow") * SECOND_NS

    def _fail_disk(self) -> None:
        """Nothing can be written; then an operator makes room and starts the trader again."""
        until_ns = self._world.now_ns + self._seconds("disk.failed") * SECOND_NS
        self._of.disk.fails_until_ns = until_ns
        self._world.at(until_ns + SECOND_NS, self._restart_halted)

    def _restart_halted(self) -> None:
        process = self._of.current()
        if process is not None and process.system.counters.halted_for:
            self._of.kill(process)

    def _stop_feed(self) -> None:
        self._of.stale_until_ns = self._world.now_ns + self._seconds("feed.stale") * SECOND_NS

    def _cross_feed(self) -> None:
        self._of.is_crossed_next = True
