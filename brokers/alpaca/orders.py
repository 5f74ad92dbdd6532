"""Orders as Alpaca wants them: pure, and refused here where Alpaca would refuse them (EX-10)."""

import re
from dataclasses import dataclass
from typing import Any, Final

import orjson

from brokers.base import CannotPrepareError, Capabilities, Prepared, Replacing
from brokers.calls import Intent, read_intent
from trading.money import show_1e8

CAPABILITIES: Final = Capabilities(
    venue="alpaca",
    order_types=frozenset({"MARKET", "LIMIT", "STOP", "STOP_LIMIT"}),
    tifs=frozenset({"DAY", "GTC", "IOC", "FOK"}),
    replacing=Replacing.NEW_ID,
    has_look_up_by_our_id=True,
    has_cancel_all=True,
    has_fill_stream=True,
    is_id_unique=True,
    is_fractional=True,
    id_length_max=128,
    calls_per_minute=200,
    flight_max_ns=10_000_000_000,
)
PATH: Final = "/v2/orders"
_ONE_1E8: Final = 100_000_000
_OPTION: Final = re.compile(r"[A-Z.]{1,6}\d{6}[CP]\d{8}\Z")
_CENT_1E8: Final = 1_000_000
_TENTH_CENT_1E8: Final = 10_000
_TYPES: Final = ("market", "limit", "stop", "stop_limit", "trailing_stop")
_TIFS: Final = ("day", "gtc", "opg", "cls", "ioc", "fok")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One leg of a multi-leg order."""

    symbol: str
    side: str
    ratio: int
    position_intent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Any order that Alpaca takes, in its own words; amounts at 1e-8.

    Attributes:
        notional_1e8: Instead of a quantity; market orders for the day.
        order_class: Empty, `bracket`, `oco`, `oto` or `mleg`.
        take_profit_1e8: Limit of the profit leg.
        stop_loss_1e8: Trigger of the loss leg.
        stop_loss_limit_1e8: Its limit, when it has one.
    """

    client_order_id: str
    symbol: str = ""
    side: str = ""
    type: str = "market"
    time_in_force: str = "day"
    qty_1e8: int = 0
    notional_1e8: int = 0
    limit_1e8: int | None = None
    stop_1e8: int | None = None
    trail_1e8: int | None = None
    trail_percent_1e8: int | None = None
    extended_hours: bool = False
    order_class: str = ""
    take_profit_1e8: int | None = None
    stop_loss_1e8: int | None = None
    stop_loss_limit_1e8: int | None = None
    position_intent: str = ""
    legs: tuple[Leg, ...] = ()


def prepare(intent: bytes) -> Prepared:
    """The exact request of a journaled intent; the same bytes for the same intent.

    Raises:
        CannotPrepareError: Alpaca has no words for it; nothing was sent.
    """
    asked = read_intent(intent)
    ticket = Ticket(
        client_order_id=asked.client_order_id,
        symbol=asked.instrument,
        side=asked.side.lower(),
        type=asked.order_type.lower(),
        time_in_force=asked.tif.lower(),
        qty_1e8=asked.qty_1e8,
        limit_1e8=asked.limit_1e8,
        stop_1e8=asked.trigger_1e8,
        position_intent=_position_intent(asked),
    )
    return Prepared(
        client_order_id=asked.client_order_id,
        intent=intent,
        method="POST",
        path=PATH,
        body=body_of(ticket),
    )


def is_option(symbol: str) -> bool:
    """The symbol is that of an option contract, such as AAPL261218C00230000."""
    return _OPTION.match(symbol) is not None


def _position_intent(asked: Intent) -> str:
    if not is_option(asked.instrument):
        return ""
    is_entry = asked.purpose == "ENTRY"
    if is_entry and asked.side == "SELL":
        raise CannotPrepareError(
            f"{asked.client_order_id}: sell_to_open of an option is blocked here, without override"
        )
    return f"{asked.side.lower()}_to_{'open' if is_entry else 'close'}"


