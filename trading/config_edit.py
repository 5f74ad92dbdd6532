"""Single values of a configuration set by key, for `holdfast init --set KEY=VALUE`."""

import tomllib
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from trading.errors import ConfigError, nearest

# What names an entry of [[instruments]], [[strategies]] and alerts.channels.
_NAMES: Final = ("symbol", "name")


def put(values: dict[str, Any], assignments: Iterable[str]) -> None:
    """Set each `KEY=VALUE` in the values of a TOML file.

    A key is written as `holdfast check --show` does, with an entry of a list by its name:
    `limits.positions_max=2`, `instruments.SPY.lot=1`, `strategies.mine.parameters.target_r=3`.
    A value is TOML; a bare word is a text. Whether the key exists and takes the value is the
    reader's to say.

    Raises:
        ConfigError: No `=`, no such entry in a list, or a key inside something that is no table.
    """
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--set: expected KEY=VALUE, found {assignment!r}")
        _put(values, key.strip(), _value(text.strip()), key.strip())


def _put(place: Any, key: str, value: Any, whole: str) -> None:
    if isinstance(place, list):
        item, rest = _entry(place, key, whole)
        if not rest:
            raise ConfigError(f"--set {whole}: expected a key of that entry after its name")
        _put(item, rest, value, whole)
        return
    if not isinstance(place, dict):
        raise ConfigError(f"--set {whole}: expected a key of a table; this one holds a value")
    first, dot, rest = key.partition(".")
    if dot:
        _put(place.setdefault(first, {}), rest, value, whole)
    else:
        place[key] = value


def _entry(items: list[Any], key: str, whole: str) -> tuple[Any, str]:
    """The entry whose name the key begins with; a name may hold dots itself."""
    named = {
        str(item[field]): item
        for item in items
        if isinstance(item, dict)
        for field in _NAMES
        if field in item
    }
    for name, item in named.items():
        if key == name or key.startswith(f"{name}."):
            return item, key[len(name) + 1 :]
    wanted = key.partition(".")[0]
    raise ConfigError(
        f"--set {whole}: expected one of {', '.join(named) or 'no entry'}; "
        f"found {wanted!r}{nearest(wanted, named)}"
    )


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}", parse_float=Decimal)["value"]
    except tomllib.TOMLDecodeError:
        if text[:1] in "[{\"'":
            raise ConfigError(f"--set: expected TOML after the equals sign, found {text}") from None
        return text
