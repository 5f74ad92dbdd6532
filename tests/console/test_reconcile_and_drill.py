"""`holdfast reconcile` and `holdfast drill`: what they say, and how they end."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from actors.operator_words import Reconciled
from console import cli
from tests.console.operator_client import run, served

Capture = pytest.CaptureFixture[str]


def test_reconcile_names_each_difference_and_ends_with_1(tmp_path: Path, capsys: Capture) -> None:
    """ST-3: as a table and as JSON; with --adopt the venue's word is taken and all is well."""

    async def scene() -> None:
        async with served(tmp_path):
            where = ["--data-dir", str(tmp_path)]
            assert await asyncio.to_thread(cli.run, ["reconcile", "--json", *where]) == 1
            answer = orjson.loads(capsys.readouterr().out)
            assert answer["is_stopped"] is True
            (drift,) = answer["drift"]
            assert (drift["kind"], drift["local_1e8"]) == ("POSITION_QTY", 10 * 10**8)
            assert await asyncio.to_thread(cli.run, ["reconcile", *where]) == 1
            shown = capsys.readouterr().out
            assert "POSITION_QTY" in shown
            assert "--adopt" in shown
            assert await asyncio.to_thread(cli.run, ["reconcile", "--adopt", *where]) == 0
            assert "taken over" in capsys.readouterr().out

    run(scene)


class Unsure:
    """A trader whose venue could not tell of everything, or whose lists may be behind."""

    def __init__(self, *, is_conclusive: bool) -> None:
        """Nothing differs in what was told."""
        self.is_conclusive = is_conclusive

    def post(self, path: str, body: dict[str, Any], *, wait_s: float) -> dict[str, Any]:
        """In part and concluded, or whole and not concluded."""
        assert (path, body["adopt"], wait_s > 0) == ("/api/reconcile", False, True)
        done = Reconciled(
            id="1",
            is_conclusive=self.is_conclusive,
            is_stopped=False,
            is_partial=self.is_conclusive,
            drift=[],
        )
        return done.to_json()


@pytest.mark.parametrize(
    ("is_conclusive", "said"), [(True, "beside the run's"), (False, "may be behind; ask again")]
)
def test_books_that_were_not_compared_are_not_called_equal(
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_conclusive: bool,
    said: str,
) -> None:
    """ST-3: it ends with 1, whether in part or without a conclusion."""
    trader = Unsure(is_conclusive=is_conclusive)
    monkeypatch.setattr("console.reconcile.running_trader", lambda _: trader)
    assert cli.run(["reconcile", "--data-dir", str(tmp_path)]) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert said in shown
    assert "equal" not in shown


def test_reconcile_without_a_trader_says_so(tmp_path: Path, capsys: Capture) -> None:
    """ST-3: only a running trader can ask its venue."""
    assert cli.run(["reconcile", "--data-dir", str(tmp_path)]) == 2
    assert "no trader runs here" in capsys.readouterr().err


def test_a_drill_ends_well_and_is_kept(tmp_path: Path, capsys: Capture) -> None:
    """KC-9: in one line, as JSON with the promised keys, and for the console in a file."""
    asked = ["drill", "--orders", "4", "--positions", "1", "--data-dir", str(tmp_path)]
    assert cli.run([*asked, "--json"]) == 0
    said = orjson.loads(capsys.readouterr().out)
    assert {"cancelled", "closed", "remaining", "ms_to_last_cancel", "ms_to_flat"} <= said.keys()
    assert (said["cancelled"], said["closed"], said["remaining"]) == (4, 1, 0)
    assert orjson.loads((tmp_path / "drill.json").read_bytes()) == said
    assert cli.run(asked) == 0
    assert "4 orders cancelled" in capsys.readouterr().out
