"""The figures of trading (ME-1, ME-3): exact sums in integers, ratios only where there is enough.

Fewer than 30 trades give no figures at all, never a number that misleads. P&L of different modes is
never mixed. A trade whose net is exactly zero is neither a win nor a loss.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import pairwise
from math import sqrt
from typing import Any, Final

TRADES_MIN: Final = 30
INSUFFICIENT_DATA: Final = "INSUFFICIENT_DATA"
SESSIONS_PER_YEAR: Final = 252
_HALF_HOUR_NS: Final = 30 * 60 * 1_000_000_000
_EXECUTION_REASONS: Final = frozenset({"EXECUTION_ERROR", "BROKER_REJECT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeResult:
    """One closed round trip. Amounts at 1e-8, times ns UTC.

    Attributes:
        gross_1e8: Profit before fees.
        risk_1e8: Money between entry and stop at the start; 0 when the stop was waived.
        session_open_ns: Open of its session, from which its time of day is counted.
    """

    trade_id: str
    mode: str
    strategy: str
    setup: str
    instrument: str
    session_date: int
    session_open_ns: int
    entry_ns: int
    exit_ns: int
    exit_reason: str
    gross_1e8: int
    fees_1e8: int
    risk_1e8: int = 0

    @property
    def net_1e8(self) -> int:
        """Profit after fees."""
        return self.gross_1e8 - self.fees_1e8


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What 30 trades and more allow to say. Money at 1e-8; None where a figure does not exist.

    Attributes:
        win_rate_ratio: Winners / trades.
        average_win_1e8: Mean net of the winners; None without one.
        average_loss_1e8: Mean net of the losers, below zero; None without one.
        expectancy_1e8: Mean net.
        expectancy_r: Mean of net / risk over the trades that have a stop; None without one.
        profit_factor: Sum of wins / sum of losses; None without a loss.
        drawdown_max_1e8: Largest fall of the cumulative net from its highest point so far, at
            least 0; the start counts as a point.
        sharpe: Mean / sample deviation of the net per session x sqrt(252); None under two
            sessions, or when they do not vary.
        streak_win_max: Most winners in a row.
        streak_loss_max: Most losers in a row.
        streak_now: Winners in a row up to the last trade; below zero for losers.
    """

    win_rate_ratio: float
    average_win_1e8: float | None
    average_loss_1e8: float | None
    expectancy_1e8: float
    expectancy_r: float | None
    profit_factor: float | None
    drawdown_max_1e8: int
    sharpe: float | None
    streak_win_max: int
    streak_loss_max: int
    streak_now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Sums that always hold, and the figures; `figures` None is INSUFFICIENT_DATA."""

    mode: str
    trades: int
    wins: int
    losses: int
    gross_1e8: int
    fees_1e8: int
    net_1e8: int
    figures: Figures | None

    def to_builtins(self) -> dict[str, Any]:
        """For JSON: `figures` is the word INSUFFICIENT_DATA where there is too little."""
        values = asdict(self)
        if self.figures is None:
            values["figures"] = INSUFFICIENT_DATA
        return values


def measure(
    trades: Sequence[TradeResult], *, mode: str = "", sessions: Iterable[int] = ()
) -> Metrics:
    """Metrics of trades in the order of their exits.

    Args:
        trades: Of one mode.
        mode: Names it where there are no trades.
        sessions: Dates that were traded, those without a trade too: they count as zero in Sharpe.

    Raises:
        ValueError: Trades of several modes, or not in order of exit.
    """
    modes = {trade.mode for trade in trades} | ({mode} if mode else set())
    if len(modes) > 1:
        raise ValueError(f"P&L of one mode at a time, was {', '.join(sorted(modes))} (ME-3)")
    if any(later.exit_ns < first.exit_ns for first, later in pairwise(trades)):
        raise ValueError("trades must be in order of exit")
    nets = [trade.net_1e8 for trade in trades]
    return Metrics(
        mode=next(iter(modes), ""),
        trades=len(trades),
        wins=sum(net > 0 for net in nets),
        losses=sum(net < 0 for net in nets),
        gross_1e8=sum(trade.gross_1e8 for trade in trades),
        fees_1e8=sum(trade.fees_1e8 for trade in trades),
        net_1e8=sum(nets),
        figures=_figures(trades, nets, sessions) if len(trades) >= TRADES_MIN else None,
    )


def _figures(
    trades: Sequence[TradeResult], nets: Sequence[int], sessions: Iterable[int]
) -> Figures:
    wins = [net for net in nets if net > 0]
    losses = [net for net in nets if net < 0]
    streaks = _streaks(nets)
    return Figures(
        win_rate_ratio=len(wins) / len(nets),
        average_win_1e8=_mean(wins),
        average_loss_1e8=_mean(losses),
        expectancy_1e8=sum(nets) / len(nets),
        expectancy_r=_mean([one.net_1e8 / one.risk_1e8 for one in trades if one.risk_1e8 > 0]),
        profit_factor=sum(wins) / -sum(losses) if losses else None,
        drawdown_max_1e8=_drawdown_max(nets),
        sharpe=_sharpe(trades, sessions),
        streak_win_max=max(0, *streaks),
        streak_loss_max=-min(0, *streaks),
        streak_now=streaks[-1],
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _drawdown_max(nets: Sequence[int]) -> int:
    peak = total = worst = 0
    for net in nets:
        total += net
        peak = max(peak, total)
        worst = max(worst, peak - total)
    return worst


def _streaks(nets: Sequence[int]) -> list[int]:
    """The streak after each trade: above zero winners, below zero losers, 0 after an even one."""
    streaks: list[int] = []
    for net in nets:
        before = streaks[-1] if streaks else 0
        if net > 0:
            streaks.append(max(before, 0) + 1)
        elif net < 0:
            streaks.append(min(before, 0) - 1)
        else:
            streaks.append(0)
    return streaks


def _sharpe(trades: Sequence[TradeResult], sessions: Iterable[int]) -> float | None:
    by_session = dict.fromkeys(sessions, 0)
    for trade in trades:
        by_session[trade.session_date] = by_session.get(trade.session_date, 0) + trade.net_1e8
    count = len(by_session)
    if count < 2 or len(set(by_session.values())) == 1:  # noqa: PLR2004 - a deviation needs two
        return None
    mean = sum(by_session.values()) / count
    variance = sum((net - mean) ** 2 for net in by_session.values()) / (count - 1)
    return mean / sqrt(variance) * sqrt(SESSIONS_PER_YEAR)


# --- by group -----------------------------------------------------------------------------------


def by_strategy(trade: TradeResult) -> str:
    """The strategy's name."""
    return trade.strategy


