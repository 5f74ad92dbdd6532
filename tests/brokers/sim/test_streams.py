"""The streams' own rules: who may listen, what is answered to nonsense, and in which encoding."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import msgspec
import pytest

from brokers.sim.alpaca.data_stream import packed_time
from brokers.sim.units import dump_json, load_json
from tests.brokers.sim.venue import Client, open_venue


def played(scenario: Callable[[Client], Awaitable[None]]) -> None:
    """Run it against a venue of its own."""

    async def run() -> None:
        async with open_venue() as client:
            await scenario(client)

    asyncio.run(run())


async def told(socket: aiohttp.ClientWebSocketResponse) -> Any:
    """The next message of a data stream in JSON; each is an array of one."""
    found = load_json((await socket.receive_str()).encode())
    assert len(found) == 1
    return found[0]


async def data_stream(client: Client, feed: str = "iex") -> aiohttp.ClientWebSocketResponse:
    """Connected, and not yet known."""
    socket = await client.http.ws_connect(f"{client.addresses.url}/v2/{feed}")
    assert await told(socket) == {"T": "success", "msg": "connected"}
    return socket


async def say(socket: aiohttp.ClientWebSocketResponse, **message: Any) -> Any:
    """Send in JSON, and hear the answer."""
    await socket.send_str(dump_json(message).decode())
    return await told(socket)


def keys(client: Client) -> dict[str, str]:
    return {"key": client.addresses.key, "secret": client.addresses.secret}


def test_nobody_listens_to_orders_without_keys() -> None:
    """BR-4: listening first is refused; wrong keys end the connection."""

    async def scenario(client: Client) -> None:
        socket = await client.http.ws_connect(client.addresses.stream_url)
        await socket.send_str('{"action":"listen","data":{"streams":["trade_updates"]}}')
        refused = load_json(await socket.receive_bytes())
        assert refused == {
            "stream": "authorization",
            "data": {"status": "unauthorized", "action": "listen"},
        }
        await socket.send_str('{"action":"auth","key":"x","secret":"y"}')
        answer = load_json(await socket.receive_bytes())
        assert answer["data"]["status"] == "unauthorized"
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE

    played(scenario)


def test_listening_again_replaces_what_was_listened_to() -> None:
    """BR-2: unknown names are dropped from the answer, an empty list ends the events."""

    async def scenario(client: Client) -> None:
        stream = await client.stream()
        await stream.socket.send_str(
            '{"action":"listen","data":{"streams":["trade_updates","other"]}}'
        )
        answer = load_json(await stream.socket.receive_bytes())
        assert answer["data"] == {"streams": ["trade_updates"]}
        await stream.socket.send_str('{"action":"listen","data":{"streams":[]}}')
        assert load_json(await stream.socket.receive_bytes())["data"] == {"streams": []}
        await client.place("unheard")
        await stream.socket.send_str('{"action":"listen","data":{"streams":["trade_updates"]}}')
        await stream.socket.receive_bytes()
        await client.place("heard")
        assert (await stream.next())["order"]["client_order_id"] == "heard"

    played(scenario)


def test_market_data_in_json_for_whoever_does_not_ask_for_msgpack() -> None:
    """BR-2: text frames, times in RFC 3339, the whole subscription in each answer."""

    async def scenario(client: Client) -> None:
        socket = await data_stream(client)
        said = await say(socket, action="auth", **keys(client))
        assert said == {"T": "success", "msg": "authenticated"}
        first = await say(socket, action="subscribe", quotes=["AAPL"], bars=["*"])
        assert (first["quotes"], first["bars"], first["trades"]) == (["AAPL"], ["*"], [])
        second = await say(socket, action="subscribe", trades=["AAPL"])
        assert (second["quotes"], second["trades"]) == (["AAPL"], ["AAPL"])
        third = await say(socket, action="unsubscribe", quotes=["AAPL"])
        assert (third["quotes"], third["trades"]) == ([], ["AAPL"])
        await client.quote("231.38", "231.40")
        trade = {"symbol": "AAPL", "price": "231.40", "qty": "7", "side": "buy"}
        await client.admin("POST", "trade", trade)
        seen = await told(socket)
        assert (seen["T"], seen["S"], seen["s"], seen["t"]) == (
            "t", "AAPL", 7, "2026-11-20T15:00:00Z",
        )  # fmt: skip

    played(scenario)


def test_the_data_streams_errors_have_their_codes() -> None:
    """BR-2: 400, 401, 402, 403, 405 and 406."""

    async def scenario(client: Client) -> None:
        socket = await data_stream(client)
        assert (await say(socket, action="subscribe", quotes=["AAPL"]))["code"] == 401
        await socket.send_str("no JSON")
        assert (await told(socket))["code"] == 400
        assert (await say(socket, action="auth", **keys(client)))["msg"] == "authenticated"
        assert (await say(socket, action="auth", **keys(client)))["code"] == 403
        assert (await say(socket, action="dance"))["code"] == 400
        many = [f"S{at}" for at in range(31)]
        assert (await say(socket, action="subscribe", quotes=many))["code"] == 405
        assert (await say(socket, action="subscribe", quotes=many[:30]))["T"] == "subscription"
        second = await data_stream(client)
        assert (await say(second, action="auth", **keys(client)))["code"] == 406
        third = await data_stream(client, "sip")
        assert (await say(third, action="auth", key="x", secret="y"))["code"] == 402  # noqa: S106 - a wrong one

    played(scenario)


def test_a_msgpack_client_gets_times_as_timestamps() -> None:
    """MD-1: nanoseconds survive: 30 bits of them above 34 bits of seconds."""

    async def scenario(client: Client) -> None:
        headers = {"Content-Type": "application/msgpack"}
        socket = await client.http.ws_connect(client.addresses.data_stream_url, headers=headers)
        assert msgspec.msgpack.decode(await socket.receive_bytes())[0]["msg"] == "connected"
        for message in (
            {"action": "auth", **keys(client)},
            {"action": "subscribe", "quotes": ["*"]},
        ):
            await socket.send_bytes(msgspec.msgpack.encode(message))
            await socket.receive_bytes()
        client.wall.ns += 1
        await client.quote("231.38", "231.40")
        raw = await socket.receive_bytes()
        assert raw.endswith(packed_time(client.wall.ns).data)
        assert msgspec.msgpack.decode(raw)[0]["ap"] == 231.4

    played(scenario)


@pytest.mark.parametrize("ns", [0, 1, 999_999_999, 1_000_000_000, 1_795_186_800_123_456_789])
def test_a_packed_time_is_read_back(ns: int) -> None:
    """MD-1: as the msgpack document lays it out, 64 bits."""
    value = int.from_bytes(packed_time(ns).data, "big")
    assert (value & (1 << 34) - 1) * 1_000_000_000 + (value >> 34) == ns


def test_events_may_come_as_text() -> None:
    """BR-2: the paper host sends binary frames, the live one may send text."""

    async def scenario(client: Client) -> None:
        await client.admin("POST", "reset", {"text_frames": True})
        stream = await client.stream()
        await client.place()
        assert load_json((await stream.socket.receive_str()).encode())["stream"] == "trade_updates"

    played(scenario)


def test_the_activities_may_call_a_fill_otherwise_than_the_stream() -> None:
    """EX-5: nothing says that they share the name; a fill that was taken back is gone from both."""

    async def scenario(client: Client) -> None:
        path = "/v2/account/activities/FILL"
        for is_own in (False, True):
            await client.admin("POST", "reset", {"own_fill_names": is_own})
            await client.admin("POST", "faults", {"verb": "reversal", "seconds": 60})
            await client.quote("231.38", "231.40")
            await client.place("filled", limit_price="231.40")
            (execution,) = (await client.admin("GET", "truth"))["executions"]
            (listed,) = (await client.json("GET", path))[1]
            assert (listed["id"].rpartition("::")[2] != execution["id"]) is is_own
            client.wall.advance(61)
            assert (await client.json("GET", path))[1] == []

    played(scenario)


def test_fills_and_fees_are_activities_by_page() -> None:
    """EX-14: ids that sort by time; a page begins after the last id of the one before."""

    async def scenario(client: Client) -> None:
        await client.quote("231.38", "231.40", "2")
        await client.place("parts", limit_price="231.40", qty="6")
        for _ in range(2):
            client.wall.advance(1.25)
            await client.quote("231.38", "231.40", "2")
        path = "/v2/account/activities/FILL?direction=asc&page_size=2"
        first = (await client.json("GET", path))[1]
        assert [one["id"][:17] for one in first] == ["20261120150000000", "20261120150001250"]
        assert [one["cum_qty"] for one in first] == ["2", "4"]
        rest = (await client.json("GET", f"{path}&page_token={first[-1]['id']}"))[1]
        assert [(one["cum_qty"], one["leaves_qty"], one["type"]) for one in rest] == [
            ("6", "0", "fill")
        ]
        newest = (await client.json("GET", "/v2/account/activities?activity_types=FILL"))[1]
        assert newest[0]["id"] == rest[0]["id"]
        after = "/v2/account/activities/FILL?after=2026-11-20T15:00:01Z"
        assert len((await client.json("GET", after))[1]) == 2

    played(scenario)


def test_the_newest_data_of_all_exchanges_cost_money() -> None:
    """BR-2: 403 for the last quarter of an hour, an answer for what is older."""

    async def scenario(client: Client) -> None:
        path = "/v2/stocks/bars?symbols=AAPL&timeframe=1Min&start=2026-11-19T14:30:00Z&feed=sip"
        assert (await client.json("GET", path))[0] == 403
        status, found = await client.json("GET", f"{path}&end=2026-11-20T14:45:00Z")
        assert (status, len(found["bars"]["AAPL"])) == (200, 390)

    played(scenario)


def test_the_calendar_knows_half_days_and_when_trades_are_settled() -> None:
    """BR-8: the day after Thanksgiving closes at 13:00; what is traded then settles on Monday."""

    async def scenario(client: Client) -> None:
        path = "/v2/calendar?start=2026-11-25&end=2026-11-27"
        days = (await client.json("GET", path))[1]
        assert [(day["date"], day["close"], day["settlement_date"]) for day in days] == [
            ("2026-11-25", "16:00", "2026-11-27"),
            ("2026-11-27", "13:00", "2026-11-30"),
        ]

    played(scenario)


def test_every_request_and_stream_is_in_the_audit() -> None:
    """BR-2: method, path, body's digest and verdict, in order; the admin's own are not."""

    async def scenario(client: Client) -> None:
        await client.stream()
        await client.place("one")
        await client.place("one")
        await client.json("GET", "/v2/nowhere")
        await client.ask("GET", "/v2/account", headers={"APCA-API-KEY-ID": "x"})
        told_ = [(one["path"], one["status"], one["verdict"]) for one in await client.audit()]
        assert told_ == [
            ("/stream", 101, "stream"),
            ("/v2/orders", 200, "answered"),
            ("/v2/orders", 422, "refused"),
            ("/v2/nowhere", 404, "refused"),
            ("/v2/account", 401, "refused"),
        ]
        first, second = (await client.audit())[1:3]
        assert first["body_sha256"] == second["body_sha256"] != ""
        assert (first["booked"], second["booked"]) == (True, False)
        assert len(await client.audit()) == 5
        later = (await client.admin("GET", "audit?since=4"))["requests"]
        assert [one["number"] for one in later] == [5]

    played(scenario)


def test_the_admin_says_what_is_wrong() -> None:
    """BR-2: a mistake of the test is an error of the test, not a fault that never happens."""

    async def scenario(client: Client) -> None:
        for path, body, complaint in (
            ("faults", {"verb": "refus"}, "did you mean refuse"),
            ("quote", {"symbol": "AAPL", "bid": "2", "ask": "1"}, "bid must be below"),
            ("quote", {"bid": "2"}, "missing 'symbol'"),
            ("trade", {"symbol": "NOPE", "price": "1", "qty": "1", "side": "buy"}, "no NOPE"),
            ("clock", {"at": "2020-01-01T00:00:00Z"}, "never goes back"),
            ("clock", [], "JSON object"),
            ("reset", {"sead": 7}, "a reset knows seed"),
            ("reset", {"hours": "never"}, "exchange, always"),
        ):
            url = f"{client.addresses.admin_url}/admin/{path}"
            async with client.http.post(url, data=dump_json(body)) as answer:
                assert answer.status == 400
                assert complaint in (await answer.text())

    played(scenario)


def test_the_date_of_an_answer_is_the_venues() -> None:
    """MD-3: the clock that an adapter compares with its own."""

    async def scenario(client: Client) -> None:
        url = f"{client.addresses.url}/v2/clock"
        async with client.http.get(url, headers=client.headers) as answer:
            assert answer.headers["Date"] == "Fri, 20 Nov 2026 15:00:00 GMT"

    played(scenario)


def test_options_are_told_at_their_own_address_and_in_msgpack_alone() -> None:
    """MD-1: a share's stream says nothing of a contract, nor theirs of a share."""

    async def scenario(client: Client) -> None:
        contract = "SPY261120C00590000"
        base = client.addresses.url
        async with client.http.ws_connect(f"{base}/v1beta1/indicative") as socket:
            assert (await told(socket))["msg"] == "connected"
            assert (await say(socket, action="auth", **keys(client)))["code"] == 412
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        packed = {"Content-Type": "application/msgpack"}
        heard: dict[str, str] = {}
        for path in ("/v2/iex", "/v1beta1/indicative"):
            async with client.http.ws_connect(base + path, headers=packed) as socket:
                for message in (
                    {"action": "auth", **keys(client)},
                    {"action": "subscribe", "quotes": ["SPY", contract]},
                ):
                    await socket.receive_bytes()
                    await socket.send_bytes(msgspec.msgpack.encode(message))
                await socket.receive_bytes()
                for symbol in (contract, "SPY", contract):
                    body = {"symbol": symbol, "bid": "2.50", "bid_qty": "9", "ask": "2.60"}
                    await client.admin("POST", "quote", {**body, "ask_qty": str(len(heard) + 9)})
                (first,) = msgspec.msgpack.decode(await socket.receive_bytes())
                heard[path] = first["S"]
        assert heard == {"/v2/iex": "SPY", "/v1beta1/indicative": contract}

    played(scenario)
