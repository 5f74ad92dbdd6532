"""A written configuration reads back as itself, and the shipped ones are whole."""

from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from rust_core._native import AccountCore, PaperVenueBook
from tools import profiles
from trading.config import Config, Instrument, InstrumentKind, LimitsSection, Strategy
from trading.config_reader import default_path, load, parse
from trading.config_text import render
from trading.money import to_1e8
from trading.run_options import Mode

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted((ROOT / "configs").glob("*.toml"))
CONFIG = Config(
    instruments=(
        Instrument(
            symbol="ES", kind=InstrumentKind.FUTURE, tick_size=Decimal("0.25"), lot=Decimal(1)
        ),
    ),
    limits=LimitsSection(weekly_loss_max_usd=None, collar_ratio=Decimal("0.0000001")),
    strategies=(
        Strategy(name="x", instrument="ES", parameters={"a": Decimal("0.5"), "b": True, "c": 'q"'}),
    ),
    policies=("late",),
)


def test_a_written_configuration_reads_back_as_itself() -> None:
    """UI-12: `holdfast init` writes what `holdfast check` takes, every value included."""
    text = render(CONFIG, "mine\nand yours")
    assert parse(text, "my.toml", environment={}) == CONFIG
    assert text.startswith("# mine\n# and yours\n")


def test_every_key_is_written_with_its_comment() -> None:
    """UI-12: a commented configuration, defaults included."""
    lines = render(CONFIG).splitlines()
    assert any(
        line.startswith("risk_per_trade_usd = 1.50 ") and line.endswith("(RK-2, RK-3)")
        for line in lines
    )
    assert 'weekly_loss_max_usd = "none"' in "\n".join(lines)
    assert "[protections.stoploss_guard]" in lines


@pytest.mark.parametrize("path", SHIPPED, ids=[path.name for path in SHIPPED])
def test_a_shipped_configuration_is_taken(path: Path) -> None:
    """UI-12: every file in configs/ passes the check, and its account is one the core takes."""
    config = load(path, environment={})
    assert any(strategy.enabled for strategy in config.strategies)
    account = AccountCore(config.account_json(Mode.BACKTEST)).account()
    assert account.equity_1e8 == to_1e8(config.account.capital_usd)
    assert len(account.protections) >= 5
    PaperVenueBook(config.paper_json())


def test_the_shipped_configurations_are_whole(tmp_path: Path) -> None:
    """UI-12: every key with its comment as it is today; `tools/profiles.py --write` makes it so."""
    assert profiles.behind() == []
    for path in SHIPPED:
        lines = path.read_text().splitlines()
        short = [line for line in lines if not line.startswith("capture_days")]
        (tmp_path / path.name).write_text("\n".join(short) + "\n")
    names = [path.name for path in SHIPPED]
    assert profiles.behind(tmp_path) == names
    assert profiles.behind(tmp_path, write=True) == names
    assert [(tmp_path / name).read_text() for name in names] == [p.read_text() for p in SHIPPED]


def test_every_setting_of_a_protection_reaches_the_core() -> None:
    """RK-6, RK-12: a key that the core does not know is refused, and one of ours is one of its."""
    values = orjson.loads(CONFIG.account_json())
    protections = {name: set(one) for name, one in values["protections"].items()}
    assert protections == {
        "stoploss_guard": {"enabled", "stop_outs", "cooldown_ns"},
        "max_drawdown": {"enabled", "ratio_1e8", "window_ns", "cooldown_ns", "peak_min_1e8"},
        "cooldown_period": {"enabled", "cooldown_ns"},
        "time_window": {"enabled", "windows"},
        "volatility_halt": {
            "enabled",
            "sample_ns",
            "returns",
            "threshold_ratio_1e8",
            "cooldown_ns",
        },
        "throttle": {
            "enabled",
            "daily_used_ratio_1e8",
            "daily_size_ratio_1e8",
            "weekly_used_ratio_1e8",
            "weekly_size_ratio_1e8",
        },
        "daily_loss": {"enabled", "limit_1e8"},
        "weekly_loss": {"enabled"},
    }
    AccountCore(CONFIG.account_json())


def test_the_shipped_profiles_are_there() -> None:
    """UI-12, RK-3: the micro profile, ES, many trades on ES, and a demonstration."""
    assert [path.name for path in SHIPPED] == [
        "demo.toml",
        "es-busy.toml",
        "es.toml",
        "micro-equity.toml",
    ]
    assert default_path() == ROOT / "configs" / "demo.toml"


def test_the_micro_profile_has_the_figures_of_the_specification() -> None:
    """RK-2, RK-3, RK-4, RK-5: $1.50 a trade, $10 a day, $25 a week, thousandths of a share."""
    config = load(ROOT / "configs" / "micro-equity.toml", environment={})
    (spy,) = config.instruments
    assert (spy.symbol, spy.lot, spy.tick_size) == ("SPY", Decimal("0.001"), Decimal("0.01"))
    assert config.limits.risk_per_trade_usd == Decimal("1.5")
    assert config.limits.daily_loss_max_usd == 10
    assert config.limits.weekly_loss_max_usd == 25


@pytest.mark.parametrize("name", ["es.toml", "es-busy.toml"])
def test_es_risks_enough_for_a_whole_contract(name: str) -> None:
    """RK-2: risk / (price x stop x multiplier) is at least one contract at the prices of 2020."""
    config = load(ROOT / "configs" / name, environment={})
    es = config.instrument("ES")
    assert (es.tick_size, es.multiplier, es.lot) == (Decimal("0.25"), Decimal(50), Decimal(1))
    for strategy in config.strategies:
        stop_ratio = Decimal(strategy.parameters["stop_ratio"])
        risk_usd_per_contract = 3400 * stop_ratio * es.multiplier
        assert config.limits.risk_per_trade_usd >= risk_usd_per_contract
