"""What Tradier sends, typed: JSON made from XML, so that a list has three shapes.

No row is the text "null" (or null), one row is a bare object, several are a list.
"""

from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from brokers.http_wire import Response
from brokers.reading import JSON, Reader

VENUE: Final = "tradier"
READER: Final = Reader(VENUE)
amount_1e8, time_ns = READER.amount_1e8, READER.time_ns
read, decode, malformed = READER.read, READER.decode, READER.malformed

Row = TypeVar("Row")
_NOTHING: Final = (b"null", b'"null"')
_Parts = dict[str, msgspec.Raw]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order of the list; of a multileg parent `side` and `option_symbol` are empty."""

    id: int
    status: str
    symbol: str | None = None
    option_symbol: str | None = None
    side: str | None = None
    type: str | None = None
    duration: str | None = None
    quantity: Decimal | None = None
    exec_quantity: Decimal | None = None
    avg_fill_price: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    create_date: str | None = None
    transaction_date: str | None = None
    reason_description: str | None = None
    tag: str | None = None

    @property
    def instrument(self) -> str:
        """The contract of an option, else the symbol."""
        return self.option_symbol or self.symbol or ""

    @property
    def qty_1e8(self) -> int:
        """Asked for; zero where the venue leaves it out, as of OCO parents."""
        return _or_zero_1e8(self.quantity, "order.quantity")

    @property
    def filled_1e8(self) -> int:
        """Cumulative. What remains is never read: it is 0 for orders that ended unfilled."""
        return _or_zero_1e8(self.exec_quantity, "order.exec_quantity")

    @property
    def average_1e8(self) -> int:
        """Average price of what was filled."""
        return _or_zero_1e8(self.avg_fill_price, "order.avg_fill_price")

    @property
    def at_ns(self) -> int:
        """The newest stamp it has, 0 without one."""
        stamp = self.transaction_date or self.create_date
        return 0 if stamp is None else time_ns(stamp, "order.transaction_date")


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the account stream: no symbol, no side, and fills only as a total."""

    event: str
    id: int = 0
    status: str = ""
    exec_quantity: Decimal | None = None
    executed_quantity: Decimal | None = None
    avg_fill_price: Decimal | None = None
    transaction_date: str | None = None
    tag: str | None = None
    parent_id: int | None = None

    @property
    def as_order(self) -> Order:
        """The same as the list would have it; the older page has another name for the total."""
        total = self.exec_quantity if self.exec_quantity is not None else self.executed_quantity
        return Order(
            id=self.id,
            status=self.status,
            exec_quantity=total,
            avg_fill_price=self.avg_fill_price,
            transaction_date=self.transaction_date,
            tag=self.tag,
        )


class Taken(msgspec.Struct, frozen=True):
    """The answer to an order, a change or a cancel: received, which is not accepted."""

    id: int
    status: str = ""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A position; `quantity` is below zero when short, `cost_basis` is dollars in all."""

    symbol: str
    quantity: Decimal
    cost_basis: Decimal | None = None


class Power(msgspec.Struct, frozen=True, kw_only=True):
    """What may be bought, in whichever part of the balances the type of the account has."""

    stock_buying_power: Decimal | None = None
    cash_available: Decimal | None = None


class Balances(msgspec.Struct, frozen=True, kw_only=True):
    """The account's figures; exactly one of the three parts is there."""

    account_number: str
    total_equity: Decimal
    total_cash: Decimal
    margin: Power | None = None
    pdt: Power | None = None
    cash: Power | None = None

    @property
    def buying_power(self) -> Decimal:
        """Of margin accounts that for stock, of cash accounts what is settled."""
        part = self.margin or self.pdt or self.cash
        found = None if part is None else part.stock_buying_power or part.cash_available
        return Decimal(0) if found is None else found


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """The venue's time, whole seconds, and session."""

    timestamp: int
    state: str


class AccountProfile(msgspec.Struct, frozen=True, kw_only=True):
    """One account of the token's owner."""

    account_number: str
    status: str
    option_level: int = 0


class QuoteWire(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue knows of a symbol."""

    symbol: str
    type: str = ""


class GreeksWire(msgspec.Struct, frozen=True, kw_only=True):
    """Of a contract, made about once an hour; `updated_at` is UTC without saying so."""

    updated_at: str
    delta: float | None = None
    gamma: float | None = None
    theta: float | None = None
    vega: float | None = None
    mid_iv: float | None = None


class ContractWire(msgspec.Struct, frozen=True, kw_only=True):
    """A contract of a chain."""

    symbol: str
    root_symbol: str
    underlying: str
    option_type: str
    strike: Decimal
    expiration_date: str
    contract_size: int = 100
    bid: Decimal | None = None
    ask: Decimal | None = None
    open_interest: int = 0
    greeks: GreeksWire | None = None


class Session(msgspec.Struct, frozen=True):
    """The key to a stream, good for five minutes."""

    url: str
    sessionid: str


def _or_zero_1e8(value: Decimal | None, what: str) -> int:
    return 0 if value is None else amount_1e8(value, what)


def part(response: Response, name: str, kind: type[Row], where: str) -> Row:
    """The object of that name at the top of a body.

    Raises:
        MalformedError: There is none, or it is not of that kind.
    """
    found = read(response, _Parts, where).get(name)
    if found is None:
        raise malformed(where, f"an object with {name}")
    return decode(bytes(found), kind, where)


def rows(
    response: Response, names: tuple[str, str], kind: type[Row], where: str, *, beside: str = ""
) -> list[Row]:
    """The rows of a list, whichever of its three shapes it has.

    Args:
        response: Holds it.
        names: Of the list, and of each row within it.
        kind: What a row is.
        where: The endpoint.
        beside: What the list may hold in place of rows.

    Raises:
        MalformedError: It has none of them.
    """
    outer, inner = names
    whole = read(response, _Parts, where).get(outer)
    if whole is None:
        raise malformed(where, f"an object with {outer}")
    if bytes(whole) in _NOTHING:
        return []
    parts = decode(bytes(whole), _Parts, where)
    found = parts.get(inner)
    if found is None and beside in parts:
        return []
    if found is None:
        raise malformed(where, f"{outer} with {inner}")
    text = bytes(found)
    if text in _NOTHING:
        return []
    if text.startswith(b"["):
        return decode(text, list[kind], where)  # type: ignore[valid-type]  # `kind` is a type
    return [decode(text, kind, where)]


def errors_in(response: Response) -> str:
    """What a body lists under `errors`, which comes with HTTP 200 as well; empty without any."""
    if response.content_type != JSON:
        return ""
    try:
        whole = msgspec.json.decode(response.body, type=dict[str, msgspec.Raw]).get("errors")
        said = None if whole is None else msgspec.json.decode(whole)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    if isinstance(said, dict):
        said = said.get("error")
    texts = said if isinstance(said, list) else [said]
    return "; ".join(each for each in texts if isinstance(each, str))
