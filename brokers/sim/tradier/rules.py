"""Reads the form of an order; what no order may be is refused before the account is looked at."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from brokers.sim.tradier.errors import Refusal, forbidden, invalid
from brokers.sim.tradier.orders import CONTINGENT, TOGETHER
from brokers.sim.units import ONE_1E8, read_1e8

EQUITY_SIDES: Final = ("buy", "sell", "sell_short", "buy_to_cover")
OPTION_SIDES: Final = ("buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close")
KINDS: Final = ("market", "limit", "stop", "stop_limit")
NET_KINDS: Final = ("market", "debit", "credit", "even")
DURATIONS: Final = ("day", "pre", "post", "gtc")
LEGS_MAX: Final = 4
QTY_MAX: Final = 10_000_000
TAG_LENGTH_MAX: Final = 255
_TAG: Final = re.compile(r"[A-Za-z0-9-]+")
_SIZES: Final = {"oco": 2, "oto": 2, "otoco": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One order of a request, or one leg; the legs of what trades together have no prices."""

    symbol: str
    option_symbol: str | None
    side: str
    qty_1e8: int
    kind: str
    duration: str
    price_1e8: int | None
    stop_1e8: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A request to place an order; of equity and option it has one part."""

    klass: str
    symbol: str
    kind: str
    duration: str
    price_1e8: int | None
    tag: str | None
    is_preview: bool
    parts: tuple[Part, ...]


def read_form(body: bytes, query: str) -> dict[str, str]:
    """The fields of a request, from its body or, as some clients send them, its query.

    Raises:
        Refusal: It is no form.
    """
    try:
        fields = parse_qsl(query) + parse_qsl(body.decode("ascii"))
    except ValueError as error:
        raise Refusal(400, "Invalid request body.") from error
    return dict(fields)


def read_ticket(form: Mapping[str, str]) -> Ticket:
    """The order that a form asks for.

    Raises:
        Refusal: A field is missing or wrong.
    """
    klass = form.get("class", "").lower()
    if klass not in ("equity", "option", *TOGETHER, *CONTINGENT):
        raise invalid("class", f"{klass or 'null'} is not valid" if klass else "is required")
    tag = _tag(form)
    is_preview = form.get("preview", "").lower() == "true"
    duration = "" if klass in CONTINGENT else _duration(form, "duration")
    kind = "" if klass in CONTINGENT else _word(form, "type", _kinds(klass))
    price_1e8 = None
    if kind in ("debit", "credit"):
        price_1e8 = _price(form, "price")
    parts = _parts(form, klass, duration, kind)
    return Ticket(
        klass=klass,
        symbol=form.get("symbol", parts[0].symbol).upper(),
        kind=kind or parts[0].kind,
        duration=duration or parts[0].duration,
        price_1e8=price_1e8 or parts[0].price_1e8,
        tag=tag,
        is_preview=is_preview,
        parts=parts,
    )


def _kinds(klass: str) -> tuple[str, ...]:
    return NET_KINDS if klass in TOGETHER else KINDS


def _parts(form: Mapping[str, str], klass: str, duration: str, kind: str) -> tuple[Part, ...]:
    if klass == "equity":
        return (_part(form, "", EQUITY_SIDES, kind, duration),)
    if klass == "option":
        return (_part(form, "", OPTION_SIDES, kind, duration),)
    count = sum(f"side[{index}]" in form for index in range(LEGS_MAX + 1))
    if klass in _SIZES and count != _SIZES[klass]:
        raise invalid("side", f"{klass} orders have {_SIZES[klass]} legs")
    if klass not in _SIZES and not 2 <= count <= LEGS_MAX:  # noqa: PLR2004 - a leg alone is no group
        raise invalid("side", f"{klass} orders have 2 to {LEGS_MAX} legs")
    parts = tuple(_leg(form, klass, index, duration) for index in range(count))
    if klass == "combo" and [part.option_symbol is None for part in parts].count(True) != 1:
        raise invalid("option_symbol", "combo orders have one equity leg, the first")
    if klass == "multileg" and any(part.option_symbol is None for part in parts):
        raise invalid("option_symbol", "is required")
    return parts


def _leg(form: Mapping[str, str], klass: str, index: int, duration: str) -> Part:
    at = f"[{index}]"
    sides = OPTION_SIDES if f"option_symbol{at}" in form else EQUITY_SIDES
    if klass in TOGETHER:
        return _part(form, at, sides, "market", duration)
    kind = _word(form, f"type{at}", KINDS)
    name = f"duration{at}" if f"duration{at}" in form else "duration"
    return _part(form, at, sides, kind, _duration(form, name))


def _part(
    form: Mapping[str, str], at: str, sides: tuple[str, ...], kind: str, duration: str
) -> Part:
    option_symbol = form.get(f"option_symbol{at}", "").upper() or None
    symbol = form.get(f"symbol{at}") or form.get("symbol", "")
    if not (symbol or option_symbol):
        raise invalid(f"symbol{at}", "is required")
    if sides == OPTION_SIDES and option_symbol is None:
        raise invalid(f"option_symbol{at}", "is required")
    has_price = kind in ("limit", "stop_limit")
    has_stop = kind in ("stop", "stop_limit")
    return Part(
        symbol=symbol.upper(),
        option_symbol=option_symbol if sides == OPTION_SIDES else None,
        side=_word(form, f"side{at}", sides),
        qty_1e8=_qty(form, f"quantity{at}"),
        kind=kind,
        duration=duration,
        price_1e8=_price(form, f"price{at}") if has_price else None,
        stop_1e8=_price(form, f"stop{at}") if has_stop else None,
    )


def _word(form: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    found = form.get(name, "").lower()
    if not found:
        raise invalid(name, "is required")
    if found not in known:
        raise invalid(name, f"{found} is not valid")
    return found


def _duration(form: Mapping[str, str], name: str) -> str:
    return _word(form, name, DURATIONS)


def _qty(form: Mapping[str, str], name: str) -> int:
    text = form.get(name, "")
    if not text:
        raise invalid(name, "is required")
    try:
        qty_1e8 = read_1e8(text)
    except ValueError as error:
        raise invalid(name, "is not a number") from error
    if qty_1e8 % ONE_1E8:
        raise invalid(name, "must be a whole number")
    if not 1 <= qty_1e8 // ONE_1E8 <= QTY_MAX:
        raise forbidden("IncorrectOrderQuantity")
    return qty_1e8


def read_price(form: Mapping[str, str], name: str) -> int | None:
    """A price that may be given.

    Raises:
        Refusal: It is no price.
    """
    return _price(form, name) if name in form else None


def _price(form: Mapping[str, str], name: str) -> int:
    text = form.get(name, "")
    if not text:
        raise invalid(name, "is required")
    try:
        price_1e8 = read_1e8(text)
    except ValueError as error:
        raise invalid(name, "is not a number") from error
    if price_1e8 <= 0:
        raise invalid(name, "must be above zero")
    if price_1e8 % (ONE_1E8 // 10_000):
        raise invalid(name, "has too many decimals")
    return price_1e8


def _tag(form: Mapping[str, str]) -> str | None:
    tag = form.get("tag")
    if tag is None:
        return None
    if len(tag) > TAG_LENGTH_MAX:
        raise invalid("tag", f"contains more than {TAG_LENGTH_MAX} characters")
    if _TAG.fullmatch(tag) is None:
        raise invalid("tag", "contains invalid characters")
    return tag


def read_changes(form: Mapping[str, str]) -> tuple[str | None, str | None, int | None, int | None]:
    """Type, duration, price and stop of a PUT; None where it says nothing.

    Raises:
        Refusal: Something else is to be changed, or a value is wrong.
    """
    for name in ("quantity", "side", "symbol", "option_symbol", "class", "tag"):
        if name in form:
            raise invalid(name, "cannot be changed")
    kind = _word(form, "type", (*KINDS, *NET_KINDS)) if "type" in form else None
    duration = _duration(form, "duration") if "duration" in form else None
    return kind, duration, read_price(form, "price"), read_price(form, "stop")
