"""Who may speak to the operator port: token, host, origin, and how often one may guess (UI-9)."""

import hmac
import os
import secrets
import stat
from collections import deque
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from trading.errors import SafetyRefusedError, SetupError

TOKEN_FILE: Final = "operator.token"  # noqa: S105  the name of a file
_TOKEN_LENGTH_MIN: Final = 32
_SESSIONS_MAX: Final = 16
_SECOND_NS: Final = 1_000_000_000


def load_token(data_dir: Path) -> str:
    """The operator's token, made on first use and kept over restarts.

    The file is created complete and with mode 0600, or not at all: it is written aside and linked
    into place, which fails when another process was first.

    Raises:
        SetupError: When the file can be read by others, is not ours, or is not a token.
    """
    path = data_dir / TOKEN_FILE
    if not path.exists():
        _create_token(path)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}") from error
    with os.fdopen(fd, "rb") as file:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise SetupError(f"{path} must be a file of the user who runs the trader; remove it")
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise SetupError(
                f"{path} has mode {stat.S_IMODE(found.st_mode):04o}, must be 0600: others may have "
                "read it; remove it and a new token is made"
            )
        token = file.read(1024).decode("ascii", "replace").strip()
    if len(token) < _TOKEN_LENGTH_MIN:
        raise SetupError(f"{path} holds no token; remove it and a new one is made")
    return token


def _create_token(path: Path) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(fd)
        try:
            path.hardlink_to(aside)
        except FileExistsError:
            return  # another process was first: its token holds
    finally:
        aside.unlink()


def require_loopback(host: str) -> None:
    """Refuse to listen where another machine could reach the port.

    Raises:
        SafetyRefusedError: When `host` is not a loopback address.
    """
    if not _is_loopback(host):
        raise SafetyRefusedError(
            f"the operator port listens on loopback only, was asked to on {host!r}; "
            "reach it from elsewhere through an ssh tunnel"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_local_host(host_header: str) -> bool:
    """Whether a Host header names this machine's loopback (a rebound DNS name does not)."""
    return _is_loopback(urlsplit(f"//{host_header}").hostname or "")


def is_own_origin(origin: str | None, host_header: str) -> bool:
    """Whether a page of this very port asks; programs send no Origin at all."""
    return origin is None or origin in {f"http://{host_header}", f"https://{host_header}"}


class Door:
    """Knows the token, and the browser sessions that were opened with it.

    The right token always opens: wrong guesses by anybody on the machine must not lock an operator
    out of the kill. The token has 256 bits, so the limit on guesses guards the log, not the token.
    """

    def __init__(
        self,
        token: str,
        *,
        monotonic_ns: Callable[[], int],
        refused_max: int = 10,
        window_ns: int = 60 * _SECOND_NS,
    ) -> None:
        """Look at `refused_max` refusals of one cause in `window_ns`; more are only counted."""
        self._token = token.encode()
        self._monotonic_ns = monotonic_ns
        self._refused_max = refused_max
        self._window_ns = window_ns
        self._refused_at_ns: dict[str, deque[int]] = {}
        self._suppressed: dict[str, int] = {}
        self._sessions: deque[bytes] = deque(maxlen=_SESSIONS_MAX)

    def opens(self, token: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self._token)

    def new_session(self) -> str:
        """A cookie that stands for the token until the trader ends; the oldest of 16 gives way."""
        session = secrets.token_urlsafe(32)
        self._sessions.append(session.encode())
        return session

    def knows_session(self, cookie: str) -> bool:
        """Whether the cookie was given out by this process."""
        given = cookie.encode("utf-8", "replace")
        return any(hmac.compare_digest(given, session) for session in self._sessions)

    def note_refused(self, cause: str) -> int | None:
        """Count an attempt that is being turned away for `cause`.

        Returns:
            How many were counted silently before this one; None when there were too many in the
            window, and this one is only counted too.
        """
        now_ns = self._monotonic_ns()
        at_ns = self._refused_at_ns.setdefault(cause, deque())
        while at_ns and now_ns - at_ns[0] >= self._window_ns:
            at_ns.popleft()
        if len(at_ns) >= self._refused_max:
            self._suppressed[cause] = self._suppressed.get(cause, 0) + 1
            return None
        at_ns.append(now_ns)
        return self._suppressed.pop(cause, 0)

    def retry_after_s(self, cause: str) -> int:
        """Seconds until the next attempt of this kind is looked at again."""
        at_ns = self._refused_at_ns.get(cause)
        if not at_ns:
            return 1
        left_ns = at_ns[0] + self._window_ns - self._monotonic_ns()
        return max(1, -(-left_ns // _SECOND_NS))
