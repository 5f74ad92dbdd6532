"""Runtime controls (KC-6): their names, and what each may be. Values travel as JSON.

A control narrows or restores what the configuration allows; `null` gives the configured value back.
Amounts are decimal texts, so that no float ever holds money.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from trading.errors import HoldfastError, nearest

if TYPE_CHECKING:
    from trading.config import Config

RESET_BREAKERS: Final = "reset_breakers"
"""The control that acts on the breakers and not on the account's core."""
_NAMES_MAX: Final = 1000
_NAME_LENGTH_MAX: Final = 64


class ControlKind(StrEnum):
    """Form of a control's value."""

    AMOUNT = "AMOUNT"
    COUNT = "COUNT"
    NAMES = "NAMES"
    ACTION = "ACTION"
    FIXED = "FIXED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSpec:
    """One control: what it means and which values it takes.

    Attributes:
        name: As in `POST /api/controls` and `holdfast controls`.
        kind: Form of the value.
        unit: Of the value, for people.
        meaning: One sentence.
        least: Smallest amount or count.
        most: Largest amount or count.
        instead: For FIXED controls: how it is changed.
    """

    name: str
    kind: ControlKind
    unit: str
    meaning: str
    least: Decimal = Decimal(0)
    most: Decimal = Decimal(1_000_000_000)
    instead: str = ""

    def expected(self) -> str:
        """The values it takes, in words."""
        match self.kind:
            case ControlKind.AMOUNT:
                return f"a number from {self.least} to {self.most} with at most 8 decimals, or null"
            case ControlKind.COUNT:
                return f"a whole number from {self.least} to {self.most}, or null"
            case ControlKind.NAMES:
                return "a list of names, or null for all that are configured"
            case ControlKind.ACTION:
                return "true"
            case ControlKind.FIXED:
                return self.instead


class ControlRefusedError(HoldfastError):
    """The name or the value of a control is not acceptable; nothing was changed."""

    exit_code = 2

    def __init__(self, text: str, *, expected: str, is_unknown: bool = False) -> None:
        """Say what was found in `text` and what would have been taken in `expected`."""
        super().__init__(text)
        self.expected = expected
        self.is_unknown = is_unknown


_SPECS: Final = (
    ControlSpec(
        name="kill_level",
        kind=ControlKind.FIXED,
        unit="",
        meaning="The latched kill level.",
        instead="changed by kill and resume only",
    ),
    ControlSpec(
        name="trading_mode",
        kind=ControlKind.FIXED,
        unit="",
        meaning="What orders of this run mean to the world.",
        instead="fixed for a run; start another with `holdfast run --mode`",
    ),
    ControlSpec(
        name="max_position",
        kind=ControlKind.AMOUNT,
        unit="shares or contracts",
        meaning="Largest position in one instrument that an entry may lead to.",
    ),
    ControlSpec(
        name="max_session_loss",
        kind=ControlKind.AMOUNT,
        unit="account currency",
        meaning="Loss of a session at which entries stop until the next one.",
        least=Decimal("0.01"),
    ),
    ControlSpec(
        name="max_open_positions",
        kind=ControlKind.COUNT,
        unit="positions",
        meaning="Open positions of the account; zero stops entries.",
        most=Decimal(1000),
    ),
    ControlSpec(
        name="max_notional",
        kind=ControlKind.AMOUNT,
        unit="account currency",
        meaning="Largest notional of one entry order.",
    ),
    ControlSpec(
        name="allowed_instruments",
        kind=ControlKind.NAMES,
        unit="",
        meaning="Instruments in which entries are allowed.",
    ),
    ControlSpec(
        name="allowed_strategies",
        kind=ControlKind.NAMES,
        unit="",
        meaning="Strategies whose entries are allowed.",
    ),
    ControlSpec(
        name="clear_halts",
        kind=ControlKind.ACTION,
        unit="",
        meaning="Done once: halts of entries after a violated invariant are lifted (EX-9).",
    ),
    ControlSpec(
        name=RESET_BREAKERS,
        kind=ControlKind.ACTION,
        unit="",
        meaning="Done once: breakers that are open, latched ones too, are closed (WD-3).",
    ),
)

CONTROLS: Final[Mapping[str, ControlSpec]] = {spec.name: spec for spec in _SPECS}

ControlJson = str | int | bool | list[str] | None


def configured(config: "Config") -> dict[str, ControlJson]:
    """What the configuration allows, by the name of the control that narrows it; None: no limit."""
    limits = config.limits
    return {
        "max_position": _amount(limits.position_qty_max),
        "max_session_loss": _amount(limits.daily_loss_max_usd),
        "max_open_positions": limits.positions_max,
        "max_notional": _amount(limits.position_notional_max_usd),
        "allowed_instruments": sorted(each.symbol for each in config.instruments),
        "allowed_strategies": sorted(each.name for each in config.strategies if each.enabled),
    }


def in_force(allowed: ControlJson, value: ControlJson) -> ControlJson:
    """What counts: a control narrows what is configured and never widens it."""
    if value is None or allowed is None:
        return allowed if value is None else value
    if isinstance(value, list) and isinstance(allowed, list):
        return [name for name in value if name in allowed]
    return min(value, allowed, key=lambda each: Decimal(str(each)))


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else format(value.normalize(), "f")


def parse_control(name: str, value: Any) -> ControlJson:
    """The value in its one canonical JSON form: amounts as text, counts as int, names sorted.

    Args:
        name: One of `CONTROLS`.
        value: What came from JSON; amounts may be numbers or decimal texts.

    Raises:
        ControlRefusedError: Unknown name, wrong form, out of range, or fixed.
    """
    spec = CONTROLS.get(name)
    if spec is None:
        raise ControlRefusedError(
            f"there is no control {name!r}{nearest(name, CONTROLS)}",
            expected="one of " + ", ".join(CONTROLS),
            is_unknown=True,
        )
    if spec.kind is ControlKind.FIXED:
        raise ControlRefusedError(f"{name} is {spec.instead}", expected=spec.instead)
    if value is None and spec.kind is not ControlKind.ACTION:
        return None
    parsed = _parsed(spec, value)
    if parsed is None:
        raise ControlRefusedError(
            f"{name} must be {spec.expected()}; was {str(value)[:100]!r}", expected=spec.expected()
        )
    return parsed


def _parsed(spec: ControlSpec, value: Any) -> ControlJson:
    if spec.kind is ControlKind.ACTION:
        return True if value is True else None
    return _names(value) if spec.kind is ControlKind.NAMES else _number(spec, value)


def _names(value: Any) -> list[str] | None:
    if not isinstance(value, list) or len(value) > _NAMES_MAX:
        return None
    if not all(isinstance(name, str) and 0 < len(name) <= _NAME_LENGTH_MAX for name in value):
        return None
    return sorted(set(value))


def _number(spec: ControlSpec, value: Any) -> str | int | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    if not number.is_finite() or not spec.least <= number <= spec.most:
        return None
    if spec.kind is ControlKind.COUNT:
        return int(number) if number == int(number) else None
    cut = number.quantize(Decimal("1e-8"))
    return format(cut.normalize(), "f") if cut == number else None
