"""What each row must keep, as gates.toml says it."""

import operator
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("gates.toml")
_COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
}
_FIELDS: Final = frozenset({"number", "measure", "reference", "unit", "goal", "gate", "reason"})
_NEEDED: Final = frozenset({"number", "measure", "reference", "unit"})


class GatesError(Exception):
    """gates.toml says something that cannot be checked."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit on a ratio, such as `<= 1/4` or `>= 3`."""

    text: str
    comparison: str
    limit_ratio: float

    @classmethod
    def parse(cls, text: str) -> "Bound":
        """Read the form above.

        Raises:
            GatesError: When the text has another form.
        """
        try:
            comparison, number = text.split()
            limit = float(Fraction(number))
        except (ValueError, ZeroDivisionError) as error:
            raise GatesError(f"a bound must read like '<= 1/4' or '>= 3', was {text!r}") from error
        if comparison not in _COMPARISONS:
            raise GatesError(f"a bound starts with <= or >=, was {text!r}")
        return cls(text, comparison, limit)

    def holds(self, ratio: float) -> bool:
        """Whether the ratio is within; one that is not a number never is."""
        return _COMPARISONS[self.comparison](ratio, self.limit_ratio)

    def better(self, one: float, other: float) -> bool:
        """Whether the first ratio lies further on the good side than the second."""
        return one < other if self.comparison == "<=" else one > other


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        key: Its name in gates.toml and in the JSON.
        number: Its number in the list of what to reach.
        measure: What is measured.
        reference: What it is compared with.
        unit: Unit of both values.
        goal: What is to be reached; None for a row that is only reported.
        gate: What fails the run; None for a row that is only reported.
        reason: Why the gate stands where it stands.
    """

    key: str
    number: int
    measure: str
    reference: str
    unit: str
    goal: Bound | None = None
    gate: Bound | None = None
    reason: str = ""


def load(path: Path = FILE) -> dict[str, Row]:
    """Every row by its key, in the order of the file.

    Raises:
        GatesError: On a missing or unknown field, an unreadable bound, or a gate without a reason.
    """
    tables: Mapping[str, Mapping[str, Any]] = tomllib.loads(path.read_text())
    return {key: _row(key, table) for key, table in tables.items()}


def _row(key: str, table: Mapping[str, Any]) -> Row:
    unknown = sorted(table.keys() - _FIELDS)
    missing = sorted(_NEEDED - table.keys())
    if unknown or missing:
        raise GatesError(f"{key}: unknown fields {unknown}, missing fields {missing}")
    if "gate" in table and not table.get("reason"):
        raise GatesError(f"{key}: a gate needs the reason why it stands where it stands")
    bounds = {name: Bound.parse(table[name]) for name in ("goal", "gate") if name in table}
    return Row(key=key, **{**table, **bounds})
