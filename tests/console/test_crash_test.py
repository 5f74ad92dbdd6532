"""`holdfast crash-test`: what it says, and how it ends."""

from typing import Any

import orjson
import pytest

from console import cli
from research.crash import campaign
from research.crash.campaign import Campaign
from research.crash.judge import Findings
from research.crash.process import Round
from trading.run_options import Mode

Capture = pytest.CaptureFixture[str]


def ended(number: int, findings: Findings, mode: str = "PAPER") -> Round:
    """A round that came to its end."""
    return Round(
        number=number,
        mode=mode,
        point="durable",
        occurrence=1,
        state="order",
        findings=findings,
        recover_ms=100.0 * (number + 1),
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a campaign was asked for; `found` is what it comes to."""
    told: dict[str, Any] = {"found": Campaign(rounds=[ended(0, Findings())])}

    async def run(rounds: int, **choices: Any) -> Campaign:
        told.update(rounds=rounds, **choices)
        choices["told"](rounds, rounds)
        found: Campaign = told["found"]
        return found

    monkeypatch.setattr(campaign, "run", run)
    return told


def test_clean_rounds_end_with_0_and_one_line(asked: dict[str, Any], capsys: Capture) -> None:
    """ST-1: the promised keys, by point and mode, and the mode that was asked for."""
    asked["found"].rounds.append(ended(1, Findings(), "LIVE"))
    assert cli.run(["crash-test", "--rounds", "2", "--mode", "live", "--json"]) == 0
    assert (asked["rounds"], asked["modes"]) == (2, (Mode.LIVE,))
    (line,) = capsys.readouterr().out.splitlines()
    said = orjson.loads(line)
    assert (said["rounds"], said["orphans"], said["duplicates"], said["lost"]) == (2, 0, 0, 0)
    assert (said["recover_ms_p50"], said["recover_ms_p99"]) == (100.0, 200.0)
    assert [(each["mode"], each["rounds"]) for each in said["by_point"]] == [
        ("PAPER", 1),
        ("LIVE", 1),
    ]


@pytest.mark.parametrize("kind", ["orphans", "duplicates", "lost"])
def test_anything_that_is_found_ends_with_1(
    asked: dict[str, Any], capsys: Capture, kind: str
) -> None:
    """ST-1: one orphan, duplicate or lost event in one round, with its sentence."""
    asked["found"].rounds.append(ended(1, Findings(**{kind: ["what was found"]})))
    assert cli.run(["crash-test"]) == 1
    shown = capsys.readouterr().out
    assert "round 1, PAPER at durable: what was found" in shown
    assert f"1 {kind}" in shown.replace("orphan,", "orphans,")


def test_a_round_without_an_end_ends_with_1(asked: dict[str, Any], capsys: Capture) -> None:
    """ST-1: a process that did not come back is no success, though nothing could be compared."""
    asked["found"].failed.append((5, "LIVE", "released", "the trader must end with 0, did not"))
    assert cli.run(["crash-test", "--json"]) == 1
    said = orjson.loads(capsys.readouterr().out)
    assert (said["rounds"], said["failed"]) == (2, 1)
    assert said["findings"][0]["finding"] == "the trader must end with 0, did not"


@pytest.mark.parametrize(
    "words", [["--rounds", "0"], ["--jobs", "0"], ["--mode", "BACKTEST"], ["--mode", "papre"]]
)
def test_what_cannot_be_run_is_refused(
    asked: dict[str, Any], capsys: Capture, words: list[str]
) -> None:
    """UI-14: with what was expected, and nothing is started."""
    assert cli.run(["crash-test", *words]) == 2
    assert "was" in capsys.readouterr().err
    assert "rounds" not in asked


def test_every_point_comes_up_as_often_as_any_other() -> None:
    """ST-1: two hundred rounds leave no cell of the matrix out."""
    drawn = campaign.cells(campaign.MODES, 200)
    counts = {cell: drawn.count(cell) for cell in drawn}
    assert len(counts) == 14
    assert set(counts.values()) == {14, 15}
