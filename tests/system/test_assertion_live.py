"""A position that somebody halves at the venue: an assertion fails, and a person puts it right."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from actors.operator_words import (
    Changed,
    ControlRequest,
    Reconciled,
    ReconcileRequest,
    ResumeRequest,
)
from actors.trader_port import RunningTrader
from tests.support.live import ONE_1E8, SYMBOL, Live, Venue, at_venue, live, simulator
from tests.support.process import ask

SOLD_BY_HAND = 1


def test_an_assertion_that_fails_is_seen_everywhere_and_reset_by_a_person(tmp_path: Path) -> None:
    """WD-5, WD-9, ST-3: breaker, health, status and SQL say what failed; then the runbook's way."""

    async def play() -> None:
        with simulator() as told:
            async with at_venue(told) as where, live(where, tmp_path) as desk:
                await desk.ready()
                order = await desk.enter(qty=2)
                await desk.until(lambda: desk.state(order) == "FILLED", "a position")
                bought_1e8 = held_1e8(desk)
                await sell_by_hand(where, told)
                desk.reconcile()
                await desk.until(lambda: bool(failed(desk)), "a failed assertion")
                await seen_everywhere(desk, tmp_path)
                await put_right(desk)
                assert held_1e8(desk) == bought_1e8 - SOLD_BY_HAND * ONE_1E8

    asyncio.run(play())


async def seen_everywhere(desk: Live, data_dir: Path) -> None:
    """The gate, the health, the status and the record tell the same."""
    system, port = desk.trader.system, RunningTrader(desk.trader.system, rescan=dict)
    await desk.until(lambda: system.kill_memory.latched == "PAUSE", "the trigger's pause")
    assert not system.gate.refuses(False), "exits stay possible"  # noqa: FBT003
    health = port.health()
    assert not health["is_ready"]
    [breaker] = [each for each in health["breakers"] if each["name"] == "assertions"]
    assert (breaker["state"], breaker["is_latched"]) == ("OPEN", True)
    for shown in (health["assertions"], port.status()["assertions"]):
        assert [each["name"] for each in shown if each["found"]] == ["positions_equal"]
    [told] = {each["text"] for each in failed(desk)}
    asked = "SELECT name, subject, text FROM assertions ORDER BY pos DESC LIMIT 1"
    said = await asyncio.to_thread(ask, "sql", asked, "--json", "--data-dir", str(data_dir))
    assert said.code == 0, said.err
    assert "positions_equal" in said.out
    assert told in said.out


async def put_right(desk: Live) -> None:
    """The venue's word is taken, then breaker, halts and pause are lifted; it is ready again."""
    port = RunningTrader(desk.trader.system, rescan=dict)
    asked = ReconcileRequest(id="q1", reason="sold by hand", by="me", is_forced=True)
    answer = await said_to(desk, partial(port.reconcile, asked))
    assert isinstance(answer, Reconciled)
    assert not answer.is_stopped
    for name in ("reset_breakers", "clear_halts"):
        control = ControlRequest(id=name, name=name, value=True, reason="seen", by="me")
        changed = await said_to(desk, partial(port.set_control, control))
        assert isinstance(changed, Changed), changed
    resume = ResumeRequest(id="r1", reason="seen", by="me", rearm=False)
    assert isinstance(await said_to(desk, partial(port.resume, resume)), Changed)
    await desk.until(lambda: not port.health()["why_not_ready"], "a system that is ready again")


def held_1e8(desk: Live) -> int:
    """What our books hold."""
    core = desk.trader.system.core
    return sum(each.qty_1e8 for each in ([] if core is None else core.positions()))


def failed(desk: Live) -> list[dict[str, Any]]:
    """Assertions that were journaled as failed."""
    return desk.payloads("AssertionFailed")


async def said_to(desk: Live, ask_for: Callable[[Callable[[Any], None]], None]) -> Any:
    """The answer to one request of an operator."""
    answers: list[Any] = []
    ask_for(answers.append)
    await desk.until(lambda: bool(answers), "an answer")
    return answers[0]


async def sell_by_hand(where: Venue, told: dict[str, str]) -> None:
    """Somebody sells half of it on the venue's own page."""
    keys = {"APCA-API-KEY-ID": told["key"], "APCA-API-SECRET-KEY": told["secret"]}
    order = {
        "symbol": SYMBOL, "qty": str(SOLD_BY_HAND), "side": "sell", "type": "market",
        "time_in_force": "day", "client_order_id": "by-hand",
    }  # fmt: skip
    async with where.http.post(f"{where.url}/v2/orders", json=order, headers=keys) as response:
        assert response.status == 200
