"""The console's server: who is let in, what pages are told, and that its death changes nothing."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from console.api import SCHEMA, TOPICS
from console.board import EVENTS_KEPT, Board
from console.sign_in import SESSION_S, SignIn
from tests.console.console_client import (
    NOW_NS,
    Scene,
    console_of,
    eventually,
    until,
    until_topic,
)
from tests.console.fake_trader import FakeTrader, row
from tests.console.operator_client import run, served
from tests.console.recorded import write_record

ONE_S_NS = 1_000_000_000


# --- who is let in --------------------------------------------------------------------------------


def test_the_token_opens_a_session_by_a_cookie_that_scripts_and_other_sites_cannot_use(
    tmp_path: Path,
) -> None:
    """UI-9: token to cookie, HttpOnly and SameSite=Strict; the token itself is not kept."""

    async def scenario() -> None:
        async with console_of(tmp_path) as scene:
            assert (await scene.page.get("/api/state"))[0] == 401
            assert await scene.page.sign_in(token=scene.token) == 200
            assert (await scene.page.get("/api/state"))[0] == 200
            (cookie,) = scene.page.http.cookie_jar
            assert cookie["httponly"]
            assert cookie["samesite"] == "Strict"
            assert scene.token not in cookie.value

    run(scenario)


def test_a_link_signs_in_once(tmp_path: Path) -> None:
    """UI-9: what a start prints is worth nothing after its first use."""

    async def scenario() -> None:
        async with console_of(tmp_path) as scene:
            assert await scene.page.sign_in(code=scene.code) == 200
            async with aiohttp.ClientSession() as http:
                scene.page.http = http
                status, said = await scene.page.post("/api/session", {"code": scene.code})
            assert (status, "used before" in said["error"]) == (401, True)

    run(scenario)


def test_guessing_is_slowed_and_journaled_and_locks_nobody_out(tmp_path: Path) -> None:
    """UI-9: ten wrong tokens a minute are looked at; the right one always opens."""

    async def scenario() -> None:
        async with console_of(tmp_path) as scene:
            await _following(scene)
            found = [await scene.page.post("/api/session", {"token": "guess"}) for _ in range(11)]
            assert [status for status, _ in found] == [401] * 10 + [429]
            assert await scene.page.sign_in(token=scene.token) == 200
            await eventually(lambda: len(scene.trader.refused) == 10)
            assert {attempt.cause for attempt in scene.trader.refused} == {"TOKEN"}
            assert scene.trader.refused[0].path == "console:/api/session"

    run(scenario)


def test_a_cookie_ends_with_its_time_and_with_its_token() -> None:
    """UI-9: sessions outlive a restart of the console, not their twelve hours, not the token."""
    now_ns = [NOW_NS]

    def signing(token: str) -> SignIn:
        return SignIn(token, wall_ns=lambda: now_ns[0], monotonic_ns=lambda: 0)

    cookie = signing("one").take(token="one")  # noqa: S106
    assert cookie is not None
    assert signing("one").session(cookie) is not None
    assert signing("two").session(cookie) is None
    name, until_s, signature = cookie.split(".")
    later = f"{name}.{int(until_s) + 1}.{signature}"
    assert signing("one").session(later) is None
    now_ns[0] += SESSION_S * ONE_S_NS
    assert signing("one").session(cookie) is None


@pytest.mark.parametrize(
    ("headers", "cause"),
    [
        ({"Origin": "https://evil.example"}, "ORIGIN"),
        ({"Origin": ""}, "ORIGIN"),
        ({"X-Csrf-Token": ""}, "ORIGIN"),
        ({"X-Csrf-Token": "0" * 64}, "ORIGIN"),
        ({"Host": "evil.example"}, "HOST"),
    ],
)
def test_a_page_of_another_site_cannot_act(
    tmp_path: Path, headers: dict[str, str], cause: str
) -> None:
    """UI-9: the cookie alone changes nothing; the attempt is journaled."""

    async def scenario() -> None:
        async with console_of(tmp_path) as scene:
            await _following(scene)
            assert await scene.page.sign_in(token=scene.token) == 200
            status, _ = await scene.page.post("/api/kill", {"level": "PAUSE"}, **headers)
            assert (status, scene.trader.kills) == (403, [])
            await eventually(lambda: bool(scene.trader.refused))
            assert scene.trader.refused[0].cause == cause

    run(scenario)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("POST", "/api/kill", {"level": "GENTLE"}, 400, "GENTLE"),
        ("POST", "/api/kill", {"level": "GENTLE"}, 400, "PAUSE|FLATTEN|EMERGENCY"),
        ("POST", "/api/kill", [1], 400, "object"),
        ("POST", "/api/kill", {"level": "PAUSE", "reason": "x" * 20_000}, 413, "16384 bytes"),
        ("POST", "/api/controls", {"name": "max_luck", "value": 1}, 404, "max_luck"),
        ("POST", "/api/controls", {"name": "max_position", "value": -1}, 422, "max_position"),
        ("POST", "/api/sql", {"sql": "SELECT 1"}, 400, "sql"),
        ("GET", "/api/trades?colour=red", None, 400, "colour"),
        ("GET", "/api/trades?sort=payload", None, 400, "sort"),
        ("GET", "/api/trades?limit=0", None, 400, "limit"),
        ("GET", "/api/events?limit=many", None, 400, "limit"),
        ("GET", "/api/post-mortem", None, 400, "about"),
        ("GET", "/api/nothing", None, 404, "/api/schema"),
        ("GET", "/api/sql", None, 405, "expected POST, found GET"),
        ("GET", "/assets/..%2findex.html", None, 404, ""),
    ],
)
def test_bad_input_is_a_clear_4xx_and_changes_nothing(
    tmp_path: Path, method: str, path: str, body: Any, status: int, text: str
) -> None:
    """UI-13: what was expected and what was found; SQL cannot write."""

    async def scenario() -> None:
        async with console_of(tmp_path) as scene:
            await _following(scene)
            assert await scene.page.sign_in(token=scene.token) == 200
            if method == "GET":
                found, said = await scene.page.get(path)
            else:
                found, said = await scene.page.post(path, body)
            assert (found, text in said["error"]) == (status, True), said
            assert (scene.trader.kills, scene.trader.changes) == ([], [])
            if method == "POST":
                await eventually(lambda: bool(scene.trader.refused))
                (attempt,) = scene.trader.refused
                assert (attempt.cause, attempt.path) == ("MALFORMED", f"console:{path}")

    run(scenario)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("DROP TABLE trades", "one statement that only reads is expected"),
        ("SELECT 1; DELETE FROM trades", "found SELECT, DELETE"),
        ("WITH x AS (SELECT 1) INSERT INTO trades FROM x", "found INSERT"),
        ("COPY (SELECT 1) TO 'x.csv'", "found COPY"),
        ("SET memory_limit = '99GB'", "found SET"),
        ("FROM read_text('operator.token')", "disabled by configuration"),
        ("SELECT nothing FROM trades", "nothing"),
    ],
)
def test_sql_that_does_more_than_read_is_refused(tmp_path: Path, query: str, text: str) -> None:
    """UI-13, PM-2: the record is as it was, the answer says what was expected; journaled."""
    write_record(tmp_path)

    async def scenario() -> None:
        async with console_of(tmp_path) as scene:
            await _following(scene)
            assert await scene.page.sign_in(token=scene.token) == 200
            status, said = await scene.page.post("/api/sql", {"query": query})
            assert (status, text in said["error"]) == (400, True), said
            await eventually(lambda: bool(scene.trader.refused))
            assert [attempt.path for attempt in scene.trader.refused] == ["console:/api/sql"]
            status, said = await scene.page.post("/api/sql", {"query": "SELECT net FROM trades"})
            assert (status, said["rows"]) == (200, [[496]])

    run(scenario)


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        '{"type":"kill","id":"a","level":"GENTLE"}',
        '{"type":"control","id":"a","name":"max_position","value":-1}',
        '{"type":"control","id":"a","name":"max_luck","value":1}',
        "x" * 16_385,
    ],
    ids=["no JSON", "unknown level", "out of range", "unknown control", "oversized"],
)
def test_a_message_of_the_page_that_is_none_of_ours_is_refused_and_journaled(
    tmp_path: Path, text: str
) -> None:
    """UI-9: nothing changes, the attempt is journaled, also where it is too long."""

    async def scenario() -> None:
        async with console_of(tmp_path) as scene:
            await _following(scene)
            assert await scene.page.sign_in(token=scene.token) == 200
            async with scene.page.socket() as socket:
                await socket.send_str(text)
                answer = await until(socket, "answer")
                assert answer["answer"]["type"] == "refused"
                await eventually(lambda: bool(scene.trader.refused))
            assert [attempt.cause for attempt in scene.trader.refused] == ["MALFORMED"]
            assert (scene.trader.kills, scene.trader.changes) == ([], [])

    run(scenario)


@pytest.mark.parametrize("path", ["/api/kill", "/api/resume", "/api/controls", "/api/sql"])
def test_a_wrong_token_changes_nothing_and_is_journaled(tmp_path: Path, path: str) -> None:
    """UI-9: a program with another token is told which one is expected."""

    async def scenario() -> None:
        async with console_of(tmp_path) as scene:
            await _following(scene)
            body = {"level": "PAUSE", "name": "max_position", "value": 1, "query": "SELECT 1"}
            status, said = await scene.page.post(path, body, Authorization="Bearer a guess")
            assert (status, "operator.token" in said["error"]) == (401, True)
            await eventually(lambda: bool(scene.trader.refused))
            assert scene.trader.refused[0].cause == "TOKEN"
            assert (scene.trader.kills, scene.trader.changes) == ([], [])

    run(scenario)


@pytest.mark.parametrize(
    ("origin", "is_signed_in", "status", "cause"),
    [("https://evil.example", True, 403, "ORIGIN"), ("", True, 403, "ORIGIN"),
     (None, False, 401, "")],
)  # fmt: skip
def test_a_websocket_opens_for_its_own_page_only(
    tmp_path: Path, origin: str | None, status: int, cause: str, *, is_signed_in: bool
) -> None:
    """UI-9: no other site's script listens in, whatever cookie the browser sends along."""

    async def scenario() -> None:
        async with console_of(tmp_path) as scene:
            await _following(scene)
            if is_signed_in:
                assert await scene.page.sign_in(token=scene.token) == 200
            own = scene.page.url if origin is None else origin
            headers = {"Origin": own} if own else {}
            with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
                await scene.page.http.ws_connect(scene.page.url + "/ws", headers=headers)
            assert raised.value.status == status
            if cause:
                await eventually(lambda: bool(scene.trader.refused))
                assert [attempt.cause for attempt in scene.trader.refused] == [cause]

    run(scenario)


