"""Plays prices to a strategy in a test: `answers(MyIdea, [100.0, 99.5, ...])`."""

from collections.abc import Mapping, Sequence
from typing import Final

from trading.market import Bar
from trading.money import SCALE_1E8
from trading.strategies.api import Answer, Strategy, Value, configure
from trading.strategies.view import AccountSeen, InstrumentSeen, PositionSeen, View, ViewBuilder

# Thursday 2020-01-02, 09:30 to 16:00 in New York.
SESSION_DATE: Final = 20_200_102
OPEN_NS: Final = 1_577_975_400_000_000_000
CLOSE_NS: Final = OPEN_NS + 23_400 * 1_000_000_000
MINUTE_NS: Final = 60 * 1_000_000_000
INSTRUMENT: Final = InstrumentSeen("TEST", SCALE_1E8 // 100, SCALE_1E8 // 1000, SCALE_1E8)
ACCOUNT: Final = AccountSeen(equity_1e8=2_000 * SCALE_1E8, session_net_1e8=0)


def bar(minute: int, close: float, *, volume: float = 1000.0, spread: float = 0.0) -> Bar:
    """The minute bar that starts `minute` minutes after the open; flat but for `spread`."""
    start_ns = OPEN_NS + minute * MINUTE_NS
    return Bar(
        instrument=INSTRUMENT.symbol,
        open_1e8=round(close * SCALE_1E8),
        high_1e8=round((close + spread) * SCALE_1E8),
        low_1e8=round((close - spread) * SCALE_1E8),
        close_1e8=round(close * SCALE_1E8),
        volume_1e8=round(volume * SCALE_1E8),
        at_ns=start_ns + MINUTE_NS,
        source_ns=start_ns,
    )


def views(
    closes: Sequence[float],
    *,
    indicators: Sequence[tuple[str, float]] = (),
    position: PositionSeen | None = None,
) -> list[View]:
    """The view after each of a session's bars."""
    builder = ViewBuilder(INSTRUMENT, indicators)
    builder.open_session(SESSION_DATE, OPEN_NS, CLOSE_NS)
    made = []
    for minute, close in enumerate(closes):
        added = bar(minute, close)
        builder.add(added)
        made.append(builder.view(added.at_ns, position=position, account=ACCOUNT))
    return made


def answers(
    kind: type[Strategy],
    closes: Sequence[float],
    *,
    settings: Mapping[str, Value] | None = None,
    position: PositionSeen | None = None,
) -> list[Answer]:
    """What a strategy answers after each bar, holding `position` all the time.

    Args:
        kind: The strategy's class.
        closes: One price a minute from 09:30.
        settings: Parameters that differ from their defaults.
        position: What it holds; None for nothing.

    Raises:
        ConfigError: A setting is wrong.
    """
    strategy = kind(configure(kind, settings or {}, "settings"))
    made = views(closes, indicators=kind.indicators, position=position)
    return [strategy.evaluate(view) for view in made]
