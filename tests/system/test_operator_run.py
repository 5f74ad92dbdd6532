"""Kills, resume and the end of a run, by every way a person has, against the real processes."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import orjson

from storage import open_record
from tests.support.play import CONFIGS
from tests.support.process import RunningRun, ask, running, within, write_config
from trading.run_options import HELD_SIGNALS, SUMMARY_FILE, RunOptions

ENDED = {"FILLED", "CANCELLED", "REJECTED", "EXPIRED"}
DEMO = CONFIGS / "demo.toml"
PATIENT = """
from trading.strategies import ExitPlan, Leg, OrderType, NoTrade, NoTradeReason, Side, Signal
from trading.strategies import StopAt, Strategy, ratio

class Patient(Strategy):
    parameters = {}
    indicators = ()

    def evaluate(self, view):
        if view.session.is_entry_pending or view.position is not None:
            return NoTrade(NoTradeReason.IN_POSITION)
        limit = round(view.bar.close * 0.99, 2)
        return Signal(
            setup_instance=f"m{view.now_ns // 60_000_000_000}",
            legs=(Leg(instrument=view.instrument.symbol, side=Side.BUY),),
            plan=ExitPlan(stop=StopAt(ratio("0.003"))),
            reason="a limit far below",
            order_type=OrderType.LIMIT,
            limit_1e8=round(limit * 100) * 1_000_000,
        )
"""
HOLDER = """
from trading.strategies import ExitPlan, Leg, NoTrade, NoTradeReason, Side, Signal
from trading.strategies import StopAt, Strategy, ratio

class Holder(Strategy):
    parameters = {}
    indicators = ()

    def evaluate(self, view):
        if view.session.entries or view.session.is_entry_pending:
            return NoTrade(NoTradeReason.MAX_TRADES)
        return Signal(
            setup_instance=f"m{view.now_ns // 60_000_000_000}",
            legs=(Leg(instrument=view.instrument.symbol, side=Side.BUY),),
            plan=ExitPlan(stop=StopAt(ratio("0.05"))),
            reason="held to the end of the day",
        )
"""
NAMED = '\n[[strategies]]\nname = "{}"\ninstrument = "SPY"\nenabled = true\n'


def busy(tmp_path: Path) -> Path:
    """The demo, with one strategy that holds a position all day and one whose order only works."""
    folder = tmp_path / "strategies"
    folder.mkdir()
    (folder / "holder.py").write_text(HOLDER, encoding="utf-8")
    (folder / "patient.py").write_text(PATIENT, encoding="utf-8")
    return write_config(
        tmp_path / "busy.toml",
        DEMO,
        changes={
            'strategies_dir = "strategies"': f'strategies_dir = "{folder}"',
            "entry_ttl_s = 120 ": "entry_ttl_s = 0 ",
            "collar_ratio = 0.02": "collar_ratio = 0.05",
            "positions_per_instrument_max = 1": "positions_per_instrument_max = 3",
        },
        strategies=NAMED.format("holder") + NAMED.format("patient"),
    )


async def both_open(run: RunningRun) -> None:
    """Wait until a position is held and an entry works."""
    wanted = {"MONITORING", "WORKING"}
    while wanted:
        payload = (await run.until(lambda said: said["type"] == "event"))["payload"]
        if payload.get("strategy") == "holder":
            wanted.discard(payload.get("phase"))
        if "-patient-" in payload.get("client_order_id", ""):
            wanted.discard(payload.get("new"))


def query(data_dir: Path, sql: str, **fields: Any) -> list[tuple[Any, ...]]:
    """What the record of a run that has ended says."""
    record = open_record(data_dir, is_eager=False)
    try:
        return record.query(sql, fields)
    finally:
        record.close()


def open_at_venue(data_dir: Path) -> tuple[list[str], list[int]]:
    """Working orders and net quantities, from the venue's own file alone."""
    connection = apsw.Connection(
        str(data_dir / "paper-venue.sqlite"), flags=apsw.SQLITE_OPEN_READONLY
    )
    newest = "SELECT run FROM changes ORDER BY number DESC LIMIT 1"
    rows = connection.execute(
        f"SELECT change FROM changes WHERE run = ({newest}) ORDER BY number"  # noqa: S608
    )
    changes = [orjson.loads(change) for (change,) in rows]
    states = {
        order["asked"]["client_order_id"]: order["state"]
        for change in changes
        for order in change["orders"]
    }
    held = [qty_1e8 for qty_1e8 in changes[-1]["positions_1e8"] if qty_1e8]
    return [order for order, state in states.items() if state not in ENDED], held


