"""Two things that do harm only together: each arms the one and waits for the other.

Drawn apart they would meet once in many thousand worlds. What is armed strikes the next order, so
each of them falls next to a decision.
"""

from typing import TYPE_CHECKING

from research.simulation.harm import Poison
from research.simulation.network import Armed
from research.simulation.process import Life, Process
from research.simulation.world import MILLI_NS, SECOND_NS
from trading.ports import Part

if TYPE_CHECKING:
    from collections.abc import Callable

    from research.simulation.run import Simulation


class Coincidences:
    """Does each by its name, to the process in charge.

    Args:
        simulation: Whose world it is.
    """

    def __init__(self, simulation: "Simulation") -> None:
        """Nothing is armed."""
        self._of = simulation
        self._world = simulation.world
        self._chance = simulation.world.chance
        self.by_name: dict[str, Callable[[Process], None]] = {
            "process.killed_in_flight": self._killed_in_flight,
            "process.fenced_with_an_order": self._fenced_with_an_order,
            "operator.killed_as_it_answers": self._killed_as_it_answers,
            "operator.resumes_in_haste": self._resumes_in_haste,
            "operator.resumes_beside_a_crash": self._resumes_beside_a_crash,
            "net.order_in_doubt": self._order_in_doubt,
            "venue.stray_in_a_flatten": self._stray_in_a_flatten,
            "venue.reversed_unheard": self._reversed_unheard,
            "disk.torn": self._torn,
            "venue.ends_a_part_filled_exit": self._ends_a_part_filled_exit,
            "venue.hides_a_fill_and_ends_its_order": self._hides_a_fill,
            "venue.busts_a_part": self._busts_a_part,
            "operator.reconciles_over_a_slow_line": self._reconciles_over_a_slow_line,
            "venue.lists_behind_fills": self._lists_behind_fills,
        }

    def _killed_in_flight(self, process: Process) -> None:
        """The process dies as an order leaves, and its successor asks before the order arrives."""
        late_ms = self._chance.between("in flight for", 2_000, 4_000)
        restart_ms = self._chance.between("asks after", 100, 900)
        self._of.network.armed = Armed(
            late_ms=late_ms, left=lambda: self._kill(process, restart_ms)
        )

    def _kill(self, process: Process, restart_ms: int) -> None:
        if process is self._of.current() and process.life is Life.RUNNING:
            self._of.kill(process, restart_ms=restart_ms)

    def _fenced_with_an_order(self, process: Process) -> None:
        """It is stopped as an order waits for its token, and goes on behind a rival."""
        wait_ms = self._chance.between("fenced order waits", 20, 800)

        def freeze() -> None:
            process.freeze()
            rival_ms = self._chance.between("rival comes after", 20, 500)
            thaw_ms = rival_ms + self._chance.between("thaws behind it", 1, 4_000)
            self._world.after(rival_ms * MILLI_NS, self._of.start_process)
            self._world.after(thaw_ms * MILLI_NS, process.thaw)

        def frozen() -> None:
            if process is self._of.current() and process.life is Life.RUNNING:
                self._world.after(MILLI_NS, freeze)

        self._of.network.armed = Armed(wait_ms=wait_ms, waiting=frozen)

    def _killed_as_it_answers(self, process: Process) -> None:
        """The operator has heard that a kill is taken, and nobody else ever does."""
        level = self._chance.pick("dies on a kill", ("PAUSE", "FLATTEN"))
        wait_s = self._chance.between("resume behind a death", 20, 90)
        self._of.operator.kill(level, wait_s * SECOND_NS, answered=lambda: self._kill(process, 200))

    def _resumes_in_haste(self, _: Process) -> None:
        """A kill finds an order waiting for its token, and is to be lifted before it is through."""
        haste_ms = self._chance.between("hasty resume", 1, 700)

        def killed() -> None:
            wait_ns = haste_ms * MILLI_NS
            self._world.after(0, lambda: self._of.operator.kill("FLATTEN", wait_ns))

        self._of.network.armed = Armed(wait_ms=2_500, waiting=killed)

    def _resumes_beside_a_crash(self, _: Process) -> None:
        """The account is being rebuilt as a pause is lifted."""
        wait_s = self._chance.between("resume beside a crash", 1, 20)

        def crash() -> None:
            current = self._of.current()
            if current is not None and current.life is Life.RUNNING:
                name = current.system.account_name
                for _ in range(self._chance.between("crashes beside it", 2, 5)):
                    current.tell(name, Poison())

        self._of.operator.kill("PAUSE", wait_s * SECOND_NS, resuming=crash)

    def _order_in_doubt(self, _: Process) -> None:
        """An order is booked; its answer is lost, and nothing else tells of it for a while."""
        network = self._of.network
        seconds = self._chance.between("in doubt for", 70, 110)

        def left() -> None:
            network.silence(seconds)
            until_ns = self._world.now_ns + seconds * SECOND_NS
            network.behind_until_ns = network.stateless_until_ns = until_ns
            self._world.rough_until_ns = max(self._world.rough_until_ns, until_ns + 60 * SECOND_NS)

        network.armed = Armed(is_answer_lost=True, left=left)

    def _stray_in_a_flatten(self, _: Process) -> None:
        """An order with our tag that our books do not hold works as a kill comes."""
        self._of.venue.place_stray()
        wait_ms = self._chance.between("stray before a kill", 11_000, 15_000)
        wait_s = self._chance.between("resume behind a stray", 30, 90)
        self._world.after(
            wait_ms * MILLI_NS,
            lambda: self._of.operator.kill("FLATTEN", wait_s * SECOND_NS, clears_halts=True),
        )

    def _reversed_unheard(self, _: Process) -> None:
        """The venue takes a fill back as its stream says nothing: only its lists show it (ST-4)."""
        network = self._of.network
        wait_ms = self._chance.between("taken back after ms", 1, 20_000)
        deaf_ns = wait_ms * MILLI_NS + self._chance.between("deaf behind it s", 1, 5) * SECOND_NS
        network.deaf_until_ns = max(network.deaf_until_ns, self._world.now_ns + deaf_ns)
        self._take_back_in(wait_ms)

    def _take_back_in(self, wait_ms: int) -> None:
        def take_back() -> None:
            if self._world.is_faulty() and not self._of.venue.reverse_one():
                self._world.hits["venue.nothing_to_reverse"] += 1

        self._world.after(wait_ms * MILLI_NS, take_back)

    def _torn(self, _: Process) -> None:
        """Whoever writes then dies in the middle: of what was staged together a part is durable."""

        def dies() -> None:
            current = self._of.current()
            if current is not None:
                self._kill(current, 0)

        self._of.disk.tears = dies

    def _ends_a_part_filled_exit(self, _: Process) -> None:
        """A kill's exit fills in part, the venue ends the rest unasked, and no price comes."""
        seconds = self._chance.between("no price behind an exit", 100, 140)

        def ended() -> None:
            until_ns = self._world.now_ns + seconds * SECOND_NS
            self._of.blind_until_ns = min(until_ns, self._world.heal_ns)

        self._of.venue.ends_next_exit = ended
        wait_s = self._chance.between("resume behind an exit", 30, 90)
        self._of.operator.kill("FLATTEN", wait_s * SECOND_NS)

    def _hides_a_fill(self, _: Process) -> None:
        """News of a fill is lost, and its order's end is heard: the total there tells of it."""
        self._of.venue.hides_next_fill = True

    def _busts_a_part(self, _: Process) -> None:
        """An execution is taken back while its order still works."""
        self._of.venue.busts_next_part = True

    def _reconciles_over_a_slow_line(self, _: Process) -> None:
        """What the venue says of its account is seconds old when it is heard, and asked for often.

        So several lists of before a fill are heard behind it, and of before one was taken back.
        """
        seconds = self._chance.between("slow lists for", 30, 90)
        self._of.network.lists_slow_until_ns = self._world.now_ns + seconds * SECOND_NS
        self._reconcile_often("reconcile every ms", seconds)
        self._take_back_in(self._chance.between("taken back over it ms", 2_000, 25_000))

    def _reconcile_often(self, name: str, seconds: int) -> None:
        every_ms = self._chance.between(name, 400, 1_500)
        for number in range(seconds * 1_000 // every_ms):
            self._world.after(number * every_ms * MILLI_NS, self._of.operator.reconcile)

    def _lists_behind_fills(self, _: Process) -> None:
        """The venue lists what was true seconds ago, as often as it is asked.

        Each of its lists has a machine of its own, and may be up to date.
        """
        seconds = self._chance.between("lists behind fills for", 20, 90)
        behind_ms = self._chance.between("lists behind by ms", 500, 9_000)
        behind = [part for part in Part if self._chance.happens(f"list behind {part}", 0.6)]
        until_ns = self._world.now_ns + seconds * SECOND_NS
        self._of.venue.lists.fall_behind(frozenset(behind), behind_ms * MILLI_NS, until_ns)
        self._reconcile_often("reconcile behind fills every ms", seconds)
