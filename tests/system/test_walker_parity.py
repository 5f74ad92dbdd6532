"""The block walker and the actors drive the same cores: their trades and journals are equal.

Fifty-five real sessions under both shipped configurations of the index future, and two hundred
generated ones under configurations that fill in parts, trip protections and trade often.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from research.walk import walk_config, walk_tape
from rust_core import WalkOutcome
from streams.generate import MarketPlan, Story, ensure_generated
from streams.loading import Content
from streams.tape import Kind, Tape
from tests.support.parity import assert_equal
from tests.support.play import CONFIGS, Played, play
from trading.config import Config
from trading.config_reader import load
from trading.errors import ConfigError, SetupError

pytestmark = pytest.mark.timeout(300)  # whole quarters, on a machine that may be busy

UNIT = 100_000_000
HALF_DAYS = {20240703, 20241129, 20241224, 20230703, 20231124}
FIRST_DATES = (20240625, 20241120, 20241217, 20230626, 20231117)  # each with a half day within 10
TAPES, SESSIONS = 20, 10
PROTECTIONS = {
    "STOPLOSS_GUARD",
    "MAX_DRAWDOWN",
    "COOLDOWN_PERIOD",
    "TIME_WINDOW",
    "VOLATILITY_HALT",
    "DAILY_LOSS",
    "WEEKLY_LOSS",
}


def changed(config: Config, section: str, **values: Any) -> Config:
    """The configuration with some values of one section replaced."""
    part = msgspec.structs.replace(getattr(config, section), **values)
    return msgspec.structs.replace(config, **{section: part})


def traded_by(config: Config, **parameters: Any) -> Config:
    """The configuration with some parameters of its strategy replaced."""
    strategy = config.strategies[0]
    made = msgspec.structs.replace(strategy, parameters={**strategy.parameters, **parameters})
    return msgspec.structs.replace(config, strategies=(made,))


def micro() -> Config:
    """Thousandths of a share, several trades a day, both ways."""
    config = load(CONFIGS / "micro-equity.toml")
    # A lost day pauses a desk until a person resumes (KC-7); the walker has nobody to wait for.
    config = changed(config, "triggers", daily_loss=None, drawdown=None)
    config = changed(config, "limits", entries_per_window_max=20)
    return traded_by(
        config,
        entries_max=20,
        is_short_allowed=True,
        entry_deviation_ratio=Decimal("0.001"),
        window_end_minutes=375,
    )


def busy() -> Config:
    """The shipped configuration of many trades."""
    return load(CONFIGS / "es-busy.toml")


def strict() -> Config:
    """Protections that trip after little."""
    config = changed(
        busy(),
        "limits",
        daily_loss_max_usd=Decimal(1500),
        weekly_loss_max_usd=Decimal(3000),
        position_notional_max_usd=Decimal(500_000),
    )
    halt = msgspec.structs.replace(
        config.protections.volatility_halt, deviation_max_ratio=Decimal("0.002")
    )
    return changed(config, "protections", volatility_halt=halt)


def thin() -> Config:
    """A venue so thin that orders are still working when the day ends."""
    return changed(busy(), "paper", participation_max_ratio=Decimal("0.0002"), slippage_ticks=3)


PROFILES: tuple[Callable[[], Config], ...] = (micro, busy, strict, thin)


def plan(seed: int, config: Config) -> MarketPlan:
    """Ten sessions with a half day among them; every third tape has quotes beside its bars."""
    is_equity = config.instruments[0].symbol == "SPY"
    return MarketPlan(
        seed=seed,
        sessions=SESSIONS,
        first_date=FIRST_DATES[seed % len(FIRST_DATES)],
        instrument=config.instruments[0].symbol,
        calendar=config.input.calendar,
        price_1e8=(400 if is_equity else 3000) * UNIT,
        tick_1e8=UNIT // 100 if is_equity else UNIT // 4,
        volume=4_000_000 if is_equity else 1_200_000,
        volatility_ratio=0.03,
        quotes_per_bar=2 if seed % 3 == 0 else 0,
        story=Story.REVERTING if seed % 2 else Story.RANDOM,
    )


@pytest.fixture(scope="module")
def tapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the generated tapes are kept."""
    return tmp_path_factory.mktemp("generated")


def generated(seed: int, folder: Path) -> tuple[Config, Tape]:
    """The configuration and the tape of a seed."""
    config = PROFILES[seed % len(PROFILES)]()
    return config, Tape(ensure_generated(plan(seed, config), folder))


@pytest.fixture(scope="module")
def busy_pair(es_tape: Tape) -> tuple[Played, WalkOutcome]:
    """The busy configuration on all real sessions, by both drivers."""
    return assert_equal(busy(), es_tape)


