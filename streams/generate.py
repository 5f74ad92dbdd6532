"""A made-up market, for the demo and for tests: every row of its tape is marked synthetic.

The tape is a pure function of its plan. Volume and volatility are high at both ends of a session,
calm and wild minutes cluster, each session has holes (minutes without a bar) and bursts. The story
REVERTING holds the price near its opening level and puts three dips below the session's VWAP into
the time from 10:00 to 11:30 New York: two come back, the third falls on. RANDOM is a random walk.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Final

from streams.loading import Content
from streams.tape import Flag, Kind, Tape, TapeError, TapeHeader, TapeRow, TapeWriter
from trading.calendar import Calendar, Session
from trading.errors import SetupError
from trading.market import Aggressor

MINUTE_NS: Final = 60_000_000_000
UNIT_1E8: Final = 100_000_000
_SESSION_MINUTES: Final = 390  # of a usual session; volatility_ratio is per so many minutes

# Clusters of volatility: variance of the next minute from this one's (GARCH; the sum is 1).
_HEAT_BASE, _HEAT_SHOCK, _HEAT_MEMORY = 0.06, 0.10, 0.84
_HEAT_MAX: Final = 6.0

_SESSION_KINDS: Final = (Kind.SESSION_OPEN, Kind.SESSION_CLOSE)
_OVERNIGHT_SHARE: Final = 0.3  # of a session's volatility, between two sessions
_BURST_MINUTES: Final = 3
_BURST_VOLATILITY, _BURST_VOLUME = 3.0, 8.0
_HOLE_MINUTES: Final = (4, 12)
_CORNERS: Final = ("open", "low", "high", "close")
_CORNERS_FALLING: Final = ("open", "high", "low", "close")
_CALM_PULL, _CALM_NOISE = 0.12, 0.45  # REVERTING: pull to the level per minute, share of the noise


class Story(StrEnum):
    """What a generated session is good for."""

    RANDOM = "RANDOM"
    REVERTING = "REVERTING"


class PlanError(SetupError):
    """The plan cannot be generated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketPlan:
    """What to generate; equal plans give equal tapes, in any process.

    Attributes:
        seed: Which of the endless many.
        sessions: How many sessions in a row, from the first one on or after `first_date`.
        instrument: Symbol of the rows.
        calendar: Product whose sessions are used.
        price_1e8: Price before the first session, at 1e-8.
        tick_1e8: Every price is a multiple of it.
        volatility_ratio: Standard deviation of a session's return, 0.01 is 1 %.
        volume: Units traded in a usual session.
        spread_ticks: Usual distance of bid and ask; twice that in a burst.
        quotes_per_bar: Quotes in each minute beside the bars; 0 for none.
        content: What the tape holds: bars, or quotes or trades of which those bars can be built;
            of quotes by their middle and without volume.
        ticks_per_bar: Quotes or trades in each minute, where these are the content.
        holes: Times without bars in each session.
        bursts: Times of hectic trading in each session.
        story: RANDOM or REVERTING.
        dip_ratio: Depth below the level of a dip that comes back.
        fall_ratio: Depth of the dip that falls on.
    """

    seed: int
    sessions: int = 1
    first_date: int = 20240102
    instrument: str = "SPY"
    calendar: str = "XNYS"
    price_1e8: int = 400 * UNIT_1E8
    tick_1e8: int = UNIT_1E8 // 100
    volatility_ratio: float = 0.01
    volume: int = 4_000_000
    spread_ticks: int = 1
    quotes_per_bar: int = 0
    content: Content = "bars"
    ticks_per_bar: int = 4
    holes: int = 1
    bursts: int = 1
    story: Story = Story.RANDOM
    dip_ratio: float = 0.005
    fall_ratio: float = 0.012

    def __post_init__(self) -> None:
        """Refuse what has no tape."""
        for name in ("sessions", "price_1e8", "tick_1e8", "volume", "spread_ticks"):
            if getattr(self, name) < 1:
                raise PlanError(f"{name} must be at least 1, was {getattr(self, name)}")
        if self.ticks_per_bar < len(_CORNERS):
            raise PlanError(
                f"ticks_per_bar must be at least {len(_CORNERS)}, for a bar's open, high, low and "
                f"close; was {self.ticks_per_bar}"
            )
        for name in ("quotes_per_bar", "holes", "bursts", "volatility_ratio"):
            if getattr(self, name) < 0:
                raise PlanError(f"{name} must not be below 0, was {getattr(self, name)}")

    def to_json(self) -> str:
        """The plan as one line, the same for equal plans."""
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Minute:
    """One bar in ticks, with its volume in whole units; `is_wild` within a burst."""

    number: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    is_wild: bool


