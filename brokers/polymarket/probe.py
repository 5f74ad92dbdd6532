"""What one wallet at Polymarket is asked before the start: keys, money, clock, outcomes (BR-5)."""

from collections.abc import Sequence
from typing import Final

from brokers.base import Check
from brokers.calls import CALL_ERRORS
from brokers.offset import Offset, of_whole_seconds
from brokers.polymarket.rest import Rest
from brokers.polymarket.rules import SIZE_STEP_1E8, Rules, resolution
from brokers.polymarket.words import ONE_1E8, Allowance, amount_1e8
from brokers.venue_checks import clock_line, holdings_lines, instrument_line, unknown_holdings
from brokers.venues import Wanted
from trading.money import show_1e8

_TOKEN_DIGITS_MAX: Final = 78


class PolymarketProbe:
    """Implements `brokers.venues.Probe`."""

    def __init__(self, rest: Rest) -> None:
        """Ask by these calls."""
        self.rest = rest

    async def clock_offset(self) -> Offset:
        """The venue's clock less ours; it shows whole seconds."""
        return await of_whole_seconds(self.rest.time, self.rest.now_ns)

    async def checks(self, wanted: Sequence[Wanted]) -> list[Check]:
        """Keys, money, clock and outcomes as the venue sees them (BR-5); never raises."""
        cure = (
            "start the venue, or set the right HOLDFAST_POLYMARKET_ADDRESS and "
            "HOLDFAST_POLYMARKET_PRIVATE_KEY"
        )
        try:
            await self.rest.sign_in()
            held = await self.rest.collateral()
            found = [_wallet_line(self.rest.session.signer.address, held)]
        except CALL_ERRORS as error:
            return [Check(name="account", is_ok=False, found=str(error), cure=cure)]
        found.append(await clock_line(self.clock_offset))
        self.rest.session.book.want([each.symbol for each in wanted])
        return found + [
            instrument_line(each.symbol, await self._wrong_with(each)) for each in wanted
        ]

    async def _wrong_with(self, wanted: Wanted) -> str:
        """Why an outcome cannot be traded; empty when it can. Its rules are known then."""
        token_id = wanted.symbol
        if not token_id.isdigit() or len(token_id) > _TOKEN_DIGITS_MAX:
            return "a token id is a decimal number"
        if wanted.lot_1e8 % SIZE_STEP_1E8:
            return f"its lot must be a multiple of {show_1e8(SIZE_STEP_1E8)}"
        try:
            rules = await self.rest.rules(token_id)
            self.rest.session.book.learn(rules)
            return await self._closed(rules)
        except CALL_ERRORS as error:
            return str(error)

    async def _closed(self, rules: Rules) -> str:
        market = await self.rest.market(rules.condition_id)
        if market.tokens and rules.token_id not in {each.token_id for each in market.tokens}:
            return "the two forms of its market name different outcomes"
        if resolution(market) is not None:
            return "its market is resolved"
        if market.closed or not market.accepting_orders:
            return "its market takes no orders"
        return ""

    async def account_number(self) -> str:
        """The wallet, if the venue lets it in; empty otherwise."""
        try:
            await self.rest.sign_in()
        except CALL_ERRORS:
            return ""
        return self.rest.session.signer.address

    async def real_checks(self, capital_1e8: int) -> list[Check]:
        """What a venue that is real must be besides: its money there, its book empty."""
        try:
            await self.rest.sign_in()
            held = await self.rest.collateral()
            orders = await self.rest.open_orders()
            holdings = [
                each for each in await self.rest.holdings() if amount_1e8(each.size, "size")
            ]
            worth_1e8 = sum(
                amount_1e8(each.size, "size") * amount_1e8(each.cur_price, "curPrice") // ONE_1E8
                for each in holdings
            )
            equity_1e8 = held.balance_1e8 + worth_1e8
        except CALL_ERRORS as error:
            return [unknown_holdings(str(error))]
        return holdings_lines(equity_1e8, capital_1e8, len(orders), len(holdings))

    async def close(self) -> None:
        """Let every connection go."""
        self.rest.close()


def _wallet_line(address: str, held: Allowance) -> Check:
    balance = show_1e8(held.balance_1e8)
    return Check(
        name="account",
        is_ok=held.is_allowed,
        found=f"{address}, {balance} dollars"
        + ("" if held.is_allowed else ", which the exchange may not move"),
        cure="approve the collateral for the exchange contracts, then ask the venue to look again",
    )