def test_an_expired_cookie_changes_nothing_and_is_journaled(tmp_path: Path) -> None:
    """UI-9: after twelve hours a page must sign in again; until then it is turned away."""

    async def scenario() -> None:
        async with console_of(tmp_path) as scene:
            await _following(scene)
            assert await scene.page.sign_in(token=scene.token) == 200
            scene.now_ns[0] += SESSION_S * ONE_S_NS
            status, said = await scene.page.post("/api/kill", {"level": "PAUSE"})
            assert (status, "sign in" in said["error"]) == (401, True)
            await eventually(lambda: bool(scene.trader.refused))
            assert scene.trader.refused[0].cause == "TOKEN"
            assert scene.trader.kills == []

    run(scenario)


def test_every_answer_forbids_foreign_scripts(tmp_path: Path) -> None:
    """UI-9: scripts come from this origin only, on the page and on an error."""
    (tmp_path / "static/assets").mkdir(parents=True)
    (tmp_path / "static/index.html").write_text("<!doctype html>")

    async def scenario() -> None:
        async with console_of(tmp_path, static_dir=tmp_path / "static") as scene:
            for path in ("/", "/kill", "/api/state"):
                async with scene.page.http.get(
                    scene.page.url + path, allow_redirects=False
                ) as response:
                    policy = response.headers.get("Content-Security-Policy", "")
                    assert "script-src 'self'" in policy, path
                    assert "unsafe-eval" not in policy

    run(scenario)


