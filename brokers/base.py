"""What every venue answers, whatever wire it speaks; mail to the account that asked."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """The venue's answer to a look-up: its reports on the order, None when it has no such order.

    Attributes:
        client_order_id: Ours.
        reports: All that it says about the order, oldest first.
        problem: Why there is no answer: nothing was learned, and `reports` means nothing.
        is_complete: "It has no such order" came over a healthy, authenticated connection, from a
            list that reaches back before the order; only such answers count as proof (EX-6).
    """

    client_order_id: str
    reports: tuple[Any, ...] | None
    problem: str = ""
    is_complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStated:
    """An order that works at the venue.

    `client_order_id` is what the venue has for it, empty where somebody gave none.
    """

    client_order_id: str
    broker_order_id: str
    instrument: str
    side: str
    qty_1e8: int
    filled_1e8: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionStated:
    """What the venue holds for the account in one instrument; `qty_1e8` below zero is short."""

    instrument: str
    qty_1e8: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CashStated:
    """The venue's figures of the account.

    Attributes:
        equity_1e8: Account value.
        cash_1e8: Cash.
        buying_power_1e8: What may be bought.
        is_movement: `cash_1e8` moves by price x quantity x multiplier and fees of each fill, so it
            can be compared with our own books; no venue with margin accounts says so.
        at_ns: The venue's stamp, or when it was received.
    """

    equity_1e8: int
    cash_1e8: int
    buying_power_1e8: int
    at_ns: int
    is_movement: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The venue's own account; a part that was not asked for is None.

    Attributes:
        question: The number of the question.
        problem: Why there is no answer; every part is None then.
        orders: Every order that works there, whoever placed it.
        positions: Every position that is not flat.
        cash: Its figures.
        fills: `VenueReport`s of kind FILLED, oldest first, those placed by hand too.
    """

    question: int
    problem: str = ""
    orders: tuple[OrderStated, ...] | None = None
    positions: tuple[PositionStated, ...] | None = None
    cash: CashStated | None = None
    fills: tuple[Any, ...] | None = None
