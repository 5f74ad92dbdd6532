"""Real panics of the compiled core, in a real run: each is the crash of one actor, and no more.

The core is built anew with four panics (tests/mutants/panics): the account's decision about one
strategy's signals, the first fill that is taken over, half-way through the decision, an indicator
that only one strategy asks for, and a control of a certain value.
"""

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import pytest

from actors.venue_store import VenueStore
from research.simulation.workshop import ROOT, patched
from rust_core import PaperVenueBook
from storage import open_record
from tests.mutants import workshop
from tests.support.play import CONFIGS
from tests.support.process import ask, running, within, write_config
from trading.config_reader import load

pytestmark = pytest.mark.timeout(300)  # any of them may be the one that builds the core
PANICS = Path(workshop.__file__).parent / "panics" / "panics.patch"
SIGNALLING = """
from decimal import Decimal

from trading.strategies import ExitPlan, Leg, NoTrade, NoTradeReason, Side, Signal, StopAt, Strategy
from trading.strategies import ratio


class Doomed(Strategy):
    parameters = {}
    indicators = ()

    def evaluate(self, view):
        minute = (view.now_ns - view.session.open_ns) // 60_000_000_000
        if minute not in (31, 32, 90):
            return NoTrade(NoTradeReason.OUTSIDE_WINDOW)
        return Signal(
            setup_instance=f"minute{minute}",
            legs=(Leg(instrument=view.instrument.symbol, side=Side.BUY),),
            plan=ExitPlan(stop=StopAt(ratio("0.002"))),
            reason="as ever",
        )
"""
AVERAGING = """
from trading.strategies import NoTrade, NoTradeReason, Strategy


class Averaging(Strategy):
    parameters = {}
    indicators = (("ema", 13),)

    def evaluate(self, view):
        return NoTrade(NoTradeReason.WARMUP)
"""
STRATEGIES = {"decide_panics": SIGNALLING, "average_panics": AVERAGING}
TRADES = """SELECT strategy, entry_ns, exit_ns, qty_1e8, entry_1e8, exit_1e8, net_1e8, reason
    FROM trades ORDER BY entry_ns"""


def rows(data_dir: Path, sql: str) -> list[tuple[Any, ...]]:
    """An answer of the record."""
    record = open_record(data_dir, is_eager=False)
    try:
        return record.query(sql, {})
    finally:
        record.close()


def crashes(data_dir: Path, name: str) -> list[str]:
    """Why an actor crashed, as anyone can ask."""
    sql = f"SELECT reason FROM actors WHERE actor = '{name}' AND kind = 'ActorCrashed'"  # noqa: S608
    said = ask("sql", sql, "--data-dir", str(data_dir), "--json")
    assert said.code == 0, said.err
    return [row["reason"] for row in said.json()["rows"]]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """The trades of the demo when nothing goes wrong."""
    data_dir = tmp_path_factory.mktemp("well")
    assert ask("run", "--speed", "max", "--headless", "--data-dir", str(data_dir)).code == 0
    return rows(data_dir, TRADES)


@pytest.fixture(scope="module")
def broken() -> Path:
    """Where the core that panics comes first on the path."""
    return workshop.build(patched(PANICS.read_text()))


@pytest.fixture(scope="module")
def panicked(tmp_path_factory: pytest.TempPathFactory, broken: Path) -> Path:
    """The data directory of a run on the core that panics."""
    folder = tmp_path_factory.mktemp("panicked")
    added = ""
    for name, text in STRATEGIES.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
        added += f'\n[[strategies]]\nname = "{name}"\ninstrument = "SPY"\nenabled = true\n'
    config = write_config(
        folder / "panics.toml",
        CONFIGS / "demo.toml",
        changes={'strategies_dir = "strategies"': f'strategies_dir = "{folder}"'},
        strategies=added,
    )
    data_dir = folder / "data"
    said = ask(
        "run", "--speed", "max", "--headless", "--json",
        "--config", str(config), "--data-dir", str(data_dir),
        cwd=folder, modules=broken,
    )  # fmt: skip
    assert said.code == 0, said.err
    assert said.json()["restarts"] == 0  # of the process
    return data_dir


def test_a_panic_of_the_core_changes_no_trade_of_the_others(
    panicked: Path, undisturbed: list[tuple[Any, ...]]
) -> None:
    """WD-1, WD-10: the account decides, fills and exits as if nobody had panicked."""
    assert len(undisturbed) >= 3
    assert rows(panicked, TRADES) == undisturbed


