"""What one Alpaca account is asked before the start: keys, account, clock, instruments, money."""

from collections.abc import Sequence
from typing import Final

from brokers.alpaca.orders import is_option
from brokers.alpaca.rest import Rest
from brokers.alpaca.words import Asset, Contract, amount_1e8, time_ns
from brokers.base import Check
from brokers.calls import CALL_ERRORS
from brokers.offset import Offset, of_date, of_stamp
from brokers.venue_checks import clock_line, holdings_lines, instrument_line, unknown_holdings
from brokers.venues import Wanted

ONE_1E8: Final = 100_000_000


class AlpacaProbe:
    """Implements `brokers.venues.Probe`."""

    def __init__(self, rest: Rest) -> None:
        """Ask by these calls."""
        self.rest = rest

    async def clock_offset(self) -> Offset:
        """The venue's clock less ours, from its clock and from the Date header of its answer."""
        rest = self.rest
        before_ns = rest.now_ns()
        clock, date = await rest.clock()
        after_ns = rest.now_ns()
        stamp_ns = time_ns(clock.timestamp, "clock.timestamp")
        found = of_stamp(stamp_ns, before_ns=before_ns, after_ns=after_ns)
        dated = of_date(date, before_ns=before_ns, after_ns=after_ns)
        return found if dated is None else dated.narrowed(found)

    async def checks(self, wanted: Sequence[Wanted]) -> list[Check]:
        """Keys, account, clock and instruments as the venue sees them (BR-5); never raises."""
        try:
            account = await self.rest.account()
        except CALL_ERRORS as error:
            cure = "start the venue, or set the right keys (HOLDFAST_ALPACA_KEY, ..._SECRET)"
            return [Check(name="account", is_ok=False, found=str(error), cure=cure)]
        blocked = account.blocked_by()
        found = [
            Check(
                name="account",
                is_ok=not blocked,
                found=f"{account.account_number} {', '.join(blocked) or 'active'}, "
                f"equity {account.equity}",
                cure="have the venue unblock the account",
            ),
            await clock_line(self.clock_offset),
        ]
        return found + [await self._asset_check(each) for each in wanted]

    async def account_number(self) -> str:
        """The number that the venue shows people; empty when unknown."""
        try:
            return (await self.rest.account()).account_number
        except CALL_ERRORS:
            return ""

    async def real_checks(self, capital_1e8: int) -> list[Check]:
        """What a venue that is real must be besides: its money there, its book empty."""
        try:
            account = await self.rest.account()
            orders, positions = await self.rest.open_orders(), await self.rest.positions()
            equity_1e8 = amount_1e8(account.equity, "account.equity")
        except CALL_ERRORS as error:
            return [unknown_holdings(str(error))]
        return holdings_lines(equity_1e8, capital_1e8, len(orders), len(positions))

    async def close(self) -> None:
        """Let every connection go."""
        self.rest.close()

    async def _asset_check(self, wanted: Wanted) -> Check:
        ask = self.rest.contract if is_option(wanted.symbol) else self.rest.asset
        try:
            found = await ask(wanted.symbol)
        except CALL_ERRORS as error:
            return instrument_line(wanted.symbol, str(error))
        wrong = "the venue does not know it" if found is None else _wrong_with(found, wanted)
        return instrument_line(wanted.symbol, wrong)


def _wrong_with(asset: Asset | Contract, wanted: Wanted) -> str:
    if asset.symbol != wanted.symbol:
        return f"the venue calls it {asset.symbol}"
    if asset.status != "active" or not asset.tradable:
        return f"it is {asset.status} and {'' if asset.tradable else 'not '}tradable"
    is_fractionable = isinstance(asset, Asset) and asset.fractionable
    if wanted.lot_1e8 % ONE_1E8 and not is_fractionable:
        return "its lot is a fraction, and the venue trades whole units of it"
    return ""