def risk_handed_over(data_dir: Path, kill_id: str) -> int:
    """Entries handed to the transport after a kill was accepted, in the order of the journal."""
    [(found,)] = query(
        data_dir,
        """SELECT count(*) FROM journal JOIN orders USING (run)
        WHERE kind = 'OrderChanged' AND payload ->> '$.new' = 'SUBMITTED'
        AND orders.client_order_id = substr(stream, 7) AND purpose = 'ENTRY'
        AND pos > (SELECT pos FROM journal WHERE kind = 'KillAccepted'
            AND payload ->> '$.kill_id' = :kill_id)""",
        kill_id=kill_id,
    )
    return int(found)


def test_flatten_by_websocket_leaves_nothing_and_stays_over_a_restart(
    data_dir: Path, tmp_path: Path
) -> None:
    """KC-2, KC-3, KC-4: true counts, acts once, no risk added after it, latched until lifted."""
    done: list[dict[str, Any]] = []
    config = ("--config", str(busy(tmp_path)), "--data-dir", str(data_dir))

    async def scenario() -> None:
        async with running(data_dir, *config[:2], speed="60") as run:
            await both_open(run)
            status = await run.ask("status")
            assert (status.code, "Open positions" in status.out) == (0, True)
            kill = {"type": "kill", "id": "k1", "level": "FLATTEN", "reason": "a test"}
            await run.send(**kill)
            await run.until_answer("accepted", "k1")
            done.append(await run.until_answer("done", "k1"))
            await run.send(**kill)
            await run.until_answer("accepted", "k1")
            done.append(await run.until_answer("done", "k1"))
            status = (await run.ask("status", "--json")).json()
            assert "trader_error" not in status
            assert (status["is_running"], status["kill_level"]) == (True, "FLATTEN")
            assert (status["positions"], status["orders"]) == ([], [])
            assert await run.end(signal.SIGTERM) == 0

    within(scenario)
    assert done[0] == done[1]
    assert (done[0]["closed"], done[0]["failed"], done[0]["remaining"]) == (1, 0, 0)
    [(closed, cancelled)] = query(
        data_dir,
        """SELECT (SELECT count(*) FROM trades WHERE reason = 'KILL_SWITCH'),
        (SELECT count(*) FROM journal JOIN orders USING (run) WHERE kind = 'CancelRequested'
            AND payload ->> '$.client_order_id' = client_order_id
            AND payload ->> '$.reason' = 'killed' AND state = 'CANCELLED')""",
    )
    assert (done[0]["closed"], done[0]["cancelled"]) == (closed, cancelled)
    assert query(data_dir, "SELECT count(*) FROM kill_commands") == [(1,)]
    assert open_at_venue(data_dir) == ([], [])
    assert risk_handed_over(data_dir, "k1") == 0

    run = ("run", "--speed", "max", "--headless", "--json", *config)
    again = ask(*run)
    assert (again.code, again.json()["orders"]) == (0, 0)
    assert ask("status", "--data-dir", str(data_dir), "--json").json()["kill"]["level"] == "FLATTEN"
    lifted = ask("resume", "--data-dir", str(data_dir), "--json")
    assert (lifted.code, lifted.json()["old"]) == (0, "FLATTEN")
    assert ask(*run).json()["trades"] > 0


def test_every_way_to_kill_reaches_the_same_switch(data_dir: Path) -> None:
    """KC-1, KC-2: REST, page, command line, signals; an EMERGENCY is lifted only with rearm."""

    async def resumed(run: RunningRun) -> None:
        status, answer = await run.post("/api/resume", reason="go on")
        assert (status, answer["type"], answer["old"]) == (200, "done", "PAUSE")

    async def scenario() -> None:
        async with running(data_dir, speed="300") as run:
            await run.until_event("SessionOpened")
            assert (await run.get("/health"))[0] == 200
            status, answer = await run.post("/api/kill", id="r1", level="PAUSE")
            assert (status, answer["type"]) == (200, "done")
            assert (await run.get("/health"))[0] == 503
            await resumed(run)
            said = await run.ask("kill", "pause", "--reason", "lunch", "--json")
            assert (said.code, said.json()["type"]) == (0, "done")
            assert (await run.ask("resume")).code == 0
            token = (data_dir / "operator.token").read_text().strip()
            form = {"token": token, "id": "page1", "level": "PAUSE", "reason": ""}
            async with run.http.post(run.url + "/kill", data=form) as page:
                assert page.status == 200
                assert "done" in await page.text()
            await resumed(run)
            signal_pid(run, signal.SIGUSR1)
            await run.until_event("KillAccepted", author="signal", level="PAUSE")
            await run.until_event("KillDone", level="PAUSE")
            signal_pid(run, signal.SIGUSR2)
            await run.until_event("KillDone", level="FLATTEN")
            async with run.http.get(run.url + "/metrics") as metrics:
                assert re.search(
                    r'^holdfast_kill_level{level="FLATTEN"} 1', await metrics.text(), re.M
                )
            assert (await run.post("/api/kill", id="r2", level="EMERGENCY"))[0] == 200
            status, answer = await run.post("/api/resume", reason="too easily")
            assert (status, "rearm" in answer["error"]) == (409, True)
            assert (await run.ask("resume")).code != 0
            assert (await run.ask("resume", "--rearm")).code == 0
            assert await run.end(signal.SIGINT) == 0

    within(scenario)
    rows = query(data_dir, "SELECT author, level FROM kill_commands ORDER BY accepted_ns, kill_id")
    assert {level for _, level in rows} == {"PAUSE", "FLATTEN", "EMERGENCY"}
    assert len(rows) == 6


