"""The operator's console over HTTP: the page, the API behind it, one websocket, one origin (UI-13).

It shows what the trader and the record say and passes on what a person asks; it decides nothing.
Everything but the page itself, signing in and `/kill` asks for a session or the operator's token.
"""

from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import WSCloseCode, web

from actors.operator_words import MESSAGE_BYTES_MAX
from console.api import Api
from console.board import Board
from console.follow import Follower
from console.guard import HEADERS, Guard
from console.push import Page
from console.replies import error as error_reply
from console.replies import json_reply, page_reply
from console.sign_in import COOKIE, SESSION, SESSION_S, SignIn, author_of

# Above what a message may have, so that one which is too long is answered and journaled, not cut.
SOCKET_BYTES_MAX: Final = 16 * MESSAGE_BYTES_MAX
STATIC_DIR: Final = Path(__file__).resolve().parent / "static"


@dataclass(slots=True)
class Console:
    """The parts that requests share."""

    data_dir: Path
    sign_in: SignIn
    board: Board
    follower: Follower
    static_dir: Path = STATIC_DIR
    sockets: set[web.WebSocketResponse] = field(default_factory=set)


class ConsoleApp:
    """Routes and the guard before them."""

    def __init__(self, console: Console) -> None:
        """Take the parts."""
        self._console = console
        self._api = Api(console.data_dir, console.board, console.follower)
        self._guard = Guard(console.sign_in, console.follower)

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(
            middlewares=[self._guard.middleware], client_max_size=MESSAGE_BYTES_MAX
        )
        app.on_shutdown.append(self._close_sockets)
        app.add_routes(
            [
                web.get("/", self._index),
                web.get("/assets/{name}", self._asset),
                web.get("/kill", self._kill),
                web.get("/health", self._health),
                web.get("/ws", self._ws),
                web.get("/api/session", self._session),
                web.post("/api/session", self._begin_session),
                web.delete("/api/session", self._end_session),
                web.post("/api/session/code", self._new_code),
                *self._api.routes(),
            ]
        )
        return app

    # --- the page ------------------------------------------------------------------------------

    async def _index(self, _request: web.Request) -> web.StreamResponse:
        index = self._console.static_dir / "index.html"
        if not index.is_file():
            return page_reply(_NOT_BUILT, HTTPStatus.SERVICE_UNAVAILABLE)
        return web.FileResponse(index, headers={**HEADERS, "Cache-Control": "no-cache"})

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        folder = (self._console.static_dir / "assets").resolve()
        found = (folder / request.match_info["name"]).resolve()
        if found.parent != folder or not found.is_file():
            raise web.HTTPNotFound
        kept = {"Cache-Control": "public, max-age=31536000, immutable"}
        return web.FileResponse(found, headers={**HEADERS, **kept})

    async def _kill(self, _request: web.Request) -> web.StreamResponse:
        """The trader serves that page itself, so that it needs neither scripts nor the console."""
        link = self._console.board.get("trader") or {}
        if link.get("state") in {"live", "silent"} and link.get("kill_url"):
            return web.Response(
                status=HTTPStatus.TEMPORARY_REDIRECT, headers={"Location": link["kill_url"]}
            )
        return page_reply(_NO_TRADER, HTTPStatus.SERVICE_UNAVAILABLE)

    async def _health(self, _request: web.Request) -> web.Response:
        link = self._console.board.get("trader") or {}
        return json_reply({"is_live": True, "trader": link.get("state", "connecting")})

    async def _ws(self, request: web.Request) -> web.StreamResponse:
        if "Origin" not in request.headers and SESSION in request:
            return self._guard.turn_away(request, "ORIGIN", HTTPStatus.FORBIDDEN, _NO_ORIGIN)
        socket = web.WebSocketResponse(heartbeat=20.0, max_msg_size=SOCKET_BYTES_MAX)
        await socket.prepare(request)
        console = self._console
        console.sockets.add(socket)
        try:
            page = Page(
                socket,
                console.board,
                console.follower,
                author_of(request),
                malformed=lambda: self._guard.note(request, "MALFORMED"),
            )
            await page.serve()
        finally:
            console.sockets.discard(socket)
        return socket

    async def _close_sockets(self, _app: web.Application) -> None:
        for socket in set(self._console.sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the console ends")

    # --- signing in ----------------------------------------------------------------------------

    async def _session(self, request: web.Request) -> web.Response:
        session = self._console.sign_in.session(request.cookies.get(COOKIE, ""))
        if session is None:
            return json_reply({"is_signed_in": False})
        return json_reply(
            {
                "is_signed_in": True,
                "name": session.name,
                "csrf": session.csrf,
                "until_ns": session.until_ns,
            }
        )

    async def _begin_session(self, request: web.Request) -> web.Response:
        if "Origin" not in request.headers:
            return self._guard.turn_away(request, "ORIGIN", HTTPStatus.FORBIDDEN, _NO_ORIGIN)
        asked = msgspec.json.decode(await request.read() or b"{}", type=_SignInBody)
        cookie = self._console.sign_in.take(token=asked.token.strip(), code=asked.code)
        if cookie is None:
            text = (
                "that link was used before; paste the token of operator.token"
                if asked.code
                else "the token is wrong: paste that of operator.token in the data directory"
            )
            return self._guard.turn_away(request, "TOKEN", HTTPStatus.UNAUTHORIZED, text)
        response = json_reply({"is_signed_in": True})
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=SESSION_S,
            httponly=True,
            samesite="Strict",
            secure=request.secure,
            path="/",
        )
        return response

    async def _end_session(self, _request: web.Request) -> web.Response:
        response = json_reply({"is_signed_in": False})
        response.del_cookie(COOKIE, path="/")
        return response

    async def _new_code(self, request: web.Request) -> web.Response:
        """For `holdfast console`: a link that opens once."""
        if SESSION in request:
            return error_reply(HTTPStatus.FORBIDDEN, "codes are made for the token only")
        return json_reply({"code": self._console.sign_in.new_code()})


class _SignInBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: str = ""
    code: str = ""


_NO_ORIGIN: Final = "a page of this console is expected to ask, with its Origin"
_NOT_BUILT: Final = """<h1>The page is not built</h1>
<p>Build it with <code>make web</code> (needs Node 20.19 or newer), then load this page again.
Trading does not depend on it. <a href="/kill">Stop trading here</a>, or run
<code>holdfast kill FLATTEN</code>.</p>"""
_NO_TRADER: Final = """<h1>No trader runs</h1>
<p>The console finds no trader on this data directory. <code>holdfast kill FLATTEN</code> latches
the level, so that the next trader starts killed; <code>holdfast status</code> shows what
stands.</p>"""
