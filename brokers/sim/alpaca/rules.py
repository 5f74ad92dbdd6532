"""What a request to place an order must hold, and the refusals where it does not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from brokers.sim.alpaca.errors import ApiError, malformed, unprocessable
from brokers.sim.book import Side
from brokers.sim.units import ONE_1E8, read_1e8, show

KINDS: Final = ("market", "limit", "stop", "stop_limit", "trailing_stop")
TIFS: Final = ("day", "gtc", "opg", "cls", "ioc", "fok")
CLASSES: Final = ("", "simple", "bracket", "oco", "oto", "mleg")
INTENTS: Final = ("buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close")
CLIENT_ID_MAX: Final = 128
LEGS_MAX: Final = 4
_CENT_1E8: Final = ONE_1E8 // 100
_HUNDREDTH_1E8: Final = ONE_1E8 // 10_000
OPG_CLOSED: Final = (9 * 60 + 28, 19 * 60)
CLS_CLOSED: Final = (15 * 60 + 50, 19 * 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """The exit of a bracket, OCO or OTO; a stop where `stop_1e8` is there."""

    limit_1e8: int | None
    stop_1e8: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One option of a multi-leg order."""

    symbol: str
    side: Side
    ratio_qty_1e8: int
    position_intent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An order as the body says it, each part by itself in order."""

    symbol: str
    side: Side
    kind: str
    tif: str
    qty_1e8: int | None
    notional_1e8: int | None
    limit_1e8: int | None
    stop_1e8: int | None
    trail_price_1e8: int | None
    trail_percent_1e8: int | None
    extended_hours: bool
    client_order_id: str | None
    order_class: str
    position_intent: str | None
    take_profit: Exit | None
    stop_loss: Exit | None
    legs: tuple[Leg, ...]


def read_ticket(body: Any) -> Ticket:
    """A body of POST /v2/orders.

    Raises:
        ApiError: Something is missing or cannot be.
    """
    if not isinstance(body, dict):
        raise malformed("request body format is invalid")
    order_class = _word(body, "order_class", CLASSES, default="")
    is_multileg = order_class == "mleg"
    ticket = Ticket(
        symbol="" if is_multileg else _text(body, "symbol"),
        side=Side.BUY if is_multileg else Side(_word(body, "side", ("buy", "sell"))),
        kind=_word(body, "type", KINDS, default="limit" if order_class == "oco" else None),
        tif=_word(body, "time_in_force", TIFS),
        qty_1e8=positive(body, "qty"),
        notional_1e8=positive(body, "notional"),
        limit_1e8=_number(body, "limit_price"),
        stop_1e8=positive(body, "stop_price"),
        trail_price_1e8=positive(body, "trail_price"),
        trail_percent_1e8=positive(body, "trail_percent"),
        extended_hours=body.get("extended_hours") in (True, "true"),
        client_order_id=client_id(body),
        order_class="" if order_class == "simple" else order_class,
        position_intent=_word(body, "position_intent", INTENTS, default="") or None,
        take_profit=_exit(body, "take_profit", "limit_price"),
        stop_loss=_exit(body, "stop_loss", "stop_price"),
        legs=_legs(body) if is_multileg else (),
    )
    check_prices(ticket)
    _check_quantity(ticket)
    _check_class(ticket)
    return ticket


# --- fields -------------------------------------------------------------------------------------


def _text(body: Mapping[str, Any], name: str) -> str:
    found = body.get(name)
    if not isinstance(found, str) or not found:
        raise malformed(f"{name} is required")
    return found


def _word(
    body: Mapping[str, Any], name: str, known: tuple[str, ...], default: str | None = None
) -> str:
    found = body.get(name)
    if found is None and default is not None:
        return default
    if found is None:
        raise malformed(f"{name} is required")
    if found not in known:
        raise malformed(f"invalid {name}: {found}")
    return str(found)


def _number(body: Mapping[str, Any], name: str) -> int | None:
    found = body.get(name)
    if found is None:
        return None
    try:
        return read_1e8(found)
    except ValueError as error:
        raise malformed(f"invalid {name}: {error}") from error


def positive(body: Mapping[str, Any], name: str) -> int | None:
    """A number above zero, or None where there is none.

    Raises:
        ApiError: It is something else.
    """
    found = _number(body, name)
    if found is not None and found <= 0:
        raise unprocessable(f"{name} must be > 0")
    return found


def client_id(body: Mapping[str, Any]) -> str | None:
    """The client's own id, or None where it gives none.

    Raises:
        ApiError: It is no text, or too long.
    """
    found = body.get("client_order_id")
    if found is None or found == "":
        return None
    if not isinstance(found, str) or len(found) > CLIENT_ID_MAX:
        raise malformed(f"client_order_id must be no more than {CLIENT_ID_MAX} characters")
    return found


def _exit(body: Mapping[str, Any], name: str, needed: str) -> Exit | None:
    found = body.get(name)
    if found is None:
        return None
    if not isinstance(found, dict) or found.get(needed) is None:
        raise malformed(f"{name}.{needed} is required")
    return Exit(limit_1e8=positive(found, "limit_price"), stop_1e8=positive(found, "stop_price"))


def _legs(body: Mapping[str, Any]) -> tuple[Leg, ...]:
    found = body.get("legs")
    if not isinstance(found, list) or not 1 < len(found) <= LEGS_MAX:
        raise malformed(f"legs must be 2 to {LEGS_MAX}")
    return tuple(_leg(each) for each in found)


def _leg(body: Any) -> Leg:
    if not isinstance(body, dict):
        raise malformed("legs must be objects")
    intent = _word(body, "position_intent", INTENTS, default="")
    side = _word(body, "side", ("buy", "sell"), default=intent.partition("_")[0] or None)
    ratio_1e8 = positive(body, "ratio_qty")
    if ratio_1e8 is None or ratio_1e8 % ONE_1E8:
        raise malformed("ratio_qty must be a whole number")
    return Leg(
        symbol=_text(body, "symbol"),
        side=Side(side),
        ratio_qty_1e8=ratio_1e8,
        position_intent=intent or None,
    )


# --- what goes together -------------------------------------------------------------------------


def check_prices(ticket: Ticket) -> None:
    """Each kind has its prices, and they lie on the grid.

    Raises:
        ApiError: One is missing, superfluous or too fine.
    """
    needs = {"limit": ("limit_price",), "stop": ("stop_price",), "market": ()}
    needs |= {"stop_limit": ("limit_price", "stop_price"), "trailing_stop": ()}
    given = {"limit_price": ticket.limit_1e8, "stop_price": ticket.stop_1e8}
    wanted = () if ticket.order_class == "oco" else needs[ticket.kind]
    for name, price_1e8 in given.items():
        if name in wanted and price_1e8 is None:
            raise malformed(f"{ticket.kind} orders require {name}")
        if name not in needs[ticket.kind] and price_1e8 is not None:
            raise malformed(f"{ticket.kind} orders cannot have {name}")
        check_grid(name, price_1e8)
    trails = (ticket.trail_price_1e8, ticket.trail_percent_1e8)
    is_trailing = ticket.kind == "trailing_stop"
    if sum(trail is not None for trail in trails) != int(is_trailing):
        raise malformed("trailing_stop orders, and no others, have trail_price or trail_percent")
    for part in (ticket.take_profit, ticket.stop_loss):
        if part is not None:
            check_grid("limit_price", part.limit_1e8)
            check_grid("stop_price", part.stop_1e8)


def check_grid(name: str, price_1e8: int | None) -> None:
    """A cent from a dollar on, a hundredth of a cent below.

    Raises:
        ApiError: The price is finer than that.
    """
    if price_1e8 is None:
        return
    tick_1e8 = _CENT_1E8 if abs(price_1e8) >= ONE_1E8 else _HUNDREDTH_1E8
    if price_1e8 % tick_1e8:
        raise unprocessable(
            f"invalid {name} {show(price_1e8)}. sub-penny increment does not fulfill minimum "
            "pricing criteria"
        )


def _check_quantity(ticket: Ticket) -> None:
    if (ticket.qty_1e8 is None) == (ticket.notional_1e8 is None):
        raise malformed("qty or notional is required, and not both")
    if ticket.notional_1e8 is not None:
        if ticket.kind != "market" or ticket.tif != "day" or ticket.order_class:
            raise malformed("notional orders must be simple market orders of the day")
        if ticket.notional_1e8 % _CENT_1E8 or ticket.notional_1e8 < ONE_1E8:
            raise unprocessable("notional must be at least 1 and have two decimals at most")
    is_fractional = ticket.qty_1e8 is not None and bool(ticket.qty_1e8 % ONE_1E8)
    if is_fractional and (ticket.tif != "day" or ticket.order_class):
        raise unprocessable("fractional orders must be simple DAY orders")


def _check_class(ticket: Ticket) -> None:
    if ticket.extended_hours and not (ticket.kind == "limit" and ticket.tif in ("day", "gtc")):
        raise malformed('only type="limit" is allowed for extended hours orders')
    if ticket.limit_1e8 is not None and ticket.limit_1e8 <= 0 and not ticket.legs:
        raise unprocessable("limit_price must be > 0")
    has = (ticket.take_profit is not None, ticket.stop_loss is not None)
    wanted = {"bracket": 2, "oco": 2, "oto": 1}.get(ticket.order_class, 0)
    if sum(has) != wanted:
        raise malformed(_exits_wanted(ticket.order_class))
    if not wanted:
        _check_legs(ticket)
        return
    if ticket.tif not in ("day", "gtc") or ticket.extended_hours:
        raise unprocessable(f"{ticket.order_class} orders must be day or gtc, in regular hours")
    if ticket.order_class == "oco" and ticket.kind != "limit":
        raise malformed("oco orders must be limit orders")
    _check_exits(ticket)


def _exits_wanted(order_class: str) -> str:
    return {
        "bracket": "bracket orders require take_profit.limit_price and stop_loss.stop_price",
        "oco": "oco orders require take_profit.limit_price and stop_loss.stop_price",
        "oto": "oto orders require either take_profit.limit_price or stop_loss.stop_price",
    }.get(order_class, "take_profit and stop_loss need order_class bracket, oco or oto")


def _check_legs(ticket: Ticket) -> None:
    if ticket.order_class != "mleg":
        return
    if ticket.kind not in ("market", "limit") or ticket.tif != "day":
        raise unprocessable("mleg orders must be market or limit orders of the day")


def _check_exits(ticket: Ticket) -> None:
    """The target is beyond the entry, and the stop at least a cent on its other side."""
    target = ticket.take_profit.limit_1e8 if ticket.take_profit else None
    stop = ticket.stop_loss.stop_1e8 if ticket.stop_loss else None
    exit_side = ticket.side if ticket.order_class == "oco" else ticket.side.other
    base = target if ticket.order_class == "oco" else ticket.limit_1e8
    if base is None:
        base = target if stop is not None else None
    if stop is not None and base is not None and (base - stop) * -exit_side.sign < _CENT_1E8:
        beyond = "<=" if exit_side is Side.SELL else ">="
        sign = "-" if exit_side is Side.SELL else "+"
        raise unprocessable(f"stop_loss.stop_price must be {beyond} base_price {sign} 0.01")
    if ticket.order_class == "oco" or target is None or ticket.limit_1e8 is None:
        return
    if (target - ticket.limit_1e8) * -exit_side.sign < _CENT_1E8:
        raise unprocessable("take_profit.limit_price must be beyond base_price by 0.01")


def check_window(tif: str, minute: int) -> None:
    """Auction orders are taken at certain times only.

    Args:
        tif: Time in force.
        minute: Of the day, in New York.

    Raises:
        ApiError: Not now.
    """
    closed = {"opg": OPG_CLOSED, "cls": CLS_CLOSED}.get(tif)
    if closed is not None and closed[0] <= minute < closed[1]:
        word = "opening" if tif == "opg" else "closing"
        raise unprocessable(f"{tif} orders are not accepted now: too late for the {word} auction")


def refuse_unless(holds: bool, error: ApiError) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise the error unless the condition holds."""
    if not holds:
        raise error
