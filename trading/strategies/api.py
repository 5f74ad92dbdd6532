"""The words of a strategy: what it is given, what it may answer (SG-1, SG-2).

    class MyIdea(Strategy):
        def evaluate(self, view: View) -> Answer:
            if view.position is not None:
                return NoTrade(NoTradeReason.IN_POSITION)
            ...
            return buy(view, "dip-1015", plan=ExitPlan(stop=StopAt(ratio("0.003"))), reason="a dip")

A strategy is asked once for every complete bar. It sees a read-only view of what is known at that
instant, keeps what it likes on itself, and cannot reach a broker. It never sizes what it may not:
the account's rules decide whether, and how much.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final

import msgspec

from trading.errors import ConfigError, HoldfastError, nearest
from trading.money import SCALE_1E8, to_1e8
from trading.strategies.view import View

SetupInstance = str
Value = Decimal | int | bool | str


class Side(StrEnum):
    """Direction of a leg."""

    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    """How the entry meets the market (EX-18)."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_LIMIT = "STOP_LIMIT"


_MARKET: Final = OrderType.MARKET


class TimeInForce(StrEnum):
    """How long the entry stays at the venue (EX-18)."""

    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"  # until cancelled, and only if it rests (post-only), where the venue has it


class NoTradeReason(StrEnum):
    """Why an evaluation gave no signal: the vocabulary of rust_core, for use in Python (SG-2)."""

    DISABLED = "DISABLED"
    DAILY_LIMIT = "DAILY_LIMIT"
    WARMUP = "WARMUP"
    NO_VWAP = "NO_VWAP"
    OUTSIDE_WINDOW = "OUTSIDE_WINDOW"
    MAX_TRADES = "MAX_TRADES"
    IN_POSITION = "IN_POSITION"
    ORDER_WORKING = "ORDER_WORKING"
    PRICE_ABOVE_THRESHOLD = "PRICE_ABOVE_THRESHOLD"
    PRICE_BELOW_THRESHOLD = "PRICE_BELOW_THRESHOLD"
    ZERO_SIZE = "ZERO_SIZE"
    NO_SETUP = "NO_SETUP"
    NO_VOLUME = "NO_VOLUME"
    VOLATILITY = "VOLATILITY"
    REGIME = "REGIME"
    STALE_DATA = "STALE_DATA"


class ExitReason(StrEnum):
    """The reasons of PX-6 that a strategy may give; the others belong to the account."""

    STOP_LOSS = "STOP_LOSS"
    TAKE_PROFIT = "TAKE_PROFIT"
    TIME = "TIME"
    FORCE_FLAT = "FORCE_FLAT"
    MANUAL = "MANUAL"


class MalformedSignalError(HoldfastError):
    """A signal that cannot be meant; it dies here, with the field named (EX-10)."""


class LevelKind(StrEnum):
    """How a level is stated."""

    PRICE = "PRICE"
    RATIO = "RATIO"
    R = "R"


class Level(msgspec.Struct, frozen=True):
    """A price level: a price, a ratio of the average entry really filled, or a multiple of R."""

    kind: LevelKind
    value_1e8: int

    def __post_init__(self) -> None:
        """Refuse what is no distance and no price."""
        if self.value_1e8 <= 0:
            raise MalformedSignalError(f"level: expected a number above 0, was {self.value_1e8}")


def price(value: Decimal | str | int) -> Level:
    """That price."""
    return Level(LevelKind.PRICE, to_1e8(Decimal(value)))


def ratio(value: Decimal | str) -> Level:
    """That part of the entry price away from it: `ratio("0.003")` is 0.3 %."""
    return Level(LevelKind.RATIO, to_1e8(Decimal(value)))


def r(value: Decimal | str | int) -> Level:
    """That many times the distance between entry and stop."""
    return Level(LevelKind.R, to_1e8(Decimal(value)))


class StopAt(msgspec.Struct, frozen=True):
    """The loss ends at a level."""

    level: Level

    def __post_init__(self) -> None:
        """R is measured from the stop, so the stop cannot be stated in R."""
        if self.level.kind is LevelKind.R:
            raise MalformedSignalError("stop: expected a price or a ratio, was a multiple of R")


