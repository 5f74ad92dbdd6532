"""Measuring groups of rows; a broken gate is measured again before it counts."""

from collections.abc import Callable, Mapping, Sequence

from benchmarks.gates import Row
from benchmarks.measure import Figure, Missing
from benchmarks.report import Outcome
from benchmarks.setting import Group, Setting

TRIES_MAX = 3

Say = Callable[[str], None]


def outcomes_of(group: Group, rows: Mapping[str, Row], setting: Setting, say: Say) -> list[Outcome]:
    """Measure a group, up to TRIES_MAX times while one of its gates is broken.

    A shared machine can spoil one measurement, hardly three in a row. Of several tries each gated
    row keeps its best, the others their last.
    """
    found: dict[str, Figure] = {}
    missing: dict[str, str] = {}
    outcomes: list[Outcome] = []
    for tries in range(1, TRIES_MAX + 1):
        for figure in group.measure(setting):
            if isinstance(figure, Missing):
                missing[figure.row] = figure.why
                continue
            found[figure.row] = _better(rows[figure.row], found.get(figure.row), figure)
        outcomes = [
            Outcome(row=rows[key], figure=found.get(key), tries=tries, lacks=missing.get(key, ""))
            for key in group.rows
        ]
        broken = [outcome.row.key for outcome in outcomes if outcome.is_broken]
        if not broken:
            break
        if tries < TRIES_MAX:
            say(f"{', '.join(broken)}: beyond the gate, measured again")
    return outcomes


def _better(row: Row, before: Figure | None, now: Figure) -> Figure:
    if before is None or row.gate is None or before.ratio is None or now.ratio is None:
        return now
    return before if row.gate.better(before.ratio, now.ratio) else now


def broken(outcomes: Sequence[Outcome]) -> list[str]:
    """Keys of the rows that fail the run."""
    return [outcome.row.key for outcome in outcomes if outcome.is_broken]
