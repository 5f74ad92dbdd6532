"""`holdfast why`: reasons of an order, a refused signal, and a strategy that did nothing."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from console import cli
from console.timeline import found_by
from tests.console.recorded import ENTRY, EXIT, REFUSED_SIGNAL, write_record


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session with one trade and one refused signal."""
    folder = tmp_path_factory.mktemp("recorded")
    write_record(folder)
    return folder


def asked(recorded: Path, about: str, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """The answer as JSON; the text must hold its sentence too."""
    assert cli.run(["--data-dir", str(recorded), "why", about, "--json"]) == 0
    found: dict[str, object] = orjson.loads(capsys.readouterr().out)
    assert cli.run(["--data-dir", str(recorded), "why", about]) == 0
    assert str(found["answer"]).splitlines()[0] in capsys.readouterr().out
    return found


def test_an_entry_is_explained_by_its_signal_and_its_chain(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """PM-1, UI-11: signal, verdict, intent, states and fill of this order only, with latencies."""
    found = asked(recorded, ENTRY, capsys)
    assert (
        found["answer"]
        == "vwap: 0.30 % under the VWAP; no check of the gate failed, 2 limits were compared"
    )
    chain = found["chain"]
    assert isinstance(chain, list)
    kinds = [event["kind"] for event in chain]
    assert kinds[:3] == ["SignalReceived", "VerdictGiven", "OrderIntended"]
    assert "OrderFilled" in kinds
    assert not [event for event in chain if EXIT in event["stream"]]
    marks = found["latency"]
    assert isinstance(marks, list)
    assert {mark["order_id"] for mark in marks} == {ENTRY}


@pytest.mark.parametrize(("about", "is_approved"), [(ENTRY, True), (REFUSED_SIGNAL, False)])
def test_the_checks_that_passed_stand_with_their_figures(
    recorded: Path, capsys: pytest.CaptureFixture[str], about: str, *, is_approved: bool
) -> None:
    """PM-1: what was found beside what is allowed, for a refused signal as well."""
    assert cli.run(["--data-dir", str(recorded), "why", about]) == 0
    text = capsys.readouterr().out
    lines = [" ".join(line.replace("│", " ").split()) for line in text.splitlines()]
    assert "TRADE_LOSS 820.00 1,000.00" in lines
    assert "MARK_FRESH 0 ns 2 min 0 s" in lines
    assert ("nothing against it either: kill level" in text) is is_approved


def test_an_exit_is_explained_by_what_triggered_it(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """PM-1: which price against which threshold."""
    found = asked(recorded, EXIT, capsys)
    assert "TAKE_PROFIT: 2,740 against 2,739" in str(found["answer"])


def test_a_signal_that_was_refused_names_the_checks(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """PM-1: not made, and each check that failed."""
    found = asked(recorded, REFUSED_SIGNAL, capsys)
    assert str(found["answer"]).startswith("not made. vwap: 0.30 % under the VWAP; vwap refused: ")
    verdict = found["verdict"]
    assert isinstance(verdict, dict)
    assert [check["name"] for check in verdict["failed"]] == ["cooldown"]


def test_amounts_in_a_refusal_are_as_people_read_them() -> None:
    """PM-1: the gate speaks in units of 1e-8, a person does not."""
    check = {
        "name": "TRADE_LOSS",
        "value": 250_000_000,
        "limit": 150_000_000,
        "detail": "the loss at the stop must be between 0 and 150000000, was 250000000",
    }
    assert found_by(check) == "the loss at the stop must be between 0 and 1.50, was 2.50"
    counted = {**check, "name": "OPEN_POSITIONS"}
    assert "150000000" in found_by(counted)


def test_what_is_not_there_is_answered_with_the_nearest(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """UI-11: clear errors with what to do next."""
    assert cli.run(["--data-dir", str(recorded), "why", f"{ENTRY}x"]) == 2
    assert ENTRY in capsys.readouterr().err
    assert cli.run(["--data-dir", str(recorded), "why", "2020-03-09"]) == 2
    assert "holdfast daily 2020-03-09" in capsys.readouterr().err


def test_the_shell_completes_commands() -> None:
    """UI-11: `holdfast --install-completion`; what it installs asks the program itself."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("holdfast"))],
        env={
            "_HOLDFAST_COMPLETE": "complete_bash",
            "COMP_WORDS": "holdfast rec",
            "COMP_CWORD": "1",
            "PATH": "/usr/bin",
        },
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "reconcile" in done.stdout.split()
