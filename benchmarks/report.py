"""The table a person reads and the JSON a program reads."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.gates import Row
from benchmarks.measure import DRIFT_MAX_RATIO, Figure

NOT_MEASURED = "not measured: make bench ARGS=--peers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One row with what was found.

    Attributes:
        row: What was to be measured.
        figure: What was found; None when it needs an environment that is not there.
        tries: How often it was measured; a broken gate is tried again.
        lacks: What was missing, where it is not the other systems' environment.
    """

    row: Row
    figure: Figure | None = None
    tries: int = 1
    lacks: str = ""

    @property
    def why_not(self) -> str:
        """Why there is no figure."""
        return f"not measured: {self.lacks}" if self.lacks else NOT_MEASURED

    @property
    def is_broken(self) -> bool:
        """Whether the run must fail because of this row."""
        return self._misses("gate")

    @property
    def verdict(self) -> str:
        """`yes`, `no` (the goal), `BROKEN` (the gate), or nothing for what is only reported."""
        if self.is_broken:
            return "BROKEN"
        if self.figure is None or self.row.goal is None:
            return ""
        return "no" if self._misses("goal") else "yes"

    def _misses(self, kind: str) -> bool:
        bound = self.row.gate if kind == "gate" else self.row.goal
        if bound is None or self.figure is None:
            return False
        ratio = self.figure.ratio
        return ratio is None or not bound.holds(ratio)


def table(outcomes: Sequence[Outcome]) -> Table:
    """What `make bench` prints."""
    shown = Table(title="ratios to a reference of the same run", title_justify="left")
    for heading in ("#", "measure", "ours", "reference", "ratio", "goal", "gate", "pass"):
        is_number = heading in {"#", "ours", "ratio", "goal", "gate"}
        shown.add_column(heading, justify="right" if is_number else "left", no_wrap=is_number)
    for outcome in sorted(outcomes, key=lambda each: each.row.number):
        shown.add_row(*_cells(outcome), style=_STYLES.get(outcome.verdict))
    return shown


_STYLES = {"BROKEN": "bold red", "no": "yellow"}


def _cells(outcome: Outcome) -> list[str]:
    row, figure = outcome.row, outcome.figure
    goal = row.goal.text if row.goal else "reported"
    gate = row.gate.text if row.gate else ""
    if figure is None:
        reference = f"{row.reference}: {outcome.why_not}"
        return [str(row.number), row.measure, "", reference, "", goal, gate, ""]
    reference = row.reference
    if figure.reference is not None:
        reference += f": {number_text(figure.reference)} {row.unit}"
    tries = f" ({outcome.tries} tries)" if outcome.tries > 1 else ""
    measure = f"{row.measure} ({figure.note})" if figure.note else row.measure
    return [
        str(row.number),
        measure,
        f"{number_text(figure.value)} {row.unit}",
        reference,
        "" if figure.ratio is None else number_text(figure.ratio),
        goal,
        gate,
        outcome.verdict + tries,
    ]


def number_text(value: float) -> str:
    """Three significant digits, without an exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}" if value else "0"


def as_json(outcomes: Sequence[Outcome], *, loop_ns: tuple[float, float], wall_s: float) -> Any:
    """Everything that was found and where, as plain values.

    Args:
        outcomes: All rows.
        loop_ns: Speed of a fixed Python loop before and after.
        wall_s: How long it all took.
    """
    return {
        "machine": {
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "load_1min": os.getloadavg()[0],
            "loop_ns_before": loop_ns[0],
            "loop_ns_after": loop_ns[1],
            "is_steady": is_steady(loop_ns),
        },
        "wall_s": round(wall_s, 1),
        "rows": [_row_json(outcome) for outcome in outcomes],
    }


def is_steady(loop_ns: tuple[float, float]) -> bool:
    """Whether the machine was as fast at the end as at the start."""
    return max(loop_ns) <= DRIFT_MAX_RATIO * min(loop_ns)


def _row_json(outcome: Outcome) -> dict[str, Any]:
    row, figure = outcome.row, outcome.figure
    return {
        "row": row.key,
        "number": row.number,
        "measure": row.measure,
        "reference": row.reference,
        "unit": row.unit,
        "value": figure.value if figure else None,
        "reference_value": figure.reference if figure else None,
        "ratio": figure.ratio if figure else None,
        "note": figure.note if figure else outcome.why_not,
        "goal": row.goal.text if row.goal else None,
        "gate": row.gate.text if row.gate else None,
        "tries": outcome.tries,
        "pass": outcome.verdict or None,
    }


def write_json(path: Path, content: Any) -> None:
    """Write it where the next program looks for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
