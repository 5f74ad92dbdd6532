"""The operator port over real sockets: who is let in, and what kills and controls come to."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType
from prometheus_client.parser import text_string_to_metric_families

from actors.operator import OperatorServer, OperatorSettings
from actors.operator_address import ADDRESS_FILE, read_address
from actors.operator_door import TOKEN_FILE, Door, load_token
from actors.operator_words import MESSAGE_BYTES_MAX, KillLevel
from tests.console.fake_trader import FakeTrader
from tests.console.operator_client import run, served
from trading.errors import SafetyRefusedError, SetupError

KILL = {"type": "kill", "id": "k-1", "level": "FLATTEN", "reason": "test"}
DONE = {"type": "done", "id": "k-1", "cancelled": 2, "closed": 1, "failed": 0, "remaining": 0}


# --- kills ----------------------------------------------------------------------------------------


def test_a_kill_is_accepted_and_then_done_with_its_counts(tmp_path: Path) -> None:
    """KC-1: by websocket, with a reason; the answer counts what was done."""

    async def scenario() -> None:
        async with served(tmp_path) as desk, desk.socket() as client:
            await client.send_json(KILL)
            assert await client.receive_json() == {"type": "accepted", "id": "k-1"}
            assert await client.receive_json() == DONE
        assert desk.trader.kills[0].level is KillLevel.FLATTEN
        assert desk.trader.kills[0].reason == "test"
        assert desk.trader.kills[0].by == "websocket"

    run(scenario)


def test_the_same_kill_id_acts_once_and_gets_the_same_answers(tmp_path: Path) -> None:
    """KC-1: kills with ids act once, whichever way the repeat comes."""

    async def scenario() -> None:
        async with served(tmp_path) as desk:
            async with desk.socket() as first, desk.socket() as second:
                for client in (first, second):
                    await client.send_json(KILL)
                    assert await client.receive_json() == {"type": "accepted", "id": "k-1"}
                    assert await client.receive_json() == DONE
            by_rest = {"id": "k-1", "level": "FLATTEN", "reason": "worded anew"}
            assert await desk.post("/api/kill", by_rest) == (200, DONE)
            assert len(desk.trader.kills) == 1

    run(scenario)


def test_a_repeat_while_the_kill_runs_waits_for_the_one_outcome(tmp_path: Path) -> None:
    """KC-1: a reconnecting console asks again with the same id and hears the end."""

    async def scenario() -> None:
        trader = FakeTrader()
        trader.answers_at_once = False
        async with served(tmp_path, trader) as desk, desk.socket() as client:
            await client.send_json(KILL)
            await client.send_json(KILL)
            await client.send_str("mark")
            assert (await client.receive_json())["type"] == "refused"  # so both were read
            trader.finish("k-1")
            assert [await client.receive_json(), await client.receive_json()] == [DONE, DONE]
        assert [kill.id for kill in trader.kills] == ["k-1"]

    run(scenario)


def test_an_id_used_for_something_else_is_refused(tmp_path: Path) -> None:
    """KC-1: an id names one request; PAUSE is not silently taken for the FLATTEN before it."""

    async def scenario() -> None:
        async with served(tmp_path) as desk, desk.socket() as client:
            await client.send_json(KILL)
            await client.receive_json()
            await client.receive_json()
            await client.send_json({**KILL, "level": "PAUSE"})
            answer = await client.receive_json()
            assert (answer["type"], answer["id"]) == ("refused", "k-1")
            assert "another request" in answer["error"]
            assert len(desk.trader.kills) == 1

    run(scenario)


def test_a_fault_in_the_trader_is_told_and_the_gate_stays_shut(tmp_path: Path) -> None:
    """KC-5: the operator hears at once when a kill cannot be carried out."""

    async def scenario() -> None:
        trader = FakeTrader()
        trader.fault = RuntimeError("the record is full")
        async with served(tmp_path, trader) as desk, desk.socket() as client:
            await client.send_json(KILL)
            answer = await client.receive_json()
            assert answer["type"] == "refused"
            assert "the record is full" in answer["error"]
            assert trader.is_gate_shut
            assert (await desk.get("/health"))[0] == 200

    run(scenario)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "truncated"),
        ("[]", "Expected `object`"),
        ("{}", "missing required field `type`"),
        ('{"type":"buy","id":"1"}', "Invalid value 'buy'"),
        ('{"type":"kill","level":"PAUSE"}', "missing required field `id`"),
        ('{"type":"kill","id":"1"}', "missing required field `level`"),
        ('{"type":"kill","id":"1","level":"HARDER"}', "HARDER"),
        ('{"type":"kill","id":"","level":"PAUSE"}', "length >= 1"),
        ('{"type":"kill","id":"a b","level":"PAUSE"}', "regex"),
        ('{"type":"kill","id":7,"level":"PAUSE"}', "Expected `str`"),
        ('{"type":"subscribe","after_seq":-1}', ">= 0"),
        ("[" * 5000, "expected {"),
        ('{"type":"kill","id":"1","level":"PAUSE","reason":"' + "x" * 20_000 + '"}', "bytes"),
    ],
)
def test_what_is_no_message_is_refused_with_what_was_expected(
    tmp_path: Path, text: str, expected: str
) -> None:
    """KC-1: malformed, oversized or unknown: an answer, and nothing changes."""

    async def scenario() -> None:
        async with served(tmp_path) as desk, desk.socket() as client:
            await client.send_str(text)
            answer = await client.receive_json()
            assert answer["type"] == "refused"
            assert expected.lower() in answer["error"].lower()
            assert not desk.trader.is_gate_shut
            assert desk.trader.refused[0].cause == "MALFORMED"
            await client.send_json(KILL)  # the connection lives on
            assert (await client.receive_json())["type"] == "accepted"

    run(scenario)


def test_a_refusal_names_the_id_where_it_can_be_read(tmp_path: Path) -> None:
    """KC-1: the sender can tell which of its messages was refused."""

    async def scenario() -> None:
        async with served(tmp_path) as desk, desk.socket() as client:
            await client.send_json({**KILL, "level": "NONE"})
            assert (await client.receive_json())["id"] == "k-1"

    run(scenario)


# --- the door -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status", "cause"),
    [
        ({}, 401, "TOKEN"),
        ({"Authorization": "Bearer wrong"}, 401, "TOKEN"),
        ({"Authorization": "Basic TOKEN"}, 401, "TOKEN"),
        ({"Authorization": "Bearer TOKEN", "Origin": "https://evil.example"}, 403, "ORIGIN"),
        ({"Authorization": "Bearer TOKEN", "Origin": "null"}, 403, "ORIGIN"),
        ({"Authorization": "Bearer TOKEN", "Host": "evil.example"}, 403, "HOST"),
    ],
)
@pytest.mark.parametrize("path", ["/operator", "/api/kill", "/api/status"])
def test_who_has_no_business_here_stays_outside(
    tmp_path: Path, headers: dict[str, str], status: int, cause: str, path: str
) -> None:
    """UI-9: wrong token 401, foreign page or rebound name 403, journaled, nothing done."""

    async def scenario() -> None:
        async with served(tmp_path) as desk, aiohttp.ClientSession() as stranger:
            sent = {name: value.replace("TOKEN", desk.token) for name, value in headers.items()}
            method = "POST" if path == "/api/kill" else "GET"
            upgrade = (
                {
                    "Upgrade": "websocket",
                    "Connection": "Upgrade",
                    "Sec-WebSocket-Version": "13",
                    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
                }
                if path == "/operator"
                else {}
            )
            async with stranger.request(
                method, desk.url + path, headers={**upgrade, **sent}, json={"level": "FLATTEN"}
            ) as response:
                assert response.status == status
                assert desk.token not in await response.text()
            assert [attempt.cause for attempt in desk.trader.refused] == [cause]
            assert desk.trader.refused[0].path == path
            assert not desk.trader.is_gate_shut

    run(scenario)


def test_a_page_of_the_port_itself_may_ask(tmp_path: Path) -> None:
    """UI-9: the same origin passes, also by the name localhost and through a tunnel's port."""

    async def scenario() -> None:
        async with served(tmp_path) as desk:
            for host in ("127.0.0.1:1", "localhost:9000", "[::1]:80"):
                headers = {"Host": host, "Origin": f"http://{host}"}
                assert (await desk.get("/api/status", headers=headers))[0] == 200

    run(scenario)


