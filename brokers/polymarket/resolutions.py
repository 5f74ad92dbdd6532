"""How the markets of a run end, and whether all that the venue says of it agrees (MD-8).

The book's own long form decides. The service of markets is asked beside it: another winner, another
condition or other tokens are doubts that a person must see. No doubt changes what was decided.
"""

from typing import Final

import msgspec

from brokers.calls import CALL_ERRORS
from brokers.polymarket.rest import Rest
from brokers.polymarket.rules import Rules, resolution
from brokers.polymarket.words import GammaMarket, MarketState, amount_1e8, malformed
from brokers.reading import MalformedError
from brokers.venues import Resolution
from trading.money import show_1e8

_TEXTS: Final = msgspec.json.Decoder(list[str])


class PolymarketResolutions:
    """Implements `brokers.venues.Resolutions` for the outcomes that the run names."""

    def __init__(self, rest: Rest) -> None:
        """Nothing was asked yet."""
        self.rest = rest

    async def ask(self) -> list[Resolution]:
        """Those that were decided since the last question, each beside what else is said of it."""
        book = self.rest.session.book
        found: list[Resolution] = []
        for token_id in book.tokens:
            rules = book.get(token_id)
            if rules is not None and book.worth_1e8(token_id) is None:
                found += await self._asked(rules)
        return found

    async def _asked(self, rules: Rules) -> list[Resolution]:
        state = await self.rest.market(rules.condition_id)
        worths_1e8 = resolution(state)
        if worths_1e8 is None or rules.token_id not in worths_1e8:
            return []
        doubts = (*_other_market(rules, state), *await self._beside(rules, worths_1e8))
        worth_1e8 = worths_1e8[rules.token_id]
        self.rest.session.book.decided(rules.token_id, worth_1e8)
        return [
            Resolution(
                instrument=rules.token_id,
                market=rules.condition_id,
                worth_1e8=worth_1e8,
                doubts=doubts,
            )
        ]

    async def _beside(self, rules: Rules, worths_1e8: dict[str, int]) -> tuple[str, ...]:
        """What the service of markets says otherwise."""
        try:
            other = await self.rest.gamma(rules.condition_id)
        except CALL_ERRORS as error:
            return (f"the service of markets does not say: {error}",)
        if other is None:
            return ("the service of markets does not know it as closed",)
        try:
            told_1e8 = prices_of(other)
        except MalformedError as error:
            return (str(error),)
        return tuple(
            f"the service of markets has {token_id[:12]} at {_shown(told_1e8.get(token_id))}, "
            f"the book at {show_1e8(worth_1e8)}"
            for token_id, worth_1e8 in worths_1e8.items()
            if told_1e8.get(token_id) != worth_1e8
        )

    def close(self) -> None:
        """Let every connection go."""
        self.rest.close()


def prices_of(market: GammaMarket) -> dict[str, int]:
    """Each token's price at 1e-8.

    Raises:
        MalformedError: Its lists are none, or of different lengths.
    """
    try:
        tokens = _TEXTS.decode(market.clob_token_ids)
        prices = _TEXTS.decode(market.outcome_prices)
        found = dict(zip(tokens, prices, strict=True))
    except (msgspec.DecodeError, ValueError):
        raise malformed("markets", "a price for each token") from None
    return {token: amount_1e8(price, "outcomePrices") for token, price in found.items()}


def _other_market(rules: Rules, state: MarketState) -> tuple[str, ...]:
    if state.condition_id in ("", rules.condition_id):
        return ()
    return (f"asked for market {rules.condition_id[:14]}, told of {state.condition_id[:14]}",)


def _shown(price_1e8: int | None) -> str:
    return "no price" if price_1e8 is None else show_1e8(price_1e8)
