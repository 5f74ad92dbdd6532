"""The venue's own account of a wallet: orders, holdings, money, fills (ST-3)."""

import contextlib
from collections.abc import Collection
from typing import Any, Final, NamedTuple

from brokers.base import CashStated, OrderStated, PositionStated
from brokers.calls import CALL_ERRORS
from brokers.limiter import Priority
from brokers.polymarket import reports
from brokers.polymarket.hearing import Hearing
from brokers.polymarket.mine import OurOrders
from brokers.polymarket.redemption import Redemptions
from brokers.polymarket.rest import Rest
from brokers.polymarket.words import ONE_1E8, Order, Trade, amount_1e8, malformed

NS: Final = 1_000_000_000
DAY_NS: Final = 86_400 * NS
FEW: Final = 4
"""Up to so many outcomes each is asked for."""
_MARGIN_NS: Final = 60 * NS
_TRIES: Final = 5


class Held(NamedTuple):
    """What a wallet holds, and of which outcomes that is all; None is of every one."""

    positions: tuple[PositionStated, ...]
    of: frozenset[str] | None


class Statement:
    """Asks for each part; raises one of `CALL_ERRORS` where there is no answer."""

    def __init__(
        self, rest: Rest, ours: OurOrders, hearing: Hearing, redemptions: Redemptions
    ) -> None:
        """Nothing was asked."""
        self._rest, self._ours, self._hearing = rest, ours, hearing
        self._redemptions = redemptions

    async def orders(self, goes: Priority) -> tuple[OrderStated, ...]:
        """What works, whoever placed it."""
        return tuple(self._stated(order) for order in await self._rest.open_orders(goes))

    def _stated(self, order: Order) -> OrderStated:
        mine = self._ours.by_hash(order.id)
        if mine is None:
            qty_1e8 = amount_1e8(order.original_size, "order.original_size")
            filled_1e8 = amount_1e8(order.size_matched, "order.size_matched")
        else:
            qty_1e8, filled_1e8 = mine.qty_1e8, reports.matched_1e8(order, mine)
        return OrderStated(
            client_order_id="" if mine is None else mine.ours,
            broker_order_id=order.id,
            instrument=order.asset_id,
            side=order.side.upper(),
            qty_1e8=qty_1e8,
            filled_1e8=filled_1e8,
            price_1e8=amount_1e8(order.price, "order.price"),
        )

    async def positions(self, goes: Priority) -> Held:
        """What the chain has of each outcome, and what matched and is not on it yet.

        What the wallet holds beside what this run names only the data service lists. It lags behind
        the chain, and while it is away that is not known: the answer is then of what is named.
        """
        book = self._rest.session.book
        named = book.tokens
        listed = await self._listed(goes)
        found = {} if listed is None else dict(listed)
        found |= await self._on_the_chain(named, listed, goes)
        positions = tuple(
            PositionStated(instrument=token_id, qty_1e8=qty_1e8)
            for token_id, qty_1e8 in found.items()
            if qty_1e8 and book.worth_1e8(token_id) != 0  # nobody redeems what pays nothing
        )
        return Held(positions, of=frozenset(named) if listed is None else None)

    async def _on_the_chain(
        self, named: list[str], listed: Collection[str] | None, goes: Priority
    ) -> dict[str, int]:
        """What is held of each of the run's outcomes, with what matched and is not mined yet.

        A trade that is mined between the two questions would count twice, so that they are asked
        again until nothing was.
        """
        trades = await self._trades(goes)
        for _ in range(_TRIES):
            found = dict.fromkeys(named, 0)
            traded = {part.mine.token_id for trade in trades for part in self._hearing.parts(trade)}
            for token_id in self._likely(named, listed, traded):
                held = await self._rest.outcome_held(token_id, goes)
                found[token_id] = held.balance_1e8 + self._hearing.on_the_way(token_id, trades)
            under_way = self._under_way(trades)
            if not under_way:
                return found
            trades = await self._trades(goes)
            if under_way <= self._under_way(trades):
                return found
        raise malformed("positions", f"trades that stand still within {_TRIES} readings")

    def _under_way(self, trades: list[Trade]) -> set[str]:
        """Trades of ours that the wallet does not show yet."""
        pending = (trade for trade in trades if trade.word in reports.OFF_CHAIN)
        return {trade.id for trade in pending if self._hearing.parts(trade)}

    async def _trades(self, goes: Priority) -> list[Trade]:
        return await self._rest.trades(self._rest.now_ns() - DAY_NS, priority=goes)

    async def _listed(self, goes: Priority) -> dict[str, int] | None:
        """The wallet's holdings as the data service has them; None while it is away."""
        with contextlib.suppress(*CALL_ERRORS):
            rows = await self._rest.holdings(goes)
            return {row.asset: amount_1e8(row.size, "size") for row in rows}
        return None

    def _likely(
        self, named: list[str], listed: Collection[str] | None, traded: Collection[str] = ()
    ) -> list[str]:
        """Outcomes of the run that the wallet may hold: all where they are few.

        Of many only those that the data service lists, or that traded since it could know: each
        costs a call, and an entry waits for them. While that service is away it is all of them.
        """
        if len(named) <= FEW or listed is None:
            return named
        touched = self._hearing.touched
        return [each for each in named if each in listed or each in touched or each in traded]

    async def cash(self) -> CashStated:
        """The collateral, and what the outcomes are worth beside it."""
        held = await self._rest.collateral()
        worth_1e8 = 0
        named = self._rest.session.book.tokens
        listed = await self._listed(Priority.LOOK_UP) if len(named) > FEW else None
        for token_id in self._likely(named, listed):
            qty_1e8 = (await self._rest.outcome_held(token_id, Priority.LOOK_UP)).balance_1e8
            if qty_1e8:
                worth_1e8 += qty_1e8 * await self._one_1e8(token_id) // ONE_1E8
        cash_1e8 = held.balance_1e8
        return CashStated(
            equity_1e8=cash_1e8 + worth_1e8,
            cash_1e8=cash_1e8,
            buying_power_1e8=cash_1e8 if held.is_allowed else 0,
            at_ns=self._rest.now_ns(),
        )

    async def _one_1e8(self, token_id: str) -> int:
        """What one is worth: what it pays once that is known, between the best prices before."""
        decided_1e8 = self._rest.session.book.worth_1e8(token_id)
        return await self._rest.midpoint_1e8(token_id) if decided_1e8 is None else decided_1e8

    async def fills(self, after_ns: int, goes: Priority) -> tuple[Any, ...]:
        """Trades since, and how each is settled now; those that failed are taken back."""
        trades = await self._rest.trades(max(after_ns - _MARGIN_NS, 0), priority=goes)
        told = [
            self._hearing.fill(trade, part)
            for trade in trades
            for part in self._hearing.parts(trade)
        ]
        told += self._redemptions.since(after_ns)
        return tuple(sorted(told, key=lambda report: report.venue_ns))
