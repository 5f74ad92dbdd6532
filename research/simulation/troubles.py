"""What goes wrong in one world, and where: most of it next to a decision.

Faults of messages are likelihoods, drawn for each seed (some are off, so that others show).
Everything bigger is an action: seven of ten wait for a point next to a decision, the others for an
instant.
"""

from typing import TYPE_CHECKING

from research.simulation.chance import Chance
from research.simulation.network import NetworkFaults
from research.simulation.world import SECOND_NS, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from research.simulation.process import Process

POINTS = (
    "stage",  # before an intent or any decision is staged
    "commit",  # staged, not durable
    "durable",  # durable, nobody has heard
    "release",  # before the bytes are handed over
    "handed_over",  # after them, before an answer
    "answered",  # the answer is there, unread
    "filled",  # in the middle of fills
    "kill_answered",  # in the middle of a kill
)
NEXT_TO_DECISIONS = 0.78
"""Of those drawn; some wait for a point that never comes, so of those that strike it is 0.7."""
ROUGH_NS = 130 * SECOND_NS
"""Longer than the longest thing that goes wrong, but for an outage of the line."""
ROUGH_NS_BY = {
    "process.killed": 20 * SECOND_NS,
    "process.killed_twice": 30 * SECOND_NS,
    "actor.poisoned": 20 * SECOND_NS,
    "actor.panicked": 10 * SECOND_NS,
    "actor.deleted": 5 * SECOND_NS,
    "feed.crossed": 5 * SECOND_NS,
    "operator.pause": 5 * SECOND_NS,
    "operator.flatten": 5 * SECOND_NS,
    "operator.emergency": 5 * SECOND_NS,
    "operator.resumes_beside_a_crash": 40 * SECOND_NS,
    "operator.resumes_in_haste": 20 * SECOND_NS,
}
_RATES = (0.01, 0.03, 0.1)


ACTIONS = (
    ("process.killed", 5),
    ("process.killed_twice", 2),
    ("process.frozen_beside_a_rival", 2),
    ("process.blocked", 2),
    ("actor.poisoned", 5),
    ("actor.panicked", 2),
    ("actor.deleted", 2),
    ("operator.pause", 2),
    ("operator.flatten", 3),
    ("operator.emergency", 2),
    ("operator.flatten_in_a_halt", 1),
    ("operator.flatten_offline", 2),
    ("net.broken", 4),
    ("net.silent", 3),
    ("net.deaf", 4),
    ("net.out_for_long", 2),
    ("net.lists_behind", 2),
    ("venue.restarted", 2),
    ("venue.halted", 2),
    ("venue.reversed", 1),
    ("disk.slow", 3),
    ("disk.failed", 1),
    ("feed.stale", 2),
    ("feed.crossed", 2),
    ("process.killed_in_flight", 3),
    ("process.fenced_with_an_order", 3),
    ("operator.killed_as_it_answers", 2),
    ("operator.resumes_in_haste", 3),
    ("operator.resumes_beside_a_crash", 3),
    ("net.order_in_doubt", 3),
    ("venue.stray_in_a_flatten", 1),
)
_BAG = tuple(name for name, weight in ACTIONS for _ in range(weight))
APART = (
    ("venue.reversed_unheard", 0.12),
    ("disk.torn", 0.12),
    ("venue.ends_a_part_filled_exit", 0.12),
    ("venue.hides_a_fill_and_ends_its_order", 0.12),
    ("venue.busts_a_part", 0.12),
    ("operator.reconciles_over_a_slow_line", 0.12),
    ("venue.lists_behind_fills", 0.12),
)
"""Each in that share of worlds, once; drawn beside the bag, whose draws stay as they are."""


def network_faults(chance: Chance) -> NetworkFaults:
    """How likely each fault of a message is in this world."""

    def rate(name: str, most: float = 0.1, rates: tuple[float, ...] = _RATES) -> float:
        if not chance.happens(f"{name} is on", 0.6):
            return 0.0
        return min(chance.pick(f"{name} rate", rates), most)

    return NetworkFaults(
        request_lost=rate("request_lost"),
        request_late=rate("request_late", 1.0, (0.03, 0.1, 0.5)),
        answer_lost=rate("answer_lost"),
        answer_late=rate("answer_late"),
        answer_error=rate("answer_error"),
        rate_limited=rate("rate_limited", 0.03),
        report_late=rate("report_late"),
        report_repeated=rate("report_repeated"),
        report_reordered=rate("report_reordered"),
        lookup_stale=rate("lookup_stale"),
    )


class Troubles:
    """The plan of one world.

    Args:
        world: Time and chance.
        from_ns: The first instant at which something may happen.
        act: Does one thing by its name.
    """

    def __init__(
        self, world: World, from_ns: int, act: "Callable[[str, Process | None], None]"
    ) -> None:
        """Draw the plan."""
        self.world = world
        self._act = act
        self._waiting: dict[str, list[tuple[int, str]]] = {}
        chance = world.chance
        for number in range(chance.between("troubles", 3, 12)):
            at_ns = chance.between(f"trouble {number} at", from_ns, world.heal_ns - 1)
            name = chance.pick(f"trouble {number} is", _BAG)
            if chance.happens(f"trouble {number} waits", NEXT_TO_DECISIONS):
                point = chance.pick(f"trouble {number} point", POINTS)
                self._waiting.setdefault(point, []).append((at_ns, name))
            else:
                world.at(at_ns, lambda name=name: self._struck(name, None))  # type: ignore[misc]
        for name, ratio in APART:
            if chance.happens(f"{name} is on", ratio):
                at_ns = chance.between(f"{name} at", from_ns, world.heal_ns - 1)
                point = chance.pick(f"{name} point", POINTS)
                self._waiting.setdefault(point, []).append((at_ns, name))
        for waiting in self._waiting.values():
            waiting.sort()

    def visit(self, process: "Process", point: str) -> None:
        """A process reached a point."""
        world = self.world
        world.hits[f"point.{point}"] += 1
        waiting = self._waiting.get(point)
        if not waiting or world.now_ns < waiting[0][0] or not world.is_faulty():
            return
        _, name = waiting.pop(0)
        world.hits[f"struck at {point}"] += 1
        self._struck(name, process)

    def _struck(self, name: str, process: "Process | None") -> None:
        if self.world.is_faulty():
            self.world.hit(name)
            until_ns = self.world.now_ns + ROUGH_NS_BY.get(name, ROUGH_NS)
            self.world.rough_until_ns = max(self.world.rough_until_ns, until_ns)
            self._act(name, process)