def ensure_generated(plan: MarketPlan, data_dir: Path) -> Path:
    """The path of a plan's tape, generated now unless it is kept in the data directory already.

    Raises:
        PlanError: When the calendar has fewer sessions than the plan asks for.
        CalendarError: When there is no such product.
    """
    key = hashlib.sha256(plan.to_json().encode())
    key.update(Calendar.load(plan.calendar).digest.encode())
    key.update(Path(__file__).read_bytes())
    target = data_dir / "tapes" / f"generated-{key.hexdigest()[:24]}.tape"
    try:
        Tape(target).close()
    except TapeError:
        generate(plan, target)
    return target


def generate(plan: MarketPlan, target: Path) -> None:
    """Write the tape of a plan.

    Raises:
        PlanError: When the calendar has fewer sessions than the plan asks for.
        CalendarError: When there is no such product.
    """
    chosen = _sessions(plan)
    header = TapeHeader(
        instruments=(plan.instrument,),
        cadence_ns=MINUTE_NS,
        sessions=tuple(each.session_date for each in chosen),
        content=plan.content,
        synthetic=True,
        source_sha256=hashlib.sha256(plan.to_json().encode()).hexdigest(),
        calendar=plan.calendar,
    )
    with TapeWriter(target, header) as tape:
        for rows in _rows_by_session(plan, chosen):
            tape.extend(rows)


