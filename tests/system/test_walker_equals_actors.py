"""Walker and actors drive the same cores: the same tape gives the same account journal.

Not only the trades are compared: every event the account decided, with its time and its bytes.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest

from rust_core import WalkOutcome, WalkTape, walk
from streams.generate import MarketPlan, Story, ensure_generated
from streams.tape import Tape
from tests.support.play import CONFIGS, Played, play
from trading.config import Config
from trading.config_reader import load
from trading.run_options import Mode
from trading.strategies.api import configure
from trading.strategies.vwap_reversion import VwapReversionStrategy, parameters_json

TRADE_FIELDS = (
    "entry_ns", "exit_ns", "side", "qty_1e8", "entry_1e8", "exit_1e8", "fees_1e8", "reason",
    "gross_1e8", "net_1e8",
)  # fmt: skip


def walked(config: Config, tape: Tape) -> WalkOutcome:
    """The walker's run of a configuration, with every event."""
    strategies = [
        {
            "name": strategy.name,
            "instrument": strategy.instrument,
            "parameters": orjson.loads(
                parameters_json(
                    configure(VwapReversionStrategy, strategy.parameters, strategy.name)
                )
            ),
        }
        for strategy in config.strategies
        if strategy.enabled
    ]
    asked = {
        "account": orjson.loads(config.account_json(Mode.PAPER)),
        "venue": orjson.loads(config.paper_json()),
        "strategies": strategies,
        "with_events": True,
    }
    rows = WalkTape(tape.buffer, tape.header.instruments)
    return walk(rows, orjson.dumps(asked))


def journal(played: Played) -> list[tuple[str, str, int, bytes]]:
    """The account's journal without snapshots, which say again what the events before them said."""
    return [row for row in played.rows() if row[1] != "AccountSnapshot"]


def trades_of(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What must be equal to 1e-8 (PX-5)."""
    return [tuple(row[name] for name in TRADE_FIELDS) for row in rows]


def assert_equal(config: Config, tape: Tape) -> WalkOutcome:
    """Actors and walker, trade by trade and event by event."""
    played, outcome = play(config, tape), walked(config, tape)
    assert trades_of(orjson.loads(outcome.trades_json())) == trades_of(played.trades())
    events = [
        (stream, kind, at_ns, payload) for stream, kind, at_ns, payload, _ in outcome.events()
    ]
    for ours, theirs in zip(events, journal(played), strict=True):
        assert ours == theirs
    assert outcome.violations == {}
    return outcome


@pytest.mark.parametrize("name", ["es", "es-busy"])
def test_recorded_sessions_give_the_same_journal(name: str, es_tape: Tape) -> None:
    """RS, EX-7: 55 recorded sessions, protections and partial fills included."""
    outcome = assert_equal(load(CONFIGS / f"{name}.toml"), es_tape)
    assert outcome.trades > 0


@pytest.mark.parametrize("story", list(Story))
@pytest.mark.parametrize(
    ("sessions", "quotes_per_bar"), [(85, 0), (15, 4)], ids=["bars", "quotes too"]
)
def test_generated_sessions_give_the_same_journal(
    story: Story, sessions: int, quotes_per_bar: int, tmp_path: Path
) -> None:
    """RS, EX-7: 200 generated sessions in all, with holes, bursts and falls."""
    plan = MarketPlan(
        seed=11,
        sessions=sessions,
        instrument="ES",
        calendar="ES",
        price_1e8=4000 * 10**8,
        tick_1e8=25_000_000,
        volatility_ratio=0.015,
        volume=600_000,
        quotes_per_bar=quotes_per_bar,
        story=story,
    )
    with Tape(ensure_generated(plan, tmp_path)) as tape:
        outcome = assert_equal(load(CONFIGS / "es-busy.toml"), tape)
    assert outcome.trades > 0