def signal_pid(run: RunningRun, number: signal.Signals) -> None:
    """Send a signal to the trader itself, whose id stands in `operator.json`."""
    os.kill(run.address.pid, number)


def test_a_pause_keeps_exits_running(data_dir: Path, tmp_path: Path) -> None:
    """KC-1: PAUSE stops entries only; the open position ends by its own plan."""

    async def scenario() -> None:
        async with running(data_dir, "--config", str(busy(tmp_path)), speed="3000") as run:
            await run.until_event("PositionChanged", strategy="holder", phase="MONITORING")
            await run.send(type="kill", id="pause", level="PAUSE", reason="")
            await run.until_answer("done", "pause")
            await run.until_event("TradeClosed", strategy="holder", reason="AUTO_FLATTEN")
            assert await run.end(signal.SIGTERM) == 0

    within(scenario)
    assert risk_handed_over(data_dir, "pause") == 0
    assert "KILL_SWITCH" not in {row[0] for row in query(data_dir, "SELECT reason FROM trades")}


def test_a_stop_cancels_working_entries_and_ends_the_run(data_dir: Path, tmp_path: Path) -> None:
    """WD-7: on SIGTERM entries stop, working ones are cancelled, the journal is whole, exit 0."""

    async def scenario() -> None:
        async with running(data_dir, "--config", str(busy(tmp_path)), speed="60") as run:
            await both_open(run)
            assert await run.end(signal.SIGTERM) == 0

    within(scenario)
    states = query(data_dir, "SELECT state FROM orders WHERE strategy = 'patient'")
    assert states == [("CANCELLED",)]
    reasons = query(
        data_dir, "SELECT payload ->> '$.reason' FROM journal WHERE kind = 'CancelRequested'"
    )
    assert ("the trader stops",) in reasons
    left = query(
        data_dir,
        """SELECT payload ->> '$.orders_open', payload ->> '$.positions_open',
        payload ->> '$.is_resolved' FROM journal WHERE kind = 'RunStopped'""",
    )
    assert left == [(0, 1, 1)]
    summary = orjson.loads((data_dir / SUMMARY_FILE).read_bytes())
    assert summary["bars"] > 0  # of the session in which it was stopped
    working, [held] = open_at_venue(data_dir)
    assert (working, held > 0) == ([], True)
    assert query(data_dir, "SELECT ended_ns > 0, is_clean FROM runs") == [(1, 1)]
    assert ask("verify", "--data-dir", str(data_dir)).code == 0
    nothing = ask("run", "--recover", "--data-dir", str(data_dir), "--headless")
    assert (nothing.code, "leave --recover out" in nothing.err) == (2, True)


def test_a_stop_in_the_first_instant_of_a_trader_ends_a_whole_run(data_dir: Path) -> None:
    """WD-7: SIGTERM before its first line of Python: set up, stopped, journaled, exit 0."""
    data_dir.mkdir(mode=0o700)
    options = RunOptions(data_dir=data_dir)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD_SIGNALS)  # until it can act
    try:
        trader = subprocess.Popen([sys.executable, "-m", "actors.trader", options.to_json()])
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    trader.send_signal(signal.SIGTERM)
    assert trader.wait(60) == 0
    assert query(data_dir, "SELECT is_clean FROM runs") == [(1,)]
    assert query(data_dir, "SELECT count(*) FROM journal WHERE kind = 'RunStopped'") == [(1,)]
    assert query(data_dir, "SELECT count(*) FROM orders") == [(0,)]


def test_a_kill_while_no_trader_runs_waits_for_the_next(data_dir: Path) -> None:
    """KC-1, KC-4: latched in the record, an EMERGENCY is lifted only with --rearm."""
    where = ("--data-dir", str(data_dir))
    run = ("run", "--speed", "max", "--headless", "--json", *where)
    assert ask(*run).code == 0
    assert ask("kill", "EMERGENCY", "--json", *where).json()["type"] == "latched"
    killed = ask(*run)
    assert (killed.code, killed.json()["orders"]) == (0, 0)
    assert ask("resume", *where).code == 3
    assert ask("resume", "--rearm", *where).code == 0
    assert ask("status", "--json", *where).json()["kill"]["level"] == "NONE"
