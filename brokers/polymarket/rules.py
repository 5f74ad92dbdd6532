"""What is known of each outcome that may be traded: tick, least size, contract, fee.

A tick that changes makes the book another one: an order that was prepared before it is not sent
(polymarket.md, 7). Whoever prepared it reads `Rules.epoch`.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from brokers.polymarket.words import ONE_1E8, MarketState, MarketWire, amount_1e8, malformed
from trading.money import show_1e8

TICKS_1E8: Final = frozenset({10_000_000, 1_000_000, 500_000, 250_000, 100_000, 10_000})
"""0.1, 0.01, 0.005, 0.0025, 0.001 and 0.0001."""
SIZE_STEP_1E8: Final = 1_000_000
"""Sizes have two decimals."""
_FEE_STEP: Final = Decimal("0.00001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How one outcome is traded.

    Attributes:
        token_id: The outcome.
        condition_id: Its market.
        tick_1e8: Prices are multiples, from one tick to one tick below a dollar.
        size_min_1e8: Least size of an order.
        is_neg_risk: It is settled by the other contract.
        fee_rate: `r` of the fee of a taker; makers pay none.
        fee_exponent: `e`.
        epoch: Which tick, counted.
    """

    token_id: str
    condition_id: str
    tick_1e8: int
    size_min_1e8: int
    is_neg_risk: bool = False
    fee_rate: Decimal = Decimal(0)
    fee_exponent: Decimal = Decimal(1)
    epoch: int = 0

    def taker_fee_1e8(self, qty_1e8: int, price_1e8: int) -> int:
        """What a taker pays, which the venue charges at the match and does not report.

        Source: polymarket.md, section 7: shares x r x (p x (1 - p))^e, to five decimals.
        """
        if not self.fee_rate:
            return 0
        price = Decimal(price_1e8) / ONE_1E8
        spread = price * (1 - price)
        fee = Decimal(qty_1e8) / ONE_1E8 * self.fee_rate * spread**self.fee_exponent
        return int(fee.quantize(_FEE_STEP) * ONE_1E8)


def rules_of(token_id: str, condition_id: str, market: MarketWire) -> Rules:
    """From the short form of a market.

    Raises:
        MalformedError: The market has no such outcome, or its tick is none that the venue has.
    """
    if token_id not in {outcome.t for outcome in market.t}:
        raise malformed("clob-markets", "the outcome among those of its market")
    tick_1e8 = amount_1e8(market.mts, "clob-markets.mts")
    if tick_1e8 not in TICKS_1E8:
        shown = ", ".join(show_1e8(each) for each in sorted(TICKS_1E8))
        raise malformed("clob-markets.mts", f"a tick among {shown}")
    fee = market.fd
    return Rules(
        token_id=token_id,
        condition_id=condition_id,
        tick_1e8=tick_1e8,
        size_min_1e8=amount_1e8(market.mos, "clob-markets.mos"),
        is_neg_risk=market.nr,
        fee_rate=Decimal(0) if fee is None else Decimal(str(fee.r or 0)),
        fee_exponent=Decimal(1) if fee is None else Decimal(str(fee.e or 0)),
    )


class Rulebook:
    """The rules of every outcome that this run may trade; shared by all ways to the account."""

    def __init__(self) -> None:
        """Nothing is known, so nothing can be sent."""
        self._rules: dict[str, Rules] = {}
        self._wanted: list[str] = []
        self._worth_1e8: dict[str, int] = {}

    def want(self, tokens: list[str]) -> None:
        """Outcomes that the run names; those whose rules are not known are asked for."""
        self._wanted += [token for token in tokens if token not in self._wanted]

    @property
    def missing(self) -> list[str]:
        """Wanted, and not known yet."""
        return [token for token in self._wanted if token not in self._rules]

    @property
    def tokens(self) -> list[str]:
        """Known."""
        return list(self._rules)

    def learn(self, rules: Rules) -> None:
        """What the venue says now; another tick than before is another epoch."""
        known = self._rules.get(rules.token_id)
        if known is not None:
            is_same = known.tick_1e8 == rules.tick_1e8
            rules = replace(rules, epoch=known.epoch if is_same else known.epoch + 1)
        self._rules[rules.token_id] = rules

    def tick_changed(self, token_id: str, tick_1e8: int) -> None:
        """The venue changed the tick of an outcome."""
        known = self._rules.get(token_id)
        if known is not None and tick_1e8 in TICKS_1E8 and known.tick_1e8 != tick_1e8:
            self._rules[token_id] = replace(known, tick_1e8=tick_1e8, epoch=known.epoch + 1)

    def decided(self, token_id: str, worth_1e8: int) -> None:
        """Its market was decided: it trades no more, and pays so much."""
        self._worth_1e8[token_id] = worth_1e8

    def worth_1e8(self, token_id: str) -> int | None:
        """What one pays; None while its market is not decided."""
        return self._worth_1e8.get(token_id)

    def get(self, token_id: str) -> Rules | None:
        """The rules of an outcome, None while the venue has not said them."""
        return self._rules.get(token_id)


def resolution(state: MarketState) -> dict[str, int] | None:
    """What each outcome is worth at 1e-8 once the market is resolved; None before (MD-8).

    Raises:
        MalformedError: Closed with more than one winner.
    """
    if not state.closed or not state.tokens:
        return None
    if state.is_50_50_outcome:
        return {token.token_id: ONE_1E8 // 2 for token in state.tokens}
    winners = [token.token_id for token in state.tokens if token.winner]
    if not winners:
        return None
    if len(winners) > 1:
        raise malformed("markets.tokens", "one winner")
    return {token.token_id: ONE_1E8 if token.winner else 0 for token in state.tokens}
