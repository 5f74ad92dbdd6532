"""The command line over a real run: explanations, SQL, controls, templates, and bad input."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import apsw
import orjson
import pytest

from storage import open_record
from storage.warehouse import run_sql
from tests.storage.cookbook import QUESTIONS
from tests.support.play import CONFIGS
from tests.support.process import ask, running, within, write_config

STAGES = ("tick", "signal", "risk", "durable", "sent")
DEMO = CONFIGS / "demo.toml"
BARS = """ts,open,high,low,close,volume
2024-01-02T14:30:00Z,1,1,1,1,1
2024-01-02T14:31:00Z,1,1,1,1,1
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of one whole generated session."""
    data_dir = tmp_path_factory.mktemp("played")
    said = ask("run", "--speed", "max", "--headless", "--json", "--data-dir", str(data_dir))
    assert said.code == 0, said.err
    assert said.json()["trades"] > 0
    return data_dir


def test_a_trade_an_order_and_a_day_are_explained_with_latencies(played: Path) -> None:
    """PM-1, EX-15: from the tick to the fill, with what each step took."""
    where = ("--data-dir", str(played), "--json")
    record = open_record(played, is_eager=False)
    try:
        [(trade, day)] = record.query("SELECT trade_id, session_date FROM trades LIMIT 1", {})
        [(order,)] = record.query(
            "SELECT client_order_id FROM orders WHERE purpose = 'ENTRY' LIMIT 1", {}
        )
    finally:
        record.close()
    for asked in (trade, order, str(day)):
        said = ask("post-mortem", asked, *where)
        assert said.code == 0, said.err
        assert order.rsplit("-", 1)[0] in said.out or asked == str(day)
    text = ask("post-mortem", order, "--data-dir", str(played)).out
    for word in ("durable", "sent", "fill"):
        assert word in text.lower()


def test_latency_histograms_stand_in_status_and_in_sql(played: Path) -> None:
    """EX-15: each stage of each order was marked, counted and measured, outside the journal."""
    found = ask("status", "--data-dir", str(played), "--json").json()
    stages = {row["stage"]: row["count"] for row in found["latency"]}
    orders = found["counts"]["orders"]
    for before, after in pairwise(STAGES):
        assert stages[f"{before} to {after}"] == orders
    rows = run_sql(played, "SELECT stage, orders, p50_us, max_us FROM latency_by_session").rows
    assert {row[0] for row in rows} >= {"tick_to_filled", "durable_to_sent"}
    assert all(0 <= row[2] <= row[3] for row in rows)


@pytest.mark.parametrize("title", [title for title, _, _ in QUESTIONS])
def test_the_cookbook_answers_over_a_real_run(played: Path, title: str) -> None:
    """PM-2: each question as it is printed runs on what a real session left."""
    [query] = [query for found, _, query in QUESTIONS if found == title]
    assert run_sql(played, query).columns


def test_a_changed_row_is_found(played: Path, tmp_path: Path) -> None:
    """ST-7: verify passes on what was written and names the row that somebody changed."""
    assert ask("verify", "--data-dir", str(played)).code == 0
    copy = tmp_path / "copy"
    shutil.copytree(played, copy)
    connection = apsw.Connection(str(copy / "record.db"))
    triggers = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'journal'"
    )
    for (name,) in triggers.fetchall():
        connection.execute(f'DROP TRIGGER "{name}"')
    connection.execute(
        "UPDATE journal SET payload = replace(payload, '\"fee_1e8\":', '\"fee_1e8\":1')"
        " WHERE pos = (SELECT min(pos) FROM journal WHERE kind = 'OrderFilled')"
    )
    connection.close()
    said = ask("verify", "--data-dir", str(copy))
    assert (said.code, "damaged" in said.out + said.err) == (1, True)


def test_controls_sql_and_metrics_while_it_runs(data_dir: Path) -> None:
    """KC-6, PM-2, UI-8: a control is in force for the next entry, and questions disturb nothing."""

    async def scenario() -> None:
        async with running(data_dir, speed="1200") as run:
            await run.until_event("SessionOpened")
            await run.send(type="control", id="c1", name="max_position", value="0.001")
            await run.until_answer("done", "c1")
            verdict = (await run.until_event("VerdictGiven"))["payload"]
            assert verdict["qty_1e8"] <= 100_000, verdict
            said = await run.ask("controls", "max_notional", "5", "--json")
            assert (said.code, said.json()["new"]) == (0, "5")
            rows = (await run.ask("sql", "SELECT count(*) AS n FROM signals", "--json")).json()
            assert rows["rows"][0]["n"] >= 1
            async with run.http.get(run.url + "/metrics") as metrics:
                assert "holdfast_" in await metrics.text()
            assert await run.end(signal.SIGTERM) == 0

    within(scenario)
    kept = ask("controls", "--data-dir", str(data_dir), "--json").json()["controls"]
    assert {row["name"]: row["value"] for row in kept}["max_position"] == "0.001"


def test_a_new_strategy_passes_its_test_and_trades(tmp_path: Path) -> None:
    """SG-1: the template runs as it is written, by its name in the configuration."""
    assert ask("new", "strategy", "dip", cwd=tmp_path).code == 0
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "strategies"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout
    config = write_config(
        tmp_path / "dip.toml",
        DEMO,
        strategies='\n[[strategies]]\nname = "dip"\ninstrument = "SPY"\nenabled = true\n',
    )
    said = ask(
        "run", "--speed", "max", "--headless", "--json",
        "--config", str(config), "--data-dir", "data", cwd=tmp_path,
    )  # fmt: skip
    assert said.code == 0, said.err
    rows = run_sql(tmp_path / "data", "SELECT count(*) FROM signals WHERE strategy = 'dip'").rows
    assert rows[0][0] > 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--replay", "none.parquet"), 2, "there is no file"),
        (("--replay", "short.csv"), 2, "close"),
        (("--replay", "bars.csv", "--session", "2019-01-02"), 2, "2019"),
        (("--session", "monday"), 2, "--session must be a day"),
        (("--config", "wrong.toml"), 2, "risk_per_trade_usd"),
        (("--mode", "LIVE"), 3, "LIVE"),
        (("--mode", "DRY_RUN"), 2, "DRY_RUN"),
        (("--broker", "alpaca"), 2, "alpaca"),
        (("--recover",), 2, "--recover"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """UI-11, BR-7: what was found and what to do, the right exit code, and no traceback."""
    (tmp_path / "bars.csv").write_text(BARS, encoding="utf-8")
    (tmp_path / "short.csv").write_text(BARS.replace("close", "end"), encoding="utf-8")
    text = DEMO.read_text(encoding="utf-8").replace("risk_per_trade_usd", "risk_per_trade_us")
    (tmp_path / "wrong.toml").write_text(text, encoding="utf-8")
    said = ask("run", "--headless", "--data-dir", "data", *arguments, cwd=tmp_path)
    assert (said.code, words in said.err) == (code, True), said.err
    assert "Traceback" not in said.err + said.out


def test_a_second_instance_and_a_cut_off_run_are_refused(data_dir: Path) -> None:
    """ST-5, ST-2: a record has one writer, and a run that was cut off is not passed over."""
    where = ("--data-dir", str(data_dir), "--headless")

    async def scenario() -> None:
        async with running(data_dir, speed="60") as run:
            await run.until_event("SessionOpened")
            second = await run.ask("run", "--headless")
            assert (second.code, str(run.address.pid) in second.err) == (3, True), second.err
            os.kill(int((data_dir / "guard.lock").read_text().split()[0]), signal.SIGKILL)
            os.kill(run.address.pid, signal.SIGKILL)  # nobody is left to start it again
            assert await run.process.wait() == 1

    within(scenario)
    said = ask("run", *where)
    assert (said.code, "--recover" in said.err) == (3, True), said.err
    again = ask("run", *where, "--speed", "max", "--recover", "--json")
    assert (again.code, orjson.loads(again.out)["sessions"]) == (0, 1)
    assert processes_on(data_dir) == []  # nor the archivist whose guard and trader were killed


def processes_on(data_dir: Path) -> list[str]:
    """Command lines of the processes that were started for a data directory."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            found.append(each.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if str(data_dir) in line]