class NoStop(msgspec.Struct, frozen=True):
    """No stop, on purpose and under a name that stands in the journal (EX-10, PX-8)."""

    waiver: str

    def __post_init__(self) -> None:
        """A waiver without a name would be an omission."""
        if not self.waiver:
            raise MalformedSignalError("stop: expected the waiver's name, was empty")


class Partial(msgspec.Struct, frozen=True, kw_only=True):
    """A part of what was filled is closed at a level (PX-3)."""

    level: Level
    portion_ratio_1e8: int

    def __post_init__(self) -> None:
        """A part is more than nothing and less than all."""
        if not 0 < self.portion_ratio_1e8 < SCALE_1E8:
            raise MalformedSignalError(
                f"portion_ratio_1e8: expected between 0 and 1e8, was {self.portion_ratio_1e8}"
            )


class ExitPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How the position ends, stated when it is asked for (PX-3). Ratios and prices at 1e-8."""

    stop: StopAt | NoStop
    trailing_ratio_1e8: int | None = None
    target: Level | None = None
    target_trailing_ratio_1e8: int | None = None
    target_1: Partial | None = None
    target_2: Level | None = None
    target_2_wait_ns: int | None = None
    holding_max_ns: int | None = None
    force_flat_ns: int | None = None

    def __post_init__(self) -> None:
        """Refuse a number that is not above zero."""
        for name in (
            "trailing_ratio_1e8",
            "target_trailing_ratio_1e8",
            "target_2_wait_ns",
            "holding_max_ns",
            "force_flat_ns",
        ):
            value: int | None = getattr(self, name)
            if value is not None and value <= 0:
                raise MalformedSignalError(f"{name}: expected a number above 0, was {value}")


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a signal; a plain order has one."""

    instrument: str
    side: Side
    ratio_1e8: int = SCALE_1E8

    def __post_init__(self) -> None:
        """Refuse a leg that trades nothing."""
        if self.ratio_1e8 <= 0:
            raise MalformedSignalError(f"leg: expected a ratio above 0, was {self.ratio_1e8}")


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy asks for.

    Attributes:
        setup_instance: Names this one occurrence within the session, from what was seen and never
            from a counter or a clock: after a restart the same occurrence has the same name (EX-4).
        legs: What to trade.
        plan: How the position ends; a stop, or its waiver by name.
        reason: Why, in words.
        qty_1e8: Quantity; without it the account sizes from the risk (RK-2).
        risk_1e8: Money to risk, at most the account's own figure, which holds without it.
        confidence_ratio_1e8: How sure, 0 to 1.
    """

    setup_instance: SetupInstance
    legs: tuple[Leg, ...]
    plan: ExitPlan
    reason: str
    qty_1e8: int | None = None
    risk_1e8: int | None = None
    order_type: OrderType = OrderType.MARKET
    tif: TimeInForce = TimeInForce.DAY
    limit_1e8: int | None = None
    trigger_1e8: int | None = None
    confidence_ratio_1e8: int = SCALE_1E8

    def __post_init__(self) -> None:
        """Refuse what no account could take, naming the field."""
        if not self.legs:
            raise MalformedSignalError("legs: expected at least one, was none")
        if not _is_id(self.setup_instance):
            raise MalformedSignalError(
                "setup_instance: expected 1 to 32 letters, digits, `_` or `.`, "
                f"was {self.setup_instance!r}"
            )
        limit_1e8, trigger_1e8 = self.limit_1e8, self.trigger_1e8
        _refuse_not_above_0("qty_1e8", self.qty_1e8)
        _refuse_not_above_0("risk_1e8", self.risk_1e8)
        _refuse_not_above_0("limit_1e8", limit_1e8)
        _refuse_not_above_0("trigger_1e8", trigger_1e8)
        if self.order_type is not _MARKET or limit_1e8 is not None or trigger_1e8 is not None:
            _refuse_price(self.order_type, "limit_1e8", OrderType.LIMIT, limit_1e8)
            _refuse_price(self.order_type, "trigger_1e8", OrderType.STOP, trigger_1e8)
        if not 0 <= self.confidence_ratio_1e8 <= SCALE_1E8:
            raise MalformedSignalError(
                f"confidence_ratio_1e8: expected 0 to 1e8, was {self.confidence_ratio_1e8}"
            )


ID_LENGTH_MAX: Final = 32


def _is_id(text: str) -> bool:
    """Ids are joined with `-` and `/`, so they hold neither."""
    if len(text) > ID_LENGTH_MAX or not text.isascii():
        return False
    return text.isalnum() or text.replace("_", "").replace(".", "").isalnum()


def _refuse_not_above_0(name: str, value: int | None) -> None:
    if value is not None and value <= 0:
        raise MalformedSignalError(f"{name}: expected a number above 0, was {value}")


def _refuse_price(asked: OrderType, name: str, kind: OrderType, price_1e8: int | None) -> None:
    needed = asked is kind or asked is OrderType.STOP_LIMIT
    if needed and price_1e8 is None:
        raise MalformedSignalError(f"{name}: expected a price for {asked}, was none")
    if price_1e8 is not None and not needed:
        raise MalformedSignalError(f"{name}: expected none for {asked}, was a price")


class Exit(msgspec.Struct, frozen=True):
    """Advice to close the open position; the account's one exit decision takes it (PX-2)."""

    reason: ExitReason
    text: str = ""


