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


def find(venue: str, environment: Mapping[str, str]) -> Credentials:
    """The keys of a venue.

    `HOLDFAST_ALPACA_KEY` and `HOLDFAST_ALPACA_SECRET`, or `HOLDFAST_ALPACA_FILE`, a file that only
    its owner can read, with the key on its first line and the secret on its second.

    Raises:
        SetupError: There are none, or others can read the file.
    """
    name = f"HOLDFAST_{venue.upper()}"
    key, secret = environment.get(f"{name}_KEY", ""), environment.get(f"{name}_SECRET", "")
    if key and secret:
        return _checked(key, secret, f"{name}_KEY and {name}_SECRET")
    path = environment.get(f"{name}_FILE", "")
    if path:
        return _from_file(Path(path))
    raise SetupError(
        f"no keys for {venue}: set {name}_KEY and {name}_SECRET, or {name}_FILE to a file that "
        "only you can read (chmod 600), with the key on its first line and the secret on its second"
    )


def _from_file(path: Path) -> Credentials:
    lines = read_secret(path).split()
    if len(lines) != 2:  # noqa: PLR2004 - key and secret
        raise SetupError(f"{path} must hold two lines, key and secret; it has {len(lines)} words")
    return _checked(lines[0], lines[1], str(path))


def _checked(key: str, secret: str, where: str) -> Credentials:
    if not all(each.isascii() and each.isprintable() for each in (key, secret)):
        raise SetupError(f"the keys in {where} must be printable ASCII")
    return Credentials(key, secret)