def body_of(ticket: Ticket) -> bytes:
    """The JSON of an order; quantities and prices are text, so that nothing rounds them.

    Raises:
        CannotPrepareError: What Alpaca would refuse, with the rule.
    """
    _check(ticket)
    fields: dict[str, Any] = {
        "symbol": ticket.symbol or None,
        "side": ticket.side or None,
        "type": ticket.type,
        "time_in_force": ticket.time_in_force,
        "qty": _text(ticket.qty_1e8),
        "notional": _text(ticket.notional_1e8),
        "limit_price": _text(ticket.limit_1e8),
        "stop_price": _text(ticket.stop_1e8),
        "trail_price": _text(ticket.trail_1e8),
        "trail_percent": _text(ticket.trail_percent_1e8),
        "client_order_id": ticket.client_order_id,
        "order_class": ticket.order_class or None,
        "position_intent": ticket.position_intent or None,
        "extended_hours": True if ticket.extended_hours else None,
    }
    if ticket.take_profit_1e8 is not None:
        fields["take_profit"] = {"limit_price": _text(ticket.take_profit_1e8)}
    if ticket.stop_loss_1e8 is not None:
        stop_loss = {"stop_price": _text(ticket.stop_loss_1e8)}
        if ticket.stop_loss_limit_1e8 is not None:
            stop_loss["limit_price"] = _text(ticket.stop_loss_limit_1e8)
        fields["stop_loss"] = stop_loss
    if ticket.legs:
        fields["legs"] = [
            {
                "symbol": leg.symbol,
                "side": leg.side,
                "ratio_qty": str(leg.ratio),
                "position_intent": leg.position_intent,
            }
            for leg in ticket.legs
        ]
    return orjson.dumps({name: value for name, value in fields.items() if value is not None})


def replacement(
    *,
    qty_1e8: int | None = None,
    limit_1e8: int | None = None,
    stop_1e8: int | None = None,
    client_order_id: str | None = None,
) -> bytes:
    """The JSON of a replace; the new order bears a new id of the venue's.

    Raises:
        CannotPrepareError: Nothing would change, or a price has too many decimals.
    """
    for price_1e8 in (limit_1e8, stop_1e8):
        _check_price("the replaced order", price_1e8)
    asked = {"qty": qty_1e8, "limit_price": limit_1e8, "stop_price": stop_1e8}
    fields = {name: _text(value) for name, value in asked.items() if value is not None}
    if not fields:
        raise CannotPrepareError("a replace must change the quantity or a price")
    if client_order_id is not None:
        fields["client_order_id"] = client_order_id
    return orjson.dumps(fields)


def _text(amount_1e8: int | None) -> str | None:
    return show_1e8(amount_1e8) if amount_1e8 else None


def _check(ticket: Ticket) -> None:
    name = ticket.client_order_id
    if not 0 < len(name) <= CAPABILITIES.id_length_max:
        raise CannotPrepareError(
            f"the client order id must have 1 to {CAPABILITIES.id_length_max} characters, "
            f"had {len(name)}"
        )
    if ticket.type not in _TYPES:
        raise CannotPrepareError(f"{name}: the type must be one of {_TYPES}, was {ticket.type!r}")
    if ticket.time_in_force not in _TIFS:
        raise CannotPrepareError(
            f"{name}: the time in force must be one of {_TIFS}, was {ticket.time_in_force!r}"
        )
    _check_amount(ticket)
    _check_prices(ticket)
    _check_class(ticket)


def _check_amount(ticket: Ticket) -> None:
    name, qty_1e8, notional_1e8 = ticket.client_order_id, ticket.qty_1e8, ticket.notional_1e8
    if qty_1e8 < 0 or notional_1e8 < 0 or (qty_1e8 > 0) == (notional_1e8 > 0):
        raise CannotPrepareError(f"{name}: either a quantity or a notional above zero is needed")
    is_part = qty_1e8 % _ONE_1E8 != 0
    if is_part and is_option(ticket.symbol):
        raise CannotPrepareError(f"{name}: contracts are whole, {show_1e8(qty_1e8)} were asked for")
    if (is_part or notional_1e8) and ticket.time_in_force != "day":
        raise CannotPrepareError(f"{name}: fractional quantities are for the day only")
    if notional_1e8 and ticket.type != "market":
        raise CannotPrepareError(f"{name}: a notional needs a market order")


