"""The command line: exit codes, errors that help, each command against a real port or record."""

import asyncio
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import orjson
import pytest
import typer

from console import cli
from console import run as run_command
from console.render import amount, duration, moment, moment_utc, quantity, signed
from console.status import status_of
from storage.migrations import apply, migrations
from storage.sqlite import open_record
from tests.console import recorded
from tests.console.operator_client import run, served
from tests.console.recorded import ENTRY
from trading.config_reader import default_path, load
from trading.errors import SetupError
from trading.run_options import RunOptions, parse_session, parse_speed

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty directory, with the fake trader and no archivist."""
    root = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", str(root))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(run_command, "TRADER_MODULE", "tests.console.fake_run")
    monkeypatch.setattr(run_command, "ARCHIVIST_MODULE", "no.archivist")


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ("2557", ["--keep-days", "2557"]),
        ("7", ["--keep-days", "7"]),
        ("none", []),
    ],
)
def test_the_archivist_is_told_how_many_days_it_keeps(
    days: str, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """WD-8: as configured; nothing goes when the limit was taken away by name."""
    plans: list[dict[str, Any]] = []

    def front(command: Any, *_: Any) -> None:
        plans.append(orjson.loads(command.argv(0)[-1]))

    monkeypatch.setattr(run_command, "Front", front)
    monkeypatch.setattr(run_command, "_play", lambda *_, **__: 0)
    assert cli.run(["init", "mine.toml", "--set", f"retention.archive_days={days}"]) == 0
    assert cli.run(["run", "--config", "mine.toml", "--data-dir", "d", "--headless"]) == 0
    assert plans[0]["archivist"][4:] == told


# --- usage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ("kil PAUSE", 2, "Did you mean 'kill'"),
        ("run --sesion all", 2, "--session"),
        ("run --mode PAPR", 2, "did you mean PAPER"),
        ("run --mode DRY_RUN", 2, "DRY_RUN prepares orders for a venue outside"),
        ("run --mode LIVE", 3, "BR-7"),
        ("run --broker tradeir", 2, "did you mean tradier"),
        ("run --broker alpaca --mode PAPER", 2, "takes its market from that venue"),
        ("run --broker alpaca --mode BACKTEST --url http://127.0.0.1:1", 2, "BACKTEST runs on"),
        (
            "run --mode LIVE --broker alpaca --url http://127.0.0.1:1 --replay pyproject.toml",
            2,
            "name one",
        ),
        ("run --mode LIVE --broker alpaca", 3, "nothing was started"),
        ("run --broker papr", 2, "did you mean paper"),
        ("run --url http://127.0.0.1:1", 2, "the paper venue is inside"),
        ("run --session 2020-13-01", 2, "a day such as 2020-03-09"),
        ("run --speed 0", 2, "above zero, or max"),
        ("run --speed nan", 2, "above zero, or max"),
        ("run --replay nowhere.parquet", 2, "there is no file"),
        ("run --config nowhere.toml", 2, "there is no file"),
        ("status", 2, "there is no data directory"),
        ("kill PAUSE", 2, "there is no data directory"),
        ("verify --data-dir .", 2, "no record"),
        ("post-mortem x --data-dir .", 2, "no record"),
        ("new strtegy x", 2, "did you mean strategy"),
        ("new strategy 1x", 2, "expected up to 32 letters"),
        ("check nowhere.toml", 2, "cannot be read"),
        ("init --profile eq", 2, "--profile must be one of"),
    ],
)
def test_what_cannot_be_done_says_why_and_leaves_nothing(
    arguments: str, code: int, text: str, capsys: Capture
) -> None:
    """UI-11: exit code, what was expected, what was found; no traceback, and no file."""
    assert cli.run(arguments.split()) == code
    shown = capsys.readouterr()
    assert text in shown.err
    assert "Traceback" not in shown.err
    assert list(Path().iterdir()) == []


def test_a_replay_that_is_misspelt_names_the_nearest_file(capsys: Capture) -> None:
    """UI-11: nearest match."""
    Path("es_1m.parquet").touch()
    assert cli.run(["run", "--replay", "es1m.parquet"]) == 2
    assert "did you mean es_1m.parquet" in capsys.readouterr().err


def _leaves(command: Any, *path: str) -> Iterator[tuple[str, set[str]]]:
    """Each command that does something, with its options."""
    for name, child in getattr(command, "commands", {}).items():
        yield from _leaves(child, *path, name)
    if path and not getattr(command, "commands", {}):
        yield " ".join(path), {option for each in command.params for option in each.opts}


def test_every_command_answers_machines_too() -> None:
    """UI-11: `--json` on each of them, one that is added later included."""
    found = dict(_leaves(typer.main.get_command(cli.app)))
    assert {"run", "console", "alert test", "post-mortem"} <= set(found)
    assert [name for name, options in found.items() if "--json" not in options] == []


@pytest.mark.parametrize(
    "command",
    ["status", "controls", "daily", f"why {ENTRY}", f"post-mortem {ENTRY}", "post-mortem --last",
     "why --last", "verify", "sql SELECT", "alert log"],
)  # fmt: skip
def test_with_json_an_answer_is_one_object(command: str, tmp_path: Path, capsys: Capture) -> None:
    """UI-11: and nothing else on standard output."""
    recorded.write_record(tmp_path / "data")
    words = ["sql", "SELECT 1 AS one"] if command.startswith("sql") else command.split()
    assert cli.run(["--data-dir", str(tmp_path / "data"), *words, "--json"]) == 0
    assert orjson.loads(capsys.readouterr().out)


def test_with_json_an_error_is_an_object_too(capsys: Capture) -> None:
    """UI-11: machines read the reason from standard output, people from standard error."""
    assert cli.run(["run", "--mode", "LIVE", "--json"]) == 3
    shown = capsys.readouterr()
    assert orjson.loads(shown.out)["exit_code"] == 3
    assert "BR-7" in shown.err


def test_an_unexpected_fault_is_one_line_and_its_traceback_a_file(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UI-11: exit code 1; the traceback is kept where the line says."""

    def fails(*_: object) -> None:
        raise ZeroDivisionError("nobody expected this")

    monkeypatch.setattr("console.operate.status_of", fails)
    Path("data").mkdir()
    assert cli.run(["status", "--data-dir", "data"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "unexpected ZeroDivisionError: nobody expected this" in line
    assert "ZeroDivisionError" in Path("data/holdfast-error.txt").read_text()


def test_the_command_runs_as_a_program() -> None:
    """UI-11: `holdfast --version` in a process of its own, quickly enough not to annoy."""
    command = [sys.executable, "-c", "from console.cli import main; main()", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("holdfast ")
    heavy = "import sys, console.cli; print([m for m in ('duckdb', 'aiohttp') if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", heavy], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"


# --- run ------------------------------------------------------------------------------------------


def test_run_ends_with_one_line_of_json(capsys: Capture) -> None:
    """The command contract: the totals as the last line of standard output, money exact."""
    assert cli.run(["run", "--json", "--data-dir", "d"]) == 0
    shown = capsys.readouterr()
    (line,) = shown.out.splitlines()
    assert list(orjson.loads(line)) == [
        "sessions",
        "bars",
        "signals",
        "no_trades",
        "orders",
        "fills",
        "trades",
        "pnl_gross",
        "pnl_net",
        "fees",
        "journal_events",
        "journal_hash",
        "feed_gaps",
        "restarts",
        "wall_s",
    ]
    assert orjson.loads(line)["pnl_net"] == -0.25
    assert "ES 2,750.25" in shown.err
    assert stat.S_IMODE(Path("d").stat().st_mode) == 0o700


def test_run_shows_lines_where_there_is_no_terminal(capsys: Capture) -> None:
    """UI-11: progress for logs and pipes, then a table."""
    assert cli.run(["run", "--session", "2020-03-09", "--speed", "20"]) == 0
    shown = capsys.readouterr()
    assert "PAPER · 2020-03-09 09:30:00.000 · ES 2,750.25" in shown.out
    assert "P&L net" in shown.out
    assert "-0.25" in shown.out
    assert Path("holdfast-data/run-summary.json").exists()


def test_run_headless_shows_the_totals_only(capsys: Capture) -> None:
    """UI-11: --headless."""
    assert cli.run(["run", "--headless"]) == 0
    shown = capsys.readouterr()
    assert "2,750.25" not in shown.out + shown.err


def test_the_configuration_says_what_the_options_do_not(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UI-12: mode and data directory as configured, unless the command line says otherwise."""
    seen: list[RunOptions] = []

    def launch(_: object, options: RunOptions, *__: object, **___: object) -> int:
        seen.append(options)
        return 0

    monkeypatch.setattr("console.run._play", launch)
    assert cli.run(["init", "mine.toml", "--profile", "es"]) == 0
    text = Path("mine.toml").read_text()
    assert '"holdfast-data"' in text
    text = text.replace('"holdfast-data"', '"elsewhere"').replace('"PAPER"', '"BACKTEST"')
    Path("mine.toml").write_text(text)
    assert cli.run(["run", "--config", "mine.toml"]) == 0
    assert cli.run(["run", "--config", "mine.toml", "--mode", "paper", "--data-dir", "d"]) == 0
    assert [(asked.mode, asked.data_dir.name, asked.speed_ratio) for asked in seen] == [
        ("BACKTEST", "elsewhere", None),
        ("PAPER", "d", 60.0),
    ]
    capsys.readouterr()


# --- set-up ---------------------------------------------------------------------------------------


def test_init_writes_a_configuration_that_check_finds_well(capsys: Capture) -> None:
    """UI-12: commented, valid, and an existing file is left alone."""
    assert cli.run(["init"]) == 0
    assert Path("holdfast.toml").read_text().count("#") > 20
    assert cli.run(["check"]) == 0
    assert "is well: trades SPY" in capsys.readouterr().out
    before = Path("holdfast.toml").read_bytes()
    assert cli.run(["init", "--profile", "es"]) == 2
    assert Path("holdfast.toml").read_bytes() == before


def test_init_leaves_no_value_to_be_guessed(capsys: Capture) -> None:
    """UI-12: every effective value of a fresh configuration stands in its file."""
    assert cli.run(["init"]) == 0
    capsys.readouterr()
    assert cli.run(["check", "--show", "--json"]) == 0
    values = orjson.loads(capsys.readouterr().out)["values"]
    assert len(values) > 100
    assert [row["key"] for row in values if row["from"] != "file"] == []


def test_init_puts_in_what_is_asked_for() -> None:
    """UI-12: single values by key, entries of a list by name; the rest is the profile's."""
    asked = ["limits.positions_max=2", "instruments.SPY.lot=1", "input.calendar=ALWAYS"]
    asked += ["strategies.vwap_reversion.parameters.entries_max=4", "input.columns={ ts = 'when' }"]
    assert cli.run(["init", "mine.toml", *(word for one in asked for word in ("--set", one))]) == 0
    config, shipped = load(Path("mine.toml")), load(default_path().with_name("micro-equity.toml"))
    assert (config.limits.positions_max, int(config.instruments[0].lot)) == (2, 1)
    assert (config.input.calendar, config.input.columns) == ("ALWAYS", {"ts": "when"})
    assert config.strategies[0].parameters["entries_max"] == 4
    assert config.account == shipped.account
    assert "# Micro equity profile" in Path("mine.toml").read_text()


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("limits.positions_mx=2", "positions_mx: unknown key; did you mean positions_max"),
        ("limits.positions_max=many", "limits.positions_max: expected a"),
        ("limits.positions_max", "expected KEY=VALUE, found 'limits.positions_max'"),
        ("instruments.SPX.lot=1", "expected one of SPY; found 'SPX'; did you mean SPY"),
        ("instruments.SPY=1", "expected a key of that entry after its name"),
        ("limits.positions_max.more=1", "expected a key of a table; this one holds a value"),
        ("instruments=[{ symbol = ", "expected TOML after the equals sign, found [{ symbol ="),
        ("run.api_key=x", "secrets never stand in the configuration"),
    ],
)
def test_init_refuses_a_value_that_a_run_would_refuse(
    asked: str, text: str, capsys: Capture
) -> None:
    """UI-12: what was expected and what was found; no file is written."""
    assert cli.run(["init", "--set", asked]) == 2
    assert text in capsys.readouterr().err
    assert not Path("holdfast.toml").exists()


def test_check_names_the_wrong_key_and_its_nearest(capsys: Capture) -> None:
    """UI-12: what is wrong, and where."""
    assert cli.run(["init"]) == 0
    text = Path("holdfast.toml").read_text().replace("daily_loss_max_usd", "daily_los_max_usd")
    Path("holdfast.toml").write_text(text)
    assert cli.run(["check", "--json"]) == 2
    assert (
        "did you mean daily_loss_max_usd"
        in orjson.loads(capsys.readouterr().out.splitlines()[-1])["error"]
    )


def test_check_shows_where_each_value_comes_from(capsys: Capture) -> None:
    """UI-12: the effective value and its origin."""
    cli.run(["init"])
    capsys.readouterr()
    assert cli.run(["check", "--show", "--json"]) == 0
    values = {row["key"]: row for row in orjson.loads(capsys.readouterr().out)["values"]}
    assert values["limits.daily_loss_max_usd"]["from"] == "file"


@pytest.mark.parametrize("kind", ["strategy", "policy"])
def test_new_writes_a_file_and_its_test(kind: str, capsys: Capture) -> None:
    """SG-1, RK-16: from nothing to a file that runs, with one command; never over another."""
    assert cli.run(["new", kind, "mine", "--dir", "here"]) == 0
    assert Path("here/mine.py").exists()
    assert Path("here/tests/test_mine.py").exists()
    assert cli.run(["new", kind, "mine", "--dir", "here"]) == 2
    assert "choose another name" in capsys.readouterr().err


# --- with a record -------------------------------------------------------------------------------


def test_sql_answers_and_names_the_nearest_view(tmp_path: Path, capsys: Capture) -> None:
    """PM-2: one SELECT over the views, exact numbers; a wrong name ends with exit code 2."""
    recorded.write_record(tmp_path)
    where = ["--data-dir", str(tmp_path)]
    query = "SELECT reason, net, count(*) AS n FROM trades GROUP BY ALL"
    assert cli.run(["sql", query, "--json", *where]) == 0
    shown = capsys.readouterr().out
    assert '"net":496.00000000' in shown
    assert orjson.loads(shown)["rows"] == [{"reason": "TAKE_PROFIT", "net": 496.0, "n": 1}]
    assert cli.run(["sql", query, *where]) == 0
    assert "│ TAKE_PROFIT │ 496 │ 1 │" in capsys.readouterr().out
    assert cli.run(["sql", "SELECT * FROM trads", *where]) == 2
    assert "did you mean trades" in capsys.readouterr().err
    assert cli.run(["sql", "DELETE FROM trades", *where]) == 2
    assert "only reads" in capsys.readouterr().err


def test_verify_finds_a_row_that_was_changed(tmp_path: Path, capsys: Capture) -> None:
    """AL-3: 0 for a whole record, 1 and the fault for one that somebody changed."""
    recorded.write_record(tmp_path)
    where = ["--data-dir", str(tmp_path)]
    assert cli.run(["verify", "--json", *where]) == 0
    report = orjson.loads(capsys.readouterr().out)
    assert (report["is_whole"], report["rows"]) == (True, 24)
    meddler = apsw.Connection(str(tmp_path / "record.db"))
    meddler.execute("UPDATE trades SET net_1e8 = net_1e8 + 1")
    meddler.close()
    assert cli.run(["verify", *where]) == 1
    assert "FAULT" in capsys.readouterr().out


def test_an_older_record_is_migrated_by_a_command(tmp_path: Path, capsys: Capture) -> None:
    """ST-8: the steps are named, the record as it was is kept, and again there is nothing to do."""
    older = apsw.Connection(str(tmp_path / "record.db"))
    apply(older, migrations()[:1])
    older.close()
    where = ["--data-dir", str(tmp_path)]
    assert cli.run(["migrate", "--json", *where]) == 0
    steps = [step.name for step in migrations()[1:]]
    assert orjson.loads(capsys.readouterr().out)["steps"] == steps
    assert (tmp_path / "record.db.before-0002").exists()
    assert cli.run(["migrate", *where]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert cli.run(["verify", *where]) == 0


def test_a_kill_without_a_trader_waits_for_the_next_one(tmp_path: Path, capsys: Capture) -> None:
    """KC-4: latched in the record, shown by status, lifted on purpose only, with its author."""
    recorded.write_record(tmp_path)
    where = ["--data-dir", str(tmp_path)]
    assert cli.run(["kill", "FLATTEN", "--reason", "night", *where]) == 0
    assert "the next one starts killed" in capsys.readouterr().out
    assert cli.run(["kill", "PAUSE", "--json", *where]) == 0
    assert orjson.loads(capsys.readouterr().out)["level"] == "FLATTEN"
    found = status_of(tmp_path)
    assert (found["kill"]["level"], found["kill"]["reason"]) == ("FLATTEN", "night")
    assert found["is_clean"]
    assert cli.run(["resume", *where]) == 0
    assert capsys.readouterr().out == "resumed · FLATTEN is lifted\n"
    assert status_of(tmp_path)["kill"]["level"] == "NONE"
    assert cli.run(["verify", *where]) == 0


def test_a_kill_that_was_not_carried_out_is_not_lifted(tmp_path: Path, capsys: Capture) -> None:
    """KC-2: with an order open in the run that was cut off, FLATTEN stays latched; PAUSE may go."""
    scribe = recorded.Scribbler(tmp_path)
    recorded.order(scribe, ENTRY, "ENTRY", "BUY", 30, 2730)
    scribe.close(is_ended=False)
    where = ["--data-dir", str(tmp_path)]
    assert cli.run(["kill", "PAUSE", *where]) == 0
    assert cli.run(["resume", *where]) == 0
    assert cli.run(["kill", "FLATTEN", *where]) == 0
    assert cli.run(["resume", *where]) == 3
    assert "run --recover" in capsys.readouterr().err
    found = status_of(tmp_path)
    assert found["kill"]["level"] == "FLATTEN"
    assert found["ended_ns"] is None


def test_an_emergency_is_lifted_only_when_somebody_says_so(tmp_path: Path, capsys: Capture) -> None:
    """KC-1: only a person re-arms; refused by a safety rule, exit code 3."""
    recorded.write_record(tmp_path)
    where = ["--data-dir", str(tmp_path)]
    assert cli.run(["kill", "EMERGENCY", *where]) == 0
    assert cli.run(["resume", *where]) == 3
    assert "--rearm" in capsys.readouterr().err
    assert status_of(tmp_path)["kill"]["level"] == "EMERGENCY"
    assert cli.run(["resume", "--rearm", *where]) == 0
    assert status_of(tmp_path)["kill"]["level"] == "NONE"


def test_a_control_without_a_trader_waits_for_the_next_one(tmp_path: Path, capsys: Capture) -> None:
    """KC-6: in the store, journaled with who, old and new."""
    recorded.write_record(tmp_path)
    where = ["--data-dir", str(tmp_path)]
    assert cli.run(["controls", "max_position", "2", *where]) == 0
    assert cli.run(["controls", "max_position", "3", "--json", *where]) == 0
    change = orjson.loads(capsys.readouterr().out.splitlines()[-1])
    assert (change["old"], change["new"]) == ("2", "3")
    assert cli.run(["controls", "--json", *where]) == 0
    (control,) = orjson.loads(capsys.readouterr().out)["controls"]
    assert (control["name"], control["value"], control["version"]) == ("max_position", "3", 2)
    assert control["set_by"]
    assert cli.run(["controls", "clear_halts", "true", *where]) == 2
    assert "done by a running trader" in capsys.readouterr().err


def test_a_record_that_a_trader_holds_is_not_written(tmp_path: Path, capsys: Capture) -> None:
    """ST-5: with a trader that has no port yet, the command is refused and names the holder."""
    recorded.write_record(tmp_path)
    held = open_record(tmp_path)
    try:
        assert cli.run(["kill", "PAUSE", "--data-dir", str(tmp_path)]) == 3
        assert "process" in capsys.readouterr().err
    finally:
        held.close()


# --- with a running trader ------------------------------------------------------------------------


async def _holdfast(capsys: Capture, data_dir: Path, *arguments: str) -> tuple[int, str, str]:
    """The command on a thread of its own, beside the trader that this loop serves."""
    code = await asyncio.to_thread(cli.run, [*arguments, "--data-dir", str(data_dir)])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_commands_reach_a_running_trader(tmp_path: Path, capsys: Capture) -> None:
    """KC-1, KC-6: kill, resume, controls and status by command line, with counts and author."""

    async def scenario() -> None:
        async with served(tmp_path) as desk:
            seen = await _commanded(tmp_path, capsys)
        assert seen["kill"][:2] == (
            0,
            "FLATTEN done · 2 orders cancelled · 1 positions closed · 0 failed · 0 remaining\n",
        )
        assert orjson.loads(seen["kill json"][1])["cancelled"] == 2
        assert seen["resume"][1] == "resumed · FLATTEN is lifted\n"
        assert seen["change"][1] == 'max_position · null → "2.5"\n'
        assert orjson.loads(seen["names"][1])["new"] == ["ES", "NQ"]
        assert '"5"' in seen["controls"][1]
        assert seen["wrong"][0] == 2
        assert "did you mean max_position" in seen["wrong"][2]
        assert orjson.loads(seen["status"][1])["counts"]["orders"] == 4
        assert [(kill.level, kill.reason) for kill in desk.trader.kills] == [
            ("FLATTEN", "news"),
            ("PAUSE", "no reason given"),
        ]
        assert all(kill.by.startswith("rest") for kill in desk.trader.kills)
        assert desk.trader.resumes[0].rearm
        assert desk.token not in str(seen)

    run(scenario)


async def _commanded(data_dir: Path, capsys: Capture) -> dict[str, Any]:
    commands = {
        "kill": ("kill", "flatten", "--reason", "news"),
        "kill json": ("kill", "PAUSE", "--json"),
        "resume": ("resume", "--rearm"),
        "change": ("controls", "max_position", "2.50"),
        "names": ("controls", "allowed_instruments", "ES,NQ", "--json"),
        "controls": ("controls",),
        "wrong": ("controls", "max_positon", "1"),
        "status": ("status", "--json"),
    }
    return {name: await _holdfast(capsys, data_dir, *command) for name, command in commands.items()}


def test_a_kill_that_leaves_something_open_ends_with_1(tmp_path: Path, capsys: Capture) -> None:
    """KC-5: what could not be closed is said, and the exit code says it too."""

    async def scenario() -> None:
        async with served(tmp_path) as desk:
            desk.trader.remaining = 1
            code, output, _ = await _holdfast(capsys, tmp_path, "kill", "FLATTEN")
            assert code == 1
            assert "1 remaining" in output

    run(scenario)


# --- words ----------------------------------------------------------------------------------------


def test_options_reach_the_trader_unchanged(tmp_path: Path) -> None:
    """UI-11: one object, as JSON, there and back."""
    asked = RunOptions(data_dir=tmp_path, replay=tmp_path / "a b.csv", speed_ratio=None)
    assert RunOptions.from_json(asked.to_json()) == asked
    again = asked.restarted()
    assert (again.recover, again.restarts) == (True, 1)
    with pytest.raises(SetupError, match="start it with `holdfast run`"):
        RunOptions.from_json('{"mode":"PAPER"}')


def test_sessions_and_speeds_are_read_as_people_type_them() -> None:
    """UI-11: days in two forms, all; numbers, max."""
    assert parse_session("2020-03-09") == parse_session("20200309") == 20200309
    assert parse_session("ALL") is None
    assert parse_speed("max") is None
    assert parse_speed("0.5") == 0.5


def test_figures_are_shown_exactly_and_alike() -> None:
    """UI-10: fixed decimals, signs, exchange time with UTC beside it."""
    assert amount(123_456_789_012) == "1,234.57"
    assert signed(-25_000_000) == "-0.25"
    assert quantity(275_025_000_000) == "2,750.25"
    assert quantity(100_000_000_000) == "1,000"
    assert quantity(None) == "-"
    assert moment(1_583_760_600_123_456_789) == "2020-03-09 09:30:00.123"
    assert moment_utc(1_583_760_600_123_456_789) == "2020-03-09T13:30:00.123456789Z"
    assert [duration(span) for span in (5, 1_500, 2_500_000, 3_000_000_000, 600_000_000_000)] == [
        "5 ns",
        "1.5 µs",
        "2.5 ms",
        "3 s",
        "10 min 0 s",
    ]
