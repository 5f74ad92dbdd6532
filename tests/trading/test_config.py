# ruff: noqa: E501 - a table of whole error texts
"""A configuration is taken whole or refused with the key, what was expected and what was found."""

import contextlib
import re
from decimal import Decimal
from pathlib import Path

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.play import CONFIGS
from trading.config import Config
from trading.config_fields import Section, describe
from trading.config_reader import LIVE_RAILS, load, parse, read_secret, settings
from trading.errors import ConfigError
from trading.run_options import Mode

SPY = """
[[instruments]]
symbol = "SPY"
kind = "EQUITY"
tick_size = 0.01
lot = 0.001
"""
RAILS = """
[limits]
risk_per_trade_usd = 1.5
daily_loss_max_usd = 10
weekly_loss_max_usd = "none"
position_notional_max_usd = 500
exposure_max_ratio = 0.8
positions_max = 1
entries_per_window_max = 2
entries_per_session_max = 4
"""


def read(text: str, mode: Mode | None = None) -> Config:
    return parse(text, "my.toml", mode=mode, environment={})


def test_the_defaults_are_the_micro_profile_with_every_protection_on() -> None:
    """RK-12, RK-3, RK-4, RK-5, RK-6: sane limits that hold when nothing is written."""
    config = read(SPY)
    limits, protections = config.limits, config.protections
    assert limits.risk_per_trade_usd == Decimal("1.50")
    assert limits.daily_loss_max_usd == 10
    assert limits.weekly_loss_max_usd == 25
    assert (protections.stoploss_guard.stop_outs, protections.stoploss_guard.cooldown_s) == (
        3,
        1800,
    )
    assert protections.max_drawdown.drawdown_max_ratio == Decimal("0.15")
    assert (protections.max_drawdown.window_s, protections.max_drawdown.cooldown_s) == (
        7 * 86_400,
        86_400,
    )
    assert protections.cooldown_period.cooldown_s == 3600
    assert all(getattr(protections, name).enabled for name in protections.__struct_fields__)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[limits]\nrisk_per_trde_usd = 1", "limits.risk_per_trde_usd: unknown key; did you mean risk_per_trade_usd?"),
        ("[protections.coldown]\nenabled = true", "protections.coldown: unknown key; did you mean cooldown_period?"),
        ("[limits]\nrisk_per_trade_usd = 0", "limits.risk_per_trade_usd: expected a number above 0, found 0"),
        ("[retention]\narchive_days = 0", "retention.archive_days: expected a number above 0, found 0"),
        ("[retention]\ncapture_days = 0", "retention.capture_days: expected a number above 0, found 0"),
        ("[limits]\nrisk_per_trade_usd = 'abc'", "limits.risk_per_trade_usd: expected a number, found 'abc'"),
        ("[limits]\nrisk_per_trade_usd = true", "limits.risk_per_trade_usd: expected a number, found true"),
        ("[limits]\nrisk_per_trade_usd = nan", "limits.risk_per_trade_usd: expected a finite number, found NaN"),
        ("[limits]\nrisk_per_trade_usd = 'Infinity'", "limits.risk_per_trade_usd: expected a finite number, found Infinity"),
        ("[limits]\nrisk_per_trade_usd = 1e-9", "limits.risk_per_trade_usd: expected at most 8 decimals, found 1E-9"),
        ("[limits]\nrisk_per_trade_usd = 'none'", "limits.risk_per_trade_usd: expected a number; it cannot be none"),
        ("[limits]\npositions_max = 1.5", "limits.positions_max: expected a whole number, found 1.5"),
        ("[[protections.time_window.windows]]\nfrom_min = 9\nuntil_min = 5", "time_window.windows: a window must start at 0 or later and end after it"),
        ("[protections.time_window]\nwindows = []", "time_window.windows must hold at least one window"),
        ("[limits]\ncollar_ratio = 2", "limits.collar_ratio: expected at most 1, found 2"),
        ("[limits]\nweekly_loss_max_usd = 5", "expected at least daily_loss_max_usd (10), found 5"),
        ("[run]\nmode = 'PAPR'", "run.mode: expected one of the names in its comment, found 'PAPR'"),
        ("[run]\naccount = 'a-b'", "run.account: expected a text like"),
        ("[operator]\ntoken = 'x'", "operator.token: secrets never stand in the configuration"),
        ("[input]\ncalendar = 'XNYC'", "input.calendar: expected one of ALWAYS, ES, XNYS, found 'XNYC'; did you mean XNYS?"),
        ("[input]\nbar_stamp = 'mid'", "input.bar_stamp: expected one of the names in its comment, found 'mid'"),
        ("[breakers]\nopen_s = 60\nopen_max_s = 59", "open_max_s: expected at least open_s (60), found 59"),
        ("[[strategies]]\nname = 'a'\ninstrument = 'SPX'", "strategies[0].instrument: expected one of SPY, found 'SPX'"),
        ("[[strategies]]\nname = 'a'", "strategies[0].instrument: expected a value, found none"),
        ("[[strategies]]\nname='a'\ninstrument='SPY'\nparameters = {x = nan}", "strategies[0].parameters.x: expected a finite number"),
        ("[[strategies]]\nname='a'\ninstrument='SPY'\n" * 2, "strategies[1]: expected a name of its own, found 'a' twice"),
        ("[limits", "expected TOML, found an error"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_key(text: str, complaint: str) -> None:
    """UI-12: what is wrong, where, what was expected, and the nearest key."""
    with pytest.raises(ConfigError) as caught:
        read(SPY + text)
    assert str(caught.value).startswith("my.toml: ")
    assert complaint in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_file_without_instruments_is_refused() -> None:
    """UI-12: there is nothing to trade."""
    with pytest.raises(ConfigError, match="instruments: expected a value, found none"):
        read("")
    with pytest.raises(ConfigError, match="instruments: expected at least one, found none"):
        read("instruments = []")


def test_an_unreadable_file_is_a_clear_error(tmp_path: Path) -> None:
    """UI-12: no traceback for a wrong path."""
    with pytest.raises(ConfigError, match=r"missing\.toml: cannot be read"):
        load(tmp_path / "missing.toml", environment={})


def test_an_unknown_variable_with_our_prefix_is_refused() -> None:
    """KC-6: no operational control lives in an environment variable, and a typo is not ignored."""
    with pytest.raises(ConfigError, match=r"HOLDFAST_SOK is not a variable.*mean HOLDFAST_SOAK"):
        parse(SPY, "my.toml", environment={"HOLDFAST_SOK": "1", "PATH": "/bin"})
    parse(SPY, "my.toml", environment={"HOLDFAST_SOAK": "1"})


@pytest.mark.parametrize("rail", LIVE_RAILS)
def test_live_refuses_a_missing_rail(rail: str) -> None:
    """RK-14: rails are loosened by name, never by omission."""
    text = SPY + "\n".join(line for line in RAILS.splitlines() if not line.startswith(rail))
    with pytest.raises(ConfigError, match=f"missing {rail}; write a number"):
        read(text, Mode.LIVE)
    assert read(text, Mode.PAPER).run.mode is Mode.PAPER


def test_live_takes_a_rail_that_is_none_by_name() -> None:
    """RK-14: `"none"` says on purpose what an absent key would say by accident."""
    config = read(SPY + RAILS, Mode.LIVE)
    assert config.limits.weekly_loss_max_usd is None


@pytest.mark.parametrize("permissions", [0o644, 0o640, 0o604, 0o602])
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, permissions: int) -> None:
    """BR-4: credentials come from files with restrictive permissions, and are never shown."""
    path = tmp_path / "key"
    path.write_text("hunter2\n")
    path.chmod(permissions)
    with pytest.raises(ConfigError, match=f"found {permissions:04o}; run `chmod 600") as caught:
        read_secret(path)
    assert "hunter2" not in str(caught.value)
    path.chmod(0o600)
    assert read_secret(path) == "hunter2"


