"""What Polymarket sends, typed, and lenient where it is known to change its mind.

Numbers come as text, as numbers and as nothing; stamps in seconds, milliseconds or as a date; sizes
as decimals or in millionths. Each form is read; what is none of them is an error.
"""

from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from brokers.reading import Reader

VENUE: Final = "polymarket"
READER: Final = Reader(VENUE)
read, decode, malformed = READER.read, READER.decode, READER.malformed
MILLION: Final = 1_000_000
ONE_1E8: Final = 100_000_000
PER_MILLIONTH: Final = ONE_1E8 // MILLION
FIRST_CURSOR: Final = "MA=="
LAST_CURSOR: Final = "LTE="
Loose = str | int | float | None
"""A number however it is written."""
_CENT_1E8: Final = 1_000_000
_NS: Final = 1_000_000_000
_DIGITS_MAX: Final = 16
_SECONDS_MAX: Final = 10**11
_MILLIS_MAX: Final = 10**14
_MICROS_MAX: Final = 10**17


def amount_1e8(value: Loose, what: str) -> int:
    """An amount at 1e-8; nothing, or an empty text, is zero.

    Raises:
        MalformedError: It is no number.
    """
    if value is None or value == "":
        return 0
    return READER.amount_1e8(repr(value) if isinstance(value, float) else str(value), what)


def size_1e8(value: Loose, most_1e8: int, what: str) -> int:
    """A size of one of our orders, of which the whole is known: decimals, or millionths.

    Raises:
        MalformedError: It is more than the whole in either reading.
    """
    found = amount_1e8(value, what)
    scaled, rest = divmod(found, MILLION)
    if found > most_1e8 and rest == 0 and _CENT_1E8 <= scaled <= most_1e8:
        return scaled
    if not 0 <= found <= most_1e8:
        raise malformed(what, "a size that is not above that of the order")
    return found


def millionths_1e8(value: Loose, what: str) -> int:
    """Base units of the collateral or of an outcome, six decimals, at 1e-8.

    Raises:
        MalformedError: It is no whole number, or beyond 64 bits.
    """
    try:
        units = Decimal("0" if value in (None, "") else str(value))
    except InvalidOperation:
        units = Decimal("NaN")
    if not units.is_finite() or units.adjusted() >= _DIGITS_MAX or units != units.to_integral():
        raise malformed(what, f"a whole number of base units, of {_DIGITS_MAX} digits at most")
    return int(units) * PER_MILLIONTH


def stamp_ns(value: Loose, what: str) -> int:
    """A stamp in seconds, milli-, micro- or nanoseconds, or as a date; 0 for nothing.

    Raises:
        MalformedError: It is no stamp.
    """
    if value is None or value == "":
        return 0
    text = str(value)
    if not text.isascii() or not text.isdigit():
        return READER.time_ns(text, what)
    found = int(text)
    for most, factor in ((_SECONDS_MAX, _NS), (_MILLIS_MAX, 10**6), (_MICROS_MAX, 10**3)):
        if found < most:
            return found * factor
    if found >= 2**63:
        raise malformed(what, "a stamp that 64 bits hold in ns")
    return found


class Keys(msgspec.Struct, frozen=True, kw_only=True, rename={"api_key": "apiKey"}):
    """The key pair of the second level, with its passphrase."""

    api_key: str
    secret: str
    passphrase: str

    def __repr__(self) -> str:
        """Nothing of them (BR-4)."""
        return "Keys()"


class Taken(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={"error_msg": "errorMsg", "order_id": "orderID"},
):
    """The answer to an order; a refusal can have the same shape, and even say success."""

    success: bool = False
    error_msg: str | None = None
    order_id: str | None = None
    status: str = ""


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a cancel: neither list is the last word."""

    canceled: list[str] = []
    not_canceled: dict[str, str] = {}


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order of the list, or of an event of the user channel."""

    id: str
    status: str = ""
    asset_id: str = ""
    side: str = ""
    original_size: Loose = None
    size_matched: Loose = None
    price: Loose = None
    created_at: Loose = None
    timestamp: Loose = None
    type: str = ""

    @property
    def word(self) -> str:
        """Its status, in capitals, without the prefix that some answers have."""
        return self.status.strip().upper().removeprefix("ORDER_STATUS_")

    @property
    def at_ns(self) -> int:
        """The newest stamp it has, 0 without one."""
        return stamp_ns(self.timestamp, "timestamp") or stamp_ns(self.created_at, "created_at")


class MakerOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One of the resting orders that a trade took."""

    order_id: str
    matched_amount: Loose = None
    price: Loose = None
    asset_id: str = ""
    side: str = ""


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """A trade; what is ours of it is the taker's order or some of the makers'."""

    id: str
    taker_order_id: str = ""
    asset_id: str = ""
    side: str = ""
    size: Loose = None
    price: Loose = None
    status: str = ""
    match_time: Loose = None
    last_update: Loose = None
    maker_orders: list[MakerOrder] | None = None

    @property
    def word(self) -> str:
        """Its settlement status, in capitals, without prefix."""
        return self.status.strip().upper().removeprefix("TRADE_STATUS_")

    @property
    def at_ns(self) -> int:
        """When it matched."""
        return stamp_ns(self.match_time, "match_time")


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """A page of orders."""

    data: list[Order] = []
    next_cursor: str = LAST_CURSOR


class Trades(msgspec.Struct, frozen=True, kw_only=True):
    """A page of trades."""

    data: list[Trade] = []
    next_cursor: str = LAST_CURSOR


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What the wallet has of the collateral or of one outcome, and what contracts may move."""

    balance: Loose = None
    allowances: dict[str, Loose] = {}
    allowance: Loose = None

    @property
    def balance_1e8(self) -> int:
        """What it has."""
        return millionths_1e8(self.balance, "balance")

    @property
    def is_allowed(self) -> bool:
        """Every contract may move it."""
        named = list(self.allowances.values()) or [self.allowance]
        return all(each not in (None, "", "0", 0) for each in named)


class Holding(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A position of the wallet, as the data service has it; it lags behind the chain."""

    asset: str
    size: Loose = None
    avg_price: Loose = None
    cur_price: Loose = None
    condition_id: str = ""
    redeemable: bool = False


class Midpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Between the best prices."""

    mid: Loose = None


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a heartbeat, good or bad: the id that the next one needs."""

    heartbeat_id: str = ""


class MarketOf(msgspec.Struct, frozen=True, kw_only=True):
    """To which market an outcome belongs."""

    condition_id: str
    primary_token_id: str = ""
    secondary_token_id: str = ""


class OutcomeWire(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome of a market's short form."""

    t: str
    o: str = ""


class FeeWire(msgspec.Struct, frozen=True, kw_only=True):
    """Fees of a market: shares x r x (p x (1 - p))^e; `to` is for takers only."""

    r: Loose = None
    e: Loose = None
    to: bool = True


class MarketWire(msgspec.Struct, frozen=True, kw_only=True):
    """A market in short keys."""

    t: list[OutcomeWire] = []
    mos: Loose = None
    mts: Loose = None
    nr: bool = False
    fd: FeeWire | None = None


class TokenWire(msgspec.Struct, frozen=True, kw_only=True):
    """An outcome of a market's long form; `winner` once it is resolved."""

    token_id: str
    outcome: str = ""
    winner: bool = False


class MarketState(msgspec.Struct, frozen=True, kw_only=True):
    """What the long form says of a market's life."""

    condition_id: str = ""
    closed: bool = False
    accepting_orders: bool = True
    is_50_50_outcome: bool = False
    tokens: list[TokenWire] = []


class GammaMarket(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A market as the service of markets has it; its lists are texts of JSON."""

    condition_id: str = ""
    closed: bool = False
    clob_token_ids: str = "[]"  # noqa: S105 - an outcome's token
    outcome_prices: str = "[]"
    outcomes: str | None = None
    event_start_time: str | None = None
    end_date: str | None = None
    resolution_source: str | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True, rename={"answer_msg": "errorMsg"}):
    """An error in words."""

    error: str = ""
    error_msg: str = ""
    answer_msg: str = ""
