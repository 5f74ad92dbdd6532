"""Follows one trader through its operator port, and keeps the board as it is (UI-8).

One connection, one question at a time, whatever the number of pages: what it costs the trader does
not depend on who looks. When the trader ends or is restarted, it is found again by `operator.json`.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
import structlog

from actors.operator_address import OperatorAddress, read_address
from console.board import Board
from console.reader import RecordReader
from console.timeline import told
from console.urgency import severity_of
from storage.errors import NoRecordError

POLL_S: Final = 0.25
POLL_LEAST_S: Final = 0.1
RUNTIME_EVERY: Final = 4
LOOK_AGAIN_S: Final = 0.3
ANSWER_LIMIT_S: Final = 3.0
EVENTS_AT_START: Final = 200
STATUS_TOPICS: Final = (
    "positions",
    "orders",
    "strategies",
    "protections",
    "prices",
    "windows",
    "counts",
)
"""Parts of the trader's status that are topics of their own."""

AnswerSink = Callable[[dict[str, Any]], None]
_log = structlog.get_logger(__name__)


class TraderAwayError(Exception):
    """No connection to the trader now."""


class Follower:
    """The console's one connection to the trader."""

    def __init__(self, data_dir: Path, token: str, board: Board) -> None:
        """Nothing is connected yet."""
        self._data_dir = data_dir
        self._headers = {"Authorization": f"Bearer {token}"}
        self._board = board
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._sinks: dict[str, AnswerSink] = {}
        self._poke = asyncio.Event()
        self._heads: dict[str, int] = {}
        self._run = ""
        self.address: OperatorAddress | None = None
        self.heard_at_s = 0.0

    async def run(self) -> None:
        """For ever; cancel it to stop."""
        async with aiohttp.ClientSession(
            headers=self._headers, timeout=aiohttp.ClientTimeout(total=ANSWER_LIMIT_S)
        ) as self._http:
            self._put_link("connecting")
            is_news = True
            while True:
                self.address = read_address(self._data_dir)
                if self.address is not None:
                    with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                        await self._follow(self.address)
                is_news = is_news or self._socket is not None
                self._socket = None
                self._put_link("gone")
                if is_news:  # once, and not as long as nobody trades
                    await self._tell_record()
                    self._leave_unanswered()
                is_news = False
                await asyncio.sleep(LOOK_AGAIN_S)

    # --- requests ------------------------------------------------------------------------------

    async def ask(self, message: Mapping[str, Any], sink: AnswerSink) -> None:
        """Send a kill, resume or control; `sink` hears each answer to its id.

        Raises:
            TraderAwayError: There is no connection; nothing was sent.
        """
        socket = self._socket
        if socket is None or socket.closed:
            raise TraderAwayError("the console has no connection to the trader now")
        self._sinks[str(message["id"])] = sink
        try:
            await socket.send_str(orjson.dumps(dict(message)).decode())
        except (ConnectionError, aiohttp.ClientError) as error:
            raise TraderAwayError(f"the connection to the trader broke: {error}") from error

    async def forward(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One REST request to the trader.

        Raises:
            TraderAwayError: It does not answer.
        """
        if self._http is None or self.address is None:
            raise TraderAwayError("no trader runs on this data directory")
        try:
            async with self._http.request(method, self._url(path), json=body) as response:
                return response.status, await response.json()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise TraderAwayError(f"the trader does not answer: {error}") from error

    def _url(self, path: str) -> str:
        assert self.address is not None  # noqa: S101  the callers have looked
        host = f"[{self.address.host}]" if ":" in self.address.host else self.address.host
        return f"http://{host}:{self.address.port}{path}"

    def _leave_unanswered(self) -> None:
        sinks, self._sinks = self._sinks, {}
        for id_, sink in sinks.items():
            sink({"type": "unknown", "id": id_, "error": "the connection to the trader broke"})

    # --- one connection ------------------------------------------------------------------------

    async def _follow(self, address: OperatorAddress) -> None:
        assert self._http is not None  # noqa: S101  `run` holds it open
        async with self._http.ws_connect(self._url("/operator"), max_msg_size=0) as socket:
            await self._catch_up(address.run)
            await socket.send_json({"type": "subscribe", "after_seq": self._heads})
            self._socket = socket
            polling = asyncio.create_task(self._poll())
            reading = asyncio.create_task(self._read(socket))
            try:
                await asyncio.wait({polling, reading}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (polling, reading):
                    task.cancel()
                await asyncio.gather(polling, reading, return_exceptions=True)

    async def _catch_up(self, run: str) -> None:
        """What the record holds already: of a run that goes on only what is new."""
        try:
            base = await asyncio.to_thread(_from_record, self._data_dir, run)
        except (NoRecordError, OSError) as error:
            _log.warning("the record cannot be read", error=str(error))
            return
        self._board.put("run", base["run"])
        if run == self._run:  # the trader tells what came since
            return
        self._run, self._heads = run, {}
        self._board.clear_events()
        for event in base["events"]:
            self._take_event(event)
        for journal, seq in base["heads"].items():
            self._heads[journal] = max(seq, self._heads.get(journal, 0))

    async def _tell_record(self) -> None:
        """How the run ended, once no trader answers."""
        with contextlib.suppress(NoRecordError, OSError):
            base = await asyncio.to_thread(_from_record, self._data_dir, "")
            self._board.put("run", base["run"])

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            said = orjson.loads(message.data)
            match said.get("type"):
                case "event":
                    self._take_event(said)
                    self._poke.set()
                case "gap":
                    await socket.send_json({"type": "subscribe", "after_seq": said["after_seq"]})
                case _:
                    self._take_answer(said)

    def _take_answer(self, said: dict[str, Any]) -> None:
        id_ = str(said.get("id"))
        sink = self._sinks.get(id_)
        if sink is None:
            return
        if said.get("type") != "accepted":
            del self._sinks[id_]
        sink(said)
        self._poke.set()

    def _take_event(self, said: Mapping[str, Any]) -> None:
        journal, seq = said["journal_id"], said["seq"]
        if seq <= self._heads.get(journal, 0):
            return
        self._heads[journal] = seq
        payload = said["payload"]
        self._board.add_event(
            {
                "id": f"{journal}/{seq}",
                "at_ns": said["at_ns"],
                "kind": said["kind"],
                "stream": said["stream"],
                "severity": severity_of(said["kind"], payload),
                "text": told(said["kind"], payload),
            }
        )

    async def _poll(self) -> None:
        """Ask for the state four times a second, and at once after an event."""
        loop = asyncio.get_running_loop()
        turn = 0
        while True:
            asked_s = loop.time()
            self._poke.clear()
            try:
                status = await self._state_of("/api/status")
                _, health = await self.forward("GET", "/health")
            except TraderAwayError:
                self._put_link("silent")
            else:
                self.heard_at_s = loop.time()
                self._put_link("live")
                self._put_status(status, health, with_runtime=turn % RUNTIME_EVERY == 0)
                turn += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._poke.wait(), POLL_S)
            await asyncio.sleep(max(0.0, POLL_LEAST_S - (loop.time() - asked_s)))

    async def _state_of(self, path: str) -> dict[str, Any]:
        code, found = await self.forward("GET", path)
        if code != HTTPStatus.OK:
            raise TraderAwayError(f"the trader answered {code}: {found}")
        return dict(found)

    def _put_status(
        self, status: dict[str, Any], health: dict[str, Any], *, with_runtime: bool
    ) -> None:
        put = self._board.put
        runtime = status.pop("runtime", None)
        for topic in STATUS_TOPICS:
            put(topic, status.pop(topic, []))
        put("now_ns", status.pop("now_ns", 0))
        put("account", status)
        put(
            "health",
            {name: health.get(name) for name in ("is_live", "is_ready", "why_not_ready", "feeds")}
            | {name: health.get(name) for name in ("journal_lag_rows", "lease_holder", "clocks")},
        )
        if with_runtime:
            put("runtime", runtime)

    def _put_link(self, state: str) -> None:
        address = self.address
        self._board.put(
            "trader",
            {
                "state": state,
                "pid": address.pid if address else None,
                "kill_url": f"{self._url('/kill')}" if address else None,
            },
        )


def _from_record(data_dir: Path, run: str) -> dict[str, Any]:
    """The run's own facts and its newest events; heads first, so that no event falls between."""
    with RecordReader(data_dir) as reader:
        info = (reader.run(run) if run else None) or reader.newest_run()
        heads = {name: head["seq"] for name, head in reader.journal_heads(info.run).items()}
        started = reader.row(
            """SELECT payload FROM journal
            WHERE run = :run AND kind = 'RunStarted' ORDER BY pos LIMIT 1""",
            run=info.run,
        )
        rows = reader.rows(
            """SELECT journal_id, seq, stream, kind, at_ns, payload FROM journal
            WHERE run = :run ORDER BY pos DESC LIMIT :most""",
            run=info.run,
            most=EVENTS_AT_START,
        )
        kill_level = reader.kill_level()
    events = [{**row, "payload": orjson.loads(row["payload"])} for row in reversed(rows)]
    return {
        "run": {
            "run": info.run,
            "mode": info.mode,
            "source": info.source,
            "started_ns": info.started_ns,
            "ended_ns": info.ended_ns,
            "is_clean": info.is_clean,
            "kill_level": kill_level,
            **(orjson.loads(started["payload"]) if started else {}),
        },
        "heads": heads,
        "events": events,
    }