def by_setup(trade: TradeResult) -> str:
    """The kind of setup."""
    return trade.setup


def by_exit_class(trade: TradeResult) -> str:
    """Whether the strategy or a fault of execution ended it (PX-6)."""
    return "execution" if trade.exit_reason in _EXECUTION_REASONS else "strategy"


def by_weekday(trade: TradeResult) -> str:
    """Day of the week of its session."""
    year, month_day = divmod(trade.session_date, 10_000)
    return f"{date(year, *divmod(month_day, 100)):%A}"


def by_half_hour(trade: TradeResult) -> str:
    """The half hour of its session in which it was entered: `00:30` begins 30 minutes in."""
    half_hours = (trade.entry_ns - trade.session_open_ns) // _HALF_HOUR_NS
    return f"{half_hours // 2:02d}:{half_hours % 2 * 30:02d}"


GROUPS: Final[Mapping[str, Callable[[TradeResult], str]]] = {
    "strategy": by_strategy,
    "setup": by_setup,
    "exit": by_exit_class,
    "weekday": by_weekday,
    "half_hour": by_half_hour,
}


def measure_by(
    trades: Sequence[TradeResult], key: Callable[[TradeResult], str]
) -> dict[str, Metrics]:
    """Metrics of each group, by name; every trade is in exactly one."""
    groups: dict[str, list[TradeResult]] = {}
    for trade in trades:
        groups.setdefault(key(trade), []).append(trade)
    return {name: measure(groups[name]) for name in sorted(groups)}


def rolling(trades: Sequence[TradeResult], window: int = TRADES_MIN) -> list[Metrics]:
    """Metrics of each `window` trades in a row, oldest first; empty when there are fewer.

    Raises:
        ValueError: The window is below one.
    """
    if window < 1:
        raise ValueError(f"window must be at least 1, was {window}")
    return [measure(trades[end - window : end]) for end in range(window, len(trades) + 1)]
