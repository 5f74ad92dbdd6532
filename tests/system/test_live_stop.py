"""How a live run ends: what is decided in its last moments has an end of its own, too."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

import actors.live as live_module
from storage.heartbeat import HeartbeatPage
from tests.support.live import LIMIT_S, Live, at_venue, live, simulator


class LateServer:
    """Stands for whatever takes long as a run ends: a strategy's entry is decided meanwhile."""

    def __init__(self, desk: Live) -> None:
        """Serve nobody."""
        self._desk = desk

    async def start(self) -> int:
        """Listen nowhere."""
        return 0

    async def stop(self) -> None:
        """Ask for an entry, and come back in the instant in which it is decided."""
        core = self._desk.trader.system.core
        assert core is not None
        self._desk.ask()
        async with asyncio.timeout(LIMIT_S):
            while not core.orders():  # noqa: ASYNC110 - each turn of the loop counts
                await asyncio.sleep(0)


def test_an_entry_that_is_decided_as_the_run_ends_is_not_left_in_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WD-7, EX-1: the last look at what is in flight comes behind everything that is awaited.

    An intent without an end reads "maybe sent", and the run would have to be recovered.
    """

    async def play(told: dict[str, str]) -> list[tuple[Any, ...]]:
        async with at_venue(told) as where, live(where, tmp_path / "data") as desk:
            await desk.ready()
            monkeypatch.setattr(desk.trader, "begin", lambda: None)  # it has begun
            monkeypatch.setattr(live_module, "operator_server", lambda *_: LateServer(desk))
            run = asyncio.create_task(desk.trader.run(HeartbeatPage(tmp_path / "data")))
            await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(LIMIT_S):
                await run
            assert (await where.truth())["orders_by_client_id"] == {}
            sql = """SELECT state, payload ->> '$.orders_open', payload ->> '$.is_resolved'
                FROM orders, journal WHERE kind = 'RunStopped'"""
            return desk.record.query(sql, {})

    with simulator() as told:
        assert asyncio.run(play(told)) == [("NOT_SENT", 0, 1)]
