"""The picture of a post-mortem: bars, VWAP with bands, fills and levels, as one SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any, Final

from console.render import moment
from console.render import price as show_price

WIDTH: Final = 1000
HEIGHT: Final = 420
_LEFT: Final = 8
_RIGHT: Final = 96
_TOP: Final = 14
_BOTTOM: Final = 26
_PRICE_LINES: Final = 6
_TIME_LINES: Final = 8
_1E8: Final = 1e-8
_STEPS: Final = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Level:
    """A line across the chart: an entry, a stop, a target."""

    name: str
    price: float
    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True)
class Fill:
    """A mark at one instant and price."""

    at_ns: int
    price: float
    is_entry: bool
    is_buy: bool
    text: str


class _Scale:
    """Where a time and a price are."""

    def __init__(self, bars: Sequence[Mapping[str, Any]], prices: Sequence[float]) -> None:
        # A bar is told by its end; the first one begins as long before as the shortest lasts.
        ends = [bar["end_ns"] for bar in bars]
        self.bar_ns = min((b - a for a, b in pairwise(ends)), default=60_000_000_000)
        self.first_ns: int = ends[0] - self.bar_ns
        self.last_ns: int = bars[-1]["end_ns"]
        spread = (max(prices) - min(prices)) or 1.0
        self.low, self.high = min(prices) - 0.04 * spread, max(prices) + 0.04 * spread
        self.bar_width = max(1.0, 0.66 * (WIDTH - _LEFT - _RIGHT) / len(bars))

    def x(self, at_ns: int) -> float:
        share = (at_ns - self.first_ns) / max(1, self.last_ns - self.first_ns)
        return _LEFT + min(1.0, max(0.0, share)) * (WIDTH - _LEFT - _RIGHT)

    def y(self, price: float) -> float:
        share = (price - self.low) / (self.high - self.low)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def chart(
    title: str,
    bars: Sequence[Mapping[str, Any]],
    *,
    levels: Sequence[Level] = (),
    fills: Sequence[Fill] = (),
) -> str:
    """The SVG; empty without bars.

    Args:
        title: Read out in place of the picture.
        bars: As `bars_seen.session_bars` gives them.
        levels: Lines over a span of time.
        fills: What was bought and sold.
    """
    if not bars:
        return ""
    shown = [bar["high_1e8"] * _1E8 for bar in bars] + [bar["low_1e8"] * _1E8 for bar in bars]
    shown += [level.price for level in levels] + [fill.price for fill in fills]
    scale = _Scale(bars, shown)
    parts = [
        *_grid(scale),
        _bands(scale, bars),
        *_candles(scale, bars),
        _line(scale, bars, "vwap"),
        *(_level(scale, level) for level in levels),
        *(_fill(scale, fill) for fill in fills),
    ]
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}"'
    return f'<svg class="chart" {box}>{"".join(parts)}</svg>'


def _grid(scale: _Scale) -> list[str]:
    parts = []
    for price in _round_prices(scale.low, scale.high):
        y = scale.y(price)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{WIDTH - _RIGHT + 6}" y="{y + 4:.1f}">{price:,.2f}</text>')
    step_ns = _round_span_ns(scale.last_ns - scale.first_ns)
    at_ns = -(-scale.first_ns // step_ns) * step_ns
    while at_ns <= scale.last_ns:
        x = scale.x(at_ns)
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{HEIGHT - _BOTTOM}"/>')
        label = moment(at_ns, with_date=False)[:5]
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{label}</text>')
        at_ns += step_ns
    return parts


def _round_prices(low: float, high: float) -> list[float]:
    wanted = (high - low) / _PRICE_LINES
    decade = 10.0 ** len(f"{int(wanted)}") / 10 if wanted >= 1 else 1.0
    while decade > wanted:
        decade /= 10
    step = next(decade * each for each in _STEPS if decade * each >= wanted)
    first = int(low / step) + 1
    return [step * number for number in range(first, int(high / step) + 1)]


def _round_span_ns(span_ns: int) -> int:
    minutes = (1, 2, 5, 10, 15, 30, 60, 120, 240)
    minute_ns = 60_000_000_000
    wanted_ns = span_ns / _TIME_LINES
    return next((each * minute_ns for each in minutes if each * minute_ns >= wanted_ns),
                minutes[-1] * minute_ns)  # fmt: skip


def _candles(scale: _Scale, bars: Sequence[Mapping[str, Any]]) -> list[str]:
    paths: dict[str, list[str]] = {"up": [], "down": []}
    half = scale.bar_width / 2
    for bar in bars:
        first, last = bar["open_1e8"] * _1E8, bar["close_1e8"] * _1E8
        x = scale.x(bar["end_ns"] - scale.bar_ns // 2)
        high, low = scale.y(bar["high_1e8"] * _1E8), scale.y(bar["low_1e8"] * _1E8)
        top, bottom = sorted((scale.y(first), scale.y(last)))
        paths["up" if last >= first else "down"].append(
            f"M{x:.1f} {high:.1f}V{low:.1f}M{x - half:.1f} {top:.1f}h{2 * half:.1f}"
            f"v{max(0.8, bottom - top):.1f}h{-2 * half:.1f}z"
        )
    return [f'<path class="bar {name}" d="{"".join(path)}"/>' for name, path in paths.items()]


def _line(scale: _Scale, bars: Sequence[Mapping[str, Any]], name: str) -> str:
    points = [
        f"{scale.x(bar['end_ns']):.1f} {scale.y(bar[name]):.1f}"
        for bar in bars
        if bar[name] is not None
    ]
    return f'<polyline class="{name}" points="{" ".join(points)}"/>' if points else ""


def _bands(scale: _Scale, bars: Sequence[Mapping[str, Any]]) -> str:
    known = [bar for bar in bars if bar["vwap"] is not None and bar["deviation"] is not None]
    if not known:
        return ""
    edges = [
        [(scale.x(bar["end_ns"]), scale.y(bar["vwap"] + sign * bar["deviation"])) for bar in known]
        for sign in (1, -1)
    ]
    limit = (_TOP, HEIGHT - _BOTTOM)
    around = [*edges[0], *reversed(edges[1])]
    points = " ".join(f"{x:.1f} {min(limit[1], max(limit[0], y)):.1f}" for x, y in around)
    return f'<polygon class="bands" points="{points}"/>'


def _level(scale: _Scale, level: Level) -> str:
    y, left, right = scale.y(level.price), scale.x(level.first_ns), scale.x(level.last_ns)
    return (
        f'<path class="level {escape(level.name)}" d="M{left:.1f} {y:.1f}H{right:.1f}"/>'
        f'<text class="{escape(level.name)}" x="{right + 4:.1f}" y="{y - 4:.1f}">'
        f"{escape(level.name)} {show_price(round(level.price / _1E8))}</text>"
    )


def _fill(scale: _Scale, fill: Fill) -> str:
    x, y = scale.x(fill.at_ns), scale.y(fill.price)
    sign = 1 if fill.is_buy else -1
    kind = "entry" if fill.is_entry else "exit"
    return (
        f'<path class="fill {kind}" d="M{x:.1f} {y:.1f}l-6 {sign * 11}h12z">'
        f"<title>{escape(fill.text)}</title></path>"
    )
