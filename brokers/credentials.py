"""Keys of a venue: from the environment or a private file, then into headers only (BR-4)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trading.config_reader import read_secret
from trading.errors import SetupError


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key and its secret; neither stands in its text form."""

    key: str = field(repr=False)
    secret: str = field(repr=False)


def find(venue: str, words: tuple[str, str], environment: Mapping[str, str]) -> Credentials:
    """The keys of a venue.

    `HOLDFAST_ALPACA_KEY` and `HOLDFAST_ALPACA_SECRET`, or `HOLDFAST_ALPACA_FILE`, a file that only
    its owner can read, with the key on its first line and the secret on its second; what the two
    are called is the venue's.

    Args:
        venue: Its name.
        words: What its two credentials are called.
        environment: Where they are looked for.

    Raises:
        SetupError: There are none, or others can read the file.
    """
    name = f"HOLDFAST_{venue.upper()}"
    first, second = (f"{name}_{word}" for word in words)
    key, secret = environment.get(first, ""), environment.get(second, "")
    if key and secret:
        return _checked(key, secret, f"{first} and {second}")
    path = environment.get(f"{name}_FILE", "")
    if path:
        return _from_file(Path(path), words)
    key_word, secret_word = (word.lower() for word in words)
    raise SetupError(
        f"no keys for {venue}: set {first} and {second}, or {name}_FILE to a file that only you "
        f"can read (chmod 600), with the {key_word} on its first line and the {secret_word} on its "
        "second"
    )


def _from_file(path: Path, words: tuple[str, str]) -> Credentials:
    lines = read_secret(path).split()
    if len(lines) != len(words):
        called = " and ".join(word.lower() for word in words)
        raise SetupError(f"{path} must hold two lines, {called}; it has {len(lines)} words")
    return _checked(lines[0], lines[1], str(path))


def _checked(key: str, secret: str, where: str) -> Credentials:
    if not all(each.isascii() and each.isprintable() for each in (key, secret)):
        raise SetupError(f"the keys in {where} must be printable ASCII")
    return Credentials(key, secret)
