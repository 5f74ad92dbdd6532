"""What Alpaca sends, typed: unknown fields pass, what is not finite or not readable is refused."""

from decimal import Decimal
from typing import Final

import msgspec

from brokers.reading import Reader

VENUE: Final = "alpaca"
READER: Final = Reader(VENUE)
amount_1e8, time_ns = READER.amount_1e8, READER.time_ns
read, decode, malformed = READER.read, READER.decode, READER.malformed


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order, as REST and stream have it; of a multi-leg parent `symbol` and `side` are empty."""

    id: str
    client_order_id: str = ""
    symbol: str | None = None
    side: str | None = None
    status: str
    qty: Decimal | None = None
    notional: Decimal | None = None
    filled_qty: Decimal | None = None
    filled_avg_price: Decimal | None = None
    order_class: str | None = None
    type: str | None = None
    time_in_force: str | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    created_at: str | None = None
    updated_at: str | None = None
    submitted_at: str | None = None
    replaced_by: str | None = None
    replaces: str | None = None
    legs: "list[Order] | None" = None

    @property
    def filled_1e8(self) -> int:
        """Cumulative."""
        return 0 if self.filled_qty is None else amount_1e8(self.filled_qty, "order.filled_qty")

    @property
    def qty_1e8(self) -> int:
        """Zero for an order by notional."""
        return 0 if self.qty is None else amount_1e8(self.qty, "order.qty")

    @property
    def at_ns(self) -> int:
        """The newest stamp it has, 0 without one."""
        stamp = self.updated_at or self.submitted_at or self.created_at
        return 0 if stamp is None else time_ns(stamp, "order.updated_at")


class TradeUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the order stream; price and quantity are those of this execution.

    A correction may have an id of its own and name what it corrects beside it.
    """

    event: str
    order: Order
    execution_id: str | None = None
    previous_execution_id: str | None = None
    price: Decimal | None = None
    qty: Decimal | None = None
    timestamp: str | None = None


class StreamFrame(msgspec.Struct, frozen=True):
    """A frame of the order stream before it is known what it says."""

    stream: str
    data: msgspec.Raw = msgspec.Raw(b"{}")


class Authorised(msgspec.Struct, frozen=True):
    """The answer to authenticate, or to listening before it."""

    status: str = ""
    action: str = ""


class Listening(msgspec.Struct, frozen=True):
    """What is listened to from now on."""

    streams: list[str] = []


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The account; fields about pattern day trading are gone and nothing asks for them."""

    id: str
    account_number: str
    status: str
    currency: str | None = None
    cash: Decimal
    equity: Decimal
    buying_power: Decimal
    trading_blocked: bool | None = None
    account_blocked: bool | None = None
    trade_suspended_by_user: bool | None = None

    def blocked_by(self) -> list[str]:
        """What forbids trading; empty when nothing does."""
        flags = ("trading_blocked", "account_blocked", "trade_suspended_by_user")
        why = [name for name in flags if getattr(self, name)]
        return why if self.status == "ACTIVE" else [f"status {self.status}", *why]


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """The venue's time and session."""

    timestamp: str
    is_open: bool
    next_open: str
    next_close: str


class CalendarDay(msgspec.Struct, frozen=True, kw_only=True):
    """A session; `open` and `close` are Eastern HH:MM."""

    date: str
    open: str
    close: str


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be traded."""

    id: str
    symbol: str
    status: str
    tradable: bool
    asset_class: str = msgspec.field(name="class", default="")
    fractionable: bool = False
    shortable: bool = False


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """An option that can be traded."""

    symbol: str
    status: str
    tradable: bool


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A position; `qty` is below zero when short."""

    symbol: str
    qty: Decimal
    side: str = "long"
    avg_entry_price: Decimal | None = None

    @property
    def qty_1e8(self) -> int:
        """Signed, whatever the venue's habit with the sign of a short one is."""
        qty_1e8 = abs(amount_1e8(self.qty, "position.qty"))
        return -qty_1e8 if self.side == "short" or self.qty < 0 else qty_1e8


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of the account's activities."""

    id: str
    transaction_time: str
    price: Decimal
    qty: Decimal
    side: str
    symbol: str
    order_id: str
    cum_qty: Decimal
    order_status: str | None = None


class BarWire(msgspec.Struct, frozen=True, kw_only=True):
    """A minute: its start, open, high, low, close and volume."""

    t: str
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 - the venue's word
    c: Decimal
    v: Decimal


class BarsPage(msgspec.Struct, frozen=True):
    """One page of bars, by symbol."""

    bars: dict[str, list[BarWire]] = {}
    next_page_token: str | None = None


class CancelledOne(msgspec.Struct, frozen=True):
    """One order of a cancel-all."""

    id: str
    status: int


class ErrorBody(msgspec.Struct, frozen=True):
    """A refusal; the code is missing where keys are wrong."""

    message: str
    code: int = 0