def test_guessing_is_slowed_and_never_locks_the_operator_out(tmp_path: Path) -> None:
    """UI-9: many wrong tokens get 429 and one journal entry; the right token always opens."""

    async def scenario() -> None:
        async with served(tmp_path) as desk:
            wrong = {"Authorization": "Bearer wrong"}
            seen = [(await desk.get("/api/status", headers=wrong))[0] for _ in range(13)]
            assert seen == [401] * 10 + [429] * 3
            assert len(desk.trader.refused) == 10
            assert (await desk.post("/api/kill", {"id": "k-1", "level": "PAUSE"}))[0] == 200
            desk.now_ns[0] += 60_000_000_000
            assert (await desk.get("/api/status", headers=wrong))[0] == 401
            assert desk.trader.refused[-1].suppressed == 3

    run(scenario)


def test_the_token_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    """UI-9, BR-4: mode 0600 from the first instant, the same token after a restart."""
    token = load_token(tmp_path)
    assert load_token(tmp_path) == token
    assert (tmp_path / TOKEN_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [TOKEN_FILE]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606])
def test_a_token_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """BR-4: the start ends with exit code 2 and says what to do; the token is not shown."""
    token = load_token(tmp_path)
    (tmp_path / TOKEN_FILE).chmod(mode)
    with pytest.raises(SetupError, match="must be 0600") as caught:
        load_token(tmp_path)
    assert token not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_link_or_an_empty_file_is_no_token(tmp_path: Path) -> None:
    """BR-4: the token is a file of ours with a token in it."""
    (tmp_path / "elsewhere").write_text("x" * 40)
    (tmp_path / TOKEN_FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SetupError, match="cannot be read"):
        load_token(tmp_path)
    (tmp_path / TOKEN_FILE).unlink()
    (tmp_path / TOKEN_FILE).touch(mode=0o600)
    with pytest.raises(SetupError, match="holds no token"):
        load_token(tmp_path)


