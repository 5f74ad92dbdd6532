"""Two real processes on one account: the holder is frozen, a rival takes over, the holder thaws."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from research.crash.books import read_record, venue_book
from research.crash.judge import OurBook, compare
from research.crash.market import ticker_config
from research.crash.plan import Plan
from storage.connection import open_reader, record_path
from tests.support.live import Venue, at_venue, simulator
from tests.support.process import ask, running, within
from trading.run_options import ExitCode, Mode, RunOptions

TRADES = 1
CASES = [("exit pending", True), ("durable", False)]
SCENE_S = 120.0
HELD = "SELECT client_order_id FROM orders WHERE state = 'PENDING'"
FENCE = "SELECT max(fence) FROM lease"
ROWS_OF = "SELECT count(*) FROM journal WHERE fence = ?"

pytestmark = pytest.mark.timeout(180)


def query(data_dir: Path, sql: str, *values: Any) -> list[Any]:
    """The first column of what the record says, without taking it over."""
    connection = open_reader(record_path(data_dir))
    try:
        return [row[0] for row in connection.execute(sql, values)]
    finally:
        connection.close()


@contextmanager
def holder(told: dict[str, str], config: Path, data_dir: Path, point: str) -> Iterator[int]:
    """A trader that stops itself (SIGSTOP) at a point; its process id, once it stands still."""
    options = RunOptions(
        mode=Mode.LIVE, broker="alpaca", url=told["url"], config=config, data_dir=data_dir
    )
    plan = Plan(options=options.to_json(), point=point, by="SIGSTOP")
    data_dir.mkdir()
    with (
        (data_dir / "holder.txt").open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "research.crash.child", plan.to_json()],
            stdout=output,
            stderr=output,
        ) as process,
    ):
        try:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status), (data_dir / "holder.txt").read_text()
            yield process.pid
        finally:
            process.kill()


async def thawed(pid: int) -> int:
    """Let it go on; its exit code."""
    os.kill(pid, signal.SIGCONT)
    _, status = await asyncio.to_thread(os.waitpid, pid, 0)
    return os.waitstatus_to_exitcode(status)


async def until_traded(where: Venue, executions: int) -> None:
    """Wait until the venue has seen so many executions."""
    while len((await where.truth())["executions"]) < executions:  # noqa: ASYNC110 - asked, not told
        await asyncio.sleep(0.1)


async def written(where: Venue, since: int = 0) -> list[dict[str, Any]]:
    """Every request after a number that asks for more than an answer."""
    requests = (await where.get(f"/admin/audit?since={since}"))["requests"]
    return [each for each in requests if each["method"] not in ("GET", "")]


async def agree(where: Venue, before: OurBook, data_dir: Path) -> None:
    """The venue's book is ours."""
    requests = (await where.get("/admin/audit"))["requests"]
    venue = venue_book(await where.truth(), requests)
    assert not compare(read_record(data_dir).book, venue, before=before)


@pytest.mark.parametrize(
    ("point", "is_rival_gone"), CASES if os.environ.get("HOLDFAST_SOAK") else CASES[:1]
)
def test_a_frozen_holder_that_thaws_sends_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, *, is_rival_gone: bool
) -> None:
    """ST-5: stopped between commit and release, overtaken, thawed: no order and no row of it.

    Its order was durable and ready to leave. Nobody ends it: it ends by itself, and says why.
    """
    config, data_dir = ticker_config(tmp_path), tmp_path / "data"

    async def rival_trades(where: Venue, pid: int) -> None:
        arguments = ("--mode", "LIVE", "--broker", "alpaca", "--url", where.url)
        both = (*arguments, "--config", str(config), "--recover")
        refused = await asyncio.to_thread(ask, "run", *both, "--data-dir", str(data_dir))
        assert refused.code == ExitCode.REFUSED
        assert f"process {pid}" in refused.err
        assert "--take-over" in refused.err
        before = len((await where.truth())["executions"])
        async with running(data_dir, *both, "--take-over") as rival:
            await rival.until_event("OrderChanged", new="NOT_SENT")
            if not is_rival_gone:
                await until_traded(where, before + 2 * TRADES)
                assert await thawed(pid) == ExitCode.REFUSED
                await until_traded(where, before + 4 * TRADES)
            assert await rival.end(signal.SIGINT) == ExitCode.DONE

    with simulator() as told, monkeypatch.context() as patched:
        patched.setenv("HOLDFAST_ALPACA_KEY", told["key"])
        patched.setenv("HOLDFAST_ALPACA_SECRET", told["secret"])

        async def scene() -> None:
            async with at_venue(told) as where:
                with holder(told, config, data_dir, point) as pid:
                    (fence,), held = query(data_dir, FENCE), query(data_dir, HELD)
                    (rows,) = query(data_dir, ROWS_OF, fence)
                    before = read_record(data_dir)
                    assert held
                    await where.fault("cut_stream")  # as for whoever answers no ping
                    await rival_trades(where, pid)
                    if is_rival_gone:
                        last = (await where.get("/admin/state"))["requests"]
                        assert await thawed(pid) == ExitCode.REFUSED
                        assert await written(where, last) == []
                    assert (
                        "the fence was raised while this trader ran"
                        in (data_dir / "holder.txt").read_text()
                    )
                assert not {each["client_order_id"] for each in await written(where)} & {*held}
                assert query(data_dir, ROWS_OF, fence) == [rows]
                await agree(where, before.book, data_dir)

        within(scene, SCENE_S)


def test_taking_over_is_for_going_on_with_a_run(tmp_path: Path) -> None:
    """ST-5: taking over goes on with a run; without --recover nothing is fenced."""
    assert ask("run", "--take-over", "--data-dir", str(tmp_path)).code == ExitCode.USAGE
