"""The API behind the page, for the user's own programs too: /api/schema lists it (UI-13)."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web

from actors.operator_words import ControlMessage, KillMessage, ResumeMessage
from console import history, record
from console.board import Board
from console.follow import STATUS_TOPICS, Follower, TraderAwayError
from console.levels import levels
from console.post_mortem import post_mortem_of
from console.reader import RecordReader
from console.replies import json_reply
from console.report import report_html
from console.sign_in import author_of
from trading.controls import CONTROLS, parse_control

HISTORY_AT_ONCE: Final = 2
SQL_TIMEOUT_S: Final = 10.0
ANSWER_WAIT_S: Final = 12.0
_LIMIT_MAX: Final = 1000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Act = KillMessage | ResumeMessage | ControlMessage
_T = TypeVar("_T")


class _Sql(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    query: str


class Api:
    """Reads of the present from the board, of the past from the record, acts to the trader."""

    def __init__(self, data_dir: Path, board: Board, follower: Follower) -> None:
        """Take what it reads from."""
        self._data_dir = data_dir
        self._board = board
        self._follower = follower
        self._turn = asyncio.Semaphore(HISTORY_AT_ONCE)

    def routes(self) -> list[web.RouteDef]:
        """All of it; SCHEMA says what each is for."""
        topics: list[Handler] = [partial(self._topic, topic) for topic in TOPICS]
        return [
            *(web.get(f"/api/{t}", found) for t, found in zip(TOPICS, topics, strict=True)),
            web.get("/api/schema", self._schema),
            web.get("/api/state", self._state),
            web.get("/api/controls", self._controls),
            web.get("/api/trades", self._trades),
            web.get("/api/trades.csv", self._trades_csv),
            web.get("/api/equity", self._equity),
            web.get("/api/bars", self._bars),
            web.get("/api/events", self._events),
            web.get("/api/latency", self._latency),
            web.get("/api/assertions", self._assertions),
            web.get("/api/levels", self._levels),
            web.get("/api/about", self._about),
            web.get("/api/post-mortem", self._post_mortem),
            web.get("/api/post-mortem.html", self._post_mortem_html),
            web.post("/api/sql", self._sql),
            web.post("/api/kill", partial(self._act, KillMessage, "kill")),
            web.post("/api/resume", partial(self._act, ResumeMessage, "resume")),
            web.post("/api/controls", partial(self._act, ControlMessage, "control")),
        ]

    async def _read(self, work: Callable[[], _T]) -> _T:
        """In a thread, a few at a time: history must not take the machine from the trader."""
        async with self._turn:
            return await asyncio.to_thread(work)

    # --- now -----------------------------------------------------------------------------------

    async def _topic(self, topic: str, _request: web.Request) -> web.StreamResponse:
        return json_reply({topic: self._board.get(topic)})

    async def _state(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(body=self._board.snapshot(), content_type="application/json")

    async def _schema(self, _request: web.Request) -> web.StreamResponse:
        return json_reply(SCHEMA)

    async def _controls(self, _request: web.Request) -> web.StreamResponse:
        """Those in force, by the trader's word, or by the record's where no trader runs."""
        try:
            _, found = await self._follower.forward("GET", "/api/controls")
            told = found.get("controls", [])
        except TraderAwayError:
            told = await self._read(partial(record.controls, self._data_dir))
        in_force = {each["name"]: each for each in told}
        known = [
            {
                "name": name,
                "kind": str(spec.kind),
                "unit": spec.unit,
                "meaning": spec.meaning,
                "expected": spec.expected(),
                **in_force.get(name, {"value": None, "set_by": "", "set_at_ns": 0, "reason": ""}),
            }
            for name, spec in CONTROLS.items()
        ]
        return json_reply({"controls": known})

    # --- the past ------------------------------------------------------------------------------

    async def _trades(self, request: web.Request) -> web.StreamResponse:
        filters = history.parse_filters(request.query)
        found = await self._read(partial(history.trades, self._data_dir, filters))
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
        return json_reply({"trades": rows, "totals": found.totals})

    async def _trades_csv(self, request: web.Request) -> web.StreamResponse:
        query = {"limit": str(history.ROWS_MAX), **request.query}
        filters = history.parse_filters(query)
        found = await self._read(partial(history.trades, self._data_dir, filters))
        return web.Response(
            text=history.as_csv(found),
            content_type="text/csv",
            headers={"Content-Disposition": 'attachment; filename="trades.csv"'},
        )

    async def _equity(self, request: web.Request) -> web.StreamResponse:
        run = request.query.get("run", "")
        return json_reply(await self._read(partial(history.equity, self._data_dir, run)))

    async def _bars(self, request: web.Request) -> web.StreamResponse:
        instrument = request.query.get("instrument", "")
        work = partial(
            history.bars,
            self._data_dir,
            instrument,
            until_ns=int(self._board.get("now_ns") or 0),
            after_ns=_number(request, "after_ns", 0, 1 << 62),
        )
        found = await self._read(work)
        name = found.get("instrument", instrument)
        found["marks"] = await self._read(partial(history.marks, self._data_dir, name))
        return json_reply(found)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        work = partial(
            history.events,
            self._data_dir,
            words=request.query.get("q", "")[:200],
            kind=request.query.get("kind", "")[:100],
            stream=request.query.get("stream", "")[:200],
            limit=_number(request, "limit", 200, _LIMIT_MAX),
        )
        return json_reply(await self._read(work))

    async def _latency(self, _request: web.Request) -> web.StreamResponse:
        return json_reply({"latency": await self._read(partial(history.latency, self._data_dir))})

    async def _assertions(self, _request: web.Request) -> web.StreamResponse:
        found = await self._read(partial(history.assertions, self._data_dir))
        return json_reply({"assertions": found})

    async def _levels(self, _request: web.Request) -> web.StreamResponse:
        return json_reply({"levels": await self._read(partial(levels, self._data_dir))})

    async def _about(self, _request: web.Request) -> web.StreamResponse:
        return json_reply(await self._read(partial(history.about, self._data_dir)))

    async def _post_mortem(self, request: web.Request) -> web.StreamResponse:
        return json_reply(await self._explained(request))

    async def _post_mortem_html(self, request: web.Request) -> web.StreamResponse:
        """The same file that `holdfast post-mortem --html` writes; the page shows it in a frame."""
        found = await self._explained(request)
        text = await self._read(partial(report_html, found))
        reply = web.Response(text=text, content_type="text/html", charset="utf-8")
        if request.query.get("download"):
            name = "".join(c if c.isalnum() or c in "-_." else "-" for c in str(found["about"]))
            reply.headers["Content-Disposition"] = f'attachment; filename="{name}.html"'
        return reply

    async def _explained(self, request: web.Request) -> dict[str, Any]:
        asked = request.query.get("about", "")
        run = request.query.get("run") or None
        if not asked:
            raise msgspec.ValidationError("expected ?about=ORDER, TRADE or yyyy-mm-dd")

        def work() -> dict[str, Any]:
            with RecordReader(self._data_dir) as reader:
                return post_mortem_of(reader, asked, run)

        return await self._read(work)

    async def _sql(self, request: web.Request) -> web.StreamResponse:
        from storage.warehouse import run_sql  # noqa: PLC0415  DuckDB takes long to load

        asked = msgspec.json.decode(await request.read(), type=_Sql)
        work = partial(run_sql, self._data_dir, asked.query, timeout_s=SQL_TIMEOUT_S)
        found = await self._read(work)
        return json_reply({"columns": found.columns, "rows": found.rows[: history.ROWS_MAX]})

    # --- acts ----------------------------------------------------------------------------------

    async def _act(self, kind: type[_Act], tag: str, request: web.Request) -> web.StreamResponse:
        """Pass a request on; it is answered when the trader has done it, or after 12 s as it is."""
        body = msgspec.json.decode(await request.read(), type=dict[str, Any])
        act = msgspec.convert({"id": f"console-{secrets.token_hex(8)}", **body, "type": tag}, kind)
        if isinstance(act, ControlMessage):
            parse_control(act.name, act.value)
        answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        message = {**msgspec.to_builtins(act), "by": author_of(request)}
        await self._follower.ask(message, answers.put_nowait)
        answer: dict[str, Any] = {"type": "pending", "id": act.id}
        try:
            async with asyncio.timeout(ANSWER_WAIT_S):
                answer = await answers.get()
                while answer["type"] == "accepted":
                    answer = await answers.get()
        except TimeoutError:
            pass
        return json_reply(answer, _STATUS.get(answer["type"], HTTPStatus.ACCEPTED))


def _number(request: web.Request, name: str, default: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or int(text) > most:
        raise msgspec.ValidationError(f"{name} must be a whole number to {most}; was {text[:50]!r}")
    return int(text)


_STATUS: Final = {
    "done": HTTPStatus.OK,
    "refused": HTTPStatus.CONFLICT,
    "unknown": HTTPStatus.SERVICE_UNAVAILABLE,
}
TOPICS: Final = ("run", "trader", "account", *STATUS_TOPICS, "health", "runtime", "alerts")
SCHEMA: Final = {
    "authentication": "Authorization: Bearer TOKEN, or the page's cookie with Origin and "
    "X-Csrf-Token for changes",
    "topics": {f"/api/{topic}": "GET: as it is now" for topic in TOPICS},
    "reads": {
        "/api/state": "all topics and the newest events, with a sequence number",
        "/api/controls": "runtime controls: value, what each takes, who set it",
        "/api/trades": "run strategy instrument first last mode outcome=won|lost reason sort "
        "descending limit",
        "/api/trades.csv": "the same as CSV",
        "/api/equity": "run: value after each trade, P&L by strategy",
        "/api/bars": "instrument after_ns: bars of the session up to now, VWAP, fills",
        "/api/events": "q kind stream limit: journaled events, newest first",
        "/api/latency": "histograms of the order path",
        "/api/assertions": "what was violated in the run: how often, when last, with which values",
        "/api/levels": "stops and targets of the run: planned, moved, reached; newest first",
        "/api/about": "runs, sessions and trades there are",
        "/api/post-mortem": "about=ORDER|TRADE|yyyy-mm-dd run",
        "/api/post-mortem.html": "the same as one page; download=1 saves it",
    },
    "changes": {
        "POST /api/kill": '{"id"?,"level":"PAUSE|FLATTEN|EMERGENCY","reason"?}',
        "POST /api/resume": '{"id"?,"reason"?,"rearm"?}',
        "POST /api/controls": '{"id"?,"name","value","reason"?}',
        "POST /api/sql": '{"query"}: one SELECT over the documented views',
    },
    "websocket": {
        "/ws": 'send {"type":"hello","epoch","seq"}; get snapshot, then delta (seq, since, topics, '
        "events), beat and answer"
    },
}
