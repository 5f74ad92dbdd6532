"""The world's clock and its agenda: everything that is not the product happens from here."""

import heapq
from collections import Counter
from collections.abc import Callable

from research.simulation.chance import Chance

SECOND_NS = 1_000_000_000
MILLI_NS = 1_000_000


class World:
    """Virtual time, chance, what is to happen, and what was found.

    Args:
        seed: Decides everything.
        start_ns: Where time begins.

    Attributes:
        hits: How often each fault and each point where one could fall was met.
        findings: Broken promises as `invariant: what was seen`, in the order found.
        heal_ns: From here on nothing more goes wrong.
        rough_until_ns: Until then something big is going wrong, or is being got over.
        line_back_ns: When the line to the venue is back, or was last.
        order_lost_ns: When an order last got lost on its way to the venue: that it never came is
            proven over a minute later, and nothing is sent in its place before.
    """

    def __init__(self, seed: int, start_ns: int) -> None:
        """Nothing is planned yet."""
        self.chance = Chance(seed)
        self.now_ns = start_ns
        self.heal_ns = start_ns
        self.rough_until_ns = start_ns
        self.order_lost_ns = start_ns
        self.line_back_ns = start_ns
        self.hits: Counter[str] = Counter()
        self.faults = 0
        self.findings: list[tuple[str, str]] = []
        self.trace: list[str] | None = None
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._planned = 0

    def clock(self) -> int:
        """Now."""
        return self.now_ns

    def at(self, due_ns: int, happens: Callable[[], None]) -> None:
        """Plan something; what is due at one instant happens in the order of planning."""
        self._planned += 1
        heapq.heappush(self._agenda, (max(due_ns, self.now_ns), self._planned, happens))

    def after(self, wait_ns: int, happens: Callable[[], None]) -> None:
        """Plan something from now."""
        self.at(self.now_ns + wait_ns, happens)

    def next_ns(self, none_ns: int) -> int:
        """When the next planned thing is due."""
        return self._agenda[0][0] if self._agenda else none_ns

    def step(self) -> None:
        """Let the next planned thing happen."""
        heapq.heappop(self._agenda)[2]()

    # -- faults -----------------------------------------------------------------------------------

    def is_faulty(self) -> bool:
        """Whether things still go wrong."""
        return self.now_ns < self.heal_ns

    def strikes(self, fault: str, ratio: float) -> bool:
        """Whether a fault of that likelihood strikes now; counted when it does."""
        if self.now_ns >= self.heal_ns or not self.chance.happens(fault, ratio):
            return False
        self.hit(fault)
        return True

    def hit(self, fault: str) -> None:
        """Count a fault that struck."""
        self.hits[fault] += 1
        self.faults += 1
        self.say(f"fault {fault}")

    def is_calm_for(self, wait_ns: int, since_ns: int) -> bool:
        """Whether nothing but messages has gone wrong for so long, counted from `since_ns`."""
        return self.now_ns > max(since_ns, self.rough_until_ns) + wait_ns

    # -- what was found ---------------------------------------------------------------------------

    def found(self, invariant: str, text: str) -> None:
        """A promise was broken."""
        self.findings.append((invariant, f"{text} (at {self.now_ns})"))
        self.say(f"FOUND {invariant}: {text}")

    def say(self, text: str) -> None:
        """Note something for whoever looks at one seed."""
        if self.trace is not None:
            self.trace.append(f"{self.now_ns / SECOND_NS:.6f} {text}")
