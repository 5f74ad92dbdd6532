"""A configuration names what runs; whatever cannot run is said before anything starts."""

from pathlib import Path

import pytest

from trading.config_reader import load, parse
from trading.errors import ConfigError
from trading.strategies.catalogue import configured, policies, strategies_folder
from trading.strategies.templates import write_template

ROOT = Path(__file__).resolve().parents[3]
SPY = '[[instruments]]\nsymbol = "SPY"\nkind = "EQUITY"\ntick_size = 0.01\n'


def strategy(name: str, parameters: str = "") -> str:
    return f'[[strategies]]\nname = "{name}"\ninstrument = "SPY"\nparameters = {{{parameters}}}\n'


@pytest.mark.parametrize(
    "path", sorted((ROOT / "configs").glob("*.toml")), ids=lambda path: path.name
)
def test_the_strategies_of_the_shipped_configurations_can_be_made(path: Path) -> None:
    """SG-1, SG-3: every parameter that stands in configs/ is one the rule takes."""
    config = load(path, environment={})
    made = configured(config, strategies_folder(config, path.parent))
    assert [one.create().name for one in made] == [one.name for one in config.strategies]


def test_a_users_strategy_runs_by_its_name(tmp_path: Path) -> None:
    """SG-1: the file's hash comes with it."""
    write_template("strategy", "my_idea", tmp_path / "strategies")
    config = parse(SPY + strategy("my_idea", "entries_max = 3"), "my.toml", environment={})
    (made,) = configured(config, strategies_folder(config, tmp_path))
    assert made.create().settings["entries_max"] == 3
    assert len(made.sha256) == 64
    assert made.is_enabled


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (strategy("vwap_revesion"), r"strategies\[0\]\.name: expected .*vwap_revesion\.py, found"),
        (strategy("vwap_reversion", "bars = 1"), r"strategies\[0\]\.parameters\.bars: unknown"),
        (
            strategy("vwap_reversion", "window_start_minutes = 90, window_end_minutes = 30"),
            r"strategies\[0\]: vwap_reversion cannot be made: window_end_minutes must be",
        ),
    ],
)
def test_what_cannot_run_is_said_at_the_start(tmp_path: Path, text: str, complaint: str) -> None:
    """UI-12, SG-8: exit code 2 with the key."""
    config = parse(SPY + text, "my.toml", environment={})
    with pytest.raises(ConfigError, match=complaint):
        configured(config, strategies_folder(config, tmp_path))


def test_a_file_may_not_take_the_name_of_a_built_in_rule(tmp_path: Path) -> None:
    """SG-1: which of the two trades must never be a question."""
    write_template("strategy", "vwap_reversion", tmp_path / "strategies")
    config = parse(SPY + strategy("vwap_reversion"), "my.toml", environment={})
    with pytest.raises(ConfigError, match=r"vwap_reversion is built in and .* too; rename"):
        configured(config, strategies_folder(config, tmp_path))


def test_a_named_policy_that_is_missing_stops_the_start(tmp_path: Path) -> None:
    """RK-16: without its veto nothing is traded."""
    config = parse('policies = ["late"]\n' + SPY, "my.toml", environment={})
    with pytest.raises(ConfigError, match=r"policies\[0\]: expected .*late\.py, found none"):
        policies(config, tmp_path)
    write_template("policy", "late", tmp_path / "policies")
    (policy,) = policies(config, tmp_path)
    assert policy.name == "late"
