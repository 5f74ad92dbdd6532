"""Every way in which the venue misbehaves, seen from outside and judged by its audit."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from brokers.sim.faults import VERBS, FaultError, FaultPlan, Kind, chaos, read_faults
from tests.brokers.sim.venue import PLACE, Client, at_market, open_venue, order

Scenario = Callable[[Client], Awaitable[None]]
GONE = (aiohttp.ClientConnectionError, aiohttp.ServerDisconnectedError, ConnectionError)


async def last_request(client: Client) -> dict[str, Any]:
    return [one for one in await client.audit() if one["method"] == "POST"][-1]


async def drop_request(client: Client) -> None:
    await client.fault("drop_request")
    with pytest.raises(GONE):
        await client.place()
    assert (await client.truth())["orders"] == []
    told = await last_request(client)
    assert (told["booked"], told["verdict"]) == (False, "drop_request")
    assert (await client.place())[0] == 200


async def refuse(client: Client) -> None:
    await client.fault("refuse", status=500)
    status, body = await client.place()
    assert (status, body["code"]) == (500, 50010000)
    assert (await client.truth())["orders"] == []
    await client.fault("refuse", status=503)
    status, raw = await client.ask("POST", "/v2/orders", order())
    assert (status, raw[:6]) == (503, b"<html>")


async def accept_then_drop(client: Client) -> None:
    for how in ("close", "reset"):
        await client.fault("accept_then_drop", how=how)
        with pytest.raises(GONE):
            await client.place(how)
        told = await last_request(client)
        assert (told["booked"], told["status"], told["client_order_id"]) == (True, 0, how)
        assert (await client.order(how))["status"] == "new"
    await client.fault("accept_then_drop", how="hang")
    unanswered = asyncio.create_task(client.place("hang"))
    while not (await client.truth())["orders_by_client_id"].get("hang"):
        assert not unanswered.done()
    unanswered.cancel()
    assert (await client.order("hang"))["status"] == "new"
    assert (await client.truth())["orders_by_client_id"] == {"close": 1, "reset": 1, "hang": 1}


async def accept_then_status(client: Client) -> None:
    await client.fault("accept_then_status")
    status, raw = await client.ask("POST", "/v2/orders", order())
    assert (status, raw[:6]) == (504, b"<html>")
    assert (await client.order())["status"] == "new"
    status, body = await client.place()
    assert (status, body["code"]) == (422, 40010001)


async def delay(client: Client) -> None:
    """A request that waits is not carried out yet; an answer that waits is."""
    for when, is_booked in (("before", False), ("after", True)):
        await client.fault("delay", on=PLACE, ms=100, when=when)
        waiting = asyncio.create_task(client.place(when))
        while not [one for one in await client.audit() if one["client_order_id"] == when]:
            pass
        known = (await client.truth())["orders_by_client_id"]
        assert (when in known) is is_booked
        assert not waiting.done()
        assert (await waiting)[0] == 200


async def malformed(client: Client) -> None:
    seen = {}
    for how in ("truncated", "html", "text", "empty", "nan", "types", "extra", "huge"):
        await client.fault("malformed", on="GET /v2/account", how=how)
        async with client.http.get(
            f"{client.addresses.url}/v2/account", headers=client.headers
        ) as answer:
            seen[how] = (answer.content_type, await answer.read())
            assert answer.status == 200
    assert seen["html"][0] == "text/html"
    assert seen["text"][0] == "text/plain"
    assert seen["empty"][1] == b""
    assert b"NaN" in seen["nan"][1]
    assert b'"cash": {"unexpected"' in seen["types"][1]
    assert b'"cash": "100000"' in seen["extra"][1]
    assert b"added_last_night" in seen["extra"][1]
    assert len(seen["huge"][1]) > 10 << 20
    assert seen["truncated"][1].endswith(b"}") is False


async def event_before_response(client: Client) -> None:
    stream = await client.stream()
    await client.fault("event_before_response", ms=100)
    waiting = asyncio.create_task(client.place())
    assert await stream.events(2) == ["pending_new", "new"]
    assert not waiting.done()
    assert (await waiting)[1]["status"] == "pending_new"


async def drop_event(client: Client) -> None:
    stream = await client.stream()
    await client.fault("drop_event", on="new")
    await client.place("a")
    await client.place("b")
    told = [await stream.next() for _ in range(3)]
    assert [(one["event"], one["order"]["client_order_id"]) for one in told] == [
        ("pending_new", "a"),
        ("pending_new", "b"),
        ("new", "b"),
    ]


async def repeat_event(client: Client) -> None:
    stream = await client.stream()
    await client.quote("231.38", "231.40")
    await client.fault("repeat_event", on="fill", copies=2)
    await client.json("POST", "/v2/orders", at_market())
    await stream.events(2)
    fills = [await stream.next() for _ in range(3)]
    assert {one["event"] for one in fills} == {"fill"}
    assert len({one["execution_id"] for one in fills}) == 1
    assert len((await client.truth())["executions"]) == 1


async def reorder_events(client: Client) -> None:
    stream = await client.stream()
    await client.fault("reorder_events", on="pending_new")
    await client.place()
    assert await stream.events(2) == ["new", "pending_new"]


async def delay_event(client: Client) -> None:
    stream = await client.stream()
    await client.fault("delay_event", on="pending_new", ms=50)
    await client.place()
    assert await stream.events(2) == ["new", "pending_new"]


async def malformed_event(client: Client) -> None:
    stream = await client.stream()
    frames = {}
    for how in ("truncated", "nan", "types", "text", "extra"):
        await client.fault("malformed_event", on="new", how=how)
        await client.place(how)
        assert await stream.events(1) == ["pending_new"]
        frames[how] = await stream.socket.receive_bytes()
    assert b"NaN" in frames["nan"]
    assert b"unexpected" in frames["types"]
    assert b"added_last_night" in frames["extra"]
    for how in ("truncated", "text"):
        with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
            json.loads(frames[how])
    assert (await client.order("nan"))["status"] == "new"


async def odd_status(client: Client) -> None:
    stream = await client.stream()
    await client.quote("231.38", "231.40")
    for status in ("suspended", "unheard_of"):
        await client.fault("odd_status", status=status, seconds=2)
        await client.json("POST", "/v2/orders", at_market(status))
        assert await stream.events(3) == ["pending_new", "new", status]
        assert (await client.order(status))["status"] == status
        client.wall.advance(2)
        assert await stream.events(2) == ["restated", "fill"]


async def cancel_loses_to_fill(client: Client) -> None:
    stream = await client.stream()
    await client.place()
    await client.fault("cancel_loses_to_fill", on="mi*")
    status, _ = await client.ask("DELETE", f"/v2/orders/{(await client.order())['id']}")
    assert status == 204
    expected = ["pending_new", "new", "pending_cancel", "fill", "order_cancel_rejected"]
    assert await stream.events(5) == expected
    assert (await client.order())["status"] == "filled"
    assert (await client.truth())["positions"]["AAPL"]["qty"] == "5"


async def fill_after_cancel(client: Client) -> None:
    stream = await client.stream()
    await client.place()
    await client.fault("fill_after_cancel", seconds=2)
    await client.ask("DELETE", f"/v2/orders/{(await client.order())['id']}")
    assert await stream.events(4) == ["pending_new", "new", "pending_cancel", "canceled"]
    assert (await client.order())["status"] == "canceled"
    client.wall.advance(2)
    late = await stream.next()
    assert (late["event"], late["qty"], late["order"]["filled_qty"]) == ("fill", "5", "5")
    assert (await client.truth())["positions"]["AAPL"]["qty"] == "5"


async def cancel_stuck(client: Client) -> None:
    await client.place()
    await client.fault("cancel_stuck", seconds=30)
    await client.ask("DELETE", f"/v2/orders/{(await client.order())['id']}")
    client.wall.advance(29)
    assert (await client.order())["status"] == "pending_cancel"
    client.wall.advance(1)
    assert (await client.order())["status"] == "canceled"


async def reversal(client: Client) -> None:
    stream = await client.stream()
    await client.quote("231.38", "231.40")
    await client.fault("reversal", seconds=1)
    await client.json("POST", "/v2/orders", at_market())
    fill = [await stream.next() for _ in range(3)][-1]
    client.wall.advance(1)
    bust = await stream.next()
    assert (bust["event"], bust["execution_id"]) == ("trade_bust", fill["execution_id"])
    assert (bust["order"]["filled_qty"], bust["position_qty"]) == ("0", "0")
    truth = await client.truth()
    assert (truth["cash"], truth["positions"]) == ("100000", {})
    assert truth["executions"][0]["is_reversed"]
    assert (await client.json("GET", "/v2/account/activities/FILL"))[1] == []


async def reject_after_accept(client: Client) -> None:
    stream = await client.stream()
    await client.fault("reject_after_accept")
    status, placed = await client.place()
    assert (status, placed["status"]) == (200, "pending_new")
    assert await stream.events(2) == ["pending_new", "rejected"]
    after = await client.order()
    assert (after["status"], after["failed_at"] is None) == ("rejected", False)


async def replace_rejected(client: Client) -> None:
    stream = await client.stream()
    placed = (await client.place())[1]
    await client.fault("replace_rejected")
    body = {"limit_price": "201", "client_order_id": "second"}
    status, new = await client.json("PATCH", f"/v2/orders/{placed['id']}", body)
    assert (status, new["replaces"]) == (200, placed["id"])
    assert (await stream.events(5))[2:] == ["pending_replace", "order_replace_rejected", "rejected"]
    assert ((await client.order())["status"], (await client.order("second"))["status"]) == (
        "new",
        "rejected",
    )


async def rate_limit_window(client: Client) -> None:
    await client.fault("rate_limit_window", seconds=3)
    status, body = await client.place()
    assert (status, body["code"]) == (429, 42910000)
    async with client.http.get(
        f"{client.addresses.url}/v2/clock", headers=client.headers
    ) as answer:
        assert answer.headers["X-RateLimit-Remaining"] == "0"
        ends = int(answer.headers["X-RateLimit-Reset"])
    assert ends == client.wall.ns // 1_000_000_000 + 3
    client.wall.advance(3)
    assert (await client.place())[0] == 200


async def auth_revoked(client: Client) -> None:
    stream = await client.stream()
    await client.fault("auth_revoked", seconds=3)
    assert await client.json("GET", "/v2/account") == (401, {"message": "unauthorized."})
    assert (await stream.socket.receive()).type is not aiohttp.WSMsgType.BINARY
    client.wall.advance(3)
    assert (await client.json("GET", "/v2/account"))[0] == 200


async def mute_stream(client: Client) -> None:
    stream = await client.stream()
    await client.fault("mute_stream", seconds=3)
    await client.place("silent")
    await stream.socket.ping()
    client.wall.advance(3)
    await client.place("loud")
    assert (await stream.next())["order"]["client_order_id"] == "loud"
    assert not stream.socket.closed


async def cut_stream(client: Client) -> None:
    stream = await client.stream()
    await client.fault("cut_stream")
    assert (await stream.socket.receive()).type is not aiohttp.WSMsgType.BINARY
    again = await client.stream()
    await client.place()
    assert await again.events(2) == ["pending_new", "new"]


async def restart(client: Client) -> None:
    stream = await client.stream()
    await client.place()
    await stream.events(2)
    await client.fault("restart", seconds=0.2)
    assert (await stream.socket.receive()).type is not aiohttp.WSMsgType.BINARY
    refused = 0
    while True:
        try:
            found = await client.order()
            break
        except GONE:
            refused += 1
    assert refused > 0
    assert found["status"] == "new"


async def early_close(client: Client) -> None:
    await client.place()
    await client.fault("early_close", seconds=60)
    clock = (await client.json("GET", "/v2/clock"))[1]
    assert (clock["is_open"], clock["next_close"][11:19]) == (True, "10:01:00")
    client.wall.advance(60)
    clock = (await client.json("GET", "/v2/clock"))[1]
    assert (clock["is_open"], clock["next_open"][:10]) == (False, "2026-11-23")
    assert (await client.order())["status"] == "expired"
    today = (await client.json("GET", "/v2/calendar?start=2026-11-20&end=2026-11-20"))[1]
    assert [day["close"] for day in today] == ["10:01"]


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_does_what_it_says(verb: str) -> None:
    """BR-2: each fault, through real sockets; a verb without a scenario fails here."""
    scenario: Scenario = globals()[verb]

    async def played() -> None:
        async with open_venue() as client:
            await scenario(client)

    asyncio.run(played())


# --- all at once ----------------------------------------------------------------------------------


async def asked(client: Client, number: int) -> None:
    """Place an order and cancel every second one; whatever is answered is believed by nobody."""
    wanted = f"order-{number}"
    with suppress(*GONE, ValueError):
        await client.place(wanted)
    if number % 2:
        with suppress(*GONE, ValueError, KeyError, TypeError, AttributeError):
            found = await client.order(wanted)
            await client.ask("DELETE", f"/v2/orders/{found['id']}")
    client.wall.advance(0.3)


@pytest.mark.parametrize("seed", [1, 2])
def test_under_all_faults_at_once_the_audit_says_what_is_true(seed: int) -> None:
    """BR-2, EX-6: an order is there exactly when its request was carried out."""

    async def run() -> None:
        async with open_venue(seed=seed, faults=chaos(0.15)) as client:
            for number in range(40):
                await asyncio.wait_for(asked(client, number), timeout=10)
            await client.admin("DELETE", "faults")
            placed = [one for one in await client.audit() if one["method"] == "POST"]
            booked = {one["client_order_id"]: 1 for one in placed if one["booked"]}
            truth = await client.truth()
            assert truth["orders_by_client_id"] == booked
            verdicts = {one["verdict"] for one in placed}  # which ones depends on the sockets' pace
            assert "answered" in verdicts
            assert len(verdicts) > 4
            held = sum(
                (1 if one["side"] == "buy" else -1) * Decimal(one["qty"])
                for one in truth["executions"]
                if not one["is_reversed"]
            )
            position = truth["positions"].get("AAPL", {"qty": "0"})
            assert Decimal(position["qty"]) == held

    asyncio.run(run())


# --- the rules ------------------------------------------------------------------------------------


class Now:
    """A machine clock."""

    ns = 0

    def __call__(self) -> int:
        """Its time."""
        return self.ns


def test_who_leaves_before_the_answer_is_no_error_of_the_venue(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """BR-2: the order is booked, nobody is told of an error, and the next one is answered."""

    async def run() -> None:
        async with open_venue() as client:
            await client.fault("delay", on=PLACE, ms=100, when="after")
            async with aiohttp.ClientSession() as http:
                asking = asyncio.create_task(replace(client, http=http).place("left"))
                while "left" not in (await client.truth())["orders_by_client_id"]:
                    assert not asking.done()
                asking.cancel()
            while (await last_request(client))["status"] == 0:
                assert asking.cancelled()
            assert (await client.place("next"))[0] == 200

    asyncio.run(run())
    assert [one.getMessage() for one in caplog.records if one.levelname == "ERROR"] == []


def plan(*entries: dict[str, Any], seed: int = 1) -> tuple[FaultPlan, Now]:
    now = Now()
    made = FaultPlan(Random(seed), now, "POST /v2/orders")
    for entry in entries:
        made.add(entry)
    return made, now


def hits(made: FaultPlan, subjects: list[str]) -> list[int]:
    return [at for at, one in enumerate(subjects) if made.take(Kind.REQUEST, one)]


def test_a_rule_counts_skips_and_matches() -> None:
    """BR-2: `times`, `skip` and `on` say exactly which request is hit."""
    made, _ = plan({"verb": "refuse", "times": 2, "skip": 1, "on": "GET /v2/*"})
    subjects = ["GET /v2/a", "POST /v2/a", "GET /v2/b", "GET /v2/c", "GET /v2/d"]
    assert hits(made, subjects) == [2, 3]
    always, _ = plan({"verb": "refuse", "times": "always", "on": "*"})
    assert hits(always, subjects) == [0, 1, 2, 3, 4]


def test_chances_come_from_the_seed() -> None:
    """BR-2: the same seed hits the same requests, another one others."""
    rule = {"verb": "refuse", "times": "always", "on": "*", "probability": 0.3}
    found = [hits(plan(rule, seed=seed)[0], ["x"] * 200) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
    assert 30 <= len(found[0]) <= 90


def test_a_rule_waits_for_its_time() -> None:
    """BR-2: `after_s` by the machine's clock."""
    made, now = plan({"verb": "refuse", "on": "*", "after_s": 1.5})
    now.ns = 1_499_999_999
    assert hits(made, ["x"]) == []
    now.ns = 1_500_000_000
    assert hits(made, ["x"]) == [0]


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"verb": "refus"}, "did you mean refuse"),
        ({}, "was None"),
        ({"verb": "refuse", "statsu": 500}, "did you mean status"),
        ({"verb": "refuse", "status": "500"}, "status is a number"),
        ({"verb": "refuse", "times": 0}, "from 1"),
        ({"verb": "refuse", "times": True}, "from 1"),
        ({"verb": "delay", "ms": -1}, "ms is a number"),
        ({"verb": "delay", "when": 3}, "one of before, after"),
        ({"verb": "malformed", "how": "badly"}, "one of truncated"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(entry: dict[str, Any], complaint: str) -> None:
    """BR-2: a misspelt fault that never happened would make a test pass for nothing."""
    with pytest.raises(FaultError, match=complaint):
        plan(entry)


def test_a_file_of_faults_is_read(tmp_path: Path) -> None:
    """BR-2: [[faults]] in TOML and nothing else."""
    path = tmp_path / "faults.toml"
    path.write_text('[[faults]]\nverb = "refuse"\nstatus = 500\n\n[[faults]]\nverb = "restart"\n')
    assert read_faults(path) == [{"verb": "refuse", "status": 500}, {"verb": "restart"}]
    for text in ('[fault]\nverb = "refuse"\n', "faults = 3\n", "no toml"):
        path.write_text(text)
        with pytest.raises(FaultError, match=r"faults\.toml"):
            read_faults(path)
    with pytest.raises(FaultError, match="cannot be read"):
        read_faults(tmp_path / "absent.toml")
