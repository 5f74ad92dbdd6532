"""Latency histograms of the order path (EX-15), from the marks that stand beside the journal."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any, Final

QUANTILES: Final = {"p50": 500, "p90": 900, "p95": 950, "p99": 990, "p99_9": 999}
WHOLE: Final = "first to last"


def percentile(ordered: Sequence[int], per_mille: int) -> int:
    """The nearest-rank percentile: the least value that `per_mille` of all do not exceed.

    Args:
        ordered: Ascending, at least one.
        per_mille: 500 is the median, 999 the 99.9th percentile.
    """
    return ordered[max(0, -(-len(ordered) * per_mille // 1000) - 1)]


def histograms(marks: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Count and percentiles of the time from each mark of an order to its next, and of the whole.

    Args:
        marks: `order_id`, `boot`, `stage`, `mono_ns`; in any order. Times of two boots of the
            machine cannot be compared, so each boot counts by itself.

    Returns:
        One mapping for each pair of stages: stage, count, p50_ns to p99_9_ns, max_ns.
    """
    spans: defaultdict[str, list[int]] = defaultdict(list)
    ordered = sorted(marks, key=_by_order_and_time)
    for _, group in groupby(ordered, key=lambda mark: (mark["order_id"], mark["boot"])):
        of_order = list(group)
        for before, after in pairwise(of_order):
            spans[f"{before['stage']} to {after['stage']}"].append(
                after["mono_ns"] - before["mono_ns"]
            )
        if len(of_order) > 1:
            spans[WHOLE].append(of_order[-1]["mono_ns"] - of_order[0]["mono_ns"])
    return [_histogram(stage, sorted(found)) for stage, found in sorted(spans.items())]


def _by_order_and_time(mark: Mapping[str, Any]) -> tuple[str, int, int]:
    return mark["order_id"], mark["boot"], mark["mono_ns"]


def _histogram(stage: str, ordered: Sequence[int]) -> dict[str, Any]:
    found: dict[str, Any] = {"stage": stage, "count": len(ordered)}
    for name, per_mille in QUANTILES.items():
        found[f"{name}_ns"] = percentile(ordered, per_mille)
    found["max_ns"] = ordered[-1]
    return found
