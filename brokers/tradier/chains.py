"""Option chains, and the venue's greeks with their age (BR-8).

The venue makes its greeks about once an hour, leaves them out of what is worth little, and stamps
them without a zone. So a number is only ever handed out together with the asker's own limit of age:
what is missing, older, from the future or not finite is None, and nothing can size anything by it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from brokers.reading import MalformedError
from brokers.tradier.rest import Rest
from brokers.tradier.words import ContractWire, GreeksWire, amount_1e8, time_ns

_DELTA_MAX = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeks:
    """Of one contract, per share: `vol_ratio` 0.20 is 20 % a year, theta is dollars a day."""

    delta: float
    gamma: float
    theta_usd_per_day: float
    vega: float
    vol_ratio: float
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One contract of a chain; prices at 1e-8, zero where nobody quotes.

    `SPX` and `SPXW` stand in one chain and settle at other hours: `root` tells them apart.
    """

    symbol: str
    root: str
    underlying: str
    is_call: bool
    strike_1e8: int
    expiry_yyyymmdd: int
    multiplier: int
    bid_1e8: int
    ask_1e8: int
    _greeks: Greeks | None = field(repr=False)

    def greeks_age_ns(self, now_ns: int) -> int | None:
        """How old they are; None where there are none."""
        return None if self._greeks is None else now_ns - self._greeks.at_ns

    def greeks(self, now_ns: int, *, age_max_ns: int) -> Greeks | None:
        """The venue's, if they are no older than that; None means that nobody knows them."""
        age_ns = self.greeks_age_ns(now_ns)
        return self._greeks if age_ns is not None and 0 <= age_ns <= age_max_ns else None


async def chain(
    rest: Rest, underlying: str, expiration: str, *, roots: Sequence[str] = ()
) -> list[Contract]:
    """The contracts of an underlying that end on a day, as YYYY-MM-DD; of these roots alone.

    Raises:
        Exception: One of `brokers.calls.CALL_ERRORS`.
    """
    found = await rest.chain(underlying, expiration)
    return [contract_of(each) for each in found if not roots or each.root_symbol in roots]


def contract_of(wire: ContractWire) -> Contract:
    """A contract as the venue tells it.

    Raises:
        MalformedError: A price or a day cannot be read.
    """
    return Contract(
        symbol=wire.symbol,
        root=wire.root_symbol,
        underlying=wire.underlying,
        is_call=wire.option_type == "call",
        strike_1e8=amount_1e8(wire.strike, "option.strike"),
        expiry_yyyymmdd=_day(wire.expiration_date),
        multiplier=wire.contract_size,
        bid_1e8=amount_1e8(wire.bid or Decimal(0), "option.bid"),
        ask_1e8=amount_1e8(wire.ask or Decimal(0), "option.ask"),
        _greeks=_greeks(wire.greeks),
    )


def _day(text: str) -> int:
    digits = text.replace("-", "")
    if len(digits) != len("20261120") or not digits.isdecimal():
        raise MalformedError("tradier", "option.expiration_date", "a day such as 2026-11-20")
    return int(digits)


def _greeks(wire: GreeksWire | None) -> Greeks | None:
    """None unless every number is there, finite and possible."""
    if wire is None:
        return None
    numbers = (wire.delta, wire.gamma, wire.theta, wire.vega, wire.mid_iv)
    told = [each for each in numbers if each is not None and math.isfinite(each)]
    if len(told) != len(numbers):
        return None
    delta, gamma, theta, vega, vol = told
    try:
        at_ns = time_ns(f"{wire.updated_at}Z", "greeks.updated_at")
    except MalformedError:
        return None
    if abs(delta) > _DELTA_MAX or gamma < 0 or vol <= 0:
        return None
    return Greeks(
        delta=delta, gamma=gamma, theta_usd_per_day=theta, vega=vega, vol_ratio=vol, at_ns=at_ns
    )