def test_the_account_core_gets_integers_at_1e8() -> None:
    """EX-12, RK-2: the core reads exact integers, and the mode of the command line."""
    account = orjson.loads(read(SPY).account_json(Mode.BACKTEST))
    assert account["mode"] == "BACKTEST"
    assert account["risk"]["per_trade_1e8"] == 150_000_000
    assert account["instruments"] == [
        {
            "symbol": "SPY",
            "kind": "EQUITY",
            "tick_1e8": 1_000_000,
            "lot_1e8": 100_000,
            "min_qty_1e8": 100_000,
            "multiplier_1e8": 100_000_000,
            "fractional": True,
        }
    ]


def test_effective_values_say_where_they_come_from(tmp_path: Path) -> None:
    """UI-12: `holdfast check --show` names file or default for every value."""
    path = tmp_path / "my.toml"
    path.write_text(SPY + "[limits]\ndaily_loss_max_usd = 10\n")
    shown = {key: (value, source) for key, value, source in settings(path)}
    assert shown["limits.daily_loss_max_usd"] == ("10", "file")
    assert shown["limits.weekly_loss_max_usd"] == ("25", "default")
    assert shown["instruments[0].symbol"] == ("SPY", "file")


def test_the_digest_follows_the_values_and_not_the_text() -> None:
    """RS-1: a run is known by what it ran with."""
    assert read(SPY).digest() == read(SPY + "\n# a comment\n[limits]\npositions_max = 3").digest()
    assert read(SPY).digest() != read(SPY + "[limits]\npositions_max = 4").digest()


def test_every_key_has_a_comment() -> None:
    """UI-12: the commented configuration explains each value."""
    bare = []
    for field in msgspec.structs.fields(Config):
        if isinstance(field.type, type) and issubclass(field.type, Section):
            texts = describe(field.type)
            nested = {key for key in texts if field.name == "protections"}
            bare += [
                f"{field.name}.{key}"
                for key, text in texts.items()
                if not text and key not in nested
            ]
    assert bare == []


@given(text=st.text(alphabet="[]=.\"'#\n abnot_01-", max_size=60))
def test_no_text_makes_anything_but_a_configuration_error(text: str) -> None:
    """UI-12: whatever stands in the file, the answer is one line and exit code 2."""
    with contextlib.suppress(ConfigError):
        read(SPY + text)


def test_what_the_core_would_refuse_is_refused_with_the_file_named(tmp_path: Path) -> None:
    """UI-12: a bound that only the account core knows is told by `check`, not by a crash."""
    path = tmp_path / "too-many.toml"
    text = (CONFIGS / "es.toml").read_text()
    path.write_text(re.sub(r"entries_per_window_max = \d+", "entries_per_window_max = 80", text))
    with pytest.raises(ConfigError, match=r"too-many\.toml: .*entries_per_window_max.*was 80"):
        load(path)