def test_without_the_built_page_the_console_says_how_to_build_it(tmp_path: Path) -> None:
    """UI-14: no empty page; the kill page is named."""

    async def scenario() -> None:
        async with (
            console_of(tmp_path, static_dir=tmp_path / "none") as scene,
            scene.page.http.get(scene.page.url) as response,
        ):
            text = await response.text()
            assert response.status == 503
            assert "make web" in text
            assert "/kill" in text

    run(scenario)


# --- what pages are told --------------------------------------------------------------------------


def test_a_page_gets_a_snapshot_and_then_what_changed(tmp_path: Path) -> None:
    """UI-8: pushed; the delta continues the snapshot and repeats nothing."""

    async def scenario() -> None:
        async with console_of(tmp_path) as scene:
            assert await scene.page.sign_in(token=scene.token) == 200
            async with scene.page.socket() as socket:
                await until_topic(socket, "account", equity_1e8=100_000_000_000)
                scene.trader.make_durable(row(1))
                delta = await until(socket, "delta")
                while not delta["events"]:
                    delta = await until(socket, "delta")
                assert [event["id"] for event in delta["events"]] == ["account:main/1"]
                assert "orders" not in delta["topics"]

    run(scenario)


def test_a_page_that_comes_back_is_told_what_it_missed_and_no_more(tmp_path: Path) -> None:
    """UI-8: it resumes without a gap."""

    async def scenario() -> None:
        async with console_of(tmp_path) as scene:
            assert await scene.page.sign_in(token=scene.token) == 200
            scene.trader.make_durable(row(1))
            async with scene.page.socket() as socket:
                seen = await _first_told(socket)
            scene.trader.make_durable(row(2))
            async with scene.page.socket() as socket:
                await socket.send_json(
                    {"type": "hello", "epoch": seen["epoch"], "seq": seen["seq"]}
                )
                missed: list[str] = []
                while not missed:
                    told = await until(socket, "delta")
                    missed = [event["id"] for event in told["events"]]
                assert missed == ["account:main/2"]

    run(scenario)


