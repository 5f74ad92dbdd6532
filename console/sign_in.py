"""Who may use the console (UI-9): the operator's token, exchanged for a signed cookie.

A cookie is signed with a key made from the token, so that it outlives a restart of the console and
ends when the token is replaced. A one-time code stands for the token in the link that a start
prints: what is on a screen or in a log is then worth nothing after its first use.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from actors.operator_door import Door

COOKIE: Final = "holdfast_console"
SESSION_S: Final = 12 * 3600
_CODES_MAX: Final = 16
_SECOND_NS: Final = 1_000_000_000
_COOKIE_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Session:
    """A person who signed in.

    Attributes:
        name: Short name of the session, for the journal.
        csrf: What each change must carry as `X-Csrf-Token`.
        until_ns: When it ends, wall clock.
    """

    name: str
    csrf: str
    until_ns: int


SESSION: Final = web.RequestKey("session", Session)


def author_of(request: web.Request) -> str:
    """Who acts, for the journal: the session's name, or that the token was sent."""
    session = request.get(SESSION)
    return f"console {session.name}" if session is not None else "console token"


class SignIn:
    """Exchanges token or code for a cookie, and knows its cookies again."""

    def __init__(
        self, token: str, *, wall_ns: Callable[[], int], monotonic_ns: Callable[[], int]
    ) -> None:
        """Take the operator's token."""
        self.door = Door(token, monotonic_ns=monotonic_ns)
        self._key = hashlib.sha256(b"holdfast console\0" + token.encode()).digest()
        self._wall_ns = wall_ns
        self._codes: list[str] = []

    def new_code(self) -> str:
        """A code that opens once; the oldest of 16 gives way."""
        code = secrets.token_urlsafe(24)
        self._codes = [*self._codes[1 - _CODES_MAX :], code]
        return code

    def take(self, *, token: str = "", code: str = "") -> str | None:
        """The cookie for a right token or an unused code; None when neither is."""
        if token and self.door.opens(token):
            return self._new_cookie()
        for known in self._codes:
            if code and hmac.compare_digest(known.encode(), code.encode("utf-8", "replace")):
                self._codes.remove(known)
                return self._new_cookie()
        return None

    def session(self, cookie: str) -> Session | None:
        """The session of a cookie that was given out here and has not ended."""
        parts = cookie.split(".")
        if len(parts) != _COOKIE_PARTS:
            return None
        name, until, signature = parts
        if not hmac.compare_digest(
            signature.encode("utf-8", "replace"), self._sign(f"{name}.{until}").encode()
        ):
            return None
        until_ns = int(until) * _SECOND_NS
        if until_ns <= self._wall_ns():
            return None
        return Session(name, self._sign(f"csrf {name}.{until}"), until_ns)

    def _new_cookie(self) -> str:
        until_s = self._wall_ns() // _SECOND_NS + SESSION_S
        said = f"{secrets.token_hex(4)}.{until_s}"
        return f"{said}.{self._sign(said)}"

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
