"""What can be traded: a few shares, and option contracts on them."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import exp, sqrt
from typing import Any, Final, Literal
from uuid import NAMESPACE_URL, uuid5

from brokers.sim.market import Instrument
from brokers.sim.units import DAY_NS, ONE_1E8, eastern, from_eastern, number, show

OPTION_MULTIPLIER: Final = 100
_STRIKES_EACH_WAY: Final = 6
_OCC_TAIL: Final = 15
_VOLATILITY: Final = 0.2
_YEAR_NS: Final = 365 * DAY_NS
_CLOSE_MINUTE: Final = 16 * 60


def asset_id(symbol: str) -> str:
    """A UUID that is the same in every run."""
    return str(uuid5(NAMESPACE_URL, f"alpaca-simulator/{symbol}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A US equity."""

    symbol: str
    name: str
    start_usd: str
    exchange: str = "NASDAQ"
    fractionable: bool = True
    shortable: bool = True
    tradable: bool = True

    @property
    def instrument(self) -> Instrument:
        """For the market; prices below a dollar move by a hundredth of a cent."""
        start_1e8 = int(Decimal(self.start_usd) * ONE_1E8)
        tick_1e8 = ONE_1E8 // 100 if start_1e8 >= ONE_1E8 else ONE_1E8 // 10_000
        return Instrument(symbol=self.symbol, start_1e8=start_1e8, tick_1e8=tick_1e8)

    def shown(self) -> dict[str, Any]:
        """As GET /v2/assets answers."""
        return {
            "id": asset_id(self.symbol),
            "class": "us_equity",
            "exchange": self.exchange,
            "symbol": self.symbol,
            "name": self.name,
            "status": "active" if self.tradable else "inactive",
            "tradable": self.tradable,
            "marginable": True,
            "shortable": self.shortable,
            "easy_to_borrow": self.shortable,
            "fractionable": self.fractionable,
            "maintenance_margin_requirement": 30,
            "attributes": ["has_options"],
        }


SHARES: Final = (
    Share(symbol="AAPL", name="Apple Inc. Common Stock", start_usd="231.40"),
    Share(symbol="MSFT", name="Microsoft Corporation Common Stock", start_usd="415.20"),
    Share(symbol="SPY", name="SPDR S&P 500 ETF Trust", start_usd="590.10", exchange="ARCA"),
    Share(symbol="QQQ", name="Invesco QQQ Trust", start_usd="505.30"),
    Share(symbol="TSLA", name="Tesla, Inc. Common Stock", start_usd="340.80"),
    Share(symbol="F", name="Ford Motor Company", start_usd="11.20", exchange="NYSE"),
    Share(
        symbol="PENY",
        name="A share below a dollar, hard to borrow and not fractionable",
        start_usd="0.4210",
        fractionable=False,
        shortable=False,
    ),
    Share(symbol="GONE", name="A share that trades no more", start_usd="5", tradable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """An option on a share; American, a hundred shares."""

    underlying: str
    expiry: date
    right: Literal["call", "put"]
    strike_1e8: int

    @property
    def symbol(self) -> str:
        """As the clearing house writes it: SPY261120C00590000."""
        strike = self.strike_1e8 * 1000 // ONE_1E8
        return f"{self.underlying}{self.expiry:%y%m%d}{self.right[0].upper()}{strike:08d}"

    @property
    def expires_ns(self) -> int:
        """The close of its last day."""
        return from_eastern(self.expiry, _CLOSE_MINUTE)

    def intrinsic_1e8(self, spot_1e8: int) -> int:
        """What it is worth when exercised."""
        gain_1e8 = spot_1e8 - self.strike_1e8
        return max(0, gain_1e8 if self.right == "call" else -gain_1e8)

    def price_1e8(self, spot_1e8: int, now_ns: int) -> int:
        """A plausible price: intrinsic value and a bell of time value around the strike."""
        left = max(0, self.expires_ns - now_ns) / _YEAR_NS
        spot, strike = spot_1e8 / ONE_1E8, self.strike_1e8 / ONE_1E8
        width = max(1e-9, spot * _VOLATILITY * sqrt(left))
        time_value = 0.4 * width * exp(-(((spot - strike) / width) ** 2) / 2)
        return self.intrinsic_1e8(spot_1e8) + int(time_value * ONE_1E8)

    def shown(self, close_1e8: int, day: date) -> dict[str, Any]:
        """As GET /v2/options/contracts answers."""
        return {
            "id": asset_id(self.symbol),
            "symbol": self.symbol,
            "name": f"{self.underlying} {self.expiry:%b %d %Y} {show(self.strike_1e8)} "
            f"{self.right.title()}",
            "status": "active",
            "tradable": True,
            "expiration_date": self.expiry.isoformat(),
            "root_symbol": self.underlying,
            "underlying_symbol": self.underlying,
            "underlying_asset_id": asset_id(self.underlying),
            "type": self.right,
            "style": "american",
            "strike_price": show(self.strike_1e8),
            "size": str(OPTION_MULTIPLIER),
            "multiplier": str(OPTION_MULTIPLIER),
            "open_interest": "237",
            "open_interest_date": (day - timedelta(days=1)).isoformat(),
            "close_price": str(round(number(close_1e8), 2)),
            "close_price_date": (day - timedelta(days=1)).isoformat(),
            "ppind": True,
        }


def read_contract(symbol: str) -> Contract | None:
    """The contract that a symbol such as SPY261120C00590000 names; None when it names none."""
    root, tail = symbol[:-_OCC_TAIL], symbol[-_OCC_TAIL:]
    is_shaped = tail[6:7] in ("C", "P") and (tail[:6] + tail[7:]).isdigit() and root.isalpha()
    if len(tail) != _OCC_TAIL or not is_shaped:
        return None
    try:
        expiry = date(2000 + int(tail[:2]), int(tail[2:4]), int(tail[4:6]))
    except ValueError:
        return None
    return Contract(
        underlying=root,
        expiry=expiry,
        right="call" if tail[6] == "C" else "put",
        strike_1e8=int(tail[7:]) * (ONE_1E8 // 1000),
    )


def expiries(now_ns: int) -> list[date]:
    """Today (or the next weekday), and the two Fridays after it."""
    today = eastern(now_ns).date()
    while today.weekday() > 4:  # noqa: PLR2004 - Friday
        today += timedelta(days=1)
    friday = today + timedelta(days=(4 - today.weekday()) % 7)
    return sorted({today, friday, friday + timedelta(days=7)})


def chain(underlying: str, spot_1e8: int, now_ns: int) -> list[Contract]:
    """Calls and puts around a price, by expiry, strike and right."""
    spot_usd = max(1, spot_1e8 // ONE_1E8)
    step_usd = 1 if spot_usd < 50 else 5 if spot_usd >= 200 else 2  # noqa: PLR2004 - as exchanges do
    middle = spot_usd // step_usd
    reach = range(max(1, middle - _STRIKES_EACH_WAY), middle + _STRIKES_EACH_WAY + 1)
    rights: tuple[Literal["call", "put"], ...] = ("call", "put")
    return [
        Contract(
            underlying=underlying,
            expiry=expiry,
            right=right,
            strike_1e8=step * step_usd * ONE_1E8,
        )
        for expiry in expiries(now_ns)
        for step in reach
        for right in rights
    ]
