"""Chance from one integer: each draw is keyed by what it is for.

A draw depends on the seed, its purpose, and how often that purpose was drawn before; so a draw that
is added somewhere moves no other, and no process, hash seed or order of modules shows.
"""

from collections.abc import Sequence
from hashlib import blake2b
from random import Random
from typing import TypeVar

T = TypeVar("T")
_RANGE = 1 << 64


class Chance:
    """Everything that one seed decides.

    Args:
        seed: Which world.
    """

    def __init__(self, seed: int) -> None:
        """Nothing is drawn yet."""
        self.seed = seed
        self._key = f"holdfast {seed}".encode()
        self._drawn: dict[str, int] = {}

    def _bits(self, purpose: str) -> int:
        number = self._drawn.get(purpose, 0)
        self._drawn[purpose] = number + 1
        text = f"{purpose}|{number}".encode()
        return int.from_bytes(blake2b(text, digest_size=8, key=self._key).digest())

    def ratio(self, purpose: str) -> float:
        """A number from 0 up to, and without, 1."""
        return self._bits(purpose) / _RANGE

    def happens(self, purpose: str, ratio: float) -> bool:
        """Whether something of that likelihood happens now; a likelihood of 0 costs no draw."""
        return ratio > 0.0 and self._bits(purpose) / _RANGE < ratio

    def between(self, purpose: str, least: int, most: int) -> int:
        """A whole number from `least` to `most`, both included."""
        return least + self._bits(purpose) % (most - least + 1)

    def pick(self, purpose: str, choices: Sequence[T]) -> T:
        """One of `choices`."""
        return choices[self._bits(purpose) % len(choices)]

    def random(self, purpose: str) -> Random:
        """A generator of its own, for a purpose that draws often."""
        return Random(self._bits(purpose))  # noqa: S311 - a simulation, no secret
