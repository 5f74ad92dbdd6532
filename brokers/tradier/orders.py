"""Orders as Tradier wants them: forms, whole units, refused here where it would refuse (EX-10)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from brokers.base import CannotPrepareError, Capabilities, Prepared, Replacing
from brokers.calls import Intent, read_intent
from brokers.tradier.tags import TAG_MAX, tag_of
from trading.money import show_1e8

CAPABILITIES: Final = Capabilities(
    venue="tradier",
    order_types=frozenset({"MARKET", "LIMIT", "STOP", "STOP_LIMIT"}),
    tifs=frozenset({"DAY", "GTC", "PRE", "POST"}),
    replacing=Replacing.SAME_ID,
    has_look_up_by_our_id=False,
    has_cancel_all=False,
    has_fill_stream=False,
    is_id_unique=False,
    is_fractional=False,
    id_length_max=TAG_MAX,
    calls_per_minute=60,
    flight_max_ns=10_000_000_000,
    has_preview=True,
    needs_intents=True,
)
ONE_1E8: Final = 100_000_000
QTY_MAX: Final = 10_000_000
LEGS_MIN: Final = 2
LEGS_MAX: Final = 4
_CENT_1E8: Final = 1_000_000
_TENTH_CENT_1E8: Final = 10_000
_OPTION: Final = re.compile(r"([A-Z]{1,6})(\d{6})[CP]\d{8}\Z")
_TYPES: Final = ("market", "limit", "stop", "stop_limit")
_NET_TYPES: Final = ("market", "debit", "credit", "even")
_DURATIONS: Final = ("day", "gtc", "pre", "post")
_EQUITY_SIDES: Final = ("buy", "sell", "sell_short", "buy_to_cover")
_OPTION_SIDES: Final = ("buy_to_open", "buy_to_close", "sell_to_close")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One leg of a multileg order."""

    option_symbol: str
    side: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An equity, an option or a multileg order in Tradier's own words; amounts at 1e-8.

    Attributes:
        symbol: The share, or the option's contract; of a multileg order the underlying.
        limit_1e8: Limit price; of a multileg order its net price, always above zero.
        legs: Two to four, for a multileg order.
        is_preview: Only validate and price it; nothing is booked.
    """

    client_order_id: str
    symbol: str
    side: str = ""
    type: str = "market"
    duration: str = "day"
    qty_1e8: int = 0
    limit_1e8: int | None = None
    stop_1e8: int | None = None
    legs: Sequence[Leg] = ()
    is_preview: bool = False


def path(account: str, order: int | str | None = None) -> str:
    """Where an account's orders, or one of them, are."""
    base = f"/v1/accounts/{quote(account, safe='')}/orders"
    return base if order is None else f"{base}/{quote(str(order), safe='')}"


def prepare(intent: bytes, account: str) -> Prepared:
    """The exact request of a journaled intent; the same bytes for the same intent.

    Raises:
        CannotPrepareError: Tradier has no words for it; nothing was sent.
    """
    asked = read_intent(intent)
    ticket = Ticket(
        client_order_id=asked.client_order_id,
        symbol=asked.instrument,
        side=_side(asked),
        type=asked.order_type.lower(),
        duration=asked.tif.lower(),
        qty_1e8=asked.qty_1e8,
        limit_1e8=asked.limit_1e8,
        stop_1e8=asked.trigger_1e8,
    )
    return Prepared(
        client_order_id=asked.client_order_id,
        intent=intent,
        method="POST",
        path=path(account),
        body=body_of(ticket),
    )


def preview(prepared: Prepared) -> bytes:
    """The same form, which the venue then only validates and prices."""
    return prepared.body + b"&preview=true"


def is_option(symbol: str) -> bool:
    """The symbol is that of an option contract, such as SPXW261120C06800000."""
    return _OPTION.match(symbol) is not None


def _side(asked: Intent) -> str:
    is_entry, side = asked.purpose == "ENTRY", asked.side.lower()
    if is_option(asked.instrument):
        return f"{side}_to_{'open' if is_entry else 'close'}"
    if is_entry:
        return "sell_short" if side == "sell" else "buy"
    return "sell" if side == "sell" else "buy_to_cover"


def body_of(ticket: Ticket) -> bytes:
    """The form of an order.

    Raises:
        CannotPrepareError: What Tradier would refuse, with the rule.
    """
    fields = _multileg(ticket) if ticket.legs else _single(ticket)
    if ticket.duration not in _DURATIONS:
        raise CannotPrepareError(
            f"{ticket.client_order_id}: the duration must be one of {_DURATIONS}, "
            f"was {ticket.duration!r}"
        )
    fields += [("duration", ticket.duration), ("tag", tag_of(ticket.client_order_id))]
    if ticket.is_preview:
        fields.append(("preview", "true"))
    return urlencode(fields).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An order as it stands at the venue, in the venue's words; amounts at 1e-8."""

    type: str
    duration: str
    limit_1e8: int | None
    stop_1e8: int | None
    is_option: bool