def test_a_slow_page_gets_the_newest_value_once() -> None:
    """UI-8: changes do not queue for a page; what it missed of events makes a new snapshot."""

    async def scenario() -> None:
        board = Board()
        board.put("prices", 0)
        since = (board.epoch, board.seq)
        for price in range(1, 1000):
            board.put("prices", price)
        told = orjson.loads(board.since(*since))
        assert (told["type"], told["topics"]) == ("delta", {"prices": 999})
        board.add_event({"id": 0})
        since = (board.epoch, board.seq - 1)
        for number in range(1, EVENTS_KEPT + 1):
            board.add_event({"id": number})
        told = orjson.loads(board.since(*since))
        assert told["type"] == "snapshot"
        assert [event["id"] for event in told["events"]] == list(range(1, EVENTS_KEPT + 1))

    asyncio.run(scenario())


def test_a_page_hears_at_most_ten_changes_a_second(tmp_path: Path) -> None:
    """UI-8: changes are put together; however fast they come, the page is told the newest."""

    async def scenario() -> None:
        async with console_of(tmp_path) as scene:
            assert await scene.page.sign_in(token=scene.token) == 200
            async with scene.page.socket() as socket:
                await until_topic(socket, "trader", state="live")
                loop = asyncio.get_running_loop()
                told_at_s = []
                for number in range(1, 200):
                    scene.trader.make_durable(row(number))
                    await asyncio.sleep(0)
                ids: list[str] = []
                while len(ids) < 199:
                    delta = await until(socket, "delta")
                    if delta["events"]:
                        told_at_s.append(loop.time())
                        ids += [event["id"] for event in delta["events"]]
                assert ids == [f"account:main/{number}" for number in range(1, 200)]
                assert len(told_at_s) <= 20

    run(scenario)


def test_what_it_costs_the_trader_does_not_grow_with_the_pages(tmp_path: Path) -> None:
    """UI-8: twenty pages, one listener at the trader."""

    async def scenario() -> None:
        async with console_of(tmp_path) as scene:
            assert await scene.page.sign_in(token=scene.token) == 200
            sockets = [await scene.page.socket() for _ in range(20)]
            for socket in sockets:
                await until_topic(socket, "trader", state="live")
            assert len(scene.trader.listeners) == 1
            for socket in sockets:
                await socket.close()

    run(scenario)


