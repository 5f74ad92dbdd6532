"""What is listed: shares, indices, and option contracts on both."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import erf, exp, log, pi, sqrt
from typing import Final, Literal

from brokers.sim.market import Instrument
from brokers.sim.units import DAY_NS, ONE_1E8, eastern, from_eastern, show

MULTIPLIER: Final = 100
_OCC_TAIL: Final = 15
_YEAR_NS: Final = 365 * DAY_NS
_OPEN_MINUTE: Final = 9 * 60 + 30
_CLOSE_MINUTE: Final = 16 * 60
_FRIDAY: Final = 4
_STRIKES_EACH_WAY: Final = 12
_DAYS_LISTED: Final = 6
_FRIDAYS_LISTED: Final = 4
_DAYS_AHEAD: Final = 70
IsSession = Callable[[date], bool]
Right = Literal["call", "put"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A share or an index.

    Attributes:
        roots: Of its option symbols: the monthly one first.
        volatility: Of its options' prices, a ratio per year.
        strike_step_usd: Between listed strikes.
    """

    symbol: str
    name: str
    start_usd: str
    is_index: bool = False
    is_shortable: bool = True
    roots: tuple[str, ...] = ()
    volatility: float = 0.2
    strike_step_usd: int = 5

    @property
    def instrument(self) -> Instrument:
        """For the market."""
        return Instrument(symbol=self.symbol, start_1e8=int(Decimal(self.start_usd) * ONE_1E8))


