"""Catching up after a silence: one list for all, a look-up for what it does not show."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from actors import adapter
from actors.adapter import AdapterActor, AdapterPlan
from actors.lane_live import LiveLane
from brokers.alpaca.orders import CAPABILITIES
from brokers.base import LookedUp, OrderStated, Stated, StreamNews, StreamUp, Venue
from rust_core import ReleaseGate
from trading.ports import Part

ORDERS = 50
ACCOUNT = "account:main"
WORKING = {f"o{number}": 0 for number in range(ORDERS)}
LIVE = [*WORKING, "submitted"]


class Books:
    """The account's mail, and what its core would say of its orders."""

    def __init__(self) -> None:
        """Nothing was heard."""
        self.name = ACCOUNT
        self.heard: list[Any] = []

    def deliver(self, message: Any) -> None:
        """One answer of the venue."""
        self.heard.append(message)


class Desk:
    """A venue that answers by a script.

    Args:
        listed: Filled of each order in its list.
        silent: Look-ups that have no answer, the first so many times.
        lists_failed: How many of its first lists have none.
    """

    capabilities = CAPABILITIES

    def __init__(
        self, listed: dict[str, int], silent: dict[str, int], *, lists_failed: int = 0
    ) -> None:
        """Nothing was asked."""
        self._listed, self._silent, self._lists_failed = listed, silent, lists_failed
        self.lists = 0
        self.looked_up: list[str] = []

    async def state(
        self, question: int, parts: frozenset[Part], _: int, *, is_urgent: bool = False
    ) -> Stated:
        """Its list of open orders."""
        assert (parts, is_urgent) == (frozenset({Part.ORDERS}), True)
        self.lists += 1
        if self.lists <= self._lists_failed:
            return Stated(question=question, problem="503")
        orders = [
            OrderStated(
                client_order_id=order,
                broker_order_id=f"b-{order}",
                instrument="SPY",
                side="BUY",
                qty_1e8=10,
                filled_1e8=filled,
            )
            for order, filled in self._listed.items()
        ]
        return Stated(question=question, orders=tuple(orders))

    async def look_up(self, order: str, _: str = "") -> LookedUp:
        """One order."""
        self.looked_up.append(order)
        left = self._silent.get(order, 0)
        self._silent[order] = left - 1
        problem = "no answer" if left > 0 else ""
        return LookedUp(client_order_id=order, reports=None if problem else (), problem=problem)

    async def listen(self, hear: Callable[[StreamNews], None]) -> None:
        """The stream comes up, and says no more."""
        hear(StreamUp(stream="orders"))
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing is open."""


def caught_up(venue: Desk, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Drives an adapter until it has caught up; what the account was told."""
    monkeypatch.setattr(adapter, "CATCH_UP_WAIT_S", 0.001)
    books = Books()

    async def play() -> None:
        lane, gate, done = LiveLane(), ReleaseGate(), asyncio.Event()
        gate.set_fence(1, 1)
        lane.names[ACCOUNT] = books
        plan = AdapterPlan(
            account=ACCOUNT,
            make=lambda: cast("Venue", venue),
            hold=lambda name, cause: gate.set_breaker(name, bool(cause)),
            fence=1,
            fence_word=lambda: 1,
            is_ours=lambda _: True,
            live_orders=lambda: LIVE,
            working=lambda: WORKING,
            intents=list,
            broker_id=lambda order: f"b-{order}",
            intended_ns=lambda _: 1,
            reconnected=done.set,
            notify=lambda *_: None,
            note=lambda *_: None,
        )
        actor = AdapterActor(lane, "adapter:main", plan)
        actor.on_start()
        async with asyncio.timeout(10):
            await done.wait()
        assert gate.refuses(True) is None, "entries may leave"  # noqa: FBT003 - its own signature
        actor.on_stop()
        await asyncio.sleep(0)
        lane.close()

    asyncio.run(play())
    return books.heard


def test_one_list_answers_for_every_order_that_stands_as_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ST-4, EX-16: looked up: what is not listed, what has filled, what was never acknowledged."""
    listed = {order: 0 for order in LIVE if order != "o7"} | {"o9": 5}
    venue = Desk(listed, {})
    heard = caught_up(venue, monkeypatch)
    assert venue.lists == 1
    assert venue.looked_up == ["o7", "o9", "submitted"]
    assert [each.client_order_id for each in heard] == ["o7", "o9", "submitted"]


def test_only_what_had_no_answer_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """ST-4: one time-out does not have a thousand orders asked for twice."""
    venue = Desk(dict.fromkeys(WORKING, 0) | {"o1": 1, "o2": 1}, {"o2": 2})
    caught_up(venue, monkeypatch)
    assert venue.looked_up == ["o1", "o2", "submitted", "o2", "o2"]


def test_a_list_that_had_no_answer_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """ST-4: nothing is taken for known without it, and nobody asks for fifty orders instead."""
    venue = Desk(dict.fromkeys(WORKING, 0), {}, lists_failed=2)
    caught_up(venue, monkeypatch)
    assert (venue.lists, venue.looked_up) == (3, ["submitted"])
