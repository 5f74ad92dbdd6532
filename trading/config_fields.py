"""What a number in the configuration may be, checked in one place for every section."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

from trading.money import to_1e8


def above(limit: int, text: str) -> Meta:
    """A number greater than `limit`; `text` is its comment in a configuration file."""
    return Meta(description=text, extra={"above": limit})


def at_least(limit: int, text: str) -> Meta:
    """A number of `limit` or more."""
    return Meta(description=text, extra={"at_least": limit})


def between(least: int, most: int, text: str) -> Meta:
    """A number from `least` to `most`, both included."""
    return Meta(description=text, extra={"at_least": least, "at_most": most})


def ratio(text: str) -> Meta:
    """A part of one: above 0, at most 1."""
    return Meta(description=text, extra={"above": 0, "at_most": 1})


def doc(text: str) -> Meta:
    """Only a comment."""
    return Meta(description=text)


def name(text: str) -> Meta:
    """A short id; it stands in order ids, so a `-` or `/` inside would make two of them one."""
    return Meta(description=text, pattern=r"^[A-Za-z0-9_.]{1,32}$")


def symbol_of(text: str) -> Meta:
    """An instrument's id; a venue's own can be a number of 78 digits."""
    return Meta(description=text, pattern=r"^[A-Za-z0-9_.]{1,80}$")


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the configuration. Making one checks each number it holds."""

    def __post_init__(self) -> None:
        """Refuse numbers that are not finite, too fine, or out of range.

        Raises:
            ValueError: `KEY: expected ..., found ...`; the reader adds file and section.
        """
        for key, limits in _limits_of(type(self)).items():
            value = getattr(self, key)
            if value is not None and not isinstance(value, bool):
                _check(key, value, limits)


def _check(key: str, value: Any, limits: Mapping[str, int]) -> None:
    if isinstance(value, Decimal):
        try:
            to_1e8(value)
        except ValueError as error:
            raise ValueError(f"{key}: {str(error).replace(', was', ', found')}") from error
    if not isinstance(value, Decimal | int):
        return
    if "above" in limits and not value > limits["above"]:
        raise ValueError(f"{key}: expected a number above {limits['above']}, found {value}")
    if "at_least" in limits and value < limits["at_least"]:
        raise ValueError(f"{key}: expected at least {limits['at_least']}, found {value}")
    if "at_most" in limits and value > limits["at_most"]:
        raise ValueError(f"{key}: expected at most {limits['at_most']}, found {value}")


class _Cache:
    limits: ClassVar[dict[type[Section], dict[str, Mapping[str, int]]]] = {}


def _limits_of(section: type[Section]) -> dict[str, Mapping[str, int]]:
    known = _Cache.limits.get(section)
    if known is None:
        hints = get_type_hints(section, include_extras=True)
        known = {key: _meta(hint).extra or {} for key, hint in hints.items()}
        _Cache.limits[section] = known
    return known


def _meta(hint: Any) -> Meta:
    if get_origin(hint) is Annotated:
        for part in get_args(hint)[1:]:
            if isinstance(part, Meta):
                return part
    return Meta()


def describe(section: type[Section]) -> dict[str, str]:
    """The comment of each key, in order of declaration; empty where it has none."""
    hints = get_type_hints(section, include_extras=True)
    return {key: _meta(hints[key]).description or "" for key in section.__struct_fields__}