def test_the_port_refuses_to_listen_beyond_this_machine(tmp_path: Path) -> None:
    """UI-9: loopback only; a safety rule, so exit code 3."""
    settings = OperatorSettings(data_dir=tmp_path, run="r1", host="0.0.0.0")  # noqa: S104
    with pytest.raises(SafetyRefusedError, match="loopback only"):
        OperatorServer(FakeTrader(), settings, wall_ns=lambda: 0, monotonic_ns=lambda: 0)


def test_a_taken_port_gives_way_to_the_next_free_one(tmp_path: Path) -> None:
    """UI-9: two traders on one machine do not quarrel about the configured port."""

    async def scenario() -> None:
        async with served(tmp_path) as desk:
            first = read_address(tmp_path)
            assert first is not None
            (tmp_path / "second").mkdir()
            second = OperatorServer(
                desk.trader,
                OperatorSettings(data_dir=tmp_path / "second", run="r2", port=first.port),
                wall_ns=lambda: 0,
                monotonic_ns=lambda: 0,
            )
            assert first.port < await second.start() < first.port + 20
            await second.stop()
        assert not (tmp_path / ADDRESS_FILE).exists()

    run(scenario)


# --- controls, resume, REST -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"name": "max_positon", "value": 1}, 404, "did you mean max_position"),
        ({"name": "max_position", "value": -1}, 422, "from 0 to"),
        ({"name": "max_position", "value": "NaN"}, 422, "from 0 to"),
        ({"name": "max_position", "value": 0.000000001}, 422, "8 decimals"),
        ({"name": "max_position", "value": True}, 422, "from 0 to"),
        ({"name": "max_open_positions", "value": 1.5}, 422, "whole number"),
        ({"name": "allowed_instruments", "value": "ES"}, 422, "list of names"),
        ({"name": "trading_mode", "value": "LIVE"}, 422, "fixed for a run"),
        ({"name": "kill_level", "value": "NONE"}, 422, "kill and resume only"),
        ({"name": "clear_halts", "value": False}, 422, "must be true"),
        ({"name": "clear_halts", "value": None}, 422, "must be true"),
        ({"value": 1}, 400, "missing required field `name`"),
        ({"name": "max_position"}, 400, "missing required field `value`"),
        ({"name": "max_position", "value": 1, "vlaue": 2}, 400, "unknown field `vlaue`"),
        ([], 400, "must be a JSON object"),
    ],
)
def test_a_control_that_cannot_be_is_refused_with_what_can(
    tmp_path: Path, body: Any, status: int, expected: str
) -> None:
    """KC-6: changes are validated; nothing reaches the trader that is out of range or unknown."""

    async def scenario() -> None:
        async with served(tmp_path) as desk:
            found_status, found = await desk.post("/api/controls", body)
            assert found_status == status
            assert expected in found["error"]
            assert desk.trader.changes == []

    run(scenario)