def replacement(standing: Standing, *, limit_1e8: int | None, stop_1e8: int | None) -> bytes:
    """The form of a change of prices: type and duration stay the order's own, as its id does.

    A form that named another type or duration would change those too.

    Raises:
        CannotPrepareError: Nothing would change, or its type takes no such price.
    """
    what, kind = "the replaced order", standing.type
    if limit_1e8 is None and stop_1e8 is None:
        raise CannotPrepareError("a replace must change a price: the venue changes nothing else")
    for asked, had, which in (
        (limit_1e8, standing.limit_1e8, "limit"),
        (stop_1e8, standing.stop_1e8, "stop"),
    ):
        if asked is not None and had is None:
            raise CannotPrepareError(f"{what} is {kind} and takes no {which} price")
    fields = [("type", kind), ("duration", standing.duration)]
    fields += _prices(
        what,
        standing.limit_1e8 if limit_1e8 is None else limit_1e8,
        standing.stop_1e8 if stop_1e8 is None else stop_1e8,
        is_option=standing.is_option,
    )
    return urlencode(fields).encode()


def _single(ticket: Ticket) -> list[tuple[str, str]]:
    name, kind = ticket.client_order_id, ticket.type
    of_option = is_option(ticket.symbol)
    sides = _OPTION_SIDES if of_option else _EQUITY_SIDES
    if ticket.side not in sides:
        raise CannotPrepareError(_wrong_side(name, ticket.side, sides))
    if kind not in _TYPES:
        raise CannotPrepareError(f"{name}: the type must be one of {_TYPES}, was {kind!r}")
    for which, price_1e8, kinds in (
        ("limit", ticket.limit_1e8, ("limit", "stop_limit")),
        ("stop", ticket.stop_1e8, ("stop", "stop_limit")),
    ):
        if (price_1e8 is not None) != (kind in kinds):
            needs = "needs" if kind in kinds else "takes no"
            raise CannotPrepareError(f"{name}: {kind} {needs} {which} price")
    if kind == "market" and ticket.duration == "gtc":
        raise CannotPrepareError(f"{name}: a market order is for the day, not gtc")
    head = [("class", "option" if of_option else "equity"), ("symbol", _underlying(ticket.symbol))]
    if of_option:
        head.append(("option_symbol", ticket.symbol))
    head += [("side", ticket.side), ("quantity", _whole(name, ticket.qty_1e8)), ("type", kind)]
    return head + _prices(name, ticket.limit_1e8, ticket.stop_1e8, is_option=of_option)


def _multileg(ticket: Ticket) -> list[tuple[str, str]]:
    name, kind = ticket.client_order_id, ticket.type
    if not LEGS_MIN <= len(ticket.legs) <= LEGS_MAX:
        raise CannotPrepareError(
            f"{name}: a multileg order has {LEGS_MIN} to {LEGS_MAX} legs, had {len(ticket.legs)}"
        )
    if kind not in _NET_TYPES:
        raise CannotPrepareError(f"{name}: the type must be one of {_NET_TYPES}, was {kind!r}")
    if (ticket.limit_1e8 is not None) != (kind in ("debit", "credit")):
        raise CannotPrepareError(f"{name}: debit and credit need a net price, others take none")
    expiries = {_expiry(name, leg.option_symbol) for leg in ticket.legs}
    if len(expiries) > 1 and ticket.symbol in ("SPX", "NDX", "RUT", "VIX"):
        raise CannotPrepareError(f"{name}: all legs on an index must share one expiration")
    fields = [("class", "multileg"), ("symbol", ticket.symbol), ("type", kind)]
    fields += _prices(name, ticket.limit_1e8, None, is_option=True)
    for number, leg in enumerate(ticket.legs):
        if leg.side not in _OPTION_SIDES:
            raise CannotPrepareError(_wrong_side(name, leg.side, _OPTION_SIDES))
        fields += [
            (f"option_symbol[{number}]", leg.option_symbol),
            (f"side[{number}]", leg.side),
            (f"quantity[{number}]", _whole(name, leg.quantity * ONE_1E8)),
        ]
    return fields


def _wrong_side(name: str, side: str, sides: Sequence[str]) -> str:
    if side == "sell_to_open":
        return f"{name}: sell_to_open of an option is blocked here, without override"
    return f"{name}: the side must be one of {sides}, was {side!r}"


def _underlying(symbol: str) -> str:
    """Of SPXW's contracts the venue calls the underlying SPX."""
    found = _OPTION.match(symbol)
    if found is None:
        return symbol
    return {"SPXW": "SPX", "NDXP": "NDX", "RUTW": "RUT", "VIXW": "VIX"}.get(found[1], found[1])


def _expiry(name: str, symbol: str) -> str:
    found = _OPTION.match(symbol)
    if found is None:
        raise CannotPrepareError(f"{name}: {symbol!r} is no option contract")
    return found[2]


def _whole(name: str, qty_1e8: int) -> str:
    units, rest = divmod(qty_1e8, ONE_1E8)
    if rest or not 0 < units <= QTY_MAX:
        raise CannotPrepareError(
            f"{name}: quantities are whole, 1 to {QTY_MAX}; {show_1e8(qty_1e8)} was asked for"
        )
    return str(units)


def _prices(
    name: str, limit_1e8: int | None, stop_1e8: int | None, *, is_option: bool
) -> list[tuple[str, str]]:
    fields = []
    for field, price_1e8 in (("price", limit_1e8), ("stop", stop_1e8)):
        if price_1e8 is None:
            continue
        is_small = price_1e8 < ONE_1E8 and not is_option
        step_1e8 = _TENTH_CENT_1E8 if is_small else _CENT_1E8
        if price_1e8 <= 0 or price_1e8 % step_1e8:
            raise CannotPrepareError(
                f"{name}: {field} must be above zero and a multiple of {show_1e8(step_1e8)}, "
                f"was {show_1e8(price_1e8)}"
            )
        fields.append((field, show_1e8(price_1e8)))
    return fields
