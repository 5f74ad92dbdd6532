"""The operator port: kills, controls, events, health and metrics, served inside the trader.

It listens on loopback only, and asks for the token of `operator.token` for everything that acts or
tells about trades. What it lets in goes to the trader through `TraderPort`; it decides nothing.
"""

import asyncio
import os
import secrets
import signal
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson
import structlog
from aiohttp import WSCloseCode, web
from prometheus_client import CONTENT_TYPE_LATEST

from actors import operator_pages as pages
from actors.operator_address import OperatorAddress, bind, remove_address
from actors.operator_desk import Act, Desk
from actors.operator_door import Door, is_local_host, is_own_origin, load_token, require_loopback
from actors.operator_metrics import Metrics
from actors.operator_socket import OperatorSocket
from actors.operator_words import (
    MESSAGE_BYTES_MAX,
    Accepted,
    Answer,
    ControlMessage,
    KillLevel,
    KillMessage,
    KillRequest,
    ReconcileMessage,
    RefusalReport,
    Refused,
    RefusedAttempt,
    ResumeMessage,
    TraderPort,
)
from trading.controls import CONTROLS, ControlRefusedError, parse_control
from trading.run_options import HELD_SIGNALS

_COOKIE: Final = "holdfast_session"
_SOCKET_BYTES_MAX: Final = 1 << 20
_WAIT_DEFAULT_S: Final = 10.0
_WAIT_MAX_S: Final = 60.0
_OPEN_PATHS: Final = frozenset({"/health", "/metrics", "/kill"})

_log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSettings:
    """Where to listen: `port` 0 takes any free one; a taken port gives way to the next free."""

    data_dir: Path
    run: str
    host: str = "127.0.0.1"
    port: int = 0
    wait_s: float = _WAIT_DEFAULT_S