# --- what pages ask -------------------------------------------------------------------------------


def test_a_kill_of_the_page_is_accepted_then_done_and_names_its_author(tmp_path: Path) -> None:
    """KC-1, UI-9: the same id acts once, over a reconnect too; the journal knows who."""

    async def scenario() -> None:
        async with console_of(tmp_path) as scene:
            assert await scene.page.sign_in(token=scene.token) == 200
            asked = {"type": "kill", "id": "k-1", "level": "FLATTEN", "reason": "news"}
            for _ in range(2):
                async with scene.page.socket() as socket:
                    await until_topic(socket, "trader", state="live")
                    await socket.send_json(asked)
                    answers = [(await until(socket, "answer"))["answer"] for _ in range(2)]
                    assert [each["type"] for each in answers] == ["accepted", "done"]
                    assert (answers[1]["cancelled"], answers[1]["closed"]) == (2, 1)
            assert [kill.id for kill in scene.trader.kills] == ["k-1"]
            assert "console" in scene.trader.kills[0].by

    run(scenario)


def test_an_act_without_a_trader_is_unknown_and_not_lost_in_silence(tmp_path: Path) -> None:
    """UI-8: when the trader goes, pages hear so, and an unanswered act is told as unknown."""

    async def scenario() -> None:
        trader = FakeTrader()
        trader.answers_at_once = False
        async with console_of(tmp_path, trader) as scene:
            assert await scene.page.sign_in(token=scene.token) == 200
            async with scene.page.socket() as socket:
                await until_topic(socket, "trader", state="live")
                await socket.send_json({"type": "kill", "id": "k-1", "level": "PAUSE"})
                await eventually(lambda: bool(trader.kills))
                await scene.desk.server.stop()
                assert (await until(socket, "answer"))["answer"]["type"] == "unknown"
                await until_topic(socket, "trader", state="gone")
                await socket.send_json({"type": "kill", "id": "k-2", "level": "PAUSE"})
                assert (await until(socket, "answer"))["answer"]["type"] == "unknown"
            assert [kill.id for kill in trader.kills] == ["k-1"]
            # Restarted, it is found again, and what was journaled meanwhile is told.
            trader.make_durable(row(1))
            async with served(tmp_path, trader), scene.page.socket() as socket:
                told = await _first_told(socket)
                assert [event["id"] for event in told["events"]] == ["account:main/1"]

    run(scenario)


def test_a_program_acts_with_the_token_alone(tmp_path: Path) -> None:
    """UI-13: the API behind the page is the user's too."""

    async def scenario() -> None:
        async with console_of(tmp_path) as scene:
            await _following(scene)
            headers = {"Authorization": f"Bearer {scene.token}"}
            async with scene.page.http.post(
                f"{scene.page.url}/api/controls",
                json={"name": "max_position", "value": 2},
                headers=headers,
            ) as response:
                assert (response.status, (await response.json())["type"]) == (200, "done")
            assert (scene.trader.changes[0].name, scene.trader.changes[0].by) == (
                "max_position",
                "websocket:console token",
            )

    run(scenario)


def test_the_schema_names_every_route(tmp_path: Path) -> None:
    """UI-13: its schema is published."""

    async def scenario() -> None:
        async with console_of(tmp_path) as scene:
            status, schema = await scene.page.get("/api/schema")
            assert (status, schema) == (200, orjson.loads(orjson.dumps(SCHEMA)))
            assert await scene.page.sign_in(token=scene.token) == 200
            for topic in TOPICS:
                assert (await scene.page.get(f"/api/{topic}"))[0] == 200

    run(scenario)


async def _first_told(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """Say hello, and read on to the first message that tells of events."""
    await socket.send_json({"type": "hello", "epoch": "", "seq": 0})
    while True:
        message: dict[str, Any] = orjson.loads(await socket.receive_str())
        if message.get("events"):
            return message


async def _following(scene: Scene) -> None:
    """Until the console follows the trader."""
    headers = {"Authorization": f"Bearer {scene.token}"}
    async with scene.page.http.ws_connect(scene.page.url + "/ws", headers=headers) as socket:
        await until_topic(socket, "trader", state="live")
