"""Journaled events for clients that are quick, late, or slow."""

from pathlib import Path
from typing import Any

import orjson

from actors.operator_feed import EventFeed
from tests.console.fake_trader import FakeTrader, row
from tests.console.operator_client import run, served


def _take_all(feed: EventFeed) -> list[Any]:
    taken: list[Any] = []
    while messages := feed.take():
        taken += [orjson.loads(message) for message in messages]
    return taken


def _seqs(messages: list[Any]) -> list[int]:
    return [message["seq"] for message in messages if message["type"] == "event"]


def test_a_subscriber_gets_the_past_and_then_what_is_new(tmp_path: Path) -> None:
    """UI-8: events as they are journaled, with their sequence, without a hole between."""

    async def scenario() -> None:
        async with served(tmp_path) as desk, desk.socket() as client:
            for seq in range(1, 251):
                desk.trader.make_durable(row(seq))
            await client.send_json({"type": "subscribe", "after_seq": 10})
            seen = [await client.receive_json() for _ in range(240)]
            assert _seqs(seen) == list(range(11, 251))
            desk.trader.make_durable(row(251))
            assert await client.receive_json() == {
                "type": "event",
                "journal_id": "account:main",
                "seq": 251,
                "stream": "order/o-1",
                "kind": "OrderChanged",
                "at_ns": 251,
                "payload": {"n": 251},
            }

    run(scenario)


def test_each_journal_has_a_position_of_its_own() -> None:
    """UI-8: sequences count per journal; a client resumes each where it stood."""
    trader = FakeTrader()
    for seq in (1, 2, 3):
        trader.make_durable(row(seq))
        trader.make_durable(row(seq, "system"))
    feed = EventFeed(trader, {"account:main": 2}, lambda: None)
    seen = [(message["journal_id"], message["seq"]) for message in _take_all(feed)]
    assert seen == [("account:main", 3), ("system", 1), ("system", 2), ("system", 3)]


def test_a_slow_client_loses_the_oldest_and_is_told() -> None:
    """UI-8: the buffer is bounded, the gap is marked, and says from where to ask again."""
    trader = FakeTrader()
    feed = EventFeed(trader, 0, lambda: None, buffer_max=5)
    trader.make_durable(row(1))
    assert _seqs(_take_all(feed)) == [1]
    for seq in range(2, 12):
        trader.make_durable(row(seq))
    seen = _take_all(feed)
    assert seen[0] == {"type": "gap", "dropped": 5, "after_seq": {"account:main": 1, "system": 0}}
    assert _seqs(seen) == [7, 8, 9, 10, 11]
    again = EventFeed(trader, seen[0]["after_seq"], lambda: None)
    assert _seqs(_take_all(again)) == list(range(2, 12))


def test_what_overflows_while_catching_up_is_read_from_the_journal() -> None:
    """UI-8: a client that is far behind gets everything, once, in order."""
    trader = FakeTrader()
    for seq in range(1, 301):
        trader.make_durable(row(seq))
    feed = EventFeed(trader, 0, lambda: None, buffer_max=5)
    seen = [orjson.loads(message) for message in feed.take()]
    for seq in range(301, 321):
        trader.make_durable(row(seq))
    seen += _take_all(feed)
    assert _seqs(seen) == list(range(1, 321))
    assert not any(message["type"] == "gap" for message in seen)


def test_answers_go_before_events(tmp_path: Path) -> None:
    """KC-3: the answer to a kill does not wait behind a journal that is being caught up."""

    async def scenario() -> None:
        async with served(tmp_path) as desk, desk.socket() as client:
            for seq in range(1, 5001):
                desk.trader.make_durable(row(seq))
            await client.send_json({"type": "subscribe", "after_seq": 0})
            await client.send_json({"type": "kill", "id": "k-1", "level": "PAUSE"})
            kinds = [(await client.receive_json())["type"] for _ in range(5002)]
            assert kinds.index("accepted") < 1000
            assert kinds.index("done") < 1000

    run(scenario)


def test_a_client_that_leaves_is_forgotten(tmp_path: Path) -> None:
    """UI-8: no listener outlives its client."""

    async def scenario() -> None:
        async with served(tmp_path) as desk:
            for _ in range(3):
                async with desk.socket() as client:
                    await client.send_json({"type": "subscribe"})
                    await client.send_json({"type": "subscribe", "after_seq": 5})
                    await client.send_json({"type": "kill", "id": "k-1", "level": "PAUSE"})
                    await client.receive_json()
                    assert len(desk.trader.listeners) == 1
            await desk.server.stop()
            assert desk.trader.listeners == []

    run(scenario)