def test_a_control_changes_by_rest_and_by_websocket(tmp_path: Path) -> None:
    """KC-6: with who, and the value in one exact form."""

    async def scenario() -> None:
        async with served(tmp_path) as desk:
            body = {"id": "c-1", "name": "max_position", "value": 2.50, "by": "ann"}
            answer = {
                "type": "done",
                "id": "c-1",
                "name": "max_position",
                "old": None,
                "new": "2.5",
            }
            assert await desk.post("/api/controls", body) == (200, answer)
            async with desk.socket() as client:
                names = ["ES", "AAPL", "ES"]
                change = {"type": "control", "id": "c-2", "name": "allowed_instruments"}
                await client.send_json({**change, "value": names})
                assert (await client.receive_json())["new"] == ["AAPL", "ES"]
                await client.send_json({**change, "id": "c-3", "value": 5})
                assert "list of names" in (await client.receive_json())["error"]
            assert [change.by for change in desk.trader.changes] == ["rest:ann", "websocket"]
            assert (await desk.get("/api/controls"))[1]["controls"][0]["name"] == "max_position"

    run(scenario)


def test_resume_is_answered_with_what_it_lifted(tmp_path: Path) -> None:
    """KC-1: by REST and by websocket."""

    async def scenario() -> None:
        async with served(tmp_path) as desk, desk.socket() as client:
            status, answer = await desk.post("/api/resume", {"reason": "checked"})
            assert (status, answer["old"], answer["new"]) == (200, "FLATTEN", "NONE")
            await client.send_json({"type": "resume", "id": "r-1"})
            assert (await client.receive_json())["id"] == "r-1"
        assert [resume.reason for resume in desk.trader.resumes] == ["checked", "no reason given"]

    run(scenario)


def test_a_kill_by_rest_that_takes_long_is_answered_accepted(tmp_path: Path) -> None:
    """KC-1: 202 while it runs, with the id to ask again by; then 200 with the counts."""

    async def scenario() -> None:
        trader = FakeTrader()
        trader.answers_at_once = False
        async with served(tmp_path, trader) as desk:
            body = {"id": "k-1", "level": "FLATTEN"}
            pending = await desk.post("/api/kill?wait_s=0", body)
            assert pending == (202, {"type": "pending", "id": "k-1"})
            assert trader.is_gate_shut
            trader.finish("k-1")
            assert await desk.post("/api/kill", body) == (200, DONE)

    run(scenario)


def test_an_oversized_body_is_refused(tmp_path: Path) -> None:
    """KC-6: a request has 16 KiB."""

    async def scenario() -> None:
        async with served(tmp_path) as desk:
            body = {"level": "FLATTEN", "reason": "x" * MESSAGE_BYTES_MAX}
            assert (await desk.post("/api/kill", body))[0] == 413
            assert not desk.trader.is_gate_shut

    run(scenario)


