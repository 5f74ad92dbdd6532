"""Every way in which the venue misbehaves, with Tradier's words, judged by its audit."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from brokers.sim.faults import VERBS
from tests.brokers.sim.tradier.venue import CALL, Client, open_venue, option, spread

Scenario = Callable[[Client], Awaitable[None]]
GONE = (aiohttp.ClientConnectionError, aiohttp.ServerDisconnectedError, ConnectionError)


async def ask(client: Client, tag: str = "mine", **more: Any) -> tuple[int, str]:
    """Status and text of a POST that may fail."""
    path = f"{client.account}/orders"
    status, text, _ = await client.ask("POST", path, option(tag, **more))
    return status, text


async def booked(client: Client) -> dict[str, int]:
    """Orders by tag, as the venue has them."""
    found: dict[str, int] = (await client.truth())["orders_by_client_id"]
    return found


async def drop_request(client: Client) -> None:
    await client.fault("drop_request")
    with pytest.raises(GONE):
        await ask(client)
    assert await booked(client) == {}
    assert (await client.audit())[-1]["booked"] is False


async def refuse(client: Client) -> None:
    for status in (500, 503):
        await client.fault("refuse", status=status)
        assert (await ask(client))[0] == status
    await client.fault("refuse", status=200)
    assert await ask(client) == (200, '{"errors":{"error":"OmsInternalError"}}')
    assert await booked(client) == {}


async def accept_then_drop(client: Client) -> None:
    for how in ("close", "reset"):
        await client.fault("accept_then_drop", how=how)
        with pytest.raises(GONE):
            await ask(client, how)
        told = (await client.audit())[-1]
        assert (told["booked"], told["status"], told["client_order_id"]) == (True, 0, how)
    await client.fault("accept_then_drop", how="hang")
    unanswered = asyncio.create_task(ask(client, "hang"))
    while "hang" not in await booked(client):
        assert not unanswered.done()
    unanswered.cancel()
    assert await booked(client) == {"close": 1, "reset": 1, "hang": 1}


async def accept_then_status(client: Client) -> None:
    for status in (200, 429, 500, 502, 504):
        await client.fault("accept_then_status", status=status)
        found, text = await ask(client, f"s-{status}")
        assert found == status
        assert '"order"' not in text
    assert set((await booked(client)).values()) == {1}
    assert len(await booked(client)) == 5


async def delay(client: Client) -> None:
    for when in ("before", "after"):
        await client.fault("delay", on="POST /v1/accounts/*", ms=1, when=when)
        assert (await ask(client, when))[0] == 200
    assert {each["verdict"] for each in await client.audit()} == {"delay"}


async def malformed(client: Client) -> None:
    for how in ("truncated", "html", "nan", "types", "text", "empty", "extra", "huge"):
        await client.fault("malformed", on="POST *", how=how)
        assert (await ask(client, how))[0] == 200
    assert len(await booked(client)) == 8
    for how in ("nan", "types", "extra", "truncated"):  # of an answer that is no JSON anyway
        await client.fault("malformed", on="DELETE *", how=how)
        assert await client.cancel(12) == (401, "Unauthorized Acc")


async def event_before_response(client: Client) -> None:
    stream = await client.listen()
    await client.fault("event_before_response", ms=200)
    answer = asyncio.create_task(ask(client, price="20"))
    assert (await stream.until("filled"))[-1]["tag"] == "mine"
    assert not answer.done()
    assert (await answer)[0] == 200


async def drop_event(client: Client) -> None:
    stream = await client.listen()
    await client.fault("drop_event", on="filled")
    await client.place(**option("a", price="20"))
    await client.place(**option("b", price="20"))
    found = await stream.until("filled")
    assert found[-1]["tag"] == "b"


async def repeat_event(client: Client) -> None:
    stream = await client.listen()
    await client.fault("repeat_event", on="filled", copies=2)
    await client.place(**option(price="20"))
    found = await stream.until("filled")
    assert [await stream.next(), await stream.next()] == [found[-1]] * 2


async def reorder_events(client: Client) -> None:
    stream = await client.listen()
    await client.fault("reorder_events", on="filled", hold=1)
    first = await client.place(**option(price="20"))
    second = await client.place(**option())
    found = [await stream.next() for _ in range(5)]
    assert found[2]["id"] == second
    assert (found[3]["id"], found[3]["status"]) == (first, "filled")


async def delay_event(client: Client) -> None:
    stream = await client.listen()
    await client.fault("delay_event", on="filled", ms=1)
    await client.place(**option(price="20"))
    assert (await stream.until("filled"))[-1]["exec_quantity"] == 1.0


async def malformed_event(client: Client) -> None:
    stream = await client.listen()
    await client.fault("malformed_event", on="filled", how="truncated")
    await client.place(**option(price="20"))
    texts = [await stream.socket.receive_str() for _ in range(3)]
    assert not texts[-1].endswith("}")


async def cancel_loses_to_fill(client: Client) -> None:
    mine = await client.place(**option())
    await client.fault("cancel_loses_to_fill", on="mine")
    assert (await client.cancel(mine))[0] == 200
    assert (await client.order(mine))["status"] == "filled"
    assert await client.cancel(mine) == (400, "order already in finalized state: filled")


async def fill_after_cancel(client: Client) -> None:
    mine = await client.place(**option())
    await client.fault("fill_after_cancel", on="mine", seconds=1)
    await client.cancel(mine)
    assert (await client.order(mine))["status"] == "canceled"
    client.wall.advance(1)
    shown = await client.order(mine)
    assert (shown["status"], shown["exec_quantity"]) == ("filled", 1.0)
    assert (await client.truth())["positions"][CALL]["qty"] == "1"


async def cancel_stuck(client: Client) -> None:
    mine = await client.place(**option())
    await client.fault("cancel_stuck", seconds=5)
    assert (await client.cancel(mine))[0] == 200
    assert (await client.cancel(mine))[0] == 200
    assert (await client.order(mine))["status"] == "open"
    client.wall.advance(5)
    assert (await client.order(mine))["status"] == "canceled"


async def reversal(client: Client) -> None:
    await client.fault("reversal", seconds=1)
    mine = await client.place(**option(price="20"))
    assert (await client.order(mine))["exec_quantity"] == 1.0
    client.wall.advance(1)
    shown = await client.order(mine)
    assert (shown["status"], shown["exec_quantity"]) == ("filled", 0.0)
    truth = await client.truth()
    assert (truth["positions"], truth["cash"]) == ({}, "100000")


async def odd_status(client: Client) -> None:
    for status in ("calculated", "accepted_for_bidding", "error", "unheard_of"):
        await client.fault("odd_status", status=status, seconds=2)
        mine = await client.place(**option(f"odd-{status.replace('_', '-')}"))
        assert (await client.order(mine))["status"] == status
        client.wall.advance(2)
        assert (await client.order(mine))["status"] == "open"


async def reject_after_accept(client: Client) -> None:
    await client.fault("reject_after_accept", times=2)
    for form in (option(), spread("legs")):
        shown = await client.order(await client.place(**form))
        assert shown["status"] == "rejected"
        assert shown["reason_description"]


async def replace_rejected(client: Client) -> None:
    mine = await client.place(**option())
    await client.fault("replace_rejected")
    path = f"{client.account}/orders/{mine}"
    assert (await client.json("PUT", path, {"price": "2.00"}))["order"]["status"] == "ok"
    assert (await client.order(mine))["price"] == 1.0


async def rate_limit_window(client: Client) -> None:
    await client.fault("rate_limit_window", seconds=5)
    assert (await ask(client))[0] == 429
    assert (await client.ask("GET", "/v1/markets/clock"))[0] == 429
    client.wall.advance(5)
    assert (await ask(client))[0] == 200


async def auth_revoked(client: Client) -> None:
    stream = await client.listen()
    await client.fault("auth_revoked", seconds=5)
    assert await ask(client) == (401, "Invalid Access Token")
    assert (await stream.socket.receive()).type is aiohttp.WSMsgType.CLOSED
    client.wall.advance(5)
    assert (await ask(client))[0] == 200


async def mute_stream(client: Client) -> None:
    stream = await client.listen()
    await client.fault("mute_stream", seconds=5)
    await client.place(**option("lost"))
    client.wall.advance(5)
    await client.place(**option("heard"))
    assert (await stream.next())["tag"] == "heard"


async def cut_stream(client: Client) -> None:
    account = await client.listen()
    market = await client.listen("markets", symbols=["F"])
    assert (await market.next())["symbol"] == "F"
    await client.fault("cut_stream")
    for stream in (account, market):
        assert (await stream.socket.receive()).type is aiohttp.WSMsgType.CLOSED


async def restart(client: Client) -> None:
    mine = await client.place(**option())
    await client.fault("restart", seconds=0)
    while True:
        try:
            assert (await client.order(mine))["status"] == "open"
        except GONE:
            continue
        break


async def early_close(client: Client) -> None:
    mine = await client.place(**option())
    await client.fault("early_close", seconds=0)
    assert (await client.order(mine))["status"] == "expired"
    assert (await ask(client))[0] == 400  # the contract has settled with it


SCENARIOS: dict[str, Scenario] = {
    each.__name__: each
    for each in (
        drop_request,
        refuse,
        accept_then_drop,
        accept_then_status,
        delay,
        malformed,
        event_before_response,
        drop_event,
        repeat_event,
        reorder_events,
        delay_event,
        malformed_event,
        cancel_loses_to_fill,
        fill_after_cancel,
        cancel_stuck,
        reversal,
        odd_status,
        reject_after_accept,
        replace_rejected,
        rate_limit_window,
        auth_revoked,
        mute_stream,
        cut_stream,
        restart,
        early_close,
    )
}


def test_every_verb_has_its_scenario() -> None:
    """BR-2: what can go wrong at this venue is shown here, each by its name."""
    assert {*SCENARIOS} == {*VERBS}


@pytest.mark.parametrize("verb", [*VERBS])
def test_the_venue_misbehaves_as_asked(verb: str) -> None:
    """BR-2: each verb does what it says, and the audit tells what became of the request."""

    async def play() -> None:
        async with open_venue() as client:
            await SCENARIOS[verb](client)

    asyncio.run(play())


def test_a_rule_without_a_place_means_the_placing_of_orders() -> None:
    """BR-2: the pattern is the venue's own, and admin tells it."""

    async def play() -> None:
        async with open_venue() as client:
            await client.fault("refuse")
            assert (await client.ask("GET", f"{client.account}/orders"))[0] == 200
            assert (await ask(client))[0] == 503
            verbs = await client.admin("GET", "verbs")
            assert verbs["refuse"]["on"] == "POST /v1/accounts/*/orders"
            assert verbs["delay"]["on"] == "*"

    asyncio.run(play())