class OperatorServer:
    """The operator port of one trader."""

    def __init__(
        self,
        trader: TraderPort,
        settings: OperatorSettings,
        *,
        wall_ns: Callable[[], int],
        monotonic_ns: Callable[[], int],
    ) -> None:
        """Read or make the token; nothing listens yet.

        Raises:
            SafetyRefusedError: When asked to listen beyond loopback.
            SetupError: When the token's file is not fit.
        """
        require_loopback(settings.host)
        self._trader = trader
        self._settings = settings
        self._wall_ns = wall_ns
        self._door = Door(load_token(settings.data_dir), monotonic_ns=monotonic_ns)
        self._desk = Desk(trader)
        self._metrics = Metrics(trader)
        self._sockets: weakref.WeakSet[web.WebSocketResponse] = weakref.WeakSet()
        self._runner: web.AppRunner | None = None

    # --- life ----------------------------------------------------------------------------------

    async def start(self) -> int:
        """Listen, write `operator.json`, and say at which port.

        Raises:
            SetupError: When no port is free.
        """
        listening = bind(self._settings.host, self._settings.port)
        port: int = listening.getsockname()[1]
        self._runner = web.AppRunner(
            self._application(), access_log=None, handle_signals=False, shutdown_timeout=1.0
        )
        await self._runner.setup()
        await web.SockSite(self._runner, listening).start()
        OperatorAddress(
            host=self._settings.host,
            port=port,
            pid=os.getpid(),
            run=self._settings.run,
            started_ns=self._wall_ns(),
        ).write(self._settings.data_dir)
        return port

    async def stop(self) -> None:
        """Close what is open and listen no more; safe to repeat."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        await runner.cleanup()
        remove_address(self._settings.data_dir)

    async def _close_sockets(self, _app: web.Application) -> None:
        # A handler that still waits when the loop ends raises in it (seen with aiohttp 3.14).
        for open_socket in set(self._sockets):
            await open_socket.close(code=WSCloseCode.GOING_AWAY, message=b"the trader ends")

    def routes(self) -> list[tuple[str, str]]:
        """Method and path of everything that is served."""
        return sorted(
            (route.method, route.resource.canonical)
            for route in self._application().router.routes()
            if route.resource is not None and route.method != "HEAD"
        )

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=MESSAGE_BYTES_MAX)
        app.on_shutdown.append(self._close_sockets)
        app.add_routes(
            [
                web.get("/operator", self._operator),
                web.post("/api/kill", self._api_kill),
                web.post("/api/resume", self._api_resume),
                web.post("/api/reconcile", self._api_reconcile),
                web.get("/api/controls", self._api_controls),
                web.post("/api/controls", self._api_set_control),
                web.get("/api/status", self._api_status),
                web.post("/api/strategies/rescan", self._api_rescan),
                web.post("/api/refusals", self._api_refusals),
                web.get("/health", self._health),
                web.get("/metrics", self._render_metrics),
                web.get("/kill", self._kill_form),
                web.post("/kill", self._kill_post),
            ]
        )
        return app

    # --- the door ------------------------------------------------------------------------------

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_local_host(request.host):
            return self._turn_away(request, "HOST", HTTPStatus.FORBIDDEN, "host must be loopback")
        if not is_own_origin(request.headers.get("Origin"), request.host):
            text = "pages of another origin may not ask"
            return self._turn_away(request, "ORIGIN", HTTPStatus.FORBIDDEN, text)
        if request.path not in _OPEN_PATHS and not self._door.opens(_bearer(request)):
            text = "send the header Authorization: Bearer TOKEN, with the token of operator.token"
            return self._turn_away(request, "TOKEN", HTTPStatus.UNAUTHORIZED, text)
        try:
            return await handler(request)
        except web.HTTPException as error:
            return _error(HTTPStatus(error.status), error.reason)
        except Exception as error:  # noqa: BLE001  one request's fault is not the trader's
            _log.exception("operator port failed", path=request.path)
            return _error(HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(error).__name__}, see the log")

    def _turn_away(
        self, request: web.Request, cause: str, status: HTTPStatus, text: str
    ) -> web.Response:
        is_few = self._report(request, cause)
        if status is HTTPStatus.UNAUTHORIZED and not is_few:
            response = _error(HTTPStatus.TOO_MANY_REQUESTS, "too many wrong tokens")
            response.headers["Retry-After"] = str(self._door.retry_after_s(cause))
            return response
        response = _error(status, text)
        if status is HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    def _report(self, request: web.Request, cause: str) -> bool:
        """Count, and journal it unless there were many just now; whether it was journaled."""
        self._metrics.count_refused(cause)
        suppressed = self._door.note_refused(cause)
        if suppressed is None:
            return False
        attempt = RefusedAttempt(
            cause=cause,
            path=request.path[:100],
            remote=request.remote or "",
            suppressed=suppressed,
        )
        try:
            self._trader.report_refused(attempt)
        except Exception:  # noqa: BLE001  a full record must not change who is let in
            _log.exception("a refusal was not journaled", cause=cause)
        return True

    # --- websocket -----------------------------------------------------------------------------

    async def _operator(self, request: web.Request) -> web.StreamResponse:
        client = web.WebSocketResponse(heartbeat=30.0, max_msg_size=_SOCKET_BYTES_MAX)
        await client.prepare(request)
        self._sockets.add(client)
        served = OperatorSocket(
            client, self._trader, self._desk, lambda: _ignore(self._report(request, "MALFORMED"))
        )
        await served.serve()
        return client

    # --- REST ----------------------------------------------------------------------------------

    async def _api_kill(self, request: web.Request) -> web.Response:
        return await self._act(request, KillMessage, "kill")

    async def _api_resume(self, request: web.Request) -> web.Response:
        return await self._act(request, ResumeMessage, "resume")

    async def _api_set_control(self, request: web.Request) -> web.Response:
        return await self._act(request, ControlMessage, "control")

    async def _api_reconcile(self, request: web.Request) -> web.Response:
        return await self._act(request, ReconcileMessage, "reconcile")

    async def _act(self, request: web.Request, kind: type[Act], tag: str) -> web.Response:
        """Take one request; without an id it is given one, so it is then a new one each time."""
        text = await request.read()
        try:
            body = orjson.loads(text)
            if not isinstance(body, dict):
                return self._bad_request(request, "the body must be a JSON object")
            act = msgspec.convert({"id": f"rest-{secrets.token_hex(8)}", **body, "type": tag}, kind)
            if isinstance(act, ControlMessage):
                parse_control(act.name, act.value)
        except ControlRefusedError as error:
            return _control_refused(error)
        except (ValueError, msgspec.ValidationError) as error:
            return self._bad_request(request, f"{error}; expected {_BODY[tag]}")
        ticket = self._desk.take(act, "rest")
        return _answered(act.id, await ticket.last_answer(self._wait_s(request)))

    def _wait_s(self, request: web.Request) -> float:
        try:
            wait_s = float(request.query.get("wait_s", self._settings.wait_s))
        except ValueError:
            return self._settings.wait_s
        return min(wait_s, _WAIT_MAX_S) if wait_s >= 0 else 0.0

    def _bad_request(self, request: web.Request, text: str) -> web.Response:
        self._report(request, "MALFORMED")
        return _error(HTTPStatus.BAD_REQUEST, text)

    async def _api_controls(self, _request: web.Request) -> web.Response:
        return _json({"controls": self._trader.controls()})

    async def _api_status(self, _request: web.Request) -> web.Response:
        return _json(self._trader.status())

    async def _api_rescan(self, _request: web.Request) -> web.Response:
        return _json(self._trader.rescan_strategies())

    async def _api_refusals(self, request: web.Request) -> web.Response:
        """What the console turned away at its own door is journaled here (UI-9)."""
        try:
            found = msgspec.json.decode(await request.read(), type=RefusalReport)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return self._bad_request(request, str(error))
        self._metrics.count_refused(found.cause)
        self._trader.report_refused(RefusedAttempt(**msgspec.structs.asdict(found)))
        return _json({"type": "done"})

    async def _health(self, _request: web.Request) -> web.Response:
        health = self._trader.health()
        is_well = health["is_live"] and health["is_ready"]
        return _json(health, HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE)

    async def _render_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=self._metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    # --- the plain page ------------------------------------------------------------------------

    async def _kill_form(self, request: web.Request) -> web.Response:
        health = self._trader.health()
        return _page(
            pages.kill_form(
                request_id=f"page-{secrets.token_hex(8)}",
                mode=health["mode"],
                kill_level=health["kill_level"],
                is_signed_in=self._is_signed_in(request),
            )
        )

    def _is_signed_in(self, request: web.Request) -> bool:
        return self._door.knows_session(request.cookies.get(_COOKIE, ""))

    async def _kill_post(self, request: web.Request) -> web.Response:
        form = await request.post()
        # A cookie alone is not enough: the page must also say that it is ours.
        by_cookie = self._is_signed_in(request) and "Origin" in request.headers
        if not by_cookie and not self._door.opens(str(form.get("token", ""))):
            is_few = self._report(request, "TOKEN")
            return _page(
                pages.refusal("The token is wrong: paste that of operator.token."),
                HTTPStatus.UNAUTHORIZED if is_few else HTTPStatus.TOO_MANY_REQUESTS,
            )
        fields = {name: str(form.get(name, "")) for name in ("id", "level", "reason")}
        try:
            act = msgspec.convert(
                {**fields, "id": fields["id"] or f"page-{secrets.token_hex(8)}"}, KillMessage
            )
        except msgspec.ValidationError as error:
            self._report(request, "MALFORMED")
            text = f"{error}; the level must be PAUSE, FLATTEN or EMERGENCY"
            return _page(pages.refusal(text), HTTPStatus.BAD_REQUEST)
        ticket = self._desk.take(act, "page")
        await ticket.last_answer(self._settings.wait_s)
        response = _page(pages.kill_result(ticket.answers))
        if not by_cookie:
            response.set_cookie(
                _COOKIE, self._door.new_session(), httponly=True, samesite="Strict", path="/kill"
            )
        return response


_BODY: Final = {
    "kill": '{"id"?:TEXT,"level":"PAUSE|FLATTEN|EMERGENCY","reason"?:TEXT}',
    "resume": '{"id"?:TEXT,"reason"?:TEXT,"rearm"?:true}',
    "control": '{"id"?:TEXT,"name":TEXT,"value":JSON,"reason"?:TEXT}, name one of '
    + ", ".join(CONTROLS),
    "reconcile": '{"id"?:TEXT,"reason"?:TEXT,"adopt"?:true}',
}


def _ignore(_value: object) -> None:
    return None


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _json(value: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(
        body=orjson.dumps(value, default=str),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


def _error(status: HTTPStatus, text: str, **more: Any) -> web.Response:
    return _json({"error": text, **more}, status)


def _page(text: str, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(
        text=text, status=status, content_type="text/html", charset="utf-8", headers=pages.HEADERS
    )


def _answered(id_: str, answer: Answer | None) -> web.Response:
    match answer:
        case None:
            # Unlike "accepted": the request is with the trader and its fate is not known yet.
            return _json({"type": "pending", "id": id_}, HTTPStatus.ACCEPTED)
        case Accepted():
            return _json(answer.to_json(), HTTPStatus.ACCEPTED)
        case Refused():
            return _json(answer.to_json(), HTTPStatus.CONFLICT)
        case _:
            return _json(answer.to_json())


def _control_refused(error: ControlRefusedError) -> web.Response:
    status = HTTPStatus.NOT_FOUND if error.is_unknown else HTTPStatus.UNPROCESSABLE_ENTITY
    return _error(status, str(error), expected=error.expected)


# --------------------------------------------------------------------------------------------------
# Signals
# --------------------------------------------------------------------------------------------------

SIGNAL_LEVELS: Final = {signal.SIGUSR1: KillLevel.PAUSE, signal.SIGUSR2: KillLevel.FLATTEN}


def handle_signals(
    loop: asyncio.AbstractEventLoop, trader: TraderPort, stop: Callable[[], None]
) -> None:
    """SIGTERM and SIGINT call `stop`; SIGUSR1 pauses and SIGUSR2 flattens (KC-1).

    Each signal is a request of its own, with an id made here. What was held until now is let in.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    for number, level in SIGNAL_LEVELS.items():
        loop.add_signal_handler(number, _kill_by_signal, trader, number, level)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_SIGNALS)


def _kill_by_signal(trader: TraderPort, number: signal.Signals, level: KillLevel) -> None:
    request = KillRequest(
        id=f"signal-{secrets.token_hex(8)}",
        level=level,
        reason=f"signal {number.name}",
        by="signal",
    )
    trader.submit_kill(request, lambda answer: _log.warning("kill by signal", **answer.to_json()))