def test_status_rescan_and_unknown_paths(tmp_path: Path) -> None:
    """UI-11, SG-2: what the trader says is handed on; a wrong path is an answer, not a page."""

    async def scenario() -> None:
        async with served(tmp_path) as desk:
            assert (await desk.get("/api/status"))[1]["run"] == "r1"
            rescan = await desk.post("/api/strategies/rescan", {})
            assert rescan == (200, {"loaded": ["mine"], "failed": {}})
            assert (await desk.get("/nothing"))[0] == 404

    run(scenario)


def test_health_is_503_when_it_may_not_trade(tmp_path: Path) -> None:
    """WD-9: liveness, readiness, feeds' ages, journal lag, lease holder; no token needed."""

    async def scenario() -> None:
        async with served(tmp_path) as desk:
            status, health = await desk.get("/health", headers={"Authorization": ""})
            assert status == 200
            assert health["feeds"][0]["age_ns"] == 2_000_000_000
            assert health["lease_holder"] == "host/1"
            desk.trader.is_ready = False
            status, health = await desk.get("/health")
            assert (status, health["why_not_ready"]) == (503, ["feed es is stale"])

    run(scenario)


def test_metrics_are_read_by_prometheus_own_parser(tmp_path: Path) -> None:
    """AL-4: one text endpoint; levels, counts, feed ages, latencies, refusals."""

    async def scenario() -> None:
        async with served(tmp_path) as desk:
            await desk.get("/api/status", headers={"Authorization": "Bearer wrong"})
            async with desk.http.get(desk.url + "/metrics") as response:
                assert response.headers["Content-Type"].startswith("text/plain")
                text = await response.text()
        found = {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert found["holdfast_kill_level", "NONE"] == 1
        assert found["holdfast_orders_total",] == 4
        assert found["holdfast_feed_age_seconds", "es"] == 2
        assert found["holdfast_session_pnl_net",] == -1.5
        assert found["holdfast_actor_restarts_total", "strategy/vwap"] == 3
        assert found["holdfast_latency_seconds", "0.999", "sent"] == pytest.approx(0.009)
        assert found["holdfast_operator_refused_total", "TOKEN"] == 1

    run(scenario)


# --- closing --------------------------------------------------------------------------------------


def test_open_sockets_are_closed_when_the_trader_ends(tmp_path: Path) -> None:
    """WD-7: clients are told that the trader goes away, and the loop ends in silence."""

    async def scenario() -> None:
        async with served(tmp_path) as desk, desk.socket() as client:
            await client.send_json({"type": "subscribe", "after_seq": 0})
            await client.send_json(KILL)
            await client.receive_json()
            await client.receive_json()
            await desk.server.stop()
            message = await client.receive()
            assert message.type is WSMsgType.CLOSE
            assert message.data == aiohttp.WSCloseCode.GOING_AWAY
            assert desk.trader.listeners == []

    run(scenario)


def test_nothing_that_is_logged_or_answered_holds_the_token(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """BR-4: redaction, proved on the ways that fail: faults, refusals, pages."""

    async def scenario() -> None:
        trader = FakeTrader()
        trader.fault = RuntimeError("broken")
        async with served(tmp_path, trader) as desk:
            answers = [str(await desk.post("/api/kill", {"level": "PAUSE"}))]
            answers.append(str(await desk.post("/api/kill", {"level": desk.token[:3]})))
            for path in ("/kill", "/metrics", "/health"):
                async with desk.http.get(desk.url + path) as response:
                    answers.append(await response.text())
            logged = "".join(capfd.readouterr())
            assert "broken" in logged
            assert desk.token not in logged + "".join(answers) + repr(trader.refused)
            assert desk.token not in (tmp_path / ADDRESS_FILE).read_text()

    run(scenario)


def test_the_door_compares_any_text() -> None:
    """UI-9: letters beyond ASCII and odd bytes are wrong tokens, not faults."""
    door = Door("t" * 43, monotonic_ns=lambda: 0)
    assert not door.opens("é" * 43)
    assert not door.opens("\udcff")
    assert not door.knows_session("")
    assert door.knows_session(door.new_session())