class MoveLevels(msgspec.Struct, frozen=True, kw_only=True):
    """Move the open position's stop or target; None leaves one where it is."""

    stop_1e8: int | None = None
    target_1e8: int | None = None


class NoTrade(msgspec.Struct, frozen=True):
    """Nothing to do on this bar, and why; counted by reason (SG-2)."""

    reason: NoTradeReason


Answer = Signal | Exit | MoveLevels | NoTrade


class FillSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An execution of this strategy's own order, as it is told."""

    client_order_id: str
    instrument: str
    side: Side
    qty_1e8: int
    price_1e8: int
    fee_1e8: int
    at_ns: int
    strategy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One setting of a strategy, declared with its range before it is deployed (SG-8)."""

    default: Value
    low: Decimal | int | None = None
    high: Decimal | int | None = None
    text: str = ""


class Strategy(ABC):
    """Base of every strategy, built-in or the user's own.

    Attributes:
        name: How configuration and journal call it; for a file, the file's name.
        parameters: Declared settings; `self.settings` holds their values.
        indicators: Pairs for `rust_core.IndicatorSet`, e.g. `("ema", 20)`; `view.indicators` has
            the values as of the newest bar.
    """

    name: str = ""
    parameters: ClassVar[Mapping[str, Parameter]] = {}
    indicators: ClassVar[tuple[tuple[str, float], ...]] = ()

    def __init__(self, settings: Mapping[str, Value]) -> None:
        """Keep the settings, which `configure` has checked."""
        self.settings = settings

    @abstractmethod
    def evaluate(self, view: View) -> Answer:
        """Say what to do, given all that is known now; called for each complete bar."""

    def on_fill(self, fill: FillSeen) -> None:  # noqa: B027 - hearing of fills is optional
        """Hear of an execution of one's own order."""


def configure(kind: type[Strategy], given: Mapping[str, Value], where: str) -> dict[str, Value]:
    """Every declared setting with its value.

    Args:
        kind: The strategy's class.
        given: What the configuration says.
        where: Stands before an error text, e.g. the file and section.

    Raises:
        ConfigError: An unknown name, a wrong kind of value, or one outside its range.
    """
    for name in given:
        if name not in kind.parameters:
            raise ConfigError(f"{where}.{name}: unknown parameter{nearest(name, kind.parameters)}")
    settings = {}
    for name, parameter in kind.parameters.items():
        value = given.get(name, parameter.default)
        settings[name] = _checked(value, parameter, f"{where}.{name}")
    return settings


def _checked(value: Value, parameter: Parameter, where: str) -> Value:
    wanted = type(parameter.default)
    if wanted is Decimal and isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if type(value) is not wanted:
        raise ConfigError(f"{where}: expected {_KINDS[wanted]}, found {value!r}")
    if parameter.low is not None and isinstance(value, Decimal | int) and value < parameter.low:
        raise ConfigError(f"{where}: expected at least {parameter.low}, found {value}")
    if parameter.high is not None and isinstance(value, Decimal | int) and value > parameter.high:
        raise ConfigError(f"{where}: expected at most {parameter.high}, found {value}")
    return value


_KINDS: Final[Mapping[type, str]] = {
    Decimal: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "a text",
}
