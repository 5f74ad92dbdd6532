"""Many seeds: run, counted, and told in one line."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

from research.simulation.run import Outcome, simulate
from research.simulation.troubles import ACTIONS, APART, POINTS
from trading.errors import SetupError


@dataclass(slots=True)
class Campaign:
    """The sum of many seeds.

    Attributes:
        failing: Seed and its findings, in order of seeds.
    """

    seeds: int = 0
    messages: int = 0
    decisions: int = 0
    faults: int = 0
    orders: int = 0
    virtual_ns: int = 0
    cpu_ns: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    failing: list[tuple[int, list[tuple[str, str]]]] = field(default_factory=list)

    def take(self, outcome: Outcome) -> None:
        """Add one seed."""
        self.seeds += 1
        self.messages += outcome.messages
        self.decisions += outcome.decisions
        self.faults += outcome.faults
        self.orders += outcome.orders
        self.virtual_ns += outcome.virtual_ns
        self.cpu_ns += outcome.cpu_ns
        self.hits.update(outcome.hits)
        if outcome.findings:
            self.failing.append((outcome.seed, outcome.findings))

    @property
    def bigger_faults(self) -> int:
        """How many faults of those that are planned one by one have struck."""
        return sum(self.hits[name] for name, _ in (*ACTIONS, *APART))

    @property
    def next_to_decisions_ratio(self) -> float:
        """The share of the bigger faults that fell on a point next to a decision."""
        struck = sum(self.hits[f"struck at {point}"] for point in POINTS)
        return struck / max(1, self.bigger_faults)

    def report(self) -> dict[str, Any]:
        """As `holdfast simulate --json` prints it; a seed's first finding stands for it.

        Speeds are per second of one processor; `next_to_decisions_ratio` is the share of the bigger
        faults that fell on a point next to a decision, `next_to_decisions_of` how many they were:
        of some dozens it may be below 0.7 by chance, of a few hundred it is not.
        """
        seeds, cpu_s = max(self.seeds, 1), max(self.cpu_ns, 1) / 1e9
        return {
            "seeds": self.seeds,
            "failed": len(self.failing),
            "failing": [
                {
                    "seed": seed,
                    "finding": f"{found[0][0]}: {found[0][1]}",
                    "broken": list(dict.fromkeys(name for name, _ in found)),
                }
                for seed, found in self.failing
            ],
            "messages": self.messages,
            "messages_per_s": round(self.messages / cpu_s),
            "decisions_per_seed": round(self.decisions / seeds, 1),
            "faults_per_seed": round(self.faults / seeds, 1),
            "orders_per_seed": round(self.orders / seeds, 1),
            "next_to_decisions_ratio": round(self.next_to_decisions_ratio, 3),
            "next_to_decisions_of": self.bigger_faults,
            "hits": dict(sorted(self.hits.items())),
            "virtual_over_real": round(self.virtual_ns / 1e9 / cpu_s),
        }


def parse_seeds(text: str) -> range:
    """`A..B`, both included, or one number.

    Raises:
        SetupError: It is neither.
    """
    first, dots, last = text.partition("..")
    try:
        begin = int(first)
        end = int(last) if dots else begin
    except ValueError:
        raise SetupError(f"seeds: expected A..B or a number, found {text!r}") from None
    if begin < 0 or end < begin:
        raise SetupError(f"seeds: expected A..B with 0 <= A <= B, found {text!r}")
    return range(begin, end + 1)


def outcomes(seeds: Sequence[int], jobs: int) -> Iterator[Outcome]:
    """Each seed's outcome, in order; in processes of their own when more than one job is asked."""
    if jobs <= 1:
        yield from map(simulate, seeds)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(simulate, seeds, chunksize=max(1, min(16, len(seeds) // (jobs * 4))))


def run(seeds: Iterable[int], *, jobs: int = 1, until: str = "all") -> Campaign:
    """Run seeds: `all`, up to the `first` that fails, or until one breaks this promise alone."""
    campaign = Campaign()
    for outcome in outcomes(list(seeds), jobs):
        campaign.take(outcome)
        broken = {name for name, _ in outcome.findings}
        if broken and (until == "first" or broken == {until}):
            break
    return campaign


def usual_jobs() -> int:
    """As many processes as there are processors to run on."""
    return len(os.sched_getaffinity(0))