def test_a_panic_in_a_decision_is_a_crash_of_the_account_alone(panicked: Path) -> None:
    """WD-1: nothing of the signal is kept, and sent again it is set aside with its traceback."""
    signals = [reason for reason in crashes(panicked, "account:main") if "signal" in reason]
    assert len(signals) == 3
    assert {reason.split(":")[0] for reason in signals} == {"PanicException"}
    about = "SELECT count(*) FROM journal WHERE payload LIKE '%decide_panics%minute%'"
    journaled = f"{about} AND kind NOT IN ('ActorCrashed', 'MessageQuarantined')"
    assert rows(panicked, journaled) == [(0,)]
    assert rows(panicked, "SELECT count(*) FROM orders WHERE strategy = 'decide_panics'") == [(0,)]


def test_a_state_in_which_the_core_panicked_is_not_used_again(panicked: Path) -> None:
    """WD-1, EX-7: a fill was half taken over; the next incarnation has all of it, once."""
    half = [reason for reason in crashes(panicked, "account:main") if "position" in reason]
    assert half == [
        "PanicException: the core took the fill, and not yet the position that it makes"
    ]
    decided = """SELECT kind FROM journal WHERE pos >= (
        SELECT min(pos) FROM journal WHERE kind = 'OrderFilled') ORDER BY pos LIMIT 3"""
    assert ("PositionChanged",) in rows(panicked, decided)  # all of the decision, not the half
    assert rows(panicked, "SELECT count(*) FROM positions WHERE phase <> 'CLOSED'") == [(0,)]
    ((run,),) = rows(panicked, "SELECT run FROM runs")
    store, paper = VenueStore(panicked, run), load(CONFIGS / "demo.toml").paper_json()
    book = PaperVenueBook(paper, PaperVenueBook(paper).state_json(), store.changes())
    store.close()
    assert (book.open_orders(), [qty for qty in book.positions().values() if qty]) == ([], [])


def test_a_panic_of_an_indicator_ends_the_strategy_that_asked_for_it(panicked: Path) -> None:
    """WD-1, PF-1: it reads the session again, panics again, and is given up; nobody else is."""
    reasons = set(crashes(panicked, "strategy:average_panics"))
    assert reasons == {"PanicException: the average of thirteen cannot be taken"}
    gave_up = rows(panicked, "SELECT payload FROM journal WHERE kind = 'ActorGaveUp'")
    assert len(gave_up) == 1
    assert "strategy:average_panics" in str(gave_up)


def test_panics_are_told_of_and_the_journal_is_whole(panicked: Path) -> None:
    """PM-2, ST-1: `status` counts them, and `verify` finds chain and projections in order."""
    faults = ask("status", "--data-dir", str(panicked), "--json").json()["faults"]
    assert faults["gave_up"] == 1
    assert faults["crashed"] >= 5
    said = ask("verify", "--data-dir", str(panicked), "--json")
    assert said.code == 0, said.err


def test_a_poison_message_of_an_operator_is_set_aside(
    tmp_path: Path, broken: Path, undisturbed: list[tuple[Any, ...]]
) -> None:
    """WD-1, PM-2: a control that crashes the account twice is kept with its traceback, once."""
    data_dir = tmp_path / "data"

    async def scenario() -> None:
        async with running(data_dir, cwd=tmp_path, speed="2000", modules=broken) as run:
            await run.until_event("SessionOpened")
            for number in range(2):
                control = {"name": "max_position", "value": "13", "reason": "poison"}
                assert (await run.post("/api/controls", id=f"c{number}", **control))[0] == 200
                await run.until_event("ActorRestarted", name="account:main")
            status = (await run.ask("status", "--json")).json()
            assert (status["is_running"], status["faults"]["quarantined"]) == (True, 1)
            # a hole in the tape is not ready either
            while (await run.get("/health"))[0] != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            await run.until_event("RunEnded")

    within(scenario)
    sql = "SELECT actor, message, detail FROM actors WHERE kind = 'MessageQuarantined'"
    [row] = ask("sql", sql, "--data-dir", str(data_dir), "--json").json()["rows"]
    assert row["actor"] == "account:main"
    assert "max_position" in row["message"]
    assert "PanicException: the core decides about thirteen" in row["detail"]
    assert (
        len([reason for reason in crashes(data_dir, "account:main") if "thirteen" in reason]) == 2
    )
    assert rows(data_dir, TRADES) == undisturbed


def test_a_panic_unwinds_in_every_profile() -> None:
    """WD-1: with `panic = "abort"` a panic would be the end of everybody."""
    profiles = tomllib.loads((ROOT / "Cargo.toml").read_text())["profile"]
    assert {profile.get("panic", "unwind") for profile in profiles.values()} == {"unwind"}
    assert not (ROOT / ".cargo").exists()
    assert "panic=" not in (ROOT / "pyproject.toml").read_text()