def _sessions(plan: MarketPlan) -> list[Session]:
    calendar = Calendar.load(plan.calendar)
    last = min(calendar.last_date, plan.first_date + (plan.sessions // 200 + 2) * 10_000)
    found = calendar.sessions(plan.first_date, last)[: plan.sessions]
    if len(found) < plan.sessions:
        raise PlanError(
            f"{plan.calendar} has {len(found)} sessions from {plan.first_date} on, "
            f"{plan.sessions} were asked for"
        )
    return found


def _rows_by_session(plan: MarketPlan, sessions: list[Session]) -> Iterator[list[TapeRow]]:
    level = math.log(plan.price_1e8 / plan.tick_1e8)
    for number, session in enumerate(sessions):
        random = Random(f"{plan.seed}/{number}")  # noqa: S311  a made-up market, not a secret
        level += random.gauss(0.0, plan.volatility_ratio * _OVERNIGHT_SHARE)
        minutes = _minutes(plan, random, session, level)
        level = math.log(minutes[-1].close)
        yield _session_rows(plan, random, session, minutes)


def _minutes(plan: MarketPlan, random: Random, session: Session, level: float) -> list[_Minute]:
    """Every minute of a session, holes included: the price goes on where nobody records it."""
    count = (session.close_ns - session.open_ns) // MINUTE_NS
    wild = _spans(random, plan.bursts, count, (_BURST_MINUTES, _BURST_MINUTES))
    dips = _dips(plan, random) if plan.story is Story.REVERTING else []
    unit_sigma = plan.volatility_ratio / math.sqrt(_SESSION_MINUTES)
    minutes = []
    heat, apart = 1.0, 0.0
    close = max(round(math.exp(level)), 1)
    for number in range(count):
        shock = random.gauss(0.0, 1.0)
        shape = _shape(number, count)
        sigma = unit_sigma * shape * math.sqrt(heat)
        usual = plan.volume / _SESSION_MINUTES * shape * (0.6 + 0.5 * abs(shock))
        if number in wild:
            sigma *= _BURST_VOLATILITY
            usual *= _BURST_VOLUME
        heat = min(_HEAT_BASE + (_HEAT_SHOCK * shock * shock + _HEAT_MEMORY) * heat, _HEAT_MAX)
        if dips:
            sigma *= _CALM_NOISE
            apart += sigma * shock - _CALM_PULL * apart
        else:
            apart += sigma * shock
        opened = max(close + random.choice((-1, 0, 0, 0, 1)), 1)
        close = max(round(math.exp(level + apart + sum(_depth(number, *dip) for dip in dips))), 1)
        reach = sigma * close
        minutes.append(
            _Minute(
                number=number,
                open=opened,
                high=max(opened, close) + int(abs(random.gauss(0.0, reach))),
                low=max(min(opened, close) - int(abs(random.gauss(0.0, reach))), 1),
                close=close,
                volume=max(round(usual * random.lognormvariate(-0.06, 0.35)), 1),
                is_wild=number in wild,
            )
        )
    return minutes


def _shape(number: int, count: int) -> float:
    """How lively a minute is: high after the open and before the close, about 1 on average."""
    return 0.72 + 1.6 * math.exp(-number / 25.0) + 1.1 * math.exp((number + 1 - count) / 25.0)


def _spans(random: Random, spans: int, count: int, length: tuple[int, int]) -> set[int]:
    """Minutes of `spans` random spans in the second half of a session; used for `in` only."""
    chosen: set[int] = set()
    for _ in range(spans):
        span = random.randint(*length)
        start = random.randint(count // 2, max(count - 30 - span, count // 2))
        chosen.update(range(start, start + span))
    return chosen


def _dips(plan: MarketPlan, random: Random) -> list[tuple[int, float, int]]:
    """Start, depth and minutes of the way back of each dip."""
    return [
        (random.randint(33, 37), plan.dip_ratio, 12),
        (random.randint(60, 64), plan.dip_ratio, 12),
        (random.randint(88, 92), plan.fall_ratio, 90),
    ]


def _depth(number: int, start: int, depth: float, back: int) -> float:
    """Log distance below the level at a minute: down in steps of 0.1 %, a pause, then back."""
    fall = max(round(depth / 0.001), 1)
    since = number - start
    if since < 0:
        return 0.0
    if since < fall:
        return -depth * (since + 1) / fall
    return -depth * max(1.0 - max(since - fall - 2, 0) / back, 0.0)


def _session_rows(
    plan: MarketPlan, random: Random, session: Session, minutes: list[_Minute]
) -> list[TapeRow]:
    """A session's rows in the tape's order: a bar ends before the next one prints its open."""
    holes = _spans(random, plan.holes, len(minutes), _HOLE_MINUTES)
    date, open_ns, close_ns = session.session_date, session.open_ns, session.close_ns
    rows = [_row(open_ns, Kind.SESSION_OPEN, open_ns, (date, open_ns, close_ns, 0, 0))]
    ending: list[TapeRow] = []
    for minute in minutes:
        rows.extend(ending)
        ending = []
        if minute.number in holes:
            continue
        start_ns = open_ns + minute.number * MINUTE_NS
        if plan.content != "bars":
            rows.extend(_ticks(plan, random, start_ns, minute))
            continue
        bar = tuple(
            each * plan.tick_1e8 for each in (minute.open, minute.high, minute.low, minute.close)
        )
        volume_1e8 = minute.volume * UNIT_1E8
        rows.append(_row(start_ns, Kind.OPEN_PRINT, start_ns, (bar[0], volume_1e8, 0, 0, 0)))
        rows.extend(_quotes(plan, random, start_ns, minute))
        ending = [_row(start_ns + MINUTE_NS, Kind.BAR, start_ns, (*bar, volume_1e8))]
    rows.extend(ending)  # the last bar ends at the close, and is seen before it
    rows.append(_row(close_ns, Kind.SESSION_CLOSE, close_ns, (date, 0, 0, 0, 0)))
    return rows


def _quotes(plan: MarketPlan, random: Random, start_ns: int, minute: _Minute) -> Iterator[TapeRow]:
    """Quotes evenly in time, their middle on the way from open to close."""
    for number in range(plan.quotes_per_bar):
        at_ns = start_ns + number * MINUTE_NS // plan.quotes_per_bar
        way = (minute.close - minute.open) * number // plan.quotes_per_bar
        values = _quote(plan, random, minute, minute.open + way)
        yield _row(at_ns, Kind.QUOTE, at_ns, values)


def _ticks(plan: MarketPlan, random: Random, start_ns: int, minute: _Minute) -> Iterator[TapeRow]:
    """Ticks evenly in time, from a bar's open by its low and high to its close."""
    rising = minute.close >= minute.open
    corners = [getattr(minute, name) for name in (_CORNERS if rising else _CORNERS_FALLING)]
    count, volume = plan.ticks_per_bar, max(minute.volume, plan.ticks_per_bar)
    before = minute.open
    for number in range(count):
        at_ns = start_ns + number * MINUTE_NS // count
        price = corners[number * len(corners) // count]
        if plan.content == "trades":
            size = volume * (number + 1) // count - volume * number // count
            aggressor = Aggressor.BUY if price >= before else Aggressor.SELL
            trade_id = minute.number * count + number + 1
            values = (price * plan.tick_1e8, size * UNIT_1E8, aggressor.value, trade_id, 0)
            yield _row(at_ns, Kind.TRADE, at_ns, values)
        else:
            yield _row(at_ns, Kind.QUOTE, at_ns, _quote(plan, random, minute, price))
        before = price


def _quote(plan: MarketPlan, random: Random, minute: _Minute, price: int) -> tuple[int, ...]:
    """A quote around a price in ticks."""
    spread = plan.spread_ticks * (2 if minute.is_wild else 1)
    bid = max(price - spread // 2, 1)
    sizes = [random.randint(1, 20) * 100 * UNIT_1E8 for _ in range(2)]
    return (bid * plan.tick_1e8, (bid + spread) * plan.tick_1e8, *sizes, 0)


def _row(at_ns: int, kind: Kind, source_ns: int, values: Iterable[int]) -> TapeRow:
    first, second, third, fourth, fifth = values
    instrument = -1 if kind in _SESSION_KINDS else 0
    row = (at_ns, kind.value, instrument, source_ns, first, second, third, fourth, fifth, 0, 0)
    return (*row, Flag.SYNTHETIC.value)
