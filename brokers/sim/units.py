"""Exact numbers and times of the venue side: integers at 1e-8 and ns UTC, text at the edge."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

ONE_1E8: Final = 100_000_000
NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * NS
DAY_NS: Final = 86_400 * NS
_LIMIT_1E8: Final = 10**19


def read_1e8(value: object) -> int:
    """A number of a request, as text or as JSON number, at 1e-8.

    Raises:
        ValueError: No finite number, finer than 1e-8, or absurdly large.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError(f"expected a number, was {value!r}")  # noqa: TRY004 - a client's mistake
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise ValueError(f"expected a number, was {value!r}") from error
    if not number.is_finite() or number.adjusted() > 12:  # noqa: PLR2004 - beyond any price or size
        raise ValueError(f"expected a finite number of sensible size, was {value!r}")
    scaled = number * ONE_1E8
    whole = int(scaled)
    if whole != scaled or abs(whole) > _LIMIT_1E8:
        raise ValueError(f"expected at most 8 decimals, was {value!r}")
    return whole


def show(amount_1e8: int) -> str:
    """1.5 for 150000000: no exponent, no trailing zeros."""
    sign = "-" if amount_1e8 < 0 else ""
    whole, rest = divmod(abs(amount_1e8), ONE_1E8)
    return f"{sign}{whole}.{rest:08d}".rstrip("0").rstrip(".")


def maybe(amount_1e8: int | None) -> str | None:
    """As `show`; None stays None."""
    return None if amount_1e8 is None else show(amount_1e8)


def number(amount_1e8: int) -> float:
    """For market data, whose JSON carries floats; nothing is computed with it."""
    return float(show(amount_1e8))


def times(price_1e8: int, qty_1e8: int) -> int:
    """Price times quantity at 1e-8, rounded half to even."""
    product = price_1e8 * qty_1e8
    whole, rest = divmod(product, ONE_1E8)
    twice = 2 * rest
    return whole + (twice > ONE_1E8 or (twice == ONE_1E8 and whole % 2 == 1))


def ratio(part: int, whole: int) -> int:
    """`part / whole` at 1e-8, towards minus infinity; 0 where `whole` is 0."""
    return part * ONE_1E8 // whole if whole else 0


def utc_text(ns: int) -> str:
    """RFC 3339 in UTC with the nanoseconds that are there."""
    seconds, rest = divmod(ns, NS)
    text = f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%dT%H:%M:%S}"
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{text}{fraction}Z"


def eastern_offset_h(ns: int) -> int:
    """Hours of New York behind UTC: 4 from the second Sunday of March to the first of November."""
    moment = datetime.fromtimestamp(ns // NS, tz=UTC)
    starts = _sunday(moment.year, 3, 2) + timedelta(hours=7)
    ends = _sunday(moment.year, 11, 1) + timedelta(hours=6)
    return 4 if starts <= moment < ends else 5


def _sunday(year: int, month: int, which: int) -> datetime:
    first = datetime(year, month, 1, tzinfo=UTC)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (which - 1))


def eastern(ns: int) -> datetime:
    """The wall clock of New York, without a zone and cut to microseconds."""
    seconds, rest = divmod(ns, NS)
    local = datetime.fromtimestamp(seconds - 3600 * eastern_offset_h(ns), tz=UTC)
    return local.replace(microsecond=rest // 1000, tzinfo=None)


def eastern_text(ns: int) -> str:
    """RFC 3339 with New York's offset, nanoseconds where there are any."""
    fraction = f".{ns % NS:09d}" if ns % NS else ""
    return f"{eastern(ns):%Y-%m-%dT%H:%M:%S}{fraction}-0{eastern_offset_h(ns)}:00"


def from_eastern(day: date, minute_of_day: int) -> int:
    """The instant of a minute of a day in New York, ns UTC."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    guess = int(midnight.timestamp()) * NS + minute_of_day * MINUTE_NS
    return guess + eastern_offset_h(guess + 5 * 3600 * NS) * 3600 * NS


def read_time(text: str) -> int:
    """An instant in RFC 3339 or a plain date, ns UTC.

    Raises:
        ValueError: It is neither.
    """
    whole, point, tail = text.strip().partition(".")
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))] if point else ""
    moment = datetime.fromisoformat(whole + tail[len(digits) :])
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * NS + int(digits.ljust(9, "0")[:9] or 0)


def load_json(body: bytes) -> Any:
    """JSON whose numbers stay exact; NaN and infinity are refused.

    Raises:
        ValueError: It is not JSON.
    """
    return json.loads(body, parse_float=Decimal, parse_constant=_refuse)


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


def dump_json(value: object) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