ASSETS: Final = {
    asset.symbol: asset
    for asset in (
        Asset(symbol="SPY", name="SPDR S&P 500", start_usd="681.00", roots=("SPY",)),
        Asset(symbol="AAPL", name="Apple Inc", start_usd="231.40", roots=("AAPL",)),
        Asset(symbol="F", name="Ford Motor Co", start_usd="11.20", roots=("F",), strike_step_usd=1),
        Asset(symbol="BRK/B", name="Berkshire Hathaway Inc Class B", start_usd="498.20"),
        Asset(symbol="HARD", name="Hard to borrow", start_usd="18.40", is_shortable=False),
        Asset(
            symbol="SPX",
            name="S&P 500 Index",
            start_usd="6800.00",
            is_index=True,
            roots=("SPX", "SPXW"),
            volatility=0.12,
        ),
        Asset(symbol="VIX", name="CBOE Volatility Index", start_usd="16.40", is_index=True),
    )
}
ROOTS: Final = {root: asset for asset in ASSETS.values() for root in asset.roots}


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeks:
    """Sensitivities of a contract; theta per day, vega and rho per percentage point."""

    delta: float
    gamma: float
    theta: float
    vega: float
    rho: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """An option of a hundred."""

    root: str
    expiry: date
    right: Right
    strike_1e8: int

    @property
    def symbol(self) -> str:
        """As the clearing house writes it: SPXW261120C06800000."""
        strike = self.strike_1e8 * 1000 // ONE_1E8
        return f"{self.root}{self.expiry:%y%m%d}{self.right[0].upper()}{strike:08d}"

    @property
    def asset(self) -> Asset:
        """What it is written on."""
        return ROOTS[self.root]

    @property
    def settles_at_open(self) -> bool:
        """An index' monthly root settles in the morning of its last day, others at the close."""
        return self.asset.is_index and self.root == self.asset.roots[0]

    @property
    def expires_ns(self) -> int:
        """When its value is fixed on a day of full length."""
        minute = _OPEN_MINUTE if self.settles_at_open else _CLOSE_MINUTE
        return from_eastern(self.expiry, minute)

    @property
    def tick_1e8(self) -> int:
        """Of its quotes."""
        return ONE_1E8 // (10 if self.asset.is_index else 100)

    def is_on_grid(self, price_1e8: int) -> bool:
        """Whether an order may have this price: of an index 0.05 below 3 dollars, 0.10 above."""
        if not self.asset.is_index:
            return price_1e8 % (ONE_1E8 // 100) == 0
        return price_1e8 % (ONE_1E8 // (20 if price_1e8 < 3 * ONE_1E8 else 10)) == 0

    def intrinsic_1e8(self, spot_1e8: int) -> int:
        """What it is worth when it settles."""
        gain_1e8 = spot_1e8 - self.strike_1e8
        return max(0, gain_1e8 if self.right == "call" else -gain_1e8)

    def price_1e8(self, spot_1e8: int, now_ns: int) -> int:
        """By Black and Scholes without interest; the intrinsic value once it has expired."""
        years = (self.expires_ns - now_ns) / _YEAR_NS
        if years <= 0:
            return self.intrinsic_1e8(spot_1e8)
        spot, strike = spot_1e8 / ONE_1E8, self.strike_1e8 / ONE_1E8
        width = self.asset.volatility * sqrt(years)
        first = log(spot / strike) / width + width / 2
        call = spot * _normal(first) - strike * _normal(first - width)
        value = call if self.right == "call" else call - spot + strike
        return max(0, int(value * ONE_1E8))

    def greeks(self, spot_1e8: int, now_ns: int) -> Greeks:
        """From the same formula; the time left is at least a minute."""
        years = max(60e9, self.expires_ns - now_ns) / _YEAR_NS
        spot, strike = spot_1e8 / ONE_1E8, self.strike_1e8 / ONE_1E8
        width = self.asset.volatility * sqrt(years)
        first = log(spot / strike) / width + width / 2
        density = exp(-first * first / 2) / sqrt(2 * pi)
        sign = 1 if self.right == "call" else -1
        return Greeks(
            delta=_normal(first) - (0 if sign > 0 else 1),
            gamma=density / (spot * width),
            theta=-spot * density * width / (2 * years) / 365,
            vega=spot * density * sqrt(years) / 100,
            rho=sign * strike * years * _normal(sign * (first - width)) / 100,
        )

    def described(self) -> str:
        """SPXW Nov 20 2026 $6800.00 Call."""
        strike = f"{Decimal(show(self.strike_1e8)):.2f}"
        return f"{self.root} {self.expiry:%b %d %Y} ${strike} {self.right.title()}"


def _normal(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2


def read_contract(symbol: str) -> Contract | None:
    """The contract that a symbol names; None when it names none on what is listed."""
    root, tail = symbol[:-_OCC_TAIL], symbol[-_OCC_TAIL:]
    is_shaped = tail[6:7] in ("C", "P") and (tail[:6] + tail[7:]).isdigit()
    if len(tail) != _OCC_TAIL or not is_shaped or root not in ROOTS:
        return None
    try:
        expiry = date(2000 + int(tail[:2]), int(tail[2:4]), int(tail[4:6]))
    except ValueError:
        return None
    strike_1e8 = int(tail[7:]) * (ONE_1E8 // 1000)
    if not strike_1e8 or strike_1e8 % (ROOTS[root].strike_step_usd * ONE_1E8):
        return None
    return Contract(
        root=root, expiry=expiry, right="call" if tail[6] == "C" else "put", strike_1e8=strike_1e8
    )


def expiries(root: str, now_ns: int, is_session: IsSession) -> list[date]:
    """The last days of a root's contracts, the soonest first.

    An index' monthly root has the third Fridays; its weekly root has those and the next sessions;
    a share has Fridays. Where a Friday is no session, it is the day before.
    """
    today = eastern(now_ns).date()
    near = [today + timedelta(days=ahead) for ahead in range(_DAYS_AHEAD)]
    fridays = [day for day in near if day.weekday() == _FRIDAY]
    if ROOTS[root].is_index:
        fridays = [day for day in fridays if 15 <= day.day <= 21]  # noqa: PLR2004 - the third
    last = [day if is_session(day) else day - timedelta(days=1) for day in fridays]
    found = [day for day in last if day >= today][:_FRIDAYS_LISTED]
    if root == "SPXW":
        weekdays = [day for day in near if day.weekday() <= _FRIDAY and is_session(day)]
        found += weekdays[:_DAYS_LISTED]
    return sorted({*found})


def strikes(asset: Asset, spot_1e8: int) -> list[int]:
    """The listed strikes around a price, the lowest first."""
    step_1e8 = asset.strike_step_usd * ONE_1E8
    middle = spot_1e8 // step_1e8
    reach = range(max(1, middle - _STRIKES_EACH_WAY), middle + _STRIKES_EACH_WAY + 1)
    return [step * step_1e8 for step in reach]


def chain(root: str, expiry: date, spot_1e8: int) -> list[Contract]:
    """Calls and puts of one last day, by strike."""
    rights: tuple[Right, ...] = ("call", "put")
    return [
        Contract(root=root, expiry=expiry, right=right, strike_1e8=strike_1e8)
        for strike_1e8 in strikes(ROOTS[root], spot_1e8)
        for right in rights
    ]
