"""Before every request to the console: who asks, from where; after it: what an error is told as."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from aiohttp import web

from actors.operator_door import is_local_host, is_own_origin
from actors.operator_words import MESSAGE_BYTES_MAX
from console.follow import Follower, TraderAwayError
from console.replies import error as error_reply
from console.sign_in import COOKIE, SESSION, Session, SignIn
from storage.errors import RecordError
from trading.controls import ControlRefusedError
from trading.errors import SetupError

OPEN_PATHS: Final = frozenset({"/api/session", "/api/schema", "/health"})
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_BAD_INPUT: Final = frozenset({400, 404, 413, 422})
_log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BODIES: Final = {
    "/api/kill": '{"level":"PAUSE|FLATTEN|EMERGENCY","reason":TEXT}',
    "/api/resume": '{"reason":TEXT,"rearm":true|false}',
    "/api/controls": '{"name":TEXT,"value":VALUE,"reason":TEXT}',
    "/api/session": '{"token":TEXT} or {"code":TEXT}',
    "/api/sql": '{"query":TEXT}',
}
"""What each change takes, for whoever sent something else."""


class Guard:
    """Lets requests in, or turns them away and has the trader journal it (UI-9)."""

    def __init__(self, sign_in: SignIn, follower: Follower) -> None:
        """Know the sessions, and who keeps the journal."""
        self._sign_in = sign_in
        self._follower = follower
        self._reports: set[asyncio.Task[Any]] = set()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Look at a request, let it be handled, and dress the answer."""
        response: web.StreamResponse | None = self._foreign(request) or self._unknown(request)
        if response is None:
            try:
                response = await handler(request)
            except Exception as found:  # noqa: BLE001  one request's fault is not the console's
                response = _told(request, found)
            if request.method not in {"GET", "HEAD"} and response.status in _BAD_INPUT:
                self.note(request, "MALFORMED")
        if not response.prepared:
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
        return response

    def _foreign(self, request: web.Request) -> web.Response | None:
        if not is_local_host(request.host):
            return self.turn_away(request, "HOST", HTTPStatus.FORBIDDEN, "host must be loopback")
        if not is_own_origin(request.headers.get("Origin"), request.host):
            text = "pages of another origin may not ask"
            return self.turn_away(request, "ORIGIN", HTTPStatus.FORBIDDEN, text)
        return None

    def _unknown(self, request: web.Request) -> web.Response | None:
        """Who is neither signed in nor has the token; a change also needs the page's own mark."""
        path = request.path
        if path in OPEN_PATHS or not (path.startswith("/api/") or path == "/ws"):
            return None
        if self._sign_in.door.opens(_bearer(request)):
            return None
        session = self._sign_in.session(request.cookies.get(COOKIE, ""))
        if session is None:
            text = "sign in, or send the header Authorization: Bearer TOKEN of operator.token"
            if "Authorization" in request.headers or COOKIE in request.cookies:
                return self.turn_away(request, "TOKEN", HTTPStatus.UNAUTHORIZED, text)
            return error_reply(HTTPStatus.UNAUTHORIZED, text)
        if request.method not in {"GET", "HEAD"} and not _is_own_act(request, session):
            text = "a change needs the page's own Origin and its X-Csrf-Token; load the page again"
            return self.turn_away(request, "ORIGIN", HTTPStatus.FORBIDDEN, text)
        request[SESSION] = session
        return None

    def turn_away(
        self, request: web.Request, cause: str, status: HTTPStatus, text: str
    ) -> web.Response:
        """Refuse, journal the first ten of a cause in a minute, and slow down who guesses."""
        if not self.note(request, cause) and status is HTTPStatus.UNAUTHORIZED:
            wait_s = self._sign_in.door.retry_after_s(cause)
            response = error_reply(
                HTTPStatus.TOO_MANY_REQUESTS, f"too many wrong tokens; wait {wait_s} s"
            )
            response.headers["Retry-After"] = str(wait_s)
            return response
        return error_reply(status, text)

    def note(self, request: web.Request, cause: str) -> bool:
        """Have an attempt journaled; False when there were ten of its cause in this minute."""
        suppressed = self._sign_in.door.note_refused(cause)
        if suppressed is None:
            return False
        report = asyncio.create_task(self._report(request, cause, suppressed))
        self._reports.add(report)
        report.add_done_callback(self._reports.discard)
        return True

    async def _report(self, request: web.Request, cause: str, suppressed: int) -> None:
        """Have the trader journal it; without a trader the console's own log has to do."""
        attempt = {
            "cause": cause,
            "path": f"console:{request.path}"[:100],
            "remote": request.remote or "",
            "suppressed": suppressed,
        }
        try:
            await self._follower.forward("POST", "/api/refusals", attempt)
        except TraderAwayError:
            _log.warning("turned away", **attempt)


def _http_text(request: web.Request, found: web.HTTPException) -> str:
    """What was expected instead."""
    match found:
        case web.HTTPRequestEntityTooLarge():
            return f"at most {MESSAGE_BYTES_MAX} bytes are expected, this request has more"
        case web.HTTPMethodNotAllowed():
            return f"expected {' or '.join(sorted(found.allowed_methods))}, found {found.method}"
        case web.HTTPNotFound():
            return f"there is no {request.path}; GET /api/schema lists what there is"
        case _:
            return found.reason


def _told(request: web.Request, found: Exception) -> web.Response:
    """An error as the one who asked can use it."""
    match found:
        case web.HTTPException():
            return error_reply(HTTPStatus(found.status), _http_text(request, found))
        case ControlRefusedError():
            status = HTTPStatus.NOT_FOUND if found.is_unknown else HTTPStatus.UNPROCESSABLE_ENTITY
            return error_reply(status, str(found), expected=found.expected)
        case TraderAwayError() | OSError():
            return error_reply(HTTPStatus.SERVICE_UNAVAILABLE, str(found))
        case msgspec.DecodeError() | UnicodeDecodeError() | SetupError():
            is_body = not isinstance(found, SetupError)
            expected = f"; expected {BODIES.get(request.path, 'JSON')}" if is_body else ""
            return error_reply(HTTPStatus.BAD_REQUEST, f"{found}{expected}")
        case RecordError():
            return error_reply(HTTPStatus.SERVICE_UNAVAILABLE, str(found))
        case _:
            _log.error("the console failed", path=request.path, exc_info=found)
            text = f"{type(found).__name__}, see console-output.txt"
            return error_reply(HTTPStatus.INTERNAL_SERVER_ERROR, text)


def _is_own_act(request: web.Request, session: Session) -> bool:
    sent = request.headers.get("X-Csrf-Token", "")
    return "Origin" in request.headers and secrets.compare_digest(
        sent.encode("utf-8", "replace"), session.csrf.encode()
    )


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
