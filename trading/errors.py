"""Faults that a person can do something about, each with the exit code it ends a process with."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class HoldfastError(Exception):
    """An expected fault: its text says what was expected, what was found and what to do."""

    exit_code: ClassVar[int] = 1


class SetupError(HoldfastError):
    """The command, the configuration or a file is wrong; nothing was started or changed."""

    exit_code: ClassVar[int] = 2


class ConfigError(SetupError):
    """The configuration is wrong; the text names file, key, what was expected and found."""


class SafetyRefusedError(HoldfastError):
    """A safety rule says no; the text names the rule."""

    exit_code: ClassVar[int] = 3


def nearest(name: str, known: Iterable[str]) -> str:
    """The clause `; did you mean X?`, or an empty text when nothing is near."""
    matches = get_close_matches(name, list(known), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""
