"""Arming: a person's word that one configuration may trade real orders at one account (BR-7).

An arming is a journaled fact: who, where, which account of the venue, which configuration, which
code, and every line of the check that was green then. It holds for `LASTS_NS`, and for nothing
else: another address, account, configuration or version of the code is not armed. No key of a
configuration and no variable stands for it; only `holdfast arm` writes it. When it ends, entries
end: exits never do, so a run that is gone on with may come back without it.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from brokers.base import Check
from trading.errors import SafetyRefusedError

LASTS_NS: Final = 12 * 3_600_000_000_000
STREAM: Final = "arming"
ARMED: Final = "Armed"
DISARMED: Final = "Disarmed"
BREAKER: Final = "arming"
_ROOMS: Final = ("rust_core", "trading", "streams", "storage", "brokers", "actors")
_NEWEST: Final = (
    "SELECT kind, payload FROM journal WHERE stream = :stream ORDER BY pos DESC LIMIT 1"
)

Query = Callable[[str, dict[str, Any]], list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is armed.

    Attributes:
        url: The venue's trading address.
        config_sha256: Digest of the configuration.
        code_sha256: Digest of the code that trades: see `code_digest`.
    """

    url: str
    config_sha256: str
    code_sha256: str


class Arming(msgspec.Struct, frozen=True, kw_only=True):
    """One arming, as it is journaled; times are the wall's."""

    url: str
    account_number: str
    config_sha256: str
    code_sha256: str
    by: str
    at_ns: int
    until_ns: int
    checks: list[dict[str, Any]]

    def account_check(self, number: str) -> Check:
        """Whether the keys are those of the account that was armed."""
        return Check(
            name="armed account",
            is_ok=number == self.account_number,
            found=number or "unknown",
            cure=f"{self.account_number} was armed: use its keys, or arm this one",
        )

    def refusal(self, terms: Terms, now_ns: int) -> str:
        """Why it does not hold for these terms now; empty when it does."""
        if not self.at_ns <= now_ns < self.until_ns:
            hours = (now_ns - self.at_ns) / 3.6e12
            return f"it was armed {hours:.1f} h ago, which holds for {LASTS_NS / 3.6e12:g} h"
        for name, what in (
            ("url", "address"),
            ("config_sha256", "configuration"),
            ("code_sha256", "version of the code"),
        ):
            if getattr(self, name) != getattr(terms, name):
                return f"another {what} was armed"
        return ""


def newest(query: Query) -> Arming | None:
    """The arming that stands in a record; None when there is none, or it was taken back."""
    for kind, payload in query(_NEWEST, {"stream": STREAM}):
        if kind == ARMED:
            return msgspec.json.decode(payload, type=Arming)
    return None


def refusal(query: Query, terms: Terms, now_ns: int) -> str:
    """Why entries may not leave under these terms now; empty when they may."""
    found = newest(query)
    return "it is not armed" if found is None else found.refusal(terms, now_ns)


def require(query: Query, terms: Terms, now_ns: int) -> Arming:
    """The arming of these terms.

    Raises:
        SafetyRefusedError: There is none that holds now.
    """
    found, why = newest(query), refusal(query, terms, now_ns)
    if found is None or why:
        raise SafetyRefusedError(
            f"LIVE at {terms.url}: {why}; nothing was started: look with `holdfast doctor --mode "
            "LIVE`, then `holdfast arm ACCOUNT_NUMBER --by YOUR_NAME` with the same --url, "
            "--config and --data-dir (BR-7)"
        )
    return found


@cache
def code_digest() -> str:
    """SHA-256 in hex over what trades: every module of the rooms below research, and the core."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for room in _ROOMS:
        folder = root / room
        paths = (*folder.rglob("*.py"), *folder.rglob("*.sql"), *folder.glob("*.so"))
        for path in sorted(path for path in paths if "sim" not in path.relative_to(root).parts):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(root)} {content}\n".encode())
    return digest.hexdigest()