def test_the_walker_trades_as_the_actors_do_on_real_sessions(es_tape: Tape) -> None:
    """RS-1, EX-14: entry, exit, size, prices, fee, reason, P&L and every event, byte for byte."""
    _, walked = assert_equal(load(CONFIGS / "es.toml"), es_tape)
    assert (walked.sessions, walked.trades) == (55, 22)


def test_the_walker_trades_as_the_actors_do_on_many_trades(
    busy_pair: tuple[Played, WalkOutcome],
) -> None:
    """RS-1, EX-5: five hundred trades, filled in parts, are the same in both drivers."""
    _, walked = busy_pair
    assert walked.trades >= 500
    assert walked.partial_fills >= 500


@pytest.mark.parametrize("seed", range(TAPES))
def test_the_walker_trades_as_the_actors_do_on_generated_sessions(seed: int, tapes: Path) -> None:
    """RS-1, RK-6: ten generated sessions, one of them short, protections and quotes included."""
    config, tape = generated(seed, tapes)
    with tape:
        _, walked = assert_equal(config, tape)
    assert walked.sessions == SESSIONS


def test_the_generated_sessions_are_worth_comparing(tapes: Path) -> None:
    """RK-6, RK-12: among the two hundred every protection trips, and orders fill in parts."""
    tripped: Counter[str] = Counter()
    sessions = trades = parts = 0
    dates: set[int] = set()
    for seed in range(TAPES):
        config, tape = generated(seed, tapes)
        with tape:
            walked = walk_tape(config, tape)
            dates |= {row[4] for row in tape.rows() if row[1] == Kind.SESSION_OPEN}
        tripped.update(walked.tripped)
        sessions += walked.sessions
        trades += walked.trades
        parts += walked.partial_fills
    assert set(tripped) == PROTECTIONS
    assert dates >= HALF_DAYS
    assert sessions == 200
    assert trades >= 1000
    assert parts >= 1000


# -- what the busy configuration is for ------------------------------------------------------------


def test_every_protection_trips_on_real_sessions(busy_pair: tuple[Played, WalkOutcome]) -> None:
    """RK-4, RK-5, RK-6, RK-8, RK-12: each trips at least once, and sizes shrink for both causes."""
    played, _ = busy_pair
    assert {each["name"] for each in played.payloads("ProtectionTripped")} == PROTECTIONS
    causes = {each["after"]["cause"] for each in played.payloads("ThrottleChanged")}
    assert causes == {"NONE", "DAILY_LOSS", "WEEKLY_LOSS"}


def test_many_trades_still_end_each_session_flat(busy_pair: tuple[Played, WalkOutcome]) -> None:
    """KC-8: in a thin venue too, no position outlives its session."""
    played, _ = busy_pair
    closed = played.payloads("SessionClosed")
    assert [each["positions_open"] for each in closed] == [0] * 55
    assert played.system.core is None or played.system.core.positions() == []


def test_the_busy_journal_is_the_same_every_time(
    busy_pair: tuple[Played, WalkOutcome], es_tape: Tape
) -> None:
    """RS-1: the same tape gives the same journal hash, many trades and protections included."""
    played, _ = busy_pair
    assert play(busy(), es_tape).journal_hash() == played.journal_hash()


# -- what the walker refuses -----------------------------------------------------------------------


def test_what_needs_python_is_not_walked() -> None:
    """RS-1: a policy would have to be asked; the walker says so and does not leave it out."""
    config = msgspec.structs.replace(busy(), policies=("mine",))
    with pytest.raises(ConfigError, match="policies: the block walker asks no Python"):
        walk_config(config)


@pytest.mark.parametrize("content", ["quotes", "trades"])
def test_a_tape_of_ticks_is_not_walked(content: Content, tapes: Path) -> None:
    """RS-1, MD-5: the walker builds no bars; it says so and does not walk past every rule."""
    config = busy()
    ticks = replace(plan(0, config), sessions=1, quotes_per_bar=0, content=content)
    with (
        Tape(ensure_generated(ticks, tapes)) as tape,
        pytest.raises(SetupError, match=f"expected bars, found {content}"),
    ):
        walk_tape(config, tape)


def test_a_disabled_strategy_is_not_walked(es_tape: Tape) -> None:
    """SG-1: the walker asks those rules that a run would ask."""
    config = busy()
    off = msgspec.structs.replace(config.strategies[0], enabled=False)
    config = msgspec.structs.replace(config, strategies=(off,))
    assert orjson.loads(walk_config(config))["strategies"] == []
    assert walk_tape(config, es_tape).trades == 0
