"""What crash rounds trade: a busy recording in PAPER, a venue's generated market in LIVE."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from streams.generate import MarketPlan, Story, ensure_generated
from streams.loading import Content
from trading.config import Config, Strategy
from trading.config_reader import default_path, load
from trading.config_text import render

UNIT_1E8: Final = 100_000_000
STRATEGIES: Final = Path(__file__).parent / "strategies"
SYMBOL: Final = "SPY"

_CHANGES: Final = {
    "stop_outs": "30",
    "cooldown_s": "60",  # every occurrence
    "daily_loss_max_usd": "20000",
    "weekly_loss_max_usd": "45000",
    "drawdown_max_ratio": "0.9",
    "deviation_max_ratio": "0.02",
    "participation_max_ratio": "0.0002",
    "risk_per_trade_usd": "3000",
}


def busy_plan(seed: int = 7, sessions: int = 3, content: Content = "bars") -> MarketPlan:
    """A made-up market of the index future."""
    return MarketPlan(
        seed=seed,
        sessions=sessions,
        instrument="ES",
        calendar="ES",
        tick_1e8=UNIT_1E8 // 4,
        price_1e8=3_300 * UNIT_1E8,
        volatility_ratio=0.02,
        story=Story.REVERTING,
        content=content,
    )


def busy_config(directory: Path) -> Path:
    """The busy profile with its brakes let off, as a file of its own."""
    text = (default_path().parent / "es-busy.toml").read_text(encoding="utf-8")
    for name, value in _CHANGES.items():
        text, found = re.subn(rf"(?m)^{name} = \S+", f"{name} = {value}", text)
        if not found:
            raise ValueError(f"the busy profile has no {name}")
    path = directory / "busy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def busy_tape(directory: Path, seed: int = 7, sessions: int = 3, content: Content = "bars") -> Path:
    """The market's tape, made now; the same market may be told by its bars or by its trades."""
    return ensure_generated(busy_plan(seed, sessions, content), directory)


def ticker_config(directory: Path) -> Path:
    """Sessions round the clock, bars of a second, and a strategy that trades at each of them."""
    path = directory / "ticker.toml"
    path.write_text(render(_ticker(load(default_path()))), encoding="utf-8")
    return path


def _ticker(demo: Config) -> Config:
    replace = msgspec.structs.replace
    off = {
        name: replace(getattr(demo.protections, name), enabled=False)
        for name in demo.protections.__struct_fields__
    }
    limits = replace(
        demo.limits,
        risk_per_trade_usd=Decimal(1000),
        daily_loss_max_usd=Decimal(50_000),
        weekly_loss_max_usd=None,
        position_notional_max_usd=Decimal(50_000),
        entries_per_window_max=64,
        entry_window_s=1,
        exposure_max_ratio=Decimal("0.9"),
    )
    return replace(
        demo,
        run=replace(demo.run, strategies_dir=str(STRATEGIES)),
        input=replace(demo.input, calendar="ALWAYS", cadence_s=1),
        limits=limits,
        protections=replace(demo.protections, **off),
        strategies=(Strategy(name="ticker", instrument=SYMBOL, enabled=True),),
    )
