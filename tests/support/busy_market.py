"""A small market with much to do: many entries, and fills in parts, in seconds of wall time."""

import re
from pathlib import Path

from streams.generate import MarketPlan, Story, ensure_generated
from streams.loading import Content
from tests.support.play import CONFIGS

UNIT_1E8 = 100_000_000

_CHANGES = {
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
    text = (CONFIGS / "es-busy.toml").read_text(encoding="utf-8")
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
