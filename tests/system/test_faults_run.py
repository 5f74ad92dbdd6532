"""What one strategy or one message does wrong stays its own: the rest of a real run trades on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from actors.lane_virtual import RunEnd
from actors.tape_source import find_tape
from actors.trader_port import status_of
from storage import open_record
from streams.tape import Tape
from tests.support.play import CONFIGS, prepare
from tests.support.process import ask, running, within, write_config
from trading.config_reader import load
from trading.run_options import RunOptions

HEAD = """
from trading.strategies import NoTrade, NoTradeReason, Strategy


class PanicException(BaseException):
    "Stands in for PyO3's own, which is a BaseException too: no shipped call panics."


class Bad(Strategy):
    parameters = {}
    indicators = ()

    def evaluate(self, view):
"""
BODIES = {
    "raising": "        raise RuntimeError('as ever')\n",
    "panicking": "        raise PanicException('called `Option::unwrap()` on a `None` value')\n",
    "spinning": "        while True:\n            pass\n",
    "swallowing": "        while True:\n            try:\n                while True:\n"
    "                    pass\n            except Exception:\n                pass\n",
}
REASONS = {
    "raising": "RuntimeError",
    "panicking": "PanicException",
    "spinning": "StrategyTooSlowError",
    "swallowing": "StrategyTooSlowError",
}
TRADES = "SELECT entry_ns, exit_ns, qty_1e8, net_1e8, reason FROM trades ORDER BY entry_ns"


def configured(tmp_path: Path, bad: Sequence[str]) -> Path:
    """The demo's configuration, and strategies that misbehave beside its own."""
    folder = tmp_path / "strategies"
    folder.mkdir(exist_ok=True)
    added = ""
    for name in bad:
        (folder / f"{name}.py").write_text(HEAD + BODIES[name], encoding="utf-8")
        added += f'\n[[strategies]]\nname = "{name}"\ninstrument = "SPY"\nenabled = true\n'
    return write_config(
        tmp_path / "faults.toml",
        CONFIGS / "demo.toml",
        changes={'strategies_dir = "strategies"': f'strategies_dir = "{folder}"'},
        strategies=added,
    )


def trades(data_dir: Path) -> list[tuple[Any, ...]]:
    """The round trips of a record."""
    record = open_record(data_dir, is_eager=False)
    try:
        return record.query(TRADES, {})
    finally:
        record.close()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """The trades of the demo when nothing goes wrong."""
    data_dir = tmp_path_factory.mktemp("well")
    assert ask("run", "--speed", "max", "--headless", "--data-dir", str(data_dir)).code == 0
    found = trades(data_dir)
    assert found
    return found


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a run beside four strategies that misbehave."""
    tmp_path = tmp_path_factory.mktemp("faulty")
    config = configured(tmp_path, list(BODIES))
    data_dir = tmp_path / "data"
    said = ask(
        "run", "--speed", "max", "--headless", "--json",
        "--config", str(config), "--data-dir", str(data_dir),
    )  # fmt: skip
    assert said.code == 0, said.err
    assert said.json()["restarts"] == 0
    return data_dir


def test_the_other_strategy_and_the_account_trade_on(
    faulty: Path, undisturbed: list[tuple[Any, ...]]
) -> None:
    """SG-2, WD-2, WD-6: raising, panicking (a stand-in) and endless loops change no other trade."""
    assert trades(faulty) == undisturbed


def test_a_strategy_that_misbehaves_ends_failed_and_is_told_of(faulty: Path) -> None:
    """WD-2, PM-2: its crashes and its end stand in the view of the actors and in the status."""
    sql = "SELECT actor, kind, reason FROM actors"
    said = ask("sql", sql, "--data-dir", str(faulty), "--json")
    assert said.code == 0, said.err
    faults = ask("status", "--data-dir", str(faulty), "--json").json()["faults"]
    assert faults["gave_up"] == len(BODIES)
    for name, reason in REASONS.items():
        rows = [row for row in said.json()["rows"] if row["actor"] == f"strategy:{name}"]
        crashes = [row["reason"] for row in rows if row["kind"] == "ActorCrashed"]
        assert len(crashes) > 3
        assert {crash.split(":")[0] for crash in crashes} == {reason}
        assert [row["kind"] for row in rows].count("ActorGaveUp") == 1
        assert f"strategy:{name}" in str(faults)


def test_a_failed_strategy_shows_in_the_status_of_a_running_trader(
    tmp_path: Path, data_dir: Path
) -> None:
    """WD-2, SG-2: FAILED, while the others are RUNNING and the trader is well."""
    config = configured(tmp_path, ["raising", "spinning"])

    async def scenario() -> None:
        async with running(data_dir, "--config", str(config)) as run:
            await run.until_event("ActorGaveUp", name="strategy:raising")
            await run.until_event("ActorGaveUp", name="strategy:spinning")
            status = (await run.ask("status", "--json")).json()
            states = {each["name"]: each["state"] for each in status["strategies"]}
            assert states == {
                "vwap_reversion": "RUNNING",
                "dip_buyer": "RUNNING",
                "raising": "FAILED",
                "spinning": "FAILED",
            }
            assert (await run.get("/health"))[0] == 200

    within(scenario)


def test_a_poison_message_is_set_aside_and_trading_goes_on(
    data_dir: Path, undisturbed: list[tuple[Any, ...]]
) -> None:
    """WD-6, PM-2: mail that crashes the account twice is quarantined; the trades are the same."""
    config = load(CONFIGS / "demo.toml")
    data_dir.mkdir()
    options = RunOptions(data_dir=data_dir, config=CONFIGS / "demo.toml")
    tape = Tape(find_tape(options, config, None).path)
    record = open_record(data_dir, is_eager=False)
    played = prepare(config, tape, record=record)
    halfway_ns = (tape.row(0)[0] + tape.row(len(tape) - 1)[0]) // 2
    assert played.lane.run(until_ns=halfway_ns) is RunEnd.UNTIL
    for _ in range(2):
        played.lane.tell("account:main", "poison")
        played.lane.run(until_ns=halfway_ns + 1)
    played.lane.run(until_ns=halfway_ns + 10_000_000_000)
    status = status_of(played.system)
    assert (status["crashes"], status["runtime"]["quarantined"]) == (2, 1)
    played.finish()
    record.end_run(ended_ns=1, is_clean=True)
    record.close()
    assert trades(data_dir) == undisturbed
    sql = "SELECT actor, message FROM actors WHERE kind = 'MessageQuarantined'"
    said = ask("sql", sql, "--data-dir", str(data_dir), "--json")
    assert said.json()["rows"] == [{"actor": "account:main", "message": "'poison'"}]
    faults = ask("status", "--data-dir", str(data_dir), "--json").json()["faults"]
    assert (faults["quarantined"], faults["crashed"]) == (1, 2)