def _check_prices(ticket: Ticket) -> None:
    name, kind = ticket.client_order_id, ticket.type
    needs = {
        "limit": kind in ("limit", "stop_limit") and ticket.order_class != "mleg",
        "stop": kind in ("stop", "stop_limit"),
    }
    for which, price_1e8 in (("limit", ticket.limit_1e8), ("stop", ticket.stop_1e8)):
        if needs[which] and not price_1e8:
            raise CannotPrepareError(f"{name}: {kind} needs a {which} price")
    if kind == "trailing_stop" and bool(ticket.trail_1e8) == bool(ticket.trail_percent_1e8):
        raise CannotPrepareError(f"{name}: trailing_stop needs a trail price or a trail percent")
    if ticket.extended_hours and not (kind == "limit" and ticket.time_in_force in ("day", "gtc")):
        raise CannotPrepareError(f"{name}: extended hours need a limit order, day or gtc")
    for price_1e8 in (
        ticket.limit_1e8,
        ticket.stop_1e8,
        ticket.take_profit_1e8,
        ticket.stop_loss_1e8,
        ticket.stop_loss_limit_1e8,
    ):
        if ticket.order_class != "mleg":
            _check_price(name, price_1e8)


def _check_price(name: str, price_1e8: int | None) -> None:
    if price_1e8 is None:
        return
    if price_1e8 <= 0:
        raise CannotPrepareError(f"{name}: a price must be above zero, was {show_1e8(price_1e8)}")
    step_1e8 = _CENT_1E8 if price_1e8 >= _ONE_1E8 else _TENTH_CENT_1E8
    if price_1e8 % step_1e8:
        raise CannotPrepareError(
            f"{name}: a price must be a multiple of {show_1e8(step_1e8)}, was {show_1e8(price_1e8)}"
        )


def _check_class(ticket: Ticket) -> None:
    name, kind = ticket.client_order_id, ticket.order_class
    profit, loss = ticket.take_profit_1e8, ticket.stop_loss_1e8
    exits = (profit is not None) + (loss is not None)
    wanted = {"": (0,), "bracket": (2,), "oco": (2,), "oto": (1,), "mleg": (0,)}.get(kind)
    if wanted is None:
        raise CannotPrepareError(f"{name}: there is no order class {kind!r}")
    if exits not in wanted:
        raise CannotPrepareError(f"{name}: {kind or 'a simple order'} has {exits} exit legs")
    if kind in ("bracket", "oco", "oto") and (
        ticket.extended_hours or ticket.time_in_force not in ("day", "gtc")
    ):
        raise CannotPrepareError(f"{name}: {kind} is for day or gtc, without extended hours")
    if kind == "oco" and ticket.type != "limit":
        raise CannotPrepareError(f"{name}: oco is a limit order")
    if (kind == "mleg") != bool(ticket.legs):
        raise CannotPrepareError(f"{name}: legs belong to mleg, and mleg to legs")
    if any(leg.position_intent == "sell_to_open" for leg in ticket.legs):
        raise CannotPrepareError(f"{name}: sell_to_open is blocked here, without override")
    _check_sides(ticket)


def _check_sides(ticket: Ticket) -> None:
    """The exits stand on the right sides, at least a cent from what they rest on."""
    profit, loss, base = ticket.take_profit_1e8, ticket.stop_loss_1e8, ticket.limit_1e8
    is_long = (ticket.side == "buy") != (ticket.order_class == "oco")
    sign = 1 if is_long else -1
    if profit is not None and loss is not None and sign * (profit - loss) < _CENT_1E8:
        raise CannotPrepareError(
            f"{ticket.client_order_id}: take profit and stop loss are on the wrong sides"
        )
    rests_on_base = ticket.order_class in ("bracket", "oto") and base is not None
    if rests_on_base and loss is not None and sign * ((base or 0) - loss) < _CENT_1E8:
        raise CannotPrepareError(
            f"{ticket.client_order_id}: the stop must be a cent or more beyond the entry"
        )
