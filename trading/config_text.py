"""Writes a configuration with a comment on every key, for `holdfast init` and the reference."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import takewhile
from typing import Any

import msgspec

from trading.config import Config
from trading.config_fields import Section, describe


def render(config: Config, heading: str = "") -> str:
    """The whole configuration as TOML, which the reader takes back unchanged.

    Args:
        config: What to write; defaults are written too.
        heading: Comment at the top, one or more lines.
    """
    lines = [f"# {line}".rstrip() for line in heading.splitlines()]
    lines += ["", f"policies = {_value(list(config.policies))}  # {describe(Config)['policies']}"]
    for key in Config.__struct_fields__:
        value = getattr(config, key)
        if isinstance(value, Section):
            lines += _section(key, value)
        elif key != "policies":
            for item in value:
                lines += ["", *_title(item), f"[[{key}]]", *_keys(item), *_tables(key, item)]
    return "\n".join(lines).lstrip("\n") + "\n"


def heading(text: str) -> str:
    """The comment at the top of a written configuration, which `render` takes."""
    lines = takewhile(lambda line: line.startswith("#"), text.splitlines())
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines)


def _section(path: str, section: Section) -> Iterator[str]:
    inner = [key for key in section.__struct_fields__ if isinstance(getattr(section, key), Section)]
    if len(inner) < len(section.__struct_fields__):
        yield from ("", *_title(section), f"[{path}]", *_keys(section), *_tables(path, section))
    for key in inner:
        yield from _section(f"{path}.{key}", getattr(section, key))


def _title(section: Section) -> list[str]:
    said = (type(section).__doc__ or "").split(": ", 1)[-1].strip()
    return [f"# {said[:1].upper()}{said[1:]}"]


def _keys(section: Section) -> Iterator[str]:
    texts = describe(type(section))
    for key, text in texts.items():
        value = getattr(section, key)
        if not (isinstance(value, Section) or _is_table(value)):
            line = f"{key} = {_value(value)}"
            yield f"{line:<34} # {text}" if text else line


def _tables(path: str, section: Section) -> Iterator[str]:
    """Mappings of free keys get a table of their own after the keys."""
    for key, text in describe(type(section)).items():
        value = getattr(section, key)
        if _is_table(value):
            yield from ("", f"# {text[:1].upper()}{text[1:]}.", f"[{path}.{key}]")
            yield from (f"{name} = {_value(item)}" for name, item in value.items())


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and bool(value)


def _value(value: Any) -> str:
    match value:
        case None:
            text = '"none"'
        case bool():
            text = str(value).lower()
        case Decimal() | int():
            text = format(Decimal(value), "f")
        case Section():
            text = _value({key: getattr(value, key) for key in value.__struct_fields__})
        case list() | tuple():
            text = f"[{', '.join(_value(item) for item in value)}]"
        case dict():
            inside = ", ".join(f"{key} = {_value(item)}" for key, item in value.items())
            text = f"{{ {inside} }}" if inside else "{}"
        case _:
            text = msgspec.json.encode(str(value)).decode()
    return text
