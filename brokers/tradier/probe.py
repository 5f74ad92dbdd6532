"""What one Tradier account is asked before the start: token, account, clock, instruments, money."""

from collections.abc import Sequence
from typing import Final

from brokers.base import Check
from brokers.calls import CALL_ERRORS
from brokers.limiter import Priority
from brokers.offset import Offset, of_whole_seconds
from brokers.tradier.reports import LIVE
from brokers.tradier.rest import Rest
from brokers.tradier.words import AccountProfile, QuoteWire, amount_1e8
from brokers.venue_checks import clock_line, holdings_lines, instrument_line, unknown_holdings
from brokers.venues import Wanted

ONE_1E8: Final = 100_000_000


class TradierProbe:
    """Implements `brokers.venues.Probe`."""

    def __init__(self, rest: Rest) -> None:
        """Ask by these calls."""
        self.rest = rest

    async def clock_offset(self) -> Offset:
        """The venue's clock less ours; it shows whole seconds."""

        async def second() -> int:
            return (await self.rest.clock()).timestamp

        return await of_whole_seconds(second, self.rest.now_ns)

    async def checks(self, wanted: Sequence[Wanted]) -> list[Check]:
        """Token, account, clock and instruments as the venue sees them (BR-5); never raises."""
        cure = (
            "start the venue, or set the right HOLDFAST_TRADIER_ACCOUNT and HOLDFAST_TRADIER_TOKEN"
        )
        try:
            profile = await self._profile()
            found = [await self._account_line(profile, cure)]
        except CALL_ERRORS as error:
            return [Check(name="account", is_ok=False, found=str(error), cure=cure)]
        found.append(await clock_line(self.clock_offset))
        return found + await self._instrument_lines(wanted)

    async def _profile(self) -> AccountProfile | None:
        accounts = await self.rest.accounts()
        return next((one for one in accounts if one.account_number == self.rest.account), None)

    async def _account_line(self, profile: AccountProfile | None, cure: str) -> Check:
        if profile is None:
            text = f"the token does not open account {self.rest.account}"
            return Check(name="account", is_ok=False, found=text, cure=cure)
        balances = await self.rest.balances()
        return Check(
            name="account",
            is_ok=profile.status == "active",
            found=f"{profile.account_number} {profile.status}, options of level "
            f"{profile.option_level}, equity {balances.total_equity}",
            cure="have the venue unblock the account",
        )

    async def _instrument_lines(self, wanted: Sequence[Wanted]) -> list[Check]:
        try:
            quotes = await self.rest.quotes([each.symbol for each in wanted])
        except CALL_ERRORS as error:
            return [instrument_line(each.symbol, str(error)) for each in wanted]
        known = {quote.symbol: quote for quote in quotes}
        return [
            instrument_line(each.symbol, _wrong_with(known.get(each.symbol), each))
            for each in wanted
        ]

    async def account_number(self) -> str:
        """The account's number, if the token opens it; empty otherwise."""
        try:
            profile = await self._profile()
        except CALL_ERRORS:
            return ""
        return "" if profile is None else profile.account_number

    async def real_checks(self, capital_1e8: int) -> list[Check]:
        """What a venue that is real must be besides: its money there, its book empty."""
        try:
            balances = await self.rest.balances()
            orders = await self.rest.todays_orders(Priority.POLL)
            positions = await self.rest.positions()
            equity_1e8 = amount_1e8(balances.total_equity, "balances.total_equity")
        except CALL_ERRORS as error:
            return [unknown_holdings(str(error))]
        working = sum(order.status in LIVE for order in orders)
        return holdings_lines(equity_1e8, capital_1e8, working, len(positions))

    async def close(self) -> None:
        """Let every connection go."""
        self.rest.close()


def _wrong_with(quote: QuoteWire | None, wanted: Wanted) -> str:
    if quote is None:
        return "the venue does not know it"
    if quote.type == "index":
        return "it is an index, which nobody can buy: name its contracts"
    if wanted.lot_1e8 % ONE_1E8:
        return "its lot is a fraction, and the venue trades whole units"
    return ""
