"""Two servers on loopback: the venue's own, whose answers suffer the faults, and the admin's."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from aiohttp import web

from brokers.sim.audit import Asked
from brokers.sim.core import Core
from brokers.sim.faults import Kind, Rule
from brokers.sim.hub import Hub
from brokers.sim.spoil import spoilt

HOST: Final = "127.0.0.1"
_LOOK_S: Final = 0.01
_BODY_MAX: Final = 2 << 20
_NO_LINGER: Final = struct.pack("ii", 1, 0)
# Set in an answer of success that changed nothing: a refusal with HTTP 200, a preview.
NOTHING_BOOKED: Final = web.ResponseKey("nothing_booked", bool)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Wire(Protocol):
    """A venue's routes; one for each venue."""

    @property
    def core(self) -> Core:
        """Its inside, the present one."""

    def router(self, app: web.Application) -> None:
        """Register its routes."""

    async def answer(self, request: web.Request, handler: Handler) -> web.Response:
        """Check keys and rate, call the handler, and put errors into the venue's words."""

    def error(self, status: int) -> web.Response:
        """What the venue answers when it breaks."""

    async def told(self) -> None:
        """Wait until the streams have been written what was told."""

    def look(self) -> bool:
        """Do what is due; whether the server must restart."""

    def cut(self) -> None:
        """Close every stream."""

    @property
    def down_s(self) -> float:
        """How long a restart takes."""


class VenueServer:
    """Serves a venue until it is stopped, through any number of its restarts."""

    def __init__(self, wire: Wire, port: int) -> None:
        """Nothing listens yet.

        Args:
            wire: The venue's routes.
            port: 0 for any that is free.
        """
        self._wire = wire
        self.port = port
        self._runner: web.AppRunner | None = None
        self._task: asyncio.Task[None] | None = None
        self.restarts = 0

    async def start(self) -> None:
        """Listen, and begin to look at the clock."""
        await self._listen()
        self._task = asyncio.create_task(self._run())

    async def _listen(self) -> None:
        app = web.Application(middlewares=[self._gate], client_max_size=_BODY_MAX)
        self._wire.router(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _run(self) -> None:
        while True:
            if self._wire.look():
                await self.restart(self._wire.down_s)
            await asyncio.sleep(_LOOK_S)

    async def restart(self, down_s: float) -> None:
        """Break every connection, be away for a while, and come back with the same book."""
        await self._close()
        await asyncio.sleep(down_s)
        await self._listen()
        self.restarts += 1

    async def _close(self) -> None:
        self._wire.cut()
        if self._runner is not None:
            await self._runner.cleanup()

    async def stop(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._close()

    # --- one request ------------------------------------------------------------------------------

    @web.middleware
    async def _gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        core = self._wire.core
        core.pump()
        if request.headers.get("Upgrade", "").lower() == "websocket":
            entry = core.audit.begin(core.now_ns(), _asked(request, query=""), b"")
            entry.status, entry.verdict = 101, "stream"
            return await handler(request)
        body = await request.read()
        entry = core.audit.begin(core.now_ns(), _asked(request, query=request.query_string), body)
        rules = core.faults.take(Kind.REQUEST, f"{request.method} {request.path}")
        verbs = {rule.verb: rule for rule in rules}
        early = await self._before(request, verbs)
        if early is not None:
            entry.status, entry.verdict = early.status, "/".join(verbs)
            return early
        response = await self._wire.answer(request, handler)
        is_idle = response.get(NOTHING_BOOKED, False)
        entry.booked = response.status < 400 and not is_idle  # noqa: PLR2004 - the errors begin there
        entry.verdict = "/".join(verbs) or ("answered" if entry.booked else "refused")
        response = await self._after(request, response, verbs)
        entry.status = 0 if "accept_then_drop" in verbs else response.status
        if "accept_then_drop" not in verbs:
            with contextlib.suppress(ConnectionResetError):  # whoever asked has left meanwhile
                await response.prepare(request)
                await response.write_eof()
        self._wire.core.pump()
        return response

    async def _before(self, request: web.Request, verbs: dict[str, Rule]) -> web.Response | None:
        if (rule := verbs.get("delay")) and rule.settings["when"] == "before":
            await asyncio.sleep(rule.settings["ms"] / 1000)
            self._wire.core.pump()
        if "drop_request" in verbs:
            _break(request, "close")
            return web.Response(status=500)
        if rule := verbs.get("refuse"):
            return self._wire.error(rule.settings["status"])
        return None

    async def _after(
        self, request: web.Request, response: web.Response, verbs: dict[str, Rule]
    ) -> web.Response:
        if rule := verbs.get("event_before_response"):
            self._wire.core.pump()
            await self._wire.told()
            await asyncio.sleep(rule.settings["ms"] / 1000)
        if (rule := verbs.get("delay")) and rule.settings["when"] == "after":
            await asyncio.sleep(rule.settings["ms"] / 1000)
        if rule := verbs.get("accept_then_status"):
            return self._wire.error(rule.settings["status"])
        if rule := verbs.get("malformed"):
            return spoilt(response, rule.settings["how"])
        if rule := verbs.get("accept_then_drop"):
            self._wire.core.pump()
            await _lose(request, rule.settings["how"])
        return response


def routes_of(wire: Wire) -> dict[str, str]:
    """Every route that a venue serves, streams too, and what it answers.

    Such as `GET /v2/orders/{order_id}`: One order.
    """
    app = web.Application()
    wire.router(app)
    found = {
        f"{route.method} {route.resource.canonical}": _meaning(route.handler)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    return dict(sorted(found.items()))


def _meaning(handler: Any) -> str:
    """What a handler says of itself, in a line; a stream's hub says what it tells of."""
    hub = getattr(handler, "__self__", None)
    if isinstance(hub, Hub):
        return f"Websocket, {hub.tells}"
    return str(handler.__doc__ or "").partition("\n")[0]


def _asked(request: web.Request, *, query: str) -> Asked:
    """What the audit keeps of a request's first line; the query of a stream may hold its key."""
    resource = request.match_info.route.resource
    route = "" if resource is None else f"{request.method} {resource.canonical}"
    return Asked(method=request.method, path=request.path, query=query, route=route)


async def _lose(request: web.Request, how: str) -> None:
    if how != "hang":
        _break(request, how)
        return
    # aiohttp tells a handler nothing of a client that has gone.
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_S)


def _break(request: web.Request, how: str) -> None:
    transport = request.transport
    if transport is None:
        return
    if how == "reset":
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
