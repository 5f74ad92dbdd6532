"""Every way in which the venue misbehaves, with Polymarket's words, judged by its audit."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from brokers.sim.faults import VERBS
from brokers.sim.polymarket.site import VERBS as OWN
from tests.brokers.sim.polymarket.venue import Client, open_venue

Scenario = Callable[[Client], Awaitable[None]]
GONE = (aiohttp.ClientConnectionError, aiohttp.ServerDisconnectedError, ConnectionError)


async def ask(client: Client, **more: Any) -> tuple[int, Any]:
    """Status and JSON of an order that may fail."""
    return await client.ask("POST", "/order", client.order(**more))


async def orders(client: Client) -> list[Any]:
    """As the venue has them."""
    found: list[Any] = (await client.truth())["orders"]
    return found


async def drop_request(client: Client) -> None:
    await client.fault("drop_request")
    with pytest.raises(GONE):
        await ask(client)
    assert await orders(client) == []
    assert (await client.audit())[-1]["booked"] is False


async def refuse(client: Client) -> None:
    for status in (425, 429, 500, 503):
        await client.fault("refuse", status=status)
        found, body = await ask(client)
        assert (found, "error" in body) == (status, True)
    assert await orders(client) == []


async def accept_then_drop(client: Client) -> None:
    for how in ("close", "reset"):
        await client.fault("accept_then_drop", how=how)
        body = client.order(metadata=f"0x{how.encode().hex():0>64}")
        with pytest.raises(GONE):
            await client.ask("POST", "/order", body)
        told = (await client.audit())[-1]
        assert (told["booked"], told["status"]) == (True, 0)
        assert told["client_order_id"] == body["order"]["metadata"]
        assert "Duplicated" in (await client.ask("POST", "/order", body))[1]["error"]
    await client.fault("accept_then_drop", how="hang")
    unanswered = asyncio.create_task(ask(client))
    while len(await orders(client)) < 3:
        assert not unanswered.done()
    unanswered.cancel()
    assert {*(await client.truth())["orders_by_client_id"].values()} == {1}


async def accept_then_status(client: Client) -> None:
    for status in (425, 429, 500, 503):
        await client.fault("accept_then_status", status=status)
        found, body = await ask(client)
        assert (found, "orderID" in body) == (status, False)
    assert len(await orders(client)) == 4


async def delay(client: Client) -> None:
    for when in ("before", "after"):
        await client.fault("delay", on="POST /order", ms=1, when=when)
        assert (await ask(client))[0] == 200
    assert {each["verdict"] for each in (await client.audit())[-2:]} == {"delay"}


async def malformed(client: Client) -> None:
    for how in ("truncated", "html", "empty"):
        await client.fault("malformed", on="POST /order", how=how)
        body = client.order()
        text = json.dumps(body, separators=(",", ":"))
        async with client.http.post(
            f"{client.addresses.url}/order",
            data=text,
            headers=client.signed("POST", "/order", text),
        ) as answer:
            raw = await answer.read()
        with pytest.raises(ValueError, match=r"."):
            json.loads(raw)
    for how in ("nan", "types", "text", "extra", "huge"):
        await client.fault("malformed", on="POST /order", how=how)
        assert (await ask(client))[0] == 200
    assert len(await orders(client)) == 8


async def event_before_response(client: Client) -> None:
    stream = await client.listen()
    await client.fault("event_before_response", ms=1)
    placing = asyncio.create_task(ask(client))
    assert (await stream.next())["type"] == "PLACEMENT"
    assert (await placing)[0] == 200


async def drop_event(client: Client) -> None:
    stream = await client.listen()
    await client.fault("drop_event", on="PLACEMENT")
    order_id = await client.place()
    await client.cancel(order_id)
    assert (await stream.next())["type"] == "CANCELLATION"


async def repeat_event(client: Client) -> None:
    stream = await client.listen()
    await client.fault("repeat_event", on="PLACEMENT", copies=2)
    await client.place()
    told = [await stream.next() for _ in range(3)]
    assert told[0] == told[1] == told[2]


async def reorder_events(client: Client) -> None:
    stream = await client.listen()
    await client.fault("reorder_events", on="PLACEMENT")
    await client.cancel(await client.place())
    assert [(await stream.next())["type"] for _ in range(2)] == ["CANCELLATION", "PLACEMENT"]


async def delay_event(client: Client) -> None:
    stream = await client.listen()
    await client.fault("delay_event", on="PLACEMENT", ms=1)
    await client.place()
    assert (await stream.next())["type"] == "PLACEMENT"


async def malformed_event(client: Client) -> None:
    stream = await client.listen()
    for how in ("truncated", "text"):
        await client.fault("malformed_event", how=how)
        await client.place()
        with pytest.raises(ValueError, match=r"."):
            await stream.next()


async def odd_status(client: Client) -> None:
    for word, shown in (("suspended", "delayed"), ("unheard_of", "unheard_of")):
        await client.fault("odd_status", status=word, seconds=2)
        status, found = await ask(client)
        assert (status, found["status"]) == (200, shown)
        assert (await client.known(found["orderID"]))["status"] == shown.upper()
        await client.later(2)
        assert (await client.known(found["orderID"]))["status"] == "LIVE"


async def cancel_loses_to_fill(client: Client) -> None:
    order_id = await client.place()
    await client.fault("cancel_loses_to_fill", on=order_id)
    assert (await client.cancel(order_id))["canceled"] == [order_id]
    assert (await client.known(order_id))["status"] == "MATCHED"
    assert (await client.truth())["positions"][client.token()]["qty"] == "10"


async def fill_after_cancel(client: Client) -> None:
    order_id = await client.place()
    await client.fault("fill_after_cancel", seconds=3)
    assert (await client.cancel(order_id))["canceled"] == [order_id]
    assert (await client.truth())["positions"] == {}
    await client.later(3)
    order = await client.known(order_id)
    assert (order["status"], order["size_matched"]) == ("CANCELED", "10")
    assert (await client.truth())["positions"][client.token()]["qty"] == "10"


async def cancel_stuck(client: Client) -> None:
    order_id = await client.place()
    await client.fault("cancel_stuck", seconds=30)
    assert (await client.cancel(order_id))["canceled"] == [order_id]
    assert (await client.known(order_id))["status"] == "LIVE"
    await client.later(30)
    assert (await client.known(order_id))["status"] == "CANCELED"


async def reversal(client: Client) -> None:
    await client.quote("0.40", "0.50", "100", symbol="RAIN")
    stream = await client.listen()
    await client.fault("reversal", seconds=5)
    order_id = await client.place("BUY", "0.5", "20")
    assert (await client.truth())["cash"] == "99990"
    await client.later(5)
    told = [event["status"] for event in await stream.until("FAILED")]
    assert told == ["LIVE", "MATCHED", "MATCHED", "RETRYING", "FAILED"]
    truth = await client.truth()
    assert (truth["cash"], truth["positions"]) == ("100000", {})
    assert truth["executions"][0]["is_reversed"] is True
    assert (await client.known(order_id))["size_matched"] == "20"  # the engine knows nothing of it
    assert (await client.refused("SELL", "0.4", "20"))[1] == "not enough balance / allowance"


async def settlement_retries(client: Client) -> None:
    await client.quote("0.40", "0.50", "100", symbol="RAIN")
    await client.fault("settlement_retries", seconds=30)
    await client.place("BUY", "0.5", "20")
    await client.later(1)
    [trade] = await client.trades()
    assert trade["status"] == "RETRYING"
    assert (await client.refused("SELL", "0.4", "20"))[0] == 400
    await client.later(30)
    [again] = await client.trades()
    assert (again["status"], again["transaction_hash"] != trade["transaction_hash"]) == (
        "MINED",
        True,
    )
    await client.place("SELL", "0.4", "20")


async def reject_after_accept(client: Client) -> None:
    stream = await client.listen()
    await client.fault("reject_after_accept")
    order_id = await client.place()
    told = [(event["type"], event["status"]) for event in await stream.until("INVALID")]
    assert told == [("PLACEMENT", "LIVE"), ("CANCELLATION", "INVALID")]
    assert (await client.known(order_id))["status"] == "INVALID"


async def replace_rejected(client: Client) -> None:
    """There is no change of an order here; the rule waits for ever."""
    await client.fault("replace_rejected")
    await client.place()
    assert [rule["hits"] for rule in await client.admin("GET", "faults")] == [0]


async def rate_limit_window(client: Client) -> None:
    await client.fault("rate_limit_window", seconds=3)
    assert (await ask(client))[0] == 429
    assert (await client.ask("DELETE", "/cancel-all"))[0] == 429
    client.wall.advance(3)
    assert (await ask(client))[0] == 200


async def auth_revoked(client: Client) -> None:
    stream = await client.listen()
    await client.fault("auth_revoked", seconds=3)
    assert await ask(client) == (401, {"error": "Unauthorized/Invalid api key"})
    assert (await stream.socket.receive()).type is not aiohttp.WSMsgType.TEXT
    client.wall.advance(3)
    assert (await ask(client))[0] == 200


async def mute_stream(client: Client) -> None:
    stream = await client.listen()
    await client.fault("mute_stream", seconds=3)
    await client.place(price="0.3")
    await stream.socket.send_str("PING")
    assert await stream.socket.receive_str() == "PONG"
    client.wall.advance(3)
    await client.place(price="0.31")
    assert (await stream.next())["price"] == "0.31"


async def cut_stream(client: Client) -> None:
    stream = await client.listen()
    await client.fault("cut_stream")
    assert (await stream.socket.receive()).type is not aiohttp.WSMsgType.TEXT
    again = await client.listen()
    await client.place()
    assert (await again.next())["type"] == "PLACEMENT"


async def restart(client: Client) -> None:
    stream = await client.listen()
    order_id = await client.place()
    await stream.until("LIVE")
    await client.fault("restart", seconds=0.2)
    assert (await stream.socket.receive()).type is not aiohttp.WSMsgType.TEXT
    refused = 0
    while True:
        try:
            found = await client.known(order_id)
            break
        except GONE:
            refused += 1
    assert (refused > 0, found["status"]) == (True, "LIVE")


async def engine_restart(client: Client) -> None:
    resting = await client.place()
    await client.fault("engine_restart", seconds=90, post_only_seconds=120)
    assert (await ask(client))[0] == 425
    assert (await client.ask("DELETE", "/order", {"orderID": resting}))[0] == 425
    assert (await client.known(resting))["status"] == "LIVE"
    client.wall.advance(90)
    status, body = await ask(client)
    assert (status, body["code"], body["retry_after_seconds"]) == (503, "post_only_mode", 120)
    batch = await client.ask("POST", "/orders", [client.order()])
    assert batch[1][0]["success"] is True
    assert batch[1][0]["errorMsg"].startswith("post-only mode")
    assert (await ask(client, postOnly=True))[0] == 200
    assert (await client.cancel(resting))["canceled"] == [resting]
    client.wall.advance(120)
    assert (await ask(client))[0] == 200


async def cancel_only(client: Client) -> None:
    resting = await client.place()
    await client.fault("cancel_only", seconds=9)
    status, body = await ask(client, postOnly=True)
    assert (status, "cancel-only" in body["error"]) == (503, True)
    assert (await client.cancel(resting))["canceled"] == [resting]
    client.wall.advance(9)
    assert (await ask(client))[0] == 200


async def early_close(client: Client) -> None:
    """This venue never closes: only the generated prices stand still until the next day."""
    order_id = await client.place()
    await client.fault("early_close", seconds=0)
    assert (await client.known(order_id))["status"] == "LIVE"


@pytest.mark.parametrize("verb", [*VERBS, *OWN])
def test_the_venue_misbehaves_as_asked(verb: str) -> None:
    """BR-2: each fault, through real sockets; a verb without a scenario fails here."""
    scenario: Scenario = globals()[verb]

    async def played() -> None:
        async with open_venue() as client:
            await scenario(client)

    asyncio.run(played())


def test_whatever_happens_the_books_add_up() -> None:
    """BR-2: every verb at once, from the seed; cash and shares follow from the executions."""

    async def played() -> None:
        async with open_venue(chaos=0.05, is_still=False) as client:
            taken = 0
            while taken < 60:  # a venue that is away answers nothing: its time passes, and no order
                price = f"0.{45 + taken % 10}"
                client.wall.advance(0.5)
                try:
                    status, found = await ask(client, price=price)
                    taken += status == 200
                    if status == 200 and taken % 3 == 0 and "orderID" in found:
                        await client.ask("DELETE", "/order", {"orderID": found["orderID"]})
                except (*GONE, ValueError, TypeError):
                    continue
            await client.admin("DELETE", "faults")
            await client.later(60)
            truth = await client.truth()
        cash, held = 100_000.0, 0.0
        for one in truth["executions"]:
            if not one["is_reversed"]:
                cash -= float(one["qty"]) * float(one["price"])
                held += float(one["qty"])
        assert float(truth["cash"]) == pytest.approx(cash)
        assert sum(float(each["qty"]) for each in truth["positions"].values()) == pytest.approx(
            held
        )
        assert len({order["id"] for order in truth["orders"]}) == len(truth["orders"])
        assert len(truth["executions"]) > 10

    asyncio.run(played())
