"""`holdfast doctor` looks at what a run needs, and says what to do."""

from pathlib import Path

import pytest

from tests.support.live import simulator
from tests.support.process import ask


def test_everything_green_with_a_venue_and_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """BR-5: configuration, calendar, account, clock and instruments, each by name."""
    with simulator() as told:
        monkeypatch.setenv("HOLDFAST_ALPACA_KEY", told["key"])
        monkeypatch.setenv("HOLDFAST_ALPACA_SECRET", told["secret"])
        said = ask("doctor", "--broker", "alpaca", "--url", told["url"], "--json")
        assert said.code == 0, said.out
        names = [check["name"] for check in said.json()["checks"]]
        assert names == ["configuration", "calendar XNYS", "account", "clock", "instrument SPY"]
        monkeypatch.setenv("HOLDFAST_ALPACA_SECRET", "not-the-secret")
        refused = ask("doctor", "--broker", "alpaca", "--url", told["url"])
    assert refused.code == 3
    assert "NO  account" in refused.out
    assert "HOLDFAST_ALPACA_KEY" in refused.out
    assert "not-the-secret" not in refused.out + refused.err


def test_a_file_of_keys_that_others_can_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BR-4: keys come from the environment or a private file, and stand in no text."""
    keys = tmp_path / "keys"
    keys.write_text("KEYID\nhush-hush\n")
    keys.chmod(0o644)
    monkeypatch.setenv("HOLDFAST_ALPACA_FILE", str(keys))
    said = ask("doctor", "--broker", "alpaca", "--url", "http://127.0.0.1:9")
    assert said.code == 3
    assert "chmod 600" in said.out
    keys.chmod(0o600)
    said = ask("doctor", "--broker", "alpaca", "--url", "http://127.0.0.1:9")
    assert "no connection" in said.out
    assert "hush-hush" not in said.out + said.err


def test_a_configuration_that_is_wrong_is_said(tmp_path: Path) -> None:
    """UI-11: one line, and the cure."""
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[run]\nmode = 'SIDEWAYS'\n")
    said = ask("doctor", "--config", str(wrong), "--json")
    assert said.code == 3
    assert said.json()["checks"][0]["cure"]
